import json

import pytest
from tests.unit.people_server import (
    ADDRESS,
    OPERATOR,
    OTHER_PASSWORD,
    PASSWORD,
    Clock,
    commit_run,
    rows,
    signed_in,
)

from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import (
    AlreadyExists,
    InvalidArgument,
    PermissionDenied,
    TeamNotFound,
    Unauthenticated,
    UserNotFound,
)
from trackd_service.people import People
from trackd_service.principals import Caller
from trackd_service.sent_runs import SentRuns


def test_the_audit_has_every_change_newest_first_with_filters(people: People, clock: Clock) -> None:
    root = signed_in(people, "root", is_server_admin=True)
    for number in range(5):
        clock.pass_by(1)
        people.users.create(root, f"user{number}")
    people.teams.create(root, "red")
    entries = people.audit.entries(root)
    assert [entry.action for entry in entries][:3] == ["team.set_role", "team.create", "user.create"]
    assert [entry.time for entry in entries] == sorted((entry.time for entry in entries), reverse=True)
    assert (entries[1].actor, entries[1].address, entries[1].detail) == ("root", ADDRESS, {"by": "session"})
    made = people.audit.entries(root, action="user.create", by="root")
    assert [entry.subject for entry in made] == [f"user:user{number}" for number in reversed(range(5))]
    assert people.audit.entries(root, action="team.", subject="team:red") == entries[:2]
    pages, last = [], None
    while page := people.audit.entries(root, limit=2, before=last):
        pages += page
        last = page[-1]
    assert pages == entries
    assert people.audit.entries(root, by="x' OR 1=1 --\0") == []
    for limit in (0, 1001):
        with pytest.raises(InvalidArgument, match="it can be 1 to 1000"):
            people.audit.entries(root, limit=limit)
    with pytest.raises(PermissionDenied, match="to read the audit"):
        people.audit.entries(signed_in(people, "ada"))


def test_who_was_refused_is_audited_and_what_was_typed_as_a_name_is_not(people: People) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    people.users.create(OPERATOR, "bob", password=PASSWORD)
    people.users.disable(OPERATOR, "bob")
    for name in ("ada", "mypassword", "bob"):
        with pytest.raises(Unauthenticated):
            people.sessions.sign_in(name, PASSWORD if name == "bob" else "wrong", "192.0.2.9\nfake line\0")
    entries = people.audit.entries(OPERATOR, action="session.refuse")
    assert [entry.actor for entry in entries] == ["bob", "", "ada"]
    assert {entry.address for entry in entries} == {"192.0.2.9\ufffdfake line\ufffd"}
    assert "mypassword" not in repr(entries)


def test_a_change_that_fails_leaves_no_entry_and_an_entry_that_fails_no_change(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    people.teams.create(OPERATOR, "red")
    before = people.audit.entries(OPERATOR)
    for change in (
        lambda: people.users.create(OPERATOR, "ada"),
        lambda: people.teams.set_role(OPERATOR, "red", "nobody", "reader"),
        lambda: people.teams.remove(OPERATOR, "red", "ada"),
    ):
        with pytest.raises((AlreadyExists, UserNotFound, TeamNotFound)):
            change()
    people.users.enable(OPERATOR, "ada")
    people.users.set_server_admin(OPERATOR, "ada", is_server_admin=False)
    assert people.audit.entries(OPERATOR) == before

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no entry")

    with monkeypatch.context() as patch:
        patch.setattr("trackd_service.audit.note", fails)
        with pytest.raises(RuntimeError):
            people.users.set_password(OPERATOR, "ada", OTHER_PASSWORD)
        with pytest.raises(RuntimeError):
            people.teams.set_role(OPERATOR, "red", "ada", "admin")
    people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    assert people.teams.members(OPERATOR, "red") == []


def test_the_deletion_of_a_run_and_its_entry_are_one(people: People, catalog: Catalog) -> None:
    ada = signed_in(people, "ada")
    commit_run(catalog, "p")

    def fails(_tables: Tables) -> None:
        raise RuntimeError("no entry")

    with pytest.raises(RuntimeError):
        SentRuns(catalog).delete("p", "r", 5, fails)
    assert catalog.load_run("p", "r") is not None
    SentRuns(catalog).delete("p", "r", 5, people.audit.of_deletion(ada, "p", "r"))
    (entry,) = people.audit.entries(OPERATOR, action="run.delete")
    assert (entry.actor, entry.subject) == ("ada", "run:p/r")


def test_nothing_secret_stands_in_any_table_or_repr(people: People, clock: Clock, catalog: Catalog) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    session = people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    ada = Caller(session.principal, ADDRESS)
    key = people.keys.create(ada, "ada", "laptop")
    who = people.resolve_key(key.text, clock.now)
    people.sessions.change_password(ada, PASSWORD, OTHER_PASSWORD)
    with pytest.raises(Unauthenticated) as told:
        people.sessions.sign_in("ada", "a secret that is wrong", ADDRESS)
    again_session = people.sessions.sign_in("ada", OTHER_PASSWORD, ADDRESS)
    stored = rows(catalog)
    shown = repr((session, again_session, ada, key, who, people, people.keys.all(ada, "ada"), told.value))
    shown += repr((people.users.all(OPERATOR), people.audit.entries(OPERATOR)))
    assert key.key.id in stored
    for token in (key.text, session.token, again_session.token):
        secret = token[16:59]
        for text in (token, secret, secret[:20], secret.encode().hex()):
            assert text not in stored
            assert text not in shown
    for password in (PASSWORD, OTHER_PASSWORD, "a secret that is wrong"):
        assert password not in stored
        assert password not in shown
    assert "argon2id" not in shown
    assert json.dumps(PASSWORD)[1:-1].encode().hex() not in stored

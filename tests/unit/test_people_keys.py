import contextlib
import sqlite3
from typing import Any

import pytest
from tests.unit.people_server import (
    DAY,
    OPERATOR,
    SECOND,
    Clock,
    actions,
    again,
    signed_in,
    with_key,
)

from trackd_service import tokens
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import (
    InvalidArgument,
    KeyNotFound,
    PermissionDenied,
    StorageUnavailable,
    UserNotFound,
)
from trackd_service.people import People


def test_a_key_is_its_user_within_scope_and_limit(people: People, clock: Clock) -> None:
    ada = signed_in(people, "ada")
    people.teams.create(OPERATOR, "red")
    people.teams.set_role(OPERATOR, "red", "ada", "admin")
    for project in ("p", "q"):
        people.teams.assign(OPERATOR, project, "red")
    made = people.keys.create(ada, "ada", "laptop", project="p")
    assert (made.key.scope, made.key.expire_time - clock.now) == ("write", 90 * DAY)
    who = people.resolve_key(made.text, clock.now)
    assert who is not None
    assert (who.user, who.key_id, who.scope, who.project) == ("ada", made.key.id, "write", "p")
    assert (who.can_write("p"), who.can_administer("p"), who.can_read("q")) == (True, False, False)
    assert who.projects == {"p": "red"}
    people.teams.set_role(OPERATOR, "red", "ada", "reader")
    who = people.resolve_key(made.text, clock.now)
    assert who is not None
    assert (who.can_read("p"), who.can_write("p")) == (True, False)
    assert people.keys.all(ada, "ada") == people.keys.all(OPERATOR)
    assert people.keys.all(OPERATOR, "nobody") == people.keys.all(OPERATOR, "\0") == []


def test_a_key_ends_when_it_expires_is_revoked_or_its_user_is_disabled(people: People, clock: Clock) -> None:
    ada = signed_in(people, "ada")
    short = people.keys.create(ada, "ada", "a", lifetime_seconds=60)
    endless = people.keys.create(ada, "ada", "b", lifetime_seconds=None)
    assert people.resolve_key(short.text, clock.now + 60 * SECOND - 1) is not None
    assert people.resolve_key(short.text, clock.now + 60 * SECOND) is None
    assert people.resolve_key(endless.text, clock.now + 36_500 * DAY) is not None
    people.users.disable(OPERATOR, "ada")
    assert people.resolve_key(endless.text, clock.now) is None
    people.users.enable(OPERATOR, "ada")
    assert people.resolve_key(endless.text, clock.now) is not None
    people.keys.revoke(again(people, ada), endless.key.id)
    assert people.resolve_key(endless.text, clock.now) is None
    revoked = {key.id: key.revoke_time for key in people.keys.all(OPERATOR, "ada")}
    assert revoked == {endless.key.id: clock.now, short.key.id: 0}
    assert actions(people).count("key.revoke") == 1


def test_a_wrong_key_is_nobody_and_a_typo_asks_nothing(
    people: People, clock: Clock, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = people.keys.create(signed_in(people, "ada"), "ada", "a")
    stranger = tokens.make("trk_").text
    body = made.text[:16] + stranger[16:-6]
    forged = body + tokens._check_sum(body)
    assert tokens.mistake("trk_", forged) == ""
    assert people.resolve_key(stranger, clock.now) is None
    assert people.resolve_key(forged, clock.now) is None
    assert people.resolve_key(made.text, clock.now) is not None

    def asked() -> contextlib.AbstractContextManager[Tables]:
        pytest.fail("the catalog was asked")

    monkeypatch.setattr(catalog, "reading", asked)
    for text in ("", "trk_", made.text[:-1], made.text.swapcase(), f"{made.text}\0", "\ud800" * 65):
        assert people.resolve_key(text, clock.now) is None
        assert people.resolve_session(text, clock.now) is None


def test_keys_are_made_by_their_user_alone_and_revoked_by_holder_user_or_server_admin(
    people: People, clock: Clock
) -> None:
    root, ada, bob = (
        signed_in(people, "root", is_server_admin=True),
        signed_in(people, "ada"),
        signed_in(people, "bob"),
    )
    with pytest.raises(PermissionDenied, match="to make a key of another user"):
        people.keys.create(root, "ada", "a")
    people.keys.create(OPERATOR, "ada", "for a robot")
    first, second = with_key(people, ada, clock, scope="read"), with_key(people, ada, clock, scope="admin")
    for caller in (bob, second):
        with pytest.raises(KeyNotFound, match="that you may revoke"):
            people.keys.revoke(caller, first.principal.key_id)
    with pytest.raises(KeyNotFound):
        people.keys.revoke(root, "never\0")
    people.keys.revoke(first, first.principal.key_id)
    people.keys.revoke(root, second.principal.key_id)
    people.keys.revoke(root, second.principal.key_id)
    assert actions(people).count("key.revoke") == 2
    with pytest.raises(PermissionDenied):
        people.keys.all(bob, "ada")
    with pytest.raises(PermissionDenied):
        people.keys.all(bob)
    with pytest.raises(UserNotFound):
        people.keys.create(OPERATOR, "nobody", "a")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scope": "root"}, "scope is 'root'; it can be read, write or admin"),
        ({"lifetime_seconds": 0}, "lifetime is 0 s; it can be 1 to"),
        ({"lifetime_seconds": 10**12}, "or none at all"),
        ({"project": "a\nb"}, "printable ones"),
        ({"label": "a\nb"}, "it is one line of at most 100"),
        ({"label": "x" * 101}, "has 101 characters"),
    ],
)
def test_a_key_that_cannot_be_is_refused(people: People, fields: dict[str, Any], sentence: str) -> None:
    people.users.create(OPERATOR, "ada")
    with pytest.raises(InvalidArgument, match=sentence):
        people.keys.create(OPERATOR, "ada", **{"label": "a", **fields})
    assert people.keys.all(OPERATOR) == []


def test_the_use_of_a_key_is_written_once_a_minute_and_fails_no_request(
    people: People, clock: Clock, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = people.keys.create(signed_in(people, "ada"), "ada", "a").text

    def use_time() -> int:
        return people.keys.all(OPERATOR)[0].use_time

    first = clock.pass_by(5)
    assert people.resolve_key(text, clock.now) is not None
    assert use_time() == first
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "writing", lambda: pytest.fail("the use was written again"))
        assert people.resolve_key(text, clock.pass_by(59)) is not None
    people.resolve_key(text, clock.now - 3600 * SECOND)
    assert use_time() == first
    with monkeypatch.context() as patch:
        for error in (StorageUnavailable("full"), sqlite3.OperationalError("full")):

            def refused(error: Exception = error) -> contextlib.AbstractContextManager[Tables]:
                raise error

            patch.setattr(catalog, "writing", refused)
            assert people.resolve_key(text, first + 60 * SECOND) is not None
    assert people.resolve_key(text, first + 60 * SECOND) is not None
    assert use_time() == first + 60 * SECOND

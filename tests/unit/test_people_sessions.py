import contextlib
from collections.abc import Callable

import pytest
from tests.unit.people_server import (
    ADDRESS,
    DAY,
    OPERATOR,
    OTHER_PASSWORD,
    PASSWORD,
    SECOND,
    Clock,
    disabled_and_enabled,
    people_of,
    rows,
    signed_in,
    with_key,
)

from trackd_service import tokens
from trackd_service.catalog import Catalog
from trackd_service.errors import (
    InvalidArgument,
    PermissionDenied,
    TooManyAttempts,
    Unauthenticated,
)
from trackd_service.passwords import Passwords
from trackd_service.people import People
from trackd_service.principals import Caller
from trackd_service.users import Identity


def test_a_session_ends_12_hours_after_its_use_and_7_days_after_it_began(
    people: People, clock: Clock
) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    session = people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    began = clock.now
    assert session.expire_time == began + 7 * DAY
    found = people.resolve_session(session.token, clock.pass_by(3600))
    assert found == session.principal
    assert found is not None
    assert (found.user, found.scope, found.project, found.key_id) == ("ada", "admin", "", "")
    assert people.resolve_session(session.token, clock.now + 12 * 3600 * SECOND) is None
    while clock.pass_by(11 * 3600) < began + 7 * DAY:
        assert people.resolve_session(session.token, clock.now) is not None
    assert people.resolve_session(session.token, clock.now) is None
    assert people.resolve_session(session.token, began + 7 * DAY) is None
    assert people.resolve_session(session.token, began + 7 * DAY - 1) is not None


def test_a_session_is_known_by_its_secret_and_not_by_its_id(people: People, clock: Clock) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    token = people.sessions.sign_in("ada", PASSWORD, ADDRESS).token
    body = token[:16] + tokens.make("trs_").text[16:-6]
    forged = body + tokens._check_sum(body)
    assert tokens.mistake("trs_", forged) == ""
    assert people.resolve_session(forged, clock.now) is None
    assert people.resolve_session(token, clock.now) is not None
    assert people.resolve_key(token, clock.now) is None


def test_a_session_ends_at_sign_out_with_the_password_and_with_the_user(people: People, clock: Clock) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)

    def begin() -> tuple[str, Caller]:
        session = people.sessions.sign_in("ada", PASSWORD, ADDRESS)
        return session.token, Caller(session.principal, ADDRESS)

    (first, ada), (second, _) = begin(), begin()
    assert first != second
    people.sessions.sign_out(ada)
    people.sessions.sign_out(ada)
    assert people.resolve_session(first, clock.now) is None
    assert people.resolve_session(second, clock.now) is not None
    endings: list[Callable[[Caller], object]] = [
        lambda caller: people.sessions.end_all(caller, "ada"),
        lambda _: disabled_and_enabled(people, "ada"),
        lambda _: people.users.set_password(OPERATOR, "ada", PASSWORD),
        lambda caller: people.sessions.change_password(caller, PASSWORD, OTHER_PASSWORD),
    ]
    for end in endings:
        token, ada = begin()
        end(ada)
        assert people.resolve_session(token, clock.now) is None
    with pytest.raises(Unauthenticated):
        people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    people.sessions.sign_in("ada", OTHER_PASSWORD, ADDRESS)
    people.users.set_identity(OPERATOR, "ada", Identity("i", "s"))
    with pytest.raises(Unauthenticated):
        people.sessions.sign_in("ada", OTHER_PASSWORD, ADDRESS)


def test_why_somebody_may_not_come_in_is_not_told(people: People) -> None:
    for name in ("ada", "bob"):
        people.users.create(OPERATOR, name, password=PASSWORD)
    people.users.disable(OPERATOR, "bob")
    sentences = set()
    for name, password in (
        ("ada", "wrong"),
        ("bob", PASSWORD),
        ("nobody", PASSWORD),
        ("No Name\0", PASSWORD),
    ):
        with pytest.raises(Unauthenticated) as told:
            people.sessions.sign_in(name, password, f"192.0.2.{len(name)}")
        sentences.add((str(told.value), *told.value.metadata))
    assert len(sentences) == 1


def test_who_is_there_is_not_told_by_the_work_done(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    people.users.create(OPERATOR, "bob", password=PASSWORD)
    people.users.disable(OPERATOR, "bob")
    is_right, checks = Passwords.is_right, []

    def counted(self: Passwords, password_hash: str, password: str) -> bool:
        checks.append(password)
        return is_right(self, password_hash, password)

    monkeypatch.setattr(Passwords, "is_right", counted)
    for name in ("ada", "bob", "nobody", "No Name"):
        checks.clear()
        with pytest.raises(Unauthenticated):
            people.sessions.sign_in(name, "wrong", f"192.0.2.{len(name)}")
        assert checks == ["wrong"]


def test_a_hash_of_older_parameters_is_made_anew_at_sign_in(catalog: Catalog, clock: Clock) -> None:
    people_of(catalog, clock).users.create(OPERATOR, "ada", password=PASSWORD)
    newer = People(catalog, clock, Passwords(2, 16, 1))
    newer.sessions.sign_in("ada", PASSWORD, ADDRESS)
    assert "m=16,t=2,p=1" in rows(catalog)
    assert "m=8,t=1,p=1" not in rows(catalog)
    newer.sessions.sign_in("ada", PASSWORD, ADDRESS)


def test_a_person_known_elsewhere_comes_in_by_that_identity_alone(people: People, clock: Clock) -> None:
    identity = Identity("https://id.example", "7")
    people.users.create(OPERATOR, "ada", identity=identity)
    session = people.sessions.sign_in_identity(identity, ADDRESS)
    found = people.resolve_session(session.token, clock.now)
    assert found is not None
    assert found.user == "ada"
    for other in (
        Identity("https://id.example", "8"),
        Identity("https://other.example", "7"),
        Identity("", "\0"),
    ):
        with pytest.raises(Unauthenticated, match="no user of this server has that identity"):
            people.sessions.sign_in_identity(other, ADDRESS)
    people.users.disable(OPERATOR, "ada")
    with pytest.raises(Unauthenticated):
        people.sessions.sign_in_identity(identity, ADDRESS)


def test_a_password_is_changed_by_who_knows_it_and_has_signed_in(people: People, clock: Clock) -> None:
    ada = signed_in(people, "ada")
    with pytest.raises(InvalidArgument, match="it can have 12 to 1000"):
        people.sessions.change_password(ada, PASSWORD, "short")
    with pytest.raises(Unauthenticated):
        people.sessions.change_password(ada, "wrong", OTHER_PASSWORD)
    with pytest.raises(PermissionDenied):
        people.sessions.change_password(with_key(people, ada, clock, scope="admin"), PASSWORD, OTHER_PASSWORD)
    renewed = people.sessions.change_password(ada, PASSWORD, OTHER_PASSWORD)
    assert renewed.principal.session_id != ada.principal.session_id
    assert people.sessions.resolve(renewed.token, clock()) == renewed.principal
    people.sessions.sign_in("ada", OTHER_PASSWORD, ADDRESS)
    with pytest.raises(PermissionDenied):
        people.sessions.end_all(ada, "bob")


def test_five_wrong_passwords_a_minute_for_a_name_and_the_next_is_not_looked_at(
    people: People, clock: Clock
) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    for number in range(5):
        with pytest.raises(Unauthenticated):
            people.sessions.sign_in("ada", "wrong", f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts, match="wait 60 s") as told:
        people.sessions.sign_in("ada", PASSWORD, "192.0.2.9")
    assert told.value.metadata == {"retry_after_seconds": "60"}
    clock.pass_by(60)
    people.sessions.sign_in("ada", PASSWORD, "192.0.2.9")


def test_five_wrong_passwords_a_minute_from_an_address_whatever_the_names(people: People) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    for number in range(5):
        with pytest.raises(Unauthenticated):
            people.sessions.sign_in(f"name{number}", "wrong", f"2001:db8::{number}")
    with pytest.raises(TooManyAttempts):
        people.sessions.sign_in("ada", PASSWORD, "2001:db8::9")
    people.sessions.sign_in("ada", PASSWORD, "2001:db8:0:1::9")


def test_who_signs_in_rightly_is_not_held_up_but_gives_a_guesser_nothing_back(people: People) -> None:
    for name in ("ada", "eve"):
        people.users.create(OPERATOR, name, password=PASSWORD)
    for _ in range(20):
        people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    refused = 0
    for number in range(8):
        people_signs_in(people, "eve")
        with contextlib.suppress(Unauthenticated):
            try:
                people.sessions.sign_in(f"guess{number}", "wrong", ADDRESS)
            except TooManyAttempts:
                refused += 1
    assert refused == 3


def people_signs_in(people: People, name: str) -> None:
    with contextlib.suppress(TooManyAttempts):
        people.sessions.sign_in(name, PASSWORD, ADDRESS)


def test_what_is_over_is_tidied_away(people: People, clock: Clock, catalog: Catalog) -> None:
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    people.sessions.sign_in("ada", PASSWORD, ADDRESS)
    clock.pass_by(3600 * 11)
    session = people.sessions.sign_in("ada", PASSWORD, "192.0.2.8")
    people.tidy(clock.pass_by(3600))
    with catalog.reading() as tables:
        assert tables.execute("SELECT count(*) FROM sessions").fetchone()[0] == 1
        left = {subject for (subject,) in tables.execute("SELECT subject FROM sign_in_attempts").fetchall()}
    assert left == {"address:192.0.2.8", "name:ada"}
    assert people.resolve_session(session.token, clock.now) is not None

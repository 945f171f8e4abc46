import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.unit.people_server import ADDRESS, OPERATOR, OTHER_PASSWORD, PASSWORD, Clock, people_of, signed_in

from trackd_service.errors import (
    AlreadyExists,
    TooManyAttempts,
    Unauthenticated,
)
from trackd_service.passwords import Passwords
from trackd_service.people import People
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.principals import Caller, Principal


@pytest.fixture
def replicas(request: pytest.FixtureRequest, clock: Clock) -> Iterator[list[People]]:
    url = request.getfixturevalue("postgres").new_schema()
    catalogs = [PostgresCatalog(url), PostgresCatalog(url)]
    yield [people_of(catalog, clock) for catalog in catalogs]
    for catalog in catalogs:
        catalog.close()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Returns what calls answer that begin at one moment, or raise."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait(60)
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - what it was is looked at
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_teams_that_claim_a_project_at_once_are_told_the_same_owner(replicas: list[People]) -> None:
    callers = []
    for name in ("ada", "bob"):
        replicas[0].teams.create(OPERATOR, f"team-{name}")
        replicas[0].users.create(OPERATOR, name, password=PASSWORD)
        replicas[0].teams.set_role(OPERATOR, f"team-{name}", name, "writer")
        callers.append(Caller(replicas[0].sessions.sign_in(name, PASSWORD, ADDRESS).principal))
    for number in range(20):
        project = f"p{number}"
        first, second = at_once(
            lambda project=project: replicas[0].teams.claim(callers[0], project),  # type: ignore[misc]
            lambda project=project: replicas[1].teams.claim(callers[1], project),  # type: ignore[misc]
        )
        assert isinstance(first, Principal), first
        assert isinstance(second, Principal), second
        assert first.can_write(project) is not second.can_write(project)
    owned = [len(replicas[0].teams.projects(OPERATOR, f"team-{name}")) for name in ("ada", "bob")]
    assert sum(owned) == len(replicas[0].audit.entries(OPERATOR, action="project.claim")) == 20


def test_attempts_at_once_on_two_replicas_share_one_limit(replicas: list[People]) -> None:
    replicas[0].users.create(OPERATOR, "ada", password=PASSWORD)
    answers = at_once(
        *(
            lambda number=number: replicas[number % 2].sessions.sign_in("ada", "wrong", ADDRESS)
            for number in range(16)
        )
    )
    assert [type(answer) for answer in answers].count(Unauthenticated) == 5
    assert [type(answer) for answer in answers].count(TooManyAttempts) == 11


def test_no_session_outlives_a_password_that_is_changed_while_it_begins(
    replicas: list[People], clock: Clock
) -> None:
    replicas[0].users.create(OPERATOR, "ada", password=PASSWORD)
    passwords = [PASSWORD, OTHER_PASSWORD]
    for _ in range(10):
        former, new = passwords
        begun, changed = at_once(
            lambda former=former: replicas[0].sessions.sign_in("ada", former, ADDRESS),  # type: ignore[misc]
            lambda new=new: replicas[1].users.set_password(OPERATOR, "ada", new),  # type: ignore[misc]
        )
        assert changed is None
        if isinstance(begun, Exception):
            assert isinstance(begun, Unauthenticated), begun
        else:
            assert replicas[1].resolve_session(begun.token, clock.now) is None
        clock.pass_by(120)
        passwords.reverse()


def test_no_session_that_begins_while_its_user_is_disabled_is_there_when_the_user_is_enabled(
    replicas: list[People], clock: Clock
) -> None:
    replicas[0].users.create(OPERATOR, "ada", password=PASSWORD)
    for _ in range(10):
        begun, disabled = at_once(
            lambda: replicas[0].sessions.sign_in("ada", PASSWORD, ADDRESS),
            lambda: replicas[1].users.disable(OPERATOR, "ada"),
        )
        assert disabled is None
        replicas[1].users.enable(OPERATOR, "ada")
        if isinstance(begun, Exception):
            assert isinstance(begun, Unauthenticated), begun
        else:
            assert replicas[1].resolve_session(begun.token, clock.now) is None
        clock.pass_by(120)


def test_a_hash_made_anew_by_two_sign_ins_at_once_refuses_neither(
    clock: Clock, replicas: list[People]
) -> None:
    for number in range(5):
        replicas[0].users.create(OPERATOR, f"u{number}", password=PASSWORD)
        answers = at_once(
            *(
                lambda people=people, number=number: People(
                    people.users._catalog, clock, Passwords(2, 16, 1)
                ).sessions.sign_in(f"u{number}", PASSWORD, ADDRESS)
                for people in replicas
            )
        )
        assert not [answer for answer in answers if isinstance(answer, Exception)]


def test_a_user_disabled_by_one_replica_is_nobody_at_the_other_at_once(
    replicas: list[People], clock: Clock
) -> None:
    caller = signed_in(replicas[0], "ada")
    text = replicas[0].keys.create(caller, "ada", "a").text
    assert replicas[1].resolve_key(text, clock.now) is not None
    replicas[0].users.disable(OPERATOR, "ada")
    assert replicas[1].resolve_key(text, clock.now) is None


def test_a_name_is_taken_once_by_two_who_make_it_at_once(replicas: list[People]) -> None:
    for number in range(10):
        answers = at_once(
            *(
                lambda people=people, number=number: people.users.create(OPERATOR, f"u{number}")
                for people in replicas
            )
        )
        assert [type(answer) for answer in answers].count(AlreadyExists) == 1

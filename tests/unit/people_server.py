"""Owns what the tests of people share: a clock that they set, people in each kind of catalog, and users who come in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trackd_service.catalog import Catalog
from trackd_service.passwords import Passwords
from trackd_service.people import People
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.principals import Caller, Operator
from trackd_service.sqlite_catalog import SqliteCatalog

SECOND = 10**9
DAY = 86_400 * SECOND
OPERATOR = Operator()
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple of the battery"
ADDRESS = "192.0.2.7"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def pass_by(self, seconds: float) -> int:
        """Lets time pass; returns the new time."""
        self.now += int(seconds * SECOND)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Gives a clock that stands still."""
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """Gives an empty catalog of each kind."""
    if request.param == "sqlite":
        made: Catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    else:
        made = PostgresCatalog(request.getfixturevalue("postgres").new_schema())
    yield made
    made.close()


@pytest.fixture
def people(catalog: Catalog, clock: Clock) -> People:
    """Gives the people of a server that nobody is known to."""
    return people_of(catalog, clock)


def people_of(catalog: Catalog, clock: Clock) -> People:
    """Returns the people in a catalog, with passwords that cost nothing."""
    return People(catalog, clock, Passwords(1, 8, 1))


def signed_in(people: People, name: str, **fields: Any) -> Caller:
    """Makes a user, and returns the user as signed in."""
    people.users.create(OPERATOR, name, password=PASSWORD, **fields)
    return Caller(people.sessions.sign_in(name, PASSWORD, ADDRESS).principal, ADDRESS)


def again(people: People, caller: Caller) -> Caller:
    """Returns who has signed in with the roles of now."""
    return Caller(people.sessions.sign_in(caller.name, PASSWORD, ADDRESS).principal, ADDRESS)


def with_key(people: People, caller: Caller, clock: Clock, **fields: Any) -> Caller:
    """Returns the user as a new key."""
    principal = people.resolve_key(people.keys.create(caller, caller.name, "k", **fields).text, clock.now)
    assert principal is not None
    return Caller(principal, ADDRESS)


def disabled_and_enabled(people: People, name: str) -> None:
    """Shuts a user out, and lets the user in again."""
    people.users.disable(OPERATOR, name)
    people.users.enable(OPERATOR, name)


def rows(catalog: Catalog) -> str:
    """Returns everything that stands in the tables."""
    with catalog.reading() as tables:
        listed = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if isinstance(catalog, SqliteCatalog)
            else "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        names = [name for (name,) in tables.execute(listed).fetchall()]
        assert "api_keys" in names
        return repr([tables.execute(f"SELECT * FROM {name}").fetchall() for name in names])


def actions(people: People) -> list[str]:
    """Returns what was done, last first."""
    return [entry.action for entry in people.audit.entries(OPERATOR)]


def commit_run(catalog: Catalog, project: str) -> None:
    """Writes a run of a project."""
    catalog.commit_run(
        {"project": project, "run_id": "r", "state": "finished", "create_time": 1, "update_time": 2}, b""
    )

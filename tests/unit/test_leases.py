"""One of many holds a lease, for a bounded time, and what a holder writes that has lost it is not written."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.postgres_server import PostgresServer

from trackd_service.catalog import Catalog, PresetRow
from trackd_service.catalog_tables import Tables
from trackd_service.errors import StorageUnavailable
from trackd_service.leases import LeaseLost, Leases
from trackd_service.postgres_catalog import PostgresCatalog

SECOND = 1_000_000


def let_pass(catalog: Catalog, seconds: float) -> None:
    """Has all leases end so much earlier: the database's clock is nobody's to set."""
    with catalog.writing() as tables:
        tables.execute("UPDATE leases SET until = until - ?", (int(seconds * SECOND),))


@contextlib.contextmanager
def replicas(url: str, count: int) -> Iterator[list[PostgresCatalog]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(PostgresCatalog(url))) for _ in range(count)]


def write_preset(leases: Leases, catalog: Catalog, lease: Any) -> None:
    with catalog.writing() as tables:
        tables.execute("INSERT INTO presets VALUES ('mine', 'title', '{}') ON CONFLICT DO NOTHING")
        leases.check(tables, lease)


def test_a_lease_is_one_holders_until_it_is_given_back(catalog: Catalog) -> None:
    one, other = Leases(catalog, 60), Leases(catalog, 60)
    lease = one.take("work")
    assert lease is not None
    assert other.take("work") is None
    assert one.take("work") is None  # a process has several tasks
    assert other.take("other work") is not None
    one.give_back(lease)
    again = other.take("work")
    assert again is not None
    one.give_back(lease)  # for the second time, which takes nothing from the new holder
    assert other.renew(again)
    assert not one.renew(lease)


def test_the_lease_of_a_holder_that_has_died_ends_by_itself_and_one_that_is_renewed_does_not(
    catalog: Catalog,
) -> None:
    leases = Leases(catalog, 60)
    lease = leases.take("work")
    assert lease is not None
    let_pass(catalog, 50)
    assert leases.renew(lease)
    let_pass(catalog, 50)
    assert leases.take("work") is None
    let_pass(catalog, 10)
    taken = leases.take("work")
    assert taken is not None
    assert not leases.renew(lease)
    assert leases.renew(taken)


def test_what_is_written_under_a_lost_lease_is_not_kept(catalog: Catalog) -> None:
    leases = Leases(catalog, 60)
    lease = leases.take("work")
    let_pass(catalog, 60)
    with pytest.raises(LeaseLost):  # nobody has taken it, and yet somebody might have, and given it back
        write_preset(leases, catalog, lease)
    taken = leases.take("work")
    with pytest.raises(LeaseLost):
        write_preset(leases, catalog, lease)
    assert catalog.presets() == []
    write_preset(leases, catalog, taken)
    assert catalog.presets() == [PresetRow("mine", "title", "{}")]


def test_of_many_who_want_a_lease_at_once_one_gets_it(postgres: PostgresServer) -> None:
    with replicas(postgres.new_schema(), 4) as catalogs:
        for turn in range(20):
            barrier = threading.Barrier(len(catalogs))
            found: list[Any] = []

            def want(
                catalog: Catalog,
                turn: int = turn,
                barrier: threading.Barrier = barrier,
                found: list[Any] = found,
            ) -> None:
                barrier.wait(60)
                found.append(Leases(catalog, 60).take(f"work {turn // 2}"))

            if turn % 2:  # the second time, all find one that has ended
                let_pass(catalogs[0], 60)
            threads = [threading.Thread(target=want, args=(catalog,)) for catalog in catalogs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(found) == len(catalogs)
            assert sum(lease is not None for lease in found) == 1


def test_nobody_takes_a_lease_whose_holder_is_about_to_commit(postgres: PostgresServer) -> None:
    with replicas(postgres.new_schema(), 2) as (mine, theirs):
        leases = Leases(mine, 60)
        lease = leases.take("work")
        assert lease is not None
        taken: list[Any] = []
        taker = threading.Thread(target=lambda: taken.append(Leases(theirs, 60).take("work")))
        with mine.writing() as tables:
            leases.check(tables, lease)
            # It ends now, by the clock, before the transaction does; the taker waits for the row.
            tables.execute("UPDATE leases SET until = 0 WHERE name = 'work'")
            taker.start()
            wait_for_lock(mine)
            assert taken == []
            tables.execute("INSERT INTO presets VALUES ('mine', 'title', '{}')")
        taker.join(60)
        assert taken[0] is not None
        assert len(theirs.presets()) == 1
        with pytest.raises(LeaseLost):
            write_preset(leases, mine, lease)


def wait_for_lock(catalog: Catalog) -> None:
    """Waits until some transaction of the database waits for another one."""

    def is_waiting(tables: Tables) -> bool:
        return bool(tables.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0])

    for _ in range(100_000):
        with catalog.reading() as tables:
            if is_waiting(tables):
                return
    raise AssertionError("nobody waits for the transaction")


def test_a_lease_that_is_held_is_renewed_through_a_database_that_does_not_answer_for_a_moment(
    catalog: Catalog,
) -> None:
    leases = Leases(catalog, 0.6)
    refused: list[str] = []

    async def on_catalog(function: Callable[..., Any], *arguments: Any) -> Any:
        if function == leases.renew and len(refused) < 1:
            refused.append("once")
            raise StorageUnavailable("the database is away")
        return function(*arguments)

    async def work() -> None:
        async with leases.hold("work", on_catalog) as lease:
            assert lease is not None
            end = asyncio.get_running_loop().time() + 1.5  # longer than it would hold by itself
            while asyncio.get_running_loop().time() < end:
                assert Leases(catalog, 60).take("work") is None
                await asyncio.sleep(0.05)
            async with leases.hold("work", on_catalog) as second:
                assert second is None
        async with leases.hold("work", on_catalog) as again:
            assert again is not None

    asyncio.run(work())
    assert refused == ["once"]

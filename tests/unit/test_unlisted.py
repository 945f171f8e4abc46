"""A file that is listed is in the bucket: steps of daemons, servers and sweepers in any order, in both catalogs."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.postgres_server import PostgresServer

from trackd_service import unlisted
from trackd_service.catalog import Catalog
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.sent_runs import ReceivedRun, SentRuns
from trackd_service.unlisted import FilesGone, LookedTooLongAgo

HASHES = [f"{number:064x}" for number in range(4)]
Steps = Iterator[None]


def file_of(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256}"


FILES = [file_of(each) for each in HASHES]


class World:
    """A catalog, a bucket, and those who work with both, each a row of steps that others come between."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog = catalog
        self.random = random.Random(seed)
        # Crowded: many at once, of whom each is slow. Or few, over whom much time passes.
        self.is_crowded = seed % 2 == 0
        self.day, self.hour = (24, 1) if self.is_crowded else (96, 4)
        self.bucket: set[str] = set()
        self.now = 1000
        self.tasks: list[Steps] = []
        self.believed: set[str] = set()  # what daemons think that the bucket has
        self.requests: list[tuple[int, str]] = []  # to delete, under way: until when, and of what
        self.counts = dict.fromkeys(("taken", "refused", "busy", "deleted", "late"), 0)
        self._run_number = 0

    # -- a daemon ----------------------------------------------------------------------------------------------------

    def daemon(self) -> Steps:
        """Sends a run with a file or two: asks where to put them, puts them, and some time later tells of the run."""
        self._run_number += 1
        run_id = f"r{self._run_number % 3}"
        names = self.random.sample(HASHES if self.is_crowded else HASHES[:3], self.random.randrange(1, 3))
        for _ in range(4):
            wanted = [file_of(each) for each in names if file_of(each) not in self.believed]
            used = self.catalog.uses_of_project("p", names)
            yield
            if SentRuns(self.catalog).expect_files(
                [name for name in wanted if name.rpartition("/")[2] not in used]
            ):
                self.counts["busy"] += 1
                yield
                continue
            yield
            for name in wanted:
                if name.rpartition("/")[2] not in used:
                    self.bucket.add(name)
                    yield
            self.believed.update(wanted)
            yield
            looked, unknown = SentRuns(self.catalog).find_unlisted([file_of(each) for each in names])
            yield
            gone = [name for name in unknown if name not in self.bucket]
            yield
            try:
                if gone:
                    raise FilesGone(gone)
                self.receive(run_id, names, looked)
            except FilesGone as error:
                self.counts["refused"] += 1
                self.believed -= set(error.names)
            except LookedTooLongAgo:
                self.counts["late"] += 1
            else:
                self.counts["taken"] += 1
                return
            yield

    def receive(self, run_id: str, names: list[str], looked: int) -> None:
        document = {"project": "p", "run_id": run_id, "state": "finished", "create_time": 1, "update_time": 1}

        def made(*_: Any) -> ReceivedRun:
            return ReceivedRun(document, b"", [], dict.fromkeys(names, 1), [])

        SentRuns(self.catalog).receive("p", run_id, "0" * 16, b"x", lambda *_: True, made, looked)

    def delete_run(self) -> Steps:
        self.catalog.delete_run("p", f"r{self.random.randrange(3)}")
        yield

    # -- a sweeper ---------------------------------------------------------------------------------------------------

    def sweeper(self) -> Steps:
        """Sweeps once, or dies at any step; what it asks of the bucket may be done late, within its time."""
        found = SentRuns(self.catalog).find_unlisted(sorted(self.bucket))[1]
        yield
        self._write(lambda tables: unlisted.note(tables, found, self.now))
        yield
        mark = self.now
        names, _ = self._write(self._condemn)
        yield
        confirmed = []
        for name in names:
            if self.now > mark + self.hour // 2:
                break  # the deadline
            if self.random.random() < 0.5:
                self.requests.append((mark + self.hour, name))  # nobody hears of its end
            else:
                self.bucket.discard(name)
                self.counts["deleted"] += 1
                confirmed.append(name)
            yield
        self._write(lambda tables: unlisted.confirm(tables, confirmed, mark))
        yield
        self._write(lambda tables: unlisted.forget(tables, self.now - self.hour))

    def _condemn(self, tables: Any) -> tuple[list[str], int]:
        self.catalog.hold_listing(tables, is_alone=True)
        return unlisted.condemn(tables, self.now, self.now - self.day, self.now - 2 * self.hour, 100)

    def _write(self, function: Callable[[Any], Any]) -> Any:
        with self.catalog.writing() as tables:
            return function(tables)

    # -- time --------------------------------------------------------------------------------------------------------

    def pass_time(self) -> Steps:
        self.now += self.random.choice([1, 1, 1 if self.is_crowded else self.hour, 2 * self.hour, self.day])
        self._end_requests()
        yield

    def _end_requests(self) -> None:
        """Has requests be done that are under way: at any moment, and all whose time is over."""
        for until, name in list(self.requests):
            if until < self.now or self.random.random() < 0.3:
                self.requests.remove((until, name))
                self.bucket.discard(name)

    def step(self) -> None:
        if not self.tasks or (
            self.random.random() < 0.25 and len(self.tasks) < (15 if self.is_crowded else 6)
        ):
            more = self.daemon if self.is_crowded else self.sweeper
            kinds = (
                self.daemon,
                self.daemon,
                more,
                self.delete_run,
                self.delete_run,
                self.sweeper,
                self.pass_time,
            )
            self.tasks.append(self.random.choice(kinds)())
        task = self.random.choice(self.tasks)
        if next(task, self) is self or self.random.random() < 0.02:  # it ends, or dies
            self.tasks.remove(task)
        if self.random.random() < (0.1 if self.is_crowded else 0.02):
            self._end_requests()

    def check(self) -> None:
        listed = set(FILES) - set(SentRuns(self.catalog).find_unlisted(FILES)[1])
        assert listed <= self.bucket
        # Nor is any of it about to be deleted.
        assert not listed & {name for _, name in self.requests}


@pytest.mark.parametrize("seed", range(6))
def test_what_a_run_lists_is_in_the_bucket_whatever_comes_between(catalog: Catalog, seed: int) -> None:
    world = World(catalog, seed)
    for _ in range(1000 if isinstance(catalog, PostgresCatalog) else 5000):
        world.step()
        world.check()
    assert world.counts["taken"], world.counts
    if not isinstance(catalog, PostgresCatalog):  # which has fewer steps
        assert all(world.counts[name] for name in ("taken", "refused", "busy", "deleted")), world.counts


def test_a_file_that_is_used_again_waits_anew_and_is_kept(catalog: Catalog) -> None:
    world = World(catalog, 0)
    world.bucket.add(FILES[0])
    with catalog.writing() as tables:
        unlisted.note(tables, [FILES[0]], 0)
    world.receive("r0", HASHES[:1], 0)
    with catalog.writing() as tables:
        assert unlisted.condemn(tables, 100, 100, 0, 10) == ([], 0)
        unlisted.note(tables, [FILES[0]], 0)  # by a listing that was begun before
        assert unlisted.condemn(tables, 100, 100, 0, 10) == ([], 1)
        assert unlisted.condemn(tables, 100, 100, 0, 10) == ([], 0)


def test_nothing_is_listed_while_it_is_condemned_or_that_was_found_before_it_was_deleted(
    catalog: Catalog,
) -> None:
    world = World(catalog, 0)
    with catalog.writing() as tables:
        unlisted.note(tables, FILES, 0)
        assert unlisted.condemn(tables, 7, 0, 0, 10) == (sorted(FILES), len(FILES))
    assert SentRuns(catalog).expect_files(FILES) == sorted(FILES)
    with pytest.raises(FilesGone) as refused:
        world.receive("r0", HASHES[:2], 0)
    assert refused.value.names == sorted(FILES[:2])
    with catalog.writing() as tables:
        unlisted.confirm(tables, FILES[:2], 6)  # of an attempt that is none any more
    assert SentRuns(catalog).expect_files(FILES) == sorted(FILES)
    with catalog.writing() as tables:
        unlisted.confirm(tables, FILES[:2], 7)
    assert SentRuns(catalog).expect_files(FILES) == sorted(FILES[2:])
    with pytest.raises(FilesGone):
        world.receive("r0", HASHES[:2], 1)  # found before the second deletion, which was the one that counts
    looked, _ = SentRuns(catalog).find_unlisted(FILES)
    world.receive("r0", HASHES[:1], looked)
    with catalog.writing() as tables:
        unlisted.forget(tables, 8)
    with pytest.raises(LookedTooLongAgo):
        world.receive("r1", HASHES[1:2], looked - 1)
    world.receive("r1", HASHES[1:2], looked)


def test_a_file_is_not_condemned_beside_a_transaction_that_begins_to_list_it(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_schema()
    with contextlib.closing(PostgresCatalog(url)) as one, contextlib.closing(PostgresCatalog(url)) as other:
        with one.writing() as tables:
            unlisted.note(tables, [FILES[0]], 0)
        chosen: list[Any] = []

        def condemn() -> None:
            with other.writing() as tables:
                other.hold_listing(tables, is_alone=True)
                chosen.append(unlisted.condemn(tables, 100, 100, 0, 10))

        sweeping = threading.Thread(target=condemn)
        one.commit_run(
            {"project": "p", "run_id": "r", "state": "finished", "create_time": 1, "update_time": 1}, b""
        )
        with one.writing() as tables:
            one.hold_listing(tables, is_alone=False)
            unlisted.relist(tables, [FILES[0]], 0)
            sweeping.start()
            for _ in range(100_000):
                if tables.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                    break
            assert chosen == []
            tables.execute("INSERT INTO object_uses SELECT run_key, ?, 1 FROM runs", (HASHES[0],))
        sweeping.join(60)
        assert chosen == [([], 0)]

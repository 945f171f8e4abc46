"""Who follows a catalog follows the one that has come into its place from the start."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgres_server import PostgresServer

from trackd_service import catalog_copy
from trackd_service.bucket_files import BucketFiles, FindFacts
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.errors import BucketUnusable, RunNotFound, StorageUnavailable
from trackd_service.objects import DirectoryStore
from trackd_service.postgres_catalog import Place, PostgresCatalog
from trackd_service.query import Query
from trackd_service.replica import Replica
from trackd_service.run_sets import RunsQuestion
from trackd_service.runs import Run
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store
from trackd_service.transfers import Moved, Target, Transfer


def commit(catalog: PostgresCatalog, run_id: str, name: str) -> None:
    run = Run("p", run_id, create_time=1)
    run.name = name
    catalog.commit_run(run.dump(), run.summary.dump())


def drop_everything(url: str) -> None:
    """Leaves of a catalog what an operator leaves who makes the database anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        (schema,) = connection.execute("SELECT current_schema()").fetchone() or ("",)
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE; CREATE SCHEMA "{schema}"'.encode())


async def page(query: Query) -> list[tuple[str, str]]:
    answer: dict[str, Any] = await query.sets.page("p", RunsQuestion(columns=("name",)))
    return sorted(zip(answer["run_ids"], answer["columns"][0]["values"], strict=True))


async def test_a_replica_shows_the_catalog_that_was_restored_into_the_place_of_the_one_it_followed(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_schema()
    catalog = PostgresCatalog(url)
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)
    deleted: list[str] = []
    store.deleted = lambda _, run_id: deleted.append(run_id)
    replica = Replica(store, catalog, Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", ""), tmp_path)
    query = Query(store)
    commit(catalog, "a", "at first")
    commit(catalog, "b", "b")
    commit(catalog, "d", "d at first")
    catalog_copy.copy_to_file(catalog, tmp_path / "backup")
    commit(catalog, "a", "at last")
    commit(catalog, "c", "c")
    commit(catalog, "d", "d at last")
    await replica.look()
    assert (await query.run("p", "a")).run.name == "at last"
    assert [name for _, name in await page(query)] == ["at last", "b", "c", "d at last"]

    commit(catalog, "e", "seen by a reader, and by no look")
    await query.run("p", "e")

    drop_everything(url)
    with pytest.raises(StorageUnavailable, match="cannot be asked"):
        await replica.look()
    with (
        contextlib.closing(PostgresCatalog(url)) as restored,
        catalog_copy.opened_file(tmp_path / "backup") as source,
    ):
        catalog_copy.copy(source, restored)
        # The numbers of these commits are known, of other ones.
        commit(restored, "a", "since then")
        commit(restored, "d", "d since then")
    assert replica.running_count == 4
    await replica.look()
    assert replica.running_count == replica.run_count == 3
    assert (await query.run("p", "a")).run.name == "since then"
    assert await page(query) == [("a", "since then"), ("b", "b"), ("d", "d since then")]
    assert sorted(deleted) == ["c", "e"]
    # From then on it is followed as any other, once.
    with contextlib.closing(PostgresCatalog(url)) as other:
        commit(other, "a", "still followed")
    count = catalog.replacement_count
    await replica.look()
    assert (await query.run("p", "a")).run.name == "still followed"
    assert catalog.replacement_count == count == 1
    await replica.close()
    await store.close()


async def test_a_run_that_came_and_went_between_two_looks_is_not_shown_for_ever(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_schema()
    catalog, other = PostgresCatalog(url), PostgresCatalog(url)
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)
    replica = Replica(store, catalog, Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", ""), tmp_path)
    query = Query(store)
    await replica.look()
    commit(other, "a", "short-lived")
    assert (await query.run("p", "a")).run.name == "short-lived"
    SentRuns(other).delete("p", "a", 1)
    await replica.look()
    with pytest.raises(RunNotFound):
        await query.run("p", "a")
    await replica.close()
    await store.close()
    other.close()


class Gate:
    """Holds up whoever opens the segments of a run, the first time."""

    def __init__(self, store: Store) -> None:
        self._open = store._files.open_all
        store._files.open_all = self.pass_through  # type: ignore[method-assign, assignment]
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def pass_through(self, *arguments: Any) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()
        await self._open(*arguments)


@pytest.mark.parametrize("is_watched", [False, True])
async def test_a_run_that_was_written_while_it_was_read_is_shown_as_it_was_written(
    is_watched: bool, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_schema()
    catalog, other = PostgresCatalog(url), PostgresCatalog(url)
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)
    bucket = Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", "")
    replica = Replica(store, catalog, bucket, tmp_path, lambda: is_watched)
    query = Query(store)
    commit(other, "a", "first")
    await replica.look()
    gate = Gate(store)
    reading = asyncio.ensure_future(query.run("p", "a"))
    await gate.reached.wait()
    commit(other, "a", "second")
    await replica.look()
    gate.opened.set()
    assert (await reading).run.name == "second"
    assert (await query.run("p", "a")).run.name == "second"
    # A slow reader of the catalog does not put back what a later one has shown.
    gate = Gate(store)
    commit(other, "a", "third")
    refreshing = asyncio.ensure_future(store.refresh("p", "a"))
    await gate.reached.wait()
    commit(other, "a", "fourth")
    await replica.look()
    gate.opened.set()
    await refreshing
    assert (await query.run("p", "a")).run.name == "fourth"
    # Nor does one keep what was deleted.
    store._runs.clear()
    gate = Gate(store)
    reading = asyncio.ensure_future(query.run("p", "a"))
    await gate.reached.wait()
    SentRuns(other).delete("p", "a", 1)
    await replica.look()
    gate.opened.set()
    with pytest.raises(RunNotFound):
        await reading
    await replica.close()
    await store.close()
    other.close()


@pytest.mark.parametrize("behind", [1, 2**62])
def test_a_catalog_whose_transactions_have_begun_anew_is_told_whole(
    behind: int, postgres: PostgresServer
) -> None:
    """As after a recovery to an earlier moment, where the numbers of transactions are given out for the second time."""
    with contextlib.closing(PostgresCatalog(postgres.new_schema())) as catalog:
        commit(catalog, "a", "a")
        place = catalog.changes(None).place
        assert not catalog.changes(place).is_whole
        later = Place(place.incarnation, place.transaction + behind)
        assert catalog.changes(later).is_whole
        assert catalog.changes(later).written == [("p", "a", 1, True)]


def test_a_catalog_that_was_made_anew_from_a_dump_is_another_one(postgres: PostgresServer) -> None:
    """A dump holds the id, too."""
    with contextlib.closing(PostgresCatalog(postgres.new_schema())) as catalog:
        place, identity = catalog.changes(None).place, catalog.identity()
        with catalog.writing() as tables:
            tables.execute("CREATE TABLE dumped AS SELECT * FROM trackd_incarnation")
            tables.execute("DROP TABLE trackd_incarnation")
            tables.execute("ALTER TABLE dumped RENAME TO trackd_incarnation")
        assert catalog.identity() != identity
        assert catalog.changes(place).is_whole
        assert catalog.changes(catalog.changes(None).place).is_whole is False


def test_a_standby_that_has_taken_over_is_another_catalog_to_its_replicas(postgres: PostgresServer) -> None:
    """The timeline of the database is a part of what a catalog is known by: it changes at each such moment."""
    with contextlib.closing(PostgresCatalog(postgres.new_schema())) as catalog:
        assert catalog.changes(None).place.incarnation.endswith("00000001")


async def test_each_file_that_the_bucket_does_not_give_is_told_by_what_was_wrong(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "anything")
    catalog = PostgresCatalog(postgres.new_schema())
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)
    told: list[str] = []
    bucket = Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", "")
    replica = Replica(store, catalog, bucket, tmp_path, note_failure=told.append)
    assert store.elsewhere is not None
    with pytest.raises(BucketUnusable):
        await store.elsewhere.fetch(["files/aa/" + "a" * 64])
    assert told == ["unreachable"]
    await replica.close()
    await store.close()


class Waiting:
    """Stands in for the process that fetches: it notes what it is given, and fetches when it is let."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.failing: dict[str, BucketError] = {}
        self.let, self.begun = asyncio.Event(), asyncio.Event()

    async def run(self, _: object, __: object, transfers: Sequence[Transfer]) -> list[Moved]:
        self.given.append([transfer.name for transfer in transfers])
        self.begun.set()
        await self.let.wait()
        return [Moved(transfer.name, 1, error=self.failing.get(transfer.name)) for transfer in transfers]

    async def abort(self) -> None:
        self.let.set()


async def test_what_many_wait_for_is_fetched_together_and_nobody_waits_for_all_that_another_wants(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    catalog = PostgresCatalog(postgres.new_schema())
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)

    async def find_facts(names: Sequence[str]) -> dict[str, tuple[int, str]]:
        return dict.fromkeys(names, (1, "0" * 64))

    bucket = Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", "")
    files = BucketFiles(store, Target(bucket, tmp_path), find_facts)
    worker = files._worker = Waiting()  # type: ignore[assignment]
    first = asyncio.ensure_future(files.fetch(["segments/0.levels"]))
    await worker.begun.wait()
    many = [f"segments/{number}.levels" for number in range(1, 1001)]
    long = asyncio.ensure_future(files.fetch(many))
    short = asyncio.ensure_future(files.fetch(["segments/x.levels", "segments/5.levels"]))
    bad = asyncio.ensure_future(files.fetch(["segments/y.levels"]))
    worker.failing["segments/y.levels"] = BucketError("unreachable", "no answer")
    await asyncio.sleep(0)  # each of them puts what it wants into the queue, and waits
    assert len(files._queue) == 3
    worker.let.set()
    await asyncio.gather(first, short)
    with pytest.raises(BucketUnusable, match="no answer"):
        await bad
    await long
    assert worker.given[0] == ["segments/0.levels"]
    assert {"segments/x.levels", "segments/y.levels", "segments/5.levels"} <= set(worker.given[1])
    assert {len(names) for names in worker.given[1:-1]} == {64}
    fetched = [name for names in worker.given for name in names]
    assert sorted(fetched) == sorted(["segments/0.levels", *many, "segments/x.levels", "segments/y.levels"])
    # What cannot be looked up is told to whoever waits, and what comes afterwards is fetched.
    files._find_facts = fail_once(find_facts)
    with pytest.raises(StorageUnavailable):
        await files.fetch(["segments/z.levels"])
    await files.fetch(["segments/z.levels"])
    await files.close()
    await store.close()


def fail_once(find: FindFacts) -> FindFacts:
    calls: list[int] = []

    async def found(names: Sequence[str]) -> dict[str, tuple[int, str]]:
        calls.append(1)
        if len(calls) == 1:
            raise StorageUnavailable("the catalog cannot be asked")
        return await find(names)

    return found


async def test_many_runs_of_one_question_are_read_together_and_as_they_were_written_last(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_schema()
    catalog, other = PostgresCatalog(url), PostgresCatalog(url)
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path)
    replica = Replica(store, catalog, Bucket.parse("s3://bucket/p", "http://127.0.0.1:1", "", ""), tmp_path)
    names = [f"run{number}" for number in range(300)]
    for name in names:
        commit(other, name, f"{name} at first")
    await replica.look()
    asked: list[int] = []
    load_runs = catalog.load_runs

    def noted(project: str, run_ids: Sequence[str]) -> Any:
        asked.append(len(run_ids))
        return load_runs(project, run_ids)

    catalog.load_runs = noted  # type: ignore[method-assign]
    gate = Gate(store)
    reading = asyncio.ensure_future(store.make_ready("p", [*names, "none"]))
    await gate.reached.wait()
    held = next(iter(store._loading))[1]
    commit(other, held, "at last")
    await replica.look()
    gate.opened.set()
    await reading
    assert [count for count in asked if count > 1] == [128, 128, 45]
    for name in names:
        assert store.is_in_memory("p", name)
        assert (await store.get("p", name)).run.name == ("at last" if name == held else f"{name} at first")
    await replica.close()
    await store.close()
    other.close()

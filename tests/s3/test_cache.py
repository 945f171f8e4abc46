"""The cache of a replica holds to its bound: what was not read for long goes, and no reader notices."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from tests.postgres_server import PostgresServer, postgres
from tests.s3.replicas import Shown, replicas, send
from tests.s3.s3_servers import S3Server
from tests.s3.test_compactor import Daemon, Values, pairs_of, values_of
from tests.s3.uploading import PROJECT, clear_environment

from trackd_service.bucket_requests import Bucket
from trackd_service.cache import Cache
from trackd_service.objects import DirectoryStore

__all__ = ["postgres"]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def bucket(bucket_url: str, s3_server: S3Server) -> Bucket:
    """Gives the test's place in the bucket."""
    return Bucket.parse(bucket_url, s3_server.endpoint_url, "", "")


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def points(shown: Shown, run_id: str) -> Values:
    """Returns all points of a run, as readers of the one in memory read it."""
    stored = await shown.store.get(PROJECT, run_id)
    keys = list(stored.metrics())
    series = await stored.read(keys)
    return {(one.key, one.kind): pairs_of(one) for one in series}


def test_readers_of_runs_do_not_notice_that_files_have_gone(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            folder = tmp_path / "0" / "objects"
            objects = DirectoryStore(folder)
            for run_id in ("one", "two"):
                daemon = Daemon(bucket, tmp_path / run_id, run_id)
                for place in range(3):
                    daemon.seal(place * 4, count=400)
                await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            expected = {run_id: (await values_of(one, run_id))[1] for run_id in ("one", "two")}
            assert len(files_of(folder)) == 2 * 3 * 2
            # What somebody has asked for a moment ago stays, whatever the bound.
            cache = Cache(objects, one.replica.files, 1)
            assert await cache.look() == 0
            assert len(files_of(folder)) == 2 * 3 * 2
            cache = Cache(objects, one.replica.files, 1, used_seconds=0)
            assert await cache.look() == 2 * 3 * 2
            assert files_of(folder) == set()
            # Levels that are open serve on, and points are fetched again.
            assert {run_id: await points(one, run_id) for run_id in expected} == expected
            assert {name.rpartition(".")[2] for name in files_of(folder)} == {"parquet"}
            await cache.look()
            # And runs that are loaded anew fetch their levels.
            one.store._runs.clear()
            assert {run_id: await points(one, run_id) for run_id in expected} == expected
            assert len(files_of(folder)) == 2 * 3 * 2
            # While files go, readers come: each finds all.
            for _ in range(5):
                one.store._runs.clear()
                reads = [points(one, run_id) for run_id in ("one", "two", "one", "two")]
                await cache.look()
                _, *found = await asyncio.gather(cache.look(), *reads)
                assert found == [expected[run_id] for run_id in ("one", "two", "one", "two")]
                cache._known_bytes = None
            stored = await one.store.get(PROJECT, "one")
            assert stored.run.health.message == ""

    asyncio.run(work())


def test_what_was_not_read_for_the_longest_time_goes_first_also_after_a_restart(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            objects = DirectoryStore(tmp_path / "0" / "objects")
            names = [f"files/{number:02x}/{number:064x}" for number in range(10)]
            for age, name in enumerate(names):
                objects.put(name, bytes(100))
                path = objects.root / name
                os.utime(
                    path, (1_700_000_000 - age, 1_600_000_000)
                )  # the last ones were read the longest time ago
            abandoned = objects.root / "files" / ".0123.part"
            abandoned.write_bytes(b"half")
            os.utime(abandoned, (1, 1))
            files = one.replica.files
            cache = Cache(objects, files, 1000, used_seconds=0)
            assert await cache.look() == 0
            assert not abandoned.exists()
            assert cache.size_bytes == 1000
            files.use([names[9]])
            files.fetched_bytes += 1
            objects.put("files/ff/new", b"x")
            assert await cache.look() == 2  # down to nine tenths
            assert set(objects.list("files/")) == {*names[:7], names[9], "files/ff/new"}
            assert cache.size_bytes == 801
            # Times of writing stay, by which open files are known again.
            assert (objects.root / names[9]).stat().st_mtime == 1_600_000_000
            # Another process knows when files were read.
            assert await Cache(objects, files, 300, used_seconds=0).look() == 6
            assert names[9] in objects.list("files/")

    asyncio.run(work())


def test_a_file_that_is_going_is_fetched_again_once_it_is_gone(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            daemon.seal(0)
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            name = daemon.segments[0].files()[0][0]
            files, path = one.replica.files, one.store.object_file(name)
            await one.store._files.need([name])
            with files.going([name]):
                needing = asyncio.ensure_future(one.store._files.need([name]))
                await asyncio.sleep(0)
                assert not needing.done()
                path.unlink()
            await needing
            assert path.is_file()
            assert files.is_used(name, 60)

    asyncio.run(work())

"""Files that no run lists leave the bucket of a team server after their time, and no other ones; over real servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.postgres_server import PostgresServer, postgres
from tests.s3.replicas import Shown, replicas, send
from tests.s3.s3_servers import S3Server
from tests.s3.test_compactor import Daemon, compactor, values_of
from tests.s3.uploading import PROJECT, BucketContent, clear_environment, delete_objects, put_object

from trackd_service import bucket_owner, server_command, transfers
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.errors import BucketUnusable, ObjectMissing
from trackd_service.leases import Leases
from trackd_service.receiver import Receiver
from trackd_service.sent_runs import SentRuns
from trackd_service.sweeper import Sweeper
from trackd_service.transfers import SentFile, Target

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["postgres"]
ORPHAN = f"files/ab/ab{'0' * 62}"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def bucket(bucket_url: str, s3_server: S3Server) -> Bucket:
    """Gives the test's place in the bucket."""
    return Bucket.parse(bucket_url, s3_server.endpoint_url, "", "")


@contextlib.asynccontextmanager
async def sweeper(shown: Shown, **options: Any) -> AsyncIterator[Sweeper]:
    made = Sweeper(
        *(shown.store, shown.catalog, shown.replica.target, Leases(shown.catalog)),
        **{"list_seconds": 0, **options},
    )
    try:
        yield made
    finally:
        await made.close()


def files_of(raw: S3Client, bucket_url: str) -> set[str]:
    """Returns what is in the bucket, but for the mark of its catalog."""
    return set(BucketContent.read(raw, bucket_url).objects) - {bucket_owner.NAME}


def pass_by(shown: Shown, seconds: float) -> None:
    """Has everything that stands in the catalog of files be so much older: nobody sets the database's clock."""
    with shown.catalog.writing() as tables:
        shift = int(seconds * 1e6)
        tables.execute("UPDATE unlisted SET since = since - ?", (shift,))
        tables.execute(
            "UPDATE unlisted SET condemn_time = condemn_time - ? WHERE condemn_time <> 0", (shift,)
        )


DAY, HOUR = 86_401.0, 3601.0


def test_what_was_merged_compacted_deleted_or_never_told_of_goes_after_a_day_and_nothing_else(
    bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    def there() -> set[str]:
        return files_of(raw, bucket_url)

    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            kept, gone = (Daemon(bucket, tmp_path / run_id, run_id) for run_id in ("kept", "gone"))
            for daemon in (kept, gone):
                for place in range(6):
                    daemon.seal(place * 4)
                await asyncio.to_thread(send, one.catalog, daemon.manifest())
            put_object(raw, bucket_url, ORPHAN, b"never told of")
            kept.merge(2)
            await asyncio.to_thread(send, one.catalog, kept.manifest("finished"))
            values = (await values_of(one, "kept"))[1]
            async with compactor(one, tmp_path / "c") as merging, sweeper(one) as sweeping:
                assert await merging.look() == 1
                # Deleted behind it, so that its compaction is void, and its files are nobody's.
                kept.merge(2)
                await asyncio.to_thread(send, one.catalog, kept.manifest("finished"))
                assert await merging.look() == 1
                await asyncio.to_thread(SentRuns(one.catalog).delete, PROJECT, "gone", 1)
                before = there()
                assert await sweeping.look() == 0
                assert there() == before
                pass_by(one, DAY - 60)
                assert await sweeping.look() == 0
                pass_by(one, 61)
                count = await sweeping.look()
                found = await asyncio.to_thread(one.catalog.load_run, PROJECT, "kept")
                assert found is not None
                listed = {name for segment in kept.segments for name, _, _ in segment.files()}
                listed |= {
                    f"segments/{row.name}.{ending}" for row in found[2] for ending in ("parquet", "levels")
                }
                assert there() == listed
                assert count == len(before - listed) > 20
                assert await values_of(one, "kept") == (1, values)
                pass_by(one, HOUR)
                assert await sweeping.look() == 0
                with one.catalog.reading() as tables:
                    assert tables.execute("SELECT count(*) FROM unlisted").fetchone()[0] == 0

    asyncio.run(work())


def test_the_bucket_is_listed_once_a_day_page_by_page_and_by_one_replica(
    bucket_url: str,
    bucket: Bucket,
    raw: S3Client,
    postgres: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trackd_service.sweeper._PAGE_NAMES", 2)
    names = [f"files/{number:02x}/{number:02x}{'0' * 62}" for number in range(5)]

    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            for name in names:
                put_object(raw, bucket_url, name, b"x")
            async with sweeper(one, list_seconds=DAY) as mine, sweeper(other, list_seconds=DAY) as theirs:
                pages: list[Any] = []
                for each in (mine, theirs):
                    note_calls(each, pages)
                await asyncio.gather(mine.look(), theirs.look())
                listings = [call for call in pages if call[2] in ("files/", "segments/")]
                assert [(call[2], call[3]) for call in listings] == [
                    *(("files/", after) for after in ("", names[1], names[3], names[4])),
                    ("segments/", ""),
                ]
                await mine.look()
                assert [call for call in pages if call[2] in ("files/", "segments/")] == listings
                pass_by(one, DAY)
                assert await mine.look() + await theirs.look() == len(names)
                assert files_of(raw, bucket_url) == set()

    asyncio.run(work())


def note_calls(sweeping: Sweeper, calls: list[Any]) -> None:
    run = sweeping._worker.run

    async def noted(function: Callable[..., Any], *arguments: Any) -> Any:
        calls.append((function, *arguments))
        return await run(function, *arguments)

    sweeping._worker.run = noted  # type: ignore[method-assign, assignment]


class Killed(BaseException):
    """The replica dies here."""


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_replica_that_dies_while_it_deletes_leaves_the_rest_to_the_next_one(
    is_deleted: bool, bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            put_object(raw, bucket_url, ORPHAN, b"x")
            async with sweeper(one) as mine, sweeper(other) as theirs:
                await mine.look()
                pass_by(one, DAY)
                run = mine._worker.run

                async def die(function: Callable[..., Any], *arguments: Any) -> Any:
                    if function is not transfers.delete_before:
                        return await run(function, *arguments)
                    if is_deleted:
                        await run(function, *arguments)
                    raise Killed

                mine._worker.run = die  # type: ignore[method-assign, assignment]
                with pytest.raises(Killed):
                    await mine.look()
                # Its request may still be under way: nobody may put the file, and nobody takes it as there.
                assert await theirs.look() == 0
                receiver = Receiver(other.store, other.catalog, other.replica.target)
                file = SentFile(ORPHAN, ORPHAN.rpartition("/")[2], 1)
                with pytest.raises(BucketUnusable, match="are being deleted from the bucket just now"):
                    await receiver.sign(PROJECT, "one", [file])
                pass_by(one, HOUR)
                assert await theirs.look() == 1
                assert files_of(raw, bucket_url) == set()
                assert await receiver.sign(PROJECT, "one", [file]) != [None]
                await receiver.close()

    asyncio.run(work())


def test_no_request_is_made_after_its_time(
    bucket_url: str, bucket: Bucket, raw: S3Client, tmp_path: Path
) -> None:
    put_object(raw, bucket_url, ORPHAN, b"x")
    target = Target(bucket, tmp_path / "uploads")
    over = transfers.Deadline.after(-1)
    assert transfers.delete_before(target, [ORPHAN], over) == ([], None)
    later = transfers.Deadline.after(60)
    for half in (
        transfers.Deadline(over.wall_seconds, later.boot_seconds),
        transfers.Deadline(later.wall_seconds, over.boot_seconds),
    ):
        assert transfers.delete_before(target, [ORPHAN], half) == ([], None)
    assert ORPHAN in BucketContent.read(raw, bucket_url).objects
    assert transfers.delete_before(target, [ORPHAN, ORPHAN], later) == ([ORPHAN, ORPHAN], None)
    assert files_of(raw, bucket_url) == set()
    nowhere = Target(Bucket.parse(bucket.url, "http://127.0.0.1:9", "", ""), tmp_path / "uploads")
    deleted, error = transfers.delete_before(nowhere, [ORPHAN], later)
    assert deleted == []
    assert isinstance(error, BucketError)


def test_a_bucket_that_stores_upload_to_by_themselves_is_left_alone(
    bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,), sweeper(one) as mine:
            put_object(raw, bucket_url, ORPHAN, b"x")
            await mine.look()
            pass_by(one, DAY)
            put_object(raw, bucket_url, f"runs/{'0' * 16}/{'1' * 16}.json", b"{}")
            assert await mine.look() == 0
            assert "it has manifests of stores that upload to it by themselves" in mine.sentence
            assert ORPHAN in BucketContent.read(raw, bucket_url).objects
            delete_objects(raw, bucket_url, f"runs/{'0' * 16}/{'1' * 16}.json")
            assert await mine.look() == 1
            assert mine.sentence == ""

    asyncio.run(work())


def test_a_manifest_whose_files_are_gone_is_refused_and_taken_once_they_are_there_again(
    bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def allow(_: str) -> None: ...

    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,), sweeper(one) as mine:
            receiver = Receiver(one.store, one.catalog, one.replica.target)
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            daemon.seal(0)
            manifest = daemon.manifest("finished")  # its files are put, and then it sleeps for two days
            await mine.look()
            pass_by(one, DAY)
            assert await mine.look() == 2
            names = {name for name, _, _ in daemon.segments[0].files()}
            with pytest.raises(ObjectMissing) as refused:
                await receiver.commit(manifest.dump(), allow)
            assert set(refused.value.metadata["files"].split()) == names
            assert one.catalog.load_run(PROJECT, "one") is None
            daemon.put_names.clear()
            assert await receiver.commit(daemon.manifest("finished").dump(), allow)
            # What the server has of the run need not be put again, however often it is asked.
            files = [SentFile(name, digest, size) for name, size, digest in daemon.segments[0].files()]
            assert await receiver.sign(PROJECT, "one", files) == [None, None]
            assert await mine.look() == 0
            pass_by(one, DAY)
            assert await mine.look() == 0
            assert names == files_of(raw, bucket_url)
            await receiver.close()

    asyncio.run(work())


def test_nothing_is_deleted_from_a_bucket_of_another_catalog_until_it_is_claimed(
    bucket_url: str,
    bucket: Bucket,
    raw: S3Client,
    s3_server: S3Server,
    postgres: PostgresServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> None:
        first_url, second_url = postgres.new_schema(), postgres.new_schema()
        async with replicas(first_url, bucket, tmp_path / "first", 1) as (one,), sweeper(one) as rightful:
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            daemon.seal(0)
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            assert await rightful.look() == 0
            listed = files_of(raw, bucket_url)
            assert len(listed) == 2
        async with replicas(second_url, bucket, tmp_path / "second", 1) as (two,), sweeper(two) as mine:
            put_object(raw, bucket_url, ORPHAN, b"x")
            for mark in (None, b"{}", b"nothing that can be read"):
                if mark is not None:
                    put_object(raw, bucket_url, bucket_owner.NAME, mark)
                for _ in range(2):  # an empty catalog, to which everything is garbage
                    assert await mine.look() == 0
                    pass_by(two, DAY)
                assert "nothing is deleted" in mine.sentence
            assert files_of(raw, bucket_url) == {*listed, ORPHAN}
            arguments = [
                "--catalog",
                second_url,
                "--store",
                bucket_url,
                "--endpoint-url",
                s3_server.endpoint_url,
            ]
            assert await asyncio.to_thread(server_command.main, ["claim-bucket", *arguments]) == 0
            assert await mine.look() == 0
            assert mine.sentence == ""
            pass_by(two, DAY)
            assert await mine.look() == 3

    asyncio.run(work())
    assert capsys.readouterr().err == ""

"""Replicas merge the many small segments of runs, over real servers: no point changes, and no crash costs one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pytest
from tests.postgres_server import PostgresServer, postgres
from tests.s3.replicas import Shown, manifests_of, replicas, send
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import (
    PROJECT,
    BucketContent,
    UploadStore,
    clear_environment,
    delete_objects,
    flipped,
    put_object,
    row,
)

from trackd_service import segments, transfers
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.catalog_tables import SegmentRow
from trackd_service.compactor import SEGMENTS_MIN, Compactor
from trackd_service.leases import Leases
from trackd_service.manifests import Manifest, SentSegment, run_folder
from trackd_service.records import Begin, Update
from trackd_service.runs import Run
from trackd_service.series import Series, merge
from trackd_service.summary import Summary
from trackd_service.transfers import Target, Transfer

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["postgres"]
STEPS = 40
Values = dict[tuple[str, str], list[tuple[int, Any]]]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def bucket(bucket_url: str, s3_server: S3Server) -> Bucket:
    """Gives the test's place in the bucket."""
    return Bucket.parse(bucket_url, s3_server.endpoint_url, "", "")


@contextlib.asynccontextmanager
async def compactor(shown: Shown, folder: Path, **options: Any) -> AsyncIterator[Compactor]:
    made = Compactor(
        shown.store,
        shown.catalog,
        shown.replica.target,
        folder / "compacting",
        Leases(shown.catalog),
        **{"settle_seconds": 0, "ended_settle_seconds": 0, **options},
    )
    try:
        yield made
    finally:
        await made.close()


async def values_of(shown: Shown, run_id: str) -> tuple[int, Values]:
    """Returns how many segments a run has, as a replica reads it from now on, and all its points."""
    await shown.store.refresh(PROJECT, run_id)
    stored = await shown.store.get(PROJECT, run_id)
    keys = list(stored.metrics())
    series = await stored.read(keys)
    return len(stored.segments), {(one.key, one.kind): pairs_of(one) for one in series}


def pairs_of(series: Series) -> list[tuple[int, Any]]:
    """Returns the points of a series as (step, value)."""
    return list(zip(series.steps.tolist(), _plain(series), strict=True))


def _plain(one: Series) -> list[Any]:
    if one.strings is not None:
        return list(one.strings)
    assert one.doubles is not None
    values: list[float] = one.doubles.tolist()
    return values


class Daemon:
    """What a daemon does with a bucket and a server, step by step: segments that are made here, and manifests."""

    def __init__(self, bucket: Bucket, scratch: Path, run_id: str, number: int = 1) -> None:
        self.run = Run(PROJECT, run_id, 1_000 + number)
        begin = Begin(
            PROJECT, run_id, f"{number:032x}", "primary", Update(), {"host": "n"}, False, "", "", None
        )
        self.writer = self.run.open_writer(begin, 1_000, 0)
        self.number = number
        self.scratch = scratch
        self.target = Target(bucket, scratch / "uploads")
        self.segments: list[SentSegment] = []
        self.write_count = self.seal_count = 0
        self.put_names: set[str] = set()
        scratch.mkdir(parents=True, exist_ok=True)

    def seal(self, first_step: int, count: int = 5, keys: tuple[str, ...] = ("a", "b")) -> None:
        """Seals a segment; its values say by whom and when they were written."""
        steps = np.arange(first_step, first_step + count)
        stamp = self.number * 1_000.0 + self.seal_count
        self.seal_count += 1
        series = [
            Series(key, "number", steps, steps + 5, steps.astype(np.float64) * 1e6 + stamp) for key in keys
        ]
        info = segments.write_segment(series, self.scratch, uuid4().hex)
        position = self.segments[-1].row.position + 1 if self.segments else 0
        self.segments.append(self._keep(info, position))

    def merge(self, count: int) -> None:
        """Makes one segment in the place of the newest ones."""
        chosen = self.segments[-count:]
        paths = [self.scratch / f"{Path(each.row.name).name}.parquet" for each in chosen]
        info = segments.merge_segments(paths, self.scratch, uuid4().hex)
        self.segments[-count:] = [self._keep(info, chosen[0].row.position)]

    def _keep(self, info: segments.SegmentInfo, position: int) -> SentSegment:
        name = f"{run_folder(PROJECT, self.run.run_id)}/{info.name}"
        row = SegmentRow(name, position, info.point_count, info.size_bytes)
        one, other = info.parquet_path.read_bytes(), info.levels_path.read_bytes()
        sums = (hashlib.sha256(data).hexdigest() for data in (one, other))
        return SentSegment(row, len(one), next(sums), len(other), next(sums))

    def manifest(self, state: str = "running") -> Manifest:
        """Puts what is not in the bucket yet, and returns what it says of the run now."""
        names = [name for each in self.segments for name, _, _ in each.files() if name not in self.put_names]
        files = [Transfer(name, self.scratch / Path(name).name) for name in names]
        assert all(moved.is_done for moved in transfers.send(self.target, files))
        self.put_names.update(names)
        self.writer.sequence = self.writer.sealed_sequence = self.seal_count
        self.write_count += 1
        document = {**self.run.dump(), "state": state}
        summary = Summary().dump()
        return Manifest(
            *(f"{self.number:016x}", "n", "1.0", self.write_count, document, summary, list(self.segments))
        )


def test_a_run_that_several_daemons_have_fed_becomes_one_segment_with_the_same_points(
    bucket_url: str,
    bucket: Bucket,
    s3_server: S3Server,
    raw: S3Client,
    postgres: PostgresServer,
    tmp_path: Path,
) -> None:
    for first in (0, STEPS, 2 * STEPS):
        with UploadStore(bucket_url, s3_server.endpoint_url) as store:
            run = store.init("one", resume="allow")
            for index in range(first, first + STEPS):
                run.log(row(index), step=index)
            run.finish()
            store.wait_whole(raw, bucket_url, "one")
    sent = manifests_of(raw, bucket_url)
    assert len(sent) == 3

    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            for each in sent:
                assert await asyncio.to_thread(send, one.catalog, each)
            before_count, before = await values_of(one, "one")
            assert before_count == sum(len(each.segments) for each in sent) > 1
            assert [step for step, _ in before[("index", "number")]] == list(range(3 * STEPS))
            async with compactor(one, tmp_path / "one") as mine:
                assert await mine.look() == 1
                assert await mine.look() == 0
            for shown in (one, other):
                assert await values_of(shown, "one") == (1, before)
            # What it was made of is there still, and its files belong together.
            names = BucketContent.read(raw, bucket_url).objects
            assert {
                name for each in sent for segment in each.segments for name, _, _ in segment.files()
            } <= names.keys()
            assert list((tmp_path / "one" / "compacting").iterdir()) == []

    asyncio.run(work())


def test_what_daemons_send_afterwards_is_shown_as_if_nothing_had_been_merged(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            daemons = [Daemon(bucket, tmp_path / f"daemon {number}", "one", number) for number in (1, 2)]
            merged: list[int] = []
            expected: Values = {}
            async with compactor(one, tmp_path / "one") as mine:
                for turn in range(3):
                    for daemon in daemons:
                        # Some steps come twice: from both daemons, and from one again.
                        for place in range(20):
                            daemon.seal(turn * 60 + place * 4)
                        if turn:
                            daemon.merge(24 if daemon.number == turn else 3)
                        assert await asyncio.to_thread(send, one.catalog, daemon.manifest())
                    expected = await asyncio.to_thread(points_of, daemons)
                    assert (await values_of(other, "one"))[1] == expected
                    merged.append(await mine.look())
                    for shown in (one, other):
                        count, values = await values_of(shown, "one")
                        assert values == expected
                        assert count < SEGMENTS_MIN
                for daemon in daemons:
                    await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
                assert await mine.look() == 1
                assert await values_of(other, "one") == (1, expected)
            assert all(merged)

    asyncio.run(work())


def points_of(daemons: list[Daemon]) -> Values:
    """Returns what is said by the segments of daemons alone, read from their files one after another."""
    parts: dict[tuple[str, str], list[Series]] = {}
    for daemon in daemons:
        for each in daemon.segments:
            for series in segments.read_all(daemon.scratch / f"{Path(each.row.name).name}.parquet"):
                parts.setdefault((series.key, series.kind), []).append(series)
    whole = {key: merge(found) for key, found in parts.items()}
    return {key: pairs_of(one) for key, one in whole.items()}


class Killed(BaseException):
    """The replica dies here."""


@pytest.mark.parametrize("moment", ["fetched", "merged", "put", "before the commit"])
def test_a_replica_that_dies_at_any_step_loses_nothing_and_another_one_does_the_work(
    moment: str, bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            for place in range(4):
                daemon.seal(place * 4)
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            before = await values_of(other, "one")
            async with compactor(one, tmp_path / "one") as mine:
                kill_at(mine, moment)
                with pytest.raises(Killed):
                    await mine.look()
            assert await values_of(other, "one") == before
            files = BucketContent.read(raw, bucket_url).objects.keys()
            listed = {name for segment in daemon.segments for name, _, _ in segment.files()}
            assert len(files - listed) == (2 if moment in ("put", "before the commit") else 0)
            async with compactor(other, tmp_path / "other") as theirs:
                assert await theirs.look() == 0  # for all that is known, the other one is still at it
                with other.catalog.writing() as tables:
                    tables.execute("UPDATE leases SET until = 0")
                assert await theirs.look() == 1
            assert await values_of(one, "one") == (1, before[1])

    asyncio.run(work())


def kill_at(mine: Compactor, moment: str) -> None:
    """Has a compactor die behind a step, or before the last one; nobody gives its lease back."""
    run = mine._worker.run
    mine._leases.give_back = lambda lease: None  # type: ignore[method-assign]

    async def run_and_die(function: Callable[..., Any], *arguments: Any) -> Any:
        answer = await run(function, *arguments)
        steps = {"fetched": transfers.fetch, "merged": segments.merge_bounded, "put": transfers.send}
        if function is steps.get(moment):
            raise Killed
        return answer

    def die(*_: Any) -> bool:
        raise Killed

    mine._worker.run = run_and_die  # type: ignore[method-assign, assignment]
    if moment == "before the commit":
        mine._sent.compact = die  # type: ignore[method-assign, assignment]


def test_two_replicas_share_the_work_and_do_no_part_of_it_twice(
    bucket_url: str, bucket: Bucket, raw: S3Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 2) as (one, other):
            for number in range(3):
                daemon = Daemon(bucket, tmp_path / f"daemon {number}", f"r{number}")
                for place in range(3):
                    daemon.seal(place * 4)
                await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            async with (
                compactor(one, tmp_path / "one") as mine,
                compactor(other, tmp_path / "other") as theirs,
            ):
                counts = await asyncio.gather(mine.look(), theirs.look())
            assert sum(counts) == 3
            # 3 runs with 3 segments and a compaction each, and nothing besides.
            assert len(BucketContent.read(raw, bucket_url).objects) == 3 * 4 * 2

    asyncio.run(work())


def test_a_run_that_cannot_be_merged_is_told_and_holds_up_no_other(
    bucket_url: str,
    bucket: Bucket,
    raw: S3Client,
    postgres: PostgresServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            daemons = [Daemon(bucket, tmp_path / run_id, run_id) for run_id in ("altered", "gone", "whole")]
            for daemon in daemons:
                for place in range(3):
                    daemon.seal(place * 4)
                await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            altered, gone, _ = (daemon.segments[1].files()[0][0] for daemon in daemons)
            await asyncio.to_thread(
                put_object, raw, bucket_url, altered, flipped(whole_object(raw, bucket_url, altered))
            )
            await asyncio.to_thread(delete_objects, raw, bucket_url, gone)
            async with compactor(one, tmp_path / "one") as mine:
                assert await mine.look() == 1
                assert await mine.look() == 0
            assert len(one.catalog.load_run(PROJECT, "whole")[2]) == 1  # type: ignore[index]
            told = [record.getMessage() for record in caplog.records if record.name == "trackd.compactor"]
            assert sorted(sentence.split()[1] for sentence in told) == ["upload/altered", "upload/gone"]

    asyncio.run(work())


def whole_object(raw: S3Client, url: str, name: str) -> bytes:
    return BucketContent.read(raw, url).objects[name]


def test_a_bucket_that_does_not_answer_stops_the_look_and_is_told(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path
) -> None:
    async def work() -> None:
        url = postgres.new_schema()
        async with replicas(url, bucket, tmp_path / "a", 1) as (one,):
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            daemon.seal(0)
            daemon.seal(4)
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            nowhere = Bucket.parse(bucket.url, "http://127.0.0.1:9", "", "")
            mine = Compactor(
                *(
                    one.store,
                    one.catalog,
                    Target(nowhere, tmp_path / "uploads"),
                    tmp_path / "c",
                    Leases(one.catalog),
                ),
                ended_settle_seconds=0,
            )
            with pytest.raises(BucketError):
                await mine.look()
            await mine.close()
            async with compactor(one, tmp_path / "one") as again:  # the lease was given back
                assert await again.look() == 1

    asyncio.run(work())


def test_a_merge_is_bounded(
    bucket: Bucket, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with replicas(postgres.new_schema(), bucket, tmp_path, 1) as (one,):
            daemon = Daemon(bucket, tmp_path / "daemon", "one")
            for place in range(8):
                daemon.seal(place * 5)  # 10 points each
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            before = (await values_of(one, "one"))[1]
            async with compactor(one, tmp_path / "one", points_max=40) as mine:
                assert await mine.look() == 2
            assert await values_of(one, "one") == (2, before)
            # What is too large in memory for one merge is merged in smaller parts, or left.
            daemon = Daemon(bucket, tmp_path / "daemon 2", "two")
            for place in range(8):
                daemon.seal(place * 5)
            await asyncio.to_thread(send, one.catalog, daemon.manifest("finished"))
            before = (await values_of(one, "two"))[1]
            unpacked = sum(
                segments._unpacked_bytes(path) for path in (tmp_path / "daemon 2").glob("*.parquet")
            )
            monkeypatch.setattr("trackd_service.compactor.UNPACKED_BYTES_MAX", unpacked * 5 // 8)
            async with compactor(one, tmp_path / "one", points_max=80) as mine:
                assert await mine.look() == 3  # the halves of the former run as well
            assert await values_of(one, "two") == (2, before)

    asyncio.run(work())

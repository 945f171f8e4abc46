"""What leaves this disk and comes back, and what leaves the bucket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.s3.conftest import OpenStore
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import clear_environment

from trackd_service import upload_tidying
from trackd_service.bucket_requests import Bucket
from trackd_service.buckets import BucketStore
from trackd_service.manifests import Manifest
from trackd_service.mirror import Mirror
from trackd_service.objects import DirectoryStore
from trackd_service.records import Begin, Finish, Numbers, Update
from trackd_service.run_states import Event
from trackd_service.space import Space
from trackd_service.sqlite_catalog import SqliteCatalog
from trackd_service.store import Store
from trackd_service.summary import DOUBLE
from trackd_service.upload_settings import UploadSettings
from trackd_service.upload_tidying import Tidying
from trackd_service.uploader import Uploader

PATIENCE_SECONDS = 90.0


class Looks:
    """Counts how often an uploader has looked for what may leave the disk."""

    def __init__(self, thin: Callable[..., Awaitable[None]]) -> None:
        self._thin = thin
        self.count = 0

    async def look(self, *arguments: Any) -> None:
        await self._thin(*arguments)
        self.count += 1


@contextlib.asynccontextmanager
async def open_local(folder: Path) -> AsyncIterator[Store]:
    (folder / "scratch").mkdir(parents=True)
    catalog, _ = SqliteCatalog.open(folder / "catalog.sqlite")
    store = Store(catalog, DirectoryStore(folder / "objects"), folder / "scratch")
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def uploading(store: Store, folder: Path, settings: UploadSettings) -> AsyncIterator[Uploader]:
    uploader = Uploader(store, folder, "test", settings)
    task = asyncio.ensure_future(uploader.run())
    try:
        yield uploader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await uploader.close()


async def log_run(store: Store, run_id: str, values: list[float], first_step: int = 0) -> None:
    stored, _ = await store.get_or_create("p", run_id, time.time_ns())
    run = stored.run
    writer_id = f"writer-{run_id}-{first_step}"
    begin = Begin("p", run_id, writer_id, "primary", Update(), {"pid": 1}, False, "", "", 0, None)
    writer = run.open_writer(begin, 1, first_step)
    zeros = np.zeros(len(values), np.int64)
    words = np.array(values, np.float64).view(np.uint64)[:, None]
    run.apply(writer, Numbers(("loss",), bytes([DOUBLE]), zeros, zeros, zeros + 1, words), 1)
    run.close_writer(writer, Event.FINISHED, Finish(0, "", 0), 2)
    await store.seal(stored)


def is_sent(uploader: Uploader, bucket: BucketStore) -> bool:
    """Says whether a run is in the bucket; one that has only just begun has no work either."""
    return uploader.is_on and bool(set(bucket.list("runs/"))) and not uploader.has_work


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


async def test_points_of_old_runs_leave_the_disk_once_they_are_in_the_bucket_and_are_read_all_the_same(
    tmp_path: Path,
    bucket_url: str,
    s3_server: S3Server,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = open_store()
    monkeypatch.setattr(upload_tidying, "_THIN_SECONDS", 0.0)
    looks = Looks(Tidying.thin)
    monkeypatch.setattr(Tidying, "thin", lambda *arguments: looks.look(*arguments))  # noqa: PLW0108 - it binds
    values = list(np.random.default_rng(1).normal(size=1000))
    async with open_local(tmp_path) as store:
        await log_run(store, "old", values)
        (segment,) = (tmp_path / "objects" / "segments").rglob("*.parquet")
        whole = segment.read_bytes()
        settings = UploadSettings(bucket_url, s3_server.endpoint_url, keep_local_days=1.0)
        async with uploading(store, tmp_path, settings) as uploader:
            await until(lambda: is_sent(uploader, bucket), "the upload")
            assert segment.exists()  # it is not a day old
            os.utime(segment, (time.time() - 2 * 86_400,) * 2)
            seen = looks.count
            await until(lambda: looks.count > seen + 1, "a look at what may leave")
            assert segment.exists()  # the run was sent just now, and has its day as well
            (tmp_path / "upload.json").write_text(
                json.dumps(
                    {
                        "version": 1,
                        "url": bucket_url,
                        "endpoint_url": s3_server.endpoint_url,
                        "keep_local_days": 2e-5,
                    }
                )
            )
            await until(lambda: not segment.exists(), "its leaving")
            stored = await store.get("p", "old")
            (series,) = await stored.read([("loss", "number")])
            assert series.doubles is not None
            assert series.doubles.tolist() == values
            assert not segment.exists() or segment.read_bytes() == whole


async def test_what_no_manifest_lists_leaves_the_bucket_and_what_one_lists_stays(
    tmp_path: Path, bucket_url: str, s3_server: S3Server, open_store: OpenStore
) -> None:
    local, shown = tmp_path / "local", tmp_path / "shown"
    bucket: BucketStore = open_store()
    async with open_local(local) as store:
        await log_run(store, "kept", [1.0, 2.0])
        async with uploading(store, local, UploadSettings(bucket_url, s3_server.endpoint_url)) as uploader:
            await until(lambda: is_sent(uploader, bucket), "the upload")
    listed = set(bucket.list("segments/"))
    assert len(listed) == 2
    stray = {f"files/ab/{'ab' * 32}", f"segments/{'0' * 16}/{'1' * 32}.parquet"}
    for name in stray:
        bucket.put(name, b"nobody's")
    async with open_local(shown) as store:
        mirror = Mirror(store, shown, Bucket.parse(bucket_url, s3_server.endpoint_url))
        try:
            space = Space(store, mirror)
            await mirror.refresh()
            assert await space.sweep(dry_run=False) == (0, 0)  # a manifest that lists them may be on its way
            mirror.garbage_age_seconds = -60.0  # a clock of the server's may be a little ahead
            runs, whole = await space.usage()
            assert [(run.run_id, whole["garbage_count"]) for run in runs] == [("kept", 2)]
            assert await space.sweep(dry_run=True) == (2, 16)
            assert stray <= {*bucket.list("segments/"), *bucket.list("files/")}
            assert await space.sweep(dry_run=False) == (2, 16)
            assert {*bucket.list("segments/"), *bucket.list("files/")} == listed
            (name,) = bucket.list("runs/")
            bucket.replace(name, b"of a newer trackd")
            with pytest.raises(Exception, match="a manifest in the bucket cannot be used"):
                await space.sweep(dry_run=False)
            assert set(bucket.list("segments/")) == listed
        finally:
            await mirror.close()


async def test_segment_that_is_lost_here_and_there_is_not_said_to_be_replaced(
    tmp_path: Path, bucket_url: str, s3_server: S3Server, open_store: OpenStore
) -> None:
    async with open_local(tmp_path) as store:
        await log_run(store, "short", [1.0, 2.0])
        settings = UploadSettings(bucket_url, s3_server.endpoint_url)
        async with uploading(store, tmp_path, settings) as uploader:
            bucket = open_store()
            await until(lambda: is_sent(uploader, bucket), "the upload")
            (name,) = bucket.list("runs/")
            assert len(Manifest.load(bucket.get(name)).segments) == 1
            (segment,) = (tmp_path / "objects" / "segments").rglob("*.parquet")
            segment.unlink()
            await uploader.doubt([segment.relative_to(tmp_path / "objects").as_posix()])
            await uploader.look()
            await until(lambda: not Manifest.load(bucket.get(name)).segments, "a manifest without it")
            assert Manifest.load(bucket.get(name)).superseded == {}  # else nobody would miss it
            assert len(await uploader.list_confirmed()) == 2


async def test_segment_that_was_merged_while_it_was_sent_is_said_to_be_replaced(
    tmp_path: Path, bucket_url: str, s3_server: S3Server, open_store: OpenStore
) -> None:
    async with open_local(tmp_path) as store:
        await log_run(store, "merged", [1.0, 2.0])
        (half,) = (tmp_path / "objects" / "segments").rglob("*.levels")
        aside = half.rename(tmp_path / "aside")
        half.symlink_to(half)  # of two files one is sent and the other is not
        bucket = open_store()
        settings = UploadSettings(bucket_url, s3_server.endpoint_url)
        async with uploading(store, tmp_path, settings) as uploader:
            await until(lambda: bool(set(bucket.list("segments/"))), "the other half")
            (sent,) = bucket.list("segments/")
            await until(lambda: "cannot be read" in uploader.status().sentence, "word of the file")
            half.unlink()
            aside.rename(half)
            await log_run(store, "merged", [3.0], first_step=2)
            store.seal_soon(await store.get("p", "merged"))
            await until(lambda: not list((tmp_path / "objects").rglob(Path(sent).name)), "the merge")
            await uploader.look()
            await until(lambda: not uploader.has_work, "the upload")
        (name,) = bucket.list("runs/")
        manifest = Manifest.load(bucket.get(name))
        assert [segment.row.point_count for segment in manifest.segments] == [3]
        assert set(manifest.superseded) == {sent.removeprefix("segments/").removesuffix(".parquet")}

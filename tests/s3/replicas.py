"""Owns what the tests of replicas share: stores over one PostgreSQL catalog and one bucket, and what was sent there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.s3.uploading import BucketContent

from trackd_service.bucket_requests import Bucket
from trackd_service.manifests import Manifest
from trackd_service.objects import DirectoryStore
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.query import Query
from trackd_service.received_runs import combine, pack, replaces
from trackd_service.replica import Replica
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class Shown:
    """A replica, and what its readers were told."""

    def __init__(self, url: str, bucket: Bucket, folder: Path) -> None:
        (folder / "scratch").mkdir(parents=True)
        self.catalog = PostgresCatalog(url)
        self.store = Store(self.catalog, DirectoryStore(folder / "objects"), folder / "scratch")
        self.changed: list[tuple[str, Any]] = []
        self.deleted: list[str] = []
        self.store.changed = lambda run: self.changed.append((run.run_id, run.state.value))
        self.store.deleted = lambda _, run_id: self.deleted.append(run_id)
        self.replica = Replica(self.store, self.catalog, bucket, folder)
        self.query = Query(self.store)
        self.task = asyncio.create_task(self.replica.run())

    async def close(self) -> None:
        """Ends it."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.replica.close()
        await self.store.close()


async def until(condition: Callable[[], object], what: str) -> None:
    """Waits until something is true."""
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, f"waited 40 s for {what}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def replicas(url: str, bucket: Bucket, folder: Path, count: int) -> AsyncIterator[list[Shown]]:
    """Gives so many replicas."""
    shown = [Shown(url, bucket, folder / str(place)) for place in range(count)]
    try:
        yield shown
    finally:
        for each in shown:
            await each.close()


def send(catalog: PostgresCatalog, manifest: Manifest) -> bool:
    """Has a catalog take a manifest."""
    return SentRuns(catalog).receive(
        manifest.project, manifest.run_id, manifest.store_id, pack(manifest.dump()), replaces, combine
    )


def manifests_of(raw: S3Client, url: str) -> list[Manifest]:
    """Returns the manifests in a bucket."""
    return [
        Manifest.load(data)
        for name, data in BucketContent.read(raw, url).objects.items()
        if name.startswith("runs/")
    ]

"""Owns what goes once the bucket has it: old points from this disk, and replaced segments from the bucket.

Invariant: nothing goes that is not somewhere else, confirmed, and for as long as was wished.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trackd_service import transfers
from trackd_service.bucket_ledger import BucketLedger, SyncedRun
from trackd_service.bucket_requests import BucketError
from trackd_service.keeping import object_name
from trackd_service.store import Store
from trackd_service.upload_lane import Lane
from trackd_service.worker import WorkerCrashed

# Readers may hold an older manifest, and a published table lists what was there when it was published.
SUPERSEDED_SECONDS = 86_400.0
_THIN_SECONDS = 60.0  # between two looks for what may leave this disk
_DELETE_SECONDS = 600.0  # between two looks for what may be deleted
_FILES_AT_ONCE = 64

_log = logging.getLogger("trackd.upload")


class Tidying:
    """Clears this disk and the bucket.

    Attributes:
        may_delete: Whether the credentials let something be deleted from the bucket, as far as is known.
    """

    def __init__(self, store: Store, on_ledger: Callable[..., Awaitable[Any]]) -> None:
        """Takes the store, and what runs a function of the ledger in its thread."""
        self._store = store
        self._on_ledger = on_ledger
        self._thin_time = 0.0
        self._delete_time = 0.0
        self.may_delete = True

    async def thin(
        self, ledger: BucketLedger, synced_runs: Mapping[tuple[str, str], SyncedRun], keep_seconds: float
    ) -> None:
        """Takes from this disk what is in the bucket of runs that ended long ago; it is fetched again when it is read."""
        now = time.monotonic()
        if now < self._thin_time:
            return
        self._thin_time = now + _THIN_SECONDS
        before = time.time() - keep_seconds
        for commit in await self._store.on_catalog(self._store.catalog.commits):
            key = (commit.project, commit.run_id)
            synced = synced_runs.get(key)
            is_whole = synced is not None and synced.commit_number == commit.commit_number
            if commit.is_running or not is_whole or synced is None or synced.synced_time / 1e3 > before:
                continue
            committed = await self._store.on_catalog(self._store.catalog.committed, *key)
            if committed is not None:
                names = [
                    f"segments/{name}.parquet"
                    for name in await self._on_ledger(ledger.segments, committed.segments)
                ]
                names += map(object_name, await self._on_ledger(ledger.objects, committed.objects))
                await asyncio.to_thread(
                    _unlink_old, [self._store.object_file(name) for name in names], before
                )

    async def delete_superseded(self, ledger: BucketLedger, lane: Lane) -> None:
        """Deletes from the bucket what merged segments have replaced for long, where that is allowed."""
        now = time.monotonic()
        if not self.may_delete or now < self._delete_time:
            return
        self._delete_time = now + _DELETE_SECONDS
        before = int((time.time() - SUPERSEDED_SECONDS) * 1e3)
        names = await self._on_ledger(ledger.superseded, before)
        for start in range(0, len(names), _FILES_AT_ONCE):
            some = names[start : start + _FILES_AT_ONCE]
            files = [f"segments/{name}.{ending}" for name in some for ending in ("parquet", "levels")]
            try:
                await lane.worker.run(transfers.delete, lane.target, files)
            except (BucketError, WorkerCrashed, OSError) as error:
                self.may_delete = not isinstance(error, BucketError) or error.kind != "denied"
                if not self.may_delete:
                    _log.info(
                        "superseded segments stay in the bucket until `trackd gc --store s3://…`: %s", error
                    )
                return
            await self._on_ledger(ledger.forget_segments, some)


def _unlink_old(paths: Iterable[Path], before: float) -> None:
    """Removes files that were neither made nor fetched since a time in seconds since 1970."""
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()

"""Owns the deleting, on a team server, of files in the bucket that no run lists any more.

These come of merges and compactions, of runs that were deleted, and of uploads whose manifest never came. The catalog says by
itself what it has stopped to list; everything else is found by listing the bucket, page by page, once a day.

Invariants:
- A file goes after it has been unlisted for a day at least, by the database's clock: who reads a former state of a run finds
  what that lists.
- A file that is listed is never deleted; `unlisted` says how a deletion and a new use exclude each other.
- One replica at a time sweeps, by a lease. Whatever it dies at, the next one goes on: what was condemned is deleted again.
- Nothing is deleted from a bucket that another catalog has claimed (`bucket_owner`): what that one lists is not known here.
- A bucket that stores upload to by themselves, with manifests beside the files, is not swept: this catalog does not know what
  those list.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from trackd_service import bucket_owner, manifests, transfers, unlisted
from trackd_service.bucket_requests import BucketError
from trackd_service.catalog_tables import Tables
from trackd_service.errors import StorageUnavailable
from trackd_service.leases import Lease, LeaseLost, Leases
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

AGE_SECONDS = 86_400.0
_LIST_SECONDS = 86_400.0
# Longer than a request can be under way: a replica makes none later than a minute after it has condemned a file, each ends
# within a minute, and S3 refuses one whose signature is older than 15 minutes.
SETTLE_SECONDS = 3600.0
_REQUEST_SECONDS = 60.0
_LOOK_SECONDS = 600.0
_NAMES_AT_ONCE = 1000
_PAGE_NAMES = 10_000
_SECOND = 1_000_000

_T = TypeVar("_T")
_log = logging.getLogger("trackd.sweeper")


class Sweeper:
    """Deletes what nobody needs from the bucket of a shared catalog.

    Attributes:
        sentence: Why nothing is deleted; empty where it is.
        deleted_count: How many files this replica has deleted.
    """

    def __init__(
        self,
        store: Store,
        catalog: PostgresCatalog,
        target: Target,
        leases: Leases,
        *,
        age_seconds: float = AGE_SECONDS,
        list_seconds: float = _LIST_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        """Makes a sweeper; `run` begins its work.

        Args:
            store: Of the replica.
            catalog: That it is over.
            target: The bucket.
            leases: By which one replica at a time sweeps.
            age_seconds: How long a file is kept that nobody lists.
            list_seconds: How long from one listing of the bucket to the next.
            settle_seconds: After how long no request to delete a file can be under way any more.
        """
        self._store = store
        self._catalog = catalog
        self._sent = SentRuns(catalog)
        self._target = target
        self._leases = leases
        self._age = int(age_seconds * _SECOND)
        self._list = int(list_seconds * _SECOND)
        self._settle = int(settle_seconds * _SECOND)
        self._worker = Worker()
        self.sentence = ""
        self.deleted_count = 0

    async def run(self) -> None:
        """Deletes what may be deleted, until it is cancelled."""
        while True:
            try:
                await self.look()
            except (BucketError, StorageUnavailable, WorkerCrashed) as error:
                self._tell(f"files that no run lists stay in the bucket: {error}")
            except LeaseLost as error:
                _log.info("%s", error)
            except WorkerClosed:
                return
            except Exception:  # noqa: BLE001 - logged whole; the next look tries again
                _log.exception("the bucket could not be swept; it is tried again")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> int:
        """Deletes once what may be deleted now, unless another replica is at it; returns how many files.

        Raises:
            StorageUnavailable: The catalog cannot be asked.
            BucketError: The bucket does not do what it is asked.
            LeaseLost: Another replica goes on.
        """
        count = 0
        async with self._leases.hold("sweep", self._store.on_catalog) as lease:
            if lease is None or not await self._may_delete():
                return 0
            await self._take_garbage(lease)
            await self._list_bucket(lease)
            while True:
                # Looked at before: a replica that is stopped anywhere behind this makes no request when it goes on.
                deadline = transfers.Deadline.after(_REQUEST_SECONDS)
                names, mark, has_more = await self._in_transaction(self._condemn, lease)
                if names:
                    deleted, error = await self._worker.run(
                        transfers.delete_before, self._target, names, deadline
                    )
                    await self._in_transaction(unlisted.confirm, deleted, mark)
                    self.deleted_count += len(deleted)
                    count += len(deleted)
                    if error is not None:
                        raise error
                if not has_more:
                    break
            await self._in_transaction(self._forget, lease)
        self._tell("")
        return count

    def _tell(self, sentence: str) -> None:
        if sentence and sentence != self.sentence:
            _log.warning("%s", sentence)
        self.sentence = sentence

    async def _may_delete(self) -> bool:
        if await self._worker.run(transfers.page, self._target, manifests.PREFIX, "", 1):
            self._tell(
                f"nothing is deleted from {self._target.bucket.url}: it has manifests of stores that upload to it by "
                "themselves; give the server a prefix of its own, or delete what lies under runs/"
            )
            return False
        return await self._is_claimed()

    async def _is_claimed(self) -> bool:
        """Says whether the bucket belongs to this catalog; claims one that belongs to none."""
        own = await self._store.on_catalog(self._catalog.identity)
        mark = await self._read_mark()
        if mark is None:
            (moved,) = await self._worker.run(
                transfers.replace, self._target, bucket_owner.NAME, bucket_owner.dump(own)
            )
            if moved.error is not None:
                raise moved.error
            mark = await self._read_mark()  # of two servers that begin at once, one finds the other's
        try:
            found = bucket_owner.load(mark or b"")
        except bucket_owner.OwnerUnreadable as error:
            self._tell(f"nothing is deleted from {self._target.bucket.url}: {error}")
            return False
        if found != own:
            self._tell(
                f"nothing is deleted from {self._target.bucket.url}: it belongs to another catalog, or to what this one was "
                "before it was restored. If that one is gone for good: `trackd server claim-bucket`"
            )
        return found == own

    async def _read_mark(self) -> bytes | None:
        (mark,) = await self._worker.run(transfers.read_many, self._target, [bucket_owner.NAME])
        return mark

    async def _take_garbage(self, lease: Lease) -> None:
        """Notes what the catalog has stopped to list."""
        while await self._in_transaction(self._take_some_garbage, lease):
            pass

    def _take_some_garbage(self, tables: Tables, lease: Lease) -> bool:
        self._leases.check(tables, lease)
        rows = tables.execute("SELECT name FROM garbage ORDER BY name LIMIT ?", (_NAMES_AT_ONCE,)).fetchall()
        names: list[str] = []
        for (name,) in rows:
            is_object = name.startswith("files/")
            names += [name] if is_object else [f"segments/{name}.parquet", f"segments/{name}.levels"]
        unlisted.note(tables, names, self._catalog.clock(tables))
        tables.executemany("DELETE FROM garbage WHERE name = ?", rows)
        return len(rows) == _NAMES_AT_ONCE

    async def _list_bucket(self, lease: Lease) -> None:
        """Notes which files of the bucket no run lists, unless that was done a short while ago."""
        if not await self._in_transaction(self._begin_listing, lease):
            return
        for prefix in ("files/", "segments/"):
            names: list[str] | None = None
            while names is None or names:
                after = names[-1] if names else ""
                names = await self._worker.run(transfers.page, self._target, prefix, after, _PAGE_NAMES)
                _, unknown = await self._store.on_catalog(self._sent.find_unlisted, names)
                if unknown:
                    await self._in_transaction(self._note, lease, unknown)

    def _begin_listing(self, tables: Tables, lease: Lease) -> bool:
        self._leases.check(tables, lease)
        now = self._catalog.clock(tables)
        return unlisted.begin_listing(tables, now, now - self._list)

    def _note(self, tables: Tables, lease: Lease, names: Sequence[str]) -> None:
        self._leases.check(tables, lease)
        unlisted.note(tables, names, self._catalog.clock(tables))

    def _condemn(self, tables: Tables, lease: Lease) -> tuple[list[str], int, bool]:
        self._leases.check(tables, lease)
        self._catalog.hold_listing(tables, is_alone=True)
        now = self._catalog.clock(tables)
        names, count = unlisted.condemn(tables, now, now - self._age, now - self._settle, _NAMES_AT_ONCE)
        return names, now, count == _NAMES_AT_ONCE

    def _forget(self, tables: Tables, lease: Lease) -> None:
        self._leases.check(tables, lease)
        unlisted.forget(tables, self._catalog.clock(tables) - self._settle)

    async def _in_transaction(self, function: Callable[..., _T], *arguments: object) -> _T:
        def work() -> _T:
            with self._catalog.writing() as tables:
                return function(tables, *arguments)

        return await self._store.on_catalog(work)

    async def close(self) -> None:
        """Ends what is under way."""
        with contextlib.suppress(WorkerClosed, WorkerCrashed):
            await self._worker.abort()

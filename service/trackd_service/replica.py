"""Owns how one of several stores over the same catalog and bucket stays up to date with what the others write.

Invariants: what any of them has committed is shown by all within a second, once; a database or a bucket that does not answer
costs the time until it does, and nothing else; a file is here whole and with its sum, or not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trackd_service import transfers
from trackd_service.bucket_files import BucketFiles
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.errors import BucketUnusable, StorageUnavailable
from trackd_service.postgres_catalog import Place, PostgresCatalog
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 2.0

_log = logging.getLogger("trackd.replica")


class Replica:
    """Keeps a store up to date with the catalog that it shares.

    Attributes:
        target: The bucket with the files.
        files: What gets them into the store's directory.
        sentence: What is wrong with the database or the bucket; empty when nothing is.
        look_time: When the catalog was heard of last, on the monotonic clock.
    """

    def __init__(
        self,
        store: Store,
        catalog: PostgresCatalog,
        bucket: Bucket,
        folder: Path,
        is_watched: Callable[[], bool] = lambda: True,
        note_failure: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Takes a store over the catalog, a folder for what is unfinished, and what says whether somebody looks now.

        `note_failure` is told of each file of the bucket that could not be had.
        """
        self._store = store
        self._catalog = catalog
        self._sent = SentRuns(catalog)
        self._is_watched = is_watched
        self.target = Target(bucket, folder / "uploads")
        self.files = BucketFiles(store, self.target, self._find_facts, note_failure)
        self._asker = Worker()
        self._since: Place | None = None
        self._known: dict[tuple[str, str], int] = {}
        self._running: set[tuple[str, str]] = set()
        self.sentence = ""
        self.look_time = float("-inf")
        store.elsewhere = self.files

    @property
    def catalog_id(self) -> str:
        """What tells the catalog from any other, and from what it was before it was put back; empty while nobody knows."""
        place = self._since
        return "" if place is None else hashlib.sha256(place.incarnation.encode()).hexdigest()[:32]

    @property
    def run_count(self) -> int:
        """How many runs it knows of."""
        return len(self._known)

    @property
    def running_count(self) -> int:
        """How many of them have not ended."""
        return len(self._running)

    async def bucket_answers(self) -> bool:
        """Says whether the bucket answers a question just now."""
        try:
            await self._asker.run(transfers.page, self.target, "", "", 1)
        except (BucketError, WorkerClosed, WorkerCrashed):
            return False
        return True

    async def look_first(self) -> None:
        """Looks once, as well as that goes: a server that begins shows what there is."""
        try:
            await self.look()
        except (BucketUnusable, StorageUnavailable) as error:
            self.sentence = error.message
            _log.warning("%s", error.message)

    async def run(self) -> None:
        """Follows the catalog until it is cancelled."""
        while True:
            try:
                await self.look()
                self.sentence = ""
            except (BucketUnusable, StorageUnavailable) as error:
                if error.message != self.sentence:
                    _log.warning("%s", error.message)
                self.sentence = error.message
            except Exception:  # noqa: BLE001 - logged whole; the next look tries again
                _log.exception("the catalog could not be followed; it is tried again")
            await asyncio.sleep(_RETRY_SECONDS if self.sentence else _LOOK_SECONDS)

    async def look(self) -> None:
        """Takes in what was committed since the last look. Raises StorageUnavailable, or BucketUnusable at its end."""
        news = await self._store.on_catalog(self._catalog.changes, self._since)
        self.look_time = time.monotonic()
        is_first, problem = self._since is None, None
        known, there = self._known, {(project, run_id) for project, run_id, _, _ in news.written}
        deleted = news.deleted
        is_replaced = news.is_whole and not is_first
        if is_replaced:
            _log.warning(
                "another catalog has come into the place of the one that was followed: it is read anew"
            )
            in_memory = [(stored.run.project, stored.run.run_id) for stored in self._store.stored_in_memory()]
            deleted = [*deleted, *known, *in_memory]
            # Another run may stand under a number that is known; of those not in memory nothing is shown but lists.
            for key in in_memory:
                known[key] = 0
            self._catalog.replacement_count += 1
            self._since = Place(news.place.incarnation, 0)
        changed = [
            (project, run_id, number)
            for project, run_id, number, _ in news.written
            if known.get((project, run_id)) != number
        ]
        gone = [
            key
            for key in dict.fromkeys(deleted)  # one of them may be there again
            # A reader may have loaded one that came and went between two looks.
            if key not in there and (known.pop(key, None) is not None or self._store.is_in_memory(*key))
        ]
        if changed or gone or is_replaced:
            self._catalog.change_count += 1
        for project, run_id, number in changed:
            try:
                # At the first look all runs are new, and whoever looks at runs asks for them.
                if self._store.is_in_memory(project, run_id) or (not is_first and self._is_watched()):
                    await self._store.refresh(project, run_id)
            except BucketUnusable as error:
                problem = error  # of one run: the others go on, and this one is tried again
                continue
            self._known[(project, run_id)] = number
        for project, run_id in gone:
            self._store.let_go(project, run_id)
        self._running -= there | set(gone)
        self._running |= {(project, run_id) for project, run_id, _, is_running in news.written if is_running}
        if problem is not None:
            raise problem
        self._since = news.place

    async def _find_facts(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        return await self._store.on_catalog(self._sent.files, names)

    async def close(self) -> None:
        """Ends the transfers that are under way."""
        await self._asker.close()
        await self.files.close()

"""Owns how the points of a run become segments: cut, written, committed, and merged once there are many.

Invariants:
- Sealing takes a cut: the points, the summary and the writers' sequences of one moment go into one segment and one
  transaction. Until it is committed the points are read from memory; after a crash before it they come from the log again.
- A failed seal or merge loses nothing and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from trackd_service import config
from trackd_service.background import Background
from trackd_service.catalog_tables import SegmentRow
from trackd_service.catalog_threads import CatalogThreads
from trackd_service.keeping import Keeper
from trackd_service.levels import SegmentDamaged
from trackd_service.runs import Run
from trackd_service.segment_files import SegmentFiles
from trackd_service.segments import merge_segments, write_table
from trackd_service.series_table import collect
from trackd_service.stored_runs import StoredRun
from trackd_service.tail import Tail
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

_IDLE_SECONDS = (
    5.0  # a run seals once in minutes, then merges at once: 100 MB need not wait for the next time
)
_RETRY_SECONDS = 2.0  # after a seal that failed: a full disk is not asked more often

_T = TypeVar("_T")
_log = logging.getLogger("trackd.store")


async def _nothing() -> None:
    pass


class Sealer:
    """Seals the runs of a store.

    Attributes:
        sealed: Is told of each run that was sealed, with the ids of its ended writers.
        merged: Is called when segments are in no run any more.
    """

    def __init__(
        self, threads: CatalogThreads, files: SegmentFiles, keeper: Keeper, background: Background
    ) -> None:
        """Takes what it seals into, and what keeps the objects that must be there first."""
        self._threads = threads
        self._files = files
        self._keeper = keeper
        self._background = background
        self._worker = Worker(_IDLE_SECONDS)
        self.sealed: Callable[[Run, set[str]], None] = lambda run, ended_writers: None
        self.merged: Callable[[], Awaitable[None]] = _nothing

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs a function in the process that writes segments."""
        return await self._worker.run(function, *arguments)

    def seal_soon(self, stored: StoredRun) -> None:
        """Seals a run in the background, unless that is under way."""
        if not stored.lock.locked() and time.monotonic() >= stored.retry_time:
            self._background.begin(self._seal_quietly(stored))

    async def _seal_quietly(self, stored: StoredRun) -> None:
        try:
            await self.seal(stored)
            await self._merge_when_many(stored)
        except WorkerClosed:
            pass  # the next daemon goes on from the log
        except SegmentDamaged as error:
            stored.note_damage(f"segments cannot be merged: {error}")
        except Exception as error:  # noqa: BLE001 - logged whole; one failure must not end the rest
            # Nothing is lost: the log is still there. A later seal tries again.
            stored.retry_time = time.monotonic() + _RETRY_SECONDS
            is_expected = isinstance(error, (OSError, WorkerCrashed))
            run = stored.run
            _log.error("sealing %s/%s failed: %s", run.project, run.run_id, error, exc_info=not is_expected)

    async def seal(self, stored: StoredRun) -> None:
        """Seals what is unsealed of a run and commits it; the points stay readable all the while."""
        # A caller that goes away must not leave it unknown whether the cut was committed.
        await asyncio.shield(self._background.begin(self.seal_now(stored)))

    async def seal_now(self, stored: StoredRun) -> None:
        """Seals a run as `seal` does, within a task that nobody ends."""
        async with stored.lock:
            run = stored.run
            while (
                run.files_to_keep or run.unencoded
            ):  # the cut must not seal a record whose objects are not kept yet
                await self._keeper.keep(stored)
            tail, run.tail = run.tail, Tail()
            run.sealing, revision = tail, run.revision
            document, summary = run.dump(), run.summary.dump()
            objects = dict(run.objects)
            sequences = {writer.writer_id: writer.sequence for writer in run.writers.values()}
            ended_writers = {writer.writer_id for writer in run.writers.values() if not writer.is_open}
            name = os.urandom(16).hex()
            try:
                added: list[SegmentRow] = []
                if tail.point_count:
                    keys = tail.series_keys()
                    sealed_counts = [sum(part.count for part in stored.sealed(*key)) for key in keys]
                    table = await asyncio.to_thread(
                        lambda: collect([tail.read(*key) for key in keys], sealed_counts)
                    )
                    info = await self.run(write_table, table, self._files.scratch, name)
                    added.append(await self._files.keep(run, info, stored.next_position))
                await self._threads.run(
                    self._threads.catalog.commit_run, document, summary, added, (), objects
                )
            except BaseException:
                # Back to one tail: what came meanwhile goes behind what was to be sealed.
                run.tail, run.sealing = tail.joined(run.tail), None
                self._files.clear_scratch(name)
                raise
            for row in added:
                self._files.add(stored, row, is_new=True)
            run.sealing = None
            run.note_change(is_logged=False)
            stored.sealed_time, stored.sealed_revision = time.monotonic(), revision + 1
            stored.forget_committed(objects)
            for writer_id, sequence in sequences.items():
                run.writers[writer_id].sealed_sequence = sequence
        self.sealed(run, ended_writers)

    async def _merge_when_many(self, stored: StoredRun) -> None:
        """Merges the newest segments of about one size into one, when there are many, or all small ones of an ended run."""
        segments = stored.segments
        if not stored.run.is_open:
            chosen = (
                segments
                if sum(segment.row.point_count for segment in segments) <= 16 * config.SEAL_POINTS
                else []
            )
        else:
            newest = segments[-config.MERGE_COUNT :]
            largest = max((segment.row.point_count for segment in newest), default=0)
            total = sum(segment.row.point_count for segment in newest)
            chosen = (
                newest
                if len(newest) == config.MERGE_COUNT and total >= largest * config.MERGE_COUNT // 2
                else []
            )
        if len(chosen) < 2:
            return
        await stored.need_points()
        async with stored.lock:
            segments = stored.segments
            if segments[-len(chosen) :] != chosen:
                return
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in chosen]
            try:
                info = await self.run(merge_segments, paths, self._files.scratch, name)
                row = await self._files.keep(stored.run, info, chosen[0].row.position)
            except BaseException:
                self._files.clear_scratch(name)
                raise
            # The run's document is as sealed last: what came since is not in segments yet.
            found = await self._threads.run(
                self._threads.catalog.load_run, stored.run.project, stored.run.run_id
            )
            if found is None:
                return
            removed = [segment.row.name for segment in chosen]
            await self._threads.run(self._threads.catalog.commit_run, found[0], found[1], [row], removed)
            stored.segments = segments[: -len(chosen)]
            self._files.add(stored, row, is_new=True)
        await self.merged()

    async def close(self) -> None:
        """Ends its process."""
        await self._worker.close()

"""Owns the history that a writer begins with: none, the run taken back to a step (a rewind), or another run's (a fork).

Invariant: a history is made once for each writer, also when a scan of the logs and a call meet it at the same moment.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from trackd_service.background import Background
from trackd_service.catalog_tables import HistoryStart
from trackd_service.catalog_threads import CatalogThreads
from trackd_service.definitions import Definitions
from trackd_service.errors import InvalidArgument, RunNotFound
from trackd_service.records import Begin, Origin
from trackd_service.runs import Run
from trackd_service.sealing import Sealer
from trackd_service.segment_files import SegmentFiles
from trackd_service.segments import cut_segments
from trackd_service.stored_runs import StoredRun
from trackd_service.streams import ROW_KEY, stream_of
from trackd_service.summary import Summary


class Beginnings:
    """Makes the histories that writers begin with.

    Attributes:
        changed: Is told of every run that has got another history.
    """

    def __init__(
        self,
        threads: CatalogThreads,
        files: SegmentFiles,
        sealer: Sealer,
        background: Background,
        find: Callable[[str, str], Awaitable[StoredRun]],
    ) -> None:
        """Takes what histories are kept in, and what finds the run to fork, which raises RunNotFound."""
        self._threads = threads
        self._files = files
        self._sealer = sealer
        self._background = background
        self._find = find
        self.changed: Callable[[Run], None] = lambda run: None

    async def begin(self, stored: StoredRun, begin: Begin, starting_step: int) -> int:
        """Makes the history that a new writer begins with, and keeps where its automatic steps begin; once for each writer.

        Args:
            stored: The run.
            begin: How the writer opens it.
            starting_step: Where its automatic steps begin, unless that was said before.

        Returns:
            Where they begin.
        """
        # A client that hangs up must leave no history half made.
        return await asyncio.shield(self._background.begin(self._begin(stored, begin, starting_step)))

    async def _begin(self, stored: StoredRun, begin: Begin, starting_step: int) -> int:
        catalog, run = self._threads.catalog, stored.run
        # A scan and a call may meet the same new writer: the second one finds what the first has kept. Were a run taken
        # back twice, the second time would mask what the writer itself has logged since.
        async with stored.beginning_lock:
            if begin.writer_id in run.writers:
                return starting_step
            kept = await self._threads.run(catalog.writer_start, begin.writer_id)
            if kept is not None:
                return kept
            start = HistoryStart(begin.writer_id, starting_step)
            if begin.origin is None:
                await self._threads.run(catalog.save_writer_start, begin.writer_id, starting_step)
            elif (begin.origin.project, begin.origin.run_id) == (run.project, run.run_id):
                await self._rewind(stored, begin.origin.last_step, start)
            else:
                await self._fork(stored, begin.origin, start)
            return starting_step

    async def _rewind(self, stored: StoredRun, last_step: int, start: HistoryStart) -> None:
        """Takes a run back to a step: what was logged behind it is masked, and stays on the disk."""
        await self._sealer.seal_now(stored)
        await stored.need_points()
        run = stored.run
        async with stored.lock:
            masked = [segment.row for segment in stored.segments]
            count = sum(row.point_count for row in masked)
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in stored.segments]
            info, summary = await self._sealer.run(
                cut_segments, paths, last_step, True, self._files.scratch, name
            )
            added = [] if info is None else [await self._files.keep(run, info, stored.next_position)]
            # Nothing that came since the seal is in the document: another writer's rows come from its log again.
            found = await self._threads.run(self._threads.catalog.load_run, run.project, run.run_id)
            now = time.time_ns()
            rewind = {
                "time_unix_ms": now / 1e6,
                "last_step": last_step,
                "masked_point_count": count - sum(row.point_count for row in added),
            }
            assert found is not None  # sealed above
            document = found[0]
            document["rewinds"] = [*run.rewinds, rewind]
            # Who comes next goes on behind what is left, not behind what the ended writers had logged.
            for each in document["writers"]:
                if not each["is_open"]:
                    each["current_step"] = min(each["current_step"], last_step + 1)
            for writer in run.writers.values():
                if not writer.is_open:
                    writer.steps.current = min(writer.steps.current, last_step + 1)
            start = replace(start, masked=tuple(row.name for row in masked), mask_time=now)
            by_hand, rest = run.summary.by_hand, Summary.load(summary)
            rest.by_hand = by_hand
            document["metric_kinds"] = rest.kinds()
            await self._threads.run(
                self._threads.catalog.commit_run, document, rest.dump(), added, (), {}, start
            )
            run.rewinds = [*run.rewinds, rewind]
            stored.segments = []
            for row in added:
                self._files.add(stored, row, is_new=True)
            for key, kind in run.tail.series_keys():
                if stream_of(key) == "history" and key != ROW_KEY:
                    rest.add_series(run.tail.read(key, kind))
            run.replace_summary(rest)
        self.changed(run)

    async def _fork(self, stored: StoredRun, origin: Origin, start: HistoryStart) -> None:
        """Begins a run with the history of another one up to a step, its config and its metric definitions."""
        run = stored.run
        try:
            if stored.segments or run.tail.point_count:
                raise InvalidArgument(f"run {run.run_id!r} has a history already")
            source = await self._find(origin.project, origin.run_id)
        except (InvalidArgument, RunNotFound) as error:
            run.health.refuse(f"the run to fork is not taken over: {error.message}")
            await self._threads.run(
                self._threads.catalog.save_writer_start, start.writer_id, start.starting_step
            )
            return
        await self._sealer.seal_now(source)
        await source.need_points()
        async with source.lock:  # no merge takes its segments away meanwhile
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in source.segments]
            info, summary = await self._sealer.run(
                cut_segments, paths, origin.last_step, False, self._files.scratch, name
            )
        async with stored.lock:
            run.config = {**source.run.config, **run.config}
            run.definitions = Definitions.load(source.run.definitions.dump())
            run.forked_from = {
                "project": origin.project,
                "run_id": origin.run_id,
                "last_step": origin.last_step,
            }
            run.replace_summary(Summary.load(summary))
            added = [] if info is None else [await self._files.keep(run, info, stored.next_position)]
            start = replace(start, objects_of=(source.run.project, source.run.run_id))
            await self._threads.run(
                self._threads.catalog.commit_run, run.dump(), run.summary.dump(), added, (), {}, start
            )
            for row in added:
                self._files.add(stored, row, is_new=True)
        self.changed(run)

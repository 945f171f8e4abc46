"""Owns the writers that write by calls: clients of other hosts and languages, and the daemon itself as the observer.

Invariants: what a call has returned for is in a log of the daemon's own, synced, and applied to the run; a client that hangs
up leaves neither apart.
"""

from __future__ import annotations

import asyncio
import logging
import time

from trackd_service import config, logs
from trackd_service.errors import InvalidArgument, SequenceGap, StorageUnavailable, WriterNotFound
from trackd_service.exits import ProcessWatch
from trackd_service.frames import RecordFrame
from trackd_service.records import Begin
from trackd_service.sources import Source, Sources, read_begin
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun

_log = logging.getLogger("trackd.ingest")


class Callers:
    """Opens, feeds and recovers the sources of writers by calls."""

    def __init__(self, store: Store, sources: Sources) -> None:
        """Takes the store, and all sources."""
        self._store = store
        self._sources = sources

    async def recover(self, writer_id: str, parts: list[int]) -> None:
        """Replays the log of a writer by calls, which a former daemon left."""
        begin, create_time, payload = read_begin(self._sources.folder, "r", writer_id, parts)
        if not payload:
            raise InvalidArgument("no part of the log begins with its WriterBegin")
        stored, _ = await self._store.get_or_create(begin.project, begin.run_id, create_time)
        run = stored.run
        writer = run.writers.get(writer_id)
        if writer is None:
            writer = run.open_writer(
                begin, create_time, await self._sources.begin_history(stored, begin, create_time)
            )
        reader = logs.LogReader(
            self._sources.folder, "r", writer_id, parts[0], known_sequence=writer.sequence
        )
        log = logs.LogWriter(self._sources.folder, writer_id, payload, create_time)
        source = self._sources.add(Source(stored, writer, log=log))
        try:
            while frames := reader.read(is_final=True):
                self._sources.apply(source, frames)
        finally:
            reader.close()
        self._watch_caller(source)
        writer.durable_sequence = writer.sequence
        run.health.damaged_record_count += reader.damaged_count

    async def recover_logless(self) -> None:
        """Waits also for writers whose records were all sealed: they come back, or are gone after a while."""
        try:
            keys = await self._store.on_catalog(self._store.catalog.running_keys)
        except Exception:  # noqa: BLE001 - logged whole; what a damaged catalog still gives is served
            _log.exception("the catalog is damaged")
            return
        for project, run_id in keys:
            try:
                stored = await self._store.get(project, run_id)
            except Exception:  # noqa: BLE001 - logged whole; one damaged entry must not keep the daemon from starting
                _log.exception("run %s of project %s cannot be loaded", run_id, project)
                continue
            for writer in stored.run.writers.values():
                if writer.is_open and self._sources.get(writer.writer_id) is None:
                    source = self._sources.add(Source(stored, writer))
                    self._watch_caller(source)

    async def create(self, begin: Begin, payload: bytes, now: int) -> tuple[StoredRun, bool]:
        """Opens a writer by calls and its log; returns the run, and whether it was made by this call."""
        source = self._sources.get(begin.writer_id)
        if source is not None:
            self._check_run(source, (begin.project, begin.run_id))
        if source is not None and source.has_log:
            return source.stored, False
        stored, created = await self._store.get_or_create(begin.project, begin.run_id, now)
        starting_step = 0
        if begin.writer_id not in stored.run.writers:
            starting_step = await self._sources.begin_history(stored, begin, now)
        source = self._sources.get(begin.writer_id)
        if source is not None and source.has_log:
            return stored, False
        stored.run.watch_by(self._sources.store_rules())
        writer = stored.run.open_writer(begin, now, starting_step)
        if source is not None:
            source.unwatch()  # waited for since a restart: it came back, and is watched anew
        log = logs.LogWriter(self._sources.folder, begin.writer_id, payload, now)
        source = self._sources.add(Source(stored, writer, log=log))
        self._watch_caller(source)
        await self._write(source, [])
        self._sources.follow(source)
        return stored, created

    async def observe(self, stored: StoredRun, begin: Begin, payload: bytes, made: list[bytes]) -> None:
        """Adds records that the daemon itself makes of a run, with no wait for the disk.

        Args:
            stored: The run.
            begin: How the daemon opens it, and `payload`, the record that says so.
            payload: See `begin`.
            made: The serialised records.
        """
        now = time.time_ns()
        if not self._store.holds(stored):
            return  # deleted meanwhile
        source = self._sources.get(begin.writer_id)
        if source is None or not source.has_log or source.is_closed:
            writer = stored.run.open_writer(begin, now)
            log = logs.LogWriter(self._sources.folder, begin.writer_id, payload, now)
            source = self._sources.add(Source(stored, writer, log=log))
        async with source.lock:
            first = source.writer.sequence + 1
            new = [(first + offset, now, record) for offset, record in enumerate(made)]
            await self._write(source, new, is_synced=False)
            self._sources.apply(source, [RecordFrame(*each) for each in new])

    async def append(
        self, run: tuple[str, str], writer_id: str, first_sequence: int, batch: list[tuple[int, bytes]]
    ) -> Source:
        """Appends records of a writer by calls; durable when it returns. None at all is a sign of life.

        Args:
            run: The project and the id of the run.
            writer_id: The writer, opened by `create` before.
            first_sequence: The sequence of the first record.
            batch: (time in nanoseconds, serialised Record) each.

        Raises:
            InvalidArgument: the writer writes another run.
            WriterNotFound: the writer was not opened here.
            SequenceGap: records are missing before the first.
            StorageUnavailable: the disk does not take them; the client sends them again.
        """
        source = self._find_caller(run, writer_id)
        # A client that hangs up must not leave the log and the run apart, nor let the next batch in before this one is
        # done: the work goes on without it.
        await asyncio.shield(self._append(source, first_sequence, batch))
        return source

    async def finish(
        self, run: tuple[str, str], writer_id: str, sequence: int, record: tuple[int, bytes]
    ) -> Source:
        """Appends the last record of a writer by calls, as `append` does; raises also when it cannot be the last."""
        writer = self._find_caller(run, writer_id).writer
        if writer.is_open and sequence <= writer.sequence:
            raise InvalidArgument(
                f"sequence is {sequence}, which another record of the writer has; the next one is {writer.sequence + 1}",
                field="sequence",
                acknowledged_sequence=writer.sequence,
            )
        return await self.append(run, writer_id, sequence, [record])

    def _find_caller(self, run: tuple[str, str], writer_id: str) -> Source:
        source = self._sources.get(writer_id)
        if source is None or source.log is None:
            raise WriterNotFound(
                f"writer {writer_id[:40]!r} has not opened a run here: call CreateRun first",
                writer_id=writer_id,
            )
        self._check_run(source, run)
        source.heard_time = time.monotonic()
        return source

    @staticmethod
    def _check_run(source: Source, run: tuple[str, str]) -> None:
        own = source.stored.run
        if run != (own.project, own.run_id):
            raise InvalidArgument(
                f"writer {source.writer.writer_id[:40]!r} writes the run {own.project}/{own.run_id}, not {'/'.join(run)}: "
                "a writer's id is made anew for each run",
                field="writer_id",
            )

    def _watch_caller(self, source: Source) -> None:
        """Watches the process of a writer by calls, where it is one of this host: it holds the lock's file open."""
        if source.writer.is_open and source.writer.role != "observer":
            lock = self._sources.folder.parent / config.LOCK_NAME
            source.watch = ProcessWatch.open(source.writer.process.get("pid", 0), lock)
            self._sources.opened.set()

    async def _append(self, source: Source, first_sequence: int, batch: list[tuple[int, bytes]]) -> None:
        async with source.lock:
            writer = source.writer
            if first_sequence > writer.sequence + 1:
                raise SequenceGap(
                    f"the batch begins at sequence {first_sequence}; the next one is {writer.sequence + 1}: "
                    "send again from there",
                    acknowledged_sequence=writer.sequence,
                )
            new = [
                (first_sequence + offset, when, payload)
                for offset, (when, payload) in enumerate(batch)
                if first_sequence + offset > writer.sequence
            ]
            if not new:
                return
            await self._store.keeper.catch_up(source.stored)
            await self._write(source, new)
            self._sources.apply(
                source, [RecordFrame(sequence, when, payload) for sequence, when, payload in new]
            )
            writer.durable_sequence = writer.sequence
            source.stored.run.durable_step = max(source.stored.run.durable_step, source.stored.run.next_step)
            if source.is_closed and writer.is_open:
                source.is_closed = False

    async def _write(
        self, source: Source, payloads: list[tuple[int, int, bytes]], is_synced: bool = True
    ) -> None:
        assert source.log is not None
        try:
            await asyncio.to_thread(source.log.append, payloads, is_synced)
        except OSError as error:
            raise StorageUnavailable(f"the daemon's disk does not take records: {error.strerror}") from None

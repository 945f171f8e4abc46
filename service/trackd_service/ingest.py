"""Owns the one path in: it finds the writers' logs, applies their records to the runs in order, each once, and syncs them.

Invariants:
- Exactly once by (writer, sequence): a record at or below the writer's sequence changes nothing, whoever brings it.
- Acknowledged means synced: `durable_sequence` moves only after fsync of all that stands below it.
- One writer's trouble stays its own: an error in one log is counted on its run and never ends the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trackd_service import config, logs, records
from trackd_service.errors import (
    InvalidArgument,
    SequenceGap,
    StorageUnavailable,
    TrackdError,
    WriterNotFound,
)
from trackd_service.frames import Frame, RecordFrame, RowFrames
from trackd_service.records import Begin, Finish, KeySet
from trackd_service.run_states import Event
from trackd_service.runs import Run, Writer
from trackd_service.store import Store, StoredRun

_log = logging.getLogger("trackd.ingest")
_SIGTERM, _SIGSEGV, _SIGABRT, _SIGBUS, _SIGFPE, _SIGILL = 15, 11, 6, 7, 8, 4
_FATAL_SIGNALS = {
    "Segmentation fault": _SIGSEGV,
    "Aborted": _SIGABRT,
    "Bus error": _SIGBUS,
    "Floating point exception": _SIGFPE,
    "Floating-point exception": _SIGFPE,
    "Illegal instruction": _SIGILL,
}


@dataclass
class Source:
    """One writer's log and the run that it writes."""

    stored: StoredRun
    writer: Writer
    reader: logs.LogReader | None = None  # of a client on this host
    log: logs.LogWriter | None = None  # of a remote client
    key_sets: dict[int, KeySet] = field(default_factory=dict)
    heard_time: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_closed: bool = False
    damaged_count: int = 0


class Ingest:
    """Feeds the runs of a store from logs and from remote clients."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Takes the store and the folder of the logs."""
        self._store = store
        self._folder = folder
        self._sources: dict[str, Source] = {}
        self._unreadable: set[str] = set()
        self._ends: set[str] = set()  # writers whose end was told by nobody and is not in the catalog yet
        self._stopping = False
        self._last_scan = float("-inf")
        self.active_time = time.monotonic()
        self.accepted_row_count = 0
        self.problem = ""
        store.sealed = self._delete_sealed

    # -- life ------------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Replays the logs that a former daemon left."""
        for name in logs.remove_abandoned(self._folder):
            _log.info("removed %s, which a client died over before it held anything", name)
        for (prefix, writer_id), parts in logs.list_logs(self._folder).items():
            if prefix == "r":
                await self._recover_remote(writer_id, parts[0])
        await self._scan()

    async def run(self) -> None:
        """Reads and syncs logs until `stop`."""
        syncer = asyncio.ensure_future(self._supervise(self._sync_once, config.SYNC_SECONDS))
        try:
            await self._supervise(self._round, config.POLL_SECONDS)
        finally:
            syncer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await syncer

    async def _supervise(self, step: Callable[[], object], pause_seconds: float) -> None:
        while not self._stopping:
            try:
                await step()  # type: ignore[misc]
            except asyncio.CancelledError:
                raise
            except Exception:  # noqa: BLE001 - logged whole; one failure must not end the rest
                _log.exception("a round of ingest failed; the next one goes on")
            await asyncio.sleep(pause_seconds if self._sources else config.IDLE_SCAN_SECONDS)

    async def stop(self) -> None:
        """Takes in what is there, syncs it, and closes the logs; the next daemon goes on from them."""
        self._stopping = True
        for source in list(self._sources.values()):
            await self._drain(source)
        await self._sync_once()
        for source in self._sources.values():
            if source.reader is not None:
                source.reader.close()
            if source.log is not None:
                source.log.close()

    @property
    def open_writer_count(self) -> int:
        """How many writers are at work."""
        return sum(not source.is_closed for source in self._sources.values())

    # -- logs of this host -------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        now = time.monotonic()
        if now - self._last_scan >= config.SCAN_SECONDS:
            self._last_scan = now
            await self._scan()
            await self._close_gone()
        for source in list(self._sources.values()):
            if source.reader is not None and not source.is_closed:
                await self._drain(source)

    async def _scan(self) -> None:
        """Opens the logs that are new."""
        for (prefix, writer_id), parts in logs.list_logs(self._folder).items():
            if prefix == "w" and writer_id not in self._sources and writer_id not in self._unreadable:
                await self._open_log(writer_id, parts[0])

    async def _open_log(self, writer_id: str, first_part: int) -> Source | None:
        reader = logs.LogReader(self._folder, "w", writer_id, first_part)
        frames = reader.read()
        try:
            if not frames or not isinstance(frames[0], RecordFrame):
                raise InvalidArgument("the log does not begin with a record")
            begin = records.decode(frames[0].payload)
            if not isinstance(begin, Begin) or begin.writer_id != writer_id:
                raise InvalidArgument("the log does not begin with its own WriterBegin")
        except InvalidArgument as error:
            # Set aside in memory only: the file stays for `trackd doctor` and for a person.
            reader.close()
            self._unreadable.add(writer_id)
            _log.error("log %s cannot be read: %s", reader.path.name, error)
            return None
        stored, _ = await self._store.get_or_create(begin.project, begin.run_id, frames[0].time)
        if writer_id in self._sources:
            reader.close()
            return self._sources[writer_id]
        known = stored.run.writers.get(writer_id)
        # A writer whose end is in the catalog already stays ended; only its files are left to delete.
        writer = (
            known
            if known is not None and not known.is_open
            else stored.run.open_writer(begin, frames[0].time)
        )
        source = Source(stored, writer, reader=reader)
        self._sources[writer_id] = source
        async with source.lock:
            self._apply(source, frames)
        self._store.changed(stored.run)
        await self._drain(source)
        return source

    async def _drain(self, source: Source, is_final: bool = False) -> None:
        """Applies all that is in a log now, giving way to others between pieces."""
        reader = source.reader
        if reader is None:
            return
        async with source.lock:
            while frames := reader.read(is_final):
                self._apply(source, frames)
                await asyncio.sleep(0)
        if reader.damaged_count > source.damaged_count:
            health = source.stored.run.health
            lost = reader.damaged_count - source.damaged_count
            source.damaged_count = reader.damaged_count
            health.damaged_record_count += lost
            sentence = (
                f"{lost} records of the log {reader.path.name} are damaged on the disk and could not be read"
            )
            health.message = health.message or sentence
            _log.error("%s", sentence)

    def _apply(self, source: Source, frames: list[Frame]) -> None:
        run, writer = source.stored.run, source.writer
        for frame in frames:
            if isinstance(frame, RowFrames):
                self._apply_rows(source, frame)
                continue
            try:
                content = records.decode(frame.payload)
                if isinstance(content, Begin):
                    source.key_sets.clear()  # a new part declares its own
                elif isinstance(content, KeySet):
                    source.key_sets[content.key_set_id] = content
                elif frame.sequence > writer.sequence:
                    run.apply(writer, content, frame.time)
            except InvalidArgument as error:
                run.health.refuse(error.message)
            writer.sequence = max(writer.sequence, frame.sequence)
        self._after(source)

    def _apply_rows(self, source: Source, frame: RowFrames) -> None:
        run, writer, rows = source.stored.run, source.writer, frame.rows
        first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
        if last <= writer.sequence:
            return
        if first <= writer.sequence:
            rows = rows[writer.sequence + 1 - first :]
        key_set = source.key_sets.get(frame.key_set_id)
        try:
            if key_set is None or rows["words"].shape[1] != len(key_set.keys):
                raise InvalidArgument(f"{len(rows)} rows name a key set whose declaration is damaged")
            self.accepted_row_count += len(rows)
            # The columns of a frame lie apart and unaligned: copied once, everything after is quick.
            flags, steps, times, words = (
                np.ascontiguousarray(rows[name]) for name in ("flags", "step", "time", "words")
            )
            run.apply_rows(writer, key_set.keys, key_set.types, flags, steps, times, words, [])
        except InvalidArgument as error:
            run.health.refuse(error.message)
        writer.sequence = last

    def _after(self, source: Source) -> None:
        """Does what follows records: tells the readers, and seals when there is much or the run has ended."""
        self.active_time = source.heard_time = time.monotonic()
        stored = source.stored
        self._store.changed(stored.run)
        if stored.run.tail.point_count >= config.SEAL_POINTS:
            self._store.seal_soon(stored)

    async def _close_gone(self) -> None:
        """Ends the writers whose clients are gone, and seals runs that nobody writes any more."""
        now = time.monotonic()
        for writer_id, source in list(self._sources.items()):
            if not source.is_closed:
                if source.reader is not None:
                    if source.reader.is_writer_alive():
                        continue
                    await self._drain(source, is_final=True)
                    self._end(source)
                elif not source.writer.is_open:
                    source.is_closed = True
                elif now - source.heard_time > config.LEASE_SECONDS:
                    self._end(source)
                else:
                    continue
            run = source.stored.run
            if (
                source.is_closed
                and not self._is_written(run)
                and now - source.heard_time > config.SEAL_AFTER_END_SECONDS
            ):
                if (
                    source.writer.sealed_sequence < source.writer.sequence
                    or source.writer.writer_id in self._ends
                ):
                    self._store.seal_soon(source.stored)
                else:
                    self._delete_sealed(run)
                    self._sources.pop(writer_id, None)

    def _is_written(self, run: Run) -> bool:
        return any(source.stored.run is run and not source.is_closed for source in self._sources.values())

    def _end(self, source: Source) -> None:
        """Ends a writer whose client is gone, by its last words if it left any."""
        source.is_closed = True
        run, writer = source.stored.run, source.writer
        if not writer.is_open:
            return
        words = logs.read_last_words(self._folder, writer.writer_id) if source.reader is not None else ""
        if words:
            signal = next(
                (number for text, number in _FATAL_SIGNALS.items() if text in words[:200]), _SIGTERM
            )
            run.close_writer(writer, Event.KILLED, Finish(128 + signal, words, signal), run.update_time)
        else:
            reason = (
                "the process ended without a word: it was killed (SIGKILL, out of memory), or left by os._exit"
                if source.reader is not None
                else f"nothing was heard from the client for {config.LEASE_SECONDS:.0f} s"
            )
            run.close_writer(writer, Event.VANISHED, Finish(1, reason, 0), run.update_time)
        self._ends.add(writer.writer_id)
        self._store.changed(run)

    def _delete_sealed(self, run: Run) -> None:
        """Deletes the parts of logs behind what is sealed."""
        for writer_id, source in list(self._sources.items()):
            if source.stored.run is not run:
                continue
            writer = source.writer
            self._ends.discard(writer_id)
            if source.reader is not None:
                source.reader.delete_behind(writer.sealed_sequence, source.is_closed)
            elif source.log is not None and writer.sealed_sequence >= writer.sequence:
                source.log.delete()

    # -- durability ------------------------------------------------------------------------------------------------

    async def _sync_once(self) -> None:
        """Syncs the logs that grew, all in one round of the thread."""
        due = [
            (source, source.writer.sequence, source.stored.run.next_step)
            for source in self._sources.values()
            if source.reader is not None and source.writer.sequence > source.writer.durable_sequence
        ]
        if not due:
            return

        def sync_all() -> list[OSError | None]:
            results: list[OSError | None] = []
            for source, _, _ in due:
                try:
                    if source.reader is not None:
                        source.reader.sync()
                    results.append(None)
                except OSError as error:
                    results.append(error)
            return results

        results = await asyncio.to_thread(sync_all)
        for (source, sequence, step), error in zip(due, results, strict=True):
            run = source.stored.run
            if error is None:
                source.writer.durable_sequence = max(source.writer.durable_sequence, sequence)
                run.durable_step = max(run.durable_step, step)
                continue
            sentence = f"the disk failed to keep a log ({error.strerror}): what was logged last may not survive a power cut"
            self.problem = sentence
            run.health.message = run.health.message or sentence
            _log.error("sync of %s failed: %s", source.writer.writer_id, error)

    async def ring(self, writer_id: str, last_sequence: int) -> Source:
        """Takes in a log up to a sequence and syncs it; returns its source. Raises WriterNotFound."""
        source = self._sources.get(writer_id)
        if source is None:
            await self._scan()
            source = self._sources.get(writer_id)
        if source is None:
            raise WriterNotFound(f"no log of writer {writer_id[:40]!r} is in the store", writer_id=writer_id)
        await self._drain(source)
        if source.writer.durable_sequence < min(last_sequence, source.writer.sequence):
            async with source.lock:  # not twice at once
                await self._sync_once()
        return source

    async def forget(self, project: str, run_id: str) -> None:
        """Lets go of the logs of a run that is to be deleted; raises InvalidArgument while somebody writes it."""
        mine = [
            (writer_id, source)
            for writer_id, source in self._sources.items()
            if (source.stored.run.project, source.stored.run.run_id) == (project, run_id)
        ]
        if any(not source.is_closed for _, source in mine):
            raise InvalidArgument(
                f"run {run_id!r} is being written: finish it before deleting it", run_id=run_id
            )
        for writer_id, source in mine:
            if source.reader is not None:
                source.reader.delete_behind(source.writer.sequence, is_closed=True)
            elif source.log is not None:
                source.log.delete()
            del self._sources[writer_id]

    # -- remote clients --------------------------------------------------------------------------------------------

    async def create(self, begin: Begin, payload: bytes, now: int) -> tuple[StoredRun, bool]:
        """Opens a remote writer and its log; returns the run, and whether it was made by this call."""
        source = self._sources.get(begin.writer_id)
        if source is not None:
            return source.stored, False
        stored, created = await self._store.get_or_create(begin.project, begin.run_id, now)
        if begin.writer_id in self._sources:
            return stored, False
        writer = stored.run.open_writer(begin, now)
        source = Source(stored, writer, log=logs.LogWriter(self._folder, begin.writer_id, payload, now))
        self._sources[begin.writer_id] = source
        await self._write(source, [])
        self._after(source)
        return stored, created

    async def append(self, writer_id: str, first_sequence: int, batch: list[tuple[int, bytes]]) -> Source:
        """Appends records of a remote writer; durable when it returns.

        Args:
            writer_id: The writer, opened by `create` before.
            first_sequence: The sequence of the first record.
            batch: (time in nanoseconds, serialised Record) each.

        Raises:
            WriterNotFound: the writer was not opened here.
            SequenceGap: records are missing before the first.
            StorageUnavailable: the disk does not take them; the client sends them again.
        """
        source = self._sources.get(writer_id)
        if source is None or source.log is None:
            raise WriterNotFound(
                f"writer {writer_id[:40]!r} has not opened a run here: call CreateRun first",
                writer_id=writer_id,
            )
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
            if new:
                # A client that hangs up must not leave the log and the run apart: the work goes on without it.
                await asyncio.shield(self._write_and_apply(source, new))
        return source

    async def _write_and_apply(self, source: Source, new: list[tuple[int, int, bytes]]) -> None:
        await self._write(source, new)
        self._apply(source, [RecordFrame(sequence, when, payload) for sequence, when, payload in new])
        source.writer.durable_sequence = source.writer.sequence
        source.stored.run.durable_step = max(source.stored.run.durable_step, source.stored.run.next_step)
        if source.is_closed and source.writer.is_open:
            source.is_closed = False

    async def _write(self, source: Source, payloads: list[tuple[int, int, bytes]]) -> None:
        assert source.log is not None
        try:
            await asyncio.to_thread(source.log.append, payloads)
        except OSError as error:
            raise StorageUnavailable(f"the daemon's disk does not take records: {error.strerror}") from None

    async def _recover_remote(self, writer_id: str, first_part: int) -> None:
        reader = logs.LogReader(self._folder, "r", writer_id, first_part)
        source: Source | None = None
        try:
            while frames := reader.read(is_final=True):
                if source is None:
                    head = frames[0]
                    begin = records.decode(head.payload) if isinstance(head, RecordFrame) else None
                    if not isinstance(begin, Begin) or not isinstance(head, RecordFrame):
                        raise InvalidArgument("the log does not begin with its WriterBegin")
                    stored, _ = await self._store.get_or_create(begin.project, begin.run_id, head.time)
                    writer = stored.run.writers.get(writer_id) or stored.run.open_writer(begin, head.time)
                    log = logs.LogWriter(self._folder, writer_id, head.payload, head.time)
                    source = self._sources[writer_id] = Source(stored, writer, log=log)
                self._apply(source, frames)
        except TrackdError as error:
            _log.error("log %s cannot be read: %s", reader.path.name, error)
        finally:
            reader.close()
        if source is not None:
            source.writer.durable_sequence = source.writer.sequence
            source.stored.run.health.damaged_record_count += reader.damaged_count

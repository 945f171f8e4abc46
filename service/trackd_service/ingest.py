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
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackd_service import config, logs, records
from trackd_service.bell import Bell
from trackd_service.endings import explain_end, explain_silence
from trackd_service.errors import (
    InvalidArgument,
    SequenceGap,
    StorageUnavailable,
    TrackdError,
    WriterNotFound,
)
from trackd_service.exits import ProcessWatch
from trackd_service.frames import Frame, RecordFrame, RowFrames
from trackd_service.records import Begin, Finish, KeySet
from trackd_service.run_states import Event
from trackd_service.runs import Run
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.writers import Writer

_log = logging.getLogger("trackd.ingest")
_RETRY_SECONDS = 10.0  # a log that cannot be taken in now is tried again: its trouble may be the disk's
_EXIT_SECONDS = 2.0  # after which a process that has let go of its log, and has not ended, has left its run
_RECOVERED_PROJECT = "recovered"  # takes the rows of logs whose beginning is damaged


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
    part: int = -1  # that the key sets are of
    damaged_count: int = 0
    has_failed_sync: bool = False  # what the disk holds of the log is unknown: only sealing makes it durable
    watch: ProcessWatch | None = None  # of the process that writes, on this host
    told_alert_count: int = 0  # of the run, up to the last that the client was told of
    gone_time: float | None = (
        None  # since when the log is let go of, while it is not known how its process ended
    )

    def __post_init__(self) -> None:
        """Leaves out the alerts from before."""
        self.told_alert_count = self.stored.run.alert_count

    @property
    def is_watched_caller(self) -> bool:
        """Whether a process of this host writes by calls: no log that it lets go of tells of its end."""
        return self.reader is None and self.watch is not None

    def take_alerts(self) -> list[dict[str, Any]]:
        """Returns the run's alerts that the client was not told of yet."""
        run = self.stored.run
        count, self.told_alert_count = run.alert_count - self.told_alert_count, run.alert_count
        return run.alerts[-count:] if count else []

    @property
    def has_log(self) -> bool:
        """Whether there is a log; there is none of a remote writer whose records were sealed before a restart."""
        return self.reader is not None or self.log is not None


class Ingest:
    """Feeds the runs of a store from logs and from remote clients."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Takes the store and the folder of the logs."""
        self._store = store
        self._folder = folder
        self._sources: dict[str, Source] = {}
        self._retry_times: dict[str, float] = {}  # of logs that could not be taken in, by writer
        self._ends: set[str] = set()  # writers whose end was told by nobody and is not in the catalog yet
        self._stopping = False
        self._bell = Bell(folder)
        self._last_scan = float("-inf")
        self._unsynced = asyncio.Event()  # some log has grown since it was synced
        self.active_time = time.monotonic()
        self.accepted_row_count = 0
        self.problem = ""
        self.alerted: Callable[[Run, list[dict[str, Any]]], None] = lambda run, alerts: (
            None
        )  # told of new alerts
        self.store_rules: Callable[[], Sequence[str]] = tuple  # alert rules of every run
        self.opened = (
            asyncio.Event()
        )  # set when somebody begins to write, or says where the daemon may look around
        store.sealed = self._on_sealed

    # -- life ------------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Replays the logs that a former daemon left."""
        for name in logs.remove_abandoned(self._folder):
            _log.info("removed %s, which a client died over before it held anything", name)
        for (prefix, writer_id), parts in logs.list_logs(self._folder).items():
            if prefix == "r":
                await self._take_in(self._recover_remote, writer_id, parts)
        await self._scan()
        await self._recover_logless()

    async def run(self) -> None:
        """Reads and syncs logs until `stop`."""
        syncer = asyncio.ensure_future(self._supervise(self._sync_grown, lambda: config.SYNC_SECONDS))
        self._bell.open()
        try:
            await self._supervise(self._round, self._poll_seconds)
        finally:
            self._bell.close()
            syncer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await syncer

    def _is_quiet(self) -> bool:
        return time.monotonic() - self.active_time > config.QUIET_SECONDS

    def _poll_seconds(self) -> float:
        return 0.0 if self._is_quiet() or not self._sources else config.POLL_SECONDS

    async def _wait_for_word(self) -> bool:
        """Waits, while all is quiet, until there may be something to do; returns whether the folder is to be listed."""
        readers = [
            source.reader
            for source in self._sources.values()
            if source.reader is not None and not source.is_closed
        ]
        # An ended run is sealed a moment later, and how a process ended is known a moment after it let go.
        written = self._written_runs()
        is_expecting = any(
            id(source.stored.run) not in written
            or (not source.is_closed and (source.gone_time is not None or source.is_watched_caller))
            for source in self._sources.values()
        )
        if self._bell.can_ring and all(reader.is_resting() for reader in readers):
            return await self._bell.wait(
                config.QUIET_SCAN_SECONDS if is_expecting else config.RESTING_SCAN_SECONDS
            )
        if not readers:
            return await self._bell.wait(config.QUIET_SCAN_SECONDS)
        # A thread looks at the logs: each wake of the event loop costs three times as much.
        deadline = time.monotonic() + config.QUIET_SCAN_SECONDS

        def look() -> None:
            while not self._stopping and time.monotonic() < deadline:
                time.sleep(config.QUIET_POLL_SECONDS)
                if any(reader.is_grown() for reader in readers):
                    return

        await asyncio.to_thread(look)
        return await self._bell.wait(0.0)

    async def _supervise(self, step: Callable[[], object], pause_seconds: Callable[[], float]) -> None:
        while not self._stopping:
            try:
                await step()  # type: ignore[misc]
            except asyncio.CancelledError:
                raise
            except Exception:  # noqa: BLE001 - logged whole; one failure must not end the rest
                _log.exception("a round of ingest failed; the next one goes on")
            await asyncio.sleep(pause_seconds())

    async def stop(self) -> None:
        """Takes in what is there, syncs it, and closes the logs; the next daemon goes on from them."""
        self._stopping = True
        self._bell.ring()
        for source in list(self._sources.values()):
            await self._drain(source)
        await self._sync_once()
        for source in self._sources.values():
            if source.reader is not None:
                source.reader.close()
            if source.log is not None:
                source.log.close()

    @property
    def open_writer_ids(self) -> set[str]:
        """Which writers are at work, the daemon's own left out."""
        return {
            writer_id
            for writer_id, source in self._sources.items()
            if not source.is_closed and source.writer.role != "observer"
        }

    def open_sources(self) -> list[Source]:
        """Returns the sources of writers at work, the daemon's own left out."""
        return [
            source
            for source in self._sources.values()
            if not source.is_closed and source.writer.is_open and source.writer.role != "observer"
        ]

    async def log_bytes(self) -> int:
        """Returns how much the logs take, in bytes on the disk."""

        def measure() -> int:
            return sum(
                entry.stat().st_blocks * 512
                for entry in os.scandir(self._folder)
                if entry.is_file(follow_symlinks=False)
            )

        return await asyncio.to_thread(measure)

    # -- logs of this host -------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        has_word = False
        if self._is_quiet() or not self._sources:
            has_word = await self._wait_for_word()
        now = time.monotonic()
        pause_seconds = config.QUIET_SCAN_SECONDS if self._is_quiet() else config.SCAN_SECONDS
        if has_word or now - self._last_scan >= pause_seconds:
            self._last_scan = now
            await self._scan()
            await self._close_gone()
        for source in list(self._sources.values()):
            if source.reader is not None and not source.is_closed:
                await self._drain(source)

    async def _scan(self) -> None:
        """Opens the logs that are new, the oldest first: a later writer of a run goes on behind an earlier one."""
        new = [
            (writer_id, parts)
            for (prefix, writer_id), parts in logs.list_logs(self._folder).items()
            if prefix == "w" and writer_id not in self._sources and self._is_due(writer_id)
        ]
        if len(new) > 1:
            new.sort(key=lambda each: self._begin_time(*each))
        for writer_id, parts in new:
            await self._take_in(self._open_log, writer_id, parts)

    def _begin_time(self, writer_id: str, parts: list[int]) -> int:
        with contextlib.suppress(OSError):
            head = logs.read_head(self._folder, logs.LogName("w", writer_id, parts[0]))
            return 0 if head is None else head.time
        return 0

    def _is_due(self, writer_id: str) -> bool:
        return time.monotonic() >= self._retry_times.get(writer_id, 0.0)

    async def _take_in(
        self, take: Callable[[str, list[int]], Awaitable[None]], writer_id: str, parts: list[int]
    ) -> None:
        """Takes in a log; its trouble, whatever it is, keeps no other log out and is met again later."""
        try:
            await take(writer_id, parts)
            self._retry_times.pop(writer_id, None)
        except Exception as error:  # noqa: BLE001 - logged whole
            self._retry_times[writer_id] = time.monotonic() + _RETRY_SECONDS
            self.problem = f"the log of writer {writer_id} cannot be taken in: {error}"
            _log.error("%s", self.problem, exc_info=not isinstance(error, TrackdError))

    async def _open_log(self, writer_id: str, parts: list[int]) -> None:
        begin, create_time = self._read_begin("w", writer_id, parts)[:2]
        stored, _ = await self._store.get_or_create(begin.project, begin.run_id, create_time)
        if writer_id in self._sources:
            return
        starting_step = 0
        if writer_id not in stored.run.writers:
            starting_step = await self._begin_history(stored, begin, create_time)
            if writer_id in self._sources:
                return
        known = stored.run.writers.get(writer_id)
        # A writer whose end is in the catalog already stays ended; only its files are left to delete.
        is_ended = known is not None and not known.is_open
        if known is not None and is_ended:
            writer = known
        else:
            stored.run.watch_by(self.store_rules())
            writer = stored.run.open_writer(begin, create_time, starting_step)
        reader = logs.LogReader(self._folder, "w", writer_id, parts[0], known_sequence=writer.sequence)
        source = self._sources[writer_id] = Source(stored, writer, reader=reader)
        if not is_ended:
            source.watch = ProcessWatch.open(
                begin.process.get("pid", 0), self._folder / str(logs.LogName("w", writer_id, parts[-1]))
            )
            self.opened.set()
        if begin.project == _RECOVERED_PROJECT:
            stored.run.health.message = (
                f"the beginning of the log of writer {writer_id} is damaged: whose it was is lost"
            )
        self._store.changed(stored.run)
        await self._drain(source)

    async def _begin_history(self, stored: StoredRun, begin: Begin, time: int) -> int:
        """Returns where a new writer's automatic steps begin, having made the history that it begins with.

        What is decided is kept: a daemon that replays the logs later may find other writers alive or gone.
        """
        alive = set()
        for source in list(self._sources.values()):
            if source.stored is not stored or not source.writer.is_open:
                continue
            if source.reader is None or source.reader.is_writer_alive():
                alive.add(source.writer.writer_id)
                continue
            await self._drain(source, is_final=True)
            if not self._store.keeper.is_behind(stored):
                self._end(source)  # before the new writer, whose end will be the run's
        return await self._store.begin_history(stored, begin, stored.run.next_start(begin, time, alive))

    def _read_begin(self, prefix: str, writer_id: str, parts: list[int]) -> tuple[Begin, int, bytes]:
        """Returns who writes a log, since when, and the record that says so.

        Every part begins with that record. Where it is damaged in all of them, a run of its own takes what the log holds.
        """
        for part in parts:
            name = logs.LogName(prefix, writer_id, part)
            if logs.is_of_later_version(self._folder / str(name)):
                raise InvalidArgument(f"{name} was written by a later version of trackd: update trackd")
            head = logs.read_head(self._folder, name)
            if head is not None:
                with contextlib.suppress(InvalidArgument):
                    begin = records.decode(head.payload)
                    if isinstance(begin, Begin) and begin.writer_id == writer_id:
                        return begin, head.time, head.payload
        _log.error(
            "the log of writer %s does not say whose it is: its rows go to %s", writer_id, _RECOVERED_PROJECT
        )
        start = records.Update(
            notes="The beginning of this run's log is damaged: project, name and config are lost."
        )
        run_id = writer_id[: config.NAME_CHARACTERS_MAX]
        begin = Begin(_RECOVERED_PROJECT, run_id, writer_id, "primary", start, {}, False, "", "", None)
        return begin, time.time_ns(), b""

    async def _drain(self, source: Source, is_final: bool = False) -> None:
        """Applies all that is in a log now, giving way to others between pieces."""
        reader = source.reader
        if reader is None:
            return
        async with source.lock:
            while frames := reader.read(is_final):
                self._apply(source, frames)
                await asyncio.sleep(0)
                if self._store.keeper.is_behind(source.stored):
                    break  # what is not encoded yet is held in memory: the rest waits in the log
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
        if source.reader is not None and source.part != source.reader.part:
            # A part declares its own key sets: rows must never be read by those of another.
            source.part = source.reader.part
            source.key_sets.clear()
        data_path = "" if source.reader is None else str(source.reader.data_path)
        data_bytes = run.tail.data_bytes
        for frame in frames:
            if isinstance(frame, RowFrames):
                self._apply_rows(source, frame)
                continue
            try:
                content = records.decode(frame.payload, data_path)
                if isinstance(content, Begin):
                    pass  # it opened the writer
                elif isinstance(content, KeySet):
                    source.key_sets[content.key_set_id] = content
                elif frame.sequence > writer.sequence:
                    run.apply(writer, content, frame.time)
            except InvalidArgument as error:
                run.health.refuse(error.message)
            except Exception:  # noqa: BLE001 - logged whole
                # A fault of ours costs this record, never the ones behind it.
                _log.exception("record %d of writer %s failed", frame.sequence, writer.writer_id)
                run.health.refuse("a record could not be applied: see daemon.log")
            writer.sequence = max(writer.sequence, frame.sequence)
        if source.reader is not None and run.tail.data_bytes > data_bytes:
            source.reader.note_data()
        self._after(source)

    def _apply_rows(self, source: Source, frame: RowFrames) -> None:
        run, writer, rows = source.stored.run, source.writer, frame.rows
        first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
        if last <= writer.sequence:
            return
        if first <= writer.sequence:
            rows = rows[writer.sequence + 1 - first :]
        key_set = source.key_sets.get(frame.key_set_id)
        if key_set is None or rows["words"].shape[1] != len(key_set.keys):
            sentence = (
                f"{len(rows)} rows of writer {writer.writer_id} name a key set whose declaration is damaged"
            )
            run.health.damaged_record_count += len(rows)
            run.health.message = run.health.message or sentence
            _log.error("%s", sentence)
            writer.sequence = last
            return
        try:
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
        source.heard_time = time.monotonic()
        if source.writer.role != "observer":
            self.active_time = source.heard_time
            self._unsynced.set()
            self._bell.ring()
        stored = source.stored
        self._store.changed(stored.run)
        self.tell_alerts(stored.run)
        if stored.run.unexplored:
            self.opened.set()
        if stored.run.files_to_keep or stored.run.unencoded:
            self._store.keeper.keep_soon(stored)
        tail = stored.run.tail
        if (
            tail.point_count >= config.SEAL_POINTS
            or tail.text_bytes >= config.SEAL_TEXT_BYTES
            or tail.data_bytes >= config.SEAL_DATA_BYTES
        ):
            self._store.seal_soon(stored)

    def tell_alerts(self, run: Run) -> None:
        """Tells of the alerts of a run that are new."""
        if run.new_alerts:
            alerts, run.new_alerts = run.new_alerts, []
            self.alerted(run, alerts)

    def warn(self, run: Run, title: str, text: str) -> None:
        """Raises an alert of the daemon's own on a run; the same once in six hours."""
        run.warn(title, text, time.time_ns())
        self._store.changed(run)
        self.tell_alerts(run)

    async def _close_gone(self) -> None:
        """Ends the writers whose clients are gone, and seals runs that nobody writes any more."""
        now = time.monotonic()
        for writer_id, source in list(self._sources.items()):
            if not source.is_closed:
                if source.reader is not None:
                    if source.reader.is_writer_alive():
                        source.gone_time = None
                        continue
                    await self._drain(source, is_final=True)
                    if source.writer.is_open and not self._is_end_known(source):
                        continue
                    if self._store.keeper.is_behind(source.stored):
                        continue  # the rest of the log waits: looked at again
                    self._end(source)
                elif not source.writer.is_open:
                    source.is_closed = True
                    source.watch = self._unwatch(source)
                elif source.writer.role == "observer":
                    if self._is_written(source.stored.run):
                        continue
                    source.stored.run.close_writer(
                        source.writer, Event.FINISHED, Finish(0, "", 0), source.stored.run.update_time
                    )
                    source.is_closed = True
                    self._ends.add(writer_id)
                elif source.lock.locked():
                    continue  # a call of it is at work
                elif (
                    now - source.heard_time > config.LEASE_SECONDS
                    if source.watch is None
                    else source.watch.exit() is not None
                ):
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
        """Says whether a writer other than the daemon's own is at work."""
        return id(run) in self._written_runs()

    def _written_runs(self) -> set[int]:
        """Returns the `id()` of every run that is written by a writer other than the daemon's own."""
        return {
            id(source.stored.run)
            for source in self._sources.values()
            if not source.is_closed and source.writer.role != "observer"
        }

    def _is_end_known(self, source: Source) -> bool:
        """Says whether it is known how a process that has let go of its log ended, or whether it is too late to wait."""
        if source.watch is None or source.watch.exit() is not None:
            return True
        # A process lets go of its files a moment before its end can be asked for; one that goes on has left the run.
        source.gone_time = source.gone_time or time.monotonic()
        return time.monotonic() - source.gone_time > _EXIT_SECONDS

    def _end(self, source: Source) -> None:
        """Ends a writer whose client is gone: by what the system knows of its process, else by its last words."""
        source.is_closed = True
        run, writer = source.stored.run, source.writer
        end, source.watch = None if source.watch is None else source.watch.exit(), self._unwatch(source)
        if not writer.is_open:
            return
        words = "" if source.reader is None else logs.read_last_words(self._folder, writer.writer_id)
        is_silent = source.reader is None and end is None
        event, finish = explain_silence() if is_silent else explain_end(run, writer, words, end)
        run.close_writer(writer, event, finish, writer.update_time)
        self.tell_alerts(run)
        self._ends.add(writer.writer_id)
        self._store.changed(run)

    @staticmethod
    def _unwatch(source: Source) -> None:
        if source.watch is not None:
            source.watch.close()

    def _on_sealed(self, run: Run, ended_writers: set[str]) -> None:
        """Takes note of what a seal has committed: the ends of writers among it, and deletes what stands behind it."""
        self._ends -= ended_writers
        for source in self._sources.values():
            if source.stored.run is run:
                # A segment is synced before it counts.
                source.writer.durable_sequence = max(
                    source.writer.durable_sequence, source.writer.sealed_sequence
                )
        self._delete_sealed(run)

    def _delete_sealed(self, run: Run) -> None:
        """Deletes the parts of logs behind what is sealed."""
        for source in self._sources.values():
            if source.stored.run is not run:
                continue
            writer = source.writer
            if source.reader is not None:
                source.reader.delete_behind(writer.sealed_sequence, source.is_closed)
            elif source.log is not None and writer.sealed_sequence >= writer.sequence:
                source.log.delete()

    # -- durability ------------------------------------------------------------------------------------------------

    async def _sync_grown(self) -> None:
        """Waits until a log has grown, and syncs all that have."""
        await self._unsynced.wait()
        self._unsynced.clear()
        try:
            await self._sync_once()
        except BaseException:
            self._unsynced.set()  # the next round tries again
            raise

    async def _sync_once(self) -> None:
        """Syncs the logs that grew, all in one round of the thread."""
        # The files are taken here, not in the thread: a reader goes on to its next part meanwhile.
        due = [
            (source, source.writer.sequence, source.stored.run.next_step, source.reader.take_unsynced())
            for source in self._sources.values()
            if source.reader is not None
            and source.writer.sequence > source.writer.durable_sequence
            and not source.has_failed_sync
        ]
        if not due:
            return

        def sync_all() -> list[OSError | None]:
            results: list[OSError | None] = []
            for *_, descriptors in due:
                try:
                    logs.sync_and_close(descriptors)
                    results.append(None)
                except OSError as error:
                    results.append(error)
            return results

        results = await asyncio.to_thread(sync_all)
        for (source, sequence, step, _), error in zip(due, results, strict=True):
            run = source.stored.run
            if error is None:
                source.writer.durable_sequence = max(source.writer.durable_sequence, sequence)
                run.durable_step = max(run.durable_step, step)
                continue
            sentence = f"the disk failed to keep a log ({error.strerror}): what was logged last may not survive a power cut"
            self.problem = sentence
            run.health.message = run.health.message or sentence
            _log.error("sync of %s failed: %s", source.writer.writer_id, error)
            # Another sync would succeed and mean nothing: the kernel forgets pages that it failed to write.
            source.has_failed_sync = True
            self._store.seal_soon(source.stored)

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
            # A client that hangs up must not leave a sync half done, whose outcome nobody would see.
            await asyncio.shield(self._sync_source(source, last_sequence))
        return source

    async def _sync_source(self, source: Source, last_sequence: int) -> None:
        async with source.lock:  # not twice at once
            if source.writer.durable_sequence < min(last_sequence, source.writer.sequence):
                await self._sync_once()

    async def forget(self, project: str, run_id: str) -> None:
        """Lets go of the logs of a run that is to be deleted; raises InvalidArgument while somebody writes it."""
        mine = [
            (writer_id, source)
            for writer_id, source in self._sources.items()
            if (source.stored.run.project, source.stored.run.run_id) == (project, run_id)
        ]
        if any(source.writer.is_open and source.writer.role != "observer" for _, source in mine):
            raise InvalidArgument(
                f"run {run_id!r} is being written: finish it before deleting it", run_id=run_id
            )
        for writer_id, source in mine:
            self._unwatch(source)
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
            self._check_run(source, (begin.project, begin.run_id))
        if source is not None and source.has_log:
            return source.stored, False
        stored, created = await self._store.get_or_create(begin.project, begin.run_id, now)
        starting_step = 0
        if begin.writer_id not in stored.run.writers:
            starting_step = await self._begin_history(stored, begin, now)
        source = self._sources.get(begin.writer_id)
        if source is not None and source.has_log:
            return stored, False
        stored.run.watch_by(self.store_rules())
        writer = stored.run.open_writer(begin, now, starting_step)
        if source is not None:
            self._unwatch(source)  # waited for since a restart: it came back, and is watched anew
        source = Source(stored, writer, log=logs.LogWriter(self._folder, begin.writer_id, payload, now))
        self._sources[begin.writer_id] = source
        self._watch_caller(source)
        await self._write(source, [])
        self._after(source)
        return stored, created

    def _watch_caller(self, source: Source) -> None:
        """Watches the process of a writer by calls, where it is one of this host: it holds the lock's file open."""
        if source.writer.is_open and source.writer.role != "observer":
            lock = self._folder.parent / config.LOCK_NAME
            source.watch = ProcessWatch.open(source.writer.process.get("pid", 0), lock)
            self.opened.set()

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
            log = logs.LogWriter(self._folder, begin.writer_id, payload, now)
            source = self._sources[begin.writer_id] = Source(stored, writer, log=log)
        async with source.lock:
            first = source.writer.sequence + 1
            new = [(first + offset, now, record) for offset, record in enumerate(made)]
            await self._write(source, new, is_synced=False)
            self._apply(source, [RecordFrame(*each) for each in new])

    async def append(
        self, run: tuple[str, str], writer_id: str, first_sequence: int, batch: list[tuple[int, bytes]]
    ) -> Source:
        """Appends records of a remote writer; durable when it returns. None at all is a sign of life.

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
        """Appends the last record of a remote writer, as `append` does; raises also when it cannot be the last."""
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
            self._apply(source, [RecordFrame(sequence, when, payload) for sequence, when, payload in new])
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

    async def _recover_remote(self, writer_id: str, parts: list[int]) -> None:
        begin, create_time, payload = self._read_begin("r", writer_id, parts)
        if not payload:
            raise InvalidArgument("no part of the log begins with its WriterBegin")
        stored, _ = await self._store.get_or_create(begin.project, begin.run_id, create_time)
        run = stored.run
        writer = run.writers.get(writer_id)
        if writer is None:
            writer = run.open_writer(
                begin, create_time, await self._begin_history(stored, begin, create_time)
            )
        reader = logs.LogReader(self._folder, "r", writer_id, parts[0], known_sequence=writer.sequence)
        log = logs.LogWriter(self._folder, writer_id, payload, create_time)
        source = self._sources[writer_id] = Source(stored, writer, log=log)
        try:
            while frames := reader.read(is_final=True):
                self._apply(source, frames)
        finally:
            reader.close()
        self._watch_caller(source)
        writer.durable_sequence = writer.sequence
        run.health.damaged_record_count += reader.damaged_count

    async def _recover_logless(self) -> None:
        """Waits also for remote writers whose records were all sealed: they come back, or are gone after a while."""
        try:
            keys = await self._store.on_catalog(self._store.catalog.running_keys)
        except Exception as error:  # noqa: BLE001 - logged whole; what a damaged catalog still gives is served
            _log.exception("the catalog is damaged")
            self.problem = f"the catalog is damaged: {error}"
            return
        for project, run_id in keys:
            try:
                stored = await self._store.get(project, run_id)
            except Exception:  # noqa: BLE001 - logged whole; one damaged entry must not keep the daemon from starting
                _log.exception("run %s of project %s cannot be loaded", run_id, project)
                continue
            for writer in stored.run.writers.values():
                if writer.is_open and writer.writer_id not in self._sources:
                    source = self._sources[writer.writer_id] = Source(stored, writer)
                    self._watch_caller(source)

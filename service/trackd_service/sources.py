"""Owns the sources of runs: each is one writer, with the log or the calls that it writes by; and what follows their records.

Invariants:
- Exactly once by (writer, sequence): a record at or below the writer's sequence changes nothing, whoever brings it.
- One writer's trouble stays its own: an error in one log is counted on its run and reaches no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackd_service import config, logs, records
from trackd_service.bell import Bell
from trackd_service.endings import explain_end, explain_silence
from trackd_service.errors import InvalidArgument
from trackd_service.exits import ProcessWatch
from trackd_service.frames import Frame, RowFrames
from trackd_service.records import Begin, KeySet
from trackd_service.runs import Run
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.writers import Writer

RECOVERED_PROJECT = "recovered"  # takes the rows of logs whose beginning is damaged

_log = logging.getLogger("trackd.ingest")


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
    gone_time: float | None = None  # since when the log is let go of, how its process ended not being known

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

    @property
    def is_at_work(self) -> bool:
        """Whether somebody other than the daemon itself writes."""
        return not self.is_closed and self.writer.role != "observer"

    def apply(self, frames: list[Frame]) -> None:
        """Applies what the run does not have yet, in order."""
        run, writer = self.stored.run, self.writer
        if self.reader is not None and self.part != self.reader.part:
            # A part declares its own key sets: rows must never be read by those of another.
            self.part = self.reader.part
            self.key_sets.clear()
        data_path = "" if self.reader is None else str(self.reader.data_path)
        data_bytes = run.tail.data_bytes
        for frame in frames:
            if isinstance(frame, RowFrames):
                self._apply_rows(frame)
                continue
            try:
                content = records.decode(frame.payload, data_path)
                if isinstance(content, Begin):
                    pass  # it opened the writer
                elif isinstance(content, KeySet):
                    self.key_sets[content.key_set_id] = content
                elif frame.sequence > writer.sequence:
                    run.apply(writer, content, frame.time)
            except InvalidArgument as error:
                run.health.refuse(error.message)
            except Exception:  # noqa: BLE001 - logged whole
                # A fault of ours costs this record, never the ones behind it.
                _log.exception("record %d of writer %s failed", frame.sequence, writer.writer_id)
                run.health.refuse("a record could not be applied: see daemon.log")
            writer.sequence = max(writer.sequence, frame.sequence)
        if self.reader is not None and run.tail.data_bytes > data_bytes:
            self.reader.note_data()

    def _apply_rows(self, frame: RowFrames) -> None:
        run, writer, rows = self.stored.run, self.writer, frame.rows
        first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
        if last <= writer.sequence:
            return
        if first <= writer.sequence:
            rows = rows[writer.sequence + 1 - first :]
        key_set = self.key_sets.get(frame.key_set_id)
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
            # The columns of a frame lie apart and unaligned: copied once, everything after is quick.
            flags, steps, times, words = (
                np.ascontiguousarray(rows[name]) for name in ("flags", "step", "time", "words")
            )
            run.apply_rows(writer, key_set.keys, key_set.types, flags, steps, times, words, [])
        except InvalidArgument as error:
            run.health.refuse(error.message)
        writer.sequence = last

    def unwatch(self) -> None:
        """Lets go of the process that writes."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None


class Sources:
    """All sources, by writer.

    Attributes:
        folder: Where the logs are.
        bell: Rung when something is heard, for who waits while all is quiet.
        grown: Set when a log has grown since it was synced.
        opened: Set when somebody begins to write, or says where the daemon may look around.
        active_time: When somebody was heard last, on the monotonic clock.
        unsealed_ends: The writers whose end was told by nobody and is not in the catalog yet.
        alerted: Told of new alerts of a run.
        store_rules: Returns the alert rules of every run.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        """Takes the store, and the folder of the logs."""
        self._store = store
        self._by_writer: dict[str, Source] = {}
        self.folder = folder
        self.bell = Bell(folder)
        self.grown = asyncio.Event()
        self.opened = asyncio.Event()
        self.active_time = time.monotonic()
        self.unsealed_ends: set[str] = set()
        self.alerted: Callable[[Run, list[dict[str, Any]]], None] = lambda run, alerts: None
        self.store_rules: Callable[[], Sequence[str]] = tuple

    def get(self, writer_id: str) -> Source | None:
        """Returns the source of a writer, or None."""
        return self._by_writer.get(writer_id)

    def add(self, source: Source) -> Source:
        """Takes a source, in the place of an older one of its writer."""
        self._by_writer[source.writer.writer_id] = source
        return source

    def remove(self, source: Source) -> None:
        """Lets go of a source."""
        source.unwatch()
        if self._by_writer.get(source.writer.writer_id) is source:
            del self._by_writer[source.writer.writer_id]

    def __contains__(self, writer_id: str) -> bool:
        """Says whether a writer has a source."""
        return writer_id in self._by_writer

    def __iter__(self) -> Iterator[Source]:
        """Goes through the sources as they are now, whatever comes or goes meanwhile."""
        return iter(list(self._by_writer.values()))

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._by_writer)

    @property
    def open_writer_ids(self) -> set[str]:
        """Which writers are at work, the daemon's own left out."""
        return {writer_id for writer_id, source in self._by_writer.items() if source.is_at_work}

    def at_work(self) -> list[Source]:
        """Returns the sources of writers at work, the daemon's own left out."""
        return [source for source in self._by_writer.values() if source.is_at_work and source.writer.is_open]

    def is_written(self, run: Run) -> bool:
        """Says whether a writer other than the daemon's own is at work."""
        return id(run) in self.written_runs()

    def written_runs(self) -> set[int]:
        """Returns the `id()` of every run that is written by a writer other than the daemon's own."""
        return {id(source.stored.run) for source in self._by_writer.values() if source.is_at_work}

    async def begin_history(self, stored: StoredRun, begin: Begin, time: int) -> int:
        """Returns where a new writer's automatic steps begin, having made the history that it begins with.

        What is decided is kept: a daemon that replays the logs later may find other writers alive or gone.
        """
        alive = set()
        for source in list(self._by_writer.values()):
            if source.stored is not stored or not source.writer.is_open:
                continue
            if source.reader is None or source.reader.is_writer_alive():
                alive.add(source.writer.writer_id)
                continue
            await self.drain(source, is_final=True)
            if not self._store.keeper.is_behind(stored):
                self.end(source)  # before the new writer, whose end will be the run's
        return await self._store.begin_history(stored, begin, stored.run.next_start(begin, time, alive))

    async def drain(self, source: Source, is_final: bool = False) -> None:
        """Applies all that is in a log now, giving way to others between pieces."""
        reader = source.reader
        if reader is None:
            return
        async with source.lock:
            while frames := reader.read(is_final):
                self.apply(source, frames)
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

    def apply(self, source: Source, frames: list[Frame]) -> None:
        """Applies records of a source, and does what follows: readers are told, and much is sealed."""
        source.apply(frames)
        self.follow(source)

    def follow(self, source: Source) -> None:
        """Does what follows records: tells the readers, and seals when there is much or the run has ended."""
        source.heard_time = time.monotonic()
        if source.writer.role != "observer":
            self.active_time = source.heard_time
            self.grown.set()
            self.bell.ring()
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

    def end(self, source: Source) -> None:
        """Ends a writer whose client is gone: by what the system knows of its process, else by its last words."""
        source.is_closed = True
        run, writer = source.stored.run, source.writer
        end = None if source.watch is None else source.watch.exit()
        source.unwatch()
        if not writer.is_open:
            return
        words = "" if source.reader is None else logs.read_last_words(self.folder, writer.writer_id)
        is_silent = source.reader is None and end is None
        event, finish = explain_silence() if is_silent else explain_end(run, writer, words, end)
        run.close_writer(writer, event, finish, writer.update_time)
        self.tell_alerts(run)
        self.unsealed_ends.add(writer.writer_id)
        self._store.changed(run)


def read_begin(folder: Path, prefix: str, writer_id: str, parts: list[int]) -> tuple[Begin, int, bytes]:
    """Returns who writes a log, since when, and the record that says so.

    Every part begins with that record. Where it is damaged in all of them, a run of its own takes what the log holds.
    """
    for part in parts:
        name = logs.LogName(prefix, writer_id, part)
        if logs.is_of_later_version(folder / str(name)):
            raise InvalidArgument(f"{name} was written by a later version of trackd: update trackd")
        head = logs.read_head(folder, name)
        if head is not None:
            with contextlib.suppress(InvalidArgument):
                begin = records.decode(head.payload)
                if isinstance(begin, Begin) and begin.writer_id == writer_id:
                    return begin, head.time, head.payload
    _log.error(
        "the log of writer %s does not say whose it is: its rows go to %s", writer_id, RECOVERED_PROJECT
    )
    start = records.Update(
        notes="The beginning of this run's log is damaged: project, name and config are lost."
    )
    run_id = writer_id[: config.NAME_CHARACTERS_MAX]
    begin = Begin(RECOVERED_PROJECT, run_id, writer_id, "primary", start, {}, False, "", "", None)
    return begin, time.time_ns(), b""

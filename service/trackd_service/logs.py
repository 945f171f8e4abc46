"""Owns the log files of writers: finding them, reading them while they grow, syncing, and writing them for remote clients.

Invariants:
- A log is the truth until its records are sealed: it is deleted part by part, and only behind the sealed sequence.
- `w-` logs are a client's: read, synced and deleted here, never written. `r-` logs are written here, for clients that
  cannot spool; a part that has seen a failed write or sync is never written again.
- Whether a client lives is told by the lock on its newest part, never by a pid.
- Damage costs the damaged records: the reader goes on at the next whole frame, and counts what is missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trackd_service import config
from trackd_service.frames import (
    CHECKSUM,
    MAGIC,
    RESTING,
    Frame,
    RecordFrame,
    find_next,
    is_unwritten,
    parse,
    record_frame,
)

PART_BYTES_MAX = 64 << 20  # of the logs written here


@dataclass(frozen=True, slots=True)
class LogName:
    """The name of one part of a log: `w-WRITER.0003.log`."""

    prefix: str
    writer_id: str
    part: int

    def __str__(self) -> str:
        """Returns the file's name."""
        return f"{self.prefix}-{self.writer_id}.{self.part:04d}.log"

    @staticmethod
    def parse(name: str) -> LogName | None:
        """Returns what a file's name says, or None when the file is no log."""
        head, _, rest = name.partition("-")
        writer_id, _, tail = rest.partition(".")
        part, _, ending = tail.partition(".")
        if head in ("w", "r") and ending == "log" and writer_id.isalnum() and part.isdigit():
            return LogName(head, writer_id, int(part))
        return None


def list_logs(folder: Path) -> dict[tuple[str, str], list[int]]:
    """Returns the parts of every log in a folder, ascending, by (prefix, writer id)."""
    logs: dict[tuple[str, str], list[int]] = {}
    for name in os.listdir(folder):
        parsed = LogName.parse(name)
        if parsed is not None:
            logs.setdefault((parsed.prefix, parsed.writer_id), []).append(parsed.part)
    for parts in logs.values():
        parts.sort()
    return logs


def is_locked(path: Path) -> bool:
    """Says whether a live client holds the lock of a part; one that cannot be looked at is taken as held."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:  # no descriptor is free, or the disk is in trouble: no reason to give a live client up
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_of_later_version(path: Path) -> bool:
    """Says whether a part was written by a trackd that knows a later layout."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError:
        return False
    return magic[:-1] == MAGIC[:-1] and magic[-1:].isdigit() and magic > MAGIC


def read_head(folder: Path, name: LogName) -> RecordFrame | None:
    """Returns the first record of a part, which says whose it is; None when it is damaged or cannot be read."""
    try:
        with (folder / str(name)).open("rb") as file:
            file.seek(len(MAGIC))
            frames = parse(file.read(config.READ_BYTES), config.FRAME_BYTES_MAX).frames
    except OSError:
        return None
    return frames[0] if frames and isinstance(frames[0], RecordFrame) else None


@dataclass
class LogReader:
    """Reads one writer's log from a part on, while it grows.

    Attributes:
        sequence: Of the last frame returned.
        known_sequence: Up to which the records are known already: what is damaged there is not missed.
        damaged_count: How many records are missing because of damage, as far as their sequences tell.
        part_ends: For every part read to its end, the sequence of its last frame.
    """

    folder: Path
    prefix: str
    writer_id: str
    part: int
    sequence: int = 0
    known_sequence: int = 0
    damaged_count: int = 0
    part_ends: dict[int, int] = field(default_factory=dict)
    _descriptor: int = -1
    _position: int = 0
    _next: tuple[int, str] = (-1, "")  # the next part's number and path
    _stuck_count: int = 0  # how many reads in a row have met the same damage
    _damaged_parts: set[int] = field(default_factory=set)
    _retired: list[int] = field(
        default_factory=list
    )  # descriptors of parts read to their end, not synced yet
    _data_parts: set[int] = field(
        default_factory=set
    )  # parts whose data files have grown since the last sync
    _is_named: bool = False  # whether the folder has been synced since the part was opened

    def read(self, is_final: bool = False) -> list[Frame]:
        """Returns the next whole frames of one part, at most about 1 MiB of them; empty when there are none now.

        Args:
            is_final: Whether the writer is gone, so that what is not whole now never will be.
        """
        if self._descriptor < 0 and not self._open():
            return []
        head = os.pread(self._descriptor, 4, self._position)
        size = max(config.READ_BYTES, int.from_bytes(head, "little") if len(head) == 4 else 0)
        if not is_final and is_unwritten(head):
            return self._go_on(is_final) if self._has_next() else []
        buffer = os.pread(self._descriptor, min(size, config.FRAME_BYTES_MAX), self._position)
        parsed = parse(buffer, config.FRAME_BYTES_MAX)
        if parsed.frames:
            return self._take(parsed.frames, parsed.consumed_bytes)
        if is_final or self._has_next():
            return self._go_on(is_final)
        if parsed.stop == "end":
            return []
        # No frame, or the length of one that ends behind the file: half written by a live client, or damaged. Looked
        # at again at the next read, and ever more rarely, since looking for a frame behind it reads all the part.
        self._stuck_count += 1
        return (
            self._go_on(is_final)
            if self._stuck_count > 1 and not self._stuck_count & (self._stuck_count - 1)
            else []
        )

    def is_grown(self) -> bool:
        """Says whether there may be something to read; may be asked in another thread, where it may say so for nothing."""
        return self._peek() not in (b"", bytes(4), RESTING) or self._has_next()

    def is_resting(self) -> bool:
        """Says whether all is read and the writer touches the file before it writes again."""
        return self._peek() == RESTING

    def _peek(self) -> bytes:
        """Returns the length of the next frame, as it stands there."""
        try:
            return os.pread(self._descriptor, 4, self._position)
        except OSError:  # not open yet, or closed meanwhile: to be looked at
            return b"?"

    def _go_on(self, is_final: bool) -> list[Frame]:
        """Goes on behind damage, or with the next part, or ends."""
        # The writer may have filled this part and begun the next one since it was read: read once more.
        rest = os.pread(self._descriptor, PART_BYTES_MAX + config.FRAME_BYTES_MAX, self._position)
        rest = b"" if is_unwritten(rest) else rest.rstrip(b"\0")
        # The zeros behind the last frame are none of it, but for those of its check sum.
        rest += bytes(CHECKSUM.size) if rest else b""
        again = parse(rest, config.FRAME_BYTES_MAX)
        if again.frames:
            return self._take(again.frames, again.consumed_bytes)
        found = find_next(rest, self.sequence, config.FRAME_BYTES_MAX) if rest else None
        if rest and (found is not None or is_final or self._has_next()):
            self._damaged_parts.add(self.part)
        if found is not None:
            self._position += found
            return self.read(is_final)
        following = self._following(is_final)
        if following is None:
            if is_final and rest:
                # How many records the torn end held cannot be known: it is one at least, and told once.
                self.damaged_count += 1
                self._position += len(rest)
            return []
        self.part_ends[self.part] = self.sequence
        self._retired.append(self._descriptor)
        self._descriptor = -1
        self.part = following
        return self.read(is_final)

    def _following(self, is_final: bool) -> int | None:
        """Returns the next part's number; one that is missing is passed over only when no more will come."""
        if self._has_next():
            return self.part + 1
        return min((part for part in self._parts() if part > self.part), default=None) if is_final else None

    def _take(self, frames: list[Frame], consumed_bytes: int) -> list[Frame]:
        self._position += consumed_bytes
        self._stuck_count = 0
        for frame in frames:
            if isinstance(frame, RecordFrame):
                first = last = frame.sequence
            else:
                first, last = int(frame.rows["sequence"][0]), int(frame.rows["sequence"][-1])
            # Where parts before this one are sealed and deleted, the first record may have any sequence.
            if self.sequence or self.part == 0:
                self.damaged_count += max(0, first - max(self.sequence, self.known_sequence) - 1)
            self.sequence = max(self.sequence, last)
        return frames

    def _open(self) -> bool:
        """Opens the part; what is damaged of its magic is damage like any other."""
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        if os.pread(self._descriptor, len(MAGIC), 0) != MAGIC:
            self._damaged_parts.add(self.part)
        self._position = len(MAGIC)
        self._is_named = False
        return True

    def _parts(self) -> list[int]:
        return list_logs(self.folder).get((self.prefix, self.writer_id), [])

    def _has_next(self) -> bool:
        # Asked at every read of a log that does not grow: the path is made once a part.
        number = self.part + 1
        if self._next[0] != number:
            self._next = number, str(self._path(number))
        return os.path.exists(self._next[1])  # noqa: PTH110

    def _path(self, part: int) -> Path:
        return self.folder / str(LogName(self.prefix, self.writer_id, part))

    @property
    def path(self) -> Path:
        """The part that is read now."""
        return self._path(self.part)

    @property
    def data_path(self) -> Path:
        """The data file beside the part that is read now."""
        return data_path(self.path)

    def note_data(self) -> None:
        """Says that a record of the part that is read now has data in the data file: it is to be synced as well."""
        self._data_parts.add(self.part)

    def is_writer_alive(self) -> bool:
        """Says whether the client that writes the log lives."""
        part = self.part
        while True:
            # Looked for one by one, and not in a list of the folder: of hundreds of writers each is asked all the time.
            while self._path(part + 1).exists():
                part += 1
            if is_locked(self._path(part)):
                return True
            # A client locks its next part before it lets go of the last: look again whether there is one.
            if not self._path(part + 1).exists():
                return False

    def take_unsynced(self) -> list[int]:
        """Returns open descriptors of all that was read and is not synced yet; the caller syncs and closes them."""
        taken, self._retired = self._retired, []
        if self._descriptor >= 0:
            taken.append(os.dup(self._descriptor))
        for part in self._data_parts:
            with contextlib.suppress(FileNotFoundError):
                taken.append(os.open(data_path(self._path(part)), os.O_RDONLY | os.O_CLOEXEC))
        self._data_parts.clear()
        if not self._is_named:
            taken.append(os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC))
            self._is_named = True
        return taken

    def delete_behind(self, sealed_sequence: int, is_closed: bool) -> bool:
        """Deletes parts whose records are all sealed; returns whether nothing is left of a closed log."""
        for part, last_sequence in list(self.part_ends.items()):
            if last_sequence <= sealed_sequence:
                self._delete(part)
                del self.part_ends[part]
        if not is_closed or self.sequence > sealed_sequence or self.part_ends:
            return False
        self.close()
        for part in self._parts():
            self._delete(part)
        with contextlib.suppress(FileNotFoundError):
            last_words_path(self.folder, self.writer_id).unlink()
        return True

    def _delete(self, part: int) -> None:
        """Deletes a part; a damaged one is set aside instead, for `trackd doctor` and for a person."""
        path = self._path(part)
        with contextlib.suppress(FileNotFoundError):
            if part in self._damaged_parts:
                path.rename(path.with_name(f"damaged-{path.name}"))
            else:
                path.unlink()
        with contextlib.suppress(FileNotFoundError):
            data_path(path).unlink()

    def close(self) -> None:
        """Closes the files."""
        for descriptor in (*self._retired, self._descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._retired = []
        self._descriptor = -1
        self._position = 0


def data_path(part: Path) -> Path:
    """Returns the data file beside a part of a log."""
    return part.with_suffix(".data")


def sync_and_close(descriptors: list[int]) -> None:
    """Waits until files are on the disk and closes them; raises OSError when the disk failed one."""
    problem: OSError | None = None
    for descriptor in descriptors:
        try:
            os.fsync(descriptor)
        except OSError as error:
            problem = error
        os.close(descriptor)
    if problem is not None:
        raise problem


def last_words_path(folder: Path, writer_id: str) -> Path:
    """Returns where a client's interpreter writes where it was when a signal ended it."""
    return folder / f"x-{writer_id}.txt"


def read_last_words(folder: Path, writer_id: str) -> str:
    """Returns the last words of a client, or the empty string."""
    try:
        return last_words_path(folder, writer_id).read_text("utf-8", "replace")[:65_536]
    except OSError:
        return ""


class LogWriter:
    """Writes the log of one remote writer."""

    def __init__(self, folder: Path, writer_id: str, begin_payload: bytes, time: int) -> None:
        """Makes the log, behind any parts there are; `begin_payload` is the WriterBegin record, repeated in every part."""
        self._folder = folder
        self._writer_id = writer_id
        self._begin = record_frame(begin_payload, 0, time)
        self._part = max(self._parts(), default=-1)
        self._descriptor = -1
        self._size = 0

    def append(self, payloads: list[tuple[int, int, bytes]], is_synced: bool = True) -> None:
        """Appends records and waits until they, and the log itself, are on the disk.

        Args:
            payloads: (sequence, time in nanoseconds, serialised Record) each.
            is_synced: Whether to wait for the disk; otherwise they survive the death of processes, not a power cut.

        Raises:
            OSError: the disk does not take them; none of them counts, and the next append begins a new part.
        """
        data = b"".join(record_frame(payload, sequence, time) for sequence, time, payload in payloads)
        try:
            if self._descriptor < 0 or self._size + len(data) > PART_BYTES_MAX:
                self._begin_part()
            self._write(data)
            if is_synced:
                os.fdatasync(self._descriptor)
        except OSError:
            # What a failed write or sync has left is unknown: the file is not written again (and read up to there).
            self.close()
            raise

    def delete(self) -> None:
        """Deletes all parts; a later append begins a new one."""
        self.close()
        for part in self._parts():
            with contextlib.suppress(FileNotFoundError):
                (self._folder / str(LogName("r", self._writer_id, part))).unlink()

    def _begin_part(self) -> None:
        self.close()
        self._part += 1
        path = self._folder / str(LogName("r", self._writer_id, self._part))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._write(MAGIC + self._begin)
        sync_folder(self._folder)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def _parts(self) -> list[int]:
        return list_logs(self._folder).get(("r", self._writer_id), [])

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_abandoned(folder: Path) -> Iterator[str]:
    """Removes parts that a client died over before they had their name, and data of parts that are gone; yields the names."""
    for name in os.listdir(folder):
        if name.endswith(".data") and not (folder / name).with_suffix(".log").exists():
            with contextlib.suppress(OSError):
                (folder / name).unlink()
                yield name
        if name.startswith(".") and name.endswith(".new") and not is_locked(folder / name):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
                yield name

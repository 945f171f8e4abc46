"""Owns a writer's log on the local disk: what `log()` leaves behind before it returns.

Invariants:
- A call that returned has its frame in the page cache of a preallocated, mapped file: it survives `kill -9` of this
  process and of the daemon. Nothing here blocks on the network, and no store goes into a block that the disk has not
  granted, so a full disk is met as an OSError when a part is made and never as a SIGBUS.
- A log is a chain of parts `w-WRITER.NNNN.log`, each whole in itself: it repeats the WriterBegin record and declares its
  own key sets, so that the daemon deletes parts behind it. The newest part is locked (flock) while the writer lives.
- While no part can be made (disk full, no permission) frames wait in memory, bounded; then rows are refused and counted.
  Frames reach the log in the order of their sequences, whatever waits: the daemon takes an earlier one for a repetition.
- A signal handler may log between any two calls here: what is written by `_put` is checked against it.
- The bytes of typed records stand in a data file beside the part (`_data_file`), written before the frame that refers to
  them; a few bytes, or all while the disk takes no more, stand in the frame itself.
- A forked child never writes through its parent's mapping: `after_fork` makes it a new writer with its own log.

The layout is drawn in docs/storage.md ("The log").
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from time import time_ns
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from trackd import _disk, _frames, _wire
from trackd._data_file import DataFile

if TYPE_CHECKING:
    from trackd._record import AnyArray, Draft

# A part is made at its full size; the first is small because most runs are, the later ones rare because a new part costs
# about 0.3 ms inside log().
_FIRST_PART_BYTES = 1 << 20
_PART_BYTES_MAX = 1 << 26
WAITING_BYTES_MAX = 64 << 20  # what may wait in memory while the disk is full
LOG_BYTES_MAX = 8 << 30  # what one writer may leave on the disk while no daemon takes it
RETRY_SECONDS = 0.5  # how often a full disk is tried again
_DRAIN_COUNT = (
    4_096  # frames written in one go when the disk takes them again: a few milliseconds in which log() waits
)
INLINE_BYTES_MAX = 8 << 10  # of a record's data: fewer are cheaper in the frame than as a write of their own
_KEY_SETS_MAX = 4_096  # more differing rows than that are written as records: caching them would only grow

_pack_checksum = _frames.CHECKSUM.pack
_NUMBER_CODES = {float: "d", int: "q", bool: "?"}
_NUMPY_CODES = {
    **dict.fromkeys(("float64", "float32", "float16"), "d"),
    **dict.fromkeys(("int64", "int32", "int16", "int8", "uint32", "uint16", "uint8"), "q"),
}

# The packer of a whole frame but its check sum, the key set's id, the frame's length with its check sum, and the part
# that declares the key set.
_Layout: TypeAlias = tuple[Callable[..., bytes], int, int, int]
_NO_LAYOUT: tuple[list[object], _Layout] = ([None], (lambda *_: b"", 0, 0, -1))
_NOT_KNOWN = (KeyError, TypeError, AttributeError, RuntimeError, struct.error, OverflowError, ValueError)


class Spool:
    """Appends frames to one writer's log. Safe to call from any thread and from signal handlers."""

    def __init__(self, folder: str, make_begin: Callable[[str], bytes], writer_id: str) -> None:
        """Opens the log.

        Args:
            folder: The store's log folder; made when it is missing.
            make_begin: Returns the encoded WriterBegin record for a writer id.
            writer_id: The writer's id, 32 hexadecimal digits.
        """
        self.folder = folder
        self.writer_id = writer_id
        self.sequence = 0  # of the last record taken
        self.refused_count = 0
        self.problem: str | None = None  # why the disk does not take records now
        self._make_begin = make_begin
        self._lock = threading.RLock()
        self._part = -1
        self._left_parts: list[str] = []  # paths of earlier parts that the daemon has perhaps not deleted yet
        self._unsynced: list[str] = []  # paths of parts filled since the last sync
        self._descriptor = -1
        self._map: mmap.mmap | None = None
        self._position = 0
        self._part_end = 0
        # Up to where append_row may write: the end of the part, but 0 while frames wait, or while the log rests.
        self._end = 0
        self._is_resting = False  # nothing was written for long: the file is touched before the next frame
        self._seen_sequence = -1  # of the last record at the last `rest`
        self._key_set_id = 0  # of the key set declared last in the current part
        self._data: DataFile | None = None  # of the current part, made with its first bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_draining = False
        self._retry_time = 0.0
        # What the current part has declared: by signature (keys and Python types) and by keys and column types.
        self._packers: dict[tuple[object, ...], _Layout] = {}
        self._last: tuple[list[object], _Layout] = _NO_LAYOUT
        self._layouts: dict[tuple[tuple[str, ...], str], _Layout] = {}

    # -- the hot path ----------------------------------------------------------------------------------------------

    def append_row(self, data: dict[str, object], flags: int, step: int) -> bool:
        """Appends a flat row of numbers whose signature is known.

        Args:
            data: The row; not kept.
            flags: `_frames.FLAG_*`.
            step: The step, when the flags say that there is one.

        Returns:
            False when the signature is not known or the part is full: the caller goes the long way.
        """
        try:
            # Most rows look like the one before: comparing lists of the same objects is half as dear as hashing them.
            signature = [*data, *map(type, data.values())]
            last_signature, layout = self._last
            if signature != last_signature:
                known = tuple(signature)
                layout = self._packers[known]
                self._last = (signature, layout)
            pack, key_set_id, length, part = layout
            with self._lock:
                sequence = self.sequence + 1
                frame = pack(length, key_set_id, flags, sequence, time_ns(), step, *data.values())
                frame += _pack_checksum(crc32(frame))
                position = self._position
                end = position + length
                if end > self._end or sequence != self.sequence + 1 or part != self._part:
                    return False  # full; or another thread or a signal handler came between the lines above
                # No call stands between these lines, so nothing can come between them.
                self.sequence = sequence
                self._position = end
                self._map[position:end] = frame  # type: ignore[index]
        except _NOT_KNOWN:
            return False  # a new signature, an int beyond 64 bits, or a dict that changed under us
        return True

    # -- everything else -------------------------------------------------------------------------------------------

    def append_numbers(
        self, items: Sequence[tuple[str, float | int | bool]], flags: int, step: int, now: int
    ) -> bool:
        """Appends a row of floats, 64-bit ints and bools; False when it must be written as a record."""
        keys = tuple(key for key, _ in items)
        values = [value for _, value in items]
        types = "".join(_NUMBER_CODES[type(value)] for value in values)
        with self._lock:
            while True:
                layout = self._layout(keys, types)
                if layout is None:
                    return False
                pack, key_set_id, length, part = layout
                sequence = self.sequence + 1
                frame = pack(length, key_set_id, flags, sequence, now, step, *values)
                if self._put(frame + _pack_checksum(crc32(frame)), sequence, part):
                    return True

    def learn(self, data: dict[str, object]) -> None:
        """Makes the signature of a flat row known, so that `append_row` takes the next one like it."""
        types = ""
        for kind in map(type, data.values()):
            code = _NUMBER_CODES.get(kind)
            if code is None and kind.__module__ == "numpy":
                code = _NUMPY_CODES.get(kind.__name__)
            if code is None:
                return
            types += code
        with self._lock:
            layout = self._layouts.get((tuple(data), types))
            if layout is not None:
                signature = [*data, *map(type, data.values())]
                self._packers[tuple(signature)] = layout
                self._last = (signature, layout)

    def append_record(
        self, field: int, body: bytes, now: int | None = None, draft: Draft | None = None
    ) -> int:
        """Appends a `Record` whose kind is the message `body` at `field`, with the data that it refers to.

        Returns:
            Its sequence, 0 when it is refused.
        """
        with self._lock:
            now = time_ns() if now is None else now
            payload = _wire.record(now, field, body)
            while True:
                data, data_part = b"", -1
                if draft is not None and draft.size:
                    data, data_part = self._keep_data(draft, len(payload))
                if len(payload) + len(data) > _RECORD_BYTES_MAX or data_part == _NOWHERE:
                    self.refused_count += 1
                    return 0
                sequence = self.sequence + 1
                frame = _frames.record_frame(payload + data, sequence, now)
                self._drain()
                if not self._waiting and self._room(len(frame)):
                    # Where another part has begun meanwhile, the data are written once more, beside that.
                    if self._put(frame, sequence, self._part if data_part < 0 else data_part):
                        return sequence
                elif self._waiting_bytes + len(frame) > WAITING_BYTES_MAX:
                    self.refused_count += 1
                    return 0
                elif data_part < 0 and self._wait(frame, sequence):
                    return sequence

    def _keep_data(self, draft: Draft, size: int) -> tuple[bytes, int]:
        """Keeps a record's data; `size` is that of the record without them.

        Returns:
            The encoded place of the data, or the data themselves, and the part beside which they are: -1 for the latter, and
            `_NOWHERE` when the disk takes no data now and these are too many to wait in memory.
        """
        if draft.size > INLINE_BYTES_MAX:
            self._drain()
            if not self._waiting and self._room(size + _frames.OVERHEAD_BYTES + _RANGE_BYTES_MAX):
                try:
                    offset, check_sum = self._write_data(draft)
                except OSError as error:
                    self.problem = error.strerror or str(error)
                    self._retry_time = time.monotonic() + RETRY_SECONDS
                else:
                    self.problem = None
                    return _wire.data_range(offset, draft.size, check_sum), self._part
            if draft.size > WAITING_BYTES_MAX // 2:
                return b"", _NOWHERE
        return _wire.data_inline(b"".join(draft.buffers)), -1

    def _write_data(self, draft: Draft) -> tuple[int, int]:
        """Has data in the data file of the current part; returns where, and their check sum. Raises OSError."""
        if self._data is not None and (found := self._data.find(draft.buffers)) is not None:
            return found
        if self._data is not None and not self._data.has_room(draft.size):
            self._begin_part(1 << 10)
        if self._data is None:
            self._data = DataFile(self._path(self._part, "data"), self._check_limit)
            self._left_parts.append(self._data.path)
        return self._data.write(draft.buffers, draft.size)

    def hold(self, array: AnyArray) -> AnyArray | None:
        """Copies an array to where it stands already when a record of it is logged; None when it cannot."""
        with self._lock:
            return None if self._data is None else self._data.hold(array)

    def _check_limit(self, size: int) -> None:
        """Raises OSError when so many bytes more are over what a writer may leave on the disk."""
        if sum(map(_disk.size_of, self._left_parts)) + size > LOG_BYTES_MAX:
            raise OSError(f"the log of this process has reached its limit of {LOG_BYTES_MAX} bytes")

    def ensure_part(self) -> None:
        """Makes the first part now, so that the daemon finds the run before its first record."""
        with self._lock:
            self._room(1)

    def retry(self) -> None:
        """Tries a full disk again, at most every half second."""
        while (count := len(self._waiting)) > 0:
            with self._lock:  # let go between pieces, for log() in other threads
                self._drain()
            if len(self._waiting) >= count:
                return

    def rest(self) -> None:
        """Lets the daemon leave the log alone until the next record, when there was none since the last call.

        The row that comes then takes the long way, and touches the file: the hot path has nothing to look at.
        """
        with self._lock:
            is_silent = self.sequence == self._seen_sequence
            self._seen_sequence = self.sequence
            position = self._position
            end = position + len(_frames.RESTING)
            if is_silent and self._end and not self._is_resting and end <= self._part_end:
                self._end = 0
                self._is_resting = True
                self._map[position:end] = _frames.RESTING  # type: ignore[index]

    def restore(self) -> int | None:
        """Writes the newest part again when its file was deleted under us; returns its size in bytes, else None.

        Raises:
            OSError: the disk does not take it.
        """
        with self._lock:
            if self._map is None or os.fstat(self._descriptor).st_nlink:
                return None
            written = self._map[: self._position]
            descriptor, mapping = self._make_file(self._part, self._part_end, written)
            self._map.close()
            os.close(self._descriptor)
            self._descriptor, self._map = descriptor, mapping
            return len(written)

    def sync(self) -> int:
        """Waits until what was appended is on the disk itself; returns the sequence up to which it is.

        Raises:
            OSError: the disk failed.
        """
        with self._lock:
            self._drain()
            sequence = self.sequence - len(self._waiting)
            filled, self._unsynced = self._unsynced, []
            if self._data is not None:
                filled = [*filled, self._data.path]
            descriptor = os.dup(self._descriptor) if self._descriptor >= 0 else -1
        if descriptor < 0:
            return 0
        try:
            os.fsync(descriptor)  # covers the pages written through the mapping
        finally:
            os.close(descriptor)
        for path in (*filled, self.folder):
            with contextlib.suppress(FileNotFoundError):  # sealed by the daemon, and deleted
                _disk.sync_path(path)
        return sequence

    def close(self) -> None:
        """Ends the log: cuts the newest part to what was written, and unlocks it."""
        self.retry()
        with self._lock:
            self._close_part()

    def after_fork(self, writer_id: str) -> None:
        """Makes the child's copy a new writer with an empty log of its own; touches nothing of the parent's."""
        if self._map is not None:
            self._map.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._data is not None:
            self._data.abandon()
        self.__init__(self.folder, self._make_begin, writer_id)  # type: ignore[misc]

    @property
    def log_name(self) -> str:
        """The file name of the newest part."""
        return f"w-{self.writer_id}.{self._part:04d}.log"

    @property
    def waiting_count(self) -> int:
        """How many records wait in memory because the disk does not take them."""
        return len(self._waiting)

    # -- inside the lock -------------------------------------------------------------------------------------------

    def _layout(self, keys: tuple[str, ...], types: str) -> _Layout | None:
        """Returns the layout of a key set with room for one row of it, declaring it in the current part first."""
        self._drain()
        if self._waiting:
            return None
        length = _frames.OVERHEAD_BYTES + 8 * len(types)
        if not self._room(length):
            return None
        layout = self._layouts.get((keys, types))
        if layout is not None:
            return layout
        key_set_id = self._key_set_id + 1
        if key_set_id > _KEY_SETS_MAX:
            return None
        now = time_ns()
        declaration = _wire.record(now, _wire.KEY_SET, _wire.key_set(key_set_id, keys, types))
        sequence = self.sequence + 1
        frame = _frames.record_frame(declaration, sequence, now)
        part = self._part
        if not self._room(len(frame) + length):
            return None
        # A new part has no key sets yet; and a signal handler may have declared this one, or another, meanwhile.
        if self._part != part or self._key_set_id != key_set_id - 1 or not self._put(frame, sequence, part):
            return self._layout(keys, types)
        self._key_set_id = key_set_id
        layout = (_frames.row_packer(types.replace("?", "q")).pack, key_set_id, length, part)
        self._layouts[(keys, types)] = layout
        return layout

    def _put(self, frame: bytes, sequence: int, part: int) -> bool:
        """Writes a frame; False when a signal handler has logged since its sequence was taken, or the part is full."""
        size = len(frame)
        # No call stands below, so nothing can come between the lines.
        position = self._position
        end = position + size
        if sequence != self.sequence + 1 or part != self._part or end > self._end:
            return False
        self._map[position:end] = frame  # type: ignore[index]
        self._position = end
        self.sequence = sequence
        return True

    def _wait(self, frame: bytes, sequence: int) -> bool:
        """Lets a frame wait in memory; False when a signal handler has logged since its sequence was taken."""
        size = len(frame)
        if sequence != self.sequence + 1:
            return False
        self.sequence = sequence
        self._end = 0
        self._waiting_bytes += size
        self._waiting.append(frame)
        return True

    def _drain(self) -> None:
        """Writes what waits in memory, or the first of it when it is much, when the disk takes it again."""
        if not self._waiting or self._is_draining:
            return
        self._is_draining = True
        try:
            for _ in range(_DRAIN_COUNT):
                if not self._waiting or not self._room(len(self._waiting[0])):
                    break
                frame = self._waiting[0]
                end = self._position + len(frame)
                self._map[self._position : end] = frame  # type: ignore[index]
                self._position = end
                self._waiting_bytes -= len(frame)
                self._waiting.popleft()
            if not self._waiting:
                self._end = self._part_end
        finally:
            self._is_draining = False

    def _wake(self) -> None:
        """Opens a log that rests, and tells the daemon, which watches the folder."""
        # No call stands between these lines, so nothing can come between them.
        position = self._position
        end = position + 4
        self._map[position:end] = _NO_LENGTH  # type: ignore[index]
        self._end = self._part_end
        self._is_resting = False
        with contextlib.suppress(OSError, TypeError):  # no such call on Windows, where nobody watches
            os.utime(self._descriptor)

    def _room(self, size: int) -> bool:
        """Says whether `size` bytes fit in the current part, making the next one when they do not."""
        if self._is_resting:
            self._wake()
        if self._position + size <= self._part_end:
            return True
        now = time.monotonic()
        if self.problem is not None and now < self._retry_time:
            return False
        try:
            self._begin_part(size)
        except OSError as error:
            self.problem = error.strerror or str(error)
            self._retry_time = now + RETRY_SECONDS
            return False
        self.problem = None
        return True

    def _begin_part(self, size: int) -> None:
        """Makes the next part, with room for `size` bytes of frames."""
        if self._data is not None and self._data.is_writing:  # this is a signal handler, which logs too
            raise BlockingIOError("the data of another record are being written")
        now = time_ns()
        begin = _frames.record_frame(
            _wire.record(now, _wire.WRITER_BEGIN, self._make_begin(self.writer_id)), 0, now
        )
        head = _frames.MAGIC + begin
        part = self._part + 1
        part_bytes = max(min(_FIRST_PART_BYTES << (2 * part), _PART_BYTES_MAX), len(head) + size)
        self._left_parts = [path for path in self._left_parts if os.path.exists(path)]
        self._check_limit(part_bytes)
        try:
            descriptor, mapping = self._make_file(part, part_bytes, head)
        except OSError as error:
            # A disk that is nearly full may have room for a small part.
            part_bytes = max(_FIRST_PART_BYTES, len(head) + size)
            if error.errno not in _disk.FULL:
                raise
            descriptor, mapping = self._make_file(part, part_bytes, head)
        self._close_part()
        self._part = part
        self._descriptor = descriptor
        self._map = mapping
        self._position = len(head)
        self._part_end = part_bytes
        self._end = 0 if self._waiting else part_bytes
        self._key_set_id = 0
        self._packers = {}
        self._last = _NO_LAYOUT
        self._layouts = {}
        self._left_parts.append(self._path(part))

    def _make_file(self, part: int, part_bytes: int, content: bytes) -> tuple[int, mmap.mmap]:
        """Makes a part's file, granted by the disk in full, locked, begun and only then visible under its name."""
        path = self._path(part)
        hidden = os.path.join(self.folder, f".{os.path.basename(path)}.new")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _disk.lock(descriptor)
            _disk.grant(descriptor, part_bytes)
            mapping = mmap.mmap(descriptor, part_bytes)
            mapping[: len(content)] = content
            os.rename(hidden, path)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(hidden)
            raise
        return descriptor, mapping

    def _path(self, part: int, ending: str = "log") -> str:
        return os.path.join(self.folder, f"w-{self.writer_id}.{part:04d}.{ending}")

    def _close_part(self) -> None:
        if self._map is None:
            return
        if self._data is not None:
            self._unsynced.append(self._data.path)
            self._data.close()
            self._data = None
        self._unsynced.append(self._path(self._part))
        self._map.close()
        self._map = None
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._position)
        os.close(self._descriptor)
        self._descriptor = -1
        self._position = self._part_end = self._end = 0
        self._is_resting = False


_RECORD_BYTES_MAX = (64 << 20) - 64  # in a frame, whose limit is the daemon's (config.FRAME_BYTES_MAX)
_NOWHERE = -2
_NO_LENGTH = bytes(4)
_RANGE_BYTES_MAX = 32  # an encoded `data_range`

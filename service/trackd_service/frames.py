"""Owns the bytes of a log file as they are read and, for clients that cannot spool, written.

Invariants: parsing never raises on any bytes; it returns what is whole and says where it stopped. A frame is believed only
when its CRC-32 is right. The layout is drawn in docs/storage.md ("The log"). Pure: NumPy and zlib only.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

MAGIC = b"TRACKDL1"
HEADER = struct.Struct("<IHHqqq")  # length, key set, flags, sequence, time in ns, step
CHECKSUM = struct.Struct("<I")
OVERHEAD_BYTES = HEADER.size + CHECKSUM.size
RESTING = b"\xff\xff\xff\xff"  # in the place of the next length: the writer is silent and will touch the file
FLAG_STEP, FLAG_COMMIT, FLAG_HOLD = 1, 2, 4
_RESTING_LENGTH = int.from_bytes(RESTING, "little")
_RESYNC_SEQUENCES = (
    1 << 21
)  # a part of 64 MiB has fewer frames: how far ahead one is looked for behind damage
_SEARCH_BYTES = 1 << 20  # looked through at once: bounds the memory of a search to a few MB

Rows: TypeAlias = npt.NDArray[
    Any
]  # structured: length, key_set, flags, sequence, time, step, words (k), checksum


@dataclass(frozen=True, slots=True)
class RecordFrame:
    """One protobuf `Record`."""

    sequence: int
    time: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class RowFrames:
    """Consecutive fixed-width rows of one key set.

    Attributes:
        key_set_id: The key set, declared earlier in the same file.
        rows: Structured array of shape (n,) with the fields of the header and `words`, uint64 of shape (n, k): the eight
            bytes of each value.
    """

    key_set_id: int
    rows: Rows


Frame: TypeAlias = RecordFrame | RowFrames


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was parsed: the whole frames, how many bytes they took, and why it stopped there.

    `stop` is "end" at bytes that nobody has written yet, "more" when a frame goes on behind the buffer, and "bad" when
    the bytes are no frame: half written, or damaged.
    """

    frames: list[Frame]
    consumed_bytes: int
    stop: Literal["end", "more", "bad"]


@lru_cache(maxsize=1024)
def row_type(column_count: int) -> np.dtype[Any]:
    """Returns the structured type of one row frame with so many values."""
    return np.dtype(
        [
            ("length", "<u4"),
            ("key_set", "<u2"),
            ("flags", "<u2"),
            ("sequence", "<i8"),
            ("time", "<i8"),
            ("step", "<i8"),
            ("words", "<u8", (column_count,)),
            ("checksum", "<u4"),
        ]
    )


def parse(buffer: bytes, frame_bytes_max: int) -> Parsed:
    """Parses whole frames from the start of a buffer."""
    frames: list[Frame] = []
    view = memoryview(buffer)
    position, size = 0, len(buffer)
    crc32 = zlib.crc32
    while True:
        if size - position < OVERHEAD_BYTES:
            return Parsed(frames, position, "end" if is_unwritten(buffer[position:]) else "more")
        length, key_set_id, _, sequence, time, _ = HEADER.unpack_from(buffer, position)
        if length in (0, _RESTING_LENGTH):
            return Parsed(frames, position, "end")
        if not OVERHEAD_BYTES <= length <= frame_bytes_max:
            return Parsed(frames, position, "bad")
        if length > size - position:
            return Parsed(frames, position, "more")
        if key_set_id == 0:
            end = position + length
            if crc32(view[position : end - 4]) != CHECKSUM.unpack_from(buffer, end - 4)[0]:
                return Parsed(frames, position, "bad")
            frames.append(RecordFrame(sequence, time, bytes(view[position + HEADER.size : end - 4])))
            position = end
            continue
        if (length - OVERHEAD_BYTES) % 8:
            return Parsed(frames, position, "bad")
        column_count = (length - OVERHEAD_BYTES) // 8
        rows, count = _alike_rows(buffer, position, length, key_set_id, sequence, column_count)
        checksums = rows["checksum"][:count].tolist()
        good = 0
        start = position
        for checksum in checksums:
            if crc32(view[start : start + length - 4]) != checksum:
                break
            start += length
            good += 1
        if good:
            frames.append(RowFrames(key_set_id, rows[:good]))
            position = start
        if good < max(count, 1):
            return Parsed(frames, position, "bad")


def _alike_rows(
    buffer: bytes, position: int, length: int, key_set_id: int, sequence: int, column_count: int
) -> tuple[npt.NDArray[Any], int]:
    """Returns rows from a position on, and how many of them go on with the first: its key set, and the next sequences."""
    kind = row_type(column_count)
    row_count_max = (len(buffer) - position) // length
    if row_count_max > 1 and HEADER.unpack_from(buffer, position + length)[:2] != (length, key_set_id):
        row_count_max = 1
    # Looked at in growing pieces: where key sets alternate, nearly all that follows is of another one.
    count = 4
    while True:
        count = min(count, row_count_max)
        rows = np.frombuffer(buffer, kind, count, position)
        if count == 1:
            return rows, 1
        alike = (
            (rows["length"] == length)
            & (rows["key_set"] == key_set_id)
            & (rows["sequence"] == np.arange(sequence, sequence + count))
        )
        if not alike.all():
            return rows, int(np.argmin(alike))
        if count == row_count_max:
            return rows, count
        count *= 8


def is_unwritten(rest: bytes) -> bool:
    """Says whether the bytes behind a frame are none of a next one: zeros, or the mark of a writer that is silent."""
    return rest.rstrip(b"\0") in (b"", RESTING)  # in C: there may be 64 MiB of zeros


def find_next(buffer: bytes, last_sequence: int, frame_bytes_max: int) -> int | None:
    """Finds the next whole frame behind damaged bytes.

    Args:
        buffer: The bytes from the damage on.
        last_sequence: The sequence of the last whole frame before it; 0 when there is none, and any may follow.
        frame_bytes_max: The largest frame believed in.

    Returns:
        The offset of the first whole frame with a later sequence, or None.
    """
    places = len(buffer) - OVERHEAD_BYTES + 1
    last_plausible = last_sequence + _RESYNC_SEQUENCES if last_sequence else np.iinfo(np.int64).max
    for begin in range(0, places, _SEARCH_BYTES):
        count = min(_SEARCH_BYTES, places - begin)
        # Every byte may be the first of a frame: the two fields as they would be there, without a copy.
        lengths: npt.NDArray[np.uint32] = np.ndarray(count, "<u4", buffer, begin, 1)
        sequences: npt.NDArray[np.int64] = np.ndarray(count, "<i8", buffer, begin + 8, 1)
        plausible = (sequences > last_sequence) & (sequences <= last_plausible)
        plausible &= (lengths >= OVERHEAD_BYTES) & (lengths <= frame_bytes_max)
        for place in np.flatnonzero(plausible).tolist():
            start: int = begin + place
            end = start + int(lengths[place]) - CHECKSUM.size
            if end + CHECKSUM.size > len(buffer):
                continue
            if zlib.crc32(memoryview(buffer)[start:end]) == CHECKSUM.unpack_from(buffer, end)[0]:
                return start
    return None


def record_frame(payload: bytes, sequence: int, time: int) -> bytes:
    """Returns the frame of one protobuf `Record`."""
    frame = HEADER.pack(len(payload) + OVERHEAD_BYTES, 0, 0, sequence, time, 0) + payload
    return frame + CHECKSUM.pack(zlib.crc32(frame))

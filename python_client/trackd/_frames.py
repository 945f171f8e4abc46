"""Owns the bytes of a log file as a writer makes them: magic, frame header, flags and check sum.

Invariant: what stands here is drawn in docs/storage.md ("The log") and is what `trackd_service.frames` reads; a test
holds the two together. A frame is `header · payload · CRC-32 of both`, and `length` counts all three.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

MAGIC = b"TRACKDL1"

# length u32 · key set u16 (0: the payload is a protobuf Record) · flags u16 · sequence i64 · time i64 (ns) · step i64
HEADER_FORMAT = "IHHqqq"
HEADER = struct.Struct("<" + HEADER_FORMAT)
CHECKSUM = struct.Struct("<I")
OVERHEAD_BYTES = HEADER.size + CHECKSUM.size

# In the place of the next frame's length: the writer is silent, and touches the file before it writes again.
RESTING = b"\xff\xff\xff\xff"

SAMPLED_BYTES_MIN = 65_536  # data up to this size are summed whole
_SAMPLES, _SAMPLE_BYTES = 8, 1_024

FLAG_STEP = 1  # the row carries its step
FLAG_COMMIT = 2  # the caller said commit=True
FLAG_HOLD = 4  # the caller said commit=False

KEY_SET_ID_MAX = (
    65_535  # u16: the key set shares a word with the flags, so that a row's header stays 32 bytes
)


def record_frame(payload: bytes, sequence: int, time_unix_nanos: int) -> bytes:
    """Returns the frame of one protobuf `Record`."""
    frame = HEADER.pack(len(payload) + OVERHEAD_BYTES, 0, 0, sequence, time_unix_nanos, 0) + payload
    return frame + CHECKSUM.pack(crc32(frame))


def sample_check_sum(buffers: Sequence[bytes | memoryview]) -> int:
    """Returns the sampled CRC-32 of data: of all bytes up to 64 KiB, else of 8 blocks spread over them.

    The check sum of a whole image takes as long as writing it; what a torn write leaves, zeros or a short file, the sample
    meets as well.
    """
    size = sum(map(len, buffers))
    if size <= SAMPLED_BYTES_MIN:
        check_sum = 0
        for buffer in buffers:
            check_sum = crc32(buffer, check_sum)
        return check_sum
    check_sum = 0
    last = _SAMPLES - 1
    starts = [number * (size - _SAMPLE_BYTES) // last for number in range(_SAMPLES)]
    if len(buffers) == 1:
        for start in starts:
            check_sum = crc32(buffers[0][start : start + _SAMPLE_BYTES], check_sum)
        return check_sum
    position = 0
    number = 0
    needed, end = starts[0], starts[0] + _SAMPLE_BYTES
    for buffer in buffers:
        while number < _SAMPLES and needed < position + len(buffer):
            taken = buffer[needed - position : end - position]
            check_sum = crc32(taken, check_sum)
            needed += len(taken)
            if needed == end:
                number += 1
                if number < _SAMPLES:
                    needed, end = starts[number], starts[number] + _SAMPLE_BYTES
        position += len(buffer)
    return check_sum


def row_packer(types: str) -> struct.Struct:
    """Returns the packer of a row frame without its check sum; `types` is one `d` or `q` a value."""
    return struct.Struct("<" + HEADER_FORMAT + types)

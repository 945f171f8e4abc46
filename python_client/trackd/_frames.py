"""Owns the bytes of a log file as a writer makes them: magic, frame header, flags and check sum.

Invariant: what stands here is drawn in docs/storage.md ("The log") and is what `trackd_service.frames` reads; a test
holds the two together. A frame is `header · payload · CRC-32 of both`, and `length` counts all three.
"""

from __future__ import annotations

import struct
from zlib import crc32

MAGIC = b"TRACKDL1"

# length u32 · key set u16 (0: the payload is a protobuf Record) · flags u16 · sequence i64 · time i64 (ns) · step i64
HEADER_FORMAT = "IHHqqq"
HEADER = struct.Struct("<" + HEADER_FORMAT)
CHECKSUM = struct.Struct("<I")
OVERHEAD_BYTES = HEADER.size + CHECKSUM.size

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


def row_packer(types: str) -> struct.Struct:
    """Returns the packer of a row frame without its check sum; `types` is one `d` or `q` a value."""
    return struct.Struct("<" + HEADER_FORMAT + types)

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd import _frames
from trackd_service import frames
from trackd_service.frames import RecordFrame, RowFrames, find_next, parse

FRAME_BYTES_MAX = 1 << 20


def row(sequence: int, *values: float, key_set_id: int = 1, flags: int = 0, step: int = 0) -> bytes:
    """Packs a row as the client does."""
    length = _frames.OVERHEAD_BYTES + 8 * len(values)
    body = _frames.row_packer("d" * len(values)).pack(
        length, key_set_id, flags, sequence, sequence * 10, step, *values
    )
    return body + _frames.CHECKSUM.pack(zlib.crc32(body))


def test_the_client_and_the_daemon_agree_on_the_bytes() -> None:
    assert _frames.MAGIC == frames.MAGIC
    assert _frames.HEADER.format == frames.HEADER.format
    assert _frames.OVERHEAD_BYTES == frames.OVERHEAD_BYTES
    flags = (_frames.FLAG_STEP, _frames.FLAG_COMMIT, _frames.FLAG_HOLD)
    assert flags == (frames.FLAG_STEP, frames.FLAG_COMMIT, frames.FLAG_HOLD)
    assert _frames.record_frame(b"payload", 3, 5) == frames.record_frame(b"payload", 3, 5)


@given(
    st.lists(
        st.binary(max_size=40) | st.lists(st.floats(allow_nan=False), min_size=1, max_size=3),
        max_size=12,
    )
)
def test_what_was_written_is_parsed_whole(items: list[bytes | list[float]]) -> None:
    data = b"".join(
        _frames.record_frame(item, sequence, sequence * 10)
        if isinstance(item, bytes)
        else row(sequence, *item, key_set_id=len(item))
        for sequence, item in enumerate(items, 1)
    )
    parsed = parse(data + bytes(100), FRAME_BYTES_MAX)
    assert (parsed.consumed_bytes, parsed.stop) == (len(data), "end")
    found: list[bytes | list[float]] = []
    for frame in parsed.frames:
        if isinstance(frame, RecordFrame):
            assert frame.time == frame.sequence * 10
            found.append(frame.payload)
        else:
            found += np.ascontiguousarray(frame.rows["words"]).view(np.float64).tolist()
    assert found == items


def test_rows_of_one_key_set_are_one_block() -> None:
    parsed = parse(b"".join(row(i, float(i), step=i * 2, flags=1) for i in range(1, 1001)), FRAME_BYTES_MAX)
    (block,) = parsed.frames
    assert isinstance(block, RowFrames)
    assert block.rows["sequence"].tolist() == list(range(1, 1001))
    assert block.rows["step"].tolist() == [i * 2 for i in range(1, 1001)]


@pytest.mark.parametrize("cut", [1, 10, 35, 40])
def test_a_frame_that_goes_on_behind_the_buffer_is_waited_for(cut: int) -> None:
    data = row(1, 0.5) + row(2, 0.5)
    parsed = parse(data[:-cut], FRAME_BYTES_MAX)
    assert (len(parsed.frames), parsed.consumed_bytes, parsed.stop) == (1, len(data) // 2, "more")


@given(st.binary(max_size=300))
def test_no_bytes_make_parsing_fail(data: bytes) -> None:
    parsed = parse(data, FRAME_BYTES_MAX)
    assert 0 <= parsed.consumed_bytes <= len(data)
    found = find_next(data, 5, FRAME_BYTES_MAX)
    assert found is None or parse(data[found:], FRAME_BYTES_MAX).frames


@given(st.integers(0, 399), st.integers(1, 255))
def test_a_changed_byte_is_never_believed(position: int, change: int) -> None:
    data = bytearray(b"".join(row(i, float(i)) for i in range(1, 11)))
    position %= len(data)
    data[position] ^= change
    damaged = position // 44
    parsed = parse(bytes(data), FRAME_BYTES_MAX)
    whole = sum(len(frame.rows) for frame in parsed.frames if isinstance(frame, RowFrames))
    assert whole == damaged
    assert parsed.stop in ("bad", "more", "end")
    behind = find_next(bytes(data[parsed.consumed_bytes :]), damaged, FRAME_BYTES_MAX)
    if damaged < 9:
        assert behind == 44


@pytest.mark.parametrize("mark", [bytes(4), frames.RESTING])
def test_what_nobody_has_written_yet_is_the_end(mark: bytes) -> None:
    for rest in (b"", bytes(10), bytes(100)):
        assert parse(mark + rest, FRAME_BYTES_MAX).stop == "end"
    assert parse(mark + b"x", FRAME_BYTES_MAX).stop == "more"


@pytest.mark.parametrize("length", [1, frames.OVERHEAD_BYTES - 1, FRAME_BYTES_MAX + 1, 2**32 - 2])
def test_a_length_that_cannot_be_is_bad(length: int) -> None:
    parsed = parse(struct.pack("<I", length) + bytes(100), FRAME_BYTES_MAX)
    assert (parsed.frames, parsed.consumed_bytes, parsed.stop) == ([], 0, "bad")

"""Owns the tests of the writer's log where typed records are: their data beside the part, on a full disk, over parts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd import _data_file, _disk, _frames, _spool, _wire
from trackd._record import Draft
from trackd._spool import INLINE_BYTES_MAX, Spool
from trackd.v1 import records_pb2
from trackd_service.frames import RecordFrame
from trackd_service.logs import LogReader, data_path, remove_abandoned

WRITER = "ab" * 16


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(str(tmp_path), lambda writer_id: _wire.text(2, writer_id), WRITER)
    yield spool
    spool.close()


def draft_of(*parts: bytes) -> Draft:
    draft = Draft()
    for part in parts:
        draft.payload(part)
    return draft


def append(spool: Spool, *parts: bytes) -> int:
    draft = Draft()
    pages = [_wire.message(8, _wire.message(1, draft.payload(part))) for part in parts]
    body = _wire.row(
        [(f"key {number}", _wire.Encoded(page)) for number, page in enumerate(pages)], None, None
    )
    return spool.append_record(_wire.ROW, body, draft=draft)


def read_back(folder: Path) -> list[bytes]:
    """Returns the data of every record with data, in order, each checked by its sum."""
    reader = LogReader(folder, "w", WRITER, 0)
    found = []
    while frames := reader.read(is_final=True):
        for frame in frames:
            assert isinstance(frame, RecordFrame)
            record = records_pb2.Record.FromString(frame.payload)
            if record.WhichOneof("data") == "data_inline":
                found.append(record.data_inline)
            elif record.WhichOneof("data") == "data_range":
                place = record.data_range
                data = reader.data_path.read_bytes()[place.offset : place.offset + place.size_bytes]
                assert _frames.sample_check_sum([data]) == place.check_sum
                found.append(data)
    reader.close()
    return found


@given(parts=st.lists(st.binary(max_size=90_000), max_size=5), cut=st.integers(1, 5000))
def test_the_check_sum_does_not_depend_on_how_the_data_are_cut(parts: list[bytes], cut: int) -> None:
    data = b"".join(parts)
    pieces = [data[start : start + cut] for start in range(0, len(data), cut)]
    size = len(data)
    expected = crc32(data)
    if size > 65_536:
        expected = 0
        for number in range(8):
            start = number * (size - 1024) // 7
            expected = crc32(data[start : start + 1024], expected)
    assert _frames.sample_check_sum(parts) == _frames.sample_check_sum(pieces) == expected


def test_little_data_stand_in_the_record_and_much_beside_the_part(spool: Spool, tmp_path: Path) -> None:
    little, much = b"x" * 100, os.urandom(INLINE_BYTES_MAX + 1)
    assert append(spool, little) == 1
    assert not list(tmp_path.glob("*.data"))
    assert append(spool, much) == 2
    assert append(spool, much, little) == 3
    found = read_back(tmp_path)
    assert found[0] == little
    assert found[1] == much
    assert found[2].startswith(much)
    assert found[2].endswith(little)
    assert len(found[2]) == -(-len(much) // 8) * 8 + len(little)


def test_a_part_whose_data_are_many_is_followed_by_another(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_data_file, "_BYTES_MAX", 100_000)
    written = [os.urandom(30_000) for _ in range(10)]
    for each in written:
        assert append(spool, each)
    assert read_back(tmp_path) == written
    parts = sorted(tmp_path.glob("*.data"))
    assert len(parts) > 2
    # What is closed is cut to what was written.
    assert all(part.stat().st_size <= 100_000 for part in parts[:-1])


def test_a_record_too_long_for_its_part_takes_its_data_along(spool: Spool, tmp_path: Path) -> None:
    draft = draft_of(b"d" * 20_000)
    body = _wire.message(3, bytes(900_000))
    for _ in range(3):  # the first part has 1 MiB
        assert spool.append_record(_wire.CONFIG_UPDATE, body, draft=draft)
    assert read_back(tmp_path) == [b"d" * 20_000] * 3
    assert len(list(tmp_path.glob("*.data"))) > 1


def test_data_wait_in_memory_while_the_disk_is_full_and_come_when_it_is_not(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = _disk.grant

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool.ensure_part()
    monkeypatch.setattr(_disk, "grant", refuse)
    first, second = os.urandom(700_000), os.urandom(800_000)
    assert append(spool, first) == 1
    assert append(spool, second) == 2
    assert spool.problem is not None
    assert spool.waiting_count
    too_much = bytes(_spool.WAITING_BYTES_MAX // 2 + 1)
    assert append(spool, too_much) == 0
    assert spool.refused_count == 1
    monkeypatch.setattr(_disk, "grant", grant)
    monkeypatch.setattr(_spool, "RETRY_SECONDS", 0.0)
    spool._retry_time = 0.0
    spool.retry()
    assert spool.waiting_count == 0
    assert append(spool, first) == 3
    assert read_back(tmp_path) == [first, second, first]


def test_a_signal_handler_may_log_while_data_are_written(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwritev
    outer, inner = os.urandom(50_000), os.urandom(60_000)

    def write_interrupted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        monkeypatch.setattr(os, "pwritev", write)
        assert append(spool, inner)
        return write(descriptor, buffers, offset)

    append(spool, b"a" * 10_000)
    monkeypatch.setattr(os, "pwritev", write_interrupted)
    assert append(spool, outer)
    assert sorted(read_back(tmp_path)) == sorted([b"a" * 10_000, outer, inner])


def test_a_forked_writer_leaves_the_data_of_its_parent(spool: Spool, tmp_path: Path) -> None:
    append(spool, b"p" * 20_000)
    assert spool._data is not None
    copy = os.dup(spool._data._descriptor)  # a child has descriptors of its own
    spool.after_fork("cd" * 16)
    append(spool, b"c" * 30_000)
    os.close(copy)
    assert data_path(tmp_path / f"w-{WRITER}.0000.log").read_bytes()[:20_000] == b"p" * 20_000
    assert (tmp_path / f"w-{'cd' * 16}.0000.data").exists()


def test_data_are_synced_and_deleted_with_their_part(spool: Spool, tmp_path: Path) -> None:
    append(spool, b"x" * 10_000)
    reader = LogReader(tmp_path, "w", WRITER, 0)
    while reader.read():
        pass
    reader.note_data()
    taken = reader.take_unsynced()
    assert any(os.path.samestat(os.fstat(each), reader.data_path.stat()) for each in taken)
    for each in taken:
        os.close(each)
    assert spool.sync() == 1
    spool.close()
    assert reader.delete_behind(1, is_closed=True)
    assert list(tmp_path.iterdir()) == []


def test_data_without_their_part_are_removed_at_the_next_start(spool: Spool, tmp_path: Path) -> None:
    append(spool, b"x" * 10_000)
    orphan = tmp_path / f"w-{'ef' * 16}.0000.data"
    orphan.write_bytes(b"left")
    assert list(remove_abandoned(tmp_path)) == [orphan.name]
    assert data_path(tmp_path / f"w-{WRITER}.0000.log").exists()

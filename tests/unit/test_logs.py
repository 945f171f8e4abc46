import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackd import _frames
from trackd_service import logs
from trackd_service.frames import RecordFrame
from trackd_service.logs import LogName, LogReader, LogWriter, is_locked, list_logs

WRITER = "ab" * 16


def frame(sequence: int) -> bytes:
    return _frames.record_frame(b"payload %d" % sequence, sequence, sequence)


def write_part(folder: Path, part: int, *sequences: int, end: bytes = bytes(50)) -> Path:
    path = folder / str(LogName("w", WRITER, part))
    path.write_bytes(_frames.MAGIC + b"".join(map(frame, sequences)) + end)
    return path


def sequences(reader: LogReader, is_final: bool = False) -> list[int]:
    found: list[int] = []
    while frames := reader.read(is_final):
        found += [each.sequence for each in frames if isinstance(each, RecordFrame)]
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"w-{WRITER}.0003.log", LogName("w", WRITER, 3)),
        (f"r-{WRITER}.12345.log", LogName("r", WRITER, 12345)),
        (f"x-{WRITER}.txt", None),
        (f".w-{WRITER}.0000.log.new", None),
        ("w-../x.0000.log", None),
        ("w-.0000.log", None),
        ("w-ab.x.log", None),
        ("", None),
    ],
)
def test_a_name_says_whose_log_it_is(name: str, expected: LogName | None) -> None:
    assert LogName.parse(name) == expected
    assert expected is None or str(expected) == name


def test_a_log_is_read_while_it_grows(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 0, 1)
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert sequences(reader) == [0, 1]
    assert sequences(reader) == []
    write_part(tmp_path, 0, 0, 1, 2, 3)
    assert sequences(reader) == [2, 3]
    assert reader.path == path
    assert reader.damaged_count == 0
    reader.close()


def test_parts_follow_each_other(tmp_path: Path) -> None:
    write_part(tmp_path, 0, 0, 1, 2)
    write_part(tmp_path, 1, 0, 3, 4)
    write_part(tmp_path, 2, 0, 5)
    assert list_logs(tmp_path) == {("w", WRITER): [0, 1, 2]}
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert [each for each in sequences(reader) if each] == [1, 2, 3, 4, 5]
    assert not reader.delete_behind(3, is_closed=False)
    assert list_logs(tmp_path) == {("w", WRITER): [1, 2]}
    (tmp_path / f"x-{WRITER}.txt").write_text("last words")
    assert reader.delete_behind(5, is_closed=True)
    assert list(tmp_path.iterdir()) == []


def test_damage_costs_the_damaged_records_and_is_counted(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 0, 1, 2, 3, 4)
    data = bytearray(path.read_bytes())
    data[data.index(b"payload 2")] ^= 1
    path.write_bytes(bytes(data))
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert sequences(reader, is_final=True) == [0, 1, 3, 4]
    assert reader.damaged_count == 1
    reader.close()


def test_a_half_written_frame_is_waited_for(tmp_path: Path) -> None:
    write_part(tmp_path, 0, 0, 1, end=frame(2)[:-3] + bytes(50))
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert sequences(reader) == [0, 1]
    write_part(tmp_path, 0, 0, 1, 2)
    assert sequences(reader) == [2]
    assert reader.damaged_count == 0
    reader.close()


def test_the_lock_tells_whether_a_client_lives(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 0)
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert not reader.is_writer_alive()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(path)
        assert reader.is_writer_alive()
    assert not reader.is_writer_alive()
    assert not is_locked(tmp_path / "missing")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LogWriter]:
    made = LogWriter(tmp_path, WRITER, b"begin", 5)
    yield made
    made.close()


def test_what_the_daemon_writes_it_reads(tmp_path: Path, writer: LogWriter) -> None:
    writer.append([(1, 10, b"one"), (2, 20, b"two")])
    writer.append([(3, 30, b"three")])
    reader = LogReader(tmp_path, "r", WRITER, 0)
    frames = reader.read()
    assert [(each.sequence, each.time, each.payload) for each in frames if isinstance(each, RecordFrame)] == [
        (0, 5, b"begin"),
        (1, 10, b"one"),
        (2, 20, b"two"),
        (3, 30, b"three"),
    ]
    reader.close()
    writer.delete()
    assert list_logs(tmp_path) == {}


def test_a_part_that_has_seen_a_failed_sync_is_never_written_again(
    tmp_path: Path, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append([(1, 10, b"one")])

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            writer.append([(2, 20, b"two")])
    writer.append([(2, 20, b"two")])
    assert list_logs(tmp_path) == {("r", WRITER): [0, 1]}


def test_parts_that_a_client_died_over_are_removed(tmp_path: Path) -> None:
    dead, alive = tmp_path / ".w-a.0000.log.new", tmp_path / ".w-b.0000.log.new"
    for path in (dead, alive):
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    with alive.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(logs.remove_abandoned(tmp_path)) == [dead.name]
    assert alive.exists()

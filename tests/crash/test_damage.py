"""Damage on the disk costs at most the damaged records, is counted and told, and never stops the daemon or other runs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import PROJECT, ROUNDS_FACTOR, Referee, read_columns
from tests.service import reading

from trackd import _daemon, _spool, _wire
from trackd_service import config
from trackd_service.frames import MAGIC, Frame, RecordFrame, RowFrames, parse, record_frame
from trackd_service.logs import LogReader, list_logs

WRITER_ID = "0123456789abcdef" * 2
SECTOR_BYTES = 512
FLIPS = 20_000 * ROUNDS_FACTOR
FLIPS_AT_ONCE = 4
Records = dict[int, bytes]


def _make_begin(writer_id: str, run_id: str = "damaged") -> bytes:
    process = {"pid": 1, "host": "host", "program": "train.py", "arguments": ["--x"], "boot_id": ""}
    start = _wire.run_update("name", None, ("tag",), None, None)
    settings = _wire.run_settings("keep", None, None, (), ())
    return _wire.writer_begin(
        PROJECT, run_id, writer_id, "primary", start, process, settings, "", "python 0", None
    )


def _write_log(folder: Path, rows: int, run_id: str = "damaged") -> _spool.Spool:
    """Writes a log with every kind of frame that a client makes."""
    spool = _spool.Spool(str(folder), lambda writer_id: _make_begin(writer_id, run_id), WRITER_ID)
    draw = random.Random(1)
    for index in range(rows):
        row: dict[str, object] = {"index": index, "value": draw.random()}
        if index // 15 % 3 == 0:
            row = {"index": index, "wide": draw.random(), "is_third": True, "count": draw.randrange(1 << 60)}
        if index % 20 == 7:
            items: list[tuple[str, _wire.Leaf]] = [("index", index), ("note", f"row {index}")]
            spool.append_record(_wire.ROW, _wire.row(items, None, None), 1_000_000 + index)
        elif not spool.append_row(row, 0, 0):
            assert spool.append_numbers(list(row.items()), 0, 0, 1_000_000 + index)  # type: ignore[arg-type]
            spool.learn(row)
    spool.append_record(_wire.CONFIG_UPDATE, _wire.changes([("lr", 0.1)]))
    spool.append_record(_wire.WRITER_FINISH, _wire.writer_finish(0, "", 0))
    spool.close()
    return spool


def _records(frames: list[Frame]) -> Records:
    """Returns the bytes of every record by its sequence."""
    records: Records = {}
    for frame in frames:
        if isinstance(frame, RowFrames):
            records.update({int(row["sequence"]): row.tobytes() for row in frame.rows})
        else:
            records[frame.sequence] = record_frame(frame.payload, frame.sequence, frame.time)
    return records


def _read(path: Path) -> tuple[Records, LogReader]:
    reader = LogReader(path.parent, "w", WRITER_ID, 0)
    frames: list[Frame] = []
    while read := reader.read(is_final=True):
        frames += read
    reader.close()
    return _records(frames), reader


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Records]:
    """Gives a log of about 20 KB, its bytes, and its records."""
    folder = tmp_path_factory.mktemp("log")
    _write_log(folder, 330)
    path = folder / f"w-{WRITER_ID}.0000.log"
    data = path.read_bytes()
    records, reader = _read(path)
    assert reader.damaged_count == 0
    assert list(records) == list(range(len(records)))
    assert 18_000 < len(data) < 24_000
    return path, data, records


def test_log_cut_at_every_byte_gives_what_is_whole_before_the_cut(log: tuple[Path, bytes, Records]) -> None:
    path, data, records = log
    ends = np.cumsum([len(frame) for frame in records.values()]) + len(MAGIC)
    for cut in range(len(MAGIC), len(data)):
        parsed = parse(data[len(MAGIC) : cut], config.FRAME_BYTES_MAX)
        whole_count = int(np.searchsorted(ends, cut, "right"))
        assert parsed.consumed_bytes == (ends[whole_count - 1] - len(MAGIC) if whole_count else 0), cut
        if cut % 7 == 0:
            assert _records(parsed.frames) == dict(list(records.items())[:whole_count]), cut
    # Of a file the bytes behind its end read as zeros: a frame is whole once all but its last zeros are there.
    needed = ends - [len(frame) - len(frame.rstrip(b"\0")) for frame in records.values()]
    for cut in range(0, len(data), 41):
        path.write_bytes(data[:cut])
        found, reader = _read(path)
        whole_count = int(np.searchsorted(needed, cut, "right"))
        assert found == dict(list(records.items())[:whole_count]), cut
        is_torn = cut > len(MAGIC) and any(data[int(ends[whole_count - 1]) if whole_count else 8 : cut])
        assert reader.damaged_count == is_torn, cut


def test_flipped_bit_costs_the_one_record_it_is_in_and_is_counted(log: tuple[Path, bytes, Records]) -> None:
    path, data, records = log
    ends = np.cumsum([len(frame) for frame in records.values()]) + len(MAGIC)
    draw = random.Random(2)
    for _ in range(FLIPS // FLIPS_AT_ONCE):
        flips = [(draw.randrange(len(data)), draw.randrange(8)) for _ in range(FLIPS_AT_ONCE)]
        damaged = bytearray(data)
        for place, bit in flips:
            damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        found, reader = _read(path)
        wrong = [sequence for sequence, frame in found.items() if records.get(sequence) != frame]
        assert not wrong, f"flips {flips}: records {wrong} are not what was written"
        hit = {int(np.searchsorted(ends, place, "right")) for place, _ in flips if place >= len(MAGIC)}
        missing = set(records) - set(found)
        assert missing <= hit, f"flips {flips}: {missing - hit} are missing, and were not damaged"
        # WriterBegin has no sequence of its own to be missed; of a damaged end it is known only that there is one.
        last = max(records)
        counted = {sequence for sequence in missing - {0} if not set(range(sequence, last + 1)) <= missing}
        assert reader.damaged_count == len(counted) + (last in missing), f"flips {flips}"
    path.write_bytes(data)


@pytest.mark.parametrize("fault", ["zeroed", "overwritten", "swapped"])
def test_damaged_sectors_give_no_wrong_record_and_cost_only_what_is_in_them(
    fault: str, log: tuple[Path, bytes, Records]
) -> None:
    path, data, records = log
    ends = np.cumsum([len(frame) for frame in records.values()]) + len(MAGIC)
    starts = ends - [len(frame) for frame in records.values()]
    draw = random.Random(3)
    for _ in range(300 * ROUNDS_FACTOR):
        sectors = draw.sample(range(len(data) // SECTOR_BYTES), 2)
        damaged = bytearray(data)
        first, second = (slice(number * SECTOR_BYTES, (number + 1) * SECTOR_BYTES) for number in sectors)
        if fault == "zeroed":
            damaged[first] = damaged[second] = bytes(SECTOR_BYTES)
        elif fault == "overwritten":
            damaged[first], damaged[second] = draw.randbytes(SECTOR_BYTES), draw.randbytes(SECTOR_BYTES)
        else:
            damaged[first], damaged[second] = data[second], data[first]
        path.write_bytes(damaged)
        found, reader = _read(path)
        assert all(records.get(sequence) == frame for sequence, frame in found.items()), sectors
        touched = {
            sequence
            for sequence in records
            for sector in (first, second)
            if starts[sequence] < sector.stop and ends[sequence] > sector.start
        }
        missing = set(records) - set(found)
        if (
            fault == "swapped"
        ):  # what stands whole in the later sector is found before its turn and hides what lies between
            assert len(missing) < len(records)
        else:
            assert missing <= touched, sectors
            last = max(records)
            assert reader.damaged_count >= len(missing - {0, last}), sectors
    path.write_bytes(data)


def test_log_of_a_later_version_is_left_alone(make_referee: MakeReferee) -> None:
    with make_referee(8) as referee:
        path = _place_log(referee, rows=10)
        path.write_bytes(b"TRACKDL2" + path.read_bytes()[8:])
        referee.start_daemon()
        log = referee.store / "daemon.log"
        referee.wait_until(
            lambda: log.exists() and "later version of trackd" in log.read_text(), "the sentence"
        )
        referee.wait_for_daemon()
        assert path.exists()
        assert not reading.list_runs(store=str(referee.store))


def _place_log(referee: Referee, rows: int, run_id: str = "damaged") -> Path:
    folder = referee.store / "log"
    _write_log(folder, rows, run_id)
    return folder / f"w-{WRITER_ID}.0000.log"


def _wait_for_run(referee: Referee, run_id: str = "damaged", project: str = PROJECT) -> Any:
    found: list[Any] = []

    def has_ended() -> bool:
        try:
            found[:] = [reading.get_run(run_id, project, str(referee.store))]
        except Exception:  # noqa: BLE001 - no daemon or no run yet
            return False
        return reading.state_name(found[0]) != "running"

    referee.wait_until(has_ended, f"the end of {project}/{run_id}")
    return found[0]


def _indices(referee: Referee, run_id: str = "damaged", project: str = PROJECT) -> list[int]:
    return [int(index) for index in read_columns(referee.store, project, run_id, "index").ints]


def test_part_that_is_missing_costs_its_records_and_no_later_ones(
    make_referee: MakeReferee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_spool, "_FIRST_PART_BYTES", 8_192)
    monkeypatch.setattr(_spool, "_PART_BYTES_MAX", 8_192)
    with make_referee(9) as referee:
        first = _place_log(referee, rows=1_000)
        parts = list_logs(first.parent)[("w", WRITER_ID)]
        assert len(parts) > 5
        (first.parent / f"w-{WRITER_ID}.0003.log").unlink()
        referee.start_daemon()
        run = _wait_for_run(referee)
        assert reading.state_name(run) == "finished"
        indices = _indices(referee)
        assert set(range(1_000)) - set(indices), "the missing part held rows"
        assert indices == sorted(set(indices))
        assert {0, 999} <= set(indices)
        lost_rows = 1_000 - len(indices)
        # The key sets that the part declared again count as records as well.
        assert lost_rows <= run.ingest_health.damaged_record_count <= lost_rows + 3
        assert "could not be read" in run.ingest_health.message


def test_frames_that_stand_twice_are_taken_once(make_referee: MakeReferee) -> None:
    with make_referee(10) as referee:
        path = _place_log(referee, rows=200)
        records, _ = _read(path)
        frames = list(records.values())
        doubled = b"".join(frame + frame for frame in frames[:100]) + b"".join(frames[50:]) + b"".join(frames)
        path.write_bytes(MAGIC + doubled)
        referee.start_daemon()
        run = _wait_for_run(referee)
        assert _indices(referee) == list(range(200))
        assert run.ingest_health.accepted_row_count == 200
        assert run.ingest_health.damaged_record_count == 0


def test_damaged_beginning_costs_the_names_and_no_row(make_referee: MakeReferee) -> None:
    with make_referee(11) as referee:
        path = _place_log(referee, rows=200)
        data = bytearray(path.read_bytes())
        data[60] ^= 1
        path.write_bytes(data)
        referee.start_daemon()
        run = _wait_for_run(referee, WRITER_ID, "recovered")
        assert _indices(referee, WRITER_ID, "recovered") == list(range(200))
        assert "the beginning of the log" in run.ingest_health.message


def test_damaged_beginning_of_a_part_is_made_good_by_another_part(
    make_referee: MakeReferee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_spool, "_FIRST_PART_BYTES", 8_192)
    with make_referee(12) as referee:
        path = _place_log(referee, rows=400)
        data = bytearray(path.read_bytes())
        data[60] ^= 1
        path.write_bytes(data)
        referee.start_daemon()
        _wait_for_run(referee)
        assert _indices(referee) == list(range(400))


def test_damaged_key_set_gives_no_values_under_wrong_names(
    make_referee: MakeReferee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows whose key set is damaged are counted as lost: those of another part's key set of that number are others."""
    monkeypatch.setattr(_spool, "_FIRST_PART_BYTES", 4_096)
    with make_referee(13) as referee:
        folder = referee.store / "log"
        spool = _spool.Spool(str(folder), _make_begin, WRITER_ID)
        for index in range(50):
            spool.append_numbers([("index", index), ("first", 1.0)], 0, 0, 1)
        while spool.log_name.endswith("0000.log"):  # fills the part
            spool.append_record(_wire.ALERT, _wire.alert("title", "x" * 500, "INFO", 0.0))
        for index in range(50, 100):
            spool.append_numbers([("other", index), ("second", 2.0)], 0, 0, 1)
        spool.append_record(_wire.WRITER_FINISH, _wire.writer_finish(0, "", 0))
        spool.close()
        path = folder / f"w-{WRITER_ID}.0001.log"
        data = bytearray(path.read_bytes())
        place = data.index(b"second")
        data[place] ^= 1
        data[60] ^= 1  # and the WriterBegin of the part, which is what said that it begins
        path.write_bytes(data)
        referee.start_daemon()
        run = _wait_for_run(referee)
        assert _indices(referee) == list(range(50))
        assert read_columns(referee.store, PROJECT, "damaged", "first").doubles.tolist() == [1.0] * 50
        assert run.ingest_health.damaged_record_count == 51
        assert reading.state_name(run) == "finished"
        # What was damaged is set aside when the rest is sealed.
        referee.wait_until(lambda: list(folder.glob("damaged-w-*0001.log")), "the damaged part, set aside")
        referee.wait_until(lambda: not list(folder.glob("w-*.log")), "the log's end")


# -- catalog and segments ---------------------------------------------------------------------------------------------


def _make_runs(referee: Referee, *run_ids: str) -> None:
    """Makes runs of 5,000 rows, sealed and merged, and stops the daemon."""
    code = """
import sys, trackd
for run_id in sys.argv[2:]:
    run = trackd.init(project="crash", id=run_id, settings={"store": sys.argv[1], "quiet": True})
    for index in range(5_000):
        run.log({"index": index, "value": index * 0.5})
    run.finish()
"""
    referee.start_daemon()
    subprocess.run([sys.executable, "-c", code, str(referee.store), *run_ids], check=True)
    folder = referee.store / "log"
    referee.wait_until(lambda: not list(folder.glob("w-*.log")), "the seals of all runs")
    referee.kill_daemons()


def _restart(referee: Referee) -> None:
    referee.kill_daemons()
    referee.start_daemon()
    referee.wait_for_daemon()


def _log_more(referee: Referee, run_id: str) -> None:
    """Logs into a store through the daemon that is there."""
    code = """
import sys, trackd
run = trackd.init(project="crash", id=sys.argv[2], settings={"store": sys.argv[1], "quiet": True})
for index in range(100):
    run.log({"index": index})
assert run.flush(60)
run.finish()
"""
    subprocess.run([sys.executable, "-c", code, str(referee.store), run_id], check=True)


def test_catalog_of_garbage_is_set_aside_and_the_daemon_serves(make_referee: MakeReferee) -> None:
    with make_referee(14) as referee:
        _make_runs(referee, "sealed")
        _place_log(referee, rows=100, run_id="unsealed")
        catalog = referee.store / "catalog.sqlite"
        for left in referee.store.glob("catalog.sqlite*"):
            left.unlink()  # its write-ahead log, too: from that SQLite would make it whole again
        catalog.write_bytes(b"garbage " * 1_000)
        _restart(referee)
        aside = list(referee.store.glob("catalog.sqlite.damaged-*"))
        assert len(aside) == 1
        assert aside[0].read_bytes().startswith(b"garbage")
        assert aside[0].name in (referee.store / "daemon.log").read_text()
        _wait_for_run(referee, "unsealed")
        assert _indices(referee, "unsealed") == list(range(100))
        _log_more(referee, "new")
        assert _indices(referee, "new") == list(range(100))
        # The segments of what is not listed any more stay where they are.
        assert list((referee.store / "objects" / "segments").rglob("*.parquet"))


def test_daemon_starts_over_a_catalog_with_any_damaged_page(make_referee: MakeReferee) -> None:
    with make_referee(15) as referee:
        _make_runs(referee, "one", "two")
        catalog = referee.store / "catalog.sqlite"
        connection = sqlite3.connect(catalog)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        whole = catalog.read_bytes()
        _place_log(referee, rows=100, run_id="unsealed")
        for _ in range(6 * ROUNDS_FACTOR):
            damaged = bytearray(whole)
            page = referee.random.randrange(len(whole) // 4_096)
            damaged[page * 4_096 : (page + 1) * 4_096] = referee.random.randbytes(4_096)
            for left in referee.store.glob("catalog.sqlite*"):
                left.unlink()
            catalog.write_bytes(damaged)
            _restart(referee)
            for run_id in ("one", "two", "unsealed"):
                # It may say that it is not there, or that the catalog is damaged.
                with contextlib.suppress(grpc.RpcError):
                    reading.get_run(run_id, PROJECT, str(referee.store))
            assert reading.get_daemon(str(referee.store)).pid in referee.daemon_pids()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 4, len(data) // 2, 97):
        data[place] ^= 4
    path.write_bytes(data)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "flipped bits in the points": ("parquet", _flip),
    "points cut short": ("parquet", _cut),
    "points gone": ("parquet", Path.unlink),
    "flipped bits in the levels": ("levels", _flip),
    "levels cut short": ("levels", _cut),
    "levels gone": ("levels", Path.unlink),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_segment_costs_its_points_and_neither_page_nor_other_runs(
    damage: str, make_referee: MakeReferee
) -> None:
    ending, spoil = DAMAGES[damage]
    with make_referee(16) as referee:
        _make_runs(referee, "damaged", "whole")
        connection = sqlite3.connect(referee.store / "catalog.sqlite")
        (name,) = connection.execute(
            "SELECT name FROM segments JOIN runs USING (run_key) WHERE run_id = 'damaged'"
        ).fetchone()
        connection.close()
        spoil(referee.store / "objects" / "segments" / f"{name}.{ending}")
        _restart(referee)
        assert _indices(referee, "whole") == list(range(5_000))
        # What can still be read is right; what cannot is left out, and said.
        found = read_columns(referee.store, PROJECT, "damaged", "index")
        assert np.array_equal(found.ints, found.steps)
        run = reading.get_run("damaged", PROJECT, str(referee.store))
        assert "cannot be read" in run.ingest_health.message, run.ingest_health
        for run_id in ("damaged", "whole"):
            body = {"series": [{"project": PROJECT, "run": run_id, "key": "value"}], "buckets": 100}
            for buckets in (100, 10_000):  # from the levels, and from the points
                assert _post(referee, "/api/v1/series:query", {**body, "buckets": buckets}) == 200
        assert _post(referee, f"/api/v1/projects/{PROJECT}/runs", None) == 200
        # The run goes on.
        _log_more(referee, "damaged")
        folder = referee.store / "log"
        referee.wait_until(lambda: not list(folder.glob("w-*.log")), "the seal of the run that goes on")


def _post(referee: Referee, path: str, body: dict[str, Any] | None) -> int:
    endpoint = _daemon.read_endpoint(str(referee.store))
    assert endpoint is not None
    request = urllib.request.Request(
        endpoint.http_address + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {endpoint.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
        return int(answer.status)


def test_record_frames_are_what_the_reference_here_takes_them_for() -> None:
    frame = record_frame(b"payload", 7, 9)
    assert _records(parse(frame, config.FRAME_BYTES_MAX).frames) == {7: frame}
    assert isinstance(parse(frame, config.FRAME_BYTES_MAX).frames[0], RecordFrame)

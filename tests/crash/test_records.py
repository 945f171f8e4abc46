"""Typed records are kept as rows are: what `log()` returned for is there once, with its content, whatever is killed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import PROJECT, Referee, Writer, report, seeds

import trackd

ROUNDS = 8
WRITERS = 2
RECORD_WRITER = """
import os, random, struct, sys, time
store, ledger, run_id, mode, pace, seed = sys.argv[1:7]
import numpy as np
import trackd
run = trackd.init(project="crash", id=run_id, mode=mode, settings={"store": store, "quiet": True})
notes = os.open(ledger, os.O_WRONLY | os.O_CREAT, 0o600)
pack, pwrite, index = struct.Struct("<q").pack, os.pwrite, 0
draw, stop = random.Random(int(seed)), ledger + ".stop"
while not os.path.exists(stop):
    side = (12, 96, 160)[index % 3]  # in the record, beside the log, and there before the call
    pixels = np.random.default_rng(index).integers(0, 256, (side, side, 3), dtype=np.uint8)
    run.log({"index": index, "sample": trackd.Image(pixels, caption=f"number {index}")})
    pixels[:] = 0  # what was logged is what it was
    pwrite(notes, pack(index + 1), 0)
    index += 1
    time.sleep(draw.random() * 0.06)  # the load: a training step takes time
run.finish()
"""


def expected(index: int) -> npt.NDArray[np.uint8]:
    side = (12, 96, 160)[index % 3]
    return np.random.default_rng(index).integers(0, 256, (side, side, 3), dtype=np.uint8)


def check(referee: Referee, writer: Writer, states: tuple[str, ...], in_flight: int) -> int:
    """Checks that every record is there once with its pixels; returns how many there were."""
    api = trackd.Api(timeout=120, store=str(referee.store))
    referee.wait_until(lambda: api.run(f"{PROJECT}/{writer.run_id}").state in states, f"state {states}")
    run = api.run(f"{PROJECT}/{writer.run_id}")
    rows: list[dict[str, Any]] = list(run.scan_history())
    count = writer.returned_count
    said = referee.say(f"{writer.run_id}: {count} calls returned, {len(rows)} rows are there")
    assert count <= len(rows) <= count + in_flight, said
    assert [row["index"] for row in rows] == list(range(len(rows))), said
    for index, row in enumerate(rows):
        record = row["sample"]
        assert record.caption == f"number {index}", said
        assert np.array_equal(record.array(), expected(index)), f"{said}; number {index} is {dict(record)}"
    assert run.ingest_health["refused_count"] == 0, said
    return len(rows)


@pytest.mark.timeout(300)
def test_kill_of_the_daemon_while_it_encodes_loses_and_doubles_no_record(make_referee: MakeReferee) -> None:
    record_count = 0
    for seed in seeds("kill the daemon that encodes", 1):
        with make_referee(seed) as referee:
            for _ in range(WRITERS):
                referee.start_writer(code=RECORD_WRITER)
            for _ in range(ROUNDS):
                referee.start_daemon()
                referee.wait_for_daemon()
                # The fault itself: the moment of the kill is drawn.
                time.sleep(referee.random.uniform(0.05, 1.0))
                referee.kill_daemons()
            for writer in referee.writers:
                writer.stop()
            referee.start_daemon()
            for writer in referee.writers:
                assert writer.process.wait(60) == 0, referee.say(f"{writer.run_id} failed")
                record_count += check(referee, writer, ("finished",), 0)
    report(f"{ROUNDS} kills, {record_count} records")


@pytest.mark.timeout(300)
def test_kill_of_the_training_process_keeps_every_returned_record(make_referee: MakeReferee) -> None:
    record_count = 0
    for seed in seeds("kill the process that logs records", 1):
        with make_referee(seed) as referee:
            referee.start_daemon()
            for _ in range(WRITERS):
                referee.start_writer(code=RECORD_WRITER)
            for writer in referee.writers:
                referee.wait_until(lambda: writer.returned_count > 20, "records")  # noqa: B023
                writer.process.kill()
                writer.process.wait(60)
                record_count += check(referee, writer, ("killed", "crashed"), 1)
    report(f"{WRITERS} kills, {record_count} records")


@pytest.mark.timeout(300)
def test_damaged_data_cost_their_records_and_are_told(make_referee: MakeReferee) -> None:
    for seed in seeds("damage the data", 1):
        with make_referee(seed) as referee:
            writer = referee.start_writer(mode="offline", code=RECORD_WRITER)
            referee.wait_until(lambda: writer.returned_count > 10, "records")  # noqa: B023
            writer.stop()
            assert writer.process.wait(60) == 0
            (data,) = (referee.store / "log").glob("*.data")
            content = bytearray(data.read_bytes())
            size = 96 * 96 * 3
            content[: size // 2] = bytes(size // 2)  # the first large record
            data.write_bytes(bytes(content[:-5]))  # and the last one
            referee.start_daemon()
            api = trackd.Api(timeout=120, store=str(referee.store))
            referee.wait_until(lambda: _state(api, writer) == "finished", "the run")  # noqa: B023
            run = api.run(f"{PROJECT}/{writer.run_id}")
            records = [row["sample"] for row in run.scan_history()]
            assert len(records) == writer.returned_count
            large = [index for index in range(len(records)) if index % 3]
            for index, record in enumerate(records):
                if index in (large[0], large[-1]):
                    assert "damaged" in record.error
                else:
                    assert np.array_equal(record.array(), expected(index))
            assert run.ingest_health["refused_count"] == 2
            assert "damaged" in run.ingest_health["message"]


def _state(api: trackd.Api, writer: Writer) -> str:
    try:
        return api.run(f"{PROJECT}/{writer.run_id}").state
    except trackd.CommError:
        return ""

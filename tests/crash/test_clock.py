"""A clock that is set back or forward changes no order and no count: order comes from sequences and steps alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import WaitUntil
from tests.crash.conftest import RunProgram
from tests.crash.referee import PROJECT, read_columns
from tests.service import reading

PATTERNS = {
    "an hour back": "real() - 3600 * 10**9 * (index > 500)",
    "ten years on": "real() + 315_360_000 * 10**9 * (index > 500)",
    "a second back in every row": "real() - 10**9 * index",
    "to and fro": "real() + (-1) ** index * 10**15",
    "frozen": "10**18",
    "before 1970": "-10**18 + index",
}

TRAINING = """
import sys, time
real, index = time.time_ns, 0
def time_ns():
    return {pattern}
time.time_ns = time_ns  # before the client takes it
import trackd
run = trackd.init(project="crash", id="clock")
for index in range(1_000):
    run.log({{"index": index, "value": index * 0.5}})
    if index % 100 == 0:
        run.log({{"note": "row %d" % index}})
    if index == 600:
        assert run.flush(60)
run.finish()
"""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_clock_that_jumps_changes_no_order_and_no_count(
    pattern: str, store: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    ended = run_program(TRAINING.format(pattern=PATTERNS[pattern]), TRACKD_STORE=str(store))
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    wait_until(lambda: reading.state("clock", PROJECT, str(store)) == "finished")
    found = read_columns(store, PROJECT, "clock", "index")
    assert np.array_equal(found.ints, np.arange(1_000))
    assert np.all(np.diff(found.steps) > 0)
    notes = read_columns(store, PROJECT, "clock", "note", "STRING")
    assert notes.strings == [f"row {index}" for index in range(0, 1_000, 100)]
    health = reading.get_run("clock", PROJECT, str(store)).ingest_health
    assert (health.accepted_row_count, health.late_row_count) == (1_010, 0)
    wait_until(lambda: not list((store / "log").glob("w-*.log")), message="the seal")
    sealed = read_columns(store, PROJECT, "clock", "index")
    assert np.array_equal(sealed.ints, found.ints)
    assert np.array_equal(sealed.steps, found.steps)

"""Many processes write one run, at once or one behind the other, and are killed, as the daemon is: nothing lost or twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import PROJECT, Referee, read_columns, report, seeds
from tests.service import reading

STORES = 1
PROCESSES, KILLS = 8, 6
LIVES = 12

# Logs as one of several ranks of a run, and notes each returned call in its ledger, until it is told to stop.
RANK = """
import os, random, struct, sys, time, trackd
store, ledger, seed = sys.argv[1:4]
rank = os.environ["RANK"]
settings = {"store": store, "quiet": True, "system_interval_seconds": 0.2}
run = trackd.init(project="crash", id="ranks", mode="shared", settings=settings)
notes = os.open(ledger, os.O_WRONLY | os.O_CREAT, 0o600)
draw, index, stop = random.Random(int(seed)), 0, ledger + ".stop"
while not os.path.exists(stop):
    for _ in range(draw.randrange(1, 60)):
        run.log({"index/" + rank: index, "both": float(rank)})
        index += 1
        os.pwrite(notes, struct.pack("<q", index), 0)
    time.sleep(draw.random() * 0.02)  # the load: a training step takes time
run.finish()
"""

# One life of a run: goes on behind the last one, and logs until it is killed. The ledger counts over all lives.
LIFE = """
import os, random, struct, sys, time, trackd
store, ledger, seed, resume = sys.argv[1:5]
run = trackd.init(project="crash", id="lives", resume=resume or None, settings={"store": store, "quiet": True})
notes = os.open(ledger, os.O_WRONLY | os.O_CREAT, 0o600)
draw, index = random.Random(int(seed)), 0
while True:
    for _ in range(draw.randrange(1, 60)):
        run.log({"index": index})
        index += 1
        os.pwrite(notes, struct.pack("<q", index), 0)
    time.sleep(draw.random() * 0.02)  # the load: a training step takes time
"""


def returned_count(ledger: Path) -> int:
    """Returns how many calls of `log()` a ledger says have returned."""
    try:
        return int.from_bytes(ledger.read_bytes(), "little")
    except FileNotFoundError:
        return 0


def observers(referee: Referee) -> list[Any]:
    """Returns the daemons' own writers of the run "ranks"."""
    try:
        run = reading.get_run("ranks", PROJECT, str(referee.store))
    except Exception:  # noqa: BLE001 - not there yet, or no daemon yet
        return []
    return [each for each in run.writers if not each.client.startswith("python")]


def kill_now_and_then(referee: Referee, count: int) -> None:
    """Kills the daemon at drawn moments; somebody who writes starts the next one, or the referee does."""
    for _ in range(count):
        referee.start_daemon()
        # The fault itself: the moment of the kill is drawn.
        time.sleep(referee.random.uniform(0.1, 0.5))
        referee.kill_daemons()
    referee.start_daemon()


@pytest.mark.timeout(300)
def test_many_processes_of_one_run_lose_and_double_nothing_when_the_daemon_is_killed(
    make_referee: MakeReferee, tmp_path: Path
) -> None:
    rows = 0
    for seed in seeds("many processes", STORES):
        with make_referee(seed) as referee:
            ledgers = [tmp_path / f"{seed}-{rank}" for rank in range(PROCESSES)]
            processes = [
                subprocess.Popen(
                    [sys.executable, "-c", RANK, str(referee.store), str(ledger), str(seed + rank)],
                    env={**os.environ, "RANK": str(rank)},
                    stderr=subprocess.DEVNULL,
                )
                for rank, ledger in enumerate(ledgers)
            ]
            try:
                referee.wait_until(lambda: all(map(returned_count, ledgers)), "rows of every process")  # noqa: B023
                kill_now_and_then(referee, KILLS)
                referee.wait_until(lambda: observers(referee), "a sample of the machine")
                for ledger in ledgers:
                    ledger.with_name(f"{ledger.name}.stop").touch()
                for process in processes:
                    assert process.wait(60) == 0, referee.say("a process failed")
            finally:
                for process in processes:
                    process.kill()
                    process.wait(60)
            referee.wait_until(lambda: state(referee, "ranks") == "finished", "the end of the run")
            for rank, ledger in enumerate(ledgers):
                count = returned_count(ledger)
                index = read_columns(referee.store, PROJECT, "ranks", f"index/{rank}")
                said = referee.say(f"rank {rank}: {count} calls returned, {len(index.steps)} rows are there")
                assert np.array_equal(index.steps, np.arange(count)), said
                assert np.array_equal(index.ints, np.arange(count)), said
                rows += count
            run = reading.get_run("ranks", PROJECT, str(referee.store))
            logged = {
                w.label: (w.row_count, set(w.metrics)) for w in run.writers if w.client.startswith("python")
            }
            assert logged == {
                f"rank {rank}": (returned_count(ledger), {f"index/{rank}", "both"})
                for rank, ledger in enumerate(ledgers)
            }
            assert len(observers(referee)) == 1, referee.say("the machine is sampled once")
    report(f"{PROCESSES} processes, {KILLS * STORES} kills, {rows} rows")


@pytest.mark.timeout(300)
def test_run_whose_process_is_killed_again_and_again_goes_on_where_it_was(
    make_referee: MakeReferee, tmp_path: Path
) -> None:
    rows = 0
    for seed in seeds("many lives", STORES):
        with make_referee(seed) as referee:
            counts = []
            for life in range(LIVES):
                ledger = tmp_path / f"{seed}-{life}"
                resume = referee.random.choice(["", "", "allow"])
                process = subprocess.Popen(
                    [sys.executable, "-c", LIFE, str(referee.store), str(ledger), str(seed + life), resume],
                    stderr=subprocess.DEVNULL,
                )
                try:
                    referee.wait_until(lambda: returned_count(ledger) > 50, "rows of this life")  # noqa: B023
                    if referee.random.random() < 0.5:
                        referee.kill_daemons()
                    # The fault itself: the moment of the kill is drawn.
                    time.sleep(referee.random.uniform(0.0, 0.4))
                finally:
                    process.send_signal(signal.SIGKILL)
                    process.wait(60)
                counts.append(returned_count(ledger))
            referee.start_daemon()
            referee.wait_until(
                lambda: state(referee, "lives") in ("killed", "crashed"),
                "the end of the run",
            )
            index = read_columns(referee.store, PROJECT, "lives", "index")
            assert np.array_equal(index.steps, np.arange(len(index.steps))), referee.say("steps have gaps")
            # Each life counts from 0; one that is killed in a call may have a row more than its ledger.
            starts = np.flatnonzero(index.ints == 0)
            lengths = np.diff(np.append(starts, len(index.ints)))
            said = referee.say(f"lives of {counts} calls have {lengths.tolist()} rows")
            assert len(lengths) == LIVES, said
            for count, length, start in zip(counts, lengths, starts, strict=True):
                assert count <= length <= count + 1, said
                assert np.array_equal(index.ints[start : start + length], np.arange(length)), said
            rows += sum(counts)
    report(f"{LIVES * STORES} lives, {rows} rows")


def state(referee: Referee, run_id: str) -> str:
    """Returns a run's state, or the empty string while there is no daemon that knows it."""
    try:
        return reading.state(run_id, PROJECT, str(referee.store))
    except Exception:  # noqa: BLE001 - not there yet, or no daemon yet
        return ""

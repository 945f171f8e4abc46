"""What the daemon measures of the machine and of a run's processes, as a reader sees it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil
from tests.service.reading import get_daemon, rows, summary
from tests.service.scripts import start_script

import trackd

QUICK = {"quiet": True, "system_interval_seconds": 0.1}


def read(run_id: str) -> Any:
    """Returns a run of the test's project."""
    return trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/{run_id}")


def measured(run_id: str) -> dict[str, Any]:
    """Returns the last sample of a run."""
    return dict(read(run_id).system_metrics)


@pytest.mark.usefixtures("project")
def test_samples_stand_beside_what_was_logged_and_not_among_it(wait_until: WaitUntil) -> None:
    run = trackd.init(id="r", settings=QUICK)
    run.log({"loss": 1.0})
    assert run.flush(60)
    wait_until(lambda: len(read("r").history(stream="system", pandas=False)) >= 3)
    run.finish()
    found = read("r")
    assert found.state == "finished"
    assert 0 <= found.system_metrics["system.cpu.utilization"] <= 1
    assert found.system_metrics["process.memory.usage"] > 10 << 20
    assert [metric.name for metric in found.metrics()] == ["loss"]
    assert dict(found.summary) == {"loss": 1.0}
    assert rows("r") == [(0, {"loss": 1.0})]
    assert (found.next_step, found.lastHistoryStep, found.ingest_health["accepted_row_count"]) == (1, 0, 1)
    assert int(found.environment["machine.system.cpu.logical.count"]) >= 1
    frame = found.history(stream="system")
    assert frame["system.memory.usage"].notna().all()
    assert (frame["_step"].diff().dropna() > 0).all()
    only = found.history(stream="system", keys=["system.memory.usage"], pandas=False)
    assert set(only[0]) == {"_step", "system.memory.usage"}
    assert [writer["role"] for writer in found.writers] == ["primary", "observer"]


@pytest.mark.usefixtures("project")
def test_sampling_can_be_switched_off(wait_until: WaitUntil) -> None:
    off = trackd.init(id="off", settings={**QUICK, "system_interval_seconds": 0}, reinit="create_new")
    on = trackd.init(id="on", settings=QUICK, reinit="create_new")
    assert off.flush(60)
    assert on.flush(60)
    wait_until(lambda: measured("on"))
    off.finish()
    on.finish()
    assert measured("off") == {}
    assert read("off").history(stream="system", pandas=False) == []


@pytest.mark.usefixtures("project")
def test_the_children_of_a_training_are_counted_with_it(tmp_path: Path, wait_until: WaitUntil) -> None:
    process = start_script(
        tmp_path,
        """
        import subprocess, sys, trackd
        run = trackd.init(id="busy", settings={"quiet": True, "system_interval_seconds": 0.1})
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        sys.stdin.readline()
        busy.kill()
        busy.wait()
        """,
        stdin=-1,
    )

    def is_busy() -> bool:
        runs = [run for run in trackd.Api().runs(os.environ["TRACKD_PROJECT"]) if run.id == "busy"]
        values = runs[0].system_metrics if runs else {}
        return bool(values.get("process.count", 0) >= 2 and values.get("process.cpu.utilization", 0) > 0.3)

    wait_until(is_busy, message="the child in the run's CPU")
    process.communicate("\n", timeout=60)


def test_samples_go_on_after_the_daemon_was_killed(store: Path, wait_until: WaitUntil) -> None:
    run = trackd.init(project="p", id="r", settings=QUICK)
    run.log({"n": 0})
    assert run.flush(60)
    wait_until(lambda: len(steps()) >= 3)
    before = steps()
    os.kill(get_daemon().pid, signal.SIGKILL)
    run.log({"n": 1})
    wait_until(lambda: (store / "endpoint.json").exists() and run.flush(5))
    wait_until(lambda: len(steps()) >= len(before) + 3)
    run.finish()
    after = steps()
    assert after == list(range(len(after)))
    assert after[: len(before)] == before
    assert summary("r") == {"n": 1}


def steps() -> list[int]:
    """Returns the steps of the samples of run "r"."""
    return [row["_step"] for row in trackd.Api().run("p/r").history(10_000, stream="system", pandas=False)]

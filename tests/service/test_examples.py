"""Owns the test that every example runs to its end against a real daemon, and leaves a finished run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import trackd

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ARGUMENTS = {"demo.py": ["--steps", "40"]}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_example_leaves_a_finished_run(module_store: Path, path: Path) -> None:
    before = {run.path for project in trackd.Api().projects() for run in trackd.Api().runs(project.name)}
    answer = subprocess.run(
        [sys.executable, "-W", "error", str(path), *ARGUMENTS.get(path.name, [])],
        env={**os.environ, "TRACKD_STORE": str(module_store)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    runs = [run for project in trackd.Api().projects() for run in trackd.Api().runs(project.name)]
    new = [run for run in runs if run.path not in before]
    assert [run.state for run in new] == ["finished"]
    assert len(list(new[0].scan_history())) > 9


@pytest.mark.usefixtures("module_store")
def test_example_of_many_processes_holds_every_row() -> None:
    (run,) = trackd.Api().runs("many-processes")
    counts = {metric.name: metric.count for metric in run.metrics()}
    assert counts == {"parent/step": 10, **{f"worker-{number}/load": 10 for number in range(3)}}

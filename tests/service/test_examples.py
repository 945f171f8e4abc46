"""Owns the tests that every example runs to its end against a real daemon and leaves runs whose records have no fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil

import trackd
from trackd import _api_runs
from trackd._api_records import KINDS, StoredRecord

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GALLERY = EXAMPLES / "gallery.py"
WATCH = EXAMPLES / "watch_model.py"  # needs PyTorch: run by tests/pytorch
ARGUMENTS = {"demo.py": ["--steps", "40"]}
# The record examples, and what each logs: in its rows, in the cells of its tables and in its summary.
RECORDS = {
    "audio.py": {"audio"},
    "bokeh_figure.py": {"plot"},
    "chart.py": {"plot", "table"},
    "chart_preset.py": {"plot", "table"},
    "histogram.py": {"histogram"},
    "html_page.py": {"html"},
    "image.py": {"image"},
    "image_overlays.py": {"image"},
    "markdown_text.py": {"markdown"},
    "matplotlib_figure.py": {"image", "plot"},
    "molecule.py": {"molecule"},
    "object_3d.py": {"object_3d"},
    "plotly_figure.py": {"plot"},
    "record_list.py": {"audio", "histogram", "image"},
    "summary_array.py": {"array", "histogram", "image"},
    "table.py": {"audio", "histogram", "html", "image", "plot", "table"},
    "video.py": {"video"},
}


def all_runs() -> list[_api_runs.Run]:
    api = trackd.Api()
    return [run for project in api.projects() for run in api.runs(project.name)]


def run_example(path: Path, store: Path) -> tuple[list[_api_runs.Run], str]:
    """Runs an example to its end; returns the runs that it left, by name, and everything that it printed."""
    before = {run.path for run in all_runs()}
    answer = subprocess.run(
        [sys.executable, "-W", "error", str(path), *ARGUMENTS.get(path.name, [])],
        env={**os.environ, "TRACKD_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    new = [run for run in all_runs() if run.path not in before]
    return sorted(new, key=lambda run: run.name), answer.stdout + answer.stderr


def records_in(values: dict[str, Any]) -> Iterator[StoredRecord]:
    """Yields every record in a row or a summary, those in lists, in tables and in the tables of charts too."""
    left = list(values.values())
    while left:
        value = left.pop()
        if not isinstance(value, StoredRecord):
            # A typed record that is encoded later is a document without methods.
            assert not (isinstance(value, dict) and "pending" in value), value
        elif value.is_list:
            left += value.records
        else:
            yield value
            if "table" in value:
                left.append(value.table())
            elif value.kind == "table" and not value.error and not value.get("pending"):
                left += [cell for row in value.rows() for cell in row]


def records_of(run: _api_runs.Run) -> list[StoredRecord]:
    """Returns every record of a run, read anew."""
    rows = [*run.scan_history(), dict(run.load().summary)]
    return [record for row in rows for record in records_in(row)]


def check_records(run: _api_runs.Run, wait_until: WaitUntil) -> set[str]:
    """Checks that a run is finished and none of its records has a fault; returns their kinds."""
    assert run.state == "finished"
    wait_until(lambda: not any(record.get("pending") for record in records_of(run)), message="all encoded")
    records = records_of(run)
    faults = [
        (dict(record), fault)
        for record in records
        for fault in ("error", "warning", "pending")
        if fault in record
    ]
    assert faults == []
    health = run.ingest_health
    assert (health["refused_count"], health["late_row_count"], health["message"]) == (0, 0, "")
    return {record.kind for record in records}


@pytest.mark.parametrize(
    "path", sorted(set(EXAMPLES.glob("*.py")) - {GALLERY, WATCH}), ids=lambda path: path.name
)
def test_example_leaves_a_finished_run(module_store: Path, path: Path) -> None:
    runs, _ = run_example(path, module_store)
    assert [run.state for run in runs] == ["finished"]
    assert len(list(runs[0].scan_history())) > 9


def test_every_record_example_is_listed_and_every_kind_has_one() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("records/*.py")) == sorted(RECORDS)
    assert set().union(*RECORDS.values()) == set(KINDS)


@pytest.mark.parametrize("name", RECORDS)
def test_record_example_logs_its_kinds_without_a_fault(
    module_store: Path, name: str, wait_until: WaitUntil
) -> None:
    (run,), printed = run_example(EXAMPLES / "records" / name, module_store)
    assert printed == ""  # the store's tests are quiet: what is left is the script's own
    assert check_records(run, wait_until) == RECORDS[name]


def test_gallery_leaves_two_runs_of_the_same_metrics(module_store: Path, wait_until: WaitUntil) -> None:
    runs, printed = run_example(GALLERY, module_store)
    assert printed == ""
    assert [run.name for run in runs] == ["seed 0", "seed 1"]
    for run in runs:
        assert check_records(run, wait_until) == set(KINDS)
    first, second = (
        Counter((metric.name, metric.kind, metric.count, metric.last_step) for metric in run.metrics())
        for run in runs
    )
    assert first == second
    assert set(runs[0].summary) == set(runs[1].summary)


@pytest.mark.usefixtures("module_store")
def test_example_of_many_processes_holds_every_row() -> None:
    (run,) = trackd.Api().runs("many-processes")
    counts = {metric.name: metric.count for metric in run.metrics()}
    assert counts == {"parent/step": 10, **{f"worker-{number}/load": 10 for number in range(3)}}

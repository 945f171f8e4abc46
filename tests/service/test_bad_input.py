"""Trouble from outside of the calls: clocks, disks, odd objects and foreign code; training goes on, in one sentence each."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.service.reading import find_state, get_run, logged, rows, state
from tests.service.scripts import RunScript

import trackd
from trackd import _disk, _spool

pytestmark = pytest.mark.usefixtures("project")


class BrokenMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("lost")

    def __iter__(self) -> Iterator[str]:
        yield "a"

    def __len__(self) -> int:
        return 1


class BrokenNumber:
    dtype = "float32"
    shape = ()

    def __init__(self, error: Exception) -> None:
        self.error = error

    def item(self) -> float:
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error"), TypeError("x"), ValueError("x"), KeyError("x"), OSError(5, "x")]
)
def test_foreign_code_that_fails_is_a_type_error_that_names_the_key(error: Exception) -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match=r"value of 'bad' is a .*BrokenNumber, which cannot be read"):
        run.log({"good": 1, "bad": BrokenNumber(error), "after": 2})
    assert logged(run) == [(0, {"good": 1, "after": 2})]


def test_a_mapping_that_fails_is_a_type_error() -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match="cannot be read"):
        run.log(BrokenMapping())
    with pytest.raises(TypeError, match=r"value of 'deep' .*cannot be read"):
        run.log({"good": 1, "deep": BrokenMapping()})
    assert logged(run) == [(0, {"good": 1})]


def test_a_generator_that_fails_is_a_type_error() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    run = trackd.init()
    with pytest.raises(TypeError, match="no more"):
        run.log({"bad": items(), "good": 1})
    assert logged(run) == [(0, {"good": 1})]


@pytest.mark.parametrize("offset", [-(10**9), 10**9])
def test_a_clock_that_jumps_changes_no_steps_and_never_takes_the_run_back(
    offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trackd.init()
    run.log({"a": 0})
    run.flush(60)
    before = get_run(run.id).update_time.ToNanoseconds()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + offset * 10**9)
    run.log({"a": 1})
    run.log({"a": "x"})
    monkeypatch.undo()
    run.log({"a": 2})
    assert [step for step, _ in logged(run)] == [0, 1, 2, 3]
    assert get_run(run.id).update_time.ToNanoseconds() >= before


@pytest.mark.parametrize("timestamp", [0, -5, 1e30, float("nan"), float("inf"), "now", None])
def test_an_odd_timestamp_costs_nothing(timestamp: Any) -> None:
    run = trackd.init()
    run.log({"a": 1, "_timestamp": timestamp})
    run.log({"a": 2})
    assert logged(run) == [(0, {"a": 1}), (1, {"a": 2})]
    assert state(run.id) == "running"


def test_a_full_disk_is_told_once_and_what_waits_in_memory_is_kept(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = trackd.init(settings={"quiet": False})
    run.log({"n": 0})
    assert run.flush(60)
    grant = _disk.grant

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_disk, "grant", full)
    blob = "x" * 100_000
    count = 40
    for n in range(1, count):  # past the first part, which is granted already
        run.log({"n": n, "blob": blob})
    assert not run.flush(0.1)
    monkeypatch.setattr(_disk, "grant", grant)
    assert run.flush(60)
    run.finish()
    assert [row["n"] for _, row in rows(run.id)] == list(range(count))
    lines = [line for line in capfd.readouterr().err.splitlines() if "the disk" in line]
    assert len(lines) <= 2
    assert all(
        "takes no more records (No space left on device): training goes on" in line for line in lines[:1]
    )


def test_rows_beyond_the_memory_for_a_full_disk_are_refused_counted_and_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = trackd.init(settings={"quiet": False, "finish_timeout_seconds": 0.5}, name="poor")

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_disk, "grant", full)
    monkeypatch.setattr(_spool, "WAITING_BYTES_MAX", 1 << 20)
    for n in range(60):
        run.log({"n": n, "blob": "x" * 100_000})
    run.finish()
    assert "run poor finished, but" in capfd.readouterr().err
    assert run._spool.refused_count > 20
    monkeypatch.undo()


def test_the_store_vanishes_under_a_run_and_training_goes_on(script: RunScript) -> None:
    ended = script(
        """
        import os, shutil, tempfile, trackd
        folder = tempfile.mkdtemp(prefix="trackd-")
        run = trackd.init(project="p", settings={"store": folder, "finish_timeout_seconds": 0.5}, mode="offline")
        for i in range(10):
            run.log({"a": i})
        shutil.rmtree(folder)
        for i in range(20):
            run.log({"a": i, "blob": "x" * 100_000})
        run.finish()
        shutil.rmtree(folder, ignore_errors=True)
        print("trained")
        """
    )
    assert (ended.returncode, ended.stdout) == (0, "trained\n"), ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_closed_standard_error_stops_nothing(script: RunScript) -> None:
    ended = script(
        """
        import os, sys, trackd
        sys.stderr.close()
        os.close(2)
        with trackd.init(id="silent", settings={"quiet": False}) as run:
            run.log({"a": 1})
        print("trained")
        """,
        env={"TRACKD_QUIET": ""},
    )
    assert ended.stdout == "trained\n"
    assert find_state("silent") == "finished"


def test_a_working_folder_that_is_gone_stops_nothing(script: RunScript) -> None:
    ended = script(
        """
        import os, tempfile, trackd
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)
        with trackd.init(id="homeless") as run:
            run.log({"a": 1})
        print("trained")
        """
    )
    assert ended.stdout == "trained\n", ended.stderr
    assert find_state("homeless") == "finished"


def test_arguments_that_are_no_text_reach_the_run_as_their_escapes(script: RunScript) -> None:
    ended = script(
        """
        import sys, trackd
        sys.argv = ["train.py", "caf\\udce9", 5]
        with trackd.init(id="arguments") as run:
            run.log({"a": 1})
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert list(get_run("arguments").process.arguments) == ["caf\\udce9", "5"]


def test_a_row_survives_a_signal_handler_that_logs_too(script: RunScript) -> None:
    ended = script(
        """
        import signal, trackd
        run = trackd.init(id="signals")
        signal.signal(signal.SIGALRM, lambda number, frame: run.log({"from_handler": 1, "step_seen": run.step}))
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for i in range(20000):
            run.log({"n": i})
        signal.setitimer(signal.ITIMER_REAL, 0)
        run.finish()
        print(run.step)  # a signal that came last may be handled as late as in finish()
        """
    )
    assert ended.returncode == 0, ended.stderr
    found = rows("signals")
    assert [row["n"] for _, row in found if "n" in row] == list(range(20_000))
    assert len(found) == int(ended.stdout)
    assert [step for step, _ in found] == list(range(len(found)))


def test_many_metrics_in_many_key_sets_stay_exact() -> None:
    run = trackd.init()
    for i in range(5_000):  # more key sets than are kept, so that some rows travel as records
        run.log({f"m{i}": i, "n": i / 2})
    found = logged(run)
    assert [row["n"] for _, row in found] == [i / 2 for i in range(5_000)]
    assert all(row[f"m{step}"] == step for step, row in found)


def open_paths() -> Iterator[str]:
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):
            yield str(descriptor.readlink())


def test_nothing_is_left_open_by_a_finished_run() -> None:
    trackd.init().finish()
    before = set(open_paths())
    for _ in range(5):
        run = trackd.init()
        run.log({"a": 1})
        run.finish()
    assert [path for path in open_paths() if path not in before and "trackd" in path] == []


def test_log_raises_no_warning_where_warnings_are_errors(script: RunScript) -> None:
    answer = script(
        """
        import warnings
        import trackd

        warnings.simplefilter("error")
        run = trackd.init(project="strict", settings={"late_steps": "drop"})
        run.log({"a": 1}, step=5)
        run.log({"a": 2}, step=3)
        run.log({"a": 3}, step=-1)
        run.finish()
        """
    )
    assert answer.returncode == 0, answer.stderr
    assert "step 3 is behind" in answer.stderr
    assert "step is -1" in answer.stderr


def test_many_large_texts_are_sealed_before_they_fill_the_memory(module_store: Path) -> None:
    folder = module_store / "objects" / "segments" / hashlib.sha256(b"large/texts").hexdigest()[:16]
    with trackd.init(project="large", id="texts") as run:
        for _ in range(70):
            run.log({"note": "x" * 1_000_000})
        assert run.flush(60)
        deadline = time.monotonic() + 15
        while not list(folder.glob("*.parquet")):  # the run is open: it is not its end that seals
            assert time.monotonic() < deadline, "70 MB of unsealed text stayed in memory"
    assert len(rows("texts", "large")) == 70

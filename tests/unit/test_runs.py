from typing import Any

import numpy as np
import pytest

from trackd_service import config
from trackd_service.definitions import Definition
from trackd_service.errors import InvalidArgument
from trackd_service.frames import FLAG_STEP
from trackd_service.records import Alert, Begin, Changes, Define, Finish, Numbers, Update
from trackd_service.run_states import Event
from trackd_service.runs import Run
from trackd_service.streams import ROW_KEY
from trackd_service.summary import INT64
from trackd_service.writers import Writer


def begin(writer_id: str = "w", role: str = "primary", **fields: Any) -> Begin:
    values = {
        "start": Update(name="first"),
        "process": {"pid": 1, "host": "h", "program": "p", "arguments": []},
        "drops_late_steps": False,
        "label": "",
        "client": "",
        "starting_step": None,
        **fields,
    }
    return Begin("p", "r", writer_id, role, **values)


def opened(**fields: Any) -> tuple[Run, Writer]:
    run = Run("p", "r", 100)
    return run, run.open_writer(begin(**fields), 100)


def numbers(step: int | None = None, *, time: int = 200, **values: int) -> Numbers:
    flags = np.array([0 if step is None else FLAG_STEP])
    words = np.array([list(values.values())], np.int64).view(np.uint64)
    return Numbers(
        tuple(values), bytes([INT64] * len(values)), flags, np.array([step or 0]), np.array([time]), words
    )


def points(run: Run, key: str) -> list[tuple[int, int]]:
    series = run.tail.read(key, "number")
    assert series.doubles is not None
    return list(zip(series.steps.tolist(), series.doubles.astype(int).tolist(), strict=True))


def finish(code: int = 0, traceback: str = "") -> Finish:
    return Finish(code, traceback, 0)


def test_rows_become_points_and_summary() -> None:
    run, writer = opened()
    run.apply(writer, numbers(a=1), 200)
    run.apply(writer, numbers(7, a=2), 300)
    assert points(run, "a") == [(0, 1), (7, 2)]
    assert run.summary.read(run.definitions) == {"a": 2}
    assert (run.health.accepted_row_count, run.next_step, run.update_time) == (2, 7, 300)


def test_a_row_without_values_is_marked() -> None:
    run, writer = opened()
    run.apply(writer, numbers(), 200)
    assert len(run.tail.read(ROW_KEY, "bool")) == 1


def test_late_rows_are_kept_or_dropped_as_the_writer_asks_and_counted() -> None:
    for drops in (False, True):
        run, writer = opened(drops_late_steps=drops)
        run.apply(writer, numbers(5, a=1), 0)
        run.apply(writer, numbers(3, a=2), 0)
        assert points(run, "a") == ([(5, 1)] if drops else [(3, 2), (5, 1)])
        assert (run.health.late_row_count, run.health.dropped_late_row_count) == ((0, 1) if drops else (1, 0))


def test_a_step_metric_joins_from_the_moment_it_is_defined() -> None:
    run, writer = opened()
    run.apply(writer, numbers(epoch=3), 0)
    run.apply(writer, numbers(a=1), 0)
    run.apply(writer, Define(Definition("a", step_metric="epoch"), overwrite=False), 0)
    run.apply(writer, numbers(a=2), 0)
    assert points(run, "epoch") == [(0, 3), (2, 3)]


def test_config_and_summary_are_set_and_removed() -> None:
    run, writer = opened()
    run.apply(writer, Changes("config", {"lr": 1, "x": 2}, []), 0)
    run.apply(writer, Changes("config", {}, ["x", "never"]), 0)
    run.apply(writer, Changes("summary", {"best": 1}, []), 0)
    assert (run.config, run.summary.by_hand) == ({"lr": 1}, {"best": 1})


def test_a_later_writer_fills_only_what_is_missing() -> None:
    run, _ = opened(start=Update(name="first", tags=["a"]))
    run.open_writer(begin("w2", start=Update(name="second", notes="n", tags=["b"])), 0)
    assert (run.name, run.notes, run.tags) == ("first", "n", ["a"])


def test_a_run_ends_with_the_last_writer_by_the_worst_end_and_opens_again() -> None:
    run, one = opened(role="shared")
    two = run.open_writer(begin("w2", "shared"), 0)
    helper = run.open_writer(begin("h", "helper"), 0)
    run.apply(one, finish(3, "why"), 400)
    assert run.state.value == "running"
    run.apply(two, finish(), 500)
    assert (run.state.value, run.exit_code, run.traceback, run.finish_time) == ("failed", 3, "why", 500)
    run.apply(helper, finish(9), 600)
    assert run.state.value == "failed"
    run.open_writer(begin("w3"), 700)
    assert (run.state.value, run.finish_time, run.exit_code) == ("running", None, None)


def test_a_resumed_run_that_ends_well_forgets_why_it_had_failed() -> None:
    run, one = opened()
    run.apply(one, finish(1, "Traceback"), 0)
    two = run.open_writer(begin("w2"), 0)
    assert (run.traceback, run.signal) == ("", 0)
    run.apply(two, finish(), 0)
    assert (run.state.value, run.traceback, run.exit_code) == ("finished", "", 0)


def test_a_writer_that_vanishes_leaves_a_crash_without_exit_code() -> None:
    run, writer = opened()
    run.close_writer(writer, Event.VANISHED, Finish(1, "gone", 0), 5)
    assert (run.state.value, run.exit_code, run.traceback) == ("crashed", None, "gone")
    run.close_writer(writer, Event.FINISHED, finish(), 6)
    assert run.state.value == "crashed"


def test_alerts_are_kept_and_bounded() -> None:
    run, writer = opened()
    for i in range(150):
        run.apply(writer, Alert(str(i), "", "INFO"), i)
    assert [alert["title"] for alert in run.alerts] == [str(i) for i in range(50, 150)]


def test_a_clock_that_goes_back_does_not_take_the_run_back() -> None:
    run, writer = opened()
    run.apply(writer, numbers(a=1, time=900), 900)
    run.apply(writer, numbers(a=2, time=50), 50)
    assert run.update_time == 900


def test_too_many_metrics_are_refused_and_the_row_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "METRICS_PER_RUN_MAX", 2)
    run, writer = opened()
    run.apply(writer, numbers(a=1, b=2), 0)
    with pytest.raises(InvalidArgument, match="the run has 2 metrics; the limit is 2"):
        run.apply(writer, numbers(c=3), 0)
    run.apply(writer, numbers(a=5), 0)
    assert run.summary.read(run.definitions) == {"a": 5, "b": 2}
    assert points(run, "a") == [(0, 1), (1, 5)]


def test_a_run_survives_being_kept() -> None:
    run, writer = opened(starting_step=4)
    run.apply(writer, numbers(a=1), 200)
    run.apply(writer, Define(Definition("a", summary_kinds=("max",)), overwrite=False), 0)
    run.apply(writer, Changes("config", {"lr": [1, {"x": None}]}, []), 0)
    run.apply(writer, Update(tags=["t"], notes="\udc80"), 0)
    again = Run.load(run.dump(), run.summary.dump())
    assert again.describe(whole=True) == run.describe(whole=True)
    again.apply(again.writers["w"], numbers(a=0), 300)
    assert points(again, "a") == [(5, 0)]
    assert again.summary.read(again.definitions) == {"a.max": 1}

"""What `trackd.Api` reads back from a real daemon, and what a person can change through it."""

from __future__ import annotations

import contextlib
import fcntl
import math
import multiprocessing
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.conftest import WaitUntil
from tests.service.reading import endpoint_of, get_daemon

import trackd
from trackd import _daemon, _history
from trackd._api_runs import Run

pytestmark = pytest.mark.usefixtures("project")

INT64_MAX = (1 << 63) - 1


def finished(rows: list[dict[str, Any]], **options: Any) -> Run:
    """Logs rows into a new run, ends it, and returns it as a reader sees it."""
    run = trackd.init(reinit="finish_previous", **options)
    for row in rows:
        run.log(row)
    run.finish()
    return trackd.Api().run(run.path)


# -- finding runs --------------------------------------------------------------------------------------------------


def test_run_is_found_by_every_form_of_its_path(project: str) -> None:
    run = finished([{"a": 1}], id=f"only-{project[-8:]}")
    api = trackd.Api()
    paths = (f"{project}/{run.id}", f"me/{project}/{run.id}", f"/{project}/{run.id}", run.id)
    assert {api.run(path).path for path in paths} == {run.path}
    assert trackd.Api(overrides={"project": project}).run(run.id).path == run.path


def test_run_tells_what_it_is(project: str) -> None:
    run = finished(
        [{"a": 1}, {"a": 2}],
        name="swift",
        notes="first try",
        tags=["x", "y"],
        group="g",
        job_type="train",
        config={"lr": 0.1, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "n": 3, "on": True, "none": None},
    )
    assert (run.name, run.display_name, run.notes, run.tags) == ("swift", "swift", "first try", ["x", "y"])
    assert (run.project, run.group, run.job_type, run.state, run.exit_code) == (
        project,
        "g",
        "train",
        "finished",
        0,
    )
    assert run.config == {
        "lr": 0.1, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "n": 3, "on": True, "none": None,
    }  # fmt: skip
    assert [type(run.config[key]) for key in ("lr", "n", "on")] == [float, int, bool]
    assert dict(run.summary) == {"a": 2}
    assert (run.lastHistoryStep, run.entity, run.files()) == (1, "", [])
    assert run.url.endswith(f"/p/{project}/r/{run.id}")
    assert abs(pd.Timestamp(run.created_at).timestamp() - time.time()) < 600
    assert run.metadata["pid"] > 0
    assert run.ingest_health["accepted_row_count"] == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda api: api.run("nowhere/nothing"), "run 'nothing' is not in project 'nowhere'"),
        (lambda api: api.run("nothing"), "run 'nothing' is not in the store"),
        (lambda api: api.runs("p", {"$bad": 1})[0], r"'\$bad' is unknown"),
        (lambda api: api.runs("p", {"state": {"$regex": "("}})[0], "no pattern of RE2"),
        (lambda api: len(api.runs("p", order="loss")), "write config.KEY"),
    ],
)
def test_what_the_daemon_refuses_is_one_sentence(ask: Any, words: str) -> None:
    with pytest.raises(trackd.CommError, match=words) as caught:
        ask(trackd.Api())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        (lambda api: api.run("a/b/c/d"), ValueError, "run path is"),
        (lambda api: api.run(""), ValueError, "run path is"),
        (lambda api: api.runs("p", ["state"]), TypeError, "filters must be a dict"),
        (lambda api: api.runs("p", {"config.x": object()}), TypeError, "a filter holds a object"),
        (lambda api: api.runs("p", per_page=0), ValueError, "per_page is 0"),
    ],
)
def test_wrong_arguments_are_refused_without_asking(ask: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        ask(trackd.Api())


def test_runs_are_filtered_ordered_and_read_a_page_at_a_time(project: str) -> None:
    for i in range(7):
        finished(
            [{"acc": i / 10}],
            id=f"r{i}",
            config={"lr": 10.0**-i, "opt": {"k": i}},
            tags=["even"] if i % 2 == 0 else [],
        )
    api = trackd.Api()
    runs = api.runs(project, per_page=3)
    assert len(runs) == 7
    assert [run.id for run in runs] == [f"r{i}" for i in (6, 5, 4, 3, 2, 1, 0)]
    assert (runs[0].id, runs[-1].id, [run.id for run in runs[2:4]]) == ("r6", "r0", ["r4", "r3"])
    with pytest.raises(IndexError):
        runs[7]

    def ids(*arguments: Any, **options: Any) -> list[str]:
        return [run.id for run in api.runs(project, *arguments, **options)]

    assert ids({"tags": "even"}, order="summary_metrics.acc") == ["r0", "r2", "r4", "r6"]
    assert ids({"config.opt.k.value": {"$in": [1, np.int64(2)]}}, order="-config.lr") == ["r1", "r2"]
    assert ids({"summary_metrics.acc": {"$gte": 0.4}, "state": "finished"}) == ["r6", "r5", "r4"]
    assert ids({"created_at": {"$lt": pd.Timestamp("2001-01-01")}}) == []
    assert ids({"run_id": {"$regex": "^r[0-1]$"}}) == ["r1", "r0"]
    assert project in [each.name for each in api.projects()]
    assert [each.run_count for each in api.projects() if each.name == project] == [7]


def test_run_that_is_being_written_is_read_as_it_is_now() -> None:
    writer = trackd.init()
    writer.log({"loss": 1.0})
    assert writer.flush(60)
    run = trackd.Api().run(writer.path)
    assert (run.state, dict(run.summary)) == ("running", {"loss": 1.0})
    writer.log({"loss": 0.5})
    assert writer.flush(60)
    assert list(run.scan_history(keys=["loss"])) == [{"loss": 1.0}, {"loss": 0.5}]
    assert dict(run.load().summary) == {"loss": 0.5}
    writer.finish()
    assert run.load().state == "finished"


# -- history -------------------------------------------------------------------------------------------------------


def test_scan_history_gives_every_row_with_the_values_as_they_were_logged() -> None:
    values = [
        0.1,
        1.0,
        1,
        INT64_MAX,
        -INT64_MAX - 1,
        True,
        False,
        "text",
        None,
        [1, 2.5, "x"],
        math.inf,
        -math.inf,
        5e-324,
    ]
    run = finished([{"v": value} for value in values])
    read = [row["v"] for row in run.scan_history(keys=["v"])]
    assert read == values
    assert [type(value) for value in read] == [type(value) for value in values]
    assert math.isnan(next(finished([{"v": math.nan}]).scan_history())["v"])


def test_scan_history_counts_rows_without_values_and_skips_rows_that_lack_a_key() -> None:
    run = finished([{"a": 1}, {}, {"a": 2, "b": 3}])
    rows = list(run.scan_history())
    assert [{key: row[key] for key in row if key in ("_step", "a", "b")} for row in rows] == [
        {"_step": 0, "a": 1}, {"_step": 1}, {"_step": 2, "a": 2, "b": 3},
    ]  # fmt: skip
    assert all(0 <= row["_runtime"] < 60 and abs(row["_timestamp"] - time.time()) < 600 for row in rows)
    assert list(run.scan_history(keys=["a", "b"])) == [{"a": 2, "b": 3}]
    assert list(run.scan_history(keys=["b", "_step"])) == [{"b": 3, "_step": 2}]
    assert list(run.scan_history(keys=["_step"])) == [{"_step": 0}, {"_step": 1}, {"_step": 2}]
    assert list(run.scan_history(keys=["a", "none"])) == []
    assert [row["_step"] for row in run.scan_history(min_step=1, max_step=2)] == [1]


def test_one_name_with_several_kinds_is_split_by_kind_and_joined_by_row() -> None:
    run = finished([{"x": 1}, {"x": "one"}, {"x": 2.5}])
    assert [(metric.name, metric.kind, metric.count) for metric in run.metrics()] == [
        ("x", "number", 2),
        ("x", "string", 1),
    ]
    assert [row["x"] for row in run.scan_history()] == [1, "one", 2.5]
    assert run.series("x")[2].tolist() == [1.0, 2.5]
    assert run.series("x", kind="string")[2].tolist() == ["one"]


def test_later_value_wins_where_two_kinds_meet_at_one_step() -> None:
    writer = trackd.init()
    writer.log({"x": 1}, step=0)
    writer.log({"x": "later"}, step=0)
    writer.log({"x": "text"}, step=1)
    writer.log({"x": 2}, step=1)
    writer.finish()
    assert [row["x"] for row in trackd.Api().run(writer.path).scan_history()] == ["later", 2]


def test_history_larger_than_one_chunk_is_read_whole_in_ranges_of_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = trackd.init()
    steps = [*range(1000), *range(10**6, 10**6 + 3000, 3), INT64_MAX - 1, INT64_MAX]
    for step in steps:
        writer.log({"a": step, "b": -step} if step % 2 else {"a": step}, step=step)
    writer.finish()
    run = trackd.Api().run(writer.path)
    monkeypatch.setattr("trackd._api_runs._SCAN_VALUES_MAX", 300)
    monkeypatch.setattr(_history, "_SERIES_VALUES_MAX", 300)
    rows = list(run.scan_history())
    assert [row["_step"] for row in rows] == steps
    assert [row["a"] for row in rows] == steps
    assert [row["_step"] for row in rows if "b" in row] == [step for step in steps if step % 2]
    assert run.series("a")[2].tolist() == steps
    assert run.series("a", min_step=10, max_step=10**6 + 4)[0].tolist() == [
        *range(10, 1000),
        10**6,
        10**6 + 3,
    ]


def test_history_is_all_rows_where_there_are_no_more_than_samples() -> None:
    run = finished([{"loss": 1 / (i + 1), "n": i} for i in range(20)])
    frame = run.history()
    assert list(frame.columns) == ["_step", "_timestamp", "_runtime", "loss", "n"]
    assert frame["loss"].tolist() == [1 / (i + 1) for i in range(20)]
    assert (frame["n"].dtype, frame["_step"].tolist()) == (np.int64, list(range(20)))


def test_sampled_history_keeps_every_spike_and_is_the_same_each_time() -> None:
    loss = np.sin(np.arange(20_000) / 500)
    loss[7_777], loss[13_131] = 99.0, -99.0
    run = finished([{"loss": float(value), "other": 0.0} for value in loss])
    frame = run.history(samples=100)
    assert len(frame) == 100
    assert frame.loc[frame["_step"].isin([7_777, 13_131]), "loss"].tolist() == [99.0, -99.0]
    assert frame["_step"].iloc[[0, -1]].tolist() == [0, 19_999]
    assert not frame["other"].isna().any()  # rows are whole, not each metric's own points
    pd.testing.assert_frame_equal(frame, run.history(samples=100))
    assert 99.0 in run.history(samples=1)["loss"].tolist()


def test_history_sampled_from_several_chunks_keeps_every_spike(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished([{"loss": 50.0 if i == 4_321 else float(i % 7)} for i in range(6_000)])
    monkeypatch.setattr(Run.tables, "__defaults__", (None, None, None, 1000))
    frame = run.history(samples=40)
    assert len(frame) == 40
    assert frame["loss"].max() == 50.0
    assert frame["_step"].is_monotonic_increasing


def test_history_with_keys_has_only_rows_with_all_of_them_and_the_x_axis() -> None:
    run = finished([{"a": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 2, "epoch": 1}, {"b": 5, "epoch": 2}])
    assert run.history(keys=["a", "b"])["a"].tolist() == [2, 3]
    rows = run.history(keys=["a", "b"], x_axis="epoch", pandas=False)
    assert [(row["_step"], row["a"], row["b"], row["epoch"]) for row in rows] == [(2, 3, 2, 1)]
    assert run.history(keys=["none"], pandas=False) == []
    assert list(run.history(keys=["none"]).columns) == ["_step", "_timestamp", "_runtime", "none"]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"keys": "loss"}, TypeError, "a list of metrics' names"),
        ({"keys": [1]}, TypeError, "a list of metrics' names"),
        ({"samples": 0}, ValueError, "samples is 0"),
        ({"stream": "files"}, ValueError, "stream is 'files'"),
    ],
)
def test_history_refuses_wrong_arguments(options: dict[str, Any], kind: type[Exception], words: str) -> None:
    run = finished([{"a": 1}])
    with pytest.raises(kind, match=words):
        run.history(**options)


def test_series_gives_arrays_of_the_kind_that_was_logged() -> None:
    run = finished(
        [{"f": i / 2, "i": INT64_MAX - i, "m": i or 0.5, "b": i % 2 == 0, "t": f"t{i}"} for i in range(4)]
    )
    steps, times, values = run.series("f")
    assert (steps.tolist(), values.tolist(), str(values.dtype)) == (
        [0, 1, 2, 3],
        [0.0, 0.5, 1.0, 1.5],
        "float64",
    )
    assert np.all(np.abs(times - time.time()) < 600)
    assert run.series("i")[2].tolist() == [INT64_MAX - i for i in range(4)]
    assert (str(run.series("m")[2].dtype), run.series("b")[2].tolist()) == (
        "float64",
        [True, False, True, False],
    )
    assert run.series("t")[2].tolist() == ["t0", "t1", "t2", "t3"]
    assert [len(column) for column in run.series("none")] == [0, 0, 0]


# -- edits ---------------------------------------------------------------------------------------------------------


def test_summary_assignments_wait_for_update_and_stay_over_what_is_logged_later() -> None:
    writer = trackd.init()
    writer.log({"loss": 1.0, "old": 5})
    assert writer.flush(60)
    api = trackd.Api()
    run = api.run(writer.path)
    run.summary["loss"] = 0.25
    run.summary["best"] = {"epoch": 3}
    run.summary["best"]["acc"] = 0.9
    assert (run.summary["loss"], run.summary["best.acc"], run.summary["best"]["epoch"]) == (0.25, 0.9, 3)
    assert dict(api.run(writer.path).summary) == {"loss": 1.0, "old": 5}
    run.summary.update()
    run.summary.update({"more": 1})
    writer.log({"loss": 0.75})
    writer.finish()
    expected = {"loss": 0.25, "old": 5, "best.epoch": 3, "best.acc": 0.9, "more": 1}
    assert dict(api.run(writer.path).summary) == expected
    run = api.run(writer.path)
    del run.summary["loss"]
    run.summary.update()
    assert dict(api.run(writer.path).summary) == {**expected, "loss": 0.75}


def test_update_keeps_changes_of_name_notes_tags_and_config() -> None:
    run = finished([{"a": 1}], config={"lr": 0.1, "opt": {"k": 1}, "gone": 1}, tags=["x"])
    run.name, run.notes, run.group = "better", "said later", "g2"
    run.tags.append("best")
    run.config["opt"]["k"] = 2
    run.config["new"] = [1, 2]
    del run.config["gone"]
    assert trackd.Api().run(run.path).tags == ["x"]
    run.update()
    read = trackd.Api().run(run.path)
    assert (read.name, read.notes, read.group, read.tags) == ("better", "said later", "g2", ["x", "best"])
    assert read.config == {"lr": 0.1, "opt": {"k": 2}, "new": [1, 2]}
    read.tags = []
    read.update()
    assert trackd.Api().run(run.path).tags == []
    read.tags = ["x" * 65]
    with pytest.raises(ValueError, match="1 to 64 characters"):
        read.update()


def test_archived_is_set_by_a_script_and_afterwards(project: str) -> None:
    run = trackd.init(id="away")
    assert run.archived is False
    run.archived = True
    with pytest.raises(TypeError, match="archived is 'no'; it must be True or False"):
        run.archived = "no"  # type: ignore[assignment]
    assert run.archived is True
    run.finish()
    other = finished([{"a": 1}])

    api = trackd.Api()
    assert [each.id for each in api.runs(project, {"archived": True})] == ["away"]
    assert [each.id for each in api.runs(project, {"archived": False})] == [other.id]
    resumed = trackd.init(id="away", resume="must")
    assert resumed.archived is True
    resumed.finish()

    read = api.run(f"{project}/away")
    assert read.archived is True
    read.notes = "looked at again"
    read.update()
    assert api.run(f"{project}/away").archived is True
    read.archived = False
    read.update()
    assert api.run(f"{project}/away").archived is False
    read.archived = "no"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="it must be True or False"):
        read.update()


def test_edits_survive_a_new_daemon(store: Path) -> None:
    run = finished([{"loss": 1.0}])
    run.summary["loss"] = 0.5
    run.notes = "kept"
    run.update()
    first_pid = stop_daemon(store)
    read = trackd.Api().run(run.path)
    assert (read.notes, dict(read.summary), read.series("loss")[2].tolist()) == ("kept", {"loss": 0.5}, [1.0])
    endpoint = endpoint_of(store)
    assert endpoint.pid != first_pid


def test_deleted_run_is_gone_and_deleting_it_again_does_nothing(project: str, wait_until: WaitUntil) -> None:
    run = finished([{"a": 1}])
    wait_until(lambda: get_daemon().open_writer_count == 0)
    run.delete()
    run.delete()
    assert len(trackd.Api().runs(project)) == 0
    with pytest.raises(trackd.CommError, match=r"is not in project"):
        run.load()


# -- the daemon ----------------------------------------------------------------------------------------------------


def stop_daemon(store: Path) -> int:
    """Ends the store's daemon as `trackd down` does; returns its process id."""
    from trackd import _cli

    endpoint = endpoint_of(store)
    assert _cli.run_command(["down", "--store", str(store)]) == 0
    return endpoint.pid


def test_reading_starts_a_daemon_and_goes_on_with_the_next_one(store: Path) -> None:
    assert not _daemon.is_alive(str(store))
    api = trackd.Api()
    assert api.projects() == []
    first_pid = stop_daemon(store)
    assert api.projects() == []
    endpoint = endpoint_of(store)
    assert endpoint.pid != first_pid


def test_daemon_that_cannot_start_is_told_long_before_the_timeout(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        catalog.execute("PRAGMA user_version = 99")  # as a newer trackd would leave it
    start = time.monotonic()
    with pytest.raises(
        trackd.CommError, match=r"no daemon answers .* has ended by itself; run `trackd doctor`"
    ):
        trackd.Api(timeout=600).projects()
    assert time.monotonic() - start < 300


def test_daemon_that_does_not_come_up_is_one_sentence_within_the_timeout(store: Path) -> None:
    with (store / "daemon.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a daemon that is stopped in its start holds it
        with pytest.raises(trackd.CommError, match=r"no daemon answers .* within 0.2 s: run `trackd doctor`"):
            trackd.Api(timeout=0.2).projects()


def test_daemon_of_another_protocol_is_refused_with_what_to_do(store: Path) -> None:
    trackd.Api().projects()
    endpoint = store / "endpoint.json"
    endpoint.write_text(endpoint.read_text().replace('"protocol_version": 1', '"protocol_version": 99'))
    with pytest.raises(
        trackd.CommError, match=r"speaks protocol 99; this is protocol 1: end it with `trackd down`"
    ):
        trackd.Api().projects()


def _read_in_child(path: str, answers: Any) -> None:
    try:
        answers.put(repr(trackd.Api().run(path)))
    except trackd.CommError as error:
        answers.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_forked_after_grpc_is_told_instead_of_hanging() -> None:
    run = finished([{"a": 1}])
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_read_in_child, args=(run.path, answers))
    child.start()
    assert "forked from one that used trackd" in answers.get(timeout=60)
    child.join(timeout=60)

"""`define_metric`: step metrics that join rows, what the summary keeps, globs, and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from tests.service.reading import get_run, logged, rows, summary

import trackd
from trackd.v1 import records_pb2

pytestmark = pytest.mark.usefixtures("project")


def log_all(run: trackd.Run, *data: dict[str, Any]) -> None:
    for row in data:
        run.log(row)


def steps_of_a_group(run: trackd.Run) -> None:
    run.define_metric("custom")
    run.define_metric("train/*", step_metric="custom")
    log_all(run, {"train/loss": 1}, {"custom": 10, "train/loss": 2}, {"train/loss": 3}, {"other": 1})


def whole_name_over_glob(run: trackd.Run) -> None:
    run.define_metric("loss", step_metric="epoch", summary="min")
    run.define_metric("*", step_metric="gs", summary="max")
    log_all(run, {"loss": 1, "epoch": 1, "gs": 5}, {"loss": 2, "other": 3, "gs": 6}, {"_hidden": 1, "gs": 7})


def define_after_data(run: trackd.Run) -> None:
    run.log({"a": 9})
    run.define_metric("a", summary="max")
    log_all(run, {"a": 1}, {"a": 5}, {"a": 3})


def mixed_kinds(run: trackd.Run) -> None:
    run.define_metric("a", summary="mean,max,min")
    log_all(run, {"a": 1}, {"a": "oops"}, {"a": 3})


def strings_only(run: trackd.Run) -> None:
    run.define_metric("a", summary="max,first,last")
    log_all(run, {"a": "x"}, {"a": "y"})


def not_a_number(run: trackd.Run) -> None:
    run.define_metric("a", summary="min,max,mean")
    log_all(run, {"a": 1.0}, {"a": math.nan}, {"a": 3.0})


def only_nan(run: trackd.Run) -> None:
    run.define_metric("a", summary="min,max,mean")
    run.log({"a": math.nan})


def infinities(run: trackd.Run) -> None:
    run.define_metric("a", summary="min,max")
    log_all(run, {"a": 1.0}, {"a": math.inf}, {"a": -math.inf})


def all_kinds(run: trackd.Run) -> None:
    run.define_metric("a", summary="min,MAX, mean ,first,last")
    log_all(run, {"a": 4}, {"a": 2}, {"a": 6}, {"a": 4})


def nothing(run: trackd.Run) -> None:
    run.define_metric("a", summary="none")
    log_all(run, {"a": 4}, {"b": 2})


def copies(run: trackd.Run) -> None:
    run.define_metric("a", summary="copy")
    log_all(run, {"a": 4}, {"a": 2})


def best_is_smallest(run: trackd.Run) -> None:
    run.define_metric("a", summary="best")
    log_all(run, {"a": 4}, {"a": 2}, {"a": 3})


def best_is_largest(run: trackd.Run) -> None:
    run.define_metric("a", summary="best", goal="maximize")
    log_all(run, {"a": 4}, {"a": 2}, {"a": 3})


def longest_glob(run: trackd.Run) -> None:
    run.define_metric("train/loss*", summary="max")
    run.define_metric("train/*", summary="min")
    log_all(run, {"train/loss": 1, "train/acc": 1}, {"train/loss": 2, "train/acc": 2})


def glob_changed_later(run: trackd.Run) -> None:
    run.define_metric("train/*", summary="min")
    run.log({"train/loss": 1})
    run.define_metric("train/*", summary="max", overwrite=True)
    run.log({"train/loss": 2})


def merged(run: trackd.Run) -> None:
    run.define_metric("a", summary="min")
    run.define_metric("a", summary="max")
    run.define_metric("a", hidden=True)
    log_all(run, {"a": 1}, {"a": 2})


def overwritten(run: trackd.Run) -> None:
    run.define_metric("a", summary="min", step_metric="epoch")
    run.define_metric("a", summary="max", overwrite=True)
    log_all(run, {"epoch": 1}, {"a": 1}, {"a": 2})


def unsynced(run: trackd.Run) -> None:
    run.define_metric("a", step_metric="epoch", step_sync=False)
    log_all(run, {"epoch": 1}, {"a": 1})


def sync_taken_back(run: trackd.Run) -> None:
    run.define_metric("a", step_metric="epoch")
    run.define_metric("a", step_sync=False)
    log_all(run, {"epoch": 1}, {"a": 1})


def nested_names(run: trackd.Run) -> None:
    run.define_metric("val.loss", summary="min", step_metric="at.epoch")
    log_all(run, {"at": {"epoch": 3}}, {"val": {"loss": 2}}, {"val.loss": 5})


def texts_are_synced_too(run: trackd.Run) -> None:
    run.define_metric("note", step_metric="epoch")
    log_all(run, {"epoch": 1}, {"note": "x"}, {"note": "y", "epoch": 2}, {"note": "z", "n": 1})


def everything_by_one_step(run: trackd.Run) -> None:
    run.define_metric("train/global_step")
    run.define_metric("*", step_metric="train/global_step", step_sync=True)
    log_all(
        run,
        {"loss": 1, "train/global_step": 100},
        {"eval": 0.5},
        {"loss": 2, "train/global_step": 200},
        {"text": "x"},
    )


def logged_twice_in_one_step(run: trackd.Run) -> None:
    run.define_metric("a", summary="max,mean")
    run.log({"a": 100}, step=1)
    run.log({"a": 2}, step=1)
    run.log({"a": 4}, step=2)


EXAMPLES: dict[Callable[[trackd.Run], None], tuple[list[dict[str, Any]], dict[str, Any]]] = {
    # Deviation (part 6, quirk 5): the reference invents custom: 0 in the first row.
    steps_of_a_group: (
        [{"train/loss": 1}, {"custom": 10, "train/loss": 2}, {"train/loss": 3, "custom": 10}, {"other": 1}],
        {"train/loss": 3, "custom": 10, "other": 1},
    ),
    # The reference nests: {"loss": {"min": 1}}; here the name is dotted (part 0), which its own UI shows too.
    whole_name_over_glob: (
        [
            {"loss": 1, "epoch": 1, "gs": 5},
            {"loss": 2, "other": 3, "gs": 6, "epoch": 1},
            {"_hidden": 1, "gs": 7},
        ],
        {"loss.min": 1, "epoch.max": 1, "gs.max": 7, "other.max": 3, "_hidden": 1},
    ),
    define_after_data: ([{"a": 9}, {"a": 1}, {"a": 5}, {"a": 3}], {"a.max": 9}),
    mixed_kinds: ([{"a": 1}, {"a": "oops"}, {"a": 3}], {"a.mean": 2.0, "a.max": 3, "a.min": 1}),
    # Deviation (quirk 7): the reference's max over texts is 0.
    strings_only: ([{"a": "x"}, {"a": "y"}], {"a.first": "x", "a.last": "y"}),
    # Deviation (quirk 7): NaN is left out instead of poisoning the rest.
    not_a_number: ([{"a": 1.0}, {"a": "nan"}, {"a": 3.0}], {"a.min": 1.0, "a.max": 3.0, "a.mean": 2.0}),
    only_nan: ([{"a": "nan"}], {}),
    infinities: ([{"a": 1.0}, {"a": math.inf}, {"a": -math.inf}], {"a.min": -math.inf, "a.max": math.inf}),
    all_kinds: (
        [{"a": 4}, {"a": 2}, {"a": 6}, {"a": 4}],
        {"a.min": 2, "a.max": 6, "a.mean": 4.0, "a.first": 4, "a.last": 4},
    ),
    nothing: ([{"a": 4}, {"b": 2}], {"b": 2}),
    copies: ([{"a": 4}, {"a": 2}], {"a": 2}),
    best_is_smallest: ([{"a": 4}, {"a": 2}, {"a": 3}], {"a.best": 2}),
    best_is_largest: ([{"a": 4}, {"a": 2}, {"a": 3}], {"a.best": 4}),
    # Deviation (quirk 6): the reference picks one at random.
    longest_glob: (
        [{"train/loss": 1, "train/acc": 1}, {"train/loss": 2, "train/acc": 2}],
        {"train/loss.max": 2, "train/acc.min": 1},
    ),
    # Deviation: in the reference a metric keeps the glob that it met first.
    glob_changed_later: ([{"train/loss": 1}, {"train/loss": 2}], {"train/loss.max": 2}),
    merged: ([{"a": 1}, {"a": 2}], {"a.min": 1, "a.max": 2}),
    overwritten: ([{"epoch": 1}, {"a": 1}, {"a": 2}], {"epoch": 1, "a.max": 2}),
    unsynced: ([{"epoch": 1}, {"a": 1}], {"epoch": 1, "a": 1}),
    # Deviation (quirk 13): step_sync can be unset.
    sync_taken_back: ([{"epoch": 1}, {"a": 1}], {"epoch": 1, "a": 1}),
    nested_names: (
        [{"at.epoch": 3}, {"val.loss": 2, "at.epoch": 3}, {"val.loss": 5, "at.epoch": 3}],
        {"at.epoch": 3, "val.loss.min": 2},
    ),
    texts_are_synced_too: (
        [
            {"epoch": 1},
            {"note": "x", "epoch": 1},
            {"note": "y", "epoch": 2},
            {"note": "z", "n": 1, "epoch": 2},
        ],
        {"epoch": 2, "note": "z", "n": 1},
    ),
    everything_by_one_step: (
        [
            {"loss": 1, "train/global_step": 100},
            {"eval": 0.5, "train/global_step": 100},
            {"loss": 2, "train/global_step": 200},
            {"text": "x", "train/global_step": 200},
        ],
        {"loss": 2, "train/global_step": 200, "eval": 0.5, "text": "x"},
    ),
}


def without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: "nan" if value != value else value for key, value in row.items()}  # noqa: PLR0124 - finds NaN


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_definitions_give_the_rows_and_the_summary_of_the_reference(
    example: Callable[[trackd.Run], None],
) -> None:
    expected_rows, expected_summary = EXAMPLES[example]
    run = trackd.init()
    example(run)
    run.finish()
    assert [without_nan(row) for _, row in rows(run.id)] == expected_rows
    found = summary(run.id)
    assert found == expected_summary
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value) for key, value in expected_summary.items()
    }


def test_of_several_values_at_one_step_only_the_last_counts_in_the_summary() -> None:
    run = trackd.init()
    logged_twice_in_one_step(run)
    run.finish()
    assert summary(run.id) == {"a.max": 4, "a.mean": 3.0}


def test_definitions_work_for_rows_of_numbers_and_of_records_alike() -> None:
    """Fixed-width rows that repeat take another way through the daemon than the first row of a kind."""
    run = trackd.init()
    run.define_metric("*", step_metric="epoch")
    for epoch in range(5):
        run.log({"epoch": epoch})
        for _ in range(3):
            run.log({"loss": epoch * 2.0})
    found = [row for _, row in logged(run) if "loss" in row]
    assert found == [{"loss": epoch * 2.0, "epoch": epoch} for epoch in range(5) for _ in range(3)]


def test_a_definition_reaches_readers() -> None:
    run = trackd.init()
    metric = run.define_metric("val/*", "epoch", hidden=True, summary="min,last", goal="minimize")
    assert (metric.name, metric.step_metric, metric.step_sync, metric.hidden) == (
        "val/*",
        "epoch",
        True,
        True,
    )
    run.define_metric("other", step_metric=metric, step_sync=False)
    trackd.define_metric("third")
    run.finish()
    first, second, third = get_run(run.id).metric_definitions
    assert (first.name, first.step_metric, first.hidden) == ("val/*", "epoch", True)
    assert list(first.summary_kinds) == [records_pb2.SUMMARY_KIND_MIN, records_pb2.SUMMARY_KIND_LAST]
    assert first.goal == records_pb2.GOAL_MINIMIZE
    assert (second.step_metric, second.step_sync, third.name) == ("val/*", False, "third")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"name": ""}, "name that is not empty"),
        ({"name": None}, "name that is not empty"),
        ({"name": 5}, "name"),
        ({"name": "a*b"}, r"'a\*b'; a glob can only end in \*"),
        ({"name": "**"}, "glob"),
        ({"name": "a", "step_metric": 5}, "step_metric is a int"),
        ({"name": "a", "summary": "median"}, "summary is 'median'; it can be min"),
        ({"name": "a", "summary": "min,median"}, "'median'"),
        ({"name": "a", "summary": 5}, "summary is 5"),
        ({"name": "a", "goal": "up"}, "goal is 'up'"),
        ({"name": "x" * 513}, "513 bytes; the limit is 512"),
        ({"name": "a", "step_metric": "x" * 513}, "513 bytes; the limit is 512"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(arguments: dict[str, Any], match: str) -> None:
    run = trackd.init()
    with pytest.raises(trackd.Error, match=match):
        run.define_metric(**arguments)
    run.finish()
    assert list(get_run(run.id).metric_definitions) == []


def test_define_metric_needs_a_running_run() -> None:
    with pytest.raises(trackd.Error, match=r"trackd\.init"):
        trackd.define_metric("a")
    run = trackd.init()
    run.finish()
    with pytest.raises(trackd.UsageError, match="finished"):
        run.define_metric("a")

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackd_service.definitions import Definition, Definitions
from trackd_service.summary import BOOL, DOUBLE, INT64, Summary

ALL = ("min", "max", "mean", "first", "last")
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | st.just(math.nan)
ROWS = st.lists(
    st.tuples(st.integers(0, 6), NUMBERS | st.booleans() | st.sampled_from(["a", "b"])), max_size=25
)


def definitions(*kinds: str, goal: str | None = None) -> Definitions:
    result = Definitions()
    if kinds:
        result.define(Definition("m", summary_kinds=kinds, goal=goal), overwrite=False)
    return result


def add(summary: Summary, step: int, value: Any) -> None:
    metric = summary.indices(["m"])
    if isinstance(value, str):
        summary.add_object(int(metric[0]), step, value)
        return
    kind = BOOL if isinstance(value, bool) else DOUBLE if isinstance(value, float) else INT64
    word = np.array([value], np.float64 if kind == DOUBLE else np.int64).view(np.uint64)
    summary.add_rows(metric, np.array([kind], np.uint8), np.array([step]), word[:, None])


def filled(*rows: tuple[int, Any]) -> Summary:
    summary = Summary()
    for step, value in rows:
        add(summary, step, value)
    return summary


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        type(one[key]) is type(other[key])
        and (one[key] == other[key] or (math.isnan(one[key]) and math.isnan(other[key])))
        for key in one
    )


@pytest.mark.parametrize("value", [1, 1.0, True, "x", 2**63 - 1, -(2**63), math.inf])
def test_the_summary_is_the_last_value_with_its_type(value: Any) -> None:
    assert same(filled((0, 0.5), (1, value)).read(definitions()), {"m": value})


def test_statistics_leave_nan_out_and_keep_integers() -> None:
    summary = filled((0, 3), (1, 1), (2, 2))
    assert same(
        summary.read(definitions(*ALL)), {"m.min": 1, "m.max": 3, "m.mean": 2.0, "m.first": 3, "m.last": 2}
    )
    summary = filled((0, 3), (1, math.nan), (2, 1.5))
    assert summary.read(definitions("min", "max", "mean")) == {"m.min": 1.5, "m.max": 3.0, "m.mean": 2.25}


def test_best_follows_the_goal() -> None:
    summary = filled((0, 3), (1, 1), (2, 2))
    assert summary.read(definitions("best")) == {"m.best": 1}
    assert summary.read(definitions("best", goal="maximize")) == {"m.best": 3}


def test_a_value_at_the_newest_step_is_replaced_and_not_counted_twice() -> None:
    summary = filled((1, 100), (1, 2), (2, 50), (2, 4))
    assert summary.read(definitions(*ALL)) == {
        "m.min": 2,
        "m.max": 4,
        "m.mean": 3.0,
        "m.first": 2,
        "m.last": 4,
    }


def test_a_late_value_counts_and_is_not_the_last() -> None:
    summary = filled((5, 1), (2, 9))
    assert summary.read(definitions()) == {"m": 1}
    assert summary.read(definitions("max", "last")) == {"m.max": 9, "m.last": 1}


def test_what_was_set_by_hand_hides_the_metric() -> None:
    summary = filled((0, 1))
    summary.by_hand.update({"m": 7, "other": {"x": 1}})
    assert summary.read(definitions("max")) == {"m": 7, "other": {"x": 1}}


def test_the_last_number_is_of_numbers_only() -> None:
    assert Summary().last_number("m") is None
    assert filled((0, "x")).last_number("m") is None
    assert filled((0, True)).last_number("m") is None
    assert filled((0, 5)).last_number("m") == (INT64, 5)


def test_many_metrics_grow_the_table() -> None:
    summary = Summary()
    names = [f"m{i}" for i in range(1000)]
    metrics = summary.indices(names)
    assert summary.indices(names).tolist() == metrics.tolist()
    words = np.arange(1000, dtype=np.int64).view(np.uint64)[None, :]
    summary.add_rows(metrics, np.full(1000, INT64, np.uint8), np.array([0]), words)
    assert summary.read(definitions()) == {name: i for i, name in enumerate(names)}
    assert summary.metric_count == 1000
    assert summary.names() == names


@given(ROWS)
def test_statistics_are_those_of_the_values_that_count(rows: list[tuple[int, Any]]) -> None:
    """The values that count: each that was followed by another step or came late, and the pending one."""
    summary = filled(*rows)
    counted: list[Any] = []
    newest, pending, is_set = -1, None, False
    for step, value in rows:
        if is_set and step < newest:
            if not isinstance(value, str):
                counted.append(value)
            continue
        if is_set and step > newest:
            counted.append(pending)
        newest, pending, is_set = step, value, True
    if is_set:
        counted.append(pending)
    numbers = [v for v in counted if not isinstance(v, bool | str) and not math.isnan(v)]
    found = summary.read(definitions("min", "max", "mean"))
    if not numbers:
        assert found == {}
        return
    assert (found["m.min"], found["m.max"]) == (min(numbers), max(numbers))
    assert found["m.mean"] == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-9, abs=1e-6)


@example([(1, 0.0), (0, math.nan), (1, 1.0)], 1)  # a late row, then the pending step again
@given(
    st.lists(st.tuples(st.integers(0, 8), st.floats(-100, 100) | st.just(math.nan)), max_size=20),
    st.integers(0, 20),
)
def test_a_block_of_rows_counts_like_its_rows_one_by_one(rows: list[tuple[int, float]], cut: int) -> None:
    single, blocks = filled(*rows), Summary()
    metric = blocks.indices(["m"])
    for part in (rows[:cut], rows[cut:]):
        steps = np.array([step for step, _ in part], np.int64)
        words = np.array([value for _, value in part]).reshape(-1, 1).view(np.uint64)
        blocks.add_rows(metric, np.array([DOUBLE], np.uint8), steps, words)
    one, other = single.read(definitions(*ALL)), blocks.read(definitions(*ALL))
    assert one.keys() == other.keys()
    for key in one:
        assert one[key] == pytest.approx(other[key], nan_ok=True)


@given(ROWS)
def test_a_summary_survives_being_kept_and_goes_on(rows: list[tuple[int, Any]]) -> None:
    summary = filled(*rows)
    summary.by_hand["hand"] = [1, None, {"a": "\udc80"}]
    again = Summary.load(summary.dump())
    for each in (summary, again):
        add(each, 7, 1.25)
    assert same(
        {key: value for key, value in again.read(definitions(*ALL)).items() if key != "hand"},
        {key: value for key, value in summary.read(definitions(*ALL)).items() if key != "hand"},
    )
    assert again.by_hand == summary.by_hand
    assert again.names() == summary.names()


WORDS = st.floats(width=64).map(lambda value: int(np.float64(value).view(np.uint64))) | st.integers(
    0, 2**64 - 1
)
SHORT_ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from([DOUBLE, INT64, BOOL]), WORDS), max_size=4),
    ),
    max_size=20,
)


@given(SHORT_ROWS)
def test_a_row_by_itself_counts_the_same_value_by_value_and_by_arrays(
    rows: list[tuple[int, list[tuple[int, int, int]]]],
) -> None:
    one, other = Summary(), Summary()
    for step, values in rows:
        by_metric = {
            f"m{metric}": (kind, word & 1 if kind == BOOL else word) for metric, kind, word in values
        }
        if not by_metric:
            continue
        types = np.array([kind for kind, _ in by_metric.values()], np.uint8)
        words = np.array([[word for _, word in by_metric.values()]], np.uint64)
        one.add_rows(one.indices(by_metric), types, np.array([step]), words)
        other._add_ascending(other.indices(by_metric), types, np.array([step]), words)
    for name in one._columns.dtype.names or ():
        is_float = one._columns[name].dtype.kind == "f"
        assert np.array_equal(one._columns[name], other._columns[name], equal_nan=is_float), name

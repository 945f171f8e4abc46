"""What `log` makes of its calls: the rows, their steps, and the values in them, as a reader sees them."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import decimal
import enum
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.service.reading import connection, get_run, logged, rows, series, summary

import trackd
from trackd.v1 import query_service_pb2, query_service_pb2_grpc, records_pb2

pytestmark = pytest.mark.usefixtures("project")

Rows = list[tuple[int, dict[str, Any]]]


def call(*arguments: Any, **options: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Notes one call of `log`."""
    return arguments, options


def make_history(calls: list[Any], project: str, **options: Any) -> tuple[Rows, dict[str, Any], trackd.Run]:
    """Makes a run of the calls; returns its rows, its summary and itself, finished."""
    run = trackd.init(project=project, **options)
    for arguments, keywords in calls:
        run.log(*arguments, **keywords)
    run.finish()
    return rows(run.id, project), summary(run.id, project), run


EXAMPLES: dict[str, tuple[list[Any], Rows, dict[str, Any]]] = {
    "each call is a step": (
        [call({"a": 1}), call({"a": 2, "b": 3})],
        [(0, {"a": 1}), (1, {"a": 2, "b": 3})],
        {"a": 2, "b": 3},
    ),
    "commit=False collects into the step of the next call": (
        [
            call({"l": 0.5}, commit=False),
            call({"acc": 0.8}),
            call({"l": 0.4}, commit=False),
            call({"acc": 0.9}),
        ],
        [(0, {"l": 0.5, "acc": 0.8}), (1, {"l": 0.4, "acc": 0.9})],
        {"l": 0.4, "acc": 0.9},
    ),
    "one step given twice is one row, and finish() flushes the last": (
        [call({"l": 0.5}, 0), call({"acc": 0.8}, 0), call({"l": 0.4}, 1), call({"acc": 0.9}, 1)],
        [(0, {"l": 0.5, "acc": 0.8}), (1, {"l": 0.4, "acc": 0.9})],
        {"l": 0.4, "acc": 0.9},
    ),
    # Deviation (behaviour 1.6): the reference drops a:2 at step 3 and a:9 at step 4, trackd keeps late rows at their step.
    "late rows are kept at their step, and do not change what is newest": (
        [call({"a": 1}, 5), call({"a": 2}, 3), call({"b": 2}, 5), call({"a": 3}, 10), call({"a": 9}, 4)],
        [(3, {"a": 2}), (4, {"a": 9}), (5, {"a": 1, "b": 2}), (10, {"a": 3})],
        {"a": 3, "b": 2},
    ),
    # Deviation (1.6): the last row is dropped by the reference ("step 7 that is less than the current step 8").
    "a call without a step joins the open step and ends it": (
        [
            call({"a": 1}, 5),
            call({"b": 2}),
            call({"c": 3}),
            call({"d": 4}, 7, commit=True),
            call({"e": 5}, 7),
        ],
        [(5, {"a": 1, "b": 2}), (6, {"c": 3}), (7, {"d": 4, "e": 5})],
        {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5},
    ),
    "a step with commit=False stays open": (
        [call({"a": 1}, 2, commit=False), call({"b": 1}), call({"c": 1})],
        [(2, {"a": 1, "b": 1}), (3, {"c": 1})],
        {"a": 1, "b": 1, "c": 1},
    ),
    "finish() keeps what commit=False collected, the last value of a key": (
        [call({"a": 1}, commit=False), call({"a": 2}, commit=False)],
        [(0, {"a": 2})],
        {"a": 2},
    ),
    "an empty row is a row": (
        [call({}), call({}), call({"a": 1}), call({}, 10), call({"b": 1})],
        [(0, {}), (1, {}), (2, {"a": 1}), (10, {"b": 1})],
        {"a": 1, "b": 1},
    ),
    "an empty call commits": (
        [call({"a": 1}, commit=False), call({}), call({"b": 1})],
        [(0, {"a": 1}), (1, {"b": 1})],
        {"a": 1, "b": 1},
    ),
    # Deviation (1.6): the reference drops a:4; here it is the last write at step 3.
    "of several writes at one step the last stays": (
        [call({"a": 1}, 3), call({"a": 2}, 3), call({"a": 3}, 3, commit=True), call({"a": 4}, 3)],
        [(3, {"a": 4})],
        {"a": 4},
    ),
    "reserved names are no metrics": (
        [call({"_step": 77, "a": 1}), call({"_timestamp": 123, "_runtime": 9, "b": 1})],
        [(0, {"a": 1}), (1, {"b": 1})],
        {"a": 1, "b": 1},
    ),
    # Deviation (part 0): names are flat, so a scalar and the values below its name live side by side in the summary; the
    # reference keeps {"x": {"y": {"z": 2}}} and forgets x = 5.
    "nested dicts are dotted names": (
        [
            call({"x": {"y": {"z": 1}, "w": 2}, "x.q": 3}),
            call({"x": 5}),
            call({"x": {"y": {"z": 2}}}),
        ],
        [(0, {"x.y.z": 1, "x.w": 2, "x.q": 3}), (1, {"x": 5}), (2, {"x.y.z": 2})],
        {"x.y.z": 2, "x.w": 2, "x.q": 3, "x": 5},
    ),
    "nested and dotted names merge in one step": (
        [call({"x": {"a": 1}}, 0), call({"x": {"b": 2}}, 0), call({"x.a": 3}, 0)],
        [(0, {"x.a": 3, "x.b": 2})],
        {"x.a": 3, "x.b": 2},
    ),
    "an empty dict logs nothing but the row": (
        [call({"a": {}}), call({"b": 1})],
        [(0, {}), (1, {"b": 1})],
        {"b": 1},
    ),
    "bool, None and the empty list are values": (
        [call({"i": math.inf, "b": True, "none": None, "le": []})],
        [(0, {"i": math.inf, "b": True, "none": None, "le": []})],
        {"i": math.inf, "b": True, "none": None, "le": []},
    ),
    "explicit and automatic steps mix": (
        [
            call({"n": 1}),
            call({"n": 11}, commit=False),
            call({"n": 2}, step=100),
            call({"n": 3}, step=100),
            call({"n": 8}, step=101),
            call({"n": 5}, step=102),
            call({"cool": 2}, step=2),
            call({"cool": 4}, step=4),
        ],
        # Deviation (1.6): `cool` came late and is kept.
        [
            (0, {"n": 1}),
            (1, {"n": 11}),
            (2, {"cool": 2}),
            (4, {"cool": 4}),
            (100, {"n": 3}),
            (101, {"n": 8}),
            (102, {"n": 5}),
        ],
        {"n": 5, "cool": 4},
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_calls_give_the_rows_and_the_summary_of_the_reference(name: str, project: str) -> None:
    calls, expected_rows, expected_summary = EXAMPLES[name]
    found_rows, found_summary, _ = make_history(calls, project)
    assert found_rows == expected_rows
    assert found_summary == expected_summary


DROPPING = {
    "behind an explicit step": (
        [call({"a": 1}, 5), call({"a": 2}, 3), call({"b": 2}, 5), call({"a": 3}, 10), call({"a": 9}, 4)],
        [(5, {"a": 1, "b": 2}), (10, {"a": 3})],
        2,
    ),
    "behind a committed step": (
        [
            call({"a": 1}, 5),
            call({"b": 2}),
            call({"c": 3}),
            call({"d": 4}, 7, commit=True),
            call({"e": 5}, 7),
        ],
        [(5, {"a": 1, "b": 2}), (6, {"c": 3}), (7, {"d": 4})],
        1,
    ),
    "with a commit of its own, which changes nothing": (
        [call({"a": 1}, 3), call({"a": 2}, 3, commit=True), call({"a": 4}, 3, commit=True), call({"b": 1})],
        [(3, {"a": 2}), (4, {"b": 1})],
        1,
    ),
}


@pytest.mark.parametrize("name", DROPPING)
def test_late_steps_drop_gives_the_references_rule_and_warns_once_naming_both_steps(
    name: str, project: str
) -> None:
    calls, expected, dropped_count = DROPPING[name]
    with pytest.warns(UserWarning, match=r"step \d+ is behind the current step \d+") as caught:
        found, _, run = make_history(calls, project, settings={"late_steps": "drop"})
    assert found == expected
    assert len(caught) == 1
    health = get_run(run.id, project).ingest_health
    assert health.dropped_late_row_count == dropped_count
    assert health.late_row_count == 0
    assert run.step == found[-1][0] + (name != "behind an explicit step")


def test_late_rows_that_are_kept_are_counted_on_the_ingest_health(project: str) -> None:
    _, _, run = make_history([call({"a": 1}, 5), call({"a": 2}, 3), call({"a": 3}, 4)], project)
    health = get_run(run.id, project).ingest_health
    assert (health.accepted_row_count, health.late_row_count, health.dropped_late_row_count) == (3, 2, 0)


def test_the_three_spellings_of_one_history_are_identical(project: str) -> None:
    one_call = [call({"train-loss": 0.5, "accuracy": 0.8}), call({"train-loss": 0.4, "accuracy": 0.9})]
    held = [
        call({"train-loss": 0.5}, commit=False),
        call({"accuracy": 0.8}),
        call({"train-loss": 0.4}, commit=False),
        call({"accuracy": 0.9}),
    ]
    stepped = [
        call({"train-loss": 0.5}, step=0),
        call({"accuracy": 0.8}, step=0),
        call({"train-loss": 0.4}, step=1),
        call({"accuracy": 0.9}, step=1),
    ]
    histories = [make_history(calls, project)[:2] for calls in (one_call, held, stepped)]
    assert histories[0] == histories[1] == histories[2]
    assert histories[0][0] == [
        (0, {"train-loss": 0.5, "accuracy": 0.8}),
        (1, {"train-loss": 0.4, "accuracy": 0.9}),
    ]


def test_the_step_of_a_run_follows_its_calls() -> None:
    run = trackd.init()
    seen = [run.step]
    for arguments, options in [
        call({"a": 1}),
        call({"a": 1}, commit=False),
        call({"a": 1}),
        call({"a": 1}, step=10),
        call({"a": 1}, step=10),
        call({"a": 1}),
        call({"a": 1}, step=4),
        call({"a": 1}, step=4, commit=True),
        call({"a": 1}, step=20, commit=True),
        call({"a": "text"}),
    ]:
        run.log(*arguments, **options)
        seen.append(run.step)
    assert seen == [0, 1, 1, 2, 10, 10, 11, 11, 11, 21, 22]
    run.flush(60)
    assert get_run(run.id).next_step == run.step


def test_a_value_is_readable_before_its_step_is_done() -> None:
    run = trackd.init()
    run.log({"loss": 0.5}, step=7)
    assert logged(run) == [(7, {"loss": 0.5})]
    assert run.summary["loss"] == 0.5


def test_steps_reach_from_zero_to_the_largest_int64() -> None:
    run = trackd.init()
    run.log({"a": 1}, step=0)
    run.log({"a": 2}, step=2**63 - 1)
    run.log({"b": 3})
    run.log({"b": 4})
    assert logged(run) == [(0, {"a": 1}), (2**63 - 1, {"a": 2, "b": 4})]
    assert run.step == 2**63 - 1
    with pytest.raises(ValueError, match=r"2\^63"):
        run.log({"a": 3}, step=2**63)


def test_a_negative_step_is_refused_with_a_warning_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    run = trackd.init(settings={"quiet": False})
    with pytest.warns(UserWarning, match="step is -1; the smallest is 0"):
        run.log({"a": 1}, step=-1)
    run.log({"a": 2}, 0)
    run.finish()
    assert rows(run.id) == [(0, {"a": 2})]
    assert "1 rows were refused" in capfd.readouterr().err


@pytest.mark.parametrize("step", [3.7, "5", True, [1], 1e3, np.float64(2)])
def test_a_step_that_is_no_int_is_a_type_error(step: Any) -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match="must be an int"):
        run.log({"a": 1}, step=step)
    assert logged(run) == []
    assert run.step == 0


def test_numpy_integers_are_steps() -> None:
    run = trackd.init()
    for step in (np.int64(3), np.uint8(4), np.array(5)):
        run.log({"a": 1}, step=step)  # type: ignore[arg-type]
    assert [step for step, _ in logged(run)] == [3, 4, 5]


# -- values ----------------------------------------------------------------------------------------------------------


class FakeTensor:
    """A 0-d tensor as PyTorch has them: no NumPy behind it, a gradient to detach."""

    def __init__(self, value: Any, shape: tuple[int, ...] = ()) -> None:
        self.value, self.shape, self.dtype = value, shape, "torch.float32"
        self.requires_grad = True

    def detach(self) -> FakeTensor:
        tensor = FakeTensor(self.value, self.shape)
        tensor.requires_grad = False
        return tensor

    def item(self) -> Any:
        assert not self.requires_grad
        return self.value

    def tolist(self) -> Any:
        assert not self.requires_grad
        return self.value


class FakeEagerTensor:
    """A tensor as TensorFlow has them: only `numpy()`."""

    def __init__(self, value: Any) -> None:
        self._value = np.array(value)
        self.dtype, self.shape = "tf.float32", self._value.shape

    def numpy(self) -> Any:
        return self._value


class Color(enum.Enum):
    RED = "red"
    THREE = 3


class Level(enum.IntEnum):
    HIGH = 9


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Text(str):
    __slots__ = ()


VALUES: dict[str, tuple[Any, Any]] = {
    "float": (0.1, 0.1),
    "a whole float stays a float": (1.0, 1.0),
    "the smallest float": (5e-324, 5e-324),
    "int": (3, 3),
    "int beyond the floats": (2**53 + 1, 2**53 + 1),
    "the largest int64": (2**63 - 1, 2**63 - 1),
    "the smallest int64": (-(2**63), -(2**63)),
    "int beyond 64 bits": (2**63, float(2**63)),
    "int far beyond 64 bits": (10**30, 1e30),
    "int beyond the floats' range": (10**400, math.inf),
    "negative int beyond the floats' range": (-(10**400), -math.inf),
    "bool": (True, True),
    "none": (None, None),
    "text": ("grün 🎉", "grün 🎉"),
    "empty text": ("", ""),
    "text with NUL": ("a\0b", "a\0b"),
    "text with a lone surrogate keeps it as its escape": ("a\udc80b", "a\\udc80b"),
    "text subclass": (Text("x"), "x"),
    "list": ([1, 2.5, "x", None, True], [1, 2.5, "x", None, True]),
    "tuple": ((1, (2, 3)), [1, [2, 3]]),
    "list of dicts": ([{"a": 1}, {"b": [2]}], [{"a": 1}, {"b": [2]}]),
    "list of arrays": ([np.arange(2), np.float32(0.5)], [[0, 1], 0.5]),
    "generator": ((i for i in range(3)), [0, 1, 2]),
    "enum": (Color.RED, "red"),
    "enum of int": (Color.THREE, 3),
    "int enum": (Level.HIGH, 9),
    "dataclass": (Point(1, 2.0), {"x": 1, "y": 2.0}),
    "datetime": (
        datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc),
        "2024-05-06T07:08:09+00:00",
    ),
    "date": (datetime.date(2024, 5, 6), "2024-05-06"),
    "timedelta": (datetime.timedelta(minutes=1.5), 90.0),
    "decimal": (decimal.Decimal("1.50"), "1.50"),
    "complex": (1j, "1j"),
    "bytes": (b"ok", "ok"),
    "path": (Path("a") / "b", "a/b"),
    "function": (math.floor, None),
    "inf": (math.inf, math.inf),
    "-inf": (-math.inf, -math.inf),
    "torch-like 0-d tensor": (FakeTensor(0.25), 0.25),
    "torch-like 0-d int tensor": (FakeTensor(7), 7),
    "torch-like tensor of one": (FakeTensor(0.5, (1, 1)), 0.5),
    "torch-like vector": (FakeTensor([1.0, 2.0], (2,)), [1.0, 2.0]),
    "tensorflow-like 0-d tensor": (FakeEagerTensor(0.25), 0.25),
    "tensorflow-like vector": (FakeEagerTensor([1, 2]), [1, 2]),
    "numpy 0-d array": (np.array(2.5), 2.5),
    "numpy array of one": (np.array([[4]]), 4),
    "numpy array": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "numpy text": (np.str_("x"), "x"),
    "numpy bool": (np.bool_(1), True),
    "numpy datetime": (np.datetime64("2024-05-06"), "2024-05-06"),
    **{
        f"numpy {kind.__name__}": (kind(3), 3)
        for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
    },
    **{
        f"numpy {kind.__name__}": (kind(0.5), 0.5)
        for kind in (np.float16, np.float32, np.float64, np.longdouble)
    },
    "numpy uint64 beyond int64": (np.uint64(2**64 - 1), float(2**64 - 1)),
    "numpy float32 keeps its own value": (np.float32(0.1), float(np.float32(0.1))),
}
del VALUES["function"]


def same(found: Any, expected: Any) -> bool:
    """Says whether two values are one, type included."""
    return type(found) is type(expected) and bool(found == expected)


@pytest.fixture(scope="module")
def logged_values(module_store: Path) -> tuple[Rows, dict[str, Any]]:
    """Gives the rows and the summary of a run in which each of VALUES was logged twice, as a row of its own."""
    assert module_store.is_dir()
    run = trackd.init(project="values")
    for key, (value, _) in VALUES.items():
        run.log({key: value})
    for key, (value, expected) in VALUES.items():
        run.log({key: expected if key == "generator" else value})  # a generator gives its items once
    run.finish()
    return rows(run.id, "values"), summary(run.id, "values")


@pytest.mark.parametrize("key", VALUES)
def test_a_value_reads_back_as_itself(key: str, logged_values: tuple[Rows, dict[str, Any]]) -> None:
    found_rows, found_summary = logged_values
    expected = VALUES[key][1]
    found = [row[key] for _, row in found_rows if key in row]
    assert len(found) == 2
    assert same(found[0], expected), found[0]
    assert same(found[1], expected), found[1]
    assert same(found_summary[key], expected), found_summary[key]


def test_nan_is_stored_and_shown() -> None:
    run = trackd.init()
    run.log({"loss": math.nan, "other": [math.nan]})
    run.log({"loss": 1.0})
    run.log({"loss": np.float32("nan")})
    first, second, third = (row for _, row in logged(run))
    assert math.isnan(first["loss"])
    assert math.isnan(first["other"][0])
    assert second["loss"] == 1.0
    assert math.isnan(third["loss"])
    assert math.isnan(run.summary["loss"])


def test_exact_integers_survive_among_floats_of_one_metric() -> None:
    run = trackd.init()
    values = [2**53 + 1, 0.5, 2**63 - 1, -(2**63), 1e300, 2**53 + 1]
    for value in values:
        run.log({"n": value})
    assert [(row["n"], type(row["n"])) for _, row in logged(run)] == [
        (value, type(value)) for value in values
    ]


def test_kinds_of_one_key_are_kept_apart() -> None:
    run = trackd.init()
    for value in (1, "text", True, [1, 2], 2.5, None, False):
        run.log({"mixed": value})
    assert run.flush(60)
    assert series(run.id, "mixed") == {
        ("mixed", "number"): [(0, 1), (4, 2.5)],
        ("mixed", "string"): [(1, "text")],
        ("mixed", "bool"): [(2, True), (6, False)],
        ("mixed", "other"): [(3, [1, 2]), (5, None)],
    }
    assert run.summary["mixed"] is False


def test_values_are_copied_at_the_call() -> None:
    run = trackd.init()
    array, items, nested = np.array([1, 2]), [1], {"b": {"c": [1]}}
    data = {"array": array, "list": items, "a": nested, "zero_d": np.array(1.0)}
    run.log(data)
    array[0] = 99
    items.append(99)
    nested["b"]["c"] = [99]
    data["zero_d"][...] = 99.0  # type: ignore[index]
    data["late"] = 99
    assert logged(run) == [(0, {"array": [1, 2], "list": [1], "a.b.c": [1], "zero_d": 1.0})]


def test_the_callers_dicts_are_never_changed() -> None:
    run = trackd.init()
    inner = {"b": np.float32(1), "c": Point(1, 2.0)}
    data: dict[str, Any] = {"a": inner, "_timestamp": 1.0, "x": 1}
    before_inner, before = dict(inner), dict(data)
    run.log(data)
    run.log(data, step=5)
    run.config.update({"nested": inner})
    run.summary.update({"nested": inner})
    assert list(data) == list(before)
    assert data["a"] is inner
    assert all(inner[key] is before_inner[key] for key in before_inner)
    assert len(inner) == 2


def test_a_given_timestamp_is_the_time_of_the_row(project: str) -> None:
    run = trackd.init()
    run.log({"a": 1, "_timestamp": 1_700_000_000.5})
    run.flush(60)
    with connection() as (channel, metadata):
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        request = query_service_pb2.ReadSeriesRequest(
            run=records_pb2.RunIdentity(project=project, run_id=run.id), keys=["a"]
        )
        (answer,) = stub.ReadSeries(request, metadata=metadata, timeout=60)
    assert np.frombuffer(answer.times_unix_nanos, np.int64).tolist() == [1_700_000_000_500_000_000]


# -- names -----------------------------------------------------------------------------------------------------------


def test_names_are_case_sensitive_and_any_unicode() -> None:
    run = trackd.init()
    names = [
        "My-Metric",
        "my-metric",
        "损失",
        "ошибка/train",
        "a b\tc\n",
        "🎉",
        "é",
        "e\u0301",
        "\0",
        "x" * 512,
        "\U0001d54f" * 128,
    ]
    run.log({name: position for position, name in enumerate(names)})
    run.log({name: position for position, name in enumerate(names)})
    expected = {name: position for position, name in enumerate(names)}
    assert logged(run) == [(0, expected), (1, expected)]
    assert dict(run.summary) == expected


@pytest.mark.parametrize(
    ("key", "error", "match"),
    [
        ("", ValueError, "empty"),
        ("x" * 513, ValueError, "513 bytes; the limit is 512"),
        ("é" * 257, ValueError, "514 bytes; the limit is 512"),
        ("a\udc80", ValueError, "lone surrogate"),
        (5, TypeError, "keys must be str; got 5 of type int"),
        (None, TypeError, "keys must be str"),
        (b"a", TypeError, "bytes"),
        (("a", "b"), TypeError, "tuple"),
    ],
)
def test_a_key_that_cannot_be_one_is_an_error_and_the_values_before_it_are_kept(
    key: Any, error: type[Exception], match: str
) -> None:
    run = trackd.init()
    for _ in range(2):
        with pytest.raises(error, match=match):
            run.log({"good": 1, key: 2})
    run.log({"good": 3})
    assert logged(run) == [(0, {"good": 1}), (1, {"good": 1}), (2, {"good": 3})]


def test_a_bad_key_costs_its_value_and_not_the_values_after_it() -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match="keys must be str"):
        run.log({"before": 1, 5: 2, "after": 3, "nested": {7: 1, "fine": 2}})  # type: ignore[dict-item]
    assert logged(run) == [(0, {"before": 1, "after": 3, "nested.fine": 2})]


def test_a_nested_name_over_the_limit_names_the_whole_path() -> None:
    run = trackd.init()
    with pytest.raises(ValueError, match=r"600 bytes|601 bytes"):
        run.log({"x" * 300: {"y" * 300: 1}, "good": 1})
    assert logged(run) == [(0, {"good": 1})]


# -- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, 1, "text", ["a"], [("a", 1)], {"a"}, object()])
def test_data_that_is_no_dict_is_a_type_error(data: Any) -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match=f"dict of values by name; got {type(data).__name__}"):
        run.log(data)
    assert run.step == 0


def test_a_mapping_that_is_no_dict_is_data() -> None:
    from collections import ChainMap, OrderedDict
    from types import MappingProxyType

    run = trackd.init()
    run.log(OrderedDict(a=1))
    run.log(MappingProxyType({"a": 2}))
    run.log(ChainMap({"a": 3}, {"b": 4}))
    assert logged(run) == [(0, {"a": 1}), (1, {"a": 2}), (2, {"a": 3, "b": 4})]


@pytest.mark.parametrize(
    "value", [object(), threading.Lock(), [1, object()], {"deep": object()}, argparse.Namespace()]
)
def test_a_value_that_cannot_be_serialised_is_a_type_error_and_costs_itself_only(value: Any) -> None:
    run = trackd.init()
    culprit = "bad.deep" if isinstance(value, dict) else "bad"
    with pytest.raises(TypeError, match=f"value of '{culprit}' is a .*(object|lock|Namespace)") as caught:
        run.log({"before": 1, "bad": value, "after": "x"})
    assert "cannot be logged" in str(caught.value)
    run.log({"before": 2})
    assert logged(run) == [(0, {"before": 1, "after": "x"}), (1, {"before": 2})]


def test_a_value_that_contains_itself_is_a_value_error() -> None:
    run = trackd.init()
    cycle: list[Any] = []
    cycle.append(cycle)
    loop: dict[str, Any] = {}
    loop["x"] = loop
    for value in (cycle, loop):
        with pytest.raises(ValueError, match="cycle"):
            run.log({"good": 1, "bad": value})
    assert [row["good"] for _, row in logged(run)] == [1, 1]


def test_a_value_whose_conversion_fails_is_a_type_error_naming_the_key() -> None:
    class Broken:
        dtype, shape = "float32", ()

        def item(self) -> float:
            raise RuntimeError("the device is lost")

    run = trackd.init()
    with pytest.raises(TypeError, match=r"value of 'bad' .*Broken.*the device is lost"):
        run.log({"bad": Broken(), "good": 1})
    assert logged(run) == [(0, {"good": 1})]


def test_a_text_of_one_mebibyte_is_kept_and_a_longer_one_refused() -> None:
    run = trackd.init()
    largest = "é" * (1 << 19)
    run.log({"text": largest})
    with pytest.raises(ValueError, match=r"value of 'text' is 1048577 bytes as text; the limit is 1048576"):
        run.log({"text": largest + "x", "good": 1})
    with pytest.raises(ValueError, match="the limit"):
        run.log({"list": ["x" * 1000] * 1100})
    found = logged(run)
    assert found[0][1]["text"] == largest
    assert found[1] == (1, {"good": 1})


def test_a_row_of_ten_thousand_keys() -> None:
    run = trackd.init()
    row = {f"layer{i % 100}/weight{i}": i + 0.5 for i in range(10_000)}
    run.log(row)
    run.log({**row, "text": "x"})
    run.log(row)
    found = logged(run)
    assert found == [(0, row), (1, {**row, "text": "x"}), (2, row)]
    assert len(run.summary) == 10_001


def test_a_row_that_changes_its_keys_all_the_time() -> None:
    run = trackd.init()
    for step in range(300):
        run.log({f"k{step}": step, f"t{step}": str(step)} if step % 3 == 0 else {f"k{step}": step / 2})
    found = logged(run)
    assert len(found) == 300
    assert found[299] == (299, {"k299": 149.5})


# -- around the call ---------------------------------------------------------------------------------------------------


def test_log_before_init_raises_error() -> None:
    with pytest.raises(trackd.Error, match=r"call trackd.init\(\) first"):
        trackd.log({"a": 1})


def test_log_after_finish_raises_usage_error() -> None:
    run = trackd.init()
    run.log({"a": 1})
    run.finish()
    calls: list[tuple[dict[str, Any], int | None]] = [({"a": 2}, None), ({"a": 2}, 5), ({"b": "x"}, None)]
    for data, step in calls:
        with pytest.raises(trackd.UsageError, match="is finished"):
            run.log(data, step=step)
    with pytest.raises(trackd.Error):
        trackd.log({"a": 3})
    assert rows(run.id) == [(0, {"a": 1})]


@pytest.mark.parametrize("sync", [True, False, None])
def test_sync_is_accepted_and_does_nothing(sync: bool | None) -> None:
    run = trackd.init()
    run.log({"a": 1}, sync=sync)
    trackd.log({"a": 2}, None, None, sync)
    assert logged(run) == [(0, {"a": 1}), (1, {"a": 2})]


def test_history_row_is_collected_and_added() -> None:
    run = trackd.init()
    run.history.row["loss"] = 0.5
    run.history.row.update({"acc": 0.1})
    run.history.add({"acc": 0.2})
    run.history.row["loss"] = 0.4
    run.history.add()
    run.history.add({"loss": 0.3}, step=10)
    run.history.add({"loss": 0.2})
    assert logged(run) == [
        (0, {"loss": 0.5, "acc": 0.2}),
        (1, {"loss": 0.4}),
        (10, {"loss": 0.3}),
        (11, {"loss": 0.2}),
    ]


def test_history_row_is_not_lost_by_finish() -> None:
    run = trackd.init()
    run.history.row["loss"] = 0.5
    run.finish()
    assert rows(run.id) == [(0, {"loss": 0.5})]


def test_history_row_takes_what_commit_false_collects() -> None:
    run = trackd.init()
    run.log({"a": 1}, commit=False)
    run.history.row["b"] = 2
    run.history.add({"c": 3})
    assert logged(run) == [(0, {"a": 1, "b": 2, "c": 3})]


def test_threads_lose_nothing_and_write_nothing_twice() -> None:
    run = trackd.init()
    thread_count, row_count = 8, 500

    def work(thread: int) -> None:
        for i in range(row_count):
            # New signatures, texts and plain rows race for the same log.
            run.log(
                {f"t{thread}": i, "text": f"{thread}-{i}"} if i % 50 == 0 else {f"t{thread}": i, "n": i * 0.5}
            )

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = logged(run)
    assert [step for step, _ in found] == list(range(thread_count * row_count))
    for number in range(thread_count):
        assert [row[f"t{number}"] for _, row in found if f"t{number}" in row] == list(range(row_count))
    assert run.step == thread_count * row_count


def test_log_from_another_thread_goes_on_while_the_run_is_read() -> None:
    run = trackd.init()
    stop = threading.Event()
    count = 0

    def work() -> None:
        nonlocal count
        while not stop.is_set() and count < 20_000:
            run.log({"n": count})
            count += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        lengths = [len(logged(run)) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert lengths == sorted(lengths)
    assert [row["n"] for _, row in logged(run)] == list(range(count))


def test_a_row_is_readable_after_it_was_sealed_and_more_came() -> None:
    first = trackd.init(id="one")
    for i in range(1000):
        first.log({"n": i, "t": str(i % 7)})
    first.finish()
    second = trackd.init(id="one")
    second.log({"n": 5_000}, step=1000)
    second.log({"n": -1}, step=3)
    found = dict(logged(second))
    assert found[1000] == {"n": 5_000}
    assert found[3] == {"n": -1, "t": "3"}
    assert [row["n"] for step, row in sorted(found.items()) if step not in (3, 1000)] == [
        i for i in range(1000) if i != 3
    ]

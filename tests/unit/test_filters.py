"""Holds filters and orders to MongoDB's meaning, to their limits, and to work that is linear in what they are given."""

from __future__ import annotations

import time
from typing import Any

import pytest

from trackd_service import filters
from trackd_service.errors import InvalidFilter
from trackd_service.filters import compile_filter, compile_order

NAN = float("nan")
RUN: dict[str, Any] = {
    "project": "digits",
    "run_id": "r1",
    "name": "swift-otter-1",
    "state": "finished",
    "group": "sweep",
    "job_type": "train",
    "tags": ["best", "v2"],
    "notes": "",
    "create_time_unix_ms": 1_700_000_000_000.0,  # 2023-11-14T22:13:20Z
    "update_time_unix_ms": 1_700_000_060_000.0,
    "finish_time_unix_ms": None,
    "exit_code": 0,
    "process": {"host": "node7", "program": "train.py"},
    "config": {
        "lr": 0.1,
        "deep": {"a": {"b": 3}},
        "dotted.key": "x",
        "layers": [64, 32],
        "flag": True,
        "value": 7,
    },
    "summary": {"train/loss": 0.5, "acc.max": 0.9, "nan": NAN, "last": {"a": 1}, "one": 1.0},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"state": "finished"}, True),
        ({"state": {"$ne": "finished"}}, False),
        ({"config.lr": 0.1, "state": "running"}, False),
        ({"config.lr": {"$gt": 0.05, "$lte": 0.1}}, True),
        ({"config.lr": {"$gt": 0.1}}, False),
        ({"config.lr.value": {"$gte": 0.1}}, True),
        ({"config.deep.a.b": 3}, True),
        ({"config.deep.value.a.b": 3}, True),
        ({"config.deep.a.b.value": 3}, True),
        ({"config.deep.a": {"b": 3}}, True),
        ({"config.dotted.key": "x"}, True),
        ({"config.value": 7}, True),
        ({"config.none.of.it": None}, True),
        ({"summary_metrics.train/loss": {"$lt": 1}}, True),
        ({"summary.acc.max": 0.9}, True),
        ({"summary.last.a": 1}, True),
        ({"summary.one": 1}, True),
        ({"config.flag": 1}, False),  # true is no number
        ({"config.flag": True}, True),
        ({"summary.nan": {"$gt": 0}}, False),
        ({"summary.nan": NAN}, True),
        ({"tags": "best"}, True),
        ({"tags": {"$in": ["other", "v2"]}}, True),
        ({"tags": {"$nin": ["other", "v2"]}}, False),
        ({"tags": {"$ne": "best"}}, False),
        ({"tags": ["best", "v2"]}, True),
        ({"tags": {"$regex": "^b"}}, True),
        ({"config.layers": 32}, True),
        ({"config.layers": {"$gt": 60}}, True),
        ({"exit_code": None}, False),
        ({"finish_time": None}, True),
        ({"config.lr": {"$exists": True}}, True),
        ({"config.nothing": {"$exists": False}}, True),
        ({"config.lr": {"$not": {"$gt": 1}}}, True),
        ({"config.nothing": {"$not": {"$gt": 1}}}, True),
        ({"config.nothing": {"$gt": 1}}, False),
        ({"state": {"$gt": 1}}, False),  # a text is neither above nor below a number
        ({"name": {"$regex": "otter"}}, True),
        ({"display_name": {"$regex": "(?i)^SWIFT"}}, True),
        ({"config.lr": {"$regex": "0"}}, False),
        ({"$or": [{"state": "running"}, {"group": "sweep"}]}, True),
        ({"$and": [{"state": "finished"}, {"jobType": "eval"}]}, False),
        ({"$nor": [{"state": "running"}, {"group": "other"}]}, True),
        ({"$not": {"state": "finished"}}, False),
        ({"created_at": {"$gte": "2023-11-14"}}, True),
        ({"created_at": {"$gt": "2023-11-14T22:13:20Z"}}, False),
        ({"createdAt": {"$lt": "2023-11-14T23:13:21+01:00"}}, True),
        ({"create_time": 1_700_000_000}, True),
        ({"host": "node7", "id": "r1", "run_id": "r1", "project": "digits"}, True),
    ],
)
def test_filter_matches_as_mongodb_would(condition: dict[str, Any], expected: bool) -> None:
    assert compile_filter(condition)(RUN) is expected


def _nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"state": "running"}
    for _ in range(depth):
        condition = {"$and": [condition]}
    return condition


def _deep_value(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"lr": 1}, "write config.KEY"),
        ({"config": 1}, "field 'config' is unknown"),
        ({"$where": "1"}, r"'\$where' is unknown"),
        ({"state": {"$eval": "1"}}, r"'\$eval' of 'state' is unknown"),
        ({"state": {"$in": "running"}}, "needs a list"),
        ({"state": {"$exists": 1}}, "needs true or false"),
        ({"state": {"$gt": None}}, "needs a number"),
        ({"state": {"$regex": "("}}, "no pattern of RE2: missing"),
        ({"state": {"$regex": "(?=a)"}}, "no pattern of RE2"),
        ({"state": {"$regex": "\ud800"}}, "no valid Unicode"),
        ({"state": {"$regex": 3}}, "needs a text"),
        ({"state": {"$regex": "a" * 1001}}, "1001 characters; the limit is 1000"),
        ({"state": {"$regex": "((a{30}){30}){30}"}}, "no pattern of RE2"),
        ({"$or": []}, "at least one filter"),
        ({"$or": {"state": "running"}}, "at least one filter"),
        ({"$and": ["state"]}, "an object of conditions"),
        ({"created_at": "yesterday"}, "compared with a time"),
        ({"created_at": {"$gt": True}}, "compared with a time"),
        ({"created_at": 10**400}, "compared with a time"),
        ({"config." + "k" * 2000: 1}, "2007 characters; the limit is 1024"),
        (_nested(filters.DEPTH_MAX + 1), "nested more than 16 deep"),
        ({"$or": [{"state": "a"}] * filters.CONDITIONS_MAX}, "more than 1000 conditions"),
        ({"config.x": _deep_value(100_000)}, "nested more than 16 deep"),
        ({"run_id": {"$in": ["r"] * (filters.VALUES_MAX + 1)}}, "10001 values; the limit is 10000"),
    ],
)
def test_filter_that_is_none_is_refused_with_one_sentence(condition: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidFilter, match=words) as caught:
        compile_filter(condition)
    caught.value.message.encode()  # it must reach the caller, whatever the filter held
    "".join(caught.value.metadata.values()).encode()
    assert len(caught.value.message) < 500


def test_pattern_that_stalls_backtracking_engines_takes_linear_time() -> None:
    matches = compile_filter({"notes": {"$regex": "(x+x+)+y$"}})
    start = time.perf_counter()
    assert matches({"notes": "x" * 1_000_000}) is False
    assert time.perf_counter() - start < 5  # a backtracking engine would not end at all


def test_in_with_many_values_is_looked_up_and_not_searched() -> None:
    matches = compile_filter({"run_id": {"$in": [f"r{i}" for i in range(filters.VALUES_MAX)]}})
    start = time.perf_counter()
    assert sum(matches({"run_id": f"r{i}"}) for i in range(20_000)) == filters.VALUES_MAX
    assert time.perf_counter() - start < 5  # 2e8 comparisons would take longer


def test_filter_does_not_change_documents_nor_itself() -> None:
    condition = {"$or": [{"config.deep.a": {"b": 3}}, {"tags": {"$in": ["x"]}}]}
    before = repr((condition, RUN))
    compile_filter(condition)(RUN)
    assert repr((condition, RUN)) == before


def _documents(*values: Any) -> list[dict[str, Any]]:
    return [
        {"run_id": str(i), "summary": {} if value is ... else {"acc": value}, "state": "ab"[i % 2]}
        for i, value in enumerate(values)
    ]


def _ids(documents: list[dict[str, Any]]) -> str:
    return "".join(document["run_id"] for document in documents)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("summary_metrics.acc", "4025136"),
        ("+summary.acc", "4025136"),
        ("-summary_metrics.acc", "1520436"),
        ("state, -summary.acc", "2046153"),
        ("", "0123456"),
    ],
)
def test_order_puts_types_apart_and_missing_values_last(order: str, expected: str) -> None:
    documents = _documents(1, "text", 2, ..., True, 3.5, NAN)
    assert _ids(compile_order(order)(documents)) == expected
    assert _ids(documents) == "0123456"


def test_order_keeps_equal_runs_as_they_came_in_both_directions() -> None:
    documents = _documents(1, 1.0, 1)
    assert _ids(compile_order("summary.acc")(documents)) == "012"
    assert _ids(compile_order("-summary.acc")(documents)) == "012"


@pytest.mark.parametrize(
    ("order", "words"),
    [("acc", "write config.KEY"), (",".join(["state"] * 9), "9 fields; the limit is 8"), ("-", "unknown")],
)
def test_order_that_is_none_is_refused(order: str, words: str) -> None:
    with pytest.raises(InvalidFilter, match=words):
        compile_order(order)

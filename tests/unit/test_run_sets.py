"""Holds tables of runs, their orders, groups, sums and columns to what is found by looking at every run by itself."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.run_documents import INFINITY, NAN, projects

from trackd_service import run_sets
from trackd_service.filters import compile_order
from trackd_service.run_order import Term
from trackd_service.run_sets import ColumnsQuestion, RunsQuestion
from trackd_service.run_table import FIELDS, RunTable, values_of

_COLUMNS = [
    "config.lr",
    "config.a.b",
    "summary.lr",
    "summary.val/loss",
    "config.deep.y.z",
    "group",
    "state",
    "name",
    "tags",
]
_columns = st.sampled_from(_COLUMNS)
_terms = st.lists(st.builds(Term, _columns, st.booleans()), max_size=3).map(tuple)

Documents = list[dict[str, Any]]


def table_of(documents: Documents) -> RunTable:
    table = RunTable()
    for document in documents:
        table.put(document["run_id"], values_of(document), json.dumps({"run_id": document["run_id"]}))
    return table


def page(table: RunTable, **question: Any) -> dict[str, Any]:
    asked = RunsQuestion(**{"archived": "with", "limit": 1000, **question})
    return run_sets.page(table, run_sets.chooser(asked, 0.0)(table), asked)


def newest_first(documents: Documents) -> Documents:
    return sorted(documents, key=lambda each: (-each["create_time_unix_ms"], each["run_id"]))


def same(left: Any, right: Any) -> bool:
    """Says whether two values are equal and of one type, NaN and NaN too."""
    return repr(left) == repr(right)


@given(projects(), projects(6), st.data())
def test_a_table_that_was_changed_is_as_one_made_anew(
    first: Documents, later: Documents, data: st.DataObject
) -> None:
    table = table_of(first)
    removed = data.draw(st.sets(st.sampled_from([each["run_id"] for each in first]))) if first else set()
    for run_id in removed:
        table.remove(run_id)
    for document in later:
        table.put(document["run_id"], values_of(document), "{}")
    runs = {each["run_id"]: each for each in first if each["run_id"] not in removed}
    runs |= {each["run_id"]: each for each in later}
    answer = page(table, columns=tuple(_COLUMNS))
    expected = newest_first(list(runs.values()))
    assert answer["run_ids"] == [each["run_id"] for each in expected]
    assert (answer["total_count"], answer["project_run_count"]) == (len(runs), len(runs))
    for column in answer["columns"]:
        for value, document in zip(column["values"], expected, strict=True):
            assert same(value, values_of(document).get(column["name"]))
    used = {name for each in runs.values() for name, value in values_of(each).items() if value is not None}
    assert set(table.columns) == used


@given(projects(), _terms)
def test_runs_are_sorted_as_lists_of_runs_are(documents: Documents, sort: tuple[Term, ...]) -> None:
    order = ",".join(f"{'-' if term.is_descending else ''}{term.column}" for term in sort)
    expected = newest_first(documents)
    if order:
        expected = compile_order(order)(expected)
    answer = page(table_of(documents), sort=sort, offset=1, limit=4, with_runs=True)
    assert answer["run_ids"] == [each["run_id"] for each in expected][1:5]
    assert [json.loads(run)["run_id"] for run in answer["runs"]] == answer["run_ids"]


def group_value(values: dict[str, Any], column: str) -> Any:
    value = values.get(column)
    return ", ".join(sorted(value)) if column == "tags" and value else value


@given(projects(), st.lists(_columns, min_size=1, max_size=2, unique=True), _terms)
def test_groups_hold_the_runs_of_equal_values(
    documents: Documents, by: list[str], sort: tuple[Term, ...]
) -> None:
    aggregates = ("config.lr", "summary.val/loss")
    answer = page(table_of(documents), group_by=tuple(by), sort=sort, aggregates=aggregates)
    values = {each["run_id"]: values_of(each) for each in documents}
    ids, seen = answer["run_ids"], set()
    innermost = [group for group in answer["groups"] if group["level"] == len(by) - 1]
    assert [run_id for group in innermost for run_id in group["run_ids"]] == ids
    for group in answer["groups"]:
        mine = ids[group["first"] : group["first"] + group["count"]]
        assert mine
        for run_id in mine:
            for value, column in zip(group["values"], by, strict=False):
                own = group_value(values[run_id], column)
                # 1 and 1.0 are one group; true is another.
                assert repr(own) == repr(value) or (
                    own == value and type(own) in (int, float) and type(value) is not bool
                )
        key = (
            group["level"],
            repr(
                [float(each) if type(each) is int and abs(each) < 2**53 else each for each in group["values"]]
            ),
        )
        assert key not in seen  # no group stands in two places
        seen.add(key)
        assert group["running_count"] == sum(values[run_id]["state"] == "running" for run_id in mine)
        found = {each["column"]: each for each in group["aggregates"]}
        for column in aggregates:
            numbers = [
                as_float(value)
                for run_id in mine
                if type(value := values[run_id].get(column)) in (int, float)
                and math.isfinite(as_float(value))
            ]
            assert (column in found) == bool(numbers)
            if numbers:
                assert (found[column]["count"], found[column]["min"], found[column]["max"]) == (
                    len(numbers), min(numbers), max(numbers),
                )  # fmt: skip
                assert math.isclose(
                    found[column]["mean"], math.fsum(numbers) / len(numbers), rel_tol=1e-9, abs_tol=1e-9
                )


def as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return INFINITY


@given(projects())
def test_columns_say_what_runs_have(documents: Documents) -> None:
    table = table_of(documents)
    rows = table.rows()
    every = {each["run_id"]: values_of(each) for each in documents}
    answer = run_sets.columns(table, rows, ColumnsQuestion(limit=1000))
    assert [each["name"] for each in answer["columns"]][: len(FIELDS)] == list(FIELDS)
    for column in answer["columns"]:
        values = [value for each in every.values() if (value := each.get(column["name"])) is not None]
        assert column["run_count"] == len(values)
        numbers = [
            as_float(value)
            for value in values
            if type(value) in (int, float) and math.isfinite(as_float(value))
        ]
        assert (column["min"], column["max"]) == ((min(numbers), max(numbers)) if numbers else (None, None))
        assert column["distinct_count"] == len(set(map(identity, values)))
        if column["kind"] == "string":
            assert set(column["values"]) == set(values)
    varying = run_sets.columns(table, rows, ColumnsQuestion(varying=True, limit=1000))
    names = {name for values in every.values() for name in values}
    assert {each["name"] for each in varying["columns"]} == {
        name for name in names if len({identity(values.get(name)) for values in every.values()}) > 1
    }


def identity(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value), value)
    if isinstance(value, int | float):
        return "NaN" if value != value else value  # noqa: PLR0124 - NaN is not itself
    return json.dumps(value, sort_keys=True)


def test_columns_are_found_by_letters_in_their_order() -> None:
    table = RunTable()
    table.put(
        "r", {"create_time": 1.0, "summary.train/loss": 1, "summary.val/loss": 2, "summary.val/lots": 3}, "{}"
    )

    def search(text: str) -> list[str]:
        found = run_sets.columns(table, table.rows(), ColumnsQuestion(search=text))
        return [each["name"] for each in found["columns"]]

    assert search("loss") == ["summary.val/loss", "summary.train/loss"]
    assert search("VAL loss") == ["summary.val/loss"]
    assert search("vlo") == ["summary.val/loss", "summary.val/lots"]
    assert search("vls") == ["summary.val/loss", "summary.val/lots"]
    assert search("qq") == []


_DOCUMENT: dict[str, Any] = {
    "run_id": "r", "name": "", "state": "running", "group": "", "job_type": "", "tags": [], "notes": "",
    "create_time_unix_ms": 1e12, "update_time_unix_ms": 1e12 + 1500, "finish_time_unix_ms": None, "next_step": 3,
    "metric_count": 1, "exit_code": None, "signal": 0, "process": {"host": "node7", "program": "train.py"},
    "config": {"a.b": 1, "a": {"b": 2, "c": {}}, "none": None}, "summary": {"image": {"type": "image"}},
}  # fmt: skip


def test_values_of_a_run() -> None:
    values = {name: value for name, value in values_of(_DOCUMENT).items() if value is not None}
    assert values == {
        "name": "r", "id": "r", "state": "running", "create_time": 1e12, "update_time": 1e12 + 1500, "duration": 1.5,
        "host": "node7", "program": "train.py", "step": 2, "metric_count": 1, "stalled": False, "archived": False,
        "config.a.b": 1, "config.a.c": {}, "summary.image": {"type": "image"},
    }  # fmt: skip


def test_csv_holds_the_values_as_they_are() -> None:
    odd = ["=1+1", 'quo"te', "two\nlines", "ä\ud800", 2**53 + 1, 0.1, NAN, -INFINITY, True, [1, "a"], None]
    table = RunTable()
    for number, value in enumerate(odd):
        table.put(f"r{number}", {"create_time": -float(number), "config.x": value}, "{}")
    asked = RunsQuestion(columns=("config.x", "nothing"))
    run_ids, names = run_sets.listing(table, table.rows(), asked)
    text = run_sets.csv_rows(table, [*run_ids, "gone"], names).decode()
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == [
        "=1+1", 'quo"te', "two\nlines", "ä?", "9007199254740993", "0.1", "NaN", "-Infinity", "true", '[1, "a"]', "",
    ]  # fmt: skip


def test_a_mean_of_numbers_near_the_largest_is_finite() -> None:
    table = RunTable()
    for number in range(3):
        table.put(f"r{number}", {"create_time": 1.0, "state": "finished", "config.x": 1.5e308}, "{}")
    (group,) = page(table, group_by=("state",), aggregates=("config.x",))["groups"]
    assert math.isclose(group["aggregates"][0]["mean"], 1.5e308)


def test_many_metrics_of_single_runs_take_their_own_place() -> None:
    table = RunTable()
    for number in range(200):
        own = {f"summary.own/{number}/{place}": 1.0 for place in range(100)}
        table.put(f"r{number}", {"create_time": 1.0, **own}, "{}")
    assert table.size_bytes < 200 * 100 * 600

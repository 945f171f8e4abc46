import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service import table_query, tables
from trackd_service.table_query import read_rows
from trackd_service.table_question import QueryInvalid
from trackd_service.tables import Column, Document

FLOATS = (
    st.none() | st.floats(-3, 3).map(lambda value: round(value, 1)) | st.sampled_from([math.nan, math.inf])
)
INTEGERS = st.none() | st.integers(-3, 3) | st.sampled_from([2**63 - 1, 2**63 - 2, -(2**63)])
TEXTS = st.none() | st.sampled_from(["", "a", "A", "b", "ä", "Ä", "\U0001f600", "\uffff", "ab", "a.b", "z\0"])
BOOLS = st.none() | st.booleans()
MIXED = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.sampled_from(["", "b", "B", "ä"])
)
ROWS = st.lists(st.tuples(FLOATS, INTEGERS, TEXTS, BOOLS, MIXED), max_size=25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("tables")
    table_query._cache.clear()


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 7)  # so that small tables have several groups of rows


Ask = Callable[[dict[str, Any]], dict[str, Any]]


def stored(folder: Path, columns: list[Column], row_count: int) -> Ask:
    path = folder / "table.parquet"
    tables.write(columns, row_count, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    kept = path.rename(folder / sha256)
    return lambda query: read_rows(str(kept), sha256, query)


def of_rows(folder: Path, rows: list[tuple[Any, ...]]) -> Ask:
    columns = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in range(5)]
    made = [tables.values(f"column {place}", cells) for place, cells in enumerate(columns)]
    # The type is the column's, also where a small example has cells of one kind or none.
    floats = np.array([math.nan if cell is None else cell for cell in columns[0]], np.float64)
    made[0] = tables.numbers(
        "column 0", floats, np.array([cell is not None for cell in columns[0]], np.bool_)
    )
    integers = np.array([cell or 0 for cell in columns[1]], np.int64)
    made[1] = tables.numbers(
        "column 1", integers, np.array([cell is not None for cell in columns[1]], np.bool_)
    )
    bools = np.array([bool(cell) for cell in columns[3]], np.bool_)
    made[3] = tables.numbers("column 3", bools, np.array([cell is not None for cell in columns[3]], np.bool_))
    mixed = [None if cell is None else json.dumps(cell) for cell in columns[4]]
    made[4] = Column("column 4", "json", pa.array(mixed, pa.string()))
    return stored(folder, made, len(rows))


def answered(cell: Any) -> Any:
    """Returns a cell as an answer has it."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    return cell


def rank(cell: Any, *, is_descending: bool) -> tuple[Any, ...]:
    """Returns a key by which Python sorts a cell, always ascending, as an answer is sorted."""
    if cell is None:
        return (2,)
    if isinstance(cell, float) and math.isnan(cell):
        return (1,)
    sign = -1 if is_descending else 1
    if isinstance(cell, str):
        # The end of a text is smaller than every character.
        return (0, sign * 3, (*(sign * (ord(character) + 1) for character in cell), 0))
    return (0, sign * (1 if isinstance(cell, bool) else 2), sign * cell)


@settings(deadline=None)
@given(ROWS, st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=3), st.integers(0, 10))
def test_rows_are_sorted_as_python_sorts(
    folder: Path, rows: list[tuple[Any, ...]], terms: list[tuple[int, bool]], limit: int
) -> None:
    ask = of_rows(folder, rows)
    order = list(range(len(rows)))
    for column, is_descending in reversed(terms):
        order.sort(key=lambda row: rank(rows[row][column], is_descending=is_descending))
    query = {"sort": [{"column": column, "descending": descending} for column, descending in terms]}
    found = ask({**query, "limit": 10_000})
    assert found["row_numbers"] == order
    assert found["rows"] == [[answered(cell) for cell in rows[row]] for row in order]
    assert (found["total_count"], found["row_count"]) == (len(rows), len(rows))
    page = ask({**query, "offset": 3, "limit": limit, "columns": [2, 0]})
    assert page["rows"] == [[row[2], row[0]] for row in found["rows"][3 : 3 + limit]]
    assert [column["name"] for column in page["columns"]] == ["column 2", "column 0"]


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
NUMBERS = st.integers(-3, 3) | st.sampled_from(
    [0.5, -1.5, 2**63 - 1, 2**63, -(2**70), 1e300, "NaN", "Infinity"]
)
LETTERS = st.sampled_from(["", "a", "b", "Ä", "\U0001f600"])
VALUES = {0: NUMBERS, 1: NUMBERS, 2: LETTERS, 3: st.booleans(), 4: st.booleans() | NUMBERS | LETTERS}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    column = draw(st.integers(0, 4))
    operators = ["=", "!=", "in", "is_empty", "is_not_empty"]
    operators += [] if column == 3 else list(COMPARED)
    operators += ["contains", "matches"] if column == 2 else []
    operator = draw(st.sampled_from(operators))
    if operator in ("contains", "matches"):
        return {
            "column": 2,
            "op": operator,
            "value": draw(st.sampled_from(["a", "Ä", ".", "", "\U0001f600"])),
        }
    if operator in ("is_empty", "is_not_empty"):
        return {"column": column, "op": operator}
    value = VALUES[column]
    if operator in COMPARED and column == 4:
        value = NUMBERS.filter(lambda each: not isinstance(each, str)) | LETTERS
    elif operator == "in":
        value = st.lists(VALUES[column] | st.none(), max_size=4)
    elif operator in ("=", "!="):
        value = value | st.none()
    return {"column": column, "op": operator, "value": draw(value)}


FILTERS = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)


def number(value: Any, column: int) -> Any:
    return {"NaN": math.nan, "Infinity": math.inf}.get(value, value) if column in (0, 1) else value


def is_same(cell: Any, value: Any) -> bool:
    if cell is None or value is None:
        return cell is value
    if isinstance(cell, bool) != isinstance(value, bool) or isinstance(cell, str) != isinstance(value, str):
        return False
    if isinstance(cell, float) and math.isnan(cell):
        return isinstance(value, float) and math.isnan(value)
    return bool(cell == value)


def holds(filters: dict[str, Any], row: tuple[Any, ...]) -> Any:
    if "and" in filters:
        return all(holds(part, row) for part in filters["and"])
    if "or" in filters:
        return any(holds(part, row) for part in filters["or"])
    if "not" in filters:
        return not holds(filters["not"], row)
    column, operator = filters["column"], filters["op"]
    cell: Any = row[column]
    value: Any = filters.get("value")
    if operator in ("is_empty", "is_not_empty"):
        return (cell is None) == (operator == "is_empty")
    if operator == "in":
        return any(is_same(cell, number(each, column)) for each in value)
    value = number(value, column)
    if operator in ("=", "!="):
        return is_same(cell, value) == (operator == "=")
    if cell is None:
        return False
    if operator == "contains":
        return str(value).lower() in str(cell).lower()
    if operator == "matches":
        return str(value) in str(cell) if value != "." else bool(cell)
    if isinstance(cell, bool) or isinstance(cell, str) != isinstance(value, str):
        return False
    return COMPARED[operator](cell, value)


@settings(deadline=None, max_examples=300)
@given(ROWS, FILTERS)
def test_filters_hold_for_the_rows_that_they_say(
    folder: Path, rows: list[tuple[Any, ...]], filters: dict[str, Any]
) -> None:
    found = of_rows(folder, rows)({"filter": filters, "limit": 10_000})
    expected = [place for place, row in enumerate(rows) if holds(filters, row)]
    assert found["row_numbers"] == expected
    assert (found["row_count"], found["total_count"]) == (len(expected), len(rows))


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(1, 4), max_size=2, unique=True))
def test_groups_stand_in_the_order_of_their_first_rows(
    folder: Path, rows: list[tuple[Any, ...]], by: list[int]
) -> None:
    functions = ["count", "min", "max", "mean", "sum"]
    group = {"by": by, "aggregates": [{"column": 0, "function": function} for function in functions]}
    found = of_rows(folder, rows)({"group": group, "limit": 10_000})
    members: dict[str, list[tuple[Any, ...]]] = {} if by else {"": []}
    for row in rows:
        members.setdefault(repr([row[column] for column in by]) if by else "", []).append(row)
    assert found["row_count"] == len(members)
    assert found["row_numbers"] is None
    for answer, inside in zip(found["rows"], members.values(), strict=True):
        assert answer[: len(by)] == [inside[0][column] for column in by]
        count, low, high, mean, total = answer[len(by) :]
        given_cells = [row[0] for row in inside if row[0] is not None]
        numbers = [cell for cell in given_cells if not math.isnan(cell)]
        assert count == len(given_cells)
        if not numbers:
            assert (low, high, mean) == (None, None, None)
        elif math.inf in numbers:
            assert (high, mean, total) == ("Infinity", "Infinity", "Infinity")
        else:
            assert (low, high) == (min(numbers), max(numbers))
            assert mean == pytest.approx(sum(numbers) / len(numbers), abs=1e-9)
            assert total == pytest.approx(sum(numbers), abs=1e-9)


def test_groups_are_named_typed_filtered_and_sorted(folder: Path) -> None:
    columns = [tables.values("loss", [1.0, 2.0, 3.0, 9.0]), tables.values("class", ["a", "b", "b", "c"])]
    columns += [tables.values("n", [2**62, 2**62, 2**62, 1]), tables.values("m", [1, "x", None, 2])]
    ask = stored(folder, columns, 4)
    found = ask(
        {
            "filter": {"column": 1, "op": "!=", "value": "c"},
            "group": {
                "by": [1],
                "aggregates": [
                    {"column": 0, "function": "mean"},
                    {"column": 2, "function": "sum"},
                    {"column": 2, "function": "max"},
                    {"column": 3, "function": "count"},
                    {"column": 1, "function": "min"},
                ],
            },
            "sort": [{"column": 1, "descending": True}],
        }
    )
    assert found["columns"] == [
        {"name": "class", "type": "text"},
        {"name": "mean(loss)", "type": "number"},
        {"name": "sum(n)", "type": "number"},
        {"name": "max(n)", "type": "integer"},
        {"name": "count(m)", "type": "integer"},
        {"name": "min(class)", "type": "text"},
    ]
    assert found["rows"] == [["b", 2.5, 2.0**63, 2**62, 1, "b"], ["a", 1.0, 2.0**62, 2**62, 1, "a"]]
    assert (found["total_count"], found["row_count"]) == (4, 2)
    page = ask({"group": {"by": [3]}, "sort": [{"column": 0}], "offset": 1, "limit": 2})
    assert page["rows"] == [[2], ["x"]]


def test_cells_are_answered_as_they_were_logged(folder: Path) -> None:
    document = {"type": "markdown", "text": "Cat"}
    columns = [
        tables.numbers("f", np.array([0.1, 1e20, np.nan], np.float32)),
        tables.numbers("u", np.array([2**64 - 1, 0, 1], np.uint64)),
        tables.values("m", [1, 1.0, True]),
        tables.values("r", [Document(json.dumps(document)), None, None]),
        tables.values("j", [tables.Json('{"a":[1]}'), tables.Json("[]"), None]),
    ]
    ask = stored(folder, columns, 3)
    found = ask({})
    assert found["rows"][0] == [0.1, 2**64 - 1, 1, document, {"a": [1]}]
    assert found["rows"][2][0] == "NaN"
    assert [repr(row[2]) for row in found["rows"]] == ["1", "1.0", "True"]
    assert found["row_numbers"] == [0, 1, 2]

    def rows(column: int, operator: str, value: Any) -> Any:
        return ask({"filter": {"column": column, "op": operator, "value": value}})["row_numbers"]

    assert rows(0, "=", 0.1) == [0]
    assert rows(1, ">", 2**63) == [0]
    assert rows(2, "=", 1) == [0, 1]
    assert rows(2, "=", True) == [2]
    assert rows(3, "contains", "cAT") == [0]
    assert rows(4, "=", {"a": [1]}) == [0]
    assert rows(4, "matches", '"a"') == [0]


def test_query_of_nothing_answers_the_first_hundred_rows(folder: Path) -> None:
    ask = stored(folder, [tables.numbers("x", np.arange(250))], 250)
    found = ask({})
    assert found["row_numbers"] == list(range(100))
    assert ask({"offset": 240})["row_numbers"] == list(range(240, 250))
    assert ask({"offset": 1000})["rows"] == []
    assert ask({"limit": 0})["rows"] == []
    assert ask({"columns": []})["rows"][:2] == [[], []]


def test_empty_table_answers_every_query(folder: Path) -> None:
    ask = stored(folder, [tables.values("x", []), tables.numbers("y", np.zeros(0))], 0)
    assert ask({})["rows"] == []
    assert ask({"sort": [{"column": 1}]})["rows"] == []
    assert ask({"filter": {"column": 0, "op": "contains", "value": "x"}})["row_count"] == 0
    assert ask({"group": {"by": [0]}})["rows"] == []
    nothing = stored(folder, [], 0)({})
    assert (nothing["columns"], nothing["rows"], nothing["total_count"]) == ([], [], 0)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"offset": -1}, "offset is -1"),
        ({"limit": 10_001}, "limit is 10001; it can be an integer of 0 to 10000"),
        ({"limit": True}, "limit is True"),
        ({"rows": 1}, "the query has 'rows'"),
        ({"columns": [5]}, "columns names column 5; there are 5"),
        ({"columns": "x"}, "columns is 'x'; it must be a list"),
        ({"sort": [{"column": 0, "descending": 1}]}, "descending is 1"),
        ({"sort": [{"column": 4}]}, "column 4 holds records, which have no order"),
        ({"sort": [{"column": 0}] * 17}, "sort has 17 entries; the limit is 16"),
        ({"sort": [3]}, "a term of sort is 3"),
        ({"filter": 3}, "a filter is 3"),
        ({"filter": {"column": 0, "op": "~", "value": 1}}, "op is '~'; it can be ="),
        ({"filter": {"column": 0, "op": "=", "value": "x"}}, "column 0 is of type number"),
        ({"filter": {"column": 1, "op": "in", "value": [10**5000]}}, "larger than numbers can be"),
        ({"filter": {"column": 1, "op": "<", "value": True}}, "value of < is True"),
        ({"filter": {"column": 3, "op": "<", "value": 1}}, "column 3 is of type bool; < can be asked of"),
        ({"filter": {"column": 0, "op": "contains", "value": "x"}}, "contains can be asked of text"),
        ({"filter": {"column": 2, "op": "matches", "value": "("}}, "no regular expression of RE2"),
        ({"filter": {"column": 2, "op": "matches", "value": "x" * 1001}}, "at most 1000 characters"),
        ({"filter": {"column": 2, "op": "in", "value": "x"}}, "value of in is 'x'; it must be a list"),
        ({"filter": {"column": 2, "op": "=", "value": "\ud800"}}, "no text that can be written"),
        ({"filter": {"column": 4, "op": "=", "value": {}}}, "holds records, which = cannot compare"),
        ({"filter": {"and": [], "or": []}}, "a filter with and has 'or'"),
        ({"filter": {"or": [{"column": 0, "op": "is_empty"}] * 1000}}, "more than 1000 conditions"),
        ({"group": {}}, "neither columns to group by nor aggregates"),
        ({"group": {"by": [4]}}, "column 4 holds records, which cannot be grouped"),
        ({"group": {"by": [0], "aggregates": [{"column": 2, "function": "mean"}]}}, "type text, which has no mean"),
        ({"group": {"by": [0], "aggregates": [{"column": 0, "function": "mode"}]}}, "function is 'mode'"),
        ({"group": {"by": [0]}, "sort": [{"column": 1}]}, "sort names column 1; there are 1"),
    ],
)  # fmt: skip
def test_query_that_cannot_be_understood_is_refused_in_a_sentence(
    folder: Path, query: dict[str, Any], sentence: str
) -> None:
    columns = [tables.values("f", [1.0]), tables.values("i", [1]), tables.values("t", ["x"])]
    columns += [tables.values("b", [True]), tables.values("r", [Document("{}")])]
    with pytest.raises(QueryInvalid) as caught:
        stored(folder, columns, 1)(query)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_filter_nested_too_deep_is_refused(folder: Path) -> None:
    ask = stored(folder, [tables.values("j", [tables.Json("[]")])], 1)
    filters: dict[str, Any] = {"column": 0, "op": "is_empty"}
    for _ in range(19):
        filters = {"not": filters}
    assert ask({"filter": filters})["row_count"] == 1
    with pytest.raises(QueryInvalid, match="more than 20 deep"):
        ask({"filter": {"not": filters}})
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(QueryInvalid, match="nested"):
        ask({"filter": {"column": 0, "op": "=", "value": value}})


def test_file_that_is_no_table_is_refused(folder: Path) -> None:
    path = folder / "none"
    path.write_bytes(b"PAR1 no table")
    for name in (str(path), str(folder / "missing")):
        with pytest.raises(QueryInvalid, match=r"^the object 0123abcd… is no table that can be read$"):
            read_rows(name, "0123abcd" * 8, {})


def test_cache_forgets_what_was_used_least_recently() -> None:
    cache = table_query._Cache(100)
    for place in range(3):
        cache.put((place,), place, 40)
        cache.find((1,))
    assert [cache.find((place,)) for place in range(3)] == [None, 1, 2]
    cache.put((3,), 3, 101)
    assert cache.find((3,)) is None


def test_answers_are_the_same_whatever_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 5, 100)
    ask = stored(folder, [tables.numbers("x", values), tables.values("y", [1, "x"] * 50)], 100)
    query = {"sort": [{"column": 0}, {"column": 1}], "filter": {"column": 0, "op": ">", "value": 1}}
    kept = ask(query)
    assert ask(query) == kept
    monkeypatch.setattr(table_query, "_cache", table_query._Cache(0))
    assert ask(query) == kept

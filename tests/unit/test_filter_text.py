"""Holds the typed filters to their grammar, and what they match to what the filters that are documents match."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.run_documents import KEYS, TEXTS, projects

from trackd_service import filter_text, run_sets
from trackd_service.errors import InvalidFilter
from trackd_service.filter_text import (
    Both,
    Compare,
    Either,
    IsIn,
    IsMissing,
    Name,
    Node,
    Not,
    Word,
    parse,
    plain,
)
from trackd_service.filters import compile_filter
from trackd_service.run_sets import RunsQuestion
from trackd_service.run_table import RunTable, values_of

_OPERATORS = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_WORDS = [
    "0",
    "1",
    "1.0",
    "-2",
    "2.5",
    "1e-3",
    "9007199254740993",
    "NaN",
    "-Infinity",
    "true",
    "false",
    "adam",
    "b",
]

_names = st.one_of(
    st.sampled_from(["state", "name", "tag", "tags", "step", "archived", "exit_code"]).map(Name),
    st.builds(Name, st.sampled_from(KEYS), st.sampled_from(["", "config", "summary"]), st.just(True)),
    st.builds(Name, st.sampled_from(["lr", "val/loss", "a.b", "deep.x", "deep.y.z"])),
    st.builds(Name, st.sampled_from(["lr", "state", "deep.y.z"]), st.sampled_from(["config", "summary"])),
)
_values = st.one_of(st.sampled_from(TEXTS), st.sampled_from(_WORDS).map(Word))
_patterns = st.sampled_from(["^a", "o.", "", "(b|w)o?", "[a-d]+$"])
_conditions = st.one_of(
    st.builds(Compare, _names, st.sampled_from(list(_OPERATORS)), _values),
    st.builds(Compare, _names, st.sampled_from(["~", "!~"]), _patterns),
    st.builds(IsIn, _names, st.lists(_values, min_size=1, max_size=3).map(tuple)),
    st.builds(IsMissing, _names),
)
_parts: Any = lambda inner: st.lists(inner, min_size=2, max_size=3).map(tuple)  # noqa: E731 - a strategy of strategies
_trees: st.SearchStrategy[Node] = st.recursive(
    _conditions,
    lambda inner: st.one_of(
        st.builds(Not, inner), st.builds(Both, _parts(inner)), st.builds(Either, _parts(inner))
    ),
    max_leaves=6,
)


def write(node: Node) -> str:
    """Returns a tree as somebody would type it."""
    if isinstance(node, Not):
        return f"not ({write(node.inner)})"
    if isinstance(node, Both | Either):
        return (" and " if isinstance(node, Both) else " OR ").join(f"({write(part)})" for part in node.parts)
    name = f"{node.name.part}." * bool(node.name.part)
    name += json.dumps(node.name.text) if node.name.is_quoted else node.name.text
    if isinstance(node, IsMissing):
        return f"{name} is missing"
    if isinstance(node, IsIn):
        return f"{name} in ({', '.join(map(_write_value, node.values))})"
    return f"{name} {node.operator}{_write_value(node.value)}"


def _write_value(value: str | Word) -> str:
    return value.text if isinstance(value, Word) else json.dumps(value, ensure_ascii=False)


def without_positions(node: Node | None) -> Any:
    if isinstance(node, Not):
        return Not(without_positions(node.inner))
    if isinstance(node, Both | Either):
        return type(node)(tuple(without_positions(part) for part in node.parts))
    assert node is not None
    name = Name(node.name.text, node.name.part, node.name.is_quoted)
    if isinstance(node, IsMissing):
        return IsMissing(name)
    return IsIn(name, node.values) if isinstance(node, IsIn) else Compare(name, node.operator, node.value)


@given(_trees)
def test_what_is_written_of_a_tree_is_parsed_to_the_same_tree(tree: Node) -> None:
    assert without_positions(parse(write(tree))) == tree


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error_with_a_position_in_it(text: str) -> None:
    position = 0
    try:
        parse(text)
    except InvalidFilter as error:
        position = int(error.metadata["position"])
    assert 0 <= position <= len(text)


def as_document(node: Node, summary_keys: set[str]) -> dict[str, Any]:
    """Returns the MongoDB-style filter of the same meaning."""
    if isinstance(node, Not):
        return {"$not": as_document(node.inner, summary_keys)}
    if isinstance(node, Both | Either):
        operator = "$and" if isinstance(node, Both) else "$or"
        return {operator: [as_document(part, summary_keys) for part in node.parts]}
    name = node.name
    fields = {"tag": "tags"}
    known = {"state", "name", "tag", "tags", "step", "archived", "exit_code"}
    if not name.part and not name.is_quoted and name.text in known:
        field = fields.get(name.text, name.text)
    else:
        part = name.part or ("summary" if name.text in summary_keys else "config")
        field = f"{part}.{name.text}"
    is_text = field in ("state", "name", "tags")

    def operand(value: str | Word) -> Any:
        return value if isinstance(value, str) else value.text if is_text else plain(value)

    if field == "step":  # the last step, where the document has the next one
        field = "signal"
    if isinstance(node, IsMissing):
        return {field: None}
    if isinstance(node, IsIn):
        return {field: {"$in": [operand(value) for value in node.values]}}
    if node.operator in ("~", "!~"):
        found = {"$regex": node.value if isinstance(node.value, str) else node.value.text}
        return {field: found if node.operator == "~" else {"$not": found}}
    return {field: {_OPERATORS[node.operator]: operand(node.value)}}


def table_of(documents: list[dict[str, Any]]) -> RunTable:
    table = RunTable()
    for document in documents:
        table.put(document["run_id"], values_of(document), "{}")
    return table


@given(_trees, projects())
def test_a_typed_filter_matches_what_the_same_filter_as_a_document_does(
    tree: Node, documents: list[dict[str, Any]]
) -> None:
    table = table_of(documents)
    rows = run_sets.chooser(RunsQuestion(filter=write(tree), archived="with"), 0.0)(table)
    # A summary key that is null everywhere is no column.
    keys = {key for document in documents for key, value in document["summary"].items() if value is not None}
    matches = compile_filter(as_document(tree, keys))
    expected = {
        document["run_id"]
        for document in documents
        if matches({**document, "signal": document["next_step"] - 1 if document["next_step"] else None})
    }
    assert set(table.ids(rows)) == expected


def matching(text: str, **changes: Any) -> bool:
    """Says whether a run matches, asked 100 days after it began."""
    begin = 1_700_000_000_000.0
    document: dict[str, Any] = {
        "run_id": "r1",
        "name": "swift-otter-1",
        "state": "running",
        "group": "7d",
        "job_type": "",
        "tags": ["baseline"],
        "notes": "",
        "create_time_unix_ms": begin,
        "update_time_unix_ms": begin + 7_200_000,
        "finish_time_unix_ms": None,
        "next_step": 0,
        "metric_count": 0,
        "exit_code": None,
        "signal": 0,
        "config": {"lr": 0.1, "created": "here", "both": 1},
        "summary": {"both": 2, "val loss": 0.5},
        **changes,
    }
    now = begin / 1e3 + 100 * 86_400
    return bool(len(run_sets.chooser(RunsQuestion(filter=text, archived="with"), now)(table_of([document]))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  ", True),
        ("age < 101d and age > 14w and age>=2400h", True),
        ("age < 99d", False),
        ("duration >= 2h and duration <= 120min and duration = 7200", True),
        ("group = 7d", True),
        ("created > 2023-11-14 and created<'2023-11-15T00:00:00+01:00' and create_time >= 1700000000", True),
        ("created = null", False),
        ("finished is missing and job_type is missing and archived = false", True),
        ("config.created = here and \"created\" = 'here'", True),
        ("both = 2 and config.both = 1 and summary.both=2", True),
        ('"val loss" < 1 and summary."val loss" = .5', True),
        ("lr = 1e-1 and lr != '0.1'", True),
        ("tag = baseline and not tag in (wide) and tag not in (wide, deep) and tags ~ ^base", True),
        ("nothing > 1 or nothing <= 1", False),
        ("nothing != 1 and nothing !~ x", True),
        ("NOT state = running OR name ~ '^(swift|calm)-'", True),
    ],
)
def test_names_times_and_values(text: str, expected: bool) -> None:
    assert matching(text) is expected


def test_numbers_of_runs_ids_are_texts() -> None:
    assert matching("id = 0012", run_id="0012")
    assert not matching("id = 12", run_id="0012")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("acc >", 5, "expected a value"),
        ("acc", 3, "expected =, !="),
        ("acc > 1 acc < 2", 8, "expected and, or, or the end"),
        ("(acc > 1", 8, "expected and, or, or ')'"),
        ("acc in 1", 7, "expected '('"),
        ("acc in (1 2)", 10, "expected ',' or ')'"),
        ("acc is 3", 7, "expected missing"),
        ("acc not 3", 8, "expected in"),
        ("acc = 'x", 6, "no ' at its end"),
        ("acc ! 1", 4, "means nothing"),
        ("and", 0, "expected a name"),
        ("acc = and", 6, "expected a value"),
        ("acc < null", 6, "null can be compared"),
        ("age < 5", 6, "a stretch of time"),
        ("created > 7d", 10, "write age < 7d"),
        ("name ~ '('", 7, "RE2"),
        ("(" * 60 + "a = 1" + ")" * 60, 51, "nested"),
        ("not " * 60 + "a = 1", 204, "nested"),
        ("a = 1 or " * 1_001 + "a = 1", 9_000, "1000 conditions"),
        ("a = " + "x" * 10_000, 10_000, "10004 characters"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, position: int, words: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        matching(text)
    assert words in caught.value.message
    assert caught.value.metadata["position"] == str(position)


def test_parsing_is_linear_in_the_text() -> None:
    text = "((((" + "a = 'x\\'y' or " * 700 + "a = 1))))"
    assert len(text) < filter_text.CHARACTERS_MAX
    begin = time.perf_counter()
    parse(text)
    assert time.perf_counter() - begin < 0.5

"""Owns which runs of a table a filter matches: a tree of `filter_text`, a column at a time. No I/O and no clock.

Invariants: the same question about a run's document by `filters` has the same answer, but for names: a bare name is a field
of the run, or else a summary key where some run has it, or else a config key. Values of different types are never equal and
never smaller or larger; a list matches when one of its items does.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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
    Value,
    Word,
    plain,
    span_seconds,
)
from trackd_service.filters import pattern_test, time_unix_ms
from trackd_service.run_table import BIG, BOOL, FIELDS, JSON, TEXT, Cells, RunTable, Slots

Mask: TypeAlias = npt.NDArray[np.bool_]
Filter: TypeAlias = Callable[[RunTable, Slots], Mask]

_EXACT_MAX = 1 << 53
_OTHER_NAMES = {
    "run_id": "id",
    "display_name": "name",
    "tag": "tags",
    "created": "create_time",
    "updated": "update_time",
    "finished": "finish_time",
}
_TIMES = frozenset(name for name, kind in FIELDS.items() if kind == "time")
_AGE = "age"
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPPOSITES = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compile_tree(node: Node, now: float) -> Filter:
    """Returns a function that says which rows of a table match; `now` in seconds since 1970, for ages.

    Raises:
        InvalidFilter: a value cannot be what it is compared with.
    """
    if isinstance(node, Not):
        inner = compile_tree(node.inner, now)
        return lambda table, rows: ~inner(table, rows)
    if isinstance(node, Both | Either):
        parts = [compile_tree(part, now) for part in node.parts]
        combine = np.logical_and if isinstance(node, Both) else np.logical_or

        def combined(table: RunTable, rows: Slots) -> Mask:
            mask = parts[0](table, rows)
            for part in parts[1:]:
                mask = combine(mask, part(table, rows))
            return mask

        return combined
    read = _reader(node.name)
    if isinstance(node, IsMissing):
        return lambda table, rows: read(table, rows).kinds == 0
    if isinstance(node, IsIn):
        values = [_operand(node.name, value, node.position, now) for value in node.values]
        return lambda table, rows: _is_among(read(table, rows), values)
    return _compare(node, read, now)


def _compare(node: Compare, read: Callable[[RunTable, Slots], Cells], now: float) -> Filter:
    if node.operator in ("~", "!~"):
        try:
            pattern = node.value.text if isinstance(node.value, Word) else node.value
            test = pattern_test(node.name.text, pattern)
        except InvalidFilter as error:
            raise _wrong(node.position, error.message) from None
        is_match = node.operator == "~"
        return lambda table, rows: _items(read(table, rows), test) == is_match
    value = _operand(node.name, node.value, node.position, now)
    if node.operator in ("=", "!="):
        is_equal = node.operator == "="
        return lambda table, rows: _is_among(read(table, rows), [value]) == is_equal
    # An age grows as the time of the beginning shrinks.
    is_age = _field(node.name) == _AGE
    compare = _COMPARISONS[_OPPOSITES[node.operator] if is_age else node.operator]
    return lambda table, rows: _compares(read(table, rows), compare, value)


def _field(name: Name) -> str:
    """Returns the column of a field, or nothing for a name that is none."""
    if name.is_quoted or name.part:
        return ""
    found = _OTHER_NAMES.get(name.text, name.text)
    return found if found in FIELDS or found == _AGE else ""


def _reader(name: Name) -> Callable[[RunTable, Slots], Cells]:
    field = _field(name)

    def read(table: RunTable, rows: Slots) -> Cells:
        if field:
            return table.cells("create_time" if field == _AGE else field, rows)
        column = f"{name.part}.{name.text}"
        if not name.part:
            column = f"summary.{name.text}"
            if column not in table.columns:
                column = f"config.{name.text}"
        return table.cells(column, rows)

    return read


def _operand(name: Name, value: Value, position: int, now: float) -> Any:
    """Returns what the cells of a column are compared with: milliseconds for times and ages, seconds for durations."""
    field = _field(name)
    kind = "time" if field == _AGE else FIELDS.get(field, "")
    span = span_seconds(value) if isinstance(value, Word) else None
    if field == _AGE:
        if span is None:
            raise _wrong(position, "age is compared with a stretch of time, such as 7d, 12h, 30min or 90s")
        return (now - span) * 1e3
    if isinstance(value, Word) and value.is_null:
        return None
    if kind == "time":
        found = time_unix_ms(plain(value) if isinstance(value, Word) else value)
        if found is None:
            raise _wrong(
                position,
                f"{name.text} is compared with a time, such as 2026-01-31 or 2026-01-31T12:00:00Z; for a stretch of time "
                "back from now, write age < 7d",
            )
        return found
    if kind == "duration" and span is not None:
        return span
    if isinstance(value, Word):
        # A run's id may well be a number.
        return value.text if kind in ("string", "list") else plain(value)
    return value


def _wrong(position: int, sentence: str) -> InvalidFilter:
    return InvalidFilter(f"filter, character {position + 1}: {sentence}", position=position)


# -- cells ---------------------------------------------------------------------------------------------------------


def _items(cells: Cells, test: Callable[[Any], bool]) -> Mask:
    """Returns which cells are texts, or lists of something, that pass a test of values that are no numbers of cells."""
    mask = np.zeros(len(cells.kinds), np.bool_)
    texts = np.flatnonzero(cells.kinds == TEXT)
    if len(texts):
        mask[texts] = [test(text) for text in cells.kept(texts)]
    lists = np.flatnonzero(cells.kinds == JSON)
    if len(lists):
        known: dict[str, bool] = {}  # runs of a sweep have the same few lists
        for position, text in zip(lists.tolist(), cells.kept(lists), strict=True):
            if text not in known:
                value = json.loads(text)
                known[text] = isinstance(value, list) and any(test(item) for item in value)
            mask[position] = known[text]
    return mask


def _is_among(cells: Cells, values: Sequence[Any]) -> Mask:
    """Returns which cells are equal to one of the values; None is a cell without a value."""
    texts = {value for value in values if isinstance(value, str)}
    truths = {value for value in values if isinstance(value, bool)}
    numbers = {value for value in values if isinstance(value, int | float) and not isinstance(value, bool)}
    has_nan = any(value != value for value in numbers)  # noqa: PLR0124 - NaN is not itself

    def test(item: Any) -> bool:
        if isinstance(item, str):
            return item in texts
        if isinstance(item, bool):
            return item in truths
        return isinstance(item, int | float) and (item in numbers or (has_nan and item != item))  # noqa: PLR0124

    mask = _items(cells, test)
    if any(value is None for value in values):
        mask |= cells.kinds == 0
    for truth in truths:
        mask |= (cells.kinds == BOOL) & (cells.numbers == truth)
    if numbers:
        is_number = cells.is_number() & (cells.kinds != BIG)
        if has_nan:
            mask |= is_number & np.isnan(cells.numbers)
        # What no float64 is can only be equal to an integer that is kept whole.
        mask |= is_number & np.isin(cells.numbers, [float(value) for value in numbers if _is_float(value)])
        for position in np.flatnonzero(cells.kinds == BIG).tolist():
            mask[position] = cells.value(position) in numbers
    return mask


def _compares(cells: Cells, compare: Callable[[Any, Any], Any], value: Any) -> Mask:
    """Returns which cells of the value's type stand to it as asked."""
    if isinstance(value, str):
        return _items(cells, lambda item: isinstance(item, str) and bool(compare(item, value)))
    if isinstance(value, bool):
        mask = _items(cells, lambda item: isinstance(item, bool) and bool(compare(item, value)))
        mask |= (cells.kinds == BOOL) & compare(cells.numbers, value)
        return mask

    def test(item: Any) -> bool:
        return isinstance(item, int | float) and not isinstance(item, bool) and bool(compare(item, value))

    mask = _items(cells, test)
    is_number = cells.is_number()
    exact = np.flatnonzero(is_number & (cells.kinds == BIG))
    if isinstance(value, int) and abs(value) > _EXACT_MAX:
        exact = np.flatnonzero(is_number)
    else:
        mask |= is_number & compare(cells.numbers, float(value))
    for position in exact.tolist():
        mask[position] = bool(compare(cells.value(position), value))
    return mask


def _is_float(value: float) -> bool:
    """Says whether a float64 is exactly this number."""
    try:
        return float(value) == value
    except OverflowError:
        return False

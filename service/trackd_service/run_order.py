"""Owns the order and the groups of runs: by several columns, and what each group sums up to.

Invariants: runs without a value, or with NaN, come last in either direction, and values of different types are kept
apart, as in `filters`; runs that are alike stay in the order they came in. The runs of a group stand together. No I/O and
no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackd_service.run_table import BIG, BOOL, JSON, TEXT, Cells, RunTable, Slots

_Codes: TypeAlias = npt.NDArray[np.int64]

_NAN, _ABSENT = -1, -2


@dataclass(frozen=True, slots=True)
class Term:
    """One column of an order."""

    column: str
    is_descending: bool


def codes(cells: Cells) -> _Codes:
    """Returns a number for each cell, alike for alike values and ascending as they do; below 0 for NaN and for no value."""
    result = np.full(len(cells.kinds), _ABSENT, np.int64)
    base = 0
    is_truth = cells.kinds == BOOL
    if is_truth.any():
        result[is_truth] = cells.numbers[is_truth].astype(np.int64)
        base = 2
    is_number = cells.is_number()
    if is_number.any():
        is_nan = is_number & np.isnan(cells.numbers)
        result[is_nan] = _NAN
        is_number &= ~is_nan
        if (cells.kinds == BIG).any():  # as float64, several of them may look alike
            base = _rank(result, np.flatnonzero(is_number), cells, base)
        else:
            unique, inverse = np.unique(cells.numbers[is_number], return_inverse=True)
            result[is_number] = base + inverse
            base += len(unique)
    for kind in (TEXT, JSON):
        positions = np.flatnonzero(cells.kinds == kind)
        if len(positions):
            kept = cells.kept(positions)
            places = {text: base + place for place, text in enumerate(sorted(set(kept)))}
            result[positions] = [places[text] for text in kept]
            base += len(places)
    return result


def _rank(result: _Codes, positions: Slots, cells: Cells, base: int) -> int:
    values = [cells.value(position) for position in positions.tolist()]
    places = {value: base + place for place, value in enumerate(sorted(set(values)))}
    result[positions] = [places[value] for value in values]
    return base + len(places)


def _key(term_codes: _Codes, is_descending: bool) -> _Codes:
    """Returns what ascends as the order does, those without a value last."""
    last = int(term_codes.max(initial=0)) + 1
    return np.where(term_codes < 0, last, last - 1 - term_codes if is_descending else term_codes)


def _group_key(group_codes: _Codes, is_descending: bool) -> _Codes:
    """Returns `_key` with NaN before no value: two groups."""
    return _key(group_codes, is_descending) + (group_codes == _ABSENT)


def group_cells(table: RunTable, column: str, rows: Slots) -> Cells:
    """Returns what runs are grouped by: a column, where tags are one text, in the order of the alphabet."""
    cells = table.cells(column, rows)
    if column != "tags":
        return cells
    kinds = np.where(cells.kinds == JSON, TEXT, cells.kinds).astype(np.uint8)
    texts = [", ".join(sorted(map(str, tags))) if tags else None for tags in cells.values()]
    return Cells(kinds, cells.numbers, np.arange(len(rows)), texts)


@dataclass(frozen=True, slots=True)
class Level:
    """The groups of one level: where each begins among the rows, and the values of its column there."""

    starts: Slots
    values: list[Any]


def arrange(
    table: RunTable, rows: Slots, sort: Sequence[Term], group_by: Sequence[str]
) -> tuple[Slots, list[Level]]:
    """Returns runs in order, group by group, and the groups of each level, the outermost first.

    Groups are in the order of their values; descending where a term of `sort` says so of their column.
    """
    descending = {term.column: term.is_descending for term in reversed(sort)}
    grouped = [group_cells(table, column, rows) for column in group_by]
    group_codes = [codes(cells) for cells in grouped]
    keys = [
        _group_key(one, descending.get(column, False))
        for column, one in zip(group_by, group_codes, strict=True)
    ]
    keys += [_key(codes(table.cells(term.column, rows)), term.is_descending) for term in sort]
    # The last key is the first to be sorted by; sorting is stable.
    order = np.lexsort(keys[::-1]) if keys else np.arange(len(rows))
    levels: list[Level] = []
    begins = np.zeros(len(rows), np.bool_)
    if len(rows):
        begins[0] = True
    for cells, one in zip(grouped, group_codes, strict=True):
        ordered = one[order]
        begins = begins.copy()
        begins[1:] |= ordered[1:] != ordered[:-1]
        starts = np.flatnonzero(begins)
        levels.append(Level(starts, [cells.value(position) for position in order[starts].tolist()]))
    return rows[order], levels


@dataclass(frozen=True, slots=True)
class Sums:
    """What a column sums up to in each group of a level, arrays of shape (g,); where `count` is 0 the rest means nothing."""

    count: npt.NDArray[np.int64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]


def sums(cells: Cells, starts: Slots) -> Sums:
    """Returns count, minimum, maximum and mean of the finite numbers of each group of rows."""
    finite = cells.is_number() & np.isfinite(cells.numbers)
    count = np.add.reduceat(finite.astype(np.int64), starts)
    low = np.minimum.reduceat(np.where(finite, cells.numbers, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, cells.numbers, -np.inf), starts)
    divisor = np.maximum(count, 1)
    values = np.where(finite, cells.numbers, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(values, starts) / divisor
    beyond = ~np.isfinite(mean)
    if beyond.any():  # the sum of numbers near the largest is too large, their mean is not
        parts = values / np.repeat(divisor, np.diff(np.append(starts, len(values))))
        mean[beyond] = np.add.reduceat(parts, starts)[beyond]
    return Sums(count, low, high, mean)

"""Owns many series as one set of columns: what a segment is written from and merged in.

Invariants: series stand in the order of (key, kind), each once; the points of a series are neighbours, sorted by
step, each step once; all columns have one length. Work on it is per column, never per point or per series.
Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from trackd_service.series import RECORD_KINDS, BoolArray, Float64Array, Int64Array, Kind, Series

# Also the numbers of the kinds in a levels file, and the order in which the kinds of one key stand.
KIND_CODES: dict[Kind, int] = {
    kind: code for code, kind in enumerate(("number", "bool", "string", "other", *RECORD_KINDS))
}
KINDS: tuple[Kind, ...] = tuple(KIND_CODES)
_NUMERIC_CODE_MAX = KIND_CODES["bool"]

ScalarT = TypeVar("ScalarT", bound=np.generic)


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """Series of shape (s,) with points of shape (n,).

    Attributes:
        keys: s keys, sorted; a key of several kinds stands once for each.
        kinds: uint8 of shape (s,), the place of each kind in `KINDS`.
        counts: int64 of shape (s,), how many points each series has, at least 1.
        positions: int64 of shape (s,), how many points of the series stand in older segments.
        steps: int64 of shape (n,).
        times: int64 of shape (n,), nanoseconds since 1970 UTC.
        doubles: float64 of shape (n,); NaN at points that are no number or truth value.
        ints: int64 of shape (n,) with exact integers, or None when there are none.
        int_mask: bool of shape (n,), true where `ints` holds; None when `ints` is.
        strings: object array of shape (n,), text at points that are no number or truth value, else None;
            None when there are no such points.
    """

    keys: list[str]
    kinds: npt.NDArray[np.uint8]
    counts: Int64Array
    positions: Int64Array
    steps: Int64Array
    times: Int64Array
    doubles: Float64Array
    ints: Int64Array | None = None
    int_mask: BoolArray | None = None
    strings: npt.NDArray[np.object_] | None = None

    @property
    def row_starts(self) -> Int64Array:
        """int64 of shape (s,): the row of each series' first point."""
        return np.cumsum(self.counts) - self.counts

    @property
    def numeric(self) -> BoolArray:
        """Bool of shape (s,): which series have numbers or truth values."""
        return self.kinds <= _NUMERIC_CODE_MAX

    def series(self) -> Iterator[Series]:
        """Yields each series in order; the arrays are views."""
        for key, code, start, count in zip(
            self.keys, self.kinds.tolist(), self.row_starts.tolist(), self.counts.tolist(), strict=True
        ):
            yield self._slice(key, KINDS[code], slice(start, start + count))

    def _slice(self, key: str, kind: Kind, rows: slice) -> Series:
        numeric = KIND_CODES[kind] <= _NUMERIC_CODE_MAX
        has_ints = numeric and self.int_mask is not None and bool(self.int_mask[rows].any())
        return Series(
            key,
            kind,
            self.steps[rows],
            self.times[rows],
            self.doubles[rows] if numeric else None,
            self.ints[rows] if has_ints and self.ints is not None else None,
            self.int_mask[rows] if has_ints and self.int_mask is not None else None,
            None if numeric or self.strings is None else self.strings[rows].tolist(),
        )


def collect(series: Sequence[Series], positions: Sequence[int] | None = None) -> SeriesTable:
    """Puts series into columns; cheap to send to another process, unlike thousands of small arrays.

    Args:
        series: The series, in any order, each of another (key, kind). Those without points are left out.
        positions: For each series how many of its points stand in older segments; None means none.

    Returns:
        The table.

    Raises:
        ValueError: If two series have one key and kind.
    """
    order = sorted(
        (index for index, one in enumerate(series) if len(one)),
        key=lambda index: (series[index].key, KIND_CODES[series[index].kind]),
    )
    ordered = [series[index] for index in order]
    for one, other in itertools.pairwise(ordered):
        if one.key == other.key and one.kind == other.kind:
            raise ValueError(f"series '{one.key}' of kind {one.kind} is there twice: merge its parts first")
    counts = np.fromiter((len(one) for one in ordered), np.int64, len(ordered))
    ints: Int64Array | None = None
    int_mask: BoolArray | None = None
    strings: npt.NDArray[np.object_] | None = None
    if any(one.ints is not None for one in ordered):
        ints = _joined(
            [np.zeros(len(one), np.int64) if one.ints is None else one.ints for one in ordered], np.int64
        )
        int_mask = _joined(
            [np.zeros(len(one), np.bool_) if one.int_mask is None else one.int_mask for one in ordered],
            np.bool_,
        )
    if any(one.strings is not None for one in ordered):
        strings = np.full(int(counts.sum()), None, np.object_)
        for one, end in zip(ordered, np.cumsum(counts).tolist(), strict=True):
            if one.strings is not None:
                strings[end - len(one) : end] = one.strings
    return SeriesTable(
        [one.key for one in ordered],
        np.fromiter((KIND_CODES[one.kind] for one in ordered), np.uint8, len(ordered)),
        counts,
        np.zeros(len(ordered), np.int64)
        if positions is None
        else np.fromiter((positions[index] for index in order), np.int64, len(ordered)),
        _joined([one.steps for one in ordered], np.int64),
        _joined([one.times for one in ordered], np.int64),
        _joined(
            [np.full(len(one), np.nan) if one.doubles is None else one.doubles for one in ordered], np.float64
        ),
        ints,
        int_mask,
        strings,
    )


def merge_tables(tables: Sequence[SeriesTable]) -> SeriesTable:
    """Joins tables, the oldest first; of several points of a series at one step the one of the last table stays."""
    names = sorted(
        {(key, code) for table in tables for key, code in zip(table.keys, table.kinds.tolist(), strict=True)}
    )
    ranks = {name: rank for rank, name in enumerate(names)}
    rank = np.array(
        [ranks[name] for table in tables for name in zip(table.keys, table.kinds.tolist(), strict=True)],
        np.int64,
    )
    counts = _joined([table.counts for table in tables], np.int64)
    starts = np.cumsum(counts) - counts
    # Whole series are moved first: with segments written in order that is all there is to do.
    blocks = np.argsort(rank, kind="stable")
    rows = _ranges(starts[blocks], counts[blocks])
    row_rank = np.repeat(rank[blocks], counts[blocks])
    steps = _joined([table.steps for table in tables], np.int64)[rows]
    same = row_rank[1:] == row_rank[:-1]
    if bool((same & (steps[1:] <= steps[:-1])).any()):
        order = np.lexsort((steps, row_rank))  # Stable, so that the later table's point comes last.
        row_rank, steps = row_rank[order], steps[order]
        last = np.append((row_rank[1:] != row_rank[:-1]) | (steps[1:] != steps[:-1]), True)
        rows, row_rank, steps = rows[order[last]], row_rank[last], steps[last]
    positions = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(positions, rank, _joined([table.positions for table in tables], np.int64))
    has_ints = any(table.ints is not None for table in tables)
    has_strings = any(table.strings is not None for table in tables)
    lengths = [len(table.steps) for table in tables]
    return SeriesTable(
        [key for key, _ in names],
        np.array([code for _, code in names], np.uint8),
        np.bincount(row_rank, minlength=len(names)).astype(np.int64),
        positions,
        steps,
        _joined([table.times for table in tables], np.int64)[rows],
        _joined([table.doubles for table in tables], np.float64)[rows],
        _filled([table.ints for table in tables], lengths, 0, np.int64)[rows] if has_ints else None,
        _filled([table.int_mask for table in tables], lengths, False, np.bool_)[rows] if has_ints else None,
        _filled([table.strings for table in tables], lengths, None, np.object_)[rows]
        if has_strings
        else None,
    )


def _ranges(starts: Int64Array, counts: Int64Array) -> Int64Array:
    """Returns `arange(start, start + count)` of every pair, one after another."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - counts), counts) + np.arange(total, dtype=np.int64)


def _joined(arrays: Sequence[npt.NDArray[ScalarT]], dtype: type[ScalarT]) -> npt.NDArray[ScalarT]:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _filled(
    columns: Sequence[npt.NDArray[ScalarT] | None], lengths: Sequence[int], fill: object, dtype: type[ScalarT]
) -> npt.NDArray[ScalarT]:
    return _joined(
        [
            np.full(length, fill, dtype) if column is None else column
            for column, length in zip(columns, lengths, strict=True)
        ],
        dtype,
    )

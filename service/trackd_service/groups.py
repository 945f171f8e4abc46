"""Owns how many runs become one line with a band: cells of x, and what is said of the runs in each.

Invariants: cells begin at multiples of their width, so the same cell holds the same points at every zoom; each point is
in exactly one cell; a run counts in a cell with its own points, or between its points with its last value before, and
never before its first or beyond its last point; `low` and `high` of the band `range` are over all points, so no spike is
hidden. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from trackd_service.downsample import Buckets, concat, reduce_at, reduce_buckets_at
from trackd_service.series import BoolArray, Float64Array

Aggregate: TypeAlias = Literal["mean", "median", "min", "max"]
Band: TypeAlias = Literal["range", "std", "stderr", "none"]
# x as it is sorted and cut: steps and times are integers, the values of a metric are doubles.
XArray: TypeAlias = npt.NDArray[Any]
Columns: TypeAlias = dict[str, npt.NDArray[Any]]

AGGREGATES: tuple[Aggregate, ...] = ("mean", "median", "min", "max")
BANDS: tuple[Band, ...] = ("range", "std", "stderr", "none")
_DOUBLE_MAX = float(np.finfo(np.float64).max)
# Values of all runs that are in memory at once: 32 MB, whatever the number of runs.
_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of x.

    Attributes:
        exponent: Cells are 2^exponent wide in the unit of the column x; None for a cell to each x that occurs.
    """

    exponent: int | None

    def keys(self, x: XArray) -> XArray:
        """Returns the cell of each x: ascending where x is."""
        if self.exponent is None:
            return x
        if x.dtype == np.int64:
            return x >> self.exponent
        keys = np.floor(np.ldexp(x, -self.exponent))
        # The quotient of the smallest negative doubles is a zero.
        keys[(x < 0) & (keys == 0)] = -1
        return keys

    def widen(self, first: float, last: float) -> tuple[int | float, int | float]:
        """Returns where the cell of `first` begins and the last x that may be in the cell of `last`."""
        if self.exponent is None:
            return first, last
        if isinstance(first, int) and isinstance(last, int):
            low = (first >> self.exponent) << self.exponent
            return low, (((last >> self.exponent) + 1) << self.exponent) - 1
        keys = self.keys(np.array([first, last], np.float64))
        with np.errstate(over="ignore"):
            begin, stop = np.ldexp(keys + np.array([0.0, 1.0]), self.exponent).tolist()
        return max(begin, -_DOUBLE_MAX), math.nextafter(stop, -math.inf)


def choose_grid(first: float, last: float, cell_count_max: int) -> Grid:
    """Returns the narrowest cells of which no more than `cell_count_max` (at least 2) reach from `first` to `last`."""
    if isinstance(first, int) and isinstance(last, int):
        exponent = max(0, ((last - first) // cell_count_max).bit_length() - 1)
        while (last >> exponent) - (first >> exponent) >= cell_count_max:
            exponent += 1
        return Grid(exponent)
    # Halved first: the distance of two doubles may be beyond a double.
    exponent = math.frexp((last / 2 - first / 2) / cell_count_max)[1] - 1
    while (
        math.floor(math.ldexp(last, -exponent)) - math.floor(math.ldexp(first, -exponent)) >= cell_count_max
    ):
        exponent += 1
    return Grid(exponent)


@dataclass(frozen=True, slots=True)
class Cells:
    """Points of one run, summed up in cells; all columns are of shape (c,).

    Attributes:
        keys: Which cells, strictly ascending.
        x_first: The first x that a point of the run has in the cell.
        x_last: The last one.
        values: What the points are, a bucket a cell; its steps and times say nothing.
        smoothed: The same of the smoothed values, or None.
    """

    keys: XArray
    x_first: XArray
    x_last: XArray
    values: Buckets
    smoothed: Buckets | None = None

    @property
    def size_bytes(self) -> int:
        """About how much memory the cells take."""
        return (3 + 11 * (1 if self.smoothed is None else 2)) * 8 * len(self.keys)


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a group, in a range of x.

    Attributes:
        cells: Its points in the range.
        last_key: The cell of the last point that the run has at all; None for a run without points.
        before: The value of its last point before the range; NaN where there is none.
        smoothed_before: The same of the smoothed values.
    """

    cells: Cells
    last_key: int | float | None
    before: float = math.nan
    smoothed_before: float = math.nan


def reduce_cells(x: XArray, values: Float64Array, smoothed: Float64Array | None, grid: Grid) -> Cells:
    """Sums up points in cells.

    Args:
        x: int64 or float64 of shape (n,), ascending.
        values: float64 of shape (n,).
        smoothed: float64 of shape (n,), or None.
        grid: The cells.

    Returns:
        The cells that have points.
    """
    keys = grid.keys(x)
    starts = _starts(keys)
    places = np.arange(len(x), dtype=np.int64)
    reduced = reduce_at(places, places, values, starts)
    return Cells(
        keys[starts],
        x[reduced.first_step],
        x[reduced.last_step],
        reduced,
        None if smoothed is None else reduce_at(places, places, smoothed, starts),
    )


def join_cells(parts: Sequence[Cells]) -> Cells:
    """Joins cells of stretches of one run, at least one, that follow each other; a cell may stand there in pieces."""
    keys = np.concatenate([part.keys for part in parts])
    starts = _starts(keys)
    ends = np.append(starts[1:], len(keys))[: len(starts)] - 1
    return Cells(
        keys[starts],
        np.concatenate([part.x_first for part in parts])[starts],
        np.concatenate([part.x_last for part in parts])[ends],
        reduce_buckets_at(concat([part.values for part in parts]), starts),
    )


def union_keys(members: Sequence[Member]) -> XArray:
    """Returns the cells in which any run has a point, ascending."""
    return np.unique(np.concatenate([member.cells.keys for member in members]))


def combine(members: Sequence[Member], aggregate: Aggregate, band: Band) -> Columns:
    """Makes one line with a band of many runs.

    Args:
        members: The runs, at least one; their cells are of one grid.
        aggregate: What the line is over the runs: each counts with the mean of its points in the cell, for `min` and
            `max` with the smallest and the largest.
        band: What the band is: `range` from the smallest to the largest point, `std` and `stderr` the sample standard
            deviation and the standard error around the line.

    Returns:
        By name, of shape (c,), for the cells in which any run has a point: `x_first` and `x_last`, of the type of x;
        `y`, `low`, `high` (float64), `count` (uint32, the runs that counted), `nonfinite` (uint32, points that are NaN
        or infinite); `smoothed` (float64) where the members have it.
    """
    keys = union_keys(members)
    columns = _extents(members, keys)
    is_smoothed = any(member.cells.smoothed is not None for member in members)
    names = ["y", "low", "high", *(["smoothed"] if is_smoothed else [])]
    columns |= {name: np.full(len(keys), np.nan) for name in names}
    columns["count"] = np.zeros(len(keys), np.uint32)
    width = max(1, _BLOCK_VALUES // len(members))
    # Sums of values near the largest double overflow, and infinities subtract to NaN: they stay in their cell.
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(keys), width):
            block = slice(start, start + width)
            _fill(columns, block, keys[block], members, aggregate, band)
    return columns


def _starts(keys: XArray) -> npt.NDArray[np.int64]:
    if len(keys) == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))


def _extents(members: Sequence[Member], keys: XArray) -> Columns:
    nonfinite = np.zeros(len(keys), np.uint32)
    x_first: XArray = np.empty(len(keys), keys.dtype)
    x_last: XArray = np.empty(len(keys), keys.dtype)
    is_seen = np.zeros(len(keys), np.bool_)
    for member in members:
        cells = member.cells
        places = np.searchsorted(keys, cells.keys)
        seen = is_seen[places]
        x_first[places] = np.where(seen, np.minimum(x_first[places], cells.x_first), cells.x_first)
        x_last[places] = np.where(seen, np.maximum(x_last[places], cells.x_last), cells.x_last)
        is_seen[places] = True
        nonfinite[places] += cells.values.nonfinite.astype(np.uint32)
    return {"x_first": x_first, "x_last": x_last, "nonfinite": nonfinite}


def _fill(
    columns: Columns,
    block: slice,
    keys: XArray,
    members: Sequence[Member],
    aggregate: Aggregate,
    band: Band,
) -> None:
    means = _spread_all(members, keys, "mean")
    own = _spread_all(members, keys, aggregate) if aggregate in ("min", "max") else means
    y, count = _aggregate(own, aggregate)
    columns["y"][block], columns["count"][block] = y, count
    low = high = y
    if band == "range":
        low = np.fmin.reduce(own if aggregate == "min" else _spread_all(members, keys, "min"), axis=0)
        high = np.fmax.reduce(own if aggregate == "max" else _spread_all(members, keys, "max"), axis=0)
    elif band != "none":
        spread = _deviation(means)
        if band == "stderr":
            spread = spread / np.sqrt(np.maximum(count, 1))
        low, high = y - spread, y + spread
    columns["low"][block], columns["high"][block] = low, high
    if "smoothed" in columns:
        smoothed = _spread_all(members, keys, "mean", is_smoothed=True)
        columns["smoothed"][block] = _aggregate(smoothed, aggregate)[0]


def _aggregate(values: Float64Array, aggregate: Aggregate) -> tuple[Float64Array, npt.NDArray[np.int64]]:
    """Returns the aggregate over the runs, NaN where there is none, and how many runs have a value."""
    count: npt.NDArray[np.int64] = np.count_nonzero(~np.isnan(values), axis=0)
    if aggregate == "min":
        return np.fmin.reduce(values, axis=0), count
    if aggregate == "max":
        return np.fmax.reduce(values, axis=0), count
    if aggregate == "mean":
        return _mean(values, count), count
    ordered = np.sort(values, axis=0)  # NaN comes last
    lower = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], 0)[0]
    upper = np.take_along_axis(ordered, np.minimum(count // 2, np.maximum(count - 1, 0))[None], 0)[0]
    return lower / 2 + upper / 2, count


def _mean(values: Float64Array, count: npt.NDArray[np.int64]) -> Float64Array:
    mean: Float64Array = np.nansum(values, axis=0) / np.maximum(count, 1)
    mean[count == 0] = np.nan
    return mean


def _deviation(values: Float64Array) -> Float64Array:
    """Returns the sample standard deviation over the runs; 0 for a single run, which has none."""
    count: npt.NDArray[np.int64] = np.count_nonzero(~np.isnan(values), axis=0)
    squares = (values - _mean(values, count)) ** 2
    deviation: Float64Array = np.sqrt(np.nansum(squares, axis=0) / np.maximum(count - 1, 1))
    return deviation


def _spread_all(
    members: Sequence[Member],
    keys: XArray,
    which: Literal["mean", "min", "max"],
    *,
    is_smoothed: bool = False,
) -> Float64Array:
    """Returns the value of each run in each cell, float64 of shape (r, c); NaN where a run does not count."""
    spread = np.empty((len(members), len(keys)))
    for row, member in zip(spread, members, strict=True):
        buckets = member.cells.smoothed if is_smoothed else member.cells.values
        before = member.smoothed_before if is_smoothed else member.before
        if buckets is None:
            row[:] = np.nan
            continue
        own = buckets.min if which == "min" else buckets.max if which == "max" else buckets.mean()
        _spread(row, member, keys, own, buckets.last, before)
    return spread


def _spread(
    row: Float64Array, member: Member, keys: XArray, own: Float64Array, last: Float64Array, before: float
) -> None:
    places = np.searchsorted(member.cells.keys, keys, side="right")
    # In front of the run's cells stands what it carries into the range.
    carried = np.append(before, last)[places]
    row[:] = np.where(np.isfinite(carried), carried, np.nan)
    if len(own):
        is_own: BoolArray = (places > 0) & (member.cells.keys[np.maximum(places - 1, 0)] == keys)
        row[is_own] = own[places[is_own] - 1]
    if member.last_key is None:
        row[:] = np.nan
    else:
        row[keys > member.last_key] = np.nan

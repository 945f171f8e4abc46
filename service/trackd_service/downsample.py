"""Owns how many points become few: buckets that keep every extreme, and the points worth keeping of a series.

Invariants: each point is in exactly one bucket; `min` and `max` of a bucket are over all its finite values; the same
input has the same output. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from trackd_service.series import Float64Array, Int64Array, Series

# Of each bucket four points stay: the first, the last, the smallest and the largest.
_POINTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Buckets:
    """Runs of neighbouring points, each summed up; all columns are of shape (b,).

    Attributes:
        first_step: int64, the step of the first point.
        last_step: int64, the step of the last point.
        first_time: int64, the time of the first point, nanoseconds since 1970 UTC.
        last_time: int64, the time of the last point, nanoseconds since 1970 UTC.
        min: float64, the smallest finite value; NaN where there is none.
        max: float64, the largest finite value; NaN where there is none.
        first: float64, the value of the first point, finite or not.
        last: float64, the value of the last point, finite or not.
        sum: float64, over the finite values; NaN where there is none.
        count: int64, how many points, at least 1.
        nonfinite: int64, how many of them are NaN or infinite.
    """

    first_step: Int64Array
    last_step: Int64Array
    first_time: Int64Array
    last_time: Int64Array
    min: Float64Array
    max: Float64Array
    first: Float64Array
    last: Float64Array
    sum: Float64Array
    count: Int64Array
    nonfinite: Int64Array

    def __len__(self) -> int:
        """Returns the number of buckets."""
        return len(self.count)

    def mean(self) -> Float64Array:
        """Returns the mean of the finite values of each bucket, float64 of shape (b,); NaN where there is none."""
        finite_count = self.count - self.nonfinite
        with np.errstate(over="ignore", invalid="ignore"):
            mean: Float64Array = self.sum / np.maximum(finite_count, 1)
            # A sum of values near the largest double overflows though their mean does not.
            overflown = (finite_count > 0) & ~np.isfinite(mean)
            if overflown.any():
                mean = np.where(overflown, self.min / 2 + self.max / 2, mean)
        return mean


BUCKET_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Buckets))


def bucket_starts(point_count: int, points_per_bucket: int, position: int = 0) -> Int64Array:
    """Returns where buckets begin, so that they begin at multiples of their size in the whole series.

    Args:
        point_count: How many points to part, at least 0.
        points_per_bucket: The size of a bucket, at least 1.
        position: The place of the first of these points in the whole series, from 0.

    Returns:
        int64 of shape (b,): indices into the points, ascending from 0; empty for no points.
    """
    if point_count == 0:
        return np.empty(0, np.int64)
    starts = np.arange(-(position % points_per_bucket), point_count, points_per_bucket, dtype=np.int64)
    starts[0] = 0
    return starts


def reduce_at(steps: Int64Array, times: Int64Array, values: Float64Array, starts: Int64Array) -> Buckets:
    """Sums up points in buckets that begin at given places.

    Args:
        steps: int64 of shape (n,).
        times: int64 of shape (n,), nanoseconds since 1970 UTC.
        values: float64 of shape (n,).
        starts: int64 of shape (b,), strictly ascending from 0, below n; empty only when n is 0.

    Returns:
        b buckets.
    """
    if len(starts) == 0:
        return concat([])
    ends = np.append(starts[1:], len(steps))
    count = ends - starts
    finite = np.isfinite(values)
    # A sum may overflow to an infinity, and two of those to NaN; `Buckets.mean` knows.
    with np.errstate(over="ignore", invalid="ignore"):
        if finite.all():
            smallest = np.minimum.reduceat(values, starts)
            largest = np.maximum.reduceat(values, starts)
            total = np.add.reduceat(values, starts)
            nonfinite = np.zeros(len(starts), np.int64)
        else:
            nonfinite = np.add.reduceat((~finite).astype(np.int64), starts)
            none = nonfinite == count
            smallest = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
            largest = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
            total = np.add.reduceat(np.where(finite, values, 0.0), starts)
            smallest[none] = largest[none] = total[none] = np.nan
    return Buckets(
        steps[starts],
        steps[ends - 1],
        times[starts],
        times[ends - 1],
        smallest,
        largest,
        values[starts],
        values[ends - 1],
        total,
        count,
        nonfinite,
    )


def reduce_points(
    steps: Int64Array, times: Int64Array, values: Float64Array, points_per_bucket: int, position: int = 0
) -> Buckets:
    """Sums up points in buckets of one size; the first and the last may hold fewer.

    Args:
        steps: int64 of shape (n,).
        times: int64 of shape (n,), nanoseconds since 1970 UTC.
        values: float64 of shape (n,).
        points_per_bucket: At least 1.
        position: The place of the first point in the whole series; buckets begin at multiples of their size there.

    Returns:
        The buckets, none for no points.
    """
    return reduce_at(steps, times, values, bucket_starts(len(steps), points_per_bucket, position))


def reduce_buckets_at(buckets: Buckets, starts: Int64Array) -> Buckets:
    """Joins neighbouring buckets.

    Args:
        buckets: n buckets.
        starts: int64 of shape (b,), strictly ascending from 0, below n; empty only when n is 0.

    Returns:
        b buckets.
    """
    if len(starts) in (0, len(buckets)):
        return buckets
    ends = np.append(starts[1:], len(buckets)) - 1
    with np.errstate(over="ignore", invalid="ignore"):
        # fmin and fmax pass over NaN, which stands for "no finite value".
        smallest = np.fmin.reduceat(buckets.min, starts)
        largest = np.fmax.reduceat(buckets.max, starts)
        empty = buckets.count == buckets.nonfinite
        total = np.add.reduceat(np.where(empty, 0.0, buckets.sum), starts)
    count = np.add.reduceat(buckets.count, starts)
    nonfinite = np.add.reduceat(buckets.nonfinite, starts)
    total[count == nonfinite] = np.nan
    return Buckets(
        buckets.first_step[starts],
        buckets.last_step[ends],
        buckets.first_time[starts],
        buckets.last_time[ends],
        smallest,
        largest,
        buckets.first[starts],
        buckets.last[ends],
        total,
        count,
        nonfinite,
    )


def reduce_buckets(buckets: Buckets, factor: int) -> Buckets:
    """Joins every `factor` (at least 1) neighbouring buckets from the first; the last may join fewer."""
    return reduce_buckets_at(buckets, bucket_starts(len(buckets), factor))


def concat(parts: Sequence[Buckets]) -> Buckets:
    """Returns the buckets of all parts in order; none for no parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return Buckets(whole, whole, whole, whole, real, real, real, real, real, whole, whole)
    return Buckets(*(np.concatenate([getattr(part, name) for part in parts]) for name in BUCKET_COLUMNS))


def pick_extremes(series: Series, points_max: int) -> Series:
    """Chooses points that draw like the whole series.

    Numbers and truth values keep the first, last, smallest and largest finite point of each of equal buckets, and as
    far as room is left the points where values stop or begin to be finite. Other kinds keep evenly spaced points.

    Args:
        series: The series.
        points_max: The most points to return, at least 1.

    Returns:
        The series itself when it has no more points than that, else at most `points_max` of its points, with the last
        one always, and with room for four the first, the smallest and the largest.

    Raises:
        ValueError: If `points_max` is below 1.
    """
    if points_max < 1:
        raise ValueError(f"points_max is {points_max}; it must be at least 1")
    point_count = len(series)
    if point_count <= points_max:
        return series
    if series.doubles is None:
        return series.take(_evenly(np.arange(point_count, dtype=np.int64), points_max))
    values = series.doubles
    finite = np.isfinite(values)
    bucket_count = max(1, points_max // _POINTS_KEPT)
    starts = np.arange(bucket_count, dtype=np.int64) * point_count // bucket_count
    ends = np.append(starts[1:], point_count)
    smallest = _positions_of_largest(np.where(finite, -values, -np.inf), finite, starts, ends)
    largest = _positions_of_largest(np.where(finite, values, -np.inf), finite, starts, ends)
    if points_max < _POINTS_KEPT:
        ranked = [point_count - 1, 0, *largest.tolist(), *smallest.tolist()]
        return series.take(np.array(sorted(list(dict.fromkeys(ranked))[:points_max]), np.int64))
    kept = np.unique(np.concatenate([starts, ends - 1, smallest, largest]))
    turns = np.flatnonzero(finite[1:] != finite[:-1])
    edges = np.setdiff1d(np.concatenate([turns, turns + 1]), kept)
    if len(edges):
        kept = np.sort(np.concatenate([kept, _evenly(edges, points_max - len(kept))]))
    return series.take(kept)


def _positions_of_largest(
    values: Float64Array,
    finite: np.ndarray[tuple[int], np.dtype[np.bool_]],
    starts: Int64Array,
    ends: Int64Array,
) -> Int64Array:
    """Returns the first position of the largest finite value of each bucket that has one."""
    largest = np.maximum.reduceat(values, starts)
    hits = np.flatnonzero(finite & (values == np.repeat(largest, ends - starts)))
    buckets = np.searchsorted(starts, hits, side="right")
    return hits[np.unique(buckets, return_index=True)[1]]


def _evenly(positions: Int64Array, count: int) -> Int64Array:
    """Returns at most `count` of the positions, evenly spaced, with the last one."""
    if len(positions) <= count:
        return positions
    if count <= 0:
        return positions[:0]
    if count == 1:
        return positions[-1:]
    return positions[np.arange(count, dtype=np.int64) * (len(positions) - 1) // (count - 1)]

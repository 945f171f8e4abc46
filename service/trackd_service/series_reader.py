"""Owns reading one series of a run: which parts it has, where a step or a time stands in it, the points of a stretch.

Invariants: what the levels can say is not read as points, and what is read is read once; parts whose steps overlap are
merged, later points winning. No I/O of its own: points come from a `SeriesSource`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

import numpy as np

from trackd_service.levels import Level, SealedSeries
from trackd_service.series import NUMERIC_KINDS, Float64Array, Int64Array, Kind, Series, empty, merge

METRIC_PREFIX = "metric:"
INT64_STOP = 1 << 63
NANOSECONDS = 1_000_000_000
# About 1 ms of arithmetic: more of it goes to a thread, so that the event loop can acknowledge writes meanwhile.
_INLINE_POINTS_MAX = 100_000

T = TypeVar("T")
Number: TypeAlias = int | float


class MovedError(Exception):
    """The sealed points are no longer what the plan was made from."""


class SeriesSource(Protocol):
    """One run, as a query reads it."""

    @property
    def start_time(self) -> int:
        """When the run began, nanoseconds since 1970 UTC."""

    @property
    def revision(self) -> int:
        """A number that grows with each change of the run."""

    def tail(self, key: str, kind: Kind) -> Series:
        """Returns the points that are not sealed yet; empty when there are none."""

    def sealed(self, key: str, kind: Kind) -> list[SealedSeries]:
        """Returns the sealed parts, the first written first. With `tail`, without an await between, it is all points."""

    async def read_sealed(
        self, key: str, kind: Kind, min_step: int | None, max_step: int | None
    ) -> list[Series]:
        """Returns the points of the sealed parts with `min_step` <= step < `max_step`, the first written first."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What x is where it is an integer column: the step, or the time.

    Attributes:
        name: The column: `step` or `time`.
        base: `x_base`.
        zero: The value of the column at `base`.
        scale: How many units of the column make one of x.
    """

    name: Literal["step", "time"]
    base: int
    zero: int
    scale: int

    def absolute(self, value: int) -> Number:
        """Returns x of one value, the very double that a client computes from the base and the relative x."""
        return value if self.scale == 1 else float(self.base) + (value - self.zero) / self.scale

    def relative(self, values: Int64Array) -> Float64Array:
        """Returns x less the base."""
        if len(values) == 0:
            return np.empty(0)
        if int(values.max()) - self.zero >= INT64_STOP or int(values.min()) - self.zero < -INT64_STOP:
            return (values.astype(np.float64) - self.zero) / self.scale
        return (values - self.zero) / self.scale

    def first(self, is_reached: Callable[[Number], bool]) -> int:
        """Returns the first int64 whose x has reached something, 2^63 when none has."""
        low, high = -INT64_STOP, INT64_STOP
        while low < high:
            middle = (low + high) // 2
            if is_reached(self.absolute(middle)):
                high = middle
            else:
                low = middle + 1
        return low


@dataclass(slots=True)
class Part:
    """Points of the series that no other part's steps lie between.

    Attributes:
        count: How many points.
        first: The first and the last of step and time.
        last: See `first`.
        times_ascend: Whether no point is earlier than the one before it.
        sealed: Where they stand when they are not in memory.
        spans: What is in memory: the place in the part, and the points from there.
    """

    count: int
    first: dict[str, int]
    last: dict[str, int]
    times_ascend: bool
    sealed: SealedSeries | None
    spans: list[tuple[int, Series]] = field(default_factory=list)

    def points(self, low: int, high: int) -> Series | None:
        """Returns the points from `low` to before `high`, or None when they are not in memory."""
        for start, series in self.spans:
            if start <= low and high <= start + len(series):
                return series.take(slice(low - start, high - start))
        return None

    def cover(self, low: int, high: int, size: int) -> list[tuple[Level | None, int, int]]:
        """Returns how to make buckets of `size` of a stretch of points: from the largest buckets that fit.

        Returns:
            Pieces in order: a level with its buckets from and to, or None with points from and to.
        """
        levels = (
            []
            if self.sealed is None
            else [level for level in self.sealed.levels if level.points_per_bucket <= size]
        )
        return _cover(levels, low, high)


def _cover(levels: list[Level], low: int, high: int) -> list[tuple[Level | None, int, int]]:
    if low >= high:
        return []
    if not levels:
        return [(None, low, high)]
    level, finer = levels[-1], levels[:-1]
    first = level.index_of(low)
    if level.start(first) < low:
        first += 1
    last = len(level) if high == level.point_count else level.index_of(high)
    if first >= last:
        return _cover(finer, low, high)
    return [
        *_cover(finer, low, level.start(first)),
        (level, first, last),
        *_cover(finer, level.start(last), high),
    ]


def _sealed_part(sealed: SealedSeries) -> Part:
    return Part(
        sealed.count,
        {"step": sealed.first_step, "time": sealed.first_time},
        {"step": sealed.last_step, "time": sealed.last_time},
        sealed.times_ascend,
        sealed,
    )


def _memory_part(series: Series) -> Part:
    times = series.times
    return Part(
        len(series),
        {"step": int(series.steps[0]), "time": int(times[0])},
        {"step": int(series.steps[-1]), "time": int(times[-1])},
        bool(np.all(times[1:] >= times[:-1])),
        None,
        [(0, series)],
    )


class SeriesReader:
    """Reads one series of a source: what the plan needs, at most once."""

    def __init__(self, source: SeriesSource, key: str, kind: Kind) -> None:
        self.source = source
        self.key = key
        self.kind = kind
        self.parts: list[Part] = []
        self.starts: list[int] = []
        self.total = 0

    async def open(self) -> None:
        """Puts the parts in order of steps; those that overlap are read and merged, later points winning."""
        tail = self.source.tail(self.key, self.kind)
        found = [_sealed_part(one) for one in self.source.sealed(self.key, self.kind)]
        if len(tail):
            found.append(_memory_part(tail))
        found.sort(key=lambda part: part.first["step"])
        clusters: list[list[Part]] = []
        last_step = -INT64_STOP - 1
        for part in found:
            if part.first["step"] > last_step:
                clusters.append([part])
            else:
                clusters[-1].append(part)
            last_step = max(last_step, part.last["step"])
        for cluster in clusters:
            self.parts.append(cluster[0] if len(cluster) == 1 else await self._merged(cluster))
        for part in self.parts:
            self.starts.append(self.total)
            self.total += part.count

    async def rank(self, column: str, value: int | None, default: int) -> int:
        """Returns how many points have a smaller value in a column in which the whole series ascends."""
        if value is None:
            return default
        for part, start in zip(self.parts, self.starts, strict=True):
            if part.last[column] < value:
                continue
            if part.first[column] >= value:
                return start
            return start + await self._rank_in(part, column, value)
        return self.total

    async def load(self, wanted: list[tuple[Part, int, int]]) -> None:
        """Reads stretches of points, all with one call."""
        missing = [
            (part, *_outer(part.sealed, low, high))
            for part, low, high in wanted
            if part.sealed is not None and part.points(low, high) is None
        ]
        if not missing:
            return
        bounds = [_step_bounds(part, low, high) for part, low, high in missing]
        min_step, max_step = min(low for low, _ in bounds), max(high for _, high in bounds)
        read = await self.source.read_sealed(self.key, self.kind, min_step, _stop(max_step))
        merged = await compute(sum(map(len, read)), merge, read) if read else empty(self.key, self.kind)
        for (part, low, high), (first, last) in zip(missing, bounds, strict=True):
            points = merged.between(first, _stop(last))
            if len(points) != high - low:
                raise MovedError
            part.spans.append((low, points))

    async def _merged(self, cluster: list[Part]) -> Part:
        first, last = cluster[0].first["step"], max(part.last["step"] for part in cluster)
        read = await self.source.read_sealed(self.key, self.kind, first, _stop(last))
        tails = [series for part in cluster for _, series in part.spans]
        parts = [*read, *tails]
        if not parts:
            raise MovedError
        series = await compute(sum(map(len, parts)), merge, parts)
        return _memory_part(series.between(first, _stop(last)))

    async def _rank_in(self, part: Part, column: str, value: int) -> int:
        low, high = 0, part.count
        if part.sealed is not None and part.sealed.levels:
            level = part.sealed.levels[0]
            bucket = int(np.searchsorted(level.columns[f"last_{column}"], value))
            low, high = level.start(bucket), level.start(bucket + 1)
            if int(level.columns[f"first_{column}"][bucket]) >= value:
                return low
        await self.load([(part, low, high)])
        points = part.points(low, high)
        assert points is not None
        return low + int(np.searchsorted(points.steps if column == "step" else points.times, value))


def kind_of(source: SeriesSource, key: str) -> Kind:
    """Returns the kind to draw: numbers, or truth values where there are no numbers."""
    for kind in NUMERIC_KINDS:
        if source.sealed(key, kind) or len(source.tail(key, kind)):
            return kind
    return "number"


def times_ascend(parts: list[Part]) -> bool:
    """Returns whether no point of the whole series is earlier than the one before it."""
    return all(part.times_ascend for part in parts) and all(
        one.last["time"] <= other.first["time"] for one, other in itertools.pairwise(parts)
    )


async def read_whole(source: SeriesSource, key: str, kind: Kind) -> Series:
    """Returns all points of a series."""
    # The tail first: what is sealed in between then comes twice, and not never.
    tail = source.tail(key, kind)
    parts = [*(await source.read_sealed(key, kind, None, None) if source.sealed(key, kind) else []), tail]
    return await compute(sum(map(len, parts)), merge, parts)


async def compute(point_count: int, function: Callable[..., T], *args: object) -> T:
    """Calls a function, in a thread where it has many points to go through."""
    if point_count <= _INLINE_POINTS_MAX:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def loaded(part: Part, low: int, high: int) -> Series:
    """Returns points of a part that `SeriesReader.load` has read."""
    points = part.points(low, high)
    assert points is not None
    return points


def _outer(sealed: SealedSeries, low: int, high: int) -> tuple[int, int]:
    """Returns the smallest stretch of whole buckets, whose steps are known, around some points."""
    if not sealed.levels:
        return 0, sealed.count
    level = sealed.levels[0]
    return level.start(level.index_of(low)), level.start(level.index_of(high - 1) + 1)


def _step_bounds(part: Part, low: int, high: int) -> tuple[int, int]:
    """Returns the first and the last step of a stretch of whole buckets."""
    if part.sealed is None or not part.sealed.levels:
        return part.first["step"], part.last["step"]
    level = part.sealed.levels[0]
    first, last = level.index_of(low), level.index_of(high - 1)
    return int(level.columns["first_step"][first]), int(level.columns["last_step"][last])


def _stop(last_step: int) -> int | None:
    """Returns the step to end before after a last step; None where int64 ends."""
    return None if last_step + 1 >= INT64_STOP else last_step + 1

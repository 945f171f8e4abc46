"""Owns how a question for a chart is answered: exact points when they are few, else buckets that hide nothing.

Invariants: each point of the range is in exactly one bucket, and the extremes of a bucket are over all its points; the
same question on the same data has the same answer, however the data was sealed, as buckets begin at multiples of their
size in the whole series; a base answer and a delta join to the full answer. Only what the levels cannot say is read
as points. No I/O of its own: points come from a `SeriesSource`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trackd_service.downsample import (
    Buckets,
    bucket_starts,
    concat,
    reduce_at,
    reduce_buckets_at,
    reduce_points,
)
from trackd_service.levels import Level, SealedSeries
from trackd_service.series import NUMERIC_KINDS, Float64Array, Int64Array, Kind, Series, empty, merge
from trackd_service.smoothing import Smoothing, smooth

BUCKETS_MIN = 2
# Above the widest screens; an answer of so many buckets is 0.5 MB.
BUCKETS_MAX = 10_000
METRIC_PREFIX = "metric:"
MAGIC = b"TKS1"
MEDIA_TYPE = "application/vnd.trackd.series"

# Sealing or merging may take segments away between planning and reading; it cannot do so at every attempt.
_ATTEMPTS_MAX = 3
# About 1 ms of arithmetic: more of it goes to a thread, so that the event loop can acknowledge writes meanwhile.
_INLINE_POINTS_MAX = 100_000
_NANOSECONDS = 1_000_000_000
_INT64_STOP = 1 << 63
# Up to here a double holds every integer.
_EXACT_MAX = 1 << 53
# Beyond every step, and still a double.
_X_MAX = 1 << 64
_ALIGNMENT = 8

T = TypeVar("T")
Mode: TypeAlias = Literal["points", "buckets"]
Number: TypeAlias = int | float


class QueryInvalid(ValueError):
    """The question breaks a rule of the API; the message says which."""


class _MovedError(Exception):
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
class SeriesRequest:
    """A question for one series; the rules are those of `series:query` in `docs/http_api.md`.

    Attributes:
        project: Echoed in the answer.
        run: Echoed in the answer.
        key: The metric's name.
        x: `step`, `wall_time`, `relative_time` or `metric:NAME`.
        buckets: The most points or buckets to answer, 2 to 10,000.
        min_x: The smallest x, inclusive, in the unit of x; None for no limit.
        max_x: The largest x, inclusive.
        smoothing: How to smooth, or None.
        after_x: Only points beyond it, when the answer can be joined to an earlier one.
        points_per_bucket: The size of a bucket of that earlier answer; None for an answer of points.
    """

    project: str
    run: str
    key: str
    x: str = "step"
    buckets: int = 1000
    min_x: Number | None = None
    max_x: Number | None = None
    smoothing: Smoothing | None = None
    after_x: Number | None = None
    points_per_bucket: int | None = None

    def __post_init__(self) -> None:
        """Checks the rules.

        Raises:
            QueryInvalid: If one is broken.
        """
        if not BUCKETS_MIN <= self.buckets <= BUCKETS_MAX:
            raise QueryInvalid(f"buckets is {self.buckets}; it must be {BUCKETS_MIN} to {BUCKETS_MAX:,}")
        named = self.x.startswith(METRIC_PREFIX) and self.x != METRIC_PREFIX
        if not named and self.x not in ("step", "wall_time", "relative_time"):
            raise QueryInvalid(f"x is '{self.x}'; it is one of step, wall_time, relative_time, metric:NAME")
        for name in ("min_x", "max_x", "after_x"):
            value: Number | None = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, float) and math.isnan(value):
                raise QueryInvalid(f"{name} is NaN; it must be a number or null")
            if isinstance(value, int) and abs(value) > _X_MAX:
                raise QueryInvalid(f"{name} has {value.bit_length()} bits; integers are within 2^64")
        if self.points_per_bucket is not None and self.points_per_bucket < 1:
            raise QueryInvalid(f"points_per_bucket is {self.points_per_bucket}; it must be at least 1")


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """The answer for one series.

    Attributes:
        project: As asked.
        run: As asked.
        key: As asked.
        kind: `number`, or `bool` when the metric has truth values alone.
        mode: Whether the columns are points or buckets.
        delta: Whether only what is beyond `after_x` was answered.
        total_count: How many points of the series are in the range from min_x to max_x.
        points_per_bucket: The size of a bucket; 1 for points.
        x_base: What `x`, `x_first` and `x_last` are relative to.
        joined_count: With x from a metric: how many points took the metric's last value before their step.
        missing_count: With x from a metric: how many points have no x: none was logged before, or it is not finite.
        revision: The run's revision that was read, or an older one.
        x_extent: The smallest and largest x of the whole series, not relative; None when it has no points.
        columns: By name, float64 or uint32 of one length; see `docs/http_api.md`.
    """

    project: str
    run: str
    key: str
    kind: Kind
    mode: Mode
    delta: bool
    total_count: int
    points_per_bucket: int
    x_base: int
    joined_count: int
    missing_count: int
    revision: int
    x_extent: tuple[Number, Number] | None
    columns: dict[str, npt.NDArray[Any]]

    @property
    def count(self) -> int:
        """How many points or buckets are in the columns."""
        return len(next(iter(self.columns.values())))


async def query(source: SeriesSource, request: SeriesRequest) -> SeriesAnswer:
    """Answers a question for one series.

    Args:
        source: The run.
        request: The question.

    Returns:
        The answer; with no points when the run has no such metric.
    """
    revision = source.revision
    kind = _kind(source, request.key)
    if request.x.startswith(METRIC_PREFIX) or request.smoothing is not None:
        return await _query_raw(source, request, kind, revision)
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await _query_levels(source, request, kind, revision)
        except (_MovedError, FileNotFoundError):
            continue
    return await _query_raw(source, request, kind, revision)


def encode(answers: Sequence[SeriesAnswer]) -> bytes:
    """Writes answers in the binary form of `docs/http_api.md`, in their order."""
    described: list[dict[str, object]] = []
    pieces: list[bytes] = []
    offset = 0
    for answer in answers:
        columns = []
        for name, column in answer.columns.items():
            kind = "uint32" if column.dtype == np.uint32 else "float64"
            piece = np.ascontiguousarray(column, "<u4" if kind == "uint32" else "<f8").tobytes()
            columns.append({"name": name, "type": kind, "offset": offset, "length": len(column)})
            piece += bytes(-len(piece) % _ALIGNMENT)
            pieces.append(piece)
            offset += len(piece)
        described.append(
            {
                "project": answer.project,
                "run": answer.run,
                "key": answer.key,
                "kind": answer.kind,
                "mode": answer.mode,
                "delta": answer.delta,
                "count": answer.count,
                "total_count": answer.total_count,
                "points_per_bucket": answer.points_per_bucket,
                "x_base": str(answer.x_base),
                "joined_count": answer.joined_count,
                "missing_count": answer.missing_count,
                "revision": answer.revision,
                "x_extent": answer.x_extent,
                "columns": columns,
            }
        )
    header = json.dumps({"series": described}, separators=(",", ":")).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % _ALIGNMENT)
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *pieces])


@dataclass(frozen=True, slots=True)
class _Axis:
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
        if int(values.max()) - self.zero >= _INT64_STOP or int(values.min()) - self.zero < -_INT64_STOP:
            return (values.astype(np.float64) - self.zero) / self.scale
        return (values - self.zero) / self.scale

    def first(self, is_reached: Callable[[Number], bool]) -> int:
        """Returns the first int64 whose x has reached something, 2^63 when none has."""
        low, high = -_INT64_STOP, _INT64_STOP
        while low < high:
            middle = (low + high) // 2
            if is_reached(self.absolute(middle)):
                high = middle
            else:
                low = middle + 1
        return low

    def bounds(self, request: SeriesRequest) -> tuple[int | None, int | None, int | None]:
        """Returns the first value in the range, the first beyond it, and the first beyond `after_x`."""
        low, high, after = request.min_x, request.max_x, request.after_x
        return (
            None if low is None else self.first(lambda x: x >= low),
            None if high is None else self.first(lambda x: x > high),
            None if after is None else self.first(lambda x: x > after),
        )


def _axis(request: SeriesRequest, start_time: int, first_step: int, last_step: int) -> _Axis:
    if request.x == "step":
        base = 0 if first_step >= -_EXACT_MAX and last_step <= _EXACT_MAX else first_step
        return _Axis("step", base, base, 1)
    if request.x == "wall_time":
        # The run's own second, not the answer's: then x of a point is the same double in every answer.
        base = start_time // _NANOSECONDS
        return _Axis("time", base, base * _NANOSECONDS, _NANOSECONDS)
    return _Axis("time", 0, start_time, _NANOSECONDS)


@dataclass(slots=True)
class _Part:
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


def _sealed_part(sealed: SealedSeries) -> _Part:
    return _Part(
        sealed.count,
        {"step": sealed.first_step, "time": sealed.first_time},
        {"step": sealed.last_step, "time": sealed.last_time},
        sealed.times_ascend,
        sealed,
    )


def _memory_part(series: Series) -> _Part:
    times = series.times
    return _Part(
        len(series),
        {"step": int(series.steps[0]), "time": int(times[0])},
        {"step": int(series.steps[-1]), "time": int(times[-1])},
        bool(np.all(times[1:] >= times[:-1])),
        None,
        [(0, series)],
    )


class _Reader:
    """Reads one series of a source: what the plan needs, at most once."""

    def __init__(self, source: SeriesSource, key: str, kind: Kind) -> None:
        self.source = source
        self.key = key
        self.kind = kind
        self.parts: list[_Part] = []
        self.starts: list[int] = []
        self.total = 0

    async def open(self) -> None:
        """Puts the parts in order of steps; those that overlap are read and merged, later points winning."""
        tail = self.source.tail(self.key, self.kind)
        found = [_sealed_part(one) for one in self.source.sealed(self.key, self.kind)]
        if len(tail):
            found.append(_memory_part(tail))
        found.sort(key=lambda part: part.first["step"])
        clusters: list[list[_Part]] = []
        last_step = -_INT64_STOP - 1
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

    async def load(self, wanted: list[tuple[_Part, int, int]]) -> None:
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
        merged = await _compute(sum(map(len, read)), merge, read) if read else empty(self.key, self.kind)
        for (part, low, high), (first, last) in zip(missing, bounds, strict=True):
            points = merged.between(first, _stop(last))
            if len(points) != high - low:
                raise _MovedError
            part.spans.append((low, points))

    async def _merged(self, cluster: list[_Part]) -> _Part:
        first, last = cluster[0].first["step"], max(part.last["step"] for part in cluster)
        read = await self.source.read_sealed(self.key, self.kind, first, _stop(last))
        tails = [series for part in cluster for _, series in part.spans]
        parts = [*read, *tails]
        if not parts:
            raise _MovedError
        series = await _compute(sum(map(len, parts)), merge, parts)
        return _memory_part(series.between(first, _stop(last)))

    async def _rank_in(self, part: _Part, column: str, value: int) -> int:
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


async def _query_levels(
    source: SeriesSource, request: SeriesRequest, kind: Kind, revision: int
) -> SeriesAnswer:
    reader = _Reader(source, request.key, kind)
    await reader.open()
    parts, total = reader.parts, reader.total
    if not parts:
        axis = _axis(request, source.start_time, 0, 0)
        chosen = _choose(request, 0, 0, None if request.after_x is None else 0)
        return _answer(request, kind, revision, axis, None, chosen)
    axis = _axis(request, source.start_time, parts[0].first["step"], parts[-1].last["step"])
    if axis.name == "time" and not _times_ascend(parts):
        # A clock was set back: only sorting all points puts them in order of x.
        return await _query_raw(source, request, kind, revision)
    first, stop, after = axis.bounds(request)
    low = await reader.rank(axis.name, first, 0)
    high = max(low, await reader.rank(axis.name, stop, total))
    chosen = _choose(request, low, high, None if after is None else await reader.rank(axis.name, after, low))
    pieces = [
        (part, level, begin, end)
        for part, start in zip(parts, reader.starts, strict=True)
        for level, begin, end in part.cover(
            max(chosen.low - start, 0), min(high - start, part.count), chosen.size
        )
    ]
    await reader.load([(part, begin, end) for part, level, begin, end in pieces if level is None])
    extent = (axis.absolute(parts[0].first[axis.name]), axis.absolute(parts[-1].last[axis.name]))
    point_count = sum(end - begin for _, level, begin, end in pieces if level is None)
    if chosen.size == 1:
        series = merge(
            [empty(request.key, kind), *(_loaded(part, begin, end) for part, _, begin, end in pieces)]
        )
        columns = _point_columns(
            axis.relative(series.steps if axis.name == "step" else series.times), series, request
        )
    else:
        starts = {id(part): start for part, start in zip(parts, reader.starts, strict=True)}
        buckets = await _compute(point_count, _joined_buckets, pieces, starts, chosen)
        if axis.name == "step":
            x_first, x_last = buckets.first_step, buckets.last_step
        else:
            x_first, x_last = buckets.first_time, buckets.last_time
        columns = _bucket_columns(axis.relative(x_first), axis.relative(x_last), buckets)
    return _answer(request, kind, revision, axis, extent, chosen, columns)


@dataclass(frozen=True, slots=True)
class _Range:
    """Which points are answered, by their places in the series, and how.

    Attributes:
        low: The first point to answer.
        high: The point to end before.
        size: Points a bucket; 1 for the points themselves.
        total_count: How many points are in the range asked.
        delta: Whether the answer begins beyond `after_x`.
    """

    low: int
    high: int
    size: int
    total_count: int
    delta: bool = False


def _choose(request: SeriesRequest, low: int, high: int, after: int | None) -> _Range:
    """Chooses the size of a bucket for the points from `low` to before `high`, `after` of which are known."""
    size = 1
    if high - low > request.buckets:
        size = 2
        while (high - 1) // size - low // size >= request.buckets:
            size *= 2
    if after is None or size != (request.points_per_bucket or 1):
        return _Range(low, high, size, high - low)
    return _Range(min(max(low, after), high), high, size, high - low, delta=True)


def _joined_buckets(
    pieces: list[tuple[_Part, Level | None, int, int]], starts: dict[int, int], chosen: _Range
) -> Buckets:
    reduced: list[Buckets] = []
    for part, level, begin, end in pieces:
        if level is not None:
            reduced.append(level.buckets(begin, end))
            continue
        points = _loaded(part, begin, end)
        assert points.doubles is not None
        reduced.append(
            reduce_points(points.steps, points.times, points.doubles, chosen.size, starts[id(part)] + begin)
        )
    buckets = concat(reduced)
    if len(buckets) == 0:
        return buckets
    places = (chosen.low + np.cumsum(buckets.count) - buckets.count) // chosen.size
    return reduce_buckets_at(buckets, np.flatnonzero(np.append(True, places[1:] != places[:-1])))


async def _query_raw(source: SeriesSource, request: SeriesRequest, kind: Kind, revision: int) -> SeriesAnswer:
    """Answers from all points of the series: where x or the smoothing depends on all of them."""
    series = await _read_whole(source, request.key, kind)
    other: Series | None = None
    if request.x.startswith(METRIC_PREFIX):
        name = request.x[len(METRIC_PREFIX) :]
        other = await _read_whole(source, name, _kind(source, name))
    return await _compute(len(series), _evaluate, source.start_time, request, revision, series, other)


def _evaluate(
    start_time: int, request: SeriesRequest, revision: int, series: Series, other: Series | None
) -> SeriesAnswer:
    assert series.doubles is not None
    smoothed = None if request.smoothing is None else smooth(series.doubles, request.smoothing)
    joined_count = missing_count = 0
    x: Int64Array | Float64Array
    first: Number | None
    stop: Number | None
    after: Number | None
    if other is not None:
        x, mask, joined_count = _join(series, other)
        missing_count = len(series) - int(mask.sum())
        x, series = x[mask], series.take(mask)
        smoothed = None if smoothed is None else smoothed[mask]
        axis = _Axis("step", 0, 0, 1)
        first, stop, after = (
            request.min_x,
            None if request.max_x is None else math.nextafter(request.max_x, math.inf),
            None if request.after_x is None else math.nextafter(request.after_x, math.inf),
        )
    else:
        ends = (int(series.steps[0]), int(series.steps[-1])) if len(series) else (0, 0)
        axis = _axis(request, start_time, *ends)
        x = series.steps if axis.name == "step" else series.times
        first, stop, after = axis.bounds(request)
    if not np.all(x[1:] >= x[:-1]):
        order = np.argsort(x, kind="stable").astype(np.int64)
        x, series = x[order], series.take(order)
        smoothed = None if smoothed is None else smoothed[order]
    assert series.doubles is not None
    low = _rank(x, first, 0)
    high = max(low, _rank(x, stop, len(x)))
    chosen = _choose(request, low, high, None if after is None else _rank(x, after, low))
    rows = slice(chosen.low, chosen.high)
    x_in, shown = x[rows], series.take(rows)
    smoothed_in = None if smoothed is None else smoothed[rows]

    def relative(values: npt.NDArray[Any]) -> Float64Array:
        return values if other is not None else axis.relative(values)

    if chosen.size == 1:
        columns = _point_columns(relative(x_in), shown, request)
        if smoothed_in is not None:
            columns["smoothed"] = smoothed_in
    else:
        assert shown.doubles is not None
        starts = bucket_starts(len(shown), chosen.size, chosen.low)
        last = np.append(starts[1:], len(shown))[: len(starts)] - 1
        buckets = reduce_at(shown.steps, shown.times, shown.doubles, starts)
        columns = _bucket_columns(relative(x_in[starts]), relative(x_in[last]), buckets)
        if smoothed_in is not None:
            columns["smoothed"] = smoothed_in[last]
    extent: tuple[Number, Number] | None = None
    if len(x):
        extent = (
            (float(x[0]), float(x[-1]))
            if other is not None
            else (axis.absolute(int(x[0])), axis.absolute(int(x[-1])))
        )
    return _answer(
        request, series.kind, revision, axis, extent, chosen, columns, (joined_count, missing_count)
    )


def _join(series: Series, other: Series) -> tuple[Float64Array, npt.NDArray[np.bool_], int]:
    """Returns x of each point from another metric, which points have one, and how many took an earlier value."""
    if len(other) == 0 or other.doubles is None:
        return np.full(len(series), np.nan), np.zeros(len(series), np.bool_), 0
    places = np.searchsorted(other.steps, series.steps, side="right") - 1
    x = other.doubles[np.maximum(places, 0)]
    mask = (places >= 0) & np.isfinite(x)
    joined = mask & (other.steps[np.maximum(places, 0)] != series.steps)
    return x, mask, int(joined.sum())


def _rank(x: npt.NDArray[Any], value: Number | None, default: int) -> int:
    if value is None:
        return default
    if x.dtype == np.int64 and value >= _INT64_STOP:
        return len(x)
    return int(np.searchsorted(x, value))


def _point_columns(x: Float64Array, series: Series, request: SeriesRequest) -> dict[str, npt.NDArray[Any]]:
    assert series.doubles is not None
    columns: dict[str, npt.NDArray[Any]] = {"x": x, "y": series.doubles}
    if request.x != "step":
        columns["step"] = series.steps.astype(np.float64)
    return columns


def _bucket_columns(
    x_first: Float64Array, x_last: Float64Array, buckets: Buckets
) -> dict[str, npt.NDArray[Any]]:
    return {
        "x_first": x_first,
        "x_last": x_last,
        "min": buckets.min,
        "max": buckets.max,
        "last": buckets.last,
        "mean": buckets.mean(),
        "nonfinite": buckets.nonfinite.astype(np.uint32),
    }


def _answer(
    request: SeriesRequest,
    kind: Kind,
    revision: int,
    axis: _Axis,
    extent: tuple[Number, Number] | None,
    chosen: _Range,
    columns: dict[str, npt.NDArray[Any]] | None = None,
    join_counts: tuple[int, int] = (0, 0),
) -> SeriesAnswer:
    if columns is None:
        columns = _point_columns(np.empty(0), empty(request.key, kind), request)
        if request.smoothing is not None:
            columns["smoothed"] = np.empty(0)
    return SeriesAnswer(
        request.project,
        request.run,
        request.key,
        kind,
        "points" if chosen.size == 1 else "buckets",
        chosen.delta,
        chosen.total_count,
        chosen.size,
        axis.base,
        *join_counts,
        revision,
        extent,
        columns,
    )


def _kind(source: SeriesSource, key: str) -> Kind:
    """Returns the kind to draw: numbers, or truth values where there are no numbers."""
    for kind in NUMERIC_KINDS:
        if source.sealed(key, kind) or len(source.tail(key, kind)):
            return kind
    return "number"


def _times_ascend(parts: list[_Part]) -> bool:
    return all(part.times_ascend for part in parts) and all(
        one.last["time"] <= other.first["time"] for one, other in itertools.pairwise(parts)
    )


async def _read_whole(source: SeriesSource, key: str, kind: Kind) -> Series:
    # The tail first: what is sealed in between then comes twice, and not never.
    tail = source.tail(key, kind)
    parts = [*(await source.read_sealed(key, kind, None, None) if source.sealed(key, kind) else []), tail]
    return await _compute(sum(map(len, parts)), merge, parts)


async def _compute(point_count: int, function: Callable[..., T], *args: object) -> T:
    if point_count <= _INLINE_POINTS_MAX:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def _loaded(part: _Part, low: int, high: int) -> Series:
    points = part.points(low, high)
    assert points is not None
    return points


def _outer(sealed: SealedSeries, low: int, high: int) -> tuple[int, int]:
    """Returns the smallest stretch of whole buckets, whose steps are known, around some points."""
    if not sealed.levels:
        return 0, sealed.count
    level = sealed.levels[0]
    return level.start(level.index_of(low)), level.start(level.index_of(high - 1) + 1)


def _step_bounds(part: _Part, low: int, high: int) -> tuple[int, int]:
    """Returns the first and the last step of a stretch of whole buckets."""
    if part.sealed is None or not part.sealed.levels:
        return part.first["step"], part.last["step"]
    level = part.sealed.levels[0]
    first, last = level.index_of(low), level.index_of(high - 1)
    return int(level.columns["first_step"][first]), int(level.columns["last_step"][last])


def _stop(last_step: int) -> int | None:
    """Returns the step to end before after a last step; None where int64 ends."""
    return None if last_step + 1 >= _INT64_STOP else last_step + 1

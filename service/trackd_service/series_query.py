"""Owns how a question for a chart is answered: exact points when they are few, else buckets that hide nothing.

Invariants: each point of the range is in exactly one bucket, and the extremes of a bucket are over all its points; the
same question on the same data has the same answer, however the data was sealed, as buckets begin at multiples of their
size in the whole series; a base answer and a delta join to the full answer. Only what the levels cannot say is read
as points. No I/O of its own: points come from a `SeriesSource`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

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
from trackd_service.expressions import Expression, evaluate
from trackd_service.levels import Level
from trackd_service.series import BoolArray, Float64Array, Int64Array, Kind, Series, empty, merge
from trackd_service.series_reader import (
    INT64_STOP,
    METRIC_PREFIX,
    NANOSECONDS,
    Axis,
    MovedError,
    Number,
    Part,
    SeriesReader,
    SeriesSource,
    compute,
    kind_of,
    loaded,
    read_whole,
    times_ascend,
)
from trackd_service.smoothing import Smoothing, smooth

BUCKETS_MIN = 2
# Above the widest screens; an answer of so many buckets is 0.5 MB.
BUCKETS_MAX = 10_000

MAGIC = b"TKS1"
MEDIA_TYPE = "application/vnd.trackd.series"

# Sealing or merging may take segments away between planning and reading; it cannot do so at every attempt.
_ATTEMPTS_MAX = 3
# Up to here a double holds every integer.
_EXACT_MAX = 1 << 53
# Beyond every step, and still a double.
_X_MAX = 1 << 64
_X_COLUMNS = frozenset({"x", "x_first", "x_last", "step"})
_ALIGNMENT = 8

Mode: TypeAlias = Literal["points", "buckets", "group"]


class QueryInvalid(ValueError):
    """The question breaks a rule of the API; the message says which."""


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
        expression: What is computed instead of the metric; its text is the key.
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
    expression: Expression | None = None

    def __post_init__(self) -> None:
        """Checks the rules.

        Raises:
            QueryInvalid: If one is broken.
        """
        check_x(self.x, self.buckets, min_x=self.min_x, max_x=self.max_x, after_x=self.after_x)
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
        cell_width: Of a group: how wide its cells are in the unit of x, 0 for a cell to each x; else None.
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
    cell_width: float | None = None

    @property
    def count(self) -> int:
        """How many points or buckets are in the columns."""
        return len(next(iter(self.columns.values())))


def check_x(x: str, buckets: int, **places: Number | None) -> None:
    """Checks what x is, how many points or buckets are asked for, and places on x by their names.

    Raises:
        QueryInvalid: If one is out of its range.
    """
    if not BUCKETS_MIN <= buckets <= BUCKETS_MAX:
        raise QueryInvalid(f"buckets is {buckets}; it must be {BUCKETS_MIN} to {BUCKETS_MAX:,}")
    named = x.startswith(METRIC_PREFIX) and x != METRIC_PREFIX
    if not named and x not in ("step", "wall_time", "relative_time"):
        raise QueryInvalid(f"x is '{x}'; it is one of step, wall_time, relative_time, metric:NAME")
    for name, value in places.items():
        if value is None:
            continue
        if isinstance(value, float) and math.isnan(value):
            raise QueryInvalid(f"{name} is NaN; it must be a number or null")
        if isinstance(value, int) and abs(value) > _X_MAX:
            raise QueryInvalid(f"{name} has {value.bit_length()} bits; integers are within 2^64")


async def query(source: SeriesSource, request: SeriesRequest) -> SeriesAnswer:
    """Answers a question for one series.

    Args:
        source: The run.
        request: The question.

    Returns:
        The answer; with no points when the run has no such metric.
    """
    revision = source.revision
    kind: Kind = "number" if request.expression is not None else kind_of(source, request.key)
    if is_derived(request):
        return await _query_raw(source, request, kind, revision)
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await _query_levels(source, request, kind, revision)
        except (MovedError, FileNotFoundError):
            continue
    return await _query_raw(source, request, kind, revision)


def is_derived(request: SeriesRequest) -> bool:
    """Returns whether x, the values or the smoothing depend on all points of the run."""
    return (
        request.expression is not None or request.smoothing is not None or request.x.startswith(METRIC_PREFIX)
    )


def encode(answers: Sequence[SeriesAnswer], omit: Collection[str] = ()) -> bytes:
    """Writes answers in the binary form of `docs/http_api.md`, in their order, without the columns named in `omit`."""
    described: list[dict[str, object]] = []
    pieces: list[bytes] = []
    offset = 0
    for answer in answers:
        columns = []
        for name, column in answer.columns.items():
            if name in omit:
                continue
            kind = "uint32" if column.dtype == np.uint32 or _is_short(name, column) else "float64"
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
                **({} if answer.cell_width is None else {"cell_width": answer.cell_width}),
            }
        )
    header = json.dumps({"series": described}, separators=(",", ":")).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % _ALIGNMENT)
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *pieces])


def _is_short(name: str, column: npt.NDArray[Any]) -> bool:
    """Returns whether a column of x, as steps are, fits uint32: half of its bytes."""
    if name not in _X_COLUMNS or not len(column) or column[0] % 1 != 0:
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.all((column >= 0) & (column < 2**32) & (column % 1 == 0)))


def _bounds(axis: Axis, request: SeriesRequest) -> tuple[int | None, int | None, int | None]:
    """Returns the first value in the range, the first beyond it, and the first beyond `after_x`."""
    low, high, after = request.min_x, request.max_x, request.after_x
    return (
        None if low is None else axis.first(lambda x: x >= low),
        None if high is None else axis.first(lambda x: x > high),
        None if after is None else axis.first(lambda x: x > after),
    )


def make_axis(x: str, start_time: int, first_step: int, last_step: int) -> Axis:
    """Returns what `step`, `wall_time` or `relative_time` is for a run that began at a time, and has steps so far."""
    if x == "step":
        base = 0 if first_step >= -_EXACT_MAX and last_step <= _EXACT_MAX else first_step
        return Axis("step", base, base, 1)
    if x == "wall_time":
        # The run's own second, not the answer's: then x of a point is the same double in every answer.
        base = start_time // NANOSECONDS
        return Axis("time", base, base * NANOSECONDS, NANOSECONDS)
    return Axis("time", 0, start_time, NANOSECONDS)


async def _query_levels(
    source: SeriesSource, request: SeriesRequest, kind: Kind, revision: int
) -> SeriesAnswer:
    reader = SeriesReader(source, request.key, kind)
    await reader.open()
    parts, total = reader.parts, reader.total
    if not parts:
        axis = make_axis(request.x, source.start_time, 0, 0)
        chosen = _choose(request, 0, 0, None if request.after_x is None else 0)
        return _answer(request, kind, revision, axis, None, chosen)
    axis = make_axis(request.x, source.start_time, parts[0].first["step"], parts[-1].last["step"])
    if axis.name == "time" and not times_ascend(parts):
        # A clock was set back: only sorting all points puts them in order of x.
        return await _query_raw(source, request, kind, revision)
    first, stop, after = _bounds(axis, request)
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
            [empty(request.key, kind), *(loaded(part, begin, end) for part, _, begin, end in pieces)]
        )
        columns = _point_columns(
            axis.relative(series.steps if axis.name == "step" else series.times), series, request
        )
    else:
        starts = {id(part): start for part, start in zip(parts, reader.starts, strict=True)}
        buckets = await compute(point_count, _joined_buckets, pieces, starts, chosen)
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
    pieces: list[tuple[Part, Level | None, int, int]], starts: dict[int, int], chosen: _Range
) -> Buckets:
    reduced: list[Buckets] = []
    for part, level, begin, end in pieces:
        if level is not None:
            reduced.append(level.buckets(begin, end))
            continue
        points = loaded(part, begin, end)
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
    """Answers from all points of the series: where x, the values or the smoothing depend on all of them."""
    read = await read_points(source, request.key, kind, request.expression, request.x)
    return await compute(len(read.series), _evaluate, source.start_time, request, revision, read)


@dataclass(frozen=True, slots=True)
class ReadPoints:
    """All points of a series.

    Attributes:
        series: The points.
        other: The metric that is x, where one is.
        is_joined: Which points an expression made with a metric's last value before their step; None without one.
        missing_count: How many points an expression has not, as a metric had no value yet.
    """

    series: Series
    other: Series | None = None
    is_joined: BoolArray | None = None
    missing_count: int = 0


async def read_points(
    source: SeriesSource, key: str, kind: Kind, expression: Expression | None, x: str
) -> ReadPoints:
    """Returns all points of a metric, or of an expression, and those of the metric that is x."""
    other: Series | None = None
    if x.startswith(METRIC_PREFIX):
        name = x[len(METRIC_PREFIX) :]
        other = await read_whole(source, name, kind_of(source, name))
    if expression is None:
        return ReadPoints(await read_whole(source, key, kind), other)
    metrics = [await read_whole(source, name, kind_of(source, name)) for name in expression.metrics]
    found = await compute(sum(map(len, metrics)), evaluate, expression, metrics)
    return ReadPoints(found.series, other, found.is_joined, found.missing_count)


@dataclass(frozen=True, slots=True)
class Arranged:
    """Points in order of x.

    Attributes:
        axis: What x is; for a metric that is x, the values are x themselves.
        x: int64 or, for a metric, float64, ascending.
        series: The points in that order, so not always in order of steps.
        smoothed: float64, or None.
        joined_count: See `SeriesAnswer`.
        missing_count: See `SeriesAnswer`.
    """

    axis: Axis
    x: Int64Array | Float64Array
    series: Series
    smoothed: Float64Array | None
    joined_count: int
    missing_count: int


def arrange(read: ReadPoints, x_name: str, smoothing: Smoothing | None, start_time: int) -> Arranged:
    """Smooths points in order of steps, gives each its x, and sorts them by it."""
    series, is_joined = read.series, read.is_joined
    assert series.doubles is not None
    smoothed = None if smoothing is None else smooth(series.doubles, smoothing)
    missing_count = read.missing_count
    x: Int64Array | Float64Array
    if read.other is not None:
        x, mask, joined = _join(series, read.other)
        is_joined = joined if is_joined is None else (is_joined & mask) | joined
        missing_count += len(series) - int(mask.sum())
        x, series, is_joined = x[mask], series.take(mask), is_joined[mask]
        smoothed = None if smoothed is None else smoothed[mask]
        axis = Axis("step", 0, 0, 1)
    else:
        ends = (int(series.steps[0]), int(series.steps[-1])) if len(series) else (0, 0)
        axis = make_axis(x_name, start_time, *ends)
        x = series.steps if axis.name == "step" else series.times
    if not np.all(x[1:] >= x[:-1]):
        order = np.argsort(x, kind="stable").astype(np.int64)
        x, series = x[order], series.take(order)
        smoothed = None if smoothed is None else smoothed[order]
    return Arranged(
        axis, x, series, smoothed, 0 if is_joined is None else int(is_joined.sum()), missing_count
    )


def _evaluate(start_time: int, request: SeriesRequest, revision: int, read: ReadPoints) -> SeriesAnswer:
    arranged = arrange(read, request.x, request.smoothing, start_time)
    axis, x, series, smoothed = arranged.axis, arranged.x, arranged.series, arranged.smoothed
    first: Number | None
    stop: Number | None
    after: Number | None
    if read.other is None:
        first, stop, after = _bounds(axis, request)
    else:
        first, stop, after = (
            request.min_x,
            None if request.max_x is None else math.nextafter(request.max_x, math.inf),
            None if request.after_x is None else math.nextafter(request.after_x, math.inf),
        )
    assert series.doubles is not None
    low = _rank(x, first, 0)
    high = max(low, _rank(x, stop, len(x)))
    chosen = _choose(request, low, high, None if after is None else _rank(x, after, low))
    rows = slice(chosen.low, chosen.high)
    x_in, shown = x[rows], series.take(rows)
    smoothed_in = None if smoothed is None else smoothed[rows]

    def relative(values: npt.NDArray[Any]) -> Float64Array:
        return values if read.other is not None else axis.relative(values)

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
            if read.other is not None
            else (axis.absolute(int(x[0])), axis.absolute(int(x[-1])))
        )
    return _answer(
        request,
        series.kind,
        revision,
        axis,
        extent,
        chosen,
        columns,
        (arranged.joined_count, arranged.missing_count),
    )


def _join(series: Series, other: Series) -> tuple[Float64Array, BoolArray, BoolArray]:
    """Returns x of each point from another metric, which points have one, and which took an earlier value."""
    if len(other) == 0 or other.doubles is None:
        none = np.zeros(len(series), np.bool_)
        return np.full(len(series), np.nan), none, none
    places = np.searchsorted(other.steps, series.steps, side="right") - 1
    x = other.doubles[np.maximum(places, 0)]
    mask = (places >= 0) & np.isfinite(x)
    joined = mask & (other.steps[np.maximum(places, 0)] != series.steps)
    return x, mask, joined


def _rank(x: npt.NDArray[Any], value: Number | None, default: int) -> int:
    if value is None:
        return default
    if x.dtype == np.int64 and value >= INT64_STOP:
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
    axis: Axis,
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

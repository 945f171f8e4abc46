"""Owns how a question for a group of runs is answered: which cells, and what the runs have in them.

Invariants: all points of the runs count, whatever is drawn; a cell that reaches over an end of the range is read whole,
so panning changes no cell; the answer depends on the runs' points alone, not on how they were sealed or what is
remembered. No I/O of its own: points come from a `GroupSource`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackd_service.cell_memory import CellMemory
from trackd_service.expressions import Expression
from trackd_service.group_members import (
    ArrayMember,
    GroupMember,
    GroupSource,
    LevelMember,
    NotAscending,
    RememberedMember,
)
from trackd_service.groups import (
    AGGREGATES,
    BANDS,
    Aggregate,
    Band,
    Columns,
    Grid,
    Member,
    XArray,
    choose_grid,
    combine,
)
from trackd_service.series import Float64Array
from trackd_service.series_query import QueryInvalid, SeriesAnswer, check_x, make_axis
from trackd_service.series_reader import METRIC_PREFIX, NANOSECONDS, Axis, MovedError, Number
from trackd_service.smoothing import Smoothing

RUNS_MAX = 10_000
# Sealing or merging may take segments away between planning and reading; it cannot do so at every attempt.
_ATTEMPTS_MAX = 3
# Points that are read for the extents and kept for the cells: 100 MB with x, values and smoothed values.
_KEPT_POINTS_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """A question for a group of runs; the rules are those of `series:query` in `docs/http_api.md`.

    Attributes:
        project: Of all runs.
        group: What the answer is called.
        runs: Ids, each once, 1 to 10,000.
        key: The metric's name, or the text of the expression.
        aggregate: What the line is over the runs.
        band: What is drawn around it.
        x: `step`, `wall_time`, `relative_time` or `metric:NAME`.
        buckets: The most cells to answer, 2 to 10,000.
        min_x: The smallest x, inclusive, in the unit of x; None for no limit.
        max_x: The largest x, inclusive.
        smoothing: How to smooth each run, or None.
        expression: What is computed instead of the metric.
    """

    project: str
    group: str
    runs: tuple[str, ...]
    key: str
    aggregate: Aggregate = "mean"
    band: Band = "range"
    x: str = "step"
    buckets: int = 1000
    min_x: Number | None = None
    max_x: Number | None = None
    smoothing: Smoothing | None = None
    expression: Expression | None = None

    def __post_init__(self) -> None:
        """Checks the rules.

        Raises:
            QueryInvalid: If one is broken.
        """
        check_x(self.x, self.buckets, min_x=self.min_x, max_x=self.max_x)
        if not 1 <= len(self.runs) <= RUNS_MAX:
            raise QueryInvalid(f"group has {len(self.runs):,} runs; it can have 1 to {RUNS_MAX:,}")
        if len(set(self.runs)) < len(self.runs):
            twice = next(run for run in self.runs if self.runs.count(run) > 1)
            raise QueryInvalid(f"group has the run {twice[:128]!r} twice; name each run once")
        if self.aggregate not in AGGREGATES:
            raise QueryInvalid(f"aggregate is {self.aggregate[:40]!r}; it is one of {', '.join(AGGREGATES)}")
        if self.band not in BANDS:
            raise QueryInvalid(f"band is {self.band[:40]!r}; it is one of {', '.join(BANDS)}")

    @property
    def is_derived(self) -> bool:
        """Whether x, the values or the smoothing depend on all points of a run."""
        return self.expression is not None or self.smoothing is not None or self.x.startswith(METRIC_PREFIX)


async def query_group(
    sources: Sequence[GroupSource], request: GroupRequest, memory: CellMemory
) -> SeriesAnswer:
    """Answers a question for a group.

    Args:
        sources: The runs, in the order of the request.
        request: The question.
        memory: What is remembered of earlier questions.

    Returns:
        The answer, of mode `group`; with no points when no run has such a metric.
    """
    memory.stay()
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await _query(sources, request, memory, is_derived=request.is_derived)
        except (MovedError, FileNotFoundError):
            continue
    return await _query(sources, request, memory, is_derived=True)


async def _query(
    sources: Sequence[GroupSource], request: GroupRequest, memory: CellMemory, *, is_derived: bool
) -> SeriesAnswer:
    revision = sum(source.revision for source in sources)
    members: list[GroupMember] = []
    extents: list[tuple[Number, Number]] = []
    joined_count = missing_count = kept_count = 0
    for run, source in zip(request.runs, sources, strict=True):
        arrays = _array_member(source, request) if is_derived else None
        member = _remembered(
            arrays or _level_member(source, run, request, memory), source, run, request, memory
        )
        try:
            extent = await member.extent()
        except NotAscending:
            arrays = _array_member(source, request)
            member = _remembered(arrays, source, run, request, memory)
            extent = await member.extent()
        counts = await member.join_counts()
        joined_count, missing_count = joined_count + counts[0], missing_count + counts[1]
        if extent is not None:
            members.append(member)
            extents.append(extent)
        if arrays is not None:
            kept_count += arrays.point_count
            if kept_count > _KEPT_POINTS_MAX:
                kept_count -= arrays.point_count
                arrays.release()
        await asyncio.sleep(0)  # the writers go first
    if not members:
        axis = _axis(request, sources, 0, 0)
        return _answer(request, revision, axis, (joined_count, missing_count), 0, None, None, {})
    first, last = min(each[0] for each in extents), max(each[1] for each in extents)
    axis = _axis(request, sources, first, last)
    low, high = _bounds(request, axis, first, last)
    total_count, grid, found = 0, Grid(None), list[Member]()
    if low <= high:
        counts_in_range = [await member.count(low, high) for member in members]
        total_count = sum(counts_in_range)
        exact = (
            await _exact(members, low, high, request.buckets)
            if max(counts_in_range) <= request.buckets
            else None
        )
        if exact is None:
            grid = choose_grid(low, high, request.buckets)
            begin, end = grid.widen(low, high)
            exact = []
            for member in members:
                exact.append(await member.member(begin, end, grid))
                await asyncio.sleep(0)
        found = exact
    columns = await asyncio.to_thread(combine, found, request.aggregate, request.band) if found else {}
    extent = _absolute(axis, first), _absolute(axis, last)
    return _answer(request, revision, axis, (joined_count, missing_count), total_count, extent, grid, columns)


async def _exact(
    members: Sequence[GroupMember], low: Number, high: Number, key_count_max: int
) -> list[Member] | None:
    """Returns the runs with a cell to each x that occurs, or None where these are too many."""
    found: list[Member] = []
    keys: XArray | None = None
    for member in members:
        found.append(await member.member(low, high, Grid(None)))
        own = found[-1].cells.keys
        # Runs that log at the same steps, the usual case, add nothing.
        if keys is None or not np.array_equal(keys, own):
            keys = own if keys is None else np.union1d(keys, own)
            if len(keys) > key_count_max:
                return None
        await asyncio.sleep(0)
    return found


def _level_member(source: GroupSource, run: str, request: GroupRequest, memory: CellMemory) -> LevelMember:
    return LevelMember(source, (request.project, run, source.start_time), request.key, request.x, memory)


def _array_member(source: GroupSource, request: GroupRequest) -> ArrayMember:
    return ArrayMember(source, request.key, request.x, request.expression, request.smoothing)


def _remembered(
    member: GroupMember, source: GroupSource, run: str, request: GroupRequest, memory: CellMemory
) -> GroupMember:
    # Of runs with one id that follow each other, the start tells which.
    which = request.project, run, source.start_time, source.revision
    what = request.key, request.expression is not None, request.x, request.smoothing
    return RememberedMember(member, (which, what), memory)


def _axis(request: GroupRequest, sources: Sequence[GroupSource], first: Number, last: Number) -> Axis | None:
    """Returns what x is; None for the values of a metric."""
    if request.x.startswith(METRIC_PREFIX):
        return None
    if request.x == "relative_time":
        return Axis("time", 0, 0, NANOSECONDS)  # each run's times are relative to its own start already
    start_time = min(source.start_time for source in sources)
    return make_axis(request.x, start_time, int(first), int(last))


def _bounds(request: GroupRequest, axis: Axis | None, first: Number, last: Number) -> tuple[Number, Number]:
    """Returns the first and the last x of the range, within those that there are; the former is larger in none."""
    low, high = request.min_x, request.max_x
    if axis is not None:
        low = None if low is None else axis.first(lambda x: x >= request.min_x)  # type: ignore[operator]
        high = None if high is None else axis.first(lambda x: x > request.max_x) - 1  # type: ignore[operator]
    return first if low is None else max(first, low), last if high is None else min(last, high)


def _absolute(axis: Axis | None, x: Number) -> Number:
    return x if axis is None else axis.absolute(int(x))


def _answer(
    request: GroupRequest,
    revision: int,
    axis: Axis | None,
    join_counts: tuple[int, int],
    total_count: int,
    extent: tuple[Number, Number] | None,
    grid: Grid | None,
    found: Columns,
) -> SeriesAnswer:
    none = np.empty(0)
    counts = np.empty(0, np.uint32)
    columns: Columns = {"x": none, "y": none, "low": none, "high": none, "count": counts, "nonfinite": counts}
    if request.smoothing is not None:
        columns["smoothed"] = none
    if found:
        first, last = (_relative(axis, found[name]) for name in ("x_first", "x_last"))
        # In the middle of its points, so that a line of cells lies where the line of the points does.
        columns = {name: found[name] for name in columns if name in found} | {"x": first + (last - first) / 2}
        columns = {"x": columns.pop("x"), **columns}
    exponent = None if grid is None else grid.exponent
    scale = 1 if axis is None else axis.scale
    return SeriesAnswer(
        request.project,
        request.group,
        request.key,
        "number",
        "group",
        False,
        total_count,
        1,
        0 if axis is None else axis.base,
        *join_counts,
        revision,
        extent,
        columns,
        0.0 if exponent is None else 2.0**exponent / scale,
    )


def _relative(axis: Axis | None, x: XArray) -> Float64Array:
    return x if axis is None else axis.relative(x)

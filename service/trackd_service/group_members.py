"""Owns how one run of a group is read: its extent, how many points a range has, and its cells.

Invariants: both ways of reading give the same cells, as far as sums of doubles may be in another order; buckets of the
levels stand for points only where each lies in one cell. No I/O of its own: points come from a `GroupSource`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Literal, Protocol, TypeAlias, TypeVar

import numpy as np

from trackd_service.cell_memory import CellMemory
from trackd_service.downsample import Buckets
from trackd_service.expressions import Expression
from trackd_service.groups import Cells, Grid, Member, XArray, join_cells, reduce_cells
from trackd_service.levels import Level
from trackd_service.series import Series
from trackd_service.series_query import Arranged, arrange, read_points
from trackd_service.series_reader import (
    INT64_STOP,
    Number,
    Part,
    SeriesReader,
    SeriesSource,
    compute,
    kind_of,
    loaded,
    times_ascend,
)
from trackd_service.smoothing import Smoothing

T = TypeVar("T")
_NO_X = np.empty(0, np.int64)
Column: TypeAlias = Literal["step", "time"]


class NotAscending(Exception):
    """A clock was set back: only sorting all points puts them in order of x."""


class GroupSource(SeriesSource, Protocol):
    """One run, as a query for a group reads it."""

    @property
    def sealed_version(self) -> Hashable:
        """Something that differs wherever the sealed points differ."""


class GroupMember(Protocol):
    """One run of a group; x is the step, the time, or a metric's value, and both ends of a range belong to it."""

    async def extent(self) -> tuple[Number, Number] | None:
        """Returns the first and the last x of all points; None where there are none."""

    async def count(self, first: Number, last: Number) -> int:
        """Returns how many points the range has."""

    async def member(self, first: Number, last: Number, grid: Grid) -> Member:
        """Returns the run's cells in a range that cuts none; to be called where there are points at all."""

    async def join_counts(self) -> tuple[int, int]:
        """Returns `joined_count` and `missing_count` of a `SeriesAnswer`."""


class LevelMember:
    """A metric over steps or times: read from the levels where these can say it."""

    def __init__(self, source: GroupSource, identity: Hashable, key: str, x: str, memory: CellMemory) -> None:
        """Takes the run, what tells it from every other, its metric, what x is, and what is remembered."""
        self._memory = memory
        self._identity = (identity, source.sealed_version, key, x)
        self._column: Column = "step" if x == "step" else "time"
        self._zero = source.start_time if x == "relative_time" else 0
        self._source, self._key = source, key
        self._opened: SeriesReader | None = None

    async def extent(self) -> tuple[Number, Number] | None:
        """Returns the first and the last x; raises NotAscending."""
        parts = await self._parts()
        if not parts:
            return None
        return parts[0].first[self._column] - self._zero, parts[-1].last[self._column] - self._zero

    async def count(self, first: Number, last: Number) -> int:
        """Returns how many points the range has."""
        await self._parts()
        low, high = await self._places(first, last)
        return high - low

    async def member(self, first: Number, last: Number, grid: Grid) -> Member:
        """Returns the run's cells in the range."""
        parts = await self._parts()
        low, high = await self._places(first, last)
        found: list[Cells] = []
        for part, start in zip(parts, self._reader.starts, strict=True):
            begin, end = max(low - start, 0), min(high - start, part.count)
            if begin < end:
                found.append(await self._cells(part, begin, end, grid))
        before = await self._value(low - 1) if low else math.nan
        for part in parts:
            if part.sealed is not None:
                part.spans.clear()  # of thousands of runs, none needs its points any longer
        cells = join_cells(found) if found else reduce_cells(_NO_X, np.empty(0), None, grid)
        final = np.array([parts[-1].last[self._column] - self._zero], np.int64)
        return Member(cells, int(grid.keys(final)[0]), before)

    async def join_counts(self) -> tuple[int, int]:
        """Returns zeros: nothing is joined."""
        return 0, 0

    @property
    def _reader(self) -> SeriesReader:
        assert self._opened is not None  # by `_parts`
        return self._opened

    async def _parts(self) -> list[Part]:
        if self._opened is None:
            reader = SeriesReader(self._source, self._key, kind_of(self._source, self._key))
            await reader.open()
            if self._column == "time" and not times_ascend(reader.parts):
                raise NotAscending
            self._opened = reader
        return self._opened.parts

    async def _places(self, first: Number, last: Number) -> tuple[int, int]:
        """Returns the places of the first point in the range and of the first beyond it."""
        bounds = int(first) + self._zero, int(last) + 1 + self._zero
        low = None if bounds[0] < -INT64_STOP else bounds[0]
        high = None if bounds[1] >= INT64_STOP else bounds[1]
        begin = await self._reader.rank(self._column, low, 0)
        return begin, max(begin, await self._reader.rank(self._column, high, self._reader.total))

    async def _value(self, place: int) -> float:
        """Returns the value of one point."""
        for part, start in zip(self._reader.parts, self._reader.starts, strict=True):
            at = place - start
            if not 0 <= at < part.count:
                continue
            if part.sealed is not None and part.sealed.levels:
                level = part.sealed.levels[0]
                bucket = level.index_of(at)
                if level.start(bucket + 1) == at + 1:
                    return float(level.columns["last"][bucket])
            await self._reader.load([(part, at, at + 1)])
            doubles = loaded(part, at, at + 1).doubles
            assert doubles is not None
            return float(doubles[0])
        return math.nan

    async def _cells(self, part: Part, begin: int, end: int, grid: Grid) -> Cells:
        """Returns the cells of a stretch of one part; those of sealed points are remembered."""
        key = (self._identity, part.first["step"], part.count, begin, end, grid)
        known: Cells | None = None if part.sealed is None else self._memory.get(key)
        if known is not None:
            return known
        pieces = self._pieces(part, begin, end, grid)
        await self._reader.load([(part, low, high) for level, low, high in pieces if level is None])
        cells = join_cells(
            [
                await compute(high - low, self._points, loaded(part, low, high), grid)
                if level is None
                else self._buckets(level.buckets(low, high), grid)
                for level, low, high in pieces
            ]
        )
        # A run that has nothing but this part is remembered as a whole.
        if part.sealed is not None and len(self._reader.parts) > 1:
            self._memory.put(key, cells, cells.size_bytes)
        return cells

    def _pieces(self, part: Part, begin: int, end: int, grid: Grid) -> list[tuple[Level | None, int, int]]:
        """Returns how to make the cells: from the largest buckets none of which reaches into two cells."""
        levels = () if part.sealed is None else part.sealed.levels
        for level in reversed(levels):
            pieces = part.cover(begin, end, level.points_per_bucket)
            if any(each is not None for each, _, _ in pieces) and all(
                self._is_within_cells(each, low, high, grid) for each, low, high in pieces if each is not None
            ):
                return pieces
        return [(None, begin, end)]

    def _is_within_cells(self, level: Level, low: int, high: int, grid: Grid) -> bool:
        first, last = (
            grid.keys(level.columns[f"{end}_{self._column}"][low:high] - self._zero)
            for end in ("first", "last")
        )
        return bool(np.array_equal(first, last))

    def _points(self, points: Series, grid: Grid) -> Cells:
        assert points.doubles is not None
        x = points.steps if self._column == "step" else points.times - self._zero
        return reduce_cells(x, points.doubles, None, grid)

    def _buckets(self, buckets: Buckets, grid: Grid) -> Cells:
        if self._column == "step":
            x_first, x_last = buckets.first_step, buckets.last_step
        else:
            x_first, x_last = buckets.first_time - self._zero, buckets.last_time - self._zero
        return Cells(grid.keys(x_first), x_first, x_last, buckets)


class ArrayMember:
    """A run whose points are all read: where x, the values or the smoothing depend on all of them."""

    def __init__(
        self,
        source: SeriesSource,
        key: str,
        x: str,
        expression: Expression | None = None,
        smoothing: Smoothing | None = None,
    ) -> None:
        """Takes the run and what is asked of it."""
        self._source = source
        self._key, self._x = key, x
        self._expression, self._smoothing = expression, smoothing
        self._arranged: Arranged | None = None

    async def extent(self) -> tuple[Number, Number] | None:
        """Returns the first and the last x."""
        x = await self._values_of_x()
        return (x[0].item(), x[-1].item()) if len(x) else None

    async def count(self, first: Number, last: Number) -> int:
        """Returns how many points the range has."""
        low, high = _places(await self._values_of_x(), first, last)
        return high - low

    async def member(self, first: Number, last: Number, grid: Grid) -> Member:
        """Returns the run's cells in the range."""
        x = await self._values_of_x()
        arranged = await self._read()
        values, smoothed = arranged.series.doubles, arranged.smoothed
        assert values is not None
        low, high = _places(x, first, last)
        rows = slice(low, high)
        cells = await compute(
            high - low,
            reduce_cells,
            x[rows],
            values[rows],
            None if smoothed is None else smoothed[rows],
            grid,
        )
        return Member(
            cells,
            grid.keys(x[-1:])[0].item(),
            float(values[low - 1]) if low else math.nan,
            math.nan if smoothed is None or not low else float(smoothed[low - 1]),
        )

    async def join_counts(self) -> tuple[int, int]:
        """Returns how many points were joined, and how many are missing."""
        arranged = await self._read()
        return arranged.joined_count, arranged.missing_count

    def release(self) -> None:
        """Lets the points go, to be read again when they are needed."""
        self._arranged = None

    @property
    def point_count(self) -> int:
        """How many points are in memory."""
        return 0 if self._arranged is None else len(self._arranged.x)

    async def _values_of_x(self) -> XArray:
        arranged = await self._read()
        return arranged.x - self._source.start_time if self._x == "relative_time" else arranged.x

    async def _read(self) -> Arranged:
        if self._arranged is None:
            kind = "number" if self._expression is not None else kind_of(self._source, self._key)
            read = await read_points(self._source, self._key, kind, self._expression, self._x)
            self._arranged = await compute(
                len(read.series), arrange, read, self._x, self._smoothing, self._source.start_time
            )
        return self._arranged


class RememberedMember:
    """A run of a group whose answers are remembered for one revision of it."""

    def __init__(self, member: GroupMember, version: Hashable, memory: CellMemory) -> None:
        """Takes the run, what tells this revision of it and this question from every other, and the memory."""
        self._member = member
        self._version = version
        self._memory = memory

    async def extent(self) -> tuple[Number, Number] | None:
        """Returns the first and the last x."""
        return await self._remembered((self._version, "extent"), self._member.extent)

    async def count(self, first: Number, last: Number) -> int:
        """Returns how many points the range has."""
        key = (self._version, "count", first, last)
        return await self._remembered(key, lambda: self._member.count(first, last))

    async def member(self, first: Number, last: Number, grid: Grid) -> Member:
        """Returns the run's cells in the range."""
        key = (self._version, "member", first, last, grid)
        return await self._remembered(
            key, lambda: self._member.member(first, last, grid), lambda found: found.cells.size_bytes
        )

    async def join_counts(self) -> tuple[int, int]:
        """Returns how many points were joined, and how many are missing."""
        return await self._remembered((self._version, "joined"), self._member.join_counts)

    async def _remembered(
        self, key: Hashable, make: Callable[[], Awaitable[T]], size: Callable[[T], int] = lambda _: 0
    ) -> T:
        known: tuple[T] | None = self._memory.get(key)
        if known is not None:
            return known[0]
        value = await make()
        self._memory.put(key, (value,), size(value))
        return value


def _places(x: XArray, first: Number, last: Number) -> tuple[int, int]:
    """Returns the places of the first x in a range and of the first beyond it."""
    low = int(np.searchsorted(x, _within(x, first), side="left"))
    return low, max(low, int(np.searchsorted(x, _within(x, last), side="right")))


def _within(x: XArray, value: Number) -> Number:
    """Returns an int64 for integers; beyond it, the nearest."""
    return value if x.dtype != np.int64 else min(max(int(value), -INT64_STOP), INT64_STOP - 1)

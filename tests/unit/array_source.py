"""Owns a run for the tests of queries: arrays, with real levels files, and a count of what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trackd_service.levels import LevelsFile, SealedSeries, write_levels
from trackd_service.series import Kind, Series, empty, merge
from trackd_service.series_table import collect

START = 1_790_000_000_123_456_789


class ArraySource:
    """A run whose sealed points are arrays, with real levels files, and which counts what is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start_time = START
        self.revision = 7
        self.tails: dict[tuple[str, Kind], Series] = {}
        self.written: dict[tuple[str, Kind], list[Series]] = {}
        self.parts: dict[tuple[str, Kind], list[SealedSeries]] = {}
        self.read_point_count = 0

    def seal(self, series: Series, position: int) -> None:
        name = (series.key, series.kind)
        path = self.folder / f"{len(self.parts.get(name, []))}.levels"
        write_levels(path, collect([series], [position]))
        sealed = LevelsFile(path).series(*name)
        assert sealed is not None
        self.parts.setdefault(name, []).append(sealed)
        self.written.setdefault(name, []).append(series)

    @property
    def sealed_version(self) -> tuple[str, ...]:
        return tuple(f"{self.folder}/{name}/{len(parts)}" for name, parts in sorted(self.parts.items()))

    def tail(self, key: str, kind: Kind) -> Series:
        return self.tails.get((key, kind), empty(key, kind))

    def sealed(self, key: str, kind: Kind) -> list[SealedSeries]:
        return list(self.parts.get((key, kind), []))

    async def read_sealed(
        self, key: str, kind: Kind, min_step: int | None, max_step: int | None
    ) -> list[Series]:
        found = [series.between(min_step, max_step) for series in self.written.get((key, kind), [])]
        self.read_point_count += sum(map(len, found))
        return [series for series in found if len(series)]

    def whole(self, key: str, kind: Kind = "number") -> Series:
        return merge([*self.written.get((key, kind), []), self.tail(key, kind)])


def numbers(
    steps: list[int] | npt.NDArray[np.int64],
    values: list[float] | npt.NDArray[np.float64],
    times: list[int] | npt.NDArray[np.int64] | None = None,
    key: str = "m",
    kind: Kind = "number",
) -> Series:
    array = np.array(steps, np.int64)
    at = START + array * 1_000_000_007 if times is None else np.array(times, np.int64)
    return Series(key, kind, array, at, np.array(values, np.float64))


def split(folder: Path, series: Series, cuts: list[int], *, aligned: bool = True) -> ArraySource:
    """Seals what is before the last cut part by part; the rest is the tail."""
    source = ArraySource(folder)
    ends = sorted({min(cut, len(series)) for cut in cuts})
    start = 0
    for end in ends:
        if end > start:
            source.seal(series.take(slice(start, end)), start if aligned else 0)
        start = end
    source.tails[series.key, series.kind] = series.take(slice(start, None))
    return source

"""Owns one run of a store as it is read: in memory, its segments, and reading points out of both.

Invariants: what `sealed` and `tail` say without an await between is all points; a damaged segment costs what it holds, and
the run's health says so; where points lie elsewhere they are fetched, or read there, when somebody asks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from trackd_service.bucket_requests import BucketError
from trackd_service.catalog_tables import SegmentRow
from trackd_service.errors import (
    BucketUnusable,
)
from trackd_service.levels import LevelsFile, SealedSeries, SegmentDamaged
from trackd_service.objects import ObjectNotFound
from trackd_service.remote_files import RemoteFile
from trackd_service.runs import Run
from trackd_service.segments import (
    SealedRange,
    SealedRead,
    Search,
)
from trackd_service.series import Kind, Series, merge
from trackd_service.shared_reads import SharedReads
from trackd_service.streams import ROW_KEY, Stream, stream_of
from trackd_service.worker import WorkerCrashed

_log = logging.getLogger("trackd.store")


class Elsewhere(Protocol):
    """Where the rest is, of a store whose directory has only a part of its objects."""

    def use(self, names: Sequence[str]) -> AbstractSet[str]:
        """Takes that objects are about to be read; returns those that are just going, and are to be fetched as well."""

    async def fetch(self, names: Sequence[str]) -> None:
        """Sees to it, as far as that is possible, that objects of these names lie in the directory."""

    async def remotes(self, names: Sequence[str]) -> dict[str, RemoteFile]:
        """Returns, by name, the files of segments that are better read where they lie."""


@dataclass(slots=True)
class Segment:
    """A segment of a run and its open levels."""

    row: SegmentRow
    parquet: Path
    levels: LevelsFile


class StoredRun:
    """A run with its segments: what queries read."""

    def __init__(
        self,
        run: Run,
        segments: list[Segment],
        reads: SharedReads,
        elsewhere: Callable[[], Elsewhere | None] = lambda: None,
    ) -> None:
        """Takes the run, its segments, oldest first, and what says where those of their files are that are not here."""
        self.run = run
        self._elsewhere = elsewhere
        self.segments = segments
        self.next_position = 0  # of the next segment
        self.used_time = time.monotonic()
        self.retry_time = 0.0  # before which a seal that failed is not tried again
        self.sealed_time = self.used_time
        self.sealed_revision = -1  # of the run, when it was committed last
        self.lock = asyncio.Lock()  # held while sealing or merging
        self.keeping_lock = asyncio.Lock()  # held while files are taken in and typed records encoded
        self.beginning_lock = asyncio.Lock()  # held while the history of a new writer is made
        self.successor: StoredRun | None = None  # what was taken in anew in the place of this one
        self._reads = reads

    @property
    def start_time(self) -> int:
        """When the run began, in nanoseconds since 1970 UTC."""
        return self.run.create_time

    @property
    def is_sealed(self) -> bool:
        """Whether the catalog has everything of the run."""
        return self.sealed_revision == self.run.revision

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody writes the run and the catalog has everything: it is in memory for its points to be read."""
        return self.is_sealed and not self.run.is_open and not self.run.unencoded

    @property
    def revision(self) -> int:
        """A number that grows with each change of the run."""
        return self.run.revision

    @property
    def sealed_version(self) -> tuple[str, ...]:
        """The names of the segments: one name is always the same points."""
        return tuple(segment.row.name for segment in self.segments)

    def forget_committed(self, objects: Iterable[str]) -> None:
        """Forgets objects whose use by the run is in the catalog now."""
        for sha256 in objects:
            self.run.objects.pop(sha256, None)

    def tail(self, key: str, kind: Kind) -> Series:
        """Returns the unsealed points of a series, sorted, each step once."""
        if self.run.sealing is None:
            return self.run.tail.read(key, kind)
        return merge([self.run.sealing.read(key, kind), self.run.tail.read(key, kind)])

    def sealed(self, key: str, kind: Kind) -> list[SealedSeries]:
        """Returns the sealed parts of a series, oldest first."""
        found = (segment.levels.series(key, kind) for segment in self.segments)
        return [series for series in found if series is not None]

    async def read_sealed(
        self, key: str, kind: Kind, min_step: int | None, max_step: int | None
    ) -> list[Series]:
        """Returns the sealed points of a series with `min_step` <= step < `max_step`, a series a segment, oldest first."""
        return (await self.read_sealed_many([(key, kind)], min_step, max_step))[0]

    async def read_sealed_many(
        self,
        keys: list[tuple[str, Kind]],
        min_step: int | None,
        max_step: int | None,
        search: Search | None = None,
    ) -> list[list[Series]]:
        """Returns `read_sealed` of several series, in one task of the worker; of texts those that a search finds.

        What a damaged segment holds is left out, and said in the run's health.
        """
        ranges: list[SealedRange] = []
        owners: list[int] = []
        for position, (key, kind) in enumerate(keys):
            for segment in self.segments:
                sealed = segment.levels.series(key, kind)
                if sealed is None:
                    continue
                row_start, row_count = sealed.narrow(min_step, max_step)
                if row_count:
                    ranges.append(SealedRange(segment.parquet, key, kind, row_start, row_count))
                    owners.append(position)
        result: list[list[Series]] = [[] for _ in keys]
        if ranges:
            names = [segment.row.name for segment in self.segments]
            parts: Sequence[Series | None]
            try:
                try:
                    parts = await self._read_ranges(ranges, min_step, max_step, search)
                except SegmentDamaged:
                    parts = [await self._read_range(one, min_step, max_step, search) for one in ranges]
            except FileNotFoundError:
                # Merged, or taken in anew, while the ranges waited: the points are in another segment now.
                now = self.successor or self
                if now is self and names == [segment.row.name for segment in self.segments]:
                    raise
                return await now.read_sealed_many(keys, min_step, max_step, search)
            for owner, part in zip(owners, parts, strict=True):
                if part is not None:
                    result[owner].append(part)
        return result

    async def need_points(self) -> None:
        """Sees to it that the points of all segments are here."""
        elsewhere = self._elsewhere()
        if elsewhere is not None:
            missing = self._missing(elsewhere, {segment.parquet for segment in self.segments})
            await elsewhere.fetch(list(missing.values()))

    def _missing(self, elsewhere: Elsewhere, paths: set[Path]) -> dict[Path, str]:
        """Returns the names of those of the files that are not here, or are about to go."""
        names = {
            segment.parquet: f"segments/{segment.row.name}.parquet"
            for segment in self.segments
            if segment.parquet in paths
        }
        going = elsewhere.use(list(names.values()))
        return {path: name for path, name in names.items() if name in going or not path.is_file()}

    async def _read_ranges(
        self, ranges: list[SealedRange], min_step: int | None, max_step: int | None, search: Search | None
    ) -> Sequence[Series]:
        elsewhere = self._elsewhere()
        if elsewhere is not None and (missing := self._missing(elsewhere, {one.path for one in ranges})):
            remotes = await elsewhere.remotes(list(missing.values()))
            await elsewhere.fetch([name for name in missing.values() if name not in remotes])
            ranges = [replace(one, remote=remotes.get(missing.get(one.path, ""))) for one in ranges]
        try:
            read = SealedRead(ranges, min_step, max_step, search)
            try:
                return await self._reads.read(read)
            except WorkerCrashed:
                return await self._reads.read(read)
        except (BucketError, ObjectNotFound) as error:
            raise BucketUnusable(f"points cannot be read: {error}") from None

    async def _read_range(
        self, one: SealedRange, min_step: int | None, max_step: int | None, search: Search | None
    ) -> Series | None:
        try:
            return (await self._read_ranges([one], min_step, max_step, search))[0]
        except SegmentDamaged as error:
            self.note_damage(f"{one.row_count} points of {one.key!r} cannot be read: {error}")
            return None

    def note_damage(self, sentence: str) -> None:
        """Says in the run's health and in the log of the daemon that a segment is damaged, once."""
        health = self.run.health
        if health.message != sentence:
            _log.error("run %s/%s: %s", self.run.project, self.run.run_id, sentence)
        health.message = health.message or sentence

    async def read(
        self, keys: list[tuple[str, Kind]], min_step: int | None = None, max_step: int | None = None
    ) -> list[Series]:
        """Returns whole series with `min_step` <= step < `max_step`, each step once, the later write kept."""
        tails = [self.tail(key, kind).between(min_step, max_step) for key, kind in keys]
        sealed = await self.read_sealed_many(keys, min_step, max_step)
        return [merge([*parts, tail]) for parts, tail in zip(sealed, tails, strict=True)]

    def metrics(self, stream: Stream = "history") -> dict[tuple[str, Kind], tuple[int, int, int]]:
        """Returns (count, first step, last step) of every (name, kind) of a stream, hidden ones left out."""
        found: dict[tuple[str, Kind], tuple[int, int, int]] = {}

        def add(key: str, kind: Kind, count: int, first: int, last: int) -> None:
            if key == ROW_KEY or stream_of(key) != stream:
                return
            before = found.get((key, kind))
            if before is not None:
                count, first, last = count + before[0], min(first, before[1]), max(last, before[2])
            found[(key, kind)] = (count, first, last)

        for segment in self.segments:
            for key, kind, count, first, last in segment.levels.extents():
                add(key, kind, count, first, last)
        for tail in (self.run.sealing, self.run.tail):
            if tail is not None:
                for (key, kind), (count, first, last) in tail.extents().items():
                    add(key, kind, count, first, last)
        return found

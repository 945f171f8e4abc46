"""Owns the `.levels` file beside a segment: where each series stands, and its buckets at several sizes.

Invariants: NumPy and a mapping only, so that the daemon reads it without pyarrow; buckets begin at multiples of their
size in the *whole* series, so that parts of a series join to the same buckets however they were sealed; what was
written is never changed. The bytes are drawn in `docs/storage.md`.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trackd_service.downsample import BUCKET_COLUMNS, Buckets, reduce_at, reduce_buckets_at
from trackd_service.series import Int64Array, Kind
from trackd_service.series_table import KIND_CODES, KINDS, SeriesTable

FORMAT_VERSION = 1
_MAGIC = b"TKLV"
# magic, format version, size of the JSON header in bytes, CRC-32 of the JSON header.
_PREFIX = struct.Struct("<4sIII")
# 128 points to a bucket answer 100,000 points in 1,000 pixels without reading points, for 0.6 bytes a point; a base of
# 256 could not, a base of 64 costs 1.2 bytes.
LEVEL_BASE = 128
# Each level is a sixteenth of the one below: all above the first cost 7 % of it, and a query joins at most 16 buckets
# a pixel.
LEVEL_FACTOR = 16
# Levels end where the longest series has this few buckets.
_TOP_BUCKETS_MAX = 16
# A series of fewer buckets than this at a level is read as quickly from the level below, and costs no bytes here.
_BUCKETS_MIN = 2
_TIMES_ASCEND = 1
_ALIGNMENT = 8

# `count` follows from the place of the bucket.
_STORED_COLUMNS = tuple(name for name in BUCKET_COLUMNS if name != "count")


class SegmentDamaged(RuntimeError):
    """A file of a segment is cut short, altered, or of a format this version cannot read."""


@dataclass(frozen=True, slots=True)
class Level:
    """The buckets of one sealed series at one size.

    Attributes:
        points_per_bucket: The size of a bucket; the first and the last may hold fewer points.
        offset: How many points of the first bucket's place stand in older segments, below `points_per_bucket`.
        point_count: How many points the buckets cover.
        columns: Every column of `Buckets` but `count`, each of shape (b,).
    """

    points_per_bucket: int
    offset: int
    point_count: int
    columns: dict[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        """Returns the number of buckets."""
        return len(self.columns["first_step"])

    def start(self, index: int) -> int:
        """Returns the point, counted from the part's first, with which bucket `index` begins; its end for b."""
        return min(max(index * self.points_per_bucket - self.offset, 0), self.point_count)

    def index_of(self, point: int) -> int:
        """Returns the bucket that holds a point, counted from the part's first."""
        return (point + self.offset) // self.points_per_bucket

    def buckets(self, low: int, high: int) -> Buckets:
        """Returns the buckets from `low` to before `high`, as views of the file."""
        bounds = np.arange(low, high + 1, dtype=np.int64) * self.points_per_bucket - self.offset
        bounds = np.clip(bounds, 0, self.point_count)
        count = bounds[1:] - bounds[:-1]
        nonfinite = self.columns.get("nonfinite")
        stored = {name: column[low:high] for name, column in self.columns.items() if name != "nonfinite"}
        return Buckets(
            **stored,
            count=count,
            nonfinite=np.zeros(high - low, np.int64)
            if nonfinite is None
            else nonfinite[low:high].astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class SealedSeries:
    """The part of a series that stands in one segment.

    Attributes:
        key: The metric's name.
        kind: What the values are.
        row_start: The row of the segment with the first point.
        count: How many points, at least 1.
        position: How many points of the series stood in older segments when it was written.
        first_step: The smallest step.
        last_step: The largest step.
        first_time: The time of the first point, nanoseconds since 1970 UTC.
        last_time: The time of the last point, nanoseconds since 1970 UTC.
        times_ascend: Whether no point has an earlier time than the one before it.
        levels: Buckets, the finest first; none for a short series and for texts.
    """

    key: str
    kind: Kind
    row_start: int
    count: int
    position: int
    first_step: int
    last_step: int
    first_time: int
    last_time: int
    times_ascend: bool
    levels: tuple[Level, ...]

    def narrow(self, min_step: int | None, max_step: int | None) -> tuple[int, int]:
        """Returns which rows can hold the points with `min_step` <= step < `max_step`; None leaves an end open.

        Returns:
            The first row in the segment and how many: all rows with such points, and at most a bucket more at each end.
        """
        if not self.levels:
            return self.row_start, self.count
        level = self.levels[0]
        low, high = 0, len(level)
        if min_step is not None:
            low = int(np.searchsorted(level.columns["last_step"], min_step))
        if max_step is not None:
            high = int(np.searchsorted(level.columns["first_step"], max_step))
        start = level.start(low)
        return self.row_start + start, max(0, level.start(high) - start)


def write_levels(path: Path, table: SeriesTable) -> int:
    """Writes the levels of a segment with these series.

    Args:
        path: Where to; replaced when there.
        table: The series as they stand in the segment.

    Returns:
        The size of the file in bytes.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    names = [key.encode() for key in table.keys]
    row_starts = table.row_starts
    row_ends = row_starts + table.counts
    arrays["name_ends"] = np.cumsum([len(name) for name in names], dtype=np.int64)
    arrays["names"] = np.frombuffer(b"".join(names), np.uint8)
    arrays["kinds"] = table.kinds
    arrays["flags"] = np.where(_times_ascend(table, row_starts), _TIMES_ASCEND, 0).astype(np.uint8)
    arrays["counts"] = table.counts
    arrays["positions"] = table.positions
    arrays["first_steps"] = table.steps[row_starts]
    arrays["last_steps"] = table.steps[row_ends - 1]
    arrays["first_times"] = table.times[row_starts]
    arrays["last_times"] = table.times[row_ends - 1]
    index_names = list(arrays)
    sizes: list[int] = []
    for size, bucket_counts, buckets in _build(table):
        arrays[f"bucket_ends_{size}"] = np.cumsum(bucket_counts)
        for column in _STORED_COLUMNS:
            values = getattr(buckets, column)
            if column != "nonfinite":
                arrays[f"{column}_{size}"] = values
            elif values.any():
                arrays[f"{column}_{size}"] = values.astype(np.uint32)
        sizes.append(size)
    return _write(path, arrays, index_names, {"point_count": len(table.steps), "level_sizes": sizes})


class LevelsFile:
    """An open levels file.

    Attributes:
        path: The file.
        point_count: How many points the segment has.
    """

    def __init__(self, path: Path) -> None:
        """Maps the file and checks its index; the names are searched where they lie, so that opening stays quick.

        Raises:
            SegmentDamaged: If the file is not a whole levels file of a version that can be read.
            FileNotFoundError: If there is none.
        """
        self.path = path
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise SegmentDamaged(f"{path.name} is empty") from None
        header, self._data_start = self._read_header()
        try:
            self.point_count = int(header["point_count"])
            self._sizes = [int(size) for size in header["level_sizes"]]
            self._places: dict[str, tuple[str, int, int]] = {
                name: (str(dtype), int(offset), int(length))
                for name, (dtype, offset, length) in header["arrays"].items()
            }
            index_size, data_size = int(header["index_size"]), int(header["data_size"])
            self._index_crc, self._data_crc = int(header["index_crc"]), int(header["data_crc"])
        except (KeyError, TypeError, ValueError) as error:
            raise SegmentDamaged(f"{path.name} has a header without {error}") from None
        self._index_end = self._data_start + index_size
        if len(self._map) != self._data_start + data_size:
            raise SegmentDamaged(
                f"{path.name} is {len(self._map)} bytes; its header says {self._data_start + data_size}"
            )
        if zlib.crc32(memoryview(self._map)[self._data_start : self._index_end]) != self._index_crc:
            raise SegmentDamaged(f"{path.name} has an index that was altered: its CRC does not fit")
        self._name_ends = self._array("name_ends")
        self._kinds = self._array("kinds")
        self._flags = self._array("flags")
        self._counts = self._array("counts")
        self._positions = self._array("positions")
        self._first_steps = self._array("first_steps")
        self._last_steps = self._array("last_steps")
        self._first_times = self._array("first_times")
        self._last_times = self._array("last_times")
        self._names = self._array("names")
        self._row_ends = np.cumsum(self._counts)
        self._bucket_ends = {size: self._array(f"bucket_ends_{size}") for size in self._sizes}
        self._columns = {
            size: {
                name: self._array(f"{name}_{size}")
                for name in _STORED_COLUMNS
                if name != "nonfinite" or f"{name}_{size}" in self._places
            }
            for size in self._sizes
        }

    def __len__(self) -> int:
        """Returns the number of series."""
        return len(self._counts)

    def verify(self) -> None:
        """Reads the whole file.

        Raises:
            SegmentDamaged: If the levels were altered; opening has checked the index alone.
        """
        if zlib.crc32(memoryview(self._map)[self._index_end :]) != self._data_crc:
            raise SegmentDamaged(f"{self.path.name} has levels that were altered: their CRC does not fit")

    def keys(self) -> list[tuple[str, Kind]]:
        """Returns the (key, kind) of all series, sorted."""
        names = self._names.tobytes()
        ends = self._name_ends.tolist()
        return [
            (names[start:end].decode(), KINDS[code])
            for start, end, code in zip([0, *ends[:-1]], ends, self._kinds.tolist(), strict=False)
        ]

    def all_series(self) -> Iterator[SealedSeries]:
        """Yields all series, sorted by (key, kind)."""
        for index, (key, kind) in enumerate(self.keys()):
            yield self._series_at(index, key, kind)

    def extents(self) -> Iterator[tuple[str, Kind, int, int, int]]:
        """Yields (key, kind, count, first step, last step) of all series, sorted: a fifth of the time of `all_series`."""
        numbers = (column.tolist() for column in (self._counts, self._first_steps, self._last_steps))
        for (key, kind), count, first, last in zip(self.keys(), *numbers, strict=True):
            yield key, kind, count, first, last

    def series(self, key: str, kind: Kind) -> SealedSeries | None:
        """Returns the series of this key and kind, or None when the segment has none."""
        wanted = (key.encode(), KIND_CODES[kind])
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._name(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self) or self._name(low) != wanted:
            return None
        return self._series_at(low, key, kind)

    def _name(self, index: int) -> tuple[bytes, int]:
        start = int(self._name_ends[index - 1]) if index else 0
        return self._names[start : int(self._name_ends[index])].tobytes(), int(self._kinds[index])

    def _series_at(self, index: int, key: str, kind: Kind) -> SealedSeries:
        count, position = int(self._counts[index]), int(self._positions[index])
        levels = []
        for size in self._sizes:
            ends = self._bucket_ends[size]
            start, end = int(ends[index - 1]) if index else 0, int(ends[index])
            if start == end:
                break
            columns = {name: column[start:end] for name, column in self._columns[size].items()}
            levels.append(Level(size, position % size, count, columns))
        return SealedSeries(
            key,
            kind,
            int(self._row_ends[index]) - count,
            count,
            position,
            int(self._first_steps[index]),
            int(self._last_steps[index]),
            int(self._first_times[index]),
            int(self._last_times[index]),
            bool(self._flags[index] & _TIMES_ASCEND),
            tuple(levels),
        )

    def _read_header(self) -> tuple[dict[str, Any], int]:
        name = self.path.name
        if len(self._map) < _PREFIX.size:
            raise SegmentDamaged(f"{name} is {len(self._map)} bytes: too short for a levels file")
        magic, version, header_size, crc = _PREFIX.unpack_from(self._map)
        if magic != _MAGIC:
            raise SegmentDamaged(f"{name} is no levels file: it begins with {magic!r}")
        if version != FORMAT_VERSION:
            raise SegmentDamaged(
                f"{name} has format version {version}; this trackd reads version {FORMAT_VERSION}"
            )
        end = _PREFIX.size + header_size
        text = self._map[_PREFIX.size : end]
        if len(text) != header_size or zlib.crc32(text) != crc:
            raise SegmentDamaged(f"{name} has a header that was altered: its CRC does not fit")
        try:
            header = json.loads(text)
        except ValueError as error:
            raise SegmentDamaged(f"{name} has a header that is no JSON: {error}") from None
        if not isinstance(header, dict):
            raise SegmentDamaged(f"{name} has a header that is no JSON object")
        return header, end

    def _array(self, name: str) -> npt.NDArray[Any]:
        try:
            dtype, offset, length = self._places[name]
            return np.frombuffer(self._map, dtype, length, self._data_start + offset)
        except (KeyError, TypeError, ValueError) as error:
            raise SegmentDamaged(f"{self.path.name} has no readable array '{name}': {error}") from None


def _times_ascend(table: SeriesTable, row_starts: Int64Array) -> npt.NDArray[np.bool_]:
    if len(row_starts) == 0:
        return np.empty(0, np.bool_)
    ascend = np.empty(len(table.times), np.bool_)
    np.greater_equal(table.times[1:], table.times[:-1], out=ascend[1:])
    ascend[row_starts] = True
    return np.logical_and.reduceat(ascend, row_starts)


def _build(table: SeriesTable) -> Iterator[tuple[int, Int64Array, Buckets]]:
    """Yields per level its bucket size, how many buckets each series has, and the buckets of all series."""
    size = LEVEL_BASE
    kept = table.numeric & (table.counts >= _BUCKETS_MIN * size)
    if not kept.any():
        return
    longest = int(table.counts[kept].max())
    # The first level is reduced from the points, of all series at once; each further one from the level below it.
    offsets = table.positions % size
    counts = -(-(offsets + table.counts) // size)
    places = _count_up(counts)
    starts = np.repeat(table.row_starts, counts) + np.maximum(places * size - np.repeat(offsets, counts), 0)
    buckets = _select(reduce_at(table.steps, table.times, table.doubles, starts), np.repeat(kept, counts))
    counts = np.where(kept, counts, 0)
    while True:
        yield size, counts, buckets
        if longest <= _TOP_BUCKETS_MAX * size:
            return
        kept = kept & (table.counts >= _BUCKETS_MIN * size * LEVEL_FACTOR)
        if not kept.any():
            return
        buckets = _select(buckets, np.repeat(kept, counts))
        counts = np.where(kept, counts, 0)
        owners = np.repeat(np.arange(len(counts)), counts)
        places = (np.repeat(table.positions // size, counts) + _count_up(counts)) // LEVEL_FACTOR
        begins = np.flatnonzero(np.append(True, (owners[1:] != owners[:-1]) | (places[1:] != places[:-1])))
        buckets = reduce_buckets_at(buckets, begins)
        counts = np.bincount(owners[begins], minlength=len(counts)).astype(np.int64)
        size *= LEVEL_FACTOR


def _count_up(counts: Int64Array) -> Int64Array:
    """Returns 0, 1, … to before each count, one after another."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]), dtype=np.int64) - np.repeat(ends - counts, counts)


def _select(buckets: Buckets, mask: npt.NDArray[np.bool_]) -> Buckets:
    if mask.all():
        return buckets
    return Buckets(*(getattr(buckets, name)[mask] for name in BUCKET_COLUMNS))


def _write(
    path: Path, arrays: dict[str, npt.NDArray[Any]], index_names: list[str], header: dict[str, Any]
) -> int:
    places: dict[str, tuple[str, int, int]] = {}
    pieces: list[bytes] = []
    offset = index_size = index_crc = data_crc = 0
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        places[name] = (little.dtype.str, offset, len(little))
        piece = little.tobytes()
        piece += bytes(-len(piece) % _ALIGNMENT)
        pieces.append(piece)
        offset += len(piece)
        if name in index_names:
            index_size, index_crc = offset, zlib.crc32(piece, index_crc)
        else:
            data_crc = zlib.crc32(piece, data_crc)
    header |= {
        "index_size": index_size,
        "index_crc": index_crc,
        "data_size": offset,
        "data_crc": data_crc,
        "arrays": places,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(_PREFIX.size + len(text)) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(_PREFIX.pack(_MAGIC, FORMAT_VERSION, len(text), zlib.crc32(text)))
        file.write(text)
        file.writelines(pieces)
        return file.tell()

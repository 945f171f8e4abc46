"""Owns segments: many series of a run sealed into one Parquet file, with a levels file beside it.

Invariants: rows are sorted by (metric, kind, step) and row groups are of one size but for the last, so that a row's
number finds its group; a segment is never changed. pyarrow is imported in the functions: they run in a worker process,
and the daemon stays without it. The columns are drawn in `docs/storage.md`.
"""

from __future__ import annotations

import bisect
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trackd_service.levels import LevelsFile, SegmentDamaged, write_levels
from trackd_service.remote_files import RemoteFile
from trackd_service.series import NUMERIC_KINDS, BoolArray, Float64Array, Int64Array, Kind, Series, empty
from trackd_service.series_table import KINDS, SeriesTable, collect, merge_tables
from trackd_service.streams import ROW_KEY, stream_of
from trackd_service.summary import Summary

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT_VERSION = 1
_VERSION_KEY = "trackd.format_version"
# 16 k rows are read in 1-2 ms, so that one metric of a wide run costs no more than its neighbours in one group.
_ROW_GROUP_ROWS_MIN = 16_384
# A footer has about 600 bytes a row group, all parsed to open the file: no more groups than keep that near 2 ms.
_ROW_GROUPS_MAX = 512
# Level 1 is within 3 % of level 3 in size on training curves, and compresses twice as fast.
_ZSTD_LEVEL = 1
# Footers of the segments in use, about 0.3 MB each; a run has some tens of segments at most before they are merged.
_OPEN_FILES_MAX = 64
# What a search does not see of a console's lines, as RE2 and Python know it.
COLOURS = r"\x1b\[[0-9;:]*m"


class MergeTooLarge(RuntimeError):
    """Segments have more points together than may be merged in one go."""


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """What a segment holds.

    Attributes:
        name: Its name, without an ending.
        parquet_path: The Parquet file.
        levels_path: The levels file.
        series_count: How many series.
        point_count: How many points.
        size_bytes: The size of both files together.
        first_step: The smallest step; 0 when there are no points.
        last_step: The largest step; 0 when there are no points.
        first_time: The earliest time, nanoseconds since 1970 UTC; 0 when there are no points.
        last_time: The latest time, nanoseconds since 1970 UTC; 0 when there are no points.
    """

    name: str
    parquet_path: Path
    levels_path: Path
    series_count: int
    point_count: int
    size_bytes: int
    first_step: int
    last_step: int
    first_time: int
    last_time: int


@dataclass(frozen=True, slots=True)
class SealedRange:
    """Names points of one series in one segment, for `read_ranges`.

    Attributes:
        path: The Parquet file.
        key: The metric's name.
        kind: What the values are.
        row_start: The first row to look at.
        row_count: How many rows.
        remote: Where the file lies when it does not lie at its path.
    """

    path: Path
    key: str
    kind: Kind
    row_start: int
    row_count: int
    remote: RemoteFile | None = None


@dataclass(frozen=True, slots=True)
class SealedRead:
    """Names what one reader wants of some ranges; see `read_ranges`."""

    ranges: Sequence[SealedRange]
    min_step: int | None = None
    max_step: int | None = None
    search: Search | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which texts of a series are wanted.

    Attributes:
        pattern: A regular expression (RE2), by which colours are not seen.
        count_max: How many of those that match, the first ones.
    """

    pattern: str
    count_max: int


def write_segment(
    series: Sequence[Series], directory: Path, name: str, positions: Sequence[int] | None = None
) -> SegmentInfo:
    """Writes series as `NAME.parquet` and `NAME.levels`.

    Args:
        series: The series, in any order, each of another (key, kind).
        directory: Where to; it must exist.
        name: The files' name without an ending; files of that name are replaced.
        positions: For each series how many of its points stand in older segments; None means none. It keeps the
            buckets of a long series in step from segment to segment.

    Returns:
        What was written. The files are not synced: `ObjectStore.put_file` does that.
    """
    return write_table(collect(series, positions), directory, name)


def write_table(table: SeriesTable, directory: Path, name: str) -> SegmentInfo:
    """Writes a table of series as `NAME.parquet` and `NAME.levels`; see `write_segment`."""
    parquet_path = directory / f"{name}.parquet"
    levels_path = directory / f"{name}.levels"
    _write_parquet(table, parquet_path)
    levels_size_bytes = write_levels(levels_path, table)
    point_count = len(table.steps)
    return SegmentInfo(
        name,
        parquet_path,
        levels_path,
        len(table.keys),
        point_count,
        parquet_path.stat().st_size + levels_size_bytes,
        int(table.steps.min()) if point_count else 0,
        int(table.steps.max()) if point_count else 0,
        int(table.times.min()) if point_count else 0,
        int(table.times.max()) if point_count else 0,
    )


def merge_segments(paths: Sequence[Path], directory: Path, name: str) -> SegmentInfo:
    """Writes one segment with the points of several.

    Args:
        paths: The Parquet files, the oldest first; a levels file stands beside each. Where two have a point of a
            series at one step, the one of the later file stays.
        directory: Where to; it must exist.
        name: The new files' name without an ending.

    Returns:
        What was written; the old files are left as they are.

    Raises:
        SegmentDamaged: If a file cannot be read.
    """
    table = merge_tables([read_table(path) for path in paths])
    return write_table(table, directory, name)


def merge_bounded(paths: Sequence[Path], directory: Path, name: str, unpacked_bytes_max: int) -> SegmentInfo:
    """Writes one segment with the points of several, as `merge_segments`, unless they take too much memory.

    Raises:
        MergeTooLarge: Unpacked, the files have more bytes than are allowed.
        SegmentDamaged: If a file cannot be read.
    """
    size_bytes = sum(_unpacked_bytes(path) for path in paths)
    if size_bytes > unpacked_bytes_max:
        raise MergeTooLarge(
            f"{len(paths)} segments have {size_bytes} bytes unpacked; {unpacked_bytes_max} are the most"
        )
    return merge_segments(paths, directory, name)


def _unpacked_bytes(path: Path) -> int:
    metadata = _open(path).metadata
    return sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))


def cut_segments(
    paths: Sequence[Path], last_step: int, has_streams: bool, directory: Path, name: str
) -> tuple[SegmentInfo | None, bytes]:
    """Writes one segment with the points of several up to a step.

    Args:
        paths: The Parquet files, the oldest first.
        last_step: The last step of what was logged that is taken over.
        has_streams: Whether the other streams, which have steps of their own, are taken over whole.
        directory: Where to; it must exist.
        name: The new files' name without an ending.

    Returns:
        What was written, or None when there is no point, and the summary of what was logged (`Summary.dump`).

    Raises:
        SegmentDamaged: If a file cannot be read.
    """
    summary = Summary()
    kept: list[Series] = []
    for series in merge_tables([read_table(path) for path in paths]).series() if paths else ():
        if stream_of(series.key) != "history":
            kept += [series] if has_streams else []
            continue
        cut = series.between(None, last_step + 1)
        kept.append(cut)
        if series.key != ROW_KEY:
            summary.add_series(cut)
    if not any(map(len, kept)):
        return None, summary.dump()
    return write_segment(kept, directory, name), summary.dump()


def read_segment_series(
    path: Path,
    key: str,
    kind: Kind,
    row_start: int,
    row_count: int,
    min_step: int | None = None,
    max_step: int | None = None,
    remote: RemoteFile | None = None,
    search: Search | None = None,
) -> Series:
    """Reads points of one series; only the row groups that hold them are touched.

    Args:
        path: The Parquet file.
        key: The metric's name.
        kind: What the values are.
        row_start: The first row that may be read, as the levels file says; all rows must be of this series.
        row_count: How many rows.
        min_step: The smallest step, or None.
        max_step: The step to end before, or None.
        remote: Where the file lies when it does not lie at its path.
        search: Of texts only those that match; None means all.

    Returns:
        The points of those rows in the range of steps, sorted.

    Raises:
        SegmentDamaged: If the file cannot be read or ends before those rows.
        FileNotFoundError: If there is none.
    """
    if row_count == 0:
        return empty(key, kind)
    file = _open(path, remote)
    metadata = file.metadata
    if row_start + row_count > metadata.num_rows:
        raise SegmentDamaged(
            f"{path.name} has {metadata.num_rows} rows; '{key}' should end at row {row_start + row_count}"
        )
    row_start, row_count = _narrow(metadata, row_start, row_count, min_step, max_step)
    if row_count == 0:
        return empty(key, kind)
    group_rows = metadata.row_group(0).num_rows
    groups = list(range(row_start // group_rows, (row_start + row_count - 1) // group_rows + 1))
    columns = ["step", "time", "value"] if kind in NUMERIC_KINDS else ["step", "time", "value_string"]
    if kind == "number" and _has_ints(metadata, groups):
        columns.append("value_int")
    start = row_start - groups[0] * group_rows
    read = _read(path, file, groups, columns).slice(start, row_count)
    # Cut before the texts become objects: a page of a long console is a small part of a group.
    steps = _int64(read.column("step"))
    low = 0 if min_step is None else int(np.searchsorted(steps, min_step))
    high = len(steps) if max_step is None else int(np.searchsorted(steps, max_step))
    read = read.slice(low, max(0, high - low))
    return _to_series(_matching(read, search) if search else read, key, kind)


def read_ranges(
    ranges: Sequence[SealedRange],
    min_step: int | None = None,
    max_step: int | None = None,
    search: Search | None = None,
) -> list[Series]:
    """Reads points of several places in one call; see `read_segment_series`. Answers one series a range, in order."""
    return [
        read_segment_series(
            one.path, one.key, one.kind, one.row_start, one.row_count, min_step, max_step, one.remote, search
        )
        for one in ranges
    ]


def read_many(reads: Sequence[SealedRead]) -> list[list[Series] | Exception]:
    """Answers several readers in one call; what one of them meets is answered for that one.

    Those of one file follow each other, so that it is opened once.
    """
    found: list[list[Series] | Exception] = [[] for _ in reads]
    for place in sorted(range(len(reads)), key=lambda each: [str(one.path) for one in reads[each].ranges]):
        read = reads[place]
        try:
            found[place] = read_ranges(read.ranges, read.min_step, read.max_step, read.search)
        except Exception as error:  # noqa: BLE001 - it is that reader's
            found[place] = error
    return found


def read_all(path: Path) -> Iterator[Series]:
    """Yields every series of a segment, sorted by (key, kind); its levels file must stand beside it.

    Raises:
        SegmentDamaged: If a file cannot be read, or the two do not belong together.
    """
    yield from read_table(path).series()


def read_table(path: Path) -> SeriesTable:
    """Reads a whole segment; see `read_all`."""
    levels = LevelsFile(path.with_suffix(".levels"))
    file = _open(path)
    metadata = file.metadata
    if metadata.num_rows != levels.point_count:
        raise SegmentDamaged(
            f"{path.name} has {metadata.num_rows} rows; its levels file says {levels.point_count}"
        )
    groups = list(range(metadata.num_row_groups))
    keys = levels.keys()
    columns = ["step", "time", "value"]
    has_ints = _has_ints(metadata, groups)
    has_strings = any(kind not in NUMERIC_KINDS for _, kind in keys)
    columns += ["value_int"] * has_ints + ["value_string"] * has_strings
    read = _read(path, file, groups, columns)
    ints, int_mask = _ints(read.column("value_int")) if has_ints else (None, None)
    sealed = list(levels.all_series())
    return SeriesTable(
        [key for key, _ in keys],
        np.array([KINDS.index(kind) for _, kind in keys], np.uint8),
        np.array([one.count for one in sealed], np.int64),
        np.array([one.position for one in sealed], np.int64),
        _int64(read.column("step")),
        _int64(read.column("time")),
        _doubles(read.column("value")),
        ints,
        int_mask,
        np.array(read.column("value_string").to_pylist(), np.object_) if has_strings else None,
    )


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("metric", pa.dictionary(pa.int32(), pa.string()), nullable=False),
            pa.field("kind", pa.dictionary(pa.int32(), pa.string()), nullable=False),
            pa.field("step", pa.int64(), nullable=False),
            pa.field("time", pa.timestamp("ns", "UTC"), nullable=False),
            pa.field("value", pa.float64()),
            pa.field("value_int", pa.int64()),
            pa.field("value_string", pa.string()),
        ]
    )


def _write_parquet(table: SeriesTable, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    columns = _columns(table)
    codes = np.repeat(np.arange(len(table.keys), dtype=np.int32), table.counts)
    point_count = len(table.steps)
    group_rows = max(_ROW_GROUP_ROWS_MIN, -(-point_count // _ROW_GROUPS_MAX))
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=["metric", "kind"],
        column_encoding={
            "step": "DELTA_BINARY_PACKED",
            "time": "DELTA_BINARY_PACKED",
            "value": "BYTE_STREAM_SPLIT",
            "value_int": "DELTA_BINARY_PACKED",
            "value_string": "PLAIN",
        },
        # That of value_int says without reading it whether a group has integers at all.
        write_statistics=["metric", "kind", "step", "time", "value_int"],
        # Without it a flipped bit in a page is a wrong value that nobody notices.
        write_page_checksum=True,
        # The Arrow schema would make the dictionary columns special for pyarrow alone.
        store_schema=False,
    ) as writer:
        writer.add_key_value_metadata({_VERSION_KEY: str(FORMAT_VERSION)})
        for start in range(0, point_count, group_rows):
            end = min(start + group_rows, point_count)
            # A row group is given the names of its own series alone: writing puts all names into every group.
            first, last = int(codes[start]), int(codes[end - 1])
            metric = pa.DictionaryArray.from_arrays(codes[start:end] - first, table.keys[first : last + 1])
            group = [metric, *(column.slice(start, end - start) for column in columns)]
            writer.write_batch(pa.RecordBatch.from_arrays(group, schema=schema), row_group_size=group_rows)


def _columns(table: SeriesTable) -> list[pa.Array]:
    """Returns the columns after `metric`; what numbers and truth values have is not copied."""
    import pyarrow as pa

    point_count = len(table.steps)
    text = None if table.numeric.all() else np.repeat(~table.numeric, table.counts)
    return [
        pa.DictionaryArray.from_arrays(np.repeat(table.kinds, table.counts), list(KINDS)).cast(
            pa.dictionary(pa.int32(), pa.string())
        ),
        pa.array(table.steps),
        pa.array(table.times).view(pa.timestamp("ns", "UTC")),
        pa.array(table.doubles, mask=text),
        pa.nulls(point_count, pa.int64())
        if table.ints is None or table.int_mask is None
        else pa.array(table.ints, mask=~table.int_mask),
        pa.nulls(point_count, pa.string()) if table.strings is None else pa.array(table.strings, pa.string()),
    ]


def _open(path: Path, remote: RemoteFile | None = None) -> pq.ParquetFile:
    try:
        status = path.stat()
    except FileNotFoundError:
        if remote is None:
            raise
        return _open_remote(path, remote)
    # A name is never given twice, yet a file that was set right by hand must not be read by an old footer.
    return _open_cached(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=_OPEN_FILES_MAX)
def _open_cached(path: Path, _size_bytes: int, _modified_ns: int) -> pq.ParquetFile:
    return _open_parquet(path, os.fspath(path))


@functools.lru_cache(maxsize=_OPEN_FILES_MAX)
def _open_remote(path: Path, remote: RemoteFile) -> pq.ParquetFile:
    return _open_parquet(path, remote.open())


def _open_parquet(path: Path, source: Any) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            source,
            memory_map=isinstance(source, str),
            pre_buffer=False,
            page_checksum_verification=True,
        )
        version = (file.metadata.metadata or {}).get(_VERSION_KEY.encode())
    except FileNotFoundError:
        raise  # merged into another one in this moment, which is no damage
    except (pa.ArrowException, OSError) as error:
        raise SegmentDamaged(f"{path.name} cannot be opened as Parquet: {error}") from None
    if version != str(FORMAT_VERSION).encode():
        raise SegmentDamaged(
            f"{path.name} has format version {version!r}; this trackd reads version {FORMAT_VERSION}"
        )
    return file


def _read(path: Path, file: pq.ParquetFile, groups: list[int], columns: list[str]) -> pa.Table:
    import pyarrow as pa

    try:
        return file.read_row_groups(groups, columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise SegmentDamaged(f"{path.name} cannot be read: {error}") from None


def _narrow(
    metadata: pq.FileMetaData, row_start: int, row_count: int, min_step: int | None, max_step: int | None
) -> tuple[int, int]:
    """Returns which rows of a series, of those given, can hold the steps: whole row groups are left out.

    Levels say it for numbers; texts have none, and a console has millions of lines.
    """
    if min_step is None and max_step is None:
        return row_start, row_count
    group_rows = metadata.row_group(0).num_rows
    step_column = metadata.schema.names.index("step")
    row_end = row_start + row_count
    # The groups at both ends may hold rows of other series as well: what their statistics say is not of this one alone.
    inner = range(-(-row_start // group_rows), row_end // group_rows)
    if not inner:
        return row_start, row_count

    def extent(group: int) -> tuple[int, int]:
        statistics = metadata.row_group(group).column(step_column).statistics
        return statistics.min, statistics.max

    if metadata.row_group(inner[0]).column(step_column).statistics is None:
        return row_start, row_count
    if min_step is not None:
        passed = bisect.bisect_left(inner, min_step, key=lambda group: extent(group)[1])
        if passed:
            row_start = inner[passed - 1] * group_rows + group_rows
    if max_step is not None:
        reached = bisect.bisect_left(inner, max_step, key=lambda group: extent(group)[0])
        if reached < len(inner):
            row_end = inner[reached] * group_rows
    return row_start, max(0, row_end - row_start)


def _matching(read: pa.Table, search: Search) -> pa.Table:
    """Returns the rows whose text matches: millions are searched without one of them becoming an object."""
    import pyarrow.compute as pc

    texts: Any = read.column("value_string")
    if pc.any(pc.match_substring_regex(texts, "\x1b")).as_py():
        texts = pc.replace_substring_regex(texts, COLOURS, "")
    return read.filter(pc.match_substring_regex(texts, search.pattern)).slice(0, search.count_max)


def _has_ints(metadata: pq.FileMetaData, groups: list[int]) -> bool:
    column = metadata.schema.names.index("value_int")
    for group in groups:
        chunk = metadata.row_group(group).column(column)
        statistics = chunk.statistics
        if statistics is None or statistics.null_count < chunk.num_values:
            return True
    return False


def _to_series(read: pa.Table, key: str, kind: Kind) -> Series:
    steps, times = _int64(read.column("step")), _int64(read.column("time"))
    if kind not in NUMERIC_KINDS:
        return Series(key, kind, steps, times, strings=read.column("value_string").to_pylist())
    ints: Int64Array | None = None
    int_mask: BoolArray | None = None
    if "value_int" in read.column_names:
        ints, int_mask = _ints(read.column("value_int"))
        if not int_mask.any():
            ints = int_mask = None
    return Series(key, kind, steps, times, _doubles(read.column("value")), ints, int_mask)


def _int64(column: pa.ChunkedArray) -> Int64Array:
    array: Int64Array = column.to_numpy().view(np.int64)
    return array


def _doubles(column: pa.ChunkedArray) -> Float64Array:
    # Nulls, which only texts have, become NaN.
    array: Float64Array = column.to_numpy()
    return array


def _ints(column: pa.ChunkedArray) -> tuple[Int64Array, BoolArray]:
    filled: Any = column.fill_null(0)
    return filled.to_numpy(), column.is_valid().to_numpy()

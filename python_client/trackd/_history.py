"""Owns the history of a run as its readers see it: series from the daemon, joined to rows by step, and sampled.

Invariants: a row is a step at which something was logged; rows come in ascending steps, each once; values come back as
they were logged (integers exact, NaN and infinities kept). Reading is bounded in memory: what is larger than
`CHUNK_VALUES_MAX` values is read in ranges of steps. The same question has the same answer as long as the run is the same.
NumPy is imported in the functions: whoever only logs never pays for it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackd._api_records import KINDS, StoredRecord
from trackd._connection import AnswerTooLargeError, Connection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trackd.v1 import query_service_pb2, records_pb2

    Int64Array = npt.NDArray[np.int64]
    Float64Array = npt.NDArray[np.float64]
    BoolArray = npt.NDArray[np.bool_]

STEP, TIMESTAMP, RUNTIME = "_step", "_timestamp", "_runtime"
SYSTEM_PREFIX = "_system/"  # of the names of what the daemon measures
ROW_COLUMNS = (STEP, TIMESTAMP, RUNTIME)  # what every row has
CHUNK_VALUES_MAX = 1_000_000  # read at once: 32 MB as arrays
_SERIES_POINTS_MIN = 256  # of a series in a chunk, however many series there are
_SERIES_VALUES_MAX = 4_000_000  # of one metric read at once: 130 MB
_MESSAGE_POINTS_MAX = 8_192  # 0.2 MB: the daemon packs the next ones while these are read
_ROW_KEY = "_row"  # the daemon's mark of a row without values
_KINDS = ("", "number", "bool", "string", "other", *KINDS)  # by the number of MetricKind
_STEPS_END = 1 << 63  # one beyond the largest step


@dataclass(frozen=True)
class Metric:
    """A metric of a run: one name and one kind.

    Attributes:
        name: The metric's name; a name with values of several kinds is there once for each.
        kind: "number", "bool", "string", "other" (anything else, as JSON), or the kind of a typed record, such as "image".
        count: How many values were logged.
        first_step: The smallest step.
        last_step: The largest step.
    """

    name: str
    kind: str
    count: int
    first_step: int
    last_step: int


class Series:
    """The points of one metric of one kind, as the daemon sent them."""

    def __init__(
        self, messages: Sequence[query_service_pb2.ReadSeriesResponse], connection: Connection
    ) -> None:
        """Decodes one series, which came in pieces; `connection` is the way to the objects of its typed records."""
        import numpy as np

        def column(name: str) -> bytes:
            return b"".join([getattr(message, name) for message in messages])

        self._connection = connection
        first = messages[0]
        self.key = first.key
        self.kind = _KINDS[first.kind] if first.kind < len(_KINDS) else "other"
        self.steps: Int64Array = np.frombuffer(column("steps"), "<i8")
        self.times: Int64Array = np.frombuffer(column("times_unix_nanos"), "<i8")
        self.doubles: Float64Array = np.frombuffer(column("doubles"), "<f8")
        self.ints: Int64Array = np.frombuffer(column("ints"), "<i8")
        self.int_mask: BoolArray = np.frombuffer(column("int_mask"), np.uint8).astype(np.bool_)
        self.strings: Sequence[str] = [text for message in messages for text in message.strings]
        self.total_count = first.total_count

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers or truth values."""
        return self.kind in ("number", "bool")

    def array(self) -> npt.NDArray[Any]:
        """Returns all values: int64 when each was logged as an integer, else float64; bool; or objects."""
        import numpy as np

        if self.kind == "bool":
            truths: BoolArray = self.doubles != 0
            return truths
        if self.kind == "number":
            return self.ints if len(self.ints) and bool(self.int_mask.all()) else self.doubles
        objects = np.empty(len(self.steps), object)
        objects[:] = self.values(range(len(self.steps)))
        return objects

    def values(self, positions: Sequence[int] | Int64Array | range) -> list[Any]:
        """Returns the values at some positions as Python objects, each as it was logged."""
        import numpy as np

        if self.kind == "string":
            return [self.strings[int(i)] for i in positions]
        if self.kind == "other":
            return [json.loads(self.strings[int(i)]) for i in positions]
        if self.kind in KINDS:
            return [StoredRecord(json.loads(self.strings[int(i)]), self._connection) for i in positions]
        chosen = np.asarray(positions, np.int64)
        if self.kind == "bool":
            result: list[Any] = (self.doubles[chosen] != 0).tolist()
            return result
        result = self.doubles[chosen].tolist()
        if len(self.ints):
            exact = self.ints[chosen].tolist()
            for i in np.flatnonzero(self.int_mask[chosen]).tolist():
                result[i] = exact[i]
        return result


class Table:
    """Some series of a run over one range of steps, joined by step.

    Attributes:
        steps: int64 of shape (n,), ascending: every step at which a series has a point.
        times: int64 of shape (n,), nanoseconds since 1970 UTC: of the latest point of the row.
        columns: (series, int64 positions of its points among the rows).
    """

    def __init__(self, series: list[Series]) -> None:
        """Joins the series."""
        import numpy as np

        self.steps: Int64Array = np.empty(0, np.int64)
        if series:
            first = series[0].steps
            same = all(np.array_equal(first, each.steps) for each in series[1:])
            self.steps = first if same else np.unique(np.concatenate([each.steps for each in series]))
        self.times: Int64Array = np.zeros(len(self.steps), np.int64)
        self.columns: list[tuple[Series, Int64Array]] = []
        for each in series:
            positions = np.searchsorted(self.steps, each.steps)
            self.times[positions] = np.maximum(self.times[positions], each.times)
            if each.key != _ROW_KEY:
                self.columns.append((each, positions))

    def complete(self, keys: Sequence[str]) -> Int64Array:
        """Returns the positions of the rows that have all keys; all rows when there are none."""
        import numpy as np

        has_all = np.ones(len(self.steps), np.bool_)
        for key in set(keys) - set(ROW_COLUMNS):
            has_key = np.zeros(len(self.steps), np.bool_)
            for series, positions in self.columns:
                if series.key == key:
                    has_key[positions] = True
            has_all &= has_key
        return np.flatnonzero(has_all)

    def rows(
        self, chosen: Int64Array, create_time: float, keys: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """Returns rows as dicts.

        Args:
            chosen: The positions of the rows, ascending.
            create_time: When the run began, in seconds since 1970.
            keys: The keys of each row, in order; None means all that it has, after step, timestamp and runtime.
        """
        import numpy as np

        timestamps = (self.times[chosen] / 1e9).tolist()
        rows: list[dict[str, Any]] = [
            {STEP: step, TIMESTAMP: timestamp, RUNTIME: timestamp - create_time}
            for step, timestamp in zip(self.steps[chosen].tolist(), timestamps, strict=True)
        ]
        place = np.full(len(self.steps), -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        latest: dict[
            tuple[str, int], int
        ] = {}  # of names with several kinds: where two meet, the later value is the row's
        names = [series.key for series, _ in self.columns]
        for series, positions in self.columns:
            if keys is not None and series.key not in keys:
                continue
            places = place[positions]
            wanted = np.flatnonzero(places >= 0)
            key, is_split = series.key, names.count(series.key) > 1
            times = series.times[wanted].tolist() if is_split else wanted
            for i, value, time in zip(places[wanted].tolist(), series.values(wanted), times, strict=True):
                if is_split:
                    if time < latest.get((key, i), 0):
                        continue
                    latest[key, i] = time
                rows[i][key] = value
        if keys is None:
            return rows
        return [{key: row[key] for key in keys if key in row} for row in rows]


def list_metrics(connection: Connection, run: records_pb2.RunIdentity, prefix: str = "") -> list[Metric]:
    """Returns the metrics of a run whose names begin with `prefix`, by name; `SYSTEM_PREFIX` gives what was measured."""
    from trackd.v1 import query_service_pb2

    is_system = prefix.startswith(SYSTEM_PREFIX)
    stream = query_service_pb2.STREAM_SYSTEM if is_system else query_service_pb2.STREAM_HISTORY
    request = query_service_pb2.ListMetricsRequest(run=run, prefix=prefix, stream=stream)
    answer = connection.query(lambda stub, options: stub.ListMetrics(request, **options))
    return [
        Metric(each.name, _KINDS[each.kind], each.count, each.first_step, each.last_step)
        for each in answer.metrics
    ]


def read_chunks(
    connection: Connection,
    run: records_pb2.RunIdentity,
    keys: Sequence[str] | None,
    min_step: int | None = None,
    max_step: int | None = None,
    values_max: int = CHUNK_VALUES_MAX,
) -> Iterator[list[Series]]:
    """Yields all points of some metrics, a range of steps at a time, ascending.

    Args:
        connection: To the daemon.
        run: The run.
        keys: The metrics' names; None means all, and rows without values too.
        min_step: The first step.
        max_step: The step to end before.
        values_max: About how many values to read at once.
    """
    is_system = any(key.startswith(SYSTEM_PREFIX) for key in keys or ())
    metrics = [
        each
        for prefix in ("", SYSTEM_PREFIX)[: 1 + is_system]
        for each in list_metrics(connection, run, prefix)
        if keys is None or each.name in keys
    ]
    if keys is not None and not metrics:
        return
    points_max = max(_SERIES_POINTS_MIN, values_max // max(1, len(metrics)))
    start = max(0, min_step or 0)
    stop = _STEPS_END if max_step is None else min(max_step, _STEPS_END)
    edges = [start, *_edges(metrics, points_max, start, stop), stop]
    pending = [(low, high) for low, high in itertools.pairwise(edges) if low < high][::-1]
    while pending:
        low, high = pending.pop()
        series = _read(connection, run, keys, low, high, points_max)
        if series is None:
            middle = (low + high) // 2
            pending += [(middle, high), (low, middle)]
        elif series:
            yield series


def _edges(metrics: list[Metric], points_max: int, start: int, stop: int) -> Iterator[int]:
    """Yields the steps between ranges that would hold `points_max` points each if they were evenly spaced."""
    densest = max((each.count for each in metrics), default=0)
    if densest > points_max:
        first = min(each.first_step for each in metrics)
        end = max(each.last_step for each in metrics) + 1
        width = max(1, (end - first) * points_max // densest)
        yield from (edge for edge in (*range(first, end, width), end) if start < edge < stop)


def _read(
    connection: Connection,
    run: records_pb2.RunIdentity,
    keys: Sequence[str] | None,
    start: int,
    end: int,
    points_max: int,
) -> list[Series] | None:
    """Returns the series of a range of steps, or None when they are too large to be read at once."""
    from trackd.v1 import query_service_pb2

    request = query_service_pb2.ReadSeriesRequest(
        run=run,
        keys=keys or [],
        min_step=start,
        max_step=end if end < _STEPS_END else None,
        # One step has one point of each kind and is read whatever its size.
        points_max=points_max if end - start > 1 else 0,
        message_points_max=_MESSAGE_POINTS_MAX,
    )
    try:
        messages = connection.query(lambda stub, options: list(stub.ReadSeries(request, **options)))
    except AnswerTooLargeError:
        if end - start > 1:
            return None
        raise
    pieces = itertools.groupby(messages, lambda message: (message.key, message.kind))
    series = [Series(list(group), connection) for _, group in pieces]
    return None if any(each.total_count > len(each.steps) for each in series) else series


def read_series(
    connection: Connection,
    run: records_pb2.RunIdentity,
    key: str,
    kind: str | None,
    min_step: int | None,
    max_step: int | None,
) -> tuple[Int64Array, Float64Array, npt.NDArray[Any]]:
    """Returns steps, times in seconds since 1970, and values of one metric; empty arrays when it is not there."""
    import numpy as np

    start, stop = max(0, min_step or 0), _STEPS_END if max_step is None else max_step
    # Nearly every series is one message: asking first how large it is would cost a round trip.
    whole = _read(connection, run, [key], start, stop, _SERIES_VALUES_MAX) if start < stop else []
    chunks = (
        [whole] if whole is not None else read_chunks(connection, run, [key], start, stop, _SERIES_VALUES_MAX)
    )
    parts = [each for chunk in chunks for each in chunk if kind in (None, each.kind)]
    chosen = min((each.kind for each in parts), key=_KINDS.index, default="number")
    parts = [each for each in parts if each.kind == chosen]
    if not parts:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    arrays = [each.array() for each in parts]
    if any(array.dtype == np.float64 for array in arrays):
        arrays = [
            each.doubles if each.kind == "number" else array
            for each, array in zip(parts, arrays, strict=True)
        ]
    if len(parts) == 1:
        return parts[0].steps, parts[0].times / 1e9, arrays[0]
    steps = np.concatenate([each.steps for each in parts])
    return steps, np.concatenate([each.times for each in parts]) / 1e9, np.concatenate(arrays)


# -- sampling ------------------------------------------------------------------------------------------------------


def sample(
    tables: Iterator[Table], samples: int, create_time: float, keys: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Returns rows that draw like all of them.

    Rows are parted into equal buckets; of each the first and last row and those with the smallest and largest number of
    each metric are kept, and rows spread evenly over the rest. A run that is read in several ranges is sampled range by
    range and then once more, which moves the borders of the buckets and keeps every extreme.

    Args:
        tables: The rows, a range of steps at a time.
        samples: About how many rows to return: at most so many, or two and two for each metric when that is more.
        create_time: When the run began, in seconds since 1970.
        keys: The metrics that each row must have; None for all rows.
    """
    import numpy as np

    rows: list[dict[str, Any]] = []
    numeric_keys: set[str] = set()
    for table in tables:
        chosen = table.complete(keys or [])
        place = np.full(len(table.steps), -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        columns = []
        for series, positions in table.columns:
            if series.is_numeric and (keys is None or series.key in keys):
                numeric_keys.add(series.key)
                wanted = place[positions] >= 0
                columns.append((place[positions][wanted], series.doubles[wanted]))
        picked = _pick(len(chosen), columns, samples)
        rows += table.rows(chosen[picked], create_time, None)
    columns = []
    for key in sorted(numeric_keys):
        points = [(i, float(row[key])) for i, row in enumerate(rows) if isinstance(row.get(key), int | float)]
        columns.append((np.array([i for i, _ in points], np.int64), np.array([value for _, value in points])))
    return [rows[i] for i in _pick(len(rows), columns, samples).tolist()]


def _pick(row_count: int, columns: list[tuple[Int64Array, Float64Array]], samples: int) -> Int64Array:
    """Returns the positions of the rows to keep, ascending; `columns` are (positions, values) of each metric."""
    import numpy as np

    if row_count <= samples:
        return np.arange(row_count)
    bucket_count = max(1, samples // (2 + 2 * len(columns)))
    starts = np.arange(bucket_count) * row_count // bucket_count
    ends = np.append(starts[1:], row_count)
    kept = [starts, ends - 1]
    for positions, values in columns:
        lows = np.searchsorted(positions, starts)
        highs = np.searchsorted(positions, ends)
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            part = values[low:high]
            if len(part) and not np.isnan(part).all():
                kept.append(positions[[low + int(np.nanargmin(part)), low + int(np.nanargmax(part))]])
    rows = np.unique(np.concatenate(kept))
    # What room is left goes to rows spread evenly over the others.
    others = np.delete(np.arange(row_count), rows)
    room = max(0, samples - len(rows))
    return np.sort(np.concatenate([rows, others[np.arange(room) * len(others) // max(1, room)]]))

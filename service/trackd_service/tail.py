"""Owns the points of a run that are not sealed yet, in memory.

Invariants: rows are kept as they were logged, one table a key set, so that a row costs one copy however wide it is; a series
is gathered from the tables' columns when somebody reads it. Everything here can be made again from the log. Pure: NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackd_service.series import NUMERIC_KINDS, Int64Array, Kind, Series, empty, settle
from trackd_service.summary import BOOL, INT64, Words

Key: TypeAlias = tuple[str, Kind]


class Table:
    """The rows of one key set: steps, times, their place in the order of writing, and the values' eight bytes."""

    def __init__(self, keys: tuple[str, ...], types: bytes) -> None:
        """Makes an empty table; `types` holds summary.DOUBLE, INT64 or BOOL a key."""
        self.keys = keys
        self.types = types
        self.count = 0
        self._steps = np.empty(16, np.int64)
        self._times = np.empty(16, np.int64)
        self._orders = np.empty(16, np.int64)
        self._words = np.empty((16, len(keys)), np.uint64)

    def append(self, steps: Int64Array, times: Int64Array, orders: Int64Array, words: Words) -> None:
        """Appends n rows; `words` is uint64 of shape (n, k), the others int64 of shape (n,)."""
        start, end = self.count, self.count + len(steps)
        if end > len(self._steps):
            size = max(end, 2 * len(self._steps))
            self._steps = _grown(self._steps, start, size)
            self._times = _grown(self._times, start, size)
            self._orders = _grown(self._orders, start, size)
            words_grown = np.empty((size, len(self.keys)), np.uint64)
            words_grown[:start] = self._words[:start]
            self._words = words_grown
        self._steps[start:end] = steps
        self._times[start:end] = times
        self._orders[start:end] = orders
        self._words[start:end] = words
        self.count = end

    @property
    def steps(self) -> Int64Array:
        """The steps, int64 of shape (n,)."""
        return self._steps[: self.count]

    @property
    def times(self) -> Int64Array:
        """The times in nanoseconds, int64 of shape (n,)."""
        return self._times[: self.count]

    @property
    def orders(self) -> Int64Array:
        """The rows' places in the order of writing, int64 of shape (n,)."""
        return self._orders[: self.count]

    @property
    def words(self) -> Words:
        """The eight bytes of each value, uint64 of shape (n, k)."""
        return self._words[: self.count]

    def column(self, position: int) -> Words:
        """The eight bytes of one key's values, uint64 of shape (n,)."""
        return np.ascontiguousarray(self._words[: self.count, position])


def _grown(array: Int64Array, count: int, size: int) -> Int64Array:
    grown = np.empty(size, np.int64)
    grown[:count] = array[:count]
    return grown


@dataclass(slots=True)
class Cell:
    """The text of a point that is known only later: the document of a typed record that is still being encoded."""

    text: str


@dataclass
class _Texts:
    """The values of one metric that are no numbers, in the order of writing."""

    steps: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[str | Cell] = field(default_factory=list)


class Tail:
    """The unsealed points of one run."""

    def __init__(self) -> None:
        """Begins empty."""
        self.point_count = 0
        self.text_bytes = 0
        self.data_bytes = 0  # of typed records as they lie in the logs, not encoded
        self.row_count = 0
        self._tables: dict[tuple[tuple[str, ...], bytes], Table] = {}
        self._columns: dict[Key, list[tuple[Table, int]]] = {}
        self._texts: dict[Key, _Texts] = {}

    def append(
        self, keys: tuple[str, ...], types: bytes, steps: Int64Array, times: Int64Array, words: Words
    ) -> None:
        """Appends n rows of one key set of numbers and bools; `words` is uint64 of shape (n, k)."""
        orders = np.arange(self.row_count, self.row_count + len(steps))
        self._append_at(keys, types, steps, times, orders, words)
        self.row_count += len(steps)
        self.point_count += len(steps) * len(keys)

    def _append_at(
        self,
        keys: tuple[str, ...],
        types: bytes,
        steps: Int64Array,
        times: Int64Array,
        orders: Int64Array,
        words: Words,
    ) -> None:
        table = self._tables.get((keys, types))
        if table is None:
            table = self._tables[(keys, types)] = Table(keys, types)
            for position, key in enumerate(keys):
                kind: Kind = "bool" if types[position] == BOOL else "number"
                self._columns.setdefault((key, kind), []).append((table, position))
        table.append(steps, times, orders, words)

    def append_text(self, key: str, kind: Kind, step: int, time: int, value: str | Cell) -> None:
        """Appends one text ("string"), JSON text ("other"), or document of a typed record."""
        texts = self._texts.setdefault((key, kind), _Texts())
        texts.steps.append(step)
        texts.times.append(time)
        texts.values.append(value)
        self.text_bytes += len(value if isinstance(value, str) else value.text)
        self.point_count += 1

    def series_keys(self) -> list[Key]:
        """Returns the (name, kind) pairs that have points here."""
        return [*self._columns, *self._texts]

    def extents(self) -> dict[Key, tuple[int, int, int]]:
        """Returns (count, first step, last step) of each (name, kind); values at one step count each."""
        bounds = {
            id(table): (int(table.steps.min()), int(table.steps.max()))
            for table in self._tables.values()
            if table.count
        }
        found: dict[Key, tuple[int, int, int]] = {}
        for key, places in self._columns.items():
            filled = [table for table, _ in places if table.count]
            if filled:
                lows, highs = zip(*(bounds[id(table)] for table in filled), strict=True)
                found[key] = (sum(table.count for table in filled), min(lows), max(highs))
        for key, texts in self._texts.items():
            found[key] = (len(texts.steps), min(texts.steps), max(texts.steps))
        return found

    def joined(self, later: Tail) -> Tail:
        """Returns this tail with what was written later behind it; both are used up."""
        for (keys, types), table in later._tables.items():
            self._append_at(keys, types, table.steps, table.times, table.orders + self.row_count, table.words)
        for key, texts in later._texts.items():
            mine = self._texts.setdefault(key, _Texts())
            mine.steps += texts.steps
            mine.times += texts.times
            mine.values += texts.values
        self.row_count += later.row_count
        self.point_count += later.point_count
        self.text_bytes += later.text_bytes
        self.data_bytes += later.data_bytes
        return self

    def read(self, key: str, kind: Kind) -> Series:
        """Returns the points of one metric of one kind, sorted, each step once."""
        if kind not in NUMERIC_KINDS:
            texts = self._texts.get((key, kind))
            if texts is None:
                return empty(key, kind)
            return settle(
                Series(
                    key,
                    kind,
                    np.array(texts.steps, np.int64),
                    np.array(texts.times, np.int64),
                    strings=[value if isinstance(value, str) else value.text for value in texts.values],
                )
            )
        places = self._columns.get((key, kind), [])
        if not places:
            return empty(key, kind)
        parts = [_column_series(key, kind, table, position) for table, position in places]
        if len(parts) == 1:
            return settle(parts[0])
        joined = _concatenate(key, kind, parts, places)
        return settle(joined)


def _column_series(key: str, kind: Kind, table: Table, position: int) -> Series:
    words = table.column(position)
    kind_code = table.types[position]
    steps, times = table.steps, table.times  # rows are only ever appended: what is behind these never changes
    if kind_code == INT64:
        ints = words.view(np.int64)
        return Series(key, kind, steps, times, ints.astype(np.float64), ints, np.ones(len(ints), np.bool_))
    doubles = words.astype(np.float64) if kind_code == BOOL else words.view(np.float64)
    return Series(key, kind, steps, times, doubles)


def _concatenate(key: str, kind: Kind, parts: list[Series], places: list[tuple[Table, int]]) -> Series:
    """Joins columns of several tables in the order of writing."""
    order = np.argsort(np.concatenate([table.orders for table, _ in places]), kind="stable")
    has_ints = any(part.ints is not None for part in parts)
    doubles = [part.doubles for part in parts if part.doubles is not None]
    return Series(
        key,
        kind,
        np.concatenate([part.steps for part in parts])[order],
        np.concatenate([part.times for part in parts])[order],
        np.concatenate(doubles)[order],
        _joined([part.ints for part in parts], parts, np.int64)[order] if has_ints else None,
        _joined([part.int_mask for part in parts], parts, np.bool_)[order] if has_ints else None,
    )


def _joined(columns: list[Any], parts: list[Series], dtype: npt.DTypeLike) -> Any:
    return np.concatenate(
        [
            np.zeros(len(part), dtype) if column is None else column
            for column, part in zip(columns, parts, strict=True)
        ]
    )

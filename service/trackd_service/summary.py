"""Owns the summary of a run: what is kept of every metric's values, and what a person set by hand. Pure.

Invariants:
- A value counts when its step is done: the value at a metric's newest step is pending and is replaced, not counted twice,
  when the metric is logged again at that step.
- NaN stays out of min, max and mean and is counted; integers stay integers.
- A value set by hand is never overwritten by `log`.
- Statistics of all metrics are columns of one array, so that a block of rows costs a few NumPy calls however wide it is; a
  short row by itself, whose calls would cost more than its values, is counted value by value to the same result.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import struct
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackd_service.definitions import Definition, Definitions
from trackd_service.series import NUMERIC_KINDS, RECORD_KINDS, Int64Array, Kind, Series

Words: TypeAlias = npt.NDArray[np.uint64]

# What the eight bytes of a pending, first or last value are.
DOUBLE, INT64, BOOL, OBJECT = 1, 2, 3, 4

# Each kind's place is its bit in what is kept: a new kind goes to the end.
_KINDS: tuple[Kind, ...] = (*NUMERIC_KINDS, "string", "other", *RECORD_KINDS)
_KIND_BITS = {kind: np.uint32(1 << place) for place, kind in enumerate(_KINDS)}

_DOUBLE, _WORD = struct.Struct("<d"), struct.Struct("<Q")
# A row by itself costs 2 µs a metric one by one, and 30 µs by arrays, however many there are.
_SCALAR_METRICS_MAX = 20

_COLUMNS = np.dtype(
    [
        ("min", "<f8"),
        ("max", "<f8"),
        ("sum", "<f8"),
        ("count", "<i8"),  # of finite and infinite numbers that min, max and mean are of
        ("nan_count", "<i8"),
        ("total_count", "<i8"),  # of all values
        ("first_step", "<i8"),
        ("first", "<u8"),
        ("first_type", "u1"),
        ("all_ints", "?"),
        ("pending_step", "<i8"),
        ("pending", "<u8"),
        ("pending_type", "u1"),  # 0: nothing yet
    ]
)


class Summary:
    """The summary of one run."""

    def __init__(self) -> None:
        """Begins empty."""
        self._names: list[str] = []
        self._index: dict[str, int] = {}
        self._set_columns(np.zeros(64, _COLUMNS))
        self._kinds: npt.NDArray[np.uint32] | None = np.zeros(
            64, np.uint32
        )  # bits; None when they are not known
        self.mark_count = 0  # grows when a metric has values of one more kind
        self._objects: dict[int, tuple[Any, Any]] = {}  # metric -> (first, last) of text and other values
        self.by_hand: dict[str, Any] = {}

    def _set_columns(self, columns: npt.NDArray[Any]) -> None:
        self._columns = columns
        self._fields = {name: columns[name] for name in _COLUMNS.names or ()}  # views: finding one takes time

    # -- names -----------------------------------------------------------------------------------------------------

    def indices(self, names: Iterable[str]) -> Int64Array:
        """Returns the positions of metrics, adding new ones."""
        result = []
        for name in names:
            position = self._index.get(name)
            if position is None:
                position = len(self._names)
                self._names.append(name)
                self._index[name] = position
                if position >= len(self._columns):
                    grown = np.zeros(len(self._columns) * 2, _COLUMNS)
                    grown[:position] = self._columns
                    self._set_columns(grown)
                    if self._kinds is not None:
                        self._kinds = np.append(self._kinds, np.zeros(len(self._kinds), np.uint32))
            result.append(position)
        return np.array(result, np.int64)

    def new(self, names: Iterable[str]) -> list[str]:
        """Returns the names, each once, that are no metrics yet."""
        return [name for name in dict.fromkeys(names) if name not in self._index]

    @property
    def metric_count(self) -> int:
        """How many metrics there are."""
        return len(self._names)

    def names(self) -> list[str]:
        """Returns the metrics' names, in the order first logged."""
        return list(self._names)

    # -- kinds -----------------------------------------------------------------------------------------------------

    def mark(self, metrics: Int64Array, kind: Kind) -> None:
        """Says that metrics have values of a kind."""
        if self._kinds is None or not len(metrics):
            return
        bits = self._kinds[metrics] | _KIND_BITS[kind]
        if (bits != self._kinds[metrics]).any():
            self._kinds[metrics] = bits
            self.mark_count += 1

    def kinds(self) -> dict[str, list[str]] | None:
        """Returns the names of the metrics by the kinds of their values; None when that is not known."""
        if self._kinds is None:
            return None
        kinds = self._kinds[: len(self._names)]
        found: dict[str, list[str]] = {}
        for kind, bit in _KIND_BITS.items():
            places = np.flatnonzero(kinds & bit)
            if len(places):
                found[kind] = [self._names[place] for place in places.tolist()]
        return found

    def set_kinds(self, kinds: Iterable[tuple[str, Kind]]) -> None:
        """Says all (name, kind) that there are, where that was not known."""
        self._kinds = np.zeros(max(64, len(self._columns)), np.uint32)
        for name, kind in kinds:
            self.mark(self.indices([name]), kind)

    # -- adding ----------------------------------------------------------------------------------------------------

    def add_rows(
        self, metrics: Int64Array, types: npt.NDArray[np.uint8], steps: Int64Array, words: Words
    ) -> None:
        """Adds rows of numbers and bools.

        Args:
            metrics: int64 array of shape (k,), each once, from `indices`.
            types: uint8 array of shape (k,), DOUBLE, INT64 or BOOL.
            steps: int64 array of shape (n,), in the order logged.
            words: uint64 array of shape (n, k), the eight bytes of each value.
        """
        if not len(metrics) or not len(steps):
            return
        if len(steps) == 1 and len(metrics) <= _SCALAR_METRICS_MAX:
            step = int(steps[0])
            for metric, kind, word in zip(metrics.tolist(), types.tolist(), words[0].tolist(), strict=True):
                self._add_one(metric, kind, step, word)
        elif len(steps) == 1 or (
            bool((steps[1:] > steps[:-1]).all())
            and not self._begins_late(metrics, int(steps[0]), int(steps[-1]))
        ):
            self._add_ascending(metrics, types, steps, words)
        else:
            for position in range(len(steps)):
                self._add_ascending(
                    metrics, types, steps[position : position + 1], words[position : position + 1]
                )

    def _begins_late(self, metrics: Int64Array, first_step: int, last_step: int) -> bool:
        """Whether rows begin before a metric's pending step and come to it: one of them may take its place."""
        pending = self._columns["pending_step"][metrics]
        is_within = (first_step < pending) & (pending <= last_step)
        return bool((is_within & (self._columns["pending_type"][metrics] != 0)).any())

    def _add_one(self, metric: int, kind: int, step: int, word: int) -> None:
        """Adds one value, as `_add_ascending` does."""
        fields = self._fields
        pending_kind = fields["pending_type"].item(metric)
        if pending_kind:
            pending_step = fields["pending_step"].item(metric)
            if pending_step > step:
                self._fold_one(metric, kind, step, word)
                return
            if pending_step != step:
                self._fold_one(metric, pending_kind, pending_step, fields["pending"].item(metric))
        fields["pending"][metric] = word
        fields["pending_type"][metric] = kind
        fields["pending_step"][metric] = step

    def _fold_one(self, metric: int, kind: int, step: int, word: int) -> None:
        """Counts one value whose step is done, as `_fold` does."""
        fields = self._fields
        total_count = fields["total_count"].item(metric)
        if total_count == 0:
            fields["first"][metric] = word
            fields["first_type"][metric] = kind
            fields["first_step"][metric] = step
            fields["min"][metric] = math.inf
            fields["max"][metric] = -math.inf
            fields["all_ints"][metric] = True
        fields["total_count"][metric] = total_count + 1
        if kind == DOUBLE:
            value = _DOUBLE.unpack(_WORD.pack(word))[0]
            fields["all_ints"][metric] = False
            if value != value:  # noqa: PLR0124 - NaN
                fields["nan_count"][metric] += 1
                return
        elif kind == INT64:
            value = float(word - (1 << 64) if word >> 63 else word)
        else:
            return
        fields["count"][metric] += 1
        fields["sum"][metric] = fields["sum"].item(metric) + value
        if value < fields["min"].item(metric):
            fields["min"][metric] = value
        if value > fields["max"].item(metric):
            fields["max"][metric] = value

    def _add_ascending(
        self, metrics: Int64Array, types: npt.NDArray[np.uint8], steps: Int64Array, words: Words
    ) -> None:
        columns = self._columns
        pending_step = columns["pending_step"][metrics]
        has_pending = columns["pending_type"][metrics] != 0
        late = has_pending & (pending_step > steps[-1])
        if late.any():
            self._fold(metrics[late], types[late], steps, words[:, late])
            on_time = ~late
            metrics, types, words = metrics[on_time], types[on_time], words[:, on_time]
            pending_step, has_pending = pending_step[on_time], has_pending[on_time]
            if not len(metrics):
                return
        done = metrics[has_pending & (pending_step != steps[0])]
        if len(done):
            self._fold(
                done,
                columns["pending_type"][done],
                columns["pending_step"][done].copy(),
                columns["pending"][done].copy()[None, :],
            )
        if len(steps) > 1:
            self._fold(metrics, types, steps[:-1], words[:-1])
        columns["pending"][metrics] = words[-1]
        columns["pending_type"][metrics] = types
        columns["pending_step"][metrics] = steps[-1]

    def _fold(
        self,
        metrics: Int64Array,
        types: npt.NDArray[np.uint8],
        steps: Int64Array,
        words: Words,
    ) -> None:
        """Counts values whose step is done: `steps` is per row, or, for one row, per metric."""
        columns = self._columns
        fresh = columns["total_count"][metrics] == 0
        first_steps = (
            steps if len(steps) == len(metrics) and len(words) == 1 else np.full(len(metrics), steps[0])
        )
        if fresh.any():
            new = metrics[fresh]
            columns["first"][new] = words[0][fresh]
            columns["first_type"][new] = types[fresh]
            columns["first_step"][new] = first_steps[fresh]
            columns["min"][new] = np.inf
            columns["max"][new] = -np.inf
            columns["all_ints"][new] = True
        columns["total_count"][metrics] += len(words)
        numeric = (types == DOUBLE) | (types == INT64)
        if not numeric.all():
            metrics, types, words = metrics[numeric], types[numeric], words[:, numeric]
            if not len(metrics):
                return
        values = as_doubles(words, types)
        missing = np.isnan(values)
        has_missing = bool(missing.any())
        columns["count"][metrics] += len(values) - (missing.sum(axis=0) if has_missing else 0)
        if has_missing:
            columns["nan_count"][metrics] += missing.sum(axis=0)
            columns["sum"][metrics] += np.where(missing, 0.0, values).sum(axis=0)
        else:
            with np.errstate(invalid="ignore"):  # inf - inf is NaN, as it should be
                columns["sum"][metrics] += values.sum(axis=0)
        columns["min"][metrics] = np.fmin(columns["min"][metrics], np.fmin.reduce(values, axis=0))
        columns["max"][metrics] = np.fmax(columns["max"][metrics], np.fmax.reduce(values, axis=0))
        columns["all_ints"][metrics] &= types == INT64

    def add_object(self, metric: int, step: int, value: Any) -> None:
        """Adds one text or other value."""
        columns = self._columns
        first, _ = self._objects.get(metric, (value, None))
        if columns["pending_type"][metric] and columns["pending_step"][metric] > step:
            return
        if columns["pending_type"][metric] and columns["pending_step"][metric] != step:
            one = np.array([metric])
            self._fold(
                one,
                columns["pending_type"][one],
                columns["pending_step"][one].copy(),
                columns["pending"][one].copy()[None, :],
            )
        self._objects[metric] = (first, value)
        columns["pending_type"][metric] = OBJECT
        columns["pending_step"][metric] = step
        columns["pending"][metric] = 0

    def add_series(self, series: Series) -> None:
        """Adds all points of a series."""
        if not len(series):
            return
        metrics = self.indices([series.key])
        self.mark(metrics, series.kind)
        if series.doubles is None:
            # Only the first and the last text are kept.
            for position in dict.fromkeys((0, len(series) - 1)):
                text = (series.strings or [])[position]
                value = text if series.kind == "string" else json.loads(text)
                self.add_object(int(metrics[0]), int(series.steps[position]), value)
            return
        if series.kind == "bool":
            self._add_numbers(metrics, BOOL, series.steps, series.doubles.astype(np.uint64))
            return
        if series.ints is None or series.int_mask is None:
            self._add_numbers(metrics, DOUBLE, series.steps, series.doubles.view(np.uint64))
            return
        # Stretches of one type: a metric that was logged as both is rare, and changes rarely.
        changes = np.flatnonzero(series.int_mask[1:] != series.int_mask[:-1]) + 1
        bounds = [0, *changes.tolist(), len(series)]
        for start, end in itertools.pairwise(bounds):
            is_int = bool(series.int_mask[start])
            column = series.ints[start:end] if is_int else series.doubles[start:end]
            self._add_numbers(
                metrics, INT64 if is_int else DOUBLE, series.steps[start:end], column.view(np.uint64)
            )

    def _add_numbers(self, metrics: Int64Array, kind: int, steps: Int64Array, column: Words) -> None:
        self.add_rows(metrics, np.array([kind], np.uint8), steps, column[:, None])

    def absorb(self, other: Summary) -> None:
        """Takes in the summary of other writers of the run, which logged apart; what is newest of a metric is by its step."""
        theirs = other._columns[: len(other._names)]
        metrics = self.indices(other._names)
        for position, metric in enumerate(metrics.tolist()):
            self._absorb_one(metric, theirs[position], other._objects.get(position))
        self.by_hand = {**other.by_hand, **self.by_hand}
        if self._kinds is None or other._kinds is None:
            self._kinds = None
        else:
            self._kinds[metrics] |= other._kinds[: len(other._names)]

    def _absorb_one(self, metric: int, row: Any, texts: tuple[Any, Any] | None) -> None:
        if not row["pending_type"]:
            return
        columns = self._columns
        if not columns["pending_type"][metric]:
            columns[metric] = row
            if texts is not None:
                self._objects[metric] = texts
            return
        mine, theirs = _first_of(columns[metric]), _first_of(row)
        first = theirs if theirs[0] < mine[0] else mine
        if row["total_count"]:
            if not columns["total_count"][metric]:
                for name in ("min", "max", "all_ints"):
                    columns[name][metric] = row[name]
            else:
                columns["min"][metric] = min(columns["min"][metric], row["min"])
                columns["max"][metric] = max(columns["max"][metric], row["max"])
                columns["all_ints"][metric] &= row["all_ints"]
            with np.errstate(invalid="ignore"):  # inf - inf is NaN, as it should be
                for name in ("sum", "count", "nan_count", "total_count"):
                    columns[name][metric] += row[name]
        # Of the two newest values only the newer one can still be replaced.
        is_newer = bool(row["pending_step"] >= columns["pending_step"][metric])
        older = columns[metric].copy() if is_newer else row
        self._fold_one(metric, *(int(older[name]) for name in ("pending_type", "pending_step", "pending")))
        if is_newer:
            for name in ("pending_type", "pending_step", "pending"):
                columns[name][metric] = row[name]
        columns["first_step"][metric], columns["first_type"][metric], columns["first"][metric] = first
        ours = self._objects.get(metric)
        if texts is not None:
            earliest, latest = (texts if first is theirs else ours), (texts if is_newer else ours)
            self._objects[metric] = ((earliest or texts)[0], (latest or texts)[1])

    # -- reading ---------------------------------------------------------------------------------------------------

    def last_number(self, name: str) -> tuple[int, int] | None:
        """Returns the last value of a metric as (type, eight bytes), or None when it is no number."""
        position = self._index.get(name)
        if position is None:
            return None
        kind = int(self._columns["pending_type"][position])
        return (kind, int(self._columns["pending"][position])) if kind in (DOUBLE, INT64) else None

    def read(self, definitions: Definitions) -> dict[str, Any]:
        """Returns the summary by dotted key: what the definitions ask of each metric, under what was set by hand."""
        result: dict[str, Any] = {}
        columns = self._columns[: len(self._names)].copy()
        pending_types = columns["pending_type"].tolist()
        pending = columns["pending"]
        doubles = pending.view("<f8").tolist()
        ints = pending.view("<i8").tolist()
        for position, name in enumerate(self._names):
            kind = pending_types[position]
            if not kind or name in self.by_hand:
                continue
            definition = definitions.of(name)
            if definition is not None and definition.summary_kinds:
                result.update(self._tracked(position, name, definition))
            elif kind == DOUBLE:
                result[name] = doubles[position]
            elif kind == OBJECT:
                result[name] = self._objects[position][1]
            else:
                result[name] = bool(ints[position]) if kind == BOOL else ints[position]
        result.update(self.by_hand)
        return result

    def _tracked(self, position: int, name: str, definition: Definition) -> dict[str, Any]:
        kinds = definition.summary_kinds
        if "none" in kinds:
            return {}
        row = self._columns[position]
        last = self._value(int(row["pending_type"]), int(row["pending"]), position, 1)
        if not (set(kinds) - {"copy"}):
            return {name: last}
        is_number = int(row["pending_type"]) in (DOUBLE, INT64)
        number = float(last) if is_number else math.nan
        counts_last = is_number and not math.isnan(number)
        count = int(row["count"]) + counts_last
        low = min(float(row["min"]) if row["count"] else math.inf, number if counts_last else math.inf)
        high = max(float(row["max"]) if row["count"] else -math.inf, number if counts_last else -math.inf)
        is_int = (not row["total_count"] or bool(row["all_ints"])) and int(row["pending_type"]) == INT64
        result: dict[str, Any] = {}
        for kind in kinds:
            if kind == "last":
                result[f"{name}.last"] = last
            elif kind == "first":
                has_first = row["total_count"] > 0
                result[f"{name}.first"] = (
                    self._value(int(row["first_type"]), int(row["first"]), position, 0) if has_first else last
                )
            elif not count:
                continue  # no number yet: nothing is better than a number nobody logged
            elif kind == "mean":
                total = float(row["sum"]) + (number if counts_last else 0.0)
                result[f"{name}.mean"] = total / count
            elif kind != "copy":
                lowest = kind == "min" or (kind == "best" and definition.goal != "maximize")
                value = low if lowest else high
                result[f"{name}.{kind}"] = int(value) if is_int else value
        return result

    def _value(self, kind: int, word: int, position: int, which: int) -> Any:
        if kind == OBJECT:
            return self._objects[position][which]
        raw = np.array([word], np.uint64)
        if kind == DOUBLE:
            return float(raw.view(np.float64)[0])
        return bool(word) if kind == BOOL else int(raw.view(np.int64)[0])

    # -- keeping ---------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Returns everything as bytes, for the catalog."""
        buffer = io.BytesIO()
        text = json.dumps(
            {
                "version": 1,
                "names": self._names,
                "objects": {str(key): value for key, value in self._objects.items()},
                "by_hand": self.by_hand,
            }
        )
        arrays: dict[str, Any] = {
            "columns": self._columns[: len(self._names)],
            "text": np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8),
        }
        if self._kinds is not None:
            arrays["kinds"] = self._kinds[: len(self._names)]
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @staticmethod
    def load(data: bytes) -> Summary:
        """Returns a summary from `dump`."""
        summary = Summary()
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            text = json.loads(stored["text"].tobytes().decode("utf-8", "surrogatepass"))
            columns = stored["columns"]
            kinds = stored.get("kinds")  # an older trackd did not keep them
        summary._names = list(text["names"])
        summary._index = {name: position for position, name in enumerate(summary._names)}
        summary._set_columns(np.zeros(max(64, len(columns)), _COLUMNS))
        summary._columns[: len(columns)] = columns
        summary._kinds = None
        if kinds is not None:
            summary._kinds = np.zeros(len(summary._columns), np.uint32)
            summary._kinds[: len(kinds)] = kinds
        summary._objects = {int(key): (value[0], value[1]) for key, value in text["objects"].items()}
        summary.by_hand = dict(text["by_hand"])
        return summary


def _first_of(row: Any) -> tuple[int, int, int]:
    """Returns step, type and eight bytes of a metric's first value, whether its step is done or not."""
    names = ("first_step", "first_type", "first")
    if not row["total_count"]:
        names = ("pending_step", "pending_type", "pending")
    step, kind, word = (int(row[name]) for name in names)
    return step, kind, word


def as_doubles(words: Words, types: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Returns values as float64 of shape (n, k); `types` is uint8 of shape (k,)."""
    values: npt.NDArray[np.float64] = words.view(np.float64)
    is_double = types == DOUBLE
    if is_double.all():
        return values
    values = values.copy()
    values[:, ~is_double] = words[:, ~is_double].view(np.int64)
    return values

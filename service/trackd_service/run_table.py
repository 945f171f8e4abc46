"""Owns the columns of a project's runs: fields, config and summary of every run, a column each, kept in memory.

Invariants: a row is a run, and keeps its slot while the run is there; a column holds only the runs that have a value, so
that a thousand metrics of one run among thousands take their own place and no more; null is no value. A number is a
number and a text a text: nothing is converted, integers beyond 2^53 stay exact. No I/O and no clock.
"""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Slots: TypeAlias = npt.NDArray[np.int64]

# What a cell is, in the order in which values of different types are sorted; 0 is a cell without a value.
MISSING, BOOL, INT, FLOAT, BIG, TEXT, JSON = range(7)
NUMBERS = (INT, FLOAT, BIG)
_EXACT_MAX = 1 << 53  # up to here a float64 holds every integer
_SHARED_CHARACTERS_MAX = 64  # of texts that many runs are likely to have: kept once

# The fields of a run that are columns, and what they are.
FIELDS = {
    "name": "string",
    "id": "string",
    "state": "string",
    "group": "string",
    "job_type": "string",
    "tags": "list",
    "notes": "string",
    "create_time": "time",
    "update_time": "time",
    "finish_time": "time",
    "duration": "duration",
    "host": "string",
    "program": "string",
    "step": "number",
    "metric_count": "number",
    "exit_code": "number",
    "signal": "number",
    "end_reason": "string",
    "stalled": "bool",
    "archived": "bool",
}


def values_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a run's whole document by column.

    Times are milliseconds since 1970, the duration is seconds (of a run that is at work: up to its last record), `step` is
    the last step. A field that nobody has filled is left out.
    """
    end = document["finish_time_unix_ms"]
    begin, last = document["create_time_unix_ms"], document["update_time_unix_ms"]
    process = document.get("process") or {}
    values: dict[str, Any] = {
        "name": document["name"] or document["run_id"],
        "id": document["run_id"],
        "state": document["state"],
        "group": document["group"] or None,
        "job_type": document["job_type"] or None,
        "tags": document["tags"] or None,
        "notes": document["notes"] or None,
        "create_time": begin,
        "update_time": last,
        "finish_time": end,
        "duration": max(0.0, ((last if end is None else end) - begin) / 1e3),
        "host": process.get("host") or None,
        "program": process.get("program") or None,
        "step": document["next_step"] - 1 if document["next_step"] else None,
        "metric_count": document["metric_count"],
        "exit_code": document["exit_code"],
        "signal": document["signal"] or None,
        "end_reason": document.get("end_reason") or None,
        "stalled": bool(document.get("stalled")),
        "archived": bool(document.get("archived")),
    }
    for key, value in _leaves(document.get("config") or {}, ""):
        values.setdefault(f"config.{key}", value)
    for key, value in (document.get("summary") or {}).items():
        values[f"summary.{key}"] = value
    return values


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields nested values by their keys with dots; a key that has dots itself comes before what is nested."""
    nested: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            nested.append((f"{prefix}{key}.", value))
        else:
            yield f"{prefix}{key}", value
    for inner, mapping in nested:
        yield from _leaves(mapping, inner)


def _encode(value: Any) -> tuple[int, float, Any]:
    """Returns what a value is, its number, and what is kept of it when that says not all."""
    if isinstance(value, float):
        return FLOAT, value, None
    if isinstance(value, bool):
        return BOOL, float(value), None
    if isinstance(value, int):
        if -_EXACT_MAX <= value <= _EXACT_MAX:
            return INT, float(value), None
        try:
            return BIG, float(value), value
        except OverflowError:
            return BIG, float("inf") if value > 0 else float("-inf"), value
    if isinstance(value, str):
        return TEXT, 0.0, sys.intern(value) if len(value) <= _SHARED_CHARACTERS_MAX else value
    return JSON, 0.0, json.dumps(value, sort_keys=True)


class Column:
    """The values of one column, by slot, ascending."""

    __slots__ = ("_kinds", "_numbers", "_objects", "_slots")

    def __init__(self) -> None:
        """Begins without values."""
        # Arrays that grow in place; NumPy sees copies, because what looks into an array keeps it from growing.
        self._slots = array("i")
        self._kinds = bytearray()
        self._numbers = array("d")
        self._objects: list[Any] | None = None

    def __len__(self) -> int:
        """Returns how many runs have a value."""
        return len(self._slots)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes; of long texts, not what they take."""
        objects = 64 * sum(each is not None for each in self._objects) if self._objects is not None else 0
        return 400 + 13 * len(self._slots) + objects

    def set(self, slot: int, value: Any) -> None:
        """Sets a run's value, which is not None."""
        slots = self._slots
        if type(value) is float and self._objects is None and (not slots or slot > slots[-1]):
            slots.append(slot)  # most cells of most tables, when it is made: a third of the time
            self._kinds.append(FLOAT)
            self._numbers.append(value)
            return
        kind, number, kept = _encode(value)
        place = len(slots)
        if place and slot <= self._slots[-1]:
            place = bisect_left(self._slots, slot)
            if self._slots[place] == slot:
                self._kinds[place], self._numbers[place] = kind, number
                if kept is not None or self._objects is not None:
                    self._kept()[place] = kept
                return
        if kept is not None:
            self._kept()
        self._slots.insert(place, slot)
        self._kinds.insert(place, kind)
        self._numbers.insert(place, number)
        if self._objects is not None:
            self._objects.insert(place, kept)

    def _kept(self) -> list[Any]:
        if self._objects is None:
            self._objects = [None] * len(self._slots)
        return self._objects

    def remove(self, slot: int) -> None:
        """Removes a run's value, when it has one."""
        place = bisect_left(self._slots, slot)
        if place < len(self._slots) and self._slots[place] == slot:
            del self._slots[place], self._kinds[place], self._numbers[place]
            if self._objects is not None:
                del self._objects[place]

    def gather(self, rows: Slots, capacity: int) -> Cells:
        """Returns the cells of runs by their slots, which are below `capacity`."""
        where = np.full(capacity, -1, np.int64)
        where[np.array(self._slots, np.int64)] = np.arange(len(self._slots))
        places = where[rows]
        has = places >= 0
        kinds = np.zeros(len(rows), np.uint8)
        numbers = np.full(len(rows), np.nan)
        kinds[has] = np.array(self._kinds, np.uint8)[places[has]]
        numbers[has] = np.array(self._numbers, np.float64)[places[has]]
        return Cells(kinds, numbers, places, self._objects)


class Cells:
    """The cells of one column for some runs, in their order.

    Attributes:
        kinds: uint8 array of shape (n,), `MISSING` to `JSON`.
        numbers: float64 array of shape (n,): numbers, and truth values as 0 and 1; NaN where there is no value.
    """

    __slots__ = ("_objects", "_places", "kinds", "numbers")

    def __init__(
        self, kinds: npt.NDArray[np.uint8], numbers: npt.NDArray[np.float64], places: Slots, objects: Any
    ) -> None:
        """Takes the arrays, and where in the list of other values each one's is."""
        self.kinds = kinds
        self.numbers = numbers
        self._places = places
        self._objects = objects

    def kept(self, positions: Slots) -> list[Any]:
        """Returns texts, integers beyond 2^53, and JSON texts, at positions that have such."""
        return [self._objects[place] for place in self._places[positions].tolist()]

    def value(self, position: int) -> Any:
        """Returns one cell's value, None where there is none."""
        kind = self.kinds[position]
        if kind == MISSING:
            return None
        if kind in (TEXT, BIG):
            return self._objects[self._places[position]]
        if kind == JSON:
            return json.loads(self._objects[self._places[position]])
        number = float(self.numbers[position])
        return number if kind == FLOAT else bool(number) if kind == BOOL else int(number)

    def values(self) -> list[Any]:
        """Returns all cells' values."""
        return [self.value(position) for position in range(len(self.kinds))]

    def is_number(self) -> npt.NDArray[np.bool_]:
        """Returns which cells are numbers, NaN and infinities included, as a bool array of shape (n,)."""
        return (self.kinds >= INT) & (self.kinds <= BIG)


class RunTable:
    """The runs of one project."""

    def __init__(self) -> None:
        """Begins without runs."""
        self.columns: dict[str, Column] = {}
        self.slots: dict[str, int] = {}
        self.revision = 0
        self._ids: list[str] = []  # by slot; "" of a free one
        self._briefs: list[str] = []
        self._shapes: list[tuple[str, ...]] = []
        self._known_shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._free: list[int] = []
        self._order: Slots | None = None

    def __len__(self) -> int:
        """Returns how many runs there are."""
        return len(self.slots)

    @property
    def capacity(self) -> int:
        """A number above every slot."""
        return len(self._ids)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        names = 100 * len(self.columns)
        return (
            names + sum(column.size_bytes for column in self.columns.values()) + sum(map(len, self._briefs))
        )

    def put(self, run_id: str, values: Mapping[str, Any], brief: str) -> None:
        """Adds a run, or puts it in the place of what was known of it; `brief` is its brief form as JSON."""
        slot = self.slots.get(run_id)
        if slot is None:
            slot = self._new_slot(run_id)
        present = {name: value for name, value in values.items() if value is not None}
        shape = tuple(present)
        shape = self._known_shapes.setdefault(shape, shape)
        former = self._shapes[slot]
        if former is not shape:
            for name in set(former).difference(present):
                self._remove(name, slot)
            self._shapes[slot] = shape
        for name, value in present.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[sys.intern(name)] = Column()
            column.set(slot, value)
        self._briefs[slot] = brief

    def _new_slot(self, run_id: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._ids[slot] = run_id
        else:
            slot = len(self._ids)
            self._ids.append(run_id)
            self._briefs.append("")
            self._shapes.append(())
        self.slots[run_id] = slot
        self._order = None
        return slot

    def remove(self, run_id: str) -> None:
        """Removes a run."""
        slot = self.slots.pop(run_id)
        for name in self._shapes[slot]:
            self._remove(name, slot)
        self._ids[slot], self._briefs[slot], self._shapes[slot] = "", "", ()
        self._free.append(slot)
        self._order = None

    def _remove(self, name: str, slot: int) -> None:
        column = self.columns[name]
        column.remove(slot)
        if not len(column):
            del self.columns[name]

    def rows(self) -> Slots:
        """Returns the slots of all runs, newest first, those of one moment by id."""
        if self._order is None:
            # When a run began never changes.
            ordered = sorted(self.slots.items())
            slots = np.array([slot for _, slot in ordered], np.int64)
            times = self.cells("create_time", slots).numbers
            self._order = slots[np.argsort(-times, kind="stable")]
        return self._order

    def cells(self, name: str, rows: Slots) -> Cells:
        """Returns the cells of a column; of one that no run has, empty ones."""
        return self.columns.get(name, _NO_COLUMN).gather(rows, max(1, self.capacity))

    def ids(self, rows: Slots) -> list[str]:
        """Returns the ids of runs."""
        return [self._ids[slot] for slot in rows.tolist()]

    def briefs(self, rows: Slots) -> list[str]:
        """Returns the brief forms of runs, each as JSON."""
        return [self._briefs[slot] for slot in rows.tolist()]

    def find(self, run_ids: Iterable[str]) -> Slots:
        """Returns the slots of those of the runs that are there, in the order given."""
        found = (self.slots.get(run_id) for run_id in run_ids)
        return np.array([slot for slot in found if slot is not None], np.int64)


_NO_COLUMN = Column()

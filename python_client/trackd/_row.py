"""Owns a row that is more than plain numbers under known names: checked, flattened, its records encoded.

Invariant: a value that cannot be kept costs itself alone; the others of its row are kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trackd import _leaves, _values
from trackd._record import Draft

if TYPE_CHECKING:
    from trackd._run import Run
    from trackd._wire import Leaf

INT64_MAX = (1 << 63) - 1
_PLAIN_NUMBERS = (float, int, bool)


class Row:
    """One row.

    Attributes:
        items: Leaves by dotted name.
        is_numbers: Whether every leaf is a number.
        time_ns: When it was logged, in nanoseconds since 1970; what the row itself says of it wins.
        draft: The bytes of its records.
        problems: Why values are not in it.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Reads the row; never changes `data`."""
        self.items: dict[str, Leaf] = {}
        self.is_numbers = True
        self.time_ns = time.time_ns()
        self.draft = Draft()
        self.problems: list[Exception] = []
        for key, value in _values.flatten(data, self.problems):
            if key in _values.RESERVED_KEYS:
                if key == "_timestamp" and isinstance(value, _PLAIN_NUMBERS):
                    self.time_ns = _nanos(float(value), self.time_ns)
                continue
            try:
                leaf = _leaves.leaf(_values.check_key(key), value, self.draft)
            except (TypeError, ValueError, OSError) as problem:
                self.problems.append(problem)
                continue
            self.items[key] = leaf
            self.is_numbers = self.is_numbers and not isinstance(leaf, str | bytes)


class History:
    """The row that is being collected: `run.history.row["x"] = 1`, then `run.history.add({...})`."""

    def __init__(self, run: Run) -> None:
        """Begins with an empty row."""
        self._run = run
        self.row: dict[str, Any] = {}

    def add(self, row: Mapping[str, Any] | None = None, step: int | None = None) -> None:
        """Logs the collected row with `row` over it, and begins a new one."""
        data = {**self.row, **(row or {})}
        self.row = {}
        self._run.log(data, step=step, commit=True)


def check_step(step: Any) -> int | None:
    """Returns a step as an integer, or None. Raises TypeError for what is no integer, ValueError for one over 63 bits."""
    if step is None or type(step) is int:
        number = step
    elif hasattr(step, "__index__") and not isinstance(step, bool):
        number = step.__index__()  # NumPy integers and 0-d integer tensors
    else:
        raise TypeError(f"step is {step!r} of type {type(step).__name__}; it must be an int")
    if number is not None and number > INT64_MAX:
        raise ValueError(f"step is {number}; the largest is 2^63-1")
    return number


def _nanos(seconds: float, now: int) -> int:
    """Returns a time given in seconds as nanoseconds, or `now` when it cannot be one."""
    return int(seconds * 1e9) if abs(seconds) < INT64_MAX / 1e9 else now

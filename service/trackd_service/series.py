"""Owns the value type of everything that is read: a series, the points of one metric of one kind in one run.

Invariants: a `Series` is sorted by step, has each step once, and all its columns have one length. Where two writes
meet at one step the later write wins. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Kind: TypeAlias = Literal[
    "number", "bool", "string", "other",
    "histogram", "image", "video", "audio", "object_3d", "molecule", "table", "html", "plot", "markdown", "array",
]  # fmt: skip
Int64Array: TypeAlias = npt.NDArray[np.int64]
Float64Array: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

NUMERIC_KINDS: tuple[Kind, ...] = ("number", "bool")
# The kinds of typed records: a point is the record's document as JSON (docs/records.md).
RECORD_KINDS: tuple[Kind, ...] = (
    "histogram", "image", "video", "audio", "object_3d", "molecule", "table", "html", "plot", "markdown", "array",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one metric of one kind.

    Attributes:
        key: The metric's name.
        kind: What the values are: `number` (doubles and integers), `bool`, `string`, `other` (JSON), or one of
            `RECORD_KINDS`.
        steps: int64 array of shape (n,), strictly ascending.
        times: int64 array of shape (n,), nanoseconds since 1970 UTC.
        doubles: float64 array of shape (n,) for `number` and `bool` (0 or 1), NaN and infinities allowed; else None.
        ints: int64 array of shape (n,) with the exact integers, or None when no value was logged as an integer.
        int_mask: bool array of shape (n,), true where `ints` holds the exact value; None when `ints` is.
        strings: n texts for `string`, n JSON texts for `other` and typed records; else None.
    """

    key: str
    kind: Kind
    steps: Int64Array
    times: Int64Array
    doubles: Float64Array | None = None
    ints: Int64Array | None = None
    int_mask: BoolArray | None = None
    strings: list[str] | None = None

    def __len__(self) -> int:
        """Returns the number of points."""
        return len(self.steps)

    def take(self, selection: slice | Int64Array | BoolArray) -> Series:
        """Returns the points at `selection`: a slice, ascending positions (int64), or a mask (bool)."""
        strings = self.strings
        if strings is not None:
            if isinstance(selection, slice):
                strings = strings[selection]
            else:
                positions = np.flatnonzero(selection) if selection.dtype == np.bool_ else selection
                strings = [strings[i] for i in positions.tolist()]
        return Series(
            self.key,
            self.kind,
            self.steps[selection],
            self.times[selection],
            None if self.doubles is None else self.doubles[selection],
            None if self.ints is None else self.ints[selection],
            None if self.int_mask is None else self.int_mask[selection],
            strings,
        )

    def between(self, min_step: int | None, max_step: int | None) -> Series:
        """Returns the points with `min_step` <= step < `max_step`; None leaves an end open."""
        low = 0 if min_step is None else int(np.searchsorted(self.steps, min_step))
        high = len(self) if max_step is None else int(np.searchsorted(self.steps, max_step))
        return self if low == 0 and high == len(self) else self.take(slice(low, high))


def empty(key: str, kind: Kind) -> Series:
    """Returns a series with no points."""
    none = np.empty(0, np.int64)
    numeric = kind in NUMERIC_KINDS
    return Series(key, kind, none, none, np.empty(0) if numeric else None, strings=None if numeric else [])


def merge(parts: list[Series]) -> Series:
    """Joins parts of one series, given in the order they were written.

    Args:
        parts: At least one part; all of one key and kind. Each part may be unsorted and repeat steps.

    Returns:
        One sorted series; of several points at one step the last written stays.
    """
    parts = [part for part in parts if len(part)] or parts[
        :1
    ]  # most tails of ended runs are empty: no copy for them
    if len(parts) == 1:
        return settle(parts[0])
    first = parts[0]
    ints: Int64Array | None = None
    int_mask: BoolArray | None = None
    if any(part.ints is not None for part in parts):
        ints = np.concatenate(
            [np.zeros(len(part), np.int64) if part.ints is None else part.ints for part in parts]
        )
        int_mask = np.concatenate(
            [np.zeros(len(part), np.bool_) if part.int_mask is None else part.int_mask for part in parts]
        )
    return settle(
        Series(
            first.key,
            first.kind,
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.times for part in parts]),
            None
            if first.doubles is None
            else np.concatenate([part.doubles for part in parts if part.doubles is not None]),
            ints,
            int_mask,
            None
            if first.strings is None
            else [text for part in parts if part.strings is not None for text in part.strings],
        )
    )


def settle(series: Series) -> Series:
    """Sorts points given in the order they were written, and keeps the last one of each step."""
    steps = series.steps
    if len(steps) < 2 or bool(np.all(steps[1:] > steps[:-1])):
        return series
    order = np.argsort(steps, kind="stable")
    ordered = steps[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    return series.take(order[last])

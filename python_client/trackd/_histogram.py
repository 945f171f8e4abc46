"""Owns `Histogram`: a sequence that the daemon bins, or bins that were made already.

Invariant: a sequence is copied and nothing else; counting is the daemon's work.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from trackd import _record, _wire

BINS_MAX = 512  # the contract's limit: more bins than a heat map has pixels
BINS_DEFAULT = 64


class Histogram(_record.Record):
    """A histogram of numbers.

    Args:
        sequence: Numbers or truth values of any shape: an array, a tensor, (nested) lists. NaN and infinities are counted
            apart.
        np_histogram: Counts and edges, as `numpy.histogram` returns them; instead of `sequence`. Counts may be densities.
        num_bins: How many bins of equal width to make of `sequence`, 1 to 512.

    Raises:
        ValueError: there are more than 512 bins, or counts and edges do not fit together.
        TypeError: the values are no numbers, or neither or both of `sequence` and `np_histogram` are given.
    """

    kind = "histogram"
    field = 1

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = BINS_DEFAULT) -> None:
        if (sequence is None) == (np_histogram is None):
            raise TypeError(
                f"Histogram: {'neither' if sequence is None else 'both'} of sequence and np_histogram given; "
                "give one of them"
            )
        self._raw: Any = None
        self._binned: tuple[list[float], list[float]] | None = None  # counts and edges
        if np_histogram is not None:
            self._binned = _check_binned(np_histogram)
            return
        if isinstance(num_bins, bool) or not hasattr(num_bins, "__index__"):
            raise TypeError(f"Histogram: num_bins is {num_bins!r}; it is an integer of 1 to {BINS_MAX}")
        _check_bin_count(int(num_bins))
        self._bin_count = int(num_bins)
        try:
            self._raw = _record.owned(_record.as_array(sequence))
        except TypeError as error:
            raise TypeError(f"Histogram: {error}") from None

    @property
    def histogram(self) -> list[float]:
        """The count of each bin, over the finite values."""
        return self._made()[0]

    @property
    def bins(self) -> list[float]:
        """The edges of the bins, one more than counts."""
        return self._made()[1]

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Histogram`."""
        if self._raw is None:
            counts, edges = self._made()
            return _record.doubles(1, edges) + _record.doubles(2, counts)
        return _wire.message(3, draft.array(self._raw)) + _wire.integer(4, self._bin_count)

    def _made(self) -> tuple[list[float], list[float]]:
        """Returns counts and edges; makes them when a script asks, since `log` does not need them."""
        if self._binned is None:
            import numpy as np

            values = self._raw.reshape(-1)
            if values.dtype.kind == "f":
                values = values[np.isfinite(values)]
            elif values.dtype.kind == "b":
                values = values.astype(np.uint8)
            counts, edges = np.histogram(values, bins=self._bin_count)
            self._binned = counts.tolist(), edges.tolist()
        return self._binned


def _check_bin_count(count: int) -> None:
    if not 1 <= count <= BINS_MAX:
        raise ValueError(
            f"Histogram: there are {count} bins; the limit is {BINS_MAX}, and 1 the least: ask for fewer bins"
        )


def _check_binned(np_histogram: Any) -> tuple[list[float], list[float]]:
    if not isinstance(np_histogram, tuple | list) or len(np_histogram) != 2:
        raise ValueError(
            f"Histogram: np_histogram is a {type(np_histogram).__name__}; it is a tuple of counts and edges, "
            "as numpy.histogram returns it"
        )
    try:
        counts, edges = (_record.as_array(part).astype(float).tolist() for part in np_histogram)
    except TypeError as error:
        raise TypeError(f"Histogram: {error}") from None
    if not isinstance(counts, list) or not isinstance(edges, list) or len(edges) != len(counts) + 1:
        raise ValueError(
            f"Histogram: {_length(counts)} counts and {_length(edges)} edges; there is one more edge than counts"
        )
    _check_bin_count(len(counts))
    if not all(map(math.isfinite, edges)) or any(left >= right for left, right in itertools.pairwise(edges)):
        raise ValueError(
            "Histogram: the edges are not ascending finite numbers; sort them, each greater than the one before"
        )
    if not all(math.isfinite(count) and count >= 0 for count in counts):
        raise ValueError("Histogram: a count is negative or not finite; counts are 0 or more")
    return counts, edges


def _length(values: Any) -> int | str:
    return len(values) if isinstance(values, list) else "no list of"

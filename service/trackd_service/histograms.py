"""Owns binning: values to a histogram, and the histograms of a metric to a heat map over its steps (docs/records.md).

Invariants: every finite value is in exactly one bin, every other is counted; a histogram has ascending finite edges; a heat
map holds the whole mass of the histograms it is made of. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trackd_service.arrays import AnyArray, RecordInvalid, count_odd, finite_blocks, finite_range

BINS_MAX = 512  # of the contract: more cannot be told apart on a page
BINS_DEFAULT = 64
COLUMNS_MAX = 4_096  # of a heat map: the pixels of a wide screen
MAGIC = b"TKH1"
_ALIGNMENT_BYTES = 8  # of the counts, so that a reader maps them where they lie
# Where all values are one, the bins stand around it: half a unit to each side, and for large values, beside which that
# is nothing, a millionth of them.
_HALF_WIDTH = 0.5
_HALF_WIDTH_SHARE = 1e-6
# In bins narrower than so many neighbouring floats, the rounding of the edges themselves moves values by whole bins.
_FAST_BIN_ULPS = 1024
# NumPy's own ways to equal bins multiply their width, and nothing may become infinite there.
_WIDTH_MAX = 1e300

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of n bins.

    Attributes:
        edges: float64 of shape (n + 1,), ascending, finite.
        counts: float64 of shape (n,), finite; how many values are in each bin, or their weights. A bin has its left edge,
            and the last one both.
        nan_count: How many values were NaN.
        infinite_count: How many were infinite.
    """

    edges: Float64Array
    counts: Float64Array
    nan_count: int = 0
    infinite_count: int = 0


def bin_values(values: AnyArray, bin_count: int = 0) -> Histogram:
    """Returns the histogram of an array's finite values, in equal bins from the least to the greatest.

    Args:
        values: Bools, integers or floats, any shape. Integers beyond 2**53 are binned as the nearest float64.
        bin_count: How many bins, 1 to 512; 0 means 64.

    Raises:
        RecordInvalid: there cannot be so many bins.
    """
    if not 0 <= bin_count <= BINS_MAX:
        raise RecordInvalid(f"a histogram of {bin_count} bins was asked for; it can have 1 to {BINS_MAX}")
    bin_count = bin_count or BINS_DEFAULT
    flat = values.reshape(-1)
    if flat.dtype.kind == "b":
        flat = flat.view(np.uint8)
    nan_count, infinite_count = count_odd(flat)
    counts = np.zeros(bin_count, np.int64)
    if nan_count + infinite_count == flat.size:
        return Histogram(np.linspace(0, 1, bin_count + 1), counts.astype(float), nan_count, infinite_count)
    low, high = finite_range(flat)
    edges = _equal_bins(float(low), float(high), bin_count)
    for block in finite_blocks(flat):
        counts += _count(block.astype(np.float64), edges)
    return Histogram(edges, counts.astype(np.float64), nan_count, infinite_count)


def check(
    edges: Sequence[float], counts: Sequence[float], nan_count: int = 0, infinite_count: int = 0
) -> Histogram:
    """Returns a histogram that the caller has binned.

    Raises:
        RecordInvalid: it is none.
    """
    if not 1 <= len(counts) <= BINS_MAX:
        raise RecordInvalid(f"the histogram has {len(counts)} bins; it can have 1 to {BINS_MAX}")
    if len(edges) != len(counts) + 1:
        raise RecordInvalid(
            f"the histogram has {len(edges)} edges and {len(counts)} counts; there must be one more edge than counts"
        )
    histogram = Histogram(
        np.array(edges, np.float64), np.array(counts, np.float64), nan_count, infinite_count
    )
    if not np.isfinite(histogram.edges).all() or not np.isfinite(histogram.counts).all():
        raise RecordInvalid("the histogram has an edge or a count that is NaN or infinite")
    if (histogram.edges[1:] < histogram.edges[:-1]).any():
        raise RecordInvalid("the edges of the histogram do not ascend")
    if nan_count < 0 or infinite_count < 0:
        raise RecordInvalid(f"the histogram counts {nan_count} NaN and {infinite_count} infinite values")
    return histogram


def heat_map(documents: list[tuple[int, str]], columns: int, bins: int, key: str = "") -> bytes:
    """Returns the histograms of a metric as one array; the bytes are those of docs/records.md, Histograms over steps.

    Args:
        documents: Steps in ascending order, each with the JSON document logged at it. Pending and failed records are left
            out; the histograms of a list are added up.
        columns: The most columns to answer, 1 to 4,096.
        bins: How many bins, 1 to 512.
        key: The metric's name, for the header.

    Raises:
        ValueError: there cannot be so many columns or bins.
    """
    if not 1 <= columns <= COLUMNS_MAX:
        raise ValueError(f"columns is {columns}; it can be 1 to {COLUMNS_MAX}")
    if not 1 <= bins <= BINS_MAX:
        raise ValueError(f"bins is {bins}; it can be 1 to {BINS_MAX}")
    steps: list[int] = []
    entries: list[list[Histogram]] = []
    for step, text in documents:
        found = _read(json.loads(text))
        if found:
            steps.append(step)
            entries.append(found)
    column_count = min(columns, len(entries))
    # Column c holds the entries from starts[c] to starts[c + 1]: their numbers differ by one at most.
    starts = [column * len(entries) // column_count for column in range(column_count)]
    grid = _grid(entries, bins)
    masses = np.zeros((len(entries), bins))
    for row, histograms in enumerate(entries):
        for histogram in histograms:
            masses[row] += _spread(histogram, grid)
    nan_counts = np.array([sum(each.nan_count for each in entry) for entry in entries], np.int64)
    infinite_counts = np.array([sum(each.infinite_count for each in entry) for entry in entries], np.int64)
    if column_count:
        masses = np.add.reduceat(masses, starts, axis=0)
        nan_counts = np.add.reduceat(nan_counts, starts)
        infinite_counts = np.add.reduceat(infinite_counts, starts)
    header = json.dumps(
        {
            "key": key,
            "histogram_count": len(entries),
            "columns": column_count,
            "bins": bins,
            "first_steps": [steps[start] for start in starts],
            "last_steps": [steps[end - 1] for end in [*starts[1:], len(steps)]] if steps else [],
            "edges": grid.tolist(),
            "nan_counts": nan_counts.tolist(),
            "infinite_counts": infinite_counts.tolist(),
        },
        separators=(",", ":"),
    ).encode()
    header += b" " * (-(len(header) + len(MAGIC) + 4) % _ALIGNMENT_BYTES)
    return MAGIC + struct.pack("<I", len(header)) + header + masses.astype("<f4").tobytes()


def _equal_bins(low: float, high: float, bin_count: int) -> Float64Array:
    edges = _grid_between(low, high, bin_count)
    if (edges[1:] > edges[:-1]).all():
        return edges
    # One value, or a few that stand closer than so many floats: room is made around them.
    half_width = max(_HALF_WIDTH, _HALF_WIDTH_SHARE * max(abs(low), abs(high)))
    limit = float(np.finfo(np.float64).max)
    return _grid_between(max(low - half_width, -limit), min(high + half_width, limit), bin_count)


def _grid_between(low: float, high: float, bin_count: int) -> Float64Array:
    if high - low < _WIDTH_MAX:
        return np.linspace(low, high, bin_count + 1)
    shares = np.arange(bin_count + 1) / bin_count
    return low * (1 - shares) + high * shares


def _count(values: Float64Array, edges: Float64Array) -> npt.NDArray[np.int64]:
    """Counts finite values within the edges of `_equal_bins`."""
    bin_count = len(edges) - 1
    low, high = float(edges[0]), float(edges[-1])
    if (
        high - low > bin_count * _FAST_BIN_ULPS * math.ulp(max(abs(low), abs(high)))
        and high - low < _WIDTH_MAX
    ):
        # Told that the bins are equal, NumPy divides instead of searching.
        return np.histogram(values, bin_count, (low, high))[0]
    places = np.minimum(np.searchsorted(edges, values, side="right") - 1, bin_count - 1)
    return np.bincount(places, minlength=bin_count)


def _read(document: dict[str, Any]) -> list[Histogram]:
    """Returns the histograms of a document; none for one that is pending, failed, or stands in an object."""
    if "records" in document:
        return [histogram for each in document["records"] for histogram in _read(each)]
    if "edges" not in document:
        return []
    return [
        Histogram(
            np.array(document["edges"], np.float64),
            np.array(document["counts"], np.float64),
            document.get("nan_count", 0),
            document.get("infinite_count", 0),
        )
    ]


def _grid(entries: list[list[Histogram]], bins: int) -> Float64Array:
    edges = [histogram.edges for entry in entries for histogram in entry]
    if not edges:
        return np.linspace(0, 1, bins + 1)
    low, high = min(each[0] for each in edges), max(each[-1] for each in edges)
    return _equal_bins(float(low), float(high), bins)


def _spread(histogram: Histogram, grid: Float64Array) -> Float64Array:
    """Returns how much of a histogram is in each bin of a grid that reaches as far as it does."""
    # Places on the grid from 0 to 1, from halves: see _count. A cumulative sum is linear within a bin, since counts are
    # spread evenly; both ends are set, because a bin without width at an end is a jump that could be missed.
    origin, width = grid[0] / 2, grid[-1] / 2 - grid[0] / 2
    sums = np.concatenate(([0.0], np.cumsum(histogram.counts)))
    at = np.interp((grid / 2 - origin) / width, (histogram.edges / 2 - origin) / width, sums)
    if histogram.counts.min() >= 0:  # rounding makes no negative counts
        at = np.maximum.accumulate(np.clip(at, 0.0, sums[-1]))
    at[0], at[-1] = 0.0, sums[-1]
    spread: Float64Array = np.diff(at)
    return spread

"""Owns what is kept of a whole array: its bytes as a `.npy` file, and its statistics; and how logged bytes become one.

Invariants: an array is never unpickled, and holds bools, integers or floats only; statistics are over the finite values
and are computed in float64, a block at a time; what cannot become a record raises `RecordInvalid` with one sentence.
Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

AnyArray: TypeAlias = npt.NDArray[Any]

# What the contract lets an array hold (proto/trackd/v1/values.proto, Array); anything else could be an object to unpickle.
DTYPES = frozenset(("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"))
AXES_MAX = 32  # what every version of NumPy can hold
# 8 MB of float64: stays in the cache of a small machine, and Python's share of the work is gone at this size.
BLOCK_ELEMENTS = 1 << 20
# A percentile needs all values at once, in a copy: 400 MB of float64. Beyond, as many values at even distances stand for all.
PERCENTILE_ELEMENTS_MAX = 50_000_000


class RecordInvalid(ValueError):
    """What was logged cannot become the record; the sentence is for the person who logged it."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of an array's values.

    Attributes:
        min: The least finite value, an int for arrays of integers; None when there is none, as for the others.
        max: The greatest finite value.
        mean: Their mean; None also where it is too large for a float64.
        variance: Their variance, divided by their number.
        percentile_95: Their 95th percentile, between two values by linear interpolation.
        nan_count: How many values are NaN.
        infinite_count: How many are infinite.
    """

    min: float | int | None
    max: float | int | None
    mean: float | None
    variance: float | None
    percentile_95: float | None
    nan_count: int
    infinite_count: int


def from_bytes(dtype: str, shape: Sequence[int], data: bytes | memoryview) -> AnyArray:
    """Returns the array that logged bytes are, without a copy.

    Args:
        dtype: One of `DTYPES`.
        shape: The lengths of the axes; none for a single value.
        data: The elements in C order.

    Raises:
        RecordInvalid: the three do not fit together.
    """
    if dtype not in DTYPES:
        raise RecordInvalid(f"an array has the type {dtype[:20]!r}; it can have {', '.join(sorted(DTYPES))}")
    if len(shape) > AXES_MAX:
        raise RecordInvalid(f"an array has {len(shape)} axes; the limit is {AXES_MAX}")
    if any(length < 0 for length in shape):
        raise RecordInvalid(f"an array has the shape {show_shape(shape)}; no axis can be negative")
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size != len(data):
        raise RecordInvalid(
            f"an array of shape {show_shape(shape)} and type {dtype} takes {size} bytes; it came with {len(data)}"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def npy_pieces(array: AnyArray) -> tuple[bytes, memoryview]:
    """Returns the header and the elements of an array's `.npy` file (NumPy's format 1.0 and up, C order)."""
    header = io.BytesIO()
    array = np.ascontiguousarray(array).reshape(array.shape)
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return header.getvalue(), raw_bytes(array)


def raw_bytes(array: AnyArray) -> memoryview:
    """Returns the elements of an array in C order as bytes, without a copy where they lie so already."""
    if not array.size:
        return memoryview(b"")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def statistics(array: AnyArray) -> Statistics:
    """Returns the statistics of an array of any shape and of a type of `DTYPES`."""
    flat = array.reshape(-1)
    if flat.dtype.kind == "b":
        flat = flat.view(np.uint8)
    nan_count, infinite_count = count_odd(flat)
    count = flat.size - nan_count - infinite_count
    if not count:
        return Statistics(None, None, None, None, None, nan_count, infinite_count)
    low, high = finite_range(flat)
    with np.errstate(
        all="ignore"
    ):  # the largest floats add up to infinity: no number rather than a wrong one
        mean = sum(float(block.sum(dtype=np.float64)) for block in finite_blocks(flat)) / count
        squares = sum(
            float(np.square(block.astype(np.float64) - mean).sum()) for block in finite_blocks(flat)
        )
    return Statistics(
        low, high, finite(mean), finite(squares / count), _percentile(flat), nan_count, infinite_count
    )


def finite(value: float) -> float | None:
    """Returns the value, or None for what a document cannot hold."""
    return value if math.isfinite(value) else None


def count_odd(flat: AnyArray) -> tuple[int, int]:
    """Returns how many values are NaN and how many are infinite."""
    if flat.dtype.kind != "f":
        return 0, 0
    nan_count = sum(int(np.isnan(block).sum()) for block in blocks(flat))
    odd_count = sum(block.size - int(np.isfinite(block).sum()) for block in blocks(flat))
    return nan_count, odd_count - nan_count


def finite_range(flat: AnyArray) -> tuple[float | int, float | int]:
    """Returns the least and the greatest finite value, ints for integers; there must be one."""
    ranges = [(block.min().item(), block.max().item()) for block in finite_blocks(flat) if block.size]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def finite_blocks(flat: AnyArray) -> Iterator[AnyArray]:
    """Yields the finite values of a flat array, a block at a time."""
    for block in blocks(flat):
        if block.dtype.kind != "f":
            yield block
            continue
        mask = np.isfinite(block)
        yield block if mask.all() else block[mask]


def blocks(flat: AnyArray) -> Iterator[AnyArray]:
    """Yields a flat array a block at a time."""
    for start in range(0, flat.size, BLOCK_ELEMENTS):
        yield flat[start : start + BLOCK_ELEMENTS]


def show_shape(shape: Sequence[int]) -> str:
    """Returns a shape as a sentence shows it: "3x4"."""
    return "x".join(map(str, shape)) or "()"


def _percentile(flat: AnyArray) -> float | None:
    stride = -(-flat.size // PERCENTILE_ELEMENTS_MAX)
    # As float64, since NumPy takes the distance of two neighbours in their own type, where it may go round.
    values = flat[::stride].astype(np.float64)
    values = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        return finite(float(np.percentile(values, 95))) if values.size else None

"""Owns what a person gives a chart as numbers and as names: lists, arrays and tensors, checked.

Invariant: what is refused is named as the person's argument is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _record

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

_PLAIN = frozenset({float, int, bool, str, type(None)})


def read_lines(name: str, values: Any) -> list[Array]:
    """Returns the lists of numbers in `xs` or `ys`; a flat list is one line."""
    values = on_host(values)
    dimensions = getattr(values, "ndim", None)
    if (
        dimensions == 0
        or isinstance(values, str | bytes | Mapping)
        or (dimensions is None and not isinstance(values, Iterable))
    ):
        raise TypeError(
            f"line_series: {name} is a {type(values).__name__}; it is a list of numbers, or a list of such lists"
        )
    items = list(values)
    if items and not any(map(_is_list, items)):
        return [read_numbers(f"line_series: {name}", values if dimensions == 1 else items)]
    if dimensions == 1 and not items:
        return [read_numbers(f"line_series: {name}", values)]
    if not items:
        raise ValueError(f"line_series: {name} is empty; give at least one list of numbers")
    return [read_numbers(f"line_series: {name}[{index}]", item) for index, item in enumerate(items)]


def on_host(values: Any) -> Any:
    """Returns tensors as NumPy arrays, also those in a list; anything else as it is."""
    import numpy as np

    if not isinstance(values, np.ndarray) and (hasattr(values, "detach") or hasattr(values, "numpy")):
        return _record.as_array(values)
    if isinstance(values, list | tuple) and not _PLAIN.issuperset(map(type, values)):
        return list(map(on_host, values))
    return values


def _is_list(value: Any) -> bool:
    dimensions = getattr(
        value, "ndim", None
    )  # a tensor of no dimension is a number, and claims to be iterable
    return dimensions > 0 if isinstance(dimensions, int) else isinstance(value, Iterable)


def read_numbers(what: str, values: Any) -> Array:
    """Returns numbers as an own array (n); None becomes NaN."""
    import math

    values = on_host(values)
    if not hasattr(values, "dtype") and isinstance(values, Iterable) and not isinstance(values, str | bytes):
        values = [math.nan if value is None else value for value in values]
    try:
        array = _record.as_array(values)
    except TypeError as error:
        raise TypeError(f"{what} is no list of numbers: {error}") from None
    if array.ndim != 1:
        raise ValueError(f"{what} has shape {array.shape}; it is one list of numbers")
    return array


def read_names(what: str, names: Iterable[Any] | None, count: int | None, of: str) -> list[str] | None:
    """Returns names as texts; None for none. `count` is how many there must be."""
    if names is None:
        return None
    if isinstance(names, str | Mapping) or not isinstance(names, Iterable):
        raise TypeError(f"{what} is a {type(names).__name__}; it is a list of names")
    texts = [str(name) for name in names]
    if count is not None and len(texts) != count:
        raise ValueError(f"{what} has {len(texts)} names and there are {count} {of}; give one name for each")
    if not texts:
        raise ValueError(f"{what} is empty; give one name for each, or leave it out")
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ValueError(
            f"{what} holds {twice!r} twice; names that are equal cannot be told apart: rename one"
        )
    return texts

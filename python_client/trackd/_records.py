"""Owns which objects are typed records: those of trackd, and those of other libraries that are logged as one.

Invariant: no library is imported to recognise its objects; an object that is none costs a look into a table of types.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from trackd import _matplotlib
from trackd._record import Record

_Maker = Callable[[Any], Record]


def wrap(value: Any) -> Record | list[Record] | None:
    """Returns the typed record that a value is logged as.

    Args:
        value: Anything.

    Returns:
        A record: of trackd itself, a figure of Matplotlib (also axes and `pyplot`), Plotly or Bokeh, a DataFrame of pandas or
        polars, a PIL image. A list of records for a list or tuple of them. None for anything else.

    Raises:
        TypeError: a list holds records and other things.
        ValueError: the value cannot be one, such as an empty figure.
    """
    if isinstance(value, list | tuple):
        return _wrap_list(value)
    make = _maker(value)
    return None if make is None else make(value)


def _wrap_list(values: Sequence[Any]) -> list[Record] | None:
    kinds: set[type] = set(map(type, values))
    if ModuleType not in kinds and not any(map(_maker_of, kinds)):
        return None  # also of an empty list; long lists of numbers get no further
    makers = [_maker(value) for value in values]
    if not any(makers):
        return None
    for number, make in enumerate(makers):
        if make is None:
            raise TypeError(
                f"the list holds records, and at place {number} a {type(values[number]).__name__}: "
                "log records and other values under keys of their own"
            )
    return [make(value) for make, value in zip(makers, values, strict=True) if make is not None]


def _maker(value: Any) -> _Maker | None:
    if isinstance(value, ModuleType):
        return _from_matplotlib if _matplotlib.is_matplotlib(value) else None
    kind: type = type(value)
    return _maker_of(kind)


@functools.lru_cache(maxsize=1024)
def _maker_of(kind: type) -> _Maker | None:
    """Returns what makes a record of the objects of a class, found by the names of the classes that it is derived from."""
    if issubclass(kind, Record):
        return _itself
    for base in kind.__mro__:
        library = base.__module__.partition(".")[0]
        make = _MAKERS.get((library, base.__name__))
        if make is not None:
            return make
    return None


def _itself(value: Any) -> Record:
    record: Record = value
    return record


def _from_matplotlib(value: Any) -> Record:
    from trackd._figure import matplotlib_record

    return matplotlib_record(value)


def _from_plotly(value: Any) -> Record:
    from trackd._figure import Plotly

    return Plotly(value)


def _from_bokeh(value: Any) -> Record:
    from trackd._figure import Bokeh

    return Bokeh(value)


def _from_frame(value: Any) -> Record:
    from trackd._table import Table

    return Table(dataframe=value)


def _from_pillow(value: Any) -> Record:
    from trackd._image import Image

    return Image(value)


_MAKERS: dict[tuple[str, str], _Maker] = {
    ("matplotlib", "FigureBase"): _from_matplotlib,
    ("matplotlib", "_AxesBase"): _from_matplotlib,
    ("plotly", "BaseFigure"): _from_plotly,
    ("bokeh", "LayoutDOM"): _from_bokeh,
    ("bokeh", "Document"): _from_bokeh,
    ("pandas", "DataFrame"): _from_frame,
    ("polars", "DataFrame"): _from_frame,
    ("PIL", "Image"): _from_pillow,
}

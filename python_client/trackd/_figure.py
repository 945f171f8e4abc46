"""Owns the charts that other libraries draw: figures of Plotly, Bokeh and Matplotlib as records.

Invariant: a figure is read when the record is made; the JSON that its own library writes is kept as it is.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Mapping
from typing import Any

from trackd import _content, _matplotlib, _record, _values, _wire
from trackd._html import Html
from trackd._image import Image

_PLOTLY, _BOKEH = 2, 3  # of PlotLanguage
# All of BokehJS but its formulas, which are half of it and are added where a document has any.
_BOKEH_PARTS = ("bokeh", "bokeh-gl", "bokeh-widgets", "bokeh-tables")
_BOKEH_FORMULAS = "bokeh-mathjax"
_FORMULA_MARKS = ("$$", "\\\\(", "\\\\[", '"TeX"', '"MathML"', '"Ascii"')


class Figure(_record.Record):
    """A chart of another library: the base of `Plotly` and `Bokeh`."""

    kind = "plot"
    field = 9
    _language: int
    _specification: bytes
    _runtime: tuple[bytes, ...] = ()

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Plot`."""
        return (
            _wire.integer(1, self._language)
            + _wire.message(2, draft.payload(self._specification, "application/json"))
            + b"".join(_wire.message(7, draft.payload(script, "text/javascript")) for script in self._runtime)
        )


class Plotly(Figure):
    """A Plotly figure.

    Args:
        val: The figure; or a dict of "data" and "layout"; or a figure of Matplotlib that can be turned into one.

    Raises:
        ValueError: the figure of Matplotlib cannot be turned into one.
        TypeError: it is none of the above.
    """

    _language = _PLOTLY

    def __init__(self, val: Any) -> None:
        if hasattr(val, "to_json") and _record.is_from(val, "plotly"):
            text = str(val.to_json())
        elif isinstance(val, Mapping) and "data" in val:
            text = _wire.dump_json(_without_nan(_values.plain("figure", val)))
        elif _matplotlib.is_matplotlib(val):
            found = _matplotlib.to_plotly(_matplotlib.figure_of(val))
            if found is None:
                raise ValueError(
                    "Plotly: the Matplotlib figure cannot be turned into one; log trackd.Image(figure)"
                )
            text = found
        else:
            raise TypeError(
                f"Plotly: val is a {type(val).__name__}; it is a Plotly figure, or a dict with data and layout"
            )
        self._specification = text.encode("utf-8", "backslashreplace")

    @classmethod
    def make_plot_media(cls, val: Any) -> Plotly | Image:
        """Returns a figure of Plotly or Matplotlib as a chart, or as an image where it can be no chart."""
        return matplotlib_record(val) if _matplotlib.is_matplotlib(val) else cls(val)


class Bokeh(Figure):
    """A Bokeh figure, layout or document, drawn by the BokehJS of the installed Bokeh.

    Args:
        data_or_path: A model, a `Document`, or the path of a `.json` file of one: what `bokeh.embed.json_item` or
            `Document.to_json` returns. Of the path of a `.html` file it makes an `Html`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no Bokeh document, or a document is empty.
        ImportError: Bokeh is not installed.
        TypeError: it is none of the above.
    """

    _language = _BOKEH

    def __new__(cls, data_or_path: Any) -> Any:
        """Makes an `Html` of the path of a page."""
        if isinstance(data_or_path, str | os.PathLike) and os.fspath(data_or_path).lower().endswith(
            (".html", ".htm")
        ):
            return Html(os.fspath(data_or_path))
        return super().__new__(cls)

    def __init__(self, data_or_path: Any) -> None:
        try:
            embed = importlib.import_module("bokeh.embed")
        except ImportError:
            raise ImportError("Bokeh: Bokeh is not installed; install it with `pip install bokeh`") from None
        if isinstance(data_or_path, str | os.PathLike):
            item = _read_item(data_or_path, embed)
        elif _record.is_from(data_or_path, "bokeh") and hasattr(data_or_path, "roots"):
            item = _document_item(data_or_path, embed)
        elif _record.is_from(data_or_path, "bokeh") and hasattr(data_or_path, "document"):
            item = embed.json_item(data_or_path)
        else:
            raise TypeError(
                f"Bokeh: data is a {type(data_or_path).__name__}; it is a Bokeh model, a document or a path"
            )
        text = json.dumps(item)
        self._specification = text.encode()
        parts: tuple[str, ...] = _BOKEH_PARTS
        if any(mark in text for mark in _FORMULA_MARKS):
            parts = (*parts, _BOKEH_FORMULAS)
        self._runtime = _bokeh_scripts(parts)


def matplotlib_record(value: Any) -> Plotly | Image:
    """Returns a figure of Matplotlib as a chart of Plotly, or where something would be lost as an image.

    Args:
        value: A figure, axes, or `pyplot`.

    Raises:
        ValueError: there is no figure, or it is empty.
    """
    figure = _matplotlib.figure_of(value)
    specification = _matplotlib.to_plotly(figure)
    return Image(figure) if specification is None else Plotly(json.loads(specification))


def _without_nan(value: Any) -> Any:
    """Returns plain data with null for NaN and infinities, which Plotly's own JSON has too."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return value


def _read_item(path: str | os.PathLike[str], embed: Any) -> Any:
    content = _content.read(path, "Bokeh", ("json",))
    try:
        item = json.loads(content.data)
    except ValueError as error:
        raise ValueError(f"Bokeh: {content.name!r} is no JSON: {error}") from None
    if isinstance(item, dict) and "doc" in item and "root_id" in item:
        return item
    if not isinstance(item, dict) or "roots" not in item:
        raise ValueError(
            f"Bokeh: {content.name!r} is no Bokeh document; write one with bokeh.embed.json_item"
        )
    document = importlib.import_module("bokeh.document").Document.from_json(item)
    return _document_item(document, embed)


def _document_item(document: Any, embed: Any) -> Any:
    if not document.roots:
        raise ValueError("Bokeh: the document is empty; add a figure to it")
    if len(document.roots) == 1:
        return embed.json_item(document.roots[0])
    # One item has one root: those of a copy, which may be put into a column, are put into one.
    serialized = document.to_json()
    copy = type(document).from_json(getattr(serialized, "content", serialized))
    roots = list(copy.roots)
    copy.clear()
    return embed.json_item(importlib.import_module("bokeh.layouts").column(*roots))


@functools.cache
def _bokeh_scripts(parts: tuple[str, ...]) -> tuple[bytes, ...]:
    resources = importlib.import_module("bokeh.resources").Resources(mode="inline", components=list(parts))
    return tuple(script.encode() for script in resources.js_raw)

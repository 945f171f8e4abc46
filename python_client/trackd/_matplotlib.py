"""Owns the figures of Matplotlib: which objects are ones, and how they are drawn or turned into charts of Plotly.

Invariant: a figure becomes a chart only when all that is in it is known to arrive there; any other is drawn.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import warnings
from types import ModuleType
from typing import Any

from trackd import _record

_PYPLOT = ("matplotlib.pyplot", "matplotlib.pylab", "pylab")
# Of the numbers at the ticks: Plotly writes its own in place of these, which say the same.
_PLAIN_FORMATTERS = [
    "ScalarFormatter",
    "LogFormatter",
    "LogFormatterSciNotation",
    "LogFormatterMathtext",
    "NullFormatter",
    "AutoDateFormatter",
    "ConciseDateFormatter",
]
_CATEGORIES = "StrCategoryFormatter"


def is_matplotlib(value: Any) -> bool:
    """Says whether a value is a figure or axes of Matplotlib, something in them, or its `pyplot` module."""
    if isinstance(value, ModuleType):
        return value.__name__ in _PYPLOT
    return _record.is_from(value, "matplotlib") and (
        hasattr(value, "savefig") or hasattr(value, "get_figure")
    )


def figure_of(value: Any) -> Any:
    """Returns the figure of a figure, of axes or what is in them, or of `pyplot`.

    Raises:
        ValueError: there is none, or nothing is drawn in it.
    """
    figure = value
    if isinstance(value, ModuleType):
        pyplot = importlib.import_module("matplotlib.pyplot")
        figure = pyplot.gcf() if pyplot.get_fignums() else None
        if figure is None or not figure.get_axes():
            raise ValueError(
                "the current figure of pyplot is empty; log it before plt.show() or plt.close(), or pass the figure"
            )
    while figure is not None and not hasattr(
        figure, "savefig"
    ):  # axes, and the subfigures that they may lie in
        figure = figure.figure if figure.figure is not figure else None
    if figure is None:
        raise ValueError(f"the {type(value).__name__} is in no figure; pass a figure")
    return figure


def draw(figure: Any) -> bytes:
    """Returns a figure as a PNG, at its own resolution and with nothing cut off."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", dpi=figure.dpi)
    return buffer.getvalue()


def to_plotly(figure: Any) -> str | None:
    """Returns a figure as JSON of Plotly; None when Plotly is not installed or something in the figure would be lost.

    Plotly's converter leaves out, or draws in other places, what it does not know; so the figure is looked at first.
    """
    axes = figure.get_axes()
    if not axes or not _is_plain(figure) or not all(map(_is_plain_axes, axes)):
        return None
    if len({each.get_position().bounds for each in axes}) < len(axes):  # twins, which would hide each other
        return None
    try:
        converter = importlib.import_module("plotly.matplotlylib")
        renderer = converter.PlotlyRenderer()
        with warnings.catch_warnings():  # about parts of Matplotlib that the converter uses and should not
            warnings.simplefilter("ignore")
            # What plotly.tools.mpl_to_plotly does, but for closing the figure, which may be drawn on.
            converter.Exporter(renderer, close_mpl=False).run(figure)
            chart = json.loads(renderer.plotly_fig.to_json())
    except Exception:  # noqa: BLE001 - not installed, or it does not know this version of Matplotlib
        return None
    if not _is_complete(chart, axes):
        return None
    _put_bars(chart, axes)
    _tidy(chart, axes)
    return json.dumps(chart)


def _is_plain(figure: Any) -> bool:
    """Says whether a figure has nothing beside its axes."""
    others = ("texts", "legends", "images", "patches", "lines", "artists", "subfigs")
    return not any(getattr(figure, name) for name in others)


def _is_plain_axes(axes: Any) -> bool:
    """Says whether axes hold lines, points and bars only, under axes that Plotly has too."""
    texts = [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *_legend_labels(axes)]
    bars = {bar for container in axes.containers for bar in container}
    return (
        axes.name == "rectilinear"
        and axes.axison
        and axes.get_aspect() == "auto"
        and not any((axes.images, axes.texts, axes.tables, axes.artists, axes.child_axes))
        and not (axes.get_title("left") or axes.get_title("right"))
        and not any("$" in text for text in texts)  # a formula
        and all(type(container).__name__ == "BarContainer" for container in axes.containers)
        and all(container.errorbar is None for container in axes.containers)
        and bars.issuperset(axes.patches)
        and all(line.get_transform() == axes.transData for line in axes.lines)
        and all(line.get_drawstyle() == "default" for line in axes.lines)
        and all(_is_scatter(collection, axes) for collection in axes.collections)
        and all(
            type(axis.get_major_formatter()).__name__ in (*_PLAIN_FORMATTERS, _CATEGORIES)
            for axis in _pair(axes)
        )
        and all(axis.get_scale() in ("linear", "log") for axis in _pair(axes))
    )


def _is_scatter(collection: Any, axes: Any) -> bool:
    return (
        type(collection).__name__ == "PathCollection" and collection.get_offset_transform() == axes.transData
    )


def _pair(axes: Any) -> tuple[Any, Any]:
    return axes.xaxis, axes.yaxis


def _legend_labels(axes: Any) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def _axis_name(axis: Any, number: int) -> str:
    """Returns what Plotly calls the axis of the axes at a place, from 1: "xaxis", "yaxis2"."""
    return f"{axis.axis_name}axis{number if number > 1 else ''}"


def _is_complete(chart: dict[str, Any], axes: list[Any]) -> bool:
    """Says whether each line and cloud became a trace of its length, with its name where there is a legend."""
    expected = [len(line.get_xdata()) for each in axes for line in each.lines]
    expected += [len(cloud.get_offsets()) for each in axes for cloud in each.collections]
    traces = [trace for trace in chart["data"] if trace["type"] != "bar"]
    names = {trace.get("name") for trace in traces} | {
        bars.get_label() for each in axes for bars in each.containers
    }
    return (
        sorted(expected) == sorted(len(trace.get("x") or ()) for trace in traces)
        and all(label in names for each in axes for label in _legend_labels(each))
        and not any(  # the places of bars among dates are days
            each.containers and chart["layout"][_axis_name(axis, number)]["type"] == "date"
            for number, each in enumerate(axes, 1)
            for axis in _pair(each)
        )
    )


def _put_bars(chart: dict[str, Any], axes: list[Any]) -> None:
    """Replaces the converter's bars, which have lost their signs, widths and what they stand on."""
    chart["data"] = [trace for trace in chart["data"] if trace["type"] != "bar"]
    chart["layout"]["barmode"] = "overlay"
    for number, each in enumerate(axes, 1):
        suffix = "" if number == 1 else str(number)
        for bars in each.containers:
            lies = bars.orientation == "horizontal"
            middles = [
                bar.get_y() + bar.get_height() / 2 if lies else bar.get_x() + bar.get_width() / 2
                for bar in bars
            ]
            lengths = [bar.get_width() if lies else bar.get_height() for bar in bars]
            trace = {
                "type": "bar",
                "orientation": "h" if lies else "v",
                "x": lengths if lies else middles,
                "y": middles if lies else lengths,
                "base": [bar.get_x() if lies else bar.get_y() for bar in bars],
                "width": [abs(bar.get_height() if lies else bar.get_width()) for bar in bars],
                "marker": {"color": [_color(bar.get_facecolor()) for bar in bars]},
                "name": str(bars.get_label()),
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
            }
            chart["data"].append({name: _plain(value) for name, value in trace.items()})


def _plain(value: Any) -> Any:
    """Returns NumPy's numbers in a list as Python's; NaN, which JSON has not, as None."""
    if not isinstance(value, list):
        return value
    return [float(number) if math.isfinite(number) else None for number in value]


def _color(color: tuple[float, float, float, float]) -> str:
    red, green, blue = (round(part * 255) for part in color[:3])
    return f"rgba({red},{green},{blue},{color[3]:g})"


def _tidy(chart: dict[str, Any], axes: list[Any]) -> None:
    """Takes out the converter's made-up names and the fixed size, and puts in the categories that it loses."""
    for trace in chart["data"]:
        if str(trace.get("name", "_")).startswith("_"):
            trace.pop("name", None)
            trace["showlegend"] = False
    layout = chart["layout"]
    layout.pop("width", None)
    layout.pop("height", None)
    layout["autosize"] = True
    layout["showlegend"] = any(_legend_labels(each) for each in axes)
    for number, each in enumerate(axes, 1):
        for axis in _pair(each):
            formatter = axis.get_major_formatter()
            if type(formatter).__name__ == _CATEGORIES:
                places = [float(place) for place in axis.get_ticklocs()]
                texts = formatter.format_ticks(places)
                layout[_axis_name(axis, number)].update(tickmode="array", tickvals=places, ticktext=texts)

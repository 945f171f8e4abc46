"""Logs figures of Bokeh: an orbit, and a document of linked charts under a slider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS
from bokeh.models.widgets import Slider
from bokeh.plotting import figure

import trackd

STEPS = 3


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs; the document only once."""
    ratio = float(np.random.default_rng(seed).uniform(2.2, 2.8))
    for step in range(STEPS):
        logged = {"figures/bokeh orbit": orbit(ratio, step + 2)}
        if step == 0:
            logged["figures/bokeh linked"] = linked(ratio)
        yield logged


def orbit(ratio: float, turns: int) -> Any:
    """Draws the way of one planet as it is seen from another."""
    angle = np.linspace(0, 2 * np.pi * turns, 600)
    x = np.cos(angle) * 1.5 + np.cos(ratio * angle)
    y = np.sin(angle) * 1.5 + np.sin(ratio * angle)
    drawn = figure(
        title=f"{turns} turns", width=240, height=200, match_aspect=True, tools="pan,wheel_zoom,reset"
    )
    drawn.line(x, y, line_width=2, color="mediumseagreen")
    drawn.scatter(x[-1:], y[-1:], size=14, color="gold", line_color="black")
    return drawn


def linked(ratio: float) -> Document:
    """Returns a document: a slider that turns one wave, and two charts that zoom together."""
    x = np.linspace(0, 10, 300)
    source = ColumnDataSource({"x": x, "one": np.sin(x), "sum": np.sin(x) + np.sin(ratio * x)})
    left = figure(width=260, height=150, title="one wave")
    left.line("x", "one", source=source, color="royalblue", line_width=2)
    right = figure(width=260, height=150, title="with another", x_range=left.x_range)
    right.line("x", "sum", source=source, color="darkorange", line_width=2)
    slider = Slider(title="frequency", start=1, end=5, step=0.1, value=ratio)
    turn = "source.data = {...source.data, sum: source.data.x.map((x) => Math.sin(x) + Math.sin(slider.value * x))}"
    slider.js_on_change("value", CustomJS(args={"source": source, "slider": slider}, code=turn))
    document = Document()
    document.add_root(column(slider, row(left, right)))
    return document


if __name__ == "__main__":
    with trackd.init(project="records", name="bokeh") as run:
        for logged in rows():
            run.log(logged)

"""Logs figures of Matplotlib: lines and bars become interactive charts, what Plotly does not know is kept as an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import trackd

STEPS = 3


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs. `pyplot`, axes, and figures made by `pyplot` can be logged just so."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, np.pi)
    for step in range(STEPS):
        yield {
            "figures/matplotlib lines": lines(step, phase),
            "figures/matplotlib bars": bars(rng.multinomial(100 * (step + 1), np.ones(5) / 5).tolist()),
            "figures/matplotlib field": field(step, phase),
        }


def lines(step: int, phase: float) -> Figure:
    """Draws a square wave and its first overtones."""
    figure = Figure()
    axes = figure.add_subplot()
    x = np.linspace(0, 4 * np.pi, 400)
    odd = np.arange(1, 2 * step + 2, 2)[:, None]
    axes.plot(x, np.sign(np.sin(x + phase)), color="silver", label="square wave")
    axes.plot(x, (4 / np.pi * np.sin(odd * (x + phase)) / odd).sum(axis=0), label=f"{step + 1} sines")
    axes.set(title="A square wave out of sines", xlabel="x", ylabel="y")
    axes.legend()
    return figure


def bars(counts: list[int]) -> Figure:
    """Draws how often each class came."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.bar(["zero", "one", "two", "three", "four"], counts, color="mediumpurple")
    axes.set(title=f"{sum(counts)} examples", ylabel="count")
    return figure


def field(step: int, phase: float) -> Figure:
    """Draws the field of two charges, which is kept as an image."""
    figure = Figure()
    axes = figure.add_subplot()
    y, x = np.mgrid[-2:2:30j, -3:3:45j]
    right, up = np.zeros_like(x), np.zeros_like(x)
    for sign in (-1, 1):
        away = 0.6 + 0.3 * step
        across, along = x - sign * away * np.cos(phase / 4), y - sign * away * np.sin(phase / 4)
        cube = np.hypot(across, along) ** 3 + 0.02
        right, up = right + sign * across / cube, up + sign * along / cube
    axes.streamplot(x, y, right, up, color=np.log(np.hypot(right, up)), cmap="plasma", density=0.7)
    axes.set_title("Two charges")
    return figure


if __name__ == "__main__":
    with trackd.init(project="records", name="matplotlib") as run:
        for row in rows():
            run.log(row)

"""Logs tables: predictions with pictures, sounds and charts in their cells, and a DataFrame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bokeh.plotting
import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

import trackd

STEPS = 3
SHAPES = ("circle", "square", "star")


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs; the DataFrame only once."""
    rng = np.random.default_rng(seed)
    for step in range(STEPS):
        table = trackd.Table(columns=["picture", "truth", "guess", "sure", "sound", "note", "pixels"])
        for _ in range(6):
            truth = int(rng.integers(3))
            scores = rng.dirichlet(np.ones(3) + (2 + 4 * step) * np.eye(3)[truth])
            guess = SHAPES[scores.argmax()]
            picture = shape(truth, rng)
            table.add_data(
                trackd.Image(picture),
                SHAPES[truth],
                guess,
                float(scores.max()),
                trackd.Audio(beep(330 * (truth + 1)), sample_rate=8_000),
                trackd.Html(f"<mark>{guess}</mark>" if guess == SHAPES[truth] else f"<s>{guess}</s>"),
                trackd.Histogram(picture, num_bins=16),
            )
        row: dict[str, Any] = {"tables/predictions": table, "tables/figures": figures(step, rng)}
        if step == 0:
            row["tables/weather"] = weather(rng)  # as it is
        yield row


def figures(step: int, rng: np.random.Generator) -> trackd.Table:
    """Returns a table with charts of Plotly and Bokeh in its cells."""
    time = np.linspace(0, 4 * np.pi, 60)
    table = trackd.Table(columns=["frequency", "Plotly", "Bokeh"])
    for frequency in (1, 2):
        wave = np.sin(frequency * time + rng.uniform(0, 2)) * np.exp(-0.1 * step * time)
        interactive = go.Figure(go.Scatter(x=time, y=wave, line_color="teal"))
        drawn = bokeh.plotting.figure(width=300, height=200)
        drawn.line(time, wave, line_width=2, color="tomato")
        table.add_data(frequency, interactive, drawn)
    return table


def weather(rng: np.random.Generator) -> pd.DataFrame:
    """Returns two years of made-up weather, a row a day."""
    days = pd.date_range("2024-01-01", periods=730)
    season = np.sin(2 * np.pi * (np.arange(730) - 105) / 365.25)
    warmth = 11 + 9 * season + rng.normal(0, 2.5, 730)
    rain = rng.gamma(0.7, 4, 730) * (rng.random(730) < 0.45)
    frame: pd.DataFrame = pd.DataFrame(
        {
            "day": days,
            "degrees": warmth.round(1),
            "rain in mm": rain.round(1),
            "sky": np.where(rain > 6, "storm", np.where(rain > 0, "rain", "sun")),
            "frost": warmth < 2,
        }
    )
    return frame


def shape(kind: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Returns a picture of a circle, a square or a star: floats in 0 to 1, (48, 48, 3)."""
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    x, y = x + rng.uniform(-0.2, 0.2), y + rng.uniform(-0.2, 0.2)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    edge = (radius - 0.6, np.maximum(abs(x), abs(y)) - 0.55, radius - 0.5 - 0.22 * np.cos(5 * angle))[kind]
    inside = np.clip(0.5 - 20 * edge, 0, 1)[..., None]
    picture: npt.NDArray[np.float64] = 0.08 + 0.9 * inside * rng.uniform(0.35, 1, 3)
    return picture


def beep(frequency: float) -> npt.NDArray[np.float32]:
    """Returns half a second of a tone, at 8,000 samples per second."""
    time = np.arange(4_000) / 8_000
    return (0.5 * np.sin(2 * np.pi * frequency * time) * np.exp(-6 * time)).astype(np.float32)


if __name__ == "__main__":
    with trackd.init(project="records", name="table") as run:
        for row in rows():
            run.log(row)

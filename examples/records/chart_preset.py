"""Saves a chart of one's own as a preset, and draws tables with it by its id; another has its specification with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import trackd

STEPS = 4

# Vega-Lite; ${field:…} stands for a column of the table, ${string:…} for a text.
BAND = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "title": "${string:title:A band}",
    "data": {"name": "table"},
    "width": "container",
    "height": "container",
    "encoding": {"x": {"field": "${field:x}", "type": "quantitative"}},
    "layer": [
        {
            "mark": {"type": "area", "opacity": 0.3, "color": "teal"},
            "encoding": {
                "y": {"field": "${field:low}", "type": "quantitative"},
                "y2": {"field": "${field:high}"},
            },
        },
        {
            "mark": {"type": "line", "color": "teal"},
            "encoding": {
                "y": {"field": "${field:middle}", "type": "quantitative", "title": "${string:y:value}"}
            },
        },
    ],
}
HEAT = {
    "data": {"name": "table"},
    "width": "container",
    "height": "container",
    "mark": "rect",
    "encoding": {
        "x": {"field": "hour", "type": "ordinal"},
        "y": {"field": "day", "type": "ordinal", "sort": None},
        "color": {"field": "runs", "type": "quantitative", "scale": {"scheme": "viridis"}},
    },
}


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Saves the preset and yields what each step logs."""
    trackd.save_preset("examples/band", BAND, title="A line in a band")
    rng = np.random.default_rng(seed)
    for step in range(STEPS):
        yield {
            "presets/forecast": trackd.plot_table(
                "examples/band",
                forecast(step, rng),
                fields={"x": "day", "low": "least", "high": "most", "middle": "expected"},
                string_fields={"title": f"Forecast {step}", "y": "degrees"},
            ),
            "presets/own specification": trackd.plot_table(HEAT, week(rng), fields={}),
        }


def forecast(step: int, rng: np.random.Generator) -> trackd.Table:
    """Returns the temperatures of the next days, less sure the later the day."""
    table = trackd.Table(columns=["day", "least", "expected", "most"])
    expected = 12.0 + step
    for day in range(14):
        expected += float(rng.normal(0.1, 0.8))
        spread = 0.4 + 0.35 * day
        table.add_data(day, expected - spread, expected, expected + spread)
    return table


def week(rng: np.random.Generator) -> trackd.Table:
    """Returns how many runs were started at each hour of a week."""
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    busy = [12 * np.exp(-((hour - 14) ** 2) / 18) for hour in range(24)]
    cells = [
        [day, hour, int(rng.poisson(busy[hour] * (0.2 if day in ("Sat", "Sun") else 1)))]
        for day in days
        for hour in range(24)
    ]
    return trackd.Table(columns=["day", "hour", "runs"], data=cells)


if __name__ == "__main__":
    with trackd.init(project="records", name="chart preset") as run:
        for row in rows():
            run.log(row)

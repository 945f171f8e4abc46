"""Logs figures of Plotly: a landscape with the way that an optimiser takes, and a chart of shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

import trackd

STEPS = 5


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    start, shares = rng.uniform(-1.8, 1.8, 2), rng.dirichlet(np.ones(4))
    for step in range(STEPS):
        yield {
            "figures/plotly landscape": landscape(start, 8 * (step + 1)),
            "figures/plotly shares": sunburst(shares),
        }
        shares = 0.7 * shares + 0.3 * rng.dirichlet(np.ones(4))


def landscape(start: Any, count: int) -> go.Figure:
    """Draws hills, and how gradient descent goes down from a place in `count` steps."""
    grid = np.linspace(-2, 2, 50)
    x, y = np.meshgrid(grid, grid)
    place, way = np.array(start), []
    for _ in range(count):
        way.append([*place, height(*place)])
        slope = [(height(*(place + 1e-4 * axis)) - height(*place)) / 1e-4 for axis in np.eye(2)]
        place = place - 0.06 * np.array(slope)
    down = np.array(way).T
    line = {"color": "crimson", "width": 6}
    figure = go.Figure(
        [
            go.Surface(x=grid, y=grid, z=height(x, y), colorscale="Viridis", opacity=0.9, showscale=False),
            go.Scatter3d(
                x=down[0], y=down[1], z=down[2] + 0.05, mode="lines+markers", line=line, marker={"size": 3}
            ),
        ]
    )
    return figure.update_layout(title=f"{count} steps of gradient descent", showlegend=False)


def height(x: Any, y: Any) -> Any:
    """Returns the height of the hills at a place."""
    return 0.3 * (x**2 + y**2) + np.sin(2 * x) * np.cos(2 * y)


def sunburst(shares: Any) -> go.Figure:
    """Draws how a budget of time is shared out."""
    names = ["forward", "backward", "data", "logging"]
    labels, parents = ["step", *names, "decode", "augment"], ["", *["step"] * 4, "data", "data"]
    values = [shares.sum(), *shares, 0.6 * shares[2], 0.4 * shares[2]]
    return go.Figure(go.Sunburst(labels=labels, parents=parents, values=values, branchvalues="total"))


if __name__ == "__main__":
    with trackd.init(project="records", name="plotly") as run:
        for row in rows():
            run.log(row)

"""Logs histograms over steps: gradients that shrink, weights that part into two groups, and bins that were counted before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import trackd

STEPS = 120


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.3, (64, 64))
    for step in range(STEPS):
        gradients = weights * (weights**2 - 1) + rng.normal(0, 0.6 * 0.97**step, weights.shape)
        if step == STEPS // 2:
            gradients[0, 0] = np.inf  # NaN and infinities are counted apart
        waits = rng.gamma(2 + step / 40, 3, 2_000)
        yield {
            "histograms/gradients": trackd.Histogram(gradients),
            "histograms/weights": trackd.Histogram(weights, num_bins=128),
            "histograms/waiting times": trackd.Histogram(
                np_histogram=np.histogram(waits, bins=40, range=(0, 60))
            ),
        }
        weights -= 0.05 * np.nan_to_num(gradients, posinf=0)


if __name__ == "__main__":
    with trackd.init(project="records", name="histogram") as run:
        for row in rows():
            run.log(row)

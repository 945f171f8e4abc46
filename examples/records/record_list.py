"""Logs lists of records under one key: they keep their order and captions, and count as one point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 4


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs; a list may have another length at each step."""
    petals = np.random.default_rng(seed).permutation(np.arange(2, 10)).tolist()
    for step in range(STEPS):
        yield {
            "lists/roses": [
                trackd.Image(rose(count, 0.1 * step), caption=f"{count} petals")
                for count in petals[: 5 + step]
            ],
            "lists/scale": [
                trackd.Audio(tone(220 * 2 ** (note / 12)), sample_rate=8_000, caption=name)
                for name, note in zip("CDEFGAHC", (3, 5, 7, 8, 10, 12, 14, 15), strict=True)
            ],
            "lists/layers": [
                trackd.Histogram(np.linspace(-1, 1, 500) ** (2 * layer + 1)) for layer in range(4)
            ],
        }


def rose(petals: int, turn: float) -> npt.NDArray[np.float64]:
    """Returns a rose with a number of petals: floats in 0 to 1, (96, 96, 3)."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    radius, angle = np.hypot(x, y), np.arctan2(y, x) + turn
    inside = np.clip(8 * (0.55 + 0.35 * np.cos(petals * angle) - radius), 0, 1)[..., None]
    color = np.array([0.95, 0.35, 0.55]) * (1 - 0.5 * radius[..., None])
    picture: npt.NDArray[np.float64] = np.clip(inside * color + (1 - inside) * [0.05, 0.09, 0.12], 0, 1)
    return picture


def tone(frequency: float) -> npt.NDArray[np.float32]:
    """Returns a plucked note of 0.6 seconds, at 8,000 samples per second."""
    time = np.arange(4_800) / 8_000
    return (0.6 * np.sin(2 * np.pi * frequency * time) * np.exp(-5 * time)).astype(np.float32)


if __name__ == "__main__":
    with trackd.init(project="records", name="lists") as run:
        for row in rows():
            run.log(row)

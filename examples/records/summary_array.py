"""Keeps whole arrays, histograms and an image in a run's summary, and logs an array that is too large for a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 3


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs: arrays of more than 32,768 numbers, which are kept as files."""
    for step in range(STEPS):
        yield {"arrays/attention": attention(200, 2 + 6 * step, seed)}


def summary(seed: int = 0) -> dict[str, Any]:
    """Returns what the summary keeps: the page shows statistics and sparklines, and the whole reads back."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(500, 16)) * np.linspace(2, 0.1, 16)
    return {
        "arrays/embedding": embedding,
        "arrays/lengths": trackd.Histogram(np.linalg.norm(embedding, axis=1)),
        "arrays/best attention": trackd.Image(attention(64, 20, seed) / 0.28),
        "arrays/class weights": np.array([0.2, 0.5, 0.3]),  # up to 32 numbers stay a list
    }


def attention(length: int, sharpness: float, seed: int) -> npt.NDArray[np.float32]:
    """Returns which words look at which, (length, length); each row adds up to 1."""
    place = np.linspace(0, 1, length)
    looked_at = 0.5 + 0.5 * np.sin(2 * np.pi * (place + 0.1 * seed))
    scores = -sharpness * abs(place[None, :] - looked_at[:, None])
    shares: npt.NDArray[np.float32] = np.exp(scores).astype(np.float32)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


if __name__ == "__main__":
    with trackd.init(project="records", name="summary array") as run:
        for row in rows():
            run.log(row)
        run.summary.update(summary())

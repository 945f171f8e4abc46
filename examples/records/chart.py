"""Logs charts that are made from tables, numbers and predictions: everything in `trackd.plot`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import trackd

STEPS = 4
CLASSES = ["cat", "dog", "fox"]


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 400)
    noise = rng.gumbel(size=(400, 3))
    for step in range(STEPS):
        scores = np.exp(noise + (0.5 + step) * np.eye(3)[truth])
        scores /= scores.sum(axis=1, keepdims=True)
        x = np.linspace(0, 10, 120)
        swing = trackd.Table(
            columns=["time", "height", "pendulum"],
            data=[
                [float(t), float(np.exp(-t / (3 + step)) * np.cos(speed * t)), f"{speed} Hz"]
                for speed in (1, 2)
                for t in x
            ],
        )
        errors = trackd.Table(
            columns=["class", "wrong"],
            data=[
                [name, int((scores.argmax(axis=1) != truth)[truth == number].sum())]
                for number, name in enumerate(CLASSES)
            ],
        )
        points = trackd.Table(columns=["sure", "loss"], data=sure_and_loss(scores, truth))
        yield {
            "charts/line": trackd.plot.line(
                swing, "time", "height", stroke="pendulum", title="Two pendulums"
            ),
            "charts/scatter": trackd.plot.scatter(points, "sure", "loss", title="How sure, how wrong"),
            "charts/bar": trackd.plot.bar(errors, "class", "wrong", title="Mistakes by class"),
            "charts/histogram": trackd.plot.histogram(points, "loss", title="Losses of the examples"),
            "charts/line series": trackd.plot.line_series(
                x, [np.sin(x) / (n + 1) for n in range(step + 1)], title="Sines", xname="angle"
            ),
            "charts/precision and recall": trackd.plot.pr_curve(
                truth, scores, labels=CLASSES, title="Precision, recall"
            ),
            "charts/roc": trackd.plot.roc_curve(truth, scores, labels=CLASSES, title="ROC"),
            "charts/confusion": trackd.plot.confusion_matrix(
                probs=scores, y_true=truth, class_names=CLASSES, title="What is taken for what"
            ),
        }


def sure_and_loss(scores: Any, truth: Any) -> list[list[float]]:
    """Returns the highest score of each example and its cross-entropy."""
    losses = -np.log(scores[np.arange(len(truth)), truth])
    return [[float(sure), float(loss)] for sure, loss in zip(scores.max(axis=1), losses, strict=True)]


if __name__ == "__main__":
    with trackd.init(project="records", name="chart") as run:
        for row in rows():
            run.log(row)

"""Logs images with masks and boxes: the shapes of a scene, and a prediction of them that gets better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 6
HEIGHT, WIDTH = 160, 240
NAMES = {0: "background", 1: "disc", 2: "square", 3: "triangle"}
COLORS = np.array([[34, 38, 46], [239, 71, 111], [17, 138, 178], [240, 200, 90]], np.uint8)  # by class


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    # Class, middle x and y, radius: one shape in each third of the picture.
    shapes = [
        (1, rng.uniform(35, 50), rng.uniform(50, 110), rng.uniform(25, 33)),
        (2, rng.uniform(110, 130), rng.uniform(50, 110), rng.uniform(22, 30)),
        (3, rng.uniform(190, 205), rng.uniform(50, 110), rng.uniform(25, 33)),
    ]
    offsets = rng.uniform(-22, 22, (3, 2))
    truth = class_ids(shapes)
    picture = COLORS[truth] + rng.integers(0, 12, (HEIGHT, WIDTH, 3), np.uint8)
    for step in range(STEPS):
        error = 1 - step / (STEPS - 1)
        guesses = [
            (kind, x + error * dx, y + error * dy, radius * (1 + 0.3 * error))
            for (kind, x, y, radius), (dx, dy) in zip(shapes, offsets, strict=True)
        ]
        found = class_ids(guesses)
        yield {
            "overlays/shapes": trackd.Image(
                picture,
                caption=f"{(found == truth).mean():.1%} of the pixels are right",
                masks={
                    "prediction": {"mask_data": found, "class_labels": NAMES},
                    "truth": {"mask_data": truth, "class_labels": NAMES},
                },
                boxes={
                    "prediction": {
                        "box_data": [guess(*shape, error) for shape in guesses],
                        "class_labels": NAMES,
                    },
                    "truth": {"box_data": [outline(*shape) for shape in shapes], "class_labels": NAMES},
                },
            )
        }


def class_ids(shapes: list[tuple[int, float, float, float]]) -> npt.NDArray[np.uint8]:
    """Returns which class each pixel has, (HEIGHT, WIDTH)."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    for kind, middle_x, middle_y, radius in shapes:
        right, down = x - middle_x, y - middle_y
        inside = {
            1: np.hypot(right, down) < radius,
            2: np.maximum(abs(right), abs(down)) < radius,
            3: (abs(down) < radius) & (2 * abs(right) < down + radius),
        }[kind]
        ids[inside] = kind
    return ids


def outline(kind: int, x: float, y: float, radius: float) -> dict[str, Any]:
    """Returns the box around a shape, in fractions of the image."""
    edges = {
        "minX": (x - radius) / WIDTH,
        "maxX": (x + radius) / WIDTH,
        "minY": (y - radius) / HEIGHT,
        "maxY": (y + radius) / HEIGHT,
    }
    return {"position": edges, "class_id": kind, "box_caption": NAMES[kind]}


def guess(kind: int, x: float, y: float, radius: float, error: float) -> dict[str, Any]:
    """Returns a predicted box with its scores, in pixels."""
    score = 0.97 - 0.2 * kind * error
    return {
        "position": {"middle": [x, y], "width": 2 * radius, "height": 2 * radius},
        "domain": "pixel",
        "class_id": kind,
        "box_caption": NAMES[kind],
        "scores": {"confidence": score, "overlap": 1 - 0.6 * error},
    }


if __name__ == "__main__":
    with trackd.init(project="records", name="image overlays") as run:
        for row in rows():
            run.log(row)

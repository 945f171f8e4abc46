"""Logs a project as a person would have it after a day: a search over learning rates and widths, one run of which fails.

Nothing is trained: the curves are drawn from formulas with a fixed seed, so that every reader of the documents, the pictures
and the tests see the same project.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

PROJECT = "shapes"
STEPS = 200
# Often enough for a curve and a slider, seldom enough to cost little.
VALIDATION_INTERVAL_STEPS = 10
IMAGE_INTERVAL_STEPS = 50
RATES = (0.3, 0.1, 0.03, 0.01)
WIDTHS = (64, 256)
SEEDS = (0, 1)
# Too high to learn by: the run that fails, and when.
WILD_RATE = 3.0
WILD_STEPS = 64
HEIGHT, WIDTH = 120, 180
NAMES = {0: "background", 1: "disc", 2: "square", 3: "triangle"}
COLORS = np.array([[34, 38, 46], [239, 71, 111], [17, 138, 178], [240, 200, 90]], np.uint8)  # by class
# Class, middle x and y, radius.
SHAPES = ((1, 36.0, 50.0, 24.0), (2, 92.0, 68.0, 22.0), (3, 146.0, 54.0, 26.0))

Shape = tuple[int, float, float, float]


def main() -> None:
    """Logs every run of the search, then the one that fails."""
    for rate, width, seed in itertools.product(RATES, WIDTHS, SEEDS):
        log_run(rate, width, seed)
    try:
        log_run(WILD_RATE, WIDTHS[0], SEEDS[0])
    except FloatingPointError as error:
        print(f"one run has failed, as it should: {error}")


def log_run(rate: float, width: int, seed: int) -> None:
    """Logs one run. Raises FloatingPointError where the learning rate is too high."""
    config = {
        "model": {"kind": "cnn", "width": width, "depth": 4},
        "optimizer": {"kind": "sgd", "lr": rate, "momentum": 0.9},
        "batch_size": 128,
        "seed": seed,
    }
    with trackd.init(
        project=PROJECT,
        name=f"{'wide' if width == max(WIDTHS) else 'narrow'}-lr{rate}-s{seed}",
        group=f"lr {rate}",
        job_type="train",
        tags=["baseline"] if (rate, width) == (0.01, 64) else [],
        notes="Looks for a learning rate that is quick and does not diverge.",
        config=config,
    ) as run:
        for row in rows(rate, width, seed):
            run.log(row)
            loss = row["train/loss"]
            if run.step % VALIDATION_INTERVAL_STEPS == 0:
                print(f"step {run.step} loss {loss:.4f}")
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss} after {run.step} steps: lower the learning rate"
                )


def rows(rate: float, width: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng([seed, width, round(rate * 1000)])
    # Rates about 0.1 are quickest, and wider models end lower.
    speed = 0.045 * math.exp(-((math.log10(rate) + 1) ** 2)) * (1 + 0.2 * (width > 64))
    floor = 0.24 - 0.07 * (width > 64) + 0.02 * (rate > 0.1) + 0.006 * rng.standard_normal()
    for step in range(STEPS + 1):
        left = math.exp(-speed * step)
        loss = floor + 1.9 * left + 0.05 * (0.3 + left) * float(rng.standard_normal())
        if rate >= WILD_RATE:
            loss = 2.2 * math.exp(0.11 * step) if step < WILD_STEPS else math.nan
        row: dict[str, Any] = {
            "train/loss": loss,
            "train/accuracy": min(1.0, max(0.1, 1 - loss / 2.4)),
            "train/gradient_norm": abs(2.5 * left + 0.2 * float(rng.standard_normal())) + 0.05,
            "train/lr": rate * 0.5 * (1 + math.cos(math.pi * step / STEPS)),
        }
        if step % VALIDATION_INTERVAL_STEPS == 0 and math.isfinite(loss):
            overfit = 0.0004 * step * (rate > 0.1)
            row["val/loss"] = 1.08 * floor + 1.95 * left + overfit + 0.01 * float(rng.standard_normal())
            row["val/accuracy"] = min(0.99, max(0.1, 1 - row["val/loss"] / 2.4))
        if step % IMAGE_INTERVAL_STEPS == 0 and math.isfinite(loss):
            row["val/predictions"] = prediction(left, rng)
            row["weights/layer1"] = trackd.Histogram(rng.standard_normal(2000) * (0.4 + 0.6 * (1 - left)))
        yield row


def prediction(error: float, rng: np.random.Generator) -> trackd.Image:
    """Returns a scene of three shapes with what the model sees in it: the further on, the closer to the truth."""
    truth = class_ids(SHAPES)
    picture = COLORS[truth] + rng.integers(0, 12, (HEIGHT, WIDTH, 3), np.uint8)
    found = [
        (kind, x + error * float(rng.uniform(-22, 22)), y + error * float(rng.uniform(-22, 22)), radius)
        for kind, x, y, radius in SHAPES
    ]
    return trackd.Image(
        picture,
        caption=f"{(class_ids(found) == truth).mean():.0%} of the pixels are right",
        boxes={
            "prediction": {
                "box_data": [
                    {
                        "position": {"middle": [x, y], "width": 2 * radius, "height": 2 * radius},
                        "domain": "pixel",
                        "class_id": kind,
                        "box_caption": NAMES[kind],
                        "scores": {"confidence": 0.97 - 0.2 * kind * error},
                    }
                    for kind, x, y, radius in found
                ],
                "class_labels": NAMES,
            }
        },
    )


def class_ids(shapes: tuple[Shape, ...] | list[Shape]) -> npt.NDArray[np.uint8]:
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


if __name__ == "__main__":
    main()

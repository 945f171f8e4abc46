"""Logs videos made of frames: a bouncing ball as a GIF, and ripples on water as an MP4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 3


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    color, source = rng.uniform(0.4, 1, 3), rng.uniform(30, 98, 2)
    for step in range(STEPS):
        bounce = 0.5 + 0.2 * step
        yield {
            "video/ball": trackd.Video(
                ball(bounce, color), caption=f"keeps {bounce:.0%} of its speed", fps=20, format="gif"
            ),
            "video/ripples": trackd.Video(
                ripples(source, 6 + 4 * step), caption="frames (time, 1, height, width)", fps=24, format="mp4"
            ),
        }


def ball(bounce: float, color: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Returns a ball that falls and bounces: (50, 3, 96, 128)."""
    y, x = np.mgrid[0:96, 0:128]
    frames = np.full((50, 3, 96, 128), 24, np.uint8)
    frames[:, :, 88:] = 60  # the floor
    height, speed = 70.0, 0.0
    for number, frame in enumerate(frames):
        speed -= 1.2
        height += speed
        if height < 0:
            height, speed = -height * bounce, -speed * bounce
        middle_x, middle_y = 12 + 2 * number, 80 - height
        distance = np.hypot(x - middle_x, y - middle_y)
        light = np.clip(1.2 - np.hypot(x - middle_x + 3, y - middle_y + 3) / 12, 0.2, 1)
        frame[:, distance < 8] = (255 * color[:, None] * light[distance < 8]).astype(np.uint8)
    return frames


def ripples(source: npt.NDArray[np.float64], wavelength: float) -> npt.NDArray[np.float64]:
    """Returns waves that run from a point: floats in 0 to 1, (48, 1, 128, 128), and repeat without a seam."""
    y, x = np.mgrid[0:128, 0:128]
    distance = np.hypot(x - source[0], y - source[1])
    time = np.arange(48)[:, None, None] / 48
    waves = np.sin(2 * np.pi * (distance / wavelength - 4 * time)) * np.exp(-distance / 60)
    frames: npt.NDArray[np.float64] = (0.5 + 0.5 * waves)[:, None]
    return frames


if __name__ == "__main__":
    with trackd.init(project="records", name="video") as run:
        for row in rows():
            run.log(row)

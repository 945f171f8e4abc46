"""Logs images: arrays of floats and truth values, a Pillow drawing, and a JPEG file that is kept byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw

import trackd

STEPS = 8


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    phase = np.random.default_rng(seed).uniform(0, 0.3)
    for step in range(STEPS):
        time = phase + step / STEPS
        sky = sunset(time)
        row = {
            "images/sunset": trackd.Image(sky, caption=f"step {step}: floats, (height, width, 3)"),
            "images/moon": trackd.Image(crescent(time), caption="truth values, (height, width)"),
            "images/flower": trackd.Image(flower(5 + seed % 4, time), caption="drawn with Pillow"),
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "sunset.jpg")
            PIL.Image.fromarray((sky * 255).astype(np.uint8)).save(path, quality=80)
            row["images/photo"] = trackd.Image(path, caption="the bytes of the JPEG file")
        yield row


def sunset(time: float) -> npt.NDArray[np.float64]:
    """Returns a sun going down as `time` goes from 0 to 1: floats in 0 to 1, (120, 180, 3)."""
    y, x = np.mgrid[0:120, 0:180]
    height = y[..., None] / 119
    day, dusk, sea = np.array([0.35, 0.6, 0.95]), np.array([0.98, 0.55, 0.25]), np.array([0.07, 0.16, 0.32])
    glow = np.clip(height * (0.4 + time), 0, 1)
    picture = day * (1 - glow) + dusk * glow
    distance = np.hypot(x - 90, y - 20 - 85 * time)[..., None]
    picture += np.exp(-distance / 30) * [0.5, 0.3, 0.1]
    picture = np.where((distance < 14) & (height <= 0.75), [1.0, 0.93, 0.7], picture)
    waves = 0.06 * np.sin(x[..., None] / 5 + y[..., None] + 6 * time) * (height > 0.75)
    return np.clip(np.where(height > 0.75, 0.45 * picture + 0.55 * sea + waves, picture), 0, 1)


def crescent(time: float) -> npt.NDArray[np.bool_]:
    """Returns the moon at a phase in 0 to 1: truth values, (96, 96)."""
    y, x = np.mgrid[0:96, 0:96]
    moon, shadow = np.hypot(x - 48, y - 48) < 38, np.hypot(x - 48 + 76 * time, y - 48) < 38
    crescent: npt.NDArray[np.bool_] = moon & ~shadow
    return crescent


def flower(petals: int, time: float) -> PIL.Image.Image:
    """Draws a flower that turns."""
    picture = PIL.Image.new("RGB", (128, 128), "#10251c")
    draw = PIL.ImageDraw.Draw(picture)
    for petal in range(petals):
        angle = 2 * np.pi * (petal / petals + time / petals)
        x, y = 64 + 30 * np.cos(angle), 64 + 30 * np.sin(angle)
        draw.ellipse((x - 20, y - 20, x + 20, y + 20), fill="#f06ba8", outline="#ffd1e8", width=2)
    draw.ellipse((48, 48, 80, 80), fill="#ffd166")
    return picture


if __name__ == "__main__":
    with trackd.init(project="records", name="image") as run:
        for row in rows():
            run.log(row)

"""Logs sounds: a chirp, a chord in stereo, and a WAV file that is kept byte for byte."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 4
RATE = 16_000  # samples per second


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    root = 220.0 * 2 ** (np.random.default_rng(seed).integers(0, 6) / 12)
    for step in range(STEPS):
        end = 600 * (step + 1)
        yield {
            "audio/chirp": trackd.Audio(chirp(200, end), RATE, caption=f"200 Hz to {end} Hz"),
            "audio/chord": trackd.Audio(
                chord(root, step + 1), RATE, caption=f"{step + 1} overtones, in stereo"
            ),
            "audio/bell": trackd.Audio(bell(root * (step + 1)), caption="a file"),
        }


def chirp(start: float, end: float) -> npt.NDArray[np.float32]:
    """Returns a tone that rises from one frequency to another, in hertz, within a second and a half: (samples)."""
    time = np.arange(int(1.5 * RATE)) / RATE
    phase = 2 * np.pi * (start * time + (end - start) * time**2 / 3)
    return (0.6 * np.sin(phase) * np.hanning(len(time))).astype(np.float32)


def chord(root: float, overtones: int) -> npt.NDArray[np.float32]:
    """Returns a triad that wanders from the left to the right: (samples, 2)."""
    time = np.arange(2 * RATE) / RATE
    tones = [
        np.sin(2 * np.pi * root * ratio * overtone * time) / overtone**2
        for ratio in (1, 5 / 4, 3 / 2)
        for overtone in range(1, overtones + 1)
    ]
    sound, place = np.sum(tones, axis=0) * np.exp(-time) / 5, time / 2
    return np.stack([sound * (1 - place), sound * place], axis=1).astype(np.float32)


def bell(frequency: float) -> io.BytesIO:
    """Writes the stroke of a bell as a WAV file of 16 bits."""
    time = np.arange(RATE) / RATE
    partials = [(1, 1.0), (2.76, 0.5), (5.4, 0.25)]
    sound = sum(loud * np.sin(2 * np.pi * frequency * ratio * time) for ratio, loud in partials)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes((sound * np.exp(-5 * time) * 16_000).astype("<i2").tobytes())
    return file


if __name__ == "__main__":
    with trackd.init(project="records", name="audio") as run:
        for row in rows():
            run.log(row)

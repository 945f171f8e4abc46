"""Owns how far a writer has come in its rows: first and last step, how fast it goes, how long it pauses. Pure.

Invariant: it follows from the rows and their times alone, so that a replay of the logs says the same; the pace alone also
depends on the pieces in which the rows come, within the stretch that it is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trackd_service.series import Int64Array

_PACE_NANOSECONDS = (
    30_000_000_000  # a pace is that of the last 30 to 60 s: shorter ones jump, longer ones are history
)


@dataclass(slots=True)
class Progress:
    """The rows of one writer at a glance; times are nanoseconds since 1970 UTC.

    Attributes:
        first_step: The step of its first row; None before that.
        last_step: Its largest step.
        first_time: Of its first row.
        last_time: Of its last row.
        longest_pause: The longest time between two of its rows.
        has_given_steps: Whether its rows come with steps of their own, and are not just counted.
        marks: (step, time) twice, between which and now the pace is taken.
    """

    first_step: int | None = None
    last_step: int | None = None
    first_time: int = 0
    last_time: int = 0
    longest_pause: int = 0
    has_given_steps: bool = False
    marks: tuple[int, int, int, int] = (0, 0, 0, 0)

    def note(self, steps: Int64Array, times: Int64Array, *, has_given_steps: bool) -> None:
        """Takes note of rows, one at least, in the order in which they were logged."""
        self.has_given_steps = has_given_steps
        count = len(steps)
        first, last = int(times[0]), int(times[-1])
        largest = int(steps[-1] if count == 1 else steps.max())
        if self.last_step is None:
            self.first_step, self.first_time = int(steps[0]), first
            self.last_step, self.last_time = largest, last
            self.marks = (int(steps[0]), first) * 2
        elif first - self.last_time > self.longest_pause:
            self.longest_pause = first - self.last_time
        if count > 1 and last - first > self.longest_pause:
            self.longest_pause = max(self.longest_pause, int(np.diff(times).max()))
        self.last_step = max(self.last_step, largest)
        self.last_time = max(self.last_time, last)
        step, time = self.marks[2:]
        if self.last_time - time >= _PACE_NANOSECONDS:
            self.marks = (step, time, self.last_step, self.last_time)

    @property
    def steps_per_second(self) -> float | None:
        """How fast it went up to its last row; None where two rows at different times are lacking."""
        if self.last_step is None:
            return None
        step, time = self.marks[:2]
        seconds = (self.last_time - time) / 1e9
        return (self.last_step - step) / seconds if seconds > 0 else None

    def stride(self, row_count: int) -> float:
        """Returns how many steps lie between two of its `row_count` rows."""
        if self.first_step is None or self.last_step is None or row_count < 2:
            return 1.0
        return max(1.0, (self.last_step - self.first_step) / (row_count - 1))

    def dump(self) -> list[Any]:
        """Returns it as JSON values."""
        return [
            self.first_step,
            self.last_step,
            self.first_time,
            self.last_time,
            self.longest_pause,
            self.has_given_steps,
            list(self.marks),
        ]

    @staticmethod
    def load(data: list[Any] | None) -> Progress:
        """Returns it from `dump`; empty where an older trackd has not kept it."""
        if not data:
            return Progress()
        first_step, last_step, first_time, last_time, pause, has_given_steps, (a, b, c, d) = data
        return Progress(first_step, last_step, first_time, last_time, pause, has_given_steps, (a, b, c, d))

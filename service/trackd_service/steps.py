"""Owns which step a row gets. Pure.

The rules are wandb's, but for late rows, which are kept: an automatic row takes the current step and ends it; a row with a
step moves the current step there and leaves it open, so that the next automatic row joins it; `commit` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackd_service.frames import FLAG_COMMIT, FLAG_HOLD, FLAG_STEP
from trackd_service.series import BoolArray, Int64Array

_INT64_MAX = (1 << 63) - 1


@dataclass(slots=True)
class StepCounter:
    """The current step of one writer."""

    current: int = 0

    def assign(self, flags: Int64Array, steps: Int64Array) -> tuple[Int64Array, BoolArray]:
        """Assigns steps to rows in order.

        Args:
            flags: int array of shape (n,), `frames.FLAG_*`.
            steps: int64 array of shape (n,); read where the flags have FLAG_STEP.

        Returns:
            The steps, int64 of shape (n,), and which rows are late (behind the current step), bool of shape (n,).
        """
        count = len(flags)
        first = int(flags[0]) if count else 0
        if count > 1 and bool((flags == first).all()):
            if not first & FLAG_STEP and not first & FLAG_HOLD and self.current + count <= _INT64_MAX:
                assigned = np.arange(self.current, self.current + count, dtype=np.int64)
                self.current += count
                return assigned, np.zeros(count, np.bool_)
            if first & FLAG_STEP and not first & FLAG_COMMIT:
                before = np.maximum.accumulate(np.append(np.int64(self.current), steps))
                self.current = int(before[-1])
                return steps.astype(np.int64, copy=False), steps < before[:-1]
        return self._assign_each(flags.tolist(), steps.tolist())

    def _assign_each(self, flags: list[int], steps: list[int]) -> tuple[Int64Array, BoolArray]:
        assigned, late = [], []
        for flag, given in zip(flags, steps, strict=True):
            step = given if flag & FLAG_STEP else self.current
            is_late = step < self.current
            assigned.append(step)
            late.append(is_late)
            if is_late:
                continue
            commits = bool(flag & FLAG_COMMIT) or not flag & (FLAG_STEP | FLAG_HOLD)
            # The largest step is never passed: rows after it share it.
            self.current = min(step + commits, _INT64_MAX)
        return np.array(assigned, np.int64), np.array(late, np.bool_)

"""Owns smoothing of a series of values.

Invariants: what is not finite is passed over and never spreads; a huge value spoils no more than its own window, as no
running difference is taken; the cost does not grow with the number of points times the window. Pure: NumPy only, no
I/O, no clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from trackd_service.series import Float64Array

SmoothingKind: TypeAlias = Literal["ema", "gaussian", "running_mean"]

# A block is smoothed by one small matrix product: 64 keeps the matrix in the first cache and the recursion at log64(n).
_BLOCK = 64
# Weights of the past below this share cannot change a double.
_NEGLIGIBLE = 1e-18
# Three running means in a row are a bell curve within a tenth of its height, for any window at one price.
_GAUSSIAN_PASSES = 3
WINDOW_POINTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How to smooth.

    Attributes:
        kind: `ema`, a weighted mean of the past, bias-corrected as in Adam; `running_mean`, the mean of a window around
            each point; `gaussian`, the same with bell-shaped weights of standard deviation `amount` / 4.
        amount: For `ema` the weight of the past, 0 to below 1; else the window in points, 1 to 1,000,000.
    """

    kind: SmoothingKind
    amount: float

    def __post_init__(self) -> None:
        """Checks the amount.

        Raises:
            ValueError: If it is out of range for the kind, or the kind is unknown.
        """
        if self.kind == "ema":
            if not 0 <= self.amount < 1:
                raise ValueError(f"smoothing amount is {self.amount}; ema takes 0 to below 1")
        elif self.kind not in ("gaussian", "running_mean"):
            raise ValueError(f"smoothing kind is '{self.kind}'; it is one of ema, gaussian, running_mean")
        elif not 1 <= self.amount <= WINDOW_POINTS_MAX:
            raise ValueError(
                f"smoothing amount is {self.amount}; {self.kind} takes 1 to {WINDOW_POINTS_MAX:,} points"
            )


def smooth(values: Float64Array, smoothing: Smoothing) -> Float64Array:
    """Smooths values that stand in order.

    Args:
        values: float64 of shape (n,), NaN and infinities allowed.
        smoothing: How.

    Returns:
        float64 of shape (n,). Where a value is not finite `ema` stays at its last result and the others take the mean of
        the finite values of the window; NaN where there are none.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(len(values), np.nan)
    if smoothing.kind == "ema":
        return _spread(_ema(values[finite], smoothing.amount), finite)
    whole = bool(finite.all())
    if smoothing.kind == "running_mean":
        return _window_mean(values, None if whole else finite, round(smoothing.amount), 1)
    # The variance of a running mean of w points is (w² - 1) / 12, and variances add up: (w² - 1) / 4 = (amount / 4)².
    ideal = math.sqrt(smoothing.amount**2 / 4 + 1)
    width = 2 * round((ideal - 1) / 2) + 1
    return _window_mean(values, None if whole else finite, width, _GAUSSIAN_PASSES)


def _ema(values: Float64Array, weight: float) -> Float64Array:
    if weight == 0:
        return values
    smoothed: Float64Array = _recur(values * (1 - weight), weight)
    # Early results have seen too few points for the weights to add up to one.
    early_count = min(len(values), math.ceil(math.log(_NEGLIGIBLE) / math.log(weight)))
    powers = np.arange(1, early_count + 1) * math.log(weight)
    smoothed[:early_count] /= -np.expm1(powers)
    return smoothed


def _recur(values: Float64Array, ratio: float) -> Float64Array:
    """Returns y with y[i] = values[i] + ratio * y[i - 1]."""
    block = min(_BLOCK, len(values))
    block_count = -(-len(values) // block)
    padded = np.zeros(block_count * block)
    padded[: len(values)] = values
    distance = np.subtract.outer(np.arange(block), np.arange(block))
    weights = np.where(distance >= 0, float(ratio) ** np.maximum(distance, 0), 0.0)
    local = padded.reshape(block_count, block) @ weights.T
    if block_count > 1:
        carried = _recur(np.ascontiguousarray(local[:-1, -1]), ratio**block)
        local[1:] += carried[:, None] * ratio ** np.arange(1, block + 1)
    flat: Float64Array = local.reshape(-1)[: len(values)]
    return flat


def _spread(results: Float64Array, finite: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Float64Array:
    """Returns the result of the last finite value at every place; NaN before the first."""
    if len(results) == len(finite):
        return results
    return np.append(np.nan, results)[np.cumsum(finite)]


def _window_mean(
    values: Float64Array,
    finite: np.ndarray[tuple[int], np.dtype[np.bool_]] | None,
    width: int,
    passes: int,
) -> Float64Array:
    # Scaled so that a weight is the share of the window that was seen, and sums stay in range.
    total = _window_share(values if finite is None else np.where(finite, values, 0.0), width, passes)
    reach = width * passes
    if finite is not None:
        weight = _window_share(finite.astype(np.float64), width, passes)
    elif len(values) <= 2 * reach:
        weight = _window_share(np.ones(len(values)), width, passes)
    else:
        # With nothing missing only the ends see less than the whole window.
        ends = _window_share(np.ones(2 * reach), width, passes)
        weight = np.concatenate([ends[:reach], np.ones(len(values) - 2 * reach), ends[reach:]])
    seen = weight > 0
    return np.where(seen, total / np.where(seen, weight, 1.0), np.nan)


def _window_share(values: Float64Array, width: int, passes: int) -> Float64Array:
    for _ in range(passes):
        values = _window_sum(values / width, width)
    return values


def _window_sum(values: Float64Array, width: int) -> Float64Array:
    """Returns the sum of the `width` values around each, from sums of 1, 2, 4, … neighbours."""
    before = (width - 1) // 2
    sums = np.concatenate([np.zeros(before), values, np.zeros(width - before)])
    total = np.zeros(len(values))
    offset, span = 0, 1
    while span <= width:
        if width & span:
            total += sums[offset : offset + len(values)]
            offset += span
        if 2 * span <= width:
            sums = sums[:-span] + sums[span:]
        span *= 2
    return total

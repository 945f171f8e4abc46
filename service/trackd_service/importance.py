"""Owns how much the columns of runs have to do with a number that the runs ended with: correlations, and a forest.

Invariants: the same runs have the same answer, at every call and on every machine; a column is judged on runs that a
tree has not seen; what cannot be said is None, and why stands in a sentence. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from trackd_service.forest import TREE_COUNT, Forest
from trackd_service.series import Float64Array

ColumnKind: TypeAlias = Literal["number", "bool", "string"]

RUNS_MIN = 8
# Two points lie on a line whatever they are.
_PAIRS_MIN = 3
# More runs change the third digit, and cost seconds.
_ROWS_MAX = 2_000
# Of a column of texts: rarer ones are one category.
_CATEGORIES_MAX = 20
METHOD = (
    "Pearson and Spearman correlation are over the runs that have both numbers. Importance is how much worse a random "
    f"forest of {TREE_COUNT} trees predicts the target, for runs that a tree has not seen, once the values of one column are "
    "shuffled among them; given as a share of all columns."
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column to judge: its name, and a value for each run, None where the run has none."""

    name: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class ColumnImportance:
    """What is said of a column.

    Attributes:
        column: Its name.
        kind: `number`, `bool`, or `string` for everything else.
        run_count: How many of the runs that count have a value.
        distinct_count: How many different values these are.
        pearson: The linear correlation with the target, -1 to 1; None for texts, constants and fewer than 3 runs.
        spearman: The same of the ranks.
        importance: Its share, 0 to 1; None where there are too few runs.
    """

    column: str
    kind: ColumnKind
    run_count: int
    distinct_count: int
    pearson: float | None
    spearman: float | None
    importance: float | None


@dataclass(frozen=True, slots=True)
class Importances:
    """The answer.

    Attributes:
        run_count: How many runs have a finite number as target: those that count.
        explained: The share of the target's variance that the forest predicts, for runs not seen; None without one.
        method: How it was computed, in words.
        caution: Why there is no importance, or why it says little; empty when there is nothing to say.
        columns: The columns, the most important first.
    """

    run_count: int
    explained: float | None
    method: str
    caution: str
    columns: list[ColumnImportance]


def measure(target_name: str, target: Sequence[Any], columns: Sequence[Column]) -> Importances:
    """Says how much columns have to do with a target.

    Args:
        target_name: For the sentences.
        target: A value for each run; runs without a finite number there do not count.
        columns: The columns, each with a value for each run.

    Returns:
        The answer; columns that say the same come in the order of their names.
    """
    whole = _numbers(target)
    rows = np.flatnonzero(np.isfinite(whole))
    y = whole[rows]
    encoded = [_Encoded.of(column, rows) for column in columns]
    caution = _caution(target_name, y, columns)
    shares: Sequence[float | None] = [None] * len(columns)
    explained: float | None = None
    if not caution:
        shares, explained = _shares(y, encoded)
        if explained < 0.1:
            caution = (
                f"the forest predicts {max(explained, 0.0):.0%} of the variance of {target_name}: "
                "importances say little"
            )
    found = [
        ColumnImportance(
            one.name,
            one.kind,
            one.run_count,
            one.distinct_count,
            None if one.numbers is None else correlate(one.numbers, y),
            None if one.numbers is None else correlate(one.numbers, y, is_ranked=True),
            share,
        )
        for one, share in zip(encoded, shares, strict=True)
    ]
    found.sort(key=lambda one: (-(one.importance or 0.0), -abs(one.spearman or 0.0), one.column))
    return Importances(len(rows), explained, METHOD, caution, found)


def correlate(x: Float64Array, y: Float64Array, *, is_ranked: bool = False) -> float | None:
    """Returns the correlation of two columns, over the rows in which both are finite; None where it says nothing."""
    both = np.isfinite(x) & np.isfinite(y)
    if int(both.sum()) < _PAIRS_MIN:
        return None
    x, y = x[both], y[both]
    if is_ranked:
        x, y = _ranks(x), _ranks(y)
    if np.all(x == x[0]) or np.all(y == y[0]):
        return None
    x, y = _centred(x), _centred(y)
    # Squares of differences that are tiny beside the values may vanish.
    product = math.sqrt(float(x @ x)) * math.sqrt(float(y @ y))
    return None if product == 0 else max(-1.0, min(1.0, float(x @ y) / product))


def _ranks(values: Float64Array) -> Float64Array:
    """Returns ranks from 1; equal values have the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Float64Array = ((ends - counts + 1 + ends) / 2)[inverse]
    return ranks


def _centred(values: Float64Array) -> Float64Array:
    """Returns values less their mean, scaled so that no square overflows."""
    scaled = values / np.abs(values).max()
    centred = scaled - scaled.mean()
    largest = np.abs(centred).max()
    result: Float64Array = centred / largest if largest else centred
    return result


def _numbers(values: Sequence[Any]) -> Float64Array:
    """Returns values as doubles; NaN for what is no finite number."""
    return np.array([_number(value) for value in values], np.float64)


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _caution(target_name: str, y: Float64Array, columns: Sequence[Column]) -> str:
    if len(y) < RUNS_MIN:
        runs = "1 run has" if len(y) == 1 else f"{len(y)} runs have"
        return f"{runs} a finite number as {target_name}; importance needs {RUNS_MIN}"
    if np.all(y == y[0]):
        return f"{target_name} is the same in all {len(y)} runs: nothing can explain it"
    return "" if columns else "no column differs between the runs"


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A column in the rows that count.

    Attributes:
        name: Its name.
        kind: See `ColumnImportance`.
        run_count: See `ColumnImportance`.
        distinct_count: See `ColumnImportance`.
        numbers: Doubles, NaN where there is none; None for texts.
        features: What the forest sees of it, of shape (rows, features).
    """

    name: str
    kind: ColumnKind
    run_count: int
    distinct_count: int
    numbers: Float64Array | None
    features: Float64Array

    @staticmethod
    def of(column: Column, rows: npt.NDArray[np.int64]) -> _Encoded:
        """Encodes a column."""
        values = [column.values[row] for row in rows.tolist()]
        there = [value for value in values if value is not None]
        if all(isinstance(value, (bool, int, float)) for value in there):
            numbers = _numbers(values)
            is_bool = bool(there) and all(isinstance(value, bool) for value in there)
            finite = np.isfinite(numbers)
            middle = float(np.median(numbers[finite])) if finite.any() else 0.0
            filled = np.where(finite, numbers, middle)
            kind: ColumnKind = "bool" if is_bool else "number"
            return _Encoded(column.name, kind, int(finite.sum()), len(set(there)), numbers, filled[:, None])
        texts = [_text(value) for value in values]
        counts = Counter(text for text in texts if text is not None)
        common = sorted(counts, key=lambda text: (-counts[text], text))[:_CATEGORIES_MAX]
        features = np.array([[text == one for one in common] for text in texts], np.float64)
        return _Encoded(column.name, "string", len(there), len(counts), None, features)


def _text(value: Any) -> str | None:
    """Returns a text that two values share when they are equal; None for none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, default=str)


def _shares(y: Float64Array, encoded: Sequence[_Encoded]) -> tuple[list[float | None], float]:
    """Returns each column's share of the importance, and the explained share of the variance."""
    features = np.concatenate([one.features for one in encoded], axis=1)
    owners = np.repeat(np.arange(len(encoded)), [one.features.shape[1] for one in encoded])
    centred = _centred(y)
    random = np.random.default_rng(0)
    if len(y) > _ROWS_MAX:
        chosen = np.sort(random.choice(len(y), _ROWS_MAX, replace=False))
        features, centred = features[chosen], centred[chosen]
    forest = Forest(features, centred / centred.std(), owners, random)
    harm = np.maximum(forest.harm(len(encoded)), 0.0)
    total = float(harm.sum())
    return [float(one / total) if total > 0 else 0.0 for one in harm], forest.explained()

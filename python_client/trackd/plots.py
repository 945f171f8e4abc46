"""Owns the older names of the charts: `trackd.plots.precision_recall` and the others that wandb had before `plot`.

Each draws what its successor in `trackd.plot` draws, and says once a process which that is.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec

from trackd import plot
from trackd._chart import CustomChart

P = ParamSpec("P")

_noticed: set[str] = set()  # the names whose notice this process has had

__all__ = [
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "precision_recall",
    "roc",
    "roc_curve",
    "scatter",
]


def precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Iterable[Any] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "",
) -> CustomChart:
    """Draws the precision over the recall: `trackd.plot.pr_curve`. `plot_micro` is accepted; each class has a curve."""
    _notice("precision_recall", "pr_curve")
    return plot.pr_curve(y_true, y_probas, labels, classes_to_plot, title=title)


def roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Iterable[Any] | None = None,
    plot_macro: bool = True,
    plot_micro: bool = True,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "",
) -> CustomChart:
    """Draws the true over the false positive rate: `trackd.plot.roc_curve`. `plot_macro` and `plot_micro` are accepted."""
    _notice("roc", "roc_curve")
    return plot.roc_curve(y_true, y_probas, labels, classes_to_plot, title)


def _older(function: Callable[P, CustomChart]) -> Callable[P, CustomChart]:
    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> CustomChart:
        _notice(function.__name__, function.__name__)
        return function(*args, **kwargs)

    return draw


bar = _older(plot.bar)
confusion_matrix = _older(plot.confusion_matrix)
histogram = _older(plot.histogram)
line = _older(plot.line)
line_series = _older(plot.line_series)
plot_table = _older(plot.plot_table)
pr_curve = _older(plot.pr_curve)
roc_curve = _older(plot.roc_curve)
scatter = _older(plot.scatter)


def _notice(name: str, successor: str) -> None:
    if name not in _noticed:
        _noticed.add(name)
        warnings.warn(
            f"trackd.plots.{name} is the older name of trackd.plot.{successor}",
            DeprecationWarning,
            stacklevel=3,
        )

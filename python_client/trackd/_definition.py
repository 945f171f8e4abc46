"""Owns what `define_metric` says: how a metric is drawn and summarised.

Invariant: what is not understood is refused at the call, before anything is written.
"""

from __future__ import annotations

from trackd import _values, _wire
from trackd.errors import Error


class Metric:
    """What `define_metric` defined."""

    def __init__(
        self,
        name: str,
        step_metric: str | None,
        step_sync: bool | None,
        hidden: bool | None,
        summary: str | None,
    ) -> None:
        """Holds the arguments."""
        self.name = name
        self.step_metric = step_metric
        self.step_sync = step_sync
        self.hidden = hidden
        self.summary = summary


def define(
    name: str,
    step_metric: str | Metric | None,
    step_sync: bool | None,
    hidden: bool | None,
    summary: str | None,
    goal: str | None,
    overwrite: bool | None,
) -> tuple[Metric, bytes]:
    """Returns a definition, and its encoded record; the arguments and errors are those of `Run.define_metric`."""
    if not name or not isinstance(name, str):
        raise Error("define_metric() needs a name that is not empty")
    _check_name(name)
    if "*" in name[:-1]:
        raise Error(f"define_metric() name is {name!r}; a glob can only end in *, like 'train/*'")
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    if step_metric is not None and not isinstance(step_metric, str):
        raise Error(
            f"define_metric() step_metric is a {type(step_metric).__name__}; it must be a metric's name"
        )
    if step_metric:
        _check_name(step_metric)
    if not isinstance(summary, str | None):
        raise Error(f"define_metric() summary is {summary!r}; it must be a text such as 'min,max'")
    kinds = [kind.strip().lower() for kind in (summary or "").split(",") if kind.strip()]
    for kind in kinds:
        if kind not in _wire.SUMMARY_KINDS:
            raise Error(
                f"define_metric() summary is {kind!r}; it can be min, max, mean, best, first, last, copy or none"
            )
    if goal is not None and goal not in _wire.GOALS:
        raise Error(f'define_metric() goal is {goal!r}; it can be "minimize" or "maximize"')
    synced = step_metric is not None if step_sync is None else step_sync
    body = _wire.metric_definition(name, step_metric, step_sync, hidden, kinds, goal, bool(overwrite))
    return Metric(name, step_metric, synced, hidden, summary), body


def _check_name(name: str) -> None:
    try:
        _values.check_key(name)
    except ValueError as error:
        raise Error(f"define_metric(): {error}") from None

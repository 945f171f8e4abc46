"""Owns the definitions of metrics: how repeated ones merge, and which one holds for a name. Pure.

Invariants: a whole name wins over a glob, a longer glob over a shorter; names that begin with `_` match no glob. Merging is
per field, the later definition wins; `overwrite` forgets the earlier ones. A glob may be changed at any time, and all
metrics that it holds for follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

SUMMARY_KINDS = ("min", "max", "mean", "first", "last", "copy", "none", "best")


@dataclass(frozen=True, slots=True)
class Definition:
    """How a metric is summarised and drawn; None leaves a field to what was there."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary_kinds: tuple[str, ...] = ()
    goal: str | None = None

    @property
    def is_synced(self) -> bool:
        """Whether the step metric's last value joins rows that lack it."""
        return self.step_metric is not None and self.step_sync is not False

    @property
    def is_glob(self) -> bool:
        """Whether the definition holds for every name with a prefix."""
        return self.name.endswith("*")

    def merged(self, later: Definition) -> Definition:
        """Returns this definition with what a later one says."""
        kinds = tuple(dict.fromkeys((*self.summary_kinds, *later.summary_kinds)))
        return Definition(
            self.name,
            later.step_metric if later.step_metric is not None else self.step_metric,
            later.step_sync if later.step_sync is not None else self.step_sync,
            later.hidden if later.hidden is not None else self.hidden,
            kinds,
            later.goal if later.goal is not None else self.goal,
        )


class Definitions:
    """The definitions of one run."""

    def __init__(self, definitions: Iterable[Definition] = ()) -> None:
        """Takes definitions in the order made."""
        self._by_name: dict[str, Definition] = {definition.name: definition for definition in definitions}
        self._found: dict[str, Definition | None] = {}
        self.version = 0  # grows with each change

    def define(self, definition: Definition, overwrite: bool) -> None:
        """Adds a definition, merging it with an earlier one of the same name unless `overwrite`."""
        earlier = self._by_name.pop(definition.name, None)
        merged = definition if overwrite or earlier is None else earlier.merged(definition)
        self._by_name[definition.name] = merged
        self._found.clear()
        self.version += 1

    def of(self, name: str) -> Definition | None:
        """Returns the definition that holds for a metric, under the metric's own name, or None."""
        try:
            return self._found[name]
        except KeyError:
            found = self._find(name)
            self._found[name] = found
            return found

    def _find(self, name: str) -> Definition | None:
        exact = self._by_name.get(name)
        if exact is not None:
            return exact
        if name.startswith("_"):
            return None
        best: Definition | None = None
        for definition in self._by_name.values():
            if not definition.is_glob or not name.startswith(definition.name[:-1]):
                continue
            if best is None or len(definition.name) >= len(best.name):
                best = definition
        return None if best is None else replace(best, name=name)

    def synced_steps(self, names: Iterable[str]) -> list[str]:
        """Returns the step metrics whose last values join a row of these metrics."""
        present = set(names)
        steps: dict[str, None] = {}
        for name in present:
            definition = self.of(name)
            if definition is None or not definition.is_synced or definition.step_metric is None:
                continue
            if definition.step_metric not in present:
                steps[definition.step_metric] = None
        return list(steps)

    def all(self) -> list[Definition]:
        """Returns the definitions as made, merged, the latest last."""
        return list(self._by_name.values())

    def dump(self) -> list[dict[str, Any]]:
        """Returns the definitions as JSON values."""
        return [
            {
                "name": each.name,
                "step_metric": each.step_metric,
                "step_sync": each.step_sync,
                "hidden": each.hidden,
                "summary": list(each.summary_kinds),
                "goal": each.goal,
            }
            for each in self._by_name.values()
        ]

    @staticmethod
    def load(data: Iterable[dict[str, Any]]) -> Definitions:
        """Returns definitions from `dump`."""
        return Definitions(
            Definition(
                each["name"],
                each["step_metric"],
                each["step_sync"],
                each["hidden"],
                tuple(each["summary"]),
                each["goal"],
            )
            for each in data
        )

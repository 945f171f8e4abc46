"""Owns the summary of a stored run as a person reads and changes it.

Invariants: a typed record is read only when it is asked for; what is assigned waits for `update()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trackd import _leaves, _values, _wire
from trackd._api_records import StoredRecord, is_document
from trackd._connection import Connection
from trackd._record import Draft
from trackd._summary import Summary


class RunSummary(Summary):
    """The summary of a run: `run.summary["best"] = 0.9; run.summary.update()`.

    Assignments, nested ones too, wait for `update()`. A value set by hand is no longer overwritten by `log`; `del` gives the
    key back to `log`. Nested keys are dotted: `summary["a"]["b"]` and `summary["a.b"]` are one value. A typed record or an
    array reads as a `StoredRecord`: `summary["tensor"].array()`.
    """

    def __init__(
        self,
        values: dict[str, Any],
        commit: Callable[[Mapping[str, Any], list[str]], dict[str, Any]],
        connection: Connection,
    ) -> None:
        """Takes the values by dotted key, the function that keeps changes and returns what is then, and the daemon."""
        object.__setattr__(self, "_connection", connection)
        object.__setattr__(self, "_values", _SummaryValues(values, connection))
        object.__setattr__(self, "_commit", commit)
        object.__setattr__(self, "_changed", {})
        object.__setattr__(self, "_removed", [])
        super().__init__(self._note, lambda: self._values)

    def _note(self, changed: Mapping[str, Any], removed: list[str]) -> None:
        for key in removed:
            self._values.pop(key, None)
            self._changed.pop(key, None)
        self._changed.update(changed)
        kept = [key for key in (*self._removed, *removed) if key not in changed]
        self._removed[:] = dict.fromkeys(kept)

    @property
    def pending(self) -> tuple[dict[str, Any], list[str]]:
        """What was changed and what was removed since the last `update()`."""
        return dict(self._changed), list(self._removed)

    def update(self, *given: Any, **values: Any) -> None:
        """Sets the values given, if any, and keeps these and all that wait."""
        super().update(*given, **values)
        changed, removed = self.pending
        if changed or removed:
            object.__setattr__(
                self, "_values", _SummaryValues(self._commit(changed, removed), self._connection)
            )
            for waiting in (self._changed, self._removed, self._own):
                waiting.clear()

    def __setitem__(self, key: str, value: Any) -> None:
        """Sets a value; `update()` keeps it."""
        super().update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        """Sets a value; `update()` keeps it."""
        super().update({key: value})


class _SummaryValues(dict[str, Any]):
    """Values of a summary by dotted key, of which a typed record is one only when it is asked for: it may be large."""

    def __init__(self, values: Mapping[str, Any], connection: Connection) -> None:
        """Takes the values, typed records as their documents."""
        super().__init__(values)
        self._connection = connection

    def __getitem__(self, key: str) -> Any:
        """Returns a value, or a typed record."""
        value = super().__getitem__(key)
        return StoredRecord(value, self._connection) if is_document(value) else value


def encode_changes(changed: Mapping[str, Any], removed: list[str], draft: Draft | None = None) -> bytes:
    """Encodes a ConfigUpdate, or with a draft for its typed records a SummaryUpdate."""
    items: list[tuple[str, _wire.Leaf]] = []
    for key, value in changed.items():
        if draft is not None and _leaves.find_record(key, value) is not None:
            items.append(
                (_values.check_key(key), _leaves.leaf(key, value, draft, _leaves.SUMMARY_ELEMENTS_MAX))
            )
            continue
        plain = _values.plain(key, value)
        items.append(
            (
                _values.check_key(key),
                _wire.dump_json(plain) if isinstance(plain, dict) else _values.leaf(key, plain),
            )
        )
    return _wire.changes(items, removed)

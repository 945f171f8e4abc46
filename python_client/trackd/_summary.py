"""Owns `run.summary` in the training process: values set by hand, and reads of what the daemon made of the log.

Invariants: the daemon owns the summary; here are only the values that this process has set, so that they read back at once
and without a daemon. Nested keys are dotted: `summary["a"]["b"]` and `summary["a.b"]` are one value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from trackd import _leaves, _values
from trackd._record import Record

Write = Callable[[Mapping[str, Any], list[str]], None]
Read = Callable[[], Mapping[str, Any]]


class _Pending(dict[str, Any]):
    """Stands for a typed record that was set until the daemon says what has become of it."""

    def __init__(self, record: Record | list[Record]) -> None:
        first = record if isinstance(record, Record) else record[0]
        super().__init__(type=first.kind, pending=True)


class Summary(MutableMapping[str, Any]):
    """A run's summary: `run.summary["best"] = 0.9`, `run.summary["loss"]`, `run.summary.update({...})`.

    A value set by hand is no longer overwritten by `log`. Reading asks the daemon and takes about a millisecond.
    """

    def __init__(self, write: Write, read: Read, prefix: str = "", own: dict[str, Any] | None = None) -> None:
        """Makes a view of the keys under `prefix`."""
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_prefix", prefix)
        object.__setattr__(self, "_own", {} if own is None else own)

    def update(self, *given: Any, **values: Any) -> None:
        """Sets many values; nested dicts are kept under dotted keys, beside what is there.

        An array or tensor of more than 32 elements is kept whole in a file, and the summary shows its statistics; typed
        records such as `trackd.Histogram` are kept too. Both read back as their documents (docs/records.md), and as pending
        where no daemon has said what has become of them.
        """
        incoming: dict[str, Any] = {}
        for source in given:
            incoming.update(source)
        incoming.update(values)
        changed: dict[str, Any] = {}
        problems: list[Exception] = []
        own: dict[str, Any] = {}
        for key, value in _values.flatten(incoming, problems, self._prefix):
            record = _leaves.find_record(key, value)
            changed[_values.check_key(key)] = _values.plain(key, value) if record is None else record
            own[key] = changed[key] if record is None else _Pending(record)
        if problems:
            raise problems[0]
        if changed:
            self._write(changed, [])
        self._own.update(own)

    def _flat(self) -> dict[str, Any]:
        values = {name: value for name, value in self._own.items() if isinstance(value, _Pending)}
        values.update(self._read())
        values.update((name, value) for name, value in self._own.items() if not isinstance(value, _Pending))
        size = len(self._prefix)
        return {key[size:]: value for key, value in values.items() if key.startswith(self._prefix)}

    def __getitem__(self, key: str) -> Any:
        """Returns a value, or a view of the values under `key.`; raises KeyError when there is neither."""
        name = self._prefix + key
        own = self._own.get(name)
        if name in self._own and not isinstance(own, _Pending):
            return own
        values = self._read()
        if name in values:
            return values[name]
        if own is not None:
            return own
        if any(other.startswith(key + ".") for other in self._flat()):
            return Summary(self._write, self._read, name + ".", self._own)
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        """Sets a value by hand."""
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        """Removes a value; the key follows `log` again."""
        self[key]
        self._write({}, [self._prefix + key])
        self._own.pop(self._prefix + key, None)

    def __getattr__(self, key: str) -> Any:
        """Returns a value; raises AttributeError when it is not there."""
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"summary has no value {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        """Sets a value by hand."""
        self.update({key: value})

    def __iter__(self) -> Iterator[str]:
        """Yields the dotted keys."""
        return iter(self._flat())

    def __len__(self) -> int:
        """Returns the number of values."""
        return len(self._flat())

    def __repr__(self) -> str:
        """Shows the values as a dict would."""
        return repr(self._flat())

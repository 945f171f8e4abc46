"""Owns `run.config`: the settings of an experiment, as a mapping with attribute access."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from trackd import _values
from trackd.errors import ConfigError

Write = Callable[[Mapping[str, Any], list[str]], None]


class Config(MutableMapping[str, Any]):
    """A run's config: `run.config["lr"]`, `run.config.lr`, `run.config.update({...})`.

    Values are numbers, text, None, lists and nested dicts of them. Changing a value raises `ConfigError` unless
    `allow_val_change=True` is given; setting an equal value is no change.
    """

    def __init__(self, write: Write) -> None:
        """Makes an empty config that passes changes to `write`."""
        object.__setattr__(self, "_items", {})
        object.__setattr__(self, "_write", write)

    def update(self, *given: Any, allow_val_change: bool | None = None, **values: Any) -> None:
        """Sets many values.

        Args:
            given: A mapping, an `argparse.Namespace`, absl flags, or the path of a YAML or JSON file.
            allow_val_change: Whether values may change.
            values: More values by name.

        Raises:
            ConfigError: a value would change and may not, or the file is missing.
            TypeError: what was given is none of these, or a value cannot be stored.
        """
        incoming: dict[str, Any] = {}
        for source in given:
            incoming.update(read_config(source))
        incoming.update(values)
        self._set(incoming, bool(allow_val_change))

    def preload(self, values: Mapping[str, Any]) -> None:
        """Takes over the values of the run that is gone on with, which need not be written again; for `trackd.init`."""
        self._items.update(values)

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Sets the values whose keys are not there yet."""
        self._set({key: value for key, value in values.items() if key not in self._items}, False)

    def as_dict(self) -> dict[str, Any]:
        """Returns a copy as a plain dict."""
        return dict(self._items)

    def _set(self, values: Mapping[str, Any], may_change: bool) -> None:
        changed: dict[str, Any] = {}
        for raw_key, raw_value in values.items():
            key = _values.check_key(raw_key)
            value = _values.plain(key, raw_value)
            if key in self._items and _same(self._items[key], value):
                continue
            if key in self._items and not may_change:
                raise ConfigError(
                    f"config {key!r} is {self._items[key]!r} and would become {value!r}: pass "
                    "allow_val_change=True to config.update() if that is meant"
                )
            changed[key] = value
        if changed:
            self._write(changed, [])
            self._items.update(changed)

    def __getitem__(self, key: str) -> Any:
        """Returns a value; raises KeyError when it is not there."""
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """Sets a value; see `update`."""
        self._set({key: value}, False)

    def __delitem__(self, key: str) -> None:
        """Removes a value."""
        self._items[key]
        self._write({}, [key])
        del self._items[key]

    def __getattr__(self, key: str) -> Any:
        """Returns a value; raises AttributeError when it is not there."""
        try:
            return self._items[key]
        except KeyError:
            raise AttributeError(f"config has no value {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        """Sets a value; see `update`."""
        self._set({key: value}, False)

    def __iter__(self) -> Iterator[str]:
        """Yields the keys, in the order set."""
        return iter(dict(self._items))

    def __len__(self) -> int:
        """Returns the number of values."""
        return len(self._items)

    def __repr__(self) -> str:
        """Shows the values as a dict would."""
        return repr(self._items)


def read_config(source: Any) -> dict[str, Any]:
    """Returns the values of a mapping, a Namespace, absl flags, or a YAML or JSON file."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, (str, os.PathLike)):
        return _read_file(os.fspath(source))
    if hasattr(source, "flag_values_dict"):  # absl.flags.FLAGS
        return dict(source.flag_values_dict())
    if hasattr(source, "__dict__") and not isinstance(source, type):
        return {key: value for key, value in vars(source).items() if not key.startswith("_")}
    raise TypeError(
        f"config must be a dict, an argparse.Namespace, absl flags or the path of a YAML file; got {type(source).__name__}"
    )


def _read_file(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError(f"config file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"config file {path} is no UTF-8 text") from None
    if path.endswith(".json"):
        import json

        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"config file {path} is no JSON: {error}") from None
    else:
        try:
            import yaml
        except ImportError:
            raise ConfigError(
                f"config file {path} is YAML, which needs the package pyyaml: pip install pyyaml"
            ) from None
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"config file {path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"config file {path} holds {type(data).__name__}; a mapping of keys to values is needed"
        )
    # wandb's own files wrap each value as {desc, value}.
    return {
        str(key): value["value"]
        if isinstance(value, dict) and set(value) <= {"desc", "value"} and "value" in value
        else value
        for key, value in data.items()
        if key != "wandb_version"
    }


def _same(old: Any, new: Any) -> bool:
    return type(old) is type(new) and (old == new or (old != old and new != new))  # noqa: PLR0124 - NaN equals NaN here

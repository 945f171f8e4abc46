"""Owns the turning of the contract's values into Python's, for everything that reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackd.v1 import values_pb2


def value(message: values_pb2.Value) -> Any:
    """Returns a `Value` as float, int, bool, str, None, list or dict; a typed record as its document."""
    kind = message.WhichOneof("kind")
    if kind is None:
        return None
    content = getattr(message, kind)
    return json.loads(content) if kind == "json_value" else content


def entries(messages: Iterable[values_pb2.Entry]) -> dict[str, Any]:
    """Returns entries as a dict by key."""
    return {message.key: value(message.value) for message in messages}

"""Owns whole arrays as records: what the summary keeps of arrays and tensors, and `log` of those too large as text."""

from __future__ import annotations

from typing import Any

from trackd import _record


class ArrayRecord(_record.Record):
    """A whole array; the daemon keeps it in a file, with its statistics beside it."""

    kind = "array"
    field = 12

    def __init__(self, value: Any) -> None:
        """Takes an array or tensor of any library; raises TypeError when it holds no numbers."""
        self._array = _record.owned(_record.as_array(value))

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Array`."""
        return draft.array(self._array)

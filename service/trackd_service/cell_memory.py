"""Owns what is remembered between two questions for groups: cells of runs, and what is known of them.

Invariants: what is remembered was true of one revision of a run, or of files that never change, and is asked for by
that; memory is bounded, the longest unused goes first; nothing is kept once nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

# 1,000 cells of a run take 110 kB: several charts of 100 runs.
BYTES_MAX = 64 << 20
# As long as the helper process that reads the points stays: a page that shows a group asks again within seconds.
IDLE_SECONDS = 30.0
_ENTRY_BYTES = 500  # of a key and of the tables


class CellMemory:
    """Remembers values by what they were made from."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        """Takes how much it may hold."""
        self._bytes_max = bytes_max
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self.size_bytes = 0

    def get(self, key: Hashable) -> Any:
        """Returns what is remembered, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, value: Any, size_bytes: int = 0) -> None:
        """Remembers a value of about so many bytes."""
        size_bytes += _ENTRY_BYTES
        before = self._entries.pop(key, None)
        self._entries[key] = value, size_bytes
        self.size_bytes += size_bytes - (0 if before is None else before[1])
        while self.size_bytes > self._bytes_max:
            _, (_, freed) = self._entries.popitem(last=False)
            self.size_bytes -= freed

    def stay(self) -> None:
        """Keeps everything for a while; to be called at each question."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.clear)

    def clear(self) -> None:
        """Forgets everything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._entries.clear()
        self.size_bytes = 0

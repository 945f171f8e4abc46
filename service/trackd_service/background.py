"""Owns work that goes on whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_END_SECONDS = 20.0


class Background:
    """Work under way."""

    def __init__(self) -> None:
        """Begins with none."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begins work; `close` waits for it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Waits a while for what is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)

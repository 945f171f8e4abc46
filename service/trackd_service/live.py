"""Owns the news of runs: who wants to know, and which runs changed since they were told.

Invariant: telling costs a set insertion; nothing is built before a listener takes it, and a slow listener gets the newest
state once, never a queue of old ones.
"""

from __future__ import annotations

import asyncio

from trackd_service import access
from trackd_service.runs import Run


class Listener:
    """One who wants to know of changes, of one project or of all."""

    def __init__(self, project: str | None) -> None:
        """Takes the project, or None for all that whoever asks may see."""
        self.project = project
        self._can_read = access.reader()
        self._runs: dict[tuple[str, str], Run] = {}
        self._removed: set[tuple[str, str]] = set()
        self._event = asyncio.Event()

    async def take(self) -> tuple[list[Run], list[tuple[str, str]]]:
        """Waits for changes; returns the runs that changed and the (project, run id) of those that were deleted."""
        await self._event.wait()
        self._event.clear()
        runs, removed = list(self._runs.values()), list(self._removed)
        self._runs.clear()
        self._removed.clear()
        return runs, removed

    def _tell(self, key: tuple[str, str], run: Run | None) -> None:
        if self.project not in (None, key[0]) or not self._can_read(key[0]):
            return
        if run is None:
            self._runs.pop(key, None)
            self._removed.add(key)
        else:
            self._runs[key] = run
        self._event.set()


class Live:
    """The listeners of a daemon."""

    def __init__(self) -> None:
        """Begins without listeners."""
        self._listeners: set[Listener] = set()

    def listen(self, project: str | None) -> Listener:
        """Adds a listener."""
        listener = Listener(project)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Removes a listener."""
        self._listeners.discard(listener)

    @property
    def listener_count(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def changed(self, run: Run) -> None:
        """Tells of a run that changed."""
        for listener in self._listeners:
            listener._tell((run.project, run.run_id), run)  # noqa: SLF001 - one noun, two classes

    def deleted(self, project: str, run_id: str) -> None:
        """Tells of a run that was deleted."""
        for listener in self._listeners:
            listener._tell((project, run_id), None)  # noqa: SLF001

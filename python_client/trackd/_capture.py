"""Owns what a run records by itself in the training process: its console, and what is known of code and environment.

Invariants: what is slow waits for the shipper's thread or for the end; secrets are removed before anything reaches the log.
"""

from __future__ import annotations

import threading
from typing import Any

from trackd import _console, _settings, _surroundings, _wire
from trackd._settings import Settings
from trackd._spool import Spool


class Capture:
    """What one run records by itself."""

    def __init__(self, settings: Settings, spool: Spool, *, has_surroundings: bool) -> None:
        """Takes the run's settings and log; helpers of a run say nothing of their surroundings."""
        self._settings = settings
        self._spool = spool
        self._console: _console.Console | None = None
        self._redactor: Any = None
        self._lock = threading.Lock()
        self._has_described = not has_surroundings

    def start(self, nudge: Any, on_text: _console.Put | None = None) -> None:
        """Begins to keep what the process prints, as the settings say.

        Args:
            nudge: Has `flush` called soon.
            on_text: Hears (stream, text) as it comes.
        """
        if self._settings.console != "off":
            self._console = _console.Console(self._settings.console, self._write_lines)
            self._console.nudge = nudge
            self._console.on_text = on_text
            self._console.start()

    def flush(self) -> bool:
        """Does what can wait a moment; returns whether there is more to do soon."""
        self._describe()
        return self._console is not None and self._console.flush()

    def stop(self) -> None:
        """Gives the streams back and writes what is left."""
        if self._console is not None:
            self._console.stop()
            self._console = None
        self._describe()

    def after_fork(self) -> None:
        """Goes on in a forked child, whose lines are its own."""
        self._lock = threading.Lock()
        self._has_described = True
        if self._console is not None:
            self._console.after_fork()

    def _write_lines(self, stream: str, first_line: int, lines: list[str]) -> None:
        if self._redactor is None:
            from trackd import _redact

            self._redactor = _redact.Redactor(_settings.environment())
        body = _wire.console_lines(stream, first_line, map(self._redactor.redact, lines))
        self._spool.append_record(_wire.CONSOLE_LINES, body)

    def _describe(self) -> None:
        """Says once what is known of code and environment."""
        with self._lock:
            if self._has_described:
                return
            self._has_described = True
        self._spool.append_record(_wire.ENVIRONMENT, _surroundings.record(self._settings))

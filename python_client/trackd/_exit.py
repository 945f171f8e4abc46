"""Owns how a process ends: it remembers the exit code and the traceback, finishes open runs, and leaves last words.

Invariants: the user's hooks and handlers run as if ours were not there; a signal that would end the process still ends it
at once, in C, without waiting for Python.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

_installed = False
_exit_code = 0
_traceback = ""
_TRACEBACK_CHARACTERS_MAX = 65_536


def install(finish_all: Callable[[int, str], None]) -> None:
    """Has `finish_all(exit_code, traceback)` called when the process ends by itself."""
    global _installed
    if _installed:
        return
    _installed = True
    previous_hook = sys.excepthook
    previous_exit = sys.exit

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        note_exception(kind, error, trace)
        previous_hook(kind, error, trace)

    def exit_with_note(status: Any = None) -> Any:
        global _exit_code
        _exit_code = 0 if status is None else status if isinstance(status, int) else 1
        return previous_exit(status)

    sys.excepthook = hook
    sys.exit = exit_with_note
    atexit.register(lambda: finish_all(_exit_code, _traceback))


def note_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Remembers an exception that ends the process."""
    global _exit_code, _traceback
    _exit_code = 130 if issubclass(kind, KeyboardInterrupt) else 1
    _traceback = format_exception(kind, error, trace)


def format_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Returns a traceback as text, the end of it when it is very long."""
    import traceback

    return "".join(traceback.format_exception(kind, error, trace))[-_TRACEBACK_CHARACTERS_MAX:]


class LastWords:
    """A file in which the interpreter itself writes where the process was when a signal ended it."""

    def __init__(self, path: str) -> None:
        """Opens the file and registers it for SIGTERM and for crashes, where nobody else has."""
        self._path = path
        self._file: Any = None
        try:
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - lives as long as the run
        except OSError:
            return
        self._registered = False
        with contextlib.suppress(AttributeError, RuntimeError, ValueError, OSError):
            # chain=True raises the signal again with its default action: the process dies as it would have.
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                faulthandler.register(signal.SIGTERM, self._file, all_threads=False, chain=True)
                self._registered = True
        self._enabled = False
        with contextlib.suppress(RuntimeError, ValueError, OSError):
            if not faulthandler.is_enabled():
                faulthandler.enable(self._file, all_threads=False)
                self._enabled = True

    def close(self) -> None:
        """Gives the signals back and removes the file."""
        if self._file is None:
            return
        with contextlib.suppress(AttributeError, RuntimeError, ValueError):
            if self._registered and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                faulthandler.unregister(signal.SIGTERM)
            if self._enabled:
                faulthandler.disable()
        self._file.close()
        self._file = None
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def forget(self) -> None:
        """Lets a forked child keep its hands off the file: it is the parent's."""
        if self._file is None:
            return
        with contextlib.suppress(AttributeError, RuntimeError, ValueError):
            if self._registered and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                faulthandler.unregister(signal.SIGTERM)
            if self._enabled:
                faulthandler.disable()
        self._file.close()
        self._file = None

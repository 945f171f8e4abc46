"""Owns how a process ends: it remembers the exit code and the traceback, finishes open runs, and leaves last words.

Invariants: the user's hooks and handlers run as if ours were not there; a signal that would end the process still ends it
at once, in C, without waiting for Python.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import faulthandler
import os
import signal
import sys
import threading
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

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        note_exception(kind, error, trace)
        previous_hook(kind, error, trace)

    sys.excepthook = hook
    sys.exit = _wrap_exit(sys.exit)
    for name in ("exit", "quit"):  # of the module site, for interactive use, and used in scripts all the same
        if hasattr(builtins, name):
            setattr(builtins, name, _wrap_exit(getattr(builtins, name)))
    atexit.register(lambda: finish_all(_exit_code, _traceback))


def _wrap_exit(leave: Callable[..., Any]) -> Callable[..., Any]:
    """Returns sys.exit or the like, so that the code is known at the end of the process."""

    def exit_with_note(status: Any = None, /) -> Any:
        if threading.current_thread() is threading.main_thread():
            raise _NotedExit(status)
        return leave(status)  # ends its thread, not the process

    return exit_with_note


class _NotedExit(SystemExit):
    """Notes the exit code when the interpreter reads it to end with it; one that is caught is no end."""

    @property
    def code(self) -> Any:  # type: ignore[override]
        """The exit code."""
        global _exit_code
        status = self.args[0] if self.args else None
        try:
            sys._getframe(1)  # noqa: SLF001 - the interpreter alone reads from below all frames
        except ValueError:
            _exit_code = _code(status)
        return status


def code_of(error: BaseException) -> int:
    """Returns the exit code of a process that an exception ends."""
    if isinstance(error, SystemExit):
        return _code(error.code)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _code(status: Any) -> int:
    return 0 if status is None else status if isinstance(status, int) else 1


def note_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Remembers an exception that ends the process."""
    global _exit_code, _traceback
    _exit_code = code_of(error)
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
        if self.forget():
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def forget(self) -> bool:
        """Gives the signals back and leaves the file, which in a forked child is the parent's; False when that is done."""
        if self._file is None:
            return False
        with contextlib.suppress(AttributeError, RuntimeError, ValueError):
            if self._registered and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                faulthandler.unregister(signal.SIGTERM)
            if self._enabled:
                faulthandler.disable()
        self._file.close()
        self._file = None
        return True

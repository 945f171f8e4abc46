"""Owns the word that something has happened in the log folder, so that nobody need look for it many times a second.

A client that is silent marks its log as resting (docs/storage.md, "The log") and touches the file before the next record; new
logs and ended ones touch the folder by themselves. Linux tells of all three (inotify(7)); two system calls are all that is
needed of it. Where there is no such word, `can_ring` is false and the logs must be looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from pathlib import Path

_ATTRIB, _CLOSE_WRITE, _MOVED_TO, _CREATE, _ONLYDIR = 0x4, 0x8, 0x80, 0x100, 0x0100_0000  # <sys/inotify.h>
_READ_BYTES = 1 << 16


class Bell:
    """Rings when something has happened in a folder, or when `ring` is called."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder; listens from `open` on."""
        self._folder = folder
        self._rung = asyncio.Event()
        self._descriptor = -1
        self._inode = 0

    @property
    def can_ring(self) -> bool:
        """Whether the system tells of what happens in the folder."""
        return self._descriptor >= 0

    def open(self) -> None:
        """Begins to listen, in the running event loop, and rings for what has happened before; else changes nothing."""
        try:
            library = ctypes.CDLL(None, use_errno=True)
            descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (AttributeError, OSError):  # not Linux
            return
        if descriptor < 0:  # the person has as many as the system allows
            return
        mask = _ATTRIB | _CLOSE_WRITE | _MOVED_TO | _CREATE | _ONLYDIR
        try:
            if library.inotify_add_watch(descriptor, os.fsencode(self._folder), mask) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch")
            self._inode = self._folder.stat().st_ino
            # Some file systems take the watch and never tell: this one is asked for a word at once.
            os.utime(self._folder)
            os.read(descriptor, _READ_BYTES)
            asyncio.get_running_loop().add_reader(descriptor, self._hear)
        except OSError:
            os.close(descriptor)
            return
        self._descriptor = descriptor
        self.ring()

    def close(self) -> None:
        """Stops listening."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def ring(self) -> None:
        """Ends the wait that is under way, or the next one."""
        self._rung.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """Waits until it rings, at most so long; returns whether it did since the last wait."""
        if not self._rung.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._rung.wait(), timeout_seconds)
        is_rung = self._rung.is_set()
        self._rung.clear()
        return is_rung

    def _hear(self) -> None:
        """Takes what the system tells; that something has happened is enough."""
        self._rung.set()
        try:
            while len(os.read(self._descriptor, _READ_BYTES)) > _READ_BYTES // 2:
                pass
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        try:
            is_there = self._folder.stat().st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            self.close()  # somebody has put another folder in its place, of which nothing would be told

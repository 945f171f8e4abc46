"""Owns the bound of what a store keeps of a bucket's files in its directory: what was not read for the longest time goes.

Invariants:
- No reader is broken. Who is about to read files says so first (`BucketFiles.use`), in one step with looking whether they are
  here; such a file stays for minutes, which is longer than it takes to open it, and one that is open or mapped stays readable
  when its name goes. A file that is just going counts as gone, and is fetched anew.
- What was read when survives a restart, as the files' times of access, which are set here: a file system need not keep them.
- Only what the bucket has lies in the directory of such a store, so nothing is lost with a file.

The bound holds for the names in the directory: the space of a file that is still open is free when it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trackd_service.bucket_files import BucketFiles
from trackd_service.objects import DirectoryStore

CACHE_BYTES_MAX = 20_000_000_000
_USED_SECONDS = 300.0  # after a reader has asked for a file: by then it has opened it
_LEFT_SHARE = 0.9  # of the bound, so that not each file that comes has another one go
_LOOK_SECONDS = 15.0
_FILES_AT_ONCE = 100
_ABANDONED_SECONDS = 3600.0  # of a file that was being fetched when the process died

_log = logging.getLogger("trackd.cache")


@dataclass(frozen=True, slots=True)
class _Entry:
    read_time: float  # seconds since 1970
    size_bytes: int
    name: str


class Cache:
    """Keeps the directory of a store of a bucket's files within a bound.

    Attributes:
        size_bytes: How much there was at the last look, and was fetched since then.
    """

    def __init__(
        self,
        objects: DirectoryStore,
        files: BucketFiles,
        bytes_max: int = CACHE_BYTES_MAX,
        *,
        used_seconds: float = _USED_SECONDS,
    ) -> None:
        """Takes the directory, what fetches into it, how many bytes may lie there, and how long what was asked for stays."""
        self._objects = objects
        self._files = files
        self._bytes_max = bytes_max
        self._used_seconds = used_seconds
        self._known_bytes: int | None = None
        self._is_told = False

    @property
    def size_bytes(self) -> int:
        """How much there was at the last look, and was fetched since then."""
        return (self._known_bytes or 0) + self._files.fetched_bytes

    async def run(self) -> None:
        """Holds the directory to its bound, until it is cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - logged whole; the next look tries again
                _log.exception("the cache could not be held to its bound; it is tried again")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> int:
        """Removes what was not read for the longest time, if there is too much; returns how many files."""
        await asyncio.to_thread(self._write_times, self._files.take_use_times(self._used_seconds))
        if self._known_bytes is not None and self.size_bytes <= self._bytes_max:
            return 0
        fetched_bytes = self._files.fetched_bytes
        entries = await asyncio.to_thread(lambda: sorted(self._walk(), key=lambda entry: entry.read_time))
        self._files.fetched_bytes -= fetched_bytes
        self._known_bytes = sum(entry.size_bytes for entry in entries)
        return await self._remove(entries) if self._known_bytes > self._bytes_max else 0

    async def _remove(self, entries: Sequence[_Entry]) -> int:
        assert self._known_bytes is not None
        count, wanted = 0, int(self._bytes_max * _LEFT_SHARE)
        for start in range(0, len(entries), _FILES_AT_ONCE):
            chosen: list[_Entry] = []
            size_bytes = self._known_bytes
            # Nothing is awaited from here until readers know that these are going.
            for entry in entries[start : start + _FILES_AT_ONCE]:
                if size_bytes > wanted and not self._files.is_used(entry.name, self._used_seconds):
                    chosen.append(entry)
                    size_bytes -= entry.size_bytes
            with self._files.going([entry.name for entry in chosen]):
                await asyncio.to_thread(self._unlink, [entry.name for entry in chosen])
            self._known_bytes, count = size_bytes, count + len(chosen)
            if self._known_bytes <= wanted:
                break
        is_over = self._known_bytes > self._bytes_max
        if is_over and not self._is_told:
            _log.warning(
                "the cache has %d bytes, all read in the last minutes; its bound is %d: a larger one would spare fetching",
                *(self._known_bytes, self._bytes_max),
            )
        self._is_told = is_over
        return count

    def _walk(self) -> Iterator[_Entry]:
        """Yields the files, and removes those that nobody goes on fetching."""
        before = time.time() - _ABANDONED_SECONDS
        for folder, folders, names in os.walk(self._objects.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    if not name.startswith("."):
                        yield _Entry(
                            status.st_atime, status.st_size, path.relative_to(self._objects.root).as_posix()
                        )
                    elif name.endswith(".part") and status.st_mtime < before:
                        path.unlink()

    def _unlink(self, names: Sequence[str]) -> None:
        for name in names:
            self._objects.delete(name)

    def _write_times(self, ages: Mapping[str, float]) -> None:
        """Notes when files were read; when they were written, by which an open one is known, stays."""
        now = time.time()
        for name, age_seconds in ages.items():
            path = self._objects.root / name
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, ns=(int((now - age_seconds) * 1e9), path.stat().st_mtime_ns))

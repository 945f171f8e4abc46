"""Owns what becomes of the files and typed records of a run: encoded in a process of its own, and kept as objects.

Invariants:
- A record is a point before it is encoded; its document is put in its place then, and the objects that the document names
  are in the store by that time. What cannot be encoded is a document that says why; what the disk does not take waits.
- An object's use by a run is noted before it is put, and one that no run uses is deleted under the same lock: what one run
  lets go of, another may take up in the same moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol

from trackd_service import config
from trackd_service.encodings import Made, Task
from trackd_service.errors import ObjectMissing
from trackd_service.objects import DirectoryStore
from trackd_service.records import File
from trackd_service.runs import Run, Unencoded
from trackd_service.worker import Worker, WorkerClosed

_RETRY_SECONDS = 2.0  # after a disk that did not take what was encoded: a full one is not asked more often
_ENCODED_AT_ONCE_MAX = 32  # typed records: the page shows the first ones while the rest is encoded
_ENCODED_BYTES_MAX = 64 << 20
_SETTLE_SECONDS = 30.0  # how long a reader waits for records that are being encoded
_SHA256_DIGITS = 64
_KINDS_WITH_PLOTS = frozenset({"plot", "table"})
_HEXADECIMAL = frozenset("0123456789abcdef")

_log = logging.getLogger("trackd.keeping")


class Kept(Protocol):
    """What the keeper needs of a run in the store."""

    run: Run
    keeping_lock: asyncio.Lock  # held while files are taken in and typed records encoded
    retry_time: float  # before which what failed is not tried again


def object_name(sha256: str) -> str:
    """Returns the name, in the object store, of what has this sha256: a file of a run, or a part of a typed record."""
    return f"files/{sha256[:2]}/{sha256}"


def is_hash(text: str) -> bool:
    """Says whether a text has the form of a sha256."""
    return len(text) == _SHA256_DIGITS and set(text) <= _HEXADECIMAL


def _encode_many(tasks: list[Task], scratch: Path, objects: Path, presets: Mapping[str, str]) -> list[Made]:
    """Encodes records, in the encoder process: what it imports there, the daemon neither loads nor waits for."""
    from trackd_service.encoders import encode_many

    return encode_many(tasks, scratch, objects, presets)


def _copy(file: File, target: Path) -> tuple[str, int]:
    """Writes a file's content to a path; returns its sha256 and its size in bytes. Raises OSError."""
    if file.content is not None:
        target.write_bytes(file.content)
        return hashlib.sha256(file.content).hexdigest(), len(file.content)
    digest, size_bytes = hashlib.sha256(), 0
    with open(file.local_path, "rb") as source, open(target, "wb") as sink:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            sink.write(chunk)
            size_bytes += len(chunk)
    return digest.hexdigest(), size_bytes


class Keeper:
    """Keeps the files and typed records of runs as objects."""

    def __init__(
        self,
        objects: DirectoryStore,
        scratch: Path,
        begin: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        presets: Callable[[], Awaitable[Mapping[str, str]]],
    ) -> None:
        """Takes the object store, a folder for files being made, what begins work in the background, and the presets.

        Args:
            objects: Where objects are.
            scratch: The folder.
            begin: Begins work in the background.
            presets: Returns the specifications, as JSON, of the presets that people have saved, by id.
        """
        self._presets = presets
        self._objects = objects
        self._scratch = scratch
        self._begin = begin
        self._encoder = Worker()
        self._lock = asyncio.Lock()
        self._is_closing = False
        self.changed: Callable[[Run], None] = lambda run: None

    async def keep(self, stored: Kept) -> None:
        """Takes the files that a run's records name into the object store, and encodes its typed records.

        Raises:
            OSError: the disk does not take what was encoded; the records wait on.
            WorkerClosed: the daemon ends.
        """
        run = stored.run
        async with stored.keeping_lock:
            while run.files_to_keep:
                file = run.files_to_keep[0]
                try:
                    sha256, size_bytes = await self._keep_file(run, file)
                    run.files[file.path] = {
                        "sha256": sha256,
                        "size_bytes": size_bytes,
                        "purpose": file.purpose,
                        "time_unix_ms": file.time / 1e6,
                    }
                except OSError as error:
                    run.health.refuse(f"file {file.path[:60]!r} could not be kept: {error.strerror}")
                run.files_to_keep.pop(0)
                run.note_change()
            while run.unencoded:
                if self._is_closing:
                    raise WorkerClosed("the daemon ends: the next one encodes what is left, from the log")
                await self._encode_some(run)
        self.changed(run)

    async def _encode_some(self, run: Run) -> None:
        """Encodes the first typed records that wait."""
        batch: list[Unencoded] = []
        size_bytes = 0
        for waiting in run.unencoded[:_ENCODED_AT_ONCE_MAX]:
            batch.append(waiting)
            size_bytes += (
                len(waiting.task.message) + len(waiting.task.data.inline) + waiting.task.data.size_bytes
            )
            if size_bytes > _ENCODED_BYTES_MAX:
                break
        for waiting, made in zip(batch, await self._encode(batch), strict=True):
            for file in made.files:
                await self._put(run, file.sha256, file.size_bytes, Path(file.path) if file.path else None)
            waiting.finish(made.document)
            if "error" in made.document:
                run.health.refuse(f"{waiting.task.kind} of {waiting.key[:60]!r}: {made.document['error']}")
        del run.unencoded[: len(batch)]
        run.unencoded_bytes -= sum(len(each.task.message) + len(each.task.data.inline) for each in batch)
        run.note_change()
        self.changed(run)

    async def _encode(self, batch: list[Unencoded]) -> list[Made]:
        tasks = [waiting.task for waiting in batch]
        has_plots = any(task.kind in _KINDS_WITH_PLOTS for task in tasks)
        presets = await self._presets() if has_plots else {}
        try:
            return await self._encoder.run(_encode_many, tasks, self._scratch, self._objects.root, presets)
        except (OSError, WorkerClosed):
            raise
        except Exception as error:  # noqa: BLE001 - logged whole
            # One of them is more than the process can bear, or meets a fault of ours: found by encoding each alone.
            if len(batch) == 1:
                _log.exception("a %s cannot be encoded: %s", tasks[0].kind, error)
                return [Made({"type": tasks[0].kind, "error": "it could not be encoded: see daemon.log"}, ())]
            return [made for waiting in batch for made in await self._encode([waiting])]

    async def _put(self, run: Run, sha256: str, size_bytes: int, path: Path | None) -> None:
        """Makes a file an object of a run; None for one that is there, as is what another record of a batch has made too."""
        async with self._lock:
            run.objects[sha256] = size_bytes
            if path is not None:
                await asyncio.to_thread(self._put_once, object_name(sha256), path)

    def _put_once(self, name: str, path: Path) -> None:
        if path.exists() or self._objects.local_path(name) is None:
            self._objects.put_file(name, path)

    def keep_soon(self, stored: Kept) -> None:
        """Takes files in and encodes typed records in the background, unless that is under way."""
        if not stored.keeping_lock.locked() and time.monotonic() >= stored.retry_time:
            self._begin(self._keep_quietly(stored))

    async def _keep_quietly(self, stored: Kept) -> None:
        while stored.run.unencoded or stored.run.files_to_keep:
            try:
                await self.keep(stored)
            except WorkerClosed:
                return  # the next daemon takes them from the log
            except OSError as error:
                # Nothing is lost: the log is still there.
                stored.retry_time = time.monotonic() + _RETRY_SECONDS
                problem = f"typed records cannot be kept: {error.strerror or error}"
                _log.error("run %s/%s: %s", stored.run.project, stored.run.run_id, problem)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - logged whole
                stored.retry_time = time.monotonic() + _RETRY_SECONDS
                problem = f"typed records cannot be encoded: {error}"
                _log.exception("run %s/%s: %s", stored.run.project, stored.run.run_id, problem)
                await asyncio.sleep(_RETRY_SECONDS)

    def is_behind(self, stored: Kept) -> bool:
        """Says whether so many typed records wait in memory that their writers should wait."""
        run = stored.run
        return (
            run.unencoded_bytes > config.UNENCODED_BYTES_MAX
            or len(run.unencoded) > config.UNENCODED_COUNT_MAX
        )

    async def catch_up(self, stored: Kept) -> None:
        """Waits, while the run is behind, until its typed records are encoded."""
        if self.is_behind(stored):
            await self.keep(stored)

    async def settle(self, stored: Kept) -> None:
        """Waits a while for the files and typed records of a run, for a reader who wants them whole."""
        if not stored.run.unencoded and not stored.run.files_to_keep:
            return
        # What is not encoded by then is shown as pending.
        await asyncio.wait({self._begin(self._keep_quietly(stored))}, timeout=_SETTLE_SECONDS)

    async def _keep_file(self, run: Run, file: File) -> tuple[str, int]:
        copy = self._scratch / os.urandom(16).hex()
        sha256, size_bytes = await asyncio.to_thread(_copy, file, copy)
        await self._put(run, sha256, size_bytes, copy)
        return sha256, size_bytes

    async def put_object(self, path: Path, sha256: str) -> None:
        """Makes a finished file of the scratch folder an object, before some record refers to it."""
        async with self._lock:
            await asyncio.to_thread(self._objects.put_file, object_name(sha256), path)

    @property
    def scratch(self) -> Path:
        """The folder for files being made."""
        return self._scratch

    def object_path(self, sha256: str) -> Path:
        """Returns where an object lies; raises ObjectMissing."""
        found = self._objects.local_path(object_name(sha256)) if is_hash(sha256) else None
        if found is None:
            raise ObjectMissing(
                f"the store has no object {sha256[:_SHA256_DIGITS]!r}", sha256=sha256[:_SHA256_DIGITS]
            )
        return found

    async def delete_unless(self, sha256: str, is_used: Callable[[], Awaitable[bool]]) -> bool:
        """Deletes an object unless some run uses it; returns whether it did."""
        async with self._lock:
            if await is_used():
                return False
            await asyncio.to_thread(self._objects.delete, object_name(sha256))
            return True

    async def close(self) -> None:
        """Ends the encoding; what is left is encoded from the log by the next daemon."""
        self._is_closing = True
        await self._encoder.close()

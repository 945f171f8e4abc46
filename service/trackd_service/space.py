"""Owns the questions of space: what takes how much of it in a store, and what nothing refers to any more.

Invariant: only what no run uses, in the catalog or in memory, is garbage, and only after a while: an object may have been
sent ahead of the record that refers to it, and a segment ahead of its transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from trackd_service import access
from trackd_service.catalog import RunUsage
from trackd_service.keeping import object_name
from trackd_service.objects import ObjectStore
from trackd_service.store import Store


class Shelf(Protocol):
    """Where objects lie whose space is asked for."""

    async def used(self) -> set[str]:
        """Returns the names of all objects that some run uses."""

    async def files(self) -> dict[str, tuple[int, float]]:
        """Returns (size in bytes, time in seconds since 1970 since when it may be unused) by name of all objects."""

    async def delete(self, name: str) -> bool:
        """Deletes an object unless it is used; returns whether it did."""

    @property
    def garbage_age_seconds(self) -> float:
        """How long an object that nothing refers to stays: it may have come ahead of what refers to it."""


class StoreShelf:
    """The directory of a store."""

    garbage_age_seconds = 3600.0

    def __init__(self, store: Store, objects: ObjectStore) -> None:
        """Takes the store and its objects."""
        self._store = store
        self._objects = objects

    async def used(self) -> set[str]:
        """Returns the names of what the catalog and the runs in memory refer to."""
        used = await self._store.on_catalog(self._store.catalog.used_names)
        for run in self._store.in_memory():
            used.update(map(object_name, run.objects))
        return used

    async def files(self) -> dict[str, tuple[int, float]]:
        """Returns (size in bytes, time of the last change in seconds since 1970) by name of all objects."""
        return await asyncio.to_thread(self._list)

    def _list(self) -> dict[str, tuple[int, float]]:
        found = {}
        for name in self._objects.list(""):
            path = self._objects.local_path(name)
            if path is not None:
                status = path.stat()
                found[name] = (status.st_size, status.st_mtime)
        return found

    async def delete(self, name: str) -> bool:
        """Deletes an object unless it is used by now; returns whether it did."""
        if name.startswith("files/"):
            return await self._store.delete_unused(name.rpartition("/")[2])
        await asyncio.to_thread(self._objects.delete, name)
        return True


class Space:
    """Measures a store and clears it."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        """Takes the store, and where its objects lie."""
        self._store = store
        self._shelf = shelf

    async def usage(self) -> tuple[list[RunUsage], dict[str, int]]:
        """Returns what each run takes, the largest first, and how much and how many all objects and the garbage are."""
        runs = {
            (run.project, run.run_id): run
            for run in await self._store.on_catalog(self._store.catalog.usage)
            if access.can_read(run.project)
        }
        if access.caller() is not None:  # of a shared store, what the catalog says of their projects
            return _largest_first(runs.values()), {
                "object_bytes": sum(run.segment_bytes + run.object_bytes for run in runs.values()),
                "object_count": sum(run.object_count for run in runs.values()),
                "garbage_bytes": 0,
                "garbage_count": 0,
            }
        used = await self._store.on_catalog(self._store.catalog.used_names)
        in_memory = self._store.in_memory()
        users = Counter(sha256 for run in in_memory for sha256 in run.objects)
        for run in in_memory:  # what the catalog does not have yet
            known = runs.get((run.project, run.run_id), RunUsage(run.project, run.run_id, 0, 0, 0, 0))
            runs[(run.project, run.run_id)] = replace(
                known,
                object_bytes=known.object_bytes + sum(run.objects.values()),
                object_count=known.object_count + len(run.objects),
                own_object_bytes=known.own_object_bytes
                + sum(
                    size_bytes
                    for sha256, size_bytes in run.objects.items()
                    if users[sha256] == 1 and object_name(sha256) not in used
                ),
            )
        objects, garbage = await self._look()
        whole = {
            "object_bytes": sum(size for size, _ in objects.values()),
            "object_count": len(objects),
            "garbage_bytes": sum(garbage.values()),
            "garbage_count": len(garbage),
        }
        return _largest_first(runs.values()), whole

    async def kinds(self) -> dict[str, int]:
        """Returns what the files of each kind take in bytes, and how many of them nothing refers to."""
        if access.caller() is not None:
            runs, whole = await self.usage()
            segment_bytes = sum(run.segment_bytes for run in runs)
            object_bytes = whole["object_bytes"] - segment_bytes
            return {
                "segment_bytes": segment_bytes,
                "object_bytes": object_bytes,
                "garbage_bytes": 0,
                "garbage_count": 0,
            }
        objects, garbage = await self._look()
        points = sum(size for name, (size, _) in objects.items() if name.startswith("segments/"))
        return {
            "segment_bytes": points,
            "object_bytes": sum(size for size, _ in objects.values()) - points,
            "garbage_bytes": sum(garbage.values()),
            "garbage_count": len(garbage),
        }

    async def project_sizes(self) -> dict[str, int]:
        """Returns what is sealed of each project, in bytes."""
        sizes = await self._store.on_catalog(self._store.catalog.project_sizes)
        return {project: size for project, size in sizes if access.can_read(project)}

    async def sweep(self, dry_run: bool) -> tuple[int, int]:
        """Removes all that nothing refers to: objects, and segments that a crash has left; returns their number and bytes."""
        access.check_server("to clear the store")
        _, garbage = await self._look()
        removed_count = removed_bytes = 0
        for name, size_bytes in garbage.items():
            if dry_run or await self._shelf.delete(name):
                removed_count += 1
                removed_bytes += size_bytes
        return removed_count, removed_bytes

    async def _look(self) -> tuple[dict[str, tuple[int, float]], dict[str, int]]:
        """Returns all objects, and the size in bytes by name of those that nothing refers to and that are not new."""
        used = await self._shelf.used()
        objects = await self._shelf.files()
        young = time.time() - self._shelf.garbage_age_seconds
        garbage = {
            name: size_bytes
            for name, (size_bytes, change_time) in objects.items()
            if name not in used and change_time < young
        }
        return objects, garbage


def _largest_first(runs: Iterable[RunUsage]) -> list[RunUsage]:
    return sorted(runs, key=lambda run: -(run.segment_bytes + run.object_bytes))

"""Owns the changes of runs that come from persons, not from writers: of one run by gRPC, of many by the page.

Invariants: there is one way to change and one to delete a run, whoever asks; where one of many runs cannot be changed, what
was changed before stays, and the error says how many and which run was in the way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trackd_service.errors import RunNotFound, TrackdError
from trackd_service.ingest import Ingest
from trackd_service.records import Changes, Update, check_tag_texts
from trackd_service.runs import Run
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun

Change: TypeAlias = Update | Changes

# A transaction costs a sync of the disk, whatever is in it; the runs in it are held up until it is done.
_BATCH_RUNS = 100


@dataclass(frozen=True, slots=True)
class RunsEdit:
    """What is changed of every run that is named; None stays."""

    name: str | None = None
    notes: str | None = None
    group: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    archived: bool | None = None

    def change(self, run: Run) -> Update:
        """Returns the change of one run."""
        tags = None
        if self.add_tags or self.remove_tags:
            gone = set(self.remove_tags)
            tags = list(dict.fromkeys(tag for tag in (*run.tags, *self.add_tags) if tag not in gone))
        return Update(name=self.name, notes=self.notes, tags=tags, group=self.group, archived=self.archived)


class RunEdits:
    """Changes and deletes runs."""

    def __init__(self, store: Store, ingest: Ingest) -> None:
        """Takes the store, and what reads the logs of its writers."""
        self._store = store
        self._ingest = ingest

    async def edit(
        self, project: str, run_id: str, changes_of: Callable[[Run], Iterable[Change]]
    ) -> StoredRun:
        """Changes a run and commits it; raises RunNotFound."""
        self._store.check_writable()
        stored = await self._store.get(project, run_id)
        for change in changes_of(stored.run):
            stored.run.edit(change)
        await self._store.update(stored)
        return stored

    async def delete(self, project: str, run_id: str) -> bool:
        """Deletes a run; returns whether it was there. Raises InvalidArgument while somebody writes it."""
        await self._ingest.forget(project, run_id)
        return await self._store.delete(project, run_id)

    async def edit_many(self, project: str, run_ids: Sequence[str], edit: RunsEdit) -> int:
        """Changes runs alike; returns how many. Raises what one of them raises, and InvalidArgument for tags."""
        check_tag_texts(edit.add_tags)
        self._check_change(project)
        changed = await self._edit_at_rest(project, list(dict.fromkeys(run_ids)), edit)

        async def change(run_id: str) -> bool:
            if run_id not in changed:
                await self.edit(project, run_id, lambda run: (edit.change(run),))
            return True

        return await _each(run_ids, change, "changed")

    def _check_change(self, _project: str) -> None:
        self._store.check_writable()

    def _check_delete(self, _project: str) -> None:
        self._store.check_writable()

    async def _edit_at_rest(self, project: str, run_ids: Sequence[str], edit: RunsEdit) -> set[str]:
        """Changes the runs that nobody writes, up to the first that is not there; returns their ids."""
        changed: set[str] = set()
        for first in range(0, len(run_ids), _BATCH_RUNS):
            batch = run_ids[first : first + _BATCH_RUNS]
            found = []
            for run_id in batch:
                stored = await self._store.find(project, run_id)
                if stored is None:
                    break
                found.append(stored)
            changed |= await self._store.update_at_rest(found, lambda run: run.edit(edit.change(run)))
            if len(found) < len(batch):
                break
        return changed

    async def delete_many(self, project: str, run_ids: Sequence[str]) -> int:
        """Deletes runs; returns how many were there. Raises what one of them raises."""
        self._check_delete(project)
        return await _each(run_ids, lambda run_id: self.delete(project, run_id), "deleted")


async def _each(run_ids: Sequence[str], work: Callable[[str], Awaitable[bool]], done: str) -> int:
    """Does some work for each run, each once, and returns for how many it said that something was done."""
    count = 0
    for run_id in dict.fromkeys(run_ids):
        try:
            count += await work(run_id)
        except TrackdError as error:
            metadata = {**error.metadata, "run_id": run_id, "run_count": str(count)}
            where = "" if isinstance(error, RunNotFound) else f"run {run_id!r}: "
            raise type(error)(
                f"{where}{error.message}; {count} of {len(run_ids)} runs were {done} before it", **metadata
            ) from None
    return count

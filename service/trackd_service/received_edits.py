"""Owns the changes that people make, on a team server, of runs that daemons have sent.

Invariants: a change stands beside what daemons say, in one transaction with the run that both make together, so that no
daemon takes it back; a run that was deleted does not come back; each deletion stands in the audit.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Sequence

from trackd_service import access, received_runs
from trackd_service.encodings import Task
from trackd_service.errors import InvalidArgument, RunNotFound
from trackd_service.ingest import Ingest
from trackd_service.people import People
from trackd_service.principals import Actor, Operator
from trackd_service.records import Changes
from trackd_service.run_edits import Change, RunEdits, RunsEdit
from trackd_service.runs import Run
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun


class ReceivedEdits(RunEdits):
    """Changes and deletes runs of a team server."""

    def __init__(self, store: Store, ingest: Ingest, people: People) -> None:
        """Takes the store over the shared catalog, and what keeps the audit."""
        super().__init__(store, ingest)
        self._sent = SentRuns(store.catalog)
        self._people = people

    async def edit(
        self, project: str, run_id: str, changes_of: Callable[[Run], Iterable[Change]]
    ) -> StoredRun:
        """Changes a run and commits it; raises RunNotFound, PermissionDenied, or InvalidArgument."""
        access.check_write(project)
        stored = await self._store.get(project, run_id)
        changes = tuple(changes_of(stored.run))
        for each in changes:
            if isinstance(each, Changes) and any(isinstance(value, Task) for value in each.values.values()):
                raise InvalidArgument(
                    "a team server keeps numbers, texts and lists of what people change, not arrays and records: log those, "
                    "or set them in the summary where the run was logged",
                    field="set",
                )

        def change(edits: str) -> str:
            return functools.reduce(received_runs.add_edit, changes, edits)

        found = await self._store.on_catalog(
            self._sent.edit, stored.run.project, run_id, change, received_runs.combine
        )
        if not found:
            raise RunNotFound(f"run {run_id!r} is not in project {project!r}", project=project, run_id=run_id)
        await self._store.refresh(stored.run.project, run_id)
        return await self._store.get(stored.run.project, run_id)

    async def delete(self, project: str, run_id: str) -> bool:
        """Deletes a run for good; returns whether it was there. Raises PermissionDenied."""
        access.check_delete(project)
        if await self._store.find(project, run_id) is None:
            return False
        actor: Actor = access.caller() or Operator()
        note = self._people.audit.of_deletion(actor, project, run_id)
        await self._store.on_catalog(self._sent.delete, project, run_id, time.time_ns(), note)
        self._store.let_go(project, run_id)
        return True

    def _check_change(self, project: str) -> None:
        access.check_write(project)

    def _check_delete(self, project: str) -> None:
        access.check_delete(project)

    async def _edit_at_rest(self, _project: str, _run_ids: Sequence[str], _edit: RunsEdit) -> set[str]:
        return set()  # each by itself: what people have changed stands by run

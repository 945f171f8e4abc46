"""Owns the questions about sets of runs of a project, and the tables kept to answer them; docs/http_api.md, "Sets of runs".

Invariants: a table is brought up to date before each answer by the runs that have changed alone; it is changed and read under
its lock, away from the event loop where that takes long; what nobody has asked for a while is forgotten.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from trackd_service import access, config, memory, run_sets
from trackd_service.errors import RunNotFound
from trackd_service.run_metrics import RunMetrics
from trackd_service.run_sets import ColumnsQuestion, RunsQuestion
from trackd_service.run_table import RunTable, values_of
from trackd_service.runs import Run, brief_form
from trackd_service.store import Store

_T = TypeVar("_T")
_COLUMN_ANSWERS = 16  # kept of a project: those of the open pages
_CSV_RUNS = 200  # of a CSV file in one piece
_CHUNK_RUNS = 50  # read from the catalog and parsed in one go: 2 to 20 ms of a thread


class _Kept:
    """A project's table, and which version of each run is in it; of no use once another catalog is in that one's place."""

    def __init__(self, replacement_count: int) -> None:
        self.replacement_count = replacement_count
        self.table = RunTable()
        self.metrics = RunMetrics()
        self.metric_versions: dict[str, Any] = {}  # of the runs in memory
        self.lock = asyncio.Lock()
        self.versions: dict[str, Any] = {}
        self.commits: dict[str, tuple[int, int]] = {}
        self.change_count = -1  # of the catalog, when the commits were read
        self.column_answers: dict[ColumnsQuestion, tuple[int, dict[str, Any]]] = {}  # by the table's revision
        self.seen: Any = None  # what the runs that are not in memory were looked through at
        self.used_time = time.monotonic()


class RunsQuery:
    """Answers questions about sets of runs."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store
        self._kept: dict[str, _Kept] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def page(self, project: str, question: RunsQuestion) -> dict[str, Any]:
        """Returns a page of the runs that match; see `run_sets.page`.

        Raises:
            InvalidFilter: filter or search cannot be understood.
        """
        choose = run_sets.chooser(question, time.time())
        return await self._ask(project, lambda table: run_sets.page(table, choose(table), question))

    async def columns(self, project: str, question: ColumnsQuestion) -> dict[str, Any]:
        """Returns what the columns of the runs that match hold; raises InvalidFilter."""
        choose = run_sets.chooser(RunsQuestion(filter=question.filter, archived="with"), time.time())
        if not access.can_read(project):
            table = RunTable()
            return run_sets.columns(table, choose(table), question)
        kept = self._keep(project)

        def answer(table: RunTable) -> dict[str, Any]:
            # A page asks this again and again; a filter may speak of ages, and is answered anew.
            known = None if question.filter else kept.column_answers.get(question)
            if known is None or known[0] != table.revision:
                known = table.revision, run_sets.columns(table, choose(table), question)
                while len(kept.column_answers) >= _COLUMN_ANSWERS:
                    del kept.column_answers[next(iter(kept.column_answers))]
                kept.column_answers[question] = known
            return known[1]

        return await self._ask(project, answer)

    async def matching(self, project: str, text: str) -> list[str]:
        """Returns the ids of the runs that match a typed filter, newest first, archived ones too; raises InvalidFilter."""
        choose = run_sets.chooser(RunsQuestion(filter=text, archived="with"), time.time())
        return await self._ask(project, lambda table: table.ids(choose(table)))

    async def csv(self, project: str, question: RunsQuestion) -> AsyncIterator[bytes]:
        """Returns the lines of a CSV file of all runs that match, whatever the offset and limit; raises InvalidFilter.

        Without columns in the question, all there are.
        """
        choose = run_sets.chooser(question, time.time())
        run_ids, names = await self._ask(
            project, lambda table: run_sets.listing(table, choose(table), question)
        )

        async def lines() -> AsyncIterator[bytes]:
            yield run_sets.csv_lines([names])
            for first in range(0, len(run_ids), _CSV_RUNS):
                chunk = run_ids[first : first + _CSV_RUNS]
                yield await self._ask(project, lambda table: run_sets.csv_rows(table, chunk, names))  # noqa: B023 - awaited at once

        return lines()

    async def metrics(self, project: str) -> str:
        """Returns the metrics of all runs of a project by name, and how the latest definition has them drawn, as JSON."""
        if not access.can_read(project):
            return RunMetrics().text()
        kept = self._keep(project)
        async with kept.lock:
            await self._update(project, kept)
            for run_id in list(kept.metrics.unknown):  # written by an older trackd: its segments say it
                try:
                    stored = await self._store.get(project, run_id)
                except RunNotFound:
                    continue  # deleted meanwhile
                await self._store.learn_kinds(stored)
                _put_metrics(kept, stored.run)
            found = await asyncio.to_thread(kept.metrics.text)
            self._used(kept)
        return found

    # -- tables ----------------------------------------------------------------------------------------------------

    async def _ask(self, project: str, answer: Callable[[RunTable], _T]) -> _T:
        """Returns what a function says of a project's table, up to date; it runs in a thread."""
        if not access.can_read(project):
            return answer(RunTable())
        kept = self._keep(project)
        async with kept.lock:
            try:
                await self._update(project, kept)
                return await asyncio.to_thread(answer, kept.table)
            finally:
                self._used(kept)

    def _keep(self, project: str) -> _Kept:
        kept, count = self._kept.get(project), self._store.catalog.replacement_count
        if kept is None or kept.replacement_count != count:
            kept = self._kept[project] = _Kept(count)
        return kept

    def _used(self, kept: _Kept) -> None:
        kept.used_time = time.monotonic()
        self._spare()
        self._forget_later()

    async def _update(self, project: str, kept: _Kept) -> None:
        """Brings a table up to date."""
        store, table = self._store, kept.table
        store.check_readable()
        change_count = store.catalog.change_count
        if change_count != kept.change_count:
            kept.commits = await store.on_catalog(store.catalog.project_commits, project)
            kept.change_count = change_count
        # A run that is only read is as the catalog has it: charts of many would else have all of them taken in again.
        in_memory = {
            stored.run.run_id: stored.run
            for stored in store.stored_in_memory()
            if stored.run.project == project and not stored.is_at_rest
        }
        has_changed = await self._take_live(kept, in_memory)
        seen = (change_count, store.synced_count, frozenset(in_memory))
        if seen != kept.seen:
            has_changed |= await self._take_stored(project, kept, in_memory)
            kept.seen = seen
        if has_changed:
            # A page that knew an earlier table of the project must see that this is newer.
            table.revision = max(table.revision + 1, time.time_ns() // 1_000_000)

    async def _take_live(self, kept: _Kept, runs: dict[str, Run]) -> bool:
        """Takes in the runs in memory that have changed; returns whether there were any."""
        has_changed = False
        for run_id, run in runs.items():
            version = ("memory", run.revision, run.synced_step, run.is_stalled)
            if kept.versions.get(run_id) != version:
                kept.versions[run_id] = version
                _put(kept.table, run.describe(whole=True))
                _put_metrics(kept, run)
                has_changed = True
                await asyncio.sleep(0)  # the writers go first
        return has_changed

    async def _take_stored(self, project: str, kept: _Kept, in_memory: dict[str, Run]) -> bool:
        """Takes in the runs of the catalog that have changed, removes those that are gone; returns whether there were any."""
        store, table = self._store, kept.table
        gone = [known for known in table.slots if known not in kept.commits and known not in in_memory]
        for run_id in gone:
            table.remove(run_id)
            kept.metrics.remove(run_id)
            kept.metric_versions.pop(run_id, None)
            del kept.versions[run_id]
        stale: list[tuple[str, Any]] = []
        for run_id, commit in kept.commits.items():
            version = (*commit, store.synced_step(project, run_id))
            if run_id not in in_memory and kept.versions.get(run_id) != version:
                stale.append((run_id, version))
        for first in range(0, len(stale), _CHUNK_RUNS):
            chunk = stale[first : first + _CHUNK_RUNS]
            run_ids = [run_id for run_id, _ in chunk]
            texts = await store.on_catalog(store.catalog.document_texts, project, run_ids)
            await asyncio.to_thread(self._put_texts, project, kept, texts)
            kept.versions.update(item for item in chunk if item[0] in texts)
        return bool(gone or stale)

    def _put_texts(self, project: str, kept: _Kept, texts: dict[str, str]) -> None:
        for run_id, text in texts.items():
            document = json.loads(text)
            document["synced_step"] = self._store.synced_step(project, run_id)
            _put(kept.table, document)
            kept.metric_versions.pop(run_id, None)
            kept.metrics.put(
                run_id,
                document["create_time"],
                document.get("metric_kinds"),
                document.get("metric_definitions", ()),
            )

    # -- forgetting ------------------------------------------------------------------------------------------------

    def _spare(self) -> None:
        """Forgets tables that take too much beside the one that was asked last."""
        if len(self._kept) < 2:
            return
        size_bytes = 0
        newest_first = sorted(self._kept.items(), key=lambda each: -each[1].used_time)
        for position, (project, each) in enumerate(newest_first):
            size_bytes += each.table.size_bytes
            if position and size_bytes > config.RUN_TABLES_BYTES_MAX and not each.lock.locked():
                del self._kept[project]

    def _forget_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(config.RUN_TABLE_IDLE_SECONDS, self._forget)

    def _forget(self) -> None:
        """Forgets what nobody has asked for a while."""
        self._timer = None
        oldest = time.monotonic() - config.RUN_TABLE_IDLE_SECONDS
        for project, each in list(self._kept.items()):
            if each.used_time <= oldest and not each.lock.locked():
                del self._kept[project]
        if self._kept:
            self._forget_later()
        memory.trim()


def _put(table: RunTable, document: dict[str, Any]) -> None:
    brief = json.dumps(brief_form(document), separators=(",", ":"))
    table.put(document["run_id"], values_of(document), brief)


def _put_metrics(kept: _Kept, run: Run) -> None:
    version = (id(run), run.summary.mark_count, run.definitions.version)
    # A run that logs changes all the time, its metrics rarely.
    if kept.metric_versions.get(run.run_id) != version or run.run_id in kept.metrics.unknown:
        kept.metric_versions[run.run_id] = version
        kept.metrics.put(run.run_id, run.create_time, run.summary.kinds(), run.definitions.dump())

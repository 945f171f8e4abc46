"""Owns the one path out: what gRPC and HTTP both answer, as plain values and arrays.

Invariants: reads never wait for a writer's disk, never change anything, and are the same on both transports.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackd_service import access, config
from trackd_service.cell_memory import CellMemory
from trackd_service.compare_query import CompareQuery
from trackd_service.console_query import ConsoleQuery
from trackd_service.downsample import pick_extremes
from trackd_service.errors import InvalidFilter, PresetNotFound
from trackd_service.group_query import GroupRequest, query_group
from trackd_service.record_query import RecordQuery
from trackd_service.series import NUMERIC_KINDS, RECORD_KINDS, Kind, Series
from trackd_service.series_query import SeriesAnswer, SeriesRequest, is_derived, query
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.streams import ROW_KEY, Stream, stream_of

if TYPE_CHECKING:
    from trackd_service.events import EventQuery
    from trackd_service.importance_query import ImportanceQuery
    from trackd_service.runs_query import RunsQuery


_LARGE_POINTS = 50_000  # 1 MB: of smaller ones, all that are asked at a time fit into memory


class Query:
    """Reads the store."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store
        self.records = RecordQuery(store)
        self.console = ConsoleQuery(store)
        self.comparison = CompareQuery(store)
        self._cells = CellMemory()
        self._large = asyncio.Lock()  # held while a long series is in memory whole: many are asked at a time

    # What follows is needed where somebody looks at a page, and not at the start.

    @functools.cached_property
    def events(self) -> EventQuery:
        """The questions about what happened in runs."""
        from trackd_service.events import EventQuery

        return EventQuery(self._store)

    @functools.cached_property
    def importance(self) -> ImportanceQuery:
        """The questions about which columns explain a result."""
        from trackd_service.importance_query import ImportanceQuery

        return ImportanceQuery(self._store)

    @functools.cached_property
    def sets(self) -> RunsQuery:
        """The questions about sets of runs."""
        from trackd_service.runs_query import RunsQuery

        return RunsQuery(self._store)

    async def projects(self) -> list[dict[str, Any]]:
        """Returns the projects, last changed first."""
        self._store.check_readable()
        projects: dict[str, dict[str, Any]] = {
            name: {"name": name, "run_count": count, "running_count": 0, "update_time": update_time}
            for name, count, update_time in await self._store.on_catalog(self._store.catalog.projects)
            if access.can_read(name)
        }
        in_catalog = set(await self._store.on_catalog(self._store.catalog.run_keys))
        for run in self._store.in_memory():
            project = projects.setdefault(
                run.project, {"name": run.project, "run_count": 0, "running_count": 0, "update_time": 0}
            )
            project["run_count"] += (run.project, run.run_id) not in in_catalog
            project["running_count"] += run.state.value == "running"
            project["update_time"] = max(project["update_time"], run.update_time)
        return sorted(projects.values(), key=lambda project: -project["update_time"])

    async def runs(
        self, project: str | None, filters: Mapping[str, Any] | str, order: str, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Returns a page of runs, whole, and how many match in all.

        Args:
            project: The project; None for all.
            filters: Conditions as a document (`filters`) or as somebody types them (docs/filters.md), of one project.
            order: Fields to sort by; newest first without.
            offset: How many runs are passed over.
            limit: The most runs.

        Raises:
            InvalidFilter: filters or order cannot be understood.
        """
        from trackd_service.filters import (  # needed by few daemons, and not at their start
            compile_filter,
            compile_order,
        )

        limit = min(limit or config.PAGE_SIZE_DEFAULT, config.PAGE_SIZE_MAX)
        is_newest_first = order in ("", "-created_at", "-create_time")
        matches = None
        if not filters:
            keys = await self._store.keys(project)
        elif isinstance(filters, str):
            if project is None:
                raise InvalidFilter("a filter that is a text is asked of one project: name it")
            keys = [(project, run_id) for run_id in await self.sets.matching(project, filters)]
        else:
            matches = compile_filter(filters)
            keys = []
        if matches is None:
            if is_newest_first:  # only what is shown is read
                return await self._store.documents_of(keys[offset : offset + limit]), len(keys)
            documents = await self._store.documents_of(keys)
        else:
            documents = await self._store.documents(project)
            documents = [document for document in documents if matches(document)]
        if order:
            documents = compile_order(order)(documents)
        return documents[offset : offset + limit], len(documents)

    async def run(self, project: str, run_id: str) -> StoredRun:
        """Returns a run; raises RunNotFound."""
        stored = await self._store.get(project, run_id)
        if stored.segments:
            self._store.keep_warm()
        return stored

    async def metrics(
        self, project: str, run_id: str, prefix: str, stream: Stream = "history"
    ) -> list[dict[str, Any]]:
        """Returns the metrics of a stream of a run by name; a name of several kinds stands once for each."""
        stored = await self._store.get(project, run_id)
        return [
            {"name": key, "kind": kind, "count": count, "first_step": first, "last_step": last}
            for (key, kind), (count, first, last) in sorted(stored.metrics(stream).items())
            if key.startswith(prefix)
        ]

    async def project_metrics(self, project: str) -> str:
        """Returns the metrics of all runs of a project by name, and how the latest definition has them drawn, as JSON."""
        return await self.sets.metrics(project)

    async def files(self, project: str, run_id: str) -> list[dict[str, Any]]:
        """Returns the files kept with a run, by path: path, sha256, size_bytes, purpose."""
        stored = await self._store.get(project, run_id)
        await self._store.keeper.settle(stored)
        return stored.run.describe_files()

    async def file_path(self, project: str, run_id: str, path: str) -> Path:
        """Returns where the content of a run's file lies; raises RunNotFound or FileNotFound."""
        return await self._store.file_path(await self._store.get(project, run_id), path)

    async def object_path(self, sha256: str) -> Path:
        """Returns where an object lies; raises ObjectMissing."""
        return await self._store.object_path(sha256)

    async def presets(self) -> list[dict[str, Any]]:
        """Returns the presets of charts, by id, without their specifications."""
        from trackd_service import presets

        saved = await self._store.on_catalog(self._store.catalog.presets)
        found = [
            {"id": preset_id, "title": title, "is_built_in": True}
            for preset_id, title in presets.BUILT_IN.items()
        ]
        found += [{"id": row.id, "title": row.title, "is_built_in": False} for row in saved]
        return sorted(found, key=lambda preset: str(preset["id"]))

    async def preset(self, preset_id: str) -> dict[str, Any]:
        """Returns a preset of a chart, whole; raises PresetNotFound."""
        from trackd_service import presets

        built_in = presets.load(presets.canonical(preset_id))
        if built_in is not None:
            return {
                "id": built_in.id,
                "title": built_in.title,
                "is_built_in": True,
                "specification": built_in.specification,
            }
        row = await self._store.on_catalog(self._store.catalog.preset, preset_id)
        if row is None:
            raise PresetNotFound(
                f"there is no preset {preset_id[:128]!r}: save one with trackd.save_preset(), or see the list of presets",
                id=preset_id[:128],
            )
        return {
            "id": row.id,
            "title": row.title,
            "is_built_in": False,
            "specification": json.loads(row.specification),
        }

    async def views(self, project: str) -> list[dict[str, Any]]:
        """Returns the saved views of a project, last saved first, without their documents."""
        self._store.check_readable()
        if not access.can_read(project):
            return []
        rows = await self._store.on_catalog(self._store.catalog.views, project)
        return [{"id": row.id, "name": row.name, "update_time": row.update_time} for row in rows]

    async def view(self, project: str, view_id: str) -> dict[str, Any]:
        """Returns a saved view of a project, whole; raises ViewNotFound."""
        from trackd_service import views

        self._store.check_readable()
        row = await self._store.on_catalog(self._store.catalog.view, project, view_id)
        if row is None or not access.can_read(project):
            raise views.not_found(project, view_id)
        return {
            "id": row.id,
            "name": row.name,
            "update_time": row.update_time,
            "document": json.loads(row.document),
        }

    async def series(self, request: SeriesRequest) -> SeriesAnswer:
        """Returns one series for a chart; see docs/http_api.md."""
        stored = await self._store.get(request.project, request.run)
        if is_derived(request) and _point_count(stored, request) > _LARGE_POINTS:
            async with self._large:
                return await query(stored, request)
        return await query(stored, request)

    async def make_ready(self, requests: Iterable[SeriesRequest | GroupRequest]) -> None:
        """Sees to it that what series need is here, of all their runs in one go."""
        wanted: dict[str, list[str]] = {}
        for request in requests:
            runs = (request.run,) if isinstance(request, SeriesRequest) else request.runs
            wanted.setdefault(request.project, []).extend(runs)
        for project, runs_of_project in wanted.items():
            await self._store.make_ready(project, runs_of_project)

    async def group(self, request: GroupRequest) -> SeriesAnswer:
        """Returns many runs as one line with a band; see docs/http_api.md."""
        sources = [await self._store.get(request.project, run) for run in request.runs]
        return await query_group(sources, request, self._cells)

    async def read(
        self,
        stored: StoredRun,
        keys: Sequence[str],
        min_step: int | None,
        max_step: int | None,
        points_max: int,
    ) -> list[tuple[Series, int]]:
        """Returns whole series, or their extremes, and how many points each has in the range.

        Args:
            stored: The run.
            keys: Metrics' names; none means all. The hidden `_row` is among all.
            min_step: The first step.
            max_step: The step to end before.
            points_max: The most points of a series; 0 means all.
        """
        wanted = set(keys)
        names: list[tuple[str, Kind]] = [
            name
            for stream in dict.fromkeys(map(stream_of, wanted or ("",)))
            for name in stored.metrics(stream)
            if not wanted or name[0] in wanted
        ]
        if not wanted:
            names.append((ROW_KEY, "bool"))
        if any(kind in RECORD_KINDS for _, kind in names):
            await self._store.keeper.settle(stored)
        result: list[tuple[Series, int]] = []
        for series in await stored.read(sorted(names), min_step, max_step):
            total_count = len(series)
            if points_max and total_count > points_max and series.kind in NUMERIC_KINDS:
                result.append((await asyncio.to_thread(pick_extremes, series, points_max), total_count))
            elif total_count:
                result.append((series, total_count))
        return result


def _point_count(stored: StoredRun, request: SeriesRequest) -> int:
    """Returns how many points a question may have in memory at once."""
    keys = (request.key,) if request.expression is None else request.expression.metrics
    sealed = (part.count for key in keys for kind in NUMERIC_KINDS for part in stored.sealed(key, kind))
    return sum(sealed) + stored.run.tail.point_count

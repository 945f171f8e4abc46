"""Owns the runs of a store: loads them, seals their points into segments, and commits that to the catalog.

Invariants:
- A run is in memory while somebody writes it or reads it; what is not in memory is whole in catalog and segments.
- Sealing takes a cut: the points, the summary and the writers' sequences of one moment go into one segment and one
  transaction. Until it is committed the points are read from memory; after a crash before it they come from the log again.
- The catalog is used from as many threads as it says; the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from trackd_service import access, config, presets, views
from trackd_service.catalog import Catalog, LoadedRun, PresetRow, ViewRow
from trackd_service.catalog_tables import HistoryStart, SegmentRow
from trackd_service.definitions import Definitions
from trackd_service.errors import (
    BucketUnusable,
    FileNotFound,
    InvalidArgument,
    ObjectMissing,
    PresetNotFound,
    ReadOnly,
    RunNotFound,
)
from trackd_service.keeping import Keeper, is_hash, object_name
from trackd_service.levels import LevelsFile, SegmentDamaged
from trackd_service.manifests import run_folder
from trackd_service.objects import DirectoryStore
from trackd_service.records import Begin, Origin
from trackd_service.runs import Run
from trackd_service.segments import (
    SegmentInfo,
    cut_segments,
    merge_segments,
    write_table,
)
from trackd_service.series_table import collect
from trackd_service.shared_reads import SharedReads
from trackd_service.stored_runs import Elsewhere, Segment, StoredRun
from trackd_service.streams import ROW_KEY, stream_of
from trackd_service.summary import Summary
from trackd_service.tail import Tail
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

_SMALL_BYTES = 64 << 10  # of a segment whose points are fetched with its levels
_LOADED_AT_ONCE = 128  # runs of one question: the catalog answers others in between
_SEAL_RETRY_SECONDS = 2.0  # after a seal that failed: a full disk is not asked more often


_T = TypeVar("_T")
_log = logging.getLogger("trackd.store")
_SEALER_IDLE_SECONDS = (
    5.0  # a run seals once in minutes, then merges at once: 100 MB need not wait for the next time
)


class Store:
    """The runs of one store."""

    def __init__(self, catalog: Catalog, objects: DirectoryStore, scratch: Path) -> None:
        """Takes the catalog, the object store, and a folder for files being made."""
        self._catalog = catalog
        self._objects = objects
        self._scratch = scratch
        # Two processes, each started on first need: a chart must not wait for a merge.
        self._worker, self._sealer = Worker(), Worker(_SEALER_IDLE_SECONDS)
        self._reads = SharedReads(self._worker)
        self._evict_count = config.RUNS_CACHED_MAX  # of runs in memory, before which none is let go
        self._thread = ThreadPoolExecutor(catalog.thread_count, "trackd-catalog")
        self._runs: dict[tuple[str, str], StoredRun] = {}
        self._loading: dict[tuple[str, str], asyncio.Future[StoredRun | None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._synced: dict[tuple[str, str], int] = {}
        self.synced_count = 0  # grows each time that more of some run is in the bucket
        self._changed: Callable[[Run], None] = lambda run: None
        self.keeper = Keeper(objects, scratch, self._begin, self._presets)
        self.deleted: Callable[[str, str], None] = lambda project, run_id: None
        self.sealed: Callable[[Run, set[str]], None] = lambda run, ended_writers: None
        self.problem = ""
        self.elsewhere: Elsewhere | None = None
        self.read_only_reason = ""
        self.takes_views = True  # also where the runs are only shown
        self.unreadable_reason = ""
        self.check_run: Callable[[Run], object] = lambda run: None  # fails for what no face can show

    def check_readable(self) -> None:
        """Raises BucketUnusable where the store shows a bucket that could not be read yet."""
        if self.unreadable_reason:
            raise BucketUnusable(self.unreadable_reason)

    def check_writable(self) -> None:
        """Raises ReadOnly where the store only shows what others write."""
        if self.read_only_reason:
            raise ReadOnly(self.read_only_reason)

    def _check_takes_views(self) -> None:
        """Raises ReadOnly where no views and presets can be kept."""
        if not self.takes_views:
            self.check_writable()

    async def need(self, names: Sequence[str]) -> None:
        """Sees to it, as far as that is possible, that objects lie in the directory."""
        if self.elsewhere is not None:
            going = self.elsewhere.use(names)
            missing = [name for name in names if name in going or self._objects.local_path(name) is None]
            if missing:
                await self.elsewhere.fetch(missing)

    async def object_path(self, sha256: str) -> Path:
        """Returns where an object lies; raises ObjectMissing."""
        if access.caller() is not None:
            users = await self.on_catalog(self._catalog.projects_with, sha256) if is_hash(sha256) else []
            if not any(map(access.can_read, users)):
                raise ObjectMissing(f"the store has no object {sha256[:64]!r}", sha256=sha256[:64])
        if self.elsewhere is not None and is_hash(sha256):
            await self.need([object_name(sha256)])
        return self.keeper.object_path(sha256)

    @property
    def changed(self) -> Callable[[Run], None]:
        """What is told of every run that has changed."""
        return self._changed

    @changed.setter
    def changed(self, tell: Callable[[Run], None]) -> None:
        self._changed = self.keeper.changed = tell

    async def on_catalog(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs a function of the catalog in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    @property
    def catalog(self) -> Catalog:
        """The catalog; call it through `on_catalog`."""
        return self._catalog

    async def in_worker(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs a function in the process that reads sealed points."""
        try:
            return await self._worker.run(function, *arguments)
        except WorkerCrashed:
            return await self._worker.run(function, *arguments)

    async def save_preset(self, preset_id: str, title: str, specification: Any) -> None:
        """Saves a preset of a chart over one of the same id; raises InvalidArgument."""
        access.check_server("to save a preset")
        self._check_takes_views()
        presets.check_preset(preset_id, title, specification)
        row = PresetRow(preset_id, title, json.dumps(specification))
        await self.on_catalog(self._catalog.save_preset, row)

    async def _presets(self) -> dict[str, str]:
        """Returns the specifications of the saved presets, as JSON, by id."""
        return {row.id: row.specification for row in await self.on_catalog(self._catalog.presets)}

    async def delete_preset(self, preset_id: str) -> None:
        """Deletes a saved preset; raises PresetNotFound when there is none."""
        access.check_server("to delete a preset")
        self._check_takes_views()
        if not await self.on_catalog(self._catalog.delete_preset, preset_id):
            raise PresetNotFound(f"there is no saved preset {preset_id[:128]!r}", id=preset_id[:128])

    async def save_view(self, project: str, view_id: str, name: str, document: Any) -> None:
        """Saves a view of a project over one of the same id; raises InvalidArgument."""
        access.check_write(project)
        self._check_takes_views()
        text = views.check_view(project, view_id, name, document)
        row = ViewRow(project, view_id, name, time.time_ns(), text)
        if not await self.on_catalog(self._catalog.save_view, row, views.VIEW_COUNT_MAX):
            raise InvalidArgument(
                f"project {project[:128]!r} has {views.VIEW_COUNT_MAX} saved views, the most there can be: delete one first",
                limit=views.VIEW_COUNT_MAX,
            )

    async def delete_view(self, project: str, view_id: str) -> None:
        """Deletes a saved view; raises ViewNotFound when there is none."""
        access.check_write(project)
        self._check_takes_views()
        if not await self.on_catalog(self._catalog.delete_view, project, view_id):
            raise views.not_found(project, view_id)

    def keep_warm(self) -> None:
        """Readies the process that reads sealed points: somebody looks at runs, and may ask for them next."""
        self._worker.keep_warm()

    # -- runs ------------------------------------------------------------------------------------------------------

    async def get(self, project: str, run_id: str) -> StoredRun:
        """Returns a run; an empty project finds the id anywhere. Raises RunNotFound."""
        self.check_readable()
        if not project:
            in_memory = [key for key in self._runs if key[1] == run_id]
            found = (
                in_memory[0][0] if in_memory else await self.on_catalog(self._catalog.find_project, run_id)
            )
            if found is None or not access.can_read(found):
                raise RunNotFound(f"run {run_id!r} is not in the store", project=project, run_id=run_id)
            project = found
        stored = await self._load(project, run_id) if access.can_read(project) else None
        if stored is None:
            raise RunNotFound(f"run {run_id!r} is not in project {project!r}", project=project, run_id=run_id)
        stored.used_time = time.monotonic()
        return stored

    async def make_ready(self, project: str, run_ids: Iterable[str]) -> None:
        """Reads runs that are not in memory, and sees to it that what charts of them need is here: many in one go."""
        if not access.can_read(project):
            return
        missing = [run_id for run_id in dict.fromkeys(run_ids) if not self.is_in_memory(project, run_id)]
        if missing:
            self.keep_warm()
        for start in range(0, len(missing), _LOADED_AT_ONCE):
            some = missing[start : start + _LOADED_AT_ONCE]
            found = asyncio.ensure_future(self._read_runs(project, some))
            loads = [self._load(project, run_id, found) for run_id in some]
            await asyncio.gather(asyncio.shield(found), *loads)

    async def _read_runs(self, project: str, run_ids: Sequence[str]) -> dict[str, LoadedRun]:
        found = await self.on_catalog(self._catalog.load_runs, project, run_ids)
        segments = [row for *_, rows in found.values() for row in rows]
        names = [f"segments/{row.name}.levels" for row in segments]
        # Few points are drawn as they are: one way to the bucket instead of two.
        names += [f"segments/{row.name}.parquet" for row in segments if row.size_bytes <= _SMALL_BYTES]
        if self.elsewhere is not None:  # fetched alone: what is read is counted when it is read
            await self.elsewhere.fetch([name for name in names if self._objects.local_path(name) is None])
        return found

    async def find(self, project: str, run_id: str) -> StoredRun | None:
        """Returns a run, or None."""
        return await self._load(project, run_id) if access.can_read(project) else None

    async def get_or_create(self, project: str, run_id: str, create_time: int) -> tuple[StoredRun, bool]:
        """Returns a run to be written, and whether it was made by this call."""
        self.check_writable()
        # Another task may have made the run while this one waited: there must never be two of it.
        stored = await self._load(project, run_id) or self._runs.get((project, run_id))
        if stored is not None:
            return stored, False
        run = Run(project, run_id, create_time)
        run.renew(time.time_ns() // 1_000_000)
        stored = self._runs[(project, run_id)] = StoredRun(run, [], self._reads, lambda: self.elsewhere)
        return stored, True

    def holds(self, stored: StoredRun) -> bool:
        """Says whether a run that was read is still the one in memory: it was not deleted, nor let go of."""
        return self._runs.get((stored.run.project, stored.run.run_id)) is stored

    async def _load(
        self, project: str, run_id: str, several: asyncio.Future[dict[str, LoadedRun]] | None = None
    ) -> StoredRun | None:
        """Returns a run that is in memory, or else is read from the catalog, or found among several that are being read."""
        key = (project, run_id)
        if key in self._runs:
            return self._runs[key]
        # Two readers must not load one run twice: the second waits for the first.
        if key not in self._loading:
            loading = self._loading[key] = asyncio.ensure_future(self._load_now(project, run_id, several))
            loading.add_done_callback(lambda _: self._loaded(key, loading))
        return await asyncio.shield(self._loading[key])

    def _loaded(self, key: tuple[str, str], loading: asyncio.Future[StoredRun | None]) -> None:
        if self._loading.get(key) is loading:
            del self._loading[key]

    async def _load_now(
        self, project: str, run_id: str, several: asyncio.Future[dict[str, LoadedRun]] | None
    ) -> StoredRun | None:
        if several is None:
            found = await self.on_catalog(self._catalog.load_run, project, run_id)
        else:
            found = (await asyncio.shield(several)).get(run_id)
        if found is None or (project, run_id) in self._runs:
            return self._runs.get((project, run_id))
        document, summary, rows = found
        run = Run.load(document, summary)
        # Revisions are not kept exactly; a page that knows an older one must see that this is newer.
        run.renew(max(run.revision + 1, time.time_ns() // 1_000_000))
        run.synced_step = self._synced.get((project, run_id))
        stored = StoredRun(run, [], self._reads, lambda: self.elsewhere)
        stored.sealed_revision = run.revision
        await self._open_segments(stored, rows)
        if self._loading.get((project, run_id)) is not asyncio.current_task():
            return await self._load(project, run_id)  # written by somebody else meanwhile
        if (project, run_id) not in self._runs:
            self._evict()
            self._runs[(project, run_id)] = stored
        return self._runs[(project, run_id)]

    async def _open_segments(
        self, stored: StoredRun, rows: Sequence[SegmentRow], known: Iterable[Segment] = ()
    ) -> None:
        opened = {segment.row.name: segment for segment in known}
        await self.need([f"segments/{row.name}.levels" for row in rows if row.name not in opened])
        for row in rows:
            segment = opened.get(row.name)
            if segment is not None:
                segment = Segment(row, segment.parquet, segment.levels)
                stored.segments = [*stored.segments, segment]
                stored.next_position = max(stored.next_position, row.position + 1)
            else:
                # Verified whole, away from the event loop: a chart is drawn from the levels alone.
                await asyncio.to_thread(self._add_segment, stored, row, is_new=False)

    async def show(
        self,
        document: dict[str, Any],
        summary: bytes,
        rows: Sequence[SegmentRow],
        objects: Mapping[str, int],
    ) -> None:
        """Takes in a run as it stands in a bucket, in the place of what was known of it, and tells the readers.

        Raises:
            InvalidArgument: The document describes no run.
            BucketUnusable: A file that readers of it need now cannot be had.
        """
        try:
            run = Run.load(document, summary)
            # One that could not be answered with would be in the way of every list of runs.
            self.check_run(run)
            document = run.dump()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidArgument(f"the document describes no run: {str(error)[:200]}") from None
        await self.on_catalog(self._catalog.replace_run, document, summary, rows, objects)
        if not await self._show(run, rows):
            await self.refresh(run.project, run.run_id)

    async def refresh(self, project: str, run_id: str) -> None:
        """Takes in a run as it stands in the catalog by now, which somebody else has written, and tells the readers.

        Raises:
            BucketUnusable: A file that readers of it need now cannot be had.
        """
        is_shown = False
        while not is_shown:
            found = await self.on_catalog(self._catalog.load_run, project, run_id)
            if found is None:
                self.let_go(project, run_id)
                return
            document, summary, rows = found
            is_shown = await self._show(await asyncio.to_thread(Run.load, document, summary), rows)

    def let_go(self, project: str, run_id: str) -> None:
        """Takes that somebody else has deleted a run, and tells the readers."""
        self._loading.pop((project, run_id), None)
        self._runs.pop((project, run_id), None)
        self.deleted(project, run_id)

    async def _show(self, run: Run, rows: Sequence[SegmentRow]) -> bool:
        """Puts a run in the place of the one in memory, if it is there, and tells the readers.

        Returns False where another one has come there meanwhile, which may be newer: nothing is put then.
        """
        key = (run.project, run.run_id)
        # What is being loaded just now may have been read before this was written.
        self._loading.pop(key, None)
        former = self._runs.get(key)
        # A page that knows an older revision must see that this is newer.
        known = 0 if former is None else former.run.revision + 1
        run.renew(max(run.revision, known, time.time_ns() // 1_000_000))
        if former is not None:
            stored = StoredRun(run, [], self._reads, lambda: self.elsewhere)
            stored.sealed_revision = run.revision
            await self._open_segments(stored, rows, former.segments)
            if self._runs.get(key) is not former:
                return False
            self._runs[key] = stored
        self.changed(run)
        return True

    def _add_segment(self, stored: StoredRun, row: SegmentRow, is_new: bool) -> None:
        """Opens a segment of a run; a damaged one costs the run its points and nothing else."""
        stored.next_position = max(stored.next_position, row.position + 1)
        parquet = self._objects.local_path(f"segments/{row.name}.parquet")
        levels = self._objects.local_path(f"segments/{row.name}.levels")
        if self.elsewhere is not None:  # it is fetched when somebody wants to see single points
            parquet = self.object_file(f"segments/{row.name}.parquet")
        try:
            if parquet is None or levels is None:
                raise SegmentDamaged("it is not in the store")
            file = LevelsFile(levels)
            if not is_new:
                file.verify()
            stored.segments = [*stored.segments, Segment(row, parquet, file)]
        except (SegmentDamaged, OSError) as error:
            stored.note_damage(f"{row.point_count} points of segment {row.name} cannot be read: {error}")

    def _evict(self) -> None:
        """Lets go of the ended runs that were not read for the longest time: seldom, as it looks at all."""
        if len(self._runs) < self._evict_count:
            return
        ended = [
            (stored.used_time, key)
            for key, stored in self._runs.items()
            if not stored.run.is_open
            and not stored.run.tail.point_count
            and not stored.run.unencoded
            and not stored.run.objects
            and stored.run.sealing is None
            and not stored.lock.locked()
        ]
        for _, key in sorted(ended)[: max(0, len(ended) - config.RUNS_CACHED_MAX)]:
            del self._runs[key]
        self._evict_count = len(self._runs) + config.RUNS_CACHED_MAX // 8

    def is_in_memory(self, project: str, run_id: str) -> bool:
        """Says whether a run is in memory, or is just being read."""
        return (project, run_id) in self._runs or (project, run_id) in self._loading

    def in_memory(self) -> list[Run]:
        """Returns the runs that are in memory."""
        return [stored.run for stored in self._runs.values() if access.can_read(stored.run.project)]

    def stored_in_memory(self) -> list[StoredRun]:
        """Returns the runs that are in memory, with their segments."""
        return list(self._runs.values())

    async def documents(self, project: str | None) -> list[dict[str, Any]]:
        """Returns all runs of a project, or of all, whole, newest first; what is in memory over what is in the catalog."""
        self.check_readable()
        documents = {
            (document["project"], document["run_id"]): document
            for document in await self.on_catalog(self._catalog.documents, project)
            if access.can_read(document["project"])
        }
        for key, document in documents.items():
            document["synced_step"] = self._synced.get(key)
        for run in self.in_memory():
            if project is None or run.project == project:
                documents[(run.project, run.run_id)] = run.describe(whole=True)
        return sorted(documents.values(), key=lambda each: -float(each["create_time_unix_ms"]))

    async def keys(self, project: str | None) -> list[tuple[str, str]]:
        """Returns (project, run id) of all runs of a project, or of all, newest first."""
        self.check_readable()
        rows = await self.on_catalog(self._catalog.create_times, project)
        times = {
            (owner, run_id): create_time for owner, run_id, create_time in rows if access.can_read(owner)
        }
        for run in self.in_memory():
            if project is None or run.project == project:
                times[(run.project, run.run_id)] = run.create_time
        return sorted(times, key=lambda key: -times[key])

    async def documents_of(self, keys: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Returns runs, whole, in the order of their (project, run id); those that are gone are left out."""
        self.check_readable()
        keys = [key for key in keys if access.can_read(key[0])]
        wanted: dict[str, list[str]] = {}
        for project, run_id in keys:
            if (project, run_id) not in self._runs:
                wanted.setdefault(project, []).append(run_id)
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for project, run_ids in wanted.items():
            texts = await self.on_catalog(self._catalog.document_texts, project, run_ids)
            # Of a thousand metrics each, a page of documents takes a tenth of a second.
            documents = await asyncio.to_thread(_parse, list(texts.values()))
            for run_id, document in zip(texts, documents, strict=True):
                document["synced_step"] = self.synced_step(project, run_id)
                found[(project, run_id)] = document
        for key in keys:
            if key in self._runs:
                found[key] = self._runs[key].run.describe(whole=True)
        return [found[key] for key in keys if key in found]

    async def update(self, stored: StoredRun) -> None:
        """Commits what was changed from outside of the writers' logs: name, notes, config, summary."""
        self.check_writable()
        stored.run.note_change()
        self.changed(stored.run)
        if stored.run.is_open or stored.run.tail.point_count:
            await self.seal(stored)  # the cut keeps document and writers' sequences together
        else:
            async with stored.lock:
                await self.keeper.keep(stored)
                objects = dict(stored.run.objects)
                await self.on_catalog(
                    self._catalog.commit_run, stored.run.dump(), stored.run.summary.dump(), (), (), objects
                )
                self._forget_committed(stored.run, objects)
                stored.sealed_revision = stored.run.revision

    async def update_at_rest(self, found: Sequence[StoredRun], change: Callable[[Run], None]) -> set[str]:
        """Changes runs of one project and commits them in one transaction; returns the ids of those that were changed.

        Left out are runs that somebody writes or that are gone: `update` is for them.
        """
        self.check_writable()
        return await asyncio.shield(self._begin(self._update_at_rest(found, change)))

    async def _update_at_rest(self, found: Sequence[StoredRun], change: Callable[[Run], None]) -> set[str]:
        async with contextlib.AsyncExitStack() as held:
            # In one order, so that two of these never wait for each other; nobody else who has such a lock waits for another.
            for stored in sorted(found, key=lambda each: each.run.run_id):
                await held.enter_async_context(stored.lock)
            # Judged now: while this waited, a writer may have come, or the run may have gone.
            resting = [
                stored
                for stored in found
                if stored.is_at_rest and self._runs.get((stored.run.project, stored.run.run_id)) is stored
            ]
            rows = []
            for stored in resting:
                run = stored.run
                change(run)
                run.note_change()
                self.changed(run)
                rows.append((run.dump(), run.summary.dump(), dict(run.objects)))
            # Nothing is awaited from the change to here: what is committed is what this revision is.
            revisions = [stored.run.revision for stored in resting]
            await self.on_catalog(self._catalog.commit_runs, rows)
            for stored, revision, (_, _, objects) in zip(resting, revisions, rows, strict=True):
                self._forget_committed(stored.run, objects)
                stored.sealed_revision = revision
        return {stored.run.run_id for stored in resting}

    # -- upload ----------------------------------------------------------------------------------------------------

    def set_synced(self, steps: Mapping[tuple[str, str], int]) -> None:
        """Takes below which steps runs are in a bucket, by (project, run id)."""
        self._synced = dict(steps)
        self.synced_count += 1
        for run in self.in_memory():
            run.synced_step = self._synced.get((run.project, run.run_id))

    def synced_step(self, project: str, run_id: str) -> int | None:
        """Returns below which step a run is in the bucket, or None."""
        return self._synced.get((project, run_id))

    def tell_synced(self, project: str, run_id: str, step: int) -> None:
        """Takes that the steps of a run below one are in the bucket, and tells the readers."""
        self._synced[(project, run_id)] = step
        self.synced_count += 1
        stored = self._runs.get((project, run_id))
        if stored is not None:
            stored.run.synced_step = step
            self.changed(stored.run)

    def object_file(self, name: str) -> Path:
        """Returns where an object lies, or would lie."""
        return self._objects.root / name

    async def delete(self, project: str, run_id: str) -> bool:
        """Deletes a run; returns whether it was there."""
        self.check_writable()
        return await self.forget(project, run_id)

    async def forget(self, project: str, run_id: str) -> bool:
        """Deletes a run, also one of a store that only shows what others write; returns whether it was there."""
        stored = await self._load(project, run_id)
        if stored is None:
            return False
        async with stored.lock, stored.keeping_lock:
            self._runs.pop((project, run_id), None)
            stored.run.unencoded.clear()
            await self.on_catalog(self._catalog.delete_run, project, run_id, list(stored.run.objects))
        self.deleted(project, run_id)
        await self.collect_garbage()
        return True

    async def collect_garbage(self) -> None:
        """Deletes the files of segments and the objects that no run refers to any more."""
        names = await self.on_catalog(self._catalog.garbage)
        for name in names:
            if name.startswith("files/"):
                await self.delete_unused(name.rpartition("/")[2])
                continue
            for ending in ("parquet", "levels"):
                await asyncio.to_thread(self._objects.delete, f"segments/{name}.{ending}")
        if names:
            await self.on_catalog(self._catalog.forget_garbage, names)

    async def delete_unused(self, sha256: str) -> bool:
        """Deletes an object unless some run uses it; returns whether it did."""

        async def is_used() -> bool:
            in_memory = any(sha256 in run.objects for run in self.in_memory())
            return in_memory or await self.on_catalog(self._catalog.is_used, sha256)

        return await self.keeper.delete_unless(sha256, is_used)

    async def file_path(self, stored: StoredRun, path: str) -> Path:
        """Returns where the content of a run's file lies; raises FileNotFound."""
        await self.keeper.settle(stored)
        facts = stored.run.files.get(path)
        if facts is not None:
            await self.need([object_name(facts["sha256"])])
        found = None if facts is None else self._objects.local_path(object_name(facts["sha256"]))
        if found is None:
            raise FileNotFound(f"run {stored.run.run_id!r} has no file {path[:60]!r}", path=path[:200])
        return found

    async def learn_kinds(self, stored: StoredRun) -> None:
        """Finds out of which kinds a run's metrics are, where an older trackd has not kept it, and keeps it."""
        run = stored.run
        if run.summary.kinds() is not None:
            return
        found = await asyncio.to_thread(stored.metrics)
        run.summary.set_kinds(found)
        async with stored.lock:
            if stored.is_sealed and not self.read_only_reason:
                await self.on_catalog(self._catalog.commit_run, run.dump(), run.summary.dump())

    def _forget_committed(self, run: Run, objects: Mapping[str, int]) -> None:
        """Forgets the objects whose use by the run is in the catalog now."""
        for sha256 in objects:
            run.objects.pop(sha256, None)

    # -- the history that a writer begins with ----------------------------------------------------------------------

    async def begin_history(self, stored: StoredRun, begin: Begin, starting_step: int) -> int:
        """Makes the history that a new writer begins with, and keeps where its automatic steps begin; once for each writer.

        Args:
            stored: The run.
            begin: How the writer opens it.
            starting_step: Where its automatic steps begin, unless that was said before.

        Returns:
            Where they begin.
        """
        # A client that hangs up must leave no history half made.
        return await asyncio.shield(self._begin(self._begin_history(stored, begin, starting_step)))

    async def _begin_history(self, stored: StoredRun, begin: Begin, starting_step: int) -> int:
        catalog, run = self._catalog, stored.run
        # A scan and a call may meet the same new writer: the second one finds what the first has kept. Were a run taken
        # back twice, the second time would mask what the writer itself has logged since.
        async with stored.beginning_lock:
            if begin.writer_id in run.writers:
                return starting_step
            kept = await self.on_catalog(catalog.writer_start, begin.writer_id)
            if kept is not None:
                return kept
            start = HistoryStart(begin.writer_id, starting_step)
            if begin.origin is None:
                await self.on_catalog(catalog.save_writer_start, begin.writer_id, starting_step)
            elif (begin.origin.project, begin.origin.run_id) == (run.project, run.run_id):
                await self._rewind(stored, begin.origin.last_step, start)
            else:
                await self._fork(stored, begin.origin, start)
            return starting_step

    async def _rewind(self, stored: StoredRun, last_step: int, start: HistoryStart) -> None:
        """Takes a run back to a step: what was logged behind it is masked, and stays on the disk."""
        await self._seal(stored)
        await stored.need_points()
        run = stored.run
        async with stored.lock:
            masked = [segment.row for segment in stored.segments]
            count = sum(row.point_count for row in masked)
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in stored.segments]
            info, summary = await self._sealer.run(cut_segments, paths, last_step, True, self._scratch, name)
            added = [] if info is None else [await self._keep(run, info, stored.next_position)]
            # Nothing that came since the seal is in the document: another writer's rows come from its log again.
            found = await self.on_catalog(self._catalog.load_run, run.project, run.run_id)
            now = time.time_ns()
            rewind = {
                "time_unix_ms": now / 1e6,
                "last_step": last_step,
                "masked_point_count": count - sum(row.point_count for row in added),
            }
            assert found is not None  # sealed above
            document = found[0]
            document["rewinds"] = [*run.rewinds, rewind]
            # Who comes next goes on behind what is left, not behind what the ended writers had logged.
            for each in document["writers"]:
                if not each["is_open"]:
                    each["current_step"] = min(each["current_step"], last_step + 1)
            for writer in run.writers.values():
                if not writer.is_open:
                    writer.steps.current = min(writer.steps.current, last_step + 1)
            start = replace(start, masked=tuple(row.name for row in masked), mask_time=now)
            by_hand, rest = run.summary.by_hand, Summary.load(summary)
            rest.by_hand = by_hand
            document["metric_kinds"] = rest.kinds()
            await self.on_catalog(self._catalog.commit_run, document, rest.dump(), added, (), {}, start)
            run.rewinds = [*run.rewinds, rewind]
            stored.segments = []
            for row in added:
                self._add_segment(stored, row, is_new=True)
            for key, kind in run.tail.series_keys():
                if stream_of(key) == "history" and key != ROW_KEY:
                    rest.add_series(run.tail.read(key, kind))
            run.replace_summary(rest)
        self.changed(run)

    async def _fork(self, stored: StoredRun, origin: Origin, start: HistoryStart) -> None:
        """Begins a run with the history of another one up to a step, its config and its metric definitions."""
        run = stored.run
        try:
            if stored.segments or run.tail.point_count:
                raise InvalidArgument(f"run {run.run_id!r} has a history already")
            source = await self.get(origin.project, origin.run_id)
        except (InvalidArgument, RunNotFound) as error:
            run.health.refuse(f"the run to fork is not taken over: {error.message}")
            await self.on_catalog(self._catalog.save_writer_start, start.writer_id, start.starting_step)
            return
        await self._seal(source)
        await source.need_points()
        async with source.lock:  # no merge takes its segments away meanwhile
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in source.segments]
            info, summary = await self._sealer.run(
                cut_segments, paths, origin.last_step, False, self._scratch, name
            )
        async with stored.lock:
            run.config = {**source.run.config, **run.config}
            run.definitions = Definitions.load(source.run.definitions.dump())
            run.forked_from = {
                "project": origin.project,
                "run_id": origin.run_id,
                "last_step": origin.last_step,
            }
            run.replace_summary(Summary.load(summary))
            added = [] if info is None else [await self._keep(run, info, stored.next_position)]
            start = replace(start, objects_of=(source.run.project, source.run.run_id))
            await self.on_catalog(
                self._catalog.commit_run, run.dump(), run.summary.dump(), added, (), {}, start
            )
            for row in added:
                self._add_segment(stored, row, is_new=True)
        self.changed(run)

    # -- sealing ---------------------------------------------------------------------------------------------------

    def seal_soon(self, stored: StoredRun) -> None:
        """Seals a run in the background, unless that is under way."""
        if not stored.lock.locked() and time.monotonic() >= stored.retry_time:
            self._begin(self._seal_quietly(stored))

    def _begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begins work that goes on whoever waits for it; `close` waits for it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _seal_quietly(self, stored: StoredRun) -> None:
        try:
            await self.seal(stored)
            await self._merge_when_many(stored)
            self.problem = ""
        except WorkerClosed:
            pass  # the next daemon goes on from the log
        except SegmentDamaged as error:
            stored.note_damage(f"segments cannot be merged: {error}")
        except Exception as error:  # noqa: BLE001 - logged whole; one failure must not end the rest
            # Nothing is lost: the log is still there. A later seal tries again.
            stored.retry_time = time.monotonic() + _SEAL_RETRY_SECONDS
            self.problem = f"a run cannot be sealed: {error}"
            is_expected = isinstance(error, (OSError, WorkerCrashed))
            run = stored.run
            _log.error("sealing %s/%s failed: %s", run.project, run.run_id, error, exc_info=not is_expected)

    async def seal(self, stored: StoredRun) -> None:
        """Seals what is unsealed of a run and commits it; the points stay readable all the while."""
        # A caller that goes away must not leave it unknown whether the cut was committed.
        await asyncio.shield(self._begin(self._seal(stored)))

    async def _seal(self, stored: StoredRun) -> None:
        async with stored.lock:
            run = stored.run
            while (
                run.files_to_keep or run.unencoded
            ):  # the cut must not seal a record whose objects are not kept yet
                await self.keeper.keep(stored)
            tail, run.tail = run.tail, Tail()
            run.sealing, revision = tail, run.revision
            document, summary = run.dump(), run.summary.dump()
            objects = dict(run.objects)
            sequences = {writer.writer_id: writer.sequence for writer in run.writers.values()}
            ended_writers = {writer.writer_id for writer in run.writers.values() if not writer.is_open}
            name = os.urandom(16).hex()
            try:
                added: list[SegmentRow] = []
                if tail.point_count:
                    keys = tail.series_keys()
                    sealed_counts = [sum(part.count for part in stored.sealed(*key)) for key in keys]
                    table = await asyncio.to_thread(
                        lambda: collect([tail.read(*key) for key in keys], sealed_counts)
                    )
                    info = await self._sealer.run(write_table, table, self._scratch, name)
                    added.append(await self._keep(run, info, stored.next_position))
                await self.on_catalog(self._catalog.commit_run, document, summary, added, (), objects)
            except BaseException:
                # Back to one tail: what came meanwhile goes behind what was to be sealed.
                run.tail, run.sealing = tail.joined(run.tail), None
                self._clear_scratch(name)
                raise
            for row in added:
                self._add_segment(stored, row, is_new=True)
            run.sealing = None
            run.note_change(is_logged=False)
            stored.sealed_time, stored.sealed_revision = time.monotonic(), revision + 1
            self._forget_committed(run, objects)
            for writer_id, sequence in sequences.items():
                run.writers[writer_id].sealed_sequence = sequence
        self.sealed(run, ended_writers)

    def _clear_scratch(self, name: str) -> None:
        """Removes what a failed seal or merge has left: on a full disk it would keep the next one from succeeding."""
        for path in self._scratch.glob(f"{name}.*"):
            path.unlink(missing_ok=True)

    async def _keep(self, run: Run, info: SegmentInfo, position: int) -> SegmentRow:
        """Moves a written segment into the object store, into a folder of the run's own."""
        # Any engine reads FOLDER/*.parquet as one run.
        name = f"{run_folder(run.project, run.run_id)}/{info.name}"
        for path, ending in ((info.parquet_path, "parquet"), (info.levels_path, "levels")):
            await asyncio.to_thread(self._objects.put_file, f"segments/{name}.{ending}", path)
        return SegmentRow(name, position, info.point_count, info.size_bytes)

    async def _merge_when_many(self, stored: StoredRun) -> None:
        """Merges the newest segments of about one size into one, when there are many, or all small ones of an ended run."""
        segments = stored.segments
        if not stored.run.is_open:
            chosen = (
                segments
                if sum(segment.row.point_count for segment in segments) <= 16 * config.SEAL_POINTS
                else []
            )
        else:
            newest = segments[-config.MERGE_COUNT :]
            largest = max((segment.row.point_count for segment in newest), default=0)
            total = sum(segment.row.point_count for segment in newest)
            chosen = (
                newest
                if len(newest) == config.MERGE_COUNT and total >= largest * config.MERGE_COUNT // 2
                else []
            )
        if len(chosen) < 2:
            return
        await stored.need_points()
        async with stored.lock:
            segments = stored.segments
            if segments[-len(chosen) :] != chosen:
                return
            name = os.urandom(16).hex()
            paths = [segment.parquet for segment in chosen]
            try:
                info = await self._sealer.run(merge_segments, paths, self._scratch, name)
                row = await self._keep(stored.run, info, chosen[0].row.position)
            except BaseException:
                self._clear_scratch(name)
                raise
            # The run's document is as sealed last: what came since is not in segments yet.
            found = await self.on_catalog(self._catalog.load_run, stored.run.project, stored.run.run_id)
            if found is None:
                return
            removed = [segment.row.name for segment in chosen]
            await self.on_catalog(self._catalog.commit_run, found[0], found[1], [row], removed)
            stored.segments = segments[: -len(chosen)]
            self._add_segment(stored, row, is_new=True)
        await self.collect_garbage()

    async def close(self) -> None:
        """Waits for what is under way and closes the catalog."""
        await self.keeper.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=20)
        await self._worker.close()
        await self._sealer.close()
        await self.on_catalog(self._catalog.close)
        self._thread.shutdown()
        import shutil  # a megabyte with the compressors that it loads, for the end alone

        shutil.rmtree(self._scratch, ignore_errors=True)


def _parse(texts: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]

"""Owns the runs of a store: which are in memory, and how they are found, read, changed, shown and deleted.

Invariants: a run is in memory while somebody writes it or reads it; what is not in memory is whole in catalog and segments;
there are never two of one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from trackd_service import access, config, presets, views
from trackd_service.background import Background
from trackd_service.beginnings import Beginnings
from trackd_service.catalog import Catalog, LoadedRun, PresetRow, ViewRow
from trackd_service.catalog_tables import SegmentRow
from trackd_service.catalog_threads import CatalogThreads
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
from trackd_service.objects import DirectoryStore
from trackd_service.records import Begin
from trackd_service.runs import Run
from trackd_service.sealing import Sealer
from trackd_service.segment_files import SegmentFiles
from trackd_service.shared_reads import SharedReads
from trackd_service.stored_runs import Elsewhere, StoredRun
from trackd_service.worker import Worker, WorkerCrashed

_SMALL_BYTES = 64 << 10  # of a segment whose points are fetched with its levels
_LOADED_AT_ONCE = 128  # runs of one question: the catalog answers others in between


_T = TypeVar("_T")
_log = logging.getLogger("trackd.store")


class Store:
    """The runs of one store."""

    def __init__(self, catalog: Catalog, objects: DirectoryStore, scratch: Path) -> None:
        """Takes the catalog, the object store, and a folder for files being made."""
        self._catalog = catalog
        self._objects = objects
        self._files = SegmentFiles(objects, scratch)
        self._threads = CatalogThreads(catalog)
        self._background = Background()
        # Another process than the sealer's, started on first need: a chart must not wait for a merge.
        self._worker = Worker()
        self._reads = SharedReads(self._worker)
        self._evict_count = config.RUNS_CACHED_MAX  # of runs in memory, before which none is let go
        self._runs: dict[tuple[str, str], StoredRun] = {}
        self._loading: dict[tuple[str, str], asyncio.Future[StoredRun | None]] = {}
        self._synced: dict[tuple[str, str], int] = {}
        self.synced_count = 0  # grows each time that more of some run is in the bucket
        self._changed: Callable[[Run], None] = lambda run: None
        self.keeper = Keeper(objects, scratch, self._background.begin, self._presets)
        self._sealer = Sealer(self._threads, self._files, self.keeper, self._background)
        self._sealer.merged = self.collect_garbage
        self._beginnings = Beginnings(self._threads, self._files, self._sealer, self._background, self.get)
        self.deleted: Callable[[str, str], None] = lambda project, run_id: None
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

    async def object_path(self, sha256: str) -> Path:
        """Returns where an object lies; raises ObjectMissing."""
        if access.caller() is not None:
            users = await self.on_catalog(self._catalog.projects_with, sha256) if is_hash(sha256) else []
            if not any(map(access.can_read, users)):
                raise ObjectMissing(f"the store has no object {sha256[:64]!r}", sha256=sha256[:64])
        if self.elsewhere is not None and is_hash(sha256):
            await self._files.need([object_name(sha256)])
        return self.keeper.object_path(sha256)

    @property
    def changed(self) -> Callable[[Run], None]:
        """What is told of every run that has changed."""
        return self._changed

    @changed.setter
    def changed(self, tell: Callable[[Run], None]) -> None:
        self._changed = self.keeper.changed = self._beginnings.changed = tell

    async def on_catalog(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs a function of the catalog in a thread of its own."""
        return await self._threads.run(function, *arguments)

    @property
    def sealed(self) -> Callable[[Run, set[str]], None]:
        """What is told of every run that was sealed, with the ids of its ended writers."""
        return self._sealer.sealed

    @sealed.setter
    def sealed(self, tell: Callable[[Run, set[str]], None]) -> None:
        self._sealer.sealed = tell

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Where the rest is, of a store whose directory has only a part of its objects; None where it has all."""
        return self._files.elsewhere

    @elsewhere.setter
    def elsewhere(self, elsewhere: Elsewhere | None) -> None:
        self._files.elsewhere = elsewhere

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
        await self._files.look_ahead(names)
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
        await self._files.open_all(stored, rows)
        if self._loading.get((project, run_id)) is not asyncio.current_task():
            return await self._load(project, run_id)  # written by somebody else meanwhile
        if (project, run_id) not in self._runs:
            self._evict()
            self._runs[(project, run_id)] = stored
        return self._runs[(project, run_id)]

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
            await self._files.open_all(stored, rows, former.segments)
            if self._runs.get(key) is not former:
                return False
            self._runs[key] = former.successor = stored
        self.changed(run)
        return True

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
                stored.forget_committed(objects)
                stored.sealed_revision = stored.run.revision

    async def update_at_rest(self, found: Sequence[StoredRun], change: Callable[[Run], None]) -> set[str]:
        """Changes runs of one project and commits them in one transaction; returns the ids of those that were changed.

        Left out are runs that somebody writes or that are gone: `update` is for them.
        """
        self.check_writable()
        return await asyncio.shield(self._background.begin(self._update_at_rest(found, change)))

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
                stored.forget_committed(objects)
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
            await self._files.delete(name)
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
            await self._files.need([object_name(facts["sha256"])])
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

    # -- writing ---------------------------------------------------------------------------------------------------

    async def begin_history(self, stored: StoredRun, begin: Begin, starting_step: int) -> int:
        """Makes the history that a new writer begins with, as `Beginnings.begin` does; returns its first step."""
        return await self._beginnings.begin(stored, begin, starting_step)

    def seal_soon(self, stored: StoredRun) -> None:
        """Seals a run in the background, unless that is under way."""
        self._sealer.seal_soon(stored)

    async def seal(self, stored: StoredRun) -> None:
        """Seals what is unsealed of a run and commits it; the points stay readable all the while."""
        await self._sealer.seal(stored)

    async def close(self) -> None:
        """Waits for what is under way and closes the catalog."""
        await self.keeper.close()
        await self._background.close()
        await self._worker.close()
        await self._sealer.close()
        await self._threads.close()
        import shutil  # a megabyte with the compressors that it loads, for the end alone

        shutil.rmtree(self._files.scratch, ignore_errors=True)


def _parse(texts: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]

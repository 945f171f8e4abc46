"""Owns the merging, on a team server, of the many small segments that daemons send of a run into few large ones.

Daemons seal live runs every few seconds and merge what they have sealed, each for itself; where several feed one run, or one
sends what it could not send for long, a run has hundreds of files, and a chart opens each. A replica fetches neighbours of a
run, merges them in a process of its own, puts the result into the bucket under a new name, and has the catalog put it in the
place of what it was made of (`received_runs.compacted`).

Invariants:
- One replica at a time works at a run, by a lease, and what it writes it writes under that lease.
- Until that one transaction nothing is changed: a crash before it leaves files that nobody lists, which are garbage.
- What a compaction was made of stays in the bucket while a manifest lists it: the next manifest may make the compaction void.
- A merge is bounded in points, in bytes and in unpacked bytes; what fails at one run holds up no other one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from trackd_service import config, manifests, received_runs, transfers
from trackd_service.bucket_requests import BucketError
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import StorageUnavailable
from trackd_service.leases import Lease, LeaseLost, Leases
from trackd_service.levels import SegmentDamaged
from trackd_service.manifests import Manifest, run_folder
from trackd_service.run_states import RunState
from trackd_service.segments import MergeTooLarge, merge_bounded
from trackd_service.sent_runs import Compaction, CrowdedRun, SentRun, SentRuns
from trackd_service.store import Store
from trackd_service.transfers import Moved, Target, Transfer
from trackd_service.unlisted import FilesGone, LookedTooLongAgo
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

SEGMENTS_MIN = 32  # of a run that goes on; a cold chart of 32 files takes 0.2 s
POINTS_MAX = 8_000_000  # of one merge: 4 s, and 0.8 GB of memory in its process
BYTES_MAX = 128 << 20  # of the files of one merge
UNPACKED_BYTES_MAX = 512 << 20  # of the same: text takes a tenth of its size in a file, and twice in memory
_COUNT_MAX = 256  # segments of one merge
_LOOK_SECONDS = 30.0
# What a daemon has sealed a moment ago it merges itself soon, and the compaction would be void.
_SETTLE_SECONDS = 600.0
_ENDED_SETTLE_SECONDS = 60.0
_RETRY_SECONDS, _RETRY_SECONDS_MAX = 30.0, 3600.0
_WORKER_IDLE_SECONDS = 5.0  # its memory is large, and no one waits for the next merge

_log = logging.getLogger("trackd.compactor")


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbours that are to be merged: the names of what is shown now, and of what stores have sent in their place."""

    shown: tuple[str, ...]
    replaced: tuple[str, ...]


@dataclass(slots=True)
class _Known:
    """What a replica remembers of a crowded run; times on the monotonic clock."""

    commit_number: int
    commit_time: float
    seen_times: dict[str, float]
    done_number: int = -1  # as of which commit there was nothing to do
    failure_count: int = 0
    retry_time: float = 0.0
    shift: int = 0  # how often the limits of a merge were halved


class _NotMerged(RuntimeError):
    """A run's files cannot be had or put; it is that run's own trouble."""


class Compactor:
    """Merges segments of the runs in a shared catalog.

    Attributes:
        sentence: What is wrong with the database or the bucket; empty when nothing is.
        compaction_count: How many compactions this replica has written.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        target: Target,
        scratch: Path,
        leases: Leases,
        *,
        settle_seconds: float = _SETTLE_SECONDS,
        ended_settle_seconds: float = _ENDED_SETTLE_SECONDS,
        points_max: int = POINTS_MAX,
    ) -> None:
        """Makes a compactor; `run` begins its work.

        Args:
            store: Of the replica.
            catalog: That it is over.
            target: The bucket.
            scratch: A folder for files being made.
            leases: By which replicas share the work.
            settle_seconds: How old the newest segments of a store must be that goes on.
            ended_settle_seconds: How long nothing must have come of a run that has ended.
            points_max: How many points one merge may have.
        """
        self._store = store
        self._sent = SentRuns(catalog)
        self._target = target
        self._scratch = scratch
        self._leases = leases
        self._settle_seconds = settle_seconds
        self._ended_settle_seconds = ended_settle_seconds
        self._points_max = points_max
        self._worker = Worker(_WORKER_IDLE_SECONDS)
        self._known: dict[tuple[str, str], _Known] = {}
        self.sentence = ""
        self.compaction_count = 0

    async def run(self) -> None:
        """Merges what there is to merge, until it is cancelled."""
        while True:
            try:
                await self.look()
                self.sentence = ""
            except (BucketError, StorageUnavailable) as error:
                if str(error) != self.sentence:
                    _log.warning("runs are not compacted: %s", error)
                self.sentence = str(error)
            except WorkerClosed:
                return
            except Exception:  # noqa: BLE001 - logged whole; the next look tries again
                _log.exception("runs could not be compacted; it is tried again")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> int:
        """Merges once what there is to merge now; returns how many compactions were written.

        Raises:
            StorageUnavailable: The catalog cannot be asked.
            BucketError: The bucket takes or gives nothing.
        """
        crowded = await self._store.on_catalog(self._sent.crowded, SEGMENTS_MIN)
        keys = {(run.project, run.run_id) for run in crowded}
        self._known = {key: known for key, known in self._known.items() if key in keys}
        count = 0
        for run in crowded:
            known = self._remember(run)
            if not self._is_due(run, known):
                continue
            try:
                count += await self._compact(run, known)
                known.failure_count = 0
            except (StorageUnavailable, WorkerClosed):
                raise
            except LeaseLost as error:
                _log.info("%s", error)  # another replica is at it
            except BucketError as error:
                self._fail(run, known, error)
                if error.kind not in ("file", "damaged", "other"):
                    raise  # so it would be with every run
            except (_NotMerged, FilesGone, LookedTooLongAgo, SegmentDamaged, WorkerCrashed, OSError) as error:
                self._fail(run, known, error)
            except Exception as error:  # noqa: BLE001 - logged whole; one run's trouble stays its own
                _log.exception("run %s/%s could not be compacted", run.project, run.run_id)
                self._fail(run, known, error)
        return count

    def _remember(self, run: CrowdedRun) -> _Known:
        now = time.monotonic()
        key = (run.project, run.run_id)
        known = self._known.setdefault(key, _Known(run.commit_number, now, {}))
        if known.commit_number != run.commit_number:
            known.commit_number, known.commit_time = run.commit_number, now
        return known

    def _is_due(self, run: CrowdedRun, known: _Known) -> bool:
        now = time.monotonic()
        if now < known.retry_time:
            return False
        if run.is_running:
            return True  # which of its segments are old enough depends on the time
        is_settled = now - known.commit_time >= self._ended_settle_seconds
        return is_settled and known.done_number != run.commit_number

    def _fail(self, run: CrowdedRun, known: _Known, error: Exception) -> None:
        known.failure_count += 1
        if isinstance(error, WorkerCrashed):
            known.shift += 1  # it may have been the memory
        seconds = min(_RETRY_SECONDS * 2 ** min(known.failure_count - 1, 10), _RETRY_SECONDS_MAX)
        known.retry_time = time.monotonic() + seconds
        _log.warning(
            "run %s/%s could not be compacted, which is tried again in %.0f s: %s",
            *(run.project, run.run_id, seconds, error),
        )

    async def _compact(self, run: CrowdedRun, known: _Known) -> int:
        """Merges what there is to merge of one run, unless another replica is at it; returns how many were written."""
        count = 0
        name = f"compact/{run_folder(run.project, run.run_id)}"
        async with self._leases.hold(name, self._store.on_catalog) as lease:
            while lease is not None:
                sent = await self._store.on_catalog(self._sent.load, run.project, run.run_id)
                block = None if sent is None else await asyncio.to_thread(self._plan, sent, known)
                if sent is None or block is None:
                    known.done_number = -1 if sent is None else sent.commit_number
                    if run.is_running:  # its manifests come every few seconds, and are large
                        known.retry_time = time.monotonic() + self._settle_seconds / 5
                    break
                try:
                    if not await self._merge(run, block, lease):
                        break  # the daemon was quicker: the next look begins with what it says
                except MergeTooLarge as error:
                    known.shift += 1
                    _log.info("run %s/%s is merged in smaller parts: %s", run.project, run.run_id, error)
                    continue
                count += 1
                self.compaction_count += 1
        return count

    def _plan(self, sent: SentRun, known: _Known) -> Block | None:
        now = time.monotonic()
        parts = [received_runs.unpack(content) for content in sent.contents]
        fresh: set[str] = set()
        names = {segment.row.name for part in parts for segment in part.segments}
        known.seen_times = {name: known.seen_times.get(name, now) for name in names}
        for part in parts:
            if part.document["state"] != RunState.RUNNING.value:
                continue
            newest = sorted(part.segments, key=lambda segment: segment.row.position)[-config.MERGE_COUNT :]
            fresh.update(
                segment.row.name
                for segment in newest
                if now - known.seen_times[segment.row.name] < self._settle_seconds
            )
        return plan(parts, sent.compactions, fresh, self._points_max >> known.shift, BYTES_MAX >> known.shift)

    async def _merge(self, run: CrowdedRun, block: Block, lease: Lease) -> bool:
        """Makes one segment of several, in the bucket and in the catalog; returns whether it has taken their place."""
        folder = self._scratch / f"compact-{os.urandom(8).hex()}"
        await asyncio.to_thread(folder.mkdir, 0o700, True)
        try:
            files = [f"segments/{name}.{ending}" for name in block.shown for ending in ("parquet", "levels")]
            facts = await self._store.on_catalog(self._sent.files, files)
            await self._fetch(
                [Transfer(name, folder / Path(name).name, facts.get(name, (0, ""))[1]) for name in files]
            )
            hex_name = os.urandom(16).hex()
            name = f"{run_folder(run.project, run.run_id)}/{hex_name}"
            paths = [folder / f"{Path(shown).name}.parquet" for shown in block.shown]
            info = await self._worker.run(merge_bounded, paths, folder, hex_name, UNPACKED_BYTES_MAX)
            looked, _ = await self._store.on_catalog(self._sent.find_unlisted, ())
            parquet, levels = await self._send(
                [
                    Transfer(f"segments/{name}.parquet", info.parquet_path),
                    Transfer(f"segments/{name}.levels", info.levels_path),
                ]
            )
            compaction = Compaction(
                *(name, info.point_count),
                *(parquet.size_bytes, parquet.sha256, levels.size_bytes, levels.sha256),
                block.replaced,
            )

            def check(tables: Tables) -> None:
                self._leases.check(tables, lease)

            is_taken = await self._store.on_catalog(
                self._sent.compact,
                run.project,
                run.run_id,
                compaction,
                received_runs.combine,
                check,
                looked,
            )
            if not is_taken:
                _log.info("what was merged of run %s/%s has changed meanwhile", run.project, run.run_id)
            return is_taken
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def _fetch(self, wanted: list[Transfer]) -> None:
        for each in await self._worker.run(transfers.fetch, self._target, wanted):
            if each.error is not None:
                raise each.error
            if each.is_gone:
                raise _NotMerged(f"{each.name} is not in the bucket")

    async def _send(self, files: list[Transfer]) -> list[Moved]:
        moved = await self._worker.run(transfers.send, self._target, files)
        for each in moved:
            if each.error is not None:
                raise each.error
            if each.is_gone:
                raise _NotMerged(f"{each.name} was gone before it was put into the bucket")
        return moved

    async def close(self) -> None:
        """Ends what is under way."""
        with contextlib.suppress(WorkerClosed, WorkerCrashed):
            await self._worker.abort()


def plan(
    parts: Sequence[Manifest],
    compactions: Sequence[Compaction],
    fresh: AbstractSet[str],
    points_max: int,
    bytes_max: int,
) -> Block | None:
    """Returns which neighbours of a run are best merged next, or None.

    A run that goes on is merged store by store, so that what one store merges itself makes void no more than what was merged
    of it, and only where a good part of the points was not merged before; one that has ended, into as few segments as can be.

    Args:
        parts: What stores say of it.
        compactions: What was merged before.
        fresh: Segments that are left as they are.
        points_max: How many points a merge may have.
        bytes_max: How many bytes its files may have.
    """
    merged = manifests.merge(parts)
    shown, held = received_runs.compacted(
        sorted(merged.segments, key=lambda segment: segment.row.position), compactions
    )
    is_running = merged.document["state"] == RunState.RUNNING.value
    if is_running and len(shown) < SEGMENTS_MIN:
        return None
    owners: dict[str, str] = {}
    for part in parts:
        for segment in part.segments:
            owners.setdefault(segment.row.name, part.store_id)

    def replaced(name: str) -> tuple[str, ...]:
        return held[name].replaced if name in held else (name,)

    def stretch(name: str) -> object:
        """Tells segments apart that are never merged with each other."""
        if not fresh.isdisjoint(replaced(name)):
            return ("fresh", name)
        return owners.get(replaced(name)[0]) if is_running else ""

    best: tuple[int, int, Block] | None = None
    for _, some in itertools.groupby(shown, key=lambda segment: stretch(segment.row.name)):
        rows = [segment.row for segment in some]
        for start in range(len(rows) - 1):
            points = size = largest = 0
            stop = start
            while stop < min(len(rows), start + _COUNT_MAX):
                row = rows[stop]
                if points + row.point_count > points_max or size + row.size_bytes > bytes_max:
                    break
                points, size, largest = (
                    points + row.point_count,
                    size + row.size_bytes,
                    max(largest, row.point_count),
                )
                stop += 1
            count = stop - start
            # Writing a large one anew for few points more would cost as much each time.
            if count < 2 or (is_running and (count < config.MERGE_COUNT // 2 or points < 2 * largest)):
                continue
            if best is None or (count, -points) > best[:2]:
                names = tuple(row.name for row in rows[start:stop])
                block = Block(names, tuple(itertools.chain.from_iterable(map(replaced, names))))
                best = (count, -points, block)
    return None if best is None else best[2]

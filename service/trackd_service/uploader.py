"""Owns the upload: what of a store's runs is not in its bucket yet is sent there, live, until it is.

Invariants:
- A run's manifest lists only what the bucket has confirmed; it is written after the files that it lists.
- Nothing here holds up anybody: transfers run in helper processes, one for the points of live runs and one for large files.
- Every step can be repeated: a crash between any two costs questions to the bucket, never data, and counts nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from trackd_service import server_keys, transfers, upload_settings
from trackd_service.bucket_files import BucketFiles
from trackd_service.bucket_ledger import BucketLedger, SyncedRun, load_store_id
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.buckets import Probe
from trackd_service.catalog import Commit, Committed
from trackd_service.catalog_tables import SegmentRow
from trackd_service.errors import StorageUnavailable
from trackd_service.keeping import object_name
from trackd_service.manifests import Manifest, SentSegment, manifest_name, run_folder
from trackd_service.runs import Run
from trackd_service.store import Store
from trackd_service.transfers import Moved, Target, Transfer
from trackd_service.upload_lane import Lane
from trackd_service.upload_settings import UploadSettings
from trackd_service.upload_tidying import Tidying
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

State = Literal["off", "idle", "sending", "waiting", "stopped"]

_TICK_SECONDS = 0.5  # how often it is looked whether something is due
_ROUND_SECONDS = 2.0
_WEIGH_SECONDS = 0.5  # of a round, for finding how much there is to send
_FIRST_SECONDS = 1.0
_SEAL_SECONDS = 0.1
_BATCH_FILES_MAX = 64
_BATCH_BYTES_MAX = 64 << 20  # of files that are sent together: what progress is told by
_MANIFEST_SECONDS = 5.0  # between two manifests of a run whose large files are on their way
_BEHIND_SECONDS = 600.0  # after which people are told that the upload does not come along
_BULK_SHARE = 0.75  # of a limited rate, for files; metrics have the rest, so that neither waits for the other
_IDENTIFY_SECONDS = 600.0  # between two looks whether a server is the one that it was
_STUCK_SECONDS = 60.0  # between two tries of files that are not as they should be

_T = TypeVar("_T")
_log = logging.getLogger("trackd.upload")


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """How the upload of a store stands.

    Attributes:
        state: "off" without a bucket; "idle" when all is there; "sending"; "waiting" for a bucket that cannot be reached just
            now; "stopped" by something that a person must put right. The last two are tried again by themselves.
        url: `s3://BUCKET/PREFIX`.
        endpoint_url: The server; empty for AWS.
        sentence: What is wrong; empty when nothing is.
        pending_run_count: How many runs are not whole in the bucket.
        pending_file_count: How many files of theirs are to be sent, as far as was looked.
        pending_bytes: The size of these.
        sent_file_count: How many files were sent since the daemon started.
        sent_bytes: Their size.
        lag_seconds: For how long the oldest change waits that is not in the bucket; 0 when none does.
        retry_seconds: When the next attempt is, from now; 0 when it does not wait.
    """

    state: State = "off"
    url: str = ""
    endpoint_url: str = ""
    sentence: str = ""
    pending_run_count: int = 0
    pending_file_count: int = 0
    pending_bytes: int = 0
    sent_file_count: int = 0
    sent_bytes: int = 0
    lag_seconds: float = 0.0
    retry_seconds: float = 0.0


@dataclass
class _Pending:
    """A run that is not whole in the bucket, and since when."""

    commit_number: int
    since: float
    is_running: bool = False
    weighed_number: int = -1  # of the commit that file_count and size_bytes were found for
    file_count: int = 0
    size_bytes: int = 0
    manifest_time: float = float("-inf")  # when its manifest was written last, and what that says
    manifest_mark: tuple[int, int] = (-1, -1)


class Uploader:
    """Keeps the bucket of a store up to date.

    Attributes:
        folder: The store's folder.
        host: What the manifests call this machine.
        mirror_problem: What is wrong with the bucket that the store shows, where it shows one: it is told with the rest.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        version: str,
        default: UploadSettings,
        warn: Callable[[Run, str, str], None] = lambda run, title, text: None,
    ) -> None:
        """Makes an uploader; `run` begins its work.

        Args:
            store: Whose runs are sent.
            folder: The store's folder.
            version: Of trackd.
            default: What holds where the folder has no upload.json.
            warn: Tells a run's people of something (title, text).
        """
        self._store = store
        self.folder = folder
        self._version = version
        self.host = socket.gethostname()
        self._default = default
        self._warn = warn
        self._settings = UploadSettings()
        self._settings_stamp: object = None
        self._settings_lock = asyncio.Lock()
        self._settings_problem = ""
        self.mirror_problem: Callable[[], str] = lambda: ""
        self._thread = ThreadPoolExecutor(1, "trackd-upload")
        self._ledger: BucketLedger | None = None
        self._store_id = ""
        self._synced: dict[tuple[str, str], SyncedRun] = {}
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._objects_wait: set[tuple[str, str]] = set()
        self._lost: set[str] = set()
        self._doubted: set[str] = set()  # files that a server has said it lost, since a manifest was taken
        self._stuck: dict[str, str] = {}  # why a file cannot be sent, by name; looked at again now and then
        self._stuck_time = self._identify_time = 0.0
        self._change_count = -1
        self._has_looked = False  # what there is to send
        self._warned: set[tuple[str, str]] = set()
        self._points = self._files = Lane(Target(Bucket("s3://none"), folder))
        self._kicked = asyncio.Event()
        self._is_asked = False
        self._is_closing = False
        self._sent_file_count = self._sent_bytes = 0
        self._tidying = Tidying(store, self._on_ledger)
        self._is_tried = False
        self._trying: asyncio.Future[None] | None = None
        self._source: BucketFiles | None = None

    # -- what others see ----------------------------------------------------------------------------------------

    @property
    def settings(self) -> UploadSettings:
        """What holds now."""
        return self._settings

    async def probe(self, settings: UploadSettings) -> Probe:
        """Tries a bucket; returns what it can do. Raises BucketError."""
        worker = Worker()
        try:
            target = Target(upload_settings.place(settings, self.folder), self.folder / "uploads")
            return await worker.run(transfers.probe, target)
        except WorkerCrashed as error:
            raise BucketError("other", str(error)) from None
        finally:
            await worker.close()

    async def seal_all(self) -> None:
        """Has everything that is not sealed yet sent as well, and what waits for another attempt.

        Raises:
            StorageUnavailable: Something cannot be sealed, and so not be sent.
        """
        sealed = await asyncio.gather(
            *(self._store.seal(stored) for stored in self._store.stored_in_memory() if not stored.is_sealed),
            return_exceptions=True,
        )
        await self.look()
        for error in sealed:
            if isinstance(error, Exception):
                raise StorageUnavailable(
                    f"a run cannot be sealed, and what is not sealed cannot be sent: {error}"
                )

    async def look(self) -> None:
        """Takes in settings that have changed, finds what is to be sent, and has it sent."""
        self.kick()
        await self._look_at_settings()
        if self._ledger is not None:
            await self._find_pending()

    async def facts(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Returns the size in bytes and the sha256 of files of segments that were sent, by name."""
        return {} if self._ledger is None else await self._on_ledger(self._ledger.facts, names)

    async def list_confirmed(self) -> dict[str, tuple[int, str]]:
        """Returns (size in bytes, -1 for unknown; sha256) by name of what the bucket has confirmed and runs need."""
        return {} if self._ledger is None else await self._on_ledger(self._ledger.confirmed)

    def manifest_names(self) -> list[str]:
        """Returns the names of the manifests that the bucket has confirmed."""
        return [manifest_name(*key, self._store_id) for key in self._synced]

    async def doubt(self, names: Iterable[str]) -> None:
        """Takes that the bucket has lost some files: they are sent again."""
        if self._ledger is not None:
            await self._on_ledger(self._ledger.doubt, names)
            self._synced = await self._on_ledger(self._ledger.runs)
            self._change_count = -1

    @property
    def target(self) -> Target | None:
        """The bucket, or None where there is none."""
        return self._points.target if self.is_on else None

    @property
    def is_on(self) -> bool:
        """Whether there is a bucket."""
        return self._ledger is not None

    @property
    def has_work(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._pending)

    def status(self) -> UploadStatus:
        """Returns how the upload stands."""
        if not self.is_on:
            return UploadStatus(
                "stopped" if self._settings_problem else "off",
                self._settings.url,
                self._settings.endpoint_url,
                self._settings_problem or self.mirror_problem(),
            )
        now = time.monotonic()
        failing = [lane for lane in (self._points, self._files) if lane.failures]
        state: State = "sending" if self._pending or not self._has_looked else "idle"
        if failing:
            state = "waiting" if all(lane.is_transient for lane in failing) else "stopped"
        elif self._stuck:
            state = "stopped"
        problem = next(iter(self._stuck.values()), self._settings_problem)
        return UploadStatus(
            state,
            self._settings.url,
            self._settings.endpoint_url,
            next((lane.sentence for lane in failing), problem),
            len(self._pending),
            sum(each.file_count for each in self._pending.values()),
            sum(each.size_bytes for each in self._pending.values()),
            self._sent_file_count,
            self._sent_bytes,
            max((now - each.since for each in self._pending.values()), default=0.0),
            max((max(0.0, lane.retry_time - now) for lane in failing), default=0.0),
        )

    def kick(self) -> None:
        """Has everything sent now: what is not sealed yet, and what waits for another attempt."""
        for lane in (self._points, self._files):
            lane.retry_time = 0.0
        self._stuck_time = self._identify_time = 0.0
        self._is_asked = True
        self._kicked.set()

    # -- life ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sends what there is to send, until `close`."""
        files = asyncio.ensure_future(self._send_files_for_ever())
        try:
            while True:
                self._kicked.clear()
                is_asked, self._is_asked = self._is_asked, False
                try:
                    await self._round(is_asked)
                except WorkerClosed:
                    return
                except Exception:  # noqa: BLE001 - logged whole
                    _log.exception("the upload met a fault of its own; it is tried again")
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._kicked.wait(), _TICK_SECONDS)
        finally:
            tasks = [task for task in (files, self._trying) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Ends the transfers that are under way; the next daemon goes on with them."""
        self._is_closing = True
        await self._close_lanes()
        if self._ledger is not None:
            await self._on_ledger(self._ledger.close)
        self._thread.shutdown(wait=False)

    async def _close_lanes(self) -> None:
        for lane in {id(lane): lane for lane in (self._points, self._files)}.values():
            await lane.worker.abort()
        if self._source is not None:
            await self._source.close()

    async def _on_ledger(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _look_at_settings(self) -> None:
        """Follows upload.json."""
        async with self._settings_lock:
            await self._follow_settings()

    async def _follow_settings(self) -> None:
        path = self.folder / upload_settings.FILE_NAME
        try:
            status = path.stat()
            stamp: object = (status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            stamp = "none"
        with contextlib.suppress(FileNotFoundError):  # another key for the same server
            status = (self.folder / server_keys.FILE_NAME).stat()
            stamp = (stamp, status.st_mtime_ns, status.st_ino)
        if stamp == self._settings_stamp:
            return
        self._settings_stamp = stamp
        try:
            settings = upload_settings.load(self.folder) or self._default
            self._settings_problem = ""
        except (OSError, ValueError) as error:
            self._settings_problem = str(error)
            _log.error("%s", error)
            return  # what held goes on to hold
        await self._begin(settings)

    async def _begin(self, settings: UploadSettings) -> None:
        before, self._settings = self._settings, settings
        is_same = (before.url, before.endpoint_url) == (settings.url, settings.endpoint_url)
        if settings.url:
            try:
                self._set_lanes(settings)
            except ValueError as error:  # of a server whose key has gone
                self._settings_problem = str(error)
                _log.error("%s", error)
                settings = self._settings = UploadSettings()
        await self._set_elsewhere()
        if is_same and (self._ledger is not None or not settings.url):
            return
        former, self._ledger = self._ledger, None
        if former is not None:
            await self._on_ledger(former.close)
        self._pending, self._synced, self._change_count = {}, {}, -1
        self._stuck.clear()
        self._store.set_synced({})
        if not settings.url:
            return
        try:
            self._store_id = await self._on_ledger(load_store_id, self.folder)
            self._ledger = ledger = await self._on_ledger(
                BucketLedger, self.folder / "upload.sqlite", f"{settings.endpoint_url} {settings.url}"
            )
        except (OSError, ValueError) as error:
            self._settings_problem = f"the upload cannot begin: {error}"
            _log.error("%s", self._settings_problem)
            return
        self._is_tried = self._has_looked = False
        self._synced = await self._on_ledger(ledger.runs)
        self._store.set_synced({key: synced.synced_step for key, synced in self._synced.items()})
        self._tidying.may_delete = True
        _log.info("runs are uploaded to %s %s", settings.url, settings.endpoint_url)

    async def _set_elsewhere(self) -> None:
        """Has the store fetch back what has left this disk, where that is set."""
        if self._source is not None:
            await self._source.close()
        is_thinned = self._settings.url and self._settings.keep_local_days
        self._source = BucketFiles(self._store, self._points.target, self.facts) if is_thinned else None
        self._store.elsewhere = self._source

    def _set_lanes(self, settings: UploadSettings) -> None:
        bucket, rate = upload_settings.place(settings, self.folder), settings.bytes_per_second_max
        scratch = self.folder / "uploads"
        shares = (int(rate * (1 - _BULK_SHARE)), int(rate * _BULK_SHARE))
        targets = [Target(bucket, scratch, share) for share in shares]
        if self._points is self._files:
            self._points, self._files = (Lane(target) for target in targets)
        for lane, target in zip((self._points, self._files), targets, strict=True):
            if lane.target != target:
                lane.target = target
                lane.succeed()

    # -- what is to be done -------------------------------------------------------------------------------------

    async def _round(self, is_asked: bool) -> None:
        await self._look_at_settings()
        ledger = self._ledger
        if ledger is None:
            return
        await self._seal_due(is_asked)
        await self._find_pending()
        await self._weigh()
        if not await self._was_tried():
            return
        await self._identify_server()
        if self._stuck and time.monotonic() >= self._stuck_time:
            self._stuck.clear()
        end_time = time.monotonic() + _ROUND_SECONDS
        for key in sorted(self._pending, key=self._turn):
            now = time.monotonic()
            # Who runs comes first, again and again, however much of others waits; of these, who waits longest.
            if self._is_closing or now < self._points.retry_time or now > end_time:
                break
            await self._send_points(key)
        if ledger is not self._ledger:
            return  # another bucket by now, or none
        await self._tidying.delete_superseded(ledger, self._points)
        if self._settings.keep_local_days:
            await self._tidying.thin(ledger, self._synced, self._settings.keep_local_days * 86_400)
        self._warn_when_behind()

    async def _identify_server(self) -> None:
        """Has a team server told of all runs again where its catalog is another one by now, such as a restored one."""
        ledger, now = self._ledger, time.monotonic()
        if (
            ledger is None
            or not isinstance(self._points.target.bucket, server_keys.Server)
            or now < max(self._identify_time, self._points.retry_time)
        ):
            return
        found = await self._points.run(transfers.identify)
        if found is None or ledger is not self._ledger:
            return
        self._identify_time = now + _IDENTIFY_SECONDS
        known = await self._on_ledger(ledger.fact, "catalog")
        if found in ("", known):  # a server that begins does not know yet
            return
        if known:
            _log.warning("%s has another catalog: it is told of all runs again", self._settings.url)
            await self._on_ledger(ledger.doubt_runs)
            self._synced = await self._on_ledger(ledger.runs)
            self._change_count = -1
            await self._find_pending()
        await self._on_ledger(ledger.set_fact, "catalog", found)

    def _turn(self, key: tuple[str, str]) -> tuple[bool, float]:
        pending = self._pending[key]
        return not pending.is_running, pending.since

    async def _weigh(self) -> None:
        """Finds how much of pending runs is to be sent, before a bucket is asked that may not answer for long."""
        ledger, end_time = self._ledger, time.monotonic() + _WEIGH_SECONDS
        for key, pending in list(self._pending.items()):
            if ledger is None or time.monotonic() > end_time:
                return  # the others in the next round
            if pending.weighed_number == pending.commit_number:
                continue
            committed = await self._store.on_catalog(self._store.catalog.committed, *key)
            if committed is not None:
                sent = await self._on_ledger(ledger.segments, committed.segments)
                kept = await self._on_ledger(ledger.objects, committed.objects)
                missing = [row.size_bytes for row in committed.segments if row.name not in sent]
                absent = [size for sha256, size in committed.objects.items() if sha256 not in kept]
                pending.file_count = 2 * len(missing) + len(absent)
                pending.size_bytes = sum(missing) + sum(absent)
            pending.weighed_number = pending.commit_number

    async def _was_tried(self) -> bool:
        """Says whether the bucket was tried; while it does not answer, the rounds go on without it."""
        if self._is_tried:
            return True
        if self._trying is None:
            self._trying = asyncio.ensure_future(self._try_bucket())
        done, _ = await asyncio.wait({self._trying}, timeout=_TICK_SECONDS)
        if done:
            trying, self._trying = self._trying, None
            trying.result()
        return self._is_tried

    async def _try_bucket(self) -> None:
        """Looks once what the bucket can do, and tells what it lacks."""
        ledger = self._ledger
        if ledger is None or self._is_tried or time.monotonic() < self._points.retry_time:
            return
        if not await self._on_ledger(ledger.fact, "tried"):
            probe = await self._points.run(transfers.probe)
            if probe is None:
                return
            for sentence in probe.sentences:
                _log.warning("%s", sentence)
            if ledger is not self._ledger:
                return  # another bucket by now
            await self._on_ledger(ledger.set_fact, "tried", "1")
        self._is_tried = True

    async def _seal_due(self, is_asked: bool) -> None:
        """Seals live runs whose changes have waited for the interval: only what is sealed can be sent."""
        now = time.monotonic()
        if now < self._points.retry_time:
            return  # sealed in small pieces for nobody
        live = [stored for stored in self._store.stored_in_memory() if not stored.is_sealed]
        # A seal costs some ten milliseconds of a core: with hundreds of live runs they come more rarely.
        usual = max(self._settings.interval_seconds, len(live) * _SEAL_SECONDS)
        for stored in live:
            pending = self._pending.get((stored.run.project, stored.run.run_id))
            if pending is not None and pending.manifest_mark[0] != pending.commit_number and not is_asked:
                continue  # what is sealed is on its way: a further piece would only make more work
            # A new run is there soon, even if it does not live for long.
            interval = _FIRST_SECONDS if stored.sealed_revision < 0 else usual
            if is_asked or now - stored.sealed_time >= interval:
                self._store.seal_soon(stored)

    async def _find_pending(self) -> None:
        """Finds the runs that have changed since they were sent."""
        change_count = self._store.catalog.change_count
        if change_count == self._change_count:
            return
        self._change_count = change_count
        now = time.monotonic()
        commits = await self._store.on_catalog(self._store.catalog.commits)
        pending: dict[tuple[str, str], _Pending] = {}
        for commit in commits:
            key = (commit.project, commit.run_id)
            synced = self._synced.get(key)
            if synced is not None and synced.commit_number == commit.commit_number:
                continue
            pending[key] = self._pending.get(key) or _Pending(commit.commit_number, now)
            pending[key].commit_number, pending[key].is_running = commit.commit_number, commit.is_running
        if len(self._synced) > len(commits):
            await self._forget_deleted(commits)
        self._pending, self._has_looked = pending, True
        self._objects_wait &= set(pending)

    async def _forget_deleted(self, commits: Sequence[Commit]) -> None:
        assert self._ledger is not None
        for key in set(self._synced) - {(commit.project, commit.run_id) for commit in commits}:
            del self._synced[key]
            await self._on_ledger(self._ledger.forget_run, *key)

    # -- points and manifests -------------------------------------------------------------------------------------

    async def _send_points(self, key: tuple[str, str]) -> None:
        """Sends a run's segments, then its manifest; its files are left to the other lane."""
        ledger, pending = self._ledger, self._pending.get(key)
        if manifest_name(*key, self._store_id) in self._stuck:
            return  # refused: looked at again when some time has passed
        committed = await self._store.on_catalog(self._store.catalog.committed, *key)
        if committed is None or pending is None or ledger is None:
            return
        sent = await self._on_ledger(ledger.segments, committed.segments)
        missing = [row for row in committed.segments if row.name not in sent and row.name not in self._stuck]
        kept = await self._on_ledger(ledger.objects, committed.objects)
        absent = {sha256: size for sha256, size in committed.objects.items() if sha256 not in kept}
        waiting = {sha256: size for sha256, size in absent.items() if sha256 not in self._lost}
        pending.file_count = 2 * len(missing) + len(waiting)
        pending.size_bytes = sum(row.size_bytes for row in missing) + sum(waiting.values())
        for start in range(0, len(missing), _BATCH_FILES_MAX // 2):
            found = await self._send_segments(key, pending, missing[start : start + _BATCH_FILES_MAX // 2])
            if found is None or ledger is not self._ledger:
                return
            await self._on_ledger(ledger.add_segments, found)
            sent |= {each.row.name: each for each in found}
        is_short = any(row.name not in sent for row in committed.segments)
        is_stuck = any(row.name in self._stuck for row in committed.segments)
        mark = (committed.commit_number, len(waiting))
        if waiting:
            self._objects_wait.add(key)
        if waiting or is_stuck:
            # The manifest waits for no large file, and is not written anew for each small one.
            now = time.monotonic()
            is_same_commit = mark[0] == pending.manifest_mark[0]
            if mark == pending.manifest_mark or (
                is_same_commit and now - pending.manifest_time < _MANIFEST_SECONDS
            ):
                return
        if not await self._send_manifest(ledger, key, committed, sent, absent):
            return
        pending.manifest_time, pending.manifest_mark = time.monotonic(), mark
        # A step is only said to be there when all points before it are.
        former = self._synced.get(key)
        former_step = 0 if former is None else former.synced_step
        synced = SyncedRun(
            -1 if waiting or is_stuck else committed.commit_number,
            former_step if is_short else int(committed.document["next_step"]),
            time.time_ns() // 1_000_000,
        )
        await self._on_ledger(ledger.save_run, *key, synced)
        self._synced[key] = synced
        self._store.tell_synced(*key, synced.synced_step)
        if not waiting and not is_stuck:
            self._pending.pop(key, None)
            self._change_count = -1  # a commit that came meanwhile is looked for

    async def _send_segments(
        self, key: tuple[str, str], pending: _Pending, rows: Sequence[SegmentRow]
    ) -> list[SentSegment] | None:
        """Sends some segments of a run; returns those that the bucket has, or None when the rest has to wait."""
        if self._ledger is None:
            return None
        # Merged or killed half-way, they would lie in the bucket for good and nobody would know.
        await self._on_ledger(self._ledger.begin_segments, [row.name for row in rows])
        names = [f"segments/{row.name}.{ending}" for row in rows for ending in ("parquet", "levels")]
        known = await self.facts(names)  # of what the bucket has lost: nothing else is sent in its place
        files = [
            Transfer(name, self._store.object_file(name), known.get(name, (0, ""))[1], key) for name in names
        ]
        moved = await self._points.run(transfers.send, files)
        if moved is None:
            return None
        self._count(moved, pending)
        for row, one, other in zip(rows, moved[::2], moved[1::2], strict=True):
            self._note_stuck(row.name, one.error or other.error)
        if any(each.is_gone for each in moved):
            committed = await self._store.on_catalog(self._store.catalog.committed, *key)
            if committed is None or not {row.name for row in rows} <= {
                row.name for row in committed.segments
            }:
                self._change_count = -1
                return None  # merged meanwhile: what is there now is sent next
            _log.error("run %s: segments are not in the store and cannot be sent", "/".join(key))
        return [
            SentSegment(row, one.size_bytes, one.sha256, other.size_bytes, other.sha256)
            for row, one, other in zip(rows, moved[::2], moved[1::2], strict=True)
            if one.is_done and other.is_done
        ]

    async def _send_manifest(
        self,
        ledger: BucketLedger,
        key: tuple[str, str],
        committed: Committed,
        sent: dict[str, SentSegment],
        absent: dict[str, int],
    ) -> bool:
        now = time.time_ns() // 1_000_000
        manifest = Manifest(
            self._store_id,
            self.host,
            self._version,
            now,
            committed.document,
            committed.summary,
            [sent[row.name] for row in committed.segments if row.name in sent],
            {sha256: size for sha256, size in committed.objects.items() if sha256 not in absent},
            absent,
            await self._on_ledger(
                ledger.supersede, run_folder(*key), {row.name for row in committed.segments}, now
            ),
        )
        name, data = manifest_name(*key, self._store_id), await asyncio.to_thread(manifest.dump)
        if ledger is not self._ledger:
            return False  # another bucket by now, which has none of it
        moved = await self._points.run(transfers.replace, name, data)
        if moved is None:
            return False
        error = moved[0].error
        if error is not None and not self._doubted.issuperset(error.lost_names):
            # It has cleared away what waited here for long to be told of: it is sent again, and its manifest behind it.
            _log.warning("%s", error)
            self._doubted.update(error.lost_names)
            await self._on_ledger(ledger.doubt_files, error.lost_names)
            return False
        self._doubted -= set(self._doubted if error is None else error.lost_names)
        self._note_stuck(name, error)
        return error is None

    # -- files ------------------------------------------------------------------------------------------------------

    async def _send_files_for_ever(self) -> None:
        while True:
            key = next(iter(self._objects_wait), None)
            if key is None or time.monotonic() < self._files.retry_time:
                await asyncio.sleep(_TICK_SECONDS)
                continue
            try:
                if await self._send_files(key):
                    self._objects_wait.discard(key)
            except WorkerClosed:
                return
            except Exception as error:  # noqa: BLE001 - logged whole
                _log.exception("files could not be sent: %s", error)
                self._files.fail(error)

    async def _send_files(self, key: tuple[str, str]) -> bool:
        """Sends a run's objects, small ones first; returns whether all that can be sent are there."""
        ledger = self._ledger
        committed = await self._store.on_catalog(self._store.catalog.committed, *key)
        if committed is None or ledger is None:
            return True
        kept = await self._on_ledger(ledger.objects, committed.objects) | self._lost | self._stuck.keys()
        waiting = [(sha256, size) for sha256, size in committed.objects.items() if sha256 not in kept]
        for batch in _batches(waiting):
            files = [
                Transfer(object_name(sha256), self._store.object_file(object_name(sha256)), sha256, key)
                for sha256, _ in batch
            ]
            moved = await self._files.run(transfers.send, files)
            if moved is None or ledger is not self._ledger:
                return False
            await self._on_ledger(ledger.add_objects, [each.sha256 for each in moved if each.is_done])
            self._count(moved, self._pending.get(key))
            for (sha256, _), each in zip(batch, moved, strict=True):
                self._note_stuck(sha256, each.error)
                if each.is_gone:  # nothing that waiting would heal
                    self._lost.add(sha256)
                    _log.error(
                        "run %s: object %s is not in the store and cannot be sent", "/".join(key), sha256
                    )
            self._change_count = -1
            self._kicked.set()  # its manifest may be written
        return True

    def _note_stuck(self, name: str, error: BucketError | None) -> None:
        """Notes a file that is not as it should be: what it belongs to stays pending, and others go on."""
        if error is not None:
            if not self._stuck:
                self._stuck_time = time.monotonic() + _STUCK_SECONDS
            self._stuck[name] = str(error)
            _log.error("%s", error)

    def _count(self, moved: Sequence[Moved], pending: _Pending | None) -> None:
        for each in moved:
            if each.is_done:
                self._sent_file_count += 1
                self._sent_bytes += each.size_bytes
                if pending is not None:
                    pending.file_count = max(0, pending.file_count - 1)
                    pending.size_bytes = max(0, pending.size_bytes - each.size_bytes)

    def _warn_when_behind(self) -> None:
        status = self.status()
        if status.lag_seconds < _BEHIND_SECONDS:
            self._warned.clear()
            return
        for stored in self._store.stored_in_memory():
            key = (stored.run.project, stored.run.run_id)
            if stored.run.state.value == "running" and key not in self._warned:
                self._warned.add(key)
                self._warn(
                    stored.run,
                    "the upload is behind",
                    f"for {status.lag_seconds / 60:.0f} min; {status.pending_bytes / 1e6:.1f} MB wait. "
                    f"{status.sentence}".strip(),
                )


def _batches(objects: Sequence[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Returns objects (sha256, size in bytes) in groups that are sent together."""
    batches: list[list[tuple[str, int]]] = []
    room = 0
    for sha256, size_bytes in objects:
        if not batches or len(batches[-1]) >= _BATCH_FILES_MAX or size_bytes > room:
            batches.append([])
            room = _BATCH_BYTES_MAX
        batches[-1].append((sha256, size_bytes))
        room -= size_bytes
    return batches

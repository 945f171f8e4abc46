"""Owns what a store shows of a bucket that others write: it follows their manifests, and fetches files when they are needed.

Invariants: nothing is ever written to the bucket; what is shown of a run is what manifests list, which is there; a file is
here whole and with the sum that its manifest gave it, or not at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from trackd_service import manifests, transfers
from trackd_service.bucket_files import BucketFiles
from trackd_service.bucket_ledger import BucketLedger, ReadManifest
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.config import BUCKET_FILE_NAME
from trackd_service.errors import BucketUnusable, InvalidArgument
from trackd_service.keeping import object_name
from trackd_service.manifests import Manifest, ManifestInvalid, MergedRun
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

VERSION = 1
_WATCHED_SECONDS = 3.0  # between two looks at the bucket while somebody watches
_UNWATCHED_SECONDS = 30.0
_RETRY_SECONDS = 5.0
_RUNS_AT_ONCE = 16

_T = TypeVar("_T")
_log = logging.getLogger("trackd.mirror")


def load_bucket(folder: Path) -> Bucket:
    """Returns the bucket that a store shows.

    Raises:
        ValueError: The file that says so is none.
        OSError: It cannot be read.
    """
    document = json.loads((folder / BUCKET_FILE_NAME).read_bytes())
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError(f"{BUCKET_FILE_NAME} is no document of version {VERSION}")
    parts = [document.get(name, "") for name in ("url", "endpoint_url", "region", "profile")]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{BUCKET_FILE_NAME} holds something else than texts")
    return Bucket.parse(*parts)


class Mirror:
    """Keeps a store up to date with a bucket.

    Attributes:
        target: The bucket.
        sentence: What is wrong with the bucket; empty when nothing is.
        garbage_age_seconds: How long a file that no manifest lists stays in the bucket.
    """

    garbage_age_seconds = 86_400.0

    def __init__(
        self, store: Store, folder: Path, bucket: Bucket, is_watched: Callable[[], bool] = lambda: True
    ) -> None:
        """Takes the store, its folder, the bucket, and what says whether somebody looks at it now."""
        self._store = store
        self.target = Target(bucket, folder / "uploads")
        self._is_watched = is_watched
        self._thread = ThreadPoolExecutor(1, "trackd-mirror")
        self._ledger = BucketLedger(folder / "mirror.sqlite", f"{bucket.endpoint_url} {bucket.url}")
        self._worker = Worker()
        self._files = BucketFiles(store, self.target, self._find_facts)
        self._refreshing = asyncio.Lock()
        self._is_first = True
        self._superseded: dict[str, float] = {}
        self.sentence = ""
        store.elsewhere = self._files
        store.takes_views = False
        store.read_only_reason = (
            f"this store shows {bucket.url}, which is written from elsewhere, and cannot be changed here: "
            "`trackd pull` copies runs into a store of your own"
        )

    async def begin(self, seconds: float) -> None:
        """Looks at the bucket for the first time, and returns after so many seconds even if that takes longer."""
        await asyncio.wait({asyncio.ensure_future(self._look())}, timeout=seconds)

    async def run(self) -> None:
        """Follows the bucket until `close`."""
        while True:
            await self._pause()
            await self._look()

    async def _look(self) -> None:
        try:
            await self.refresh()
        except WorkerClosed:
            return
        except (BucketError, BucketUnusable, WorkerCrashed, OSError) as error:
            self._tell(str(error))
        except Exception:  # noqa: BLE001 - logged whole
            _log.exception("the bucket could not be followed; it is tried again")

    async def _pause(self) -> None:
        begin = time.monotonic()
        seconds = _RETRY_SECONDS if self.sentence else _WATCHED_SECONDS
        while True:
            await asyncio.sleep(_WATCHED_SECONDS / 3)
            waited = time.monotonic() - begin
            if waited >= _UNWATCHED_SECONDS or (waited >= seconds and self._is_watched()):
                return

    def _tell(self, sentence: str) -> None:
        if sentence and sentence != self.sentence:
            _log.warning("%s", sentence)
        self.sentence = sentence
        self._store.unreadable_reason = sentence if self._is_first else ""

    async def refresh(self) -> None:
        """Takes in what has changed in the bucket. Raises BucketError, or BucketUnusable where a run lacks files."""
        async with self._refreshing:
            problem = await self._refresh()
        self._is_first = False
        if problem is not None:
            raise problem
        self._tell("")

    async def _refresh(self) -> BucketUnusable | None:
        """Takes in what can be taken in; returns why something cannot."""
        entries = await self._worker.run(transfers.entries, self.target, manifests.PREFIX)
        found = {entry.name: entry.etag for entry in entries if manifests.parse_name(entry.name)}
        known = await self._on_ledger(self._ledger.manifests)
        gone = set(known) - set(found)
        changed = [name for name, etag in found.items() if name not in known or known[name].etag != etag]
        # A run is shown as all its manifests show it together.
        folders = {_folder(name) for name in (*changed, *gone)}
        by_folder: dict[str, list[str]] = defaultdict(list)
        for name in found:
            if _folder(name) in folders:
                by_folder[_folder(name)].append(name)
        left = {(known[name].project, known[name].run_id) for name in gone if _folder(name) not in by_folder}
        if folders:
            await self._store.collect_garbage()  # of the last time: readers had their while
        for project, run_id in left:
            await self._store.forget(project, run_id)
        await self._on_ledger(self._ledger.forget_manifests, gone)
        problem: BucketUnusable | None = None
        for group in _groups(list(by_folder.values())):
            names = [name for folder in group for name in folder]
            contents = await self._worker.run(transfers.read_many, self.target, names)
            read = dict(zip(names, contents, strict=True))
            for folder in group:
                # One run that cannot be shown holds up no other.
                try:
                    await self._take_in(folder, read, found, known)
                except BucketUnusable as error:
                    problem = error
        return problem

    async def _take_in(
        self,
        names: Sequence[str],
        read: Mapping[str, bytes | None],
        etags: Mapping[str, str],
        known: Mapping[str, ReadManifest],
    ) -> None:
        """Takes in the manifests of one run. Raises BucketUnusable when a file that readers need cannot be had."""
        parts: list[Manifest] = []
        facts: dict[str, ReadManifest] = {}
        for name in names:
            data = read[name]
            if data is None:
                continue  # deleted just now: seen at the next look
            try:
                part = await asyncio.to_thread(manifests.read, name, data)
            except ManifestInvalid as error:
                _log.error("%s in the bucket cannot be used: %s", name, error)
                # Noted as it is: it is not read again, nor told of, before it changes.
                former = known.get(name, ReadManifest("", "", ""))
                facts[name] = ReadManifest(etags[name], former.project, former.run_id)
                continue
            parts.append(part)
            facts[name] = ReadManifest(etags[name], part.project, part.run_id)
        if parts:
            try:
                merged = await asyncio.to_thread(_merge, parts)
                await self._on_ledger(self._ledger.add_segments, merged.segments)
                rows = [segment.row for segment in merged.segments]
                await self._store.show(merged.document, merged.summary, rows, merged.objects)
            except (BucketUnusable, OSError, WorkerClosed, WorkerCrashed):
                raise
            except InvalidArgument as error:
                _log.error("%s in the bucket cannot be used: %s", " and ".join(names), error)
            except Exception:  # noqa: BLE001 - logged whole
                _log.exception("what %s says cannot be shown", " and ".join(names))
        await self._on_ledger(self._ledger.save_manifests, facts)

    # -- space ----------------------------------------------------------------------------------------------------

    async def used(self) -> set[str]:
        """Returns the names of all files that manifests list, whosoever they are. Raises BucketUnusable."""
        return await self._read_used()

    async def files(self) -> dict[str, tuple[int, float]]:
        """Returns (size in bytes, time since when it may be unused) by name of the bucket's files. Raises BucketUnusable."""
        found: dict[str, tuple[int, float]] = {}
        for prefix in ("segments/", "files/"):
            for entry in await self._ask(transfers.entries, self.target, prefix):
                found[entry.name] = (entry.size_bytes, entry.change_time_seconds)
        return {
            name: (size, max(since, self._superseded.get(name, 0.0))) for name, (size, since) in found.items()
        }

    async def delete(self, name: str) -> bool:
        """Deletes a file of the bucket. Raises BucketUnusable."""
        await self._ask(transfers.delete, self.target, [name])
        return True

    async def _read_used(self) -> set[str]:
        used: set[str] = set()
        entries = await self._ask(transfers.entries, self.target, manifests.PREFIX)
        names = [entry.name for entry in entries if manifests.parse_name(entry.name)]
        for start in range(0, len(names), _RUNS_AT_ONCE):
            for data in await self._ask(
                transfers.read_many, self.target, names[start : start + _RUNS_AT_ONCE]
            ):
                try:
                    part = None if data is None else await asyncio.to_thread(Manifest.load, data)
                except ManifestInvalid as error:
                    # Nobody knows what it lists: nothing is garbage for sure.
                    raise BucketUnusable(f"a manifest in the bucket cannot be used: {error}") from None
                if part is not None:
                    used.update(name for segment in part.segments for name, _, _ in segment.files())
                    used.update(object_name(sha256) for sha256 in (*part.objects, *part.pending))
                    for name, since in part.superseded.items():
                        for ending in ("parquet", "levels"):
                            self._superseded[f"segments/{name}.{ending}"] = since / 1e3
        return used

    async def _ask(self, function: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return await self._worker.run(function, *arguments)
        except (BucketError, WorkerCrashed) as error:
            kind = error.kind if isinstance(error, BucketError) else "other"
            raise BucketUnusable(str(error), kind=kind) from None

    async def _find_facts(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        return await self._on_ledger(self._ledger.facts, names)

    async def _on_ledger(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._worker.abort()
        await self._files.close()
        await self._on_ledger(self._ledger.close)
        self._thread.shutdown(wait=False)


def _merge(parts: Sequence[Manifest]) -> MergedRun:
    try:
        return manifests.merge(parts)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidArgument(f"the document describes no run: {str(error)[:200]}") from None


def _folder(name: str) -> str:
    return name.split("/")[1]


def _groups(groups: list[list[str]]) -> Iterable[list[list[str]]]:
    """Returns groups of names, some together, so that a few dozen manifests are in memory at a time."""
    return (groups[start : start + _RUNS_AT_ONCE] for start in range(0, len(groups), _RUNS_AT_ONCE))

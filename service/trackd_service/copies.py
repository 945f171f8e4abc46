"""Owns what a team server gives to who copies a run: what it has of it, and where its files may be read.

Invariants: who may not see a project learns nothing of it, nor of its files: one that the run does not have is as one that is
nowhere; the server itself touches no byte of a file.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Sequence

from trackd_service import access, received_runs, transfers
from trackd_service.bucket_requests import BucketError
from trackd_service.catalog import Catalog
from trackd_service.errors import BucketUnusable, InvalidArgument, RunNotFound
from trackd_service.keeping import is_hash, object_name
from trackd_service.manifests import Manifest, SentSegment, folder_of_segment, run_folder
from trackd_service.receiver import FILES_MAX
from trackd_service.sent_runs import SentRun, SentRuns
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerCrashed

_STORE_ID = "0" * 16  # of no store: all of them


class Copies:
    """Gives copies of the runs of a catalog, whose files are in a bucket."""

    def __init__(self, store: Store, catalog: Catalog, target: Target, version: str) -> None:
        """Takes the store over the catalog, the bucket, and the version of trackd."""
        self._store = store
        self._catalog = catalog
        self._sent = SentRuns(catalog)
        self._target = target
        self._version = version
        self._worker = Worker()

    async def manifest(self, project: str, run_id: str) -> bytes:
        """Returns what all stores say of a run, as one manifest, compressed by zlib. Raises RunNotFound."""
        sent = (
            await self._store.on_catalog(self._sent.load, project, run_id)
            if access.can_read(project)
            else None
        )
        if sent is None:
            raise RunNotFound(f"run {run_id!r} is not in project {project!r}", project=project, run_id=run_id)
        return await asyncio.to_thread(self._put_together, sent)

    def _put_together(self, sent: SentRun) -> bytes:
        run = received_runs.combine(sent.contents, sent.edits, sent.compactions)
        facts = {name: (size_bytes, sha256) for name, size_bytes, sha256 in run.files}
        segments = [
            SentSegment(row, *facts[f"segments/{row.name}.parquet"], *facts[f"segments/{row.name}.levels"])
            for row in run.segments
        ]
        now = time.time_ns() // 1_000_000
        manifest = Manifest(
            _STORE_ID, "", self._version, now, run.document, run.summary, segments, run.objects
        )
        return zlib.compress(manifest.dump(), 6)

    async def sign(self, project: str, run_id: str, names: Sequence[str]) -> list[str]:
        """Returns where each file of a run may be read; empty for one that the run does not have.

        Raises:
            InvalidArgument: More are asked for than at once.
            RunNotFound: Who asks may not see the project.
            BucketUnusable: The credentials of the server cannot be found.
        """
        if len(names) > FILES_MAX:
            raise InvalidArgument(
                f"{len(names)} files are asked for; {FILES_MAX} are the most at once: ask in parts",
                limit=FILES_MAX,
            )
        if not access.can_read(project):
            raise RunNotFound(f"run {run_id!r} is not in project {project!r}", project=project, run_id=run_id)
        folder = run_folder(project, run_id)
        hashes = [hash_ for name in names if is_hash(hash_ := name.rpartition("/")[2])]
        used = await self._store.on_catalog(self._catalog.uses_of_project, project, hashes)
        own = [name for name in names if folder_of_segment(name) == folder]
        known = set(await self._store.on_catalog(self._sent.files, own)) | set(map(object_name, used))
        readable = [name for name in names if name in known]
        try:
            urls = await self._worker.run(transfers.sign_reads, self._target, readable) if readable else []
        except (BucketError, WorkerCrashed) as error:
            kind = error.kind if isinstance(error, BucketError) else "other"
            raise BucketUnusable(str(error), kind=kind) from None
        found_urls = dict(zip(readable, urls, strict=True))
        return [found_urls.get(name, "") for name in names]

    async def close(self) -> None:
        """Ends the helper process."""
        await self._worker.close()

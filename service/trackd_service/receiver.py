"""Owns what a team server takes from daemons: where they may put files, and what they say of runs.

Invariants: a daemon puts files of the run that it names alone, each with the content that it said; what is sent twice, late
or in another order changes nothing; the server itself touches no byte of a file. What a manifest lists was found in the
bucket before it is taken in, and is there from then on: that a file is there already is a word of the moment, which a daemon
may act on late, and a file that was put may be cleared away before its manifest comes (`unlisted`). Whoever lists an object
that the project does not have yet has put it there for this project, and so has its bytes: to know the sha256 of what another
project has is not enough. The daemon is told which files it has to put again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence

from trackd_service import manifests, received_runs, transfers
from trackd_service.bucket_requests import BucketError
from trackd_service.buckets import SIGNED_BYTES_MAX, SignedPut
from trackd_service.catalog import Catalog
from trackd_service.errors import BucketUnusable, InvalidArgument, ObjectMissing, StorageUnavailable
from trackd_service.keeping import is_hash, object_name
from trackd_service.manifests import (
    Manifest,
    ManifestInvalid,
    folder_of_segment,
    manifest_name,
    run_folder,
)
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store
from trackd_service.transfers import SentFile, Target
from trackd_service.unlisted import FilesGone, LookedTooLongAgo
from trackd_service.worker import Worker, WorkerCrashed

FILES_MAX = 256  # of one question
MANIFEST_BYTES_MAX = 64 << 20
_MISSING_NAMES_MAX = 40  # told of at once: what goes beside an answer has 8 kB
_STORE_ID = re.compile(r"[0-9a-f]{16}")


class Receiver:
    """Takes runs from daemons into a catalog, and has their files put into a bucket."""

    def __init__(self, store: Store, catalog: Catalog, target: Target) -> None:
        """Takes the store over the catalog, and the bucket."""
        self._store = store
        self._catalog = catalog
        self._sent = SentRuns(catalog)
        self._target = target
        self._worker = Worker()

    async def sign(self, project: str, run_id: str, files: Sequence[SentFile]) -> list[SignedPut | None]:
        """Returns how each file of a run may be put into the bucket; None for one that the project has already.

        Raises:
            InvalidArgument: A file is not one of this run, or cannot be put at once.
            BucketUnusable: The credentials of the server cannot be found, or a file is being deleted just now.
        """
        if len(files) > FILES_MAX:
            raise InvalidArgument(
                f"{len(files)} files are asked for; {FILES_MAX} are the most at once: ask in parts",
                limit=FILES_MAX,
            )
        folder = run_folder(project, run_id)
        for file in files:
            _check(file, folder)
        hashes = [file.sha256 for file in files if file.name == object_name(file.sha256)]
        # Nobody learns what other projects have: of theirs, the same bytes are put again.
        used = await self._store.on_catalog(self._catalog.uses_of_project, project, hashes)
        sent = await self._store.on_catalog(self._sent.files, [file.name for file in files])
        wanted = [
            file
            for file in files
            if not (file.name == object_name(file.sha256) and file.sha256 in used)
            and sent.get(file.name) != (file.size_bytes, file.sha256)
        ]
        # What is put now may be deleted the next moment, and would have to be put again.
        busy = await self._store.on_catalog(self._sent.expect_files, [file.name for file in wanted])
        if busy:
            raise BucketUnusable(
                f"{len(busy)} files are being deleted from the bucket just now, such as {busy[0]}: put them again in a while"
            )
        try:
            signed = iter(
                await self._worker.run(transfers.sign, self._target, wanted, _owner(project))
                if wanted
                else ()
            )
        except (BucketError, WorkerCrashed) as error:
            kind = error.kind if isinstance(error, BucketError) else "other"
            raise BucketUnusable(str(error), kind=kind) from None
        asked = set(map(id, wanted))
        return [next(signed) if id(file) in asked else None for file in files]

    async def commit(self, data: bytes, check: Callable[[str], Awaitable[object]]) -> bool:
        """Takes what a store says of a run, as a manifest, once its files are in the bucket.

        Args:
            data: The manifest.
            check: Raises an error where the store may not write in the run's project.

        Returns:
            False where the run was deleted on the server: it is of no use to send more of it.

        Raises:
            InvalidArgument: It is no manifest, or none of the run that it names.
            ObjectMissing: Files that it lists are not in the bucket; its metadata names some of them.
            BucketUnusable: The bucket cannot be asked for them.
            StorageUnavailable: The catalog cannot be asked.
        """
        if len(data) > MANIFEST_BYTES_MAX:
            raise InvalidArgument(
                f"the manifest has {len(data)} bytes; {MANIFEST_BYTES_MAX} are the most",
                limit=MANIFEST_BYTES_MAX,
            )
        try:
            manifest = await asyncio.to_thread(_read, data)
            await check(manifest.project)
            looked = await self._find_files(manifest)
            return await self._store.on_catalog(
                self._sent.receive,
                manifest.project,
                manifest.run_id,
                manifest.store_id,
                received_runs.pack(data),
                received_runs.replaces,
                received_runs.combine,
                looked,
            )
        except FilesGone as error:
            raise _missing(error.names) from None
        except LookedTooLongAgo:
            raise StorageUnavailable(
                "the files of the manifest were looked for too long ago: ask again"
            ) from None
        except ManifestInvalid as error:
            raise InvalidArgument(f"the manifest cannot be used: {error}") from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidArgument(f"the manifest describes no run: {str(error)[:200]}") from None

    async def _find_files(self, manifest: Manifest) -> int:
        """Sees to it that the bucket has what a manifest lists; returns what `SentRuns.receive` wants to know of that.

        Raises:
            ObjectMissing: Some are not there, or were put last for another project that has them too.
            BucketUnusable: The bucket cannot be asked.
        """
        names = [name for segment in manifest.segments for name, _, _ in segment.files()]
        names += map(object_name, manifest.objects)
        looked, unknown = await self._store.on_catalog(self._sent.find_unlisted, names, manifest.project)
        owner = _owner(manifest.project)
        try:
            gone = await self._worker.run(transfers.not_put, self._target, unknown, owner) if unknown else []
        except (BucketError, WorkerCrashed) as error:
            kind = error.kind if isinstance(error, BucketError) else "other"
            raise BucketUnusable(str(error), kind=kind) from None
        if gone:
            # What is no run at all is told first: no file would help.
            await asyncio.to_thread(received_runs.combine, [received_runs.pack(manifest.dump())], "")
            raise _missing(gone)
        return looked

    async def close(self) -> None:
        """Ends the helper process."""
        await self._worker.close()


def _owner(project: str) -> str:
    return hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _missing(names: Sequence[str]) -> ObjectMissing:
    more = f" ({len(names)} in all)" if len(names) > 1 else ""
    return ObjectMissing(
        f"files that the manifest lists are not in the bucket, or were not put there for this project: {names[0]}{more}; "
        "put them again",
        files=" ".join(names[:_MISSING_NAMES_MAX]),
    )


def _read(data: bytes) -> Manifest:
    manifest = Manifest.load(data)
    if _STORE_ID.fullmatch(manifest.store_id) is None:
        raise ManifestInvalid(
            f"its store id is {manifest.store_id[:40]!r}, which is not 16 hexadecimal digits"
        )
    manifests.read(manifest_name(manifest.project, manifest.run_id, manifest.store_id), data)
    for segment in manifest.segments:
        # What an older trackd has named without its run's folder is merged before it is sent here.
        if not segment.row.name.startswith(f"{run_folder(manifest.project, manifest.run_id)}/"):
            raise ManifestInvalid(f"it lists {segment.row.name[:60]!r}, which is no segment of this run")
    return manifest


def _check(file: SentFile, folder: str) -> None:
    if not is_hash(file.sha256):
        raise InvalidArgument(
            f"sha256 of {file.name[:80]!r} is {file.sha256[:70]!r}; it has 64 hexadecimal digits"
        )
    if file.name != object_name(file.sha256) and folder_of_segment(file.name) != folder:
        raise InvalidArgument(
            f"{file.name[:120]!r} is no file of this run: name its segments, or an object by its sha256"
        )
    if not 0 <= file.size_bytes <= SIGNED_BYTES_MAX:
        raise InvalidArgument(
            f"{file.name[:120]!r} has {file.size_bytes} bytes; a file of 0 to {SIGNED_BYTES_MAX} can be sent",
            limit=SIGNED_BYTES_MAX,
        )

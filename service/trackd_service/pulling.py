"""Owns the copying of runs out of a bucket, or from a team server, into a store of one's own.

Invariants: a run is taken in when all its files are here; what the store itself knows better is never replaced; doing it
again copies what is new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trackd_service import manifests, transfers
from trackd_service.bucket_files import BucketFiles
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.errors import BucketUnusable, InvalidArgument, RunNotFound
from trackd_service.keeping import object_name
from trackd_service.manifests import Manifest, ManifestInvalid, MergedRun
from trackd_service.run_states import RunState
from trackd_service.runs import Run
from trackd_service.server_keys import Server
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerCrashed

_FILES_AT_ONCE = 32  # between two words of progress
_OF_ONE_RUN = ("missing", "damaged")  # what is wrong with files of a run, and says nothing of other runs


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far the copying is.

    Attributes:
        run_count: How many runs there are to copy.
        done_run_count: How many of them are here.
        copied_bytes: How much was copied.
        total_bytes: How much there is to copy of the runs so far.
        project: Of the run at hand.
        run_id: Of the run at hand.
    """

    run_count: int = 0
    done_run_count: int = 0
    copied_bytes: int = 0
    total_bytes: int = 0
    project: str = ""
    run_id: str = ""


async def pull(store: Store, bucket: Bucket | Server, project: str, run_id: str) -> AsyncIterator[Pulled]:
    """Copies runs of a bucket into the store, and tells how far it is.

    Args:
        store: Where to.
        bucket: Where from.
        project: Only its runs; empty means all.
        run_id: Only this run of the project; empty means all.

    One run that cannot be copied holds up no other: what is wrong with it is raised in the end.

    Raises:
        BucketUnusable: The bucket cannot be read, or lacks files of a run.
        RunNotFound: It has no such run.
        InvalidArgument: A run is in the store already, with more or other records than in the bucket.
    """
    store.check_writable()
    worker = Worker()
    target = Target(bucket, store.keeper.scratch)
    try:
        found = False
        progress = Pulled()
        is_bucket = isinstance(bucket, Bucket)
        groups = await (_list if is_bucket else _list_server)(worker, target, project, run_id)
        progress = replace(progress, run_count=len(groups))
        failure: InvalidArgument | BucketUnusable | None = None
        for names in groups:
            try:
                merged = await (_read if is_bucket else _read_server)(store, worker, target, names)
                if merged is None or (project and merged.document["project"] != project):
                    progress = replace(progress, run_count=progress.run_count - 1)
                    yield progress
                    continue
                found = True
                before = progress
                async for progress in _copy(store, target, merged, before):
                    yield progress
            except (InvalidArgument, BucketUnusable) as error:
                if isinstance(error, BucketUnusable) and error.metadata.get("kind") not in _OF_ONE_RUN:
                    raise
                failure = failure or error  # of this run alone: told when the others are here
                continue
            progress = replace(progress, done_run_count=progress.done_run_count + 1)
            yield progress
        if failure is not None:
            raise failure
        if not found:
            wanted = "/".join(filter(None, (project, run_id)))
            raise RunNotFound(f"{bucket.url} has no run {wanted}".rstrip(), project=project, run_id=run_id)
    except (BucketError, WorkerCrashed) as error:
        kind = error.kind if isinstance(error, BucketError) else "other"
        raise BucketUnusable(str(error), kind=kind) from None
    finally:
        await worker.close()


async def _list(worker: Worker, target: Target, project: str, run_id: str) -> list[list[str]]:
    """Returns the names of manifests, a list for each run."""
    folder = f"{manifests.run_folder(project, run_id)}/" if project and run_id else ""
    groups: dict[str, list[str]] = {}
    for entry in await worker.run(transfers.entries, target, manifests.PREFIX + folder):
        parsed = manifests.parse_name(entry.name)
        if parsed is not None:
            groups.setdefault(parsed[0], []).append(entry.name)
    return list(groups.values())


async def _list_server(worker: Worker, target: Target, project: str, run_id: str) -> list[list[str]]:
    """Returns project and run id of each run of a team server."""
    if project and run_id:
        return [[project, run_id]]
    return [list(key) for key in await worker.run(transfers.runs_of_server, target, project)]


async def _read_server(store: Store, worker: Worker, target: Target, key: Sequence[str]) -> MergedRun | None:
    data = await worker.run(transfers.manifest_of_server, target, *key)
    if data is None:
        return None
    project, run_id = key
    place = f"run {project}/{run_id} of {target.bucket.url}"
    try:
        part = manifests.read(manifests.manifest_name(project, run_id, "0" * 16), data)
    except ManifestInvalid as error:
        raise InvalidArgument(f"{place} cannot be used: {error}") from None
    return _merge(store, place, [part])


async def _read(store: Store, worker: Worker, target: Target, names: Sequence[str]) -> MergedRun | None:
    parts = []
    for name, data in zip(names, await worker.run(transfers.read_many, target, names), strict=True):
        if data is not None:
            try:
                parts.append(manifests.read(name, data))
            except ManifestInvalid as error:
                raise InvalidArgument(f"{name} in the bucket cannot be used: {error}") from None
    return _merge(store, f"{names[0]} in the bucket", parts) if parts else None


def _merge(store: Store, place: str, parts: Sequence[Manifest]) -> MergedRun:
    try:
        merged = manifests.merge(parts)
        store.check_run(Run.load(merged.document, merged.summary))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{place} cannot be used: it describes no run ({error!r})") from None
    return merged


async def _copy(store: Store, target: Target, merged: MergedRun, before: Pulled) -> AsyncIterator[Pulled]:
    document = _ended(merged.document)
    project, run_id = document["project"], document["run_id"]
    await _check_own(store, document)
    files = {name: (size, sha256) for segment in merged.segments for name, size, sha256 in segment.files()}
    files |= {object_name(sha256): (size, sha256) for sha256, size in merged.objects.items()}
    missing = [name for name in files if not store.object_file(name).is_file()]
    progress = replace(
        before,
        project=project,
        run_id=run_id,
        total_bytes=before.total_bytes + sum(files[name][0] for name in missing),
    )
    yield progress

    async def find_facts(names: Sequence[str]) -> dict[str, tuple[int, str]]:
        return {name: files[name] for name in names}

    source = BucketFiles(store, target, find_facts, run=(project, run_id))
    try:
        for start in range(0, len(missing), _FILES_AT_ONCE):
            batch = missing[start : start + _FILES_AT_ONCE]
            await source.fetch(batch)
            copied = sum(files[name][0] for name in batch)
            progress = replace(progress, copied_bytes=progress.copied_bytes + copied)
            yield progress
    finally:
        await source.close()
    gone = [name for name in files if not store.object_file(name).is_file()]
    if gone:
        raise BucketUnusable(
            f"{gone[0]} of run {project}/{run_id} is not in the bucket (any more): if the run is still written, try again",
            kind="missing",
        )
    await _check_own(store, document)
    await store.show(document, merged.summary, [segment.row for segment in merged.segments], merged.objects)


async def _check_own(store: Store, document: dict[str, Any]) -> None:
    """Raises InvalidArgument when the store has records of a run that the bucket has not."""
    project, run_id = document["project"], document["run_id"]
    own = await store.find(project, run_id)
    if own is not None and (own.run.is_open or not manifests.covers(document, own.run.dump())):
        raise InvalidArgument(
            f"run {project}/{run_id} is in this store, with records that the bucket does not have: it stays as it is here"
        )


def _ended(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document of a copy: nobody writes a copy, whatever goes on elsewhere."""
    if document["state"] != RunState.RUNNING.value:
        return document
    return {
        **document,
        "state": RunState.CRASHED.value,
        "end_reason": "this is a copy of a run that was still at work when it was copied",
        "writers": [{**writer, "is_open": False, "open": False} for writer in document["writers"]],
    }

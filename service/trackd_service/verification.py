"""Owns the checking of everything that a store has, here and in its bucket, against check sums.

Invariants: nothing is changed, but that what the bucket turns out to lack is sent again; each finding is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trackd_service import manifests, transfers
from trackd_service.bucket_requests import BucketError
from trackd_service.errors import BucketUnusable
from trackd_service.keeping import object_name
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.uploader import Uploader
from trackd_service.worker import Worker, WorkerCrashed

_FILES_AT_ONCE = 32
_OBJECTS_AT_ONCE = 64
_BLOCK_BYTES = 1 << 20
_GONE = "is not in the store"


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the checking is: files looked at, bytes read, files in all, and what was found wrong since the last word."""

    checked_count: int
    checked_bytes: int
    total_count: int
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """A file that some run uses: its name, its sha256 where that is known, and the run."""

    name: str
    sha256: str
    run: str


async def verify(store: Store, uploader: Uploader, read_bucket: bool) -> AsyncIterator[Verified]:
    """Reads everything that a store has, and tells how far it is and what is wrong.

    Args:
        store: The store.
        uploader: Its upload, whose bucket is looked at as well.
        read_bucket: Whether the bucket's files are read too; else it is asked what it has, and how large that is.
    """
    files = await _list(store, uploader)
    total = len(files)
    in_bucket = await uploader.list_confirmed()
    total += len(in_bucket)
    count = size_bytes = 0
    worker = Worker()
    try:
        for start in range(0, len(files), _FILES_AT_ONCE):
            batch = files[start : start + _FILES_AT_ONCE]
            tasks = [(store.object_file(file.name), file.sha256) for file in batch]
            try:
                checked = await worker.run(check_files, tasks)
            except WorkerCrashed:
                checked = [await _check_alone(worker, task) for task in tasks]
            findings = [
                f"{file.name} of run {file.run} {words}"
                for file, (_, words) in zip(batch, checked, strict=True)
                if words
                and not (words == _GONE and file.name in in_bucket)  # it left this disk, as was wanted
            ]
            count += len(batch)
            size_bytes += sum(size for size, _ in checked)
            yield Verified(count, size_bytes, total, tuple(findings))
    finally:
        await worker.close()
    if uploader.target is not None:
        found = _verify_bucket(uploader, uploader.target, in_bucket, read_bucket)
        async for checked_count, checked_bytes, findings in found:
            count += checked_count
            size_bytes += checked_bytes
            yield Verified(count, size_bytes, total, tuple(findings))
    if not total:
        yield Verified(0, 0, 0)


async def _verify_bucket(
    uploader: Uploader, target: Target, files: Mapping[str, tuple[int, str]], read: bool
) -> AsyncIterator[tuple[int, int, list[str]]]:
    """Looks whether the bucket has files, by name (size in bytes, -1 for unknown; sha256); what it lacks is sent again.

    Yields:
        How many more files were looked at, how many bytes were read for that, and what is wrong.

    Raises:
        BucketUnusable: The bucket cannot be read.
    """
    worker, url = Worker(), uploader.settings.url
    lost: list[str] = []
    try:
        found = {
            entry.name: entry.size_bytes
            for prefix in (manifests.PREFIX, "segments/", "files/")
            for entry in await worker.run(transfers.entries, target, prefix)
        }
        lost += [name for name in uploader.manifest_names() if name not in found]
        yield 0, 0, [f"{name} is not in {url} (any more): it is sent again" for name in lost]
        names = sorted(files)
        for start in range(0, len(names), _OBJECTS_AT_ONCE):
            batch, wrong, size_bytes = names[start : start + _OBJECTS_AT_ONCE], {}, 0
            for name in batch:
                size = files[name][0]
                if name not in found:
                    wrong[name] = f"{name} is not in {url} (any more): it is sent again"
                elif size not in (-1, found[name]):
                    wrong[name] = (
                        f"{name} has {found[name]} bytes in {url}, and should have {size}: it is sent again"
                    )
            lost += wrong
            if read:
                rest = [name for name in batch if name not in wrong]
                hashes = [files[name][1] for name in rest]
                for moved in await worker.run(transfers.check, target, rest, hashes):
                    if moved.error is not None and moved.error.kind != "damaged":
                        raise moved.error
                    if moved.error is not None:
                        wrong[moved.name] = str(moved.error)
                    size_bytes += moved.size_bytes
            yield len(batch), size_bytes, list(wrong.values())
    except (BucketError, WorkerCrashed) as error:
        kind = error.kind if isinstance(error, BucketError) else "other"
        raise BucketUnusable(str(error), kind=kind) from None
    finally:
        await worker.close()
        if lost:
            await uploader.doubt(lost)


async def _list(store: Store, uploader: Uploader) -> list[_File]:
    files: dict[str, _File] = {}
    for commit in await store.on_catalog(store.catalog.commits):
        committed = await store.on_catalog(store.catalog.committed, commit.project, commit.run_id)
        if committed is None:
            continue
        run = f"{commit.project}/{commit.run_id}"
        names = [f"segments/{row.name}.{end}" for row in committed.segments for end in ("parquet", "levels")]
        facts = await uploader.facts(names)
        files |= {name: _File(name, facts.get(name, (0, ""))[1], run) for name in names}
        files |= {
            object_name(sha256): _File(object_name(sha256), sha256, run) for sha256 in committed.objects
        }
    return list(files.values())


def check_files(tasks: Sequence[tuple[Path, str]]) -> list[tuple[int, str]]:
    """Reads files, in the worker; returns each one's size in bytes and what is wrong with it, or an empty text."""
    return [_check(path, sha256) for path, sha256 in tasks]


async def _check_alone(worker: Worker, task: tuple[Path, str]) -> tuple[int, str]:
    try:
        return (await worker.run(check_files, [task]))[0]
    except WorkerCrashed:
        return 0, "cannot be read: the process that reads it dies of it"


def _check(path: Path, sha256: str) -> tuple[int, str]:
    try:
        size_bytes = path.stat().st_size
        if sha256:
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            return size_bytes, "" if digest.hexdigest() == sha256 else "was altered: its sha256 does not fit"
        _read_segment(path)
    except FileNotFoundError:
        return 0, _GONE
    except OSError as error:
        return 0, f"cannot be read: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001 - whatever pyarrow raises of a damaged file
        return 0, f"was altered: {error}"
    return size_bytes, ""


def _read_segment(path: Path) -> None:
    """Reads a file of a segment whose sha256 nobody has noted."""
    if path.suffix == ".levels":
        from trackd_service.levels import LevelsFile

        LevelsFile(path).verify()
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for _ in file.iter_batches():
            pass

"""Owns the checking of everything that a store has, here and in its bucket, against check sums.

Invariants: nothing is changed, but that what the bucket turns out to lack is sent again; each finding is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trackd_service.keeping import object_name
from trackd_service.store import Store
from trackd_service.uploader import Uploader
from trackd_service.worker import Worker, WorkerCrashed

_FILES_AT_ONCE = 32
_BLOCK_BYTES = 1 << 20


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
    in_bucket = await uploader.list_confirmed() if uploader.is_on else {}
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
    if in_bucket:
        async for checked_count, checked_bytes, findings in uploader.verify(in_bucket, read_bucket):
            count += checked_count
            size_bytes += checked_bytes
            yield Verified(count, size_bytes, total, tuple(findings))
    if not total:
        yield Verified(0, 0, 0)


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


_GONE = "is not in the store"


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

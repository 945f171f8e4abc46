"""Owns what goes to a bucket and comes from it, as functions for a helper process: boto3 and its work stay out of the daemon.

Invariant: what one file meets is answered for that file; the others go on.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.buckets import FETCHES_AT_ONCE, BucketStore, Entry, Probe, SignedPut
from trackd_service.objects import ObjectConflict, ObjectNotFound
from trackd_service.server_keys import Server

if TYPE_CHECKING:
    from trackd_service.server_store import ServerStore

_FILES_AT_ONCE = 8
_BLOCK_BYTES = 1 << 20
_CHECK_BYTES = 8 << 20  # of an object that is read to check it, at a time
# After these the credentials are looked for again: somebody may have renewed them.
_CREDENTIAL_KINDS = ("denied", "expired")

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Place: TypeAlias = "BucketStore | ServerStore"
_open: dict[Target, _Place] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket or a team server, and what holds for it.

    Attributes:
        bucket: Which.
        scratch: The folder for what transfers leave unfinished.
        bytes_per_second_max: How many bytes may pass; 0 for any number.
    """

    bucket: Bucket | Server
    scratch: Path
    bytes_per_second_max: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file and its name in the bucket; its sha256 where that is known, else empty; whose it is, for a team server."""

    name: str
    path: Path
    sha256: str = ""
    run: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that somebody else is to put into the bucket: its name there, its sha256 and its size."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a transfer.

    Attributes:
        name: Of the object.
        size_bytes: Of the object.
        sha256: Of the object.
        error: Why it was not done; None when it was.
        is_gone: Whether there was no such file here, or no such object there.
    """

    name: str
    size_bytes: int = 0
    sha256: str = ""
    error: BucketError | None = None
    is_gone: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it arrived."""
        return self.error is None and not self.is_gone


def send(target: Target, transfers: Sequence[Transfer]) -> list[Moved]:
    """Puts files of one run into the bucket, each unless it is there already; returns what became of each, in order."""
    if isinstance(target.bucket, Server):
        return _send_to_server(target, transfers)

    def send_one(store: _Place, transfer: Transfer) -> Moved:
        try:
            sha256 = transfer.sha256 or _hash(transfer.path)
            size_bytes = transfer.path.stat().st_size
            store.send_file(transfer.name, transfer.path, sha256=sha256)
        except FileNotFoundError:
            return Moved(transfer.name, is_gone=True)
        except OSError as error:
            return _unreadable(transfer, error)
        except ObjectConflict as error:
            return Moved(transfer.name, error=BucketError("file", str(error)))
        return Moved(transfer.name, size_bytes, sha256)

    return _each(target, send_one, transfers)


def _send_to_server(target: Target, transfers: Sequence[Transfer]) -> list[Moved]:
    """Puts files of one run into the bucket of a team server, which is asked first where each may be put."""
    found: dict[str, Moved] = {}
    announced: list[tuple[Transfer, Moved]] = []
    for transfer in transfers:
        try:
            sha256 = transfer.sha256 or _hash(transfer.path)
            announced.append((transfer, Moved(transfer.name, transfer.path.stat().st_size, sha256)))
        except FileNotFoundError:
            found[transfer.name] = Moved(transfer.name, is_gone=True)
        except OSError as error:
            found[transfer.name] = _unreadable(transfer, error)
    if announced:
        run = announced[0][0].run
        asked = [(moved.name, moved.sha256, moved.size_bytes) for _, moved in announced]

        def announce(store: _Place) -> None:
            cast("ServerStore", store).announce(run, asked)

        try:
            _with(target, announce)
        except BucketError as error:
            found |= {moved.name: Moved(moved.name, error=error) for _, moved in announced}
        else:
            known = {moved.name: moved for _, moved in announced}

            def put_one(store: _Place, transfer: Transfer) -> Moved:
                moved = known[transfer.name]
                try:
                    store.send_file(transfer.name, transfer.path, sha256=moved.sha256)
                except FileNotFoundError:
                    return Moved(transfer.name, is_gone=True)
                except OSError as error:
                    return _unreadable(transfer, error)
                except ObjectConflict as error:
                    return Moved(transfer.name, error=BucketError("file", str(error)))
                return moved

            sent = _each(target, put_one, [transfer for transfer, _ in announced])
            found |= {each.name: each for each in sent}
    return [found[transfer.name] for transfer in transfers]


def _unreadable(transfer: Transfer, error: OSError) -> Moved:
    sentence = f"{transfer.path.name} cannot be read: {error.strerror or error}"
    return Moved(transfer.name, error=BucketError("file", sentence))


def fetch(target: Target, transfers: Sequence[Transfer]) -> list[Moved]:
    """Gets objects into files, whole and checked or not at all; returns what became of each, in order.

    Of a team server they are files of one run, which the transfers name.
    """
    if isinstance(target.bucket, Server) and transfers:
        names = [transfer.name for transfer in transfers]

        def announce(store: _Place) -> None:
            cast("ServerStore", store).announce_reads(transfers[0].run, names)

        try:
            _with(target, announce)
        except BucketError as error:
            return [Moved(name, error=error) for name in names]

    def fetch_one(store: _Place, transfer: Transfer) -> Moved:
        try:
            transfer.path.parent.mkdir(parents=True, exist_ok=True)
            store.fetch_file(transfer.name, transfer.path, sha256=transfer.sha256)
            return Moved(transfer.name, transfer.path.stat().st_size, transfer.sha256)
        except ObjectNotFound:
            return Moved(transfer.name, is_gone=True)
        except OSError as error:
            return Moved(
                transfer.name,
                error=BucketError("other", f"{transfer.name} cannot be kept: {error.strerror or error}"),
            )

    return _each(target, fetch_one, transfers, FETCHES_AT_ONCE)


def check(target: Target, names: Sequence[str], hashes: Sequence[str]) -> list[Moved]:
    """Reads objects; returns of each its size and sha256, `is_gone`, or an error of kind "damaged" for another sum."""

    def check_one(store: _Place, transfer: Transfer) -> Moved:
        digest, size_bytes = hashlib.sha256(), 0
        try:
            size = store.size(transfer.name)
            while size_bytes < size:
                block = store.get_range(transfer.name, size_bytes, min(size, size_bytes + _CHECK_BYTES))
                digest.update(block)
                size_bytes += len(block)
        except ObjectNotFound:
            return Moved(transfer.name, is_gone=True)
        if digest.hexdigest() != transfer.sha256:
            raise BucketError(
                "damaged", f"{transfer.name} was altered in the bucket: its sha256 does not fit"
            )
        return Moved(transfer.name, size_bytes, transfer.sha256)

    wanted = [Transfer(name, Path(), sha256) for name, sha256 in zip(names, hashes, strict=True)]
    return _each(target, check_one, wanted)


def sign(target: Target, files: Sequence[SentFile], owner: str) -> list[SignedPut]:
    """Returns how somebody without credentials may put each file into the bucket, as its owner. Raises BucketError."""

    def sign_all(store: _Place) -> list[SignedPut]:
        own = cast("BucketStore", store)
        return [
            own.sign_put(each.name, sha256=each.sha256, size_bytes=each.size_bytes, owner=owner)
            for each in files
        ]

    return _with(target, sign_all)


def sign_reads(target: Target, names: Sequence[str]) -> list[str]:
    """Returns where somebody without credentials may get each object. Raises BucketError."""
    return _with(target, lambda store: [cast("BucketStore", store).sign_get(name) for name in names])


def runs_of_server(target: Target, project: str) -> list[tuple[str, str]]:
    """Returns (project, run id) of the runs of a team server; an empty project means all. Raises BucketError."""
    return _with(target, lambda store: cast("ServerStore", store).runs(project))


def manifest_of_server(target: Target, project: str, run_id: str) -> bytes | None:
    """Returns what a team server has of a run, as a manifest; None for a run that is not there. Raises BucketError."""
    return _with(target, lambda store: cast("ServerStore", store).manifest(project, run_id))


def replace(target: Target, name: str, data: bytes) -> list[Moved]:
    """Puts bytes over what is there; returns what became of it, as the only one."""

    def replace_one(store: _Place, transfer: Transfer) -> Moved:
        store.replace(transfer.name, data)
        return Moved(transfer.name, len(data))

    return _each(target, replace_one, [Transfer(name, Path())])


def read_many(target: Target, names: Sequence[str]) -> list[bytes | None]:
    """Returns objects' contents, None for one that is not there. Raises BucketError."""

    def read_one(store: _Place, name: str) -> bytes | None:
        try:
            return store.get(name)
        except ObjectNotFound:
            return None

    return _with(target, lambda store: _pool(store, read_one, names))


def read_range(target: Target, name: str, start: int, end: int) -> bytes:
    """Returns the bytes of an object from `start` to before `end`. Raises BucketError or ObjectNotFound."""
    return _with(target, lambda store: store.get_range(name, start, end))


def entries(target: Target, prefix: str) -> list[Entry]:
    """Returns the objects whose names begin with `prefix`. Raises BucketError."""
    return _with(target, lambda store: list(store.entries(prefix)))


def delete(target: Target, names: Iterable[str]) -> None:
    """Removes objects. Raises BucketError."""

    def delete_all(store: _Place) -> None:
        for name in names:
            store.delete(name)

    _with(target, delete_all)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the clocks of this machine, each in seconds: the one that people set, and the one that nobody does."""

    wall_seconds: float
    boot_seconds: float

    @staticmethod
    def after(seconds: float) -> Deadline:
        """Returns the moment so many seconds from now."""
        return Deadline(time.time() + seconds, _boot_seconds() + seconds)

    @property
    def is_over(self) -> bool:
        """Whether either clock says so; a machine that has slept or was moved knows it by one of them."""
        return time.time() > self.wall_seconds or _boot_seconds() > self.boot_seconds


def _boot_seconds() -> float:
    # Unlike the monotonic clock, it goes on while the machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def delete_before(
    target: Target, names: Sequence[str], deadline: Deadline
) -> tuple[list[str], BucketError | None]:
    """Removes objects; no request is made after the deadline.

    Returns:
        Those whose removal the bucket has confirmed, and what the first of the others met, if it met something.
    """

    def delete_one(store: _Place, transfer: Transfer) -> Moved:
        if deadline.is_over:
            return Moved(transfer.name, is_gone=True)
        store.delete(transfer.name)
        return Moved(transfer.name)

    moved = _each(target, delete_one, [Transfer(name, Path()) for name in names])
    errors = [each.error for each in moved if each.error is not None]
    return [each.name for each in moved if each.is_done], errors[0] if errors else None


def not_put(target: Target, names: Sequence[str], owner: str) -> list[str]:
    """Returns those of some files that the bucket does not have, or objects that somebody else has put last.

    Raises:
        BucketError: The bucket cannot be asked.
    """

    def is_missing(store: _Place, name: str) -> bool:
        try:
            found = cast("BucketStore", store).owner(name)
        except ObjectNotFound:
            return True
        return name.startswith("files/") and found != owner  # a segment's name has its run

    found = _with(target, lambda store: _pool(store, is_missing, names))
    return [name for name, is_gone in zip(names, found, strict=True) if is_gone]


def page(target: Target, prefix: str, after: str, count: int) -> list[str]:
    """Returns the first names behind `after` that begin with `prefix`, in order, at most `count`. Raises BucketError."""

    def read(store: _Place) -> list[str]:
        entries = cast("BucketStore", store).entries(prefix, after)
        return [entry.name for entry in itertools.islice(entries, count)]

    return _with(target, read)


def probe(target: Target) -> Probe:
    """Returns what the bucket can do. Raises BucketError."""
    return _with(target, lambda store: store.probe())


def identify(target: Target) -> str:
    """Returns what tells a team server's catalog from any other; empty where it does not know. Raises BucketError."""
    return _with(target, lambda store: cast("ServerStore", store).catalog_id())


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _each(
    target: Target,
    act: Callable[[_Place, Transfer], Moved],
    transfers: Sequence[Transfer],
    at_once: int = _FILES_AT_ONCE,
) -> list[Moved]:
    def act_on_one(store: _Place, transfer: Transfer) -> Moved:
        try:
            return act(store, transfer)
        except BucketError as error:
            return Moved(transfer.name, error=error)

    try:
        moved = _pool(_store(target), act_on_one, transfers, at_once)
    except BucketError as error:
        moved = [Moved(transfer.name, error=error) for transfer in transfers]
    if any(each.error is not None and each.error.kind in _CREDENTIAL_KINDS for each in moved):
        _forget(target)
    return moved


def _with(target: Target, act: Callable[[_Place], _T]) -> _T:
    try:
        return act(_store(target))
    except BucketError as error:
        if error.kind in _CREDENTIAL_KINDS:
            _forget(target)
        raise


def _pool(
    store: _Place, act: Callable[[_Place, _Item], _T], items: Sequence[_Item], at_once: int = _FILES_AT_ONCE
) -> list[_T]:
    if len(items) == 1:
        return [act(store, items[0])]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda item: act(store, item), items))


def _store(target: Target) -> _Place:
    if target not in _open:
        for other in list(_open):  # settings changed
            _forget(other)
        target.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        rate = target.bytes_per_second_max
        if isinstance(target.bucket, Server):
            from trackd_service.server_store import ServerStore  # an HTTP client, where it is needed alone

            _open[target] = ServerStore(target.bucket, bytes_per_second_max=rate)
        else:
            _open[target] = BucketStore(target.bucket, scratch=target.scratch, bytes_per_second_max=rate)
    return _open[target]


def _forget(target: Target) -> None:
    store = _open.pop(target, None)
    if store is not None:
        store.close()

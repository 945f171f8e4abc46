"""Owns the checks of `trackd doctor`: what can keep trackd from working on this machine, and what to do about each.

Invariant: a check never raises and changes nothing but this: the store's folder is made, and a daemon started, as any run
would.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from trackd import _daemon
from trackd._connection import Connection
from trackd._version import VERSION
from trackd.errors import CommError

PYTHON_MIN = (3, 10)
SQLITE_MIN = (3, 35)  # the first with RETURNING, which the catalog uses
FREE_BYTES_MIN = 1 << 30  # a run's log may grow by 64 MiB parts before anything is sealed
SOCKET_PATH_BYTES_MAX = 107  # of a Unix socket, on Linux
# Where locks and shared memory do not work as on a local disk.
_NETWORK_FILE_SYSTEMS = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "smb3", "smbfs",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What one check found: its name, whether all is well, and one sentence."""

    name: str
    is_well: bool
    sentence: str


def examine(store: str, problem: str | None, timeout_seconds: float) -> Iterator[Finding]:
    """Yields what each check finds.

    Args:
        store: The store's folder.
        problem: Why it is not the one asked for, or None.
        timeout_seconds: How long to wait for the daemon.
    """
    yield _python()
    yield _sqlite()
    yield _folder(store, problem)
    yield _disk_kind(store)
    yield _disk_space(store)
    yield from _daemon_answers(store, timeout_seconds)
    yield _logs(store)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON_MIN:
        return Finding("python", False, f"Python is {version}; trackd needs 3.10 or newer: install one")
    return Finding("python", True, f"Python {version}, trackd {VERSION}")


def _sqlite() -> Finding:
    numbers = tuple(int(part) for part in sqlite3.sqlite_version.split(".")[:2])
    if numbers < SQLITE_MIN:
        return Finding(
            "sqlite", False, f"SQLite is {sqlite3.sqlite_version}; trackd needs 3.35: use a newer Python"
        )
    return Finding("sqlite", True, f"SQLite {sqlite3.sqlite_version}")


def _folder(store: str, problem: str | None) -> Finding:
    if problem:
        return Finding("store", False, f"{problem}: set TRACKD_STORE to a folder of yours on a local disk")
    mode = stat.S_IMODE(os.stat(store).st_mode)
    if mode & 0o077:
        return Finding(
            "store", False, f"{store} has mode {mode:o} and others can read it: run `chmod 700` on it"
        )
    return Finding("store", True, f"the store is {store}, private to you")


def _disk_kind(store: str) -> Finding:
    kind = file_system(store)
    if kind in _NETWORK_FILE_SYSTEMS:
        return Finding(
            "disk",
            False,
            f"the store lies on {kind}, where locks are not safe: set TRACKD_STORE to a folder on a local disk",
        )
    return Finding("disk", True, f"the store lies on {kind or 'a file system of unknown kind'}")


def file_system(path: str, mounts: str = "/proc/self/mounts") -> str:
    """Returns the kind of the file system that holds a path, such as "ext4"; empty where the system does not say."""
    real = os.path.realpath(path)
    found, found_size = "", -1
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.split(" ")
                # The file writes space, tab, newline and backslash as octal escapes.
                point = fields[1].encode("ascii", "surrogateescape").decode("unicode_escape", "replace")
                is_above = real == point or real.startswith(point.rstrip("/") + "/")
                if is_above and len(point) >= found_size:  # of two at one place the later is on top
                    found, found_size = fields[2], len(point)
    except (OSError, IndexError, ValueError):
        return ""
    return found


def _disk_space(store: str) -> Finding:
    free_bytes = shutil.disk_usage(store).free
    words = f"{free_bytes / (1 << 30):.1f} GiB are free"
    if free_bytes < FREE_BYTES_MIN:
        return Finding(
            "space", False, f"{words} on the disk of the store; below 1 GiB runs may be cut: make room"
        )
    return Finding("space", True, words)


def _daemon_answers(store: str, timeout_seconds: float) -> Iterator[Finding]:
    was_alive = _daemon.is_alive(store)
    try:
        from trackd.v1 import run_service_pb2

        request = run_service_pb2.GetDaemonRequest(client_version=VERSION)
        connection = Connection(store, timeout_seconds)
        daemon = connection.manage(lambda stub, options: stub.GetDaemon(request, **options))
        connection.close()
    except CommError as error:
        yield Finding("daemon", False, f"{error}{_last_words(store)}")
        return
    how = "answers" if was_alive else "was started and answers"
    yield Finding("daemon", True, f"the daemon {how} (pid {daemon.pid}, {daemon.http_address})")
    yield _endpoint(store)
    if daemon.version != VERSION:
        yield Finding(
            "version",
            False,
            f"the daemon is trackd {daemon.version}, this is {VERSION}: run `trackd down`, and the next run starts this one",
        )
    damaged = daemon.counters.get("damaged_record_count", 0)
    if damaged:
        yield Finding(
            "records",
            False,
            f"{damaged} records of open runs were damaged on the disk: check the disk, see daemon.log",
        )


def _endpoint(store: str) -> Finding:
    path = os.path.join(store, "endpoint.json")
    endpoint = _daemon.read_endpoint(store)
    if endpoint is None:
        return Finding("endpoint", False, f"{path} cannot be read: run `trackd down`, then `trackd up`")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        return Finding(
            "endpoint", False, f"{path} has mode {mode:o} and holds the token: run `chmod 600` on it"
        )
    if not endpoint.grpc_address.startswith("unix:"):
        return Finding(
            "endpoint",
            True,
            f"gRPC is at {endpoint.grpc_address}, since no folder was private and short enough for a socket",
        )
    size_bytes = len(os.fsencode(endpoint.grpc_address.removeprefix("unix:")))
    if size_bytes > SOCKET_PATH_BYTES_MAX:
        return Finding(
            "endpoint",
            False,
            f"the socket's path is {size_bytes} bytes; the limit is {SOCKET_PATH_BYTES_MAX}: set a shorter TMPDIR",
        )
    return Finding("endpoint", True, f"gRPC is at {endpoint.grpc_address}")


def _logs(store: str) -> Finding:
    folder = os.path.join(store, "log")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    damaged = [name for name in names if name.startswith("damaged-")]
    if damaged:
        return Finding(
            "logs",
            False,
            f"{len(damaged)} damaged logs were set aside in {folder}, such as {damaged[0]}: what could be read is in the "
            "runs; check the disk, then delete them",
        )
    unreadable = [name for name in names if not os.access(os.path.join(folder, name), os.R_OK)]
    if unreadable:
        return Finding(
            "logs",
            False,
            f"{len(unreadable)} logs in {folder} cannot be read, such as {unreadable[0]}: chown them to your user",
        )
    return Finding(
        "logs",
        True,
        f"{len([name for name in names if name.endswith('.log')])} logs are open or wait, all readable",
    )


def _last_words(store: str) -> str:
    """Returns the last line of the daemon's log, to stand behind a sentence."""
    try:
        with open(os.path.join(store, "daemon.log"), encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except OSError:
        return ""
    return f"; its last words: {lines[-1][:300]}" if lines else ""

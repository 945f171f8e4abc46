"""Owns how a client finds the daemon of a store and starts one: endpoint file, lock, spawn.

Invariants: the lock decides whether a daemon lives, never the endpoint file or a pid; a started daemon holds nothing of
this process (no pipe, no terminal, no parent), so that `train.py | tee log` ends with train.py. Uses no gRPC: it also works
in a forked child.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

PROTOCOL_VERSION = 1


class Endpoint(NamedTuple):
    """Where a daemon listens."""

    grpc_address: str
    http_address: str
    token: str
    version: str
    protocol_version: int
    pid: int


def read_endpoint(store: str) -> Endpoint | None:
    """Returns where the store's daemon listens, or None when no daemon has said so."""
    try:
        with open(os.path.join(store, "endpoint.json"), encoding="utf-8") as file:
            data = json.load(file)
        return Endpoint(
            str(data["grpc_address"]),
            str(data["http_address"]),
            str(data["token"]),
            str(data["version"]),
            int(data["protocol_version"]),
            int(data["pid"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_alive(store: str) -> bool:
    """Says whether a daemon holds the store's lock."""
    if fcntl is None:  # pragma: no cover - Windows
        return read_endpoint(store) is not None
    try:
        descriptor = os.open(os.path.join(store, "daemon.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def start(store: str) -> None:
    """Starts a daemon for the store and returns at once; when one lives already, the new one ends by itself.

    Raises:
        OSError: the interpreter cannot be started.
    """
    import subprocess  # most processes find a daemon: they need not wait for this import

    process = subprocess.Popen(
        [sys.executable, "-m", "trackd_service", "--store", store, "--detach"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )
    # --detach forks once more and ends the process started here within milliseconds of its start, before any heavy
    # import: waiting for it leaves no zombie behind.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)

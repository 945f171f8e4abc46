"""Owns the fixtures that every layer of tests shares: a store of its own for a test, and waiting for a condition.

Invariants: no test sees the environment or the store of the person who runs it, and no daemon outlives its test.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing else.
settings.register_profile("trackd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trackd")

# A daemon that is asked to stop seals what it holds first; only a broken one needs this long.
STOP_TIMEOUT_SECONDS = 20.0
# Short beside anything that is waited for, long enough to leave a small machine its cores.
POLL_INTERVAL_SECONDS = 0.01


class WaitUntil(Protocol):
    """The type of the `wait_until` fixture."""

    def __call__(
        self, condition: Callable[[], object], timeout_seconds: float = 60, message: str = "the condition"
    ) -> None: ...


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Gives an empty store that `TRACKD_STORE` names; its daemon ends with the test.

    The environment holds no other `TRACKD_*` or `WANDB_*` variable. The path is short: a Unix socket's path is limited
    to 107 bytes, and pytest's own temporary paths come near.
    """
    for name in os.environ:
        if name.startswith(("TRACKD_", "WANDB_")):
            monkeypatch.delenv(name)
    folder = Path(tempfile.mkdtemp(prefix="trackd-"))
    monkeypatch.setenv("TRACKD_STORE", str(folder))
    monkeypatch.setenv("TRACKD_CAPTURES", "none")  # the tests of captures ask for them
    yield folder
    stop_daemons(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def module_store() -> Iterator[Path]:
    """Gives an empty store that `TRACKD_STORE` names for all tests of a module; its daemon ends with the last."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("TRACKD_", "WANDB_")):
                patch.delenv(name)
        folder = Path(tempfile.mkdtemp(prefix="trackd-"))
        patch.setenv("TRACKD_STORE", str(folder))
        patch.setenv("TRACKD_QUIET", "1")
        patch.setenv("TRACKD_CAPTURES", "none")
        yield folder
        stop_daemons(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def wait_until() -> WaitUntil:
    """Gives a function that returns once `condition()` is true and fails the test when that takes too long."""
    return _wait_until


def _wait_until(
    condition: Callable[[], object], timeout_seconds: float = 60, message: str = "the condition"
) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{message} was not met within {timeout_seconds:g} s")
        time.sleep(POLL_INTERVAL_SECONDS)


def stop_daemons(store: Path) -> None:
    """Ends every daemon of the store: SIGTERM, then SIGKILL for one that has not ended in time.

    Looks through the processes and not at the endpoint file, which a daemon that is still starting has not written.
    """
    daemons = [process for process in psutil.process_iter() if _serves(process, store)]
    for process in daemons:
        # One that a test has stopped (SIGSTOP) takes the signal only when it goes on.
        _signal(process.terminate)
        _signal(process.resume)
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while any(map(_lives, daemons)) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_SECONDS)
    for process in filter(_lives, daemons):
        _signal(process.kill)


def _serves(process: psutil.Process, store: Path) -> bool:
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return False
    return "trackd_service" in arguments and str(store) in arguments


def _lives(process: psutil.Process) -> bool:
    """Says whether the process runs; an ended one that its parent has not reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        send()

"""Owns the fixtures of the crash tests.

Invariants: a test that passes leaves nothing behind; one that fails leaves its store and its ledgers, and says where.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest
from tests.crash.referee import Referee


class MakeReferee(Protocol):
    """The type of the `make_referee` fixture."""

    def __call__(self, seed: int) -> AbstractContextManager[Referee]: ...


class RunProgram(Protocol):
    """The type of the `run_program` fixture."""

    def __call__(
        self, code: str, *arguments: str, timeout_seconds: float = 60, **variables: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TRACKD_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKD_CAPTURES", "none")  # looking around in folders is not what is tested here


@pytest.fixture
def make_referee() -> MakeReferee:
    """Gives a function that opens a fresh store with a referee over it, as a context manager."""
    return _open_referee


@contextlib.contextmanager
def _open_referee(seed: int) -> Iterator[Referee]:
    store, ledgers = (Path(tempfile.mkdtemp(prefix=f"trackd-{kind}-")) for kind in ("crash", "ledger"))
    referee = Referee(store, ledgers, seed)
    try:
        yield referee
    finally:
        referee.close()
    shutil.rmtree(store, ignore_errors=True)
    shutil.rmtree(ledgers, ignore_errors=True)


@pytest.fixture
def run_program() -> RunProgram:
    """Gives a function that runs Python source as a program of its own; one that hangs fails the test."""

    def run(
        code: str, *arguments: str, timeout_seconds: float = 60, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    return run

"""Owns the fixtures of the tests that go through the public API to a real daemon process.

Invariants: tests of one module share a store and its daemon, and each has a project of its own; no run outlives its test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.scripts import RunScript, run_script

import trackd
from trackd import _process


@pytest.fixture
def project(request: pytest.FixtureRequest, module_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Gives a project of the test's own in the module's store, also named by `TRACKD_PROJECT`."""
    assert os.environ["TRACKD_STORE"] == str(module_store)
    name = "".join(
        character if character.isalnum() or character in "-_" else "-" for character in request.node.name
    )
    name = f"{name[:90]}-{abs(hash(request.node.nodeid)) % 10**8}"
    monkeypatch.setenv("TRACKD_PROJECT", name)
    return name


@pytest.fixture(autouse=True)
def finish_all() -> Iterator[None]:
    """Ends the runs that a test leaves open, also one that failed."""
    yield
    _finish_all()


@pytest.fixture
def store(store: Path) -> Iterator[Path]:
    """Ends the runs of a store of the test's own before its daemon: an open run would start another."""
    yield store
    _finish_all()


def _finish_all() -> None:
    for run in _process.running():
        run.finish(quiet=True)
    trackd.finish()


@pytest.fixture
def script(tmp_path: Path) -> RunScript:
    """Gives a function that runs Python source as a program of its own."""
    return run_script(tmp_path)

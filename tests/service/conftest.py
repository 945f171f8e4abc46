"""Owns the fixtures of the tests that go through the public API to a real daemon process.

Invariants: tests of one module share a store and its daemon, and each has a project of its own; no run outlives its test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackd
from tests.conftest import stop_daemons
from tests.service.scripts import RunScript, run_script
from trackd import _run


@pytest.fixture(scope="module")
def module_store() -> Iterator[Path]:
    """Gives an empty store that `TRACKD_STORE` names for all tests of a module; its daemon ends with the last."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("TRACKD_", "WANDB_")):
                patch.delenv(name)
        folder = Path(tempfile.mkdtemp(prefix="trackd-"))
        patch.setenv("TRACKD_STORE", str(folder))
        patch.setenv("TRACKD_QUIET", "1")
        yield folder
        stop_daemons(folder)
        shutil.rmtree(folder, ignore_errors=True)


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
    for run in _run.running():
        run.finish(quiet=True)
    trackd.finish()


@pytest.fixture
def script(tmp_path: Path) -> RunScript:
    """Gives a function that runs Python source as a program of its own."""
    return run_script(tmp_path)

"""Runs in a notebook: a real kernel, its cells run one by one through the protocol that front ends speak."""

from __future__ import annotations

import os
import queue
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from tests.conftest import WaitUntil
from tests.service.reading import find_state, get_run, rows

_CELL_SECONDS = 60.0


class Notebook:
    """A kernel and what its cells have shown."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=_CELL_SECONDS)
        self.shown: list[dict[str, Any]] = []

    def run(self, cell: str) -> str:
        """Runs a cell; returns what it printed, with the error that it ended with."""
        message_id = self.client.execute(cell)
        printed = ""
        deadline = time.monotonic() + _CELL_SECONDS
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=_CELL_SECONDS)
            content, kind = message["content"], message["msg_type"]
            if kind in ("display_data", "update_display_data"):
                self.shown.append({"kind": kind, **content})
            if message["parent_header"].get("msg_id") != message_id:
                continue
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                printed += f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return printed
        raise TimeoutError(cell)

    def cards(self) -> list[str]:
        """Returns the HTML of the cards that were shown and updated so far."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=0)
            except queue.Empty:
                break
            if message["msg_type"] == "update_display_data":
                self.shown.append({"kind": message["msg_type"], **message["content"]})
        return [each["data"]["text/html"] for each in self.shown if "text/html" in each["data"]]

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def notebook(project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    assert project == project_of()  # which the kernel takes from its environment
    monkeypatch.setenv("TRACKD_QUIET", "")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    found = Notebook()
    yield found
    found.close()


def project_of(name: str = "TRACKD_PROJECT") -> str:
    return os.environ[name]


def test_init_in_a_cell_shows_a_card_that_lives(notebook: Notebook, wait_until: WaitUntil) -> None:
    notebook.run('import trackd\nrun = trackd.init(id="r", name="<b>first</b>")')
    (card,) = notebook.cards()
    assert "&lt;b&gt;first&lt;/b&gt;" in card
    assert "<b>first" not in card
    notebook.run("for i in range(7):\n    run.log({'n': i})")
    wait_until(lambda: "step 7" in notebook.cards()[-1], message="the step on the card")
    notebook.run("run.finish()")
    wait_until(lambda: "finished" in notebook.cards()[-1], message="the end on the card")
    ids = {each["transient"]["display_id"] for each in notebook.shown}
    assert len(ids) == 1
    assert [row["n"] for _, row in rows("r", project_of())] == list(range(7))


def test_a_cell_run_again_finishes_the_run_before(notebook: Notebook) -> None:
    notebook.run("import trackd, threading\ncount = threading.active_count()")
    for i in range(5):
        notebook.run(f'run = trackd.init(id="r{i}")\nrun.log({{"n": {i}}})')
    printed = notebook.run("print(threading.active_count() - count, trackd.run.id)")
    assert int(printed.split()[0]) <= 3  # the shipper and gRPC's own, whatever the number of runs
    assert printed.split()[1] == "r4"
    assert [find_state(f"r{i}", project_of()) for i in range(5)] == ["finished"] * 4 + ["running"]


def test_the_magic_runs_a_cell_in_a_run_of_its_own(notebook: Notebook) -> None:
    notebook.run("import trackd\nnotes = []")
    notebook.run("%%trackd id=cell tags=a\nx = 41\nfor i in range(3):\n    trackd.log({'n': i})")
    assert notebook.run("print(x + 1, trackd.run)").split() == ["42", "None"]
    run = get_run("cell", project_of())
    assert find_state("cell", project_of()) == "finished"
    assert list(run.tags) == ["a"]
    printed = notebook.run("%%trackd id=bad\ntrackd.log({'n': 1})\nraise ValueError('bad data')")
    assert "ValueError: bad data" in printed
    assert find_state("bad", project_of()) == "failed"
    assert "bad data" in get_run("bad", project_of()).traceback


def test_an_interrupted_cell_leaves_the_run_at_work(notebook: Notebook) -> None:
    notebook.run('import trackd, signal, os\nrun = trackd.init(id="r")')
    printed = notebook.run(
        "while True:\n    run.log({'n': run.step})\n"
        "    if run.step == 200:\n        os.kill(os.getpid(), signal.SIGINT)"
    )
    assert "KeyboardInterrupt" in printed
    printed = notebook.run("run.log({'n': run.step}); run.flush(60); print(run.step)")
    count = int(re.findall(r"\d+", printed)[-1])
    assert [row["n"] for _, row in rows("r", project_of())] == list(range(count))
    assert find_state("r", project_of()) == "running"


def test_a_kernel_that_is_killed_leaves_a_killed_run(notebook: Notebook, wait_until: WaitUntil) -> None:
    printed = notebook.run(
        'import trackd, os\nrun = trackd.init(id="r")\nrun.log({"n": 1})\nrun.flush(60)\nprint("pid", os.getpid())'
    )
    os.kill(int(printed.rpartition("pid ")[2].split()[0]), signal.SIGKILL)
    wait_until(lambda: find_state("r", project_of()) == "killed")
    assert get_run("r", project_of()).signal == signal.SIGKILL

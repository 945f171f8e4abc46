"""Tests how a run goes on with what was there: resume, fork, rewind, and writers behind ended ones."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil, stop_daemons
from tests.service.reading import find_state, get_run, rows, summary
from tests.service.scripts import RunScript, start_script

import trackd
from trackd.errors import UsageError


def log(run_id: str, values: list[Any], **arguments: Any) -> trackd.Run:
    """Logs values of the metric `n` into a run and ends it."""
    run = trackd.init(id=run_id, reinit="create_new", settings={"quiet": True}, **arguments)
    for value in values:
        run.log({"n": value})
    run.finish()
    return run


def values(run_id: str, project: str) -> list[tuple[int, Any]]:
    """Returns (step, n) of every row."""
    return [(step, row.get("n")) for step, row in rows(run_id, project)]


def numbers(run_id: str, project: str) -> list[tuple[int, Any]]:
    """Returns (step, n) of every row, of a run that has typed records too."""
    scan = trackd.Api().run(f"{project}/{run_id}").scan_history(["_step", "n"])
    return [(row["_step"], row["n"]) for row in scan]


@pytest.mark.parametrize("resume", [None, "allow", "must", "auto", True])
def test_next_process_of_a_run_goes_on_behind_the_last(project: str, resume: Any) -> None:
    log("r", [0, 1, 2])
    log("r", [3, 4], resume=resume)
    assert values("r", project) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
    assert find_state("r", project) == "finished"


def test_process_that_was_killed_is_gone_on_behind(
    project: str, script: RunScript, wait_until: WaitUntil
) -> None:
    code = """
        import os, signal, trackd
        run = trackd.init(id="r", settings={"quiet": True})
        for i in range(5):
            run.log({"n": i})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert script(code).returncode == -signal.SIGKILL
    log("r", [5, 6])
    assert values("r", project) == [(i, i) for i in range(7)]
    wait_until(lambda: find_state("r", project) == "finished")


def test_resumed_run_knows_its_step_config_and_name(project: str) -> None:
    trackd.init(id="r", name="first", config={"lr": 0.1, "depth": 3}, settings={"quiet": True}).finish()
    log("r", [1])
    run = trackd.init(id="r", resume="allow", config={"lr": 0.2}, settings={"quiet": True})
    assert (run.resumed, run.step, run.starting_step, run.name) == (True, 1, 1, "first")
    assert dict(run.config) == {"lr": 0.2, "depth": 3}
    run.log({"n": 2})
    assert run.step == 2
    run.finish()
    assert values("r", project)[-1] == (1, 2)


@pytest.mark.usefixtures("project")
def test_first_process_of_a_run_is_not_resumed() -> None:
    run = trackd.init(id="new", resume="allow", settings={"quiet": True})
    assert (run.resumed, run.step) == (False, 0)
    run.finish()


@pytest.mark.usefixtures("project")
def test_first_question_of_a_process_starts_the_daemon(script: RunScript, module_store: Path) -> None:
    log("r", [0])
    stop_daemons(module_store)
    code = """
        import trackd
        trackd.init(id="r", resume="never", settings={"quiet": True})
    """
    ended = script(code)
    assert "run 'r' exists already" in ended.stderr


def test_resume_must_and_never_say_when_they_cannot_be(project: str) -> None:
    with pytest.raises(UsageError, match="run 'gone' does not exist; resume=\"must\" needs one"):
        trackd.init(id="gone", resume="must", settings={"quiet": True})
    log("there", [0])
    with pytest.raises(UsageError, match="run 'there' exists already"):
        trackd.init(id="there", resume="never", settings={"quiet": True})
    log("fresh", [0], resume="never")
    assert values("there", project) == [(0, 0)]


@pytest.mark.usefixtures("project")
def test_arguments_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        trackd.init(resume="allow", resume_from="r?_step=1")
    with pytest.raises(ValueError, match="fork_from is 'r'; it must be 'RUN_ID\\?_step=N'"):
        trackd.init(fork_from="r")
    with pytest.raises(ValueError, match="give the new run another id"):
        trackd.init(id="r", fork_from="r?_step=1")
    with pytest.raises(ValueError, match="resume is 'maybe'; it can be"):
        trackd.init(resume="maybe")


@pytest.mark.usefixtures("project")
def test_resume_auto_goes_on_with_the_run_that_did_not_end_well(
    script: RunScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKD_DIR", str(tmp_path))
    code = """
        import sys, trackd
        with trackd.init(resume="auto", settings={"quiet": True}) as run:
            print(run.id, run.step)
            run.log({"n": 0})
            sys.exit(int(sys.argv[1]))
    """
    first, second, third = (script(code, code_).stdout.split() for code_ in ("1", "0", "0"))
    assert second == [first[0], "1"]
    assert third[0] != first[0]


def test_writers_at_work_at_once_have_steps_of_their_own(project: str) -> None:
    one = trackd.init(id="r", mode="shared", reinit="create_new", settings={"quiet": True, "label": "rank 0"})
    one.log({"a": 0})
    two = trackd.init(id="r", mode="shared", reinit="create_new", settings={"quiet": True, "label": "rank 1"})
    for i in range(2):
        two.log({"b": i})
    one.log({"a": 1})
    two.finish()
    again = trackd.init(
        id="r", mode="shared", reinit="create_new", settings={"quiet": True, "label": "rank 1"}
    )
    again.log({"b": 2})
    again.finish()
    one.finish()
    assert rows("r", project) == [(0, {"a": 0, "b": 0}), (1, {"a": 1, "b": 1}), (2, {"b": 2})]


def test_where_a_writer_began_is_kept_over_the_death_of_the_daemon(
    store: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    first = start_script(
        tmp_path,
        """
        import sys, trackd
        run = trackd.init(project="p", id="r", settings={"quiet": True})
        run.log({"a": 0})
        run.log({"a": 1})
        assert run.flush(60)
        print("ready", flush=True)
        sys.stdin.readline()
        """,
        stdin=subprocess.PIPE,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    # While the first is at work, the second begins at 0; a later daemon finds the first one gone, and still begins it there.
    second = trackd.init(project="p", id="r", settings={"quiet": True})
    second.log({"b": 0})
    assert second.flush(60)
    os.kill(_pid(store), signal.SIGKILL)
    first.kill()
    first.communicate(timeout=60)
    second.log({"b": 1})
    second.finish()
    wait_until(lambda: find_state("r") not in ("", "running"))
    assert rows("r") == [(0, {"a": 0, "b": 0}), (1, {"a": 1, "b": 1})]


@pytest.mark.usefixtures("store")
def test_offline_runs_of_one_id_are_taken_in_one_behind_the_other(wait_until: WaitUntil) -> None:
    for start in (0, 3, 6):
        log("r", list(range(start, start + 3)), project="p", mode="offline")
    len(trackd.Api().runs("p"))  # starts a daemon, which takes them in
    wait_until(lambda: find_state("r") == "finished")
    assert values("r", "p") == [(i, i) for i in range(9)]


# -- rewind ----------------------------------------------------------------------------------------------------------


def test_rewind_masks_what_is_behind_the_step_and_goes_on_there(store: Path) -> None:
    log("r", list(range(10)), project="p")
    run = trackd.init(project="p", resume_from="r?_step=3", settings={"quiet": True})
    assert (run.id, run.step, run.resumed) == ("r", 4, True)
    assert run.flush(60)
    assert summary("r", "p")["n"] == 3
    run.log({"n": 40})
    run.finish()
    log("r", [50], project="p")  # behind what is left
    expected = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 40), (5, 50)]
    assert values("r", "p") == expected
    assert summary("r", "p")["n"] == 50
    # It stays so in the next daemon, and what was masked stays on the disk.
    stop_daemons(store)
    read = trackd.Api().run("p/r")
    assert values("r", "p") == expected
    assert (read.lastHistoryStep, read.next_step) == (5, 6)
    segments = list((store / "objects" / "segments").rglob("*.parquet"))
    assert len(segments) >= 2


def test_rewind_before_the_first_step_that_was_logged_leaves_nothing(project: str) -> None:
    run = trackd.init(id="r", settings={"quiet": True})
    run.log({"n": 5}, step=5)
    run.finish()
    again = trackd.init(resume_from="r?_step=2", settings={"quiet": True})
    again.log({"n": 3})
    again.finish()
    assert values("r", project) == [(3, 3)]


def test_rewind_survives_the_death_of_the_daemon(store: Path, wait_until: WaitUntil) -> None:
    log("r", list(range(10)), project="p")
    run = trackd.init(project="p", resume_from="r?_step=3", settings={"quiet": True})
    run.log({"n": 40})
    assert run.flush(60)
    os.kill(_pid(store), signal.SIGKILL)
    run.log({"n": 50})
    run.finish()
    wait_until(lambda: find_state("r") == "finished")
    assert values("r", "p") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 40), (5, 50)]


# -- fork ------------------------------------------------------------------------------------------------------------


def test_fork_has_the_history_up_to_the_step_and_the_config(project: str) -> None:
    first = trackd.init(id="old", config={"lr": 0.1, "seed": 1}, settings={"quiet": True})
    first.define_metric("n", summary="max")
    for i in range(10):
        first.log({"n": 10 - i, "text": f"row {i}", "sample": trackd.Html(f"<p>{i}</p>")})
    first.finish()
    run = trackd.init(id="new", fork_from="old?_step=3", config={"lr": 0.2}, settings={"quiet": True})
    assert run.step == 4
    assert dict(run.config) == {"lr": 0.2, "seed": 1}
    run.log({"n": 99})
    run.finish()
    assert numbers("new", project) == [(0, 10), (1, 9), (2, 8), (3, 7), (4, 99)]
    assert numbers("old", project) == [(i, 10 - i) for i in range(10)]
    assert summary("new", project)["n.max"] == 99
    read = trackd.Api().run(f"{project}/new")
    assert read.config == {"lr": 0.2, "seed": 1}
    assert read.forked_from == (f"{project}/old", 3)
    trackd.Api().run(f"{project}/old").delete()
    assert [row["sample"].text() for row in read.scan_history(["sample"])] == [
        f"<p>{i}</p>" for i in range(4)
    ]


@pytest.mark.usefixtures("project")
def test_fork_of_a_run_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="run 'gone' does not exist in project"):
        trackd.init(id="new", fork_from="gone?_step=3", settings={"quiet": True})


@pytest.mark.usefixtures("store")
def test_fork_made_offline_is_taken_over_by_the_daemon(wait_until: WaitUntil) -> None:
    log("old", [0, 1, 2, 3], project="p")
    run = trackd.init(
        project="p", id="new", fork_from="old?_step=1", mode="offline", settings={"quiet": True}
    )
    run.log({"n": 20})
    run.finish()
    missing = trackd.init(
        project="p", id="lost", fork_from="gone?_step=1", mode="offline", settings={"quiet": True}
    )
    missing.log({"n": 20})
    missing.finish()
    wait_until(lambda: find_state("new") == find_state("lost") == "finished")
    assert values("new", "p") == [(0, 0), (1, 1), (2, 20)]
    assert values("lost", "p") == [(2, 20)]
    assert "not taken over" in get_run("lost").ingest_health.message


def _pid(store: Path) -> int:
    from tests.service.reading import get_daemon

    return get_daemon(str(store)).pid

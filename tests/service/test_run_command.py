"""`trackd run`: any program as a run, through a real daemon."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import trackd
from trackd import _api_runs

SECONDS = 60.0
WRAPPER = (sys.executable, "-m", "trackd", "run")


@pytest.fixture(autouse=True)
def own_project(project: str) -> str:
    return project


def wrap(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs `trackd run` to its end."""
    options["env"] = {**os.environ, **options.get("env", {})}
    return subprocess.run(
        [*WRAPPER, *arguments], capture_output=True, text=True, timeout=2 * SECONDS, check=False, **options
    )


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*WRAPPER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def run_named(project: str, run_id: str) -> _api_runs.Run:
    return trackd.Api().run(f"{project}/{run_id}")


def wait_for_state(project: str, run_id: str, *states: str) -> _api_runs.Run:
    deadline = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(trackd.errors.CommError):  # the daemon has not seen the run's log yet
            run = run_named(project, run_id)
            if run.state in states:
                return run
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_console_metrics_config_and_end_of_a_program_are_kept(project: str, tmp_path: Path) -> None:
    program = tmp_path / "train.sh"
    program.write_text(
        "#!/bin/sh\necho begin lr=0.1\nfor i in 0 1 2; do echo step=$i loss=0.$i; done\necho oops >&2\nexit 3\n"
    )
    program.chmod(0o755)
    done = wrap(
        "--id", "a", "--name", "first", "--config", "lr=0.1", "--tag", "x", "--tag", "y", "--group", "g", "--notes", "n",
        "--", str(program), "--token=abc",
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[:2]) == (3, ["begin lr=0.1", "step=0 loss=0.0"])
    assert "oops" in done.stderr.splitlines()
    run = run_named(project, "a")
    assert (run.state, run.name, run.tags, run.group, run.notes, run.config) == (
        "failed", "first", ["x", "y"], "g", "n", {"lr": 0.1},
    )  # fmt: skip
    assert [(row["_step"], row.get("lr"), row["loss"]) for row in run.scan_history()] == [
        (0, 0.1, 0.0), (1, None, 0.1), (2, None, 0.2),
    ]  # fmt: skip
    (writer,) = (writer for writer in run.writers if writer["role"] == "primary")
    lines = sorted((stream, text) for _, stream, _, text in run.console(writer["id"]))
    assert lines == [
        ("stderr", "oops"), ("stdout", "begin lr=0.1"), ("stdout", "step=0 loss=0.0"), ("stdout", "step=1 loss=0.1"),
        ("stdout", "step=2 loss=0.2"),
    ]  # fmt: skip
    assert run.metadata["program"] == str(program)
    assert "abc" not in str(run.metadata)
    assert not any(key.startswith("python") for key in run.metadata)


def test_a_program_that_a_signal_ends_was_killed(project: str) -> None:
    done = wrap("--id", "a", "--", "sh", "-c", "echo loss=1; kill -9 $$")
    assert done.returncode == 128 + signal.SIGKILL
    run = run_named(project, "a")
    assert (run.state, run.signal, run.summary["loss"]) == ("killed", signal.SIGKILL, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_goes_to_the_program_which_decides(project: str, number: int) -> None:
    name = signal.Signals(number).name.removeprefix("SIG")
    wrapper = start(
        "--id",
        "a",
        "--",
        "sh",
        "-c",
        f"trap 'echo got {name}; exit 7' {name}; echo ready; while :; do sleep 0.05; done",
    )
    assert wrapper.stdout is not None
    assert wrapper.stdout.readline() == "ready\n"
    wrapper.send_signal(number)
    output, _ = wrapper.communicate(timeout=SECONDS)
    assert (wrapper.returncode, output) == (7, f"got {name}\n")
    assert run_named(project, "a").state == "failed"


def test_what_is_no_program_is_said_and_makes_no_run(project: str) -> None:
    done = wrap("--id", "a", "--", "no-such-program")
    assert (done.returncode, done.stderr) == (127, "trackd: no-such-program is not found: give its path\n")
    done = wrap("--id", "a", "--", "/etc/passwd")
    assert (done.returncode, done.stderr) == (126, "trackd: /etc/passwd is no program\n")
    done = wrap("--id", "a")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "no program is named" in done.stderr
    trackd.init(project=project, id="b", settings={"quiet": True}).finish()
    assert [run.id for run in trackd.Api().runs(project)] == ["b"]


def test_a_program_that_cannot_be_started_has_failed(project: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF, and nothing behind it")
    broken.chmod(0o755)
    done = wrap("--id", "a", "--", str(broken))
    assert done.returncode == 126
    assert "Exec format error" in done.stderr
    assert run_named(project, "a").state == "failed"


def test_a_program_that_tracks_by_itself_joins_the_run(project: str, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(
        "import trackd\nrun = trackd.init()\nrun.log({'own': 1})\nprint('printed', flush=True)\n"
    )
    assert wrap("--id", "a", "--", sys.executable, str(program)).returncode == 0
    run = run_named(project, "a")
    assert (run.state, run.summary["own"]) == ("finished", 1)
    assert [run.id for run in trackd.Api().runs(project)] == ["a"]
    lines = [text for writer in run.writers for _, _, _, text in run.console(writer["id"])]
    assert lines.count("printed") == 1


def test_log_command_in_a_program_finds_the_run(project: str) -> None:
    done = wrap("--id", "a", "--", "sh", "-c", f"{sys.executable} -m trackd log note=inside")
    assert done.returncode == 0, done.stderr
    assert run_named(project, "a").summary["note"] == "inside"


def test_a_program_survives_the_death_of_the_wrapper(project: str, tmp_path: Path) -> None:
    told, done = tmp_path / "told", tmp_path / "done"
    os.mkfifo(told)
    wrapper = start(
        "--id", "a", "--", "sh", "-c", f"echo ready; read line < {told}; echo $line; echo > {done}"
    )
    assert wrapper.stdout is not None
    assert wrapper.stdout.readline() == "ready\n"
    wait_for_state(project, "a", "running")
    wrapper.kill()
    wrapper.wait()
    told.write_text("still here\n")
    assert wrapper.stdout.readline() == "still here\n"
    wrapper.communicate(timeout=SECONDS)
    assert done.exists()
    # "crashed" where a busy daemon had not met the wrapper yet: then nobody knows what ended it.
    wait_for_state(project, "a", "killed", "crashed")


def test_a_program_sees_the_terminal_and_can_be_interrupted_there(project: str) -> None:
    # What a person at a terminal does: the wrapper leads a session of its own on it.
    process, terminal = pty.fork()
    if process == 0:
        script = "test -t 0 && test -t 1 && test -t 2 && echo terminal; exec sleep 60"
        os.execv(sys.executable, [*WRAPPER, "--id", "a", "--", "sh", "-c", script])
    said, deadline = b"", time.monotonic() + SECONDS
    while b"\nterminal" not in b"\n" + said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    status = os.waitpid(process, 0)[1]
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT
    run = run_named(project, "a")
    assert (run.state, run.signal) == ("killed", signal.SIGINT)


def test_without_metrics_nothing_is_read_in_the_lines(project: str) -> None:
    assert wrap("--id", "a", "--no-metrics", "--", "echo", "loss=1").returncode == 0
    assert "loss" not in run_named(project, "a").summary


def test_disabled_runs_the_program_alone(project: str) -> None:
    done = wrap("--id", "a", "--", "sh", "-c", "echo hello; exit 4", env={"TRACKD_MODE": "disabled"})
    assert (done.returncode, done.stdout, done.stderr) == (4, "hello\n", "")
    trackd.init(project=project, id="b", settings={"quiet": True}).finish()
    assert [run.id for run in trackd.Api().runs(project)] == ["b"]


def test_input_goes_to_the_program(project: str) -> None:
    done = wrap("--id", "a", "--", "sed", "s/^/loss=/", input="1\n2\n")
    assert done.stdout == "loss=1\nloss=2\n"
    assert [row["loss"] for row in run_named(project, "a").scan_history()] == [1, 2]

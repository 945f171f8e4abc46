"""The console of a run, as a reader sees it: lines, progress bars, child processes, secrets, searching, `trackd logs`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil
from tests.service.scripts import RunScript, start_script

import trackd

pytestmark = pytest.mark.usefixtures("project")


def read(run_id: str) -> Any:
    """Returns a run of the test's project."""
    return trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/{run_id}")


def lines(run_id: str, **options: Any) -> list[tuple[str, str]]:
    """Returns (stream, text) of the lines of a run's console."""
    return [(stream, text) for _, stream, _, text in read(run_id).console(**options)]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `trackd`."""
    return subprocess.run(
        [sys.executable, "-m", "trackd", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_what_a_training_prints_is_kept_in_order_and_as_it_was(script: RunScript) -> None:
    ended = script(
        r"""
        import sys, trackd
        with trackd.init(id="r", settings={"quiet": True}):
            print("one")
            print("\x1b[31mred\x1b[0m")
            sys.stderr.write("two\nthree\n")
            print("with", "words", end="")
            print("and an end")
            print("tokenizer loss 0.3 " + "ghp_" + "a1B2" * 9)
        print("after the run")
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert "ghp_a1B2" in ended.stdout  # the terminal shows what the program printed
    found = lines("r")
    assert found[:5] == [
        ("stdout", "one"),
        ("stdout", "\x1b[31mred\x1b[0m"),
        ("stderr", "two"),
        ("stderr", "three"),
        ("stdout", "with wordsand an end"),
    ]
    assert found[5][1].startswith("tokenizer loss 0.3 ")
    assert "ghp_" not in found[5][1]
    assert len(found) == 6


def test_a_progress_bar_is_one_line_in_its_last_state(script: RunScript) -> None:
    ended = script(
        """
        import time, trackd
        from tqdm import tqdm
        with trackd.init(id="r", settings={"quiet": True}):
            for i in tqdm(range(400), desc="train", mininterval=0.001):
                time.sleep(0.001)
            print("done")
        """
    )
    assert ended.returncode == 0, ended.stderr
    found = [text for _, text in lines("r")]
    assert len(found) == 2
    assert found[0].startswith("train: 100%")
    assert "400/400" in found[0]
    assert found[1] == "done"


def test_child_processes_are_kept_where_the_console_is_redirected(script: RunScript) -> None:
    ended = script(
        """
        import os, subprocess, sys, trackd
        with trackd.init(id="r", settings={"quiet": True, "console": "redirect"}):
            print("parent", flush=True)
            subprocess.run([sys.executable, "-c", "print('child')"], check=True)
            os.write(2, b"raw\\n")
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "parent\nchild\n"
    assert sorted(lines("r")) == [("stderr", "raw"), ("stdout", "child"), ("stdout", "parent")]


def test_nothing_is_kept_where_the_console_is_off(script: RunScript) -> None:
    assert (
        script(
            """
        import trackd
        with trackd.init(id="r", settings={"quiet": True, "console": "off"}):
            print("one")
        """
        ).returncode
        == 0
    )
    assert lines("r") == []


def test_forked_workers_have_lines_of_their_own(script: RunScript, wait_until: WaitUntil) -> None:
    ended = script(
        """
        import multiprocessing, trackd
        def work(i):
            print("worker", i)
            return i
        with trackd.init(id="r", settings={"quiet": True}):
            print("parent")
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(work, range(20)) == list(range(20))
            print("parent again")
        """
    )
    assert ended.returncode == 0, ended.stderr

    def printed() -> list[list[str]]:
        run = read("r")
        writers = [writer["id"] for writer in run.writers if writer["console_line_count"]]
        return [[text for *_, text in run.console(writer)] for writer in writers]

    # The logs of forked workers are taken in by themselves, also after the run has ended.
    wait_until(lambda: sum(map(len, printed())) == 22, message="every line")
    assert ["parent", "parent again"] in printed()
    workers = sorted(text for texts in printed() for text in texts if text.startswith("worker"))
    assert workers == sorted(f"worker {i}" for i in range(20))


def test_lines_are_found_by_a_pattern_and_printed_by_the_command(script: RunScript) -> None:
    assert (
        script(
            r"""
        import trackd
        with trackd.init(id="r", settings={"quiet": True}):
            for i in range(25_000):
                print(f"step {i} \x1b[32mloss\x1b[0m {i / 7:.3f}")
        """
        ).returncode
        == 0
    )
    path = f"{os.environ['TRACKD_PROJECT']}/r"
    assert len(lines("r")) == 25_000
    found = list(read("r").console(pattern=r"^step \d*999 loss"))
    assert [number for number, *_ in found] == list(range(999, 25_000, 1000))
    assert len(list(read("r").console(first_line=24_990))) == 10
    ended = command("logs", path, "--lines", "3")
    assert ended.stdout.splitlines()[0].startswith("step 24997 ")
    assert len(command("logs", path, "--grep", "step 1999 ").stdout.splitlines()) == 1
    with pytest.raises(trackd.CommError, match="no regular expression"):
        list(read("r").console(pattern="("))
    assert "no regular expression" in command("logs", path, "--grep", "(").stderr


def test_logs_that_are_followed_end_with_the_run(tmp_path: Path) -> None:
    process = start_script(
        tmp_path,
        """
        import sys, trackd
        run = trackd.init(id="r", settings={"quiet": True})
        print("first", flush=True)
        assert run.flush(60)
        sys.stderr.write("ready\\n")
        sys.stdin.readline()
        print("second")
        run.finish()
        """,
        stdin=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    follower = subprocess.Popen(
        [sys.executable, "-m", "trackd", "logs", f"{os.environ['TRACKD_PROJECT']}/r", "--follow"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == "first\n"
    process.communicate("go on\n", timeout=60)
    rest, _ = follower.communicate(timeout=60)
    assert rest == "ready\nsecond\n"
    assert follower.returncode == 0


# -- the end of a busy training ------------------------------------------------------------------------------------------

BUSY = """
import multiprocessing, os, subprocess, sys, time, trackd
from tqdm import tqdm

def work(i):
    return i * i

run = trackd.init(id=sys.argv[1], settings={"quiet": True})
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"])
with multiprocessing.get_context("fork").Pool(2) as pool:
    for i in tqdm(range(50), desc="epoch"):
        run.log({"loss": 1 / (i + 1), "sum": sum(pool.map(work, range(4)))})
child.wait()
assert run.flush(60)
print("about to end", flush=True)
"""
MEMORY_BYTES = 400 << 20
ENDS: dict[str, tuple[str, str, int | None, int]] = {
    # what the program does last; the state, the exit code and the signal of the run
    "SIGKILL": ("os.kill(os.getpid(), 9)", "killed", None, 9),
    "SIGTERM": ("os.kill(os.getpid(), 15); time.sleep(60)", "killed", None, 15),
    "exception": ("raise ValueError('bad data')", "failed", 1, 0),
    "sys.exit(3)": ("sys.exit(3)", "failed", 3, 0),
    "memory": (f"data = bytearray(b'x') * {4 * MEMORY_BYTES}", "killed", None, 9),
}


@pytest.fixture
def memory_group(wait_until: WaitUntil) -> Iterator[Path]:
    """A control group that may hold MEMORY_BYTES, without swap."""
    is_v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    folder = Path("/sys/fs/cgroup" if is_v2 else "/sys/fs/cgroup/memory") / f"trackd-test-{uuid.uuid4().hex}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    (folder / ("memory.max" if is_v2 else "memory.limit_in_bytes")).write_text(str(MEMORY_BYTES))
    for name in ("memory.swap.max", "memory.swappiness"):
        if (folder / name).exists():
            (folder / name).write_text("0")
    yield folder
    wait_until(
        lambda: (folder / "cgroup.procs").read_text() == "", message="the end of the group's processes"
    )
    folder.rmdir()


@pytest.mark.parametrize("how", ENDS)
def test_a_busy_training_that_ends_leaves_state_last_lines_and_last_values(
    how: str, tmp_path: Path, memory_group: Path, wait_until: WaitUntil
) -> None:
    source, state, exit_code, number = ENDS[how]
    len(trackd.Api().runs())  # a daemon is there, outside of the group
    program = tmp_path / "train.py"
    program.write_text(BUSY + source)
    join = f"echo $$ > {memory_group}/cgroup.procs; " if how == "memory" else ""
    ended = subprocess.run(
        ["/bin/sh", "-c", f'{join}exec "$0" "$@"', sys.executable, str(program), "busy"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == (-number if number else exit_code), ended.stderr
    wait_until(lambda: read("busy").state != "running", message="the end of the run")
    run = read("busy")
    assert (run.state, run.exit_code, run.signal) == (state, exit_code, number)
    assert ("memory ran out" in run.end_reason) == (how == "memory")
    assert ("ValueError: bad data" in run.traceback) == (how == "exception")
    assert dict(run.summary) == {"loss": 1 / 50, "sum": 14}
    found = [text for _, text in lines("busy")]
    assert found[0].startswith("epoch: 100%")
    assert found[1] == "about to end"
    assert signal.Signals(number).name in run.end_reason if number and how != "memory" else True

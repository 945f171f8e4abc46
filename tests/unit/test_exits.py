from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trackd_service import exits
from trackd_service.exits import Exit, ProcessWatch, boot_id

END_MS = 20_000  # far longer than a process of these tests takes to end
MEMORY_BYTES = 64 << 20
V1_ROOT = Path("/sys/fs/cgroup/memory")
V2_ROOT = Path("/sys/fs/cgroup")


def kernel() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


tells_reaped = pytest.mark.skipif(kernel() < (6, 15), reason="the kernel forgets a process that was reaped")


class Held:
    """A Python process that holds a file open, and goes on with its program when it is told to."""

    def __init__(self, path: Path, program: str) -> None:
        path.touch()
        self.path = path
        begin = f"held = open({str(path)!r}, 'rb')\nprint('holds', flush=True)\ninput()\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", begin + textwrap.dedent(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"holds\n"

    def watch(self) -> ProcessWatch:
        watch = ProcessWatch.open(self.process.pid, self.path)
        assert watch is not None
        return watch

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


Start = Callable[[str], Held]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Held] = []

    def start_program(program: str) -> Held:
        started.append(Held(tmp_path / f"log-{len(started)}", program))
        return started[-1]

    yield start_program
    for each in started:
        each.close()


def wait_for_end(watch: ProcessWatch) -> None:
    poll = select.poll()
    poll.register(watch.descriptor, select.POLLIN)
    assert poll.poll(END_MS)


ENDS = [
    ("", Exit(0, 0, is_out_of_memory=False)),
    ("raise SystemExit(3)", Exit(3, 0, is_out_of_memory=False)),
    ("raise ValueError", Exit(1, 0, is_out_of_memory=False)),
    ("import os; os._exit(5)", Exit(5, 0, is_out_of_memory=False)),
    *(
        (f"import os; os.kill(os.getpid(), {int(number)})", Exit(None, number, is_out_of_memory=False))
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV)
    ),
    # Another thread than the first one, which has ended before, ends the process.
    (
        """
        import ctypes, os, threading

        def leave():
            while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z":
                pass
            os._exit(6)

        threading.Thread(target=leave).start()
        ctypes.CDLL(None).pthread_exit(None)
        """,
        Exit(6, 0, is_out_of_memory=False),
    ),
]


@pytest.mark.parametrize(("program", "expected"), ENDS)
def test_a_process_that_is_not_reaped_yet_tells_how_it_ended(
    program: str, expected: Exit, start: Start
) -> None:
    held = start(program)
    watch = held.watch()
    assert watch.exit() is None
    held.go_on()
    wait_for_end(watch)
    assert watch.exit() == expected
    watch.close()
    assert watch.exit() == expected


@tells_reaped
@pytest.mark.parametrize(("program", "expected"), ENDS)
def test_a_process_that_its_parent_has_reaped_tells_how_it_ended(
    program: str, expected: Exit, start: Start
) -> None:
    held = start(program)
    watch = held.watch()
    held.go_on()
    held.process.wait()
    assert watch.exit() == expected
    watch.close()


@tells_reaped
def test_a_process_whose_parent_is_gone_tells_how_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    # The parent ends once its child holds the file; the child then belongs to init, or to another reaper.
    program = f"""
        import os, sys
        if os.fork() == 0:
            held = open({str(path)!r}, "rb")
            print(os.getpid(), flush=True)
            sys.stdin.read(1)
            os._exit(7)
        """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.wait() == 0
        watch = ProcessWatch.open(pid, path)
        assert watch is not None
        assert watch.exit() is None
        parent.stdin.write(b"x")
        parent.stdin.close()
        wait_for_end(watch)
        assert watch.exit() == Exit(7, 0, is_out_of_memory=False)
        watch.close()


def test_a_process_that_does_not_hold_the_file_is_another_one(start: Start, tmp_path: Path) -> None:
    held = start("")
    other = tmp_path / "other"
    other.touch()
    assert ProcessWatch.open(held.process.pid, other) is None
    assert ProcessWatch.open(held.process.pid, tmp_path / "missing") is None
    assert ProcessWatch.open(os.getpid(), held.path) is None


def test_no_process_is_not_watched(start: Start) -> None:
    held = start("")
    held.go_on()
    held.process.wait()
    assert ProcessWatch.open(held.process.pid, held.path) is None
    assert ProcessWatch.open(0, held.path) is None
    assert ProcessWatch.open(-1, held.path) is None


def test_a_watch_that_is_turned_down_or_closed_keeps_no_descriptor(start: Start, tmp_path: Path) -> None:
    held = start("")
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert ProcessWatch.open(held.process.pid, tmp_path / "missing") is None
    watch = held.watch()
    assert watch.descriptor >= 0
    watch.close()
    watch.close()
    assert watch.descriptor == -1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_without_pidfd_the_end_is_told_while_the_process_is_a_zombie(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    held = start("raise SystemExit(3)")
    watch = held.watch()
    assert watch.descriptor == -1
    assert watch.exit() is None
    held.go_on()
    os.waitid(os.P_PID, held.process.pid, os.WEXITED | os.WNOWAIT)
    assert watch.exit() == Exit(3, 0, is_out_of_memory=False)


def test_without_pidfd_a_process_that_was_reaped_has_ended_in_an_unknown_way(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    held = start("raise SystemExit(3)")
    watch = held.watch()
    held.go_on()
    held.process.wait()
    assert watch.exit() == Exit(None, 0, is_out_of_memory=False)


def test_without_pidfd_a_process_lives_as_long_as_any_of_its_threads(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    held = start("""
        import ctypes, os, threading

        def leave():
            while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z":
                pass
            print("alone", flush=True)
            input()
            os._exit(6)

        threading.Thread(target=leave).start()
        ctypes.CDLL(None).pthread_exit(None)
        """)
    watch = held.watch()
    held.go_on()
    assert held.process.stdout is not None
    assert held.process.stdout.readline() == b"alone\n"
    assert watch.exit() is None
    held.go_on()
    os.waitid(os.P_PID, held.process.pid, os.WEXITED | os.WNOWAIT)
    assert watch.exit() == Exit(6, 0, is_out_of_memory=False)


def test_without_pidfd_a_pid_that_is_used_again_does_not_keep_a_process_alive(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    held = start("")
    watch = held.watch()
    # The process of that pid is now one that began at another time.
    monkeypatch.setattr(watch, "_start_ticks", watch._start_ticks - 1)
    assert watch.exit() == Exit(None, 0, is_out_of_memory=False)


def test_a_code_that_was_not_known_at_first_is_known_later(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = start("raise SystemExit(3)")
    watch = held.watch()
    held.go_on()
    os.waitid(os.P_PID, held.process.pid, os.WEXITED | os.WNOWAIT)
    with monkeypatch.context() as without_stat:  # as of a process that hides its status
        without_stat.setattr(exits, "_read_stat", lambda _: None)
        assert watch.exit() == Exit(None, 0, is_out_of_memory=False)
    assert watch.exit() == Exit(3, 0, is_out_of_memory=False)
    watch.close()


# -- memory --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group that may hold MEMORY_BYTES, without swap."""
    is_v2 = (V2_ROOT / "cgroup.controllers").exists()
    folder = (V2_ROOT if is_v2 else V1_ROOT) / f"trackd-test-{uuid.uuid4().hex}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            (folder / ("memory.max" if is_v2 else "memory.limit_in_bytes")).write_text(str(MEMORY_BYTES))
            for name in ("memory.swap.max", "memory.swappiness"):
                if (folder / name).exists():
                    (folder / name).write_text("0")
        except OSError as error:
            pytest.skip(f"the memory of a control group cannot be limited here: {error}")
        yield folder
    finally:
        if folder.exists():
            folder.rmdir()


def join(held: Held, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(held.process.pid))


EATS_MEMORY = f"data = bytearray(b'x') * {4 * MEMORY_BYTES}"


def test_a_process_that_ran_out_of_memory_says_so(start: Start, group: Path) -> None:
    held = start(EATS_MEMORY)
    join(held, group)
    watch = held.watch()
    held.go_on()
    wait_for_end(watch)
    assert watch.exit() == Exit(None, signal.SIGKILL, is_out_of_memory=True)
    watch.close()


def test_a_process_whose_group_is_gone_ran_out_of_memory_when_the_machine_counted_it(
    start: Start, group: Path
) -> None:
    held = start(EATS_MEMORY)
    join(held, group)
    watch = held.watch()
    held.go_on()
    held.process.wait()
    group.rmdir()
    expected = Exit(None, signal.SIGKILL, is_out_of_memory=True)
    if kernel() < (6, 15):  # neither the status nor the group is left
        expected = Exit(None, 0, is_out_of_memory=False)
    assert watch.exit() == expected
    watch.close()


def test_a_process_whose_status_nobody_knows_ran_out_of_memory_when_its_group_counted_it(
    start: Start, group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    held = start(EATS_MEMORY)
    join(held, group)
    watch = held.watch()
    held.go_on()
    held.process.wait()
    assert watch.exit() == Exit(None, signal.SIGKILL, is_out_of_memory=True)


def test_a_process_killed_by_hand_in_a_group_did_not_run_out_of_memory(start: Start, group: Path) -> None:
    held = start("")
    join(held, group)
    watch = held.watch()
    # Another process, outside of the group or in another one, may run out of memory meanwhile: it is not counted here.
    held.process.kill()
    wait_for_end(watch)
    assert watch.exit() == Exit(None, signal.SIGKILL, is_out_of_memory=False)
    watch.close()


def test_a_process_that_outlives_the_one_that_ran_out_of_memory_ends_as_it_ends(
    start: Start, group: Path
) -> None:
    held = start(f"""
        import os
        if os.fork() == 0:
            {EATS_MEMORY}
        os.wait()
        raise SystemExit(4)
        """)
    join(held, group)
    watch = held.watch()
    held.go_on()
    wait_for_end(watch)
    ended = watch.exit()
    watch.close()
    assert "oom_kill 1" in "".join(
        (group / name).read_text()
        for name in ("memory.events", "memory.oom_control")
        if (group / name).exists()
    )
    assert ended == Exit(4, 0, is_out_of_memory=False)


def test_the_boot_has_an_id() -> None:
    assert str(uuid.UUID(boot_id())) == boot_id()

"""Owns what is promised of the console's capture, each in a process of its own whose streams are real."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

END_SECONDS = 60  # far longer than a program of these tests takes

PROLOGUE = """
import ctypes, io, json, multiprocessing, os, signal, subprocess, sys, threading, time
from trackd._console import Console

path, mode = sys.argv[1:]
log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def write(stream, first, lines):
    os.write(log, json.dumps([os.getpid(), stream, first, lines]).encode() + b"\\n")

console = Console(mode, write)
console.start()
"""

Record = tuple[int, str, int, list[str]]  # pid, stream, first number, lines


class Program:
    """A process that has run to its end, with what it wrote and what was captured."""

    def __init__(self, path: Path, text: str, mode: str, stdout: int = subprocess.PIPE) -> None:
        path.touch()
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", PROLOGUE + textwrap.dedent(text), path, mode],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            timeout=END_SECONDS,
            check=False,
        )
        self.code = done.returncode
        self.stdout, self.stderr = (done.stdout or b"").decode(errors="replace"), done.stderr.decode()
        self.records: list[Record] = [tuple(json.loads(line)) for line in path.read_text().splitlines()]
        self.pids = list(dict.fromkeys(pid for pid, *_ in self.records))

    def lines(self, stream: str = "", pid: int = 0) -> list[str]:
        """Returns the last text of every number, ascending."""
        numbered: dict[int, tuple[str, str]] = {}
        for of_pid, of_stream, first, lines in self.records:
            if of_pid == (pid or self.pids[0]):
                numbered.update({first + index: (of_stream, line) for index, line in enumerate(lines)})
        assert sorted(numbered) == list(range(len(numbered)))
        return [text for _, (of_stream, text) in sorted(numbered.items()) if stream in ("", of_stream)]


Run = Callable[..., Program]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_program(text: str, mode: str = "wrap", stdout: int = subprocess.PIPE) -> Program:
        return Program(tmp_path / "captured", text, mode, stdout)

    return run_program


both_modes = pytest.mark.parametrize("mode", ["wrap", "redirect"])


@both_modes
def test_streams_show_what_they_showed_and_lines_are_captured(run: Run, mode: str) -> None:
    program = run(
        """
        print("one")
        print("\\x1b[31mred\\x1b[0m", flush=True)
        sys.stdout.writelines(["two\\n", "three"])
        print("\N{SNOWMAN}", file=sys.stderr)
        sys.stdout.flush()
        console.stop()
        console.stop()
        print("after", flush=True)
        """,
        mode,
    )
    assert (program.stdout, program.stderr) == ("one\n\x1b[31mred\x1b[0m\ntwo\nthreeafter\n", "\N{SNOWMAN}\n")
    assert program.lines("stdout") == ["one", "\x1b[31mred\x1b[0m", "two", "three"]
    assert program.lines("stderr") == ["\N{SNOWMAN}"]


def test_off_captures_nothing(run: Run) -> None:
    program = run("print('one'); console.flush(); console.stop()", "off")
    assert program.stdout == "one\n"
    assert program.records == []


def test_streams_merge_in_the_order_of_writing(run: Run) -> None:
    program = run("for index in range(20): print(index, file=(sys.stdout, sys.stderr)[index % 2])")
    assert program.lines() == list(map(str, range(20)))
    assert program.lines("stderr") == list(map(str, range(1, 20, 2)))


@both_modes
def test_progress_bars_collapse(run: Run, mode: str) -> None:
    program = run(
        """
        from tqdm import tqdm
        for _ in tqdm(range(3), desc="outer", ascii=True):
            for _ in tqdm(range(2_000), desc="inner", ascii=True, mininterval=0, leave=False):
                pass
        console.stop()
        """,
        mode,
    )
    lines = [line for line in program.lines() if line]
    assert [line[:11] for line in lines] == ["outer: 100%"]
    assert program.stderr.count("inner:") > 5_000
    assert len(program.records) < 1_000


def test_stream_remains_what_it_is(run: Run) -> None:
    program = run(
        """
        stream = sys.stdout
        console.stop()
        kind, known = type(stream), (stream.isatty(), stream.fileno(), stream.encoding, stream.errors, stream.buffer)
        console.start()
        assert sys.stdout is stream and type(stream) is kind and isinstance(stream, io.TextIOWrapper)
        assert known == (stream.isatty(), stream.fileno(), stream.encoding, stream.errors, stream.buffer)
        assert stream.write("12345\\n") == 6
        for bad in (1, b"bytes", None):
            try:
                stream.write(bad)
            except TypeError as error:
                assert "must be str" in str(error)
            else:
                raise AssertionError
        console.stop()
        assert "write" not in vars(stream)
        """
    )
    assert (program.code, program.stderr) == (0, "")
    assert program.lines() == ["12345"]


@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_other_wrappers_can_be_taken_off_in_any_order(run: Run, order: str) -> None:
    program = run(
        f"""
        before, heard = sys.stdout.write, []
        sys.stdout.write = lambda text: (heard.append(text), before(text))[1]
        print("both")
        if {order!r} == "ours first":
            console.stop()
            print("theirs")
            sys.stdout.write = before
        else:
            sys.stdout.write = before
            print("ours")
            console.stop()
        print("none")
        assert heard == ["both", "\\n"] + (["theirs", "\\n"] if {order!r} == "ours first" else [])
        """
    )
    assert program.code == 0, program.stderr
    assert program.lines() == ["both"] + (["ours"] if order == "theirs first" else [])


@both_modes
def test_consoles_of_several_runs_do_not_disturb_each_other(run: Run, mode: str) -> None:
    program = run(
        """
        heard = []
        print("first", flush=True)
        for index in range(20):
            other = Console(mode, lambda stream, first, lines: heard.extend(lines))
            other.start()
            print(index, flush=True)
            console.stop()
            console = other
        console.stop()
        assert "write" not in vars(sys.stdout)
        assert set(map(str, range(20))) <= set(heard), heard
        """,
        mode,
    )
    assert program.code == 0, program.stderr
    assert program.lines()[:2] == ["first", "0"]


def test_threads_print_at_once_without_losing_or_mixing_lines(run: Run) -> None:
    program = run(
        """
        sys.setswitchinterval(1e-5)
        def talk(name):
            for index in range(2_000):
                sys.stdout.write(f"{name} {index}\\n")
        threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        console.stop()
        """
    )
    lines = program.lines()
    assert len(lines) == 8_000
    for name in "abcd":
        assert [line for line in lines if line[0] == name] == [f"{name} {index}" for index in range(2_000)]


def test_signal_handler_prints_at_any_moment(run: Run) -> None:
    program = run(
        """
        count, is_inside = 0, False
        def handle(number, frame):
            global count, is_inside
            if not is_inside:  # two of them would meet in the stream's own buffer
                is_inside = True
                count += 1
                sys.stderr.write(f"signal {count}\\n")
                is_inside = False
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
        index = 0
        while count < 500 or index < 5_000:
            sys.stdout.write(f"line {index}\\n")
            index += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        console.stop()
        print(index, count)
        """
    )
    assert program.code == 0, program.stderr
    index, count = map(int, program.stdout.splitlines()[-1].split())
    assert program.lines("stdout") == [f"line {number}" for number in range(index)]
    assert program.stderr.splitlines() == [f"signal {number + 1}" for number in range(count)]
    # Only what a handler prints while another's lines are passed on is not kept.
    heard = [int(line.removeprefix("signal ")) for line in program.lines("stderr")]
    assert heard == sorted(set(heard))
    assert len(heard) > 0.9 * count


def test_exception_of_a_signal_handler_is_the_programs(run: Run) -> None:
    program = run(
        """
        class Late(Exception): pass
        def write(stream, first, lines):
            signal.raise_signal(signal.SIGALRM)
        def handle(number, frame):
            raise Late
        signal.signal(signal.SIGALRM, handle)
        console._write = write
        try:
            print("one")
        except Late:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            print("raised", file=sys.stderr)
        print("two")
        """
    )
    assert program.stderr == "raised\n"
    assert program.stdout == "one\ntwo\n"


def test_write_may_print(run: Run) -> None:
    program = run(
        """
        def write_and_tell(stream, first, lines):
            print("written", file=sys.stderr)
            write(stream, first, lines)
        console._write = write_and_tell
        print("one")
        print("two")
        console.stop()
        """
    )
    assert program.stderr == "written\n" * 4
    assert program.lines("stdout") == ["one", "two"]
    assert program.lines("stderr") == ["written", "written"]


def test_fault_of_the_capture_is_not_the_programs(run: Run) -> None:
    program = run("console._lines = None\nprint('one')\nconsole.stop()")
    assert (program.code, program.stdout, program.stderr) == (0, "one\n", "")


def test_print_does_not_wait_for_a_thread_that_waits_for_it(run: Run) -> None:
    program = run(
        """
        inside, may_end = threading.Event(), threading.Event()
        def write_slowly(stream, first, lines):
            if lines == ["slow"]:
                inside.set()
                may_end.wait()
            write(stream, first, lines)
        console._write = write_slowly
        thread = threading.Thread(target=print, args=("slow",))
        thread.start()
        inside.wait()
        print("quick")
        assert console.flush()
        may_end.set()
        thread.join()
        """
    )
    assert program.code == 0, program.stderr
    assert program.lines() == ["slow", "quick"]


@pytest.mark.parametrize("how", ["os.fork", "multiprocessing"])
def test_forked_child_counts_anew_and_waits_for_nobody(run: Run, how: str) -> None:
    program = run(
        f"""
        os.register_at_fork(after_in_child=console.after_fork)
        print("parent")
        sys.stdout.write("half")
        def child():
            print("child", flush=True)
            print("error", file=sys.stderr)
        console._lock.acquire()  # as another thread may have it in the moment of the fork
        if {how!r} == "os.fork":
            pid = os.fork()
            if not pid:
                child()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        else:
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            assert process.exitcode == 0
        console._lock.release()
        print(" line")
        """
    )
    assert program.code == 0, program.stderr
    parent, child = program.pids
    assert program.lines(pid=parent) == ["parent", "half line"]
    assert program.lines(pid=child) == ["child", "error"]


def test_line_is_passed_on_before_print_returns(run: Run) -> None:
    program = run("print('last words', file=sys.stderr)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert program.code == -signal.SIGKILL
    assert program.lines() == ["last words"]


def test_lines_of_one_write_are_passed_on_in_one_call(run: Run) -> None:
    program = run("sys.stdout.write('\\n'.join(map(str, range(1_000))) + '\\n')")
    assert [record[1:] for record in program.records] == [("stdout", 0, list(map(str, range(1_000))))]


def test_redraws_are_held_back_until_flush(run: Run) -> None:
    program = run(
        """
        nudges = []
        console.nudge = lambda: nudges.append(None)
        assert not console.flush()
        for percent in range(50):
            sys.stdout.write(f"\\r{percent} %")
        assert nudges == [None]
        while console.flush(): pass
        sys.stdout.write("\\r51 %")
        assert nudges == [None, None]
        console.stop()
        """
    )
    assert program.code == 0, program.stderr
    assert [record[1:] for record in program.records] == [("stdout", 0, ["49 %"]), ("stdout", 0, ["51 %"])]


def test_redraws_are_passed_on_by_writes_when_nobody_flushes(run: Run) -> None:
    program = run(
        """
        sizes, begin = [0], time.monotonic()
        while sizes[-1] < 3:
            assert time.monotonic() < begin + 30
            sys.stdout.write(f"\\r{time.monotonic()}")
            sizes.append(os.path.getsize(path) and sizes[-1] + (os.path.getsize(path) != sizes[0]))
            sizes[0] = os.path.getsize(path)
        assert time.monotonic() > begin + 0.2
        """
    )
    assert program.code == 0, program.stderr


def test_redraw_does_not_wait_longer_for_the_lines_before_it(run: Run) -> None:
    program = run(
        """
        sys.stdout.write("line\\n" * 100_000 + "0 %")
        while console.flush(): pass
        begin = time.monotonic()
        sys.stdout.write("\\r1 %")
        while console.flush(): pass
        assert time.monotonic() < begin + 1
        """
    )
    assert program.code == 0, program.stderr
    assert program.lines()[-1] == "1 %"


def test_many_lines_cost_few_calls_and_none_is_lost(run: Run) -> None:
    program = run("for index in range(100_000): print(index)\nconsole.stop()")
    assert program.lines() == list(map(str, range(100_000)))
    assert len(program.records) < 50_000


def test_huge_write_is_passed_on_in_parts(run: Run) -> None:
    program = run("print('x' * 1_000_000)\nconsole.stop()")
    assert "".join(program.lines()) == "x" * 1_000_000
    assert max(sum(map(len, lines)) for *_, lines in program.records) <= 1 << 20


@both_modes
def test_broken_pipe_is_the_programs(run: Run, mode: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        program = run(
            """
            try:
                while True: print("lost", flush=True)
            except BrokenPipeError:
                print("broken", file=sys.stderr)
            os._exit(0)
            """,
            mode,
            stdout=writer,
        )
    finally:
        os.close(writer)
    assert program.stderr == "broken\n"


def test_process_without_streams_has_none_captured(run: Run) -> None:
    program = run(
        """
        console.stop()
        real, sys.stdout = sys.stdout, None
        console.start()
        print("nowhere")
        print("error", file=sys.stderr)
        console.stop()
        sys.stdout = real
        """
    )
    assert program.code == 0
    assert program.lines() == ["error"]


def test_redirect_captures_children_and_c_libraries(run: Run) -> None:
    program = run(
        """
        os.write(1, b"raw\\n")
        subprocess.run("echo child; echo error >&2", shell=True)
        library = ctypes.CDLL(None)
        library.puts(b"buffered by C")
        os.write(1, b"\\xff \\xe2\\x98")
        os.write(1, b"\\x83\\n")
        console.stop()
        """,
        "redirect",
    )
    assert program.stdout.startswith("raw\nchild\n")
    assert program.lines("stdout") == ["raw", "child", "\ufffd \N{SNOWMAN}", "buffered by C"]
    assert program.lines("stderr") == ["error"]


def test_redirect_survives_much_output_of_c_code_that_holds_the_interpreter(run: Run) -> None:
    program = run(
        """
        library = ctypes.PyDLL(None)  # whose calls hold the interpreter's lock
        assert library.puts(b"x" * 5_000_000) >= 0
        console.stop()
        """,
        "redirect",
    )
    assert program.stdout == "x" * 5_000_000 + "\n"
    assert "".join(program.lines()) == "x" * 5_000_000


def test_redirected_terminal_remains_a_terminal(tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("4H", 12, 34, 0, 0))
    program = """
        print("\\x1b[31m", sys.stdout.isatty(), *os.get_terminal_size(1))
        console.stop()
        """
    try:
        captured = Program(tmp_path / "captured", program, "redirect", stdout=writer)
        assert os.read(reader, 1_000) == b"\x1b[31m True 34 12\r\n"
    finally:
        os.close(reader)
        os.close(writer)
    assert captured.lines() == ["\x1b[31m True 34 12"]


def test_redirected_output_outlives_a_killed_process(run: Run) -> None:
    program = run("print('x' * 3_000_000, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)", "redirect")
    assert program.code == -signal.SIGKILL
    assert program.stdout == "x" * 3_000_000 + "\n"


def test_redirected_child_that_lives_on_neither_holds_the_end_up_nor_breaks(run: Run) -> None:
    program = run(
        """
        child = subprocess.Popen("read line; echo end", shell=True, stdin=subprocess.PIPE)
        begin = time.monotonic()
        print("parent")
        console.stop()
        assert time.monotonic() < begin + 5
        child.communicate(b"go on\\n")
        assert child.returncode == 0
        """,
        "redirect",
    )
    assert program.stdout == "parent\nend\n"
    assert program.lines() == ["parent"]


def test_redirect_gives_the_streams_back_when_its_helper_is_killed(run: Run) -> None:
    program = run(
        """
        original = os.fstat(console._sources[0]._branches[0]._original).st_ino
        console._sources[0]._branches[0]._process.kill()
        while os.fstat(1).st_ino != original: pass
        print("goes on")
        console.stop()
        """,
        "redirect",
    )
    assert (program.code, program.stdout, program.stderr) == (0, "goes on\n", "")


def test_redirected_forked_child_waits_for_nobody(run: Run) -> None:
    program = run(
        """
        os.register_at_fork(after_in_child=console.after_fork)
        pid = os.fork()
        print("child" if not pid else "parent", flush=True)
        console.stop() if not pid else os.waitpid(pid, 0)
        console.stop()
        """,
        "redirect",
    )
    assert program.code == 0, program.stderr
    assert sorted(program.lines()) == ["child", "parent"]
    assert sorted(program.stdout.split()) == ["child", "parent"]


def test_redirect_without_tee_captures_what_python_writes(run: Run) -> None:
    program = run(
        """
        console.stop()
        os.environ["PATH"] = ""
        console.start()
        print("one", flush=True)
        os.write(1, b"two\\n")
        console.stop()
        """,
        "redirect",
    )
    assert (program.code, program.stdout) == (0, "one\ntwo\n")
    assert program.lines() == ["one"]

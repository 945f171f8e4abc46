"""Owns the capture of a process's console: what it writes to stdout and stderr also becomes lines of its run's log.

Invariants:
- What is written reaches the real stream first, as if nothing were captured: the same bytes, results and exceptions.
- A line that is complete is passed on before `print` returns; what is redrawn, and what comes too fast, waits 0.1 s.
- No write waits for a lock without bound: signal handlers, finalizers and other threads may print at any moment.
- No reader of a redirected stream needs this process: a pipe that is read by one of its own threads would hang it as soon
  as C code prints much while it holds the interpreter's lock, and would end children that live longer than it does.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any

from trackd._console_lines import Lines

_HOLD_SECONDS = 0.1  # an eye does not tell ten redraws a second from more
_REDRAW_CHARACTERS = 4_096  # sent again in that time at most: a long line in progress is sent more rarely
_CALLS_MAX = 200  # in that time, 2,000 a second: each costs some 10 µs, so this is 2 % of a core
_CALL_CHARACTERS_MAX = 256 << 10  # far below what a record may have, also when every character takes 4 bytes
_WAIT_SECONDS = 0.05  # for another thread to pass its lines on, which may in turn wait for this one
_POLL_SECONDS = 0.02  # between looks at redirected streams, which is also how exactly they merge
_DRAIN_SECONDS = 1.0  # for the rest of redirected streams at the end
_QUIET_SECONDS = 0.25  # without anything new, when a child holds them open: `tee` needs a millisecond
_DRAIN_POLL_SECONDS = 0.002
_READ_BYTES = 256 << 10
_PUNCH_BYTES = 4 << 20  # of a capture file given back to the disk at once

_NEVER = math.inf
_DESCRIPTORS = {"stdout": 1, "stderr": 2}

Put = Callable[[str, str], None]  # takes (stream, text)


class Console:
    """Captures the console for one run.

    What is redirected is copied to where it went by a `tee` process a stream, and read here every 20 ms. So all that was
    written reaches the terminal even when this process is killed; lines of the last 20 ms are then missing in the log. On a
    terminal, stdout and stderr may overtake each other by a millisecond. A child that lives on writes through `tee` until
    it ends, which keeps the output in an unnamed temporary file; in the log it is missing from `stop` on.

    Attributes:
        nudge: Called when something is first held back: `flush` is due within 0.1 s.
        on_text: Hears (stream, text) as it comes, beside the lines; it must not raise.
    """

    def __init__(self, mode: str, write: Callable[[str, int, list[str]], None]) -> None:
        """Sets what is captured, and where it goes.

        Args:
            mode: "wrap" for what Python writes through `sys.stdout` and `sys.stderr`, "redirect" for all that is written
                to the file descriptors 1 and 2, by child processes and C libraries too, or "off". Redirecting falls back
                to wrapping where it is not possible.
            write: Takes (stream, number of the first line, lines); stream is "stdout" or "stderr". A later line of a number
                replaces an earlier one. It must not raise, and may print.
        """
        self.nudge: Callable[[], None] = lambda: None
        self.on_text: Put | None = None
        self._mode = mode
        self._write = write
        self._sources: list[_Tap | _Redirection] = []
        self._reset()

    def _reset(self) -> None:
        self._lines = Lines()
        self._queue: deque[tuple[str, str, int]] = deque()
        self._lock = threading.RLock()
        self._is_busy = False  # the lock does not keep a signal handler of its own thread out; this does
        self._writer = 0  # the thread that is in `write`
        self._generation = 0  # of what it writes: 1 when that was printed within `write`
        self._call_count = 0
        self._window_end = 0.0
        self._held_time = _NEVER  # since when changed lines wait
        self._next_redraw_time = 0.0
        self._is_nudged = False

    def start(self) -> None:
        """Begins to capture."""
        if self._sources or self._mode == "off":
            return
        redirection = _redirect(self._put) if self._mode == "redirect" else None
        if redirection is not None:
            self._sources.append(redirection)
        streams = [("stdout", sys.stdout)]
        if sys.stderr is not sys.stdout:
            streams.append(("stderr", sys.stderr))
        for name, stream in streams:
            # A notebook's streams do not write to the descriptors.
            if redirection is None or not _writes_to_descriptor(stream, name):
                tap = _tap(stream, name, self._put)
                if tap is not None:
                    self._sources.append(tap)

    def flush(self) -> bool:
        """Passes on what is held back and due; returns whether more is, so that this is to be called again in 0.1 s."""
        return self._work("flush")

    def stop(self) -> None:
        """Gives the streams back and passes on the rest; a redirected stream's within 1 s."""
        while self._sources:
            self._sources.pop().remove(self._put)
        self._work("stop")

    def after_fork(self) -> None:
        """In a forked child: begins anew with numbers and locks.

        What the child writes to redirected descriptors remains the parent's, which they still lead to.
        """
        _forget_redirection()
        self._sources = [source for source in self._sources if isinstance(source, _Tap)]
        self._reset()

    def _put(self, stream: str, text: str) -> None:
        generation = 0
        if self._writer == threading.get_ident():
            # Within `write`: a signal handler's, or its own. The former is kept; the latter would go on for ever.
            generation = self._generation + 1
            if generation > 1:
                return
        if self.on_text is not None:
            self.on_text(stream, text)
        self._queue.append((stream, text, generation))
        self._work("")

    def _work(self, reason: str) -> bool:
        """Takes what is queued and passes on what is due; returns whether something is held back.

        Args:
            reason: "" for what was just written, "flush" or "stop".
        """
        is_held = True
        while self._queue or reason:
            lock = self._lock
            try:
                # Where it is not to be had in time, whoever has it will take what is queued here, too.
                if not lock.acquire(timeout=_WAIT_SECONDS) or self._is_busy:
                    return True
                self._is_busy = True
                try:
                    is_held = self._pass_on(reason)
                finally:
                    self._is_busy = False
            except Exception as error:
                if not _is_ours(error):  # raised by a signal handler that came in between
                    raise
            finally:
                # Asked of the lock itself: a KeyboardInterrupt may come between taking it and noting so.
                try:  # noqa: SIM105 - contextlib.suppress takes half a microsecond, at every write
                    lock.release()
                except RuntimeError:
                    pass
            reason = ""
        return is_held

    def _pass_on(self, reason: str) -> bool:
        lines, queue = self._lines, self._queue
        generation = 0
        while queue:
            stream, text, of_text = queue.popleft()
            generation = max(generation, of_text)
            lines.feed(stream, text)
        now = monotonic()
        if now >= self._window_end:
            self._window_end = now + _HOLD_SECONDS
            self._call_count = 0
        due_time = (
            self._next_redraw_time if reason else max(self._next_redraw_time, self._held_time + _HOLD_SECONDS)
        )
        is_due = lines.has_changed and (now >= due_time or reason == "stop")
        if lines.has_completed and (is_due or reason or self._call_count < _CALLS_MAX):
            self._send(lines.take(everything=False), generation)
        if is_due:
            size = self._send(lines.take(everything=True), generation)
            self._next_redraw_time = now + _HOLD_SECONDS * max(1, size / _REDRAW_CHARACTERS)
        if not lines.has_changed:
            self._held_time = _NEVER
        elif self._held_time == _NEVER:
            self._held_time = now
        is_held = lines.has_changed or lines.has_completed
        if not is_held:
            if reason:
                self._is_nudged = False
        elif not self._is_nudged:
            self._is_nudged = True
            self.nudge()
        return is_held

    def _send(self, groups: Iterable[tuple[str, int, list[str]]], generation: int) -> int:
        """Passes lines on, some at a time; returns how many characters they had."""
        self._generation = generation
        self._writer = threading.get_ident()
        total = 0
        try:
            for stream, first, lines in groups:
                begin = size = 0
                for index, line in enumerate(lines):
                    if size + len(line) > _CALL_CHARACTERS_MAX and index > begin:
                        self._call(stream, first + begin, lines[begin:index])
                        begin, size = index, 0
                    size += len(line)
                    total += len(line)
                self._call(stream, first + begin, lines[begin:])
        finally:
            self._writer = 0
        return total

    def _call(self, stream: str, first: int, lines: list[str]) -> None:
        self._call_count += 1
        self._write(stream, first, lines)


def _is_ours(error: Exception) -> bool:
    """Says whether an exception was raised in this package, not in a handler that ran within it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("trackd.")


class _Tap:
    """Stands before the `write` of one stream object.

    It is set on the object itself, which stays what it is to whoever holds it. The `writelines` of the standard library's
    streams call `write`, and so does `print`.
    """

    __slots__ = ("_name", "_previous", "_puts", "_stream", "_write")

    def __init__(self, stream: Any, name: str) -> None:
        """Sets itself before what the stream has, another library's wrapper maybe; raises what setting it raises."""
        self._stream = stream
        self._name = name
        self._previous = vars(stream).get("write")
        self._write = stream.write
        self._puts: tuple[Put, ...] = ()
        stream.write = self.write

    def write(self, *args: Any, **kwargs: Any) -> Any:
        """Writes as the stream does, then has the text captured."""
        result = self._write(*args, **kwargs)
        if args and isinstance(args[0], str):
            for put in self._puts:
                put(self._name, args[0])
        return result

    def add(self, put: Put) -> None:
        """Has a console hear of what is written."""
        self._puts = (*self._puts, put)

    def remove(self, put: Put) -> None:
        """Captures no longer; behind the last that does, the stream is as it was, unless somebody stands before us."""
        self._puts = tuple(each for each in self._puts if each != put)
        if not self._puts and _tap_of(self._stream) is self:
            if self._previous is None:
                del self._stream.write
            else:
                self._stream.write = self._previous


def _tap(stream: Any, name: str, put: Put) -> _Tap | None:
    """Has a stream captured; None where it cannot be."""
    tap = _tap_of(stream)
    if tap is None:
        try:
            tap = _Tap(stream, name)
        except (AttributeError, TypeError):  # None, without a console, or an object that takes no attributes
            return None
    tap.add(put)
    return tap


def _tap_of(stream: Any) -> _Tap | None:
    """Returns what stands before a stream's `write` if that is ours."""
    owner = getattr(getattr(stream, "__dict__", {}).get("write"), "__self__", None)
    return owner if isinstance(owner, _Tap) else None


def _writes_to_descriptor(stream: Any, name: str) -> bool:
    try:
        return bool(stream.fileno() == _DESCRIPTORS[name])
    except (AttributeError, OSError, ValueError):
        return False


class _Redirection:
    """The redirected descriptors of this process, for all its consoles."""

    def __init__(self) -> None:
        """Redirects them; raises OSError where that is not possible, and has changed nothing then."""
        self._puts: tuple[Put, ...] = ()
        self._branches: list[_Branch] = []
        self._round_count = 0
        self._ending, self._ended = threading.Event(), threading.Event()
        try:
            for name in _DESCRIPTORS:
                _flush_stream(name)
                self._branches.append(_Branch(name))
        except OSError:
            self._restore()
            for branch in self._branches:
                branch.close()
            raise
        threading.Thread(target=self._follow, name="trackd-console", daemon=True).start()

    def add(self, put: Put) -> None:
        """Has a console hear of what is written."""
        self._puts = (*self._puts, put)

    def remove(self, put: Put) -> None:
        """Captures no longer; the last that does leads the descriptors back and waits for what is written, 1 s at most."""
        global _redirection
        if self._puts != (put,):
            self._await_rounds()
            self._puts = tuple(each for each in self._puts if each != put)
            return
        _redirection = None
        for name in _DESCRIPTORS:
            _flush_stream(name)
        _flush_c_stdout()
        self._restore()
        self._ending.set()
        self._ended.wait(_DRAIN_SECONDS)
        self._puts = ()

    def forget(self) -> None:
        """In a forked child: closes what is the parent's."""
        for branch in self._branches:
            branch.forget()

    def _await_rounds(self) -> None:
        """Waits until what `tee` has now is read, as far as that can be known: it tells nobody when it is through."""
        last, deadline = self._round_count + 2, monotonic() + _DRAIN_SECONDS
        while self._round_count < last and monotonic() < deadline:
            sleep(_DRAIN_POLL_SECONDS)

    def _restore(self) -> None:
        for branch in self._branches:
            branch.restore()

    def _follow(self) -> None:
        while not self._ending.wait(_POLL_SECONDS):
            if any(branch.has_ended() for branch in self._branches):
                self._restore()  # somebody has ended `tee`: nobody shall write to a pipe that no one reads
            self._read()
            self._round_count += 1
        now = monotonic()
        end, quiet_end = now + _DRAIN_SECONDS, now + _QUIET_SECONDS
        while now < min(end, quiet_end) and not all(branch.has_ended() for branch in self._branches):
            if self._read():
                quiet_end = now + _QUIET_SECONDS
            sleep(_DRAIN_POLL_SECONDS)
            now = monotonic()
        self._read(is_final=True)
        for branch in self._branches:
            branch.close()
        self._ended.set()

    def _read(self, is_final: bool = False) -> bool:
        """Has what can be read now captured, alternately from the streams; returns whether there was anything."""
        round_count, is_new = 0, True
        while is_new:
            is_new = False
            for branch in self._branches:
                text = branch.read(is_final)
                is_new |= bool(text)
                for put in self._puts if text else ():
                    put(branch.name, text)
            round_count += 1
        return round_count > 1


class _Branch:
    """One redirected descriptor: `tee` writes on to where it led, and into a file that is read here.

    A terminal is replaced by a pseudo-terminal, anything else by a pipe. The file has no name and takes what is not read
    yet, so neither a slow reader nor a full disk holds the writers up; a terminal that is blocked does, as it would.
    """

    def __init__(self, name: str) -> None:
        """Redirects the stream's descriptor; raises OSError where that is not possible, and has changed nothing then."""
        import codecs
        import subprocess
        import tempfile

        self.name = name
        self._descriptor = _DESCRIPTORS[name]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._position = self._punched_position = 0
        with contextlib.ExitStack() as stack:
            self._original = os.dup(self._descriptor)
            stack.callback(os.close, self._original)
            self._file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            reader, writer = _open_terminal(self._descriptor) if os.isatty(self._descriptor) else os.pipe()
            try:
                file = self._file.fileno()
                # In a session of its own no signal of the terminal ends it; it ends when the last writer has.
                self._process = subprocess.Popen(
                    ["tee", "-a", "-i", f"/dev/fd/{file}"],
                    stdin=reader,
                    stdout=self._original,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[file],
                    cwd="/",
                    start_new_session=True,
                )
                os.dup2(writer, self._descriptor)
                self._ours = _identity(self._descriptor)
            finally:
                os.close(reader)
                os.close(writer)
            stack.pop_all()

    def restore(self) -> None:
        """Has the descriptor lead where it led, unless somebody else has led it away meanwhile."""
        with contextlib.suppress(OSError):
            if _identity(self._descriptor) == self._ours:
                os.dup2(self._original, self._descriptor)

    def has_ended(self) -> bool:
        """Says whether `tee` has ended, for want of writers as a rule."""
        return self._process.poll() is not None

    def read(self, is_final: bool) -> str:
        """Returns the next text, "" when there is none now."""
        data = os.pread(self._file.fileno(), _READ_BYTES, self._position)
        self._position += len(data)
        if self._position - self._punched_position >= _PUNCH_BYTES:
            _punch(self._file.fileno(), self._punched_position, self._position - self._punched_position)
            self._punched_position = self._position
        return self._decoder.decode(data, is_final and len(data) < _READ_BYTES)

    def close(self) -> None:
        """Closes the files; where a child still writes to `tee`, that goes on without us."""
        self._file.close()
        os.close(self._original)
        if not self.has_ended():
            _left.append(self._process)

    def forget(self) -> None:
        """In a forked child: closes the files; `tee` is no child of ours that could be waited for."""
        self._file.close()
        os.close(self._original)
        self._process.returncode = 0


_redirection: _Redirection | None = None
_left: list[Any] = []  # processes that outlive the redirection: a destroyed Popen would warn


def _redirect(put: Put) -> _Redirection | None:
    """Has the descriptors captured; None where they cannot be, closed or without `tee`."""
    global _redirection
    _left[:] = [process for process in _left if process.poll() is None]
    if _redirection is None:
        try:
            _redirection = _Redirection()
        except OSError:
            return None
    _redirection.add(put)
    return _redirection


def _forget_redirection() -> None:
    global _redirection
    if _redirection is not None:
        _redirection.forget()
        _redirection = None
    for process in _left:
        process.returncode = 0


def _open_terminal(like: int) -> tuple[int, int]:
    """Returns both ends of a pseudo-terminal that has a terminal's size and passes on what is written as it is."""
    import fcntl
    import termios

    reader, writer = os.openpty()
    with contextlib.suppress(OSError, termios.error):
        fcntl.ioctl(writer, termios.TIOCSWINSZ, fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8)))
        attributes = termios.tcgetattr(writer)
        attributes[1] &= ~termios.OPOST  # the real terminal makes CR LF of line ends
        termios.tcsetattr(writer, termios.TCSANOW, attributes)
    return reader, writer


def _identity(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_rdev


def _flush_stream(name: str) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        getattr(sys, name).flush()


def _flush_c_stdout() -> None:
    """Has the C library write what it has buffered of its stdout; only that, since others may be locked for long."""
    with contextlib.suppress(AttributeError, ImportError, OSError, ValueError):
        import ctypes

        library = ctypes.CDLL(None)
        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        library.fflush(ctypes.c_void_p.in_dll(library, name))


def _punch(file: int, begin: int, size: int) -> None:
    """Gives a part of a file back to the disk, where the system can; a file that cannot be cut grows."""
    with contextlib.suppress(AttributeError, ImportError, OSError):
        import ctypes

        # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of linux/falloc.h
        ctypes.CDLL(None).fallocate(file, 3, ctypes.c_long(begin), ctypes.c_long(size))

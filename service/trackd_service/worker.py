"""Owns one helper process that runs functions of this package away from the daemon.

Invariants: the process is a fresh interpreter, never a fork of a process with threads, and loads only what the
functions it is given need; it does one thing at a time; it ends when idle, when it is closed, and when its parent dies.
A task whose process died is reported, never repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Starting the process costs 0.3 s and keeping it 80 MB: long enough for someone clicking through charts, no longer.
IDLE_SECONDS = 30.0
# A process that does not end in this time after its input was closed is in a long task, and is killed.
_CLOSE_SECONDS = 5.0
_LENGTH = struct.Struct("<Q")
_PIPE_BYTES = (
    1 << 20
)  # what Linux grants anybody; with 64 KiB two processes would wait for each other 40 times a series
# Arrays travel beside the pickle as they are, without a copy into it.
_PICKLE_PROTOCOL = 5
_PR_SET_PDEATHSIG = 1  # of Linux: see prctl(2)


class WorkerCrashed(RuntimeError):
    """The process died before it answered; the task may have been done in part."""


class WorkerClosed(RuntimeError):
    """The worker was closed."""


class Worker:
    """Runs functions in one separate process that starts at the first need.

    Functions and arguments are pickled: functions must be importable by their module's name. Tasks run one at a time
    in the order of the calls; use a second worker for what must not wait.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Makes a worker; nothing is started.

        Args:
            idle_seconds: After how many seconds without a task the process ends.
        """
        self._idle_seconds = idle_seconds
        # One thread: it alone talks to the process, so tasks queue there and cannot mix on the pipe.
        self._thread = ThreadPoolExecutor(1, "trackd-worker")
        self._process: subprocess.Popen[bytes] | None = None
        self._pending_count = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._warming: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process's id, or None while none runs."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a function in the process.

        Returns:
            What it returned.

        Raises:
            WorkerCrashed: If the process died; the next call starts another.
            WorkerClosed: If `close` was called.
            Exception: What the function raised.
        """
        if self._closed:
            raise WorkerClosed("the worker was closed")
        loop = asyncio.get_running_loop()
        self._stop_idle_timer()
        self._pending_count += 1
        # Shielded: a caller that goes away must not leave an answer unread on the pipe.
        task = loop.run_in_executor(self._thread, self._call, function, args, kwargs)
        task.add_done_callback(lambda _: self._settle(loop))
        succeeded, value = await asyncio.shield(task)
        if not succeeded:
            raise value
        result: R = value
        return result

    async def prewarm(self) -> None:
        """Starts the process and loads what sealing and reading need, so that the first task does not wait for it."""
        await self.run(_load)

    def keep_warm(self) -> None:
        """Has the process there for a task that may come: starts it in the background, or lets it stay for longer."""
        if self._closed or self._pending_count:
            return
        if self.pid is None:
            self._warming = asyncio.ensure_future(self.prewarm())
            self._warming.add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )  # the task will tell
        elif self._idle_timer is not None:
            self._stop_idle_timer()
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_seconds, self._end_idle, loop)

    async def close(self) -> None:
        """Ends the process; tasks that were not begun fail with `WorkerClosed`. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._stop_idle_timer()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    async def abort(self) -> None:
        """Ends the process at once, whatever it is at; what waits fails with `WorkerCrashed` or `WorkerClosed`."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        self._stop_idle_timer()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pending_count -= 1
        if self._pending_count == 0 and not self._closed:
            self._idle_timer = loop.call_later(self._idle_seconds, self._end_idle, loop)

    def _stop_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _end_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle_timer = None
        loop.run_in_executor(self._thread, self._end)

    def _call(
        self, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[bool, Any]:
        if self._closed:
            return False, WorkerClosed("the worker was closed")
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._process = _start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, (function, args, kwargs))
            answer: tuple[bool, Any] = _receive(process.stdout)
        except (OSError, EOFError) as error:
            self._end()
            raise WorkerCrashed(
                f"the worker process died with exit status {process.returncode} "
                f"in {getattr(function, '__name__', function)}"
            ) from error
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):  # What was left to write has no reader any more.
            process.stdin.close()
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _start() -> subprocess.Popen[bytes]:
    # The path goes along as it is now: the package may stand where only this process was told to look. stderr is the
    # daemon's log; stdin and stdout are the pipe.
    code = f"import sys; sys.path[:] = {sys.path!r}; from trackd_service.worker import serve_parent; serve_parent()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True
    )
    with contextlib.suppress(AttributeError, OSError):  # not Linux, or the user has many pipes
        fcntl.fcntl(process.stdout or -1, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def serve_parent() -> None:
    """Runs the tasks of the parent until it closes the pipe or dies; the main function of the process."""
    # A Ctrl-C in the terminal is for the daemon, which ends this process in its own order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the answers.
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    while True:
        try:
            task = _receive_raw(source)
        except EOFError:
            return
        answer: tuple[bool, object]
        try:
            function, args, kwargs = _unpack(task)
            answer = True, function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's.
            answer = False, error
        try:
            packed = _pack(answer)
            if not answer[0]:
                _unpack(packed)  # Some exceptions can be pickled and not be made again.
        except Exception as error:  # noqa: BLE001 - the same.
            sentence = f"the result cannot be sent back: {error}" if answer[0] else repr(answer[1])
            packed = _pack((False, RuntimeError(sentence)))
        try:
            _send_raw(sink, packed)
        except OSError:
            return
        del task, answer, packed  # An idle process holds on to no arrays.


def _end_with_parent() -> None:
    """Has the system kill this process when its parent dies, whatever it is at: what it still sends might be outdated."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _load() -> None:
    import pyarrow.parquet  # noqa: F401

    import trackd_service.segments  # noqa: F401


def _pack(value: object) -> list[bytes | memoryview]:
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, _PICKLE_PROTOCOL, buffer_callback=buffers.append)
    return [body, *(buffer.raw() for buffer in buffers)]


def _unpack(pieces: list[bytes | memoryview]) -> Any:
    return pickle.loads(pieces[0], buffers=pieces[1:])  # noqa: S301 - from our own other end.


def _send(sink: IO[bytes], value: object) -> None:
    _send_raw(sink, _pack(value))


def _send_raw(sink: IO[bytes], pieces: list[bytes | memoryview]) -> None:
    # A count, every length, then the pieces.
    sink.write(_LENGTH.pack(len(pieces)) + b"".join(_LENGTH.pack(len(piece)) for piece in pieces))
    for piece in pieces:
        sink.write(piece)
    sink.flush()


def _receive(source: IO[bytes]) -> Any:
    return _unpack(_receive_raw(source))


def _receive_raw(source: IO[bytes]) -> list[bytes | memoryview]:
    (count,) = _LENGTH.unpack(_read_exactly(source, _LENGTH.size))
    lengths = struct.unpack(f"<{count}Q", _read_exactly(source, count * _LENGTH.size))
    return [_read_exactly(source, length) for length in lengths]


def _read_exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise EOFError("the other end is gone")
    return data

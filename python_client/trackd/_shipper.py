"""Owns the one background thread of a process: it keeps a daemon there, rings it, and learns what is durable.

Invariants:
- gRPC is imported, and called, only in this thread and only while `_gate` is held; a fork waits for the gate, so that no
  child is born in the middle of a call. A child forked from a process that had gRPC never uses it: its log needs none.
- The data does not pass through here. The daemon reads the log where it lies; the thread says once in a while that there
  is something, and asks what is on the disk. Where no daemon answers, the thread syncs the log to the disk itself.
- Nothing here ever raises into, or waits on behalf of, `log()`.
- An interrupt, or whatever a signal handler raises, may come into the calling thread between any two calls: it leaves
  nothing taken. So nobody but the thread itself waits in `threading.Event` or `Condition`, which are written in Python.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from trackd import _daemon
from trackd._version import VERSION

if TYPE_CHECKING:
    from trackd._spool import Spool

# A unary call costs about 0.3 ms of CPU here, as much as 200 log() calls, and the daemon reads the log by itself every few
# hundredths of a second: a call is needed only to learn what is durable, so it is rare while nobody waits. An open channel
# costs 0.4 ms a second in gRPC's own threads, a new one 4 ms: it is closed after the call.
_RING_SECONDS = 30.0
_TICK_SECONDS = 2.0
_CHORE_SECONDS = 0.1  # what is held back, such as a progress bar, is passed on by then
_WAIT_TICK_SECONDS = 0.02  # while somebody waits in flush() or a daemon starts
_CALL_TIMEOUT_SECONDS = 10.0
_START_SECONDS = 5.0  # a daemon is up in 0.4 s; within this no second one is started
_RESTART_SECONDS = 1.0  # and when the one started before had answered, and is gone
_START_ATTEMPTS_MAX = 5
# A summary of 100,000 metrics is a message of 5 MB; gRPC's own limit is 4 MiB.
_CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))


class Writer:
    """What the shipper knows of one spool."""

    def __init__(self, spool: Spool, project: str, run_id: str) -> None:
        """Takes the spool and the run that it writes."""
        self.spool = spool
        self.project = project
        self.run_id = run_id
        self.durable_sequence = 0  # on the disk, by the daemon's word or by our own sync
        self.acknowledged_sequence = -1  # by the daemon: durable and readable; 0 says that it knows the run
        self.ingest_message = ""
        self.next_step: int | None = None  # as the daemon said when it acknowledged `acknowledged_sequence`
        self.own_alerts: set[str] = set()  # titles that this process has raised, and said itself
        self.is_quiet = False
        self.chore: Callable[[], bool] = lambda: False  # see `Shipper.nudge`
        self.ring_time = float("-inf")
        self.told_problem = False


class _Wake:
    """Wakes a thread; one call into C, which no interrupt leaves half done."""

    def __init__(self) -> None:
        """Makes one that is not set."""
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Ends the wait that is under way, or the next one."""
        self._queue.put(None)

    def wait(self, timeout_seconds: float) -> None:
        """Waits until it is set, at most so long, and takes it back."""
        with contextlib.suppress(Empty):
            self._queue.get(timeout=max(timeout_seconds, 0.0))
            while True:
                self._queue.get_nowait()


class _Call:
    """What somebody asks a daemon, until when, and the answer."""

    def __init__(self, make: Any, deadline: float) -> None:
        """Takes what calls; see `Shipper.call`."""
        self.make = make
        self.deadline = deadline
        self.is_done = False
        self.result: Any = None


class Shipper:
    """Serves all spools of one process for one store."""

    def __init__(self, store: str, start_daemon: bool) -> None:
        """Starts the thread; `start_daemon` is false in offline mode."""
        self.store = store
        self.http_address = ""
        self.problem = ""  # why no daemon answers, in words
        self._start_daemon = start_daemon
        self._writers: list[Writer] = []
        self._lock = threading.Lock()  # of what is known of the writers
        self._wake = _Wake()
        self._gate = threading.Lock()
        self._calls: deque[_Call] = deque()
        self._waiters: list[tuple[float, _Wake]] = []  # until when somebody waits, at the latest
        self._nudged = self._has_new = True
        self._stopping = False
        self._has_ended = (
            False  # an interrupt within Thread.is_alive() makes that say so of a thread that lives
        )
        self._channel: Any = None
        self._hung_up = False  # the channel was closed because nobody needs it; the daemon lives
        self._stub: Any = None
        self._metadata: tuple[tuple[str, str], ...] = ()
        self._start_time = float("-inf")
        self._start_attempts = 0
        self._has_answered = False  # the daemon started last
        self._has_replaced = False  # an older daemon; once is enough, whatever came after it
        self._thread = threading.Thread(target=self._loop, name="trackd-shipper", daemon=True)
        self._thread.start()

    def add(self, writer: Writer) -> None:
        """Begins to serve a spool."""
        self._writers.append(writer)
        self._nudged = self._has_new = True
        self._wake.set()

    def remove(self, writer: Writer) -> None:
        """Stops serving a spool."""
        self._writers.remove(writer)

    def nudge(self) -> None:
        """Has the thread call the writers' chores within about 0.1 s; they return whether there is more to do."""
        if not self._nudged:
            self._nudged = True
            self._wake.set()

    def flush(self, writer: Writer, sequence: int, timeout_seconds: float) -> bool:
        """Waits until the daemon has acknowledged a sequence; returns whether it has, within the time.

        Offline it waits for the disk.
        """
        if not self._start_daemon:
            self._sync(writer)
            return writer.durable_sequence >= sequence
        deadline = time.monotonic() + timeout_seconds
        with self._waiting(deadline) as told:
            while writer.acknowledged_sequence < sequence:
                left = deadline - time.monotonic()
                if left <= 0 or self._has_ended or self._start_attempts >= _START_ATTEMPTS_MAX:
                    return False
                if not may_use_grpc():
                    return False  # nobody here can hear the daemon: the log is all that this process needs
                told.wait(min(left, 0.1))
        return True

    def call(self, make: Any, timeout_seconds: float) -> Any:
        """Has the thread run `make(channel, metadata, timeout)` once a daemon is connected; returns what that returns.

        Returns None when there is no daemon or the call fails. Used by reads such as `run.summary["loss"]`.
        """
        if not self._start_daemon or not may_use_grpc():
            return None
        call = _Call(make, time.monotonic() + timeout_seconds)
        with self._waiting(call.deadline) as told:
            self._calls.append(call)
            while not call.is_done and not self._has_ended:
                left = call.deadline - time.monotonic()
                if left <= 0:
                    break
                told.wait(min(left, 0.1))
        return call.result

    @contextlib.contextmanager
    def _waiting(self, deadline: float) -> Iterator[_Wake]:
        """Has the thread hurry, keep its channel, and tell of what it learns, for somebody who waits until a deadline."""
        waiter = (deadline, _Wake())
        try:
            self._waiters.append(waiter)
            self._wake.set()
            yield waiter[1]
        finally:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)

    def _is_awaited(self) -> bool:
        """Says whether somebody waits; one that an interrupt has left behind does so until its deadline."""
        now = time.monotonic()
        return any(deadline > now for deadline, _ in list(self._waiters))

    def _tell_waiters(self) -> None:
        for _, told in list(self._waiters):
            told.set()

    def park(self) -> bool:
        """Holds the thread out of gRPC for a fork; returns whether `unpark` is due."""
        return self._gate.acquire(timeout=5.0)

    def unpark(self) -> None:
        """Lets the thread go on after a fork, in the parent."""
        self._gate.release()

    def stop(self) -> None:
        """Ends the thread and closes the channel."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=2.0)

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        try:
            self._serve()
        finally:
            self._has_ended = True

    def _serve(self) -> None:
        next_tick, chore_time = 0.0, math.inf
        while not self._stopping:
            now = time.monotonic()
            if self._nudged and chore_time == math.inf:
                # Whoever nudges goes on for a while as a rule: one round serves all of it.
                chore_time = now + _CHORE_SECONDS
            is_hurried = self._is_awaited() or self._is_starting()
            timeout = _WAIT_TICK_SECONDS if is_hurried else min(next_tick, chore_time) - now
            self._wake.wait(timeout)
            try:
                now = time.monotonic()
                if is_hurried or self._is_awaited() or self._has_new or now >= next_tick:
                    self._has_new = False
                    if now >= next_tick:
                        chore_time = min(chore_time, now)
                    next_tick = now + _TICK_SECONDS
                    self._tick()
                if now >= chore_time:
                    chore_time = math.inf
                    self._do_chores()
            except Exception as error:  # noqa: BLE001 - the thread outlives whatever happens to one round
                self.problem = f"{type(error).__name__}: {error}"
        with self._gate:
            self._disconnect()

    def _do_chores(self) -> None:
        self._nudged = False
        for writer in list(self._writers):
            if writer.chore():
                self._nudged = True

    def _is_starting(self) -> bool:
        return (
            self._channel is None
            and not self._hung_up
            and time.monotonic() - self._start_time < _START_SECONDS
        )

    def _tick(self) -> None:
        writers = list(self._writers)
        for writer in writers:
            writer.spool.retry()
            writer.spool.rest()
            self._restore(writer)
            self._tell(writer)
        alive = _daemon.is_alive(self.store)
        if not alive:
            self._hung_up = False
            with self._gate:
                self._disconnect()
        now = time.monotonic()
        due = [writer for writer in writers if self._is_ring_due(writer, now)]
        if self._channel is None and self._start_daemon:
            if not alive and (writers or self._is_awaited()):
                self._start()
            elif alive and (due or self._is_awaited() or not self._hung_up):
                self._connect()
        for writer in due:
            if self._channel is not None:
                self._ring(writer)
        self._answer_calls()
        for writer in writers:
            if (
                self._channel is None
                and not self._hung_up
                and writer.durable_sequence < writer.spool.sequence
            ):
                self._sync(writer)
        self._hang_up()

    def _hang_up(self) -> None:
        """Closes a channel that nobody needs now."""
        with self._gate:
            if self._channel is not None and not self._is_awaited():
                self._disconnect()
                self._hung_up = True

    def _is_ring_due(self, writer: Writer, now: float) -> bool:
        sequence = writer.spool.sequence
        if sequence == writer.acknowledged_sequence and writer.ring_time > 0:
            return False
        return self._is_awaited() or now - writer.ring_time >= _RING_SECONDS

    def _start(self) -> None:
        if self._start_attempts >= _START_ATTEMPTS_MAX:
            self.problem = (
                f"the daemon of {self.store} does not start: see its daemon.log, or run `trackd doctor`"
            )
            # Try again now and then: a full disk may have room by then.
            if time.monotonic() - self._start_time < _START_SECONDS * 12:
                return
        elif time.monotonic() - self._start_time < (
            _RESTART_SECONDS if self._has_answered else _START_SECONDS
        ):
            return
        self._has_answered = False
        self._start_time = time.monotonic()
        self._start_attempts += 1
        try:
            _daemon.start(self.store)
        except OSError as error:
            self.problem = f"no daemon can be started: {error}"

    def _connect(self) -> None:
        """Opens a channel to the daemon that the endpoint file names, once it is the one that lives."""
        self._hung_up = False
        endpoint = _daemon.read_endpoint(self.store)
        if endpoint is None:
            return
        if not may_use_grpc():
            self.http_address = endpoint.http_address
            return
        with self._gate:
            # A forked child never uses gRPC (`may_use_grpc`). gRPC's own fork hooks would start its threads again there, and
            # a child that forks in its turn would now and then wait for one of them for ever.
            os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
            import grpc

            from trackd.v1 import ingest_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc

            channel = grpc.insecure_channel(endpoint.grpc_address, options=_CHANNEL_OPTIONS)
            metadata = (("authorization", f"Bearer {endpoint.token}"),)
            runs = run_service_pb2_grpc.RunServiceStub(channel)
            try:
                daemon = runs.GetDaemon(
                    run_service_pb2.GetDaemonRequest(client_version=VERSION),
                    metadata=metadata,
                    timeout=2.0,
                )
                # An older daemon makes way when it has no writers but ours, which need none; a busy one is worked with.
                if _is_newer(VERSION, daemon.version) and not self._has_replaced:
                    self._has_replaced = True
                    request = run_service_pb2.StopDaemonRequest(
                        only_if_idle=True, own_writer_ids=[writer.spool.writer_id for writer in self._writers]
                    )
                    if runs.StopDaemon(request, metadata=metadata, timeout=2.0).stopping:
                        channel.close()
                        return
            except grpc.RpcError as error:
                self.problem = f"the daemon does not answer: {_code(error)}"
                channel.close()
                return
            self._channel = channel
            self._metadata = metadata
            self._stub = ingest_service_pb2_grpc.IngestServiceStub(channel)
            self.http_address = daemon.http_address or endpoint.http_address
            self.problem = ""
            self._start_attempts = 0
            self._has_answered = True
        self._tell_waiters()

    def _ring(self, writer: Writer) -> None:
        """Tells the daemon how far the log has come, and learns how far it is durable."""
        import grpc

        from trackd.v1 import ingest_service_pb2, records_pb2

        sequence = writer.spool.sequence - writer.spool.waiting_count
        request = ingest_service_pb2.AppendRequest(
            run=records_pb2.RunIdentity(project=writer.project, run_id=writer.run_id),
            writer_id=writer.spool.writer_id,
            log_range=ingest_service_pb2.LogRange(log_name=writer.spool.log_name, last_sequence=sequence),
        )
        with self._gate:
            if self._channel is None:
                return
            try:
                answer = self._stub.Append(request, metadata=self._metadata, timeout=_CALL_TIMEOUT_SECONDS)
            except grpc.RpcError as error:
                self.problem = f"the daemon does not answer: {_code(error)}"
                self._disconnect()
                return
        writer.ring_time = time.monotonic()
        with self._lock:
            writer.acknowledged_sequence = max(writer.acknowledged_sequence, answer.acknowledged_sequence)
            writer.durable_sequence = max(writer.durable_sequence, answer.acknowledged_sequence)
            writer.ingest_message = answer.ingest_health.message
            writer.next_step = answer.next_step
        self._tell_waiters()
        for alert in answer.new_alerts:
            if alert.title not in writer.own_alerts and not writer.is_quiet:
                tell(f"alert: {alert.title}" + (f": {alert.text}" if alert.text else ""))

    def _answer_calls(self) -> None:
        """Makes the calls that are asked for, when there is a daemon; forgets those that nobody waits for any more."""
        while self._calls:
            call = self._calls[0]
            left = call.deadline - time.monotonic()
            with self._gate:
                if left > 0 and self._channel is None:
                    return
                if left > 0:
                    with contextlib.suppress(Exception):  # any failure of transport means: no answer
                        call.result = call.make(self._channel, self._metadata, left)
            self._calls.popleft()
            call.is_done = True
            self._tell_waiters()

    def _sync(self, writer: Writer) -> None:
        with contextlib.suppress(OSError):
            sequence = writer.spool.sync()
            with self._lock:
                writer.durable_sequence = max(writer.durable_sequence, sequence)
            self._tell_waiters()

    def _tell(self, writer: Writer) -> None:
        """Says once when the disk stops taking records, and once when it takes them again."""
        problem = writer.spool.problem
        if problem and not writer.told_problem:
            writer.told_problem = True
            tell(
                f"the disk of {self.store} takes no more records ({problem}): training goes on, "
                "rows wait in memory until there is room"
            )
        elif not problem and writer.told_problem:
            writer.told_problem = False
            lost = writer.spool.refused_count
            tell(
                "the disk takes records again"
                + (f"; {lost} records could not be kept meanwhile" if lost else ", nothing was lost")
            )

    def _restore(self, writer: Writer) -> None:
        """Writes the newest part of a log again when somebody has deleted it, and says so."""
        with contextlib.suppress(OSError):  # met again at the next round
            size_bytes = writer.spool.restore()
            if size_bytes is not None:
                tell(
                    f"the log of run {writer.run_id} was deleted under {self.store}: the newest {size_bytes} bytes of it "
                    "were written again; what was logged before them, and not taken by the daemon, is lost"
                )

    def _disconnect(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._channel = None
        self._stub = None


_forked_after_grpc = False


def note_fork() -> None:
    """Remembers, in a forked child, whether gRPC was there before the fork."""
    global _forked_after_grpc
    _forked_after_grpc = _forked_after_grpc or "grpc" in sys.modules


def may_use_grpc() -> bool:
    """Says whether gRPC may be used in this process."""
    return not _forked_after_grpc


def tell(sentence: str) -> None:
    """Says one line to the person at the terminal; never fails."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"trackd: {sentence}\n")


def _code(error: Any) -> str:
    return str(error.code().name) if hasattr(error, "code") else type(error).__name__


def _is_newer(ours: str, theirs: str) -> bool:
    def numbers(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())

    return numbers(ours) > numbers(theirs)

"""Owns the harness of the crash tests: daemons that are killed, writers with a ledger outside the store, and the checker.

Invariants:
- The ledger knows only what `log()` has returned: a writer notes each returned call in a file of its own, by one write of
  a counter, so that the note survives its `kill -9` as the rows must.
- The checker reads through the daemon alone: every returned row is there once, with its step and its values, in order, and
  there is no row that was not logged. A writer may have died in a call, so one row more than the ledger says is right.
- Each round is drawn from a seed that is part of every failure's sentence; store and ledger are kept then.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import psutil
from tests.service import reading

from trackd import _daemon
from trackd.v1 import query_service_pb2, query_service_pb2_grpc, records_pb2

# `TRACKD_TEST_ROUNDS=10 make test` runs ten times as many rounds, with other seeds.
ROUNDS_FACTOR = int(os.environ.get("TRACKD_TEST_ROUNDS", "1"))
PROJECT = "crash"
_COUNTER = struct.Struct("<q")
_POLL_SECONDS = 0.01
_TEXT_EVERY = 50  # every so many rows one has a text, which travels as a record and not as a fixed-width row

# Small thresholds: sealing and merging happen all the time, and a kill meets them.
_SMALL_SEALS = """
import sys
import trackd_service.config as config
config.SEAL_POINTS, config.MERGE_COUNT = 4_000, 3
from trackd_service.__main__ import main
sys.exit(main(["--store", sys.argv[2]]))
"""

# A training script: logs rows as fast as it is told to, and notes in the ledger that a call has returned.
WRITER = """
import os, random, struct, sys, time
store, ledger, run_id, mode, pace, seed = sys.argv[1:7]
import trackd
run = trackd.init(project="crash", id=run_id, mode=mode, settings={"store": store, "quiet": True})
notes = os.open(ledger, os.O_WRONLY | os.O_CREAT, 0o600)
pack, pwrite, log, index = struct.Struct("<q").pack, os.pwrite, run.log, 0
draw, stop = random.Random(int(seed)), ledger + ".stop"
while not os.path.exists(stop):
    for _ in range(draw.randrange(1, 60)):
        row = {"index": index, "value": index * 0.5}
        if index % 50 == 0:
            row["note"] = "row %d" % index
        log(row)
        index += 1
        pwrite(notes, pack(index), 0)
    if pace == "paced":
        time.sleep(draw.random() * 0.03)  # the load: a training step takes time
run.finish()
"""

Int64Array: TypeAlias = npt.NDArray[np.int64]


@dataclass
class Writer:
    """One training process and its ledger."""

    run_id: str
    ledger: Path
    process: subprocess.Popen[bytes]

    @property
    def returned_count(self) -> int:
        """How many calls of `log()` have returned."""
        try:
            data = self.ledger.read_bytes()
        except FileNotFoundError:
            return 0
        return int(_COUNTER.unpack(data)[0]) if len(data) == _COUNTER.size else 0

    def stop(self) -> None:
        """Asks the process to finish its run and to end."""
        self.ledger.with_name(self.ledger.name + ".stop").touch()


class Referee:
    """Runs writers and daemons over one store, kills them, and checks what is left."""

    def __init__(self, store: Path, ledgers: Path, seed: int) -> None:
        """Takes the store, a folder outside of it for the ledgers, and the seed that everything is drawn from."""
        self.store = store
        self.seed = seed
        self.random = random.Random(seed)
        self.writers: list[Writer] = []
        self._ledgers = ledgers
        self._daemons: list[subprocess.Popen[bytes]] = []

    # -- processes -------------------------------------------------------------------------------------------------

    def start_writer(self, mode: str = "online", pace: str = "paced", code: str = WRITER) -> Writer:
        """Starts a training process that logs until it is stopped or killed; `code` is what it runs."""
        run_id = f"run-{self.seed}-{len(self.writers)}"
        ledger = self._ledgers / f"{run_id}.ledger"
        seed = str(self.random.randrange(1 << 30))
        arguments = [str(self.store), str(ledger), run_id, mode, pace, seed]
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)
        writer = Writer(run_id, ledger, process)
        self.writers.append(writer)
        return writer

    def start_daemon(self, code: str = _SMALL_SEALS) -> None:
        """Starts a daemon that seals early; when another one holds the store, it ends by itself."""
        # The second word is what tells a daemon's command line, to `daemon_pids` and to the fixture that ends them all.
        arguments = [sys.executable, "-c", code, "trackd_service", str(self.store)]
        self._daemons.append(subprocess.Popen(arguments, stderr=subprocess.DEVNULL))

    @property
    def is_serving(self) -> bool:
        """Whether the daemon that `start_daemon` has started last lives: it ends where another one holds the store."""
        return self._daemons[-1].poll() is None

    def daemon_pids(self) -> list[int]:
        """Returns the processes that serve, or are about to serve, the store."""
        pids = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "trackd_service" in words and str(self.store) in words:
                    pids.append(process.pid)
        return pids

    def kill_daemons(self) -> None:
        """Kills every daemon of the store with SIGKILL."""
        for pid in self.daemon_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for daemon in self._daemons:
            if daemon.poll() is None:
                daemon.wait(60)
        self._daemons = []

    def wait_for_daemon(self) -> None:
        """Returns once a daemon answers."""
        self.wait_until(self._answers, "a daemon that answers")

    def _answers(self) -> bool:
        endpoint = _daemon.read_endpoint(str(self.store))
        # The file may be left from one that was killed, until the next has got so far.
        return (
            endpoint is not None and _daemon.is_alive(str(self.store)) and endpoint.pid in self.daemon_pids()
        )

    def wait_until(self, condition: Callable[[], object], what: str, timeout_seconds: float = 120) -> None:
        """Returns once a condition is true; fails the test, with all that is needed to look into it, when that is late."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, self.say(f"{what} did not come within {timeout_seconds:g} s")
            time.sleep(_POLL_SECONDS)

    def say(self, sentence: str) -> str:
        """Returns a sentence with what is needed to look into a failure; store and ledgers are kept by `make_referee`."""
        return f"{sentence} (seed {self.seed}, store {self.store}, ledgers {self._ledgers})"

    # -- what is left ------------------------------------------------------------------------------------------------

    def check(self, *states: str, in_flight: int = 0) -> int:
        """Checks every writer's run, once it has ended; returns how many rows were there.

        Args:
            states: What every run must be, one of these.
            in_flight: How many rows more than the ledger says there may be, whole or cut off.
        """
        total = 0
        for writer in self.writers:
            self.wait_until(lambda: self._state(writer) in states, f"{writer.run_id}: state {states}")  # noqa: B023
            returned_count = writer.returned_count
            index = self.read(writer.run_id, "index")
            count = len(index.steps)
            said = f"{writer.run_id}: {returned_count} calls returned, {count} rows are there"
            assert returned_count <= count <= returned_count + in_flight, self.say(said)
            expected = np.arange(count)
            assert np.array_equal(index.steps, expected), self.say(f"{said}; their steps are not 0, 1, 2, …")
            assert np.array_equal(index.ints, expected), self.say(f"{said}; their values are others")
            value = self.read(writer.run_id, "value")
            assert np.array_equal(value.steps, expected), self.say(
                f"{said}; of `value` there are {len(value.steps)}"
            )
            assert np.array_equal(value.doubles, expected * 0.5), self.say(
                f"{said}; `value` has other values"
            )
            note = self.read(writer.run_id, "note", "STRING")
            steps = range(0, count, _TEXT_EVERY)
            assert note.strings == [f"row {step}" for step in steps], self.say(f"{said}; texts are others")
            health = reading.get_run(writer.run_id, PROJECT, str(self.store)).ingest_health
            # A writer that is killed within a call may leave the half of a frame, which is told and costs no row.
            assert health.damaged_record_count <= in_flight, self.say(
                f"{said}; {health.damaged_record_count} are damaged"
            )
            assert health.refused_count == 0, self.say(f"{said}; {health.refused_count} are refused")
            assert health.accepted_row_count == count, self.say(
                f"{said}; {health.accepted_row_count} are counted"
            )
            total += count
        return total

    def read(self, run_id: str, key: str, kind: str = "NUMBER") -> Columns:
        """Returns one metric of a run, whole."""
        return read_columns(self.store, PROJECT, run_id, key, kind)

    def _state(self, writer: Writer) -> str:
        try:
            return reading.state(writer.run_id, PROJECT, str(self.store))
        except Exception:  # noqa: BLE001 - not there yet, or no daemon yet
            return ""

    def close(self) -> None:
        """Ends what still runs."""
        for writer in self.writers:
            writer.process.kill()
            writer.process.wait(60)
        for pid in self.daemon_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.kill_daemons()


@dataclass
class Columns:
    """A series as arrays."""

    steps: Int64Array
    ints: Int64Array
    doubles: npt.NDArray[np.float64]
    strings: list[str]


def read_columns(store: Path, project: str, run_id: str, key: str, kind: str = "NUMBER") -> Columns:
    """Returns one metric of a run, whole, as arrays; empty ones when there is none."""
    wanted = query_service_pb2.MetricKind.Value(f"METRIC_KIND_{kind}")
    with reading.connection(str(store)) as (channel, metadata):
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        run = records_pb2.RunIdentity(project=project, run_id=run_id)
        request = query_service_pb2.ReadSeriesRequest(run=run, keys=[key])
        found: list[Any] = [
            message
            for message in stub.ReadSeries(request, metadata=metadata, timeout=60)
            if message.kind == wanted
        ]
    message = found[0] if found else query_service_pb2.ReadSeriesResponse()
    return Columns(
        np.frombuffer(message.steps, np.int64),
        np.frombuffer(message.ints, np.int64),
        np.frombuffer(message.doubles, np.float64),
        list(message.strings),
    )


def seeds(name: str, count: int) -> Iterator[int]:
    """Yields the seeds of a test's stores: the same ones in each run, and further ones in a longer run."""
    draw = random.Random(name)
    for _ in range(count * ROUNDS_FACTOR):
        yield draw.randrange(1, 1_000_000)


def report(figures: str) -> None:
    """Says what a test has done, for docs/guarantees.md; `pytest -s` shows it."""
    sys.stdout.write(f"{figures}\n")

"""Owns what the benches share: stores with a daemon of their own, fresh processes, and the printed table.

Invariants: no bench sees the environment or the store of the person who runs it; every process that a bench has started has
ended when it ends; what is timed runs in a process that nothing was done in before.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).resolve().parent
REPEATS = 5  # the median of fewer says little on a shared machine
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.005
# Runs a function of a bench in a fresh interpreter; what it returns is the last line, as JSON.
_CHILD = (
    "import importlib, json, sys; sys.path.insert(0, sys.argv[1]); "
    "function = getattr(importlib.import_module(sys.argv[2]), sys.argv[3]); "
    "print('\\n' + json.dumps(function(*json.loads(sys.argv[4]))))"
)


def arguments(description: str | None, repeats: int = REPEATS) -> argparse.ArgumentParser:
    """Returns a parser that knows `--repeats`; the description is the bench's docstring."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=int, default=repeats, help="fresh processes a figure (default: %(default)s)"
    )
    return parser


def say_machine() -> None:
    """Prints what the figures were taken on, and what else it was doing."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    print(
        f"machine: {os.cpu_count()} cores, {processor}, load {load} (1, 5, 15 min), "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d %H:%M')}"
    )


def show(
    row: str,
    what: str,
    figure: float,
    unit: str,
    *,
    floor: tuple[str, float] | None = None,
    bar: str = "",
    is_met: bool | None = None,
) -> None:
    """Prints one figure beside the floor of the same run.

    Args:
        row: The row of docs/performance.md, for example "P3".
        what: What was measured.
        figure: What came out.
        unit: Of figure and floor.
        floor: The floor's name and its figure in this run. The ratio is figure to floor, also where more is better.
        bar: What trackd must reach.
        is_met: Whether it does; None where the figure is told for orientation.
    """
    beside = ""
    if floor is not None:
        ratio = f"{figure / floor[1]:.2f}" if floor[1] else "-"
        beside = f"{floor[0]} {_number(floor[1])} {unit}, ratio {ratio}"
    verdict = "" if is_met is None else "met" if is_met else "MISSED"
    print(f"{row:4} {what:62} {_number(figure):>9} {unit:9} {beside:44} {bar:28} {verdict}".rstrip())


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4
    return f"{value:,.{digits}f}"


def median(values: Iterable[float]) -> float:
    """Returns the median."""
    return float(statistics.median(values))


def fresh(function: Callable[..., Any], *values: Any) -> Any:
    """Calls a function of a bench in a fresh interpreter; arguments and result are JSON values.

    Raises:
        RuntimeError: the process failed; the sentence is the end of what it said.
    """
    command, environment = _child(function, values)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function.__name__} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.rstrip().rpartition("\n")[2])


def spawn(function: Callable[..., Any], *values: Any) -> subprocess.Popen[bytes]:
    """Starts a function of a bench in a fresh interpreter, for the caller to end; `fresh` waits instead."""
    command, environment = _child(function, values)
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _child(function: Callable[..., Any], values: tuple[Any, ...]) -> tuple[list[str], dict[str, str]]:
    module = Path(sys.argv[0]).stem if function.__module__ == "__main__" else function.__module__
    command = [sys.executable, "-c", _CHILD, str(FOLDER), module, function.__name__, json.dumps(values)]
    return command, clean_environment()


def clean_environment() -> dict[str, str]:
    """Returns the environment without what a person has set for trackd or wandb, and with compiled modules as usual."""
    without = ("TRACKD_", "WANDB_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}


@contextlib.contextmanager
def new_store() -> Iterator[Store]:
    """Gives an empty store on the disk of the temporary folder; its daemon ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="trackd-bench-"))
    store = Store(folder)
    try:
        yield store
    finally:
        store.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Store:
    """A store of a bench's own."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder."""
        self.folder = folder

    def __str__(self) -> str:
        """Returns the folder's path."""
        return str(self.folder)

    def endpoint(self) -> dict[str, Any] | None:
        """Returns what the daemon says of itself, or None while there is none."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "endpoint.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def start(self, *, opens_web: bool = True) -> None:
        """Starts the daemon and waits until it is there, or until its web server, loaded when it is first asked, answers."""
        command = [sys.executable, "-m", "trackd_service", "--store", str(self.folder), "--detach"]
        subprocess.run(command, env=clean_environment(), check=True)
        wait_until(self.endpoint, "a daemon")
        if opens_web:
            self.client().get("/api/v1/daemon")

    def client(self) -> Client:
        """Returns an HTTP connection to the daemon, with its token."""
        endpoint = wait_until(self.endpoint, "a daemon")
        return Client(endpoint["http_address"], endpoint["token"])

    def daemon(self) -> psutil.Process:
        """Returns the daemon's process."""
        return psutil.Process(wait_until(self.endpoint, "a daemon")["pid"])

    def stop(self) -> None:
        """Ends the daemon and waits for its end."""
        with contextlib.suppress(psutil.NoSuchProcess, TypeError):
            endpoint = self.endpoint()
            if endpoint is not None:
                process = psutil.Process(endpoint["pid"])
                process.terminate()
                process.wait(_WAIT_SECONDS)

    def is_sealed(self) -> bool:
        """Says whether nothing is left in the logs: everything is in segments."""
        return not any(path.name.startswith(("w-", "r-", ".w-")) for path in (self.folder / "log").iterdir())

    def wait_sealed(self) -> None:
        """Waits until everything is in segments, merged, and the daemon is at rest."""
        wait_until(self.is_sealed, "sealing")
        before = -1.0
        while (now := cpu_seconds(self.daemon())) - before > 0.02 or any((self.folder / "scratch").iterdir()):
            before = now
            time.sleep(0.5)

    def segment_bytes(self) -> int:
        """Returns the size of all segments with their levels."""
        return sum(path.stat().st_size for path in (self.folder / "objects").rglob("*") if path.is_file())


class Client:
    """One kept HTTP connection."""

    def __init__(self, address: str, token: str) -> None:
        """Opens the connection with the first request."""
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"))
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> bytes:
        """Returns the body of an answer; raises RuntimeError unless it is 200."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> bytes:
        """Returns the body of the answer to a JSON body; raises RuntimeError unless it is 200."""
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        for attempt in range(200):
            try:
                self._connection.request(method, path, body, self._headers)
                break
            except ConnectionRefusedError:  # the web server follows gRPC by a tenth of a second
                if attempt == 199:
                    raise
                time.sleep(_POLL_SECONDS)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
        return data


@dataclass(frozen=True)
class Timed:
    """What came back, and after how long."""

    milliseconds: float
    result: Any


def timed(function: Callable[..., Any], *values: Any) -> Timed:
    """Calls a function and takes the time."""
    begin = time.perf_counter()
    result = function(*values)
    return Timed((time.perf_counter() - begin) * 1e3, result)


def wait_until(condition: Callable[[], Any], what: str, timeout_seconds: float = _WAIT_SECONDS) -> Any:
    """Returns what `condition` returns once that is true; raises RuntimeError when it takes too long."""
    deadline = time.monotonic() + timeout_seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {timeout_seconds:.0f} s for {what}")
        time.sleep(_POLL_SECONDS)
    return found


def cpu_seconds(process: psutil.Process) -> float:
    """Returns the CPU time of a process and of its children, ended and living."""
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            own = child.cpu_times()
            total += own.user + own.system
    return float(total)


def memory_mib(process: psutil.Process) -> tuple[float, float]:
    """Returns the resident memory of a process and that of its living children, in MiB."""
    children = 0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            children += child.memory_info().rss
    return process.memory_info().rss / 2**20, children / 2**20


def latencies(nanoseconds: list[int]) -> dict[str, float]:
    """Returns p50, p99 and the largest of call times in microseconds, less what reading the clock costs."""
    clock = _clock_nanoseconds()
    ordered = sorted(nanoseconds)
    return {
        "p50": (ordered[len(ordered) // 2] - clock) / 1e3,
        "p99": (ordered[len(ordered) * 99 // 100] - clock) / 1e3,
        "max": (ordered[-1] - clock) / 1e3,
        "mean": (sum(ordered) / len(ordered) - clock) / 1e3,
    }


def _clock_nanoseconds() -> int:
    clock = time.perf_counter_ns
    samples = []
    for _ in range(2_000):
        begin = clock()
        samples.append(clock() - begin)
    return sorted(samples)[len(samples) // 2]


def open_run(store: str, run_id: str = "bench", **values: Any) -> Any:
    """Opens a run of the store in this process; for functions that run by `fresh`."""
    import trackd

    settings = {"store": store, "quiet": True, "finish_timeout_seconds": 60.0}
    return trackd.init(project="bench", id=run_id, settings=settings, **values)

"""What does each client get through: a call of log, and rows until they are durable, in the column and in the row form?"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import psutil

from _harness import arguments, cpu_seconds, median, say_machine, show

sys.path.insert(0, str(Path(__file__).parent.parent))
from conformance.clients import CLIENTS, Client
from conformance.daemon import Daemon
from conformance.driver import Driver

_PROJECT = "bench"


def measure(client: Client, row_count: int, *, alternate: bool, number: int) -> tuple[float, float, float]:
    """Logs rows through a client's driver; returns µs a call, rows a second until durable, and µs of the daemon a row."""
    daemon = Daemon()
    try:
        driver = Driver(client.command, Path(tempfile.gettempdir()), daemon.store, {})
        try:
            _do(driver, {"do": "init", "project": _PROJECT, "id": f"run{number}"})
            _do(driver, {"do": "log_many", "count": 1000, "key": "n", "alternate": alternate})
            _do(driver, {"do": "flush", "timeout_seconds": 60})
            before, begin = cpu_seconds(psutil.Process(daemon.pid)), time.perf_counter()
            _do(driver, {"do": "log_many", "count": row_count, "key": "n", "alternate": alternate})
            logged = time.perf_counter() - begin
            _do(driver, {"do": "flush", "timeout_seconds": 60})
            durable = time.perf_counter() - begin
            used = cpu_seconds(psutil.Process(daemon.pid)) - before
            _do(driver, {"do": "finish"})
        finally:
            driver.close()
    finally:
        daemon.close()
    return logged / row_count * 1e6, row_count / durable, used / row_count * 1e6


def _do(driver: Driver, action: dict[str, object]) -> None:
    answer = driver.do(action)
    if "error" in answer:
        raise RuntimeError(f"{action}: {answer['error']}")


def main() -> None:
    """Measures every client whose driver is built; Python's is the one to compare with."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of one value (default: %(default)s)")
    parser.add_argument("--clients", nargs="*", default=list(CLIENTS), help="which clients (default: all)")
    options = parser.parse_args()
    say_machine()
    for form, alternate in (("columns", False), ("rows", True)):
        for name in options.clients:
            client = CLIENTS[name]
            if client.missing:
                print(f"{name}: {client.missing}")
                continue
            results = [
                measure(client, options.rows, alternate=alternate, number=number)
                for number in range(options.repeats)
            ]
            call, rate, used = (median(values) for values in zip(*results, strict=True))
            show("4.4", f"{client.title}, {form}: a call of log in a loop", call, "µs")
            show("4.4", f"{client.title}, {form}: until durable", rate / 1e3, "k rows/s")
            show("4.4", f"{client.title}, {form}: the daemon's CPU", used, "µs/row")


if __name__ == "__main__":
    main()

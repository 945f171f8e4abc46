"""G6: what does a daemon that is stopped in the middle of a run (SIGSTOP) cost the training process?"""

from __future__ import annotations

import json
import signal
import time

from _harness import Store, arguments, median, new_store, open_run, say_machine, show, spawn, wait_until

_CALLS_PER_SECOND = 1_000
_REST_SECONDS = 3.0  # before, while the daemon runs


def log_and_time(store: str, run_id: str, rest_seconds: float, stopped_seconds: float) -> list[float]:
    """Logs at a steady rate; returns p50, p99 and the longest call in µs, before and while the daemon is stopped."""
    run = open_run(store, run_id)
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    result = []
    for seconds in (rest_seconds, stopped_seconds):
        if seconds is stopped_seconds:
            print("stop", flush=True)
            input()
        times = []
        begin = time.perf_counter()
        for i in range(int(seconds * _CALLS_PER_SECOND)):
            time.sleep(max(0.0, begin + i / _CALLS_PER_SECOND - time.perf_counter()))
            start = time.perf_counter_ns()
            run.log(row)
            times.append((time.perf_counter_ns() - start) / 1e3)
        times.sort()
        result += [times[len(times) // 2], times[len(times) * 99 // 100], times[-1]]
    print("go on", flush=True)
    input()
    run.finish()
    return result


def measure(store: Store, run_id: str, stopped_seconds: float) -> list[float]:
    """Stops the daemon while a process logs, lets it go on, and checks that every row is there."""
    daemon = store.daemon()
    process = spawn(log_and_time, str(store), run_id, _REST_SECONDS, stopped_seconds)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        while process.stdout.readline() != b"stop\n":
            pass
        daemon.send_signal(signal.SIGSTOP)
        process.stdin.write(b"\n")
        process.stdin.flush()
        while process.stdout.readline() != b"go on\n":
            pass
    finally:
        daemon.send_signal(signal.SIGCONT)
    output, _ = process.communicate(b"\n")
    result: list[float] = json.loads(output.decode().rstrip().rpartition("\n")[2])
    count = int(_REST_SECONDS * _CALLS_PER_SECOND) + int(stopped_seconds * _CALLS_PER_SECOND)
    client = store.client()
    path = f"/api/v1/projects/bench/runs/{run_id}"
    wait_until(
        lambda: json.loads(client.get(path))["ingest_health"]["accepted_row_count"] == count,
        "every row to be there",
    )
    return result


def main() -> None:
    """Compares calls before with calls while the daemon is stopped."""
    parser = arguments(__doc__, repeats=1)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="how long the daemon is stopped (default: %(default)s)"
    )
    options = parser.parse_args()
    say_machine()
    with new_store() as store:
        store.start()
        results = [measure(store, f"stopped-{i}", options.seconds) for i in range(options.repeats)]
    before, stopped = ([median(each[first + k] for each in results) for k in range(3)] for first in (0, 3))
    for name, one, other in zip(("p50", "p99", "longest"), before, stopped, strict=True):
        what = f"log() while the daemon is stopped for {options.seconds:.0f} s, {name}"
        show("G6", what, other, "µs", floor=("before", one))


if __name__ == "__main__":
    main()

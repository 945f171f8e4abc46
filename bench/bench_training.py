"""P16: what does logging at 10 calls a second cost the training process, all threads counted, and does its memory grow?"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import _floor
from _harness import arguments, fresh, median, new_store, open_run, say_machine, show

_CALLS_PER_SECOND = 10
_CPU_BAR_US = 6.0
_GROWTH_BAR_MIB = 1.0
_SETTLE_SECONDS = 3.0  # until gRPC is imported and connected, which P2 measures


def paced_cpu(store: str, run_id: str, kind: str, seconds: float) -> float:
    """Returns the CPU seconds of this fresh process and all its threads in a paced loop."""
    run: Any = open_run(store, run_id) if kind == "trackd" else None
    packer = _floor.numpy_packer(5, 100_000)
    calls: dict[str, Callable[[dict[str, float]], object]] = {
        "trackd": run.log if run is not None else packer,
        "numpy": packer,
        "jsonl": _floor.jsonl_writer(),
        "nothing": lambda row: None,
    }
    call = calls[kind]
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    call(row)
    if run is not None and not run.flush(30):
        raise RuntimeError("no daemon answers")
    time.sleep(_SETTLE_SECONDS)
    cpu, begin = time.process_time(), time.perf_counter()
    for number in range(int(seconds * _CALLS_PER_SECOND)):
        call(row)
        time.sleep(max(0.0, begin + (number + 1) / _CALLS_PER_SECOND - time.perf_counter()))
    used = time.process_time() - cpu
    if run is not None:
        run.finish()
    return used


def growth_mib(store: str, call_count: int) -> dict[str, float]:
    """Returns how much the private memory of this fresh process grows over many calls."""
    run = open_run(store, "growth")
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    for _ in range(100_000):
        run.log(row)
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    before = _private_mib()
    for _ in range(call_count):
        run.log(row)
    after = _private_mib()
    run.finish()
    return {"growth": after - before, "after": after}


def _private_mib() -> float:
    """Returns the memory that is this process's own: not the mapped log, which the disk's cache holds."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def main() -> None:
    """Runs paced loops in turn, then one that logs as fast as it can."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of each paced loop (default: %(default)s)"
    )
    parser.add_argument(
        "--calls", type=int, default=1_000_000, help="for the growth of memory (default: %(default)s)"
    )
    parser.add_argument(
        "--full", action="store_true", help="5 loops of 60 s, and 10 M calls, as the bar says"
    )
    options = parser.parse_args()
    repeats, seconds, calls = options.repeats, options.seconds, options.calls
    if options.full:
        repeats, seconds, calls = max(repeats, 5), 60.0, 10_000_000
    say_machine()
    used: dict[str, list[float]] = {"nothing": [], "numpy": [], "jsonl": [], "trackd": []}
    with new_store() as store:
        store.start()
        for number in range(repeats):
            # At once: each of them sleeps nearly all the time, and meets the same neighbours.
            with ThreadPoolExecutor() as pool:
                loops = {
                    kind: pool.submit(fresh, paced_cpu, str(store), f"paced-{number}", kind, seconds)
                    for kind in used
                }
            for kind, loop in loops.items():
                used[kind].append(loop.result())
        growth = fresh(growth_mib, str(store), calls)
    count = seconds * _CALLS_PER_SECOND

    def added(kind: str) -> float:
        return float((median(used[kind]) - median(used["nothing"])) / count * 1e6)

    cost, floor = added("trackd"), added("numpy")
    what = f"CPU added a call at {_CALLS_PER_SECOND} calls a second over {seconds:.0f} s, all threads"
    show(
        "P16",
        what,
        cost,
        "µs",
        floor=("numpy", floor),
        bar=f"≤ {_CPU_BAR_US:.0f} µs",
        is_met=cost <= _CPU_BAR_US,
    )
    show("P16", "the same, beside another floor", cost, "µs", floor=("jsonl", added("jsonl")))
    what = f"growth of private memory over {calls:,} calls"
    show("P16", what, growth["growth"], "MiB", bar="flat", is_met=growth["growth"] <= _GROWTH_BAR_MIB)
    show("P16", "private memory of the training process", growth["after"], "MiB")


if __name__ == "__main__":
    main()

"""P17: how long does a fresh process take to read one whole metric of 100,000 points through the API?"""

from __future__ import annotations

import time
from typing import Any

import _floor
from _filled import KEY, fill
from _harness import arguments, fresh, median, new_store, open_run, say_machine, show, spawn, wait_until

_POINT_COUNT = 100_000
_BAR_MS = 30.0


def read_metric(store: str, path: str) -> dict[str, float]:
    """Reads a whole metric in this fresh process, first of all things."""
    import trackd

    begin = time.perf_counter()
    import grpc  # noqa: F401 - what the API imports at its first call, told apart
    import numpy as np  # noqa: F401

    import trackd._api
    from trackd.v1 import query_service_pb2_grpc  # noqa: F401

    imported = time.perf_counter()
    api: Any = trackd.Api(store=store)
    steps, _, values = api.run(path).series(KEY)
    done = time.perf_counter()
    if len(steps) != _POINT_COUNT or len(values) != _POINT_COUNT:
        raise RuntimeError(f"{len(steps)} points of {_POINT_COUNT} came back")
    return {"imports": (imported - begin) * 1e3, "read": (done - imported) * 1e3}


def fromfile(point_count: int) -> float:
    """Times the floor in this fresh process."""
    return _floor.fromfile_ms(point_count)


def log_live(store: str) -> None:
    """Logs points and holds the run open until the parent closes the pipe."""
    run = open_run(store, "live")
    for step in range(_POINT_COUNT):
        run.log({KEY: 1.0 / (step + 1)})
    if not run.flush(60):
        raise RuntimeError("no daemon answers")
    print("there", flush=True)
    input()
    run.finish()


def main() -> None:
    """Reads a sealed run, the first time and again, and one that is running."""
    repeats = arguments(__doc__).parse_args().repeats
    say_machine()
    with new_store() as store:
        fresh(fill, str(store), "sealed", _POINT_COUNT)
        store.start()
        floor = ("fromfile", median(fresh(fromfile, _POINT_COUNT) for _ in range(repeats)))
        first = fresh(read_metric, str(store), "bench/sealed")["read"]
        again = [fresh(read_metric, str(store), "bench/sealed") for _ in range(repeats)]
        process = spawn(log_live, str(store))
        assert process.stdout is not None
        wait_until(process.stdout.readline, "the run")
        live = [fresh(read_metric, str(store), "bench/live")["read"] for _ in range(repeats)]
        process.communicate(b"\n")
    usual, bar = median(each["read"] for each in again), f"≤ {_BAR_MS:.0f} ms"
    what = f"{_POINT_COUNT:,} points"
    show(
        "P17",
        f"{what} of an ended run, after import",
        usual,
        "ms",
        floor=floor,
        bar=bar,
        is_met=usual <= _BAR_MS,
    )
    show(
        "P17",
        f"{what}, the daemon's first read since it started",
        first,
        "ms",
        floor=floor,
        bar=bar,
        is_met=first <= _BAR_MS,
    )
    usual = median(live)
    show(
        "P17",
        f"{what} of a running run, after import",
        usual,
        "ms",
        floor=floor,
        bar=bar,
        is_met=usual <= _BAR_MS,
    )
    show("P17", "importing gRPC, NumPy and the API", median(each["imports"] for each in again), "ms")


if __name__ == "__main__":
    main()

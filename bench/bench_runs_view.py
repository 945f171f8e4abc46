"""P12: what does a chart of 10 running runs of 100,000 steps cost at first, and at every refresh after it?"""

from __future__ import annotations

import json
from typing import Any

import _floor
from _harness import arguments, median, new_store, open_run, say_machine, show, spawn, timed, wait_until

_RUN_COUNT, _STEP_COUNT, _NEW_STEPS = 10, 100_000, 100
_FIRST_BAR_MS = 50.0
_KEY = "metric/0"


def log_runs(store: str) -> None:
    """Logs the runs and holds them open; adds new steps for every line that the parent sends."""
    runs = [open_run(store, f"run-{i}", reinit="create_new") for i in range(_RUN_COUNT)]
    for step in range(_STEP_COUNT):
        for run in runs:
            run.log({_KEY: 1.0 / (step + 1)})
    _tell(runs)
    while input():
        for step in range(_NEW_STEPS):
            for run in runs:
                run.log({_KEY: 0.001 * step})
        _tell(runs)


def _tell(runs: list[Any]) -> None:
    if not all(run.flush(60) for run in runs):
        raise RuntimeError("no daemon answers")
    print("there", flush=True)


def main() -> None:
    """Asks as the page does: everything at first, then only what lies behind the last whole bucket."""
    options = arguments(__doc__).parse_args()
    say_machine()
    with new_store() as store:
        store.start()
        client = store.client()
        process = spawn(log_runs, str(store))
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            wait_until(process.stdout.readline, "the runs")
            series: list[dict[str, Any]] = [
                {"project": "bench", "run": f"run-{i}", "key": _KEY} for i in range(_RUN_COUNT)
            ]
            ping = ("ping", _floor.ping_ms(client))
            first_times, refresh_times, refresh_sizes, first_size = [], [], [], 0
            for _ in range(options.repeats):
                first = timed(client.post, "/api/v1/series:query", {"buckets": 1000, "series": series})
                first_times.append(first.milliseconds)
                first_size = len(first.result)
                known = _ask_after(series, first.result)
                process.stdin.write(b"more\n")
                process.stdin.flush()
                wait_until(process.stdout.readline, "new steps")
                refresh = timed(client.post, "/api/v1/series:query", {"buckets": 1000, "series": known})
                refresh_times.append(refresh.milliseconds)
                refresh_sizes.append(len(refresh.result))
        finally:
            process.communicate(b"\n")
    what = f"{_RUN_COUNT} running runs x {_STEP_COUNT:,} steps"
    usual = median(first_times)
    show(
        "P12",
        f"{what}, first view",
        usual,
        "ms",
        floor=ping,
        bar=f"≤ {_FIRST_BAR_MS:.0f} ms",
        is_met=usual <= _FIRST_BAR_MS,
    )
    show("P12", "the same, the very first time", first_times[0], "ms", floor=ping)
    show("P12", "the same, its size", first_size, "bytes")
    show("P12", f"refresh after {_NEW_STEPS} new steps a run", median(refresh_times), "ms", floor=ping)
    size = median(refresh_sizes)
    show("P12", "the same, its size", size, "bytes", bar="only what is new", is_met=size < first_size / 20)


def _ask_after(series: list[dict[str, Any]], data: bytes) -> list[dict[str, Any]]:
    import numpy as np

    size = int.from_bytes(data[4:8], "little")
    known = []
    for asked, header in zip(series, json.loads(data[8 : 8 + size])["series"], strict=True):
        column = next(each for each in header["columns"] if each["name"] == "x_last")
        ends = np.frombuffer(data, "<f8", column["length"], 8 + size + column["offset"])
        known.append({**asked, "after_x": float(ends[-2]), "points_per_bucket": header["points_per_bucket"]})
    return known


if __name__ == "__main__":
    main()

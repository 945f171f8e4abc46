"""P4, P5, P6: how fast does a whole run become durable and readable, at what CPU, and what does a point take on the disk?"""

from __future__ import annotations

import resource
import time
from typing import Any

import _floor
from _harness import arguments, cpu_seconds, fresh, median, new_store, open_run, say_machine, show

_SPEED_BAR = 1e6  # points a second
_CPU_BAR_SECONDS = 2.5
_BYTES_BAR = 8.0
_SHAPES = (("P4", 100_000, 10), ("P6", 100, 10_000))


def write(store: str, step_count: int, metric_count: int) -> dict[str, float]:
    """Logs a whole run in this fresh process; floats that a float32 holds, as losses and accuracies are."""
    import numpy as np

    values = np.random.default_rng(1).random((step_count, metric_count), np.float32).astype(float).tolist()
    names = [f"metric/{i}" for i in range(metric_count)]
    rows = [dict(zip(names, row, strict=True)) for row in values]
    prepared = _cpu_seconds()
    run: Any = open_run(store)
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    log = run.log
    begin = time.perf_counter()
    for row in rows:
        log(row)
    logged = time.perf_counter()
    if not run.flush(60):
        raise RuntimeError("the daemon does not keep up")
    readable = time.perf_counter()
    run.finish()
    return {"logged": logged - begin, "readable": readable - begin, "cpu": _cpu_seconds() - prepared}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def floors(step_count: int, metric_count: int) -> dict[str, float]:
    """Times the same run by the floors in this fresh process."""
    return _floor.bulk_seconds(step_count, metric_count)


def main() -> None:
    """Writes each shape into new stores, floors in turn."""
    repeats = arguments(__doc__).parse_args().repeats
    say_machine()
    for row, step_count, metric_count in _SHAPES:
        point_count = step_count * metric_count
        ours: list[dict[str, float]] = []
        beside: list[dict[str, float]] = []
        for _ in range(repeats):
            with new_store() as store:
                store.start()
                daemon = store.daemon()
                before = cpu_seconds(daemon)
                one = fresh(write, str(store), step_count, metric_count)
                one["daemon cpu"] = cpu_seconds(daemon) - before
                stored = store.client().get("/api/v1/projects/bench/runs/bench/metrics")
                if stored.count(f'"count":{step_count},'.encode()) != metric_count:
                    raise RuntimeError("points are missing")
                store.wait_sealed()
                one["sealed cpu"] = cpu_seconds(daemon) - before
                one["bytes"] = store.segment_bytes() / point_count
                ours.append(one)
            beside.append(fresh(floors, step_count, metric_count))

        def of(rows: list[dict[str, float]], name: str) -> float:
            return median(each[name] for each in rows)

        shape = f"{step_count:,} steps x {metric_count:,} metrics"
        speed = point_count / of(ours, "readable")
        numpy_speed, jsonl_speed = point_count / of(beside, "numpy"), point_count / of(beside, "jsonl")
        show(
            row,
            f"{shape}, until durable and readable",
            speed / 1e3,
            "k/s",
            floor=("jsonl", jsonl_speed / 1e3),
            bar="≥ 1,000 k/s",
            is_met=speed >= _SPEED_BAR,
        )
        show(
            row,
            "the same, in log() alone",
            point_count / of(ours, "logged") / 1e3,
            "k/s",
            floor=("numpy", numpy_speed / 1e3),
        )
        show(
            row, "the same, raw bytes written and synced", point_count / of(beside, "fdatasync") / 1e3, "k/s"
        )
        trainer, daemon_cpu = of(ours, "cpu"), of(ours, "daemon cpu")
        sealed = of(ours, "sealed cpu")
        bar, total = f"≤ {_CPU_BAR_SECONDS} s", trainer + sealed
        show(
            row,
            "CPU of all processes, imports and sealing included",
            total,
            "s",
            bar=bar,
            is_met=total <= _CPU_BAR_SECONDS,
        )
        show(row, "of which the training process", trainer, "s")
        show(row, "of which the daemon until readable", daemon_cpu, "s")
        size, bar = of(ours, "bytes"), f"≤ {_BYTES_BAR:.0f} bytes"
        floor = ("raw", float(_floor.POINT_BYTES))
        show(
            "P5",
            f"segments and levels, {shape}",
            size,
            "bytes",
            floor=floor,
            bar=bar,
            is_met=size <= _BYTES_BAR,
        )


if __name__ == "__main__":
    main()

"""P3: what does one `log()` call cost the training loop? 5 floats back to back, and other kinds of rows."""

from __future__ import annotations

from typing import Any

import _floor
from _harness import arguments, fresh, latencies, median, new_store, open_run, say_machine, show

_RATIO_BAR, _P99_BAR_US, _MAX_BAR_MS = 4.0, 20.0, 20.0


def make_row(kind: str) -> dict[str, Any]:
    """Returns a row of a kind."""
    if kind == "50 floats":
        return {f"metric/{i}": 0.37 * i for i in range(50)}
    if kind == "5 floats in nested dicts":
        return {"train": {"loss": 0.5, "acc": 0.9}, "valid": {"loss": 0.6, "acc": 0.8}, "lr": 1e-3}
    if kind == "3 floats and 2 ints":
        return {"loss": 0.5, "acc": 0.9, "lr": 1e-3, "epoch": 3, "batch": 77}
    if kind == "5 NumPy scalars":
        import numpy as np

        return {f"metric/{i}": np.float32(0.37 * i) for i in range(5)}
    return {f"metric/{i}": 0.37 * i for i in range(5)}


KINDS = (
    "5 floats",
    "5 floats with step=",
    "3 floats and 2 ints",
    "5 NumPy scalars",
    "50 floats",
    "5 floats in nested dicts",
)


def trackd_calls(store: str, kind: str, count: int) -> dict[str, float]:
    """Times `log()` in this fresh process, a daemon reading along."""
    run = open_run(store, kind.replace(" ", "-").replace("=", ""))
    row = make_row(kind)
    run.log(row)
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    if kind.endswith("step="):
        log = run.log
        result = latencies(
            _floor.call_times(lambda step: log(row, step=step), list(range(1, count + 1)), count)
        )
    else:
        result = latencies(_floor.call_times(run.log, [row], count))
    run.finish()
    return result


def floor_calls(name: str, kind: str, count: int) -> dict[str, float]:
    """Times a floor in this fresh process; NumPy's scalars and nested values as the floats that they hold."""
    row = make_row(kind)
    if name != "jsonl" or kind == "5 NumPy scalars":
        row = {str(place): 0.37 * place for place in range(50 if kind == "50 floats" else 5)}
    return _floor.calls(name, [row], count)


def main() -> None:
    """Times trackd and floors in turn, each in fresh processes."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="calls a process (default: %(default)s)")
    options = parser.parse_args()
    say_machine()
    with new_store() as store:
        store.start()
        for kind in KINDS:
            count = options.calls if kind == "5 floats" else options.calls // 4
            runs: dict[str, list[dict[str, float]]] = {"trackd": [], "numpy": [], "pack": [], "jsonl": []}
            for _ in range(options.repeats):
                runs["trackd"].append(fresh(trackd_calls, str(store), kind, count))
                for name in ("numpy", "pack", "jsonl"):
                    runs[name].append(fresh(floor_calls, name, kind, count))

            def of(name: str, part: str, runs: dict[str, list[dict[str, float]]] = runs) -> float:
                return median(each[part] for each in runs[name])

            p50, floor = of("trackd", "p50"), ("numpy", of("numpy", "p50"))
            if kind != "5 floats":
                show("P3", f"log(), {kind}, p50", p50, "µs", floor=floor)
                continue
            bar = f"≤ {_RATIO_BAR:.0f} numpy (2 µs)"
            show(
                "P3",
                f"log(), {kind}, p50",
                p50,
                "µs",
                floor=floor,
                bar=bar,
                is_met=p50 <= _RATIO_BAR * floor[1],
            )
            for name in ("pack", "jsonl"):
                show("P3", "the same, beside another floor", p50, "µs", floor=(name, of(name, "p50")))
            p99, longest = of("trackd", "p99"), of("trackd", "max") / 1e3
            floor = ("numpy", of("numpy", "p99"))
            bar = f"≤ {_P99_BAR_US:.0f} µs"
            show("P3", f"log(), {kind}, p99", p99, "µs", floor=floor, bar=bar, is_met=p99 <= _P99_BAR_US)
            floor = ("numpy", of("numpy", "max") / 1e3)
            bar = f"≤ {_MAX_BAR_MS:.0f} ms"
            show(
                "P3",
                f"log(), {kind}, longest",
                longest,
                "ms",
                floor=floor,
                bar=bar,
                is_met=longest <= _MAX_BAR_MS,
            )


if __name__ == "__main__":
    main()

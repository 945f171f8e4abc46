"""P2: how soon does `init()` return, and how soon is the first value on the disk and readable?"""

from __future__ import annotations

import time
from typing import Any

import _floor
from _harness import arguments, fresh, median, new_store, open_run, say_machine, show

_INIT_BAR_MS = 10.0
_DURABLE_BAR_MS = 400.0


def first_value(store: str, run_id: str) -> dict[str, float]:
    """Begins a run in this fresh process, logs one value, and waits for it."""
    import trackd  # noqa: F401 - its import is P1

    begin = time.perf_counter()
    run: Any = open_run(store, run_id)
    opened = time.perf_counter()
    run.log({"loss": 0.5})
    while run.durable_sequence < 1:
        time.sleep(0.001)
    durable = time.perf_counter()
    is_readable = run.flush(30)
    readable = time.perf_counter()
    run.finish()
    if not is_readable:
        raise RuntimeError("no daemon has taken the value")
    return {
        "init": (opened - begin) * 1e3,
        "durable": (durable - begin) * 1e3,
        "readable": (readable - begin) * 1e3,
    }


def main() -> None:
    """Times fresh processes, each with a new store (cold) and with a daemon that serves already (warm)."""
    repeats = arguments(__doc__).parse_args().repeats
    say_machine()
    bare = median(_floor.python_ms() for _ in range(repeats))
    cold = []
    for _ in range(repeats):
        with new_store() as store:
            cold.append(fresh(first_value, str(store), "cold"))
    with new_store() as store:
        store.start()
        warm = [fresh(first_value, str(store), f"warm-{number}") for number in range(repeats)]

    def of(rows: list[dict[str, float]], name: str) -> float:
        return median(row[name] for row in rows)

    floor = ("python", bare)
    init, durable = of(warm, "init"), of(cold, "durable")
    bar = f"≤ {_INIT_BAR_MS:.0f} ms"
    show(
        "P2",
        "init() returns, a daemon running",
        init,
        "ms",
        floor=floor,
        bar=bar,
        is_met=init <= _INIT_BAR_MS,
    )
    show("P2", "init() returns, no daemon", of(cold, "init"), "ms", floor=floor)
    bar = f"≤ {_DURABLE_BAR_MS:.0f} ms"
    show(
        "P2",
        "first value durable, no daemon (the client syncs)",
        durable,
        "ms",
        floor=floor,
        bar=bar,
        is_met=durable <= _DURABLE_BAR_MS,
    )
    show(
        "P2", "first value readable, no daemon (it starts meanwhile)", of(cold, "readable"), "ms", floor=floor
    )
    show("P2", "first value durable and readable, a daemon running", of(warm, "readable"), "ms", floor=floor)


if __name__ == "__main__":
    main()

"""P15: what does a daemon cost that has nothing to do: memory and CPU, fresh, beside an open run, and after hard work?"""

from __future__ import annotations

import time

from _filled import KEY
from _harness import (
    Store,
    arguments,
    cpu_seconds,
    fresh,
    memory_mib,
    new_store,
    open_run,
    say_machine,
    show,
    spawn,
    wait_until,
)

_MEMORY_BAR_MB, _CPU_BAR_PERCENT = 60.0, 0.3
_SETTLE_SECONDS = (
    10.0  # after a run has begun: the daemon has looked around, and the client has let its log rest
)
_WORKER_IDLE_SECONDS = 8.0  # after this the sealing process has ended (sealing._IDLE_SECONDS)


def hold_open(store: str) -> None:
    """Opens a run, logs one value and waits until the parent closes the pipe."""
    run = open_run(store, "open")
    run.log({KEY: 1.0})
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    print("there", flush=True)
    input()
    run.finish()


def work_hard(store: str, step_count: int) -> None:
    """Logs a run of 10 metrics and ends it."""
    run = open_run(store, "hard")
    for step in range(step_count):
        run.log({f"metric/{i}": float(step) for i in range(10)})
    run.finish()


def measure(store: Store, when: str, seconds: float, *, is_barred: bool = True) -> None:
    """Watches the daemon for a while."""
    daemon = store.daemon()
    before, begin = cpu_seconds(daemon), time.perf_counter()
    time.sleep(seconds)
    used = (cpu_seconds(daemon) - before) / (time.perf_counter() - begin) * 100
    own, workers = (mib * 2**20 / 1e6 for mib in memory_mib(daemon))
    bar, is_met = (f"≤ {_MEMORY_BAR_MB:.0f} MB", own + workers <= _MEMORY_BAR_MB) if is_barred else ("", None)
    show("P15", f"memory {when}, workers included", own + workers, "MB", bar=bar, is_met=is_met)
    if workers:
        show("P15", "the same, of the daemon alone", own, "MB")
    bar, is_met = (f"≤ {_CPU_BAR_PERCENT} %", used <= _CPU_BAR_PERCENT) if is_barred else ("", None)
    show("P15", f"CPU {when}, % of a core over {seconds:.0f} s", used, "%", bar=bar, is_met=is_met)


def main() -> None:
    """Watches one daemon through its life."""
    parser = arguments(__doc__, repeats=1)
    parser.add_argument(
        "--seconds", type=float, default=40.0, help="how long each state is watched (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=300_000, help="of the hard work, 10 metrics (default: %(default)s)"
    )
    options = parser.parse_args()
    say_machine()
    with new_store() as store:
        store.start(opens_web=False)
        time.sleep(1)
        measure(store, "fresh", options.seconds)
        process = spawn(hold_open, str(store))
        assert process.stdout is not None
        wait_until(process.stdout.readline, "the run")
        time.sleep(_SETTLE_SECONDS)
        measure(store, "beside an open run that says nothing", options.seconds)
        store.client().get("/api/v1/daemon")
        measure(store, "the same, the page having been opened", options.seconds, is_barred=False)
        process.communicate(b"\n")
        fresh(work_hard, str(store), options.steps)
        store.wait_sealed()
        measure(store, f"just after {options.steps * 10:,} points were sealed", 1.0, is_barred=False)
        time.sleep(_WORKER_IDLE_SECONDS)
        measure(store, "a little later", options.seconds)


if __name__ == "__main__":
    main()

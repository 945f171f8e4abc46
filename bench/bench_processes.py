"""P14: what do several processes get that write one run: the rate of all together against one alone, and is it fair?"""

from __future__ import annotations

import json
import time

from _harness import Store, arguments, median, new_store, open_run, say_machine, show, spawn, wait_until

_SHARE_BAR = 0.8  # of one process's rate


def log_for_a_while(store: str, run_id: str, begin_time: float, seconds: float) -> tuple[int, float]:
    """Logs rows of five floats back to back; returns how many, and the mean time of a call in µs."""
    run = open_run(store, run_id)
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    time.sleep(max(0.0, begin_time - time.time()))  # all processes begin at one time
    count, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        for _ in range(100):
            run.log(row)
        count += 100
    run.finish()
    return count, elapsed / count * 1e6


def measure(store: Store, run_id: str, process_count: int, seconds: float) -> list[tuple[int, float]]:
    """Has processes write one run at once; returns the count and the mean of each, having checked that all is there."""
    begin_time = time.time() + 1.0 + 0.3 * process_count  # they take so long to start
    processes = [
        spawn(log_for_a_while, str(store), run_id, begin_time, seconds) for _ in range(process_count)
    ]
    results = []
    for process in processes:
        output, _ = process.communicate()
        count, mean = json.loads(output.decode().rstrip().rpartition("\n")[2])
        results.append((int(count), float(mean)))
    client = store.client()
    path = f"/api/v1/projects/bench/runs/{run_id}"
    total = sum(count for count, _ in results)

    def stored_count() -> int:
        return int(json.loads(client.get(path))["ingest_health"]["accepted_row_count"])

    wait_until(lambda: stored_count() >= total, "the rows of all processes")
    if stored_count() != total:
        raise RuntimeError(f"{total} rows were logged and {stored_count()} are there")
    return results


def main() -> None:
    """Compares one process with four and eight."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="how long each logs (default: %(default)s)"
    )
    options = parser.parse_args()
    say_machine()
    with new_store() as store:
        store.start()
        rates: dict[int, list[float]] = {1: [], 4: [], 8: []}
        means: dict[int, list[float]] = {1: [], 4: [], 8: []}
        fairness: dict[int, list[float]] = {1: [], 4: [], 8: []}
        for repeat in range(options.repeats):
            for process_count in (1, 4, 8):
                results = measure(store, f"p{process_count}-{repeat}", process_count, options.seconds)
                counts = [count for count, _ in results]
                rates[process_count].append(sum(counts) / options.seconds)
                means[process_count].append(median(mean for _, mean in results))
                fairness[process_count].append(min(counts) / max(counts))
        one = median(rates[1])
        for process_count in (4, 8):
            rate = median(rates[process_count])
            show(
                "P14",
                f"rows a second of {process_count} processes into one run",
                rate,
                "rows/s",
                floor=("one process", one),
                bar=f"≥ {_SHARE_BAR:.0%} of one process",
                is_met=rate >= _SHARE_BAR * one,
            )
            show(
                "P14",
                f"mean time in log(), {process_count} processes",
                median(means[process_count]),
                "µs",
                floor=("one process", median(means[1])),
            )
            show(
                "P14", f"slowest of {process_count} against the quickest", median(fairness[process_count]), ""
            )


if __name__ == "__main__":
    main()

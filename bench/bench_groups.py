"""What does a chart of many runs as one line cost over HTTP: at first, asked again, zoomed in, and while the runs go on?"""

from __future__ import annotations

import json
from typing import Any

import _floor
from _filled import KEY, SPIKE, fill
from _harness import (
    Client,
    arguments,
    fresh,
    median,
    new_store,
    open_run,
    say_machine,
    show,
    spawn,
    timed,
    wait_until,
)

_ASKED = 11  # times; the first is told apart
# (runs, points of each, the bar in milliseconds once the runs were read)
_SHAPES = ((100, 10_000, 150.0), (10, 1_000_000, 300.0))


def fill_many(folder: str, run_count: int, point_count: int) -> None:
    """Makes ended runs of one metric."""
    for number in range(run_count):
        fill(folder, name(run_count, number), point_count)


def log_live(store: str, run_id: str, point_count: int) -> None:
    """Logs points, then one more for each line that the parent sends, until it closes the pipe."""
    run = open_run(store, run_id)
    for _ in range(point_count):
        run.log({KEY: 0.25})
    while True:
        if not run.flush(60):
            raise RuntimeError("no daemon answers")
        print("there", flush=True)
        try:
            input()
        except EOFError:
            break
        run.log({KEY: 0.5})
    run.finish()


def name(run_count: int, number: int) -> str:
    """Returns the id of a run."""
    return f"of-{run_count}-{number}"


def question(runs: list[str], **values: Any) -> dict[str, Any]:
    """Returns the body of a query for one group."""
    group = {"id": "all", "runs": runs, "aggregate": "mean", "band": "range"}
    return {"buckets": 1000, "series": [{"project": "bench", "group": group, "key": KEY}], **values}


def measure(client: Client, what: str, asked: dict[str, Any], bar_ms: float) -> bytes:
    """Asks the same again and again, and prints what the first and the others took."""
    ping = _floor.ping_ms(client)
    answers = [timed(client.post, "/api/v1/series:query", asked) for _ in range(_ASKED)]
    usual = median(each.milliseconds for each in answers[1:])
    floor = ("ping", ping)
    show("P21", what, usual, "ms", floor=floor, bar=f"≤ {bar_ms:.0f} ms", is_met=usual <= bar_ms)
    show("P21", "the same, the first time", answers[0].milliseconds, "ms", floor=floor)
    data: bytes = answers[0].result
    return data


def has_spike(data: bytes) -> bool:
    """Returns whether the band reaches the single spike of the runs."""
    import numpy as np

    size = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + size])["series"][0]
    column = next(each for each in header["columns"] if each["name"] == "high")
    high = np.frombuffer(data[8 + size :], "<f8", column["length"], column["offset"])
    return float(high.max()) == SPIKE


def main() -> None:
    """Fills a store, then asks its daemon."""
    arguments(__doc__).parse_args()
    say_machine()
    with new_store() as store:
        for run_count, point_count, _ in _SHAPES:
            fresh(fill_many, str(store), run_count, point_count)
        store.start()
        client = store.client()
        for run_count, point_count, bar_ms in _SHAPES:
            runs = [name(run_count, number) for number in range(run_count)]
            what = f"{run_count} runs of {point_count:,} points"
            shown = has_spike(measure(client, f"{what}, over steps", question(runs), bar_ms))
            show("P21", "the same, spikes shown of 1", float(shown), "", bar="1", is_met=shown)
            middle = {"min_x": point_count * 4 // 10, "max_x": point_count * 5 // 10}
            measure(client, f"{what}, a tenth of the steps", question(runs, **middle), bar_ms)
            measure(client, f"{what}, over relative time", question(runs, x="relative_time"), bar_ms)
            smoothed = question(runs, smoothing={"kind": "ema", "amount": 0.99})
            measure(client, f"{what}, smoothed", smoothed, bar_ms)
        measure_running(store)


def measure_running(store: Any) -> None:
    """Asks again after each new point of running runs."""
    runs = [f"live-{number}" for number in range(4)]
    live = [spawn(log_live, str(store), run, 200_000) for run in runs]
    try:
        times = []
        for each in live:
            assert each.stdout is not None
            wait_until(each.stdout.readline, "a live run")
        client = store.client()  # the daemon may have closed an older connection meanwhile
        for _ in range(_ASKED):
            times.append(timed(client.post, "/api/v1/series:query", question(runs)).milliseconds)
            for each in live:
                assert each.stdin is not None
                assert each.stdout is not None
                each.stdin.write(b"\n")
                each.stdin.flush()
                wait_until(each.stdout.readline, "a point")
        show("P21", "4 running runs of 200,000 points, after each new point", median(times[1:]), "ms")
    finally:
        for each in live:
            each.communicate()


if __name__ == "__main__":
    main()

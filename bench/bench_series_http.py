"""P11: what does one chart of one long metric cost over HTTP, in time and bytes, and is every spike in it?"""

from __future__ import annotations

import json
import time
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

_BARS_MS = {100_000: 5.0, 10_000_000: 10.0, 100_000_000: 20.0}
_BYTES_BAR = 64_000
_ASKED = 21  # times a series; the first is told apart


def log_live(store: str, point_count: int) -> None:
    """Logs points and holds the run open until the parent closes the pipe."""
    run = open_run(store, "live")
    for step in range(point_count):
        run.log({KEY: SPIKE if step == point_count // 3 else 0.25})
    if not run.flush(60):
        raise RuntimeError("no daemon answers")
    print("there", flush=True)
    input()
    run.finish()


def question(run_id: str, **values: Any) -> dict[str, Any]:
    """Returns the body of a query for the whole series, as the page asks it."""
    return {"buckets": 1000, "series": [{"project": "bench", "run": run_id, "key": KEY}], **values}


def measure(name: str, client: Client, run_id: str, point_count: int) -> None:
    """Asks for one whole series again and again."""
    ping = _floor.ping_ms(client)
    answers = [timed(client.post, "/api/v1/series:query", question(run_id)) for _ in range(_ASKED)]
    data = answers[0].result
    size = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + size])["series"][0]
    if header["total_count"] != point_count:
        raise RuntimeError(f"{header['total_count']} points of {point_count} are there")
    has_spike = _largest(data[8 + size :], header) == SPIKE
    bar_ms = _BARS_MS[point_count]
    usual = median(answer.milliseconds for answer in answers[1:])
    floor = ("ping", ping)
    show("P11", name, usual, "ms", floor=floor, bar=f"≤ {bar_ms:.0f} ms", is_met=usual <= bar_ms)
    show("P11", "the same, the first time", answers[0].milliseconds, "ms", floor=floor)
    show(
        "P11",
        "the same, its size",
        len(data),
        "bytes",
        bar=f"≤ {_BYTES_BAR:,} bytes",
        is_met=len(data) <= _BYTES_BAR,
    )
    show("P11", "the same, spikes shown of 1", float(has_spike), "", bar="1", is_met=has_spike)


def _largest(columns: bytes, header: dict[str, Any]) -> float:
    import numpy as np

    column = next(each for each in header["columns"] if each["name"] == "max")
    return float(np.frombuffer(columns, "<f8", column["length"], column["offset"]).max())


def main() -> None:
    """Fills a store, then asks its daemon."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--full", action="store_true", help="also 100 M points, which take two minutes and 1 GB"
    )
    options = parser.parse_args()
    say_machine()
    counts = [count for count in _BARS_MS if options.full or count <= 10_000_000]
    with new_store() as store:
        for count in counts:
            begin = time.perf_counter()
            fresh(fill, str(store), f"sealed-{count}", count)
            print(f"     ({count:,} points sealed in {time.perf_counter() - begin:.1f} s)")
        store.start()
        live = spawn(log_live, str(store), 100_000)
        try:
            assert live.stdout is not None
            wait_until(live.stdout.readline, "the live run")
            client = store.client()
            measure("100,000 points of a running run, whole series", client, "live", 100_000)
        finally:
            live.communicate(b"\n")
        for count in counts:
            measure(f"{count:,} points, whole series", client, f"sealed-{count}", count)
            close = question(f"sealed-{count}", min_x=count // 3 - 500, max_x=count // 3 + 499)
            zooms = [timed(client.post, "/api/v1/series:query", close).milliseconds for _ in range(_ASKED)]
            show("P11", "the same, zoomed in on 1,000 points, the first time", zooms[0], "ms")
            show("P11", "the same, zoomed in on 1,000 points", median(zooms[1:]), "ms")


if __name__ == "__main__":
    main()

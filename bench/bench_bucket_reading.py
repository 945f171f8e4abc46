"""P20: how soon, and after how many bytes, is a long run seen that lies in a bucket and was never fetched before?

Needs the S3 server of the tests: scripts/install_s3_server.sh brings it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from _filled import fill
from _harness import Client, Store, arguments, fresh, median, new_store, say_machine, show, timed, wait_until
from bench_series_http import question
from bench_upload import s3_server, status, upload_to

_RUN = "far"
_ASKED = 11


def look(client: Client, point_count: int) -> dict[str, float]:
    """Opens the list of runs, the run's first chart, and a zoomed one; returns each one's milliseconds."""
    runs = timed(client.get, "/api/v1/projects/bench/runs")
    if _RUN.encode() not in runs.result:
        raise RuntimeError("the run is not in the list")
    chart = timed(client.post, "/api/v1/series:query", question(_RUN))
    middle = point_count // 3
    close = question(_RUN, min_x=middle - 500, max_x=middle + 499)
    zoom = timed(client.post, "/api/v1/series:query", close)
    return {
        "list of runs": runs.milliseconds,
        "first chart": chart.milliseconds,
        "zoomed in on 1,000 points": zoom.milliseconds,
    }


def open_cold(url: str, endpoint_url: str, cache: Path, point_count: int, proxy: Any) -> dict[str, float]:
    """Looks at a bucket with an empty cache, then with a daemon that has begun anew; returns figures by name."""
    from trackd import _settings

    os.environ.update({"XDG_CACHE_HOME": str(cache), "AWS_ENDPOINT_URL": endpoint_url})
    folder, _ = _settings.store_path(url)
    store = Store(Path(folder))
    figures: dict[str, float] = {}
    try:
        for when in ("cold", "begun anew"):
            proxy.reset_counts()
            begin = time.perf_counter()
            store.start(opens_web=False)
            client = store.client()
            client.get("/api/v1/daemon")
            figures[f"{when}, daemon there"] = (time.perf_counter() - begin) * 1e3
            for name, milliseconds in look(client, point_count).items():
                figures[f"{when}, {name}"] = milliseconds
            figures[f"{when}, fetched"] = proxy.bytes_received / 1e6
            if when == "cold":
                warm = [look(client, point_count) for _ in range(_ASKED)]
                for name in warm[0]:
                    figures[f"warm, {name}"] = median(each[name] for each in warm)
            store.stop()
    finally:
        store.stop()
    return figures


def main() -> None:
    """Fills a store, uploads it, and looks at it through the bucket."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument(
        "--points", type=int, default=10_000_000, help="points of the run (default: %(default)s)"
    )
    options = parser.parse_args()
    say_machine()
    with s3_server() as server:
        from tests.s3.fault_proxy import FaultProxy

        with new_store() as store, FaultProxy(server.endpoint_url) as proxy:
            begin = time.perf_counter()
            fresh(fill, str(store), _RUN, options.points)
            show("P20", f"{options.points:,} points, filled", time.perf_counter() - begin, "s")
            upload_to(store, server.endpoint_url, "far")
            begin = time.perf_counter()
            store.start()
            wait_until(
                lambda: (found := status(store))["state"] == "idle" and found["sent_file_count"],
                "the upload",
                600,
            )
            seconds = time.perf_counter() - begin
            size = store.segment_bytes()
            show("P20", "the same, uploaded", seconds, "s")
            show("P20", "the same, its size", size / 1e6, "MB")
            store.stop()
            found = []
            for number in range(options.repeats):
                cache = store.folder / f"cache-{number}"
                found.append(open_cold("s3://bench/far", proxy.endpoint_url, cache, options.points, proxy))
            for name in found[0]:
                unit = "MB" if name.endswith("fetched") else "ms"
                show("P20", f"from the bucket, {name}", median(each[name] for each in found), unit)


if __name__ == "__main__":
    main()

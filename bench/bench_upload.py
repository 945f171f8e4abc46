"""P19: what does an upload cost the training loop, and the daemon's memory, with a bucket that works, refuses, or is silent?

Needs the S3 server of the tests: scripts/install_s3_server.sh brings it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _harness import (
    FOLDER,
    Store,
    arguments,
    fresh,
    latencies,
    median,
    memory_mib,
    new_store,
    open_run,
    say_machine,
    show,
    wait_until,
)

_RATIO_BAR = 1.5
_INTERVAL_SECONDS = 0.5  # the shortest: the upload is as busy as it can be
_GIGABYTE = 10**9
_FILE_BYTES = 50_000_000
_SETTLE_SECONDS = 3.0  # what the daemon and its helper load at their start is over by then
_ATTEMPT_SECONDS = 15.0  # some attempts to send what waits
_GROWTH_BAR_MIB = 16.0


@contextlib.contextmanager
def s3_server() -> Iterator[Any]:
    """Runs the S3 server of the tests, with its credentials in the environment; gives it."""
    sys.path.insert(0, str(FOLDER.parent))
    from tests.s3.s3_servers import S3Server

    with (
        tempfile.TemporaryDirectory(prefix="trackd-bench-s3-") as folder,
        S3Server.single(Path(folder)) as server,
    ):
        os.environ.update(server.environment)
        server.make_bucket("bench")
        yield server


def upload_to(store: Store, endpoint_url: str, prefix: str) -> None:
    """Has a store upload to a bucket."""
    settings = {
        "version": 1,
        "url": f"s3://bench/{prefix}",
        "endpoint_url": endpoint_url,
        "interval_seconds": _INTERVAL_SECONDS,
    }
    (store.folder / "upload.json").write_text(json.dumps(settings), "utf-8")


def status(store: Store) -> dict[str, Any]:
    """Returns how the upload of a store stands."""
    found: dict[str, Any] = json.loads(store.client().get("/api/v1/upload"))["status"]
    return found


def log_calls(store: str, count: int) -> dict[str, float]:
    """Times `log()` of 5 floats in this fresh process, a daemon reading along."""
    run = open_run(store)
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    run.log(row)
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    log, clock = run.log, time.perf_counter_ns
    times = [0] * count
    for position in range(count):
        begin = clock()
        log(row)
        times[position] = clock() - begin
    begin_seconds = time.perf_counter()
    run.finish()
    return {**latencies(times), "finish": (time.perf_counter() - begin_seconds) * 1e3}


def sparse_backlog(folder: str, size_bytes: int) -> None:
    """Gives a store's run files of zeros that take no room on the disk, as if they had been saved with it."""
    from trackd_service.sqlite_catalog import SqliteCatalog

    catalog = SqliteCatalog(Path(folder) / "catalog.sqlite")
    found = catalog.load_run("bench", "bench")
    if found is None:
        raise RuntimeError("the run is not in the store")
    digest = hashlib.sha256()
    zeros = bytes(1_000_000)
    for _ in range(_FILE_BYTES // len(zeros)):
        digest.update(zeros)
    objects = {}
    for number in range(size_bytes // _FILE_BYTES):
        # One byte more each: no two are the same object.
        own = digest.copy()
        own.update(bytes(number))
        sha256 = own.hexdigest()
        path = Path(folder) / "objects" / "files" / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(_FILE_BYTES + number)
        objects[sha256] = _FILE_BYTES + number
    catalog.commit_run(found[0], found[1], (), (), objects)
    catalog.close()


def memory_with_backlog(endpoint_url: str, size_bytes: int) -> tuple[float, float]:
    """Returns the most that a daemon and its helpers hold, in MiB, while files of that size wait for a bucket."""
    with new_store() as store:
        store.start()
        fresh(log_calls, str(store), 1_000)
        store.wait_sealed()
        store.stop()
        fresh(sparse_backlog, str(store), size_bytes)
        upload_to(store, endpoint_url, "backlog")
        store.start()
        wait_until(lambda: status(store)["pending_bytes"] >= size_bytes, "the backlog")
        process, own, helpers = store.daemon(), 0.0, 0.0
        deadline = time.monotonic() + _ATTEMPT_SECONDS
        while time.monotonic() < deadline:
            now = memory_mib(process)
            own, helpers = max(own, now[0]), max(helpers, now[1])
            time.sleep(0.1)
        waiting = status(store)["pending_bytes"]
        if waiting < size_bytes:
            raise RuntimeError(f"{waiting} bytes wait, not {size_bytes}")
        return own, helpers


def main() -> None:
    """Times `log()` with each kind of bucket in turn, then weighs a daemon behind which files wait."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="calls a process (default: %(default)s)")
    parser.add_argument(
        "--gigabytes", type=int, nargs="*", default=[1, 5, 10], help="backlogs (default: 1 5 10)"
    )
    options = parser.parse_args()
    say_machine()
    with s3_server() as server, socket.create_server(("127.0.0.1", 0), backlog=128) as hole:
        # Connections are taken by the kernel, and nobody ever answers.
        silent = f"http://127.0.0.1:{hole.getsockname()[1]}"
        refusing = "http://127.0.0.1:1"
        kinds = {
            "no upload": "",
            "a bucket that works": server.endpoint_url,
            "one that refuses": refusing,
            "one that is silent": silent,
        }
        runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
        for number in range(options.repeats):
            for kind, endpoint_url in kinds.items():
                with new_store() as store:
                    if endpoint_url:
                        upload_to(store, endpoint_url, f"{kind.replace(' ', '-')}-{number}")
                    store.start()
                    time.sleep(_SETTLE_SECONDS)
                    runs[kind].append(fresh(log_calls, str(store), options.calls))
        for part, unit in (("p50", "µs"), ("p99", "µs"), ("finish", "ms")):
            floor = median(each[part] for each in runs["no upload"])
            for kind, each_run in runs.items():
                figure = median(each[part] for each in each_run)
                what = "finish()" if part == "finish" else f"log(), {part}"
                is_held = kind != "no upload" and part != "finish"
                show(
                    "P19",
                    f"{what}, {kind}",
                    figure,
                    unit,
                    floor=("no upload", floor),
                    bar=f"≤ {_RATIO_BAR} of no upload" if is_held else "",
                    is_met=figure <= _RATIO_BAR * floor if is_held else None,
                )
        held: list[float] = []
        for gigabytes in options.gigabytes:
            own, helpers = memory_with_backlog(refusing, gigabytes * _GIGABYTE)
            held.append(own)
            show("P19", f"daemon while {gigabytes} GB wait", own, "MiB")
            show("P19", "the same, its helpers", helpers, "MiB")
        if held:
            growth = max(held) - held[0]
            show(
                "P19",
                f"daemon, more with {options.gigabytes[-1]} GB than with {options.gigabytes[0]} GB",
                growth,
                "MiB",
                bar=f"≤ {_GROWTH_BAR_MIB:.0f} MiB",
                is_met=growth <= _GROWTH_BAR_MIB,
            )


if __name__ == "__main__":
    main()

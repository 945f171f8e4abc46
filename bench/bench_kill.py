"""P9: what is left of the calls that returned when the training process is killed with SIGKILL?

The other half, P10, is no figure: `tests/crash` kills the daemon while it logs, and every record must be there once.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from pathlib import Path

from _harness import Store, arguments, median, new_store, open_run, say_machine, show, spawn, wait_until

_SECONDS = 1.0  # that a process logs before it is killed


def log_forever(store: str, run_id: str, calls_per_second: float, counter_path: str) -> None:
    """Logs until it is killed; writes how many calls have returned where the parent sees it."""
    run = open_run(store, run_id)
    with Path(counter_path).open("r+b") as file:
        counter = mmap.mmap(file.fileno(), 8)
    row = {f"metric/{i}": 0.37 * i for i in range(5)}
    pack_into = struct.Struct("<q").pack_into
    count = 0
    begin = time.perf_counter()
    while True:
        run.log(row)
        count += 1
        pack_into(counter, 0, count)
        if calls_per_second:
            time.sleep(max(0.0, begin + count / calls_per_second - time.perf_counter()))


def kept_share(store: Store, run_id: str, calls_per_second: float) -> tuple[float, int]:
    """Returns the share of returned calls that are readable after a kill, in percent, and how many had returned."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8))
        file.flush()

        def returned_count() -> int:
            count: int = struct.unpack("<q", os.pread(file.fileno(), 8, 0))[0]
            return count

        process = spawn(log_forever, str(store), run_id, calls_per_second, file.name)
        try:
            wait_until(returned_count, "the first call")
            time.sleep(_SECONDS)
        finally:
            process.kill()
            process.communicate()
        count = returned_count()
    client = store.client()
    path = f"/api/v1/projects/bench/runs/{run_id}"
    wait_until(lambda: b'"state":"running"' not in client.get(path), "the daemon to see the end")
    answer = client.get(f"{path}/metrics").decode()
    kept = int(answer.partition('"count":')[2].partition(",")[0])
    return min(kept / count, 1.0) * 100, count


def main() -> None:
    """Kills processes that log back to back, and at 100 calls a second."""
    repeats = arguments(__doc__).parse_args().repeats
    say_machine()
    with new_store() as store:
        store.start()
        for name, rate in (("back to back", 0.0), ("at 100 calls a second", 100.0)):
            shares, counts = zip(
                *(kept_share(store, f"kill-{rate:.0f}-{i}", rate) for i in range(repeats)), strict=True
            )
            what = f"kept after kill -9, {name}, worst of {repeats} ({median(counts):,.0f} calls)"
            show("P9", what, min(shares), "%", bar="100 %", is_met=min(shares) == 100)


if __name__ == "__main__":
    main()

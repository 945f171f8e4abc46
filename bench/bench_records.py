"""P7, P8: what does logging an image or a histogram cost the training loop, and how soon is it encoded?"""

from __future__ import annotations

import os
import time
from typing import Any

from _harness import arguments, fresh, median, new_store, open_run, say_machine, show

_BAR_MS = 0.1


def make_values(kind: str, count: int) -> list[Any]:
    """Returns what is logged: different arrays in turn, as a training loop has them."""
    import numpy as np

    random = np.random.default_rng(0)
    if kind == "image":
        return [random.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(min(count, 32))]
    return [random.normal(size=100_000).astype(np.float32) for _ in range(min(count, 32))]


def trackd_calls(store: str, kind: str, count: int) -> dict[str, float]:
    """Times `log()` with its record in this fresh process, in milliseconds; then waits until all are encoded."""
    import trackd
    from trackd.data_types import Histogram, Image

    make: Any = Image if kind == "image" else Histogram
    values = make_values(kind, count)
    run = open_run(store, f"{kind}-{os.getpid()}")  # another process of the same run would go on behind it
    run.log({"first": make(values[0])})  # the first one imports what records need
    if not run.flush(30):
        raise RuntimeError("no daemon answers")
    made_ms, logged_ms = [], []
    for number in range(count):
        value = values[number % len(values)]
        start = time.perf_counter()
        record = make(value)
        made = time.perf_counter()
        run.log({"sample": record})
        logged_ms.append((time.perf_counter() - made) * 1e3)
        made_ms.append((made - start) * 1e3)
    start = time.perf_counter()
    run.finish()
    documents = [
        row["sample"] for row in trackd.Api(timeout=120, store=store).run(run.path).scan_history(["sample"])
    ]
    if len(documents) != count or any(each.error or each.get("pending") for each in documents):
        raise RuntimeError(f"{len(documents)} of {count} records came back whole")
    return {
        "made": sum(made_ms) / count,
        "logged": sum(logged_ms) / count,
        "median": median(logged_ms),
        "longest": max(logged_ms),
        "encoded": (time.perf_counter() - start) * 1e3 / count,
    }


def floor_calls(kind: str, count: int) -> dict[str, float]:
    """Times what a tracker cannot avoid (a copy, a write), and what it can (encoding in the loop), in milliseconds."""
    import io
    import os
    import tempfile

    import numpy as np
    from PIL import Image

    values = make_values(kind, count)
    copies, writes, works = [], [], []
    with tempfile.TemporaryFile() as file:
        os.posix_fallocate(file.fileno(), 0, count * values[0].nbytes)
        for number in range(count):
            value = values[number % len(values)]
            start = time.perf_counter()
            mine = value.copy()
            copied = time.perf_counter()
            os.pwrite(file.fileno(), mine, number * value.nbytes)
            written = time.perf_counter()
            if kind == "image":
                Image.fromarray(value).save(io.BytesIO(), "PNG")
            else:
                np.histogram(value, 64)
            works.append((time.perf_counter() - written) * 1e3)
            writes.append((written - copied) * 1e3)
            copies.append((copied - start) * 1e3)
    return {"copy": sum(copies) / count, "write": sum(writes) / count, "work": sum(works) / count}


def main() -> None:
    """Times trackd and the floors in turn, each in fresh processes."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=500, help="records a process (default: %(default)s)")
    options = parser.parse_args()
    say_machine()
    with new_store() as store:
        store.start()
        for row, kind, what, work in (
            ("P7", "image", "256 x 256 x 3 image", "PNG"),
            ("P8", "histogram", "histogram of 100,000 float32", "np.histogram"),
        ):
            runs = []
            floors = []
            for _ in range(options.repeats):
                runs.append(fresh(trackd_calls, str(store), kind, options.calls))
                floors.append(fresh(floor_calls, kind, options.calls))

            def of(part: str, among: list[dict[str, float]]) -> float:
                return median(each[part] for each in among)

            write, made, logged = ("write", of("write", floors)), of("made", runs), of("logged", runs)
            bar = f"≤ {_BAR_MS} ms"
            show(row, f"log(), {what}, mean", logged, "ms", floor=write, bar=bar, is_met=logged <= _BAR_MS)
            show(
                row,
                "making the record and log(), mean",
                made + logged,
                "ms",
                floor=(work, of("work", floors)),
            )
            show(row, "log(), median", of("median", runs), "ms", floor=write)
            show(row, "log(), longest", of("longest", runs), "ms")
            show(
                row,
                "encoded and read back, a record",
                of("encoded", runs),
                "ms",
                floor=(work, of("work", floors)),
            )


if __name__ == "__main__":
    main()

"""Owns the floors: what the same work costs when only the unavoidable is done; each is taken beside what it is held against.

- `numpy`: a row's values assigned to the next row of a preallocated array, which then dies with the process.
- `pack`: the same by `struct.pack_into`, the least that Python can do with five floats.
- `jsonl`: a row appended to a file as one JSON line, flushed to the kernel at each call.
- `fdatasync`: the bytes of all points written and synced in one go.
- `fromfile`: steps, times and values of a metric read from a raw file.
- `python`: an interpreter that starts and does nothing.
- `ping`: the smallest request over the same HTTP connection.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from _harness import Client, clean_environment, latencies, median, timed

POINT_BYTES = 24  # a step, a time and a float64, raw


def call_times(call: Callable[[Any], object], rows: list[Any], count: int) -> list[int]:
    """Calls `call` with the rows in turn, `count` times; returns each call's nanoseconds."""
    clock = time.perf_counter_ns
    times = [0] * count
    row_count = len(rows)
    for position in range(count):
        row = rows[position % row_count]
        begin = clock()
        call(row)
        times[position] = clock() - begin
    return times


def numpy_packer(column_count: int, count: int) -> Callable[[dict[str, float]], None]:
    """Returns a function that assigns a row of floats to the next row of an array."""
    import numpy as np

    array = np.zeros((count, column_count))
    position = 0

    def append(row: dict[str, float]) -> None:
        nonlocal position
        array[position] = [*row.values()]
        position += 1

    return append


def struct_packer(column_count: int, count: int) -> Callable[[dict[str, float]], None]:
    """Returns a function that packs a row of floats into the next bytes of an array."""
    array = bytearray(8 * column_count * count)
    buffer = memoryview(array)
    pack_into = struct.Struct(f"{column_count}d").pack_into
    size = 8 * column_count
    position = 0

    def append(row: dict[str, float]) -> None:
        nonlocal position
        pack_into(buffer, position, *row.values())
        position += size

    return append


def calls(name: str, rows: list[Any], count: int) -> dict[str, float]:
    """Times single calls of a floor: `numpy` and `pack`, for rows of floats, or `jsonl`."""
    if name != "jsonl":
        packer = numpy_packer if name == "numpy" else struct_packer
        return latencies(call_times(packer(len(rows[0]), count), rows, count))
    return latencies(call_times(jsonl_writer(), rows, count))


def jsonl_writer() -> Callable[[Any], None]:
    """Returns a function that appends a row to a file as a JSON line, and hands it to the kernel."""
    file = tempfile.TemporaryFile("w", encoding="utf-8")  # noqa: SIM115 - lives as long as the function

    def append(row: Any) -> None:
        file.write(json.dumps(row) + "\n")
        file.flush()

    return append


def bulk_seconds(step_count: int, metric_count: int) -> dict[str, float]:
    """Times whole runs by the floors, in seconds from the first call until the bytes are on the disk."""
    row = {f"metric/{i}": 0.37 * i for i in range(metric_count)}
    result = {}
    with tempfile.TemporaryFile("w", encoding="utf-8") as file:
        begin = time.perf_counter()
        for _ in range(step_count):
            file.write(json.dumps(row) + "\n")
        file.flush()
        os.fdatasync(file.fileno())
        result["jsonl"] = time.perf_counter() - begin
    pack = numpy_packer(metric_count, step_count)
    begin = time.perf_counter()
    for _ in range(step_count):
        pack(row)
    result["numpy"] = time.perf_counter() - begin
    result["fdatasync"] = _write_seconds(step_count * metric_count * POINT_BYTES)
    return result


def _write_seconds(size_bytes: int) -> float:
    data = os.urandom(1 << 20)
    with tempfile.TemporaryFile() as file:
        begin = time.perf_counter()
        for offset in range(0, size_bytes, len(data)):
            file.write(data[: size_bytes - offset])
        file.flush()
        os.fdatasync(file.fileno())
        return time.perf_counter() - begin


def fromfile_ms(point_count: int) -> float:
    """Times reading one raw metric that the page cache holds."""
    import numpy as np

    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(POINT_BYTES * point_count))
        file.flush()
        return median(timed(np.fromfile, file.name, np.int64).milliseconds for _ in range(5))


def python_ms(code: str = "pass") -> float:
    """Times an interpreter that runs `code`, from its start to its end."""
    command = [sys.executable, "-c", code]
    environment = clean_environment()
    return timed(lambda: subprocess.run(command, env=environment, check=True)).milliseconds


def ping_ms(client: Client, count: int = 50) -> float:
    """Times the smallest request over a kept connection."""
    return median(timed(client.get, "/api/v1/daemon").milliseconds for _ in range(count))

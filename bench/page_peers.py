"""Owns the pages that trackd's is held against: the same numbers, written and served by TensorBoard.

It runs with the interpreter of a virtual environment that has TensorBoard, which trackd's never has:

    python -m venv /tmp/tb && /tmp/tb/bin/pip install tensorboard==2.21.0
    .venv/bin/python bench/bench_page.py --tensorboard /tmp/tb/bin/python

Of this file, only `write_events` runs there.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

if __name__ != "__main__":
    from _harness import clean_environment, wait_until

# Where TensorBoard's charts stand: right of its list of runs, left of its settings.
AREA = (340, 170, 1150, 900)


def write_events(folder: str, run_count: int, metric_count: int, point_count: int) -> None:
    """Writes runs as TensorBoard's own writer does; the names and values are those of `big_store`."""
    import numpy as np
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-not-found]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-not-found]
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # type: ignore[import-not-found]

    generator = np.random.default_rng(1)
    keys = [f"{('train', 'val', 'system')[i % 3]}/metric_{i:04}" for i in range(metric_count)]
    for number in range(run_count):
        writer = EventFileWriter(f"{folder}/run-{number:05}")
        values = generator.standard_normal((point_count, metric_count)).cumsum(axis=0)
        for step in range(point_count):
            named = [
                Summary.Value(tag=key, simple_value=float(value))
                for key, value in zip(keys, values[step], strict=True)
            ]
            writer.add_event(
                Event(wall_time=1.7e9 + number * 1e5 + step, step=step, summary=Summary(value=named))
            )
        writer.close()


@contextlib.contextmanager
def tensorboard(
    python: str, folder: Path, run_count: int, metric_count: int, point_count: int
) -> Iterator[str]:
    """Gives the address of a TensorBoard that has read the runs; they are written once."""
    if not folder.is_dir():
        counts = [str(run_count), str(metric_count), str(point_count)]
        subprocess.run([python, __file__, str(folder), *counts], check=True, env=clean_environment())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--load_fast", "false", "--samples_per_plugin", "scalars=10000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def has_read() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/data/runs", timeout=10) as answer:
                return bytes(answer.read()).count(b"run-") >= run_count
        except OSError:
            return False

    try:
        wait_until(has_read, "TensorBoard to read the runs")
        yield f"{address}/#timeseries"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    write_events(sys.argv[1], *map(int, sys.argv[2:5]))

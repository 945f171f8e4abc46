"""Owns stores that are full before a daemon starts: long series, sealed by the daemon's own code.

Logging 100 M points takes minutes; sealing them as the daemon does takes the part of it that reading depends on.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

_CHUNK_POINTS = 1_000_000  # what a running run seals at a time (config.SEAL_POINTS)
KEY = "metric/0"
SPIKE = 1e6


def fill(folder: str, run_id: str, point_count: int) -> None:
    """Makes an ended run of one noisy metric with a single spike in it, at a third of its length."""
    path = Path(folder)
    for each in (path, path / "scratch"):
        each.mkdir(exist_ok=True)
    asyncio.run(_fill(path, run_id, point_count))


async def _fill(folder: Path, run_id: str, point_count: int) -> None:
    # Imported here: a process that is timed imports this module for its names, and must not find these loaded.
    import numpy as np

    from trackd_service.objects import DirectoryStore
    from trackd_service.records import Begin, Finish, Update
    from trackd_service.run_states import Event
    from trackd_service.sqlite_catalog import SqliteCatalog
    from trackd_service.store import Store
    from trackd_service.summary import DOUBLE

    store = Store(
        SqliteCatalog(folder / "catalog.sqlite"), DirectoryStore(folder / "objects"), folder / "scratch"
    )
    start = time.time_ns()
    stored, _ = await store.get_or_create("bench", run_id, start)
    begin = Begin("bench", run_id, run_id.ljust(32, "0")[:32], "primary", Update(), {}, False, "", "", None)
    writer = stored.run.open_writer(begin, start)
    generator = np.random.default_rng(1)
    for first in range(0, point_count, _CHUNK_POINTS):
        steps = np.arange(first, min(first + _CHUNK_POINTS, point_count))
        values = (np.exp(-steps / point_count * 5) + 0.1 * generator.standard_normal(len(steps))).astype(
            np.float32
        )
        values[steps == spike_step(point_count)] = SPIKE
        words = values.astype(np.float64).view(np.uint64)[:, None]
        flags = np.zeros(len(steps), np.int64)
        stored.run.apply_rows(
            writer, (KEY,), bytes((DOUBLE,)), flags, steps, start + steps * 1_000_000, words, []
        )
        if steps[-1] == point_count - 1:
            stored.run.close_writer(writer, Event.FINISHED, Finish(0, "", 0), start)
        while stored.run.tail.point_count or stored.lock.locked():
            store.seal_soon(stored)
            await asyncio.sleep(0.01)
    await store.close()


def spike_step(point_count: int) -> int:
    """Returns the step of the spike."""
    return point_count // 3

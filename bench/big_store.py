"""Fills a store with many ended runs of many metrics, by the daemon's own code: logging them takes hours.

    .venv/bin/python bench/big_store.py FOLDER --runs 1000 --metrics 1000 --points 20

A daemon on the folder (`python -m trackd_service --store FOLDER`) then serves project "big". The runs differ in config
(`lr`, `optimizer`, `model.depth`, `seed`, a nested mapping), group, tags and state, as a sweep does. Without points there are
the summaries alone, which is what lists and tables are made of.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

PROJECT = "big"
_DAY_NANOSECONDS = 86_400 * 10**9


def fill(folder: str, run_count: int, metric_count: int, point_count: int, project: str = PROJECT) -> None:
    """Adds ended runs `run-00000` … to a store without a daemon."""
    path = Path(folder)
    for each in (path, path / "scratch"):
        each.mkdir(parents=True, exist_ok=True)
    asyncio.run(_fill(path, project, run_count, metric_count, point_count))


async def _fill(folder: Path, project: str, run_count: int, metric_count: int, point_count: int) -> None:
    # Imported here: a process that is timed imports this module for its names, and must not find these loaded.
    import numpy as np

    from trackd_service.objects import DirectoryStore
    from trackd_service.sqlite_catalog import SqliteCatalog
    from trackd_service.store import Store
    from trackd_service.tail import Tail

    store = Store(
        SqliteCatalog(folder / "catalog.sqlite"), DirectoryStore(folder / "objects"), folder / "scratch"
    )
    now = time.time_ns()
    generator = np.random.default_rng(1)
    keys = tuple(f"{('train', 'val', 'system')[i % 3]}/metric_{i:04}" for i in range(metric_count))
    for number in range(run_count):
        start = now - _DAY_NANOSECONDS * (run_count - number) // 24
        stored, _ = await store.get_or_create(project, f"run-{number:05}", start)
        values = generator.standard_normal((max(1, point_count), metric_count)).cumsum(axis=0)
        _write(stored.run, number, start, keys, values)
        if not point_count:
            stored.run.tail = Tail()
        await store.seal(stored)
    await store.close()


def _write(run: Any, number: int, start: int, keys: tuple[str, ...], values: Any) -> None:
    import numpy as np

    from trackd_service.records import Begin, Finish, Update
    from trackd_service.run_states import Event
    from trackd_service.summary import DOUBLE

    about = Update(
        name=f"sweep-{number % 20}-{number}",
        group=f"group-{number % 25}",
        tags=[["baseline", "wide", "deep"][place] for place in range(number % 4)],
    )
    process = {"host": f"node{number % 8}", "pid": 1000 + number, "program": "train.py"}
    begin = Begin(
        run.project,
        run.run_id,
        run.run_id.ljust(32, "0")[:32],
        "primary",
        about,
        process,
        False,
        "",
        "",
        None,
    )
    writer = run.open_writer(begin, start)
    run.config = {
        "lr": 10 ** -(2 + number % 5),
        "optimizer": ("adam", "sgd", "lion")[number % 3],
        "model": {"depth": 2 + number % 7, "width": 64 << (number % 4)},
        "seed": number,
    }
    steps = np.arange(len(values))
    run.apply_rows(
        writer,
        keys,
        bytes((DOUBLE,)) * len(keys),
        np.zeros(len(steps), np.int64),
        steps,
        start + steps * 10**9,
        values.view(np.uint64),
        [],
    )
    event = Event.FAILED if number % 10 == 9 else Event.FINISHED
    run.close_writer(writer, event, Finish(int(number % 10 == 9), "", 0), start + len(steps) * 10**9)


def main() -> None:
    """Fills a store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="the store's folder; no daemon may serve it")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=1000)
    parser.add_argument("--points", type=int, default=0, help="of each metric; 0 for the summaries alone")
    options = parser.parse_args()
    begin = time.monotonic()
    fill(options.folder, options.runs, options.metrics, options.points)
    print(
        f"{options.runs} runs of {options.metrics} metrics in {time.monotonic() - begin:.0f} s: {options.folder}"
    )


if __name__ == "__main__":
    main()

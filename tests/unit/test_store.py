import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trackd_service.objects import DirectoryStore
from trackd_service.records import Begin, Finish, Numbers, Origin, Update
from trackd_service.run_states import Event
from trackd_service.sqlite_catalog import SqliteCatalog
from trackd_service.store import Store
from trackd_service.summary import INT64


def begin(writer_id: str, origin: Origin | None = None) -> Begin:
    start = None if origin is None else origin.last_step + 1
    return Begin("p", "r", writer_id, "primary", Update(), {"pid": 1}, False, "", "", start, origin)


def numbers(count: int, first: int = 0) -> Numbers:
    zeros, words = np.zeros(count, np.int64), np.arange(first, first + count).astype(np.uint64)
    return Numbers(("n",), bytes([INT64]), zeros, zeros, zeros + 1, words[:, None])


async def rewind_twice_at_once(folder: Path) -> None:
    catalog, _ = SqliteCatalog.open(folder / "catalog.sqlite")
    (folder / "scratch").mkdir()
    store = Store(catalog, DirectoryStore(folder / "objects"), folder / "scratch")
    try:
        stored, _ = await store.get_or_create("p", "r", 1)
        run = stored.run
        first = run.open_writer(begin("first"), 1, 0)
        run.apply(first, numbers(10), 1)
        run.close_writer(first, Event.FINISHED, Finish(0, "", 0), 2)
        again = begin("second", Origin("p", "r", 3))

        async def open_and_log() -> None:
            start = await store.begin_history(stored, again, 4)
            if "second" not in run.writers:  # else the other one was here first
                second = run.open_writer(again, 3, start)
                run.apply(second, numbers(2, 40), 3)
                run.close_writer(second, Event.FINISHED, Finish(0, "", 0), 4)

        await asyncio.gather(open_and_log(), open_and_log())
        assert [each["last_step"] for each in run.rewinds] == [3]
        assert run.next_start(begin("third"), 5, set()) == 6
        await store.seal(stored)
        # Nor when the seal has made the kept start needless, and forgotten it.
        assert await store.begin_history(stored, again, 4) == 4
        assert len(run.rewinds) == 1
        assert sum(segment.row.point_count for segment in stored.segments) == 6
    finally:
        await store.close()


def test_two_who_meet_a_writer_that_rewinds_take_the_run_back_once(tmp_path: Path) -> None:
    asyncio.run(rewind_twice_at_once(tmp_path))


async def read_what_was_replaced(folder: Path) -> None:
    catalog, _ = SqliteCatalog.open(folder / "catalog.sqlite")
    (folder / "scratch").mkdir()
    objects = DirectoryStore(folder / "objects")
    store = Store(catalog, objects, folder / "scratch")
    try:
        former, _ = await store.get_or_create("p", "r", 1)
        writer = former.run.open_writer(begin("first"), 1, 0)
        former.run.apply(writer, numbers(10), 1)
        former.run.close_writer(writer, Event.FINISHED, Finish(0, "", 0), 2)
        await store.seal(former)
        found = await store.on_catalog(catalog.load_run, "p", "r")
        assert found is not None
        document, summary, (row,) = found
        # As a look at a bucket finds it where its segments were merged there: another file, and the former one goes.
        moved = replace(row, name=f"{row.name[:-1]}{'1' if row.name[-1] == '0' else '0'}")
        for ending in ("parquet", "levels"):
            path = objects.local_path(f"segments/{row.name}.{ending}")
            assert path is not None
            path.rename(folder / "objects" / f"segments/{moved.name}.{ending}")
        with pytest.raises(FileNotFoundError):
            await former.read([("n", "number")])
        await store.show(document, summary, [moved], {})
        assert await store.get("p", "r") is not former
        (series,) = await former.read([("n", "number")])
        assert series.steps.tolist() == list(range(10))
    finally:
        await store.close()


def test_points_are_read_although_their_files_go_while_a_reader_waits(tmp_path: Path) -> None:
    asyncio.run(read_what_was_replaced(tmp_path))

"""Owns the tests of silence: the log of a writer that says nothing rests, and the daemon leaves it alone until it is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackd import _disk, _frames, _wire
from trackd._spool import Spool
from trackd.v1 import records_pb2
from trackd_service import config
from trackd_service.bell import Bell
from trackd_service.frames import RESTING, RecordFrame
from trackd_service.ingest import Ingest
from trackd_service.logs import LogReader
from trackd_service.objects import DirectoryStore
from trackd_service.sqlite_catalog import SqliteCatalog
from trackd_service.store import Store

WRITER = "ab" * 16


def begin(writer_id: str) -> bytes:
    identity = records_pb2.RunIdentity(project="p", run_id="r")
    role = records_pb2.WRITER_ROLE_PRIMARY
    return records_pb2.WriterBegin(run=identity, writer_id=writer_id, role=role).SerializeToString()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(str(tmp_path), begin, WRITER)
    spool.ensure_part()
    yield spool
    spool.close()


def log(spool: Spool, value: float) -> bool:
    """Logs one row as `Run.log` does; returns whether it took the hot path."""
    row: dict[str, object] = {"loss": value}
    if spool.append_row(row, 0, 0):
        return True
    assert spool.append_numbers([("loss", value)], 0, 0, 1)
    spool.learn(row)
    return False


def rest(spool: Spool) -> None:
    spool.rest()
    spool.rest()


def read_sequences(reader: LogReader, is_final: bool = False) -> list[int]:
    found: list[int] = []
    while frames := reader.read(is_final):
        for frame in frames:
            if isinstance(frame, RecordFrame):
                found.append(frame.sequence)
            else:
                found += frame.rows["sequence"].tolist()
    return found


def test_client_and_daemon_mean_the_same_mark() -> None:
    assert _frames.RESTING == RESTING


def test_a_silent_log_rests_and_the_next_row_touches_it(spool: Spool, tmp_path: Path) -> None:
    log(spool, 1.0)
    assert log(spool, 2.0)
    reader = LogReader(tmp_path, "w", WRITER, 0)
    assert read_sequences(reader) == [0, 1, 2, 3]
    spool.rest()
    assert not reader.is_resting(), "there were records since the last look"
    spool.rest()
    assert reader.is_resting()
    assert not reader.is_grown()
    assert read_sequences(reader) == []
    os.utime(reader.path, ns=(1, 1))
    assert not log(spool, 3.0), "the hot path is closed while the log rests"
    assert reader.path.stat().st_mtime_ns > 1
    assert not reader.is_resting()
    assert reader.is_grown()
    assert log(spool, 4.0)
    assert read_sequences(reader) == [4, 5]
    assert reader.damaged_count == 0
    reader.close()


def test_a_log_that_has_grown_unread_does_not_rest_for_its_reader(spool: Spool, tmp_path: Path) -> None:
    reader = LogReader(tmp_path, "w", WRITER, 0)
    read_sequences(reader)
    log(spool, 1.0)
    rest(spool)
    assert not reader.is_resting()
    assert read_sequences(reader) == [1, 2]
    assert reader.is_resting()
    reader.close()


def test_a_writer_that_dies_at_rest_leaves_no_damage(spool: Spool, tmp_path: Path) -> None:
    log(spool, 1.0)
    rest(spool)
    left = tmp_path / "left"
    left.mkdir()
    name = f"w-{WRITER}.0000.log"
    (left / name).write_bytes((tmp_path / name).read_bytes())
    reader = LogReader(left, "w", WRITER, 0)
    assert read_sequences(reader, is_final=True) == [0, 1, 2]
    assert reader.damaged_count == 0
    reader.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    actions=st.lists(
        st.sampled_from(["row", "row", "other", "record", "large", "rest", "restore", "read"]), max_size=40
    )
)
def test_whatever_comes_between_nothing_is_lost(
    actions: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")
    spool = Spool(str(folder), begin, WRITER)
    spool.ensure_part()
    reader = LogReader(folder, "w", WRITER, 0)
    found: list[int] = []
    for action in actions:
        if action == "row":
            log(spool, 1.0)
        elif action == "other":
            assert spool.append_numbers([("accuracy", 1), ("loss", 1.0)], 0, 0, 1)
        elif action == "record":
            assert spool.append_record(_wire.ROW, _wire.row([("text", "x")], None, None))
        elif action == "large":
            assert spool.append_record(_wire.ROW, _wire.row([("text", "x" * 400_000)], None, None))
        elif action == "rest":
            rest(spool)
        elif action == "restore":
            spool.restore()
        else:
            found += read_sequences(reader)
    spool.close()
    found += read_sequences(reader, is_final=True)
    assert [each for each in found if each] == list(range(1, spool.sequence + 1))
    assert reader.damaged_count == 0
    reader.close()


def test_a_log_rests_not_while_records_wait_for_the_disk(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    log(spool, 1.0)
    with monkeypatch.context() as full:
        full.setattr(_disk, "grant", refuse)
        assert spool.append_record(_wire.ROW, _wire.row([("text", "x" * 1_048_500)], None, None))
        assert spool.waiting_count == 1
        rest(spool)
    reader = LogReader(tmp_path, "w", WRITER, 0)
    read_sequences(reader)
    assert not reader.is_resting()
    reader.close()


# -- the bell ----------------------------------------------------------------------------------------------------------


def hears(folder: Path, happening: Callable[[], object]) -> bool:
    """Says whether the bell of a folder rings when something happens."""

    async def listen() -> bool:
        bell = Bell(folder)
        bell.open()
        assert bell.can_ring
        assert await bell.wait(0.0), "for what has happened before"
        await bell.wait(0.05)  # what opening it has told
        happening()
        is_rung = await bell.wait(0.3)
        bell.close()
        return is_rung

    return asyncio.run(listen())


def test_the_bell_rings_for_touched_new_and_closed_files_only(tmp_path: Path) -> None:
    path, hidden = tmp_path / "a", tmp_path / ".b"
    path.touch()
    hidden.touch()
    assert hears(tmp_path, lambda: os.utime(path))
    assert hears(tmp_path, lambda: hidden.rename(tmp_path / "b"))
    with path.open("wb") as file:
        assert not hears(tmp_path, lambda: os.pwrite(file.fileno(), b"x", 0))
        assert hears(tmp_path, file.close)
    assert not hears(tmp_path, lambda: None)


def test_a_bell_can_be_rung_by_hand_and_counts_once(tmp_path: Path) -> None:
    async def ring() -> list[bool]:
        bell = Bell(tmp_path)
        bell.ring()
        bell.ring()
        return [await bell.wait(10), await bell.wait(0)]

    assert asyncio.run(ring()) == [True, False]


def test_a_bell_that_cannot_listen_says_so(tmp_path: Path) -> None:
    async def open_bells() -> None:
        missing = Bell(tmp_path / "missing")
        missing.open()
        assert not missing.can_ring
        missing.close()
        folder = tmp_path / "log"
        folder.mkdir()
        replaced = Bell(folder)
        replaced.open()
        folder.rename(tmp_path / "old")
        folder.mkdir()
        (tmp_path / "old" / "x").touch()
        await replaced.wait(0.0)
        await replaced.wait(5)
        assert not replaced.can_ring

    asyncio.run(open_bells())


# -- the daemon's side -------------------------------------------------------------------------------------------------


def test_the_daemon_takes_in_what_comes_after_a_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is never listed again by itself here: only the bell can tell of the row, and of the end."""
    monkeypatch.setattr(config, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(config, "RESTING_SCAN_SECONDS", 3600.0)
    folder = tmp_path / "log"
    folder.mkdir()

    async def follow() -> None:
        catalog, _ = SqliteCatalog.open(tmp_path / "catalog.sqlite")
        (tmp_path / "scratch").mkdir()
        store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path / "scratch")
        ingest = Ingest(store, folder)
        await ingest.recover()
        task = asyncio.ensure_future(ingest.run())

        async def until(condition: Callable[[], bool]) -> None:
            async def poll() -> None:
                while not condition():  # noqa: ASYNC110 - of many kinds
                    await asyncio.sleep(0.01)

            await asyncio.wait_for(poll(), 20)

        def is_waiting() -> bool:
            return bool(waiting)

        waiting: list[float] = []
        wait = ingest.sources.bell.wait

        async def spy(timeout_seconds: float) -> bool:
            if timeout_seconds == 3600.0:
                waiting.append(timeout_seconds)
            try:
                return await wait(timeout_seconds)
            finally:
                waiting.clear()

        monkeypatch.setattr(ingest.sources.bell, "wait", spy)
        spool = Spool(str(folder), begin, WRITER)
        try:
            log(spool, 1.0)
            stored, _ = await store.get_or_create("p", "r", 1)
            await until(lambda: stored.run.health.accepted_row_count == 1)
            for count in range(2, 5):
                rest(spool)
                await until(is_waiting)
                log(spool, float(count))
                await until(lambda count=count: stored.run.health.accepted_row_count == count)  # type: ignore[misc]
            rest(spool)
            await until(is_waiting)
            spool.close()
            await until(lambda: not stored.run.is_open)
        finally:
            spool.close()
            await ingest.stop()
            await asyncio.wait_for(task, 60)
            await store.close()

    asyncio.run(follow())

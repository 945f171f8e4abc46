"""Reads of one moment go to the worker together, and each has its own answer or its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from trackd_service.segments import SealedRange, SealedRead
from trackd_service.shared_reads import SharedReads
from trackd_service.worker import Worker, WorkerCrashed


def read_of(name: str, row_count: int = 1) -> SealedRead:
    return SealedRead([SealedRange(Path(name), "loss", "number", 0, row_count)])


class StandIn(Worker):
    """Answers with the names of the files; a read of "deadly" kills it."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[list[str]] = []

    async def run(self, _function: Callable[..., Any], reads: Sequence[SealedRead]) -> Any:  # type: ignore[override]
        names = [read.ranges[0].path.name for read in reads]
        self.tasks.append(names)
        await asyncio.sleep(0)
        if "deadly" in names:
            raise WorkerCrashed("it died")
        return [FileNotFoundError(name) if name == "missing" else [name] for name in names]


async def ask(worker: StandIn, *reads: SealedRead) -> list[Any]:
    shared = SharedReads(worker)
    found = await asyncio.gather(*map(shared.read, reads), return_exceptions=True)
    return [each if isinstance(each, list) else type(each) for each in found]


async def test_what_is_asked_at_one_moment_is_one_task() -> None:
    worker = StandIn()
    found = await ask(worker, read_of("a"), read_of("missing"), read_of("b"))
    assert found == [["a"], FileNotFoundError, ["b"]]
    assert worker.tasks == [["a", "missing", "b"]]


async def test_a_read_that_kills_the_worker_takes_no_other_with_it() -> None:
    worker = StandIn()
    assert await ask(worker, read_of("a"), read_of("deadly"), read_of("b")) == [["a"], WorkerCrashed, ["b"]]


async def test_a_task_is_bounded_but_for_a_single_read() -> None:
    worker = StandIn()
    await ask(worker, read_of("a"), read_of("large", 10_000_000), read_of("b"), read_of("c"))
    assert worker.tasks == [["a"], ["large"], ["b", "c"]]


async def test_who_has_gone_is_answered_no_more() -> None:
    worker = StandIn()
    shared = SharedReads(worker)
    gone = asyncio.ensure_future(shared.read(read_of("gone")))
    stays = asyncio.ensure_future(shared.read(read_of("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    found: object = await stays
    assert found == ["stays"]
    with pytest.raises(asyncio.CancelledError):
        await gone

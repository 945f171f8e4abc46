"""Owns how reads of sealed points that are asked for at the same moment become one task of the worker.

Invariants: each read has its own answer or its own error; a read that kills the worker takes no other one with it; what one
task brings back is bounded, unless a single read is larger.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from trackd_service.segments import SealedRead, read_many
from trackd_service.series import Series
from trackd_service.worker import Worker, WorkerCrashed

_ROWS_MAX = 200_000  # of a task that several share: about 5 ms of reading, and 5 MB to bring back
_READS_MAX = 256  # of a task: opening a segment takes about 1 ms


@dataclass(slots=True)
class _Waiting:
    read: SealedRead
    row_count: int
    answer: asyncio.Future[list[Series]]


class SharedReads:
    """Reads points by a worker: what is asked while it is busy goes there together."""

    def __init__(self, worker: Worker) -> None:
        """Takes the worker."""
        self._worker = worker
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def read(self, read: SealedRead) -> Sequence[Series]:
        """Returns a series a range, in order; raises what reading them raises."""
        answer: asyncio.Future[list[Series]] = asyncio.get_running_loop().create_future()
        rows = sum(one.row_count for one in read.ranges)
        self._waiting.append(_Waiting(read, rows, answer))
        if self._task is None:
            self._task = asyncio.ensure_future(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._next())
        finally:
            self._task = None

    def _next(self) -> list[_Waiting]:
        taken = [self._waiting.popleft()]
        rows = taken[0].row_count
        while self._waiting and len(taken) < _READS_MAX:
            rows += self._waiting[0].row_count
            if rows > _ROWS_MAX:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _answer(self, taken: list[_Waiting]) -> None:
        try:
            found = await self._worker.run(read_many, [one.read for one in taken])
        except WorkerCrashed as error:
            if len(taken) == 1:
                _fail(taken, error)
            for one in taken if len(taken) > 1 else ():
                await self._answer([one])
            return
        except BaseException as error:
            _fail(taken, error)
            if not isinstance(error, Exception):
                raise
            return
        for one, result in zip(taken, found, strict=True):
            if one.answer.done():  # whoever asked has gone
                continue
            if isinstance(result, Exception):
                one.answer.set_exception(result)
            else:
                one.answer.set_result(result)


def _fail(taken: list[_Waiting], error: BaseException) -> None:
    for one in taken:
        if not one.answer.done():
            if isinstance(error, Exception):
                one.answer.set_exception(error)
            else:
                one.answer.cancel()

"""Owns the way of a bucket's files into a store's directory, when somebody needs them.

Invariants: a file is here whole and with the sum that its manifest gave it, or not at all; two who need it fetch it once;
what somebody is about to read is known, so that it does not go (`cache`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from trackd_service import transfers
from trackd_service.errors import BucketUnusable
from trackd_service.remote_files import RemoteFile
from trackd_service.store import Store
from trackd_service.transfers import Target, Transfer
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

_FILES_AT_ONCE = 64
_WHOLE_BYTES_MAX = 2 << 20  # of a segment; of a larger one a chart's pages are read where it lies

# Finds the size in bytes and the sha256 of files of segments by name.
FindFacts: TypeAlias = Callable[[Sequence[str]], Awaitable[dict[str, tuple[int, str]]]]
_NONE: frozenset[str] = frozenset()
_log = logging.getLogger("trackd.bucket")


class BucketFiles:
    """Gets the files of a bucket into a store's directory, each once.

    Attributes:
        fetched_bytes: How many bytes have come since somebody has set it to 0.
        wanted_count: How many files somebody was about to read.
        fetched_count: How many were not here then.
    """

    def __init__(
        self,
        store: Store,
        target: Target,
        find_facts: FindFacts,
        note_failure: Callable[[str], object] = lambda _: None,
        run: tuple[str, str] = ("", ""),
    ) -> None:
        """Takes the store and the bucket.

        Args:
            store: Whose files they are.
            target: The bucket.
            find_facts: Finds the size in bytes and the sha256 of files of segments by name.
            note_failure: Told of each file that could not be fetched, by the kind of `BucketError`.
            run: Whose files they are, as (project, run id): a team server is asked by it.
        """
        self._run = run
        self._store = store
        self._target = target
        self._find_facts = find_facts
        self._note_failure = note_failure
        self._worker = Worker()
        self._coming: dict[str, asyncio.Future[Exception | None]] = {}
        self._queue: deque[list[str]] = deque()  # of those who wait, what is not being fetched yet
        self._fetching: asyncio.Task[None] | None = None
        self._going: dict[str, asyncio.Future[None]] = {}
        self._use_times: dict[str, float] = {}  # on the monotonic clock
        self._noted_time = float("-inf")  # up to which use times were taken
        self.fetched_bytes = self.wanted_count = self.fetched_count = 0

    # -- what is read, and what goes --------------------------------------------------------------------------------

    def use(self, names: Sequence[str]) -> AbstractSet[str]:
        """Takes that somebody is about to read files; returns those that are just going, and count as not being here."""
        self.wanted_count += len(names)
        return self._mark(names)

    def _mark(self, names: Sequence[str]) -> AbstractSet[str]:
        self._use_times |= dict.fromkeys(names, time.monotonic())
        return self._going.keys() & set(names) if self._going else _NONE

    def is_used(self, name: str, seconds: float) -> bool:
        """Says whether somebody has said so in the last seconds, or is fetching the file."""
        return name in self._coming or time.monotonic() - self._use_times.get(name, float("-inf")) < seconds

    def take_use_times(self, seconds: float) -> dict[str, float]:
        """Returns how many seconds ago files were used since the last call, and forgets what was so many seconds ago."""
        now = time.monotonic()
        taken = {name: now - used for name, used in self._use_times.items() if used >= self._noted_time}
        self._use_times = {name: used for name, used in self._use_times.items() if now - used < seconds}
        self._noted_time = now
        return taken

    @contextlib.contextmanager
    def going(self, names: Sequence[str]) -> Iterator[None]:
        """Has files be going while the block runs: who needs one of them waits, and fetches it."""
        gone = asyncio.get_running_loop().create_future()
        self._going = dict.fromkeys(names, gone)
        try:
            yield
        finally:
            self._going = {}
            gone.set_result(None)

    # -- what comes -------------------------------------------------------------------------------------------------

    async def fetch(self, names: Sequence[str]) -> None:
        """Fetches files that are not here. Raises BucketUnusable; what the bucket does not have stays missing."""
        for name in self._mark(names):
            if name in self._going:
                await asyncio.shield(self._going[name])
        own = [name for name in dict.fromkeys(names) if name not in self._coming]
        self.fetched_count += len(own)
        loop = asyncio.get_running_loop()
        self._coming |= {name: loop.create_future() for name in own}
        coming = [self._coming[name] for name in dict.fromkeys(names)]
        if own:
            self._queue.append(own)
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.ensure_future(self._fetch_queue())
        for arrival in coming:
            problem = await asyncio.shield(arrival)
            if problem is not None:
                raise problem

    async def _fetch_queue(self) -> None:
        """Fetches what is waited for, some files at a time, of each who waits one after the other: nobody waits for all."""
        while self._queue:
            names: list[str] = []
            while self._queue and len(names) < _FILES_AT_ONCE:
                wanted = self._queue.popleft()
                names.append(wanted.pop(0))
                if wanted:
                    self._queue.append(wanted)
            problem: Exception | None = BucketUnusable("files are no longer fetched", kind="other")
            problems: dict[str, BucketUnusable] = {}
            try:
                problems = await self._fetch(names)
                problem = None
            except Exception as error:  # noqa: BLE001 - told to each who waits
                problem = error
            finally:
                for name in names:
                    self._coming.pop(name).set_result(problem or problems.get(name))

    async def _fetch(self, names: list[str]) -> dict[str, BucketUnusable]:
        """Fetches files; returns why those are not here that the bucket has, and that did not come."""
        facts = await self._find_facts([name for name in names if name.startswith("segments/")])
        transfers_ = [
            Transfer(
                name,
                self._store.object_file(name),
                facts.get(name, (0, ""))[1] if name.startswith("segments/") else name.rpartition("/")[2],
                self._run,
            )
            for name in names
        ]
        try:
            moved = await self._worker.run(transfers.fetch, self._target, transfers_)
        except (WorkerCrashed, WorkerClosed, OSError) as error:
            self._note_failure("other")
            raise BucketUnusable(f"files cannot be fetched: {error}", kind="other") from None
        problems: dict[str, BucketUnusable] = {}
        for each in moved:
            if each.error is not None:
                self._note_failure(each.error.kind)
                problems[each.name] = BucketUnusable(str(each.error), kind=each.error.kind)
            if each.is_gone:
                _log.warning("%s is not in the bucket (any more)", each.name)
            self.fetched_bytes += each.size_bytes
        return problems

    async def remotes(self, names: Sequence[str]) -> dict[str, RemoteFile]:
        """Returns, by name, the files of segments that are too large to be fetched for a few pages of them."""
        facts = await self._find_facts(names)
        return {
            name: RemoteFile(name, size, functools.partial(transfers.read_range, self._target, name))
            for name, (size, _) in facts.items()
            if size > _WHOLE_BYTES_MAX and name in names
        }

    async def close(self) -> None:
        """Ends what is under way."""
        await self._worker.abort()
        if self._fetching is not None:
            await asyncio.wait({self._fetching})  # what is waited for is answered: it does not come

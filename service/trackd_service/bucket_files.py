"""Owns the way of a bucket's files into a store's directory, when somebody needs them.

Invariant: a file is here whole and with the sum that its manifest gave it, or not at all; two who need it fetch it once.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
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
_log = logging.getLogger("trackd.bucket")


class BucketFiles:
    """Gets the files of a bucket into a store's directory, each once."""

    def __init__(
        self,
        store: Store,
        target: Target,
        find_facts: FindFacts,
        note_failure: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Takes the store and the bucket.

        Args:
            store: Whose files they are.
            target: The bucket.
            find_facts: Finds the size in bytes and the sha256 of files of segments by name.
            note_failure: Told of each file that could not be fetched, by the kind of `BucketError`.
        """
        self._store = store
        self._target = target
        self._find_facts = find_facts
        self._note_failure = note_failure
        self._worker = Worker()
        self._coming: dict[str, asyncio.Future[None]] = {}

    async def fetch(self, names: Sequence[str]) -> None:
        """Fetches files that are not here. Raises BucketUnusable; what the bucket does not have stays missing."""
        own = [name for name in dict.fromkeys(names) if name not in self._coming]
        others = [self._coming[name] for name in names if name in self._coming]
        loop = asyncio.get_running_loop()
        for name in own:
            self._coming[name] = loop.create_future()
        try:
            for start in range(0, len(own), _FILES_AT_ONCE):
                await self._fetch(own[start : start + _FILES_AT_ONCE])
        finally:
            for name in own:
                self._coming.pop(name).set_result(None)
        for other in others:
            await asyncio.shield(other)

    async def _fetch(self, names: list[str]) -> None:
        facts = await self._find_facts([name for name in names if name.startswith("segments/")])
        transfers_ = [
            Transfer(
                name,
                self._store.object_file(name),
                facts.get(name, (0, ""))[1] if name.startswith("segments/") else name.rpartition("/")[2],
            )
            for name in names
        ]
        try:
            moved = await self._worker.run(transfers.fetch, self._target, transfers_)
        except (WorkerCrashed, WorkerClosed, OSError) as error:
            self._note_failure("other")
            raise BucketUnusable(f"files cannot be fetched: {error}", kind="other") from None
        for each in moved:
            if each.error is not None:
                self._note_failure(each.error.kind)
        for each in moved:
            if each.error is not None:
                raise BucketUnusable(str(each.error), kind=each.error.kind)
            if each.is_gone:
                _log.warning("%s is not in the bucket (any more)", each.name)

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

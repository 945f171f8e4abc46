"""Owns when what was written is on the disk itself: the logs of this host that grew are synced together, in a thread.

Invariant: `durable_sequence` moves only after fsync of all that stands below it; a sync that failed is never tried again.
"""

from __future__ import annotations

import asyncio
import logging

from trackd_service import logs
from trackd_service.sources import Source, Sources
from trackd_service.store import Store

_log = logging.getLogger("trackd.ingest")


class LogSyncing:
    """Syncs the logs that processes of this host write; those of callers are synced as they are written."""

    def __init__(self, store: Store, sources: Sources) -> None:
        """Takes the store, and all sources."""
        self._store = store
        self._sources = sources

    async def sync_grown(self) -> None:
        """Waits until a log has grown, and syncs all that have."""
        await self._sources.grown.wait()
        self._sources.grown.clear()
        try:
            await self.sync()
        except BaseException:
            self._sources.grown.set()  # the next round tries again
            raise

    async def sync(self) -> None:
        """Syncs the logs that grew, all in one round of the thread."""
        # The files are taken here, not in the thread: a reader goes on to its next part meanwhile.
        due = [
            (source, source.writer.sequence, source.stored.run.next_step, source.reader.take_unsynced())
            for source in self._sources
            if source.reader is not None
            and source.writer.sequence > source.writer.durable_sequence
            and not source.has_failed_sync
        ]
        if not due:
            return

        def sync_all() -> list[OSError | None]:
            results: list[OSError | None] = []
            for *_, descriptors in due:
                try:
                    logs.sync_and_close(descriptors)
                    results.append(None)
                except OSError as error:
                    results.append(error)
            return results

        results = await asyncio.to_thread(sync_all)
        for (source, sequence, step, _), error in zip(due, results, strict=True):
            run = source.stored.run
            if error is None:
                source.writer.durable_sequence = max(source.writer.durable_sequence, sequence)
                run.durable_step = max(run.durable_step, step)
                continue
            sentence = f"the disk failed to keep a log ({error.strerror}): what was logged last may not survive a power cut"
            run.health.message = run.health.message or sentence
            _log.error("sync of %s failed: %s", source.writer.writer_id, error)
            # Another sync would succeed and mean nothing: the kernel forgets pages that it failed to write.
            source.has_failed_sync = True
            self._store.seal_soon(source.stored)

    async def sync_source(self, source: Source, last_sequence: int) -> None:
        """Syncs the log of a source up to a sequence, unless it is."""
        async with source.lock:  # not twice at once
            if source.writer.durable_sequence < min(last_sequence, source.writer.sequence):
                await self.sync()

"""Owns the one path in: it finds the writers' logs, has their records applied to the runs in order, and ends who is gone.

Invariants:
- Acknowledged means synced: what a client is told of is on the disk itself (`log_syncing`, `callers`).
- One log's trouble never ends the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from trackd_service import config, logs
from trackd_service.callers import Callers
from trackd_service.errors import InvalidArgument, TrackdError, WriterNotFound
from trackd_service.exits import ProcessWatch
from trackd_service.log_syncing import LogSyncing
from trackd_service.records import Finish
from trackd_service.run_states import Event
from trackd_service.runs import Run
from trackd_service.sources import RECOVERED_PROJECT, Source, Sources, read_begin
from trackd_service.store import Store

_log = logging.getLogger("trackd.ingest")
_RETRY_SECONDS = 10.0  # a log that cannot be taken in now is tried again: its trouble may be the disk's
_EXIT_SECONDS = 2.0  # after which a process that has let go of its log, and has not ended, has left its run


class Ingest:
    """Feeds the runs of a store.

    Attributes:
        sources: All writers, and what follows their records.
        callers: Those that write by calls.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        """Takes the store and the folder of the logs."""
        self._store = store
        self.sources = Sources(store, folder)
        self.callers = Callers(store, self.sources)
        self._syncing = LogSyncing(store, self.sources)
        self._retry_times: dict[str, float] = {}  # of logs that could not be taken in, by writer
        self._stopping = False
        self._last_scan = float("-inf")
        store.sealed = self._on_sealed

    async def recover(self) -> None:
        """Replays the logs that a former daemon left."""
        for name in logs.remove_abandoned(self.sources.folder):
            _log.info("removed %s, which a client died over before it held anything", name)
        for (prefix, writer_id), parts in logs.list_logs(self.sources.folder).items():
            if prefix == "r":
                await self._take_in(self.callers.recover, writer_id, parts)
        await self._scan()
        await self.callers.recover_logless()

    async def run(self) -> None:
        """Reads and syncs logs until `stop`."""
        syncer = asyncio.ensure_future(self._supervise(self._syncing.sync_grown, lambda: config.SYNC_SECONDS))
        self.sources.bell.open()
        try:
            await self._supervise(self._round, self._poll_seconds)
        finally:
            self.sources.bell.close()
            syncer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await syncer

    def _is_quiet(self) -> bool:
        return time.monotonic() - self.sources.active_time > config.QUIET_SECONDS

    def _poll_seconds(self) -> float:
        return 0.0 if self._is_quiet() or not self.sources else config.POLL_SECONDS

    async def _wait_for_word(self) -> bool:
        """Waits, while all is quiet, until there may be something to do; returns whether the folder is to be listed."""
        readers = [
            source.reader for source in self.sources if source.reader is not None and not source.is_closed
        ]
        # An ended run is sealed a moment later, and how a process ended is known a moment after it let go.
        written = self.sources.written_runs()
        is_expecting = any(
            id(source.stored.run) not in written
            or (not source.is_closed and (source.gone_time is not None or source.is_watched_caller))
            for source in self.sources
        )
        if self.sources.bell.can_ring and all(reader.is_resting() for reader in readers):
            return await self.sources.bell.wait(
                config.QUIET_SCAN_SECONDS if is_expecting else config.RESTING_SCAN_SECONDS
            )
        if not readers:
            return await self.sources.bell.wait(config.QUIET_SCAN_SECONDS)
        # A thread looks at the logs: each wake of the event loop costs three times as much.
        deadline = time.monotonic() + config.QUIET_SCAN_SECONDS

        def look() -> None:
            while not self._stopping and time.monotonic() < deadline:
                time.sleep(config.QUIET_POLL_SECONDS)
                if any(reader.is_grown() for reader in readers):
                    return

        await asyncio.to_thread(look)
        return await self.sources.bell.wait(0.0)

    async def _supervise(self, step: Callable[[], object], pause_seconds: Callable[[], float]) -> None:
        while not self._stopping:
            try:
                await step()  # type: ignore[misc]
            except asyncio.CancelledError:
                raise
            except Exception:  # noqa: BLE001 - logged whole; one failure must not end the rest
                _log.exception("a round of ingest failed; the next one goes on")
            await asyncio.sleep(pause_seconds())

    async def stop(self) -> None:
        """Takes in what is there, syncs it, and closes the logs; the next daemon goes on from them."""
        self._stopping = True
        self.sources.bell.ring()
        for source in self.sources:
            await self.sources.drain(source)
        await self._syncing.sync()
        for source in self.sources:
            if source.reader is not None:
                source.reader.close()
            if source.log is not None:
                source.log.close()

    async def log_bytes(self) -> int:
        """Returns how much the logs take, in bytes on the disk."""

        def measure() -> int:
            return sum(
                entry.stat().st_blocks * 512
                for entry in os.scandir(self.sources.folder)
                if entry.is_file(follow_symlinks=False)
            )

        return await asyncio.to_thread(measure)

    async def _round(self) -> None:
        has_word = False
        if self._is_quiet() or not self.sources:
            has_word = await self._wait_for_word()
        now = time.monotonic()
        pause_seconds = config.QUIET_SCAN_SECONDS if self._is_quiet() else config.SCAN_SECONDS
        if has_word or now - self._last_scan >= pause_seconds:
            self._last_scan = now
            await self._scan()
            await self._close_gone()
        for source in self.sources:
            if source.reader is not None and not source.is_closed:
                await self.sources.drain(source)

    async def _scan(self) -> None:
        """Opens the logs that are new, the oldest first: a later writer of a run goes on behind an earlier one."""
        new = [
            (writer_id, parts)
            for (prefix, writer_id), parts in logs.list_logs(self.sources.folder).items()
            if prefix == "w" and writer_id not in self.sources and self._is_due(writer_id)
        ]
        if len(new) > 1:
            new.sort(key=lambda each: self._begin_time(*each))
        for writer_id, parts in new:
            await self._take_in(self._open_log, writer_id, parts)

    def _begin_time(self, writer_id: str, parts: list[int]) -> int:
        with contextlib.suppress(OSError):
            head = logs.read_head(self.sources.folder, logs.LogName("w", writer_id, parts[0]))
            return 0 if head is None else head.time
        return 0

    def _is_due(self, writer_id: str) -> bool:
        return time.monotonic() >= self._retry_times.get(writer_id, 0.0)

    async def _take_in(
        self, take: Callable[[str, list[int]], Awaitable[None]], writer_id: str, parts: list[int]
    ) -> None:
        """Takes in a log; its trouble, whatever it is, keeps no other log out and is met again later."""
        try:
            await take(writer_id, parts)
            self._retry_times.pop(writer_id, None)
        except Exception as error:  # noqa: BLE001 - logged whole
            self._retry_times[writer_id] = time.monotonic() + _RETRY_SECONDS
            is_expected = isinstance(error, TrackdError)
            _log.error(
                "the log of writer %s cannot be taken in: %s", writer_id, error, exc_info=not is_expected
            )

    async def _open_log(self, writer_id: str, parts: list[int]) -> None:
        begin, create_time = read_begin(self.sources.folder, "w", writer_id, parts)[:2]
        stored, _ = await self._store.get_or_create(begin.project, begin.run_id, create_time)
        if writer_id in self.sources:
            return
        starting_step = 0
        if writer_id not in stored.run.writers:
            starting_step = await self.sources.begin_history(stored, begin, create_time)
            if writer_id in self.sources:
                return
        known = stored.run.writers.get(writer_id)
        # A writer whose end is in the catalog already stays ended; only its files are left to delete.
        is_ended = known is not None and not known.is_open
        if known is not None and is_ended:
            writer = known
        else:
            stored.run.watch_by(self.sources.store_rules())
            writer = stored.run.open_writer(begin, create_time, starting_step)
        reader = logs.LogReader(self.sources.folder, "w", writer_id, parts[0], known_sequence=writer.sequence)
        source = self.sources.add(Source(stored, writer, reader=reader))
        if not is_ended:
            source.watch = ProcessWatch.open(
                begin.process.get("pid", 0),
                self.sources.folder / str(logs.LogName("w", writer_id, parts[-1])),
            )
            self.sources.opened.set()
        if begin.project == RECOVERED_PROJECT:
            stored.run.health.message = (
                f"the beginning of the log of writer {writer_id} is damaged: whose it was is lost"
            )
        self._store.changed(stored.run)
        await self.sources.drain(source)

    async def _close_gone(self) -> None:
        """Ends the writers whose clients are gone, and seals runs that nobody writes any more."""
        now = time.monotonic()
        for source in self.sources:
            if not source.is_closed:
                if source.reader is not None:
                    if source.reader.is_writer_alive():
                        source.gone_time = None
                        continue
                    await self.sources.drain(source, is_final=True)
                    if source.writer.is_open and not self._is_end_known(source):
                        continue
                    if self._store.keeper.is_behind(source.stored):
                        continue  # the rest of the log waits: looked at again
                    self.sources.end(source)
                elif not source.writer.is_open:
                    source.is_closed = True
                    source.unwatch()
                elif source.writer.role == "observer":
                    if self.sources.is_written(source.stored.run):
                        continue
                    source.stored.run.close_writer(
                        source.writer, Event.FINISHED, Finish(0, "", 0), source.stored.run.update_time
                    )
                    source.is_closed = True
                    self.sources.unsealed_ends.add(source.writer.writer_id)
                elif source.lock.locked():
                    continue  # a call of it is at work
                elif (
                    now - source.heard_time > config.LEASE_SECONDS
                    if source.watch is None
                    else source.watch.exit() is not None
                ):
                    self.sources.end(source)
                else:
                    continue
            run = source.stored.run
            if (
                source.is_closed
                and not self.sources.is_written(run)
                and now - source.heard_time > config.SEAL_AFTER_END_SECONDS
            ):
                if (
                    source.writer.sealed_sequence < source.writer.sequence
                    or source.writer.writer_id in self.sources.unsealed_ends
                ):
                    self._store.seal_soon(source.stored)
                else:
                    self._delete_sealed(run)
                    self.sources.remove(source)

    def _is_end_known(self, source: Source) -> bool:
        """Says whether it is known how a process that has let go of its log ended, or whether it is too late to wait."""
        if source.watch is None or source.watch.exit() is not None:
            return True
        # A process lets go of its files a moment before its end can be asked for; one that goes on has left the run.
        source.gone_time = source.gone_time or time.monotonic()
        return time.monotonic() - source.gone_time > _EXIT_SECONDS

    def _on_sealed(self, run: Run, ended_writers: set[str]) -> None:
        """Takes note of what a seal has committed: the ends of writers among it, and deletes what stands behind it."""
        self.sources.unsealed_ends -= ended_writers
        for source in self.sources:
            if source.stored.run is run:
                # A segment is synced before it counts.
                source.writer.durable_sequence = max(
                    source.writer.durable_sequence, source.writer.sealed_sequence
                )
        self._delete_sealed(run)

    def _delete_sealed(self, run: Run) -> None:
        """Deletes the parts of logs behind what is sealed."""
        for source in self.sources:
            if source.stored.run is not run:
                continue
            writer = source.writer
            if source.reader is not None:
                source.reader.delete_behind(writer.sealed_sequence, source.is_closed)
            elif source.log is not None and writer.sealed_sequence >= writer.sequence:
                source.log.delete()

    async def ring(self, writer_id: str, last_sequence: int) -> Source:
        """Takes in a log up to a sequence and syncs it; returns its source. Raises WriterNotFound."""
        source = self.sources.get(writer_id)
        if source is None:
            await self._scan()
            source = self.sources.get(writer_id)
        if source is None:
            raise WriterNotFound(f"no log of writer {writer_id[:40]!r} is in the store", writer_id=writer_id)
        await self.sources.drain(source)
        if source.writer.durable_sequence < min(last_sequence, source.writer.sequence):
            # A client that hangs up must not leave a sync half done, whose outcome nobody would see.
            await asyncio.shield(self._syncing.sync_source(source, last_sequence))
        return source

    async def forget(self, project: str, run_id: str) -> None:
        """Lets go of the logs of a run that is to be deleted; raises InvalidArgument while somebody writes it."""
        mine = [
            source
            for source in self.sources
            if (source.stored.run.project, source.stored.run.run_id) == (project, run_id)
        ]
        if any(source.writer.is_open and source.writer.role != "observer" for source in mine):
            raise InvalidArgument(
                f"run {run_id!r} is being written: finish it before deleting it", run_id=run_id
            )
        for source in mine:
            if source.reader is not None:
                source.reader.delete_behind(source.writer.sequence, is_closed=True)
            elif source.log is not None:
                source.log.delete()
            self.sources.remove(source)

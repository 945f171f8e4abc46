"""Owns what the daemon records of runs by itself: samples of the machine, facts about code and environment, silence.

Invariants:
- One sampler a machine, however many runs; what it measures goes through `ingest` as records of a writer of the daemon's
  own, whose id is the same after a restart, so that its records are numbered on.
- A writer of the daemon's own keeps no run open. Nothing here can hold up ingest: what is slow runs in threads and in a
  process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackd_service import config, memory, records
from trackd_service.exploration import Collected, Request, explore
from trackd_service.ingest import Ingest
from trackd_service.records import Surroundings
from trackd_service.runs import Run
from trackd_service.sampler import Sampler
from trackd_service.sources import Source
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.worker import Worker, WorkerClosed

_log = logging.getLogger("trackd.observer")
_EXPLORER_IDLE_SECONDS = 5.0
_EXPLORED_KEPT_SECONDS = 60.0  # ranks of one run ask about the same folder at once
_SILENCE_CHECK_SECONDS = 5.0


@dataclass
class _Observed:
    """What is known of a run that is observed."""

    stored: StoredRun
    sources: list[Source] = field(default_factory=list)
    next_time: float = 0.0  # of the next sample
    has_facts: bool = False


class Observer:
    """Observes the runs that are written on this machine."""

    def __init__(self, store: Store, ingest: Ingest, client: str, host: str) -> None:
        """Takes the store, ingest, and what the daemon calls itself as a client and its machine."""
        self._store = store
        self._ingest = ingest
        self._client = client
        self._host = host[: config.NAME_CHARACTERS_MAX].replace("/", "-") or "localhost"
        self._sampler: Sampler | None = None
        self._runs: dict[str, _Observed] = {}
        self._explorer = Worker(_EXPLORER_IDLE_SECONDS)
        self._explored: dict[Any, tuple[float, asyncio.Future[Collected]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: dict[str, tuple[int, float]] = {}  # revision by run, and since when it is the same
        self._stopping = False

    async def run(self) -> None:
        """Observes until `stop`."""
        while not self._stopping:
            try:
                pause_seconds = await self._round()
            except asyncio.CancelledError:
                raise
            except Exception:  # noqa: BLE001 - logged whole; one failure must not end the rest
                _log.exception("a round of the observer failed; the next one goes on")
                pause_seconds = _SILENCE_CHECK_SECONDS
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ingest.sources.opened.wait(), pause_seconds)
            self._ingest.sources.opened.clear()

    async def stop(self) -> None:
        """Ends the sampler and the process that looks around."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await self._explorer.close()
        if self._sampler is not None:
            self._sampler.close()

    async def _round(self) -> float | None:
        """Does what is due; returns after how many seconds the next thing is, or None when nobody writes."""
        observed = self._look()
        now = time.monotonic()
        self._note_silence()
        # Also of runs that have ended by now: a short training is over before anybody has looked.
        for stored in self._store.stored_in_memory():
            if stored.run.unexplored:
                self._begin(self._explore(stored))
        due = [each for each in observed if now >= each.next_time and self._interval(each) > 0]
        if due:
            for each in due:
                # From now on, and not from when it was due: a machine that slept is not sampled for the time it slept.
                each.next_time = now + self._interval(each)
            await self._sample(due)
        if not observed and not self._ingest.sources.open_writer_ids:
            return None
        next_times = [each.next_time for each in observed if self._interval(each) > 0]
        pause_seconds = min(next_times, default=now + _SILENCE_CHECK_SECONDS) - time.monotonic()
        return min(max(pause_seconds, 0.05), _SILENCE_CHECK_SECONDS)

    def _look(self) -> list[_Observed]:
        """Returns the runs that are written on this machine, with their sources."""
        found: dict[str, _Observed] = {}
        for source in self._ingest.sources.at_work():
            if source.reader is None and source.watch is None:
                continue  # of another machine, or nobody knows
            key = f"{source.stored.run.project}/{source.stored.run.run_id}"
            observed = found.get(key)
            if observed is None:
                observed = found[key] = self._runs.get(key) or _Observed(source.stored)
                observed.stored, observed.sources = source.stored, []
            observed.sources.append(source)
        for key in self._runs.keys() - found.keys():
            if self._sampler is not None:
                self._sampler.forget(key)
        self._runs = found
        return list(found.values())

    def _interval(self, observed: _Observed) -> float:
        wanted = [
            config.SYSTEM_INTERVAL_SECONDS if given is None else given
            for source in observed.sources
            if source.writer.is_vital
            for given in [source.writer.watching.system_interval_seconds]
        ]
        positive = [seconds for seconds in wanted if seconds > 0]
        return max(min(positive), config.SYSTEM_INTERVAL_SECONDS_MIN) if positive else 0.0

    # -- samples -----------------------------------------------------------------------------------------------------

    async def _sample(self, due: list[_Observed]) -> None:
        """Samples the machine once, and the processes of each run."""
        pids = {
            f"{each.stored.run.project}/{each.stored.run.run_id}": [
                source.writer.process["pid"] for source in each.sources if source.watch is not None
            ]
            for each in due
        }
        lacks_facts = any(not each.has_facts for each in due)
        machine, processes, facts = await asyncio.to_thread(self._measure, pids, lacks_facts)
        for each in due:
            key = f"{each.stored.run.project}/{each.stored.run.run_id}"
            if key not in self._runs or not any(not source.is_closed for source in each.sources):
                continue  # ended meanwhile
            now = time.time_ns()
            made = [records.sample_record(now, self._host, {**machine, **processes[key]})]
            if not each.has_facts:
                each.has_facts = True
                home = each.stored.run.process.get("host", self._host) == self._host
                prefix = "machine" if home else f"machine@{self._host}"
                made.append(
                    records.environment_record(
                        now, {f"{prefix}.{name}": value for name, value in facts.items()}
                    )
                )
            await self._record(each.stored, made)

    def _measure(
        self, pids: Mapping[str, list[int]], lacks_facts: bool
    ) -> tuple[dict[str, float], dict[str, dict[str, float]], Mapping[str, Any]]:
        if self._sampler is None:
            self._sampler = Sampler()
        machine = self._sampler.sample_machine()
        processes = {key: self._sampler.sample_processes(key, each) for key, each in pids.items()}
        return machine, processes, self._sampler.describe() if lacks_facts else {}

    async def _record(self, stored: StoredRun, made: list[bytes]) -> None:
        run = stored.run
        identity = f"{run.project}\0{run.run_id}\0{self._host}".encode("utf-8", "surrogatepass")
        writer_id = hashlib.sha256(identity).hexdigest()[:32]
        begin, payload = records.observer_begin(run.project, run.run_id, writer_id, self._host, self._client)
        await self._ingest.callers.observe(stored, begin, payload, made)

    # -- code and environment ------------------------------------------------------------------------------------------

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _explore(self, stored: StoredRun) -> None:
        """Finds out what a client has asked for about code and environment, and records it."""
        run = stored.run
        captures = frozenset[str]().union(*(writer.watching.captures for writer in run.writers.values()))
        places, run.unexplored = run.unexplored, []
        for place in places:
            try:
                collected = await self._collect(run, place, captures)
            except WorkerClosed:
                return
            except Exception as error:  # noqa: BLE001 - logged whole; a run goes on without
                _log.exception("looking around in %s failed", place.folder)
                run.health.message = run.health.message or f"code and environment are not known: {error}"
                continue
            now = time.time_ns()
            facts = dict(collected.facts)
            if collected.problems:
                facts["capture.problems"] = "; ".join(collected.problems)
            made = [records.environment_record(now, facts)]
            made += [
                records.file_record(now, file.path, file.content, file.purpose) for file in collected.files
            ]
            await self._record(stored, made)
            memory.trim()

    async def _collect(self, run: Run, place: Surroundings, captures: frozenset[str]) -> Collected:
        now = time.monotonic()
        for key, (since, _) in list(self._explored.items()):
            if now - since > _EXPLORED_KEPT_SECONDS:
                del self._explored[key]
        request = Request(
            place.folder, place.program_path, place.interpreter, list(place.search_paths), captures
        )
        key = (
            run.project,
            run.run_id,  # another run may have been started to try a change
            place.folder,
            place.program_path,
            place.interpreter,
            place.search_paths,
            tuple(sorted(captures)),
        )
        if key not in self._explored:
            self._explored[key] = now, asyncio.ensure_future(self._explorer.run(explore, request))
        return await asyncio.shield(self._explored[key][1])

    # -- silence -------------------------------------------------------------------------------------------------------

    def _note_silence(self) -> None:
        """Marks the runs that are at work and have said nothing for long, and those of their ranks alone that have."""
        now, clock = time.time_ns(), time.monotonic()
        runs: dict[str, Run] = {}
        for source in self._ingest.sources.at_work():
            run, given = source.stored.run, source.writer.watching.stalled_after_seconds
            runs[f"{run.project}/{run.run_id}"] = run
            # A process of this machine lives: were it gone, its writer would have been ended by now.
            is_here = source.reader is not None or source.watch is not None
            source.writer.heard_time = now if is_here else now - int((clock - source.heard_time) * 1e9)
            seconds = config.STALLED_AFTER_SECONDS if given is None else given
            if seconds > 0 and not run.is_stalled and now - run.activity_time > seconds * 1e9:
                run.is_stalled = True
                run.note_change()
                self._store.changed(run)
        for run in runs.values():
            has_alerts = run.check_silence(now)
            if run.check_ranks(now) or has_alerts:
                self._ingest.sources.tell_alerts(run)
                self._store.changed(run)
        self._give_signs_of_life(runs, clock)

    def _give_signs_of_life(self, runs: Mapping[str, Run], clock: float) -> None:
        """Has runs in which nothing happens looked at, and written to their bucket, all the same: their processes live."""
        told: dict[str, tuple[int, float]] = {}
        for key, run in runs.items():
            revision, since = self._told.get(key, (-1, clock))
            if revision == run.revision and clock - since >= config.HEARD_SECONDS:
                run.note_change(is_logged=False)
                self._store.changed(run)
            told[key] = (revision, since) if revision == run.revision else (run.revision, clock)
        self._told = told

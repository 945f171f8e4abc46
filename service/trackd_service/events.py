"""Owns what happened in a run, for charts to mark: alerts, rewinds, its fork, restarts and saved models, each at its step.

Invariants: what only a time is known of stands at the step of the last row logged before it, as far as the run's densest
metrics say; nothing is changed, and no more points are read than a bucket of each of these metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from trackd_service.errors import InvalidArgument
from trackd_service.series import NUMERIC_KINDS, Kind
from trackd_service.series_reader import MovedError, SeriesReader, loaded, read_whole, times_ascend
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.streams import ROW_KEY

RUNS_MAX = 1_000
# Rows rarely hold none of the three metrics that are logged most.
_METRICS_READ_MAX = 3
# What the libraries of machine learning write their models as.
_MODEL_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".joblib", ".keras", ".msgpack", ".npz"}
    | {".onnx", ".pb", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".tflite"}
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run.

    Attributes:
        run_id: The run.
        kind: `alert`, `rewind`, `fork`, `restart` or `checkpoint`.
        step: Where; None where nothing was logged before.
        time_unix_ms: When.
        title: What, in a few words.
        text: More of it, or empty.
        level: Of an alert: `INFO`, `WARN` or `ERROR`; else empty.
    """

    run_id: str
    kind: str
    step: int | None
    time_unix_ms: float
    title: str
    text: str
    level: str = ""


class EventQuery:
    """Reads the events of a store's runs."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store

    async def of_runs(self, project: str, run_ids: Sequence[str]) -> list[Event]:
        """Returns the events of runs in the order of the runs and of time; raises RunNotFound."""
        if not 1 <= len(run_ids) <= RUNS_MAX:
            raise InvalidArgument(
                f"runs names {len(run_ids):,} runs; it can name 1 to {RUNS_MAX:,}",
                field="runs",
                limit=RUNS_MAX,
            )
        found: list[Event] = []
        for run_id in run_ids:
            stored = await self._store.get(project, run_id)
            await self._store.keeper.settle(stored)  # a file that was just saved is here, too
            events = _stepped(
                stored.run.run_id, stored.run.forked_from, stored.run.rewinds, stored.start_time
            )
            timed = _timed(stored)
            steps = await steps_at(stored, [event.time_unix_ms for event in timed])
            events += [
                Event(each.run_id, each.kind, step, each.time_unix_ms, each.title, each.text, each.level)
                for each, step in zip(timed, steps, strict=True)
            ]
            found += sorted(events, key=lambda event: event.time_unix_ms)
        return found


async def steps_at(stored: StoredRun, times_unix_ms: Sequence[float]) -> list[int | None]:
    """Returns the step of the last row that a run had at each of some times."""
    found: list[int | None] = [None] * len(times_unix_ms)
    if not times_unix_ms:
        return found
    # Half a microsecond more than the double may have lost of the nanoseconds.
    times = [round(time * 1e6) + 500 for time in times_unix_ms]
    metrics = sorted(stored.metrics().items(), key=lambda item: -item[1][0])
    names: list[tuple[str, Kind]] = [name for name, _ in metrics if name[1] in NUMERIC_KINDS]
    for key, kind in [*names[:_METRICS_READ_MAX], (ROW_KEY, "bool")]:
        steps = await _steps_of(stored, key, kind, times)
        found = [_later(*pair) for pair in zip(found, steps, strict=True)]
        await asyncio.sleep(0)  # the writers go first
    return found


async def _steps_of(stored: StoredRun, key: str, kind: Kind, times: list[int]) -> list[int | None]:
    """Returns the step of the last point of a series at each of some times."""
    try:
        reader = SeriesReader(stored, key, kind)
        await reader.open()
        if times_ascend(reader.parts):
            return [await _last_step(reader, time) for time in times]
    except (MovedError, FileNotFoundError):
        pass  # sealed or merged meanwhile: read whole
    series = await read_whole(stored, key, kind)
    order = np.argsort(series.times, kind="stable")
    furthest = np.maximum.accumulate(series.steps[order]) if len(series) else series.steps
    places = np.searchsorted(series.times[order], times, side="right")
    return [int(furthest[place - 1]) if place else None for place in places.tolist()]


async def _last_step(reader: SeriesReader, time: int) -> int | None:
    place = await reader.rank("time", time + 1, reader.total)
    for part, start in zip(reader.parts, reader.starts, strict=True):
        at = place - 1 - start
        if not 0 <= at < part.count:
            continue
        if at == part.count - 1:
            return part.last["step"]
        await reader.load([(part, at, at + 1)])
        return int(loaded(part, at, at + 1).steps[0])
    return None


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _stepped(
    run_id: str, forked_from: dict[str, Any] | None, rewinds: list[dict[str, Any]], start_time: int
) -> list[Event]:
    """Returns the events that know their steps."""
    events = [
        Event(
            run_id,
            "rewind",
            rewind["last_step"],
            rewind["time_unix_ms"],
            f"Rewound to step {rewind['last_step']}",
            f"{rewind['masked_point_count']} points behind it are no longer read",
        )
        for rewind in rewinds
    ]
    if forked_from is not None:
        step = forked_from["last_step"]
        title = f"Forked from {forked_from['run_id']} at step {step}"
        text = f"of project {forked_from['project']}"
        events.append(Event(run_id, "fork", step, start_time / 1e6, title, text))
    return events


def _timed(stored: StoredRun) -> list[Event]:
    """Returns the events that know their times alone, without steps."""
    run = stored.run
    events = [
        Event(run.run_id, "alert", None, alert["time_unix_ms"], alert["title"], alert["text"], alert["level"])
        for alert in run.alerts
    ]
    for writer in run.writers.values():
        if writer.is_attempt and writer.begin_time:
            host = writer.process.get("host", "")
            text = f"on {host}" if host else ""
            events.append(Event(run.run_id, "restart", None, writer.begin_time / 1e6, "Restarted", text))
    for path, facts in run.files.items():
        time = facts.get("time_unix_ms", 0.0)
        if time and facts["purpose"] == "saved" and PurePosixPath(path).suffix.lower() in _MODEL_SUFFIXES:
            text = f"{facts['size_bytes']} bytes"
            events.append(Event(run.run_id, "checkpoint", None, time, path, text))
    return events

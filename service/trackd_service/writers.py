"""Owns what is known of one writer of a run: who it is, how far it has come, how it ended.

Invariants: its records alone change it, but for what is heard of its process; what it says after a restart of the daemon is
what it said before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trackd_service.progress import Progress
from trackd_service.records import Finish, Watching
from trackd_service.run_states import Event, RunState, next_state
from trackd_service.steps import StepCounter

METRICS_MAX = 1_000  # named of a writer: to show who logs what, not all of a model's parameters


@dataclass
class Writer:
    """One writer of a run.

    Attributes:
        sequence: Of the last record applied.
        durable_sequence: Up to which the records are on the disk.
        sealed_sequence: Up to which the records are in sealed segments and in the catalog.
        row_count: How many rows it has logged.
        metrics: The first metrics that it has logged.
        update_time: When its last record was made, in nanoseconds since 1970 UTC.
        console_line_count: How many lines of its console there are.
        begin_time: When it opened the run, in nanoseconds since 1970 UTC; 0 where an older trackd has not kept it.
        is_attempt: Whether it went on with a run that nobody was writing any longer: a restart.
        progress: How far it has come in its rows.
        state: How it stands, or has ended.
        exit_code: Of its process; None while it is at work, and where it is not known.
        signal: That ended it; 0 for none.
        end_reason: Why it ended so, in one sentence; empty where it ended well.
        heard_time: When its process was last known to be alive beyond its records, in nanoseconds since 1970 UTC.
        as_of_time: Of what another store says: when it said so; 0 for a writer of this store, which is as of now.
        is_silent: Whether it is at work and has said nothing for long, while others of the run go on.
        watching: What the daemon does by itself for it; not kept, its log says it again.
    """

    writer_id: str
    role: str
    label: str = ""
    client: str = ""
    process: dict[str, Any] = field(default_factory=dict)
    drops_late_steps: bool = False
    steps: StepCounter = field(default_factory=StepCounter)
    sequence: int = 0
    durable_sequence: int = 0
    sealed_sequence: int = 0
    is_open: bool = True
    row_count: int = 0
    metrics: dict[str, None] = field(default_factory=dict)
    update_time: int = 0
    console_line_count: int = 0
    begin_time: int = 0
    is_attempt: bool = False
    progress: Progress = field(default_factory=Progress)
    state: RunState = RunState.RUNNING
    exit_code: int | None = None
    signal: int = 0
    end_reason: str = ""
    heard_time: int = 0
    as_of_time: int = 0
    is_silent: bool = False
    watching: Watching = field(default_factory=Watching)

    @property
    def is_vital(self) -> bool:
        """Whether the run ends with this writer: helpers and the daemon's own keep no run open."""
        return self.role in ("primary", "shared")

    def end(self, event: Event, finish: Finish) -> None:
        """Notes how it ended."""
        self.is_open, self.is_silent = False, False
        self.state = next_state(RunState.RUNNING, event)
        self.exit_code = None if event is Event.VANISHED or finish.signal else finish.exit_code
        self.signal, self.end_reason = finish.signal, finish.reason

    def reopen(self) -> None:
        """Notes that it goes on after it was taken as ended."""
        self.is_open, self.state = True, RunState.RUNNING
        self.exit_code, self.signal, self.end_reason = None, 0, ""

    def dump(self) -> dict[str, Any]:
        """Returns the writer as JSON values, for the catalog."""
        return {
            "writer_id": self.writer_id,
            "role": self.role,
            "label": self.label,
            "client": self.client,
            "process": self.process,
            "drops_late_steps": self.drops_late_steps,
            "current_step": self.steps.current,
            "sequence": self.sequence,
            "is_open": self.is_open,
            "row_count": self.row_count,
            "metrics": list(self.metrics),
            "update_time": self.update_time,
            "console_line_count": self.console_line_count,
            "begin_time": self.begin_time,
            "is_attempt": self.is_attempt,
            "progress": self.progress.dump(),
            "state": self.state.value,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "end_reason": self.end_reason,
            "heard_time": self.heard_time,
            "as_of_time": self.as_of_time,
            "is_silent": self.is_silent,
        }

    def describe(self) -> dict[str, Any]:
        """Returns the writer as JSON values, for readers."""
        return {
            "writer_id": self.writer_id,
            "role": self.role,
            "label": self.label,
            "client": self.client,
            "process": self.process,
            "open": self.is_open,
            "row_count": self.row_count,
            "metrics": list(self.metrics),
            "next_step": self.steps.current,
            "update_time_unix_ms": self.update_time / 1e6,
            "console_line_count": self.console_line_count,
            "state": self.state.value,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "end_reason": self.end_reason,
            "silent": self.is_silent,
            "begin_time_unix_ms": self.begin_time / 1e6,
            "heard_time_unix_ms": max(self.update_time, self.heard_time) / 1e6,
            "row_time_unix_ms": self.progress.last_time / 1e6,
            "last_step": self.progress.last_step,
            "steps_per_second": self.progress.steps_per_second,
        }

    @staticmethod
    def load(data: dict[str, Any], run_state: RunState) -> Writer:
        """Returns a writer from `dump`; of an older trackd, which has kept no end of its own, it ended as the run."""
        ended = RunState.FINISHED if run_state is RunState.RUNNING else run_state
        state = RunState.RUNNING if data["is_open"] else ended
        return Writer(
            data["writer_id"],
            data["role"],
            data["label"],
            data["client"],
            data["process"],
            data["drops_late_steps"],
            StepCounter(data["current_step"]),
            data["sequence"],
            data["sequence"],
            data["sequence"],
            data["is_open"],
            data.get("row_count", 0),
            dict.fromkeys(data.get("metrics", ())),
            data.get("update_time", 0),
            data.get("console_line_count", 0),
            data.get("begin_time", 0),
            data.get("is_attempt", False),
            Progress.load(data.get("progress")),
            RunState(data.get("state", state)),
            data.get("exit_code"),
            data.get("signal", 0),
            data.get("end_reason", ""),
            data.get("heard_time", 0),
            data.get("as_of_time", 0),
            data.get("is_silent", False),
        )

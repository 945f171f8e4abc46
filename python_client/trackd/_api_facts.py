"""Owns what the messages of a run say of its alerts, writers and ranks, as plain dicts.

Invariant: what is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackd.v1 import runs_pb2

STATES = ("", "running", "finished", "failed", "killed", "crashed", "preempted")  # by the number of RunState
_ROLES = ("primary", "primary", "shared", "helper", "observer")  # by the number of WriterRole
_ALERT_LEVELS = ("INFO", "INFO", "WARN", "ERROR")  # by the number of AlertLevel
_WRITER_OPTIONAL_FIELDS = (
    "exit_code", "last_step", "steps_per_second", "rank", "steps_behind", "seconds_behind",
)  # fmt: skip


def alerts(run: runs_pb2.Run) -> list[dict[str, Any]]:
    """Returns `Run.alerts` of `trackd.Api`."""
    return [
        {
            "title": alert.title,
            "text": alert.text,
            "level": _ALERT_LEVELS[alert.level],
            "time": alert.time_unix_nanos / 1e9,
        }
        for alert in run.alerts
    ]


def writers(run: runs_pb2.Run) -> list[dict[str, Any]]:
    """Returns `Run.writers` of `trackd.Api`."""
    return [
        {
            "id": writer.writer_id,
            "role": _ROLES[writer.role],
            "label": writer.label,
            "client": writer.client,
            "host": writer.process.host,
            "pid": writer.process.pid,
            "open": writer.open,
            "row_count": writer.row_count,
            "metrics": list(writer.metrics),
            "next_step": writer.next_step,
            "console_line_count": writer.console_line_count,
            "state": STATES[writer.state] if writer.state < len(STATES) else "",
            "signal": writer.signal,
            "end_reason": writer.end_reason,
            "silent": writer.silent,
            "superseded": writer.superseded,
            "begin_time": writer.begin_time_unix_nanos / 1e9,
            "heard_time": writer.heard_time_unix_nanos / 1e9,
            "row_time": writer.row_time_unix_nanos / 1e9,
            **{
                name: getattr(writer, name) if writer.HasField(name) else None
                for name in _WRITER_OPTIONAL_FIELDS
            },
        }
        for writer in run.writers
    ]


def ranks(run: runs_pb2.Run) -> dict[str, Any] | None:
    """Returns `Run.ranks` of `trackd.Api`."""
    if not run.HasField("ranks"):
        return None
    ranks = run.ranks
    return {
        "rank_count": ranks.rank_count,
        "expected_count": ranks.expected_count if ranks.HasField("expected_count") else None,
        "host_count": ranks.host_count,
        "running_count": ranks.running_count,
        "silent_count": ranks.silent_count,
        "finished_count": ranks.finished_count,
        "failed_count": ranks.failed_count,
        "sentence": ranks.sentence,
        "notes": [
            {
                "kind": note.kind,
                "text": note.text,
                "since": note.since_unix_nanos / 1e9 or None,
                "writers": list(note.writer_ids),
            }
            for note in ranks.notes
        ],
    }


def strip_host(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values by "HOST/NAME" by their names alone, where they are all of one host."""
    hosts = {key.partition("/")[0] for key in values}
    return {key.partition("/")[2] if len(hosts) == 1 else key: value for key, value in values.items()}

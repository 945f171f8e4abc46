"""Owns what `trackd du` and `trackd gc` say: what takes how much space in a store, and what nothing refers to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackd._connection import Connection

_UNITS = ("B", "kB", "MB", "GB", "TB")


def usage(connection: Connection) -> dict[str, Any]:
    """Returns what the store's parts take, in bytes, and each run's part, the largest first. Raises CommError."""
    from trackd.v1 import store_service_pb2

    answer = connection.administer(
        lambda stub, options: stub.GetUsage(store_service_pb2.GetUsageRequest(), **options)
    )
    return {
        "object_bytes": answer.object_bytes,
        "object_count": answer.object_count,
        "log_bytes": answer.log_bytes,
        "garbage_bytes": answer.garbage_bytes,
        "garbage_count": answer.garbage_count,
        "runs": [
            {
                "path": f"{run.project}/{run.run_id}",
                "segment_bytes": run.segment_bytes,
                "object_bytes": run.object_bytes,
                "object_count": run.object_count,
                "own_object_bytes": run.own_object_bytes,
            }
            for run in answer.runs
        ],
    }


def usage_lines(facts: dict[str, Any], limit: int) -> list[str]:
    """Returns `usage` as lines for a person: the runs as a table, then the whole."""
    rows = [("POINTS", "OBJECTS", "FREED BY DELETING", "RUN")]
    rows += [
        (
            format_bytes(run["segment_bytes"]),
            f"{format_bytes(run['object_bytes'])} in {run['object_count']}",
            format_bytes(run["segment_bytes"] + run["own_object_bytes"]),
            run["path"],
        )
        for run in facts["runs"][:limit]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(text.rjust(width) for text, width in zip(row[:3], widths, strict=True)), row[3]])
        for row in rows
    ]
    if len(facts["runs"]) > limit:
        lines.append(f"… and {len(facts['runs']) - limit} more runs; --limit shows more")
    sealed, in_logs = format_bytes(facts["object_bytes"]), format_bytes(facts["log_bytes"])
    lines.append(f"{sealed} sealed in {facts['object_count']} files, {in_logs} in logs")
    if facts["garbage_count"]:
        lines.append(
            f"{format_bytes(facts['garbage_bytes'])} in {facts['garbage_count']} files are used by no run: "
            "`trackd gc` removes them"
        )
    return lines


def collect(connection: Connection, *, dry_run: bool) -> dict[str, Any]:
    """Removes what nothing refers to; returns how many files and bytes that are. Raises CommError."""
    from trackd.v1 import store_service_pb2

    request = store_service_pb2.CollectGarbageRequest(dry_run=dry_run)
    answer = connection.administer(lambda stub, options: stub.CollectGarbage(request, **options))
    return {"removed_count": answer.removed_count, "removed_bytes": answer.removed_bytes, "dry_run": dry_run}


def format_bytes(size: float) -> str:
    """Returns a size as people read it: three digits and a unit of powers of 1,000."""
    place = 0
    while size >= 999.5 and place < len(_UNITS) - 1:
        size /= 1000
        place += 1
    return f"{size:.0f} {_UNITS[place]}" if not place or size >= 99.95 else f"{size:.1f} {_UNITS[place]}"

"""Owns a run as a team server has it of daemons: what each store says of it and what people have changed there, as one run.

Invariants: what was received twice, late or in another order makes the same run; what a person has changed on the server
stays, whatever a daemon still sends of the run.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from trackd_service import manifests
from trackd_service.catalog import ReceivedRun
from trackd_service.manifests import Manifest
from trackd_service.records import Changes, Update
from trackd_service.runs import Run

_FIELDS = ("name", "notes", "tags", "group", "job_type", "archived")
_TARGETS = ("config", "summary")


def pack(manifest: bytes) -> bytes:
    """Returns a manifest as a catalog keeps it: a fifth of its size."""
    return zlib.compress(manifest, 6)


def unpack(content: bytes) -> Manifest:
    """Returns a manifest from `pack`."""
    return Manifest.load(zlib.decompress(content))


def replaces(former: bytes, content: bytes) -> bool:
    """Says whether what a store says now is newer than what it said: as far in every writer, and written no earlier."""
    old, new = unpack(former), unpack(content)
    if not manifests.covers(new.document, old.document):
        return False
    is_further = not manifests.covers(old.document, new.document)
    # A clock that was set back changes nothing once a writer has gone on.
    return is_further or new.write_time_unix_ms >= old.write_time_unix_ms


def combine(contents: Sequence[bytes], edits: str) -> ReceivedRun:
    """Returns the run that the packed manifests of several stores are of, with the changes that people have made.

    Raises:
        ManifestInvalid: One of them is none.
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: A document describes no run.
    """
    merged = manifests.merge(unpack(content) for content in contents)
    document, summary = merged.document, merged.summary
    run = Run.load(
        document, summary
    )  # also of a run that nobody has changed: what describes none must not be kept
    if edits:
        for change in _changes(json.loads(edits)):
            run.edit(change)
        document, summary = run.dump(), run.summary.dump()
    return ReceivedRun(
        document,
        summary,
        [segment.row for segment in merged.segments],
        dict(merged.objects),
        [file for segment in merged.segments for file in segment.files()],
    )


def add_edit(edits: str, change: Update | Changes) -> str:
    """Returns the changes that people have made of a run with one more; the last one of a field holds."""
    document: dict[str, Any] = json.loads(edits) if edits else {}
    if isinstance(change, Update):
        document |= {name: value for name in _FIELDS if (value := getattr(change, name)) is not None}
    else:
        target = document.setdefault(change.target, {"values": {}, "removed": []})
        target["values"] = {
            key: value for key, value in target["values"].items() if key not in change.removed
        } | change.values
        kept = [key for key in target["removed"] if key not in change.values]
        target["removed"] = list(dict.fromkeys([*kept, *change.removed]))
    return json.dumps(document)


def _changes(document: dict[str, Any]) -> list[Update | Changes]:
    changes: list[Update | Changes] = [Update(**{name: document.get(name) for name in _FIELDS})]
    changes += [
        Changes(target, document[target]["values"], document[target]["removed"])
        for target in _TARGETS
        if target in document
    ]
    return changes

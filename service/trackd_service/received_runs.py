"""Owns a run as a team server has it of daemons: what each store says of it and what people have changed there, as one run.

Invariants: what was received twice, late or in another order makes the same run; what a person has changed on the server
stays, whatever a daemon still sends of the run; compactions change no point. A compaction stands in the place of the
segments that it was made of while the manifests still list all of them, as neighbours and in that order: then it has the
same points in the same order of precedence as they have, whatever stands before and behind. As soon as that is not so, it is
void, for ever.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from trackd_service import manifests
from trackd_service.catalog_tables import SegmentRow
from trackd_service.manifests import Manifest, SentSegment
from trackd_service.records import Changes, Update
from trackd_service.runs import Run
from trackd_service.sent_runs import Compaction, ReceivedRun

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


def combine(
    contents: Sequence[bytes],
    edits: str,
    compactions: Sequence[Compaction] = (),
    lost: AbstractSet[str] = frozenset(),
) -> ReceivedRun:
    """Returns the run that the packed manifests of several stores are of, with the changes that people have made.

    Of compactions those hold that fit; of two that have a segment in common, the larger one. `lost` are the stores of which
    nothing was heard for long.

    Raises:
        ManifestInvalid: One of them is none.
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: A document describes no run.
    """
    parts = [unpack(content) for content in contents]
    merged = manifests.merge(parts, lost)
    document, summary = merged.document, merged.summary
    run = Run.load(
        document, summary
    )  # also of a run that nobody has changed: what describes none must not be kept
    if edits:
        for change in _changes(json.loads(edits)):
            run.edit(change)
        document, summary = run.dump(), run.summary.dump()
    ordered = sorted(merged.segments, key=lambda segment: segment.row.position)
    segments, held = compacted(ordered, compactions)
    # What any store lists stays, that of a copy as well: a store takes for granted what it has put.
    everything = [segment for part in parts for segment in part.segments] + merged.segments + segments
    files = {
        name: (name, size_bytes, sha256) for each in everything for name, size_bytes, sha256 in each.files()
    }
    return ReceivedRun(
        document,
        summary,
        [segment.row for segment in segments],
        dict(merged.objects),
        list(files.values()),
        frozenset(held),
    )


def compacted(
    segments: Sequence[SentSegment], compactions: Sequence[Compaction]
) -> tuple[list[SentSegment], dict[str, Compaction]]:
    """Returns segments in order with compactions in the places of those that they replace, and which ones hold, by name."""
    places = {segment.row.name: place for place, segment in enumerate(segments)}
    found: list[SentSegment | None] = list(segments)
    held: dict[str, Compaction] = {}
    for each in sorted(compactions, key=lambda each: (-len(each.replaced), each.name)):
        start = places.get(each.replaced[0], -1) if each.replaced else -1
        stop = start + len(each.replaced)
        if start < 0 or tuple(one.row.name for one in found[start:stop] if one) != each.replaced:
            continue
        held[each.name] = each
        size_bytes = each.parquet_bytes + each.levels_bytes
        row = SegmentRow(each.name, segments[start].row.position, each.point_count, size_bytes)
        found[start:stop] = [None] * len(each.replaced)
        found[start] = SentSegment(
            row, each.parquet_bytes, each.parquet_sha256, each.levels_bytes, each.levels_sha256
        )
    return [each for each in found if each is not None], held


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

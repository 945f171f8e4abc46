"""Owns the manifest: what one store has put of one run into a bucket, and how those of several stores become one run.

Invariants: each store writes manifests of its own, so nobody overwrites what another one said; what a manifest lists was
confirmed by the bucket before the manifest was written. The format is drawn in `docs/storage.md`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from trackd_service import config
from trackd_service.catalog_tables import SegmentRow
from trackd_service.objects import ObjectNameInvalid, check_name
from trackd_service.run_states import SEVERITY, RunState
from trackd_service.summary import Summary

FORMAT_VERSION = 1
_HOSTS_SHOWN = 3
_SEGMENT_FILE = re.compile(r"segments/([0-9a-f]{16})/[0-9a-f]{32}\.(?:parquet|levels)")
PREFIX = "runs/"
_NAME = re.compile(r"runs/([0-9a-f]{16})/([0-9a-f]{16})\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER_MAX = (1 << 63) - 1  # what a catalog can keep
_FIRST = (
    "name",
    "notes",
    "group",
    "job_type",
    "process",
    "forked_from",
    "create_time",
    "create_time_unix_ms",
)
_LATEST = ("update_time", "update_time_unix_ms", "activity_time")
_COUNTS = (
    "accepted_row_count",
    "late_row_count",
    "dropped_late_row_count",
    "refused_count",
    "damaged_record_count",
)


class ManifestInvalid(ValueError):
    """Something under a manifest's name is no manifest that this version can read."""


@dataclass(frozen=True, slots=True)
class SentSegment:
    """A segment that the bucket has: its row, and the size in bytes and the sha256 of each of its two files."""

    row: SegmentRow
    parquet_bytes: int
    parquet_sha256: str
    levels_bytes: int
    levels_sha256: str

    def files(self) -> tuple[tuple[str, int, str], tuple[str, int, str]]:
        """Returns (name in the object store, size in bytes, sha256) of the Parquet file and of the levels."""
        return (
            (f"segments/{self.row.name}.parquet", self.parquet_bytes, self.parquet_sha256),
            (f"segments/{self.row.name}.levels", self.levels_bytes, self.levels_sha256),
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one store has put of one run into a bucket.

    Attributes:
        store_id: 16 hexadecimal digits that tell this store from any other.
        host: The name of the machine that wrote it, for people.
        version: Of the trackd that wrote it.
        write_time_unix_ms: When.
        document: The run as its catalog has it.
        summary: Its summary as its catalog has it.
        segments: Its points, in order.
        objects: Size in bytes by sha256 of what its records and files refer to and the bucket has.
        pending: The same of what the bucket does not have yet.
        superseded: Names of segments that the bucket still has and no reader needs any more, with the time in milliseconds
            since 1970 from which on that is so.
    """

    store_id: str
    host: str
    version: str
    write_time_unix_ms: int
    document: dict[str, Any]
    summary: bytes
    segments: Sequence[SentSegment]
    objects: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    superseded: Mapping[str, int] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The run's project."""
        return str(self.document["project"])

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.document["run_id"])

    def dump(self) -> bytes:
        """Returns the manifest as a JSON document."""
        return json.dumps(
            {
                "format": "trackd-manifest",
                "version": FORMAT_VERSION,
                "store_id": self.store_id,
                "host": self.host,
                "trackd_version": self.version,
                "write_time_unix_ms": self.write_time_unix_ms,
                "project": self.project,
                "run_id": self.run_id,
                "segments": [
                    {
                        "name": segment.row.name,
                        "position": segment.row.position,
                        "point_count": segment.row.point_count,
                        "parquet_bytes": segment.parquet_bytes,
                        "parquet_sha256": segment.parquet_sha256,
                        "levels_bytes": segment.levels_bytes,
                        "levels_sha256": segment.levels_sha256,
                    }
                    for segment in self.segments
                ],
                "objects": dict(self.objects),
                "pending_objects": dict(self.pending),
                "superseded_segments": dict(self.superseded),
                "document": self.document,
                "summary_base64": base64.b64encode(self.summary).decode(),
            },
            separators=(",", ":"),
        ).encode()

    @staticmethod
    def load(data: bytes) -> Manifest:
        """Returns a manifest from `dump`.

        Raises:
            ManifestInvalid: It is none, or a newer trackd wrote it.
        """
        try:
            document = json.loads(data)
            version = document["version"]
            if document["format"] != "trackd-manifest":
                raise ManifestInvalid("it is no manifest of trackd")
            if version != FORMAT_VERSION:
                raise ManifestInvalid(
                    f"it has version {version}; this trackd reads version {FORMAT_VERSION}: update trackd"
                )
            whole = document["document"]
            if (whole["project"], whole["run_id"]) != (document["project"], document["run_id"]):
                raise ManifestInvalid("its document is that of another run")
            return Manifest(
                str(document["store_id"]),
                str(document["host"]),
                str(document["trackd_version"]),
                _number(document["write_time_unix_ms"]),
                whole,
                base64.b64decode(document["summary_base64"]),
                [_load_segment(segment) for segment in document["segments"]],
                _load_objects(document["objects"]),
                _load_objects(document["pending_objects"]),
                {
                    _segment_name(name): _number(since)
                    for name, since in document["superseded_segments"].items()
                },
            )
        except ManifestInvalid:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise ManifestInvalid(f"it is no manifest of trackd: {type(error).__name__} {error}") from None


def read(name: str, data: bytes) -> Manifest:
    """Returns the manifest that lies under a name in a bucket.

    Raises:
        ManifestInvalid: It is none, a newer trackd wrote it, or it speaks of another run than its name does.
    """
    manifest = Manifest.load(data)
    folder = run_folder(manifest.project, manifest.run_id)
    if not name.startswith(f"{PREFIX}{folder}/"):
        raise ManifestInvalid("it lies in the place of another run")
    for segment in manifest.segments:
        # Names without a folder are those of an older trackd.
        if "/" in segment.row.name and not segment.row.name.startswith(f"{folder}/"):
            raise ManifestInvalid(f"it lists {segment.row.name!r}, which is a segment of another run")
    return manifest


# Others write to the bucket as well: whatever becomes a path, a number of the catalog or a check is looked at.
def _load_segment(data: dict[str, Any]) -> SentSegment:
    parquet_bytes, levels_bytes = _number(data["parquet_bytes"]), _number(data["levels_bytes"])
    row = SegmentRow(
        _segment_name(data["name"]),
        _number(data["position"]),
        _number(data["point_count"]),
        _number(parquet_bytes + levels_bytes),
    )
    return SentSegment(
        row, parquet_bytes, _sha256(data["parquet_sha256"]), levels_bytes, _sha256(data["levels_sha256"])
    )


def _load_objects(data: dict[str, Any]) -> dict[str, int]:
    return {_sha256(name): _number(size) for name, size in data.items()}


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _NUMBER_MAX:
        raise ManifestInvalid(f"it has {str(value)[:40]!r} where a number from 0 to {_NUMBER_MAX} belongs")
    return value


def _segment_name(value: Any) -> str:
    try:
        check_name(f"segments/{value}.parquet")
    except ObjectNameInvalid:
        raise ManifestInvalid(f"it has {str(value)[:40]!r} where the name of a segment belongs") from None
    return str(value)


def _sha256(value: Any) -> str:
    if not isinstance(value, str) or _SHA256.fullmatch(value) is None:
        raise ManifestInvalid(f"it has {str(value)[:40]!r} where a sha256 belongs")
    return value


def run_folder(project: str, run_id: str) -> str:
    """Returns the folder of a run in the object store: what a person calls a project never becomes a path."""
    return hashlib.sha256(f"{project}/{run_id}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def manifest_name(project: str, run_id: str, store_id: str) -> str:
    """Returns the name, in the bucket, of a store's manifest of a run."""
    return f"{PREFIX}{run_folder(project, run_id)}/{store_id}.json"


def parse_name(name: str) -> tuple[str, str] | None:
    """Returns (folder of the run, store id) of a manifest's name; None for any other name."""
    found = _NAME.fullmatch(name)
    return None if found is None else (found[1], found[2])


def folder_of_segment(name: str) -> str:
    """Returns the folder of the run whose segment a file in the bucket is of; empty for any other file."""
    found = _SEGMENT_FILE.fullmatch(name)
    return "" if found is None else found[1]


@dataclass(frozen=True, slots=True)
class MergedRun:
    """A run as all stores that have written it show it: what a catalog keeps of it."""

    document: dict[str, Any]
    summary: bytes
    segments: list[SentSegment]
    objects: dict[str, int]


def merge(manifests: Iterable[Manifest], lost: AbstractSet[str] = frozenset()) -> MergedRun:
    """Returns the run that the manifests of several stores are of; each store fed it by writers of its own.

    What a run has one of, such as its name, is that of the store where it began first; it runs while it runs anywhere, and
    has ended as badly as the worst of its ends. Writers at work of a store of which nothing was heard for long, while others
    were, are silent: their machine may be gone. So are those of the stores whose ids are `lost`. Its segments are those of
    the store where it began first, then the next one's, and so on.
    """
    parts = sorted(_without_copies(manifests), key=lambda part: (part.document["create_time"], part.store_id))
    # A store at work is written at least once in HEARD_SECONDS, whether anything happens or not.
    latest_ms = max(part.write_time_unix_ms for part in parts)
    heard_ms = latest_ms - config.SILENT_AFTER_SECONDS * 1000
    lost = lost | {part.store_id for part in parts if part.write_time_unix_ms < heard_ms}
    first = parts[0]
    if len(parts) == 1 and not lost:
        return MergedRun(first.document, first.summary, list(first.segments), dict(first.objects))
    documents = [part.document for part in parts]
    document = dict(first.document)
    for name in _FIRST:
        document[name] = next((each[name] for each in documents if each.get(name)), document.get(name))
    for name in _LATEST:
        document[name] = max(each.get(name, 0) for each in documents)
    document |= _merge_ends(parts, lost)
    document["tags"] = list(dict.fromkeys(tag for each in documents for tag in each["tags"]))
    for name in ("config", "environment", "rules_seen"):
        document[name] = {
            key: value for each in reversed(documents) for key, value in each.get(name, {}).items()
        }
    # Of two stores of one host, the last sample is that of the one that was written last.
    document["system_metrics"] = {
        host: values
        for each in sorted(documents, key=lambda each: each["update_time"])
        for host, values in each.get("system_metrics", {}).items()
    }
    document["writers"] = _merge_writers(parts, lost)
    for name in ("alerts", "rewinds"):
        document[name] = sorted(
            (entry for each in documents for entry in each.get(name, ())),
            key=lambda entry: entry["time_unix_ms"],
        )
    document["files"] = list({file["path"]: file for each in documents for file in each["files"]}.values())
    definitions = {each["name"]: each for one in reversed(documents) for each in one["metric_definitions"]}
    document["metric_definitions"] = list(definitions.values())
    for name in ("revision", "next_step", "durable_step"):
        document[name] = max(each[name] for each in documents)
    document["ingest_health"] = {
        "message": next((text for each in documents if (text := each["ingest_health"]["message"])), ""),
        **{name: sum(each["ingest_health"][name] for each in documents) for name in _COUNTS},
    }
    summary = Summary.load(first.summary)
    for part in parts[1:]:
        summary.absorb(Summary.load(part.summary))
    document["metric_count"] = summary.metric_count
    document["metric_kinds"] = summary.kinds()
    # A store's segments stay neighbours, whatever others send: a server puts one in the place of several.
    segments: dict[str, SentSegment] = {}
    for part in parts:
        for segment in sorted(part.segments, key=lambda segment: segment.row.position):
            segments.setdefault(segment.row.name, segment)
    return MergedRun(
        document,
        summary.dump(),
        [
            SentSegment(
                SegmentRow(segment.row.name, position, segment.row.point_count, segment.row.size_bytes),
                segment.parquet_bytes,
                segment.parquet_sha256,
                segment.levels_bytes,
                segment.levels_sha256,
            )
            for position, segment in enumerate(segments.values())
        ],
        {sha256: size for part in parts for sha256, size in part.objects.items()},
    )


def covers(document: dict[str, Any], other: dict[str, Any]) -> bool:
    """Says whether a run's document has all that another one of the same run has: its writers, at least as far."""
    sequences = {writer["writer_id"]: writer["sequence"] for writer in document["writers"]}
    return all(sequences.get(writer["writer_id"], -1) >= writer["sequence"] for writer in other["writers"])


def _without_copies(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Returns manifests without those of copies: of stores that pulled the run and have nothing else of it."""
    kept: list[Manifest] = []
    for part in sorted(manifests, key=lambda part: (-part.document["update_time"], part.store_id)):
        if not any(covers(other.document, part.document) for other in kept):
            kept.append(part)
    return kept


def _loss_words(parts: Sequence[Manifest]) -> str:
    """Returns what is said of a run whose only machines at work are lost."""
    hosts = sorted({part.host for part in parts if part.host})
    shown = ", ".join(hosts[:_HOSTS_SHOWN]) + (
        f" and {len(hosts) - _HOSTS_SHOWN} more" if len(hosts) > _HOSTS_SHOWN else ""
    )
    heard_ms = max(part.write_time_unix_ms for part in parts)
    heard = datetime.fromtimestamp(heard_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")
    machines = "the machines" if len(hosts) > 1 else "the machine"
    return f"nothing was heard of {shown or machines} after {heard} UTC: {machines}, or the network between, may be gone"


def _merge_writers(parts: Sequence[Manifest], lost: AbstractSet[str]) -> list[dict[str, Any]]:
    writers: dict[str, dict[str, Any]] = {}
    for part in parts:
        for writer in part.document["writers"]:
            known = writers.get(writer["writer_id"])
            if known is not None and known["sequence"] >= writer["sequence"]:
                continue  # of a store that has pulled the run
            merged = writers[writer["writer_id"]] = dict(writer)
            if writer.get("is_open") and writer.get("role") != "observer":
                # The daemon beside it knew it at work.
                written = part.write_time_unix_ms * 1_000_000
                merged["heard_time"] = max(merged.get("heard_time", 0), written)
                merged["as_of_time"] = written
                merged["is_silent"] = merged.get("is_silent", False) or part.store_id in lost
    return list(writers.values())


def _merge_ends(parts: Sequence[Manifest], lost: AbstractSet[str]) -> dict[str, Any]:
    documents = [part.document for part in parts]
    names = (
        "state",
        "exit_code",
        "signal",
        "end_reason",
        "traceback",
        "finish_time",
        "finish_time_unix_ms",
        "stalled",
    )
    running = [part for part in parts if part.document["state"] == RunState.RUNNING.value]
    if running:
        chosen = max(running, key=lambda part: part.document["update_time"]).document
        ends = {name: chosen.get(name) for name in names}
        ends["stalled"] = all(part.document.get("stalled") or part.store_id in lost for part in running)
        if all(part.store_id in lost for part in running):
            ends["end_reason"] = _loss_words(running)
        return ends
    chosen = max(documents, key=lambda each: SEVERITY[RunState(each["state"])])
    ends = {name: chosen.get(name) for name in names}
    for name in ("finish_time", "finish_time_unix_ms"):
        ends[name] = max((each[name] for each in documents if each.get(name)), default=None)
    return ends

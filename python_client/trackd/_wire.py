"""Owns the protobuf encoding of the few messages that a training process writes, without importing protobuf.

Importing protobuf costs 40 to 70 ms and building a message 3 µs a call, while `import trackd` and `init()` must stay
under 60 and 10 ms; the wire format is small enough to write by hand. Field numbers are those of proto/trackd/v1; a test
parses every encoder's output with the generated classes. Format: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Leaf: TypeAlias = "float | int | bool | str | Json"

_DOUBLE = struct.Struct("<d")
_FIXED64 = struct.Struct("<q")

_COLUMN_TYPES = {"d": 1, "q": 2, "?": 3}
_SUMMARY_KINDS = {
    "min": 1, "max": 2, "mean": 3, "first": 4, "last": 5, "copy": 6, "none": 7, "best": 8,
}  # fmt: skip
SUMMARY_KINDS = frozenset(_SUMMARY_KINDS)
ROLES = {"primary": 1, "shared": 2, "helper": 3}
LATE_STEPS = {"keep": 1, "drop": 2}
GOALS = {"minimize": 1, "maximize": 2}
ALERT_LEVELS = {"INFO": 1, "WARN": 2, "ERROR": 3}


class Json(str):
    """A JSON text, to tell it from a text value."""

    __slots__ = ()


def dump_json(value: Any) -> Json:
    """Returns a value as JSON text; raises TypeError or ValueError when it cannot be."""
    return Json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> bytes:
    return _varint((value << 1) if value >= 0 else ((-value << 1) - 1))


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    # A lone surrogate cannot be UTF-8; it is written as its escape so that the value is kept.
    return _bytes(field, value.encode("utf-8", "backslashreplace"))


def _int(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value if value >= 0 else value + (1 << 64))


def _optional_text(field: int, value: str | None) -> bytes:
    return b"" if value is None else _text(field, value)


def _optional_bool(field: int, value: bool | None) -> bytes:
    return b"" if value is None else _int(field, int(value))


def value(leaf: Leaf) -> bytes:
    """Encodes a `Value`."""
    if isinstance(leaf, bool):
        return _int(3, int(leaf))
    if isinstance(leaf, float):
        return _tag(1, 1) + _DOUBLE.pack(leaf)
    if isinstance(leaf, int):
        return _tag(2, 0) + _zigzag(leaf)
    return _text(5 if isinstance(leaf, Json) else 4, leaf)


def _entries(field: int, items: Iterable[tuple[str, Leaf]]) -> bytes:
    return b"".join(_bytes(field, _text(1, key) + _bytes(2, value(leaf))) for key, leaf in items)


def record(time_unix_nanos: int, field: int, body: bytes) -> bytes:
    """Encodes a `Record` whose `kind` is the message `body` at `field`."""
    return _tag(1, 1) + _FIXED64.pack(time_unix_nanos) + _bytes(field, body)


ROW, KEY_SET, CONFIG_UPDATE, SUMMARY_UPDATE, METRIC_DEFINITION = 2, 4, 5, 6, 7
RUN_UPDATE, WRITER_FINISH, ALERT, FILE, WRITER_BEGIN = 8, 9, 11, 13, 15


def row(items: Iterable[tuple[str, Leaf]], step: int | None, commit: bool | None) -> bytes:
    """Encodes a `Row`."""
    head = b"" if step is None else _int(1, step)
    return head + _optional_bool(2, commit) + _entries(3, items)


def key_set(key_set_id: int, keys: Iterable[str], types: str) -> bytes:
    """Encodes a `KeySet`; `types` is one of `d`, `q`, `?` a key."""
    packed = bytes(_COLUMN_TYPES[code] for code in types)
    return _int(1, key_set_id) + b"".join(_text(2, key) for key in keys) + _bytes(3, packed)


def changes(set_items: Iterable[tuple[str, Leaf]], removed_keys: Iterable[str] = ()) -> bytes:
    """Encodes a `ConfigUpdate` or a `SummaryUpdate`."""
    return _entries(1, set_items) + b"".join(_text(2, key) for key in removed_keys)


def metric_definition(
    name: str,
    step_metric: str | None,
    step_sync: bool | None,
    hidden: bool | None,
    summary_kinds: Iterable[str],
    goal: str | None,
    overwrite: bool,
) -> bytes:
    """Encodes a `MetricDefinition`."""
    kinds = bytes(_SUMMARY_KINDS[kind] for kind in summary_kinds)
    return (
        _text(1, name)
        + _optional_text(2, step_metric)
        + _optional_bool(3, step_sync)
        + _optional_bool(4, hidden)
        + (_bytes(5, kinds) if kinds else b"")
        + (b"" if goal is None else _int(6, GOALS[goal]))
        + (_int(7, 1) if overwrite else b"")
    )


def run_update(
    name: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    preempting: bool | None = None,
) -> bytes:
    """Encodes a `RunUpdate`; None leaves a field as it is."""
    return (
        _optional_text(1, name)
        + _optional_text(2, notes)
        + (b"" if tags is None else _bytes(3, b"".join(_text(1, tag) for tag in tags)))
        + _optional_text(4, group)
        + _optional_text(5, job_type)
        + _optional_bool(6, preempting)
    )


def writer_begin(
    project: str,
    run_id: str,
    writer_id: str,
    role: str,
    start: bytes,
    process: Mapping[str, Any],
    late_steps: str,
    label: str,
    client: str,
    starting_step: int | None,
) -> bytes:
    """Encodes a `WriterBegin`; `start` is an encoded `RunUpdate`, `process` has pid, host, program, arguments."""
    encoded_process = (
        _int(1, process["pid"])
        + _text(2, process["host"])
        + _text(3, process["program"])
        + b"".join(_text(4, str(argument)) for argument in process["arguments"])
    )
    return (
        _bytes(1, _text(1, project) + _text(2, run_id))
        + _text(2, writer_id)
        + _int(3, ROLES[role])
        + _bytes(4, start)
        + _bytes(5, encoded_process)
        + _bytes(6, _int(1, LATE_STEPS[late_steps]))
        + _text(7, label)
        + _text(8, client)
        + (b"" if starting_step is None else _int(9, starting_step))
    )


def writer_finish(exit_code: int, traceback: str, signal: int) -> bytes:
    """Encodes a `WriterFinish`."""
    return _int(1, exit_code) + _text(2, traceback) + _int(3, signal)


def alert(title: str, text: str, level: str, wait_seconds: float) -> bytes:
    """Encodes an `Alert`."""
    return (
        _text(1, title)
        + _text(2, text)
        + _int(3, ALERT_LEVELS[level])
        + _tag(4, 1)
        + _DOUBLE.pack(wait_seconds)
    )


def file_record(path: str, content: bytes | None, local_path: str, purpose: str) -> bytes:
    """Encodes a `FileRecord`: with the content, or where that is None with the path to read it from."""
    payload = _text(2, local_path) if content is None else _bytes(1, content)
    return _text(1, path) + _bytes(2, payload) + _text(3, purpose)

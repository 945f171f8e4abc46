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

Leaf: TypeAlias = "float | int | bool | str | Json | Encoded"

_DOUBLE = struct.Struct("<d")
_FIXED64 = struct.Struct("<q")
_FIXED32 = struct.Struct("<I")

# A typed record is a dozen small messages: looking these up halves what encoding it costs.
_VARINTS = tuple(bytes((number,)) for number in range(0x80))
_LENGTH_TAGS = tuple(
    _VARINTS[field << 3 | 2] if field < 16 else bytes((field << 3 & 0x7F | 0x82, field >> 4))
    for field in range(32)
)

_COLUMN_TYPES = {"d": 1, "q": 2, "?": 3}
_SUMMARY_KINDS = {
    "min": 1, "max": 2, "mean": 3, "first": 4, "last": 5, "copy": 6, "none": 7, "best": 8,
}  # fmt: skip
SUMMARY_KINDS = frozenset(_SUMMARY_KINDS)
ROLES = {"primary": 1, "shared": 2, "helper": 3}
LATE_STEPS = {"keep": 1, "drop": 2}
CAPTURES = {"git": 1, "diff": 2, "packages": 3, "program": 4}
_CONSOLE_STREAMS = {"stdout": 1, "stderr": 2}
GOALS = {"minimize": 1, "maximize": 2}
ALERT_LEVELS = {"INFO": 1, "WARN": 2, "ERROR": 3}


class Json(str):
    """A JSON text, to tell it from a text value."""

    __slots__ = ()


class Encoded(bytes):
    """An encoded `TypedRecord`, to tell it from other bytes."""

    __slots__ = ()


def dump_json(value: Any) -> Json:
    """Returns a value as JSON text; raises TypeError or ValueError when it cannot be."""
    return Json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def double(field: int, value: float) -> bytes:
    """Encodes a double at a field."""
    return _tag(field, 1) + _DOUBLE.pack(value)


def varint(value: int) -> bytes:
    """Encodes a number of at least 0 as a varint, as packed lists hold them."""
    if value < 0x80:
        return _VARINTS[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> bytes:
    return varint((value << 1) if value >= 0 else ((-value << 1) - 1))


def _tag(field: int, wire_type: int) -> bytes:
    return varint(field << 3 | wire_type)


def message(field: int, value: bytes) -> bytes:
    """Encodes a message, bytes, or a packed list at a field."""
    return _LENGTH_TAGS[field] + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """Encodes a text at a field."""
    # A lone surrogate cannot be UTF-8; it is written as its escape so that the value is kept.
    return message(field, value.encode("utf-8", "backslashreplace"))


def integer(field: int, value: int) -> bytes:
    """Encodes an int32, int64, bool or enum at a field."""
    return _tag(field, 0) + varint(value if value >= 0 else value + (1 << 64))


def _optional_text(field: int, value: str | None) -> bytes:
    return b"" if value is None else text(field, value)


def _optional_bool(field: int, value: bool | None) -> bytes:
    return b"" if value is None else integer(field, int(value))


def value(leaf: Leaf) -> bytes:
    """Encodes a `Value`."""
    if isinstance(leaf, bool):
        return integer(3, int(leaf))
    if isinstance(leaf, float):
        return double(1, leaf)
    if isinstance(leaf, int):
        return _tag(2, 0) + _zigzag(leaf)
    if isinstance(leaf, Encoded):
        return message(6, leaf)
    return text(5 if isinstance(leaf, Json) else 4, leaf)


def _entries(field: int, items: Iterable[tuple[str, Leaf]]) -> bytes:
    return b"".join(message(field, text(1, key) + message(2, value(leaf))) for key, leaf in items)


def record(time_unix_nanos: int, field: int, body: bytes) -> bytes:
    """Encodes a `Record` whose `kind` is the message `body` at `field`."""
    return _tag(1, 1) + _FIXED64.pack(time_unix_nanos) + message(field, body)


def data_inline(data: bytes) -> bytes:
    """Encodes the data of a `Record` that stand in it."""
    return message(16, data)


def data_range(offset: int, size_bytes: int, check_sum: int) -> bytes:
    """Encodes where the data of a `Record` stand in the data file."""
    body = _tag(1, 1) + _FIXED64.pack(offset) + _tag(2, 1) + _FIXED64.pack(size_bytes)
    return message(17, body + _tag(3, 5) + _FIXED32.pack(check_sum))


ROW, KEY_SET, CONFIG_UPDATE, SUMMARY_UPDATE, METRIC_DEFINITION = 2, 4, 5, 6, 7
RUN_UPDATE, WRITER_FINISH, CONSOLE_LINES, ALERT, FILE, ENVIRONMENT, WRITER_BEGIN = 8, 9, 10, 11, 13, 14, 15


def row(items: Iterable[tuple[str, Leaf]], step: int | None, commit: bool | None) -> bytes:
    """Encodes a `Row`."""
    head = b"" if step is None else integer(1, step)
    return head + _optional_bool(2, commit) + _entries(3, items)


def key_set(key_set_id: int, keys: Iterable[str], types: str) -> bytes:
    """Encodes a `KeySet`; `types` is one of `d`, `q`, `?` a key."""
    packed = bytes(_COLUMN_TYPES[code] for code in types)
    return integer(1, key_set_id) + b"".join(text(2, key) for key in keys) + message(3, packed)


def changes(set_items: Iterable[tuple[str, Leaf]], removed_keys: Iterable[str] = ()) -> bytes:
    """Encodes a `ConfigUpdate` or a `SummaryUpdate`."""
    return _entries(1, set_items) + b"".join(text(2, key) for key in removed_keys)


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
        text(1, name)
        + _optional_text(2, step_metric)
        + _optional_bool(3, step_sync)
        + _optional_bool(4, hidden)
        + (message(5, kinds) if kinds else b"")
        + (b"" if goal is None else integer(6, GOALS[goal]))
        + (integer(7, 1) if overwrite else b"")
    )


def run_update(
    name: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    preempting: bool | None = None,
    archived: bool | None = None,
) -> bytes:
    """Encodes a `RunUpdate`; None leaves a field as it is."""
    return (
        _optional_text(1, name)
        + _optional_text(2, notes)
        + (b"" if tags is None else message(3, b"".join(text(1, tag) for tag in tags)))
        + _optional_text(4, group)
        + _optional_text(5, job_type)
        + _optional_bool(6, preempting)
        + _optional_bool(7, archived)
    )


def writer_begin(
    project: str,
    run_id: str,
    writer_id: str,
    role: str,
    start: bytes,
    process: Mapping[str, Any],
    settings: bytes,
    label: str,
    client: str,
    starting_step: int | None,
    origin: tuple[str, str, int] | None = None,
) -> bytes:
    """Encodes a `WriterBegin`.

    `start` is an encoded `RunUpdate`, `settings` an encoded `RunSettings`; `process` has pid, host, program, arguments,
    boot_id; `origin` is project, run id and last step of the history to begin with.
    """
    encoded_process = (
        integer(1, process["pid"])
        + text(2, process["host"])
        + text(3, process["program"])
        + b"".join(text(4, str(argument)) for argument in process["arguments"])
        + text(5, process["boot_id"])
    )
    encoded_origin = b""
    if origin is not None:
        project_of, run_of, last_step = origin
        encoded_origin = message(
            10, message(1, text(1, project_of) + text(2, run_of)) + integer(2, last_step)
        )
    return (
        message(1, text(1, project) + text(2, run_id))
        + text(2, writer_id)
        + integer(3, ROLES[role])
        + message(4, start)
        + message(5, encoded_process)
        + message(6, settings)
        + text(7, label)
        + text(8, client)
        + (b"" if starting_step is None else integer(9, starting_step))
        + encoded_origin
    )


def run_settings(
    late_steps: str,
    system_interval_seconds: float | None,
    stalled_after_seconds: float | None,
    captures: Iterable[str],
    alert_rules: Iterable[str],
) -> bytes:
    """Encodes a `RunSettings`; None leaves a field to the daemon's default."""
    return (
        integer(1, LATE_STEPS[late_steps])
        + (b"" if system_interval_seconds is None else double(2, system_interval_seconds))
        + (b"" if stalled_after_seconds is None else double(3, stalled_after_seconds))
        + message(4, bytes(CAPTURES[capture] for capture in captures))
        + b"".join(text(5, rule) for rule in alert_rules)
    )


def console_lines(stream: str, first_line: int, lines: Iterable[str]) -> bytes:
    """Encodes `ConsoleLines`; `stream` is "stdout" or "stderr"."""
    return (
        integer(1, _CONSOLE_STREAMS[stream])
        + integer(2, first_line)
        + b"".join(text(3, line) for line in lines)
    )


def environment(
    facts: Iterable[tuple[str, Leaf]],
    folder: str,
    program_path: str,
    interpreter: str,
    search_paths: Iterable[str],
) -> bytes:
    """Encodes an `Environment`."""
    return (
        _entries(1, facts)
        + text(2, folder)
        + text(3, program_path)
        + text(4, interpreter)
        + b"".join(text(5, path) for path in search_paths)
    )


def writer_finish(exit_code: int, traceback: str, signal: int) -> bytes:
    """Encodes a `WriterFinish`."""
    return integer(1, exit_code) + text(2, traceback) + integer(3, signal)


def alert(title: str, words: str, level: str, wait_seconds: float) -> bytes:
    """Encodes an `Alert`."""
    return text(1, title) + text(2, words) + integer(3, ALERT_LEVELS[level]) + double(4, wait_seconds)


def file_record(path: str, content: bytes | None, local_path: str, purpose: str) -> bytes:
    """Encodes a `FileRecord`: with the content, or where that is None with the path to read it from."""
    payload = text(2, local_path) if content is None else message(1, content)
    return text(1, path) + message(2, payload) + text(3, purpose)

"""Owns the turning of the contract's records into plain values, and back where the daemon writes records itself.

Invariant: this and grpc_api are the only modules that know the generated classes. A record that cannot be understood raises
`InvalidArgument` with a sentence; limits on keys and values are checked here, for every client alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError

from trackd.v1 import records_pb2, values_pb2
from trackd_service import config
from trackd_service.definitions import SUMMARY_KINDS, Definition
from trackd_service.encodings import Data, Task
from trackd_service.errors import InvalidArgument
from trackd_service.frames import FLAG_COMMIT, FLAG_HOLD, FLAG_STEP
from trackd_service.series import Int64Array
from trackd_service.streams import RESERVED_PREFIXES, system_key
from trackd_service.summary import BOOL, DOUBLE, INT64, Words

_GOALS = {0: None, 1: "minimize", 2: "maximize"}
_NO_DATA = Data()
_ROLES = {0: "primary", 1: "primary", 2: "shared", 3: "helper", 4: "observer"}
_CAPTURES = {1: "git", 2: "diff", 3: "packages", 4: "program"}
_CONSOLE_STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}
_ALERT_LEVELS = {0: "INFO", 1: "INFO", 2: "WARN", 3: "ERROR"}


class Json(str):
    """A JSON text, to tell it from a text value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The history that a run begins with: of another run, or of this one, up to a step."""

    project: str
    run_id: str
    last_step: int


@dataclass(frozen=True, slots=True)
class Watching:
    """What the daemon does by itself for a run; None means its default.

    Attributes:
        system_interval_seconds: How often the machine is sampled; 0 is never.
        stalled_after_seconds: After how long without a record the run is called stalled; 0 is never.
        captures: Of "git", "diff", "packages", "program".
        alert_rules: Rules that raise alerts.
    """

    system_interval_seconds: float | None = None
    stalled_after_seconds: float | None = None
    captures: frozenset[str] = frozenset()
    alert_rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begin:
    """Opens a writer."""

    project: str
    run_id: str
    writer_id: str
    role: str
    start: Update
    process: dict[str, Any]
    drops_late_steps: bool
    label: str
    client: str
    starting_step: int | None
    origin: Origin | None = None
    watching: Watching = field(default_factory=Watching)


@dataclass(frozen=True, slots=True)
class Update:
    """Changes what a person calls a run; None leaves a field."""

    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    preempting: bool | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True)
class KeySet:
    """Declares a key set."""

    key_set_id: int
    keys: tuple[str, ...]
    types: bytes


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows of numbers and bools of one key set; shapes as in `tail.Tail.append`."""

    keys: tuple[str, ...]
    types: bytes
    flags: Int64Array
    steps: Int64Array
    times: Int64Array
    words: Words
    texts: list[tuple[int, str, str | Task]] = field(default_factory=list)  # (row, key, text, Json or record)


@dataclass(frozen=True, slots=True)
class Changes:
    """Sets and removes entries of the config (target "config") or the summary ("summary")."""

    target: str
    values: dict[str, Any]
    removed: list[str]


@dataclass(frozen=True, slots=True)
class Define:
    """Defines a metric."""

    definition: Definition
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends a writer."""

    exit_code: int
    traceback: str
    signal: int
    reason: str = ""  # in one sentence, where the daemon found it out


@dataclass(frozen=True, slots=True)
class Alert:
    """Asks for attention."""

    title: str
    text: str
    level: str
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class File:
    """A file to keep with the run; its bytes, or where on this host they are."""

    path: str
    content: bytes | None
    local_path: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the console: `lines` have the numbers `first_line`, `first_line` + 1 and so on."""

    stream: str
    first_line: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a machine."""

    host: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of code and environment, and where the daemon may find out more."""

    facts: dict[str, Any]
    folder: str = ""
    program_path: str = ""
    interpreter: str = ""
    search_paths: tuple[str, ...] = ()


Content: TypeAlias = (
    Begin
    | Update
    | KeySet
    | Numbers
    | Changes
    | Define
    | Finish
    | Alert
    | File
    | Lines
    | Sample
    | Surroundings
)


def decode(payload: bytes, data_path: str = "") -> Content:
    """Returns what a serialised `Record` says.

    Args:
        payload: The record.
        data_path: The data file of the part of the log that it stands in; empty for a record that came by a call.

    Raises:
        InvalidArgument: the bytes are no record, or a field is out of its range.
    """
    try:
        record = records_pb2.Record.FromString(payload)
    except DecodeError:
        raise InvalidArgument("a record cannot be parsed as trackd.v1.Record", field="record") from None
    return from_message(record, data_path)


def from_message(record: records_pb2.Record, data_path: str = "") -> Content:
    """Returns what a `Record` says; raises like `decode`."""
    kind = record.WhichOneof("kind")
    if kind == "row":
        return _row(record.row, record.time_unix_nanos, _data(record, data_path))
    if kind == "row_columns":
        return _row_columns(record.row_columns, record.time_unix_nanos)
    if kind == "key_set":
        keys = tuple(check_key(key) for key in record.key_set.keys)
        types = bytes(record.key_set.types)
        if len(types) != len(keys) or not set(types) <= {DOUBLE, INT64, BOOL}:
            raise InvalidArgument(f"a key set of {len(keys)} keys has the types {list(types)}", field="types")
        return KeySet(record.key_set.key_set_id, keys, types)
    if kind in ("config_update", "summary_update"):
        return changes(kind.removesuffix("_update"), getattr(record, kind), _data(record, data_path))
    if kind == "metric_definition":
        return _definition(record.metric_definition)
    if kind == "run_update":
        return update(record.run_update)
    if kind == "writer_finish":
        finish = record.writer_finish
        return Finish(finish.exit_code, finish.traceback, finish.signal)
    if kind == "alert":
        alert = record.alert
        return Alert(alert.title, alert.text, _ALERT_LEVELS.get(alert.level, "INFO"), alert.wait_seconds)
    if kind == "file":
        return _file(record.file)
    if kind == "writer_begin":
        return begin(record.writer_begin)
    if kind == "console_lines":
        lines = record.console_lines
        if lines.first_line < 0:
            raise InvalidArgument(f"first_line is {lines.first_line}; lines count from 0", field="first_line")
        texts = [_check_text(text) for text in lines.lines]
        return Lines(_CONSOLE_STREAMS.get(lines.stream, "stdout"), lines.first_line, texts)
    if kind == "system_sample":
        sample = record.system_sample
        host = check_name("host", sample.host, "/")
        return Sample(
            host,
            {name: value for name, value in sample.values.items() if check_key(system_key(host, name), ())},
        )
    if kind == "environment":
        return _surroundings(record.environment)
    raise InvalidArgument("a record says nothing: its kind is not set", field="kind")


def _surroundings(message: records_pb2.Environment) -> Surroundings:
    return Surroundings(
        {check_key(entry.key): plain_value(entry.value) for entry in message.facts},
        message.folder,
        message.program_path,
        message.interpreter,
        tuple(message.search_paths),
    )


def sample_record(time: int, host: str, values: Mapping[str, float]) -> bytes:
    """Returns the serialised `Record` of one sample of a machine; `time` in nanoseconds."""
    return records_pb2.Record(
        time_unix_nanos=time, system_sample=records_pb2.SystemSample(host=host, values=values)
    ).SerializeToString()


def environment_record(time: int, facts: Mapping[str, Any]) -> bytes:
    """Returns the serialised `Record` of facts about code and environment; `time` in nanoseconds."""
    entries = [values_pb2.Entry(key=key, value=to_value(content)) for key, content in facts.items()]
    return records_pb2.Record(
        time_unix_nanos=time, environment=records_pb2.Environment(facts=entries)
    ).SerializeToString()


def file_record(time: int, path: str, content: bytes, purpose: str) -> bytes:
    """Returns the serialised `Record` of a file to keep with the run; `time` in nanoseconds."""
    return records_pb2.Record(
        time_unix_nanos=time,
        file=records_pb2.FileRecord(path=path, content=values_pb2.Payload(inline=content), purpose=purpose),
    ).SerializeToString()


def alert_record(time: int, title: str, text: str, level: str) -> bytes:
    """Returns the serialised `Record` of an alert; `time` in nanoseconds."""
    return records_pb2.Record(
        time_unix_nanos=time,
        alert=records_pb2.Alert(title=title, text=text, level=f"ALERT_LEVEL_{level}"),
    ).SerializeToString()


def observer_begin(project: str, run_id: str, writer_id: str, host: str, client: str) -> tuple[Begin, bytes]:
    """Returns how the daemon itself opens a run, and the serialised record that says so."""
    message = records_pb2.WriterBegin(
        run=records_pb2.RunIdentity(project=project, run_id=run_id),
        writer_id=writer_id,
        role=records_pb2.WRITER_ROLE_OBSERVER,
        process=records_pb2.Process(host=host),
        client=client,
    )
    return begin(message), records_pb2.Record(writer_begin=message).SerializeToString()


def _data(record: records_pb2.Record, data_path: str) -> Data:
    """Returns where the data of a record are."""
    if record.WhichOneof("data") == "data_range":
        if not data_path:
            raise InvalidArgument(
                "a record sent by a call names a data file: its data stand in data_inline", field="data_range"
            )
        place = record.data_range
        return Data(
            path=data_path, offset=place.offset, size_bytes=place.size_bytes, check_sum=place.check_sum
        )
    return Data(inline=record.data_inline)


def begin(message: records_pb2.WriterBegin) -> Begin:
    """Returns how a writer opens a run; raises InvalidArgument for names that cannot be."""
    process = message.process
    if not message.writer_id.isalnum() or len(message.writer_id) > config.NAME_CHARACTERS_MAX:
        raise InvalidArgument(
            f"writer_id is {message.writer_id[:40]!r}, {len(message.writer_id)} characters; it must be letters and "
            f"digits, at most {config.NAME_CHARACTERS_MAX}",
            field="writer_id",
            limit=config.NAME_CHARACTERS_MAX,
        )
    return Begin(
        check_name("project", message.run.project, "/\\#?%:"),
        check_name("run_id", message.run.run_id, "/\\#?%:;,"),
        message.writer_id,
        _ROLES.get(message.role, "primary"),
        update(message.start),
        {
            "pid": process.pid,
            "host": process.host,
            "program": process.program,
            "arguments": list(process.arguments),
            "boot_id": process.boot_id,
        },
        message.settings.late_steps == records_pb2.LATE_STEPS_DROP,
        message.label,
        message.client,
        message.starting_step if message.HasField("starting_step") else None,
        _origin(message.origin) if message.HasField("origin") else None,
        _watching(message.settings),
    )


def _origin(message: records_pb2.Origin) -> Origin:
    return Origin(
        check_name("project", message.run.project, "/\\#?%:"),
        check_name("run_id", message.run.run_id, "/\\#?%:;,"),
        _check_step(message.last_step),
    )


def _watching(message: records_pb2.RunSettings) -> Watching:
    def optional(name: str) -> float | None:
        return getattr(message, name) if message.HasField(name) else None

    return Watching(
        optional("system_interval_seconds"),
        optional("stalled_after_seconds"),
        frozenset(_CAPTURES[number] for number in message.captures if number in _CAPTURES),
        tuple(message.alert_rules),
    )


def changes(
    target: str, message: records_pb2.ConfigUpdate | records_pb2.SummaryUpdate, data: Data = _NO_DATA
) -> Changes:
    """Returns changes of "config" or "summary"; raises InvalidArgument for a key or a value that cannot be."""
    values = {check_key(entry.key): plain_value(entry.value, data) for entry in message.set}
    if target == "config" and any(isinstance(content, Task) for content in values.values()):
        raise InvalidArgument(
            "a typed record cannot stand in the config: log it, or set it in the summary", field="set"
        )
    return Changes(target, values, list(message.removed_keys))


def update(message: records_pb2.RunUpdate) -> Update:
    """Returns a change of what a person calls a run."""

    def optional(name: str) -> Any:
        return getattr(message, name) if message.HasField(name) else None

    return Update(
        optional("name"),
        optional("notes"),
        list(dict.fromkeys(message.tags.tags)) if message.HasField("tags") else None,
        optional("group"),
        optional("job_type"),
        optional("preempting"),
        optional("archived"),
    )


def check_call(record: records_pb2.Record) -> None:
    """Refuses what a client is told at once when it calls, and what stands in logs alone; raises InvalidArgument."""
    kind = record.WhichOneof("kind")
    if kind in ("writer_begin", "key_set"):
        raise InvalidArgument(
            f"a record is a {kind}, which stands in logs alone: open a writer by CreateRun", field=kind
        )
    if kind == "run_update":
        check_tags(record.run_update)
    elif kind == "alert" and not (record.alert.title and record.alert.title.isprintable()):
        raise InvalidArgument(
            f"title of the alert is {record.alert.title[:40]!r}; it is one line of text", field="title"
        )


def check_tags(message: records_pb2.RunUpdate) -> None:
    """Refuses tags that cannot be; raises InvalidArgument."""
    check_tag_texts(message.tags.tags)


def check_tag_texts(tags: Iterable[str]) -> None:
    """Refuses tags that cannot be; raises InvalidArgument."""
    for tag in tags:
        if not 1 <= len(tag) <= config.TAG_CHARACTERS_MAX:
            raise InvalidArgument(
                f"tag is {tag[:40]!r}, {len(tag)} characters; it can be 1 to {config.TAG_CHARACTERS_MAX}",
                field="tags",
                limit=config.TAG_CHARACTERS_MAX,
            )


def check_name(field_name: str, name: str, forbidden: str) -> str:
    """Returns a project's name or a run's id; raises InvalidArgument when it cannot be one."""
    if not 1 <= len(name) <= config.NAME_CHARACTERS_MAX:
        raise InvalidArgument(
            f"{field_name} is {len(name)} characters; it can be 1 to {config.NAME_CHARACTERS_MAX}",
            field=field_name,
            limit=config.NAME_CHARACTERS_MAX,
        )
    for character in name:
        if character in forbidden or not character.isprintable():
            raise InvalidArgument(f"{field_name} is {name!r}; it cannot hold {character!r}", field=field_name)
    return name


def check_key(key: str, reserved: tuple[str, ...] = RESERVED_PREFIXES) -> str:
    """Returns a metric's name; raises InvalidArgument when it cannot be one."""
    if key.startswith(reserved):
        raise InvalidArgument(
            f"metric key is {key[:40]!r}; names that begin with {' or '.join(reserved)} are trackd's own",
            field="key",
        )
    size_bytes = len(key.encode())
    if not 1 <= size_bytes <= config.KEY_BYTES_MAX:
        raise InvalidArgument(
            f"metric key is {size_bytes} bytes; the limit is {config.KEY_BYTES_MAX}: shorten {key[:24]!r}…",
            field="key",
            limit=config.KEY_BYTES_MAX,
        )
    return key


def value(message: values_pb2.Value, data: Data = _NO_DATA) -> Any:
    """Returns a value as float, int, bool, str or Json; a typed record as the task of encoding it from `data`."""
    kind = message.WhichOneof("kind")
    if kind is None:
        raise InvalidArgument("a value has no kind", field="value")
    content = getattr(message, kind)
    if kind == "int_value" and not -(1 << 63) <= content < 1 << 63:
        return float(content)
    if kind == "json_value":
        _parse_json(content)  # what is no JSON would fail every reader
        content = Json(content)
    elif kind == "record_value":
        return Task(_record_kind(content), content.SerializeToString(), data)
    return _check_text(content) if isinstance(content, str) else content


def _record_kind(message: values_pb2.TypedRecord) -> str:
    """Returns the kind of a typed record, or of the records of a list; raises InvalidArgument when it has none."""
    kind = message.WhichOneof("kind")
    if kind == "list":
        kinds = {_record_kind(each) for each in message.list.records if each.WhichOneof("kind") != "list"}
        if len(kinds) != 1 or len(message.list.records) > config.LIST_RECORDS_MAX:
            raise InvalidArgument(
                f"a list of {len(message.list.records)} records has the kinds {sorted(kinds)}; it has 1 to "
                f"{config.LIST_RECORDS_MAX} records of one kind",
                field="list",
                limit=config.LIST_RECORDS_MAX,
            )
        return kinds.pop()
    if kind is None:
        raise InvalidArgument("a typed record has no kind", field="record_value")
    return str(kind)


def _check_text(text: str) -> str:
    if len(text) > config.TEXT_BYTES_MAX // 4 and len(text.encode()) > config.TEXT_BYTES_MAX:
        raise InvalidArgument(
            f"a text is {len(text.encode())} bytes; the limit is {config.TEXT_BYTES_MAX}",
            field="value",
            limit=config.TEXT_BYTES_MAX,
        )
    return text


def plain_value(message: values_pb2.Value, data: Data = _NO_DATA) -> Any:
    """Returns a value with its JSON parsed, for config and summary."""
    content = value(message, data)
    return _parse_json(content) if isinstance(content, Json) else content


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgument("a json_value is not JSON, or is nested too deep", field="json_value") from None


def to_value(content: Any) -> values_pb2.Value:
    """Returns a plain value as a message."""
    if isinstance(content, bool):
        return values_pb2.Value(bool_value=content)
    if isinstance(content, float):
        return values_pb2.Value(double_value=content)
    if isinstance(content, int):
        if -(1 << 63) <= content < 1 << 63:
            return values_pb2.Value(int_value=content)
        return values_pb2.Value(double_value=float(content))
    if isinstance(content, str) and not isinstance(content, Json):
        return values_pb2.Value(string_value=content)
    text = content if isinstance(content, Json) else json.dumps(content, ensure_ascii=False)
    return values_pb2.Value(json_value=text)


def _file(message: records_pb2.FileRecord) -> File:
    path = message.path
    parts = path.split("/")
    if (
        len(path.encode()) > config.PATH_BYTES_MAX
        or any(part in ("", ".", "..") for part in parts)
        or "\0" in path
    ):
        raise InvalidArgument(
            f"file path is {path[:60]!r}; it must be relative, without .., of at most {config.PATH_BYTES_MAX} bytes",
            field="path",
            limit=config.PATH_BYTES_MAX,
        )
    source = message.content.WhichOneof("source")
    if source not in ("inline", "local_path"):
        raise InvalidArgument(f"file {path[:60]!r} has no content", field="content")
    content = message.content.inline if source == "inline" else None
    return File(path, content, message.content.local_path, message.purpose)


def _definition(message: records_pb2.MetricDefinition) -> Define:
    name = check_key(message.name)
    if "*" in name[:-1]:
        raise InvalidArgument(f"metric name is {name!r}; a glob can only end in *", field="name")
    kinds = []
    for kind in message.summary_kinds:
        if not 1 <= kind <= len(SUMMARY_KINDS):
            raise InvalidArgument(f"summary kind {kind} is not known", field="summary_kinds")
        kinds.append(SUMMARY_KINDS[kind - 1])
    return Define(
        Definition(
            name,
            message.step_metric or None,
            message.step_sync if message.HasField("step_sync") else None,
            message.hidden if message.HasField("hidden") else None,
            tuple(dict.fromkeys(kinds)),
            _GOALS.get(message.goal),
        ),
        message.overwrite,
    )


def _flags(has_step: bool, message: Any) -> int:
    flags = FLAG_STEP if has_step else 0
    if message.HasField("commit"):
        flags |= FLAG_COMMIT if message.commit else FLAG_HOLD
    return flags


def _check_step(step: int) -> int:
    if step < 0:
        raise InvalidArgument(f"step is {step}; the smallest is 0", field="step", limit=0)
    return step


def _row(row: records_pb2.Row, time: int, data: Data) -> Numbers:
    keys: dict[str, Any] = {}
    for entry in row.values:
        keys[check_key(entry.key)] = value(entry.value, data)
    numbers = {key: content for key, content in keys.items() if not isinstance(content, str | Task)}
    types = bytes(
        BOOL if isinstance(content, bool) else DOUBLE if isinstance(content, float) else INT64
        for content in numbers.values()
    )
    words = np.empty((1, len(numbers)), np.uint64)
    for position, content in enumerate(numbers.values()):
        if isinstance(content, float):
            words[0, position : position + 1].view(np.float64)[0] = content
        else:
            words[0, position : position + 1].view(np.int64)[0] = content
    return Numbers(
        tuple(numbers),
        types,
        np.array([_flags(row.HasField("step"), row)], np.int64),
        np.array([_check_step(row.step)], np.int64),
        np.array([time], np.int64),
        words,
        [(0, key, content) for key, content in keys.items() if isinstance(content, str | Task)],
    )


def _row_columns(message: records_pb2.RowColumns, time: int) -> Numbers:
    columns: list[tuple[str, int, Words]] = []
    texts: list[tuple[int, str, str | Task]] = []
    lengths: dict[str, int] = {}
    for column in message.columns:
        key = check_key(column.key)
        if key in lengths:
            raise InvalidArgument("a key stands twice among the columns", field="columns")
        kind = column.WhichOneof("values")
        if kind in ("doubles", "ints"):
            data = getattr(column, kind)
            if len(data) % 8:
                raise InvalidArgument(
                    f"column {key!r} has {len(data)} bytes, which is no multiple of 8", field="columns"
                )
            columns.append((key, DOUBLE if kind == "doubles" else INT64, np.frombuffer(data, np.uint64)))
            lengths[key] = len(data) // 8
        elif kind == "bools":
            values = np.array(column.bools.values, np.uint64)
            columns.append((key, BOOL, values))
            lengths[key] = len(values)
        elif kind == "strings":
            lengths[key] = len(column.strings.values)
            texts += [(row, key, _check_text(text)) for row, text in enumerate(column.strings.values)]
        else:
            raise InvalidArgument(f"column {key!r} has no values", field="columns")
    if message.steps:
        lengths["the steps"] = len(message.steps)
    if message.times_unix_nanos:
        lengths["the times"] = len(message.times_unix_nanos)
    if len(set(lengths.values())) > 1:
        raise InvalidArgument(f"the columns have different lengths: {lengths}", field="columns")
    count = next(iter(lengths.values()), 0)
    steps = np.array(message.steps or np.zeros(count), np.int64)
    if count and steps.min() < 0:
        _check_step(int(steps.min()))
    flags = _flags(bool(message.steps), message)
    return Numbers(
        tuple(key for key, _, _ in columns),
        bytes(kind for _, kind, _ in columns),
        np.full(count, flags, np.int64),
        steps,
        np.array(message.times_unix_nanos, np.int64)
        if message.times_unix_nanos
        else np.full(count, time, np.int64),
        np.stack([words for _, _, words in columns], axis=1) if columns else np.empty((count, 0), np.uint64),
        texts,
    )

"""Owns the golden messages: what a client of protocol version 1 has put on the wire, byte for byte, and what became of it.

A folder below `golden/` is one conversation with a daemon, in the order of its numbers: `NN_METHOD.bin` is a request as it
was sent, `NN_METHOD.json` the same for a reader, `NN_METHOD.answer.json` what must be in the answer, or in the error.
Invariant: what was released is never written again, so that later daemons still understand it: see `write_v1`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from trackd.v1 import ingest_service_pb2, records_pb2, run_service_pb2, values_pb2

FOLDER = Path(__file__).parent / "golden"
METHODS: dict[str, tuple[str, Any, Any]] = {
    "CreateRun": (
        "trackd.v1.RunService",
        run_service_pb2.CreateRunRequest,
        run_service_pb2.CreateRunResponse,
    ),
    "Append": (
        "trackd.v1.IngestService",
        ingest_service_pb2.AppendRequest,
        ingest_service_pb2.AppendResponse,
    ),
    "FinishRun": (
        "trackd.v1.RunService",
        run_service_pb2.FinishRunRequest,
        run_service_pb2.FinishRunResponse,
    ),
}
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Message:
    """One request, and what must be answered."""

    name: str
    method: str
    data: bytes
    text: dict[str, Any]
    answer: dict[str, Any]


def load(version: str) -> list[Message]:
    """Returns the messages of a folder in their order."""
    return [
        Message(
            path.stem,
            path.stem.partition("_")[2],
            path.read_bytes(),
            json.loads(path.with_suffix(".json").read_text("utf-8")),
            json.loads(path.with_suffix(".answer.json").read_text("utf-8")),
        )
        for path in sorted((FOLDER / version).glob("*.bin"))
    ]


def send(message: Message, channel: grpc.Channel, token: str) -> dict[str, Any]:
    """Sends a request as it is; returns the answer as JSON has it, or `error` with status, reason and metadata."""
    service, _, answer_class = METHODS[message.method]
    call: Any = channel.unary_unary(
        f"/{service}/{message.method}", response_deserializer=answer_class.FromString
    )
    try:
        answer = call(
            message.data, metadata=(("authorization", f"Bearer {token}"),), timeout=_TIMEOUT_SECONDS
        )
    except grpc.RpcError as error:
        info = error_details_pb2.ErrorInfo()
        status = rpc_status.from_call(cast(grpc.Call, error))
        for detail in status.details if status is not None else ():
            detail.Unpack(info)
        return {
            "error": {
                "status": error.code().name,
                "domain": info.domain,
                "reason": info.reason,
                "metadata": dict(info.metadata),
            }
        }
    return _as_json(answer)


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Returns where an answer lacks what is expected; it may hold more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            each
            for key, value in expected.items()
            for each in differences(value, found.get(key), f"{path}.{key}")
        ]
    return [] if expected == found else [f"{path[1:]} is {found!r}; {expected!r} was expected"]


def _as_json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def write_v1() -> None:
    """Writes the conversation of version 1; only while nothing of it is released."""
    folder = FOLDER / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (method, request, answer) in enumerate(_conversation(), 1):
        name = f"{number:02}_{method}"
        (folder / f"{name}.bin").write_bytes(request.SerializeToString(deterministic=True))
        for suffix, content in (("json", _as_json(request)), ("answer.json", answer)):
            text = json.dumps(content, indent=2, ensure_ascii=False)
            (folder / f"{name}.{suffix}").write_text(text + "\n", "utf-8")


def _conversation() -> list[tuple[str, Any, dict[str, Any]]]:
    run = records_pb2.RunIdentity(project="conformance", run_id="golden")
    writer_id = "0123456789abcdef0123456789abcdef"
    clock = iter(range(1_790_000_000_000_000_000, 1 << 63, 1_000_000))

    def record(data_inline: bytes | None = None, **kind: Any) -> Any:
        made = records_pb2.Record(time_unix_nanos=next(clock), **kind)
        if data_inline is not None:
            made.data_inline = data_inline
        return made

    def value(**kind: Any) -> Any:
        return values_pb2.Value(**kind)

    def entry(key: str, **kind: Any) -> Any:
        return values_pb2.Entry(key=key, value=value(**kind))

    def array(dtype: str, shape: list[int], offset: int, size_bytes: int) -> Any:
        data = values_pb2.Payload(range=values_pb2.ByteRange(offset=offset, size_bytes=size_bytes))
        return values_pb2.Array(dtype=dtype, shape=shape, data=data)

    def append(first_sequence: int, *records: Any) -> Any:
        batch = ingest_service_pb2.RecordBatch(first_sequence=first_sequence, records=records)
        return ingest_service_pb2.AppendRequest(run=run, writer_id=writer_id, batch=batch)

    create = run_service_pb2.CreateRunRequest(
        begin=records_pb2.WriterBegin(
            run=run,
            writer_id=writer_id,
            role=records_pb2.WRITER_ROLE_PRIMARY,
            start=records_pb2.RunUpdate(
                name="golden",
                notes="Größe 🌍",
                tags=records_pb2.TagList(tags=["a", "b"]),
                group="g",
                job_type="train",
            ),
            process=records_pb2.Process(pid=4711, host="far-away", program="golden"),
            settings=records_pb2.RunSettings(late_steps=records_pb2.LATE_STEPS_KEEP, stalled_after_seconds=0),
            label="rank 0",
            client="golden 1",
        )
    )
    metric = records_pb2.MetricDefinition(
        name="loss",
        step_metric="epoch",
        summary_kinds=[records_pb2.SUMMARY_KIND_MIN, records_pb2.SUMMARY_KIND_LAST],
        goal=records_pb2.GOAL_MINIMIZE,
    )
    config = [
        entry("lr", double_value=0.001),
        entry("layers", json_value="[64, 32]"),
        entry("seed", int_value=-1),
    ]
    row = [
        entry("loss", double_value=0.5),
        entry("epoch", int_value=1),
        entry("delta", int_value=-(1 << 63)),
        entry("is_best", bool_value=True),
        entry("phase", string_value="warm up"),
        entry("mixed", json_value='[1, null, "x", NaN]'),
    ]
    columns = records_pb2.RowColumns(
        steps=[5, 6, 9],
        times_unix_nanos=[next(clock), next(clock), next(clock)],
        columns=[
            records_pb2.Column(key="loss", doubles=_pack("<3d", 0.25, float("nan"), 0.125)),
            records_pb2.Column(key="epoch", ints=_pack("<3q", 2, 3, 1 << 62)),
            records_pb2.Column(key="is_best", bools=records_pb2.BoolColumn(values=[True, False, True])),
            records_pb2.Column(key="phase", strings=records_pb2.StringColumn(values=["a", "", "c"])),
        ],
    )
    first = append(
        1,
        record(config_update=records_pb2.ConfigUpdate(set=config)),
        record(metric_definition=metric),
        record(row=records_pb2.Row(values=row)),
        record(row_columns=columns),
        record(row=records_pb2.Row(step=9, commit=True, values=[entry("late", double_value=1.0)])),
    )
    image = values_pb2.Image(raw=array("|u1", [2, 2, 3], 0, 12), caption="four pixels")
    histogram = values_pb2.Histogram(raw=array("<f8", [4], 16, 32), bin_count=4)
    table = values_pb2.Table(
        row_count=2,
        columns=[
            values_pb2.TableColumn(name="n", numbers=array("<i8", [2], 48, 16)),
            values_pb2.TableColumn(
                name="word",
                texts=values_pb2.TextColumn(
                    data=values_pb2.Payload(range=values_pb2.ByteRange(offset=64, size_bytes=6)),
                    sizes_bytes=array("<i8", [2], 72, 16),
                ),
            ),
        ],
    )
    points = values_pb2.Object3D(scene=values_pb2.Scene3D(points=array("<f4", [2, 3], 88, 24)))
    data = (
        bytes(range(12)) + bytes(4) + _pack("<4d", 0, 1, 1, 4) + _pack("<2q", 1, 2) + b"onetwo" + bytes(2)
        + _pack("<2q", 3, 3) + _pack("<6f", 0, 0.5, 1, -1, 2, 3.25)
    )  # fmt: skip
    second = append(
        6,
        record(
            data,
            row=records_pb2.Row(
                values=[
                    entry("picture", record_value=values_pb2.TypedRecord(image=image)),
                    entry("spread", record_value=values_pb2.TypedRecord(histogram=histogram)),
                    entry("words", record_value=values_pb2.TypedRecord(table=table)),
                    entry("cloud", record_value=values_pb2.TypedRecord(object_3d=points)),
                ]
            ),
        ),
        record(summary_update=records_pb2.SummaryUpdate(set=[entry("best", int_value=2)])),
        record(alert=records_pb2.Alert(title="look", text="9.5", level=records_pb2.ALERT_LEVEL_WARN)),
        record(
            console_lines=records_pb2.ConsoleLines(
                stream=records_pb2.CONSOLE_STREAM_STDERR, first_line=0, lines=["one", "two"]
            )
        ),
        record(run_update=records_pb2.RunUpdate(name="renamed")),
    )
    finish = run_service_pb2.FinishRunRequest(
        run=run,
        writer_id=writer_id,
        sequence=11,
        finish=records_pb2.WriterFinish(exit_code=3, traceback="gave up"),
    )
    gap = {
        "error": {
            "status": "OUT_OF_RANGE",
            "domain": "trackd",
            "reason": "SEQUENCE_GAP",
            "metadata": {"acknowledged_sequence": "10"},
        }
    }
    return [
        ("CreateRun", create, {"created": True, "run": {"name": "golden", "state": "RUN_STATE_RUNNING"}}),
        ("Append", first, {"acknowledged_sequence": "5", "next_step": "10"}),
        ("Append", first, {"acknowledged_sequence": "5", "next_step": "10"}),  # sent again: nothing changes
        ("Append", second, {"acknowledged_sequence": "10", "next_step": "11"}),
        ("Append", append(12, record(row=records_pb2.Row(values=[entry("lost", double_value=1.0)]))), gap),
        ("FinishRun", finish, {"run": {"name": "renamed", "state": "RUN_STATE_FAILED", "exit_code": 3}}),
        ("FinishRun", finish, {"run": {"name": "renamed", "state": "RUN_STATE_FAILED", "exit_code": 3}}),
    ]


def _pack(layout: str, *numbers: float) -> bytes:
    import struct

    return struct.pack(layout, *numbers)


if __name__ == "__main__":
    write_v1()

"""The contract without our client: raw gRPC calls, in order, twice, with gaps, malformed, and without the token."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, cast

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from tests.service.reading import Metadata, connection, get_daemon, get_run, rows, series, state, summary

import trackd
from trackd.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    values_pb2,
)

Record = records_pb2.Record


class Client:
    """A client of another language, in the fewest words."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata, run_id: str, project: str = "raw") -> None:
        self.runs = run_service_pb2_grpc.RunServiceStub(channel)
        self.ingest = ingest_service_pb2_grpc.IngestServiceStub(channel)
        self.metadata = metadata
        self.run = records_pb2.RunIdentity(project=project, run_id=run_id)
        self.writer_id = uuid.uuid4().hex

    def begin(self, **fields: Any) -> records_pb2.WriterBegin:
        return records_pb2.WriterBegin(**{"run": self.run, "writer_id": self.writer_id, **fields})

    def create(self, **fields: Any) -> run_service_pb2.CreateRunResponse:
        request = run_service_pb2.CreateRunRequest(begin=self.begin(**fields))
        answer: run_service_pb2.CreateRunResponse = self.runs.CreateRun(
            request, metadata=self.metadata, timeout=60
        )
        return answer

    def append(self, first_sequence: int, *records: Record) -> ingest_service_pb2.AppendResponse:
        batch = ingest_service_pb2.RecordBatch(first_sequence=first_sequence, records=records)
        request = ingest_service_pb2.AppendRequest(run=self.run, writer_id=self.writer_id, batch=batch)
        answer: ingest_service_pb2.AppendResponse = self.ingest.Append(
            request, metadata=self.metadata, timeout=60
        )
        return answer

    def finish(self, sequence: int, **fields: Any) -> run_service_pb2.FinishRunResponse:
        request = run_service_pb2.FinishRunRequest(
            run=self.run,
            writer_id=self.writer_id,
            sequence=sequence,
            finish=records_pb2.WriterFinish(**fields),
        )
        answer: run_service_pb2.FinishRunResponse = self.runs.FinishRun(
            request, metadata=self.metadata, timeout=60
        )
        return answer


@pytest.fixture
def channel(module_store: Any) -> Iterator[tuple[grpc.Channel, Metadata]]:
    trackd.init(project="starts-the-daemon", settings={"store": str(module_store)}).finish()
    with connection() as opened:
        yield opened


@pytest.fixture
def client(channel: tuple[grpc.Channel, Metadata], request: pytest.FixtureRequest) -> Client:
    return Client(*channel, run_id=f"run-{abs(hash(request.node.nodeid)) % 10**10}")


def value(content: Any) -> values_pb2.Value:
    if isinstance(content, bool):
        return values_pb2.Value(bool_value=content)
    if isinstance(content, int):
        return values_pb2.Value(int_value=content)
    if isinstance(content, float):
        return values_pb2.Value(double_value=content)
    return values_pb2.Value(string_value=content)


def row(step: int | None = None, **values: Any) -> Record:
    entries = [values_pb2.Entry(key=key, value=value(content)) for key, content in values.items()]
    return Record(time_unix_nanos=1, row=records_pb2.Row(step=step, values=entries))


def refused(call: Any, code: grpc.StatusCode, reason: str) -> tuple[str, dict[str, str]]:
    """Checks that a call is refused with a reason; returns the sentence and the metadata."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code
    status = rpc_status.from_call(caught.value)  # type: ignore[arg-type]  # what a failed call raises is the call
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("trackd", reason)
    return status.message, dict(info.metadata)


def test_a_run_of_another_language_from_begin_to_end(client: Client) -> None:
    created = client.create(
        start=records_pb2.RunUpdate(name="raw run", tags=records_pb2.TagList(tags=["t"])),
        client="test 1",
        starting_step=5,
    )
    assert created.created
    assert created.run.name == "raw run"
    answer = client.append(1, row(a=1, b=0.5, t="x", f=True), row(a=2))
    assert (answer.acknowledged_sequence, answer.next_step) == (2, 7)
    client.append(
        3,
        Record(config_update=records_pb2.ConfigUpdate(set=[values_pb2.Entry(key="lr", value=value(0.1))])),
        Record(summary_update=records_pb2.SummaryUpdate(set=[values_pb2.Entry(key="best", value=value(9))])),
        Record(
            metric_definition=records_pb2.MetricDefinition(
                name="a", summary_kinds=["SUMMARY_KIND_MIN", "SUMMARY_KIND_MAX"]
            )
        ),
    )
    finished = client.finish(6)
    assert finished.run.exit_code == 0
    run_id = client.run.run_id
    assert rows(run_id) == [(5, {"a": 1, "b": 0.5, "t": "x", "f": True}), (6, {"a": 2})]
    assert summary(run_id) == {"a.min": 1, "a.max": 2, "b": 0.5, "t": "x", "f": True, "best": 9}
    assert state(run_id) == "finished"
    assert client.finish(6).run.exit_code == 0
    assert not client.create().created


def test_append_same_sequence_twice_stores_once(client: Client) -> None:
    client.create()
    batch = [row(a=1), row(a=2), row(a=3)]
    assert client.append(1, *batch).acknowledged_sequence == 3
    assert client.append(1, *batch).acknowledged_sequence == 3
    assert client.append(2, *batch[1:], row(a=4)).acknowledged_sequence == 4
    assert client.append(1).acknowledged_sequence == 4
    assert [values["a"] for _, values in rows(client.run.run_id)] == [1, 2, 3, 4]
    assert get_run(client.run.run_id).ingest_health.accepted_row_count == 4


def test_a_gap_is_refused_with_the_sequence_to_send_again_from(client: Client) -> None:
    client.create()
    client.append(1, row(a=1))
    sentence, metadata = refused(
        lambda: client.append(5, row(a=5)), grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_GAP"
    )
    assert sentence == "the batch begins at sequence 5; the next one is 2: send again from there"
    assert metadata["acknowledged_sequence"] == "1"
    assert client.append(2, row(a=2)).acknowledged_sequence == 2


def test_rows_as_columns(client: Client) -> None:
    client.create()
    exact = np.array([2**53 + 1, -(2**63), 2**63 - 1], "<i8")
    columns = [
        records_pb2.Column(key="d", doubles=np.array([0.5, np.inf, 1e-300], "<f8").tobytes()),
        records_pb2.Column(key="i", ints=exact.tobytes()),
        records_pb2.Column(key="b", bools=records_pb2.BoolColumn(values=[True, False, True])),
        records_pb2.Column(key="s", strings=records_pb2.StringColumn(values=["x", "", "ü"])),
    ]
    client.append(1, Record(time_unix_nanos=7, row_columns=records_pb2.RowColumns(columns=columns)))
    stepped = records_pb2.RowColumns(steps=[20, 10, 20], columns=columns[:1])
    assert client.append(2, Record(time_unix_nanos=7, row_columns=stepped)).next_step == 20
    assert series(client.run.run_id) == {
        ("b", "bool"): [(0, True), (1, False), (2, True)],
        ("d", "number"): [(0, 0.5), (1, np.inf), (2, 1e-300), (10, np.inf), (20, 1e-300)],
        ("i", "number"): list(enumerate(exact.tolist())),
        ("s", "string"): [(0, "x"), (1, ""), (2, "ü")],
    }


BAD: dict[str, tuple[Record, str]] = {
    "no kind": (Record(), "its kind is not set"),
    "value without a kind": (
        Record(row=records_pb2.Row(values=[values_pb2.Entry(key="a")])),
        "a value has no kind",
    ),
    "empty key": (row(None, **{"": 1}), "metric key is 0 bytes; the limit is 512"),
    "long key": (row(None, **{"x" * 513: 1}), "metric key is 513 bytes; the limit is 512: shorten"),
    "negative step": (row(step=-1, a=1), "step is -1; the smallest is 0"),
    "long text": (row(a="x" * ((1 << 20) + 1)), "a text is 1048577 bytes; the limit is 1048576"),
    "glob in the middle": (
        Record(metric_definition=records_pb2.MetricDefinition(name="a*b")),
        "a glob can only end in *",
    ),
    "unknown summary kind": (
        Record(
            metric_definition=records_pb2.MetricDefinition(
                name="a", summary_kinds=[cast("records_pb2.SummaryKind", 99)]
            )
        ),
        "summary kind 99 is not known",
    ),
    "columns of two lengths": (
        Record(
            row_columns=records_pb2.RowColumns(
                columns=[
                    records_pb2.Column(key="a", doubles=b"\0" * 8),
                    records_pb2.Column(key="b", doubles=b"\0" * 16),
                ]
            )
        ),
        "the columns have different lengths",
    ),
    "half a number": (
        Record(row_columns=records_pb2.RowColumns(columns=[records_pb2.Column(key="a", doubles=b"\0" * 7)])),
        "has 7 bytes, which is no multiple of 8",
    ),
    "a column twice": (
        Record(row_columns=records_pb2.RowColumns(columns=[records_pb2.Column(key="a", ints=b"\0" * 8)] * 2)),
        "a key stands twice",
    ),
    "texts twice": (
        Record(
            row_columns=records_pb2.RowColumns(
                columns=[records_pb2.Column(key="a", strings=records_pb2.StringColumn(values=["x"]))] * 2
            )
        ),
        "a key stands twice",
    ),
    "a column of long texts": (
        Record(
            row_columns=records_pb2.RowColumns(
                columns=[
                    records_pb2.Column(
                        key="a", strings=records_pb2.StringColumn(values=["x" * ((1 << 20) + 1)])
                    )
                ]
            )
        ),
        "a text is 1048577 bytes",
    ),
    "a column without values": (
        Record(row_columns=records_pb2.RowColumns(columns=[records_pb2.Column(key="a")])),
        "has no values",
    ),
    "json that is none": (
        Record(
            config_update=records_pb2.ConfigUpdate(
                set=[values_pb2.Entry(key="a", value=values_pb2.Value(json_value="{"))]
            )
        ),
        "a json_value is not JSON",
    ),
    "row of json that is none": (
        Record(
            row=records_pb2.Row(values=[values_pb2.Entry(key="a", value=values_pb2.Value(json_value="{"))])
        ),
        "a json_value is not JSON",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_record_that_cannot_be_is_refused_with_a_sentence_and_its_batch_changes_nothing(
    name: str, client: Client
) -> None:
    record, words = BAD[name]
    client.create()
    sentence, _ = refused(
        lambda: client.append(1, row(a=1), record), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"
    )
    assert words in sentence
    assert client.append(1, row(a=2)).acknowledged_sequence == 1
    assert rows(client.run.run_id) == [(0, {"a": 2})]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"writer_id": ""}, "writer_id is ''"),
        ({"writer_id": "../../x"}, "it must be letters and digits"),
        ({"run": records_pb2.RunIdentity(project="a/b", run_id="x")}, "cannot hold '/'"),
        ({"run": records_pb2.RunIdentity(project="a", run_id="")}, "run_id is 0 characters"),
        ({"run": records_pb2.RunIdentity(project="a", run_id="x" * 129)}, "run_id is 129 characters"),
    ],
)
def test_a_writer_that_cannot_be_is_refused(fields: dict[str, Any], words: str, client: Client) -> None:
    sentence, _ = refused(
        lambda: client.create(**fields), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"
    )
    assert words in sentence


def test_a_writer_that_opened_nothing_is_told_so(client: Client) -> None:
    for call in (lambda: client.append(1, row(a=1)), lambda: client.finish(1)):
        sentence, metadata = refused(call, grpc.StatusCode.FAILED_PRECONDITION, "WRITER_NOT_FOUND")
        assert "call CreateRun first" in sentence
        assert metadata["writer_id"] == client.writer_id


def test_sequences_begin_at_one(client: Client) -> None:
    client.create()
    for first in (0, -5):
        sentence, _ = refused(
            lambda first=first: client.append(first, row(a=1)),
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_ARGUMENT",
        )
        assert "sequences begin at 1" in sentence


def test_an_append_of_nothing_is_refused(client: Client) -> None:
    client.create()
    request = ingest_service_pb2.AppendRequest(run=client.run, writer_id=client.writer_id)
    refused(
        lambda: client.ingest.Append(request, metadata=client.metadata, timeout=60),
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
    )


def test_a_batch_above_the_limit_is_refused_and_the_run_goes_on(client: Client) -> None:
    client.create()
    with pytest.raises(grpc.RpcError) as caught:
        client.append(1, *[row(a="x" * (1 << 20)) for _ in range(5)])
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.append(1, *[row(a="x" * (1 << 20)) for _ in range(3)]).acknowledged_sequence == 3


def test_a_batch_of_many_rows_is_one_call(client: Client) -> None:
    client.create()
    assert client.append(1, *[row(a=i, b=i / 2) for i in range(10_000)]).acknowledged_sequence == 10_000
    assert series(client.run.run_id, "a")[("a", "number")] == [(i, i) for i in range(10_000)]


def test_malformed_bytes_are_an_error_and_the_daemon_goes_on(channel: tuple[grpc.Channel, Metadata]) -> None:
    opened, metadata = channel
    for method in (
        "trackd.v1.IngestService/Append",
        "trackd.v1.RunService/CreateRun",
        "trackd.v1.QueryService/GetRun",
    ):
        call: Any = opened.unary_unary(f"/{method}")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff" * 100, metadata=metadata, timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNKNOWN  # gRPC's own answer, before any code of ours
    unknown: Any = opened.unary_unary("/trackd.v1.IngestService/Nothing")
    with pytest.raises(grpc.RpcError) as caught:
        unknown(b"", metadata=metadata, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert get_daemon().pid > 0


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "Bearer wrong"),), (("authorization", "Basic x"),), (("authorization", ""),)],
)
def test_no_call_goes_without_the_token(metadata: Metadata, channel: tuple[grpc.Channel, Metadata]) -> None:
    opened, _ = channel
    runs = run_service_pb2_grpc.RunServiceStub(opened)
    query = query_service_pb2_grpc.QueryServiceStub(opened)
    for call in (
        lambda: runs.GetDaemon(run_service_pb2.GetDaemonRequest(), metadata=metadata, timeout=60),
        lambda: runs.StopDaemon(run_service_pb2.StopDaemonRequest(), metadata=metadata, timeout=60),
        lambda: query.ListRuns(query_service_pb2.ListRunsRequest(), metadata=metadata, timeout=60),
        lambda: list(query.ReadSeries(query_service_pb2.ReadSeriesRequest(), metadata=metadata, timeout=60)),
    ):
        refused(call, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert get_daemon().pid > 0


def test_health_needs_no_token(channel: tuple[grpc.Channel, Metadata]) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel[0])
    for service in ("", "trackd.v1.RunService", "trackd.v1.IngestService", "trackd.v1.QueryService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=60)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_run_that_is_not_there_is_not_found(channel: tuple[grpc.Channel, Metadata]) -> None:
    opened, metadata = channel
    query = query_service_pb2_grpc.QueryServiceStub(opened)
    request = query_service_pb2.GetRunRequest(run=records_pb2.RunIdentity(project="p", run_id="never"))
    sentence, found = refused(
        lambda: query.GetRun(request, metadata=metadata, timeout=60),
        grpc.StatusCode.NOT_FOUND,
        "RUN_NOT_FOUND",
    )
    assert sentence == "run 'never' is not in project 'p'"
    assert found == {"project": "p", "run_id": "never"}


def test_a_run_is_changed_and_deleted_from_outside(client: Client) -> None:
    client.create()
    client.append(1, row(a=1))
    delete = run_service_pb2.DeleteRunRequest(run=client.run)
    sentence, _ = refused(
        lambda: client.runs.DeleteRun(delete, metadata=client.metadata, timeout=60),
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
    )
    assert "is being written" in sentence
    update = run_service_pb2.UpdateRunRequest(
        run=client.run, update=records_pb2.RunUpdate(notes="from outside")
    )
    assert client.runs.UpdateRun(update, metadata=client.metadata, timeout=60).run.notes == "from outside"
    assert rows(client.run.run_id) == [(0, {"a": 1})]
    client.finish(2, exit_code=3, traceback="why")
    stored = get_run(client.run.run_id)
    assert (state(client.run.run_id), stored.exit_code, stored.traceback) == ("failed", 3, "why")
    client.runs.DeleteRun(delete, metadata=client.metadata, timeout=60)
    client.runs.DeleteRun(delete, metadata=client.metadata, timeout=60)
    with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
        get_run(client.run.run_id)


def test_shared_writers_end_the_run_together_by_the_worst_of_their_ends(
    channel: tuple[grpc.Channel, Metadata],
) -> None:
    writers = [Client(*channel, run_id="shared-raw") for _ in range(3)]
    helper = Client(*channel, run_id="shared-raw")
    for writer in writers:
        writer.create(role=records_pb2.WRITER_ROLE_SHARED)
    helper.create(role=records_pb2.WRITER_ROLE_HELPER)
    writers[0].finish(1)
    writers[1].finish(1, exit_code=2, traceback="rank 1")
    assert state("shared-raw") == "running"
    writers[2].finish(1)
    assert (state("shared-raw"), get_run("shared-raw").traceback) == ("failed", "rank 1")
    helper.append(1, row(late=1))
    helper.finish(2, exit_code=9)
    assert state("shared-raw") == "failed"
    assert rows("shared-raw") == [(0, {"late": 1})]


def test_secrets_in_what_comes_by_calls_are_not_kept(channel: tuple[grpc.Channel, Metadata]) -> None:
    secret = "hf_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3c"
    client = Client(*channel, "secrets")
    client.create(
        process=records_pb2.Process(pid=1, program="train", arguments=["--api-key", secret, "--lr=0.1"])
    )
    entry, value = values_pb2.Entry, values_pb2.Value
    client.append(
        1,
        Record(
            config_update=records_pb2.ConfigUpdate(
                set=[
                    entry(key="password", value=value(string_value="hunter2hunter")),
                    entry(key="nested", value=value(json_value=f'{{"token": "{secret}", "lr": 0.1}}')),
                    entry(key="plain", value=value(string_value="nothing to hide")),
                    entry(key="broken", value=value(json_value='{"a": 1}')),
                ]
            )
        ),
        Record(console_lines=records_pb2.ConsoleLines(lines=["fine", f"token={secret}"])),
        Record(
            environment=records_pb2.Environment(
                facts=[entry(key="go.flags", value=value(string_value=secret))]
            )
        ),
    )
    client.finish(4)
    run = trackd.Api().run("raw/secrets")
    assert run.config == {
        "password": "[redacted]",
        "nested": {"token": "[redacted]", "lr": 0.1},
        "plain": "nothing to hide",
        "broken": {"a": 1},
    }
    assert [text for *_, text in run.console()] == ["fine", "token=[redacted]"]
    assert secret not in str(run.metadata) + str(run.environment)
    assert run.metadata["args"] == ["--api-key", "[redacted]", "--lr=0.1"]


def refused_as_invalid(call: Any) -> tuple[str, dict[str, str]]:
    return refused(call, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")


def test_a_writer_writes_one_run_alone(channel: tuple[grpc.Channel, Metadata]) -> None:
    client = Client(*channel, "own")
    client.create()
    other = Client(*channel, "other")
    other.writer_id = client.writer_id
    for call in (other.create, lambda: other.append(1), lambda: other.finish(1)):
        sentence, _ = refused_as_invalid(call)
        assert "raw/own" in sentence
    client.finish(1)


def test_an_end_with_a_sequence_of_another_record_is_refused_and_the_run_goes_on(
    channel: tuple[grpc.Channel, Metadata],
) -> None:
    client = Client(*channel, "early-end")
    client.create()
    client.append(1, row(n=1.0), row(n=2.0))
    sentence, metadata = refused_as_invalid(lambda: client.finish(1))
    assert (metadata["acknowledged_sequence"], "the next one is 3" in sentence) == ("2", True)
    assert state("early-end", project="raw") == "running"
    client.finish(3)
    client.finish(3)


def test_what_stands_in_logs_alone_and_what_cannot_be_is_refused_by_calls(
    channel: tuple[grpc.Channel, Metadata],
) -> None:
    client = Client(*channel, "strict")
    tags = records_pb2.RunUpdate(tags=records_pb2.TagList(tags=["x" * 65]))
    assert "65 characters" in refused_as_invalid(lambda: client.create(start=tags))[0]
    client.writer_id = "a" * 129
    assert "129 characters" in refused_as_invalid(client.create)[0]
    client.writer_id = uuid.uuid4().hex
    client.create()
    for record in (
        Record(writer_begin=client.begin()),
        Record(key_set=records_pb2.KeySet(key_set_id=1)),
        Record(run_update=tags),
        Record(alert=records_pb2.Alert(title="two\nlines")),
        Record(alert=records_pb2.Alert(text="no title")),
    ):
        refused_as_invalid(lambda record=record: client.append(1, record))
    client.finish(1)


@pytest.mark.parametrize("size", [1, 7, 50, 51])
def test_a_series_comes_in_messages_of_as_many_points_as_are_asked_for(project: str, size: int) -> None:
    run = trackd.init(reinit="create_new")
    for step in range(50):
        run.log(
            {
                "loss": 1 / (step + 1),
                "count": step,
                "mixed": step if step % 3 else step / 2,
                "word": f"w{step}",
            }
        )
    assert run.flush(60)
    columns = ("steps", "times_unix_nanos", "doubles", "ints", "int_mask")
    with connection() as (channel, metadata):
        query = query_service_pb2_grpc.QueryServiceStub(channel)
        request = query_service_pb2.ReadSeriesRequest(
            run=records_pb2.RunIdentity(project=project, run_id=run.id)
        )
        whole = list(query.ReadSeries(request, metadata=metadata, timeout=60))
        request.message_points_max = size
        pieces = list(query.ReadSeries(request, metadata=metadata, timeout=60))
    assert [message.key for message in whole] == ["count", "loss", "mixed", "word"]
    assert all(1 <= len(message.steps) // 8 <= size for message in pieces)
    position = 0
    for message in whole:
        count = -(-50 // size)
        parts, position = pieces[position : position + count], position + count
        assert {(part.key, part.kind, part.total_count) for part in parts} == {
            (message.key, message.kind, 50)
        }
        for column in columns:
            assert b"".join(getattr(part, column) for part in parts) == getattr(message, column)
        assert [text for part in parts for text in part.strings] == list(message.strings)
    assert position == len(pieces)
    run.finish()


def test_the_api_joins_the_pieces_of_a_long_series() -> None:
    run = trackd.init(reinit="create_new")
    count = 20_001
    for step in range(count):
        run.log({"loss": step / 3, "count": step, "word": str(step)})
    assert run.flush(60)
    found = trackd.Api(timeout=60).run(f"{run.project}/{run.id}")
    for key, expected in (("loss", np.arange(count) / 3), ("count", np.arange(count))):
        steps, _, values = found.series(key)
        assert np.array_equal(steps, np.arange(count))
        assert np.array_equal(values, expected)
        assert values.dtype == expected.dtype
    assert found.series("word")[2].tolist() == [str(step) for step in range(count)]
    assert len(list(found.scan_history())) == count
    run.finish()

"""Owns the tests of typed records as a client of another language sends them: raw gRPC calls, good ones and bad ones."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tests.service.reading import Metadata, connection, get_daemon, get_run
from tests.service.test_protocol import Client, refused

import trackd
from trackd._api_records import StoredRecord
from trackd.v1 import (
    ingest_service_pb2,
    query_service_pb2,
    query_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    values_pb2,
)

Record = records_pb2.Record
PROJECT = "raw"
PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def channel(module_store: Path) -> Iterator[tuple[grpc.Channel, Metadata]]:
    trackd.init(project="starts-the-daemon", settings={"store": str(module_store)}).finish()
    with connection() as opened:
        yield opened


@pytest.fixture
def client(channel: tuple[grpc.Channel, Metadata], request: pytest.FixtureRequest) -> Client:
    made = Client(*channel, run_id=f"run-{abs(hash(request.node.nodeid)) % 10**10}", project=PROJECT)
    made.create()
    return made


def put(client: Client, *chunks: bytes) -> str:
    """Sends an object; returns its sha256."""
    requests = (ingest_service_pb2.PutObjectRequest(chunk=chunk) for chunk in chunks)
    answer = client.ingest.PutObject(requests, metadata=client.metadata, timeout=60)
    assert answer.size_bytes == sum(map(len, chunks))
    sha256: str = answer.sha256
    return sha256


def inline(content: bytes) -> values_pb2.Payload:
    return values_pb2.Payload(inline=content)


def array(values: Any, payload: values_pb2.Payload | None = None, **fields: Any) -> values_pb2.Array:
    """Returns an array as a message; its bytes are in the message unless a payload is given."""
    numbers = np.asarray(values)
    return values_pb2.Array(
        **{
            "dtype": numbers.dtype.newbyteorder("<").str,
            "shape": numbers.shape,
            "data": payload or inline(numbers.tobytes()),
            **fields,
        }
    )


def row(data: bytes = b"", **records: values_pb2.TypedRecord) -> Record:
    """Returns a row of typed records, whose ranges are of `data`."""
    entries = [
        values_pb2.Entry(key=key, value=values_pb2.Value(record_value=record))
        for key, record in records.items()
    ]
    return Record(time_unix_nanos=1, row=records_pb2.Row(values=entries), data_inline=data)


def picture(payload: values_pb2.Payload | None = None, **fields: Any) -> values_pb2.TypedRecord:
    return values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, payload), **fields))


def read(client: Client) -> list[dict[str, Any]]:
    run = trackd.Api(timeout=60).run(f"{PROJECT}/{client.run.run_id}")
    return list(run.scan_history())


def read_record(client: Client) -> StoredRecord:
    """Returns the record `r` of the only row."""
    (found,) = read(client)
    record = found["r"]
    assert isinstance(record, StoredRecord)
    return record


def test_records_of_another_language_read_back(client: Client) -> None:
    data = b"\0" * 8 + PIXELS.tobytes()
    of_data = values_pb2.Payload(range=values_pb2.ByteRange(offset=8, size_bytes=PIXELS.size))
    html = values_pb2.TypedRecord(html=values_pb2.Html(encoded=inline("<p>ü".encode()), inject=True))
    sent = put(client, b"v 0 0 0\n", b"v 1 1 1\n")
    model = values_pb2.Object3D(encoded=values_pb2.Payload(sha256=sent, file_name="a/b.obj"), file_type="obj")
    table = values_pb2.Table(
        columns=[
            values_pb2.TableColumn(
                name="n", numbers=array(np.array([1, 2**63 - 1])), validity=array([True, False])
            ),
            values_pb2.TableColumn(
                name="t",
                texts=values_pb2.TextColumn(data=inline("aü".encode()), sizes_bytes=array(np.array([3, -1]))),
            ),
            values_pb2.TableColumn(
                name="v",
                values=values_pb2.CellList(
                    cells=[values_pb2.Value(json_value="[1, null]"), values_pb2.Value(bool_value=True)]
                ),
            ),
            values_pb2.TableColumn(name="e"),
        ],
        row_count=2,
    )
    histogram = values_pb2.Histogram(edges=[0, 1, 2], counts=[3, 4], nan_count=5)
    answer = client.append(
        1,
        row(data, image=picture(of_data, caption="of data"), page=html),
        row(b"", model=values_pb2.TypedRecord(object_3d=model), table=values_pb2.TypedRecord(table=table)),
        row(
            b"",
            list=values_pb2.TypedRecord(
                list=values_pb2.RecordList(records=[picture(caption="a"), picture(caption="b")])
            ),
            raw=values_pb2.TypedRecord(
                histogram=values_pb2.Histogram(raw=array([1.0, 2.0, np.nan]), bin_count=2)
            ),
            ready=values_pb2.TypedRecord(histogram=histogram),
            text=values_pb2.TypedRecord(markdown=values_pb2.Markdown(text="# ü")),
        ),
    )
    assert answer.acknowledged_sequence == 3
    first, second, third = read(client)
    assert np.array_equal(first["image"].array(), PIXELS)
    assert first["image"].caption == "of data"
    assert (first["page"].text(), first["page"]["inject"]) == ("<p>ü", True)
    assert second["model"].read() == b"v 0 0 0\nv 1 1 1\n"
    assert second["model"]["file"]["name"] == "b.obj"  # never a path
    assert second["table"].rows() == [[1, "aü", [1, None], None], [None, None, True, None]]
    assert [record.caption for record in third["list"].records] == ["a", "b"]
    assert (third["raw"]["counts"], third["raw"]["nan_count"]) == ([1, 1], 1)
    assert third["ready"] == {"type": "histogram", "edges": [0, 1, 2], "counts": [3, 4], "nan_count": 5}
    assert third["text"].text() == "# ü"


def test_append_of_a_record_twice_stores_once(client: Client) -> None:
    batch = row(b"", r=picture())
    for _ in range(3):
        assert client.append(1, batch).acknowledged_sequence == 1
    assert np.array_equal(read_record(client).array(), PIXELS)
    stored = trackd.Api().run(f"{PROJECT}/{client.run.run_id}")
    assert [(metric.name, metric.kind, metric.count) for metric in stored.metrics()] == [("r", "image", 1)]


def test_series_of_records_are_documents_in_json(
    client: Client, channel: tuple[grpc.Channel, Metadata]
) -> None:
    client.append(1, row(b"", r=picture()))
    read(client)  # which waits until it is encoded
    query = query_service_pb2_grpc.QueryServiceStub(channel[0])
    request = query_service_pb2.ReadSeriesRequest(run=client.run, keys=["r"])
    (answer,) = query.ReadSeries(request, metadata=client.metadata, timeout=60)
    assert answer.kind == query_service_pb2.METRIC_KIND_IMAGE
    assert json.loads(answer.strings[0])["width"] == 5


# -- refused at the call ---------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Record, str]] = {
    "a data file": (
        Record(row=row(b"", r=picture()).row, data_range=records_pb2.DataRange(offset=0, size_bytes=5)),
        "names a data file: its data stand in data_inline",
    ),
    "a record of no kind": (row(b"", r=values_pb2.TypedRecord()), "has no kind"),
    "a list of nothing": (
        row(b"", r=values_pb2.TypedRecord(list=values_pb2.RecordList())),
        "a list of 0 records",
    ),
    "a list of several kinds": (
        row(
            b"",
            r=values_pb2.TypedRecord(
                list=values_pb2.RecordList(
                    records=[picture(), values_pb2.TypedRecord(markdown=values_pb2.Markdown(text="x"))]
                )
            ),
        ),
        "has the kinds ['image', 'markdown']",
    ),
    "a record in the config": (
        Record(
            config_update=records_pb2.ConfigUpdate(
                set=[values_pb2.Entry(key="a", value=values_pb2.Value(record_value=picture()))]
            )
        ),
        "cannot stand in the config",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_record_is_refused_and_its_batch_changes_nothing(name: str, client: Client) -> None:
    record, words = REFUSED[name]
    sentence, _ = refused(
        lambda: client.append(1, row(b"", r=picture()), record),
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
    )
    assert words in sentence
    assert client.append(1, row(b"", r=picture(caption="after"))).acknowledged_sequence == 1
    assert read_record(client).caption == "after"


def test_records_over_the_size_of_a_message_are_refused_and_go_as_an_object(client: Client) -> None:
    content = bytes(5 << 20)
    large = values_pb2.TypedRecord(html=values_pb2.Html(encoded=inline(content)))
    with pytest.raises(grpc.RpcError) as caught:
        client.append(1, row(b"", r=large))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    sha256 = put(client, *[bytes(1 << 20)] * 5)
    assert sha256 == hashlib.sha256(content).hexdigest()
    client.append(
        1, row(b"", r=values_pb2.TypedRecord(html=values_pb2.Html(encoded=values_pb2.Payload(sha256=sha256))))
    )
    assert read_record(client).read() == content


# -- marked, since it shows only when it is encoded -------------------------------------------------------------------


def out_of(offset: int, size: int) -> values_pb2.Payload:
    return values_pb2.Payload(range=values_pb2.ByteRange(offset=offset, size_bytes=size))


MARKED: dict[str, tuple[values_pb2.TypedRecord, str]] = {
    "a range beyond the data": (picture(out_of(4, 60)), "60 bytes at 4 of its data, which are 60 bytes"),
    "a range before the data": (picture(out_of(-1, 60)), "60 bytes at -1 of its data"),
    "a range of no size": (picture(out_of(0, -60)), "-60 bytes at 0"),
    "a range that overflows": (picture(out_of(2**63 - 1, 2**63 - 1)), "of its data, which are 60 bytes"),
    "an object that is not there": (picture(values_pb2.Payload(sha256="0" * 64)), "is not in the store: send it first"),
    "an object by a path": (picture(values_pb2.Payload(sha256="../../../token")), "64 hex digits of a sha256"),
    "a file by a relative path": (picture(values_pb2.Payload(local_path="../token")), "absolute path"),
    "a file that is a folder": (picture(values_pb2.Payload(local_path="/")), "is no file"),
    "a device": (picture(values_pb2.Payload(local_path="/dev/zero")), "is no file"),
    "a file that is not there": (picture(values_pb2.Payload(local_path="/nowhere/at/all")), "cannot be read"),
    "bytes from nowhere": (picture(values_pb2.Payload()), "its source is not set"),
    "objects": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, dtype="|O"))), "an array has the type '|O'"),
    "big-endian numbers": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, dtype=">f4"))), "an array has the type '>f4'"),
    "a shape of other sizes": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, shape=[1000, 1000]))), "it came with 60"),
    "a shape below nothing": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, shape=[-1, -60]))), "no axis can be negative"),
    "a shape that overflows": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, shape=[2**62, 2**62]))), "it came with 60"),
    "a shape of many axes": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(PIXELS, shape=[1] * 40))), "40 axes; the limit is 32"),
    "an image of nothing": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(np.zeros((0, 3), np.uint8)))), "has the shape 0x3"),
    "an image of two channels": (
        values_pb2.TypedRecord(image=values_pb2.Image(raw=array(np.zeros((2, 2, 2), np.uint8)))), "2 channels"),
    "an image without pixels": (values_pb2.TypedRecord(image=values_pb2.Image()), "no pixels"),
    "an image of an unknown type": (picture(file_type="tiff"), "the file type is 'tiff'"),
    "a video of three axes": (values_pb2.TypedRecord(video=values_pb2.Video(raw=array(PIXELS))), "has the shape 4x5x3"),
    "a sound of no rate": (values_pb2.TypedRecord(audio=values_pb2.Audio(raw=array([0.0]))), "the sample rate is 0"),
    "a sound of many axes": (
        values_pb2.TypedRecord(audio=values_pb2.Audio(raw=array(PIXELS), sample_rate_hertz=8)), "4x5x3"),
    "points of 5 numbers": (
        values_pb2.TypedRecord(object_3d=values_pb2.Object3D(scene=values_pb2.Scene3D(points=array(np.zeros((2, 5)))))),
        "the shape 2x5"),
    "a model of an unknown type": (
        values_pb2.TypedRecord(object_3d=values_pb2.Object3D(encoded=inline(b"x"), file_type="fbx")), "'fbx'"),
    "a molecule of an unknown type": (
        values_pb2.TypedRecord(molecule=values_pb2.Molecule(encoded=inline(b"x"), file_type="exe")), "'exe'"),
    "a histogram of many bins": (
        values_pb2.TypedRecord(histogram=values_pb2.Histogram(raw=array([1.0]), bin_count=513)), "513 bins"),
    "a histogram of few edges": (
        values_pb2.TypedRecord(histogram=values_pb2.Histogram(edges=[1], counts=[1])), "1 edges and 1 counts"),
    "a histogram of odd edges": (
        values_pb2.TypedRecord(histogram=values_pb2.Histogram(edges=[0, np.nan], counts=[1])), "NaN or infinite"),
    "a table of unequal columns": (
        values_pb2.TypedRecord(
            table=values_pb2.Table(columns=[values_pb2.TableColumn(name="n", numbers=array([1, 2]))], row_count=3)),
        "has 2 cells; the table has 3 rows"),
    "a table of very many rows": (values_pb2.TypedRecord(table=values_pb2.Table(row_count=2**62)), "it can have 0 to"),
    "a table of texts that are none": (
        values_pb2.TypedRecord(
            table=values_pb2.Table(
                columns=[values_pb2.TableColumn(
                    name="t", texts=values_pb2.TextColumn(data=inline(b"\xff"), sizes_bytes=array(np.array([1]))))],
                row_count=1)),
        "not UTF-8"),
    "a table of texts of other sizes": (
        values_pb2.TypedRecord(
            table=values_pb2.Table(
                columns=[values_pb2.TableColumn(
                    name="t", texts=values_pb2.TextColumn(data=inline(b"x"), sizes_bytes=array(np.array([2**62]))))],
                row_count=1)),
        "bytes and came with 1"),
    "a table of JSON that is none": (
        values_pb2.TypedRecord(
            table=values_pb2.Table(
                columns=[values_pb2.TableColumn(
                    name="j", values=values_pb2.CellList(cells=[values_pb2.Value(json_value="{")]))],
                row_count=1)),
        "is not JSON"),
    "a plot in no language": (
        values_pb2.TypedRecord(plot=values_pb2.Plot(specification=inline(b"{}"))), "the plot's language is 0"),
    "a plot of nothing": (
        values_pb2.TypedRecord(plot=values_pb2.Plot(language="PLOT_LANGUAGE_PLOTLY")), "neither a specification"),
    "a plot that is no JSON": (
        values_pb2.TypedRecord(plot=values_pb2.Plot(language="PLOT_LANGUAGE_PLOTLY", specification=inline(b"{"))),
        "not JSON"),
    "a plot that is nested too deep": (
        values_pb2.TypedRecord(plot=values_pb2.Plot(
            language="PLOT_LANGUAGE_PLOTLY", specification=inline(b'{"a":' + b"[" * 200_000))),
        "nested too deep"),
    "a box of 7 corners": (
        values_pb2.TypedRecord(object_3d=values_pb2.Object3D(
            scene=values_pb2.Scene3D(boxes=[values_pb2.Box3D(corners=[0] * 21)]))),
        "21 numbers"),
    "an array of objects": (values_pb2.TypedRecord(array=array([1.0], dtype="|O")), "an array has the type '|O'"),
}  # fmt: skip


def test_records_that_cannot_be_encoded_are_marked_by_one_sentence_each(client: Client) -> None:
    records = [row(bytes(60), r=record) for record, _ in MARKED.values()]
    assert (
        client.append(1, *records, row(b"", r=picture(caption="last"))).acknowledged_sequence
        == len(MARKED) + 1
    )
    found = [values["r"] for values in read(client)]
    assert len(found) == len(MARKED) + 1
    for (name, (record, words)), document in zip(MARKED.items(), found, strict=False):
        assert document == {"type": record.WhichOneof("kind"), "error": document.error}, name
        assert words in document.error, name
        assert len(document.error) < 300, name
    assert np.array_equal(found[-1].array(), PIXELS)
    health = get_run(client.run.run_id, PROJECT).ingest_health
    assert health.refused_count == len(MARKED)
    client.finish(len(MARKED) + 2)
    assert trackd.Api().run(f"{PROJECT}/{client.run.run_id}").state == "finished"
    assert get_daemon().pid > 0


def test_one_bad_record_of_a_list_leaves_the_others(client: Client) -> None:
    bad = picture(values_pb2.Payload(sha256="1" * 64), caption="bad")
    records = values_pb2.RecordList(records=[picture(caption="a"), bad, picture(caption="b")])
    client.append(1, row(b"", r=values_pb2.TypedRecord(list=records)))
    first, second, third = read_record(client).records
    assert (first.caption, third.caption) == ("a", "b")
    assert "send it first" in second.error


def test_foreign_files_are_kept_and_never_run_or_followed(client: Client) -> None:
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    concat = b"ffconcat version 1.0\nfile /etc/passwd\n"
    client.append(
        1,
        row(b"", r=values_pb2.TypedRecord(video=values_pb2.Video(encoded=inline(playlist)))),
        row(b"", r=values_pb2.TypedRecord(video=values_pb2.Video(encoded=inline(concat)))),
        row(b"", r=values_pb2.TypedRecord(audio=values_pb2.Audio(encoded=inline(playlist)))),
        row(
            b"",
            r=values_pb2.TypedRecord(
                image=values_pb2.Image(
                    encoded=values_pb2.Payload(inline=b"<html>", media_type="text/html\r\nX: 1")
                )
            ),
        ),
    )
    records = [values["r"] for values in read(client)]
    assert [record.read() for record in records] == [playlist, concat, playlist, b"<html>"]
    assert all(record["warning"] for record in records)
    assert records[3]["file"]["media_type"] == "application/octet-stream"
    for record in records[:2]:
        with pytest.raises(trackd.CommError, match="not decoded here"):
            record.array()


# -- objects ---------------------------------------------------------------------------------------------------------


def test_an_object_is_put_once_and_read_back(client: Client, channel: tuple[grpc.Channel, Metadata]) -> None:
    content = os.urandom(3_000_000)
    for size in (700_000, 1 << 20):
        chunks = [content[start : start + size] for start in range(0, len(content), size)]
        assert put(client, *chunks) == hashlib.sha256(content).hexdigest()
    assert put(client) == put(client, b"") == hashlib.sha256(b"").hexdigest()
    query = query_service_pb2_grpc.QueryServiceStub(channel[0])
    request = query_service_pb2.ReadObjectRequest(sha256=hashlib.sha256(content).hexdigest())
    answers = query.ReadObject(request, metadata=client.metadata, timeout=60)
    assert b"".join(answer.chunk for answer in answers) == content
    for odd in ("0" * 64, "", "../token", "A" * 64):
        with pytest.raises(grpc.RpcError) as caught:
            list(
                query.ReadObject(
                    query_service_pb2.ReadObjectRequest(sha256=odd), metadata=client.metadata, timeout=60
                )
            )
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_chunk_over_the_limit_and_a_call_without_the_token_are_refused(client: Client) -> None:
    large = [ingest_service_pb2.PutObjectRequest(chunk=bytes((1 << 20) + 1))]
    with pytest.raises(grpc.RpcError) as caught:
        client.ingest.PutObject(iter(large), metadata=client.metadata, timeout=60)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    refused(
        lambda: client.ingest.PutObject(iter([ingest_service_pb2.PutObjectRequest()]), timeout=60),
        grpc.StatusCode.UNAUTHENTICATED,
        "UNAUTHENTICATED",
    )


def collect() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trackd", "gc"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_object_that_a_record_names_is_the_runs_own(client: Client, module_store: Path) -> None:
    content = b"<p>" + client.run.run_id.encode()
    sha256 = put(client, content)
    path = module_store / "objects" / "files" / sha256[:2] / sha256
    client.append(
        1, row(b"", r=values_pb2.TypedRecord(html=values_pb2.Html(encoded=values_pb2.Payload(sha256=sha256))))
    )
    assert read_record(client).read() == content
    aged = time.time() - 7200
    os.utime(path, (aged, aged))
    collect()
    assert read_record(client).read() == content
    client.finish(2)
    collect()
    assert read_record(client).read() == content
    client.runs.DeleteRun(
        run_service_pb2.DeleteRunRequest(run=client.run), metadata=client.metadata, timeout=60
    )
    assert not path.exists()


def test_an_object_that_no_record_names_is_garbage_after_a_while(client: Client, module_store: Path) -> None:
    sha256 = put(client, b"nobody's " + client.run.run_id.encode())
    path = module_store / "objects" / "files" / sha256[:2] / sha256
    collect()
    assert path.exists()
    aged = time.time() - 7200
    os.utime(path, (aged, aged))
    collect()
    assert not path.exists()


# -- the summary -----------------------------------------------------------------------------------------------------


def test_arrays_are_set_in_the_summary_from_outside(client: Client) -> None:
    numbers = np.linspace(0, 1, 101)
    sent = put(client, numbers.tobytes())
    update = records_pb2.SummaryUpdate(
        set=[
            values_pb2.Entry(
                key=key,
                value=values_pb2.Value(record_value=values_pb2.TypedRecord(array=array(numbers, payload))),
            )
            for key, payload in (("inline", None), ("sent", values_pb2.Payload(sha256=sent)))
        ]
        + [values_pb2.Entry(key="plain", value=values_pb2.Value(double_value=0.5))]
    )
    request = run_service_pb2.UpdateRunRequest(run=client.run, summary_update=update)
    client.runs.UpdateRun(request, metadata=client.metadata, timeout=60)
    summary = trackd.Api(timeout=60).run(f"{PROJECT}/{client.run.run_id}").summary
    for key in ("inline", "sent"):
        assert summary[key].array().tobytes() == numbers.tobytes()
        assert (summary[key]["min"], summary[key]["max"], summary[key]["shape"]) == (0, 1, [101])
        assert summary[key]["percentile_95"] == pytest.approx(0.95)
    assert summary["plain"] == 0.5


def test_a_range_in_a_change_from_outside_is_marked(client: Client) -> None:
    record = values_pb2.TypedRecord(array=array([1.0], out_of(0, 8)))
    update = records_pb2.SummaryUpdate(
        set=[values_pb2.Entry(key="a", value=values_pb2.Value(record_value=record))]
    )
    request = run_service_pb2.UpdateRunRequest(run=client.run, summary_update=update)
    client.runs.UpdateRun(request, metadata=client.metadata, timeout=60)
    summary = trackd.Api(timeout=60).run(f"{PROJECT}/{client.run.run_id}").summary
    assert "of its data, which are 0 bytes" in summary["a"].error

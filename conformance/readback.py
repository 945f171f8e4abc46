"""Owns what is stored, read back through the query side and put into the words of a case."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from trackd import _decode
from trackd._api_records import StoredRecord
from trackd._connection import Connection
from trackd.v1 import query_service_pb2, query_service_pb2_grpc, records_pb2, runs_pb2

PROJECT = "conformance"
_RECORD_KINDS = ("image", "histogram", "table", "object_3d")
_ROW_KEY = "_row"  # marks rows that have no values
_TIMEOUT_SECONDS = 60  # a reader waits up to 30 s for records that are being encoded
_PIXELS_SHOWN_MAX = 10_000


class Stored:
    """The runs of a daemon, asked without the proxy."""

    def __init__(self, address: str, token: str, store: Path) -> None:
        """Takes where the daemon and its store are."""
        self._address = address
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._connection = Connection(str(store), _TIMEOUT_SECONDS)

    def run(self, run_id: str) -> dict[str, Any] | None:
        """Returns a run in the words of a case, without its rows; None while there is none."""
        with self._stub() as stub:
            try:
                answer = stub.GetRun(
                    query_service_pb2.GetRunRequest(run=_identity(run_id)),
                    metadata=self._metadata,
                    timeout=_TIMEOUT_SECONDS,
                )
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return None
                raise
        run = answer.run
        return {
            "state": runs_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_").lower(),
            "exit_code": run.exit_code if run.HasField("exit_code") else None,
            "name": run.name,
            "tags": sorted(run.tags),
            "host": run.process.host,
            "config": plain(_decode.entries(run.config)),
            "summary": plain(_decode.entries(run.summary)),
            "alerts": [alert.title for alert in run.alerts],
            "console": self._console(run_id),
        }

    def rows(self, run_id: str) -> list[list[Any]]:
        """Returns [step, values by metric] of every row, in the order of steps."""
        request = query_service_pb2.ReadSeriesRequest(run=_identity(run_id))
        found: dict[int, dict[str, Any]] = {}
        with self._stub() as stub:
            for message in stub.ReadSeries(request, metadata=self._metadata, timeout=_TIMEOUT_SECONDS):
                kind = query_service_pb2.MetricKind.Name(message.kind).removeprefix("METRIC_KIND_").lower()
                steps = np.frombuffer(message.steps, np.int64).tolist()
                for step, value in zip(steps, values(message, kind), strict=True):
                    row = found.setdefault(step, {})
                    if message.key != _ROW_KEY:
                        row[message.key] = self._record(value) if kind in _RECORD_KINDS else plain(value)
        return [[step, row] for step, row in sorted(found.items())]

    def _console(self, run_id: str) -> list[list[str]]:
        """Returns [stream, text] of every line of the first writer that has any."""
        with self._stub() as stub:
            request = query_service_pb2.ReadConsoleRequest(run=_identity(run_id))
            answer = stub.ReadConsole(request, metadata=self._metadata, timeout=_TIMEOUT_SECONDS)
        names = records_pb2.ConsoleStream.Name
        return [
            [names(line.stream).removeprefix("CONSOLE_STREAM_").lower(), line.text] for line in answer.lines
        ]

    def _record(self, document: dict[str, Any]) -> Any:
        """Returns a typed record as a case writes what is logged; the document itself while it is not encoded."""
        if document.get("pending") or document.get("error"):
            return document
        record = StoredRecord(document, self._connection)
        if record.is_list:
            return [self._record(dict(each)) for each in document["records"]]
        if record.kind == "image":
            pixels = record.array()
            image = {"$": "image", "shape": list(pixels.shape)}
            if pixels.size > _PIXELS_SHOWN_MAX and (pixels == pixels.flat[0]).all():
                return {**image, "fill": int(pixels.flat[0])}
            return {**image, "pixels": pixels.reshape(-1).tolist()}
        if record.kind == "histogram":
            counts, edges = record.histogram()
            return {"$": "histogram", "counts": counts.tolist(), "edges": edges.tolist()}
        if record.kind == "table":
            return {"$": "table", "columns": record.columns, "rows": plain(record.rows())}
        return {"$": "object3d", "points": record.array().tolist()}

    @contextmanager
    def _stub(self) -> Iterator[Any]:
        with grpc.insecure_channel(self._address, [("grpc.max_receive_message_length", -1)]) as channel:
            yield query_service_pb2_grpc.QueryServiceStub(channel)


def plain(value: Any) -> Any:
    """Returns a value as a case writes it: what JSON does not have is tagged."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$": "float", "value": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _identity(run_id: str) -> records_pb2.RunIdentity:
    return records_pb2.RunIdentity(project=PROJECT, run_id=run_id)


def values(message: Any, kind: str) -> list[Any]:
    """Returns the values of a `ReadSeriesResponse`: numbers exactly, texts, bools, or what JSON says."""
    if kind == "string":
        return list(message.strings)
    if message.strings:
        return [json.loads(text) for text in message.strings]
    doubles = np.frombuffer(message.doubles, np.float64).tolist()
    if kind == "bool":
        return [bool(value) for value in doubles]
    if not message.ints:
        return list(doubles)
    ints = np.frombuffer(message.ints, np.int64).tolist()
    return [
        exact if is_int else value
        for value, exact, is_int in zip(doubles, ints, message.int_mask, strict=True)
    ]

"""Owns the gRPC face: messages to plain values and back, and errors to statuses. Holds no state of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from trackd.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    runs_pb2,
    store_service_pb2,
    store_service_pb2_grpc,
    upload_service_pb2_grpc,
    values_pb2,
)
from trackd_service import config, grpc_gate, records, redaction
from trackd_service.comparison import MISSING
from trackd_service.daemon import Daemon
from trackd_service.errors import (
    InvalidArgument,
    Stopping,
    StorageUnavailable,
    TooLarge,
)
from trackd_service.grpc_gate import TokenDoor
from trackd_service.grpc_uploads import UploadService
from trackd_service.series import RECORD_KINDS
from trackd_service.sources import Source
from trackd_service.streams import Stream

_log = logging.getLogger("trackd.grpc")
_STATES = {
    "running": runs_pb2.RUN_STATE_RUNNING,
    "finished": runs_pb2.RUN_STATE_FINISHED,
    "failed": runs_pb2.RUN_STATE_FAILED,
    "killed": runs_pb2.RUN_STATE_KILLED,
    "crashed": runs_pb2.RUN_STATE_CRASHED,
    "preempted": runs_pb2.RUN_STATE_PREEMPTED,
}
_WRITER_FIELDS = (
    "exit_code",
    "signal",
    "silent",
    "last_step",
    "steps_per_second",
    "rank",
    "superseded",
    "steps_behind",
    "seconds_behind",
)  # of a writer's document, under the same names
_KINDS: dict[str, query_service_pb2.MetricKind] = {
    "number": query_service_pb2.METRIC_KIND_NUMBER,
    "bool": query_service_pb2.METRIC_KIND_BOOL,
    "string": query_service_pb2.METRIC_KIND_STRING,
    "other": query_service_pb2.METRIC_KIND_OTHER,
    **{kind: getattr(query_service_pb2, f"METRIC_KIND_{kind.upper()}") for kind in RECORD_KINDS},
}
_STREAMS: dict[int, Stream] = {0: "history", 1: "history", 2: "system"}
SERVICES = (
    "trackd.v1.RunService",
    "trackd.v1.IngestService",
    "trackd.v1.QueryService",
    "trackd.v1.StoreService",
    "trackd.v1.UploadService",
)


class _Face:
    """What the services share."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._store = daemon.store
        self._ingest = daemon.ingest
        self._query = daemon.query


class RunService(_Face, run_service_pb2_grpc.RunServiceServicer):
    """Serves trackd.v1.RunService."""

    async def CreateRun(  # noqa: N802 - the contract's name
        self, request: run_service_pb2.CreateRunRequest, context: Any
    ) -> run_service_pb2.CreateRunResponse:
        """Creates or attaches to a run."""
        records.check_tags(request.begin.start)
        redaction.redact_begin(request.begin)
        begin = records.begin(request.begin)
        now = time.time_ns()
        payload = records_pb2.Record(time_unix_nanos=now, writer_begin=request.begin).SerializeToString()
        stored, created = await self._ingest.callers.create(begin, payload, now)
        return run_service_pb2.CreateRunResponse(
            run=run_message(stored.run.describe(whole=True)), created=created
        )

    async def UpdateRun(  # noqa: N802
        self, request: run_service_pb2.UpdateRunRequest, context: Any
    ) -> run_service_pb2.UpdateRunResponse:
        """Changes a run from outside of its writers."""
        records.check_tags(request.update)
        changes = (
            records.update(request.update),
            records.changes("config", request.config_update),
            records.changes("summary", request.summary_update),
        )
        stored = await self._daemon.edits.edit(request.run.project, request.run.run_id, lambda run: changes)
        return run_service_pb2.UpdateRunResponse(run=run_message(stored.run.describe(whole=True)))

    async def FinishRun(  # noqa: N802
        self, request: run_service_pb2.FinishRunRequest, context: Any
    ) -> run_service_pb2.FinishRunResponse:
        """Ends a writer."""
        self._store.check_writable()
        now = time.time_ns()
        record = records_pb2.Record(time_unix_nanos=now, writer_finish=request.finish)
        source = await self._ingest.callers.finish(
            _identity(request.run), request.writer_id, request.sequence, (now, record.SerializeToString())
        )
        return run_service_pb2.FinishRunResponse(run=run_message(source.stored.run.describe(whole=True)))

    async def DeleteRun(  # noqa: N802
        self, request: run_service_pb2.DeleteRunRequest, context: Any
    ) -> run_service_pb2.DeleteRunResponse:
        """Deletes a run."""
        await self._daemon.edits.delete(request.run.project, request.run.run_id)
        return run_service_pb2.DeleteRunResponse()

    async def GetDaemon(  # noqa: N802
        self, request: run_service_pb2.GetDaemonRequest, context: Any
    ) -> run_service_pb2.GetDaemonResponse:
        """Tells who the daemon is."""
        return run_service_pb2.GetDaemonResponse(**self._daemon.facts())

    async def StopDaemon(  # noqa: N802
        self, request: run_service_pb2.StopDaemonRequest, context: Any
    ) -> run_service_pb2.StopDaemonResponse:
        """Begins the daemon's end."""
        if request.only_if_idle and self._ingest.sources.open_writer_ids.difference(request.own_writer_ids):
            return run_service_pb2.StopDaemonResponse(stopping=False)
        self._daemon.stop()
        return run_service_pb2.StopDaemonResponse(stopping=True)


class IngestService(_Face, ingest_service_pb2_grpc.IngestServiceServicer):
    """Serves trackd.v1.IngestService."""

    async def Append(  # noqa: N802
        self, request: ingest_service_pb2.AppendRequest, context: Any
    ) -> ingest_service_pb2.AppendResponse:
        """Appends records of one writer; what it acknowledges is on the disk."""
        if self._daemon.is_stopping:
            raise Stopping("the daemon is about to end: the next one takes the records")
        self._store.check_writable()
        source: Source
        if request.WhichOneof("source") == "log_range":
            source = await self._ingest.ring(request.writer_id, request.log_range.last_sequence)
        else:
            if request.batch.first_sequence < 1:
                raise InvalidArgument(
                    f"first_sequence is {request.batch.first_sequence}; sequences begin at 1",
                    field="first_sequence",
                )
            batch = []
            for record in request.batch.records:
                records.check_call(record)
                redaction.redact(record)
                # Refused as a whole, with its reason, before anything is written.
                records.from_message(record)
                batch.append((record.time_unix_nanos, record.SerializeToString()))
            source = await self._ingest.callers.append(
                _identity(request.run), request.writer_id, request.batch.first_sequence, batch
            )
        return ingest_service_pb2.AppendResponse(
            acknowledged_sequence=source.writer.durable_sequence,
            next_step=source.writer.steps.current,
            ingest_health=runs_pb2.IngestHealth(**vars(source.stored.run.health)),
            new_alerts=map(_alert, source.take_alerts()),
        )

    async def PutObject(  # noqa: N802
        self, request_iterator: AsyncIterator[ingest_service_pb2.PutObjectRequest], context: Any
    ) -> ingest_service_pb2.PutObjectResponse:
        """Stores an object before some record refers to it."""
        path = self._store.keeper.scratch / os.urandom(16).hex()
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with await asyncio.to_thread(open, path, "wb") as file:
                async for request in request_iterator:
                    size_bytes += len(request.chunk)
                    for what, given_bytes, limit_bytes in (
                        ("a chunk", len(request.chunk), config.CHUNK_BYTES),
                        ("an object", size_bytes, config.OBJECT_BYTES_MAX),
                    ):
                        if given_bytes > limit_bytes:
                            raise TooLarge(
                                f"{what} is {given_bytes} bytes; the limit is {limit_bytes}",
                                size_bytes=given_bytes,
                                limit_bytes=limit_bytes,
                            )
                    digest.update(request.chunk)
                    await asyncio.to_thread(file.write, request.chunk)
            self._store.check_writable()
            await self._store.keeper.put_object(path, digest.hexdigest())
        except OSError as error:
            raise StorageUnavailable(
                f"the daemon's disk does not take the object: {error.strerror}"
            ) from None
        finally:
            path.unlink(missing_ok=True)
        return ingest_service_pb2.PutObjectResponse(sha256=digest.hexdigest(), size_bytes=size_bytes)


class QueryService(_Face, query_service_pb2_grpc.QueryServiceServicer):
    """Serves trackd.v1.QueryService."""

    async def ListProjects(  # noqa: N802
        self, request: query_service_pb2.ListProjectsRequest, context: Any
    ) -> query_service_pb2.ListProjectsResponse:
        """Lists the projects."""
        return query_service_pb2.ListProjectsResponse(
            projects=[
                query_service_pb2.Project(
                    name=project["name"],
                    run_count=project["run_count"],
                    running_count=project["running_count"],
                    update_time_unix_nanos=project["update_time"],
                )
                for project in await self._query.projects()
            ]
        )

    async def ListRuns(  # noqa: N802
        self, request: query_service_pb2.ListRunsRequest, context: Any
    ) -> query_service_pb2.ListRunsResponse:
        """Lists runs, a page at a time."""
        offset = int(request.page_token) if request.page_token.isdigit() else 0
        filters = parse_filters(request.filters_json)
        runs, total_count = await self._query.runs(
            request.project or None, filters, request.order, offset, request.page_size
        )
        end = offset + len(runs)
        return query_service_pb2.ListRunsResponse(
            runs=[run_message(run) for run in runs],
            next_page_token=str(end) if end < total_count else "",
            total_count=total_count,
        )

    async def GetRun(  # noqa: N802
        self, request: query_service_pb2.GetRunRequest, context: Any
    ) -> query_service_pb2.GetRunResponse:
        """Gets one run."""
        stored = await self._query.run(request.run.project, request.run.run_id)
        if request.wait_for_records:
            await self._store.keeper.settle(stored)
        return query_service_pb2.GetRunResponse(run=run_message(stored.run.describe(whole=True)))

    async def ListMetrics(  # noqa: N802
        self, request: query_service_pb2.ListMetricsRequest, context: Any
    ) -> query_service_pb2.ListMetricsResponse:
        """Lists the metrics of a run."""
        stream = _STREAMS.get(request.stream, "history")
        metrics = await self._query.metrics(request.run.project, request.run.run_id, request.prefix, stream)
        return query_service_pb2.ListMetricsResponse(
            metrics=[
                query_service_pb2.Metric(**{**metric, "kind": _KINDS[metric["kind"]]}) for metric in metrics
            ]
        )

    async def ReadSeries(  # noqa: N802
        self, request: query_service_pb2.ReadSeriesRequest, context: Any
    ) -> AsyncIterator[query_service_pb2.ReadSeriesResponse]:
        """Reads series, one a message or in pieces."""
        stored = await self._query.run(request.run.project, request.run.run_id)
        found = await self._query.read(
            stored,
            request.keys,
            request.min_step if request.HasField("min_step") else None,
            request.max_step if request.HasField("max_step") else None,
            request.points_max,
        )
        for series, total_count in found:
            size = request.message_points_max or len(series)
            for start in range(0, len(series), size):
                piece = series if size >= len(series) else series.take(slice(start, start + size))
                yield query_service_pb2.ReadSeriesResponse(
                    key=piece.key,
                    kind=_KINDS[piece.kind],
                    steps=piece.steps.tobytes(),
                    times_unix_nanos=piece.times.tobytes(),
                    doubles=b"" if piece.doubles is None else piece.doubles.tobytes(),
                    ints=b"" if piece.ints is None else piece.ints.tobytes(),
                    int_mask=b"" if piece.int_mask is None else piece.int_mask.tobytes(),
                    strings=piece.strings or [],
                    total_count=total_count,
                )

    async def ReadConsole(  # noqa: N802
        self, request: query_service_pb2.ReadConsoleRequest, context: Any
    ) -> query_service_pb2.ReadConsoleResponse:
        """Reads lines of the console."""
        found = await self._query.console.read(
            request.run.project,
            request.run.run_id,
            request.writer_id,
            request.first_line if request.HasField("first_line") else None,
            request.line_count_max,
            request.pattern,
        )
        return query_service_pb2.ReadConsoleResponse(
            lines=[
                query_service_pb2.ConsoleLine(
                    number=line.number,
                    stream=f"CONSOLE_STREAM_{line.stream.upper()}",
                    time_unix_nanos=line.time,
                    text=line.text,
                )
                for line in found.lines
            ],
            line_count=found.line_count,
            writer_id=found.writer_id,
            next_line=found.next_line,
        )

    async def CompareRuns(  # noqa: N802
        self, request: query_service_pb2.CompareRunsRequest, context: Any
    ) -> query_service_pb2.CompareRunsResponse:
        """Compares two runs."""
        left, right = request.left, request.right
        differences, files = await self._query.comparison.compare(
            (left.project, left.run_id), (right.project, right.run_id)
        )
        return query_service_pb2.CompareRunsResponse(
            differences=[
                query_service_pb2.Difference(
                    part=each.part,
                    key=each.key,
                    left=None if each.left is MISSING else records.to_value(each.left),
                    right=None if each.right is MISSING else records.to_value(each.right),
                )
                for each in differences
            ],
            files=[query_service_pb2.FileDifference(path=each.path, diff=each.diff) for each in files],
        )

    async def ListFiles(  # noqa: N802
        self, request: query_service_pb2.ListFilesRequest, context: Any
    ) -> query_service_pb2.ListFilesResponse:
        """Lists the files kept with a run."""
        files = await self._query.files(request.run.project, request.run.run_id)
        names = ("path", "sha256", "size_bytes", "purpose")
        return query_service_pb2.ListFilesResponse(
            files=[query_service_pb2.File(**{name: file[name] for name in names}) for file in files]
        )

    async def ReadFile(  # noqa: N802
        self, request: query_service_pb2.ReadFileRequest, context: Any
    ) -> AsyncIterator[query_service_pb2.ReadFileResponse]:
        """Reads a file, a piece a message."""
        path = await self._query.file_path(request.run.project, request.run.run_id, request.path)
        with await asyncio.to_thread(open, path, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, config.CHUNK_BYTES):
                yield query_service_pb2.ReadFileResponse(chunk=chunk)

    async def ReadObject(  # noqa: N802
        self, request: query_service_pb2.ReadObjectRequest, context: Any
    ) -> AsyncIterator[query_service_pb2.ReadObjectResponse]:
        """Reads an object, a piece a message."""
        path = await self._query.object_path(request.sha256)
        with await asyncio.to_thread(open, path, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, config.CHUNK_BYTES):
                yield query_service_pb2.ReadObjectResponse(chunk=chunk)

    async def WatchRuns(  # noqa: N802
        self, request: query_service_pb2.WatchRunsRequest, context: Any
    ) -> AsyncIterator[query_service_pb2.WatchRunsResponse]:
        """Tells of runs that changed."""
        listener = self._daemon.live.listen(request.project or None)
        try:
            while True:
                runs, _ = await listener.take()
                yield query_service_pb2.WatchRunsResponse(
                    runs=[run_message(run.describe(whole=False)) for run in runs]
                )
                await asyncio.sleep(config.LIVE_SECONDS)
        finally:
            self._daemon.live.leave(listener)


class StoreService(_Face, store_service_pb2_grpc.StoreServiceServicer):
    """Serves trackd.v1.StoreService."""

    async def GetUsage(  # noqa: N802
        self, request: store_service_pb2.GetUsageRequest, context: Any
    ) -> store_service_pb2.GetUsageResponse:
        """Tells what takes how much space."""
        runs, whole = await self._daemon.space.usage()
        return store_service_pb2.GetUsageResponse(
            runs=[
                store_service_pb2.RunUsage(**{name: getattr(run, name) for name in run.__slots__})
                for run in runs
            ],
            log_bytes=await self._ingest.log_bytes(),
            **whole,
        )

    async def CollectGarbage(  # noqa: N802
        self, request: store_service_pb2.CollectGarbageRequest, context: Any
    ) -> store_service_pb2.CollectGarbageResponse:
        """Removes what nothing refers to."""
        removed_count, removed_bytes = await self._daemon.space.sweep(request.dry_run)
        return store_service_pb2.CollectGarbageResponse(
            removed_count=removed_count, removed_bytes=removed_bytes
        )

    async def SavePreset(  # noqa: N802
        self, request: store_service_pb2.SavePresetRequest, context: Any
    ) -> store_service_pb2.SavePresetResponse:
        """Saves a preset."""
        preset = request.preset
        await self._store.save_preset(preset.id, preset.title, _specification(preset.specification_json))
        return store_service_pb2.SavePresetResponse()

    async def GetPreset(  # noqa: N802
        self, request: store_service_pb2.GetPresetRequest, context: Any
    ) -> store_service_pb2.GetPresetResponse:
        """Gets a preset."""
        preset = await self._query.preset(request.id)
        text = json.dumps(preset.pop("specification"))
        return store_service_pb2.GetPresetResponse(
            preset=store_service_pb2.Preset(specification_json=text, **preset)
        )

    async def ListPresets(  # noqa: N802
        self, request: store_service_pb2.ListPresetsRequest, context: Any
    ) -> store_service_pb2.ListPresetsResponse:
        """Lists the presets."""
        presets = await self._query.presets()
        return store_service_pb2.ListPresetsResponse(
            presets=[store_service_pb2.Preset(**preset) for preset in presets]
        )

    async def DeletePreset(  # noqa: N802
        self, request: store_service_pb2.DeletePresetRequest, context: Any
    ) -> store_service_pb2.DeletePresetResponse:
        """Deletes a saved preset."""
        await self._store.delete_preset(request.id)
        return store_service_pb2.DeletePresetResponse()


def _specification(text: str) -> Any:
    """Returns a specification from its JSON; raises InvalidArgument when it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    raise InvalidArgument(f"the specification is no JSON: {text[:60]!r}", field="specification_json")


def run_message(document: dict[str, Any]) -> runs_pb2.Run:
    """Returns a run's document as a message."""
    message = runs_pb2.Run(
        identity=records_pb2.RunIdentity(project=document["project"], run_id=document["run_id"]),
        state=_STATES[document["state"]],
        name=document["name"],
        notes=document["notes"],
        tags=document["tags"],
        group=document["group"],
        job_type=document["job_type"],
        config=_entries(document.get("config", {})),
        summary=_entries(document.get("summary", {})),
        metric_definitions=[_definition(each) for each in document.get("metric_definitions", [])],
        traceback=document.get("traceback", ""),
        signal=document["signal"],
        next_step=document["next_step"],
        durable_step=document["durable_step"],
        synced_step=document["synced_step"],
        ingest_health=runs_pb2.IngestHealth(**document["ingest_health"]),
        process=records_pb2.Process(**document["process"]),
        metric_count=document["metric_count"],
        revision=document["revision"],
        environment=_entries(document.get("environment", {})),
        writers=[_writer(each) for each in document.get("writers", [])],
        end_reason=document["end_reason"],
        alerts=map(_alert, document.get("alerts", [])),
        system_metrics=[
            values_pb2.Entry(key=f"{host}/{name}", value=records.to_value(value))
            for host, values in document.get("system_metrics", {}).items()
            for name, value in values.items()
        ],
        stalled=document["stalled"],
        archived=document.get("archived", False),
    )
    if document["forked_from"]:
        origin = document["forked_from"]
        message.forked_from.run.project = origin["project"]
        message.forked_from.run.run_id = origin["run_id"]
        message.forked_from.last_step = origin["last_step"]
    for name in ("create_time", "update_time", "finish_time"):
        if (time_ms := document[f"{name}_unix_ms"]) is not None:
            getattr(message, name).FromMicroseconds(int(time_ms * 1000))
    if document["exit_code"] is not None:
        message.exit_code = document["exit_code"]
    if document.get("ranks") is not None:
        message.ranks.CopyFrom(_ranks(document["ranks"]))
    return message


def _ranks(document: dict[str, Any]) -> runs_pb2.Ranks:
    plain = {name: value for name, value in document.items() if name != "notes"}
    notes = [
        runs_pb2.RankNote(
            kind=note["kind"],
            text=note["text"],
            since_unix_nanos=int((note["since_unix_ms"] or 0) * 1e6),
            writer_ids=note["writer_ids"],
        )
        for note in document["notes"]
    ]
    return runs_pb2.Ranks(**plain, notes=notes)


def _alert(document: dict[str, Any]) -> runs_pb2.RunAlert:
    return runs_pb2.RunAlert(
        title=document["title"],
        text=document["text"],
        level=f"ALERT_LEVEL_{document['level']}",
        time_unix_nanos=int(document["time_unix_ms"] * 1e6),
    )


def _writer(document: dict[str, Any]) -> runs_pb2.Writer:
    # A list of runs is answered from the catalog, which keeps no lags and may be of an older trackd.
    state = document.get("state") or ("running" if document["open"] else "finished")
    rest: dict[str, Any] = {name: document.get(name) for name in _WRITER_FIELDS}
    return runs_pb2.Writer(
        writer_id=document["writer_id"],
        role=f"WRITER_ROLE_{document['role'].upper()}",
        label=document["label"],
        client=document["client"],
        process=records_pb2.Process(**document["process"]),
        open=document["open"],
        row_count=document["row_count"],
        metrics=document["metrics"],
        next_step=document["next_step"],
        update_time_unix_nanos=int(document["update_time_unix_ms"] * 1e6),
        console_line_count=document["console_line_count"],
        state=_STATES[state],
        end_reason=document.get("end_reason", ""),
        begin_time_unix_nanos=int(document.get("begin_time_unix_ms", 0) * 1e6),
        heard_time_unix_nanos=int(document.get("heard_time_unix_ms", 0) * 1e6),
        row_time_unix_nanos=int(document.get("row_time_unix_ms", 0) * 1e6),
        **rest,
    )


def _identity(message: records_pb2.RunIdentity) -> tuple[str, str]:
    return message.project, message.run_id


def parse_filters(text: str) -> dict[str, Any] | str:
    """Returns filters from their JSON, an object or a typed filter as a text; raises InvalidArgument when it is neither."""
    if not text:
        return {}
    with contextlib.suppress(ValueError, RecursionError):
        filters = json.loads(text)
        if isinstance(filters, dict | str):
            return filters
    raise InvalidArgument(
        f"filters are neither a JSON object nor a JSON text: {text[:60]!r}", field="filters"
    )


def _entries(values: dict[str, Any]) -> list[values_pb2.Entry]:
    return [values_pb2.Entry(key=key, value=records.to_value(value)) for key, value in values.items()]


def _definition(document: dict[str, Any]) -> records_pb2.MetricDefinition:
    message = records_pb2.MetricDefinition(
        name=document["name"],
        summary_kinds=[f"SUMMARY_KIND_{kind.upper()}" for kind in document["summary"]],
        goal=f"GOAL_{(document['goal'] or 'unspecified').upper()}",
    )
    for name in ("step_metric", "step_sync", "hidden"):
        if document[name] is not None:
            setattr(message, name, document[name])
    return message


def make_server(daemon: Daemon) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """Returns a gRPC server with all services of a daemon, not started, and its health."""
    server = grpc_gate.bare_server(TokenDoor(daemon.token), daemon.note_call, config.MESSAGE_BYTES_MAX)
    run_service_pb2_grpc.add_RunServiceServicer_to_server(RunService(daemon), server)
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(IngestService(daemon), server)
    query_service_pb2_grpc.add_QueryServiceServicer_to_server(QueryService(daemon), server)
    store_service_pb2_grpc.add_StoreServiceServicer_to_server(StoreService(daemon), server)
    upload_service_pb2_grpc.add_UploadServiceServicer_to_server(UploadService(daemon), server)
    return server, add_health(server)


def add_health(server: grpc.aio.Server) -> health.aio.HealthServicer:
    """Adds the health of a server's services, and returns it."""
    state = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    return state


async def set_health(state: health.aio.HealthServicer, is_serving: bool) -> None:
    """Sets the health of every service."""
    status = (
        health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING
    )
    for service in ("", *SERVICES):
        await state.set(service, status)

"""Owns reading runs back from a real daemon for the tests: rows, summary, config and state, through gRPC alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np

import trackd
from conformance.readback import values
from trackd import _daemon, _decode
from trackd.v1 import (
    query_service_pb2,
    query_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    runs_pb2,
)

Metadata: TypeAlias = "tuple[tuple[str, str], ...]"
PATIENCE_SECONDS = 60  # for a daemon to come up, where the machine is busy
ROW_KEY = "_row"  # marks rows that have no values


def endpoint_of(store: Path | str | None = None) -> _daemon.Endpoint:
    """Returns where the store's daemon listens, once it has said so: a short run may be over before."""
    folder = str(store or os.environ["TRACKD_STORE"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (endpoint := _daemon.read_endpoint(folder)) is None:
        assert time.monotonic() < deadline, f"no daemon of {folder} has said where it listens"
        time.sleep(0.02)
    return endpoint


@contextmanager
def connection(store: str | None = None) -> Iterator[tuple[grpc.Channel, Metadata]]:
    """Gives a channel to the store's daemon and the metadata of its calls."""
    endpoint = endpoint_of(store)
    options = [("grpc.max_receive_message_length", -1)]  # a whole series is one message
    with grpc.insecure_channel(endpoint.grpc_address, options) as channel:
        yield channel, (("authorization", f"Bearer {endpoint.token}"),)


def get_daemon(store: str | None = None) -> run_service_pb2.GetDaemonResponse:
    """Returns what the store's daemon says of itself."""
    with connection(store) as (channel, metadata):
        stub = run_service_pb2_grpc.RunServiceStub(channel)
        answer: run_service_pb2.GetDaemonResponse = stub.GetDaemon(
            run_service_pb2.GetDaemonRequest(), metadata=metadata, timeout=60
        )
        return answer


def get_run(run_id: str, project: str = "", store: str | None = None) -> runs_pb2.Run:
    """Returns a run as the daemon describes it."""
    with connection(store) as (channel, metadata):
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        request = query_service_pb2.GetRunRequest(run=records_pb2.RunIdentity(project=project, run_id=run_id))
        run: runs_pb2.Run = stub.GetRun(request, metadata=metadata, timeout=60).run
        return run


def list_runs(project: str = "", store: str | None = None) -> list[runs_pb2.Run]:
    """Returns the runs of a project, or of all."""
    with connection(store) as (channel, metadata):
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        request = query_service_pb2.ListRunsRequest(project=project, page_size=10_000)
        return list(stub.ListRuns(request, metadata=metadata, timeout=60).runs)


def series(
    run_id: str, *keys: str, project: str = "", store: str | None = None
) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Returns (step, value) pairs by (metric, kind), for some metrics or all."""
    with connection(store) as (channel, metadata):
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        request = query_service_pb2.ReadSeriesRequest(
            run=records_pb2.RunIdentity(project=project, run_id=run_id), keys=keys
        )
        messages = list(stub.ReadSeries(request, metadata=metadata, timeout=60))
    result = {}
    for message in messages:
        kind = query_service_pb2.MetricKind.Name(message.kind).removeprefix("METRIC_KIND_").lower()
        steps = np.frombuffer(message.steps, np.int64).tolist()
        result[(message.key, kind)] = list(zip(steps, values(message, kind), strict=True))
    return result


def rows(run_id: str, project: str = "", store: str | None = None) -> list[tuple[int, dict[str, Any]]]:
    """Returns the history as (step, values) rows in the order of steps; rows without values are rows too."""
    found: dict[int, dict[str, Any]] = {}
    for (key, _), points in series(run_id, project=project, store=store).items():
        for step, value in points:
            row = found.setdefault(step, {})
            if key != ROW_KEY:
                row[key] = value
    return sorted(found.items())


def summary(run_id: str, project: str = "", store: str | None = None) -> dict[str, Any]:
    """Returns the summary by dotted key."""
    return _decode.entries(get_run(run_id, project, store).summary)


def config(run_id: str, project: str = "", store: str | None = None) -> dict[str, Any]:
    """Returns the config."""
    return _decode.entries(get_run(run_id, project, store).config)


def state(run_id: str, project: str = "", store: str | None = None) -> str:
    """Returns the run's state, for example "finished"."""
    return state_name(get_run(run_id, project, store))


def find_state(run_id: str, project: str = "", store: str | None = None) -> str:
    """Returns the run's state, or the empty string while the daemon does not know the run."""
    try:
        return state(run_id, project, store)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return ""
        raise


def state_name(run: runs_pb2.Run) -> str:
    """Returns the state of a run's description as a word."""
    return runs_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_").lower()


def logged(run: trackd.Run) -> list[tuple[int, dict[str, Any]]]:
    """Returns the rows of a run of this process, once everything logged so far is readable."""
    assert run.flush(60)
    return rows(run.id, run.project)

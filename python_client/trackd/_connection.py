"""Owns the way to ask the daemon of a store: finds or starts it, opens the channel, and turns failures into `CommError`.

Invariants: every call here can be repeated without harm, so a call that finds no daemon is made again with the next one
until the time is over; every failure is one sentence. gRPC is imported with the first call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from trackd import _daemon, _shipper
from trackd.errors import CommError

ANSWER_BYTES_MAX = 256 << 20  # the daemon's limit (config.ANSWER_BYTES_MAX): one series of 10 M points
_CHUNK_BYTES = 1 << 20  # of an object, a message: the daemon's limit
_POLL_SECONDS = 0.01  # a daemon is up in 0.4 s
_RESTART_SECONDS = 5.0  # within this no second daemon is started

_T = TypeVar("_T")


class NotFoundError(CommError):
    """What was asked for is not in the store."""


class AnswerTooLargeError(CommError):
    """An answer is larger than a message can be: ask for less at once."""


class Connection:
    """A channel to the daemon of one store, opened and opened again as needed. Safe to use from several threads."""

    def __init__(self, store: str, timeout_seconds: float, *, may_start: bool = True) -> None:
        """Takes the store's folder, how long a call may take, and whether a daemon is started when none is there."""
        self.store = store
        self._timeout_seconds = timeout_seconds
        self._may_start = may_start
        self._channel: Any = None
        self._endpoint: _daemon.Endpoint | None = None

    def query(self, ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        """Returns `ask(stub, options)` with the stub of QueryService and the options that each of its calls takes.

        Raises:
            CommError: no daemon answers in time, or it refuses; the sentence is the daemon's.
        """
        from trackd.v1 import query_service_pb2_grpc

        return self._call(query_service_pb2_grpc.QueryServiceStub, ask)

    def manage(self, ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        """Returns `ask(stub, options)` as `query` does, with the stub of RunService."""
        from trackd.v1 import run_service_pb2_grpc

        return self._call(run_service_pb2_grpc.RunServiceStub, ask)

    def administer(self, ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        """Returns `ask(stub, options)` as `query` does, with the stub of StoreService."""
        from trackd.v1 import store_service_pb2_grpc

        return self._call(store_service_pb2_grpc.StoreServiceStub, ask)

    def upload(self, ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        """Returns `ask(stub, options)` as `query` does, with the stub of UploadService."""
        from trackd.v1 import upload_service_pb2_grpc

        return self._call(upload_service_pb2_grpc.UploadServiceStub, ask)

    def put_object(self, data: bytes | memoryview) -> str:
        """Stores bytes as an object, before some record refers to it; returns its sha256. Raises CommError."""
        from trackd.v1 import ingest_service_pb2, ingest_service_pb2_grpc

        def pieces() -> Iterator[ingest_service_pb2.PutObjectRequest]:
            for start in range(0, len(data), _CHUNK_BYTES):
                yield ingest_service_pb2.PutObjectRequest(chunk=bytes(data[start : start + _CHUNK_BYTES]))

        answer = self._call(
            ingest_service_pb2_grpc.IngestServiceStub,
            lambda stub, options: stub.PutObject(pieces(), **options),
        )
        return str(answer.sha256)

    def read_object(self, sha256: str) -> bytes:
        """Returns an object's bytes. Raises NotFoundError when the store has no such object."""
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.ReadObjectRequest(sha256=sha256)
        return self.query(
            lambda stub, options: b"".join(part.chunk for part in stub.ReadObject(request, **options))
        )

    @property
    def http_address(self) -> str:
        """The address of the web app as the daemon last said; empty before the first call."""
        return self._endpoint.http_address if self._endpoint is not None else ""

    def close(self) -> None:
        """Closes the channel; the next call opens another."""
        if self._channel is not None:
            self._channel.close()
        self._channel = None

    def _call(self, make_stub: Callable[[Any], Any], ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        if not _shipper.may_use_grpc():
            raise CommError(
                "this process was forked from one that used trackd, where gRPC cannot go on: read runs in the parent, or "
                "start the process with multiprocessing's 'spawn'"
            )
        import grpc

        deadline = time.monotonic() + self._timeout_seconds
        start_time = float("-inf")
        while True:
            if not _daemon.is_alive(self.store):
                self.close()
                start_time = self._start(start_time)
            elif self._channel is None:
                self._open()
            left = deadline - time.monotonic()
            if self._channel is not None and self._endpoint is not None:
                options = {
                    "metadata": (("authorization", f"Bearer {self._endpoint.token}"),),
                    "timeout": max(left, _POLL_SECONDS),
                }
                try:
                    return ask(make_stub(self._channel), options)
                except grpc.RpcError as error:
                    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
                    words = (error.details() if hasattr(error, "details") else None) or str(error)
                    # The token is made once a store; a wrong one means that the endpoint file was an older one.
                    if (
                        code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED)
                        or left <= 0
                    ):
                        raise _explain(code, words, self.store, self._timeout_seconds) from None
                    self.close()
            if left <= 0:
                raise CommError(
                    f"no daemon answers for the store {self.store} within {self._timeout_seconds:g} s: run `trackd doctor`, "
                    "or see daemon.log in the store"
                )
            time.sleep(_POLL_SECONDS)

    def _start(self, start_time: float) -> float:
        """Starts a daemon, unless that was done just now; returns when one was last started."""
        if not self._may_start:
            raise CommError(f"no daemon serves the store {self.store}: `trackd up` starts one")
        if time.monotonic() - start_time < _RESTART_SECONDS:
            return start_time
        try:
            _daemon.start(self.store)
        except OSError as error:
            raise CommError(f"no daemon can be started for the store {self.store}: {error}") from None
        return time.monotonic()

    def _open(self) -> None:
        """Opens a channel to the daemon that the endpoint file names; does nothing while there is none."""
        endpoint = _daemon.read_endpoint(self.store)
        if endpoint is None:
            return
        if endpoint.protocol_version != _daemon.PROTOCOL_VERSION:
            raise CommError(
                f"the daemon is trackd {endpoint.version} and speaks protocol {endpoint.protocol_version}; this is protocol "
                f"{_daemon.PROTOCOL_VERSION}: end it with `trackd down` and try again"
            )
        # Without its fork hooks (see _shipper).
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        self._endpoint = endpoint
        self._channel = grpc.insecure_channel(
            endpoint.grpc_address,
            options=[
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
                # Without it, two channels to one address share one connection and its backoff after a restart.
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )


def _explain(code: Any, words: str, store: str, timeout_seconds: float) -> CommError:
    import grpc

    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return AnswerTooLargeError(words)
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(words)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return CommError(
            f"the daemon of {store} did not answer within {timeout_seconds:g} s: give trackd.Api(timeout=…) more, or run "
            "`trackd doctor`"
        )
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN):
        return CommError(f"the daemon of {store} does not answer: {words}")
    return CommError(words)

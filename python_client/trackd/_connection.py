"""Owns the way to ask about the runs of a store: asks the peer again while it starts, and turns failures into `CommError`.

Invariants: every call here can be repeated without harm, so a call that finds no daemon is made again with the next one
until the time is over; every failure is one sentence. gRPC is imported with the first call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from trackd import _peer, _settings, _shipper
from trackd.errors import CommError

_CHUNK_BYTES = 1 << 20  # of an object, a message: the daemon's limit
_CALL_SECONDS_MIN = 0.01  # what a call is given at least

_T = TypeVar("_T")


class NotFoundError(CommError):
    """What was asked for is not in the store."""


class AnswerTooLargeError(CommError):
    """An answer is larger than a message can be: ask for less at once."""


class Connection:
    """A channel to whoever has the runs of one store, opened and opened again as needed. Safe to use from several threads."""

    def __init__(
        self, store: str, timeout_seconds: float, *, may_start: bool = True, key: str | None = None
    ) -> None:
        """Takes where runs are, and how long a call may take.

        Args:
            store: The store's folder, or the address of a team server, as `_settings.store_path` returns them.
            timeout_seconds: How long a call may take.
            may_start: Whether a daemon is started when a folder has none.
            key: Of a team server; None for the one that is set or kept.
        """
        self.store = store
        self._timeout_seconds = timeout_seconds
        self._peer: _peer.Peer
        if _settings.is_server(store):
            self._peer = _peer.ServerPeer(store, key)
        else:
            self._peer = _peer.DaemonPeer(store, may_start)
        self._channel: Any = None

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
        self._check_local()
        from trackd.v1 import store_service_pb2_grpc

        return self._call(store_service_pb2_grpc.StoreServiceStub, ask)

    def upload(self, ask: Callable[[Any, dict[str, Any]], _T]) -> _T:
        """Returns `ask(stub, options)` as `query` does, with the stub of UploadService."""
        self._check_local()
        from trackd.v1 import upload_service_pb2_grpc

        return self._call(upload_service_pb2_grpc.UploadServiceStub, ask)

    def put_object(self, data: bytes | memoryview) -> str:
        """Stores bytes as an object, before some record refers to it; returns its sha256. Raises CommError."""
        self._check_local()
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

    def get(self, path: str) -> Any:
        """Returns the answer to a GET of a path of the HTTP API (docs/http_api.md), to be closed. Raises CommError."""
        return self._peer.get(path)

    @property
    def http_address(self) -> str:
        """The address of the web app as the peer last said; of a daemon, empty before the first call."""
        return self._peer.http_address

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
        grpc = _peer.import_grpc()
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            if self._channel is not None and self._peer.is_gone():
                self.close()
            if self._channel is None:
                self._channel = self._peer.open_channel()
            left = deadline - time.monotonic()
            if self._channel is not None:
                options = {
                    "metadata": (("authorization", f"Bearer {self._peer.key}"),),
                    "timeout": max(left, _CALL_SECONDS_MIN),
                }
                try:
                    answer = ask(make_stub(self._channel), options)
                except grpc.RpcError as error:
                    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
                    words = (error.details() if hasattr(error, "details") else None) or str(error)
                    if left <= 0 or not self._may_pass(code):
                        raise self._explain(code, words) from None
                    self.close()
                else:
                    self._peer.note_answer()
                    return answer
            if left <= 0:
                raise CommError(
                    f"{self._peer.silence} within {self._timeout_seconds:g} s: {self._peer.advice}"
                )
            time.sleep(self._peer.poll_seconds)

    def _may_pass(self, code: Any) -> bool:
        """Says whether a call is made again after a failure."""
        grpc = _peer.import_grpc()
        # A store's token is made once; a wrong one means that the endpoint file was an older one.
        return bool(
            code is grpc.StatusCode.UNAVAILABLE
            or (code is grpc.StatusCode.UNAUTHENTICATED and self._peer.is_local)
        )

    def _explain(self, code: Any, words: str) -> CommError:
        grpc = _peer.import_grpc()
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return AnswerTooLargeError(words)
        if code is grpc.StatusCode.NOT_FOUND:
            return NotFoundError(words)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return CommError(
                f"{self._peer.name} did not answer within {self._timeout_seconds:g} s: give trackd.Api(timeout=…) more, or "
                f"{self._peer.advice}"
            )
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN):
            return CommError(f"{self._peer.name} does not answer: {words}")
        return CommError(words)

    def _check_local(self) -> None:
        if not self._peer.is_local:
            raise CommError(
                f"{self._peer.name} does not do that: it takes a store of this machine, by store= or TRACKD_STORE"
            )

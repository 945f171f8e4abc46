"""Owns the proxy that stands between a client and the real daemon, and the faults that it makes.

Invariant: bytes pass through as they are; what a fault does is written in the case, and nothing else ever happens to a call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

_THREADS = 32


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        method: The call that it happens to, such as "Append".
        call: To which one, counted from 1 since the case began.
        count: To how many in a row.
        do: "refuse" answers with `status` and forwards nothing; "lose_answer" forwards the call and answers UNAVAILABLE, as a
            connection that breaks does; "hang" answers nothing until the client gives up.
        status: The gRPC status of "refuse".
        reason: Its reason, as error_reason.proto has it; empty for none, as where it comes from the transport.
        metadata: What the reason says beside.
    """

    method: str
    call: int
    do: str
    count: int = 1
    status: str = "UNAVAILABLE"
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class FaultProxy(grpc.GenericRpcHandler):
    """Forwards every call to a daemon, but for the faults of a case."""

    def __init__(self, faults: list[Fault]) -> None:
        """Begins to listen on a free port of the loopback."""
        self._faults = faults
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._channel: Any = None
        self._closing = threading.Event()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(_THREADS), options=[("grpc.max_receive_message_length", -1)]
        )
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def forward_to(self, address: str | None) -> None:
        """Forwards to a daemon from now on; None while there is none."""
        with self._lock:
            former, self._channel = self._channel, None
            if address is not None:
                self._channel = grpc.insecure_channel(
                    address, options=[("grpc.max_receive_message_length", -1)]
                )
        if former is not None:
            former.close()

    def close(self) -> None:
        """Ends what hangs, and the proxy."""
        self._closing.set()
        self._server.stop(0.1).wait()
        self.forward_to(None)

    def count(self, method: str) -> int:
        """Returns how many calls of a method there were."""
        with self._lock:
            return self._counts.get(method, 0)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Returns the handler of a call; of the four kinds, streams both ways carry all."""
        path = handler_call_details.method

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            yield from self._handle(path, requests, context)

        return grpc.stream_stream_rpc_method_handler(handle)

    def _handle(self, path: str, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        method = path.rpartition("/")[2]
        with self._lock:
            number = self._counts[method] = self._counts.get(method, 0) + 1
            channel = self._channel
        fault = next(
            (each for each in self._faults if each.method == method and 0 <= number - each.call < each.count),
            None,
        )
        if fault is not None and fault.do == "hang":
            while context.is_active() and not self._closing.wait(0.05):
                pass
            return
        if fault is not None and fault.do == "refuse":
            _refuse(context, fault)
        if channel is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "there is no daemon behind the proxy")
        metadata = [
            (key, value) for key, value in context.invocation_metadata() if not key.startswith("grpc-")
        ]
        call = channel.stream_stream(path)(requests, metadata=metadata, timeout=context.time_remaining())
        context.add_callback(call.cancel)
        try:
            if fault is None:
                yield from call
            else:
                list(call)
        except grpc.RpcError as error:
            context.set_trailing_metadata(tuple(call.trailing_metadata() or ()))
            context.abort(error.code(), error.details() or "")
        if fault is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the proxy has lost the answer")


def _refuse(context: grpc.ServicerContext, fault: Fault) -> None:
    status = status_pb2.Status(
        code=grpc.StatusCode[fault.status].value[0], message="the proxy refuses this call"
    )
    if fault.reason:
        status.details.add().Pack(
            error_details_pb2.ErrorInfo(domain="trackd", reason=fault.reason, metadata=fault.metadata)
        )
    context.abort_with_status(rpc_status.to_status(status))

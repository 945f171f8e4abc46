"""Owns what stands before the gRPC face: who is let in, and errors as statuses with a reason.

Invariants: nobody's message is read whole before its sender was let in; what comes behind knows who asks (`access`), and a
stream that stays open asks again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from trackd_service import access, auth, config
from trackd_service.errors import TrackdError, Unauthenticated
from trackd_service.principals import Caller

_log = logging.getLogger("trackd.grpc")
_DOMAIN = "trackd"
_HEALTH = "/grpc.health.v1.Health/"
_AGAIN_SECONDS = 10.0  # after which a stream asks whether its key still holds


# Is told of an answer: the call, its status by name, how many seconds it took (None for a stream), and who called.
NoteAnswer: TypeAlias = Callable[[str, str, "float | None", "Caller | None"], None]


class CallDoor(Protocol):
    """Says whose calls are let in."""

    async def let_in(self, metadata: Mapping[str, str]) -> Caller | None:
        """Returns who calls, None for one for whom everything is allowed. Raises Unauthenticated."""


class TokenDoor:
    """Lets in who has the store's token."""

    def __init__(self, token: str) -> None:
        """Takes the token."""
        self._token = token

    async def let_in(self, metadata: Mapping[str, str]) -> Caller | None:
        """Returns None. Raises Unauthenticated."""
        if not auth.is_right(auth.bearer(metadata.get("authorization")), self._token):
            raise Unauthenticated("the token is missing or wrong: it stands in endpoint.json of the store")
        return None


class Gate(grpc.aio.ServerInterceptor):
    """Lets in only whom the door lets in, and turns errors into statuses with a reason."""

    def __init__(self, door: CallDoor, note_call: Callable[[], None], note_answer: NoteAnswer) -> None:
        """Takes who is let in, and what is told of each call and each answer."""
        self._door = door
        self._note_answer = note_answer
        self._note_call = note_call

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(_HEALTH):
            return handler  # health tells nobody anything, and probes have no token
        metadata = dict(details.invocation_metadata)
        try:
            caller = await self._door.let_in(metadata)
        except TrackdError as error:
            self._note_answer(details.method, error.grpc_code, 0.0, None)
            return grpc.stream_stream_rpc_method_handler(_refusing(error))
        self._note_call()
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(handler.unary_stream, caller, metadata, details.method),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(handler.stream_unary, caller, details.method),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(handler.unary_unary, caller, details.method),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _stream(self, function: Any, caller: Caller | None, metadata: Mapping[str, str], method: str) -> Any:
        async def call(request: Any, context: Any) -> AsyncIterator[Any]:
            asked_time, status = time.monotonic(), "CANCELLED"
            try:
                with access.asking(caller):
                    async for answer in function(request, context):
                        if time.monotonic() - asked_time > _AGAIN_SECONDS:
                            asked_time = time.monotonic()
                            if await self._door.let_in(metadata) != caller:
                                raise Unauthenticated("what the key may see has changed: call again")
                        yield answer
                status = "OK"
            except (asyncio.CancelledError, grpc.aio.AbortError, GeneratorExit):
                raise
            except Exception as error:  # noqa: BLE001 - told, and logged whole where it is none of ours
                known = _known(error)
                status = known.grpc_code
                await context.abort_with_status(_status(known))
            finally:
                # Some stay open for as long as somebody listens, and how long says nothing.
                self._note_answer(method, status, None, caller)

        return call

    def _unary(self, function: Any, caller: Caller | None, method: str) -> Any:
        async def call(request: Any, context: Any) -> Any:
            begin, status = time.monotonic(), "CANCELLED"
            try:
                with access.asking(caller):
                    answer = await function(request, context)
                status = "OK"
            except (asyncio.CancelledError, grpc.aio.AbortError):
                raise
            except Exception as error:  # noqa: BLE001 - told, and logged whole where it is none of ours
                known = _known(error)
                status = known.grpc_code
                await context.abort_with_status(_status(known))
            else:
                return answer
            finally:
                self._note_answer(method, status, time.monotonic() - begin, caller)

        return call


def _refusing(error: TrackdError) -> Any:
    async def call(_: Any, context: Any) -> Any:
        await context.abort_with_status(_status(error))

    return call


def _known(error: Exception) -> TrackdError:
    """Returns an error for whoever called; a fault of ours is logged whole, and must not end the rest."""
    if isinstance(error, TrackdError):
        return error
    _log.error("a call failed", exc_info=error)
    return TrackdError("the daemon failed: see its daemon.log")


def _status(error: TrackdError) -> Any:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=_DOMAIN, metadata=error.metadata)
    detail = any_pb2.Any()
    detail.Pack(info)
    return rpc_status.to_status(
        status_pb2.Status(code=code_pb2.Code.Value(error.grpc_code), message=error.message, details=[detail])
    )


def bare_server(
    door: CallDoor,
    note_call: Callable[[], None],
    message_bytes_max: int,
    note_answer: NoteAnswer = lambda *_: None,
) -> grpc.aio.Server:
    """Returns a gRPC server without services, behind a gate."""
    return grpc.aio.server(
        interceptors=[Gate(door, note_call, note_answer)],
        options=[
            ("grpc.so_reuseport", 0),  # two daemons must never share an address
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", config.ANSWER_BYTES_MAX),
        ],
    )

"""Owns a proxy that stands before an S3 server and does to requests what networks and servers do to them at their worst.

Invariants: without a fault every byte passes as it came, the `Host` header too, so signatures stay valid; what is random
comes from the seed; `heal` ends every fault at once, the hanging connections among them; nothing outlives the `with`.

    with FaultProxy(server.endpoint_url) as proxy:
        proxy.inject(Fault("answer", status=503, code="SlowDown"), methods="PUT", times=2)
        ...                        # requests to proxy.endpoint_url
        proxy.heal()
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

FaultKind = Literal[
    "refuse",  # Nobody listens; takes no share and no methods.
    "hang",  # The request is read and never answered.
    "reset_request",  # The connection is reset when `after_bytes` of the request have passed.
    "reset_response",  # The same of the response.
    "reset_anywhere",  # The same at a place of the seed's choice, in one or the other.
    "slow",  # Both directions pass at `bytes_per_second`.
    "answer",  # The server is not asked; the answer is an S3 error of `status` and `code`.
    "flip_request",  # One bit of the request's body is turned.
    "flip_response",  # One bit of the body of a response that is a success is turned.
    "drop_answer",  # The server does it, and its answer is lost.
]
Result = TypeVar("Result")

_READ_BYTES = 1 << 16
_SLICES_PER_SECOND = 20
_RESET_WITHIN_BYTES = 4096
_TURNS = 10
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a request; see `FaultKind`.

    Attributes:
        kind: Which of them.
        after_bytes: For resets: how many bytes pass before, the head included.
        bytes_per_second: For `slow`.
        status: For `answer`: the HTTP status.
        code: For `answer`: S3's word for the error.
        clock_offset_seconds: For `answer`: how far the server's clock seems ahead.
    """

    kind: FaultKind
    after_bytes: int = 0
    bytes_per_second: int = 0
    status: int = 500
    code: str = "InternalError"
    clock_offset_seconds: float = 0.0


class FaultProxy:
    """The proxy, a context manager. Every method may be called from any thread.

    Attributes:
        endpoint_url: Where it listens, always the same.
        requests: How many requests came, by method; those that met a fault included.
        faults: How many requests met a fault.
        bytes_sent: How many bytes of requests, heads included, went to the server.
        bytes_received: How many bytes of responses went to the clients.
    """

    def __init__(self, target_url: str, seed: int = 0) -> None:
        """Takes the server's URL, http alone, and the seed."""
        target = urlsplit(target_url)
        assert target.scheme == "http"
        self._target = (target.hostname, target.port)
        self._random = random.Random(seed)
        self._fault: Fault | None = None
        self._share = 1.0
        self._methods: frozenset[str] = frozenset()
        self._times_left: int | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._incoming: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = 0
        self.requests: Counter[str] = Counter()
        self.faults = 0
        self.bytes_sent = 0
        self.bytes_received = 0

    def __enter__(self) -> FaultProxy:  # noqa: PYI034  # `Self` is younger than Python 3.10.
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def endpoint_url(self) -> str:
        """Where clients reach the proxy."""
        return f"http://127.0.0.1:{self._port}"

    def inject(
        self, fault: Fault, *, share: float = 1.0, methods: str = "", times: int | None = None
    ) -> None:
        """Begins a fault, in place of the one before.

        Args:
            fault: What happens.
            share: To which share of the requests, chosen at random.
            methods: To which methods, such as `"PUT POST"`; empty means all.
            times: How often, before all is well again; None means until `heal`.
        """

        async def begin() -> None:
            self._fault, self._share, self._times_left = fault, share, times
            self._methods = frozenset(methods.split())
            if fault.kind == "refuse":
                await self._close()

        self._run(begin())

    def heal(self) -> None:
        """Ends the fault; connections that hang are closed."""

        async def end() -> None:
            was, self._fault = self._fault, None
            if was is not None and was.kind in ("hang", "refuse", "slow"):
                await self._close()
                await self._listen()

        self._run(end())

    def reset_counts(self) -> None:
        """Begins to count anew."""

        async def reset() -> None:
            self.requests.clear()
            self.faults = self.bytes_sent = self.bytes_received = 0

        self._run(reset())

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    async def _listen(self) -> None:
        # By hand: a server of asyncio's loses connections that come in while it closes.
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _close(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for connection in self._incoming:
            connection.close()
        self._incoming.clear()
        # Transports close in a later turn of the loop.
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            # A task that is cancelled before its first step leaves its connection here.
            self._incoming.add(connection)
            task = self._loop.create_task(self._serve(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: socket.socket) -> None:
        self._incoming.discard(connection)
        client = _Pipe(*await asyncio.open_connection(sock=connection), self._count_received)
        try:
            while head := await client.read_head():
                if not await self._exchange(client, head):
                    break
        except (_Cut, asyncio.CancelledError):
            client.reset()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            client.close()

    def _count_sent(self, size_bytes: int) -> None:
        self.bytes_sent += size_bytes

    def _count_received(self, size_bytes: int) -> None:
        self.bytes_received += size_bytes

    def _choose(self, method: str) -> Fault | None:
        fault = self._fault
        if (
            fault is None
            or (self._methods and method not in self._methods)
            or self._times_left == 0
            or self._random.random() >= self._share
        ):
            return None
        if self._times_left is not None:
            self._times_left -= 1
        self.faults += 1
        if fault.kind == "reset_anywhere":
            side: FaultKind = "reset_request" if self._random.random() < 0.5 else "reset_response"
            return Fault(side, after_bytes=self._random.randrange(_RESET_WITHIN_BYTES))
        return fault

    async def _exchange(self, client: _Pipe, head: _Head) -> bool:
        """Passes one request and its response; returns whether the connection may serve another."""
        self.requests[head.method] += 1
        fault = self._choose(head.method)
        kind = fault.kind if fault else None
        if fault and kind == "hang":
            await asyncio.Event().wait()
        if fault and kind == "answer":
            await self._answer(client, head, fault)
            return False
        server = _Pipe(*await asyncio.open_connection(*self._target), self._count_sent)
        pace = fault.bytes_per_second if fault else 0
        client.restrict(fault.after_bytes if fault and kind == "reset_response" else None, pace)
        server.restrict(fault.after_bytes if fault and kind == "reset_request" else None, pace)
        try:
            await server.write(head.data)
            body = asyncio.ensure_future(
                self._pass_request(client, server, head, flip=kind == "flip_request")
            )
            try:
                answer = await self._final_answer(
                    client, server, head, body, is_dropped=kind == "drop_answer"
                )
                if kind == "drop_answer":
                    raise _Cut
                await client.write(answer.data)
                flip = kind == "flip_response" and answer.status in (200, 206)
                async for block in self._flipped(server.blocks(answer, head.method), flip=flip):
                    await client.write(block)
            finally:
                was_whole = body.done() and not body.cancelled() and body.exception() is None
                body.cancel()
                await asyncio.gather(body, return_exceptions=True)
            return was_whole and answer.keeps_alive
        finally:
            server.close()

    async def _pass_request(self, client: _Pipe, server: _Pipe, head: _Head, *, flip: bool) -> None:
        if head.waits_for_consent:
            await server.consent.wait()
        async for block in self._flipped(client.blocks(head, ""), flip=flip):
            await server.write(block)

    async def _final_answer(
        self, client: _Pipe, server: _Pipe, head: _Head, body: asyncio.Task[None], *, is_dropped: bool
    ) -> _Head:
        """Waits for the response, which may come before the body has gone; a fault of the body comes first."""
        while True:
            reading = asyncio.ensure_future(server.read_head())
            try:
                await asyncio.wait({reading, body}, return_when=asyncio.FIRST_COMPLETED)
                if body.done() and isinstance(body.exception(), _Cut):
                    raise _Cut
                answer = await reading
            finally:
                reading.cancel()
            if answer is None:
                raise _Cut  # The server has closed without a word.
            if answer.status != 100:
                return answer
            if head.waits_for_consent:
                await client.write(answer.data)
                server.consent.set()
            elif not is_dropped:
                await client.write(answer.data)

    async def _flipped(self, blocks: AsyncIterator[bytes], *, flip: bool) -> AsyncIterator[bytes]:
        async for block in blocks:
            if flip and block:
                flip = False
                changed = bytearray(block)
                changed[self._random.randrange(len(changed))] ^= 1
                yield bytes(changed)
            else:
                yield block

    async def _answer(self, client: _Pipe, head: _Head, fault: Fault) -> None:
        if not head.waits_for_consent:
            async for _ in client.blocks(head, ""):
                pass
        # Servers do quote what they were sent.
        quoted = f"{head.headers.get('authorization', '')} {head.headers.get('x-amz-security-token', '')}"
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{fault.code}</Code>'
            f"<Message>No: {quoted}</Message></Error>"
        ).encode()
        date = email.utils.formatdate(time.time() + fault.clock_offset_seconds, usegmt=True)
        lines = (
            f"HTTP/1.1 {fault.status} Fault\r\nDate: {date}\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        await client.write(lines.encode() + (b"" if head.method == "HEAD" else text))


class _Cut(Exception):  # No error: it is the fault that was asked for.
    """The connection to the client is to be reset."""


class _Head:
    """The first line and the headers of a request or a response, as they came and taken apart."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        first, *lines = data.decode("latin-1").split("\r\n")
        words = first.split(" ")
        self.method = words[0]
        self.status = int(words[1]) if words[0].startswith("HTTP/") else 0
        pairs = (line.partition(":") for line in lines if line)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}

    @property
    def waits_for_consent(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def keeps_alive(self) -> bool:
        is_bounded = (
            "content-length" in self.headers or "transfer-encoding" in self.headers or self.status == 204
        )
        return is_bounded and self.headers.get("connection", "").lower() != "close"


class _Pipe:
    """One side's connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._count = count
        self._bytes_left: int | None = None
        self._bytes_per_second = 0
        self.consent = asyncio.Event()

    def restrict(self, bytes_max: int | None, bytes_per_second: int) -> None:
        """Cuts the connection after so many bytes more are written, and holds them to a pace (0: none)."""
        self._bytes_left = bytes_max
        self._bytes_per_second = bytes_per_second

    async def read_head(self) -> _Head | None:
        try:
            return _Head(await self._reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:
            return None

    async def blocks(self, head: _Head, request_method: str) -> AsyncIterator[bytes]:
        """Yields the body that belongs to a head, chunks as they are framed."""
        if request_method == "HEAD" or head.status in (204, 304):
            return
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                line = await self._reader.readuntil(b"\r\n")
                size_bytes = int(line.split(b";")[0], 16)
                yield line
                yield await self._reader.readexactly(size_bytes + 2)
                if size_bytes == 0:
                    return
        is_endless = head.status > 0 and "content-length" not in head.headers
        left = int(head.headers.get("content-length", 0))
        while is_endless or left > 0:
            block = await self._reader.read(_READ_BYTES if is_endless else min(left, _READ_BYTES))
            if not block:
                if is_endless:
                    return
                raise _Cut
            left -= len(block)
            yield block

    async def write(self, data: bytes) -> None:
        """Writes, within the restriction.

        Raises:
            _Cut: If the restriction ends here.
        """
        is_cut = self._bytes_left is not None and len(data) > self._bytes_left
        if self._bytes_left is not None:
            data = data[: self._bytes_left]
            self._bytes_left -= len(data)
        step = (
            max(1, self._bytes_per_second // _SLICES_PER_SECOND) if self._bytes_per_second else len(data) or 1
        )
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            # Counted first: who has read it may look at the count at once.
            self._count(len(piece))
            self._writer.write(piece)
            await self._writer.drain()
            if self._bytes_per_second:
                await asyncio.sleep(len(piece) / self._bytes_per_second)
        if is_cut:
            raise _Cut

    def reset(self) -> None:
        """Ends the connection the hard way: the other side gets a reset, no end."""
        connection = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()

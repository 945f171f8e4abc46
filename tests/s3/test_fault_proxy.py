"""What the proxy does to requests, seen by a plain client of HTTP: tests that rest on it must be able to trust it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tests.s3.fault_proxy import Fault, FaultProxy

BODY = bytes(range(256)) * 300


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, and keeps it."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:  # The library's name.
        size_bytes = int(self.headers["Content-Length"])
        body = self.rfile.read(size_bytes)
        if len(body) < size_bytes:
            self.close_connection = True
            return
        assert isinstance(self.server, EchoServer)
        self.server.seen.append((self.headers["Host"], body))
        self.send_response(200)
        if self.headers.get("X-Chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_HEAD(self) -> None:  # The library's name.
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class EchoServer(http.server.ThreadingHTTPServer):
    seen: list[tuple[str | None, bytes]]

    def handle_error(self, *_: object) -> None:
        """Says nothing: that connections break is what is tested."""


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy(f"http://127.0.0.1:{server.server_address[1]}", seed=1) as proxy:
        yield proxy


@pytest.fixture
def connection(proxy: FaultProxy) -> Iterator[http.client.HTTPConnection]:
    place = urlsplit(proxy.endpoint_url).netloc
    connection = http.client.HTTPConnection(place, timeout=60)
    yield connection
    connection.close()


def put(
    connection: http.client.HTTPConnection, body: bytes = BODY, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    connection.request("PUT", "/a", body, headers or {})
    with connection.getresponse() as answer:
        return answer.status, answer.read()


@pytest.mark.parametrize("headers", [{}, {"X-Chunked": "yes"}])
def test_without_a_fault_all_passes_as_it_came(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection, headers: dict[str, str]
) -> None:
    for _ in range(3):  # One connection serves them all.
        assert put(connection, headers=headers) == (200, BODY)
    connection.request("HEAD", "/a")
    assert connection.getresponse().read() == b""
    assert put(connection, headers=headers) == (200, BODY)
    # The host that the client has signed is the proxy's.
    assert server.seen == [(urlsplit(proxy.endpoint_url).netloc, BODY)] * 4
    assert proxy.requests == {"PUT": 4, "HEAD": 1}
    assert 4 * len(BODY) < proxy.bytes_sent < 4 * len(BODY) + 2000
    assert 4 * len(BODY) < proxy.bytes_received < 4 * len(BODY) + 2000
    assert proxy.faults == 0


def test_nobody_listens_until_healed(proxy: FaultProxy, connection: http.client.HTTPConnection) -> None:
    proxy.inject(Fault("refuse"))
    with pytest.raises(ConnectionRefusedError):
        put(connection)
    connection.close()
    proxy.heal()
    assert put(connection) == (200, BODY)


def test_a_hanging_request_is_never_passed_on_and_ends_with_the_fault(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection
) -> None:
    proxy.inject(Fault("hang"))
    connection.timeout = 0.2
    with pytest.raises(TimeoutError):
        put(connection)
    connection.close()
    connection.timeout = 10
    connection.request("PUT", "/a", b"x")
    healer = threading.Timer(0.1, proxy.heal)
    healer.start()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()
    healer.join()
    assert server.seen == []
    connection.close()
    assert put(connection) == (200, BODY)


@pytest.mark.parametrize("after_bytes", [0, 1, 50, 5000, len(BODY)])
def test_a_request_is_cut_where_it_was_asked(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection, after_bytes: int
) -> None:
    proxy.inject(Fault("reset_request", after_bytes=after_bytes), times=1)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(connection)
    assert proxy.bytes_received == 0
    assert server.seen == []
    connection.close()
    assert put(connection) == (200, BODY)


@pytest.mark.parametrize("after_bytes", [0, 1, 50, 5000])
def test_a_response_is_cut_where_it_was_asked(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection, after_bytes: int
) -> None:
    proxy.inject(Fault("reset_response", after_bytes=after_bytes), times=1)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(connection)
    assert [body for _, body in server.seen] == [BODY]
    connection.close()
    assert put(connection) == (200, BODY)


def test_a_lost_answer_is_lost_behind_the_deed(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection
) -> None:
    proxy.inject(Fault("drop_answer"))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(connection)
    assert [body for _, body in server.seen] == [BODY]
    assert proxy.bytes_received == 0


def test_an_answer_comes_without_the_server(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection
) -> None:
    proxy.inject(Fault("answer", status=503, code="SlowDown"), times=1)
    status, text = put(connection, headers={"Authorization": "canary"})
    assert status == 503
    assert b"<Code>SlowDown</Code>" in text
    assert b"canary" in text
    assert server.seen == []
    assert put(connection) == (200, BODY)


@pytest.mark.parametrize("kind", ["flip_request", "flip_response"])
def test_one_bit_turns_on_one_way(
    proxy: FaultProxy, server: EchoServer, connection: http.client.HTTPConnection, kind: str
) -> None:
    proxy.inject(Fault("flip_request" if kind == "flip_request" else "flip_response"))
    status, body = put(connection)
    assert status == 200
    assert sum((one ^ other).bit_count() for one, other in zip(body, BODY, strict=True)) == 1
    assert (server.seen[0][1] == BODY) == (kind == "flip_response")


def test_methods_and_times_bound_a_fault(proxy: FaultProxy, connection: http.client.HTTPConnection) -> None:
    proxy.inject(Fault("answer", status=500), methods="GET PUT", times=2)
    connection.request("HEAD", "/a")
    assert connection.getresponse().read() == b""
    assert [put(connection)[0] for _ in range(3)] == [500, 500, 200]
    assert proxy.faults == 2


def test_a_share_is_hit_the_same_at_every_run_of_a_seed(server: EchoServer) -> None:
    def statuses() -> list[int]:
        with FaultProxy(f"http://127.0.0.1:{server.server_address[1]}", seed=7) as proxy:
            proxy.inject(Fault("answer", status=500), share=0.5)
            connection = http.client.HTTPConnection(urlsplit(proxy.endpoint_url).netloc, timeout=60)
            found = [put(connection, b"x")[0] for _ in range(40)]
            connection.close()
            return found

    first = statuses()
    assert 5 < first.count(500) < 35
    assert statuses() == first


def test_a_slow_connection_passes_all_of_it(
    proxy: FaultProxy, connection: http.client.HTTPConnection
) -> None:
    proxy.inject(Fault("slow", bytes_per_second=1_000_000))
    assert put(connection) == (200, BODY)
    assert proxy.faults == 1


def test_counts_begin_anew(proxy: FaultProxy, connection: http.client.HTTPConnection) -> None:
    put(connection)
    proxy.reset_counts()
    assert (proxy.requests, proxy.faults, proxy.bytes_sent, proxy.bytes_received) == ({}, 0, 0, 0)


def test_the_end_closes_what_is_open(server: EchoServer) -> None:
    with FaultProxy(f"http://127.0.0.1:{server.server_address[1]}") as proxy:
        place = urlsplit(proxy.endpoint_url)
        assert place.hostname
        assert place.port
        idle = socket.create_connection((place.hostname, place.port), timeout=60)
    with idle, contextlib.suppress(ConnectionResetError):
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port), timeout=60)

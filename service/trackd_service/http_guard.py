"""Owns what stands before the HTTP face: which hosts and sites are answered, who is let in, the headers of every answer.

Invariants: no request is answered without an allowed Host, an own Origin, and somebody whom the door has let in; what comes
behind knows who asks (`access`), and a socket that stays open asks again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from trackd_service import access, auth
from trackd_service.errors import Unauthenticated
from trackd_service.http_parts import refusal
from trackd_service.principals import Caller

_AGAIN_SECONDS = 10.0  # after which a socket that is open asks whether its key or session still holds
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "worker-src 'self'; connect-src 'self' data: blob:; media-src 'self' data: blob:; frame-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PRIVATE_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>trackd</title>
<style>
body { font: 14px system-ui; margin: 20vh auto; max-width: 32em; padding: 0 16px; color-scheme: light dark; }
h1 { font-size: 20px; }
</style>
<h1>This page is private to the person who runs trackd</h1>
<p>Run <code>trackd ui</code> in a terminal on this machine: it opens the page with its key.</p></html>"""


# Is told of an answer: what gave it, its status, how many seconds it took, and whom it was given to.
NoteAnswer: TypeAlias = Callable[[object, int, float, "Caller | None"], None]


class Door(Protocol):
    """Says who is let in."""

    async def let_in(self, connection: HTTPConnection) -> Caller | Response | None:
        """Returns who asks, None for one for whom everything is allowed, or the answer to whom is not let in."""


class LocalDoor:
    """Lets in who has the store's token: in a header, in a cookie, or once in the address of a page."""

    def __init__(self, token: str, cookie_name: str) -> None:
        """Takes the token, and how the cookie is called."""
        self._token = token
        self._cookie_name = cookie_name

    async def let_in(self, connection: HTTPConnection) -> Caller | Response | None:
        """Returns None, or the answer to whom is not let in."""
        is_page = is_page_address(connection)
        given = connection.query_params.get("token") if is_page else None
        if given is not None and auth.is_right(given, self._token):
            query = urlencode([pair for pair in parse_qsl(connection.url.query) if pair[0] != "token"])
            # With two of them it would be the address of another site.
            path = "/" + connection.url.path.lstrip("/\\")
            answer = RedirectResponse(path + (f"?{query}" if query else ""), 303)
            answer.set_cookie(
                self._cookie_name, self._token, max_age=365 * 86_400, httponly=True, samesite="strict"
            )
            return answer
        token = auth.bearer(connection.headers.get("authorization")) or connection.cookies.get(
            self._cookie_name
        )
        if auth.is_right(token, self._token):
            return None
        if is_page:
            return HTMLResponse(_PRIVATE_PAGE, 401)
        return refusal(Unauthenticated("the token is missing or wrong"))


def is_page_address(connection: HTTPConnection) -> bool:
    """Says whether a page or one of its files is asked for, and not the API."""
    return connection.scope["type"] == "http" and not connection.url.path.startswith("/api/")


class Guard:
    """Stands before the application."""

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        allowed_hosts: set[str],
        note_call: Callable[[], None],
        note_answer: NoteAnswer,
        any_host_paths: frozenset[str],
    ) -> None:
        """Takes the application and who is let in, and what stands before both.

        Args:
            app: The application.
            door: Who is let in.
            allowed_hosts: Exact Host headers.
            note_call: Is told of each call.
            note_answer: Is told of each answer.
            any_host_paths: Paths that are answered under any name, for programs that know an address alone.
        """
        self._any_host_paths = any_host_paths
        self._app = app
        self._note_answer = note_answer
        self._door = door
        self._hosts = allowed_hosts
        self._note_call = note_call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has the application answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        found = self._refusal(connection) or await self._door.let_in(connection)
        if isinstance(found, Response):
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).close(code=1008, reason="refused")
            else:
                found.headers.update(_HEADERS)
                await found(scope, receive, send)
            return
        self._note_call()
        scope["trackd.caller"] = found
        # Starlette decodes %2F before it matches a route; a project's name may hold none, so nothing is lost by it.
        with access.asking(found):
            if scope["type"] == "websocket":
                await self._app(scope, receive, self._asking_again(connection, found, send))
            else:
                await self._answer(scope, receive, send, found)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, caller: Caller | None) -> None:
        begin, status = time.monotonic(), 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, _with_headers(send_noting))
        finally:
            self._note_answer(scope.get("endpoint"), status, time.monotonic() - begin, caller)

    def _asking_again(self, connection: HTTPConnection, caller: Caller | None, send: Send) -> Send:
        """Returns what sends over a socket for as long as whoever opened it may still see the same."""
        asked_time = time.monotonic()

        async def send_asking(message: Message) -> None:
            nonlocal asked_time
            if time.monotonic() - asked_time > _AGAIN_SECONDS and message["type"] == "websocket.send":
                asked_time = time.monotonic()
                if await self._door.let_in(connection) != caller:
                    await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
                    raise RuntimeError("the socket is closed: what it may see has changed")
            await send(message)

        return send_asking

    def _refusal(self, connection: HTTPConnection) -> Response | None:
        headers = connection.headers
        hosts = headers.getlist("host")
        is_any = connection.scope["type"] == "http" and connection.url.path in self._any_host_paths
        if not is_any and (len(hosts) != 1 or hosts[0].lower() not in self._hosts):
            return Response("This host name is not served here.", 421, media_type="text/plain")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() not in self._hosts:
            return Response("Requests from other sites are refused.", 403, media_type="text/plain")
        site = headers.get("sec-fetch-site", "none")
        is_page_load = headers.get("sec-fetch-mode") == "navigate" and connection.scope.get("method") == "GET"
        if site not in ("same-origin", "none") and not is_page_load:
            return Response("Requests from other sites are refused.", 403, media_type="text/plain")
        if connection.scope["type"] == "websocket" and origin is None and "cookie" in headers:
            return Response("A browser's socket must name its origin.", 403, media_type="text/plain")
        return None


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Any) -> None:
        if message["type"] == "http.response.start":
            have = {name for name, _ in message["headers"]}
            message["headers"] += [
                (name.lower().encode(), value.encode())
                for name, value in _HEADERS.items()
                if name.lower().encode() not in have
            ]
        await send(message)

    return send_with_headers

"""Owns the HTTP routes of exported pages; docs/http_api.md, "Exported pages".

Invariant: an exported page is made of what the routes of the API answer, and of nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trackd_service.daemon import Daemon
from trackd_service.html_export import BYTES_MAX_DEFAULT, Answer, Exporter, Wanted
from trackd_service.http_parts import dump, integer


class HtmlFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._daemon = daemon

    def routes(self, project: str) -> list[Route]:
        """Returns the routes; `project` is the address of a project."""
        return [
            Route(f"{project}/html", self.export),
            Route(f"{project}/runs/{{run}}/html", self.export),
        ]

    async def export(self, request: Request) -> Response:
        """Downloads a page as one file."""
        path, parameters = request.path_params, request.query_params
        wanted = Wanted(
            project=path["project"],
            run=path.get("run", ""),
            query=parameters.get("query", ""),
            bytes_max=integer(parameters, "max_bytes", BYTES_MAX_DEFAULT),
        )
        exporter = Exporter(_asker(request.app), wanted, self._daemon.facts()["version"])
        page, left_out = await exporter.make()
        name = wanted.run or wanted.project
        ascii_name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
        headers = {
            "Content-Disposition": f'attachment; filename="{ascii_name}.html"',
            # Whoever opens it under this address gets no page of ours with a person's data in it.
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
            "Trackd-Left-Out": dump(left_out),
        }
        return Response(page, media_type="text/html", headers=headers)


def _asker(app: ASGIApp) -> Any:
    """Returns the way to ask the application itself, without a connection."""

    async def ask(method: str, address: str, body: bytes) -> Answer:
        path, _, query = address.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json")],
            "server": ("127.0.0.1", 0),
            "client": None,
            "root_path": "",
        }
        status, media_type, chunks = 500, "", []
        given = [body]

        async def receive() -> dict[str, Any]:
            if not given:
                await asyncio.Event().wait()  # nobody goes away before the answer
            return {"type": "http.request", "body": given.pop(), "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, media_type
            if message["type"] == "http.response.start":
                status = message["status"]
                media_type = next(
                    (value.decode() for name, value in message["headers"] if name == b"content-type"), ""
                )
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        await app(scope, receive, send)
        return Answer(status, media_type, b"".join(chunks))

    return ask

"""Owns a client of an ASGI application that stands in this process: no socket, cookies kept as a browser keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp


@dataclass(frozen=True)
class Answered:
    """What an application has answered."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    def header(self, name: str) -> str:
        """Returns a header's value; empty where there is none."""
        return next((value for known, value in self.headers if known == name), "")

    def set_cookies(self) -> list[str]:
        return [value for known, value in self.headers if known == "set-cookie"]

    @property
    def refusal(self) -> tuple[int, str]:
        """Returns status and reason of an error."""
        return self.status, self.json["error"]["reason"]


@dataclass
class Client:
    """A browser of its own."""

    app: ASGIApp
    scheme: str = "http"
    address: str = "192.0.2.7"
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, key: str = "", **headers: str) -> Answered:
        """Asks; `body` is sent as JSON, unless it is bytes."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"host": "server", **headers}
        if key:
            sent["authorization"] = f"Bearer {key}"
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        parts = urlsplit(path)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (self.address, 1),
            "server": ("server", 80),
        }
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        answer = Answered(
            messages[0]["status"],
            [(name.decode(), value.decode()) for name, value in messages[0]["headers"]],
            b"".join(message.get("body", b"") for message in messages[1:]),
        )
        for text in answer.set_cookies():
            for name, morsel in SimpleCookie(text).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

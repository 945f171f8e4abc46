"""Owns who comes in to a team server: by an API key or a session, on both faces.

Invariant: who is nobody may read the web app's own files, sign in, and ask whether the server is well; nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import Response

from trackd_service import auth, http_guard, tokens
from trackd_service.errors import StorageUnavailable, TrackdError, Unauthenticated
from trackd_service.http_parts import refusal
from trackd_service.limits import RequestLimit
from trackd_service.people import People
from trackd_service.principals import Caller, Principal

NOBODY = Principal("", 0, "read")


class PageDoor:
    """Lets in who has a session or a key, by HTTP."""

    def __init__(
        self, people: People, limit: RequestLimit, cookie_name: str, open_paths: frozenset[str]
    ) -> None:
        """Takes who there is, how much each may ask, the name of a session's cookie, and the open paths of the API."""
        self._people = people
        self._limit = limit
        self._cookie_name = cookie_name
        self._open_paths = open_paths

    async def let_in(self, connection: HTTPConnection) -> Caller | Response | None:
        """Returns who asks, or the answer to whom is not let in."""
        address = connection.client.host if connection.client is not None else ""
        key = auth.bearer(connection.headers.get("authorization"))
        if key is None and http_guard.is_page_address(connection):
            return Caller(NOBODY, address)  # the same files for all: the catalog is not asked for each
        try:
            if key is not None:
                return Caller(await _principal_of(self._people, self._limit, key), address)
            session = connection.cookies.get(self._cookie_name)
            if session:
                found = await asyncio.to_thread(self._people.resolve_session, session, time.time_ns())
                if found is not None:
                    self._limit.take(found)
                    return Caller(found, address)
        except TrackdError as error:
            if not isinstance(error, StorageUnavailable) or not self._is_open(connection):
                return refusal(error)
        if self._is_open(connection):
            return Caller(NOBODY, address)
        return refusal(Unauthenticated("sign in, or send an API key"))

    def _is_open(self, connection: HTTPConnection) -> bool:
        return http_guard.is_page_address(connection) or connection.url.path in self._open_paths


class KeyDoor:
    """Lets in who has a key, by gRPC."""

    def __init__(self, people: People, limit: RequestLimit) -> None:
        """Takes who there is, and how much each may ask."""
        self._people = people
        self._limit = limit

    async def let_in(self, metadata: Mapping[str, str]) -> Caller | None:
        """Returns who calls. Raises Unauthenticated."""
        key = auth.bearer(metadata.get("authorization"))
        if key is None:
            raise Unauthenticated("a key is needed: `trackd login` takes one")
        return Caller(await _principal_of(self._people, self._limit, key))


async def _principal_of(people: People, limit: RequestLimit, key: str) -> Principal:
    found = await asyncio.to_thread(people.resolve_key, key, time.time_ns())
    if found is None:
        mistake = tokens.mistake(tokens.KEY_KIND, key)
        raise Unauthenticated(
            mistake or "the key was revoked, has expired, or is another server's: make a new one"
        )
    limit.take(found)
    return found

"""Owns the HTTP routes of space: what a store's files take, by kind and by project.

Both look at more than a list may wait for: a page asks for them when it has shown the rest.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackd_service.daemon import Daemon
from trackd_service.http_parts import answer


class SpaceFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._space = daemon.space
        self._ingest = daemon.ingest

    def routes(self, api: str) -> list[Route]:
        """Returns the routes; `api` is the address of the API."""
        return [Route(f"{api}/usage", self.usage), Route(f"{api}/projects:sizes", self.project_sizes)]

    async def usage(self, _: Request) -> Response:
        """Tells what the files of each kind take."""
        kinds = await self._space.kinds()
        return answer({**kinds, "log_bytes": await self._ingest.log_bytes()})

    async def project_sizes(self, _: Request) -> Response:
        """Tells what is sealed of each project."""
        sizes = await self._space.project_sizes()
        return answer({"projects": [{"name": name, "size_bytes": size} for name, size in sizes.items()]})

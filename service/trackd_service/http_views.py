"""Owns the HTTP routes of saved views; docs/http_api.md, "Saved views"."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackd_service.daemon import Daemon
from trackd_service.http_parts import answer, body, text
from trackd_service.views import DOCUMENT_BYTES_MAX, ENVELOPE_BYTES_MAX

# A document may have been written with blanks, and with every letter of it escaped.
_BODY_BYTES_MAX = 6 * DOCUMENT_BYTES_MAX + ENVELOPE_BYTES_MAX


class ViewFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._query = daemon.query
        self._store = daemon.store

    def routes(self, api: str) -> list[Route]:
        """Returns the routes; `api` is the address of the API."""
        views = f"{api}/projects/{{project}}/views"
        return [
            Route(views, self.list),
            Route(f"{views}/{{view}}", self.view),
            Route(f"{views}/{{view}}", self.save, methods=["PUT"]),
            Route(f"{views}/{{view}}", self.delete, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """Lists the saved views of a project."""
        return answer(
            {"views": [_form(view) for view in await self._query.views(request.path_params["project"])]}
        )

    async def view(self, request: Request) -> Response:
        """Answers a saved view."""
        return answer(_form(await self._query.view(*_names(request))))

    async def save(self, request: Request) -> Response:
        """Saves a view."""
        content = await body(request, _BODY_BYTES_MAX)
        await self._store.save_view(*_names(request), text(content, "name", ""), content.get("document"))
        return answer({})

    async def delete(self, request: Request) -> Response:
        """Removes a saved view."""
        await self._store.delete_view(*_names(request))
        return answer({})


def _names(request: Request) -> tuple[str, str]:
    return request.path_params["project"], request.path_params["view"]


def _form(view: dict[str, Any]) -> dict[str, Any]:
    """Returns a view in its JSON form."""
    document = {"document": view["document"]} if "document" in view else {}
    return {
        "id": view["id"],
        "name": view["name"],
        "update_time_unix_ms": view["update_time"] / 1e6,
        **document,
    }

"""Owns the HTTP routes of typed records: their documents and objects, histograms, rows of tables, presets; docs/records.md.

Invariants: an object is named by its sha256 and by nothing else; whatever it holds, it is served with a media type of ours
and a policy under which no browser runs it in the page's origin.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from trackd_service import config
from trackd_service.daemon import Daemon
from trackd_service.errors import InvalidArgument
from trackd_service.http_parts import answer, body, dump, integer, text
from trackd_service.record_query import LIMIT_MAX

_STEP_DIGITS_MAX = 19  # of 2^63-1; Python refuses to parse thousands
MEDIA_TYPE_HISTOGRAMS = "application/vnd.trackd.histograms"
_MEDIA_TYPES = frozenset(
    {
        "image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/svg+xml",
        "video/mp4", "video/webm", "video/ogg",
        "audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac",
        "text/plain", "application/json",
        "model/gltf-binary", "model/gltf+json", "model/obj", "model/stl",
    }
)  # fmt: skip
_OTHER_MEDIA_TYPE = "application/octet-stream"
_OBJECT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
_NO_CONNECTIONS = (
    "img-src data: blob:; font-src data:; media-src data: blob:; connect-src 'none'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
# A page of a person's own runs on an opaque origin: it can read nothing of ours, and ask nobody.
_PAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    + _NO_CONNECTIONS
)
# The viewers of foreign code: the same, and they may start workers.
FRAME_POLICY = _PAGE_POLICY + "; worker-src blob:"
_INJECTED = (
    b'<base target="_blank"><meta charset="utf-8">'
    b"<style>html{font-family:system-ui,sans-serif;line-height:1.5}body{margin:8px}img,svg,video{max-width:100%}</style>"
)


class RecordFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._query = daemon.query
        self._store = daemon.store

    def routes(self, api: str, run: str) -> list[Route]:
        """Returns the routes; `api` and `run` are the addresses of the API and of a run."""
        return [
            Route(f"{run}/records:steps", self.steps),
            Route(f"{run}/records", self.records),
            Route(f"{run}/histograms", self.histograms),
            Route(f"{api}/objects/{{sha256}}", self.object),
            Route(f"{api}/objects/{{sha256}}/page", self.page),
            Route(f"{api}/objects/{{sha256}}/rows", self.rows, methods=["POST"]),
            Route(f"{api}/presets", self.presets),
            Route(f"{api}/presets/{{id:path}}", self.preset),
            Route(f"{api}/presets/{{id:path}}", self.save_preset, methods=["PUT"]),
            Route(f"{api}/presets/{{id:path}}", self.delete_preset, methods=["DELETE"]),
        ]

    async def steps(self, request: Request) -> Response:
        """Lists the steps at which a key has a record of a kind."""
        return answer({"steps": await self._query.records.steps(*_series_of(request))})

    async def records(self, request: Request) -> Response:
        """Answers records of a key from a step on, or the last ones."""
        parameters = request.query_params
        limit = integer(parameters, "limit", 1)
        at = parameters.get("at")
        if at is not None and not (at.isdecimal() and len(at) <= _STEP_DIGITS_MAX and int(at) < 1 << 63):
            raise InvalidArgument(f"at is {at[:40]!r}; it must be a step, 0 to 2^63-1", field="at")
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidArgument(
                f"limit is {limit}; it can be 1 to {LIMIT_MAX}", field="limit", limit=LIMIT_MAX
            )
        found, total_count = await self._query.records.documents(
            *_series_of(request), None if at is None else int(at), limit
        )
        # The documents are JSON already: put in as they are.
        items = ",".join(
            f'{{"step":{step},"time_unix_ms":{dump(time / 1e6)},"document":{document}}}'
            for step, time, document in found
        )
        content = f'{{"records":[{items}],"total_count":{total_count}}}'
        return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def histograms(self, request: Request) -> Response:
        """Answers all histograms of a key as one array."""
        parameters = request.query_params
        path = request.path_params
        data = await self._query.records.histograms(
            path["project"],
            path["run"],
            parameters.get("key", ""),
            integer(parameters, "columns", 500),
            integer(parameters, "bins", 64),
        )
        return Response(data, media_type=MEDIA_TYPE_HISTOGRAMS, headers={"Cache-Control": "no-store"})

    async def object(self, request: Request) -> Response:
        """Serves an object's bytes, or a range of them."""
        sha256 = request.path_params["sha256"]
        wanted = request.query_params.get("type", "")
        media_type = wanted if wanted in _MEDIA_TYPES else _OTHER_MEDIA_TYPE
        path = await self._query.object_path(sha256)
        return FileResponse(path, media_type=media_type, headers=_headers(sha256, _OBJECT_POLICY))

    async def page(self, request: Request) -> Response:
        """Serves an HTML object as a page that can reach nothing."""
        sha256 = request.path_params["sha256"]
        path = await self._query.object_path(sha256)
        headers = _headers(sha256, _PAGE_POLICY)
        if request.query_params.get("inject", "") in ("", "0", "false"):
            return FileResponse(path, media_type="text/html", headers=headers)
        if path.stat().st_size > config.PAGE_BYTES_MAX:
            raise InvalidArgument(
                f"the page is over {config.PAGE_BYTES_MAX} bytes: open it without inject",
                limit=config.PAGE_BYTES_MAX,
            )
        return Response(_INJECTED + path.read_bytes(), media_type="text/html", headers=headers)

    async def rows(self, request: Request) -> Response:
        """Answers rows of a table."""
        return answer(await self._query.records.rows(request.path_params["sha256"], await body(request)))

    async def presets(self, request: Request) -> Response:
        """Lists the presets."""
        return answer({"presets": await self._query.presets()})

    async def preset(self, request: Request) -> Response:
        """Answers a preset."""
        return answer(await self._query.preset(request.path_params["id"]))

    async def save_preset(self, request: Request) -> Response:
        """Saves a preset."""
        content = await body(request)
        title = text(content, "title", "")
        await self._store.save_preset(request.path_params["id"], title, content.get("specification"))
        return answer({})

    async def delete_preset(self, request: Request) -> Response:
        """Removes a saved preset."""
        await self._store.delete_preset(request.path_params["id"])
        return answer({})


def _series_of(request: Request) -> tuple[str, str, str, str]:
    """Returns project, run, key and kind."""
    path, parameters = request.path_params, request.query_params
    return path["project"], path["run"], parameters.get("key", ""), parameters.get("kind", "")


def _headers(sha256: str, policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{sha256}"',
    }

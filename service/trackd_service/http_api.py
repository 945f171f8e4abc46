"""Owns the HTTP face: the web app's files, the JSON API, binary series and live messages, over the same query as gRPC.

Invariants: no request is answered that `http_guard` has not let in; nothing a client names becomes a path on this machine.
What is served is described in docs/http_api.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import mimetypes
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from trackd_service import config, export, openapi, openapi_people
from trackd_service.compare_query import MISSING, RunDifference
from trackd_service.daemon import Daemon
from trackd_service.errors import InvalidArgument, TrackdError
from trackd_service.http_guard import Door, Guard
from trackd_service.http_html import HtmlFace
from trackd_service.http_parts import answer, dump, integer, json_answer, parse_object, refusal
from trackd_service.http_records import FRAME_POLICY, RecordFace
from trackd_service.http_runs import RunsFace
from trackd_service.http_series import SeriesFace
from trackd_service.http_space import SpaceFace
from trackd_service.http_views import ViewFace
from trackd_service.principals import Caller
from trackd_service.runs import Run, brief_form
from trackd_service.streams import Stream

_log = logging.getLogger("trackd.http")
_WEB = Path(__file__).parent / "web"
# What a person can choose of the look of all pages, kept in the cookies `trackd_NAME`.
_LOOKS = {"theme": ("light", "dark"), "density": ("cosy",)}
_NO_APP_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>trackd</title>
<h1>The web app is not built</h1>
<p>In the checkout, run <code>python hatch_build.py web</code> and load this page again.</p></html>"""


def make_app(
    daemon: Daemon,
    allowed_hosts: set[str],
    door: Door,
    further_routes: Sequence[Route] = (),
    note_answer: Callable[[str, int, float, Caller | None], None] = lambda *_: None,
    any_host_paths: frozenset[str] = frozenset(),
) -> ASGIApp:
    """Returns the application.

    Args:
        daemon: What answers.
        allowed_hosts: Exact Host headers, port included where it is none of the usual ones.
        door: Who is let in.
        further_routes: Those that only a team server has.
        note_answer: Is told of each answer: the route as it is written here, the status, the seconds, and to whom.
        any_host_paths: Paths that are answered under any name.
    """
    face = _Face(daemon)
    api = "/api/v1"
    run = api + "/projects/{project}/runs/{run}"
    routes = [
        Route(f"{api}/daemon", face.daemon),
        Route(f"{api}/upload", face.upload),
        Route(f"{api}/projects", face.projects),
        Route(f"{api}/projects/{{project}}/runs", face.runs),
        Route(f"{api}/projects/{{project}}/metrics", face.project_metrics),
        Route(run, face.run),
        Route(f"{run}/metrics", face.metrics),
        Route(f"{run}/console", face.console),
        Route(f"{run}/compare", face.compare),
        Route(f"{run}/export", face.export),
        Route(f"{run}/files", face.files),
        Route(f"{run}/files/{{path:path}}", face.file),
        *RecordFace(daemon).routes(api, run),
        *ViewFace(daemon).routes(api),
        *RunsFace(daemon).routes(f"{api}/projects/{{project}}"),
        *SeriesFace(daemon).routes(api),
        *SpaceFace(daemon).routes(api),
        *HtmlFace(daemon).routes(f"{api}/projects/{{project}}"),
        Route(f"{api}/openapi.json", face.openapi),
        *further_routes,
        WebSocketRoute(f"{api}/live", face.live),
        Route("/{path:path}", _page),
    ]
    app = Starlette(routes=routes, exception_handlers={TrackdError: _refuse, Exception: _fail})
    paths: dict[object, str] = {route.endpoint: route.path for route in routes if isinstance(route, Route)}

    def note(endpoint: object, status: int, seconds: float, caller: Caller | None) -> None:
        note_answer(paths.get(endpoint, "other"), status, seconds, caller)

    return Guard(app, door, allowed_hosts, daemon.note_call, note, any_host_paths)


class _Face:
    """Answers the routes of the API."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._query = daemon.query

    async def daemon(self, request: Request) -> Response:
        """Tells who the daemon is."""
        return answer({**self._daemon.facts(), "kind": self._daemon.kind})

    async def upload(self, request: Request) -> Response:
        """Tells how the upload is set, and how it stands."""
        settings, status = self._daemon.uploader.settings, asdict(self._daemon.uploader.status())
        del status["url"], status["endpoint_url"]  # of the settings
        return answer({"settings": asdict(settings), "status": status})

    async def openapi(self, request: Request) -> Response:
        """Describes the API."""
        described = openapi_people if self._daemon.kind == "server" else openapi
        return answer(described.document(self._daemon.facts()["version"]))

    async def projects(self, request: Request) -> Response:
        """Lists the projects."""
        projects = await self._query.projects()
        return answer(
            {
                "projects": [
                    {
                        "name": each["name"],
                        "run_count": each["run_count"],
                        "running_count": each["running_count"],
                        "update_time_unix_ms": each["update_time"] / 1e6,
                    }
                    for each in projects
                ]
            }
        )

    async def runs(self, request: Request) -> Response:
        """Lists runs of a project in their brief form."""
        parameters = request.query_params
        runs, total_count = await self._query.runs(
            request.path_params["project"],
            _filters(parameters.get("filters", "")),
            parameters.get("order", ""),
            integer(parameters, "offset", 0),
            integer(parameters, "limit", config.PAGE_SIZE_DEFAULT),
        )
        return answer({"runs": [brief_form(run) for run in runs], "total_count": total_count})

    async def project_metrics(self, request: Request) -> Response:
        """Lists the metrics of a project."""
        metrics = await self._query.project_metrics(request.path_params["project"])
        return json_answer(f'{{"metrics":{metrics}}}')

    async def run(self, request: Request) -> Response:
        """Gets one run whole."""
        stored = await self._query.run(request.path_params["project"], request.path_params["run"])
        return answer(stored.run.describe(whole=True))

    async def metrics(self, request: Request) -> Response:
        """Lists the metrics of a run."""
        path = request.path_params
        prefix = request.query_params.get("prefix", "")
        stream = request.query_params.get("stream", "history")
        if stream not in ("history", "system"):
            raise InvalidArgument(f"stream is {stream[:40]!r}; it can be history or system", field="stream")
        metrics = await self._query.metrics(path["project"], path["run"], prefix, cast("Stream", stream))
        return answer({"metrics": metrics})

    async def console(self, request: Request) -> Response:
        """Answers lines of the console."""
        path, parameters = request.path_params, request.query_params
        found = await self._query.console.read(
            path["project"],
            path["run"],
            parameters.get("writer", ""),
            integer(parameters, "first_line", 0) if "first_line" in parameters else None,
            integer(parameters, "limit", 0),
            parameters.get("pattern", ""),
        )
        return answer(
            {
                "writer_id": found.writer_id,
                "line_count": found.line_count,
                "next_line": found.next_line,
                "lines": [[line.number, line.stream, line.time / 1e6, line.text] for line in found.lines],
            }
        )

    async def compare(self, request: Request) -> Response:
        """Compares the run with another one, of the same project unless said otherwise."""
        path, parameters = request.path_params, request.query_params
        if "with" not in parameters:
            raise InvalidArgument("with is missing: name the run to compare with", field="with")
        other = parameters.get("project", path["project"]), parameters["with"]
        differences, files = await self._query.comparison.compare((path["project"], path["run"]), other)

        def sides(each: RunDifference) -> dict[str, Any]:
            return {
                side: value
                for side, value in (("left", each.left), ("right", each.right))
                if value is not MISSING
            }

        return answer(
            {
                "differences": [{"part": each.part, "key": each.key, **sides(each)} for each in differences],
                "files": [{"path": each.path, "diff": each.diff} for each in files],
            }
        )

    async def export(self, request: Request) -> Response:
        """Downloads the history as text."""
        stored = await self._query.run(request.path_params["project"], request.path_params["run"])
        form = request.query_params.get("format", "csv")
        if form not in export.FORMATS:
            raise InvalidArgument(
                f"format is {form[:40]!r}; it can be {' or '.join(export.FORMATS)}", field="format"
            )
        write, media_type = export.FORMATS[form]
        name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stored.run.name)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.{form}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(write(stored), media_type=media_type, headers=headers)

    async def files(self, request: Request) -> Response:
        """Lists the files kept with a run."""
        parameters = request.path_params
        return answer({"files": await self._query.files(parameters["project"], parameters["run"])})

    async def file(self, request: Request) -> Response:
        """Downloads a file kept with a run; it is never shown as a page of ours."""
        parameters = request.path_params
        path = parameters["path"]
        found = await self._query.file_path(parameters["project"], parameters["run"], path)
        return FileResponse(
            found,
            media_type="application/octet-stream",
            filename=path.rpartition("/")[2],
            headers={"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-store"},
        )

    async def live(self, socket: WebSocket) -> None:
        """Sends the runs that run or have just ended, then those that change."""
        project = socket.query_params.get("project") or None
        await socket.accept()
        listener = self._daemon.live.listen(project)
        self._daemon.store.keep_warm()
        leaving = asyncio.ensure_future(_until_closed(socket))
        try:
            # A page asks for a run and opens this socket in any order: what has ended in between it must hear of.
            recent = time.time_ns() - int(config.LIVE_RECENT_SECONDS * 1e9)
            runs: list[Run] = [
                run
                for run in self._daemon.store.in_memory()
                if project in (None, run.project) and (run.finish_time is None or run.finish_time > recent)
            ]
            removed: list[tuple[str, str]] = []
            told: dict[tuple[str, str], dict[str, Any]] = {}
            while not leaving.done():
                for key in removed:
                    told.pop(key, None)
                message = {
                    "type": "runs",
                    "runs": [_news(run.describe(whole=False), told) for run in runs],
                    "removed": [run_id for _, run_id in removed],
                }
                await socket.send_text(dump(message))
                await asyncio.sleep(config.LIVE_SECONDS)
                news = asyncio.ensure_future(listener.take())
                await asyncio.wait({news, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not news.done():
                    news.cancel()
                    break
                runs, removed = news.result()
                self._daemon.note_call()
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page was closed while we spoke
        finally:
            leaving.cancel()
            self._daemon.live.leave(listener)


def _news(brief: dict[str, Any], told: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Returns what a listener does not know yet of a run's brief form: at first all of it."""
    key = (brief["project"], brief["run_id"])
    before = told.get(key)
    told[key] = brief
    if before is None:
        return brief
    return {
        name: value
        for name, value in brief.items()
        if name in ("project", "run_id", "revision") or before[name] != value
    }


def _filters(source: str) -> dict[str, Any] | str:
    """Returns filters from their JSON: an object, or a text, which is a filter as somebody types it."""
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(value := json.loads(source), str):
            return value
    return parse_object(source)


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


async def _page(request: Request) -> Response:
    """Serves the web app: a file of its build, or its page for every other address."""
    path = request.path_params["path"]
    if path.startswith("api/"):
        raise NothingThere(f"there is no {request.url.path}")
    known = _files()
    if not known:
        return HTMLResponse(_NO_APP_PAGE, 503)
    file = known.get(path)
    if file is not None and path != "index.html":
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        if path.startswith("frames/"):
            return FileResponse(
                file,
                media_type=kind,
                headers={"Cache-Control": "no-cache", "Content-Security-Policy": FRAME_POLICY},
            )
        is_hashed = path.startswith("assets/")
        cache = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        return FileResponse(file, media_type=kind, headers={"Cache-Control": cache})
    if path.startswith(("assets/", "frames/")):
        return Response("There is no such file.", 404, media_type="text/plain")
    headers = {"Cache-Control": "no-cache", "Vary": "Cookie"}
    return HTMLResponse(_with_look(known["index.html"].read_text("utf-8"), request), headers=headers)


def _with_look(page: str, request: Request) -> str:
    """Returns the page with how it is to look on its root: no script runs before the first thing is on the screen."""
    chosen = [
        f' data-{name}="{value}"'
        for name, values in _LOOKS.items()
        if (value := request.cookies.get(f"trackd_{name}")) in values
    ]
    return page.replace("<html", "<html" + "".join(chosen), 1)


class NothingThere(TrackdError):
    """There is nothing at an address."""

    reason, grpc_code, http_status = "INVALID_ARGUMENT", "NOT_FOUND", 404


def _files() -> dict[str, Path]:
    """Returns the files of the web app's build by address: only what is in this table is ever served."""
    if not (_WEB / "index.html").is_file():
        return {}
    return {path.relative_to(_WEB).as_posix(): path for path in _WEB.rglob("*") if path.is_file()}


async def _refuse(request: Request, error: Exception) -> Response:
    """Answers an error of ours in its one form."""
    assert isinstance(error, TrackdError)
    return refusal(error)


async def _fail(request: Request, error: Exception) -> Response:
    """Answers a fault of ours; Starlette raises it again afterwards, and uvicorn logs it."""
    return await _refuse(request, TrackdError("the daemon failed: see its daemon.log"))

"""Owns what an exported page holds: the answers that its page will ask for, taken from the HTTP API itself.

Invariants: what is in the file is what the API answered; what did not fit, or is not taken along, is said in a sentence; runs
and lists come first, then lines of charts, the console, records, and their objects. What is packed is packed in a thread:
the writers go first.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from trackd_service import html_archive
from trackd_service.errors import InvalidArgument
from trackd_service.html_view import View, axes_in, smoothings_in, values_in, view_of, walk
from trackd_service.series import RECORD_KINDS

BUCKETS = 2000
BYTES_MAX_DEFAULT = 64 << 20
_AXES = ("step", "relative_time", "wall_time")
_SERIES_AT_ONCE = 100
_LINES_MAX = 5000  # of a console, its last ones
_RUNS_MAX = 1000  # what a workspace lists at first
_EVENT_RUNS_MAX = 1000
_COLUMNS_MAX = 10_000
_RECORDS_MAX = 1000
_ROWS_MAX = 10_000
_OBJECT_BYTES_MAX = 16 << 20
_FILE_BYTES_MAX = 256 << 10  # what the page reads of a file at first
_HISTOGRAM_GRID = {"columns": 500, "bins": 64}  # as the page asks
_FRAMES = {"vega-lite": "vega", "plotly": "plotly", "bokeh": "bokeh"}  # by the language of a plot
_WEB = Path(__file__).parent / "web"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    media_type: str
    data: bytes

    def json(self) -> Any:
        """Returns what the JSON says; None of a refusal."""
        return json.loads(self.data) if self.status == 200 else None


# Method, address, body.
Ask = Callable[[str, str, bytes], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported.

    Attributes:
        project: The project.
        run: The run; empty for the runs that a workspace shows.
        query: The query of the page's address, as the page writes it.
        bytes_max: How large the file may be.
    """

    project: str
    run: str
    query: str
    bytes_max: int


class Exporter:
    """Makes one file."""

    def __init__(self, ask: Ask, wanted: Wanted, version: str) -> None:
        """Takes the way to ask the API, what is wanted, and the version of trackd that says so in the file."""
        self._ask = ask
        self._wanted = wanted
        self._version = version
        self._left_out: list[str] = []
        self._series: list[dict[str, Any]] = []
        self._foreign: list[bytes] = []
        self._frames: set[str] = set()
        self._objects: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}
        self._project = f"/api/v1/projects/{quote(wanted.project, safe='')}"

    async def make(self) -> tuple[bytes, list[str]]:
        """Returns the file, and what it leaves out in sentences. Raises TrackdError for what is not there, or never fits."""
        files = {
            name: path.read_text("utf-8")
            for name in _PAGE_FILES
            if (path := _WEB / "export" / name).is_file()
        }
        if len(files) < len(_PAGE_FILES):
            raise InvalidArgument("the web app is not built: run `python hatch_build.py web` in the checkout")
        listed = (await self._get(f"{self._project}/metrics")).json() or {"metrics": []}
        has_scenes = any(each["kind"] == "object_3d" for each in listed["metrics"])
        script = files["page_with_scenes.js" if has_scenes else "page.js"]
        overhead = len(script.encode()) + len(files["page.css"].encode()) + _SHELL_BYTES
        self._archive = html_archive.Archive(max(0, self._wanted.bytes_max - overhead))
        query = await self._query_of_view()
        view = view_of(query)
        runs = await self._take_lists(view)
        metrics = await self._take_runs(runs)
        await self._take_series(view, runs, metrics)
        if self._wanted.run:
            await self._take_console(runs[0])
        await self._take_records(runs, metrics)
        await self._take_objects()
        await self._take_files()
        place = await asyncio.to_thread(self._finish)
        if place is None:
            raise self._too_small()
        name = runs[0]["name"] or runs[0]["run_id"] if self._wanted.run else ""
        index = {
            "made_unix_ms": int(time.time() * 1000),
            "version": self._version,
            "project": self._wanted.project,
            "run": {"id": self._wanted.run, "name": name} if self._wanted.run else None,
            "run_count": len(runs),
            "address": self._address(query),
            "filter": view.filter,
            "search": view.search,
            "left_out": self._left_out,
            "series": place,
        }
        title = " · ".join(filter(None, [name, self._wanted.project, "trackd"]))
        page = await asyncio.to_thread(
            html_archive.page, title, script, files["page.css"], index, self._archive, self._foreign
        )
        return page, self._left_out

    def _finish(self) -> html_archive.Place | None:
        place = self._archive.put(json.dumps(self._series, separators=(",", ":")).encode())
        self._archive.finish()
        return place

    def _address(self, query: str) -> str:
        path = f"/p/{quote(self._wanted.project, safe='')}"
        if self._wanted.run:
            path += f"/r/{quote(self._wanted.run, safe='')}"
        return path + (f"?{query}" if query else "")

    def _too_small(self) -> InvalidArgument:
        return InvalidArgument(
            f"the file may be {self._wanted.bytes_max} bytes; the page and the lists of its runs alone take more: allow more",
            field="max_bytes",
            limit=self._wanted.bytes_max,
        )

    # -- asking ----------------------------------------------------------------------------------------------------

    async def _get(self, path: str) -> Answer:
        return await self._ask("GET", path, b"")

    async def _post(self, path: str, value: Any) -> Answer:
        return await self._ask("POST", path, json.dumps(value).encode())

    async def _keep(self, answer: Answer, *name: str) -> bool:
        """Keeps an answer under a name; says whether it was one and fits."""
        return answer.status == 200 and await asyncio.to_thread(
            self._archive.put_answer, _name(*name), answer.data, answer.media_type
        )

    async def _require(self, answer: Answer, *name: str) -> Any:
        """Keeps an answer that the page cannot be without, and returns it."""
        if answer.status != 200:
            message = json.loads(answer.data)["error"]["message"]
            raise InvalidArgument(message)
        if not await self._keep(answer, *name):
            raise self._too_small()
        return answer.json()

    # -- runs and lists --------------------------------------------------------------------------------------------

    async def _query_of_view(self) -> str:
        """Keeps the saved view that the address names, and returns the address' query with what the view says in it."""
        project, query = self._wanted.project, self._wanted.query
        view_id = view_of(query).view
        listing: list[dict[str, Any]] = []
        if view_id and not self._wanted.run:
            answer = await self._get(f"{self._project}/views/{quote(view_id, safe='')}")
            saved = await self._require(answer, "projects", project, "views", view_id)
            listing = [{key: saved[key] for key in ("id", "name", "update_time_unix_ms")}]
            self._document = saved["document"]
            if query == f"view={quote(view_id, safe='')}" and isinstance(self._document.get("query"), str):
                query = "&".join(filter(None, [query, self._document["query"]]))
        else:
            self._document = {}
        await self._put_json({"views": listing}, "projects", project, "views")
        return query

    async def _put_json(self, value: Any, *name: str) -> None:
        if not await self._keep(Answer(200, "application/json", json.dumps(value).encode()), *name):
            raise self._too_small()

    async def _take_lists(self, view: View) -> list[dict[str, Any]]:
        """Keeps the table of the runs and what says which columns and metrics there are; returns the runs that are drawn."""
        project = self._wanted.project
        chosen = (
            {"filter": f"id in ({_quoted(self._wanted.run)})", "archived": "with"}
            if self._wanted.run
            else {"filter": view.filter, "search": view.search, "archived": view.archived}
        )
        address = f"{self._project}/columns?{urlencode({'filter': chosen['filter'], 'limit': _COLUMNS_MAX})}"
        if self._wanted.run:  # which tells a run that is not there in its own words
            await self._require(
                await self._get(self._run(self._wanted.run)), "projects", project, "runs", self._wanted.run
            )
        columns = await self._require(await self._get(address), "projects", project, "columns")
        names = [column["name"] for column in columns["columns"]]
        limit = max(1, min(_RUNS_MAX, 2_000_000 // max(1, len(names))))
        question = {**chosen, "columns": names, "with_runs": True, "limit": limit}
        table = await self._require(
            await self._post(f"{self._project}/runs:query", question), "projects", project, "runs:query"
        )
        if table["total_count"] > len(table["runs"]):
            self._left_out.append(f"{table['total_count'] - len(table['runs']):,} older runs that match.")
        metrics = await self._get(f"{self._project}/metrics")
        await self._require(metrics, "projects", project, "metrics")
        running = sum(run["state"] == "running" for run in table["runs"])
        latest = max((run["update_time_unix_ms"] for run in table["runs"]), default=0)
        await self._put_json(
            {"projects": [{
                "name": project, "run_count": table["total_count"], "running_count": running, "update_time_unix_ms": latest,
            }]},
            "projects",
        )  # fmt: skip
        await self._keep(await self._get("/api/v1/presets"), "presets")
        runs = [run for run in table["runs"] if self._wanted.run or view.shows(run["run_id"])]
        if not runs:
            raise InvalidArgument("no run of the project is shown in this view: there is nothing to export")
        ids = ",".join(quote(run["run_id"], safe="") for run in runs[:_EVENT_RUNS_MAX])
        await self._keep(await self._get(f"{self._project}/events?runs={ids}"), "projects", project, "events")
        return runs

    def _run(self, run_id: str) -> str:
        return f"{self._project}/runs/{quote(run_id, safe='')}"

    async def _take_runs(self, runs: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        """Keeps each run whole, with its lists of metrics; returns these lists by run."""
        metrics: dict[str, list[dict[str, Any]]] = {}
        for run in runs:
            run_id = run["run_id"]
            name = ("projects", self._wanted.project, "runs", run_id)
            await self._require(await self._get(self._run(run_id)), *name)
            history = await self._get(f"{self._run(run_id)}/metrics")
            metrics[run_id] = (await self._require(history, *name, "metrics", "history"))["metrics"]
        return metrics

    # -- lines of charts -------------------------------------------------------------------------------------------

    async def _take_series(
        self, view: View, runs: list[dict[str, Any]], metrics: dict[str, list[dict[str, Any]]]
    ) -> None:
        listed = (await self._get(f"{self._project}/metrics")).json()["metrics"]
        numeric = {each["name"]: each["step_metric"] for each in listed if each["kind"] in ("number", "bool")}
        asked = list(values_in(self._document, "expressions"))
        smoothings = [*view.smoothings, *smoothings_in(self._document)]
        groups = await self._groups(view, runs)
        missing = 0
        own = {run_id: {each["name"] for each in kept} for run_id, kept in metrics.items()}
        axes_of_view = [axis for axis in {view.axis, *axes_in(self._document)} if axis.startswith("metric:")]
        for axis in dict.fromkeys(
            [*_AXES, *axes_of_view, *(f"metric:{name}" for name in numeric.values() if name)]
        ):
            wanted: list[dict[str, Any]] = []
            for key, step_metric in numeric.items():
                if (
                    axis.startswith("metric:")
                    and axis not in axes_of_view
                    and axis != f"metric:{step_metric}"
                ):
                    continue
                owners = [{"group": group} for group in groups]
                owners += [{"run": run["run_id"]} for run in runs if key in own[run["run_id"]]]
                wanted += [{"project": self._wanted.project, **owner, "key": key} for owner in owners]
            for expression in asked:
                owners = [{"group": group} for group in groups] + [{"run": run["run_id"]} for run in runs]
                wanted += [
                    {"project": self._wanted.project, **owner, "expression": expression} for owner in owners
                ]
            missing += await self._take_lines(axis, wanted, smoothings)
        if self._wanted.run:
            run_id = self._wanted.run
            system = await self._get(f"{self._run(run_id)}/metrics?stream=system")
            await self._keep(system, "projects", self._wanted.project, "runs", run_id, "metrics", "system")
            measured = [
                each["name"]
                for each in (system.json() or {"metrics": []})["metrics"]
                if each["kind"] in ("number", "bool")
            ]
            for axis in _AXES:
                lines = [{"project": self._wanted.project, "run": run_id, "key": key} for key in measured]
                missing += await self._take_lines(axis, lines, [])
        else:
            self._left_out.append(
                "What was measured of the machines, the consoles, and the files of runs: the export of a run has them."
            )
        if missing:
            self._left_out.append(
                f"{missing:,} lines of charts over one axis each, for which there was no room."
            )

    async def _groups(self, view: View, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns the groups that are drawn as one line, as questions name them."""
        if not view.group_by or self._wanted.run:
            return []
        question = {
            "filter": view.filter, "search": view.search, "archived": view.archived, "group_by": view.group_by, "limit": 1,
        }  # fmt: skip
        answer = (await self._post(f"{self._project}/runs:query", question)).json()
        drawn = {run["run_id"] for run in runs}
        members = [
            [run for run in group["run_ids"] if run in drawn]
            for group in (answer or {"groups": []})["groups"]
        ]
        return [
            {"id": f"group {number}", "runs": ids, "aggregate": view.aggregate, "band": view.band}
            for number, ids in enumerate(members)
            if ids
        ]

    async def _take_lines(
        self, axis: str, wanted: list[dict[str, Any]], smoothings: list[dict[str, Any]]
    ) -> int:
        """Keeps lines over an axis; returns how many did not fit."""
        missing = 0
        for first in range(0, len(wanted), _SERIES_AT_ONCE):
            asked = wanted[first : first + _SERIES_AT_ONCE]
            question = {"x": axis, "buckets": BUCKETS, "series": asked}
            answers = [
                (smoothing, await self._post("/api/v1/series:query", {**question, "smoothing": smoothing}))
                for smoothing in [None, *smoothings]
            ]
            missing += await asyncio.to_thread(self._take_answers, axis, asked, answers)
        return missing

    def _take_answers(
        self,
        axis: str,
        asked: list[dict[str, Any]],
        answers: list[tuple[dict[str, Any] | None, Answer]],
    ) -> int:
        """Keeps lines, smoothed as was asked besides; returns how many did not fit."""
        decoded = [
            (smoothing, list(_series_of(answer.data)))
            for smoothing, answer in answers
            if answer.status == 200
        ]
        if not decoded or decoded[0][0] is not None:
            return 0  # such as an expression that cannot be read: the page says so by itself
        missing = 0
        for number, each in enumerate(asked):
            header, columns = decoded[0][1][number]
            smoothed = {
                _smoothing_name(smoothing): every[number][1]["smoothed"][1]
                for smoothing, every in decoded[1:]
                if smoothing is not None and "smoothed" in every[number][1]
            }
            missing += not self._take_line(axis, each, header, columns, smoothed)
        return missing

    def _take_line(
        self,
        axis: str,
        asked: dict[str, Any],
        header: dict[str, Any],
        columns: dict[str, tuple[str, bytes]],
        smoothed: dict[str, bytes],
    ) -> bool:
        places = {name: (kind, self._archive.put(data)) for name, (kind, data) in columns.items()}
        smooth = {name: self._archive.put(data) for name, data in smoothed.items()}
        if any(place is None for _, place in places.values()) or None in smooth.values():
            return False
        self._series.append(
            {
                "name": _series_name(asked, axis),
                "header": header,
                "columns": {name: {"type": kind, "place": place} for name, (kind, place) in places.items()},
                "smoothed": smooth,
            }
        )
        return True

    # -- console, records, objects ---------------------------------------------------------------------------------

    async def _take_console(self, run: dict[str, Any]) -> None:
        run_id = run["run_id"]
        whole = (await self._get(self._run(run_id))).json()
        name = ("projects", self._wanted.project, "runs", run_id, "console")
        self._files = {file["path"]: file for file in whole.get("files", [])}
        for writer in ["", *(each["writer_id"] for each in whole["writers"])]:
            query = urlencode({"limit": _LINES_MAX, **({"writer": writer} if writer else {})})
            answer = await self._get(f"{self._run(run_id)}/console?{query}")
            found = answer.json()
            if found is None:
                continue
            if not await self._keep(answer, *name, writer):
                self._left_out.append("The console, for which there was no room.")
            elif writer and found["line_count"] > len(found["lines"]):
                missing = found["line_count"] - len(found["lines"])
                self._left_out.append(f"The first {missing:,} lines of the console of writer {writer}.")

    async def _take_records(
        self, runs: list[dict[str, Any]], metrics: dict[str, list[dict[str, Any]]]
    ) -> None:
        missing = 0
        for run in runs:
            run_id = run["run_id"]
            name = ("projects", self._wanted.project, "runs", run_id)
            for metric in metrics[run_id]:
                key, kind = metric["name"], metric["kind"]
                if kind not in RECORD_KINDS:
                    continue
                query = urlencode({"key": key, "kind": kind, "limit": _RECORDS_MAX})
                answer = await self._get(f"{self._run(run_id)}/records?{query}")
                found = answer.json()
                if found is None or not await self._keep(answer, *name, "records", key, kind):
                    missing += 1
                    continue
                if found["total_count"] > len(found["records"]):
                    count = found["total_count"] - len(found["records"])
                    self._left_out.append(f"The first {count:,} records of '{key}' of run '{run['name']}'.")
                if kind == "histogram":
                    grid = urlencode({"key": key, **_HISTOGRAM_GRID})
                    missing += not await self._keep(
                        await self._get(f"{self._run(run_id)}/histograms?{grid}"), *name, "histograms", key
                    )
                await self._note_frames(kind, found["records"])
                # The latest first: they are what a page opens with.
                for record in reversed(found["records"]):
                    for document in _files_in(record["document"]):
                        self._objects.setdefault(document["sha256"], {**document, "kind": kind})
        if missing:
            self._left_out.append(f"The records of {missing:,} keys, for which there was no room.")

    async def _note_frames(self, kind: str, records: list[dict[str, Any]]) -> None:
        """Keeps the viewers and presets that records need."""
        for record in records:
            for document in walk(record["document"]):
                name = (
                    "molecule" if kind == "molecule" else _FRAMES.get(str(document.get("language", "")), "")
                )
                if name:
                    await self._take_frame(name)
                preset = document.get("preset_id")
                if isinstance(preset, str) and preset:
                    address = "/".join(quote(part, safe="") for part in preset.split("/"))
                    await self._keep(
                        await self._get(f"/api/v1/presets/{address}"), "presets", *preset.split("/")
                    )

    async def _take_frame(self, name: str) -> None:
        path = _WEB / "frames" / f"{name}.html"
        if name in self._frames or not path.is_file():
            return
        self._frames.add(name)
        data = await asyncio.to_thread(path.read_bytes)
        if await self._put_file(f"/frames/{name}.html", data, "text/html"):
            self._foreign.append(data)
        else:
            self._left_out.append(f"The viewer of {name} charts, for which there was no room.")

    async def _take_objects(self) -> None:
        missing, missing_bytes = 0, 0
        for sha256, document in self._objects.items():
            size = document["size_bytes"]
            address = f"/api/v1/objects/{sha256}"
            took = size <= _OBJECT_BYTES_MAX
            if took and document.get("media_type") == _PARQUET:
                rows = await self._post(f"{address}/rows", {"limit": _ROWS_MAX})
                took = await self._keep(rows, "objects", sha256, "rows")
                if took:
                    for inner in _files_in(rows.json()["rows"]):
                        if inner["sha256"] not in self._objects:
                            took = await self._take_object(inner["sha256"], inner) and took
            elif took:
                took = await self._take_object(sha256, document)
            if not took:
                missing += 1
                missing_bytes += size
        if missing:
            self._left_out.append(
                f"{missing:,} media files of {missing_bytes / 1e6:,.1f} MB, for which there was no room."
            )

    async def _take_files(self) -> None:
        """Keeps small files of the run, also under the address that they are downloaded from."""
        missing = 0
        for path, file in self._files.items():
            address = f"/api/v1/objects/{file['sha256']}"
            small = file["size_bytes"] <= _FILE_BYTES_MAX
            if small and await self._take_object(file["sha256"], {"media_type": "application/octet-stream"}):
                parts = "/".join(map(_encoded, path.split("/")))
                of_run = (
                    f"/api/v1/projects/{_encoded(self._wanted.project)}/runs/{_encoded(self._wanted.run)}"
                )
                self._archive.answers[f"{of_run}/files/{parts}"] = self._archive.answers[address]
            else:
                missing += 1
        if missing:
            self._left_out.append(
                f"{missing:,} files kept with the run, which are large or for which there was no room."
            )

    async def _put_file(self, address: str, data: bytes, media_type: str) -> bool:
        return await asyncio.to_thread(self._archive.put_file, address, data, media_type)

    async def _take_object(self, sha256: str, document: dict[str, Any]) -> bool:
        media_type = str(document.get("media_type", ""))
        address = f"/api/v1/objects/{sha256}"
        answer = await self._get(f"{address}?{urlencode({'type': media_type})}")
        took = answer.status == 200 and await self._put_file(address, answer.data, media_type)
        if took and media_type == "text/html":
            for query in ("", "?inject=true"):
                page = await self._get(f"{address}/page{query}")
                took = (
                    page.status == 200
                    and await self._put_file(f"{address}/page{query}", page.data, "text/html")
                    and took
                )
                self._foreign.append(page.data)
        return took


_PAGE_FILES = ("page.js", "page_with_scenes.js", "page.css")
_SHELL_BYTES = 64 << 10  # the rest of the page, and the index of a usual run
_PARQUET = "application/vnd.apache.parquet"


def _name(*parts: str) -> str:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _encoded(text: str) -> str:
    """Returns a part of an address as a browser's encodeURIComponent writes it."""
    return quote(text, safe="!'()*")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _series_name(asked: dict[str, Any], axis: str) -> str:
    """Returns how the page finds a line; `web/src/export/names.ts` writes the same."""
    group = asked.get("group")
    owner: Any = [sorted(group["runs"]), group["aggregate"], group["band"]] if group else asked["run"]
    kind = "expression" if "expression" in asked else "key"
    return json.dumps([owner, kind, asked[kind], axis], ensure_ascii=False, separators=(",", ":"))


def _smoothing_name(smoothing: dict[str, Any]) -> str:
    return f"{smoothing['kind']}:{smoothing['amount']:g}"


def _series_of(data: bytes) -> Iterator[tuple[dict[str, Any], dict[str, tuple[str, bytes]]]]:
    """Yields each series of an answer: what it says of itself, and its columns as they are."""
    (size,) = struct.unpack_from("<I", data, 4)
    start = 8 + size
    for header in json.loads(data[8:start])["series"]:
        columns = {}
        for column in header.pop("columns"):
            width = 4 if column["type"] == "uint32" else 8
            begin = start + column["offset"]
            columns[column["name"]] = (column["type"], data[begin : begin + column["length"] * width])
        yield header, columns


def _files_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yields the references to objects within a document."""
    for each in walk(value):
        if isinstance(each.get("sha256"), str) and isinstance(each.get("size_bytes"), int):
            yield each

"""Owns the machine-readable description of the HTTP API, of what docs/http_api.md says in words. Pure.

Invariant: every route that a daemon has stands here and nothing else does; a test compares the two. Those of a team server
alone stand in `openapi_people`.
"""

from __future__ import annotations

from typing import Any

from trackd_service.series import RECORD_KINDS

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_COUNT: dict[str, Any] = {"type": "integer", "format": "int64", "minimum": 0}
_TRUTH: dict[str, Any] = {"type": "boolean"}
_ANY: dict[str, Any] = {}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_RECORD_KIND = {"type": "string", "enum": list(RECORD_KINDS)}
_KIND = {"type": "string", "enum": ["number", "bool", "string", "other", *RECORD_KINDS]}
_STATE = {
    "type": "string",
    "enum": ["running", "finished", "failed", "killed", "crashed", "preempted"],
}
_PROCESS = _object(
    {"pid": _COUNT, "host": _TEXT, "program": _TEXT, "arguments": _list(_TEXT), "boot_id": _TEXT},
    ("pid", "host", "program", "arguments", "boot_id"),
)
_HEALTH = _object(
    {
        "accepted_row_count": _COUNT,
        "late_row_count": _COUNT,
        "dropped_late_row_count": _COUNT,
        "refused_count": _COUNT,
        "damaged_record_count": _COUNT,
        "message": _TEXT,
    }
)
_BRIEF = {
    "project": _TEXT,
    "run_id": _TEXT,
    "name": _TEXT,
    "state": _STATE,
    "group": _TEXT,
    "job_type": _TEXT,
    "tags": _list(_TEXT),
    "notes": _TEXT,
    "preempting": _TRUTH,
    "create_time_unix_ms": _NUMBER,
    "update_time_unix_ms": _NUMBER,
    "finish_time_unix_ms": _optional(_NUMBER),
    "exit_code": _optional({"type": "integer"}),
    "signal": _COUNT,
    "next_step": _COUNT,
    "durable_step": _COUNT,
    "synced_step": _optional(_COUNT),
    "metric_count": _COUNT,
    "revision": _COUNT,
    "logged_revision": _COUNT,
    "ingest_health": _ref("IngestHealth"),
    "process": _PROCESS,
    "end_reason": _TEXT,
    "stalled": _TRUTH,
    "forked_from": _optional(_object({"project": _TEXT, "run_id": _TEXT, "last_step": _COUNT})),
    "archived": _TRUTH,
    "rewinds": _list(_object({"time_unix_ms": _NUMBER, "last_step": _COUNT, "masked_point_count": _COUNT})),
}
_DEFINITION = _object(
    {
        "name": _TEXT,
        "step_metric": _optional(_TEXT),
        "step_sync": _optional(_TRUTH),
        "hidden": _optional(_TRUTH),
        "summary": _list(_TEXT),
        "goal": _optional(_TEXT),
    }
)
_FILE = _object(
    {"path": _TEXT, "sha256": _TEXT, "size_bytes": _COUNT, "purpose": _TEXT, "time_unix_ms": _NUMBER},
    ("time_unix_ms",),
)
_EVENT = _object(
    {
        "run_id": _TEXT,
        "kind": {"type": "string", "enum": ["alert", "rewind", "fork", "restart", "checkpoint"]},
        "step": _optional(_COUNT),
        "time_unix_ms": _NUMBER,
        "title": _TEXT,
        "text": _TEXT,
        "level": {"type": "string", "enum": ["", "INFO", "WARN", "ERROR"]},
    }
)
_UPLOAD = _object(
    {
        "settings": _object(
            {
                "url": _TEXT,
                "endpoint_url": _TEXT,
                "region": _TEXT,
                "profile": _TEXT,
                "interval_seconds": _NUMBER,
                "bytes_per_second_max": _COUNT,
                "keep_local_days": _NUMBER,
            }
        ),
        "status": _object(
            {
                "state": {"type": "string", "enum": ["off", "idle", "sending", "waiting", "stopped"]},
                "sentence": _TEXT,
                "pending_run_count": _COUNT,
                "pending_file_count": _COUNT,
                "pending_bytes": _COUNT,
                "sent_file_count": _COUNT,
                "sent_bytes": _COUNT,
                "lag_seconds": _NUMBER,
                "retry_seconds": _NUMBER,
            }
        ),
    }
)
_DOCUMENT = {
    "type": "object",
    "properties": {"type": _RECORD_KIND},
    "required": ["type"],
    "description": "the document of a typed record; docs/records.md lists the fields of each type",
}
_PRESET = _object({"id": _TEXT, "title": _TEXT, "is_built_in": _TRUTH})
_COLUMN = _object({"name": _TEXT, "type": _TEXT})
_ROWS_QUERY = _object(
    {
        "offset": _COUNT,
        "limit": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100},
        "columns": _optional(_list(_COUNT)),
        "sort": _list(_object({"column": _COUNT, "descending": _TRUTH}, ("descending",))),
        "filter": _optional(
            {"type": "object", "description": "{and: […]}, {or: […]}, {not: …} or {column, op, value}"}
        ),
        "group": _optional(
            _object(
                {
                    "by": _list(_COUNT),
                    "aggregates": _list(_object({"column": _COUNT, "function": _TEXT}, ("column",))),
                },
                ("aggregates",),
            )
        ),
    },
    ("offset", "limit", "columns", "sort", "filter", "group"),
)
_ROWS = _object(
    {
        "total_count": _COUNT,
        "row_count": _COUNT,
        "columns": _list(_COLUMN),
        "rows": _list(_list(_ANY)),
        "row_numbers": _optional(_list(_COUNT)),
    }
)
_GROUP = {
    **_object(
        {
            "id": _TEXT,
            "runs": {**_list(_TEXT), "minItems": 1, "maxItems": 10_000, "uniqueItems": True},
            "aggregate": {"type": "string", "enum": ["mean", "median", "min", "max"], "default": "mean"},
            "band": {"type": "string", "enum": ["range", "std", "stderr", "none"], "default": "range"},
        },
        ("aggregate", "band"),
    ),
    "description": "in place of run: many runs as one line with a band",
}
_SERIES_QUERY = _object(
    {
        "x": {"type": "string", "description": "step, wall_time, relative_time or metric:NAME"},
        "buckets": {"type": "integer", "minimum": 2, "maximum": 10_000, "default": 1000},
        "min_x": _optional(_NUMBER),
        "max_x": _optional(_NUMBER),
        "smoothing": _optional(
            _object(
                {"kind": {"type": "string", "enum": ["ema", "gaussian", "running_mean"]}, "amount": _NUMBER}
            )
        ),
        "omit": _optional(_list(_TEXT) | {"description": "columns that the answer need not have"}),
        "series": _list(
            _object(
                {
                    "project": _TEXT,
                    "run": _TEXT,
                    "group": _GROUP,
                    "key": _TEXT,
                    "expression": {"type": "string", "maxLength": 1000, "description": "in place of key"},
                    "after_x": _optional(_NUMBER),
                    "points_per_bucket": _optional({"type": "integer", "minimum": 1}),
                },
                ("run", "group", "key", "expression", "after_x", "points_per_bucket"),
            )
        ),
    },
    ("x", "buckets", "min_x", "max_x", "smoothing", "omit"),
)
_RUNS_QUERY = _object(
    {
        "filter": {"type": "string", "description": "docs/filters.md; empty for all runs"},
        "search": {"type": "string", "description": "RE2 over the names of runs"},
        "archived": {"type": "string", "enum": ["without", "with", "only"], "default": "without"},
        "sort": _list(_object({"column": _TEXT, "descending": _TRUTH}, ("descending",))),
        "group_by": _list(_TEXT),
        "columns": _list(_TEXT),
        "aggregates": _list(_TEXT),
        "with_runs": _TRUTH,
        "offset": _COUNT,
        "limit": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 100},
    },
    (
        "filter", "search", "archived", "sort", "group_by", "columns", "aggregates", "with_runs", "offset", "limit",
    ),
)  # fmt: skip
_RUN_GROUP = _object(
    {
        "level": _COUNT,
        "values": _list(_ANY),
        "first": _COUNT,
        "count": _COUNT,
        "running_count": _COUNT,
        "run_ids": _list(_TEXT),
        "aggregates": _list(
            _object({"column": _TEXT, "count": _COUNT, "min": _NUMBER, "max": _NUMBER, "mean": _NUMBER})
        ),
    }
)
_RUNS_ANSWER = _object(
    {
        "total_count": _COUNT,
        "project_run_count": _COUNT,
        "revision": _COUNT,
        "run_ids": _list(_TEXT),
        "columns": _list(_object({"name": _TEXT, "values": _list(_ANY)})),
        "groups": _list(_ref("RunGroup")),
        "runs": _list(_ref("RunBrief")),
    }
)
_RUN_COLUMN = _object(
    {
        "name": _TEXT,
        "kind": {
            "type": "string",
            "enum": ["number", "string", "bool", "time", "duration", "list", "other", "mixed"],
        },
        "run_count": _COUNT,
        "distinct_count": _COUNT,
        "min": _optional(_NUMBER),
        "max": _optional(_NUMBER),
        "values": _list(_ANY),
    }
)
_RUNS_EDIT = _object(
    {
        "run_ids": _list(_TEXT),
        "name": _TEXT,
        "notes": _TEXT,
        "group": _TEXT,
        "add_tags": _list(_TEXT),
        "remove_tags": _list(_TEXT),
        "archived": _TRUTH,
    },
    ("name", "notes", "group", "add_tags", "remove_tags", "archived"),
)
_SCHEMAS = {
    "Error": _object({"error": _object({"reason": _TEXT, "message": _TEXT, "metadata": {"type": "object"}})}),
    "IngestHealth": _HEALTH,
    "RunBrief": _object(_BRIEF),
    "Run": _object(
        {
            **_BRIEF,
            "config": {"type": "object"},
            "summary": {"type": "object"},
            "traceback": _TEXT,
            "metric_definitions": _list(_DEFINITION),
            "alerts": _list(_ANY),
            "files": _list(_ref("File")),
            "environment": {"type": "object"},
            "system_metrics": {"type": "object", "description": "the last sample, by host and name"},
            "writers": _list(_ref("Writer")),
            "ranks": _optional(_ref("Ranks")),
        }
    ),
    "Upload": _UPLOAD,
    "Writer": _object(
        {
            "writer_id": _TEXT,
            "role": {"type": "string", "enum": ["primary", "shared", "helper", "observer"]},
            "label": _TEXT,
            "client": _TEXT,
            "process": _PROCESS,
            "open": _TRUTH,
            "row_count": _COUNT,
            "metrics": _list(_TEXT),
            "next_step": _COUNT,
            "update_time_unix_ms": _NUMBER,
            "console_line_count": _COUNT,
            "state": _STATE,
            "exit_code": _optional(_COUNT),
            "signal": _COUNT,
            "end_reason": _TEXT,
            "silent": _TRUTH,
            "begin_time_unix_ms": _NUMBER,
            "heard_time_unix_ms": _NUMBER,
            "row_time_unix_ms": _NUMBER,
            "last_step": _optional(_COUNT),
            "steps_per_second": _optional(_NUMBER),
            "rank": _optional(_COUNT),
            "superseded": _TRUTH,
            "steps_behind": _optional(_COUNT),
            "seconds_behind": _optional(_NUMBER),
        }
    ),
    "Ranks": _object(
        {
            "rank_count": _COUNT,
            "expected_count": _optional(_COUNT),
            "host_count": _COUNT,
            "running_count": _COUNT,
            "silent_count": _COUNT,
            "finished_count": _COUNT,
            "failed_count": _COUNT,
            "sentence": _TEXT,
            "notes": _list(
                _object(
                    {
                        "kind": {"type": "string", "enum": ["ended", "silent", "missing", "slow"]},
                        "text": _TEXT,
                        "since_unix_ms": _optional(_NUMBER),
                        "writer_ids": _list(_TEXT),
                    }
                )
            ),
        }
    ),
    "ConsoleLines": _object(
        {
            "writer_id": _TEXT,
            "line_count": _COUNT,
            "next_line": _optional(_COUNT),
            "lines": _list(
                {
                    "type": "array",
                    "description": "number, stream, time_unix_ms, text",
                    "items": _ANY,
                    "minItems": 4,
                    "maxItems": 4,
                }
            ),
        }
    ),
    "Daemon": _object(
        {
            "version": _TEXT,
            "protocol_version": _COUNT,
            "pid": _COUNT,
            "http_address": _TEXT,
            "store_path": _TEXT,
            "uptime_seconds": _NUMBER,
            "open_writer_count": _COUNT,
            "counters": {"type": "object"},
        }
    ),
    "Project": _object(
        {"name": _TEXT, "run_count": _COUNT, "running_count": _COUNT, "update_time_unix_ms": _NUMBER}
    ),
    "Metric": _object(
        {"name": _TEXT, "kind": _KIND, "count": _COUNT, "first_step": _COUNT, "last_step": _COUNT}
    ),
    "ProjectMetric": _object(
        {"name": _TEXT, "kind": _KIND, "run_count": _COUNT, "hidden": _TRUTH, "step_metric": _optional(_TEXT)}
    ),
    "File": _FILE,
    "Event": _EVENT,
    "ImportanceQuery": _object(
        {
            "run_ids": {**_list(_TEXT), "maxItems": 10_000},
            "target": _TEXT,
            "columns": _optional({**_list(_TEXT), "maxItems": 200}),
        },
        ("columns",),
    ),
    "Importances": _object(
        {
            "run_count": _COUNT,
            "explained": _optional(_NUMBER),
            "method": _TEXT,
            "caution": _TEXT,
            "columns": _list(
                _object(
                    {
                        "column": _TEXT,
                        "kind": {"type": "string", "enum": ["number", "bool", "string"]},
                        "run_count": _COUNT,
                        "distinct_count": _COUNT,
                        "pearson": _optional(_NUMBER),
                        "spearman": _optional(_NUMBER),
                        "importance": _optional(_NUMBER),
                    }
                )
            ),
        }
    ),
    "SeriesQuery": _SERIES_QUERY,
    "RunsQuery": _RUNS_QUERY,
    "Runs": _RUNS_ANSWER,
    "RunGroup": _RUN_GROUP,
    "RunColumn": _RUN_COLUMN,
    "RunsEdit": _RUNS_EDIT,
    "RecordDocument": _DOCUMENT,
    "Record": _object({"step": _COUNT, "time_unix_ms": _NUMBER, "document": _ref("RecordDocument")}),
    "RowsQuery": _ROWS_QUERY,
    "Rows": _ROWS,
    "Preset": _PRESET,
    "WholePreset": {
        "allOf": [_ref("Preset"), _object({"specification": {"type": "object"}})],
    },
    "View": _object({"id": _TEXT, "name": _TEXT, "update_time_unix_ms": _NUMBER}),
    "WholeView": {"allOf": [_ref("View"), _object({"document": {"type": "object"}})]},
}
_JSON = "application/json"


def _answers(schema: dict[str, Any], media_type: str = _JSON) -> dict[str, Any]:
    error = {"description": "Why not.", "content": {_JSON: {"schema": _ref("Error")}}}
    return {
        "200": {"description": "The answer.", "content": {media_type: {"schema": schema}}},
        "default": error,
    }


def _get(summary: str, schema: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": _answers(schema)}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _in_query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _post(summary: str, parameter: dict[str, Any], schema: dict[str, Any], answer: Any) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "parameters": [parameter],
            "requestBody": {"required": True, "content": {_JSON: {"schema": schema}}},
            "responses": answer,
        }
    }


def _run_set_paths(of_project: str, project: dict[str, Any]) -> dict[str, Any]:
    """Returns the routes of sets of runs."""
    count = _answers(_object({"run_count": _COUNT}))
    return {
        f"{of_project}/runs:query": _post(
            "Answers a page of rows and columns, and the tree of groups.",
            project,
            _ref("RunsQuery"),
            _answers(_ref("Runs")),
        ),
        f"{of_project}/runs:csv": _post(
            "Downloads the columns of all runs that match.",
            project,
            _ref("RunsQuery"),
            _answers(_TEXT, "text/csv"),
        ),
        f"{of_project}/runs:edit": _post("Changes many runs.", project, _ref("RunsEdit"), count),
        f"{of_project}/runs:delete": _post(
            "Deletes many runs.", project, _object({"run_ids": _list(_TEXT)}), count
        ),
        f"{of_project}/columns": _get(
            "Lists the columns of a project, and what they hold.",
            _object({"total_count": _COUNT, "columns": _list(_ref("RunColumn"))}),
            (
                project,
                _in_query("search", _TEXT),
                _in_query("varying", _TRUTH),
                _in_query("filter", _TEXT),
                _in_query("offset", _COUNT),
                _in_query("limit", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 100}),
            ),
        ),
    }


def _html_path(summary: str, parameters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    asked = [*parameters, _in_query("query", _TEXT), _in_query("max_bytes", _COUNT)]
    return {"get": {"summary": summary, "parameters": asked, "responses": _answers(_TEXT, "text/html")}}


def _record_paths(of_run: str, in_run: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Returns the routes of typed records, their objects and presets."""
    series = (*in_run, _in_query("key", _TEXT), _in_query("kind", _RECORD_KIND))
    objects = "/api/v1/objects/{sha256}"
    sha256 = {
        "name": "sha256",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    binary = {"type": "string", "format": "binary"}

    def download(summary: str, media_type: str, *parameters: dict[str, Any]) -> dict[str, Any]:
        return {
            "get": {
                "summary": summary,
                "parameters": [*parameters],
                "responses": _answers(binary, media_type),
            }
        }

    return {
        f"{of_run}/records:steps": _get(
            "Lists the steps at which a key has a record.", _object({"steps": _list(_COUNT)}), series
        ),
        f"{of_run}/records": _get(
            "Answers records from a step on, or the last ones.",
            _object({"records": _list(_ref("Record")), "total_count": _COUNT}),
            (
                *series,
                _in_query("at", _COUNT),
                _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 1}),
            ),
        ),
        f"{of_run}/histograms": download(
            "Answers all histograms of a key as one array.",
            "application/vnd.trackd.histograms",
            *in_run,
            _in_query("key", _TEXT),
            _in_query("columns", {"type": "integer", "minimum": 1, "maximum": 4_096, "default": 500}),
            _in_query("bins", {"type": "integer", "minimum": 1, "maximum": 512, "default": 64}),
        ),
        objects: download("Serves an object.", "application/octet-stream", sha256, _in_query("type", _TEXT)),
        f"{objects}/page": download(
            "Serves an HTML object as a page on an opaque origin.",
            "text/html",
            sha256,
            _in_query("inject", _TEXT),
        ),
        f"{objects}/rows": {
            "post": {
                "summary": "Answers rows of a table, sorted, filtered or grouped.",
                "parameters": [sha256],
                "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("RowsQuery")}}},
                "responses": _answers(_ref("Rows")),
            }
        },
        "/api/v1/presets": _get("Lists the presets of charts.", _object({"presets": _list(_ref("Preset"))})),
        "/api/v1/presets/{id}": {
            **_get("Answers a preset; the id may hold slashes.", _ref("WholePreset"), (_in_path("id"),)),
            "put": {
                "summary": "Saves a preset.",
                "parameters": [_in_path("id")],
                "requestBody": {
                    "required": True,
                    "content": {
                        _JSON: {
                            "schema": _object(
                                {"title": _TEXT, "specification": {"type": "object"}}, ("title",)
                            )
                        }
                    },
                },
                "responses": _answers({"type": "object"}),
            },
            "delete": {
                "summary": "Removes a saved preset.",
                "parameters": [_in_path("id")],
                "responses": _answers({"type": "object"}),
            },
        },
    }


def _view_paths(of_project: str, in_project: dict[str, Any]) -> dict[str, Any]:
    """Returns the routes of saved views."""
    one = (in_project, {**_in_path("view"), "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}})
    content = _object(
        {"name": {"type": "string", "maxLength": 200}, "document": {"type": "object"}}, ("name",)
    )
    return {
        f"{of_project}/views": _get(
            "Lists the saved views of a project, last saved first.",
            _object({"views": _list(_ref("View"))}),
            (in_project,),
        ),
        f"{of_project}/views/{{view}}": {
            **_get("Answers a saved view.", _ref("WholeView"), one),
            "put": {
                "summary": "Saves a view.",
                "parameters": [*one],
                "requestBody": {"required": True, "content": {_JSON: {"schema": content}}},
                "responses": _answers({"type": "object"}),
            },
            "delete": {
                "summary": "Removes a saved view.",
                "parameters": [*one],
                "responses": _answers({"type": "object"}),
            },
        },
    }


def document(version: str) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the API; the live socket is described in words only, as OpenAPI has none."""
    project, run = _in_path("project"), _in_path("run")
    of_project, of_run = "/api/v1/projects/{project}", "/api/v1/projects/{project}/runs/{run}"
    paging = (
        _in_query("limit", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 100}),
        _in_query("offset", {"type": "integer", "minimum": 0, "default": 0}),
        _in_query("order", _TEXT),
        _in_query("filters", {"type": "string", "description": "a JSON object of MongoDB-style operators"}),
    )
    query = {
        "post": {
            "summary": "Answers series, expressions and groups of runs as binary columns, or what is new of a series.",
            "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("SeriesQuery")}}},
            "responses": _answers({"type": "string", "format": "binary"}, "application/vnd.trackd.series"),
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "trackd",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}, {"cookie": []}],
        "paths": {
            "/api/v1/daemon": _get("Tells who the daemon is.", _ref("Daemon")),
            "/api/v1/upload": _get("Tells how the upload is set, and how it stands.", _ref("Upload")),
            "/api/v1/openapi.json": _get("This document.", {"type": "object"}),
            "/api/v1/projects": _get(
                "Lists the projects, last changed first.", _object({"projects": _list(_ref("Project"))})
            ),
            f"{of_project}/runs": _get(
                "Lists runs of a project in their brief form.",
                _object({"runs": _list(_ref("RunBrief")), "total_count": _COUNT}),
                (project, *paging),
            ),
            f"{of_project}/metrics": _get(
                "Lists the metrics of all runs of a project.",
                _object({"metrics": _list(_ref("ProjectMetric"))}),
                (project,),
            ),
            f"{of_project}/events": _get(
                "Lists what happened in runs, for charts to mark.",
                _object({"events": _list(_ref("Event"))}),
                (
                    project,
                    {
                        "name": "runs",
                        "in": "query",
                        "required": True,
                        "schema": _TEXT,
                        "description": "ids, with commas between them",
                    },
                ),
            ),
            f"{of_project}/importance": {
                "post": {
                    "summary": "Says which columns of runs have to do with a number that they ended with.",
                    "parameters": [project],
                    "requestBody": {
                        "required": True,
                        "content": {_JSON: {"schema": _ref("ImportanceQuery")}},
                    },
                    "responses": _answers(_ref("Importances")),
                }
            },
            of_run: _get("Gets one run whole.", _ref("Run"), (project, run)),
            f"{of_run}/metrics": _get(
                "Lists the metrics of a run.",
                _object({"metrics": _list(_ref("Metric"))}),
                (
                    project,
                    run,
                    _in_query("prefix", _TEXT),
                    _in_query(
                        "stream", {"type": "string", "enum": ["history", "system"], "default": "history"}
                    ),
                ),
            ),
            f"{of_run}/console": _get(
                "Answers lines of the console, or those that match.",
                _ref("ConsoleLines"),
                (
                    project,
                    run,
                    _in_query("writer", _TEXT),
                    _in_query("first_line", _COUNT),
                    _in_query("limit", {"type": "integer", "minimum": 0, "maximum": 10_000}),
                    _in_query("pattern", _TEXT),
                ),
            ),
            f"{of_run}/compare": _get(
                "Compares the run with another one.",
                _object(
                    {
                        "differences": _list(
                            _object(
                                {"part": _TEXT, "key": _TEXT, "left": _ANY, "right": _ANY}, ("left", "right")
                            )
                        ),
                        "files": _list(_object({"path": _TEXT, "diff": _TEXT})),
                    }
                ),
                (project, run, _in_query("with", _TEXT), _in_query("project", _TEXT)),
            ),
            f"{of_run}/export": {
                "get": {
                    "summary": "Downloads the whole history as text, a row a step.",
                    "parameters": [
                        project,
                        run,
                        _in_query("format", {"type": "string", "enum": ["csv", "jsonl"]}),
                    ],
                    "responses": _answers(_TEXT, "text/csv"),
                }
            },
            f"{of_project}/html": _html_path("Downloads the runs of a view as one page.", (project,)),
            f"{of_run}/html": _html_path("Downloads a run's page as one file.", (project, run)),
            f"{of_run}/files": _get(
                "Lists the files kept with a run.", _object({"files": _list(_ref("File"))}), (project, run)
            ),
            f"{of_run}/files/{{path}}": {
                "get": {
                    "summary": "Downloads a file kept with a run; the path may hold slashes.",
                    "parameters": [project, run, _in_path("path")],
                    "responses": _answers({"type": "string", "format": "binary"}, "application/octet-stream"),
                }
            },
            **_run_set_paths(of_project, project),
            **_record_paths(of_run, (project, run)),
            **_view_paths(of_project, project),
            "/api/v1/usage": _get(
                "Tells what the files of each kind take.",
                _object(
                    {
                        "segment_bytes": _COUNT,
                        "object_bytes": _COUNT,
                        "log_bytes": _COUNT,
                        "garbage_bytes": _COUNT,
                        "garbage_count": _COUNT,
                    }
                ),
            ),
            "/api/v1/projects:sizes": _get(
                "Tells what is sealed of each project.",
                _object({"projects": _list(_object({"name": _TEXT, "size_bytes": _COUNT}))}),
            ),
            "/api/v1/series:query": query,
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "trackd_token_PORT"},
            },
        },
    }

"""Owns the tests of the HTTP face against a real daemon: who may ask, the JSON forms, series, errors, live messages."""

from __future__ import annotations

import http.client
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from tests.conftest import WaitUntil
from tests.service.reading import endpoint_of

import trackd


@dataclass
class Web:
    """A client of one daemon's HTTP face."""

    host: str
    port: int
    token: str

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        with_token: bool = True,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}"} if with_token else {}
        sent |= headers or {}
        try:
            connection.putrequest(method, path, skip_host="Host" in sent)
            for name, value in sent.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def series(self, query: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        status, headers, body = self.ask(
            "/api/v1/series:query", method="POST", body=json.dumps(query).encode()
        )
        assert status == 200, body
        assert headers["content-type"] == "application/vnd.trackd.series"
        return decode(body)


def decode(body: bytes) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    magic, size = struct.unpack_from("<4sI", body)
    assert magic == b"TKS1"
    header = json.loads(body[8 : 8 + size])
    types = {"float64": "<f8", "uint32": "<u4"}
    return [
        (
            each,
            {
                column["name"]: np.frombuffer(
                    body, types[column["type"]], column["length"], 8 + size + column["offset"]
                )
                for column in each["columns"]
            },
        )
        for each in header["series"]
    ]


@pytest.fixture(scope="module")
def web(module_store: Path) -> Web:
    with trackd.init(project="p one", id="r1", config={"lr": 0.1}, settings={"quiet": True}) as run:
        for step in range(5000):
            run.log({"loss": 1000.0 if step == 2345 else 1.0 / (step + 1), "n": step})
        run.log({"bad": float("nan"), "word": "x", "flag": True, "list": [1, 2]})
        assert run.flush(60)
    return web_of(module_store)


def web_of(store: Path) -> Web:
    """Returns a client of a store's daemon."""
    endpoint = endpoint_of(store)
    address = urlsplit(endpoint.http_address)
    return Web(str(address.hostname), int(address.port or 0), endpoint.token)


RUN = "/api/v1/projects/p%20one/runs/r1"


def test_projects_runs_and_metrics_are_listed(web: Web) -> None:
    (project,) = web.get("/api/v1/projects")["projects"]
    assert (project["name"], project["run_count"], project["running_count"]) == ("p one", 1, 0)
    runs = web.get("/api/v1/projects/p%20one/runs")
    assert runs["total_count"] == 1
    assert runs["runs"][0]["run_id"] == "r1"
    assert "config" not in runs["runs"][0]
    kinds = {(each["name"], each["kind"]) for each in web.get(f"{RUN}/metrics")["metrics"]}
    expected = {("loss", "number"), ("n", "number"), ("bad", "number"), ("word", "string"), ("flag", "bool")}
    assert kinds == expected | {("list", "other")}
    assert [each["name"] for each in web.get(f"{RUN}/metrics?prefix=l")["metrics"]] == ["list", "loss"]
    assert {each["name"] for each in web.get("/api/v1/projects/p%20one/metrics")["metrics"]} == {
        name for name, _ in kinds
    }


def test_whole_run_has_config_and_summary_with_nan_as_text(web: Web) -> None:
    run = web.get(RUN)
    assert run["state"] == "finished"
    assert run["config"] == {"lr": 0.1}
    assert run["summary"]["n"] == 4999
    assert run["summary"]["bad"] == "NaN"
    assert run["summary"]["list"] == [1, 2]
    assert run["process"]["pid"] > 0


def test_series_in_buckets_keeps_the_spike_and_zooms_to_the_points(web: Web) -> None:
    one = {"project": "p one", "run": "r1", "key": "loss"}
    ((header, columns),) = web.series({"buckets": 100, "series": [one]})
    assert (header["mode"], header["total_count"]) == ("buckets", 5000)
    assert columns["max"].max() == 1000.0
    ((header, columns),) = web.series({"buckets": 100, "min_x": 2340, "max_x": 2350, "series": [one]})
    assert header["mode"] == "points"
    assert columns["x"].tolist() == list(range(2340, 2351))
    assert columns["y"][5] == 1000.0


def test_series_of_an_unknown_metric_is_empty(web: Web) -> None:
    ((header, _),) = web.series({"series": [{"project": "p one", "run": "r1", "key": "nothing"}]})
    assert header["count"] == 0


def test_token_is_needed_everywhere(web: Web) -> None:
    paths = ["/", "/p/x", "/assets/x.js", *(path for path in api_paths(web) if "{" not in path), RUN]
    for path in paths:
        for token in (None, "wrong"):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            status, answer_headers, _ = web.ask(path, headers=headers, with_token=False)
            assert status == 401, path
            assert answer_headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:7733"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_other_sites_are_refused_on_every_route(web: Web, headers: dict[str, str], status: int) -> None:
    for path in [*(path for path in api_paths(web) if "{" not in path), RUN, "/"]:
        for method in ("GET", "POST", "DELETE", "PUT", "OPTIONS"):
            assert web.ask(path, method=method, headers=headers)[0] == status, (path, method)


def test_every_answer_of_every_route_has_a_policy_and_no_other_type_than_it_says(web: Web) -> None:
    names = {
        "project": "p%20one",
        "run": "r1",
        "path": "no/such.html",
        "id": "none",
        "view": "none",
        "sha256": "0" * 64,
    }
    paths = [re.sub(r"{(\w+)}", lambda match: names.get(match[1], "x"), path) for path in api_paths(web)]
    assert len(paths) > 20
    frames = [f"/frames/{name}.html" for name in ("vega", "plotly", "bokeh", "molecule")]
    for path in [
        *paths,
        *frames,
        "/",
        "/p/x",
        "/settings",
        "/assets/none.js",
        "/frames/none.html",
        "/api/none",
        "/..%2f..%2fetc",
    ]:
        for method in ("GET", "POST", "PUT", "DELETE"):
            status, headers, _ = web.ask(
                path, method=method, body=b"{" if method in ("POST", "PUT") else None
            )
            assert status < 500 or status == 503, (path, method, status)
            policy = headers["content-security-policy"]
            assert "sandbox" in policy or "script-src 'self'" in policy, (path, method)
            assert "frame-ancestors 'self'" in policy or policy.startswith("sandbox; default-src 'none'"), (
                path
            )
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in headers
            if path in frames and method == "GET":
                assert "sandbox allow-scripts" in policy
                assert "allow-same-origin" not in policy
                assert "connect-src 'none'" in policy


@pytest.mark.parametrize(
    "path", ["//evil.example", "///evil.example", "/%2f/evil.example", "/\\evil.example"]
)
def test_link_with_the_token_leads_nowhere_else(web: Web, path: str) -> None:
    status, headers, _ = web.ask(f"{path}?token={web.token}", with_token=False)
    assert status == 303
    assert re.match(r"/(?![/\\])", headers["location"]), headers["location"]


def test_link_with_the_token_sets_a_cookie_that_opens_the_page(web: Web) -> None:
    status, headers, _ = web.ask(f"/p/x?token={web.token}&view=1", with_token=False)
    assert status == 303
    assert headers["location"] == "/p/x?view=1"
    assert "HttpOnly" in headers["set-cookie"]
    assert re.search("samesite=strict", headers["set-cookie"], re.IGNORECASE)
    cookie = headers["set-cookie"].split(";")[0]
    status, headers, body = web.ask("/p/x", headers={"Cookie": cookie}, with_token=False)
    assert status == 200
    assert b"<div id=" in body
    assert "default-src 'self'" in headers["content-security-policy"]


def test_token_link_never_leads_to_another_host(web: Web) -> None:
    status, headers, _ = web.ask(f"//evil.example/?token={web.token}", with_token=False)
    assert status in (303, 404)
    assert not headers.get("location", "/").startswith("//")


@pytest.mark.parametrize(
    "path", ["../catalog.sqlite", "..%2f..%2ftoken", "%2e%2e/%2e%2e/token", "assets/../../token"]
)
def test_no_path_leads_out_of_the_web_app(web: Web, path: str) -> None:
    status, _, body = web.ask(f"/{path}")
    assert web.token.encode() not in body
    assert status in (200, 404)
    assert b"SQLite" not in body


def test_export_holds_every_row_and_defuses_formulas(web: Web) -> None:
    with trackd.init(project="p one", id="r3") as run:
        run.log({"a": 1, "b": 0.5, "text": "=cmd()"})
        run.log({"a": 2**53 + 1, "flag": True})
        run.log({"b": float("nan"), "list": [1, None]})
        assert run.flush(60)
    path = "/api/v1/projects/p%20one/runs/r3/export"
    status, headers, body = web.ask(f"{path}?format=csv")
    assert status == 200
    assert "attachment" in headers["content-disposition"]
    lines = [line.split(",") for line in body.decode().replace('"[1, null]"', "LIST").splitlines()]
    assert lines[0] == ["_step", "_timestamp", "a", "b", "flag", "list", "text"]
    assert [line[:1] + line[2:] for line in lines[1:]] == [
        ["0", "1", "0.5", "", "", "'=cmd()"],
        ["1", str(2**53 + 1), "", "True", "", ""],
        ["2", "", "nan", "", "LIST", ""],
    ]
    rows = [json.loads(line) for line in web.ask(f"{path}?format=jsonl")[2].splitlines()]
    for row in rows:
        assert row.pop("_timestamp") > 1e9
    assert rows[0] == {"_step": 0, "a": 1, "b": 0.5, "text": "=cmd()"}
    assert rows[2] == {"_step": 2, "b": "NaN", "list": [1, None]}
    assert web.ask(f"{path}?format=xls")[0] == 400


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/api/v1/projects/p%20one/runs/none", 404, "RUN_NOT_FOUND"),
        ("/api/v1/nothing", 404, "INVALID_ARGUMENT"),
        ("/api/v1/projects/p%20one/runs?limit=x", 400, "INVALID_ARGUMENT"),
        ("/api/v1/projects/p%20one/runs?filters=x", 400, "INVALID_ARGUMENT"),
        ("/api/v1/projects/p%20one/runs?filters=" + quote('{"$bad": 1}'), 400, "INVALID_FILTER"),
    ],
)
def test_errors_have_one_form(web: Web, path: str, status: int, reason: str) -> None:
    answer, _, body = web.ask(path)
    assert answer == status
    error = json.loads(body)["error"]
    assert error["reason"] == reason
    assert error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"series": 3}',
        b'{"series": [3]}',
        b'{"series": [{}]}',
        b'{"series": [{"project": 1, "run": "r1", "key": "loss"}]}',
        b'{"buckets": 1, "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"buckets": 1e99, "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"x": "nothing", "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"min_x": "a", "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"smoothing": {"kind": "none", "amount": 1}, "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"smoothing": {"kind": "ema", "amount": 1}, "series": [{"project": "p one", "run": "r1", "key": "loss"}]}',
        b'{"series": [' + b"0" * (2 << 20) + b"]}",
        b"[" * 100_000,
    ],
)
def test_bad_series_queries_are_refused_by_a_sentence(web: Web, body: bytes) -> None:
    status, _, answer = web.ask("/api/v1/series:query", method="POST", body=body)
    if body == b"":
        assert status == 200  # a question for nothing
        return
    assert status == 400, answer
    assert json.loads(answer)["error"]["message"]


def test_space_is_told_by_kind_and_by_project(web: Web, wait_until: WaitUntil) -> None:
    with trackd.init(project="p space", id="r") as run:
        run.log({"loss": 1.0, "image": trackd.Image(np.zeros((8, 8, 3), np.uint8))})

    def sizes() -> dict[str, int]:
        return {each["name"]: each["size_bytes"] for each in web.get("/api/v1/projects:sizes")["projects"]}

    wait_until(lambda: sizes().get("p space"), message="the size of what is sealed")
    usage = web.get("/api/v1/usage")
    assert usage["segment_bytes"] > 0
    assert usage["object_bytes"] > 0
    assert (usage["garbage_bytes"], usage["garbage_count"]) == (0, 0)
    assert sizes()["p space"] <= usage["segment_bytes"] + usage["object_bytes"]


def test_the_page_looks_as_chosen_before_any_script_runs(web: Web) -> None:
    def root(cookie: str) -> str:
        status, headers, page = web.ask("/p/any", headers={"Cookie": cookie})
        assert status == 200
        assert headers["vary"] == "Cookie"
        found: list[str] = re.findall(r"<html[^>]*>", page.decode())
        assert len(found) == 1
        return found[0]

    assert root("other=1") == '<html lang="en">'
    assert (
        root("trackd_theme=dark; trackd_density=cosy")
        == '<html data-theme="dark" data-density="cosy" lang="en">'
    )
    assert root('trackd_theme="><script>; trackd_density=huge') == '<html lang="en">'


def api_paths(web: Web) -> list[str]:
    return list(web.get("/api/v1/openapi.json")["paths"])


def test_openapi_describes_the_routes_and_nothing_else(web: Web) -> None:
    from starlette.routing import Route

    from trackd_service import http_api

    app: Any = http_api.make_app(mock.Mock(), set(), mock.Mock())  # no request is made
    routes = {route.path for route in app._app.routes if isinstance(route, Route)} - {"/{path:path}"}
    assert {re.sub(r"{(path|id)}", r"{\1:path}", path) for path in api_paths(web)} == routes


def test_live_socket_tells_of_changes_and_is_closed_to_other_sites(web: Web) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    address = f"ws://{web.host}:{web.port}/api/v1/live?project=p%20one"
    authorization = {"Authorization": f"Bearer {web.token}"}
    run = trackd.init(project="p one", id="r2")
    assert run.flush(60)
    with connect(address, additional_headers=authorization, open_timeout=60) as socket:
        first = json.loads(socket.recv(timeout=60))
        (known,) = (each for each in first["runs"] if each["run_id"] == "r2")
        run.log({"loss": 3.0})
        news = json.loads(socket.recv(timeout=60))
        (changed,) = news["runs"]
        assert changed["revision"] > known["revision"]
        assert changed["logged_revision"] > known["logged_revision"]
        # Of what it was told before, only what is another now.
        assert {"project", "run_id", "next_step"} <= changed.keys()
        assert not changed.keys() & {"name", "config", "process", "state"}
    # A page that has asked for the run before, and listens only now, must hear that it has ended.
    run.finish()
    with connect(address, additional_headers=authorization, open_timeout=60) as socket:
        first = json.loads(socket.recv(timeout=60))
        assert ("r2", "finished") in [(each["run_id"], each["state"]) for each in first["runs"]]
    for headers in ({}, authorization | {"Origin": "http://evil.example"}):
        with pytest.raises(InvalidStatus), connect(address, additional_headers=headers, open_timeout=60):
            pass

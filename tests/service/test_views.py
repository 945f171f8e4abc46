"""Owns the tests of saved views through HTTP, against a real daemon; docs/http_api.md, "Saved views"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.conftest import stop_daemons
from tests.service.reading import endpoint_of
from tests.service.test_http import Web

import trackd

VIEWS = "/api/v1/projects/p%20%C3%BC/views"


def connect(store: Path) -> Web:
    endpoint = endpoint_of(store)
    address = urlsplit(endpoint.http_address)
    assert address.hostname is not None
    assert address.port is not None
    return Web(address.hostname, address.port, endpoint.token)


@pytest.fixture
def web(module_store: Path) -> Web:
    with trackd.init(project="p ü", id="r", resume="allow") as run:
        assert run.flush(60)
    return connect(module_store)


def put(web: Web, view: str, content: Any) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    status, _, answer = web.ask(f"{VIEWS}/{view}", method="PUT", body=body)
    return status, json.loads(answer)


def names(web: Web) -> list[str]:
    return [view["name"] for view in web.get(VIEWS)["views"]]


def test_a_view_is_saved_listed_read_and_deleted_and_outlives_runs_and_daemon(
    web: Web, module_store: Path
) -> None:
    document = {"panels": [{"kind": "line", "ü": [1, None, 0.5, "\udc80"]}]}
    assert put(web, "first_View-1", {"name": "First ü", "document": document}) == (200, {})
    assert put(web, "second", {"document": {}}) == (200, {})
    assert names(web) == ["", "First ü"]
    assert put(web, "first_View-1", {"name": "Renamed", "document": document}) == (200, {})
    assert names(web) == ["Renamed", ""]
    view = web.get(f"{VIEWS}/first_View-1")
    assert set(view) == {"id", "name", "update_time_unix_ms", "document"}
    assert (view["id"], view["document"]) == ("first_View-1", document)
    assert view["update_time_unix_ms"] > 1.6e12
    assert web.get("/api/v1/projects/other/views") == {"views": []}

    trackd.Api().run("p ü/r").delete()
    assert not any(project["name"] == "p ü" for project in web.get("/api/v1/projects")["projects"])
    assert names(web) == ["Renamed", ""]
    stop_daemons(module_store)
    trackd.init(project="elsewhere").finish()  # which starts the next one
    web = connect(module_store)
    assert names(web) == ["Renamed", ""]
    assert web.get(f"{VIEWS}/first_View-1") == view

    assert web.ask(f"{VIEWS}/second", method="DELETE")[0] == 200
    for method in ("GET", "DELETE"):
        status, _, answer = web.ask(f"{VIEWS}/second", method=method)
        error = json.loads(answer)["error"]
        assert (status, error["reason"], error["metadata"]) == (
            404,
            "VIEW_NOT_FOUND",
            {"project": "p ü", "id": "second"},
        )
    assert names(web) == ["Renamed"]


@pytest.mark.parametrize(
    ("view", "content"),
    [
        ("a.b", {"document": {}}),
        ("%C3%BC", {"document": {}}),
        ("x" * 65, {"document": {}}),
        ("good", {"name": "x" * 201, "document": {}}),
        ("good", {"name": "a\nb", "document": {}}),
        ("good", {"name": None, "document": {}}),
        ("good", {"name": "no document"}),
        ("good", {"document": []}),
        ("good", {"document": "{}"}),
        ("good", {"document": {"a": "x" * (1 << 20)}}),
        ("good", {"document": {"a": "x" * (8 << 20)}}),
        ("good", b'{"document": {"a": NaN}}'),
        ("good", b'{"document": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001),
        ("good", b"["),
    ],
)
def test_views_that_cannot_be_are_refused_by_a_sentence(web: Web, view: str, content: Any) -> None:
    status, answer = put(web, view, content)
    assert status == 400, answer
    assert 0 < len(answer["error"]["message"]) < 400
    assert web.ask(f"{VIEWS}/good")[0] == 404


def test_a_view_of_a_mebibyte_is_kept_however_it_was_escaped(web: Web) -> None:
    document = {"a": "ü" * ((1 << 19) - 10)}
    assert put(web, "large", {"name": "x" * 200, "document": document})[0] == 200
    assert web.get(f"{VIEWS}/large")["document"] == document
    assert web.ask(f"{VIEWS}/large", method="DELETE")[0] == 200


def test_views_are_answered_to_nobody_else(web: Web) -> None:
    assert web.ask(VIEWS, with_token=False)[0] == 401
    headers = {"Origin": "http://evil.example"}
    assert web.ask(f"{VIEWS}/x", method="PUT", body=b"{}", headers=headers)[0] == 403

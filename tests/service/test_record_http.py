"""Owns the tests of the HTTP routes of typed records (docs/records.md): documents, objects, rows, histograms, presets."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
import pytest
from tests.service.reading import endpoint_of
from tests.service.recording import read_run
from tests.service.test_http import Web

import trackd

RUN = "/api/v1/projects/p/runs/records"
MEDIA_TYPES = [
    *(f"image/{kind}" for kind in ("png", "jpeg", "webp", "gif", "bmp", "svg+xml")),
    *(f"video/{kind}" for kind in ("mp4", "webm", "ogg")),
    *(f"audio/{kind}" for kind in ("wav", "mpeg", "ogg", "flac", "mp4", "aac")),
    *(f"model/{kind}" for kind in ("gltf-binary", "gltf+json", "obj", "stl")),
    "text/plain",
    "application/json",
]
ODD_MEDIA_TYPES = [
    *(
        "",
        "text/html",
        "text/javascript",
        "text/css",
        "text/xml",
        "application/javascript",
        "application/xhtml+xml",
    ),
    *("application/pdf", "image/PNG", "image/png;x", "x\r\nA: b"),
]
OBJECT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
PAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data: blob:; connect-src 'none'; form-action 'none'"
)
PAGE = "<script>fetch('/api/v1/projects')</script><p>grüß"
STEPS = [0, 1, 2, 3, 10, 20]
UNKNOWN = "0" * 64
WORDS = ["cat", "Dog", None, "cat & dog", "ü", ""]


@dataclass
class Served:
    """A daemon with a run of records, and what was logged."""

    web: Web
    image: str
    page: str
    table: str
    model: str
    documents: dict[int, dict[str, Any]]

    def rows(self, question: dict[str, Any], sha256: str | None = None) -> dict[str, Any]:
        status, headers, body = self.post(question, sha256)
        assert status == 200, body
        assert headers["content-type"] == "application/json"
        answer: dict[str, Any] = json.loads(body)
        return answer

    def post(self, question: Any, sha256: str | None = None) -> tuple[int, dict[str, str], bytes]:
        content = question if isinstance(question, bytes) else json.dumps(question).encode()
        return self.web.ask(f"/api/v1/objects/{sha256 or self.table}/rows", method="POST", body=content)

    def refused(self, question: Any, sha256: str | None = None) -> str:
        status, _, body = self.post(question, sha256)
        assert status == 400, body
        message: str = json.loads(body)["error"]["message"]
        return message


@pytest.fixture(scope="module")
def served(module_store: Path) -> Served:
    with trackd.init(project="p", id="records", settings={"quiet": True}) as run:
        for step in STEPS:
            values: dict[str, Any] = {
                "image": trackd.Image(np.full((4, 6, 3), step, np.uint8), caption=f"at {step}")
            }
            if step == 3:
                values["other/ü key"] = trackd.Markdown("only here")
            run.log(values, step=step)
        table = trackd.Table(columns=["n", "loss", "word", "flag", "any", "media", "n"], data=[])
        for number, word in enumerate(WORDS):
            loss = [0.5, math.nan, -1.5, math.inf, 2.0, None][number]
            odd = [1, 1.0, True, [1, {"a": None}], "x", None][number]
            media = (
                trackd.Image(np.full((2, 2), number, np.uint8), caption=str(number)) if number % 2 else None
            )
            table.add_data(2**60 + number, loss, word, number % 3 == 0, odd, media, -number)
        run.log(
            {"table": table, "page": trackd.Html(PAGE), "model": trackd.Object3D(np.zeros((3, 3)))}, step=30
        )
        stored = read_run(run)
        rows = list(stored.scan_history())
    endpoint = endpoint_of(module_store)
    address = urlsplit(endpoint.http_address)
    return Served(
        Web(str(address.hostname), int(address.port or 0), endpoint.token),
        rows[0]["image"]["file"]["sha256"],
        rows[-1]["page"]["file"]["sha256"],
        rows[-1]["table"]["file"]["sha256"],
        rows[-1]["model"]["scene"]["points"]["file"]["sha256"],
        {row["_step"]: dict(row["image"]) for row in rows if "image" in row},
    )


# -- documents -------------------------------------------------------------------------------------------------------


def records_path(**parameters: Any) -> str:
    return f"{RUN}/records?{urlencode({'key': 'image', 'kind': 'image', **parameters})}"


def test_the_steps_of_a_key_are_listed(served: Served) -> None:
    assert served.web.get(f"{RUN}/records:steps?key=image&kind=image") == {"steps": STEPS}
    assert served.web.get(f"{RUN}/records:steps?key={quote('other/ü key')}&kind=markdown") == {"steps": [3]}
    assert served.web.get(f"{RUN}/records:steps?key=image&kind=audio") == {"steps": []}
    assert served.web.get(f"{RUN}/records:steps?key=nothing&kind=image") == {"steps": []}


@pytest.mark.parametrize(
    ("parameters", "steps"),
    [
        ({}, [20]),
        ({"limit": 3}, [3, 10, 20]),
        ({"limit": 1000}, STEPS),
        ({"at": 2}, [2]),
        ({"at": 9}, [3]),
        ({"at": 3, "limit": 2}, [3, 10]),
        ({"at": 15, "limit": 5}, [10, 20]),
        ({"at": 20, "limit": 5}, [20]),
        ({"at": 10**18}, [20]),
        ({"at": 0, "limit": 100}, STEPS),
    ],
)
def test_records_at_a_step_and_behind_are_answered(
    served: Served, parameters: dict[str, int], steps: list[int]
) -> None:
    answer = served.web.get(records_path(**parameters))
    assert answer["total_count"] == len(STEPS)
    assert [record["step"] for record in answer["records"]] == steps
    for record in answer["records"]:
        assert record["document"] == served.documents[record["step"]]
        assert record["time_unix_ms"] > 1.6e12


def test_the_first_record_is_answered_where_there_is_none_so_early(served: Served) -> None:
    path = f"{RUN}/records?key={quote('other/ü key')}&kind=markdown&at=0"
    assert served.web.get(path)["records"][0]["step"] == 3
    assert served.web.get(f"{RUN}/records?key=nothing&kind=image&at=5") == {"records": [], "total_count": 0}


@pytest.mark.parametrize(
    "path",
    [
        records_path(limit=0),
        records_path(limit=1001),
        records_path(limit="x"),
        records_path(at="-1"),
        records_path(at="x"),
        records_path(at=2**63),
        records_path(at="1" * 5000),
        records_path(at="²"),
        records_path(limit="²"),
        records_path(kind="number"),
        f"{RUN}/records?key=image",
        f"{RUN}/records:steps?key=image&kind=",
        f"{RUN}/histograms?key=h&columns=0",
        f"{RUN}/histograms?key=h&columns=4097",
        f"{RUN}/histograms?key=h&bins=513",
        f"{RUN}/histograms?key=h&bins=-1",
    ],
)
def test_questions_that_cannot_be_are_refused_by_a_sentence(served: Served, path: str) -> None:
    status, _, body = served.web.ask(path)
    assert status == 400, body
    assert len(json.loads(body)["error"]["message"]) < 300


def test_records_of_a_run_that_is_not_there_are_not_found(served: Served) -> None:
    for route in ("records:steps?key=a&kind=image", "records?key=a&kind=image", "histograms?key=a"):
        status, _, body = served.web.ask(f"/api/v1/projects/p/runs/none/{route}")
        assert (status, json.loads(body)["error"]["reason"]) == (404, "RUN_NOT_FOUND")


# -- objects ---------------------------------------------------------------------------------------------------------


def test_an_object_is_served_for_ever_and_harmless(served: Served) -> None:
    status, headers, body = served.web.ask(f"/api/v1/objects/{served.image}?type=image/png")
    assert (status, body[:8]) == (200, b"\x89PNG\r\n\x1a\n")
    assert headers["content-type"] == "image/png"
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["etag"] == f'"{served.image}"'
    assert headers["content-security-policy"].startswith(OBJECT_POLICY)
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(body)


def test_only_known_media_types_are_said(served: Served) -> None:
    for media_type in MEDIA_TYPES:
        headers = served.web.ask(f"/api/v1/objects/{served.page}?type={quote(media_type)}")[1]
        assert headers["content-type"].partition(";")[0] == media_type
        assert headers["content-security-policy"].startswith(OBJECT_POLICY)
    for odd in ODD_MEDIA_TYPES:
        _, headers, body = served.web.ask(f"/api/v1/objects/{served.page}?type={quote(odd)}")
        assert headers["content-type"] == "application/octet-stream", odd
        assert "a" not in headers
        assert body == PAGE.encode()
    assert served.web.ask(f"/api/v1/objects/{served.page}")[1]["content-type"] == "application/octet-stream"


def test_ranges_of_an_object_are_served(served: Served) -> None:
    path = f"/api/v1/objects/{served.model}"
    whole = served.web.ask(path)[2]
    size = len(whole)
    for asked, first, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=5-5", 5, 6),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=10-{size * 2}", 10, size),
    ):
        status, headers, body = served.web.ask(path, headers={"Range": asked})
        assert (status, body) == (206, whole[first:end]), asked
        assert headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
        assert headers["content-security-policy"].startswith(OBJECT_POLICY)
    status, headers, _ = served.web.ask(path, headers={"Range": f"bytes={size}-{size + 5}"})
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")
    assert served.web.ask(path, headers={"Range": "bytes=9-2"})[0] in (400, 416)
    assert served.web.ask(path, headers={"Range": "chapters=1-2"})[0] in (200, 400)
    assert served.web.ask(path)[1]["accept-ranges"] == "bytes"


@pytest.mark.parametrize("route", ["", "/page", "/page?inject=1", "/rows"])
@pytest.mark.parametrize(
    "sha256",
    [
        UNKNOWN,
        "f" * 63,
        "F" * 64,
        "g" * 64,
        "x",
        quote("../../token", safe=""),
        "..%2f..%2ftoken",
        "%2e%2e",
        quote("ü" * 64),
        "0" * 5000,
        "%00",
        "files%2f00%2f" + UNKNOWN,
    ],
)
def test_what_names_no_object_is_not_found(served: Served, sha256: str, route: str) -> None:
    options: dict[str, Any] = {"method": "POST", "body": b"{}"} if route == "/rows" else {}
    status, headers, body = served.web.ask(f"/api/v1/objects/{sha256}{route}", **options)
    assert served.web.token.encode() not in body
    if status == 405:
        # A slash in the name makes it the address of nothing at all.
        assert route == "/rows"
        assert "2f" in sha256.lower()
        return
    assert status == 404, body
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["error"]["message"]


def test_an_unknown_object_is_named_in_its_error(served: Served) -> None:
    error = json.loads(served.web.ask(f"/api/v1/objects/{UNKNOWN}")[2])["error"]
    assert error["metadata"] == {"sha256": UNKNOWN}
    assert UNKNOWN in error["message"]


def test_a_page_is_served_on_an_origin_of_its_own(served: Served) -> None:
    for query in ("", "?inject=", "?inject=0"):
        status, headers, body = served.web.ask(f"/api/v1/objects/{served.page}/page{query}")
        assert (status, body) == (200, PAGE.encode())
        assert headers["content-type"].startswith("text/html")
        assert headers["content-security-policy"].startswith(PAGE_POLICY)
        assert headers["cache-control"] == "private, max-age=31536000, immutable"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
    status, headers, body = served.web.ask(f"/api/v1/objects/{served.page}/page?inject=1")
    assert status == 200
    assert headers["content-security-policy"].startswith(PAGE_POLICY)
    assert body.startswith(b'<base target="_blank">')
    assert b"<style>" in body
    assert body.endswith(PAGE.encode())
    assert "allow-same-origin" not in headers["content-security-policy"]


def routes(served: Served) -> list[tuple[str, str]]:
    return [
        ("GET", f"{RUN}/records:steps?key=image&kind=image"),
        ("GET", records_path()),
        ("GET", f"{RUN}/histograms?key=h"),
        ("GET", f"/api/v1/objects/{served.image}"),
        ("GET", f"/api/v1/objects/{served.page}/page"),
        ("POST", f"/api/v1/objects/{served.table}/rows"),
        ("GET", "/api/v1/presets"),
        ("GET", "/api/v1/presets/trackd/line/v0"),
        ("PUT", "/api/v1/presets/me/refused"),
        ("DELETE", "/api/v1/presets/me/refused"),
        ("GET", "/frames/vega.html"),
    ]


def test_nothing_of_records_is_answered_without_the_token(served: Served) -> None:
    for method, path in routes(served):
        body = b'{"title": "", "specification": {}}' if method in ("PUT", "POST") else None
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            status = served.web.ask(path, method=method, body=body, headers=headers, with_token=False)[0]
            assert status == 401, (method, path)
    assert served.web.ask("/api/v1/presets/me/refused")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_other_sites_are_refused_on_every_route_of_records(
    served: Served, headers: dict[str, str], status: int
) -> None:
    for method, path in routes(served):
        body = b"{}" if method in ("PUT", "POST") else None
        assert served.web.ask(path, method=method, body=body, headers=headers)[0] == status, (method, path)


# -- rows of a table -------------------------------------------------------------------------------------------------


def test_rows_are_answered_as_they_were_logged(served: Served) -> None:
    answer = served.rows({})
    assert (answer["total_count"], answer["row_count"], answer["row_numbers"]) == (6, 6, list(range(6)))
    assert answer["columns"] == [
        {"name": "n", "type": "integer"},
        {"name": "loss", "type": "number"},
        {"name": "word", "type": "text"},
        {"name": "flag", "type": "bool"},
        {"name": "any", "type": "json"},
        {"name": "media", "type": "record"},
        {"name": "n", "type": "integer"},
    ]
    columns = list(zip(*answer["rows"], strict=True))
    assert list(columns[0]) == [2**60 + number for number in range(6)]
    assert list(columns[1]) == [0.5, "NaN", -1.5, "Infinity", 2.0, None]
    assert list(columns[2]) == WORDS
    assert repr(list(columns[4])) == repr([1, 1.0, True, [1, {"a": None}], "x", None])
    assert [cell and cell["caption"] for cell in columns[5]] == [None, "1", None, "3", None, "5"]
    image = served.web.ask(f"/api/v1/objects/{columns[5][1]['file']['sha256']}?type=image/png")[2]
    assert image[:4] == b"\x89PNG"


def numbers(served: Served, question: dict[str, Any]) -> list[int]:
    answer = served.rows(question)
    assert answer["row_count"] >= len(answer["rows"])
    found: list[int] = answer["row_numbers"]
    return found


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"column": 0, "op": ">", "value": 2**60 + 3}, [4, 5]),
        ({"column": 0, "op": "=", "value": 2**60 + 1}, [1]),
        ({"column": 1, "op": "<", "value": 1}, [0, 2]),
        ({"column": 1, "op": "is_empty"}, [5]),
        ({"column": 1, "op": "is_not_empty"}, [0, 1, 2, 3, 4]),
        ({"column": 2, "op": "contains", "value": "DOG"}, [1, 3]),
        ({"column": 2, "op": "=", "value": "cat"}, [0]),
        ({"column": 2, "op": "!=", "value": "cat"}, [1, 2, 3, 4, 5]),
        ({"column": 2, "op": "matches", "value": "^cat.+"}, [3]),
        ({"column": 2, "op": "in", "value": ["cat", "ü", "none"]}, [0, 4]),
        ({"column": 3, "op": "=", "value": True}, [0, 3]),
        ({"column": 5, "op": "is_not_empty"}, [1, 3, 5]),
        ({"column": 5, "op": "contains", "value": '"caption":"3"'}, [3]),
        ({"and": [{"column": 6, "op": "<", "value": 0}, {"not": {"column": 2, "op": "contains", "value": "cat"}}]},
         [1, 2, 4, 5]),
        ({"or": [{"column": 6, "op": "=", "value": 0}, {"column": 6, "op": "=", "value": -5}]}, [0, 5]),
        ({"and": []}, [0, 1, 2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_rows_are_filtered(served: Served, test: dict[str, Any], expected: list[int]) -> None:
    assert numbers(served, {"filter": test}) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([{"column": 6}], [5, 4, 3, 2, 1, 0]),
        ([{"column": 6, "descending": True}], [0, 1, 2, 3, 4, 5]),
        ([{"column": 1}], [2, 0, 4, 3, 1, 5]),
        ([{"column": 1, "descending": True}], [3, 4, 0, 2, 1, 5]),
        ([{"column": 3}, {"column": 0, "descending": True}], [5, 4, 2, 1, 3, 0]),
        ([{"column": 2}], [5, 1, 0, 3, 4, 2]),
    ],
)
def test_rows_are_sorted_with_empty_cells_last(served: Served, sort: list[Any], expected: list[int]) -> None:
    assert numbers(served, {"sort": sort}) == expected


def test_rows_are_paged_and_columns_chosen(served: Served) -> None:
    answer = served.rows({"offset": 2, "limit": 2, "columns": [6, 2], "sort": [{"column": 6}]})
    assert answer["rows"] == [[-3, "cat & dog"], [-2, None]]
    assert [column["name"] for column in answer["columns"]] == ["n", "word"]
    assert (answer["row_count"], answer["row_numbers"]) == (6, [3, 2])
    assert served.rows({"offset": 100})["rows"] == []
    assert served.rows({"limit": 0})["rows"] == []
    pages = [numbers(served, {"offset": offset, "limit": 1}) for offset in range(6)]
    assert pages == [[number] for number in range(6)]


def test_rows_are_grouped(served: Served) -> None:
    answer = served.rows(
        {
            "group": {
                "by": [3],
                "aggregates": [
                    {"column": 6, "function": "sum"},
                    {"column": 1, "function": "max"},
                    {"column": 2, "function": "count"},
                    {"column": 6, "function": "mean"},
                    {"column": 0, "function": "min"},
                ],
            },
            "sort": [{"column": 1}],
        }
    )
    names = ["flag", "sum(n)", "max(loss)", "count(word)", "mean(n)", "min(n)"]
    assert [column["name"] for column in answer["columns"]] == names
    assert answer["row_numbers"] is None
    assert answer["row_count"] == 2
    assert answer["rows"] == [[False, -12, 2.0, 3, -3.0, 2**60 + 1], [True, -3, "Infinity", 2, -1.5, 2**60]]


@pytest.mark.parametrize(
    "question",
    [
        {"limit": 10_001},
        {"limit": -1},
        {"limit": "x"},
        {"offset": -1},
        {"columns": [7]},
        {"columns": [-1]},
        {"sort": [{"column": 99}]},
        {"sort": [{"column": 5}]},
        {"filter": {"column": 1, "op": "like", "value": 1}},
        {"filter": {"column": 2, "op": "matches", "value": "("}},
        {"filter": {"column": 0, "op": ">", "value": "x"}},
        {"filter": {"xor": []}},
        {"filter": []},
        {"group": {"by": [5]}},
        {"group": {"by": [0], "aggregates": [{"column": 2, "function": "mean"}]}},
        {"group": {"by": [0], "aggregates": [{"column": 0, "function": "eval"}]}},
        {"unknown": 1},
        b"[]",
        b"{",
        b"\xff",
        b'{"filter": ' + b'{"not": ' * 5000 + b"{}" + b"}" * 5001,
        b'{"limit": 1e999}',
        b" " * (2 << 20),
    ],
)
def test_questions_about_rows_that_cannot_be_are_refused(served: Served, question: Any) -> None:
    assert 0 < len(served.refused(question)) < 300


def test_rows_of_what_is_no_table_are_refused(served: Served) -> None:
    for sha256 in (served.image, served.page, served.model):
        assert served.refused({}, sha256)


# -- histograms ------------------------------------------------------------------------------------------------------


def decode(body: bytes) -> tuple[dict[str, Any], Any]:
    magic, size = struct.unpack_from("<4sI", body)
    assert magic == b"TKH1"
    assert (8 + size) % 8 == 0
    header = json.loads(body[8 : 8 + size])
    counts = np.frombuffer(body, "<f4", offset=8 + size).reshape(header["columns"], header["bins"])
    return header, counts


def test_histograms_over_steps_keep_their_mass(served: Served) -> None:
    random = np.random.default_rng(0)
    with trackd.init(project="p", id="histograms", reinit="create_new", settings={"quiet": True}) as run:
        for step in range(50):
            values = random.normal(step / 10, 1 + step / 20, 200)
            values[:2] = np.nan, np.inf
            run.log({"h": trackd.Histogram(values, num_bins=1 + step)}, step=2 * step)
        run.log({"h": [trackd.Histogram([1.0] * 5), trackd.Histogram([2.0] * 5)]}, step=200)
        read_run(run)
    path = "/api/v1/projects/p/runs/histograms/histograms?key=h"
    status, headers, body = served.web.ask(path)
    assert (status, headers["content-type"]) == (200, "application/vnd.trackd.histograms")
    header, counts = decode(body)
    assert (header["key"], header["histogram_count"], header["columns"], header["bins"]) == ("h", 51, 51, 64)
    assert header["first_steps"] == header["last_steps"] == [*range(0, 100, 2), 200]
    assert np.allclose(counts.sum(axis=1), [198] * 50 + [10], rtol=1e-5)
    assert (counts >= 0).all()
    assert header["nan_counts"] == header["infinite_counts"] == [1] * 50 + [0]
    edges = header["edges"]
    assert len(edges) == 65
    assert np.allclose(np.diff(edges), (edges[-1] - edges[0]) / 64)
    few, merged = decode(served.web.ask(f"{path}&columns=7&bins=5")[2])
    assert merged.shape == (7, 5)
    assert (few["first_steps"][0], few["last_steps"][-1]) == (0, 200)
    assert all(last < first for last, first in zip(few["last_steps"], few["first_steps"][1:], strict=False))
    assert merged.sum() == pytest.approx(50 * 198 + 10, rel=1e-5)
    assert (sum(few["nan_counts"]), few["edges"][0], few["edges"][-1]) == (50, edges[0], edges[-1])
    nothing, none = decode(served.web.ask(f"{path.replace('key=h', 'key=nothing')}")[2])
    assert (nothing["histogram_count"], none.size) == (0, 0)


# -- presets ---------------------------------------------------------------------------------------------------------

BUILT_IN = {
    "trackd/line/v0", "trackd/scatter/v0", "trackd/bar/v0", "trackd/histogram/v0", "trackd/lineseries/v0",
    "trackd/area-under-curve/v0", "trackd/confusion_matrix/v1",
}  # fmt: skip


def put_preset(web: Web, preset_id: str, content: Any) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    status, _, answer = web.ask(f"/api/v1/presets/{quote(preset_id)}", method="PUT", body=body)
    return status, json.loads(answer)


def test_built_in_presets_are_listed_and_read(served: Served) -> None:
    listed = {each["id"]: each for each in served.web.get("/api/v1/presets")["presets"]}
    assert set(listed) >= BUILT_IN
    for preset_id in BUILT_IN:
        preset = served.web.get(f"/api/v1/presets/{preset_id}")
        assert listed[preset_id] == {"id": preset_id, "title": preset["title"], "is_built_in": True}
        assert preset["is_built_in"] is True
        assert "${field:" in json.dumps(preset["specification"])
    for name, built_in in (("wandb/line/v0", "trackd/line/v0"), ("wandb/bar", "trackd/bar/v0")):
        assert (
            served.web.get(f"/api/v1/presets/{name}")["specification"]
            == (served.web.get(f"/api/v1/presets/{built_in}")["specification"])
        )


def test_a_preset_is_saved_read_listed_used_and_deleted(served: Served) -> None:
    specification = {
        "mark": "line",
        "data": {"name": "table"},
        "encoding": {"x": {"field": "${field:x}"}},
        "ü": [1, None],
    }
    for preset_id in ("mine", "team/loss-curve/v2", "ünïcode/日本 x"):
        assert put_preset(served.web, preset_id, {"title": "Loss ü", "specification": specification}) == (
            200,
            {},
        )
        assert served.web.get(f"/api/v1/presets/{quote(preset_id)}") == {
            "id": preset_id,
            "title": "Loss ü",
            "is_built_in": False,
            "specification": specification,
        }
        assert put_preset(served.web, preset_id, {"specification": {"mark": "bar"}})[0] == 200
        assert served.web.get(f"/api/v1/presets/{quote(preset_id)}")["specification"] == {"mark": "bar"}
    saved = {each["id"] for each in served.web.get("/api/v1/presets")["presets"] if not each["is_built_in"]}
    assert saved >= {"mine", "team/loss-curve/v2", "ünïcode/日本 x"}
    for preset_id in ("mine", "team/loss-curve/v2", "ünïcode/日本 x"):
        path = f"/api/v1/presets/{quote(preset_id)}"
        assert served.web.ask(path, method="DELETE")[0] == 200
        assert served.web.ask(path)[0] == 404
        assert served.web.ask(path, method="DELETE")[0] in (200, 404)
    assert not {each["id"] for each in served.web.get("/api/v1/presets")["presets"]} & {
        "mine",
        "team/loss-curve/v2",
    }


def test_a_preset_saved_by_a_script_is_there_for_the_page(served: Served) -> None:
    specification = {"mark": "point", "data": {"name": "table"}}
    assert trackd.save_preset("carey/new_chart", specification, "New") == "carey/new_chart"
    assert served.web.get("/api/v1/presets/carey/new_chart")["specification"] == specification
    assert trackd.save_preset("carey/new_chart", json.dumps({"mark": "bar"})) == "carey/new_chart"
    assert served.web.get("/api/v1/presets/carey/new_chart")["specification"] == {"mark": "bar"}
    with pytest.raises(ValueError, match="no JSON"):
        trackd.save_preset("carey/new_chart", "{")
    for taken in ("trackd/line/v0", "wandb/line/v0"):
        with pytest.raises(trackd.CommError, match="begins with"):
            trackd.save_preset(taken, specification)


@pytest.mark.parametrize(
    ("preset_id", "content"),
    [
        ("trackd/line/v0", {"title": "x", "specification": {}}),
        ("trackd/mine", {"title": "x", "specification": {}}),
        ("wandb/line/v0", {"title": "x", "specification": {}}),
        ("x" * 129, {"title": "x", "specification": {}}),
        ("a//b", {"title": "x", "specification": {}}),
        ("a/", {"title": "x", "specification": {}}),
        ("a\x01b", {"title": "x", "specification": {}}),
        ("good", {"title": "x" * 300, "specification": {}}),
        ("good", {"title": 5, "specification": {}}),
        ("good", {"title": "x"}),
        ("good", {"title": "x", "specification": []}),
        ("good", {"title": "x", "specification": "{}"}),
        ("good", {"title": "x", "specification": {"a": "x" * 300_000}}),
        ("good", b"["),
        ("good", b"[]"),
    ],
)
def test_presets_that_cannot_be_are_refused_by_a_sentence(
    served: Served, preset_id: str, content: Any
) -> None:
    status, answer = put_preset(served.web, preset_id, content)
    assert status == 400, answer
    assert len(answer["error"]["message"]) < 400
    assert "good" not in {each["id"] for each in served.web.get("/api/v1/presets")["presets"]}


def test_built_in_presets_are_not_deleted(served: Served) -> None:
    status, _, body = served.web.ask("/api/v1/presets/trackd/line/v0", method="DELETE")
    assert status in (400, 404)
    assert json.loads(body)["error"]["message"]
    assert served.web.get("/api/v1/presets/trackd/line/v0")["is_built_in"]


# -- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vega", "plotly", "bokeh", "molecule"])
def test_a_frame_is_served_on_an_origin_of_its_own(served: Served, name: str) -> None:
    status, headers, body = served.web.ask(f"/frames/{name}.html")
    assert status == 200, "the web app is built with its frames: make setup"
    assert headers["content-type"].startswith("text/html")
    policy = headers["content-security-policy"]
    assert policy.startswith(PAGE_POLICY)
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert b"<script" in body
    assert b"src=" not in body.partition(b"<script")[0]


def test_a_frame_that_is_not_there_is_not_found(served: Served) -> None:
    for path in ("/frames/x.html", "/frames/", "/frames/../index.html", "/frames/%2e%2e/index.html"):
        status, _, body = served.web.ask(path)
        assert status in (200, 404)
        assert status == 404 or b'<div id="' in body  # the page itself, under its own policy

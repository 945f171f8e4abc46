"""Owns the tests of sets of runs against a real daemon: pages and groups, columns, changes of many runs, CSV, metrics."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import stop_daemons
from tests.service.test_http import Web, web_of

import trackd

PROJECT = "run sets"
ADDRESS = "/api/v1/projects/run%20sets"
QUESTION: dict[str, Any] = {
    "filter": "", "search": "", "archived": "without", "sort": [], "group_by": [], "columns": ["name"], "aggregates": [],
    "with_runs": False, "offset": 0, "limit": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def web(module_store: Path) -> Web:
    """Gives a daemon with six ended runs."""
    for number in range(6):
        with trackd.init(
            project=PROJECT,
            id=f"r{number}",
            name=f"sweep-{number}",
            group="even" if number % 2 == 0 else "odd",
            tags=["wide", "base"][: number % 3],
            config={"lr": 10.0**-number, "model": {"depth": 2 + number % 2}, "big": 2**60 + number},
            reinit="create_new",
            settings={"quiet": True},
        ) as run:
            run.define_metric("acc", hidden=number == 5)
            run.log({"acc": number / 10, "loss": float("nan") if number == 3 else 1.0 - number / 10})
            if number == 2:
                run.log({"acc": "none", "only/two": True})
    return web_of(module_store)


def post(web: Web, action: str, body: dict[str, Any], status: int = 200) -> Any:
    answer, _, content = web.ask(f"{ADDRESS}/runs:{action}", method="POST", body=json.dumps(body).encode())
    assert answer == status, content
    return json.loads(content)


def query(web: Web, **question: Any) -> Any:
    return post(web, "query", QUESTION | question)


def values(answer: dict[str, Any], name: str) -> list[Any]:
    return next(column["values"] for column in answer["columns"] if column["name"] == name)


def test_a_page_has_the_columns_asked_in_the_order_asked(web: Web) -> None:
    columns = [
        "summary.loss",
        "config.lr",
        "config.model.depth",
        "tags",
        "config.big",
        "nothing",
        "duration",
        "id",
    ]
    answer = query(
        web, columns=columns, sort=[{"column": "summary.loss", "descending": False}], with_runs=True
    )
    assert answer["run_ids"] == ["r5", "r4", "r2", "r1", "r0", "r3"]  # NaN is last
    assert [column["name"] for column in answer["columns"]] == columns
    assert values(answer, "summary.loss") == [0.5, 0.6, 0.8, 0.9, 1.0, "NaN"]
    assert values(answer, "tags") == [["wide", "base"], ["wide"], ["wide", "base"], ["wide"], None, None]
    assert values(answer, "config.big")[0] == 2**60 + 5
    assert values(answer, "nothing") == [None] * 6
    assert all(seconds >= 0 for seconds in values(answer, "duration"))
    assert (answer["total_count"], answer["project_run_count"], answer["groups"]) == (6, 6, [])
    assert answer["runs"] == [web.get(f"{ADDRESS}/runs")["runs"][5 - number] for number in (5, 4, 2, 1, 0, 3)]
    newest = query(web, offset=1, limit=2)
    assert (newest["run_ids"], newest["total_count"], newest["runs"]) == (["r4", "r3"], 6, [])


def test_filters_and_searches_choose_runs(web: Web) -> None:
    assert query(web, filter='lr < 1e-1 and not tag = base and "loss" <= 0.9')["run_ids"] == ["r4"]
    assert query(web, filter="acc = none or age > 1h or model.depth in (7)")["run_ids"] == ["r2"]
    assert query(web, search="-[01]$")["run_ids"] == ["r1", "r0"]
    assert query(web, archived="only")["run_ids"] == []
    api = trackd.Api()
    assert [run.id for run in api.runs(PROJECT, "lr < 1e-1 and tag = base", per_page=1)] == ["r5", "r2"]
    assert [run.id for run in api.runs(PROJECT, "group = odd", order="config.lr")] == ["r5", "r3", "r1"]
    filters = json.dumps("name ~ 'sweep-[45]'").replace("'", "%27").replace(" ", "%20").replace('"', "%22")
    assert [run["run_id"] for run in web.get(f"{ADDRESS}/runs?filters={filters}")["runs"]] == ["r5", "r4"]


def test_groups_are_a_tree_with_sums(web: Web) -> None:
    answer = query(web, group_by=["group", "tags"], aggregates=["summary.loss", "summary.acc"], limit=2)
    assert (answer["run_ids"], answer["total_count"]) == (["r2", "r4"], 6)
    tree = [
        (each["level"], each["values"], each["first"], each["count"], each["run_ids"])
        for each in answer["groups"]
    ]
    assert tree == [
        (0, ["even"], 0, 3, []),
        (1, ["even", "base, wide"], 0, 1, ["r2"]),
        (1, ["even", "wide"], 1, 1, ["r4"]),
        (1, ["even", None], 2, 1, ["r0"]),
        (0, ["odd"], 3, 3, []),
        (1, ["odd", "base, wide"], 3, 1, ["r5"]),
        (1, ["odd", "wide"], 4, 1, ["r1"]),
        (1, ["odd", None], 5, 1, ["r3"]),
    ]
    loss, acc = answer["groups"][4]["aggregates"]
    assert loss == {"column": "summary.loss", "count": 2, "min": 0.5, "max": 0.9, "mean": pytest.approx(0.7)}
    assert (acc["count"], acc["max"]) == (3, 0.5)
    assert [each["column"] for each in answer["groups"][7]["aggregates"]] == [
        "summary.acc"
    ]  # NaN is no finite number


def test_columns_are_described(web: Web) -> None:
    found = web.get(f"{ADDRESS}/columns?limit=1000")
    columns = {column["name"]: column for column in found["columns"]}
    assert found["total_count"] == len(columns)
    assert columns["config.lr"] | {"values": []} == {
        "name": "config.lr", "kind": "number", "run_count": 6, "distinct_count": 6, "min": 1e-5, "max": 1.0, "values": [],
    }  # fmt: skip
    kinds = {
        name: columns[name]["kind"]
        for name in ("name", "tags", "create_time", "duration", "summary.acc", "archived")
    }
    assert kinds == {
        "name": "string", "tags": "list", "create_time": "time", "duration": "duration", "summary.acc": "mixed",
        "archived": "bool",
    }  # fmt: skip
    assert columns["group"]["values"] == ["even", "odd"]
    assert columns["tags"]["values"] == ["wide", "base"]
    varying = web.get(f"{ADDRESS}/columns?varying=true&filter=group%20=%20odd&search=model&limit=9")
    assert varying["columns"] == []
    assert [each["name"] for each in web.get(f"{ADDRESS}/columns?search=mdldpth")["columns"]] == [
        "config.model.depth"
    ]


def test_metrics_of_the_project_are_counted_by_kind(web: Web) -> None:
    metrics = {(each["name"], each["kind"]): each for each in web.get(f"{ADDRESS}/metrics")["metrics"]}
    counts = {key: each["run_count"] for key, each in metrics.items()}
    assert counts == {
        ("acc", "number"): 6, ("acc", "string"): 1, ("loss", "number"): 6, ("only/two", "bool"): 1,
    }  # fmt: skip
    assert metrics[("acc", "number")]["hidden"]  # by the newest run
    assert not metrics[("loss", "number")]["hidden"]


def test_csv_has_all_rows(web: Web) -> None:
    body = QUESTION | {
        "columns": ["name", "tags", "summary.loss", "config.big"],
        "filter": "lr <= 1e-2",
        "limit": 1,
    }
    status, headers, content = web.ask(f"{ADDRESS}/runs:csv", method="POST", body=json.dumps(body).encode())
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert headers["content-disposition"] == 'attachment; filename="run-sets-runs.csv"'
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [
        ["name", "tags", "summary.loss", "config.big"],
        ["sweep-5", '["wide", "base"]', "0.5", str(2**60 + 5)],
        ["sweep-4", '["wide"]', "0.6", str(2**60 + 4)],
        ["sweep-3", "", "NaN", str(2**60 + 3)],
        ["sweep-2", '["wide", "base"]', "0.8", str(2**60 + 2)],
    ]


def test_a_running_run_is_seen_as_it_is_and_changed_but_not_deleted(web: Web) -> None:
    run = trackd.init(project=PROJECT, id="live", name="live", reinit="create_new", settings={"quiet": True})
    try:
        run.log({"acc": 5.0})
        assert run.flush(60)
        before = query(web, filter="state = running", columns=["summary.acc"])
        assert (before["run_ids"], values(before, "summary.acc")) == (["live"], [5.0])
        run.log({"acc": 6.0})
        assert run.flush(60)
        after = query(web, filter="state = running", columns=["summary.acc"])
        assert values(after, "summary.acc") == [6.0]
        assert after["revision"] > before["revision"]
        refused = post(web, "delete", {"run_ids": ["live"]}, 400)["error"]
        assert "finish it before deleting it" in refused["message"]
        assert refused["metadata"]["run_id"] == "live"
        assert post(web, "edit", {"run_ids": ["live"], "notes": "still here"}) == {"run_count": 1}
        assert values(query(web, filter="state = running", columns=["notes"]), "notes") == ["still here"]
        both = {"run_ids": ["r4", "live", "r3"], "add_tags": ["with-live"]}
        assert post(web, "edit", both) == {"run_count": 3}
        tagged = query(web, filter="tag = 'with-live'")
        assert set(tagged["run_ids"]) == {"r4", "live", "r3"}
        assert post(web, "edit", {"run_ids": ["r3", "r4"], "remove_tags": ["with-live"]}) == {"run_count": 2}
    finally:
        run.finish()
    assert post(web, "delete", {"run_ids": ["live", "live"]}) == {"run_count": 1}
    assert "live" not in query(web)["run_ids"]


def test_many_runs_are_changed_alike_and_put_away(web: Web) -> None:
    edit = {
        "run_ids": ["r0", "r5"],
        "add_tags": ["new", "wide"],
        "remove_tags": ["base"],
        "group": "third",
        "archived": True,
    }
    assert post(web, "edit", edit) == {"run_count": 2}
    assert query(web)["run_ids"] == ["r4", "r3", "r2", "r1"]
    answer = query(web, archived="only", columns=["tags", "group", "archived", "name"], with_runs=True)
    assert answer["run_ids"] == ["r5", "r0"]
    assert values(answer, "tags") == [["wide", "new"], ["new", "wide"]]
    assert values(answer, "group") == ["third", "third"]
    assert values(answer, "name") == ["sweep-5", "sweep-0"]
    assert [run["archived"] for run in answer["runs"]] == [True, True]
    assert len(query(web, archived="with")["run_ids"]) == 6
    assert post(web, "edit", {"run_ids": ["r0", "r5"], "archived": False, "name": "one name"}) == {
        "run_count": 2
    }
    assert values(query(web, filter="name = 'one name'"), "name") == ["one name"] * 2
    failed = post(web, "edit", {"run_ids": ["r1", "gone"], "notes": "x"}, 404)["error"]
    assert failed["reason"] == "RUN_NOT_FOUND"
    assert failed["metadata"] | {"project": ""} == {"project": "", "run_id": "gone", "run_count": "1"}
    assert "1 of 2 runs were changed" in failed["message"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"filter": "acc >"}, "expected a value"),
        ({"search": "("}, "RE2"),
        ({"archived": "maybe"}, "without, with or only"),
        ({"sort": [{"column": 3}]}, "column must be a text"),
        ({"sort": [{"column": "a"}] * 9}, "sort has 9 columns"),
        ({"columns": "name"}, "list of texts"),
        ({"columns": ["a"] * 3000, "limit": 10_000}, "ask for fewer columns"),
        ({"limit": 10_001}, "whole number from 0 to 10000"),
        ({"offset": -1}, "whole number"),
        ({"with_runs": 1}, "true or false"),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(
    web: Web, question: dict[str, Any], words: str
) -> None:
    assert words in post(web, "query", QUESTION | question, 400)["error"]["message"]


def test_an_edit_that_cannot_be_is_refused(web: Web) -> None:
    assert "1 to 10000" in post(web, "edit", {"run_ids": []}, 400)["error"]["message"]
    assert "tag is" in post(web, "edit", {"run_ids": ["r1"], "add_tags": ["x" * 65]}, 400)["error"]["message"]
    assert (
        "true or false" in post(web, "edit", {"run_ids": ["r1"], "archived": "no"}, 400)["error"]["message"]
    )


def test_many_changes_of_the_same_runs_at_once_are_all_kept(web: Web) -> None:
    ids = [f"r{number}" for number in range(6)]
    tags = [f"at-once-{number}" for number in range(8)]

    def change(number: int) -> Any:
        ordered = ids if number % 2 else ids[::-1]
        return post(web, "edit", {"run_ids": ordered, "add_tags": [tags[number]]})

    with ThreadPoolExecutor(len(tags)) as pool:
        assert list(pool.map(change, range(len(tags)))) == [{"run_count": 6}] * len(tags)
    found = query(web, search="sweep", archived="with", columns=["tags"])
    assert all(set(tags) <= set(each) for each in values(found, "tags"))
    assert post(web, "edit", {"run_ids": ids, "remove_tags": tags}) == {"run_count": 6}


def test_what_the_daemon_keeps_of_archived_runs_outlives_it(store: Path) -> None:
    with trackd.init(project=PROJECT, id="kept", settings={"quiet": True}) as run:
        run.log({"acc": 1.0, "word": "a"})
    web = web_of(store)
    assert post(web, "edit", {"run_ids": ["kept"], "archived": True}) == {"run_count": 1}
    stop_daemons(store)
    with trackd.init(project=PROJECT, id="other", settings={"quiet": True}):
        pass
    web = web_of(store)
    assert query(web, archived="only")["run_ids"] == ["kept"]
    kinds = [(each["name"], each["kind"]) for each in web.get(f"{ADDRESS}/metrics")["metrics"]]
    assert kinds == [("acc", "number"), ("word", "string")]

"""Owns the tests of the importance of columns over HTTP against a real daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.service.reading import endpoint_of
from tests.service.test_http import Web

import trackd

COUNT = 40


@pytest.fixture(scope="module")
def web(module_store: Path) -> Web:
    random = np.random.default_rng(4)
    for number in range(COUNT):
        rate = float(random.random())
        config = {
            "optimizer": {"lr": rate, "name": str(random.choice(["adam", "sgd"]))},
            "seed": int(random.integers(1000)),
            "same": 1,
        }
        with trackd.init(project="sweep", id=f"r{number}", config=config, settings={"quiet": True}) as run:
            run.log({"val/loss": 3 * rate, "epoch": 1})
            assert run.flush(60)
    with trackd.init(project="sweep", id="failed", config={"seed": 1}, settings={"quiet": True}) as run:
        run.log({"val/loss": float("nan")})
        assert run.flush(60)
    endpoint = endpoint_of(module_store)
    address = urlsplit(endpoint.http_address)
    return Web(str(address.hostname), int(address.port or 0), endpoint.token)


def ask(web: Web, **question: Any) -> tuple[int, Any]:
    body = json.dumps(question).encode()
    status, _, said = web.ask("/api/v1/projects/sweep/importance", method="POST", body=body)
    return status, json.loads(said)


RUNS = [f"r{number}" for number in range(COUNT)]


def test_varying_columns_of_the_config_are_judged_and_the_cause_comes_first(web: Web) -> None:
    asked = {"target": "summary.val/loss", "columns": None}
    status, found = ask(web, run_ids=[*RUNS, "failed"], **asked)
    assert status == 200
    assert found["run_count"] == COUNT
    # `same` is missing in the failed run, so it differs.
    assert {each["column"] for each in found["columns"]} == {
        "config.optimizer.lr", "config.optimizer.name", "config.seed", "config.same"
    }  # fmt: skip
    first = found["columns"][0]
    assert (first["column"], first["kind"], first["run_count"]) == ("config.optimizer.lr", "number", COUNT)
    assert first["pearson"] == pytest.approx(1)
    assert first["importance"] > 0.8
    assert found["explained"] > 0.5
    assert found["caution"] == ""
    assert "random forest" in found["method"]
    assert ask(web, run_ids=["failed", *reversed(RUNS)], **asked)[1] == found
    _, fewer = ask(web, run_ids=RUNS, **asked)
    assert "config.same" not in {each["column"] for each in fewer["columns"]}


def test_columns_of_any_kind_can_be_named(web: Web) -> None:
    columns = ["summary.epoch", "duration", "state", "host", "config.nothing"]
    _, found = ask(web, run_ids=RUNS[:7], target="summary.val/loss", columns=columns)
    assert found["caution"] == "7 runs have a finite number as summary.val/loss; importance needs 8"
    by_name = {each["column"]: each for each in found["columns"]}
    assert set(by_name) == set(columns)
    assert {name: by_name[name]["run_count"] for name in columns} == {
        "summary.epoch": 7, "duration": 7, "state": 7, "host": 7, "config.nothing": 0
    }  # fmt: skip
    assert all(each["importance"] is None for each in found["columns"])


@pytest.mark.parametrize(
    ("question", "status", "message"),
    [
        ({"run_ids": "r0"}, 400, "run_ids must be a list of texts"),
        ({"run_ids": ["r0"], "target": None}, 400, "target must be a text; got NoneType"),
        ({"run_ids": ["r0"], "columns": [1]}, 400, "columns must be a list of texts"),
        ({"run_ids": ["r0"], "columns": ["a"] * 201}, 400, "columns has 201 entries; the limit is 200"),
        ({"run_ids": ["r0"] * 10_001}, 400, "run_ids has 10,001 entries; the limit is 10,000"),
        ({"run_ids": ["gone"]}, 404, "run 'gone' is not in project 'sweep'"),
    ],
)
def test_fault_is_told_in_one_sentence(web: Web, question: dict[str, Any], status: int, message: str) -> None:
    answer, said = ask(web, **{"target": "summary.val/loss", **question})
    assert (answer, said["error"]["message"]) == (status, message)

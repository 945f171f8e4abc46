"""Owns the tests of charts over HTTP against a real daemon: expressions and groups of runs."""

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

RUNS = ("a", "b", "c")
STEP_COUNT = 3000


def value(number: int, step: int) -> float:
    return 500.0 if (number, step) == (1, 1234) else (number + 1) / (step + 1)


@pytest.fixture(scope="module")
def web(module_store: Path) -> Web:
    for number, run_id in enumerate(RUNS):
        with trackd.init(project="groups", id=run_id) as run:
            for step in range(STEP_COUNT - 500 * number):
                run.log({"train/loss": value(number, step), "half": step / 2})
                if step % 10 == 0:
                    run.log({"val loss": float(step)}, step=step)
            assert run.flush(60)
    endpoint = endpoint_of(module_store)
    address = urlsplit(endpoint.http_address)
    return Web(str(address.hostname), int(address.port or 0), endpoint.token)


def group(**asked: Any) -> dict[str, Any]:
    return {"project": "groups", "group": {"id": "all", "runs": list(RUNS), **asked}, "key": "train/loss"}


def test_group_is_one_line_with_the_true_extremes_and_zooms_to_the_steps(web: Web) -> None:
    one = {"project": "groups", "run": "a", "key": "train/loss"}
    (header, columns), (other, _) = web.series({"buckets": 100, "series": [group(), one]})
    assert (header["mode"], header["run"], header["key"]) == ("group", "all", "train/loss")
    assert (header["delta"], header["total_count"], header["cell_width"]) == (False, 7500, 32)
    assert header["x_extent"] == [0, 2999]
    assert (other["run"], other["mode"], "cell_width" in other) == ("a", "buckets", False)
    assert columns["high"].max() == 500.0
    assert columns["y"].max() < 10
    assert columns["count"].dtype == np.uint32
    assert [columns["count"][int(step / 32)] for step in (0, 1990, 2490, 2990)] == [3, 3, 2, 1]
    close = group(aggregate="median", band="std")
    ((header, columns),) = web.series({"buckets": 100, "min_x": 1230, "max_x": 1239, "series": [close]})
    assert header["cell_width"] == 0
    assert columns["x"].tolist() == list(range(1230, 1240))
    rows = np.array([[value(number, step) for step in range(1230, 1240)] for number in range(3)])
    np.testing.assert_allclose(columns["y"], np.median(rows, axis=0))
    np.testing.assert_allclose(columns["high"] - columns["y"], np.std(rows, axis=0, ddof=1))


def test_columns_that_nobody_draws_stay_away_and_steps_take_half(web: Web) -> None:
    one = {"project": "groups", "run": "a", "key": "train/loss"}
    ((_, whole),) = web.series({"buckets": 100, "series": [one]})
    ((_, drawn),) = web.series({"buckets": 100, "omit": ["mean", "x_first"], "series": [one]})
    assert set(whole) - set(drawn) == {"mean", "x_first"}
    assert whole["x_last"].dtype == drawn["x_last"].dtype == np.uint32
    assert drawn["x_last"].tolist() == whole["x_last"].tolist()
    assert whole["x_last"][-1] == STEP_COUNT - 1
    ((_, points),) = web.series({"x": "metric:half", "min_x": 1, "max_x": 2, "series": [one]})
    assert (points["x"].dtype, points["step"].dtype) == (np.float64, np.uint32)
    assert points["x"].tolist() == [1, 1.5, 2]


def test_group_has_its_answer_over_every_x_and_with_smoothing(web: Web) -> None:
    smoothing = {"kind": "ema", "amount": 0.9}
    for x in ("step", "wall_time", "relative_time", "metric:half"):
        ((header, columns),) = web.series(
            {"x": x, "buckets": 50, "smoothing": smoothing, "series": [group(band="stderr")]}
        )
        assert header["total_count"] == 7500
        assert 1 <= len(columns["y"]) == len(columns["smoothed"]) <= 50
        assert np.all(np.diff(columns["x"]) > 0)
        assert np.all(columns["low"] <= columns["y"])


def test_running_group_grows_with_its_runs(web: Web) -> None:
    run = trackd.init(project="groups", id="live")
    asked = {"project": "groups", "group": {"id": "g", "runs": ["live", "c"]}, "key": "half"}
    revisions = []
    for step in range(3):
        run.log({"half": step * 10.0})
        assert run.flush(60)
        ((header, columns),) = web.series({"max_x": 2, "series": [asked]})
        assert columns["count"].tolist() == [2] * (step + 1) + [1] * (2 - step)
        assert columns["y"][step] == (step * 10 + step / 2) / 2
        revisions.append(header["revision"])
    assert sorted(set(revisions)) == revisions
    run.finish()


def test_expression_is_joined_by_step_and_answers_in_buckets_too(web: Web) -> None:
    text = '"val loss" - half * 2 + train/loss'
    asked = {"project": "groups", "run": "a", "expression": text}
    ((header, columns),) = web.series({"max_x": 14, "series": [asked]})
    assert (header["key"], header["mode"], header["kind"]) == (text, "points", "number")
    assert (header["joined_count"], header["missing_count"]) == (2700, 0)
    expected = [step // 10 * 10 - step + 1 / (step + 1) for step in range(15)]
    np.testing.assert_allclose(columns["y"], expected, atol=1e-12)
    both = {"project": "groups", "group": {"id": "g", "runs": ["a", "b"]}, "expression": "1 / (half - half)"}
    (one, columns), (many, grouped) = web.series(
        {"buckets": 10, "series": [{"project": "groups", "run": "a", "expression": "half % 0"}, both]}
    )
    assert one["mode"] == "buckets"
    assert columns["nonfinite"].sum() == 3000
    assert many["key"] == "1 / (half - half)"
    assert grouped["nonfinite"].sum() == 5500
    assert grouped["count"].max() == 0
    ((header, _),) = web.series(
        {"series": [{"project": "groups", "run": "a", "expression": "half + nothing"}]}
    )
    assert (header["count"], header["missing_count"]) == (0, 3000)


@pytest.mark.parametrize(
    ("series", "status", "message"),
    [
        (
            {"run": "a", "expression": "half +"},
            400,
            "expression ends at position 7; expected a number, a metric, a function or '('",
        ),
        ({"run": "a", "expression": "half", "key": "half"}, 400, "each of series has either a key or an expression"),
        ({"run": "a", "expression": 3}, 400, "expression must be a text; got int"),
        ({"group": 3, "key": "half"}, 400, "group must be an object with id and runs"),
        ({"group": {"id": "g", "runs": "a"}, "key": "half"}, 400, "runs of a group must be a list of run ids"),
        ({"group": {"id": "g", "runs": []}, "key": "half"}, 400, "group has 0 runs; it can have 1 to 10,000"),
        (
            {"group": {"id": "g", "runs": ["a"], "band": "x"}, "key": "half"},
            400,
            "band is 'x'; it is one of range, std, stderr, none",
        ),
        ({"group": {"id": "g", "runs": ["a", "gone"]}, "key": "half"}, 404, "run 'gone' is not in project 'groups'"),
    ],
)  # fmt: skip
def test_fault_is_told_in_one_sentence(web: Web, series: dict[str, Any], status: int, message: str) -> None:
    body = json.dumps({"series": [{"project": "groups", **series}]}).encode()
    answer, _, said = web.ask("/api/v1/series:query", method="POST", body=body)
    assert (answer, json.loads(said)["error"]["message"]) == (status, message)

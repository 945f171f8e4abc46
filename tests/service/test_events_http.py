"""Owns the tests of the events of runs over HTTP against a real daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.service.reading import endpoint_of
from tests.service.test_http import Web

import trackd

QUIET = {"quiet": True}


@pytest.fixture(scope="module")
def web(module_store: Path) -> Web:
    run = trackd.init(project="events", id="a", settings={**QUIET, "alert_rules": ["loss > 5"]})
    run.alert("before all")
    for step in range(400):
        run.log({"loss": 6.0 if step == 250 else 1.0, "acc": 0.5})
        if step == 120:
            run.alert("odd", "it is 7", level="ERROR")
    model = module_store / "last.PT"
    model.write_bytes(b"weights")
    (module_store / "notes.txt").write_text("no model")
    run.save(str(model), base_path=str(module_store))
    run.save(str(module_store / "notes.txt"), base_path=str(module_store))
    assert run.flush(60)
    run.finish()
    again = trackd.init(project="events", id="a", resume="must", settings=QUIET)
    for _ in range(10):
        again.log({"loss": 1.0})
    again.finish()
    back = trackd.init(project="events", resume_from="a?_step=300", settings=QUIET)
    back.log({"loss": 2.0})
    back.finish()
    fork = trackd.init(project="events", id="b", fork_from="a?_step=200", settings=QUIET)
    fork.log({})
    fork.alert("at a row without values")
    fork.finish()
    endpoint = endpoint_of(module_store)
    address = urlsplit(endpoint.http_address)
    return Web(str(address.hostname), int(address.port or 0), endpoint.token)


def test_what_happened_stands_at_its_step_in_the_order_of_runs_and_times(web: Web) -> None:
    events = web.get("/api/v1/projects/events/events?runs=b,a")["events"]
    assert [each["run_id"] for each in events] == sorted((each["run_id"] for each in events), reverse=True)
    for run_id in ("a", "b"):
        times = [each["time_unix_ms"] for each in events if each["run_id"] == run_id]
        assert times == sorted(times)
        assert all(time > 1e12 for time in times)
    found = [tuple(each[name] for name in ("run_id", "kind", "step", "title", "level")) for each in events]
    assert ("b", "fork", 200, "Forked from a at step 200", "") in found
    assert ("b", "alert", 201, "at a row without values", "INFO") in found
    assert [each[1:] for each in found if each[0] == "a"] == [
        ("alert", None, "before all", "INFO"),
        ("alert", 120, "odd", "ERROR"),
        ("alert", 250, "loss > 5", "WARN"),
        ("checkpoint", 300, "last.PT", ""),  # what was logged behind step 300 was taken back
        ("restart", 300, "Restarted", ""),
        ("restart", 300, "Restarted", ""),
        ("rewind", 300, "Rewound to step 300", ""),
    ]
    texts = {each["title"]: each["text"] for each in events}
    assert texts["odd"] == "it is 7"
    assert texts["last.PT"] == "7 bytes"
    assert texts["Forked from a at step 200"] == "of project events"
    assert texts["Restarted"].startswith("on ")


@pytest.mark.parametrize(
    ("runs", "status", "message"),
    [
        ("", 400, "runs names 0 runs; it can name 1 to 1,000"),
        (",".join(map(str, range(1001))), 400, "runs names 1,001 runs; it can name 1 to 1,000"),
        ("a,gone", 404, "run 'gone' is not in project 'events'"),
    ],
)
def test_fault_is_told_in_one_sentence(web: Web, runs: str, status: int, message: str) -> None:
    answer, _, said = web.ask(f"/api/v1/projects/events/events?runs={runs}")
    error: dict[str, Any] = json.loads(said)["error"]
    assert (answer, error["message"]) == (status, message)

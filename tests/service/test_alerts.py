"""Alerts: raised by a run, by rules over what it logs, told to targets of the store."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil

import trackd

QUICK = {"quiet": True, "system_interval_seconds": 0.1}


def alerts(run_id: str) -> list[tuple[str, str]]:
    """Returns (level, title) of the alerts of a run."""
    run = trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/{run_id}")
    return [(alert["level"], alert["title"]) for alert in run.alerts]


@pytest.mark.usefixtures("project")
def test_an_alert_of_the_run_is_kept_and_said_once_a_wait(capfd: pytest.CaptureFixture[str]) -> None:
    run = trackd.init(id="r", settings={"quiet": False})
    for _ in range(3):
        run.alert("loss is odd", "it is 7", level="WARN", wait_duration=600)
    run.alert("another", level="ERROR")
    run.finish()
    assert alerts("r") == [("WARN", "loss is odd"), ("ERROR", "another")]
    assert capfd.readouterr().err.count("alert: loss is odd: it is 7") == 1


@pytest.mark.usefixtures("project")
def test_rules_fire_on_values_and_on_the_end() -> None:
    rules = ["nan(loss)", "loss > 5", "state == failed", "acc < 0.1"]
    run = trackd.init(id="r", settings={"quiet": True, "alert_rules": rules})
    for value in (1.0, 6.0, 7.0, float("nan")):
        run.log({"loss": value})
    run.finish(exit_code=1)
    assert alerts("r") == [("WARN", "loss > 5"), ("WARN", "nan(loss)"), ("ERROR", "state == failed")]


@pytest.mark.usefixtures("project")
def test_rule_about_silence_and_about_the_machine(wait_until: WaitUntil) -> None:
    rules = ["silent > 0.3s", "system.memory.utilization > 0"]
    run = trackd.init(id="r", settings={**QUICK, "alert_rules": rules})
    run.log({"n": 0})
    assert run.flush(60)
    wait_until(lambda: len(alerts("r")) == 2)
    assert sorted(alerts("r")) == [("WARN", "silent > 0.3s"), ("WARN", "system.memory.utilization > 0")]
    run.finish()


@pytest.mark.usefixtures("project")
def test_a_rule_that_is_none_is_said_in_the_health_and_the_others_hold() -> None:
    run = trackd.init(id="r", settings={"quiet": True, "alert_rules": ["loss > ten", "loss > 5"]})
    run.log({"loss": 6.0})
    run.finish()
    assert alerts("r") == [("WARN", "loss > 5")]
    health = trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/r").ingest_health
    assert "loss > ten" in health["message"]


def test_alerts_go_to_the_commands_of_the_store(store: Path, tmp_path: Path, wait_until: WaitUntil) -> None:
    told = tmp_path / "told"
    program = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
    target = {"kind": "command", "arguments": [sys.executable, "-c", program, str(told)]}
    (store / "alerts.json").write_text(
        json.dumps({"version": 1, "rules": ["loss > 5"], "targets": [target]}), "utf-8"
    )
    (store / "alerts.json").chmod(0o600)
    run = trackd.init(project="p", id="r", settings={"quiet": True})
    run.log({"loss": 6.0})
    run.alert("by hand")
    run.finish()

    def notices() -> list[dict[str, Any]]:
        return [json.loads(line) for line in told.read_text("utf-8").splitlines()] if told.exists() else []

    wait_until(lambda: len(notices()) == 2, message="both alerts")
    assert sorted(notice["title"] for notice in notices()) == ["by hand", "loss > 5"]
    assert {notice["project"] for notice in notices()} == {"p"}

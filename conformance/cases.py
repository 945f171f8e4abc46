"""Owns the cases: what a client is told to do, what goes wrong meanwhile, and what must be stored; read from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from conformance.proxy import Fault

CASES = Path(__file__).parent / "cases"
CLIENT_ACTIONS = (
    "init", "log", "log_many", "config", "summary", "define_metric", "alert", "console", "flush", "finish",
)  # fmt: skip
RUNNER_ACTIONS = ("kill_daemon", "start_daemon", "kill_client", "wait_for_rows")
EXPECTATIONS = (
    "state",
    "exit_code",
    "name",
    "tags",
    "config",
    "summary",
    "rows",
    "alerts",
    "console",
    "calls",
    "host",
)


@dataclass(frozen=True)
class Case:
    """One case; docs of the fields are in conformance/README.md."""

    name: str
    title: str
    steps: list[dict[str, Any]]
    expect: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def load() -> list[Case]:
    """Returns all cases, by name; raises ValueError, naming the file, where one says what nobody understands."""
    return [_load(path) for path in sorted(CASES.glob("*.yaml"))]


def _load(path: Path) -> Case:
    data = yaml.safe_load(path.read_text("utf-8"))
    unknown = data.keys() - {"title", "steps", "expect", "faults", "environment"}
    if unknown:
        raise ValueError(f"{path.name}: {sorted(unknown)} are no parts of a case")
    for step in data["steps"]:
        if step["do"] not in (*CLIENT_ACTIONS, *RUNNER_ACTIONS):
            raise ValueError(f"{path.name}: {step['do']!r} is no action")
    for name in data["expect"]:
        if name not in EXPECTATIONS:
            raise ValueError(f"{path.name}: {name!r} cannot be expected")
    faults = [Fault(**each) for each in data.get("faults", ())]
    return Case(path.stem, data["title"], data["steps"], data["expect"], faults, data.get("environment", {}))

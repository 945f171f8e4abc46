"""Owns running one case for one client: the daemon behind the proxy, the driver, the steps, and the comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conformance.cases import RUNNER_ACTIONS, Case
from conformance.clients import Client
from conformance.daemon import Daemon
from conformance.driver import Driver, DriverFailed
from conformance.proxy import FaultProxy
from conformance.readback import PROJECT, Stored

WAIT_SECONDS = 120.0  # until what is expected is stored, on a busy machine
_POLL_SECONDS = 0.02


def judge(case: Case, client: Client, folder: Path, wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Runs a case for a client; returns what is wrong, which for a case that is known to fail is that it passes."""
    problems = run(case, client.command, folder, wait_seconds)
    if case.name not in client.known_failing:
        return problems
    if problems:
        return []
    return [f"known_failing/{client.name}.txt names {case.name}, which passes: take it out"]


def run(case: Case, command: Sequence[str], folder: Path, wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Runs a case; returns a sentence for each thing that is not as it must be."""
    proxy = FaultProxy(case.faults)
    daemon = Daemon(proxy)
    problems: list[str] = []
    try:
        driver = Driver(command, folder, daemon.store, case.environment)
        is_killed = False
        try:
            for number, step in enumerate(case.steps, 1):
                action = dict(step)
                expected = action.pop("error", None)
                if action["do"] in RUNNER_ACTIONS:
                    is_killed |= action["do"] == "kill_client"
                    _do(case, action, daemon, driver)
                    continue
                if action["do"] == "init":
                    action = {"project": PROJECT, "id": case.name, **action}
                problems += [
                    f"step {number}, {step['do']}: {each}" for each in _check(driver.do(action), expected)
                ]
        except DriverFailed as error:
            problems.append(str(error))
        finally:
            if is_killed:
                driver.kill()
            try:
                driver.close()
            except DriverFailed as error:
                problems.append(str(error))
        stored = Stored(daemon.grpc_address, daemon.token, daemon.store)
        problems += _compare(case, stored, proxy, wait_seconds)
    finally:
        daemon.close()
        proxy.close()
    return problems


def _do(case: Case, action: dict[str, Any], daemon: Daemon, driver: Driver) -> None:
    if action["do"] == "kill_daemon":
        daemon.kill()
    elif action["do"] == "start_daemon":
        daemon.start()
    elif action["do"] == "kill_client":
        driver.kill()
    else:
        stored = Stored(daemon.grpc_address, daemon.token, daemon.store)
        if not _wait_until(
            lambda: len(stored.rows(action.get("id", case.name))) >= action["count"], WAIT_SECONDS
        ):
            raise DriverFailed(f"{action['count']} rows were not stored in time")


def _check(answer: dict[str, Any], expected: dict[str, Any] | None) -> list[str]:
    error = answer.get("error")
    if expected is None:
        return [] if error is None else [f"raised {error}"]
    if error is None:
        return [f"raised nothing; {expected} was expected"]
    problems = []
    if error["kind"] != expected["kind"]:
        problems.append(
            f"raised a {error['kind']} error; a {expected['kind']} error was expected: {error['message']}"
        )
    problems += [
        f"says {error['message']!r}, which does not name {part!r}"
        for part in expected.get("says", ())
        if str(part) not in error["message"]
    ]
    return problems


def _compare(case: Case, stored: Stored, proxy: FaultProxy, wait_seconds: float) -> list[str]:
    expected = dict(case.expect)
    run_id = expected.pop("run", case.name)
    rows, calls = expected.pop("rows", None), expected.pop("calls", {})
    problems: list[str] = []

    def look() -> bool:
        problems[:] = _differences(stored, run_id, expected, rows)
        return not problems

    _wait_until(look, wait_seconds)
    for method, least in calls.items():
        if proxy.count(method) < least:
            problems.append(f"{proxy.count(method)} calls of {method}; at least {least} were expected")
    return problems


def _differences(
    stored: Stored, run_id: str, expected: dict[str, Any], rows: list[list[Any]] | int | None
) -> list[str]:
    run = stored.run(run_id)
    if run is None:
        return [f"run {run_id} is not stored"]
    problems = [
        f"{name} is {run[name]!r}; {value!r} was expected"
        for name, value in expected.items()
        if run[name] != value and not (name == "state" and run[name] in value)
    ]
    if rows is not None:
        found = stored.rows(run_id)
        if isinstance(rows, int):
            if [step for step, _ in found] != list(range(rows)):
                problems.append(
                    f"{len(found)} rows are stored; the steps 0 to {rows - 1} were expected, each once"
                )
        elif found != rows:
            problems.append(f"rows are {found!r}; {rows!r} were expected")
    return problems


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits until a condition holds, at most so long; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True

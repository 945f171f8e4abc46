"""Owns the run of the conformance suite: every case for every client, through the real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import cases, matrix, runner
from conformance.clients import CLIENTS, Client

CASES = {case.name: case for case in cases.load()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("client", CLIENTS)
def test_client_passes_the_case(client: str, case: str, tmp_path: Path) -> None:
    if missing := CLIENTS[client].missing:
        pytest.skip(missing)  # never in CI, where `make test` builds them all
    problems = runner.judge(CASES[case], CLIENTS[client], tmp_path)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("client", CLIENTS)
def test_only_cases_that_there_are_are_known_to_fail(client: str) -> None:
    assert set(CLIENTS[client].known_failing) <= CASES.keys()


def test_the_page_of_the_clients_shows_what_is_run() -> None:
    page = matrix.PATH.read_text("utf-8")
    assert page == matrix.place(page, matrix.table(CASES.values(), CLIENTS.values())), (
        "docs/clients.md is stale: run python -m conformance --write-matrix"
    )


# -- the suite itself ----------------------------------------------------------------------------------------------------

LOSES_ROWS = """
import json, sys, runpy, trackd
real = trackd.Run.log
trackd.Run.log = lambda run, data, **options: None if data.get("n") == 42 else real(run, data, **options)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def broken(code: str) -> Client:
    """Returns the Python client's driver, with something broken in it."""
    driver = CLIENTS["python"].command
    return Client("broken", "Broken", (driver[0], "-c", code, driver[1]))


def test_a_client_that_loses_one_row_fails(tmp_path: Path) -> None:
    problems = runner.judge(CASES["lost_answers"], broken(LOSES_ROWS), tmp_path, 3)
    assert problems == ["198 rows are stored; the steps 0 to 199 were expected, each once"]


def test_a_driver_that_dies_fails(tmp_path: Path) -> None:
    (problem, *_) = runner.judge(CASES["scalars"], broken("raise SystemExit('I give up')"), tmp_path, 3)
    assert "has not answered" in problem
    assert "I give up" in problem


def test_wrong_values_and_missing_errors_are_told(tmp_path: Path) -> None:
    scalars = CASES["scalars"]
    steps = [
        *scalars.steps[:-1],
        {"do": "log", "data": {"a": 1}, "error": {"kind": "usage"}},
        scalars.steps[-1],
    ]
    expect = {**scalars.expect, "state": "failed", "name": "another"}
    problems = runner.run(cases.Case("scalars", "", steps, expect), CLIENTS["python"].command, tmp_path, 3)
    assert problems[0].startswith("step 4, log: raised nothing")
    assert "state is 'finished'; 'failed' was expected" in problems
    assert "name is 'first run'; 'another' was expected" in problems
    assert any(problem.startswith("rows are ") for problem in problems)


def test_a_known_failure_that_passes_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = CLIENTS["python"]
    monkeypatch.setattr(Client, "known_failing", ["nested"])
    assert runner.judge(CASES["nested"], client, tmp_path) == [
        "known_failing/python.txt names nested, which passes: take it out"
    ]
    assert runner.judge(CASES["nested"], broken("raise SystemExit"), tmp_path, 3) == []

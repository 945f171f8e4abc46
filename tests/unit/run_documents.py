"""Owns made-up documents of runs for the tests of sets of runs: few names and few values, so that they meet."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

NAN, INFINITY = float("nan"), float("inf")
NUMBERS: list[Any] = [
    0,
    1,
    1.0,
    -2,
    2.5,
    1e-3,
    2**53,
    2**53 + 1,
    2**53 + 2,
    2.0**53,
    10**400,
    -(10**400),
    NAN,
    INFINITY,
    -INFINITY,
]
TEXTS = ["", "a", "b", "adam", "two words", 'quo"te', "1", "null", "ä", "and"]
VALUES: list[Any] = [*NUMBERS, *TEXTS, True, False, None]
KEYS = ["lr", "val/loss", "a.b", "with space", "state"]


def _leaf(random: Random) -> Any:
    if random.random() < 0.2:
        return random.choices([1, 2.5, "a", "b", True], k=random.randrange(4))
    return random.choice(VALUES)


def _leaves(random: Random) -> dict[str, Any]:
    return {key: _leaf(random) for key in random.sample(KEYS, random.randrange(5))}


def _document(random: Random, run_id: str) -> dict[str, Any]:
    """Returns a run's whole document; a field that nobody has filled is None, which is what columns make of "" as well."""
    begin = random.choice([1.0e12, 1.7e12, 1.8e12])
    config: dict[str, Any] = _leaves(random)
    if random.random() < 0.5:
        config["deep"] = {"x": _leaf(random), "y": {"z": random.choice(VALUES)}}
    return {
        "run_id": run_id,
        "name": random.choice(["swift-otter-1", "calm-2", "a"]),
        "state": random.choice(["running", "finished", "failed"]),
        "group": random.choice([None, "a", "1"]),
        "job_type": None,
        "tags": random.sample(["a", "b", "baseline"], random.randrange(4)) or None,
        "notes": None,
        "create_time_unix_ms": begin,
        "update_time_unix_ms": begin + 5e3,
        "finish_time_unix_ms": random.choice([None, begin + 7e3]),
        "next_step": random.randrange(4),
        "metric_count": 2,
        "exit_code": random.choice([None, 0, 1]),
        "signal": 0,
        "archived": random.random() < 0.5,
        "config": config,
        "summary": _leaves(random),
    }


def projects(most: int = 12) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draws the runs of a project, ids `r0` …."""

    # By a generator of its own: drawing some hundred values one by one takes hypothesis a second a project.
    def make(seed: int, count: int) -> list[dict[str, Any]]:
        random = Random(seed)
        return [_document(random, f"r{number}") for number in range(count)]

    return st.builds(make, st.integers(0, 2**32), st.integers(0, most))

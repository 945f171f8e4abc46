"""Holds the list of a project's metrics to what its runs say, also runs of an older trackd and runs taken back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackd_service.definitions import Definition, Definitions
from trackd_service.objects import DirectoryStore
from trackd_service.records import Begin, Finish, Json, Update
from trackd_service.run_metrics import RunMetrics
from trackd_service.run_states import Event
from trackd_service.runs import Run
from trackd_service.runs_query import RunsQuery
from trackd_service.sqlite_catalog import SqliteCatalog
from trackd_service.store import Store
from trackd_service.summary import BOOL, DOUBLE, Summary

_kinds = st.dictionaries(
    st.sampled_from(["number", "string", "image"]),
    st.lists(st.sampled_from(["a", "b", "c/d"]), min_size=1, unique=True),
)
_runs = st.lists(
    st.tuples(st.sampled_from(["r1", "r2", "r3"]), st.integers(0, 9), _kinds, st.booleans()), max_size=8
)


def definitions(is_hidden: bool) -> list[dict[str, Any]]:
    return Definitions([Definition("a", "step", None, is_hidden)]).dump() if is_hidden else []


@given(_runs, st.sets(st.sampled_from(["r1", "r2", "r3"])))
def test_metrics_are_counted_as_run_by_run(
    runs: list[tuple[str, int, dict[str, list[str]], bool]], removed: set[str]
) -> None:
    metrics, known = RunMetrics(), {}
    for run_id, create_time, kinds, is_hidden in runs:
        metrics.put(run_id, create_time, kinds, definitions(is_hidden))
        metrics.text()
        known[run_id] = (create_time, kinds, is_hidden)
    for run_id in removed & known.keys():
        metrics.remove(run_id)
        del known[run_id]
    found = {(each["name"], each["kind"]): each for each in json.loads(metrics.text())}
    assert list(found) == sorted(found)
    expected: dict[tuple[str, str], list[tuple[int, bool]]] = {}
    for create_time, kinds, is_hidden in known.values():
        for kind, names in kinds.items():
            for name in names:
                expected.setdefault((name, kind), []).append((create_time, is_hidden and name == "a"))
    assert {key: each["run_count"] for key, each in found.items()} == {
        key: len(each) for key, each in expected.items()
    }
    for key, each in found.items():
        newest = max(time for time, _ in expected[key])
        assert each["hidden"] in {is_hidden for time, is_hidden in expected[key] if time == newest}
        assert each["step_metric"] == ("step" if each["hidden"] else None)


def filled(run: Run) -> Run:
    begin = Begin(
        run.project, run.run_id, run.run_id.ljust(32, "0"), "primary", Update(), {}, False, "", "", None
    )
    writer = run.open_writer(begin, 1)
    steps, words = np.arange(2), np.ones((2, 2), np.uint64)
    run.apply_rows(
        writer, ("loss", "is_done"), bytes((DOUBLE, BOOL)), np.zeros(2, np.int64), steps, steps + 1, words, []
    )
    texts: Any = [(0, "word", "x"), (0, "loss", "bad"), (0, "list", Json("[1]"))]
    run.apply_rows(
        writer, (), b"", np.zeros(1, np.int64), steps[:1], steps[:1] + 5, np.ones((1, 0), np.uint64), texts
    )
    run.close_writer(writer, Event.FINISHED, Finish(0, "", 0), 9)
    return run


KINDS = {"number": ["loss"], "bool": ["is_done"], "string": ["loss", "word"], "other": ["list"]}


def test_a_run_knows_the_kinds_of_its_metrics_and_keeps_them() -> None:
    run = filled(Run("p", "r", 1))
    assert run.summary.kinds() == KINDS
    document = json.loads(json.dumps(run.dump()))
    assert document["metric_kinds"] == KINDS
    again = Run.load(document, run.summary.dump())
    assert again.summary.kinds() == KINDS
    other = Summary()
    other.add_series(run.tail.read("loss", "string"))
    other.absorb(run.summary)
    assert {kind: sorted(names) for kind, names in (other.kinds() or {}).items()} == KINDS


def without_kinds(summary: Summary) -> bytes:
    """Returns a summary as an older trackd has kept it."""
    summary._kinds = None
    return summary.dump()


def test_metrics_of_runs_of_an_older_trackd_are_found_in_their_segments_and_kept(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()

    async def ask() -> list[dict[str, Any]]:
        catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
        store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path / "scratch")
        try:
            stored = await store.find("p", "r")
            if stored is None:
                stored, _ = await store.get_or_create("p", "r", 1)
                filled(stored.run)
                await store.seal(stored)
                document = stored.run.dump()
                del document["metric_kinds"]
                catalog.commit_run(document, without_kinds(stored.run.summary))
                store._runs.clear()
            found: list[dict[str, Any]] = json.loads(await RunsQuery(store).metrics("p"))
            return found
        finally:
            await store.close()

    found = asyncio.run(ask())
    expected = [
        ("is_done", "bool"),
        ("list", "other"),
        ("loss", "number"),
        ("loss", "string"),
        ("word", "string"),
    ]
    assert [(each["name"], each["kind"]) for each in found] == expected
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    document, summary, _ = catalog.load_run("p", "r") or ({}, b"", [])
    catalog.close()
    assert document["metric_kinds"] == KINDS
    assert Summary.load(summary).kinds() == KINDS
    assert asyncio.run(ask()) == found


async def test_a_run_that_is_only_read_is_not_taken_in_again(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    store = Store(catalog, DirectoryStore(tmp_path / "objects"), tmp_path / "scratch")
    try:
        stored, _ = await store.get_or_create("p", "r", 1)
        filled(stored.run)
        await store.seal(stored)
        store._runs.clear()
        queries = RunsQuery(store)
        before = await queries.metrics("p")
        version = dict(queries._kept["p"].versions)
        read = await store.get("p", "r")
        assert read.is_at_rest
        assert await queries.metrics("p") is before
        assert queries._kept["p"].versions == version
        read.run.revision += 1  # as any change of it does
        await queries.metrics("p")
        assert queries._kept["p"].versions != version
    finally:
        await store.close()

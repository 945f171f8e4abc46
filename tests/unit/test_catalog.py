import json
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooNew, PresetRow, RunUsage, ViewRow
from trackd_service.catalog_tables import HistoryStart, SegmentRow
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.sqlite_catalog import SqliteCatalog


def document(run_id: str, project: str = "p", create_time: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "project": project,
        "run_id": run_id,
        "state": "running",
        "create_time": create_time,
        "update_time": create_time + 1,
        **fields,
    }


def test_a_run_is_read_back_as_committed(catalog: Catalog) -> None:
    rows = [SegmentRow("s1", 0, 10, 100), SegmentRow("s2", 1, 20, 200)]
    written = document("r", notes="\udc80 ü", config={"a": [1, None]})
    catalog.commit_run(written, b"\0summary", rows)
    assert catalog.load_run("p", "r") == (written, b"\0summary", rows)
    assert catalog.load_run("p", "other") is None
    assert catalog.load_run("other", "r") is None


def test_segments_come_in_the_order_sealed_and_leave_as_garbage(catalog: Catalog) -> None:
    catalog.commit_run(document("r"), b"", [SegmentRow("b", 1, 1, 1), SegmentRow("a", 0, 1, 1)])
    catalog.commit_run(document("r"), b"", [SegmentRow("merged", 0, 2, 2)], removed=["a", "b"])
    found = catalog.load_run("p", "r")
    assert found is not None
    assert [segment.name for segment in found[2]] == ["merged"]
    assert sorted(catalog.garbage()) == ["a", "b"]
    catalog.forget_garbage(["a"])
    assert catalog.garbage() == ["b"]


def test_a_commit_that_fails_changes_nothing(catalog: Catalog) -> None:
    catalog.commit_run(document("r", notes="before"), b"1", [SegmentRow("s", 0, 1, 1)])
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        catalog.commit_run(document("r", notes="after"), b"2", [SegmentRow("t", 0, 1, 1)], removed=[])
    found = catalog.load_run("p", "r")
    assert found is not None
    assert (found[0]["notes"], found[1], len(found[2])) == ("before", b"1", 1)
    catalog.commit_run(document("r", notes="after"), b"2")


def test_several_runs_are_committed_together_or_none(catalog: Catalog) -> None:
    catalog.commit_run(document("a", notes="before"), b"1", [SegmentRow("s", 0, 1, 1)])
    catalog.commit_runs([(document("a", notes="after"), b"2", {"0" * 64: 5}), (document("b"), b"3", {})])
    found = catalog.load_run("p", "a")
    assert found is not None
    assert (found[0]["notes"], found[1], [segment.name for segment in found[2]]) == ("after", b"2", ["s"])
    assert catalog.is_used("0" * 64)
    with pytest.raises(KeyError):
        catalog.commit_runs([(document("b", notes="new"), b"4", {}), ({}, b"", {})])
    found = catalog.load_run("p", "b")
    assert found is not None
    assert (found[0].get("notes"), found[1]) == (document("b").get("notes"), b"3")


def test_runs_are_listed_by_project_newest_first(catalog: Catalog) -> None:
    for i, (run_id, project) in enumerate([("a", "p"), ("b", "p"), ("a", "q")]):
        catalog.commit_run(document(run_id, project, create_time=i), b"")
    assert [each["run_id"] for each in catalog.documents("p")] == ["b", "a"]
    assert len(catalog.documents(None)) == 3
    assert sorted(catalog.projects()) == [("p", 2, 2), ("q", 1, 3)]
    assert catalog.find_project("a") == "q"
    assert catalog.find_project("never") is None
    assert sorted(catalog.run_keys()) == [("p", "a"), ("p", "b"), ("q", "a")]


def test_a_deleted_run_leaves_only_garbage(catalog: Catalog) -> None:
    catalog.commit_run(document("r"), b"", [SegmentRow("s", 0, 1, 1)])
    assert catalog.delete_run("p", "r") == ["s"]
    assert catalog.delete_run("p", "r") == []
    assert catalog.load_run("p", "r") is None
    assert catalog.garbage() == ["s"]


def test_a_catalog_is_opened_again(tmp_path: Path) -> None:
    first = SqliteCatalog(tmp_path / "c")
    first.commit_run(document("r"), b"x")
    first.close()
    second = SqliteCatalog(tmp_path / "c")
    assert second.load_run("p", "r") is not None


def test_a_catalog_of_a_newer_trackd_is_not_touched(tmp_path: Path) -> None:
    SqliteCatalog(tmp_path / "c").close()
    connection = sqlite3.connect(tmp_path / "c")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(CatalogTooNew, match="has version 99; this trackd knows 9: update trackd"):
        SqliteCatalog(tmp_path / "c")


def test_objects_leave_with_the_last_run_that_uses_them(catalog: Catalog) -> None:
    shared, own = "aa" * 32, "bb" * 32
    catalog.commit_run(document("one"), b"", objects={shared: 5, own: 7})
    catalog.commit_run(document("one"), b"", objects={own: 7})
    catalog.commit_run(document("two"), b"", objects={shared: 5})
    assert catalog.used_names() == {f"files/aa/{shared}", f"files/bb/{own}"}
    usage = {run.run_id: run for run in catalog.usage()}
    assert (usage["one"].object_bytes, usage["one"].object_count, usage["one"].own_object_bytes) == (12, 2, 7)
    assert (usage["two"].object_bytes, usage["two"].own_object_bytes) == (5, 0)
    unsealed = "cc" * 32
    assert set(catalog.delete_run("p", "one", [unsealed])) == {f"files/bb/{own}", f"files/cc/{unsealed}"}
    assert catalog.delete_run("p", "two") == [f"files/aa/{shared}"]
    assert sorted(catalog.garbage()) == sorted(f"files/{each[:2]}/{each}" for each in (shared, own, unsealed))
    assert not catalog.is_used(shared)


def test_usage_counts_segments_once_however_many_objects_there_are(catalog: Catalog) -> None:
    segments = [SegmentRow("s1", 0, 1, 100), SegmentRow("s2", 1, 1, 200)]
    catalog.commit_run(document("r"), b"", segments, objects={f"{number:064x}": 10 for number in range(5)})
    catalog.commit_run(document("empty"), b"")
    usage = {run.run_id: run for run in catalog.usage()}
    assert (usage["r"].segment_bytes, usage["r"].object_bytes) == (300, 50)
    assert (usage["empty"].segment_bytes, usage["empty"].object_count) == (0, 0)


def test_usage_of_runs_that_share_objects_and_have_hidden_segments(catalog: Catalog) -> None:
    shared, own = "a" * 64, "b" * 64
    catalog.commit_run(document("r"), b"", [SegmentRow("s", 0, 1, 100)], objects={shared: 7, own: 5})
    start = HistoryStart("w", 1, masked=("s",), mask_time=1)
    catalog.commit_run(document("r"), b"", [SegmentRow("t", 1, 1, 20)], start=start)
    catalog.commit_run(document("q"), b"", objects={shared: 7})
    catalog.commit_run(document("q", "other"), b"", objects={shared: 7})
    usage = {(run.project, run.run_id): run for run in catalog.usage()}
    assert usage["p", "r"] == RunUsage("p", "r", 120, 12, 2, 5)
    assert usage["p", "q"] == RunUsage("p", "q", 0, 7, 1, 0)
    assert dict(catalog.project_sizes()) == {"p": 132, "other": 7}


def test_presets_are_saved_over_and_deleted(catalog: Catalog) -> None:
    catalog.save_preset(PresetRow("team/b", "B", "{}"))
    catalog.save_preset(PresetRow("team/a", "A", "{}"))
    catalog.save_preset(PresetRow("team/b", "again", '{"mark": "bar"}'))
    assert [preset.id for preset in catalog.presets()] == ["team/a", "team/b"]
    assert catalog.preset("team/b") == PresetRow("team/b", "again", '{"mark": "bar"}')
    assert catalog.delete_preset("team/b")
    assert not catalog.delete_preset("team/b")
    assert catalog.preset("team/b") is None


def test_views_are_listed_newest_first_limited_and_stay_when_their_runs_go(catalog: Catalog) -> None:
    catalog.commit_run(document("r"), b"")
    for name, time in (("a", 1), ("b", 3), ("c", 2)):
        assert catalog.save_view(ViewRow("p", name, name.upper(), time, "{}"), 3)
    assert catalog.save_view(ViewRow("q", "a", "another project's", 9, "{}"), 3)
    assert not catalog.save_view(ViewRow("p", "d", "", 4, "{}"), 3)
    assert catalog.save_view(ViewRow("p", "a", "again", 5, '{"x":1}'), 3)
    assert [(view.id, view.name) for view in catalog.views("p")] == [("a", "again"), ("b", "B"), ("c", "C")]
    assert catalog.view("p", "a") == ViewRow("p", "a", "again", 5, '{"x":1}')
    assert catalog.view("p", "d") is None
    catalog.delete_run("p", "r")
    assert len(catalog.views("p")) == 3
    assert catalog.delete_view("p", "b")
    assert not catalog.delete_view("p", "b")
    assert len(catalog.views("q")) == 1


VERSION_1 = """
CREATE TABLE runs (
    run_key INTEGER PRIMARY KEY, project TEXT NOT NULL, run_id TEXT NOT NULL, state TEXT NOT NULL,
    create_time INTEGER NOT NULL, update_time INTEGER NOT NULL, document TEXT NOT NULL, summary BLOB NOT NULL,
    UNIQUE (project, run_id)
);
CREATE TABLE segments (
    name TEXT PRIMARY KEY, run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    position INTEGER NOT NULL, point_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, UNIQUE (run_key, position)
);
CREATE TABLE garbage (name TEXT PRIMARY KEY);
CREATE INDEX runs_by_project ON runs (project, create_time);
PRAGMA user_version=1;
"""


def test_a_catalog_of_version_1_is_read_and_its_files_are_known_as_objects(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    old = sqlite3.connect(path)
    old.executescript(VERSION_1)
    sha256 = "dd" * 32
    text = json.dumps(
        document("r", files=[{"path": "a.txt", "sha256": sha256, "size_bytes": 3, "purpose": "saved"}])
    )
    old.execute("INSERT INTO runs VALUES (7, 'p', 'r', 'finished', 1, 2, ?, x'00')", (text,))
    old.execute("INSERT INTO segments VALUES ('s', 7, 0, 1, 1)")
    old.commit()
    old.close()
    catalog = SqliteCatalog(path)
    found = catalog.load_run("p", "r")
    assert found is not None
    assert found[2] == [SegmentRow("s", 0, 1, 1)]
    assert catalog.is_used(sha256)
    assert catalog.presets() == []
    assert catalog.views("p") == []
    catalog.close()
    assert SqliteCatalog(path).is_used(sha256)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_catalog_of_an_older_version_keeps_its_runs_and_gets_the_tables_of_a_team_server(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue("postgres").new_schema() if kind == "postgres" else ""

    def opened() -> Catalog:
        return PostgresCatalog(url) if url else SqliteCatalog(tmp_path / "catalog.sqlite")

    with monkeypatch.context() as patch:
        patch.setattr(catalog_schema, "VERSION", 6)
        before = opened()
        before.commit_run(document("r"), b"x")
        with before.reading() as tables, pytest.raises((sqlite3.OperationalError, psycopg.Error)):
            tables.execute("SELECT 1 FROM users")
        before.close()
    after = opened()
    assert after.load_run("p", "r") is not None
    with after.writing() as tables:
        for table in (
            *("users", "teams", "memberships", "project_teams", "api_keys", "sessions", "audit"),
            *("leases", "compactions", "unlisted", "sweeps"),
        ):
            assert tables.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    after.close()

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from trackd_service.catalog import CatalogTooNew, SegmentRow, SqliteCatalog


def document(run_id: str, project: str = "p", create_time: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "project": project,
        "run_id": run_id,
        "state": "running",
        "create_time": create_time,
        "update_time": create_time + 1,
        **fields,
    }


@pytest.fixture
def catalog(tmp_path: Path) -> SqliteCatalog:
    return SqliteCatalog(tmp_path / "catalog.sqlite")


def test_a_run_is_read_back_as_committed(catalog: SqliteCatalog) -> None:
    rows = [SegmentRow("s1", 0, 10, 100), SegmentRow("s2", 1, 20, 200)]
    written = document("r", notes="\udc80 ü", config={"a": [1, None]})
    catalog.commit_run(written, b"\0summary", rows)
    assert catalog.load_run("p", "r") == (written, b"\0summary", rows)
    assert catalog.load_run("p", "other") is None
    assert catalog.load_run("other", "r") is None


def test_segments_come_in_the_order_sealed_and_leave_as_garbage(catalog: SqliteCatalog) -> None:
    catalog.commit_run(document("r"), b"", [SegmentRow("b", 1, 1, 1), SegmentRow("a", 0, 1, 1)])
    catalog.commit_run(document("r"), b"", [SegmentRow("merged", 0, 2, 2)], removed=["a", "b"])
    found = catalog.load_run("p", "r")
    assert found is not None
    assert [segment.name for segment in found[2]] == ["merged"]
    assert sorted(catalog.garbage()) == ["a", "b"]
    catalog.forget_garbage(["a"])
    assert catalog.garbage() == ["b"]


def test_a_commit_that_fails_changes_nothing(catalog: SqliteCatalog) -> None:
    catalog.commit_run(document("r", notes="before"), b"1", [SegmentRow("s", 0, 1, 1)])
    with pytest.raises(sqlite3.IntegrityError):
        catalog.commit_run(document("r", notes="after"), b"2", [SegmentRow("t", 0, 1, 1)], removed=[])
    found = catalog.load_run("p", "r")
    assert found is not None
    assert (found[0]["notes"], found[1], len(found[2])) == ("before", b"1", 1)
    catalog.commit_run(document("r", notes="after"), b"2")


def test_runs_are_listed_by_project_newest_first(catalog: SqliteCatalog) -> None:
    for i, (run_id, project) in enumerate([("a", "p"), ("b", "p"), ("a", "q")]):
        catalog.commit_run(document(run_id, project, create_time=i), b"")
    assert [each["run_id"] for each in catalog.documents("p")] == ["b", "a"]
    assert len(catalog.documents(None)) == 3
    assert sorted(catalog.projects()) == [("p", 2, 2), ("q", 1, 3)]
    assert catalog.find_project("a") == "q"
    assert catalog.find_project("never") is None
    assert sorted(catalog.run_keys()) == [("p", "a"), ("p", "b"), ("q", "a")]


def test_a_deleted_run_leaves_only_garbage(catalog: SqliteCatalog) -> None:
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
    with pytest.raises(CatalogTooNew, match="has version 99; this trackd knows 1: update trackd"):
        SqliteCatalog(tmp_path / "c")

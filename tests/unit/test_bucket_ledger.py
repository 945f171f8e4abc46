from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trackd_service.bucket_ledger import BucketLedger, ReadManifest, SyncedRun, load_store_id
from trackd_service.catalog_tables import SegmentRow
from trackd_service.manifests import SentSegment

FOLDER = "f" * 16
TARGET = "http://127.0.0.1:9000 s3://runs"


@contextmanager
def open_ledger(folder: Path, target: str = TARGET) -> Iterator[BucketLedger]:
    ledger = BucketLedger(folder / "upload.sqlite", target)
    try:
        yield ledger
    finally:
        ledger.close()


def segment(number: int) -> SentSegment:
    row = SegmentRow(f"{FOLDER}/{number:032x}", number, 7, 30)
    return SentSegment(row, 10 + number, f"{number:064x}", 20 + number, f"{number + 1:064x}")


def fill(ledger: BucketLedger) -> None:
    ledger.add_segments([segment(1), segment(2)])
    ledger.add_objects(["a" * 64])
    ledger.save_run("vision", "r1", SyncedRun(3, 40, 5_000))
    ledger.save_manifests({"runs/x/y.json": ReadManifest("tag", "vision", "r1")})


def test_what_was_noted_is_known_to_the_next_process(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        fill(ledger)
    with open_ledger(tmp_path) as ledger:
        rows = [segment(number).row for number in (1, 2, 3)]
        assert ledger.segments(rows) == {each.row.name: each for each in (segment(1), segment(2))}
        assert ledger.objects(["a" * 64, "b" * 64]) == {"a" * 64}
        assert ledger.runs() == {("vision", "r1"): SyncedRun(3, 40, 5_000)}
        assert ledger.manifests() == {"runs/x/y.json": ReadManifest("tag", "vision", "r1")}


def test_another_bucket_begins_anew(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        fill(ledger)
    for target in ("http://127.0.0.1:9000 s3://other", TARGET):
        with open_ledger(tmp_path, target) as ledger:
            assert ledger.runs() == {}
            assert ledger.segments([segment(1).row]) == {}
            assert ledger.objects(["a" * 64]) == set()
            assert ledger.manifests() == {}


def test_more_names_than_one_question_takes_are_all_found(tmp_path: Path) -> None:
    segments = [segment(number) for number in range(1_300)]
    hashes = [f"{number:064x}" for number in range(1_300)]
    with open_ledger(tmp_path) as ledger:
        ledger.add_segments(segments)
        ledger.add_objects(hashes)
        assert len(ledger.segments([each.row for each in segments])) == 1_300
        assert ledger.objects([*hashes, "f" * 64]) == set(hashes)
        names = [name for each in segments for name, _, _ in each.files()]
        facts = ledger.facts(names)
        assert facts == {
            name: (size_bytes, sha256) for each in segments for name, size_bytes, sha256 in each.files()
        }


def test_what_no_manifest_lists_any_more_is_superseded_from_then_on(tmp_path: Path) -> None:
    one, two = segment(1), segment(2)
    with open_ledger(tmp_path) as ledger:
        ledger.add_segments([one, two])
        assert ledger.supersede(FOLDER, {one.row.name, two.row.name}, 100) == {}
        assert ledger.supersede(FOLDER, {two.row.name}, 200) == {one.row.name: 200}
        # The time is that of the first word; another run's segments are not spoken of.
        assert ledger.supersede(FOLDER, {two.row.name}, 300) == {one.row.name: 200}
        assert ledger.supersede("0" * 16, set(), 300) == {}
        assert ledger.superseded(200) == []
        assert ledger.superseded(201) == [one.row.name]
        assert set(ledger.confirmed()) == {name for name, _, _ in two.files()}
        ledger.forget_segments([one.row.name])
        assert ledger.superseded(10**15) == []


def test_what_is_doubted_is_sent_again_and_no_run_counts_as_whole(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        fill(ledger)
        sha256 = "a" * 64
        ledger.doubt([f"segments/{segment(1).row.name}.levels", f"files/aa/{sha256}", "runs/x/y.json"])
        assert ledger.segments([segment(1).row]) == {}
        assert ledger.segments([segment(2).row]) != {}
        assert ledger.objects([sha256]) == set()
        assert ledger.runs() == {("vision", "r1"): SyncedRun(-1, 40, 5_000)}


def test_forgotten_runs_and_manifests_are_gone(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        fill(ledger)
        ledger.forget_run("vision", "r1")
        ledger.forget_manifests(["runs/x/y.json"])
        assert ledger.runs() == {}
        assert ledger.manifests() == {}


@pytest.mark.parametrize("data", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 4_000])
def test_damaged_ledger_is_made_anew(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "upload.sqlite").write_bytes(data)
    with open_ledger(tmp_path) as ledger:
        assert ledger.runs() == {}
        fill(ledger)
    with open_ledger(tmp_path) as ledger:
        assert ledger.runs() != {}


def test_ledger_of_a_newer_trackd_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "upload.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = (tmp_path / "upload.sqlite").read_bytes()
    with pytest.raises(ValueError, match="version 99; this trackd knows 1: update trackd"):
        BucketLedger(tmp_path / "upload.sqlite", TARGET)
    assert (tmp_path / "upload.sqlite").read_bytes() == before


def test_store_has_one_id_for_ever(tmp_path: Path) -> None:
    made = load_store_id(tmp_path)
    assert len(made) == 16
    assert set(made) <= set("0123456789abcdef")
    assert load_store_id(tmp_path) == made
    other = tmp_path / "other"
    other.mkdir()
    assert load_store_id(other) != made
    # What is no id is replaced by one.
    (tmp_path / "store_id").write_bytes(b"\xff\xfe garbage")
    assert load_store_id(tmp_path) == load_store_id(tmp_path) != made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "store_id"]

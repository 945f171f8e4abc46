"""Owns the tests of what records leave on the disk: each content once, freed with its last run, and whole after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.conftest import WaitUntil
from tests.service.reading import find_state, get_daemon
from tests.service.recording import Array, read_rows, read_run
from tests.service.scripts import RunScript

import trackd
from trackd import _space
from trackd._connection import Connection

HOUR = 3600.0


def unique(seed: int, side: int = 40) -> Array:
    """Returns pixels that no other test logs."""
    return np.random.default_rng([7, seed]).integers(0, 256, (side, side, 3), np.uint8)


def objects(store: Path) -> set[str]:
    """Returns the sha256 of all objects of files and records; each stands where its content says."""
    found = set()
    for path in (store / "objects" / "files").rglob("*"):
        if path.is_file():
            assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()
            assert path.parent.name == path.name[:2]
            found.add(path.name)
    return found


def start(run_id: str) -> trackd.Run:
    return trackd.init(id=run_id, reinit="create_new", settings={"quiet": True})


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "trackd", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def usage_of(path: str) -> dict[str, Any]:
    """Returns what `trackd du` says of a run."""
    facts = _space.usage(Connection(os.environ["TRACKD_STORE"], 60))
    found: list[dict[str, Any]] = [run for run in facts["runs"] if run["path"] == path]
    assert len(found) == 1
    return found[0]


def shares(path: str, size_bytes: int) -> bool:
    """Says whether so much of what a run takes is another run's too."""
    usage = usage_of(path)
    shared: int = usage["object_bytes"] - usage["own_object_bytes"]
    return shared == size_bytes


def put_orphan(store: Path, content: bytes, age_seconds: float) -> Path:
    """Puts an object that no run uses, as a crash between an upload and its record leaves one."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = store / "objects" / "files" / sha256[:2] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    changed = time.time() - age_seconds
    os.utime(path, (changed, changed))
    return path


def test_the_same_content_is_stored_once(module_store: Path, project: str) -> None:
    before = objects(module_store)
    pixels = unique(1)
    shas = set()
    for name in ("a", "b"):
        run = start(f"{project}-{name}")
        for step in range(5):
            run.log(
                {"image": trackd.Image(pixels, caption=f"{name} {step}"), "list": [trackd.Image(pixels)] * 3}
            )
        table = trackd.Table(columns=["i"], data=[[trackd.Image(pixels)]])
        run.log({"table": table, "again": table})
        rows = read_rows(run)
        shas |= {row["image"]["file"]["sha256"] for row in rows[:5]}
        shas |= {each["file"]["sha256"] for row in rows[:5] for each in row["list"]["records"]}
        assert rows[5]["table"]["file"] == rows[5]["again"]["file"]
        shas.add(rows[5]["table"].rows()[0][0]["file"]["sha256"])
        run.finish()
    (image,) = shas
    new = objects(module_store) - before
    assert image in new
    assert len(new) == 2  # the image and the table


def test_deleting_a_run_frees_what_no_other_run_uses(
    module_store: Path, project: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    before = objects(module_store)
    shared, own = unique(2), unique(3)
    kept = tmp_path / "notes.txt"
    kept.write_bytes(b"kept with the run " + os.urandom(8))
    for name in ("first", "second"):
        run = start(f"{project}-{name}")
        run.log({"shared": trackd.Image(shared)})
        run.log(
            {
                "own": trackd.Image(own if name == "first" else own[::-1]),
                "page": trackd.Html(f"<p>{project} {name}"),
            }
        )
        run.log({"points": trackd.Object3D(np.full((5, 3), float(name == "first")))})
        if name == "first":
            run.save(str(kept), base_path=str(tmp_path))
        run.finish()
    first, second = (trackd.Api().run(f"{project}/{project}-{name}") for name in ("first", "second"))
    assert first.file("notes.txt").size > 0
    whole = objects(module_store) - before
    assert len(whole) == 8  # one is shared; three are of each, and a file of the first
    shared_bytes = next(
        row["shared"]["file"]["size_bytes"] for row in second.scan_history() if "shared" in row
    )
    for run_path, count in ((first.path, 5), (second.path, 4)):
        assert usage_of(run_path)["object_count"] == count
        wait_until(
            partial(shares, run_path, shared_bytes), message="what the run alone uses, once it is sealed"
        )
    first.delete()
    left = objects(module_store) - before
    assert len(left) == 4
    rows = [row for row in second.scan_history() if "shared" in row]
    assert np.array_equal(rows[0]["shared"].array(), shared)
    second.delete()
    assert objects(module_store) - before == set()
    second.delete()


def test_a_saved_file_shares_the_object_of_a_record(module_store: Path, project: str, tmp_path: Path) -> None:
    before = objects(module_store)
    picture = tmp_path / "picture.png"
    with start(f"{project}-draws") as run:
        run.log({"image": trackd.Image(unique(4))})
        picture.write_bytes(read_rows(run)[0]["image"].read())
    with start(f"{project}-saves") as run:
        run.save(str(picture), base_path=str(tmp_path))
        run.log({"image": trackd.Image(str(picture))})
        stored = read_run(run)
    assert stored.file("picture.png").size == picture.stat().st_size
    assert len(objects(module_store) - before) == 1
    trackd.Api().run(f"{project}/{project}-draws").delete()
    with stored.file("picture.png").download(root=str(tmp_path / "back")) as downloaded:
        assert Path(downloaded.name).read_bytes() == picture.read_bytes()
    stored.delete()
    assert objects(module_store) - before == set()


@pytest.mark.usefixtures("module_store")
def test_content_that_one_run_lets_go_of_is_there_for_another_that_logs_it_again(project: str) -> None:
    pixels = unique(5)
    for round_number in range(4):
        with start(f"{project}-{round_number}") as run:
            run.log({"image": trackd.Image(pixels)})
            (row,) = read_rows(run)
            if round_number:
                trackd.Api().run(f"{project}/{project}-{round_number - 1}").delete()
            assert np.array_equal(row["image"].array(), pixels)


def test_gc_removes_old_orphans_and_nothing_else(module_store: Path, project: str) -> None:
    with start(f"{project}-run") as run:
        run.log({"image": trackd.Image(unique(6))})
        read_run(run)
    kept = objects(module_store)
    aged = time.time() - 10 * HOUR
    for sha256 in kept:  # age alone makes nothing garbage
        os.utime(module_store / "objects" / "files" / sha256[:2] / sha256, (aged, aged))
    old = put_orphan(module_store, b"old orphan" * 100, 2 * HOUR)
    young = put_orphan(module_store, b"young orphan", HOUR / 2)
    assert json.loads(command("gc", "--dry-run", "--json")) == {
        "removed_count": 1,
        "removed_bytes": 1000,
        "dry_run": True,
    }
    assert command("gc", "--dry-run").strip() == "1 files, 1.0 kB, would be removed"
    usage = json.loads(command("du", "--json"))
    assert (usage["garbage_count"], usage["garbage_bytes"]) == (1, 1000)
    assert "are used by no run: `trackd gc` removes them" in command("du")
    assert old.exists()
    assert json.loads(command("gc", "--json")) == {
        "removed_count": 1,
        "removed_bytes": 1000,
        "dry_run": False,
    }
    assert not old.exists()
    assert young.exists()
    assert objects(module_store) - {young.name} == kept
    assert np.array_equal(read_rows(run)[0]["image"].array(), unique(6))
    aged = time.time() - 2 * HOUR
    os.utime(young, (aged, aged))
    assert command("gc").strip() == "1 files, 12 B, removed"
    assert command("gc").strip() == "0 files, 0 B, removed"
    assert objects(module_store) == kept


def test_an_orphan_that_a_run_takes_up_is_garbage_no_more(module_store: Path, project: str) -> None:
    content = b"<p>" + project.encode()
    path = put_orphan(module_store, content, 5 * HOUR)
    run = start(f"{project}-run")
    run.log({"page": trackd.Html(content.decode())})
    assert read_rows(run)[0]["page"]["file"]["sha256"] == path.name
    assert json.loads(command("gc", "--json"))["removed_count"] == 0
    run.finish()
    assert path.read_bytes() == content


@pytest.mark.usefixtures("module_store")
def test_du_counts_what_a_run_takes(project: str, wait_until: WaitUntil) -> None:
    with start(f"{project}-large") as run:
        run.log({"array": np.random.default_rng(0).normal(size=100_000)})
        stored = read_run(run)
        size = stored.summary["array"]["file"]["size_bytes"]
        assert size > 800_000
    assert usage_of(stored.path)["object_bytes"] == size
    wait_until(lambda: usage_of(stored.path)["segment_bytes"] > 0, message="the run's seal")
    facts: dict[str, Any] = {}

    def agree() -> bool:  # what the daemon records by itself may be sealed between the two
        facts.update(json.loads(command("du", "--json", "--limit", "1000")))
        return usage_of(stored.path) in facts["runs"]

    wait_until(agree, message="the command and the service to say the same")
    (mine,) = [each for each in facts["runs"] if each["path"] == stored.path]
    assert (mine["object_bytes"], mine["object_count"]) == (size, 1)
    assert facts["object_bytes"] >= size
    assert set(facts) == {
        "object_bytes",
        "object_count",
        "log_bytes",
        "garbage_bytes",
        "garbage_count",
        "runs",
    }
    text = command("du", "--limit", "1")
    assert text.splitlines()[0].split() == ["POINTS", "OBJECTS", "FREED", "BY", "DELETING", "RUN"]
    assert stored.path in text.splitlines()[1]  # the largest first


def test_the_data_of_records_are_deleted_once_they_are_sealed(
    module_store: Path, project: str, wait_until: WaitUntil
) -> None:
    run = start(f"{project}-run")
    for seed in range(3):
        run.log({"image": trackd.Image(unique(10 + seed, 100))})
    assert [path for path in (module_store / "log").glob("*.data") if path.stat().st_size]
    assert len(read_rows(run)) == 3
    run.finish()
    wait_until(lambda: not list((module_store / "log").glob("*.data")), message="no data files")
    rows = read_rows(run)
    for seed, row in enumerate(rows):
        assert np.array_equal(row["image"].array(), unique(10 + seed, 100))


def kill_daemon() -> None:
    daemon = psutil.Process(get_daemon().pid)
    daemon.kill()
    daemon.wait(60)


def test_records_that_were_pending_when_the_daemon_was_killed_are_whole(store: Path) -> None:
    run = trackd.init(project="pending", id="killed", settings={"quiet": True})
    assert run.flush(60)
    for seed in range(20):
        run.log(
            {
                "large": trackd.Image(unique(seed, 200)),
                "small": trackd.Image(unique(seed, 10)),
                "number": seed,
            }
        )
    run.log(
        {
            "clip": trackd.Video(
                np.stack([np.moveaxis(unique(seed), -1, 0) for seed in range(9)]), format="mp4"
            )
        }
    )
    run.summary["weights"] = unique(99)
    kill_daemon()
    rows = read_rows(run)
    for seed, row in enumerate(rows[:20]):
        assert row["number"] == seed
        assert np.array_equal(row["large"].array(), unique(seed, 200))
        assert np.array_equal(row["small"].array(), unique(seed, 10))
    assert rows[20]["clip"]["frame_count"] == 9
    kill_daemon()  # and once more, with everything encoded and nothing sealed
    run.log({"after": trackd.Markdown("still there")})
    run.finish()
    stored = read_run(run)
    assert stored.state == "finished"
    assert np.array_equal(stored.summary["weights"].array(), unique(99))
    rows = read_rows(run)
    assert [row.get("number") for row in rows] == [*range(20), None, None]
    assert rows[21]["after"].text() == "still there"
    assert np.array_equal(rows[19]["large"].array(), unique(19, 200))
    assert stored.ingest_health["refused_count"] == 0
    assert len(objects(store)) == 42


def test_records_logged_without_a_daemon_are_encoded_by_the_next(store: Path) -> None:
    run = trackd.init(project="pending", mode="offline", settings={"quiet": True})
    run.log({"image": trackd.Image(unique(1)), "page": trackd.Html("<p>offline")})
    run.finish()
    assert not (store / "objects" / "files").exists()
    stored = trackd.Api(timeout=60).run(f"pending/{run.id}")
    (row,) = stored.scan_history()
    assert np.array_equal(row["image"].array(), unique(1))
    assert row["page"].text() == "<p>offline"


def test_a_process_that_is_killed_right_after_log_leaves_its_records(
    project: str, script: RunScript, wait_until: WaitUntil
) -> None:
    ended = script(
        """
        import os, signal
        import numpy as np
        import trackd
        run = trackd.init(id="left", settings={"quiet": True})
        pixels = np.arange(120 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(120, 100, 3)
        run.log({"image": trackd.Image(pixels), "table": trackd.Table(columns=["a"], data=[[i] for i in range(5000)])})
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert ended.returncode == -9, ended.stderr
    # A daemon that met the log only after the end of its process knows nothing of the signal.
    ends = ("killed", "crashed")
    wait_until(lambda: find_state("left", project) in ends, message="the end of the run")
    run = trackd.Api(timeout=60).run(f"{project}/left")
    (row,) = run.scan_history()
    expected: Any = np.arange(120 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(120, 100, 3)
    assert np.array_equal(row["image"].array(), expected)
    assert row["table"].get_column("a") == list(range(5000))

"""Owns the tests of reading a team server as one reads a store: by `Api` and by the command, with a key."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, clear_environment, put_object, wait_for
from tests.server.servers import Replica, Team
from tests.server.test_replication import login, run_of

import trackd

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

STEPS = 30
PRESET = {"mark": "bar", "data": {"name": "table"}, "encoding": {"x": {"field": "${field:x}"}}}


class Scene:
    """A server that has two runs of a store, and the keys of who may see them and who may not."""

    def __init__(self, team: Team, store: UploadStore, folder: Path) -> None:
        self.store = store
        self.replica: Replica = team.replicas[0]
        self.bucket_url = team.bucket_url
        team.add_member("vision", "ada")
        team.add_member("speech", "bob", "admin")
        self.key = team.add_key("ada")
        self.other_key = team.add_key("bob")
        done = login(store, self.replica.url, self.key)
        assert done.returncode == 0, done.stderr
        kept = folder / "kept.txt"
        kept.write_bytes(b"kept with the run")
        self.pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        trackd.save_preset("me/bars", PRESET, store=str(store))
        for run_id, rate in (("one", 0.1), ("two", 0.2)):
            with store.init(run_id, config={"lr": rate}, name=f"run {run_id}") as run:
                for index in range(STEPS):
                    value = math.nan if index == 7 else index / 3
                    run.log({"loss": value, "count": 2**60 + index, "word": f"w{index}"})
                run.log({"sample": trackd.Image(self.pixels), "gradients": trackd.Histogram([1.0, 2.0, 2.0])})
                words = trackd.Table(columns=["word", "n"], data=[["a", 1], ["b", 2]])
                run.log({"words": words, "chart": trackd.plot_table("me/bars", words, {"x": "word"})})
                run.save(str(kept), base_path=str(folder))
        wait_for(lambda: all(map(self.is_there, ("one", "two"))), lambda: store.log_text()[-3000:])

    def is_there(self, run_id: str) -> bool:
        """Says whether the server has a run as it ended, with its file."""
        place = f"/api/v1/projects/{PROJECT}/runs/{run_id}"
        is_ended = run_of(self.replica, self.key, run_id).get("state") == "finished"
        return is_ended and self.replica.get(f"{place}/files/kept.txt", self.key).status == 200

    def api(self, key: str | None = None) -> trackd.Api:
        """Returns a reader of the server."""
        return trackd.Api(store=self.replica.url, api_key=key or self.key)

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `trackd` with the server as the store."""
        return subprocess.run(
            [sys.executable, "-m", "trackd", *arguments, "--store", self.replica.url],
            env={**os.environ, "TRACKD_API_KEY": self.key, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def scene(
    bucket_name: str,
    s3_server: S3Server,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        url = f"s3://{bucket_name}/{uuid4().hex}"
        with Team.running(url, s3_server.endpoint_url, postgres.new_schema()) as team, UploadStore() as store:
            yield Scene(team, store, tmp_path_factory.mktemp("kept"))


def test_a_run_reads_from_the_server_as_it_reads_from_its_store(scene: Scene, tmp_path: Path) -> None:
    there, here = scene.api(), trackd.Api(store=str(scene.store))
    run, original = there.run(f"{PROJECT}/one"), here.run(f"{PROJECT}/one")
    assert run.url == f"{scene.replica.url}/p/{PROJECT}/r/one"
    for name in ("name", "state", "config", "created_at", "finished_at", "lastHistoryStep", "metadata"):
        assert getattr(run, name) == getattr(original, name), name
    numbers = {"loss": STEPS, "count": STEPS, "word": STEPS}
    assert numbers.items() <= {metric.name: metric.count for metric in run.metrics()}.items()
    assert run.metrics() == original.metrics()
    for key in numbers:
        for part, original_part in zip(run.series(key), original.series(key), strict=True):
            np.testing.assert_array_equal(part, original_part)
    rows = list(run.scan_history(["count", "word"]))
    assert [row["count"] for row in rows] == [2**60 + index for index in range(STEPS)]
    assert rows == list(original.scan_history(["count", "word"]))
    sample, words = (next(iter(run.scan_history([key])))[key] for key in ("sample", "words"))
    np.testing.assert_array_equal(sample.array(), scene.pixels)
    assert [list(row) for row in words.rows()] == [["a", 1], ["b", 2]]
    for part, original_part in zip(
        run.summary["gradients"].histogram(), original.summary["gradients"].histogram(), strict=True
    ):
        np.testing.assert_array_equal(part, original_part)
    with run.file("kept.txt").download(str(tmp_path)) as file:
        assert file.read() == "kept with the run"
    assert Path(run.export(str(tmp_path / "one.jsonl"))).read_bytes() == (
        Path(original.export(str(tmp_path / "original.jsonl"))).read_bytes()
    )


def test_a_chart_brings_along_the_preset_that_its_store_has(scene: Scene) -> None:
    assert scene.replica.get("/api/v1/presets/me/bars", scene.key).status == 404
    (row,) = scene.api().run(f"{PROJECT}/one").scan_history(["chart"])
    found = scene.replica.get(f"/api/v1/objects/{row['chart']['preset']['sha256']}", scene.key)
    assert json.loads(found.content) == PRESET


def test_runs_of_the_server_are_found_by_what_they_hold(scene: Scene) -> None:
    api = scene.api()
    assert [project.name for project in api.projects()] == [PROJECT]
    assert [run.id for run in api.runs(PROJECT, order="config.lr")] == ["one", "two"]
    assert [run.id for run in api.runs(PROJECT, {"config.lr": {"$gt": 0.15}})] == ["two"]
    difference = api.run(f"{PROJECT}/one").compare(api.run(f"{PROJECT}/two"))
    assert difference.config["lr"] == (0.1, 0.2)


def test_edits_are_seen_by_everyone_and_what_a_server_does_not_take_is_said(scene: Scene) -> None:
    run = scene.api().run(f"{PROJECT}/two")
    run.notes, run.config["reviewed"] = "looked at", True
    run.summary["best"] = 0.5
    run.update()
    again = scene.api().run(f"{PROJECT}/two")
    assert (again.notes, again.config["reviewed"], again.summary["best"]) == ("looked at", True, 0.5)
    run.summary["weights"] = np.zeros(1000)
    with pytest.raises(trackd.CommError, match="a team server keeps numbers, texts and lists"):
        run.summary.update()
    run = scene.api().run(f"{PROJECT}/two")
    run.summary["weights"] = np.zeros(100_000)
    with pytest.raises(trackd.CommError, match="does not do that: it takes a store of this machine"):
        run.summary.update()


def pull(scene: Scene, store: UploadStore, *path: str, key: str = "") -> subprocess.CompletedProcess[str]:
    """Copies runs of the server into a store of one's own."""
    return subprocess.run(
        [sys.executable, "-m", "trackd", "pull", scene.replica.url, *path, "--store", str(store)],
        env={**os.environ, "TRACKD_API_KEY": key or scene.key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_runs_are_copied_from_the_server_whole(scene: Scene, tmp_path: Path) -> None:
    edited = scene.api().run(f"{PROJECT}/one")
    edited.tags = ["seen"]
    edited.update()
    with UploadStore() as mine:
        done = pull(scene, mine, f"{PROJECT}/one")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("1 run is here; ")
        copy, original = trackd.Api(store=str(mine)).run(f"{PROJECT}/one"), scene.api().run(f"{PROJECT}/one")
        assert (copy.tags, copy.state, copy.config) == (["seen"], "finished", original.config)
        assert list(copy.scan_history(["count", "word"])) == list(original.scan_history(["count", "word"]))
        np.testing.assert_array_equal(
            next(iter(copy.scan_history(["sample"])))["sample"].array(), scene.pixels
        )
        with copy.file("kept.txt").download(str(tmp_path)) as file:
            assert file.read() == "kept with the run"
        # What is here is not copied again, and the rest comes.
        again = pull(scene, mine, PROJECT, "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["run_count"] == 2
        assert pull(scene, mine).stdout == "2 runs are here; 0 B copied\n"
        # The key is nowhere in the store.
        holders = [
            path
            for path in mine.folder.rglob("*")
            if path.is_file() and scene.key.encode() in path.read_bytes()
        ]
        assert holders == []


def test_what_cannot_be_copied_is_said_in_one_sentence(scene: Scene) -> None:
    with UploadStore() as mine:
        refused = pull(scene, mine, PROJECT, key=scene.other_key)
        assert (refused.returncode, "has no run" in refused.stderr) == (1, True), refused.stderr
        refused = pull(scene, mine, f"{PROJECT}/one", key=scene.other_key)
        assert (refused.returncode, "has no run" in refused.stderr) == (1, True), refused.stderr
        wrong = pull(scene, mine, key="tk_wrong")
        assert (wrong.returncode, "refuses the key" in wrong.stderr) == (1, True), wrong.stderr
        none = pull(scene, mine, key=" ")
        assert (none.returncode, "there is no key for" in none.stderr) == (1, True), none.stderr
        assert list(trackd.Api(store=str(mine)).runs()) == []


def test_a_file_that_was_altered_in_the_bucket_is_not_taken_over(scene: Scene, raw: S3Client) -> None:
    sha256 = hashlib.sha256(b"kept with the run").hexdigest()
    name = f"files/{sha256[:2]}/{sha256}"
    put_object(raw, scene.bucket_url, name, b"kept with another")
    try:
        with UploadStore() as mine:
            done = pull(scene, mine, f"{PROJECT}/one")
            assert (done.returncode, "was altered in the bucket" in done.stderr) == (1, True), done.stderr
            assert list(trackd.Api(store=str(mine)).runs()) == []
    finally:
        put_object(raw, scene.bucket_url, name, b"kept with the run")


def test_a_key_is_needed_and_shows_what_its_user_may_see(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = scene.replica.url
    monkeypatch.setenv("TRACKD_STORE", str(tmp_path / "none"))
    with pytest.raises(trackd.Error, match=f"no key for {url}: make one on its page, under Settings"):
        trackd.Api(store=url).projects()
    for key, words in (
        ("tk_wrong", "refuses the key: "),
        (scene.key[:-1] + ("a" if scene.key[-1] != "a" else "b"), "refuses the key: "),
    ):
        with pytest.raises(trackd.CommError, match=words):
            trackd.Api(store=url, api_key=key).projects()
    other = scene.api(scene.other_key)
    assert other.projects() == []
    with pytest.raises(trackd.CommError, match="run 'one' is not in project"):
        other.run(f"{PROJECT}/one")
    # That of the environment, and the one that a login has kept in the store.
    monkeypatch.setenv("TRACKD_API_KEY", scene.other_key)
    assert trackd.Api(store=url).projects() == []
    monkeypatch.delenv("TRACKD_API_KEY")
    monkeypatch.setenv("TRACKD_STORE", str(scene.store))
    assert [project.name for project in trackd.Api(store=url).projects()] == [PROJECT]
    # A server may be the store of the environment, too.
    monkeypatch.setenv("TRACKD_STORE", url)
    monkeypatch.setenv("TRACKD_API_KEY", scene.key)
    assert trackd.Api().run(f"{PROJECT}/one").config["lr"] == 0.1
    with pytest.raises(ValueError, match="a team server, which can only be read: log into a local store"):
        trackd.init(project=PROJECT, settings={"quiet": True})


def test_a_server_that_is_started_again_goes_on_being_read(scene: Scene) -> None:
    api = scene.api()
    assert len(api.runs(PROJECT)) == 2
    scene.replica.kill()
    # What is asked while nobody is there is answered as soon as somebody is.
    found: list[int] = []
    asking = threading.Thread(target=lambda: found.append(len(api.runs(PROJECT))))
    asking.start()
    scene.replica.start()
    asking.join(60)
    assert found == [2]
    api = trackd.Api(store=scene.replica.url, api_key=scene.key, timeout=3)
    assert len(api.runs(PROJECT)) == 2
    scene.replica.kill()
    try:
        with pytest.raises(trackd.CommError, match=f"the server {scene.replica.url} does not answer"):
            api.projects()
        with pytest.raises(trackd.CommError, match=f"{scene.replica.url} cannot be reached"):
            scene.api().projects()
    finally:
        scene.replica.start()


def test_the_command_reads_a_server_and_says_what_it_cannot_do_there(scene: Scene, tmp_path: Path) -> None:
    runs = scene.command("runs", PROJECT, "--json")
    assert runs.returncode == 0, runs.stderr
    assert {run["run_id"] for run in json.loads(runs.stdout)} == {"one", "two"}
    shown = scene.command("show", f"{PROJECT}/one", "--json")
    assert json.loads(shown.stdout)["config"] == {"lr": 0.1}
    compared = scene.command("compare", f"{PROJECT}/one", f"{PROJECT}/two")
    assert "lr: 0.1 -> 0.2" in compared.stdout
    exported = scene.command("export", f"{PROJECT}/one", "--output", "-", "--format", "jsonl")
    assert len(exported.stdout.splitlines()) == STEPS + 2
    page = tmp_path / "one.html"
    written = scene.command("export", f"{PROJECT}/one", "--html", str(page))
    assert written.returncode == 0, written.stderr
    assert "run one" in page.read_text(encoding="utf-8")
    assert scene.command("logs", f"{PROJECT}/one").returncode == 0
    assert scene.command("ui", "--print").stdout == f"{scene.replica.url}\n"
    for command in (["up"], ["status"], ["du"], ["log", "loss=1", "--run", "p/r"], ["upload"], ["doctor"]):
        done = scene.command(*command)
        assert done.returncode == 1, command
        assert f"{scene.replica.url} is a team server, which this command has nothing to do with" in (
            done.stderr
        ), command
    refused = scene.command("runs", TRACKD_API_KEY="tk_wrong")
    assert refused.returncode == 1
    assert "refuses the key" in refused.stderr

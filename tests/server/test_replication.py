"""Owns the tests of the way of a run from a daemon to a team server: by a key, live, and again after whatever fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from tests.s3.uploading import PROJECT, BucketContent, UploadStore, delete_objects, row, wait_for
from tests.server.servers import Replica, Team

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

STEPS = 40


def login(store: UploadStore, url: str, key: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trackd", "login", url, "--store", str(store.folder), *options],
        input=key + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_of(replica: Replica, key: str, run_id: str, project: str = PROJECT) -> dict[str, Any]:
    found = replica.get(f"/api/v1/projects/{project}/runs/{run_id}", key)
    return found.json if found.status == 200 else {}


def test_a_run_goes_live_to_the_server_and_is_seen_there_whole(
    team: Team, store: UploadStore, tmp_path: Path
) -> None:
    team.add_member("vision", "ada")
    key = team.add_key("ada")
    (replica,) = team.replicas
    done = login(store, replica.url, key)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"runs are uploaded to {replica.url}, changes within 5 s\n"
    run = store.init("one")
    kept = tmp_path / "kept.txt"
    kept.write_bytes(b"kept with the run")
    for index in range(STEPS):
        run.log(row(index))
    # Before its end it is there already.
    wait_for(lambda: run_of(replica, key, "one").get("next_step") == STEPS, "the live run")
    assert run_of(replica, key, "one")["state"] == "running"
    run.save(str(kept), base_path=str(tmp_path))
    run.finish()
    wait_for(lambda: run_of(replica, key, "one").get("state") == "finished", "its end")
    place = f"/api/v1/projects/{PROJECT}/runs/one"
    wait_for(lambda: replica.get(f"{place}/files/kept.txt", key).content == kept.read_bytes(), "its file")
    series = replica.ask(
        "POST", "/api/v1/series:query", key, {"series": [{"project": PROJECT, "run": "one", "key": "loss"}]}
    )
    assert series.status == 200
    exported = replica.get(f"{place}/export?format=jsonl", key).content.splitlines()
    assert len(exported) == STEPS
    # The key stands in its own file alone.
    holders = [
        path for path in store.folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()
    ]
    assert [path.name for path in holders] == ["server_keys.json"]
    assert holders[0].stat().st_mode & 0o777 == 0o600


def test_what_a_server_has_lost_or_cleared_away_is_sent_again_by_the_daemon_that_has_it(
    team: Team, store: UploadStore, raw: S3Client, tmp_path: Path
) -> None:
    team.add_member("vision", "ada")
    key = team.add_key("ada")
    (replica,) = team.replicas
    assert login(store, replica.url, key).returncode == 0
    run = store.init("one")
    kept = tmp_path / "kept.txt"
    kept.write_bytes(b"kept with the run")
    run.save(str(kept), base_path=str(tmp_path))
    for index in range(STEPS):
        run.log(row(index))
    file = f"/api/v1/projects/{PROJECT}/runs/one/files/kept.txt"
    wait_for(lambda: run_of(replica, key, "one").get("next_step") == STEPS, "the live run")
    wait_for(lambda: replica.get(file, key).content == kept.read_bytes(), "its file")
    # As if its files had been put, and their manifest never came, until they were cleared away.
    replica.stop()
    with psycopg.connect(team.catalog_url, autocommit=True) as connection:
        connection.execute("DELETE FROM runs")
    delete_objects(raw, team.bucket_url, *BucketContent.read(raw, team.bucket_url).objects)
    replica.start()
    for index in range(STEPS, 2 * STEPS):
        run.log(row(index))
    run.finish()
    wait_for(lambda: run_of(replica, key, "one").get("state") == "finished", lambda: store.log_text()[-3000:])
    exported = replica.get(
        f"/api/v1/projects/{PROJECT}/runs/one/export?format=jsonl", key
    ).content.splitlines()
    assert len(exported) == 2 * STEPS
    wait_for(lambda: replica.get(file, key).content == kept.read_bytes(), "its file, again")
    assert "are not in the bucket, or were not put there" in store.log_text()

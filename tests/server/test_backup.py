"""Owns the tests of a team server whose catalog is lost and restored while its replicas and its daemons go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
from tests.s3.uploading import UploadStore, row, wait_for
from tests.server.servers import Replica, Team
from tests.server.test_replication import login, run_of


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "trackd_service.catalog_command", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lose(catalog_url: str) -> None:
    """Makes the database empty, as it is where its disk was lost and it was made anew."""
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        (schema,) = connection.execute("SELECT current_schema()").fetchone() or ("",)
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE; CREATE SCHEMA "{schema}"'.encode())


def log_run(store: UploadStore, run_id: str, steps: int) -> None:
    run = store.init(run_id)
    for index in range(steps):
        run.log(row(index))
    run.finish()


def is_whole(replica: Replica, key: str, run_id: str, steps: int) -> bool:
    found = run_of(replica, key, run_id)
    return found.get("state") == "finished" and found["next_step"] == steps


def test_a_server_whose_catalog_was_restored_goes_on_with_what_the_backup_has_and_takes_the_rest_again(
    team: Team, store: UploadStore, tmp_path: Path
) -> None:
    team.add_member("vision", "ada")
    key = team.add_key("ada")
    (replica,) = team.replicas
    assert login(store, replica.url, key).returncode == 0
    log_run(store, "before", 40)
    wait_for(lambda: is_whole(replica, key, "before", 40), "the first run")
    backup = str(tmp_path / "backup")
    command("backup", "--catalog", team.catalog_url, backup)
    log_run(store, "behind", 30)
    wait_for(lambda: is_whole(replica, key, "behind", 30), "the second run")

    lose(team.catalog_url)
    wait_for(lambda: replica.get("/ready").status == 503, "the word that the catalog is gone")
    command("restore", "--catalog", team.catalog_url, backup)
    wait_for(lambda: replica.get("/ready").status == 200, "the replica to go on")
    # Key, people and run are those of the backup; what came behind it is gone from the page.
    assert is_whole(replica, key, "before", 40)
    wait_for(lambda: run_of(replica, key, "behind") == {}, "the second run to go")
    exported = replica.get("/api/v1/projects/upload/runs/before/export?format=jsonl", key)
    assert len(exported.content.splitlines()) == 40
    # It is on the machine that has sent it, whose daemon is told that this is another catalog, and tells of everything again.
    store.sync()
    log_run(store, "later", 20)
    for run_id, steps in (("behind", 30), ("later", 20), ("before", 40)):
        wait_for(lambda run_id=run_id, steps=steps: is_whole(replica, key, run_id, steps), run_id)  # type: ignore[misc]
    exported = replica.get("/api/v1/projects/upload/runs/behind/export?format=jsonl", key)
    assert len(exported.content.splitlines()) == 30
    assert "it is told of all runs again" in store.log_text()

"""Owns the tests of how a server is reached and refused: TLS, addresses, keys that are of no use, and what a login says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, wait_for
from tests.server.servers import Team
from tests.server.test_replication import login, run_of

import trackd

OPENSSL = (
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
)
NAMES = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


def test_a_server_with_tls_takes_runs_and_nobody_else_is_taken_for_it(
    bucket_name: str,
    s3_server: S3Server,
    postgres: PostgresServer,
    store: UploadStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [*OPENSSL, *NAMES, "-keyout", private, "-out", certificate],
        check=True,
        capture_output=True,
    )
    options: tuple[str, ...] = (
        "--tls-certificate",
        str(certificate),
        "--tls-key",
        str(private),
        "--host",
        "0.0.0.0",
    )
    place = f"s3://{bucket_name}/{uuid4().hex}"
    options = (*options, "--url", "https://localhost")
    schema = postgres.new_schema()
    with Team.running(place, s3_server.endpoint_url, schema, 1, options, certificate) as team:
        team.add_member("vision", "ada")
        key = team.add_key("ada")
        (replica,) = team.replicas
        refused = login(store, replica.url, key)
        assert refused.returncode == 1
        assert "cannot be reached" in refused.stderr
        assert "certificate" in refused.stderr
        assert not (store.folder / "server_keys.json").exists()
        for unreadable in (tmp_path / "none.pem", store.folder / "endpoint.json"):
            refused = login(store, replica.url, key, "--ca", str(unreadable))
            assert refused.returncode == 1
            assert f"the authorities in {unreadable} cannot be read: " in refused.stderr
        done = login(store, replica.url, key, "--ca", str(certificate))
        assert done.returncode == 0, done.stderr
        store.log_run("one")
        wait_for(lambda: run_of(replica, key, "one").get("state") == "finished", "the run")
        with pytest.raises(trackd.CommError, match=r"cannot be reached.*certificate"):
            trackd.Api(store=replica.url, api_key=key).projects()
        # The login has kept the key, and the authorities that the server is checked against.
        monkeypatch.setenv("TRACKD_STORE", str(store))
        assert trackd.Api(store=replica.url).run(f"{PROJECT}/one").state == "finished"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "would listen on 0.0.0.0 without TLS"),
        (["--tls-certificate", "c.pem"], "a certificate and its key belong together"),
        (["--behind-proxy", "x y"], "--behind-proxy is 'x y'"),
        (["--url", "trackd.example"], "--url is 'trackd.example'"),
        (["--store", "gs://x"], "s3://"),
        (["--catalog", "sqlite:x"], "must be a database, as postgresql://USER@HOST/NAME"),
        (["--catalog", "postgresql://nobody@127.0.0.1:1/none"], "the catalog's database cannot be asked"),
    ],
)
def test_what_no_server_can_be_run_with_is_said_in_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "trackd",
                "server",
                "--store",
                "s3://a-bucket",
                "--catalog",
                "postgresql://x@localhost/x",
            ),
            *("--cache", str(tmp_path), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_login_says_what_is_wrong(team: Team, store: UploadStore) -> None:
    (replica,) = team.replicas
    team.add_user("carl")
    team.add_member("vision", "ada")
    key = team.add_key("ada")
    mistyped = key[:-1] + ("a" if key[-1] != "a" else "b")
    for url, given, options, sentence in (
        (replica.url, mistyped, (), "the key is mistyped"),
        (replica.url, team.add_key("carl"), (), "user carl is a writer of no team"),
        (
            replica.url,
            team.add_key("ada", "--scope", "read"),
            (),
            "the key is of scope read: make one of scope write",
        ),
        (replica.url, key, ("--team", "speech"), "is no writer of team 'speech'"),
        (replica.url, "", (), "the key is empty"),
        ("http://trackd.example", key, (), "would be sent the key as it is"),
        ("ftp://trackd.example", key, (), "is no address of a server"),
        ("http://127.0.0.1:1", key, (), "cannot be reached"),
        (f"http://127.0.0.1:{replica.grpc_port}", key, (), "http://127.0.0.1:"),
    ):
        done = login(store, url, given, *options)
        assert done.returncode == 1, (sentence, done)
        assert sentence in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert store.status().state == "off"


def logout(store: UploadStore) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trackd", "logout", "--store", str(store.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_that_is_revoked_stops_the_sending_and_a_new_one_goes_on(
    team: Team, store: UploadStore
) -> None:
    (replica,) = team.replicas
    team.add_member("vision", "ada")
    key = team.add_key("ada")
    assert login(store, replica.url, key).returncode == 0
    store.log_run("one")
    wait_for(lambda: run_of(replica, key, "one").get("state") == "finished", "the run")
    team.command("revoke-key", key[len("trk_") :][:12])
    store.log_run("two")
    wait_for(lambda: store.status().state == "stopped", "the word of it")
    assert "revoked" in store.status().sentence
    other = team.add_key("ada")
    assert login(store, replica.url, other).returncode == 0
    wait_for(lambda: run_of(replica, other, "two").get("state") == "finished", "the other run")
    done = logout(store)
    assert done.returncode == 0, done.stderr
    assert "its key is forgotten here" in done.stdout
    assert other not in (store.folder / "server_keys.json").read_text()


def test_a_project_of_another_team_is_refused_and_holds_up_no_other(team: Team, store: UploadStore) -> None:
    (replica,) = team.replicas
    team.add_member("vision", "ada")
    team.add_member("speech", "bob")
    keys = team.add_key("ada"), team.add_key("bob")
    with UploadStore() as other:
        assert login(other, replica.url, keys[1]).returncode == 0
        other.log_run("theirs", project="speech-project")
        wait_for(
            lambda: run_of(replica, keys[1], "theirs", "speech-project").get("state") == "finished",
            "the other run",
        )
    assert login(store, replica.url, keys[0]).returncode == 0
    store.log_run("mine", project="speech-project")
    store.log_run("own", project="vision-project")
    wait_for(
        lambda: run_of(replica, keys[0], "own", "vision-project").get("state") == "finished", "the own run"
    )
    wait_for(lambda: store.status().state == "stopped", "the word of the refusal")
    assert "speech-project" in store.status().sentence
    assert run_of(replica, keys[1], "mine", "speech-project") == {}


def test_who_asks_too_much_and_who_keeps_too_much_is_told_and_others_go_on(
    bucket_name: str, s3_server: S3Server, postgres: PostgresServer, store: UploadStore
) -> None:
    options = ("--requests-per-second", "10", "--team-quota-gb", "0.0001")
    place = f"s3://{bucket_name}/{uuid4().hex}"
    with Team.running(place, s3_server.endpoint_url, postgres.new_schema(), 1, options) as team:
        (replica,) = team.replicas
        team.add_member("vision", "ada")
        team.add_member("speech", "bob")
        key, other = team.add_key("ada"), team.add_key("bob")
        # Ten seconds' worth at once are answered, and then as many as it says.
        assert [replica.get("/api/v1/projects", key).status for _ in range(100)] == [200] * 100
        asked = (replica.get("/api/v1/projects", key) for _ in range(2_000))
        refused = next(answer for answer in asked if answer.status != 200)
        assert refused.status == 429
        assert refused.json["error"]["reason"] == "TOO_MANY_REQUESTS"
        assert replica.get("/api/v1/projects", other).status == 200
        assert login(store, replica.url, other).returncode == 0
        store.log_run("small")
        wait_for(lambda: run_of(replica, other, "small").get("state") == "finished", "the small run")
        with store.init("large") as run:
            kept = store.folder / "large.bin"
            kept.write_bytes(os.urandom(200_000))
            run.save(str(kept), base_path=str(store.folder))
        wait_for(lambda: "has used" in store.status().sentence, "the word of the quota")
        assert "team 'speech' has used" in store.status().sentence
        # Its points are there; the file that has no room waits.
        wait_for(lambda: run_of(replica, other, "large").get("state") == "finished", "the large run's points")

"""Owns the test of what a team server says of a run whose machine is gone, and of the same run when it is back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from uuid import uuid4

from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, wait_for
from tests.server.servers import Team
from tests.server.test_replication import login, run_of

import trackd

TRAINING = """
import json, sys, time, trackd
store, project = json.loads(sys.argv[1])
run = trackd.init(project=project, id="one", settings={"store": store, "quiet": True})
while True:
    run.log({"loss": 1.0})
    time.sleep(0.05)
"""


def test_a_run_whose_machine_is_gone_is_stalled_and_ends_as_it_did_once_that_is_back(
    bucket_name: str, s3_server: S3Server, postgres: PostgresServer, store: UploadStore
) -> None:
    url = f"s3://{bucket_name}/{uuid4().hex}"
    # Shorter than a quiet run would bear, which says a word once a minute.
    options = ("--lost-after", "4")
    with Team.running(url, s3_server.endpoint_url, postgres.new_schema(), options=options) as team:
        (replica,) = team.replicas
        team.add_member("vision", "ada")
        key = team.add_key("ada")
        assert login(store, replica.url, key).returncode == 0
        arguments = json.dumps([str(store), PROJECT])
        with subprocess.Popen([sys.executable, "-c", TRAINING, arguments]) as training:
            try:
                wait_for(lambda: run_of(replica, key, "one").get("next_step", 0) > 5, "the live run")
                assert not run_of(replica, key, "one")["stalled"]
            finally:
                # All at one moment, as the machine would: the daemon must not tell of the end, nor the program start another.
                os.kill(store.pid, signal.SIGSTOP)
                training.kill()
                store.kill()
        wait_for(lambda: run_of(replica, key, "one").get("stalled"), lambda: replica.log.read_text()[-3000:])
        found = trackd.Api(store=replica.url, api_key=key).run(f"{PROJECT}/one")
        assert (found.state, found.stalled, found.finished_at) == ("running", True, None)
        host = found.writers[0]["host"]
        assert found.end_reason.startswith(f"nothing was heard of {host} after ")
        assert "nothing was heard for 4 s of a machine that writes" in replica.log.read_text()
        store.start()
        wait_for(
            lambda: run_of(replica, key, "one").get("state") == "crashed", lambda: store.log_text()[-3000:]
        )
        found = found.load()
        assert not found.stalled
        assert "nothing was heard" not in found.end_reason

"""Owns the tests of what a replica tells those who look after it: metrics, and lines of a log."""

from __future__ import annotations

import json
from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import UploadStore, row, wait_for
from tests.server.servers import Replica, Team
from tests.server.test_replication import login, run_of


def metrics(replica: Replica, key: str) -> dict[tuple[str, str], float]:
    """Returns the value of each series of a replica by its name and its labels, as text."""
    answer = replica.get("/metrics", key)
    assert answer.status == 200
    return {
        (
            sample.name,
            ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_a_replica_tells_of_what_came_in_and_logs_one_document_a_line(
    bucket_name: str, s3_server: S3Server, postgres: PostgresServer, store: UploadStore
) -> None:
    url = f"s3://{bucket_name}/{uuid4().hex}"
    options = ("--log-format", "json")
    with Team.running(url, s3_server.endpoint_url, postgres.new_schema(), options=options) as team:
        (replica,) = team.replicas
        team.add_user("root", "--admin")
        team.add_member("vision", "ada")
        key, admin = team.add_key("ada"), team.add_key("root", "--scope", "read")
        assert login(store, replica.url, key).returncode == 0
        run = store.init("one")
        for index in range(40):
            run.log(row(index))
        run.finish()
        wait_for(lambda: run_of(replica, key, "one").get("state") == "finished", "the run")
        assert replica.get("/metrics", key).status == 401
        assert replica.get("/metrics").status == 401
        found = metrics(replica, admin)
        route = "/api/v1/projects/{project}/runs/{run}"
        assert found["trackd_requests_total", f"face=http,route={route},status=200"] >= 1
        assert found["trackd_request_duration_seconds_count", f"face=http,route={route}"] >= 1
        call = "/trackd.v1.ReplicationService/CommitRun"
        assert found["trackd_requests_total", f"face=grpc,route={call},status=OK"] >= 1
        assert found["trackd_commits_total", ""] >= 1
        assert found["trackd_signed_files_total", ""] >= 2
        assert found["trackd_signed_bytes_total", ""] > 100
        assert found["trackd_ready", ""] == 1
        assert 0 <= found["trackd_feed_lag_seconds", ""] < 10
        assert found["trackd_database_connections", ""] >= 1
        wait_for(lambda: metrics(replica, admin)["trackd_runs", ""] == 1, "the run to be counted")
        assert not [labels for _, labels in found if "upload" in labels]  # the project's name
        assert replica.stop() == 0
        lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
        assert {"time", "level", "logger", "message"} <= lines[0].keys()
        assert [line["message"] for line in lines if line["logger"] == "trackd.server"][-1] == "ended"
        assert key not in replica.log.read_text()

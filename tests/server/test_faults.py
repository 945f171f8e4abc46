"""Owns the tests of what a team server and its daemons survive: dead replicas, a database and a bucket that stop."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, wait_for
from tests.server.servers import Replica, Team
from tests.server.test_replication import login, run_of

import trackd

STEPS = 60  # of one stage
PATIENCE_SECONDS = 150.0


def steps_of(replica: Replica, key: str, run_id: str) -> list[int]:
    """Returns the values of a run's metric as the server has them."""
    answer = replica.get(f"/api/v1/projects/{PROJECT}/runs/{run_id}/export?format=jsonl", key)
    return [json.loads(line)["value"] for line in answer.content.splitlines()] if answer.status == 200 else []


@contextlib.contextmanager
def stores(count: int) -> Iterator[list[UploadStore]]:
    with contextlib.ExitStack() as held:
        yield [held.enter_context(UploadStore()) for _ in range(count)]


@pytest.mark.timeout(900)
def test_nothing_is_lost_and_nothing_twice_while_parts_of_the_server_die(
    bucket_name: str, s3_server: S3Server
) -> None:
    with (
        PostgresServer.running() as postgres,
        Team.running(
            f"s3://{bucket_name}/{uuid4().hex}", s3_server.endpoint_url, postgres.new_schema(), 3
        ) as team,
        stores(2) as own,
    ):
        team.add_member("vision", "ada")
        key = team.add_key("ada")
        for store in own:
            assert login(store, team.replicas[0].url, key).returncode == 0
        runs = [store.init(f"run-{place}") for place, store in enumerate(own)]
        logged = 0

        def log() -> None:
            nonlocal logged
            for value in range(logged, logged + STEPS):
                for run in runs:
                    run.log({"value": value})
            logged += STEPS

        def is_at(replica: Replica, **expected: Any) -> bool:
            found = [run_of(replica, key, f"run-{place}") for place in range(len(runs))]
            return all(each.get(name) == value for each in found for name, value in expected.items())

        def found() -> list[object]:
            told = [store.status() for store in own]
            here = [
                (run.state, run.id) for store in own for run in trackd.Api(store=str(store)).runs(PROJECT)
            ]
            there = [run_of(replica, key, run.id) for replica in team.replicas for run in runs]
            return [*told, *here, *((run.get("state"), run.get("next_step")) for run in there)]

        first, second, third = team.replicas
        log()
        wait_for(lambda: is_at(third, next_step=logged), "the first rows", PATIENCE_SECONDS)
        first.kill()
        log()
        wait_for(lambda: is_at(third, next_step=logged), "rows past a dead replica", PATIENCE_SECONDS)
        postgres.stop("immediate")
        log()
        wait_for(
            lambda: all(store.status().state == "waiting" for store in own),
            "the word of it",
            PATIENCE_SECONDS,
        )
        assert second.get("/health").status == 200
        wait_for(
            lambda: second.get("/ready").status == 503, "the word that it is not ready", PATIENCE_SECONDS
        )
        postgres.start()
        wait_for(lambda: is_at(third, next_step=logged), "rows past a stop of the database", PATIENCE_SECONDS)
        second.kill()
        first.start()
        log()
        for run in runs:
            run.finish()
        second.start()
        for replica in team.replicas:
            wait_for(
                lambda: is_at(replica, state="finished"),  # noqa: B023 - called at once
                lambda: f"the end: {found()} {replica.log.read_text()[-1500:]}",  # noqa: B023
                PATIENCE_SECONDS,
            )
            for place in range(len(runs)):
                assert steps_of(replica, key, f"run-{place}") == list(range(logged))


def test_a_replica_that_is_told_to_stop_ends_well(team: Team) -> None:
    assert team.replicas[0].stop() == 0
    assert "ended" in team.replicas[0].log.read_text()


def test_two_replicas_never_share_a_cache(team: Team) -> None:
    other = Replica(team, "replica-0", [])
    with pytest.raises(AssertionError, match="another replica uses the cache"):
        other.start()

"""Several stores over one PostgreSQL catalog and one bucket: all show what a daemon has sent, and what fails, passes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.postgres_server import PostgresServer
from tests.s3.replicas import manifests_of, replicas, send, until
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, clear_environment, row

from trackd_service.bucket_requests import Bucket
from trackd_service.received_runs import add_edit, combine
from trackd_service.records import Update
from trackd_service.runs import Run
from trackd_service.sent_runs import SentRuns

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

STEPS = 40


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


def test_what_a_daemon_has_sent_is_shown_by_all_replicas_through_a_stop_of_the_database(
    bucket_url: str, s3_server: S3Server, raw: S3Client, tmp_path: Path
) -> None:
    with UploadStore(bucket_url, s3_server.endpoint_url) as store:
        run = store.init("one")
        for index in range(STEPS):
            run.log(row(index))
        run.finish()
        store.wait_whole(raw, bucket_url, "one")
    (sent,) = manifests_of(raw, bucket_url)
    bucket = Bucket.parse(bucket_url, s3_server.endpoint_url, "", "")

    async def work(server: PostgresServer) -> None:
        url = server.new_schema()
        async with replicas(url, bucket, tmp_path / "replicas", 3) as shown:
            first, second, third = shown
            await until(lambda: all(each.replica._since for each in shown), "the first looks")
            assert await asyncio.to_thread(send, first.catalog, sent)
            await until(lambda: all(("one", "finished") in each.changed for each in shown), "the news")
            for each in shown:
                found = await each.query.run(PROJECT, "one")
                assert found.run.next_step == STEPS
                counts = [count for count, _, _ in found.metrics().values()]
                assert sum(counts) == sum(segment.row.point_count for segment in sent.segments)
            # The database stops while a person changes the run, and the replicas go on when it is back.
            await asyncio.to_thread(server.stop)
            await until(lambda: all(each.replica.sentence for each in shown), "the word of it")
            assert (await second.query.run(PROJECT, "one")).run.next_step == STEPS
            await asyncio.to_thread(server.start)
            await until(lambda: not any(each.replica.sentence for each in shown), "its end")
            edited = await asyncio.to_thread(
                SentRuns(second.catalog).edit,
                PROJECT,
                "one",
                lambda edits: add_edit(edits, Update(name="the best")),
                combine,
            )
            assert edited

            def names() -> list[str]:
                runs: list[Run] = [run for each in shown for run in each.store.in_memory()]
                return [run.name for run in runs]

            await until(lambda: names() == ["the best"] * 3, "the new name")
            await asyncio.to_thread(SentRuns(third.catalog).delete, PROJECT, "one", 1)
            await until(lambda: all(each.deleted == ["one"] for each in shown), "the deletion")
            assert not await asyncio.to_thread(send, first.catalog, sent)

    with PostgresServer.running() as server:
        asyncio.run(work(server))

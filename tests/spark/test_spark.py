"""Runs the Spark program of `docs/open_format.md`, word for word, against runs whose every value is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.s3.s3_servers import S3Server
from tests.spark.bucket_runs import (
    START_TIME,
    STEP_NANOSECONDS,
    Answers,
    Vision,
    blocks,
    environment,
    run_blocks,
)

from trackd_service.buckets import Bucket, BucketStore

BUCKET = "spark-tests"
# Two tasks at a time, nothing that listens beyond this machine, and no more memory than the trial needs.
SUBMIT_ARGUMENTS = (
    "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1 "
    "--conf spark.driver.host=127.0.0.1 --conf spark.sql.shuffle.partitions=2 pyspark-shell"
)


@pytest.fixture(scope="module")
def store(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketStore]:
    s3_server.make_bucket(BUCKET)
    bucket = Bucket.parse(f"s3://{BUCKET}/team/trackd", s3_server.endpoint_url)
    store = BucketStore(bucket, scratch=tmp_path_factory.mktemp("scratch"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (*s3_server.environment.items(), *environment(store)):
            patch.setenv(name, value)
        patch.setenv("PYSPARK_SUBMIT_ARGS", SUBMIT_ARGUMENTS)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # An empty token is none; pyarrow would send it.
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        yield store
        store.close()


@pytest.fixture(scope="module")
def vision(store: BucketStore, tmp_path_factory: pytest.TempPathFactory) -> Vision:
    return Vision(store, tmp_path_factory.mktemp("segments"))


@pytest.fixture(scope="module")
def spark(vision: Vision) -> Iterator[Any]:
    assert vision.runs
    session = run_blocks("Where the bucket is", "Spark")["spark"]
    yield session
    session.stop()


def ask(spark: Any) -> Answers:
    tables = [spark.sql(query).toArrow() for query in blocks("Three questions in SQL", "sql")]
    return Answers(*([tuple(row.values()) for row in table.to_pylist()] for table in tables))


@pytest.mark.timeout(300)
def test_spark_answers_the_documents_questions(spark: Any, vision: Vision) -> None:
    vision.check(ask(spark))


@pytest.mark.timeout(300)
def test_spark_sees_what_was_uploaded_a_moment_ago(spark: Any, vision: Vision) -> None:
    vision.merge()
    names = run_blocks("Where the bucket is", "Spark")
    listed = {path for path, _, _ in names["files"]}
    assert listed == {f"{names['root']}/{file}" for run in vision.runs[:3] for file in run.files}
    vision.check(ask(spark))


@pytest.mark.timeout(300)
def test_spark_reads_a_copy_as_the_document_says(
    spark: Any, store: BucketStore, vision: Vision, tmp_path: Path
) -> None:
    for name in vision.runs[0].files:
        store.fetch_file(name, tmp_path / name.replace("/", "-"))
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    points = (
        spark.read.parquet(str(tmp_path)).where("metric = 'val/loss' AND kind = 'number'").orderBy("step")
    )
    times = [row["time"] for row in points.select("time").collect()]
    assert times == [START_TIME + step * STEP_NANOSECONDS for step in range(len(times))]
    assert len(times) == vision.step_count

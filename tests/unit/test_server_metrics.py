import contextlib
import threading
from typing import get_args

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from tests.postgres_server import PostgresServer

from trackd_service.bucket_requests import Kind
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.server_metrics import ServerMetrics, State


def read(metrics: ServerMetrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    content, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def value(metrics: ServerMetrics, name: str, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))


def test_what_was_counted_is_told_by_its_labels() -> None:
    metrics = ServerMetrics("1.2.3", State)
    route = "/api/v1/projects/{project}"
    metrics.observe_request("http", route, 200, 0.03)
    metrics.observe_request("http", route, 200, 0.3)
    metrics.observe_request("http", route, 404, 3)
    metrics.observe_request("grpc", "/trackd.v1.ReplicationService/CommitRun", "UNAVAILABLE", 0.2)
    metrics.observe_request("http", "/api/v1/live", 101)
    metrics.note_commit(1000)
    metrics.note_commit(500)
    metrics.note_signed(3, 10_000)
    metrics.note_bucket_failure("denied")
    assert value(metrics, "trackd_requests_total", face="http", route=route, status="200") == 2
    assert value(metrics, "trackd_requests_total", face="http", route=route, status="404") == 1
    assert value(metrics, "trackd_request_duration_seconds_count", face="http", route=route) == 3
    for edge, count in {"0.025": 0, "0.05": 1, "0.5": 2, "5.0": 3, "+Inf": 3}.items():
        assert (
            value(metrics, "trackd_request_duration_seconds_bucket", face="http", route=route, le=edge)
            == count
        )
    assert value(metrics, "trackd_request_duration_seconds_count", face="http", route="/api/v1/live") is None
    assert value(metrics, "trackd_commits_total") == 2
    assert value(metrics, "trackd_commit_bytes_total") == 1500
    assert value(metrics, "trackd_signed_files_total") == 3
    assert value(metrics, "trackd_signed_bytes_total") == 10_000
    assert value(metrics, "trackd_bucket_failures_total", kind="denied") == 1
    assert value(metrics, "trackd_bucket_failures_total", kind="throttled") == 0  # a rate needs a beginning
    assert value(metrics, "trackd_build_info", version="1.2.3") == 1
    assert (value(metrics, "process_resident_memory_bytes") or 0) > 1_000_000


def test_how_the_replica_stands_is_asked_at_each_reading() -> None:
    states = iter([State(), State(True, 5, 2, 0.25, 4, 3, 7, 1000, 9, 2, 6)])
    metrics = ServerMetrics("1", lambda: next(states))
    assert read(metrics)["trackd_feed_lag_seconds", frozenset()] == float("inf")
    found = read(metrics)
    told = {name: number for (name, labels), number in found.items() if not labels}
    assert [
        found["trackd_cache_lookups_total", frozenset({("result", result)})] for result in ("hit", "miss")
    ] == [7, 2]
    assert {
        "trackd_ready": 1,
        "trackd_runs": 5,
        "trackd_runs_running": 2,
        "trackd_feed_lag_seconds": 0.25,
        "trackd_database_connections": 4,
        "trackd_database_connections_in_use": 3,
        "trackd_database_waiting": 7,
        "trackd_cache_bytes": 1000,
        "trackd_live_listeners": 6,
    }.items() <= told.items()


def test_whatever_comes_as_a_label_the_number_of_series_is_bounded() -> None:
    metrics = ServerMetrics("1", State)
    for number in range(5000):
        metrics.observe_request("http", f"/by-mistake/{number}", number, 0.1)
        metrics.observe_request("grpc", f"/by-mistake/{number}", f"WHAT_{number}", 0.1)
        metrics.note_bucket_failure(f"kind {number}")
    labels = {labels for name, labels in read(metrics) if name == "trackd_request_duration_seconds_count"}
    assert len(labels) == 2 * 401
    assert value(metrics, "trackd_bucket_failures_total", kind="other") == 5000
    statuses = {dict(labels)["status"] for name, labels in read(metrics) if name == "trackd_requests_total"}
    assert statuses == {"other", *map(str, range(100, 600))}


def test_every_kind_of_a_failing_bucket_has_a_series_from_the_start() -> None:
    kinds = {
        dict(labels)["kind"]
        for name, labels in read(ServerMetrics("1", State))
        if name == "trackd_bucket_failures_total"
    }
    assert kinds == set(get_args(Kind))


def test_two_replicas_in_one_process_share_nothing_and_the_process_keeps_nothing() -> None:
    before = {family.name for family in REGISTRY.collect()}
    one, other = ServerMetrics("1", State), ServerMetrics("2", State)
    one.note_commit(1)
    assert value(other, "trackd_commits_total") == 0
    assert {family.name for family in REGISTRY.collect()} == before


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    content, content_type = ServerMetrics("1", State).exposition(
        "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")


def test_nothing_is_lost_where_threads_count_at_once() -> None:
    metrics = ServerMetrics("1", State)

    def count() -> None:
        for _ in range(2000):
            metrics.observe_request("http", "/x", 200, 0.1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "trackd_requests_total", face="http", route="/x", status="200") == 8000


def test_a_catalog_tells_how_its_connections_are_used(postgres: PostgresServer) -> None:
    with contextlib.closing(PostgresCatalog(postgres.new_schema())) as catalog:
        assert catalog.connection_counts()[1:] == (0, 0)
        with catalog.reading(), catalog.reading():
            held, used, waiting = catalog.connection_counts()
            assert held >= used == 2
            assert waiting == 0

"""Owns what one replica of a team server tells Prometheus of itself.

Invariants: a label has few values, whatever is asked for and whoever asks: routes as the application writes them, never an
address, a project, a run or a user; nothing here waits for anything; metrics belong to one object, and none to the process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

# From a question that memory answers to the export of a large run.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROUTES_MAX = 400  # of a face, which has a quarter of that; what comes then is a fault of ours, and must not cost memory
_OTHER = "other"
# What gRPC may answer, by name.
_CODES = frozenset(
    (
        *(
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
        ),
        *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
        *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
    )
)
# The kinds of `bucket_requests.BucketError`.
_KINDS = frozenset(
    ("unreachable", "throttled", "denied", "expired", "clock", "missing", "full", "damaged", "file", _OTHER)
)

Face = Literal["http", "grpc"]


@dataclass(frozen=True, slots=True)
class State:
    """How a replica stands at one moment.

    Attributes:
        is_ready: Whether it is to be asked.
        run_count: Runs that it knows of.
        running_count: Those of them that have not ended.
        feed_lag_seconds: Since it has last heard what the catalog holds; infinite where it never has.
        connection_count: Connections to the database that it holds.
        connections_in_use: Those that somebody uses.
        connections_awaited: How many wait for one.
        cache_bytes: What its cache takes of the disk.
        wanted_file_count: Files of the bucket that somebody wanted so far.
        fetched_file_count: Those of them that the cache did not have.
        listener_count: Pages that are told of changes.
    """

    is_ready: bool = False
    run_count: int = 0
    running_count: int = 0
    feed_lag_seconds: float = float("inf")
    connection_count: int = 0
    connections_in_use: int = 0
    connections_awaited: int = 0
    cache_bytes: int = 0
    wanted_file_count: int = 0
    fetched_file_count: int = 0
    listener_count: int = 0


class ServerMetrics:
    """Counts what a replica does. Any thread may use it."""

    def __init__(self, version: str, state: Callable[[], State]) -> None:
        """Takes the version of trackd, and what tells how the replica stands whenever somebody asks for the metrics."""
        self._state = state
        self._registry = registry = CollectorRegistry()
        self._routes: dict[str, set[str]] = {}
        self._cache_counts = [0, 0]
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "trackd_requests",
            "Requests that were answered.",
            ["face", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "trackd_request_duration_seconds",
            "How long answers took, streams that stay open left out.",
            ["face", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._commits = self._counter(
            "trackd_commits", "Manifests of runs that daemons have sent and that were taken."
        )
        self._commit_bytes = self._counter(
            "trackd_commit_bytes", "Bytes of these manifests, as they were sent."
        )
        self._files = self._counter("trackd_signed_files", "Files that daemons were told where to put.")
        self._file_bytes = self._counter(
            "trackd_signed_bytes", "Bytes of these files, as daemons have announced them."
        )
        self._cache = Counter(
            "trackd_cache_lookups",
            "Files of the bucket that were wanted, by whether the cache had them.",
            ["result"],
            registry=registry,
        )
        self._bucket = Counter(
            "trackd_bucket_failures",
            "Requests to the bucket that have failed, by what was wrong.",
            ["kind"],
            registry=registry,
        )
        # Of a series that is not there yet, no rate can be told.
        for result in ("hit", "miss"):
            self._cache.labels(result)
        for kind in sorted(_KINDS):
            self._bucket.labels(kind)
        build = Gauge("trackd_build_info", "1; the version is a label.", ["version"], registry=registry)
        build.labels(version).set(1)
        self._gauges = {
            name: Gauge(f"trackd_{metric}", words, registry=registry)
            for name, metric, words in (
                ("is_ready", "ready", "Whether the replica is to be asked, as /ready says."),
                ("run_count", "runs", "Runs that the replica knows of."),
                ("running_count", "runs_running", "Runs that have not ended."),
                (
                    "feed_lag_seconds",
                    "feed_lag_seconds",
                    "Time since the last look at the catalog that was answered.",
                ),
                ("connection_count", "database_connections", "Connections to the database."),
                (
                    "connections_in_use",
                    "database_connections_in_use",
                    "Connections to the database that are used.",
                ),
                ("connections_awaited", "database_waiting", "Questions that wait for a connection."),
                ("cache_bytes", "cache_bytes", "Bytes of the cache on the disk."),
                ("listener_count", "live_listeners", "Pages that are told of changes."),
            )
        }

    def observe_request(
        self, face: Face, route: str, status: int | str, seconds: float | None = None
    ) -> None:
        """Counts a request that was answered.

        Args:
            face: By which way it came.
            route: As the application writes it, `/api/v1/projects/{project}`, or the name of a call; never an address.
            status: Of HTTP as a number, of gRPC by its name.
            seconds: How long it took; None for a stream that stayed open as long as somebody listened.
        """
        route = self._bounded(face, route)
        if isinstance(status, int):
            told = str(status) if 100 <= status <= 599 else _OTHER
        else:
            told = status if status in _CODES else _OTHER
        self._requests.labels(face, route, told).inc()
        if seconds is not None:
            self._seconds.labels(face, route).observe(seconds)

    def note_commit(self, size_bytes: int) -> None:
        """Counts a manifest that was taken."""
        self._commits.inc()
        self._commit_bytes.inc(size_bytes)

    def note_signed(self, file_count: int, size_bytes: int) -> None:
        """Counts files that a daemon was told where to put."""
        self._files.inc(file_count)
        self._file_bytes.inc(size_bytes)

    def note_bucket_failure(self, kind: str) -> None:
        """Counts a request to the bucket that has failed; `kind` as of `BucketError`."""
        self._bucket.labels(kind if kind in _KINDS else _OTHER).inc()

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Returns the metrics as Prometheus reads them, and their content type; `accept` is what the reader asks for."""
        state = self._state()
        for name, gauge in self._gauges.items():
            gauge.set(float(getattr(state, name)))
        hit_count = max(0, state.wanted_file_count - state.fetched_file_count)
        for index, (result, count) in enumerate((("hit", hit_count), ("miss", state.fetched_file_count))):
            self._cache.labels(result).inc(max(0, count - self._cache_counts[index]))
            self._cache_counts[index] = max(count, self._cache_counts[index])
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _counter(self, name: str, words: str) -> Counter:
        return Counter(name, words, registry=self._registry)

    def _bounded(self, face: str, route: str) -> str:
        known = self._routes.setdefault(face, set())
        if route not in known:
            if len(known) >= _ROUTES_MAX:
                return _OTHER
            known.add(route)
        return route

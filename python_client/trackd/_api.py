"""Owns `Api`: where reading begins. It names projects and runs; `_api_runs.Run` is what they are.

Invariant: reading a store of this machine needs no network; where no daemon is alive, one is started.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from trackd import _settings
from trackd._api_runs import Run
from trackd._connection import Connection

if TYPE_CHECKING:
    from trackd.v1 import records_pb2

_PAGE_SIZE_MAX = 10_000  # the daemon's limit (config.PAGE_SIZE_MAX)
_TIMEOUT_SECONDS = 30.0  # a daemon starts in half a second and reads a whole metric of 10 M points in a few


@dataclass(frozen=True)
class Project:
    """A project of the store.

    Attributes:
        name: Its name.
        run_count: How many runs it has.
        running_count: How many of them are running.
    """

    name: str
    run_count: int
    running_count: int


class Api:
    """Reads and edits the runs of a store, or of a team server.

        api = trackd.Api()
        run = api.run("digits/3kf81mzq")
        frame = run.history(keys=["train/loss"])

    Safe to use from several threads.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        api_key: str | None = None,
        *,
        store: str | None = None,
    ) -> None:
        """Finds the store; nothing is asked yet.

        Args:
            overrides: `{"project": NAME}` names the project that is meant where none is given.
            timeout: How long an answer may take, in seconds; 30 by default.
            api_key: A key of the team server that `store` names; by default `TRACKD_API_KEY`, else the one that
                `trackd login` has kept. A store of this machine has no account: there it is accepted and ignored.
            store: The store's folder, `s3://BUCKET/PREFIX` for a bucket, or a team server's address such as
                `https://trackd.example`; by default `TRACKD_STORE`, else `~/.local/state/trackd`.

        Raises:
            ValueError: `store` is an address that cannot be.
        """
        self._project = str((overrides or {}).get("project") or "")
        folder, _ = _settings.store_path(store)
        self._connection = Connection(folder, timeout or _TIMEOUT_SECONDS, key=api_key)

    @property
    def store(self) -> str:
        """The store's folder, or the team server's address."""
        return self._connection.store

    def run(self, path: str) -> Run:
        """Returns a run.

        Args:
            path: "project/run_id" or "run_id", which finds the newest run with the id in any project. An entity in front
                is accepted and ignored.

        Raises:
            CommError: the run is not there, or no daemon answers.
        """
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.GetRunRequest(run=self._identity(path), wait_for_records=True)
        answer = self._connection.query(lambda stub, options: stub.GetRun(request, **options))
        return Run(self._connection, answer.run)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | str | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Runs:
        """Returns the runs of a project as a sequence that is read a page at a time, as it is used.

        Args:
            path: "project"; an entity in front is accepted and ignored. None means all projects of the store, or the one of
                `overrides`.
            filters: MongoDB-style conditions, for example `{"config.lr": {"$lt": 0.1}, "tags": "best"}`, see docs/reading.md,
                or a text such as `"lr < 0.1 and tag = best"`, see docs/filters.md.
            order: Fields to order by, "-" in front for descending, "," between, for example "-summary_metrics.acc".
            per_page: How many runs to read at once, 1 to 10,000.

        Raises:
            CommError: at first use, when filters or order cannot be understood, or no daemon answers.
        """
        project = path.strip("/").rpartition("/")[2] if path else self._project
        return Runs(self._connection, project, filters or {}, order or "", per_page)

    def projects(self) -> list[Project]:
        """Returns the projects of the store, last changed first."""
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.ListProjectsRequest()
        answer = self._connection.query(lambda stub, options: stub.ListProjects(request, **options))
        return [Project(each.name, each.run_count, each.running_count) for each in answer.projects]

    def flush(self) -> None:
        """Does nothing: every answer is new. Accepted so that existing scripts run."""

    def close(self) -> None:
        """Closes the connection to the daemon; the next call opens another."""
        self._connection.close()

    def _identity(self, path: str) -> records_pb2.RunIdentity:
        from trackd.v1 import records_pb2

        parts = path.strip("/").split("/")
        if not 1 <= len(parts) <= 3 or not all(parts):
            raise ValueError(f"run path is {path!r}; it can be 'project/run_id' or 'run_id'")
        return records_pb2.RunIdentity(
            project=parts[-2] if len(parts) > 1 else self._project, run_id=parts[-1]
        )

    def __repr__(self) -> str:
        """Shows the store."""
        return f"<trackd.Api {self.store}>"


class Runs(Sequence[Run]):
    """Runs in order, read a page at a time as they are used: has a length, indices, slices, and iterates."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        filters: Mapping[str, Any] | str,
        order: str,
        per_page: int,
    ) -> None:
        """Asks nothing yet; called by `Api.runs`, which documents the arguments."""
        if not isinstance(filters, Mapping | str):
            raise TypeError(
                f"filters must be a dict of conditions by field or a text; got {type(filters).__name__}"
            )
        if not 1 <= per_page <= _PAGE_SIZE_MAX:
            raise ValueError(f"per_page is {per_page}; it can be 1 to {_PAGE_SIZE_MAX}")
        self._connection = connection
        self._project = project
        self._filters_json = json.dumps(filters, default=_as_json) if filters else ""
        self._order = order
        self._per_page = per_page
        self._runs: list[Run] = []
        self._page_token: str | None = ""  # None after the last page
        self._total_count = 0

    def _load_page(self) -> None:
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.ListRunsRequest(
            project=self._project,
            filters_json=self._filters_json,
            order=self._order,
            page_size=self._per_page,
            page_token=self._page_token or "",
        )
        answer = self._connection.query(lambda stub, options: stub.ListRuns(request, **options))
        self._runs += [Run(self._connection, message) for message in answer.runs]
        self._page_token = answer.next_page_token or None
        self._total_count = answer.total_count if self._page_token is not None else len(self._runs)

    def _load(self, count: int | None) -> None:
        """Reads pages until `count` runs are there; None means all."""
        while self._page_token is not None and (count is None or len(self._runs) < count):
            self._load_page()

    def __len__(self) -> int:
        """Returns how many runs there are in all."""
        self._load(1)
        return self._total_count

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        """Returns a run, or a list of runs; reads the pages up to there."""
        if isinstance(index, slice):
            is_bounded = index.stop is not None and index.stop >= 0 and (index.start or 0) >= 0
            self._load(index.stop if is_bounded else None)
        else:
            self._load(index + 1 if index >= 0 else None)
        return self._runs[index]

    def __iter__(self) -> Iterator[Run]:
        """Yields the runs, reading a page when the one before is used up."""
        index = 0
        while True:
            self._load(index + 1)
            if index >= len(self._runs):
                return
            yield self._runs[index]
            index += 1

    def __repr__(self) -> str:
        """Shows the project."""
        return f"<trackd.Runs of {self._project or 'all projects'}>"


def _as_json(value: Any) -> Any:
    """Turns what JSON lacks into what a filter means by it: times into ISO 8601, NumPy's numbers into numbers."""
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return list(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(
        f"a filter holds a {type(value).__name__}; it can hold numbers, text, truth values, times and lists"
    )

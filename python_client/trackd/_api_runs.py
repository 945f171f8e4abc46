"""Owns a run as its readers see it: what it is, its history and series, and the edits that a person makes afterwards.

Invariants: what a `Run` shows is as of its loading (`load` reads it anew), but for history and series, which are read when
asked for; edits of attributes and config wait for `update()`; nothing that was logged is ever changed from here.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackd import _api_facts, _decode, _history
from trackd._api_files import File, list_files
from trackd._api_records import Upload
from trackd._api_summary import RunSummary, encode_changes
from trackd._connection import Connection
from trackd._history import Metric, Table
from trackd._identity import check_archived, check_tags
from trackd.errors import CommError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trackd.v1 import runs_pb2

_SCAN_VALUES_MAX = 200_000  # read at once by scan_history: 20 MB as dicts
_CONSOLE_STREAMS = ("stdout", "stdout", "stderr")  # by the number of ConsoleStream
_CONSOLE_LINES = 10_000  # read at once
_EDITABLE = ("name", "notes", "tags", "group", "job_type", "archived")


class Run:
    """A run of the store, as `trackd.Api` returns it.

    Attributes:
        name: The display name. This and the next five can be set; `update()` keeps them.
        notes: Longer words about the run.
        tags: Its tags, a list.
        group: A name that several runs share.
        job_type: What kind of run it is.
        archived: Whether it is put away: kept, and left out where the page lists runs.
        config: The config, a dict; changes are kept by `update()`.
        summary: The summary, a mapping; see `RunSummary`.
    """

    name: str
    notes: str
    tags: list[str]
    group: str
    job_type: str
    archived: bool
    config: dict[str, Any]
    summary: RunSummary

    def __init__(self, connection: Connection, message: runs_pb2.Run) -> None:
        """Shows a run that the daemon has sent."""
        self._connection = connection
        self._show(message)

    def _show(self, message: runs_pb2.Run) -> None:
        self._message = message
        for name in _EDITABLE:
            value = getattr(message, name)
            setattr(self, name, list(value) if name == "tags" else value)
        self.config = _decode.entries(message.config)
        self._config_before = copy.deepcopy(self.config)
        self.summary = RunSummary(_decode.entries(message.summary), self._commit_summary, self._connection)

    # -- what the run is -------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._message.identity.run_id

    @property
    def project(self) -> str:
        """The project's name."""
        return self._message.identity.project

    @property
    def entity(self) -> str:
        """Always empty: a store has no entities."""
        return ""

    @property
    def path(self) -> str:
        """`project/id`, as `trackd.Api().run` takes it."""
        return f"{self.project}/{self.id}"

    @property
    def display_name(self) -> str:
        """The display name, as `name`."""
        return self.name

    @property
    def state(self) -> str:
        """One of "running", "finished", "failed", "killed" (by a signal), "crashed" and "preempted" (by the scheduler)."""
        state = self._message.state
        return _api_facts.STATES[state] if state < len(_api_facts.STATES) else ""

    @property
    def url(self) -> str:
        """The address of the run's page; `trackd ui` opens it with the token."""
        return f"{self._connection.http_address}/p/{quote(self.project, safe='')}/r/{quote(self.id, safe='')}"

    @property
    def created_at(self) -> str:
        """When the run began, as ISO 8601 in UTC."""
        text: str = self._message.create_time.ToJsonString()
        return text

    @property
    def finished_at(self) -> str | None:
        """When the run ended, as ISO 8601 in UTC; None while it runs."""
        return self._message.finish_time.ToJsonString() if self._message.HasField("finish_time") else None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the run runs or when it is not known."""
        return self._message.exit_code if self._message.HasField("exit_code") else None

    @property
    def traceback(self) -> str:
        """The traceback of a run that failed, or where it was when a signal ended it; empty otherwise."""
        return self._message.traceback

    @property
    def end_reason(self) -> str:
        """Why the run ended as it did, in one sentence; empty when it ended well, and while it runs.

        Where a team server does not hear of the run's machine any more, it says since when, and `stalled` is true.
        """
        return self._message.end_reason

    @property
    def signal(self) -> int:
        """The number of the signal that ended the run; 0 for none."""
        return self._message.signal

    @property
    def stalled(self) -> bool:
        """Whether the run is at work and nothing was heard from it for long."""
        return self._message.stalled

    @property
    def forked_from(self) -> tuple[str, int] | None:
        """The run (`project/id`) and the step that this run was forked from, or None."""
        if not self._message.HasField("forked_from"):
            return None
        origin = self._message.forked_from
        return f"{origin.run.project}/{origin.run.run_id}", origin.last_step

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts, oldest first: `title`, `text`, `level` ("INFO", "WARN" or "ERROR") and `time` in seconds since 1970."""
        return _api_facts.alerts(self._message)

    @property
    def environment(self) -> dict[str, Any]:
        """What is known of code, environment and machine, by dotted key such as "git.commit"."""
        return _decode.entries(self._message.environment)

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last sample of the machine by name, such as "system.cpu.utilization"; of several, by "HOST/NAME"."""
        return _api_facts.strip_host(_decode.entries(self._message.system_metrics))

    @property
    def writers(self) -> list[dict[str, Any]]:
        """Who writes the run and what each has logged: `id`, `role`, `label`, `host`, `row_count`, `metrics` and more.

        What is not known is None: `exit_code`, `last_step`, `steps_per_second`, `rank`, `steps_behind`, `seconds_behind`.
        """
        return _api_facts.writers(self._message)

    @property
    def ranks(self) -> dict[str, Any] | None:
        """How the ranks of the run stand: counts, a `sentence`, and `notes`, the worst first; None where one process writes.

        A note has a `kind` ("ended", "silent", "missing" or "slow"), a `text`, `since` in seconds since 1970 or None, and the
        ids of its `writers`.
        """
        return _api_facts.ranks(self._message)

    def console(
        self, writer: str = "", pattern: str = "", first_line: int = 0
    ) -> Iterator[tuple[int, str, float, str]]:
        """Yields the lines of the console as (number, "stdout" or "stderr", time in seconds since 1970, text).

        Args:
            writer: The id of the writer; by default the first that has printed something.
            pattern: Only lines that match this regular expression (RE2 syntax); empty means all.
            first_line: The line to begin with.
        """
        from trackd.v1 import query_service_pb2

        def read(request: query_service_pb2.ReadConsoleRequest) -> query_service_pb2.ReadConsoleResponse:
            answer: query_service_pb2.ReadConsoleResponse = self._connection.query(
                lambda stub, options: stub.ReadConsole(request, **options)
            )
            return answer

        next_line: int | None = first_line
        while next_line is not None:
            request = query_service_pb2.ReadConsoleRequest(
                run=self._message.identity,
                writer_id=writer,
                first_line=next_line,
                line_count_max=_CONSOLE_LINES,
                pattern=pattern,
            )
            answer = read(request)
            for line in answer.lines:
                yield line.number, _CONSOLE_STREAMS[line.stream], line.time_unix_nanos / 1e9, line.text
            writer = answer.writer_id
            next_line = answer.next_line if answer.HasField("next_line") else None

    @property
    def next_step(self) -> int:
        """The step that the next `log` without a step takes, in the process that opened the run."""
        return self._message.next_step

    @property
    def durable_step(self) -> int:
        """The step below which the run's rows are on the disk, as of its loading."""
        return self._message.durable_step

    @property
    def synced_step(self) -> int | None:
        """The step below which the bucket has the run's rows, as of its loading; None where nothing is uploaded."""
        return self._message.synced_step if self._message.HasField("synced_step") else None

    @property
    def ingest_health(self) -> dict[str, Any]:
        """What was accepted, kept and refused: counts by name, and `message` for the first thing that went wrong."""
        health = self._message.ingest_health
        return {field.name: getattr(health, field.name) for field in health.DESCRIPTOR.fields}

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about the process that wrote the run: `host`, `pid`, `program`, `args`, `startedAt`, and `environment`."""
        process = self._message.process
        return {
            "host": process.host,
            "pid": process.pid,
            "program": process.program,
            "args": list(process.arguments),
            "startedAt": self.created_at,
            **self.environment,
        }

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - wandb's name
        """The largest step at which a metric was logged; -1 when there is none. Asks the daemon."""
        return max((metric.last_step for metric in self.metrics()), default=-1)

    def compare(self, other: Run) -> Comparison:
        """Returns what this run and another one do not share."""
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.CompareRunsRequest(
            left=self._message.identity,
            right=other._message.identity,
        )
        answer = self._connection.query(lambda stub, options: stub.CompareRuns(request, **options))

        def side(message: Any, name: str) -> Any:
            return _decode.value(getattr(message, name)) if message.HasField(name) else None

        differences: dict[str, dict[str, tuple[Any, Any]]] = {}
        for each in answer.differences:
            differences.setdefault(each.part, {})[each.key] = side(each, "left"), side(each, "right")
        return Comparison(differences, {file.path: file.diff for file in answer.files})

    def load(self, force: bool = False) -> Run:
        """Reads the run anew, forgetting edits that were not kept; returns it."""
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.GetRunRequest(run=self._message.identity, wait_for_records=True)
        self._show(self._connection.query(lambda stub, options: stub.GetRun(request, **options)).run)
        return self

    # -- what was logged -------------------------------------------------------------------------------------------

    def metrics(self) -> list[Metric]:
        """Returns the metrics by name; a name with values of several kinds is there once for each."""
        return _history.list_metrics(self._connection, self._message.identity)

    def series(
        self, key: str, min_step: int | None = None, max_step: int | None = None, kind: str | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[Any]]:
        """Returns every point of one metric as arrays: the fast way to read.

        Args:
            key: The metric's name.
            min_step: The first step; None means from the start.
            max_step: The step to end before; None means to the end.
            kind: "number", "bool", "string" or "other", for a name with values of several kinds; by default the first
                of these that it has.

        Returns:
            Three arrays of shape (n,): steps (int64, ascending), times (float64, seconds since 1970) and values. Values are
            int64 when each was logged as an integer, else float64 for numbers (NaN and infinities kept); bool for truth
            values; objects for texts and the rest. All are empty when there is no such metric. Arrays may be read-only.
        """
        return _history.read_series(self._connection, self._message.identity, key, kind, min_step, max_step)

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Returns a sample of the rows that draws like all of them.

        The same call has the same answer. Rows are parted into equal buckets, and of each bucket the first and last row and
        those with the smallest and largest value of each metric are kept: no spike is lost. All rows are returned when there
        are no more than `samples`. What is sampled is read whole: name the keys of a large run.

        Args:
            samples: The most rows; two, and two for each metric, are returned when that is more.
            keys: The metrics to return; only rows that have all of them are. None means all metrics and all rows.
            x_axis: A metric that each row must have too when `keys` are given.
            pandas: Whether to return a DataFrame where pandas is installed.
            stream: "default" for what was logged, "system" for what the daemon has measured of the machine.

        Returns:
            A DataFrame with the columns `_step`, `_timestamp` (seconds since 1970), `_runtime` (seconds since the run began)
            and one a metric; or a list of dicts with these keys.
        """
        if stream not in ("default", "system", "events"):  # the last is wandb's name of the second
            raise ValueError(f"stream is {stream!r}; it can be 'default' or 'system'")
        if samples < 1:
            raise ValueError(f"samples is {samples}; it must be at least 1")
        wanted = _check_keys(keys)
        if wanted is not None and x_axis not in wanted:
            wanted = [x_axis, *wanted]
        if stream == "default":
            rows = _history.sample(self.tables(wanted), samples, self.create_time, wanted)
        else:
            rows = self._system_rows(samples, wanted)
        if not pandas:
            return rows
        try:
            from pandas import DataFrame
        except ImportError:
            return rows
        names = sorted({key for row in rows for key in row}) if wanted is None else wanted
        return DataFrame(rows, columns=list(dict.fromkeys((*_history.ROW_COLUMNS, *names))))

    def _system_rows(self, samples: int, keys: list[str] | None) -> list[dict[str, Any]]:
        """Returns a sample of what was measured, a row a sample."""
        measured = _history.list_metrics(self._connection, self._message.identity, _history.SYSTEM_PREFIX)
        if not measured:
            return []
        tables = self.tables([metric.name for metric in measured])
        rows = []
        for row in _history.sample(tables, samples, self.create_time, None):
            times = {name: value for name, value in row.items() if name in _history.ROW_COLUMNS}
            values = _api_facts.strip_host(
                {
                    name.removeprefix(_history.SYSTEM_PREFIX): value
                    for name, value in row.items()
                    if name not in times
                }
            )
            if keys is None or all(name in values or name in times for name in keys):
                rows.append(
                    {
                        name: value
                        for name, value in {**times, **values}.items()
                        if keys is None or name in keys
                    }
                )
        return rows

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yields every row by step, unsampled, with the values as they were logged.

        Args:
            keys: The keys of each row; rows that lack one are skipped. None means all that a row has, with `_step`,
                `_timestamp` and `_runtime`; rows without values count too.
            page_size: Accepted for older scripts; how much is read at once follows from the number of metrics.
            min_step: The first step.
            max_step: The step to end before.
        """
        wanted = _check_keys(keys)
        return self._scan(wanted, min_step, max_step)

    def _scan(
        self, keys: list[str] | None, min_step: int | None, max_step: int | None
    ) -> Iterator[dict[str, Any]]:
        for table in self.tables(keys, min_step, max_step, _SCAN_VALUES_MAX):
            yield from table.rows(table.complete(keys or []), self.create_time, keys)

    def tables(
        self,
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        values_max: int = _history.CHUNK_VALUES_MAX,
    ) -> Iterator[Table]:
        """Yields the rows as tables of series joined by step, a range of steps at a time; arguments as `scan_history` has."""
        # With nothing but step and times asked for, every row has them.
        names = [key for key in keys or [] if key not in _history.ROW_COLUMNS] or None
        for chunk in _history.read_chunks(
            self._connection, self._message.identity, names, min_step, max_step, values_max
        ):
            yield Table(chunk)

    @property
    def create_time(self) -> float:
        """When the run began, in seconds since 1970."""
        return self._message.create_time.ToNanoseconds() / 1e9

    def export(self, path: str | os.PathLike[str], format: str | None = None) -> str:  # noqa: A002 - the file's
        """Writes the full history, one row a step, to a file.

        Args:
            path: The file; one that is there is replaced once the new one is whole.
            format: "csv", "parquet" or "jsonl"; by default the path's ending says it.

        Returns:
            The file's path.

        Raises:
            ValueError: the format is none of these.
            OSError: the file cannot be written.
        """
        from trackd import _export

        return _export.export(self, os.fspath(path), format)

    # -- edits -----------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Keeps what was changed of name, notes, tags, group, job_type, archived, config and summary."""
        from trackd.v1 import records_pb2, run_service_pb2

        request = run_service_pb2.UpdateRunRequest(run=self._message.identity)
        self.tags = list(check_tags(self.tags))
        self.archived = check_archived(self.archived)
        for name in _EDITABLE:
            value = getattr(self, name)
            if name == "tags":
                if value != list(self._message.tags):
                    request.update.tags.tags.extend(value)
                    request.update.tags.SetInParent()
            elif value != getattr(self._message, name):
                setattr(request.update, name, value if name == "archived" else str(value))
        changed = {
            key: value
            for key, value in self.config.items()
            if key not in self._config_before or _differs(self._config_before[key], value)
        }
        removed = [key for key in self._config_before if key not in self.config]
        request.config_update.CopyFrom(records_pb2.ConfigUpdate.FromString(encode_changes(changed, removed)))
        changed, removed = self.summary.pending
        request.summary_update.CopyFrom(
            records_pb2.SummaryUpdate.FromString(encode_changes(changed, removed, Upload(self._connection)))
        )
        self._show(self._connection.manage(lambda stub, options: stub.UpdateRun(request, **options)).run)

    save = update  # wandb's other name

    def _commit_summary(self, changed: Mapping[str, Any], removed: list[str]) -> dict[str, Any]:
        """Sets summary values; returns the summary as it is then."""
        from trackd.v1 import records_pb2, run_service_pb2

        request = run_service_pb2.UpdateRunRequest(
            run=self._message.identity,
            summary_update=records_pb2.SummaryUpdate.FromString(
                encode_changes(changed, removed, Upload(self._connection))
            ),
        )
        answer = self._connection.manage(lambda stub, options: stub.UpdateRun(request, **options))
        return _decode.entries(answer.run.summary)

    def delete(self) -> None:
        """Deletes the run and everything it alone holds; deleting it again does nothing."""
        from trackd.v1 import run_service_pb2

        request = run_service_pb2.DeleteRunRequest(run=self._message.identity)
        self._connection.manage(lambda stub, options: stub.DeleteRun(request, **options))

    # -- files -----------------------------------------------------------------------------------------------------

    def files(self) -> list[File]:
        """Returns the files kept with the run, by path."""
        return list_files(self._connection, self._message.identity)

    def file(self, name: str) -> File:
        """Returns a file kept with the run by its path; raises CommError when there is no such file."""
        for file in self.files():
            if file.name == name:
                return file
        raise CommError(f"run {self.path} has no file {name!r}; `run.files()` lists them")

    def __repr__(self) -> str:
        """Shows project, id, name and state."""
        return f"<trackd.Api run {self.path} {self.name!r} {self.state}>"


class Comparison:
    """What two runs do not share.

    Attributes:
        config: Pairs of values by dotted key, of the first and of the second run; None where one has none.
        environment: The same of the facts about code, environment and machine.
        packages: The same of versions by package.
        files: Unified diffs by path, of files that differ or that one run alone keeps; empty for what is no text.
    """

    def __init__(self, differences: Mapping[str, dict[str, tuple[Any, Any]]], files: dict[str, str]) -> None:
        """Takes the differences by part, and the files."""
        self.config = differences.get("config", {})
        self.environment = differences.get("environment", {})
        self.packages = differences.get("packages", {})
        self.files = files


def _check_keys(keys: Any) -> list[str] | None:
    """Returns a list of metrics' names, each once; None for none."""
    if keys is None:
        return None
    if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
        raise TypeError(f"keys must be a list of metrics' names; got {keys!r}")
    return list(dict.fromkeys(keys)) or None


def _differs(old: Any, new: Any) -> bool:
    return type(old) is not type(new) or bool(old != new)  # 1, 1.0 and True are three values here

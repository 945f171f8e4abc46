"""Owns a run in memory: what it is, its writers, its unsealed points, its summary, and what its records do to it.

Invariants: `Run.apply` is the only place that changes a run by records, for live logs, replay after a crash and remote
clients alike; records of a writer are applied in the order of their sequence, each once. No I/O and no clock: times come
with the records.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from trackd_service import config, ranks
from trackd_service.definitions import Definitions
from trackd_service.encodings import Task
from trackd_service.errors import InvalidArgument
from trackd_service.frames import FLAG_STEP
from trackd_service.records import (
    Alert,
    Begin,
    Changes,
    Content,
    Define,
    File,
    Finish,
    Json,
    Lines,
    Numbers,
    Sample,
    Surroundings,
    Update,
)
from trackd_service.rules import WAIT_SECONDS, Firing, Rule, Rules, StateRule, parse
from trackd_service.run_states import SEVERITY, Event, RunState, end_of, next_state
from trackd_service.series import Int64Array, Kind
from trackd_service.steps import StepCounter
from trackd_service.streams import ROW_KEY, console_key, system_key
from trackd_service.summary import BOOL, DOUBLE, Summary
from trackd_service.tail import Cell, Tail
from trackd_service.writers import METRICS_MAX, Writer

_ALERTS_MAX = 100
_WARNING_SECONDS = 21_600.0  # in which one warning of the daemon is enough
# Of a whole document, what its brief form leaves out, beside times in nanoseconds.
_BRIEF_WITHOUT = frozenset(
    {
        "config", "summary", "traceback", "metric_definitions", "alerts", "files", "writers", "environment",
        "system_metrics", "version", "rules_seen", "metric_kinds", "ranks",
    }
)  # fmt: skip


@dataclass
class Unencoded:
    """A typed record that counts already, as a point or in the summary, and is not encoded yet.

    Attributes:
        key: The metric.
        task: What is to be encoded.
        document: Its document, which the summary holds too: changed in place.
        cell: The text of its point; None in the summary.
    """

    key: str
    task: Task
    document: dict[str, Any]
    cell: Cell | None = None

    def finish(self, document: dict[str, Any]) -> None:
        """Puts the document in its places."""
        self.document.clear()
        self.document.update(document)
        if self.cell is not None:
            self.cell.text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@dataclass
class IngestHealth:
    """Counts of what happened to the rows of a run, and the first sentence about what went wrong."""

    accepted_row_count: int = 0
    late_row_count: int = 0
    dropped_late_row_count: int = 0
    refused_count: int = 0
    damaged_record_count: int = 0
    message: str = ""

    def refuse(self, sentence: str) -> None:
        """Counts something that was refused."""
        self.refused_count += 1
        self.message = self.message or sentence


class Run:
    """One run."""

    def __init__(self, project: str, run_id: str, create_time: int) -> None:
        """Makes a run that nobody has written yet; `create_time` in nanoseconds since 1970 UTC."""
        self.project = project
        self.run_id = run_id
        self.state = RunState.RUNNING
        self.name = ""
        self.notes = ""
        self.tags: list[str] = []
        self.group = ""
        self.job_type = ""
        self.preempting = False
        self.archived = False
        self.config: dict[str, Any] = {}
        self._summary: Summary | bytes = Summary()  # as it was kept, until somebody asks
        self.definitions = Definitions()
        self.create_time = create_time
        self.update_time = create_time
        self.finish_time: int | None = None
        self.exit_code: int | None = None
        self.traceback = ""
        self.signal = 0
        self.process: dict[str, Any] = {}
        self.health = IngestHealth()
        self.alerts: list[dict[str, Any]] = []
        self.new_alerts: list[dict[str, Any]] = []  # not delivered yet
        self.alert_count = 0  # in all, also of those that are forgotten
        self._rules: Rules | None = None
        self._rules_seen: dict[str, Any] = {}  # what the rules had seen when the run was kept
        self.environment: dict[str, Any] = {}
        self.unexplored: list[Surroundings] = []  # the daemon has not looked there yet
        self.system_metrics: dict[str, dict[str, float]] = {}  # the last sample, by host
        self.end_reason = ""
        self.activity_time = create_time  # of the last record of a writer that is not the daemon's own
        self.is_stalled = False
        self.forked_from: dict[str, Any] | None = None
        self.rewinds: list[dict[str, Any]] = []  # time_unix_ms, last_step, masked_point_count
        self.files: dict[str, dict[str, Any]] = {}  # by path: sha256, size_bytes, purpose
        self.files_to_keep: list[File] = []  # taken in by the store, before the next seal at the latest
        self.unencoded: list[Unencoded] = []  # encoded by the store, before the next seal at the latest
        self.unencoded_bytes = 0  # of them that are held in memory
        self.objects: dict[
            str, int
        ] = {}  # size in bytes by sha256, of those whose use is not in the catalog yet
        self.writers: dict[str, Writer] = {}
        self.tail = Tail()
        self.sealing: Tail | None = None  # what is being sealed: still read from memory
        self.durable_step = 0
        self.synced_step: int | None = (
            None  # below which the bucket has its steps; None where there is no bucket
        )
        self.revision = 0
        self.logged_revision = 0  # of the last change but samples of the machine and lines of a console
        self._ends: list[tuple[Event, Finish]] = []
        self._layouts: dict[tuple[tuple[str, ...], bytes], _Layout] = {}

    # -- writers ---------------------------------------------------------------------------------------------------

    def next_start(self, begin: Begin, time: int, alive: set[str]) -> int:
        """Returns where the automatic steps of a new writer begin: behind the ones of its label that had ended, else at 0.

        Args:
            begin: How the writer opens the run.
            time: When, in nanoseconds since 1970 UTC.
            alive: The ids of the writers that are at work.
        """
        if begin.starting_step is not None:
            return begin.starting_step
        if begin.role not in ("primary", "shared"):
            return 0
        return max(
            (
                writer.steps.current
                for writer in self.writers.values()
                if writer.is_vital
                and writer.label == begin.label
                and writer.writer_id not in alive
                and writer.update_time <= time
            ),
            default=0,
        )

    def open_writer(self, begin: Begin, time: int, starting_step: int | None = None) -> Writer:
        """Opens a writer, or returns the one that is there already; `starting_step` is its first automatic step."""
        if starting_step is None:
            starting_step = begin.starting_step or 0
        writer = self.writers.get(begin.writer_id)
        if writer is None:
            writer = Writer(
                begin.writer_id,
                begin.role,
                begin.label,
                begin.client,
                begin.process,
                begin.drops_late_steps,
                StepCounter(starting_step),
            )
            others = [other for other in self.writers.values() if other.is_vital]
            is_first = writer.is_vital and not others
            writer.begin_time = time
            writer.is_attempt = (
                writer.is_vital and bool(others) and not any(other.is_open for other in others)
            )
            self.writers[begin.writer_id] = writer
            if writer.role == "observer":
                pass
            elif is_first or not self.process:
                self._update(begin.start)
                self.process = begin.process
            else:
                self._fill(begin.start)
        else:
            writer.reopen()
        writer.watching = begin.watching
        if writer.is_vital:
            self.watch_by(begin.watching.alert_rules)
            self.state = next_state(self.state, Event.WRITER_OPENED)
            self._fire_state(time)
            self.finish_time = None
            self.exit_code = None
            self.traceback, self.signal, self.end_reason = "", 0, ""
            if not any(
                other.is_open and other.is_vital for other in self.writers.values() if other is not writer
            ):
                self.preempting = bool(begin.start.preempting)
        self._touch(time, writer)
        return writer

    def close_writer(self, writer: Writer, event: Event, finish: Finish, time: int) -> None:
        """Ends a writer; the run ends with the last writer that is no helper, by the worst of their ends."""
        if not writer.is_open:
            return
        self._touch(time, writer)
        writer.end(event, finish)
        if not writer.is_vital:
            return
        self._ends.append((event, finish))
        if any(other.is_open and other.is_vital for other in self.writers.values()):
            self._warn_of_end(writer, time)
            return
        worst, last = max(self._ends, key=lambda end: SEVERITY[next_state(RunState.RUNNING, end[0])])
        self._ends = []
        self.state = next_state(self.state, worst)
        self.finish_time = max(time, self.activity_time)
        self.exit_code = None if worst is Event.VANISHED or last.signal else last.exit_code
        self.traceback = last.traceback
        self.signal = last.signal
        self.end_reason = last.reason
        self.is_stalled = False
        self._fire_state(time)

    @property
    def is_open(self) -> bool:
        """Whether some writer, helper or not, is at work."""
        return any(writer.is_open for writer in self.writers.values())

    # -- records ---------------------------------------------------------------------------------------------------

    def apply(self, writer: Writer, content: Content, time: int) -> None:
        """Does what one record says; raises InvalidArgument, having changed nothing, when it cannot be done."""
        if isinstance(content, Numbers):
            self.apply_rows(
                writer,
                content.keys,
                content.types,
                content.flags,
                content.steps,
                content.times,
                content.words,
                content.texts,
            )
        elif isinstance(content, Changes | Update):
            self.edit(content)
        elif isinstance(content, Define):
            self.definitions.define(content.definition, content.overwrite)
        elif isinstance(content, Finish):
            self.close_writer(
                writer, end_of(content.exit_code, content.signal, self.preempting), content, time
            )
        elif isinstance(content, Alert):
            self._alert(content, time)
        elif isinstance(content, File):
            self.files_to_keep.append(replace(content, time=time))
        elif isinstance(content, Lines):
            key = console_key(writer.writer_id, content.stream)
            for number, line in enumerate(content.lines, content.first_line):
                self.tail.append_text(key, "string", number, time, line)
            writer.console_line_count = max(
                writer.console_line_count, content.first_line + len(content.lines)
            )
        elif isinstance(content, Sample):
            self._add_sample(writer, content, time)
        elif isinstance(content, Surroundings):
            self.environment.update(content.facts)
            if content.folder:
                self.unexplored.append(content)
        self._touch(time, writer, is_logged=not isinstance(content, Sample | Lines))

    def _alert(self, content: Alert, time: int) -> None:
        earliest = time / 1e6 - content.wait_seconds * 1e3
        if any(each["title"] == content.title and each["time_unix_ms"] > earliest for each in self.alerts):
            return
        alert = {
            "title": content.title,
            "text": content.text,
            "level": content.level,
            "time_unix_ms": time / 1e6,
        }
        self.alerts = [*self.alerts[-_ALERTS_MAX + 1 :], alert]
        self.new_alerts.append(alert)
        self.alert_count += 1
        self.note_change()

    def warn(self, title: str, text: str, time: int) -> None:
        """Raises an alert that no writer has raised; `time` in nanoseconds since 1970 UTC."""
        self._alert(Alert(title, text, "WARN", _WARNING_SECONDS), time)

    # -- alert rules -----------------------------------------------------------------------------------------------

    def watch_by(self, texts: Iterable[str]) -> None:
        """Adds alert rules; one that cannot be understood is said in the run's health."""
        parsed: list[Rule] = []
        for text in texts:
            try:
                parsed.append(parse(text))
            except ValueError as error:
                self.health.refuse(str(error))
        if parsed:
            rules = Rules([*(self._rules.rules if self._rules is not None else ()), *parsed])
            rules.restore(self._rules_seen if self._rules is None else self._rules.dump())
            self._rules = rules

    def check_silence(self, now: int) -> bool:
        """Raises the alerts of rules about silence; returns whether there were any. `now` in nanoseconds."""
        if self._rules is None:
            return False
        firings = self._rules.evaluate_clock(now, self.activity_time, self.state)
        self._fire(firings)
        return bool(firings)

    def _warn_of_end(self, writer: Writer, time: int) -> None:
        """Raises an alert of a rank that has ended badly while others go on: of the first one, which takes others with it."""
        ended = [
            other
            for other in ranks.current(self.writers.values())
            if not other.is_open and other.state is not RunState.FINISHED and other is not writer
        ]
        if writer.state is not RunState.FINISHED and not ended:
            self.warn(*ranks.end_words(writer), time)

    def check_ranks(self, now: int) -> bool:
        """Raises one alert of the ranks that have fallen silent; returns whether there are any. `now` in nanoseconds."""
        silent = ranks.newly_silent(self.writers.values(), now)
        for writer in silent:
            writer.is_silent = True
        if silent:
            self.warn(*ranks.silence_words(silent, now), now)
        return bool(silent)

    def _fire_state(self, time: int) -> None:
        if self._rules is not None:
            self._fire(self._rules.evaluate_state(self.state, time))

    def _fire(self, firings: Iterable[Firing]) -> None:
        for firing in sorted(firings, key=lambda each: each.time):
            # A rule about an end never waits; what was replayed after a crash is told apart by its text.
            wait_seconds = 0.0 if isinstance(firing.rule, StateRule) else WAIT_SECONDS
            self._alert(Alert(firing.title, firing.text, firing.level, wait_seconds), firing.time)

    def _add_sample(self, writer: Writer, sample: Sample, time: int) -> None:
        """Adds what was measured as points of the stream "system"; neither summary nor steps of the run know of them."""
        step = writer.steps.current
        writer.steps.current += 1
        keys = tuple(system_key(sample.host, name) for name in sample.values)
        if keys:
            words = np.array([list(sample.values.values())], np.float64).view(np.uint64)
            types, steps, times = bytes((DOUBLE,)) * len(keys), np.array([step]), np.array([time])
            self.tail.append(keys, types, steps, times, words)
            if self._rules is not None:
                self._fire(self._rules.evaluate_rows(keys, types, steps, times, words))
        self.system_metrics = {**self.system_metrics, sample.host: sample.values}

    def edit(self, change: Changes | Update) -> None:
        """Changes config, summary or what a person calls the run."""
        if isinstance(change, Update):
            self._update(change)
            return
        target = self.config if change.target == "config" else self.summary.by_hand
        target.update(
            {
                key: self._expect(key, value) if isinstance(value, Task) else value
                for key, value in change.values.items()
            }
        )
        for key in change.removed:
            target.pop(key, None)

    def apply_rows(
        self,
        writer: Writer,
        keys: tuple[str, ...],
        types: bytes,
        flags: Int64Array,
        steps: Int64Array,
        times: Int64Array,
        words: npt.NDArray[np.uint64],
        texts: list[tuple[int, str, str | Task]],
    ) -> None:
        """Adds n rows of one key set and the texts among them; shapes as in `tail.Tail.append`."""
        text_keys = tuple(dict.fromkeys(key for _, key, _ in texts))
        if text_keys:
            self._check_room((*keys, *text_keys))
        layout = self._layout(keys, types)
        assigned, late = writer.steps.assign(flags, steps)
        kept: Int64Array | None = None
        if late.any():
            late_count = int(late.sum())
            if writer.drops_late_steps:
                self.health.dropped_late_row_count += late_count
                kept = np.flatnonzero(~late)
                assigned, times, words = assigned[kept], times[kept], words[kept]
            else:
                self.health.late_row_count += late_count
        self.health.accepted_row_count += len(assigned)
        writer.row_count += len(assigned)
        if (text_keys or layout.last_writer is not writer) and len(writer.metrics) < METRICS_MAX:
            layout.last_writer = writer
            writer.metrics.update(dict.fromkeys((*keys, *text_keys)[:METRICS_MAX]))
        if len(assigned):
            writer.progress.note(assigned, times, has_given_steps=bool(flags[-1] & FLAG_STEP))
            self._add(layout, assigned, times, words, text_keys)
            positions = None if kept is None else {int(row): place for place, row in enumerate(kept)}
            for row, key, text in texts:
                place = row if positions is None else positions.get(row)
                if place is not None:
                    self._add_text(key, int(assigned[place]), int(times[place]), text)
            self._touch(int(times[-1]), writer)

    def _add(
        self,
        layout: _Layout,
        steps: Int64Array,
        times: Int64Array,
        words: npt.NDArray[np.uint64],
        text_keys: tuple[str, ...],
    ) -> None:
        if layout.keys:
            if not layout.is_marked:
                self._mark(layout)
            self.tail.append(layout.keys, layout.types, steps, times, words)
            self.summary.add_rows(layout.metrics, layout.type_codes, steps, words)
            if self._rules is not None:
                self._fire(self._rules.evaluate_rows(layout.keys, layout.types, steps, times, words))
        elif not text_keys:
            self.tail.append((ROW_KEY,), bytes((BOOL,)), steps, times, np.ones((len(steps), 1), np.uint64))
        if layout.version != self.definitions.version:
            layout.synced = self.definitions.synced_steps(layout.keys)
            layout.version = self.definitions.version
        synced = layout.synced
        if text_keys:
            synced = self.definitions.synced_steps((*layout.keys, *text_keys))
        for step_metric in synced:
            last = self.summary.last_number(step_metric)
            if last is not None:
                kind, word = last
                inserted = self._layout((step_metric,), bytes((kind,)))
                self._mark(inserted)
                same = np.full((len(steps), 1), word, np.uint64)
                self.tail.append(inserted.keys, inserted.types, steps, times, same)
                self.summary.add_rows(inserted.metrics, inserted.type_codes, steps, same)

    def _mark(self, layout: _Layout) -> None:
        is_truth = layout.type_codes == BOOL
        self.summary.mark(layout.metrics[is_truth], "bool")
        self.summary.mark(layout.metrics[~is_truth], "number")
        layout.is_marked = True

    def _add_text(self, key: str, step: int, time: int, text: str | Task) -> None:
        if isinstance(text, Task):
            kind: Kind = text.kind  # type: ignore[assignment]  # of the contract
            cell = Cell("")
            document = self._expect(key, text, cell)
            self.tail.append_text(key, kind, step, time, cell)
            self._add_object(key, kind, step, document)
            return
        is_json = isinstance(text, Json)
        text_kind: Kind = "other" if is_json else "string"
        self.tail.append_text(key, text_kind, step, time, str(text))
        value: Any = text
        if is_json:
            with contextlib.suppress(ValueError):
                value = json.loads(text)
        self._add_object(key, text_kind, step, value)

    def _add_object(self, key: str, kind: Kind, step: int, value: Any) -> None:
        metrics = self.summary.indices([key])
        self.summary.mark(metrics, kind)
        self.summary.add_object(int(metrics[0]), step, value)

    def _expect(self, key: str, task: Task, cell: Cell | None = None) -> dict[str, Any]:
        """Lets a typed record wait to be encoded; returns its document, which will be filled."""
        document: dict[str, Any] = {}
        waiting = Unencoded(key, task, document, cell)
        waiting.finish({"type": task.kind, "pending": True})
        self.unencoded.append(waiting)
        self.unencoded_bytes += len(task.message) + len(task.data.inline)
        self.tail.data_bytes += task.data.size_bytes
        return document

    def _layout(self, keys: tuple[str, ...], types: bytes) -> _Layout:
        layout = self._layouts.get((keys, types))
        if layout is None:
            self._check_room(keys)
            layout = _Layout(keys, types, self.summary.indices(keys), np.frombuffer(types, np.uint8))
            self._layouts[(keys, types)] = layout
        return layout

    def _check_room(self, keys: Iterable[str]) -> None:
        """Raises InvalidArgument when metrics are too many to be added."""
        new = self.summary.new(keys)
        if new and self.summary.metric_count + len(new) > config.METRICS_PER_RUN_MAX:
            raise InvalidArgument(
                f"the run has {self.summary.metric_count} metrics; the limit is {config.METRICS_PER_RUN_MAX}: "
                f"{new[0][:24]!r}… is not added",
                limit=config.METRICS_PER_RUN_MAX,
            )

    def _update(self, update: Update) -> None:
        for name in ("name", "notes", "tags", "group", "job_type", "preempting", "archived"):
            value = getattr(update, name)
            if value is not None:
                setattr(self, name, value)

    def _fill(self, start: Update) -> None:
        """Takes from a later writer only what the run does not have yet."""
        for name in ("notes", "tags", "group", "job_type"):
            if not getattr(self, name) and getattr(start, name) is not None:
                setattr(self, name, getattr(start, name))

    def note_change(self, *, is_logged: bool = True) -> None:
        """Has readers look at the run again; where nothing was logged, at what is measured and printed alone."""
        self.revision += 1
        if is_logged:
            self.logged_revision = self.revision

    def renew(self, revision: int) -> None:
        """Has readers look at the whole run again: it is another one in memory."""
        self.revision = self.logged_revision = revision

    def _touch(self, time: int, writer: Writer, *, is_logged: bool = True) -> None:
        # A clock that was set back must not take the run back.
        self.update_time = max(self.update_time, time)
        writer.update_time = max(writer.update_time, time)
        if writer.role != "observer":
            self.activity_time = max(self.activity_time, time)
            self.is_stalled = False
            writer.is_silent = False
        self.note_change(is_logged=is_logged)

    @property
    def summary(self) -> Summary:
        """What is known of each metric; of a run from the catalog it is decoded at the first use: most read points alone."""
        if isinstance(self._summary, bytes):
            self._summary = Summary.load(self._summary)
        return self._summary

    def replace_summary(self, summary: Summary) -> None:
        """Puts another summary in the place of this one, after a rewind or a fork."""
        self._summary = summary
        self._layouts.clear()  # they hold positions in the former
        self.note_change()

    # -- keeping ---------------------------------------------------------------------------------------------------

    @property
    def next_step(self) -> int:
        """The next automatic step of the primary writer, or of the writer that is furthest."""
        writers = [writer for writer in self.writers.values() if writer.role != "observer"]
        steps = [writer.steps.current for writer in writers if writer.role == "primary"]
        steps = steps or [writer.steps.current for writer in writers]
        return max(steps, default=0)

    def describe(self, whole: bool) -> dict[str, Any]:
        """Returns the run as JSON values: the brief form of docs/http_api.md, or the whole one."""
        document = self._facts(whole)
        if whole:
            document["writers"], document["ranks"] = ranks.describe(self.writers.values(), self.environment)
        return document

    def _facts(self, whole: bool) -> dict[str, Any]:
        document: dict[str, Any] = {
            "project": self.project,
            "run_id": self.run_id,
            "name": self.name or self.run_id,
            "state": self.state.value,
            "group": self.group,
            "job_type": self.job_type,
            "tags": self.tags,
            "notes": self.notes,
            "preempting": self.preempting,
            "archived": self.archived,
            "create_time_unix_ms": self.create_time / 1e6,
            "update_time_unix_ms": self.update_time / 1e6,
            "finish_time_unix_ms": None if self.finish_time is None else self.finish_time / 1e6,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "next_step": self.next_step,
            "durable_step": self.durable_step,
            "synced_step": self.synced_step,
            "metric_count": self.summary.metric_count,
            "revision": self.revision,
            "logged_revision": self.logged_revision,
            "ingest_health": dict(vars(self.health)),
            "process": self.process,
            "end_reason": self.end_reason,
            "stalled": self.is_stalled,
            "forked_from": self.forked_from,
            "rewinds": self.rewinds,
        }
        if whole:
            document |= {
                "environment": self.environment,
                "system_metrics": self.system_metrics,
                "config": self.config,
                "summary": self.summary.read(self.definitions),
                "traceback": self.traceback,
                "metric_definitions": self.definitions.dump(),
                "alerts": self.alerts,
                "files": self.describe_files(),
            }
        return document

    def describe_files(self) -> list[dict[str, Any]]:
        """Returns the files that are kept, by path, as JSON values."""
        return [{"path": path, **facts} for path, facts in sorted(self.files.items())]

    def dump(self) -> dict[str, Any]:
        """Returns everything but the points and the summary's columns as JSON values, for the catalog."""
        return {
            "version": 1,
            **self._facts(whole=True),
            "create_time": self.create_time,
            "update_time": self.update_time,
            "finish_time": self.finish_time,
            "activity_time": self.activity_time,
            "metric_kinds": self.summary.kinds(),
            "rules_seen": self._rules_seen if self._rules is None else self._rules.dump(),
            "writers": [writer.describe() | writer.dump() for writer in self.writers.values()],
        }

    @staticmethod
    def load(data: dict[str, Any], summary: bytes) -> Run:
        """Returns a run from `dump` and `Summary.dump`, with nothing unsealed."""
        run = Run(data["project"], data["run_id"], data["create_time"])
        for name in ("name", "notes", "tags", "group", "job_type", "config", "update_time", "finish_time"):
            setattr(run, name, data[name])
        for name in (
            "exit_code",
            "traceback",
            "signal",
            "process",
            "durable_step",
            "preempting",
            "alerts",
            "revision",
        ):
            setattr(run, name, data[name])
        # Of documents that an older trackd wrote, these are missing.
        run.logged_revision = data.get("logged_revision", run.revision)
        run.archived = data.get("archived", False)
        run.is_stalled = data.get("stalled", False)
        run.environment = data.get("environment", {})
        run.system_metrics = data.get("system_metrics", {})
        run.end_reason = data.get("end_reason", "")
        run.forked_from = data.get("forked_from")
        run.rewinds = data.get("rewinds", [])
        run._rules_seen = data.get("rules_seen", {})
        run.activity_time = data.get("activity_time", run.update_time)
        run.state = RunState(data["state"])
        run.health = IngestHealth(**data["ingest_health"])
        run.files = {
            file["path"]: {name: value for name, value in file.items() if name != "path"}
            for file in data.get("files", ())
        }
        run.definitions = Definitions.load(data["metric_definitions"])
        run._summary = summary
        run.writers = {each["writer_id"]: Writer.load(each, run.state) for each in data["writers"]}
        return run


@dataclass
class _Layout:
    """A key set with its metrics' positions in the summary and the step metrics that join its rows."""

    keys: tuple[str, ...]
    types: bytes
    metrics: Int64Array
    type_codes: npt.NDArray[np.uint8]
    synced: list[str] = field(default_factory=list)
    version: int = -1
    is_marked: bool = False  # whether the summary knows the kinds of these keys' values
    last_writer: Writer | None = None  # whose metrics hold these keys already


def brief_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the brief form of a run's whole document, or of what the catalog keeps."""
    return {
        name: value
        for name, value in document.items()
        if name not in _BRIEF_WITHOUT and not name.endswith("_time")
    }

"""Owns `Run`: what a person holds while training.

Invariants: a run has no state of its own beyond what it must answer at once (ids, names, config, the mirror of the step);
every call turns into records in the spool, and the daemon decides what they mean. `log` raises only for data that is no
data (see `Run.log`), never because of disk, daemon or network.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from trackd import (
    _capture,
    _config,
    _definition,
    _exit,
    _files,
    _frames,
    _leaves,
    _notebook,
    _record,
    _resume,
    _row,
    _summary,
    _values,
    _wire,
    _writer_life,
)
from trackd._definition import Metric
from trackd._question import AskedRun
from trackd._record import Draft, Record
from trackd._row import INT64_MAX, History, Row
from trackd._shipper import Shipper, Writer, tell
from trackd._spool import Spool
from trackd.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

    from trackd._settings import Settings
    from trackd._table import Table
    from trackd._watch import Watcher


class Run(AskedRun):
    """A run of an experiment. Made by `trackd.init`."""

    def __init__(
        self,
        *,
        project: str,
        run_id: str,
        name: str,
        notes: str | None,
        tags: tuple[str, ...],
        group: str | None,
        job_type: str | None,
        folder: str,
        store: str,
        mode: str,
        role: str,
        settings: Settings,
        shipper: Shipper | None,
        starting_step: int | None = None,
        origin: tuple[str, str, int] | None = None,
    ) -> None:
        """Opens a writer of the run; called by `trackd.init`, which documents the arguments."""
        super().__init__(
            project=project, run_id=run_id, name=name, notes=notes, tags=tags, group=group, job_type=job_type,
            folder=folder, mode=mode, settings=settings,
        )  # fmt: skip
        self._store = store
        self._role = role
        self._shipper = shipper
        self._starting_step = starting_step
        self._origin = origin
        self._next_step = starting_step or 0
        self._late_warned = False
        self._late_keep = settings.late_steps == "keep"
        self._finished = False
        self._finish_lock = threading.RLock()
        self._watcher: Watcher | None = None
        self._last_words: _exit.LastWords | None = None
        self._card: _notebook.Card | None = None
        self.on_end: Callable[[Run], None] = lambda run: None  # told once, when the run has ended
        self.note_folder = ""  # where `resume="auto"` remembers the run until it ends well
        self.config = _config.Config(self._write_config)
        self.summary = _summary.Summary(self._write_summary, self._read_summary)
        self.history = History(self)
        self._spool = Spool(os.path.join(store, "log"), self._begin, os.urandom(16).hex())
        self._append_row = self._spool.append_row
        self._spool.ensure_part()
        _record.hold_by(self._spool.hold)
        self._capture = _capture.Capture(settings, self._spool, has_surroundings=role != "helper")
        self._writer = Writer(self._spool, project, run_id)
        self._writer.chore = self._do_chore
        self._writer.is_quiet = settings.quiet
        if shipper is not None:
            shipper.add(self._writer)

    # -- logging ---------------------------------------------------------------------------------------------------

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Logs a row of values; when it returns, the row survives the death of this process and of the daemon.

        Args:
            data: Values by metric name. Numbers (Python, NumPy, 0-d tensors), text, bools, None, lists and nested dicts
                of them, and typed records such as `trackd.Image`, alone or as a list of one kind; figures of Matplotlib,
                Plotly and Bokeh, DataFrames and PIL images are records too. Nested dicts become dotted names. Copied at
                the call and never changed.
            step: The step of the row, 0 to 2^63-1. Without it the row takes the next step by itself.
            commit: Whether the step is done with this call; by default it is when `step` is not given.
            sync: Accepted for older scripts; does nothing.

        Raises:
            TypeError: `data` is no mapping, a key is no text, or a value cannot be serialised. The other values of the
                row are kept.
            ValueError: a key is empty or over 512 bytes, a value is over 1 MiB as text, or a record cannot be encoded. The
                other values are kept.
            UsageError: the run is finished.
        """
        if step is None and commit is None:
            if self._append_row(data, 0, 0):  # type: ignore[arg-type]
                self._next_step += 1
                return
        elif (
            commit is None
            and type(step) is int
            and 0 <= step <= INT64_MAX
            and (step >= self._next_step or self._late_keep)
            and self._append_row(data, _frames.FLAG_STEP, step)  # type: ignore[arg-type]
        ):
            self._next_step = max(self._next_step, step)
            return
        self._log(data, step, commit)

    def _log(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        """Logs any row: checks it, flattens it, and writes it as fixed-width numbers when it is nothing else."""
        if self._finished:
            raise UsageError(
                f"run {self._id} is finished: `log` needs a running run; call trackd.init() for a new one"
            )
        if not isinstance(data, Mapping):
            raise TypeError(f"log() takes a dict of values by name; got {type(data).__name__}")
        step = _row.check_step(step)
        if step is not None and step < 0:
            self._warn(f"step is {step}; the smallest is 0: this row is not kept")
            self._spool.refused_count += 1
            return
        if step is not None and step < self._next_step and not self._late_keep:
            self._warn_late(step)
        row = Row(data)
        if row.items or not row.problems:
            is_fixed_width = self._write_row(row, step, commit)
            if is_fixed_width and not row.problems and type(data) is dict:
                self._spool.learn(data)
        if row.problems:
            raise row.problems[0]

    def _write_row(self, row: Row, step: int | None, commit: bool | None) -> bool:
        """Writes a row; returns whether as fixed-width numbers."""
        flags = (0 if step is None else _frames.FLAG_STEP) | (
            0 if commit is None else _frames.FLAG_COMMIT if commit else _frames.FLAG_HOLD
        )
        numbers: Any = list(row.items.items())
        is_fixed_width = row.is_numbers and self._spool.append_numbers(numbers, flags, step or 0, row.time_ns)
        if not is_fixed_width:
            body = _wire.row(row.items.items(), step, commit)
            self._spool.append_record(_wire.ROW, body, row.time_ns, row.draft)
        if step is None or step >= self._next_step:  # a late row moves nothing
            commits = commit or (commit is None and step is None)
            self._next_step = min((self._next_step if step is None else step) + bool(commits), INT64_MAX)
        return is_fixed_width

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Defines how a metric is drawn and summarised.

        Args:
            name: The metric's name, or a prefix followed by `*`. A whole name wins over a glob, the longer glob over the
                shorter, the later over the earlier.
            step_metric: The metric that is the x axis.
            step_sync: Whether the last value of `step_metric` joins rows that lack it; by default it does when
                `step_metric` is given. A step metric that was never logged joins nothing.
            hidden: Whether its chart is left out by default.
            summary: What the summary keeps: one or several of min, max, mean, best, first, last, copy, none, separated
                by commas.
            goal: "minimize" or "maximize", for `best`.
            overwrite: Whether earlier definitions of the name are forgotten; otherwise they are merged.

        Raises:
            Error: an argument is not one of these.
        """
        metric, body = _definition.define(name, step_metric, step_sync, hidden, summary, goal, overwrite)
        self._check_running("define_metric")
        self._spool.append_record(_wire.METRIC_DEFINITION, body)
        return metric

    def alert(self, title: str, text: str = "", level: Any = "INFO", wait_duration: Any = 0) -> None:
        """Asks for the user's attention; docs/alerts.md says where an alert goes.

        Args:
            title: One line.
            text: More words.
            level: "INFO", "WARN" or "ERROR".
            wait_duration: The least time between two alerts of one title, in seconds or as a `timedelta`; others are left
                out.

        Raises:
            ValueError: the level is none of these.
        """
        self._check_running("alert")
        level_name = str(getattr(level, "value", level)).upper()
        if level_name not in _wire.ALERT_LEVELS:
            raise ValueError(f"alert level is {level!r}; it can be INFO, WARN or ERROR")
        seconds = (
            wait_duration.total_seconds() if hasattr(wait_duration, "total_seconds") else float(wait_duration)
        )
        self._spool.append_record(_wire.ALERT, _wire.alert(str(title), str(text), level_name, seconds))
        if str(title) not in self._writer.own_alerts and not self._settings.quiet:
            tell(f"alert: {title}" + (f": {text}" if text else ""))
        self._writer.own_alerts.add(str(title))

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> list[Table]:
        """Logs histograms of the gradients or parameters of PyTorch models while they train; see docs/watching_models.md.

        Args:
            models: A `torch.nn.Module`, or a list of them. One that is watched already is watched anew.
            criterion: Accepted for older scripts.
            log: "gradients", "parameters", "all", or None for neither.
            log_freq: At every so many-th backward pass gradients are taken, at every so many-th forward pass parameters;
                below 1 counts as 1.
            idx: The number of the first of the models; by default they are counted. From 1 on it is part of the names.
            log_graph: Whether the summary gets a table of the modules, `graph_0` and so on.

        Returns:
            These tables, one a model.

        Raises:
            TypeError: a model is no `torch.nn.Module`, or a number no integer.
            ValueError: `log` is none of these, another model has the number, or the model's graph is logged already.
            UsageError: the run is finished.
        """
        self._check_running("watch")
        if self._watcher is None:
            from trackd import _watch

            _watch.check(models, log)
            self._watcher = _watch.Watcher(self, self._write_watched, self._warn)
        return self._watcher.watch(models, log, log_freq, idx, log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Ends `watch` for a model or a list of models, or for all."""
        if self._watcher is not None:
            self._watcher.unwatch(models)

    def _write_watched(self, key: str, record: Record, step: int, now: int) -> None:
        draft = Draft()
        leaf = _leaves.leaf(key, record, draft)
        # Not through `log`: the row may be over, and a row from another thread must not move the step.
        self._spool.append_record(_wire.ROW, _wire.row([(key, leaf)], step, None), now, draft)

    def mark_preempting(self) -> None:
        """Says that the scheduler is about to preempt this run."""
        self._check_running("mark_preempting")
        self._spool.append_record(_wire.RUN_UPDATE, _wire.run_update(preempting=True))

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Keeps files with the run, as they are now.

        Args:
            glob_str: A path or a glob.
            base_path: The folder that paths in the run are relative to; by default the working folder.
            policy: "live", "now" or "end"; accepted for older scripts, all keep the file as it is at the call.

        Returns:
            The paths of the files in the run; empty when the glob names none.

        Raises:
            ValueError: the policy is none of these, or a file lies outside of `base_path`.
        """
        if policy not in ("live", "now", "end"):
            raise ValueError(f'policy is {policy!r}; it can be "live", "now" or "end"')
        self._check_running("save")
        base = None if base_path is None else os.fspath(base_path)
        return self._keep_files(_files.saved(os.fspath(glob_str), base), "saved")

    def log_code(
        self,
        root: str | os.PathLike[str] = ".",
        name: str | None = None,
        include_fn: Callable[[str], bool] | None = None,
        exclude_fn: Callable[[str], bool] | None = None,
    ) -> list[str]:
        """Keeps the source files under a folder with the run, under `code/`.

        Args:
            root: The folder; hidden folders, caches and builds in it are left out.
            name: Accepted for older scripts.
            include_fn: Says of an absolute path whether it is kept; by default source files by their ending are.
            exclude_fn: Says of an absolute path whether it is left out all the same.

        Returns:
            The paths of the files in the run.
        """
        self._check_running("log_code")
        return self._keep_files(_files.code(os.fspath(root), include_fn, exclude_fn), "code")

    def _keep_files(self, files: Iterable[tuple[str, str]], purpose: str) -> list[str]:
        paths = []
        for path, absolute in files:
            try:
                body = _files.record(path, absolute, purpose)
            except OSError as error:
                self._warn(f"file {absolute} cannot be read ({error.strerror}): it is not kept")
                continue
            self._spool.append_record(_wire.FILE, body)
            paths.append(path)
        return paths

    # -- what is recorded by itself --------------------------------------------------------------------------------

    def begin_capture(self, on_text: Callable[[str, str], None] | None = None) -> None:
        """Begins to record what is recorded by itself, and shows the run in a notebook; called by `trackd.init`.

        `on_text` hears (stream, text) of what the console is written, as it comes.
        """
        if not self._settings.quiet and self._role != "helper":
            self._card = _notebook.Card(self)
        self._capture.start(self._nudge, on_text)

    def end_capture(self) -> None:
        """Gives the console back, with everything kept that was written to it."""
        self._capture.stop()

    def _nudge(self) -> None:
        if self._shipper is not None:
            self._shipper.nudge()

    def _do_chore(self) -> bool:
        """Does, in the shipper's thread, what can wait a moment; returns whether there is more to do soon."""
        if self._card is not None:
            self._card.update()
        return self._capture.flush()

    def go_on(self, config: Mapping[str, Any], is_archived: bool, timeout_seconds: float) -> None:
        """Goes on behind what a run of this id has logged before; called by `trackd.init`."""
        self._resumed = True
        self._archived = is_archived
        self.config.preload(config)
        if self._shipper is not None and self._shipper.flush(
            self._writer, self._spool.sequence, timeout_seconds
        ):
            self._starting_step = self._writer.next_step
            self._next_step = max(self._next_step, self._starting_step or 0)

    # -- the end ---------------------------------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Ends the run. When it returns, everything logged is on the disk; calling it again does nothing.

        Args:
            exit_code: 0 or None for success; anything else marks the run failed.
            quiet: Accepted for older scripts; leaves out the last line.
        """
        self.end(exit_code or 0, "", bool(quiet))

    def end(self, exit_code: int, traceback: str, quiet: bool = False, signal: int = 0) -> None:
        """Ends the run as `finish` does; `signal` is the one that ended the program, 0 for none."""
        with self._finish_lock:
            if self._finished:
                return
            if self._watcher is not None:
                self._watcher.close(self._settings.finish_timeout_seconds)
            if self.history.row:
                try:
                    self.history.add()
                except (TypeError, ValueError) as error:
                    tell(f"a part of the last row is not kept: {error}")
            self._capture.stop()
            _record.no_longer_by(self._spool.hold)
            self._finished = True
            self._append_row = _refuse_row
        if self._role == "helper" and self._spool.sequence == 0:
            self.on_end(self)  # a forked child that logged nothing leaves nothing
            return
        ending = _writer_life.end(
            self._spool,
            self._writer,
            self._shipper,
            exit_code,
            traceback,
            signal,
            self._settings.finish_timeout_seconds,
        )
        if self.note_folder and exit_code == 0:
            _resume.remove_note(self.note_folder)
        if self._last_words is not None:
            self._last_words.close()
        if self._card is not None:
            self._card.close("finished" if exit_code == 0 else f"failed ({exit_code})")
        self.on_end(self)
        if not (quiet or self._settings.quiet or self._role == "helper"):
            for sentence in ending.sentences(self._name):
                tell(sentence)

    def __enter__(self) -> Self:
        """Returns the run; the end of the block finishes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the run, as failed when the block raised."""
        if kind is None or error is None:
            self.end(0, "")
            return
        code = _exit.code_of(error)
        self.end(code, _exit.format_exception(kind, error, trace) if code else "")

    # -- where the run is -------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """The step that the next `log` without a step takes. Never blocks."""
        return min(self._next_step, INT64_MAX)

    @property
    def starting_step(self) -> int:
        """The first automatic step."""
        return self._starting_step or 0

    def __repr__(self) -> str:
        """Shows project, id and name."""
        return f"<trackd.Run {self._project}/{self._id} {self._name!r}>"

    def _repr_html_(self) -> str:
        """Shows the run as a card, where a notebook's cell ends with it."""
        return _notebook.card(self, "ended" if self._finished else "running")

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        """Returns the run itself: there is one."""
        return self

    def __reduce__(self) -> Any:
        """Lets a run travel to another process, which then writes it as a helper of its own."""
        from trackd._init import attach

        return attach, (self._project, self._id, self._name, self._folder, self._store, self._settings)

    # -- records ---------------------------------------------------------------------------------------------------

    def _begin(self, writer_id: str) -> bytes:
        """Encodes the WriterBegin record of this process."""
        change = _wire.run_update(self._name, self._notes, self._tags or None, self._group, self._job_type)
        return _writer_life.begin(
            self._project,
            self._id,
            writer_id,
            self._role,
            change,
            self._settings,
            self._starting_step,
            self._origin,
        )

    def _update(self, **fields: Any) -> None:
        self._check_running("update")
        self._spool.append_record(_wire.RUN_UPDATE, _wire.run_update(**fields))

    def _write_config(self, changed: Mapping[str, Any], removed: list[str]) -> None:
        self._check_running("config")
        from trackd import _redact

        # The program keeps the value itself; what is written has no secrets.
        plain = {key: _values.plain(key, value) for key, value in changed.items()}
        items = [(key, _values.leaf(key, value)) for key, value in _redact.redact_mapping(plain).items()]
        self._spool.append_record(_wire.CONFIG_UPDATE, _wire.changes(items, removed))

    def _write_summary(self, changed: Mapping[str, Any], removed: list[str]) -> None:
        self._check_running("summary")
        draft = Draft()
        items = [
            (key, _leaves.leaf(key, value, draft, _leaves.SUMMARY_ELEMENTS_MAX))
            for key, value in changed.items()
        ]
        self._spool.append_record(_wire.SUMMARY_UPDATE, _wire.changes(items, removed), draft=draft)

    def _check_running(self, name: str) -> None:
        if self._finished:
            raise UsageError(f"run {self._id} is finished: `{name}` needs a running run")

    def _warn(self, sentence: str) -> None:
        try:
            warnings.warn(sentence, stacklevel=4)
        except Warning:
            tell(sentence)  # warnings are errors here, and log() raises none

    def _warn_late(self, step: int) -> None:
        if not self._late_warned:
            self._late_warned = True
            self._warn(
                f"step {step} is behind the current step {self._next_step}: this and later rows like it are ignored, "
                'as settings={"late_steps": "drop"} asks'
            )

    def become_helper(self) -> None:
        """Makes the run, in a forked child, a helper with a log of its own."""
        self._role = "helper"
        self._shipper = None
        self._origin, self._starting_step = None, None
        self._finish_lock = threading.RLock()
        if self._last_words is not None:
            self._last_words.forget()
            self._last_words = None
        self._next_step = 0
        self.history.row = {}  # the parent adds it
        self._spool.after_fork(os.urandom(16).hex())
        self._append_row = self._spool.append_row
        self._writer = Writer(self._spool, self._project, self._id)
        self._card = None
        self._capture.after_fork()


def _refuse_row(data: object, flags: int, step: int) -> bool:
    """Stands in for the spool of a finished run: sends every row the long way, where it is refused."""
    return False

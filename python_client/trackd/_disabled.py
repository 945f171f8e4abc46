"""Owns the run of `mode="disabled"`: it checks what a run checks and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trackd import _config, _leaves, _row, _settings, _summary, _values
from trackd._identity import Identity
from trackd._record import Draft
from trackd._row import History
from trackd._run import Run
from trackd._shipper import Writer
from trackd._table import Table


class _NoSpool:
    """Takes records and forgets them."""

    def append_record(
        self, field: int, body: bytes, now: int | None = None, draft: Draft | None = None
    ) -> int:
        return 0


class DisabledRun(Run):
    """A run that keeps nothing: no daemon, no file, no thread."""

    def __init__(
        self, *, project: str, run_id: str, name: str, notes: str | None, tags: tuple[str, ...], group: str | None,
        job_type: str | None, folder: str, settings: _settings.Settings,
    ) -> None:  # fmt: skip
        Identity.__init__(
            self, project=project, run_id=run_id, name=name, notes=notes, tags=tags, group=group, job_type=job_type,
            folder=folder, mode="disabled", settings=settings,
        )  # fmt: skip
        self._role, self._store, self.note_folder = "primary", "", ""
        self._next_step, self._starting_step = 0, None
        self._shipper = None
        self._spool = _NoSpool()  # type: ignore[assignment]
        self._writer = Writer(self._spool, project, run_id)
        self._finished = False
        self.on_end = lambda run: None
        values: dict[str, Any] = {}
        self.config = _config.Config(lambda changed, removed: None)
        self.summary = _summary.Summary(lambda changed, removed: None, lambda: values)
        self._values = values
        self.history = History(self)

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Remembers the last values for the summary; raises as `Run.log`."""
        self._check_running("log")
        if not isinstance(data, Mapping):
            raise TypeError(f"log() takes a dict of values by name; got {type(data).__name__}")
        step = _row.check_step(step)
        problems: list[Exception] = []
        for key, value in _values.flatten(data, problems):
            try:
                record = _leaves.find_record(_values.check_key(key), value)
                self._values[key] = _values.plain(key, value) if record is None else record
            except (TypeError, ValueError) as problem:
                problems.append(problem)
        if step is None or step >= self._next_step:
            commits = commit or (commit is None and step is None)
            self._next_step = (self._next_step if step is None else step) + bool(commits)
        if problems:
            raise problems[0]

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> list[Table]:
        """Checks models and `log`, and puts no hooks."""
        self._check_running("watch")
        from trackd import _watch

        _watch.check(models, log)
        return []

    def unwatch(self, models: Any = None) -> None:
        """Does nothing."""

    def _keep_files(self, files: Iterable[tuple[str, str]], purpose: str) -> list[str]:
        return [path for path, _ in files]

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Returns True: there is nothing to wait for."""
        return True

    def end(self, exit_code: int, traceback: str, quiet: bool = False, signal: int = 0) -> None:
        if not self._finished:
            self._finished = True
            self.on_end(self)

    @property
    def durable_sequence(self) -> int:
        """0: nothing is kept."""
        return 0

    @property
    def disabled(self) -> bool:
        """Always True."""
        return True

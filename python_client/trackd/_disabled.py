"""Owns the run of `mode="disabled"`: it checks what a run checks and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trackd import _config, _run, _settings, _summary
from trackd._run import History, Run


class DisabledRun(Run):
    """A run that keeps nothing: no daemon, no file, no thread."""

    def __init__(
        self, *, project: str, run_id: str, name: str, notes: str | None, tags: tuple[str, ...], group: str | None,
        job_type: str | None, folder: str, settings: _settings.Settings,
    ) -> None:  # fmt: skip
        self._project, self._id, self._name, self._notes, self._tags = project, run_id, name, notes, tags
        self._group, self._job_type, self._folder, self._settings = group, job_type, folder, settings
        self._mode, self._role, self._store = "disabled", "primary", ""
        self._next_step, self._starting_step, self._start_time = 0, None, 0.0
        self._shipper = None
        self._finished = False
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
        """Remembers the last values for the summary."""
        if not isinstance(data, Mapping):
            raise TypeError(f"log() takes a dict of values by name; got {type(data).__name__}")
        self._values.update(data)
        self._next_step = max(self._next_step, step or 0) + (step is None and commit is not False)

    def define_metric(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Defines nothing."""

    def alert(self, *args: Any, **kwargs: Any) -> None:
        """Asks nobody."""

    def mark_preempting(self) -> None:
        """Does nothing."""

    def _keep_files(self, files: Iterable[tuple[str, str]], purpose: str) -> list[str]:
        return [path for path, _ in files]

    def _check_running(self, name: str) -> None:
        pass

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Returns True: there is nothing to wait for."""
        return True

    def _update(self, **fields: Any) -> None:
        pass

    def _finish(self, exit_code: int, traceback: str, quiet: bool = False) -> None:
        if not self._finished:
            self._finished = True
            _run._forget(self)  # noqa: SLF001 - the end of a run is told in one place

    @property
    def durable_sequence(self) -> int:
        """0: nothing is kept."""
        return 0

    @property
    def disabled(self) -> bool:
        """Always True."""
        return True

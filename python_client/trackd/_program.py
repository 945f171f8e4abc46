"""Owns running any program as a run, for `trackd run`: its console, the metrics in what it prints, and how it ends.

Invariants: the program gets the terminal, the input and the signals that it would get without trackd, and its exit code is
the command's; whatever becomes of this process, the program goes on, and what it prints arrives.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trackd import _settings
from trackd._run import Run
from trackd._shipper import tell

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as a shell reports them
SIGNAL_BASE = 128  # a shell's code for signal n is 128 + n

_LINE_CHARACTERS_MAX = 65_536  # as a line of the console; what is behind is not looked at
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_OF_THE_TERMINAL = ("SIGINT", "SIGQUIT")  # it sends these to the program too

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
# A name, a sign of equality and a number, between blanks or punctuation: not `time=3s`, `a==1` or the end of `?x=1&y=2`.
_PAIR = re.compile(
    r"(?:^|(?<=[\s,;(\[{|]))([A-Za-z_][\w./-]{0,127})="
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:[+-]?inf|nan))(?=[\s,;)\]}|]|$)",
    re.ASCII,
)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def find(command: str) -> int:
    """Returns 0 when a program can be started under this name, else the code with which a shell says that it cannot."""
    if shutil.which(command) is not None:
        return 0
    return NOT_EXECUTABLE if os.path.sep in command and os.path.exists(command) else NOT_FOUND


def read_metrics(line: str) -> tuple[int | None, dict[str, int | float]]:
    """Returns the step and the values that a line names as `key=value`; a `step` of 0 or more is the step."""
    found: dict[str, int | float] = {}
    for key, text in _PAIR.findall(_ESCAPE.sub("", line[:_LINE_CHARACTERS_MAX])):
        found[key] = int(text) if _INTEGER.fullmatch(text) else float(text)
    step = found.get("step")
    if not isinstance(step, int) or step < 0:
        return None, found
    del found["step"]
    return step, found


class Metrics:
    """Logs the `key=value` pairs of each line as a row, once the line is complete."""

    def __init__(self, log: Callable[[dict[str, Any], int | None], None]) -> None:
        """Takes what is called with values and step."""
        self._log = log
        self._rests = {"stdout": "", "stderr": ""}

    def hear(self, stream: str, text: str) -> None:
        """Takes what was written to a stream, cut anywhere."""
        *lines, rest = (self._rests[stream] + text).split("\n")
        # Of a progress bar only the last state counts, and a line without an end does not grow for ever.
        self._rests[stream] = (rest.rpartition("\r")[2] or rest)[:_LINE_CHARACTERS_MAX]
        for line in lines:
            self._read(line)

    def close(self) -> None:
        """Takes the lines that have no end."""
        for line in self._rests.values():
            self._read(line)

    def _read(self, line: str) -> None:
        if "=" in line:
            step, values = read_metrics(line.rstrip("\r").rpartition("\r")[2])
            if values:
                self._log(values, step)


class Program:
    """The program of one run, started by `start`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Takes the command, and what it finds in its environment beside what is there."""
        self._command = list(command)
        self._environment = {**_settings.environment(), **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []  # signals from before it was started

    def take_signals(self) -> None:
        """Has signals meant for the program go there, from now on."""
        for name in (*_FORWARDED, *_OF_THE_TERMINAL):
            number = getattr(signal, name, None)
            # What is ignored, as by nohup, is ignored by the program too.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._forward)

    def run(self) -> int:
        """Starts the program and returns how it ended: its exit code, or the negative number of a signal.

        Raises:
            OSError: it cannot be started.
        """
        self._process = subprocess.Popen(self._command, env=self._environment)
        for number in self._early:
            self._process.send_signal(number)
        return self._process.wait()

    def _forward(self, number: int, _frame: Any) -> None:
        if number in (signal.SIGINT, getattr(signal, "SIGQUIT", None)) and _is_in_foreground():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def run(
    command: Sequence[str], environment: Mapping[str, str], open_run: Callable[..., Run], has_metrics: bool
) -> int:
    """Runs a program as a run, and returns the exit code of a shell.

    Args:
        command: The program and its arguments.
        environment: What the program finds in its environment beside what is there.
        open_run: Opens the run; takes `on_text`, which hears what is written to the console.
        has_metrics: Whether `key=value` pairs in what the program prints are metrics.
    """
    program = Program(command, environment)
    program.take_signals()
    opened: list[Run] = []
    metrics = Metrics(lambda values, step: opened[0].log(values, step=step))
    run = open_run(on_text=metrics.hear if has_metrics else None)
    opened.append(run)
    try:
        code = program.run()
    except OSError as error:
        tell(f"{command[0]}: {error.strerror or error}")
        run.end(NOT_EXECUTABLE, f"{command[0]}: {error.strerror or error}")
        return NOT_EXECUTABLE
    run.end_capture()
    metrics.close()
    if code < 0:
        run.end(SIGNAL_BASE - code, "", signal=-code)
        return SIGNAL_BASE - code
    run.end(code, "")
    return code


def _is_in_foreground() -> bool:
    """Says whether a terminal sends its signals to this process and so to the program."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False

"""Owns how a new run goes on with what was there before: resume, fork from a step, rewind to a step.

Invariant: nothing here waits for longer than `ASK_SECONDS`; where no daemon answers, the run begins all the same and the
daemon puts it behind what was there when it takes the log in.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, NamedTuple

from trackd import _question
from trackd._settings import variable
from trackd._shipper import Shipper
from trackd.errors import UsageError

ASK_SECONDS = 10.0  # a daemon is up in half a second; one that replays much may take longer
RESUME = ("allow", "must", "never", "auto")
_STEP_MAX = (1 << 63) - 2


class Moment(NamedTuple):
    """A run at a step: what `fork_from` and `resume_from` name."""

    run_id: str
    last_step: int


class Found(NamedTuple):
    """What is known of a run that was there before."""

    name: str
    notes: str
    tags: tuple[str, ...]
    archived: bool
    config: dict[str, Any]


def parse_moment(argument: str, given: str | None) -> Moment | None:
    """Returns what "RUN?_step=N" names; raises ValueError, naming the argument, when it is not of that form."""
    if given is None:
        return None
    run_id, _, rest = str(given).partition("?")
    name, _, digits = rest.partition("=")
    if not run_id or name != "_step" or not digits.isdecimal() or int(digits) > _STEP_MAX:
        raise ValueError(
            f"{argument} is {given!r}; it must be 'RUN_ID?_step=N' with a step from 0, such as 'abc123?_step=500'"
        )
    return Moment(run_id, int(digits))


def choose(given: bool | str | None) -> str | None:
    """Returns how to resume, from the argument or `TRACKD_RESUME`; raises ValueError for what is no such way."""
    value: Any = given if given is not None else variable("RESUME")
    if value is True or value == "true":
        return "auto"
    if value is None or value is False or value in ("false", ""):
        return None
    if value not in RESUME:
        raise ValueError(f"resume is {value!r}; it can be {', '.join(RESUME)}, True or False")
    return str(value)


def note_path(folder: str) -> str:
    """Returns where `resume="auto"` remembers a run that has not ended well; `folder` is that of all runs."""
    return os.path.join(folder, "resume.json")


def read_note(folder: str, project: str) -> str | None:
    """Returns the id of the run of a project that has not ended well, or None."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        with open(note_path(folder), encoding="utf-8") as file:
            note = json.load(file)
        if note.get("project") == project and isinstance(note.get("run_id"), str):
            return str(note["run_id"])
    return None


def write_note(folder: str, project: str, run_id: str) -> None:
    """Remembers a run; where the folder takes no file, nothing is remembered."""
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        with open(note_path(folder), "w", encoding="utf-8") as file:
            json.dump({"project": project, "run_id": run_id}, file)


def remove_note(folder: str) -> None:
    """Forgets the run that was remembered."""
    with contextlib.suppress(OSError):
        os.unlink(note_path(folder))


def find(shipper: Shipper, project: str, run_id: str) -> tuple[bool, Found | None]:
    """Asks the daemon for a run; returns whether it has answered, and the run when it is there."""

    def read(run: Any) -> tuple[bool, Found | None]:
        from trackd import _decode

        if run is None:
            return True, None
        return True, Found(run.name, run.notes, tuple(run.tags), run.archived, _decode.entries(run.config))

    return _question.ask_run(shipper, project, run_id, read, ASK_SECONDS) or (False, None)


def check(mode: str, run_id: str, has_answered: bool, found: Found | None) -> None:
    """Raises UsageError when a run must be there and is not, or must not be there and is."""
    if not has_answered:
        return
    if mode == "must" and found is None:
        raise UsageError(
            f'run {run_id!r} does not exist; resume="must" needs one: use resume="allow" to begin it'
        )
    if mode == "never" and found is not None:
        raise UsageError(
            f'run {run_id!r} exists already, and resume="never" forbids going on with it: give another id'
        )

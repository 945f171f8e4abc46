"""Owns how a writer begins and ends: its first record, which says what process it is, its last, and what became of them.

Invariant: an end waits no longer than it is given; what no daemon has taken by then is on the disk, or is told to be lost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from trackd import _settings, _surroundings, _wire
from trackd._version import VERSION

if TYPE_CHECKING:
    from trackd._settings import Settings
    from trackd._shipper import Shipper, Writer
    from trackd._spool import Spool


class Ending(NamedTuple):
    """How a writer has ended.

    Attributes:
        exit_code: The program's.
        signal: The signal that ended it; 0 for none.
        is_readable: Whether the daemon has said that all of it can be read.
        problem: Why the disk did not take records; empty when it took all.
        lost_count: Records and rows that are not kept.
        daemon_problem: Why no daemon took them; empty when that is not known, or one did.
        has_daemon: Whether one was to take them.
        message: What the daemon has said of them.
    """

    exit_code: int
    signal: int
    is_readable: bool
    problem: str
    lost_count: int
    daemon_problem: str
    has_daemon: bool
    message: str

    def sentences(self, name: str) -> list[str]:
        """Returns what a person is told of it; `name` is the run's."""
        state = "finished"
        if self.signal:
            state = f"was ended by signal {self.signal}"
        elif self.exit_code:
            state = f"failed with exit code {self.exit_code}"
        told = f"run {name} {state}"
        if self.problem:
            told += f", but {self.lost_count} records could not be kept: {self.problem}"
        elif self.is_readable or not self.has_daemon:
            told += f"; {self.lost_count} rows were refused" if self.lost_count else ""
        else:
            reason = f" ({self.daemon_problem})" if self.daemon_problem else ""
            told += f"; it is on the disk, and the daemon will take it from there{reason}"
        return [told, self.message] if self.message else [told]


def begin(
    project: str,
    run_id: str,
    writer_id: str,
    role: str,
    change: bytes,
    settings: Settings,
    starting_step: int | None,
    origin: tuple[str, str, int] | None,
) -> bytes:
    """Encodes the first record of a writer of this process; the arguments are those of `_wire.writer_begin`."""
    program, *arguments = _settings.command(settings)
    process = {
        "pid": os.getpid(),
        "host": _settings.host(),
        "program": program,
        "arguments": _without_secrets(arguments),
        "boot_id": _surroundings.boot_id(),
    }
    run_settings = _wire.run_settings(
        settings.late_steps,
        settings.system_interval_seconds,
        settings.stalled_after_seconds,
        settings.captures,
        settings.alert_rules,
    )
    client = f"python {VERSION}"
    return _wire.writer_begin(
        project, run_id, writer_id, role, change, process, run_settings, settings.label, client, starting_step, origin
    )  # fmt: skip


def end(
    spool: Spool,
    writer: Writer,
    shipper: Shipper | None,
    exit_code: int,
    traceback: str,
    signal: int,
    timeout_seconds: float,
) -> Ending:
    """Writes the last record, and waits until a daemon or the disk has everything; then closes the log."""
    sequence = spool.append_record(
        _wire.WRITER_FINISH, _wire.writer_finish(_int32(exit_code), traceback, signal)
    )
    problem = spool.problem
    is_readable = False
    if shipper is not None:
        is_readable = sequence > 0 and shipper.flush(writer, sequence, timeout_seconds)
    if not is_readable and problem is None:
        try:
            spool.sync()
        except OSError as error:
            problem = error.strerror or str(error)
    waiting_count = spool.waiting_count
    if shipper is not None:
        shipper.remove(writer)
    spool.close()
    return Ending(
        exit_code,
        signal,
        is_readable,
        (problem or "the disk is full") if waiting_count else "",
        waiting_count + spool.refused_count,
        (shipper.problem or "") if shipper is not None else "",
        shipper is not None,
        writer.ingest_message,
    )


def _without_secrets(arguments: list[str]) -> list[str]:
    if not arguments:
        return []
    from trackd import _redact

    return _redact.redact_arguments(arguments)


def _int32(exit_code: int) -> int:
    # What no system has is a failure all the same.
    return exit_code if -(1 << 31) <= exit_code < 1 << 31 else 1

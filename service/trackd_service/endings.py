"""Owns how a writer ended that has not said so itself: by its last words, and by what the system knows of its process."""

from __future__ import annotations

import signal as signal_module

from trackd_service import config
from trackd_service.exits import Exit, boot_id
from trackd_service.records import Finish
from trackd_service.run_states import Event, end_of
from trackd_service.runs import Run
from trackd_service.writers import Writer

_SIGTERM, _SIGSEGV, _SIGABRT, _SIGBUS, _SIGFPE, _SIGILL = 15, 11, 6, 7, 8, 4
_FATAL_SIGNALS = {
    "Segmentation fault": _SIGSEGV,
    "Aborted": _SIGABRT,
    "Bus error": _SIGBUS,
    "Floating point exception": _SIGFPE,
    "Floating-point exception": _SIGFPE,
    "Illegal instruction": _SIGILL,
}


def explain_silence() -> tuple[Event, Finish]:
    """Returns the end of a client of which nothing is known but that it says nothing any more."""
    reason = f"nothing was heard from the client for {config.LEASE_SECONDS:.0f} s"
    return Event.VANISHED, Finish(1, "", 0, reason)


def explain_end(run: Run, writer: Writer, words: str, end: Exit | None) -> tuple[Event, Finish]:
    """Returns the end of a writer whose process is gone.

    Args:
        run: The run.
        writer: The writer.
        words: The last words of its process, of `faulthandler`; empty for none.
        end: How the process ended, as far as the system told.
    """
    signal = 0
    if words:
        signal = next((number for text, number in _FATAL_SIGNALS.items() if text in words[:200]), _SIGTERM)
    if end is not None:
        signal = signal or end.signal
    if signal:
        reason = f"the process was killed by {_signal_name(signal)}"
        if end is not None and end.is_out_of_memory:
            reason = "the process was killed because memory ran out"
        is_preempted = run.preempting or (
            signal == _SIGTERM and bool(run.environment.get("environment.SLURM_JOB_ID"))
        )
        if is_preempted:
            reason = f"the scheduler took the machine away ({_signal_name(signal)})"
        return end_of(0, signal, is_preempted), Finish(128 + signal, words, signal, reason)
    if end is not None and end.exit_code is not None:
        reason = f"the process left with exit code {end.exit_code} without finishing the run"
        # One that left well and said nothing may have had no room on the disk to say it: that is no good end.
        event = end_of(end.exit_code, 0, run.preempting) if end.exit_code else Event.VANISHED
        return event, Finish(end.exit_code, "", 0, reason)
    boot = writer.process.get("boot_id")
    if boot and boot_id() and boot != boot_id():
        return Event.VANISHED, Finish(1, "", 0, "the machine went down while the run was at work")
    return Event.VANISHED, Finish(
        1, "", 0, "the process ended without a word: it was killed (SIGKILL), or left by os._exit"
    )


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal_module.Signals(number).name})"
    except ValueError:
        return f"signal {number}"

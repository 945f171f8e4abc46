"""Owns the life of a run and of its writers as tables. Pure: no clock, no disk.

Invariant: every change of a run's state is an entry of `TRANSITIONS`; what is not there is a fault of the caller.
"""

from __future__ import annotations

from enum import Enum


class RunState(Enum):
    """The state of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    CRASHED = "crashed"
    PREEMPTED = "preempted"


class Event(Enum):
    """What happens to a run."""

    WRITER_OPENED = "writer opened"
    FINISHED = "finished"  # a writer said that it ended well
    FAILED = "failed"  # a writer said that it ended with an error
    KILLED = "killed"  # a signal ended a writer
    PREEMPTED = "preempted"  # the scheduler ended a writer
    VANISHED = "vanished"  # a writer is gone without a word


_ENDS = {
    Event.FINISHED: RunState.FINISHED,
    Event.FAILED: RunState.FAILED,
    Event.KILLED: RunState.KILLED,
    Event.PREEMPTED: RunState.PREEMPTED,
    Event.VANISHED: RunState.CRASHED,
}

# How bad an end is: of several equal writers the worst end is the run's.
SEVERITY = {
    RunState.RUNNING: 0,
    RunState.FINISHED: 1,
    RunState.CRASHED: 2,
    RunState.PREEMPTED: 3,
    RunState.KILLED: 4,
    RunState.FAILED: 5,
}

TRANSITIONS: dict[tuple[RunState, Event], RunState] = {
    **{(RunState.RUNNING, event): state for event, state in _ENDS.items()},
    # A run that had ended goes on when somebody writes it again: resumed, or a lost writer came back.
    **{(state, Event.WRITER_OPENED): RunState.RUNNING for state in RunState},
    # The last words of a writer that was taken as gone correct the state.
    **{(RunState.CRASHED, event): state for event, state in _ENDS.items()},
}


def next_state(state: RunState, event: Event) -> RunState:
    """Returns the state after an event; a run that has ended stays ended by whatever ended it first."""
    return TRANSITIONS.get((state, event), state)


def end_of(exit_code: int, signal: int, is_preempted: bool = False) -> Event:
    """Returns which end an exit code and a signal are, of a run that its scheduler has announced to take away or not."""
    if not signal and exit_code == 0:
        return Event.FINISHED
    if is_preempted:
        return Event.PREEMPTED
    return Event.KILLED if signal else Event.FAILED

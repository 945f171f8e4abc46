import itertools

import pytest

from trackd_service.run_states import SEVERITY, TRANSITIONS, Event, RunState, end_of, next_state

ENDS = {
    Event.FINISHED: RunState.FINISHED,
    Event.FAILED: RunState.FAILED,
    Event.KILLED: RunState.KILLED,
    Event.VANISHED: RunState.CRASHED,
}


@pytest.mark.parametrize("event", ENDS)
def test_a_running_run_ends_as_its_writer_did(event: Event) -> None:
    assert next_state(RunState.RUNNING, event) is ENDS[event]


@pytest.mark.parametrize("state", RunState)
def test_a_writer_opens_any_run_again(state: RunState) -> None:
    assert next_state(state, Event.WRITER_OPENED) is RunState.RUNNING


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product((RunState.FINISHED, RunState.FAILED, RunState.KILLED), ENDS))
)
def test_a_run_that_has_ended_stays_as_it_ended(state: RunState, event: Event) -> None:
    assert next_state(state, event) is state


@pytest.mark.parametrize("event", ENDS)
def test_last_words_correct_a_crash(event: Event) -> None:
    assert next_state(RunState.CRASHED, event) is ENDS[event]


def test_every_state_has_a_severity_and_every_transition_known_ends() -> None:
    assert set(SEVERITY) == set(RunState)
    assert set(TRANSITIONS.values()) == set(RunState)


@pytest.mark.parametrize(
    ("code", "signal", "event"),
    [
        (0, 0, Event.FINISHED),
        (1, 0, Event.FAILED),
        (-1, 0, Event.FAILED),
        (0, 15, Event.KILLED),
        (3, 9, Event.KILLED),
    ],
)
def test_an_end_is_told_by_exit_code_and_signal(code: int, signal: int, event: Event) -> None:
    assert end_of(code, signal) is event

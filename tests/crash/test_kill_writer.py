"""`kill -9` of the training process costs no row whose `log()` has returned, and its run is said to have crashed."""

from __future__ import annotations

import time

import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import report, seeds

BATCHES = 10
WRITERS = 10  # of a batch: half of them log back to back

KILLED = ("killed", "crashed")  # a daemon that was not there knows nothing of the signal


@pytest.mark.timeout(600)
def test_kill_of_the_training_process_keeps_every_returned_row(make_referee: MakeReferee) -> None:
    row_count = kill_count = 0
    for seed in seeds("kill the writers", BATCHES):
        with make_referee(seed) as referee:
            referee.start_daemon()
            for number in range(WRITERS):
                referee.start_writer(pace="paced" if number % 2 else "back to back")
            for writer in referee.writers:
                referee.wait_until(lambda: writer.returned_count, "the first returned call")  # noqa: B023
            for writer in referee.random.sample(referee.writers, WRITERS):
                # The fault itself: the moment of the kill is drawn.
                time.sleep(referee.random.uniform(0, 0.05))
                writer.process.kill()
                writer.process.wait(60)
                kill_count += 1
            row_count += referee.check(*KILLED, in_flight=1)
    report(f"{kill_count} kills, {row_count} rows")


@pytest.mark.timeout(300)
def test_kill_of_daemon_and_training_process_together_keeps_every_returned_row(
    make_referee: MakeReferee,
) -> None:
    for seed in seeds("kill both", 3):
        with make_referee(seed) as referee:
            referee.start_daemon()
            for _ in range(4):
                referee.start_writer()
            for writer in referee.writers:
                referee.wait_until(lambda: writer.returned_count > 200, "rows")  # noqa: B023
            referee.wait_for_daemon()
            for writer in referee.writers:
                writer.process.kill()
            referee.kill_daemons()
            for writer in referee.writers:
                writer.process.wait(60)
            referee.start_daemon()
            referee.check(*KILLED, in_flight=1)

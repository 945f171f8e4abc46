"""`kill -9` of the daemon, at any moment of its life, costs no row that `log()` returned for, and doubles none."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import Referee, report, seeds

STORES = 4  # each is used for so many rounds that recovery has logs, segments and merges behind it
ROUNDS = 16
SEALED_EVERY = 3  # of so many kills one comes when something was sealed since the last one
WRITERS = 4


@pytest.mark.timeout(600)
def test_kill_of_the_daemon_at_any_moment_loses_and_doubles_nothing(make_referee: MakeReferee) -> None:
    row_count = kill_count = segment_count = merge_count = 0
    for seed in seeds("kill the daemon", STORES):
        with make_referee(seed) as referee:
            for number in range(WRITERS):
                # The last one starts and hears no daemon at all: its log alone carries its rows.
                referee.start_writer(mode="offline" if number == WRITERS - 1 else "online")
            for number in range(ROUNDS):
                known = _segments(referee)
                referee.start_daemon()
                if number % SEALED_EVERY == SEALED_EVERY - 1:
                    # On a slow machine the kills would come before anything is sealed, again and again.
                    _wait_for_seal(referee, known)
                elif referee.random.random() < 0.6:
                    referee.wait_for_daemon()
                # The fault itself: the moment of the kill is drawn, from start-up and recovery up to sealing and merging.
                time.sleep(referee.random.uniform(0.02, 0.4))
                referee.kill_daemons()
                kill_count += 1
            for writer in referee.writers:
                writer.stop()
            referee.start_daemon()
            for writer in referee.writers:
                assert writer.process.wait(60) == 0, referee.say(f"{writer.run_id} failed")
            row_count += referee.check("finished")
            point_counts = _segments(referee)
            segment_count += len(point_counts)
            merge_count += sum(count > 10_000 for count in point_counts)
    report(
        f"{kill_count} kills, {row_count} rows, {segment_count} segments left, {merge_count} of them merged"
    )
    assert segment_count, "nothing was sealed: the kills have met less than they should"
    assert merge_count, "nothing was merged: the kills have met less than they should"


def _wait_for_seal(referee: Referee, known: list[int]) -> None:
    """Waits until a daemon that seals early has sealed; where a writer was quicker to start one, that makes way."""
    while True:
        referee.wait_until(lambda: _segments(referee) != known or not referee.is_serving, "a segment")
        if referee.is_serving:
            return
        referee.kill_daemons()
        referee.start_daemon()


def _segments(referee: Referee) -> list[int]:
    """Returns how many points each segment of the catalog has; of several seals it has more than 10,000."""
    query = "SELECT point_count FROM segments ORDER BY 1"
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{referee.store}/catalog.sqlite?mode=ro", uri=True)
        ) as catalog:
            return [count for (count,) in catalog.execute(query)]
    except sqlite3.OperationalError:  # the daemon has not got so far
        return []

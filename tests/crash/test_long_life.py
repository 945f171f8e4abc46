"""A daemon that serves for long neither grows nor keeps files open. `make soak` has it serve for an hour and more."""

from __future__ import annotations

import time

import psutil
import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import ROUNDS_FACTOR, report, seeds

SECONDS = 20.0 * ROUNDS_FACTOR
WRITERS_AT_ONCE = 2
LIFE_SECONDS = 2.0  # of a writer; then the next one begins a run of its own
# What a few runs more in memory and pages that the C library keeps make; an hour may add one more.
GROWTH_MIB_MAX = 12.0 + SECONDS / 3600


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_daemon_that_serves_run_after_run_keeps_its_memory_and_its_files(make_referee: MakeReferee) -> None:
    (seed,) = list(seeds("long life", 1))[:1]
    with make_referee(seed) as referee:
        referee.start_daemon()
        referee.wait_for_daemon()
        (pid,) = referee.daemon_pids()
        daemon = psutil.Process(pid)
        samples: list[tuple[float, int, int]] = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            batch = [referee.start_writer() for _ in range(WRITERS_AT_ONCE)]
            time.sleep(LIFE_SECONDS)  # the load itself
            for writer in batch:
                writer.stop()
                assert writer.process.wait(60) == 0, referee.say(f"{writer.run_id} failed")
            referee.wait_until(
                lambda: not any((referee.store / "log").glob("?-*.log")), "every log to be sealed"
            )
            samples.append((daemon.memory_info().rss / 2**20, daemon.num_fds(), daemon.num_threads()))
        rows = referee.check("finished")
        assert referee.daemon_pids() == [pid], referee.say("the daemon is another one")
        early, late = samples[len(samples) // 3], samples[-1]
        report(
            f"{SECONDS:.0f} s, {len(referee.writers)} runs, {rows} rows: {early[0]:.1f} to {late[0]:.1f} MiB, "
            f"{early[1]} to {late[1]} files, {early[2]} to {late[2]} threads"
        )
        assert late[0] - early[0] < GROWTH_MIB_MAX, referee.say(f"memory grew: {samples}")
        # Each run that is kept in memory for readers has its levels file open, and nothing else.
        assert late[1] - early[1] <= len(referee.writers), referee.say(f"files stay open: {samples}")
        assert late[2] - early[2] <= 2, referee.say(f"threads stay: {samples}")

"""However many processes begin at once, one daemon serves the store, and every one of them reaches it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.crash.conftest import MakeReferee
from tests.crash.referee import ROUNDS_FACTOR, read_columns, report
from tests.service import reading

from trackd import _daemon

PROCESSES = 32
ROUNDS = 4 * ROUNDS_FACTOR
# Promise G7 is 5 s on an idle machine. Here 32 interpreters start at once on cores that other tests use as well, so
# what is held is that everyone gets there; how fast it went is reported.
CONNECTED_SECONDS_MAX = 80

CLIENT = """
import json, sys, time
store, run_id, connected_seconds_max = sys.argv[1:]
import trackd
sys.stdin.readline()
started = time.monotonic()
run = trackd.init(project="crash", id=run_id, settings={"store": store, "quiet": True})
init_seconds = time.monotonic() - started
run.log({"index": 0})
assert run.flush(float(connected_seconds_max)), "no daemon"
connected_seconds = time.monotonic() - started
from trackd.v1 import run_service_pb2, run_service_pb2_grpc
def get(channel, metadata, timeout):
    stub = run_service_pb2_grpc.RunServiceStub(channel)
    return stub.GetDaemon(run_service_pb2.GetDaemonRequest(), metadata=metadata, timeout=timeout).pid
pid = run._shipper.call(get, 10)
run.finish()
print(json.dumps([init_seconds, connected_seconds, pid]))
"""


@pytest.mark.timeout(600)
def test_many_inits_at_once_find_one_daemon(make_referee: MakeReferee) -> None:
    slowest, limit = 0.0, str(CONNECTED_SECONDS_MAX)
    with make_referee(30) as referee:
        for number in range(ROUNDS):
            if number % 2:
                # A daemon that is dying just then: it holds the lock, or has left its endpoint file.
                referee.start_daemon()
                referee.wait_for_daemon()
            clients = [
                subprocess.Popen(
                    [sys.executable, "-c", CLIENT, str(referee.store), f"run-{number}-{client}", limit],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for client in range(PROCESSES)
            ]
            if number % 2:
                referee.kill_daemons()
            for client in clients:
                assert client.stdin is not None
                client.stdin.write("\n")
                client.stdin.flush()
            results = []
            for client in clients:
                output, _ = client.communicate(timeout=CONNECTED_SECONDS_MAX + 60)
                assert client.returncode == 0, referee.say(f"round {number}: a client failed")
                results.append(json.loads(output))
            pids = {pid for _, _, pid in results}
            assert len(pids) == 1, referee.say(f"round {number}: clients have talked to the daemons {pids}")
            slowest = max(slowest, *(connected for _, connected, _ in results))
            referee.wait_until(lambda: len(referee.daemon_pids()) == 1, "the end of all daemons but one")
            endpoint = _daemon.read_endpoint(str(referee.store))
            assert endpoint is not None
            assert {endpoint.pid} == pids
            for index in range(PROCESSES):
                assert len(read_columns(referee.store, "crash", f"run-{number}-{index}", "index").ints) == 1
            referee.kill_daemons()
    report(f"{ROUNDS} rounds of {PROCESSES}: the slowest was connected after {slowest:.1f} s")


def test_second_daemon_ends_and_touches_nothing(make_referee: MakeReferee) -> None:
    with make_referee(31) as referee:
        referee.start_daemon()
        referee.wait_for_daemon()
        before = (referee.store / "endpoint.json").read_bytes()
        second = subprocess.run(
            [sys.executable, "-m", "trackd_service", "--store", str(referee.store)], timeout=60, check=False
        )
        assert second.returncode == 0
        assert (referee.store / "endpoint.json").read_bytes() == before
        assert reading.get_daemon(str(referee.store)).pid == json.loads(before)["pid"]


def test_daemon_starts_while_others_look_whether_one_lives(make_referee: MakeReferee) -> None:
    """Looking takes the lock for a moment: a daemon that starts just then must not take the looker for a daemon."""
    code = """
import sys
from trackd import _daemon
while True:
    _daemon.is_alive(sys.argv[1])
"""
    with make_referee(32) as referee:
        (referee.store / "daemon.lock").touch()
        lookers = [subprocess.Popen([sys.executable, "-c", code, str(referee.store)]) for _ in range(2)]
        try:
            for _ in range(3):
                referee.start_daemon()
                referee.wait_for_daemon()
                referee.kill_daemons()
        finally:
            for looker in lookers:
                looker.kill()
                looker.wait(60)

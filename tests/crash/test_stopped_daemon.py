"""A daemon that is stopped, or whose callers hang up, holds up neither the training process nor anybody else."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from tests.conftest import WaitUntil
from tests.crash.conftest import MakeReferee, RunProgram
from tests.crash.referee import PROJECT, read_columns, report
from tests.service import reading

from trackd import _daemon
from trackd.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    values_pb2,
)

# What waits for a daemon waits for seconds; how fast a call is, the scripts under bench/ measure.
LOG_SECONDS_MAX = 2.0
LOG_SECONDS_P999 = 0.1

TRAINING = """
import json, os, signal, sys, time
import trackd
from trackd import _daemon
store = sys.argv[1]
run = trackd.init(project="crash", id="stopped", settings={"store": store, "finish_timeout_seconds": 2})
assert run.flush(60), "no daemon"
os.kill(_daemon.read_endpoint(store).pid, signal.SIGSTOP)
seconds = []
for index in range(50_000):
    started = time.perf_counter()
    run.log({"index": index, "value": index * 0.5})
    seconds.append(time.perf_counter() - started)
    if index % 10_000 == 5_000:
        run.flush(0.1)  # the gRPC thread is in a call that is not answered
seconds.sort()
started = time.monotonic()
run.finish()
json.dump({"max": seconds[-1], "p999": seconds[-len(seconds) // 1000], "p50": seconds[len(seconds) // 2],
    "finish_seconds": time.monotonic() - started, "end_time": time.monotonic()}, sys.stdout)
"""


def test_stopped_daemon_blocks_no_call_and_takes_everything_when_it_goes_on(
    store: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    ended = run_program(TRAINING, str(store), timeout_seconds=60)
    exit_seconds = time.monotonic()
    endpoint = _daemon.read_endpoint(str(store))
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGCONT)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    times = ", ".join(f"{name} {1e6 * result[name]:.1f}" for name in ("p50", "p999", "max"))
    report(f"microseconds a call: {times}")
    assert result["max"] < LOG_SECONDS_MAX, result
    assert result["p999"] < LOG_SECONDS_P999, result
    assert result["finish_seconds"] < 3, result
    assert exit_seconds - result["end_time"] < 5, "the process did not end after its last line"
    last_line = ended.stderr.strip().splitlines()[-1]
    assert "it is on the disk, and the daemon will take it from there" in last_line
    indices = np.arange(50_000)
    wait_until(lambda: np.array_equal(read_columns(store, PROJECT, "stopped", "index").ints, indices))
    wait_until(lambda: reading.state("stopped", PROJECT, str(store)) == "finished")


class _RemoteWriter:
    """A client of another language: it has no log of its own and sends its records by gRPC."""

    def __init__(self, store: Path, name: str) -> None:
        endpoint = _daemon.read_endpoint(str(store))
        assert endpoint is not None
        self.writer_id = name * 4
        self.run = records_pb2.RunIdentity(project=PROJECT, run_id=name)
        self.sequence = 0
        self.channel = grpc.insecure_channel(endpoint.grpc_address, [("grpc.use_local_subchannel_pool", 1)])
        self.metadata = (("authorization", f"Bearer {endpoint.token}"),)
        self.append = ingest_service_pb2_grpc.IngestServiceStub(self.channel).Append
        begin = records_pb2.WriterBegin(run=self.run, writer_id=self.writer_id)
        run_service_pb2_grpc.RunServiceStub(self.channel).CreateRun(
            run_service_pb2.CreateRunRequest(begin=begin), metadata=self.metadata, timeout=60
        )

    def request(self, count: int) -> ingest_service_pb2.AppendRequest:
        """Returns the next batch, whose rows are numbered by their sequence."""
        rows = [
            records_pb2.Record(
                time_unix_nanos=1,
                row=records_pb2.Row(
                    values=[
                        values_pb2.Entry(
                            key="index", value=values_pb2.Value(int_value=self.sequence + offset)
                        )
                    ]
                ),
            )
            for offset in range(count)
        ]
        batch = ingest_service_pb2.RecordBatch(first_sequence=self.sequence + 1, records=rows)
        return ingest_service_pb2.AppendRequest(run=self.run, writer_id=self.writer_id, batch=batch)

    def send(self, count: int) -> None:
        """Sends a batch and waits until it is acknowledged."""
        answer: Any = self.append(self.request(count), metadata=self.metadata, timeout=60)
        assert answer.acknowledged_sequence >= self.sequence + count
        self.sequence += count


def test_clients_that_hang_up_in_a_call_never_stop_the_others(make_referee: MakeReferee) -> None:
    with make_referee(20) as referee:
        referee.start_daemon()
        referee.wait_for_daemon()
        rude, polite = _RemoteWriter(referee.store, "rude1234"), _RemoteWriter(referee.store, "polite12")
        stop = threading.Event()
        waits: list[float] = []

        def send_politely() -> None:
            while not stop.is_set():
                started = time.monotonic()
                polite.send(5)
                waits.append(time.monotonic() - started)

        thread = threading.Thread(target=send_politely)
        thread.start()
        try:
            for _ in range(300):
                call = rude.append.future(rude.request(20), metadata=rude.metadata, timeout=60)
                # The fault itself: the moment of the hanging up is drawn, before, in and after the daemon's write.
                time.sleep(referee.random.uniform(0, 0.006))
                call.cancel()
                if referee.random.random() < 0.3:
                    rude.send(20)  # the same batch again: what was cancelled may have been written or not
        finally:
            stop.set()
            thread.join()
        assert len(waits) > 50, "the others were held up"
        assert max(waits) < 5
        for writer in (rude, polite):
            writer.send(20)  # what was cancelled last, whole, if that was written
            found = read_columns(referee.store, PROJECT, writer.run.run_id, "index")
            assert found.ints.tolist() == list(range(writer.sequence)), referee.say(writer.run.run_id)
            writer.channel.close()
        # And the same rows come back from the daemon's own log.
        referee.kill_daemons()
        referee.start_daemon()
        referee.wait_for_daemon()
        for writer in (rude, polite):
            found = read_columns(referee.store, PROJECT, writer.run.run_id, "index")
            assert found.ints.tolist() == list(range(writer.sequence)), referee.say(writer.run.run_id)

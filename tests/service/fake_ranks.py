"""Owns ranks of a run that need no processes and no hosts: writers by calls, whose rows are as old as a test says."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import grpc
from tests.service.reading import Metadata

from trackd.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    values_pb2,
)

_CALLS_AT_ONCE = 8
SILENT_AFTER_SECONDS = 2.0  # what these ranks ask for, so that a test need not wait for two minutes


class FakeRank:
    """One rank, on a host of any name."""

    def __init__(
        self, channel: grpc.Channel, metadata: Metadata, run: tuple[str, str], number: int, host: str
    ) -> None:
        """Opens the run as this rank."""
        self._runs = run_service_pb2_grpc.RunServiceStub(channel)
        self._ingest = ingest_service_pb2_grpc.IngestServiceStub(channel)
        self._metadata = metadata
        self._run = records_pb2.RunIdentity(project=run[0], run_id=run[1])
        self._sequence = 0
        self.writer_id = uuid.uuid4().hex
        begin = records_pb2.WriterBegin(
            run=self._run,
            writer_id=self.writer_id,
            role=records_pb2.WRITER_ROLE_SHARED,
            label=f"rank {number}",
            process=records_pb2.Process(pid=4_000_000 + number, host=host, program="train.py"),
            settings=records_pb2.RunSettings(stalled_after_seconds=SILENT_AFTER_SECONDS),
        )
        request = run_service_pb2.CreateRunRequest(begin=begin)
        self._runs.CreateRun(request, metadata=metadata, timeout=60)

    def log(self, steps: Iterable[int], *, ages_seconds: Iterable[float]) -> None:
        """Logs a loss at steps, as if so many seconds ago each."""
        now = time.time_ns()
        self._append(
            records_pb2.Record(
                time_unix_nanos=now - int(age * 1e9),
                row=records_pb2.Row(
                    step=step,
                    values=[
                        values_pb2.Entry(key="loss", value=values_pb2.Value(double_value=1 / (1 + step)))
                    ],
                ),
            )
            for step, age in zip(steps, ages_seconds, strict=True)
        )

    def print_lines(self, *lines: str) -> None:
        """Prints lines."""
        self._append(
            [
                records_pb2.Record(
                    time_unix_nanos=time.time_ns(),
                    console_lines=records_pb2.ConsoleLines(
                        stream=records_pb2.CONSOLE_STREAM_STDOUT, lines=lines
                    ),
                )
            ]
        )

    def finish(self, exit_code: int = 0, signal: int = 0) -> None:
        """Ends."""
        self._sequence += 1
        request = run_service_pb2.FinishRunRequest(
            run=self._run,
            writer_id=self.writer_id,
            sequence=self._sequence,
            finish=records_pb2.WriterFinish(exit_code=exit_code, signal=signal),
        )
        self._runs.FinishRun(request, metadata=self._metadata, timeout=60)

    def _append(self, records: Iterable[records_pb2.Record]) -> None:
        batch = ingest_service_pb2.RecordBatch(first_sequence=self._sequence + 1, records=records)
        self._sequence += len(batch.records)
        request = ingest_service_pb2.AppendRequest(run=self._run, writer_id=self.writer_id, batch=batch)
        self._ingest.Append(request, metadata=self._metadata, timeout=60)


def open_ranks(
    channel: grpc.Channel, metadata: Metadata, run: tuple[str, str], count: int, ranks_per_host: int = 8
) -> list[FakeRank]:
    """Opens a run as so many ranks, on hosts node-0, node-1 and so on."""

    def open_one(number: int) -> FakeRank:
        return FakeRank(channel, metadata, run, number, f"node-{number // ranks_per_host}")

    first = open_one(0)
    with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
        return [first, *pool.map(open_one, range(1, count))]


def train(ranks: Iterable[FakeRank], first: int, end: int, *, last_age_seconds: float = 0.0) -> None:
    """Logs the steps from `first` up to `end`, one a second, the last so many seconds ago."""

    def log(rank: FakeRank) -> None:
        rank.log(
            range(first, end), ages_seconds=[last_age_seconds + end - 1 - step for step in range(first, end)]
        )

    with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
        list(pool.map(log, ranks))

"""Owns what a training process asks the daemon about a run: where its page is, how far it is kept, its summary.

Invariant: no question is waited for longer than it is given, and none raises: without an answer there is None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from trackd._identity import Identity

if TYPE_CHECKING:
    from trackd._shipper import Shipper, Writer
    from trackd._spool import Spool

Answer = TypeVar("Answer")
# dict(run.summary) reads key by key: one answer serves them all, as long as this process logs nothing.
_ASK_SECONDS = 2.0  # a daemon that lives answers within milliseconds
_SUMMARY_AGE_SECONDS = 0.2


def ask_run(
    shipper: Shipper | None, project: str, run_id: str, read: Callable[[Any], Answer], timeout_seconds: float
) -> Answer | None:
    """Asks the daemon for a run.

    Args:
        shipper: Whose thread asks; None for a process that has none.
        project: The run's project.
        run_id: The run's id.
        read: Called in that thread with the `Run` message, or with None when there is no such run.
        timeout_seconds: The longest wait.

    Returns:
        What `read` returns; None when no daemon answers.
    """

    def get(channel: Any, metadata: Any, timeout: float) -> Answer:
        import grpc

        from trackd.v1 import query_service_pb2, query_service_pb2_grpc, records_pb2

        request = query_service_pb2.GetRunRequest(run=records_pb2.RunIdentity(project=project, run_id=run_id))
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        try:
            answer = stub.GetRun(request, metadata=metadata, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:  # type: ignore[attr-defined,unused-ignore]
                return read(None)
            raise
        return read(answer.run)

    if shipper is None:
        return None
    answer: Answer | None = shipper.call(get, timeout_seconds)
    return answer


class AskedRun(Identity):
    """What a run answers of itself by asking the daemon."""

    _shipper: Shipper | None
    _spool: Spool
    _writer: Writer
    _finished: bool
    _summary_read: tuple[int, float, Mapping[str, Any]] = (-1, 0.0, {})  # at which sequence, when, and what

    @property
    def url(self) -> str | None:
        """The address of the run's page, or None while no daemon has told it. `trackd ui` opens it with the token."""
        address = self._shipper.http_address if self._shipper is not None else ""
        if not address:
            return None
        from urllib.parse import quote

        return f"{address}/p/{quote(self._project, safe='')}/r/{quote(self._id, safe='')}"

    def get_url(self) -> str | None:
        """Returns `url`; for older scripts."""
        return self.url

    @property
    def durable_sequence(self) -> int:
        """How many records of this process are known to be on the disk. Never blocks; asked about every half minute."""
        return self._writer.durable_sequence

    @property
    def durable_step(self) -> int | None:
        """The step below which the run's rows are on the disk.

        Asks the daemon, for at most 2 s, and never raises; None when it does not answer.
        """
        return self._ask(lambda run: None if run is None else run.durable_step)

    @property
    def synced_step(self) -> int | None:
        """The step below which the bucket has the run's rows.

        Asks the daemon, for at most 2 s, and never raises; None when it does not answer, and where nothing is uploaded.
        """
        return self._ask(
            lambda run: run.synced_step if run is not None and run.HasField("synced_step") else None
        )

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Waits until everything logged so far is on the disk and readable; returns whether it is, within the time."""
        if self._shipper is None:
            return self._spool.sync() >= self._spool.sequence
        return self._shipper.flush(self._writer, self._spool.sequence, timeout_seconds)

    def _read_summary(self) -> Mapping[str, Any]:
        """Asks the daemon for the summary of what was logged so far; what was read last when there is no answer."""
        if self._shipper is None:
            return {}
        sequence, read_time, known = self._summary_read
        if sequence == self._spool.sequence and time.monotonic() - read_time < _SUMMARY_AGE_SECONDS:
            return known
        sequence = self._spool.sequence
        if not self._finished:
            self._shipper.flush(self._writer, self._spool.sequence, self._settings.finish_timeout_seconds)

        def read(run: Any) -> Mapping[str, Any]:
            from trackd import _decode

            return {} if run is None else _decode.entries(run.summary)

        answer = self._ask(read, self._settings.finish_timeout_seconds)
        values = known if answer is None else answer
        self._summary_read = (sequence, time.monotonic(), values)
        return values

    def _ask(self, read: Callable[[Any], Answer], timeout_seconds: float = _ASK_SECONDS) -> Answer | None:
        """Asks the daemon for the run; returns what `read` finds in it, None without an answer."""
        return ask_run(self._shipper, self._project, self._id, read, timeout_seconds)

"""Owns what `trackd upload`, `sync`, `pull`, `verify` and `publish` do and say; the daemon does the work.

Invariants: how far something is goes to standard error, so that standard output holds what was asked for; nobody gives up
while bytes move; an interrupt leaves everything so that the same command goes on with it.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trackd import _daemon, _settings
from trackd._connection import Connection
from trackd._space import format_bytes
from trackd.errors import Error

if TYPE_CHECKING:
    from trackd.v1 import upload_service_pb2

WAITING_SECONDS = 300.0  # five attempts at the longest pause between two
_STOPPED_SECONDS = 30.0  # what a person must put right does not heal by itself
_PROBE_SECONDS = 180.0  # the daemon tries a bucket by a few requests of up to 35 s
_SEAL_SECONDS = 600.0  # a daemon that has just taken in much seals all of it first
_BEGIN_SECONDS = 5.0  # a daemon that has just started opens its notes on the bucket
_POLL_SECONDS = 0.25
_SAY_SECONDS = 5.0  # between two lines where no terminal is
_DRAW_SECONDS = 0.1
_RATE_SECONDS = 15.0
_BAR_WIDTH = 12
_RATE_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
NOT_SET = "no upload is set: `trackd upload s3://BUCKET/PREFIX` sets one"

# -- how the upload is set -----------------------------------------------------------------------------------------


def facts(connection: Connection) -> dict[str, dict[str, Any]]:
    """Returns how the upload is set and stands: `settings` and `status`, by the contract's names. Raises CommError."""
    from trackd.v1 import upload_service_pb2

    request = upload_service_pb2.GetUploadRequest()
    deadline = time.monotonic() + _BEGIN_SECONDS
    while True:
        answer = connection.upload(lambda stub, options: stub.GetUpload(request, **options))
        if not (answer.settings.url and answer.status.state == "off") or time.monotonic() > deadline:
            return {"settings": _fields(answer.settings), "status": _fields(answer.status)}
        time.sleep(_POLL_SECONDS)


def change(
    connection: Connection, url: str | None, given: Mapping[str, Any], *, even_if_unusable: bool
) -> tuple[str, list[str]]:
    """Sets the upload.

    Args:
        connection: The way to the daemon.
        url: The bucket; None means the one that is set.
        given: The other settings, by the contract's names; for the bucket that is set already, what is not given stays.
        even_if_unusable: Whether to set it even though the bucket cannot be used now.

    Returns:
        A sentence that says what is set now, and what the bucket lacks, a sentence each.

    Raises:
        Error: No bucket is given and none is set.
        CommError: The bucket cannot be used, or a setting cannot be.
    """
    known = facts(connection)["settings"]
    url = known["url"] if url is None else url.strip().rstrip("/")
    if not url:
        raise Error(NOT_SET)
    is_bucket = url.startswith("s3:")
    kept = (
        known if url == known["url"] else {"endpoint_url": _settings.bucket_endpoint()} if is_bucket else {}
    )
    settings = {**kept, **given, "url": url}
    findings = _set(connection, settings, even_if_unusable=even_if_unusable)
    interval = settings.get("interval_seconds") or 5
    return f"runs are uploaded to {_place(settings)}, changes within {interval:g} s", findings


def end(connection: Connection) -> str:
    """Ends the upload; returns a sentence that says so. What is in the bucket stays there. Raises CommError."""
    url = facts(connection)["settings"]["url"]
    _set(connection, {}, even_if_unusable=True)
    return f"nothing is uploaded any more; what is in {url} stays there" if url else "nothing is uploaded"


def _set(connection: Connection, settings: Mapping[str, Any], *, even_if_unusable: bool) -> list[str]:
    from trackd.v1 import upload_service_pb2

    request = upload_service_pb2.SetUploadRequest(
        settings=upload_service_pb2.UploadSettings(**settings), even_if_unusable=even_if_unusable
    )
    answer = connection.upload(
        lambda stub, options: stub.SetUpload(request, **{**options, "timeout": _PROBE_SECONDS})
    )
    return list(answer.findings)


def parse_rate(text: str) -> int:
    """Returns the bytes a second that a person wrote, such as "500k", "1.5M" or "0" for no limit. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise ValueError(
            f"{text!r} is no number of bytes a second: write it as 500k, 20M or 1G, or 0 for no limit"
        )
    return round(float(match[1]) * _RATE_UNITS[match[2].lower()])


def describe(known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns `facts` as lines for a person."""
    settings, status = known["settings"], known["status"]
    if not settings["url"] and not status["sentence"]:
        return [NOT_SET]
    pairs = [
        ("to", _place(settings) if settings["url"] else ""),
        ("state", status["state"]),
        ("problem", status["sentence"]),
        ("next try", f"in {format_seconds(status['retry_seconds'])}" if status["retry_seconds"] else ""),
        ("waiting", _waiting(status)),
        (
            "sent",
            f"{_count(status['sent_file_count'], 'file')}, {format_bytes(status['sent_bytes'])} since the daemon started",
        ),
        ("interval", f"{settings['interval_seconds']:g} s"),
        ("limit", _rate(settings["bytes_per_second_max"]) if settings["bytes_per_second_max"] else ""),
        (
            "keep local",
            f"an ended run for {settings['keep_local_days']:g} days" if settings["keep_local_days"] else "",
        ),
        ("region", settings["region"]),
        ("profile", settings["profile"]),
    ]
    return [f"{name:<11} {value}" for name, value in pairs if value]


def brief(known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns of `facts` what `trackd status` tells: where to, and how it stands."""
    url = known["settings"]["url"]
    # The environment may name a server and no bucket.
    endpoint_url = known["settings"]["endpoint_url"] if url else ""
    return {"url": url, "endpoint_url": endpoint_url, **known["status"]}


def brief_words(upload: Mapping[str, Any]) -> str:
    """Returns `brief` as one line."""
    words = upload["state"]
    if upload["url"]:
        words = f"{upload['url']}: {words}, {_waiting(upload) or 'all is there'}"
    return f"{words}; {upload['sentence']}" if upload["sentence"] else words


def _fields(message: Any) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}


def _place(settings: Mapping[str, Any]) -> str:
    endpoint = settings.get("endpoint_url")
    return f"{settings['url']} at {endpoint}" if endpoint else str(settings["url"])


def _waiting(status: Mapping[str, Any]) -> str:
    if not status["pending_run_count"]:
        return ""
    words, lag = _count(status["pending_run_count"], "run"), format_seconds(status["lag_seconds"])
    if status["pending_file_count"]:  # else nothing was looked at yet
        words += f", {_count(status['pending_file_count'], 'file')}, {format_bytes(status['pending_bytes'])}"
    return f"{words}; the oldest change for {lag}"


def _count(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def _rate(bytes_per_second: float) -> str:
    return f"{format_bytes(bytes_per_second)}/s"


def format_seconds(seconds: float) -> str:
    """Returns a length of time as people say it: "0.4 s", "42 s", "3 min 07 s", "2 h 05 min"."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


# -- what takes a while --------------------------------------------------------------------------------------------


class Progress:
    """One line on standard error that says how far something is: redrawn on a terminal, else said again every 5 seconds."""

    def __init__(self) -> None:
        """Begins; nothing is written yet."""
        self._is_terminal = sys.stderr.isatty()
        self._begin_time = self._say_time = time.monotonic()
        self._drawn = ""
        self._moved: deque[tuple[float, int]] = deque([(self._begin_time, 0)])

    def show(self, done: int, total: int, moved_bytes: int, words: str) -> None:
        """Says how far it is.

        Args:
            done: How much is done, in whatever it is measured by.
            total: How much there is to do, in the same.
            moved_bytes: How many bytes have moved so far: what the rate is of.
            words: What else is to be said, such as how many files are left.
        """
        now = time.monotonic()
        self._moved.append((now, moved_bytes))
        while now - self._moved[0][0] > _RATE_SECONDS and len(self._moved) > 2:
            self._moved.popleft()
        if now - self._say_time < (_DRAW_SECONDS if self._is_terminal else _SAY_SECONDS):
            return
        self._say_time = now
        share = min(1.0, done / total) if total else 0.0
        parts = [f"{share:4.0%}"]
        (then, moved_then), (_, moved_now) = self._moved[0], self._moved[-1]
        rate = (moved_now - moved_then) / (now - then) if now > then else 0.0
        if rate > 0:
            parts.append(_rate(rate))
        # What was done in the time so far says how long the rest takes.
        if 0 < done < total:
            parts.append(f"{format_seconds((now - self._begin_time) * (total - done) / done)} left")
        line = "  ".join([*parts, words])  # what a narrow terminal cuts off comes last
        if not self._is_terminal:
            sys.stderr.write(f"{line}\n")
        else:
            full = round(share * _BAR_WIDTH)
            self._draw(f"[{'#' * full}{'.' * (_BAR_WIDTH - full)}] {line}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away, for what is written next."""
        if self._drawn:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write("\r" + line.ljust(len(self._drawn)))
        self._drawn = line


def start_sync(connection: Connection) -> upload_service_pb2.UploadStatus:
    """Has everything sent that is not in the bucket yet; returns how the upload stands.

    Raises:
        Error: No bucket is set.
        CommError: No daemon answers.
    """
    from trackd.v1 import upload_service_pb2

    request = upload_service_pb2.StartSyncRequest()
    status: upload_service_pb2.UploadStatus = connection.upload(
        lambda stub, options: stub.StartSync(request, **{**options, "timeout": _SEAL_SECONDS})
    ).status
    if status.state == "off":
        raise Error(NOT_SET)
    return status


def sync(connection: Connection, waiting_seconds: float) -> dict[str, Any]:
    """Has everything sent, and waits until what is there now is in the bucket.

    Args:
        connection: The way to the daemon; it starts one, which takes in what was logged offline.
        waiting_seconds: After how long without anything sent it gives up on a bucket that cannot be reached.

    Returns:
        `url`, `run_count` of the store, `open_run_count` of those that went on meanwhile, `sent_file_count` and `sent_bytes`.

    Raises:
        Error: No bucket is set, or what is in its way needs a person, or it cannot be reached for long.
        CommError: No daemon answers.
    """
    status = start_sync(connection)
    progress = Progress()
    watch = _Watch(connection.store, status)
    try:
        while True:
            ask_time = time.monotonic()
            known = facts(connection)
            settings, now = known["settings"], known["status"]
            if watch.is_other_daemon():
                watch.begin_again(start_sync(connection))
                continue
            if not settings["url"] and now["state"] == "off":
                raise Error("the upload was ended while its files were sent: `trackd upload` sets it again")
            watch.look(now)
            if watch.is_done(now, ask_time):
                break
            watch.check_patience(now, waiting_seconds)
            sent_bytes = watch.sent_bytes
            total = sent_bytes + now["pending_bytes"]
            progress.show(sent_bytes, total, sent_bytes, _left(now, sent_bytes))
            time.sleep(_POLL_SECONDS)
    finally:
        progress.clear()
    return {
        "url": settings["url"],
        "run_count": _count_runs(connection),
        "open_run_count": now["pending_run_count"],
        "sent_file_count": watch.sent_file_count,
        "sent_bytes": watch.sent_bytes,
    }


def _left(status: Mapping[str, Any], sent_bytes: int) -> str:
    """Returns in words how far `sync` is, and what is in its way."""
    words = _count(status["pending_run_count"], "run")
    if status["pending_file_count"]:  # else nothing was looked at yet
        words = f"{_count(status['pending_file_count'], 'file')} of {words}"
        words = f"{format_bytes(sent_bytes)} of {format_bytes(sent_bytes + status['pending_bytes'])}, {words}"
    words += " to send"
    if status["state"] in ("waiting", "stopped"):
        words += f"; {status['state']}: {status['sentence']}"
    return words


class _Watch:
    """What is to be remembered of an upload from one look to the next."""

    def __init__(self, store: str, status: upload_service_pb2.UploadStatus) -> None:
        self._store = store
        self._sent_before = (0, 0)
        self.sent_file_count = self.sent_bytes = 0
        self.begin_again(status)

    def begin_again(self, status: upload_service_pb2.UploadStatus) -> None:
        """Takes note of how a daemon stood when it was told to send everything."""
        endpoint = _daemon.read_endpoint(self._store)
        self._pid = endpoint.pid if endpoint else 0
        self._sent_before = (self.sent_file_count, self.sent_bytes)
        self._sent_at_start = (status.sent_file_count, status.sent_bytes)
        self._start_time = self._move_time = self._work_time = time.monotonic()
        self._moved: object = None

    def is_other_daemon(self) -> bool:
        """Says whether another daemon answers than the one that was told: it counts anew, and is to be told as well."""
        endpoint = _daemon.read_endpoint(self._store)
        return endpoint is not None and endpoint.pid != self._pid

    def is_done(self, status: Mapping[str, Any], ask_time: float) -> bool:
        """Says whether everything that was there at the start is in the bucket; `ask_time` is before the question."""
        if status["state"] not in ("idle", "sending"):
            return False
        # Runs that are still written are never done for long: what waits of them may have come since.
        return not status["pending_run_count"] or status["lag_seconds"] < ask_time - self._start_time

    def look(self, status: Mapping[str, Any]) -> None:
        """Takes note of what has moved."""
        now = time.monotonic()
        self.sent_file_count = self._sent_before[0] + status["sent_file_count"] - self._sent_at_start[0]
        self.sent_bytes = self._sent_before[1] + status["sent_bytes"] - self._sent_at_start[1]
        moved = (self.sent_file_count, self.sent_bytes, status["pending_run_count"])
        # A large file counts when it is whole: as long as nothing fails, it is on its way.
        if moved != self._moved or status["state"] in ("idle", "sending"):
            self._moved, self._move_time = moved, now
        if status["state"] != "stopped":
            self._work_time = now

    def check_patience(self, status: Mapping[str, Any], waiting_seconds: float) -> None:
        """Raises Error when nothing has moved for too long."""
        now = time.monotonic()
        if now - max(self._work_time, self._move_time) >= min(_STOPPED_SECONDS, waiting_seconds):
            raise Error(f"the upload is stopped: {status['sentence']}")
        if now - self._move_time >= waiting_seconds:
            raise Error(f"nothing could be sent for {format_seconds(waiting_seconds)}: {status['sentence']}")


def _count_runs(connection: Connection) -> int:
    from trackd.v1 import query_service_pb2

    request = query_service_pb2.ListProjectsRequest()
    answer = connection.query(lambda stub, options: stub.ListProjects(request, **options))
    return sum(project.run_count for project in answer.projects)


def sync_words(done: Mapping[str, Any]) -> str:
    """Returns what `sync` has done as a sentence."""
    words = f"everything of {_count(done['run_count'], 'run')} is in {done['url']}"
    if done["open_run_count"]:
        words += f"; what {_count(done['open_run_count'], 'run')} logged meanwhile follows"
    return words


def pull(
    connection: Connection, source: Mapping[str, Any], path: str, server: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Copies runs of a bucket, or of a team server, into the store.

    Args:
        connection: The way to the daemon.
        source: Where from: `url`, and of a bucket `endpoint_url`, `region` and `profile`.
        path: "PROJECT/ID", "PROJECT" or nothing for all runs.
        server: Of a team server, `grpc_address`, `api_key` and `ca_file`.

    Returns:
        `run_count` and `copied_bytes`; what was here already is not copied.

    Raises:
        NotFoundError: There is no such run.
        CommError: The bucket or server cannot be read, or no daemon answers.
    """
    from trackd.v1 import upload_service_pb2

    project, _, run_id = path.strip("/").partition("/")
    request = upload_service_pb2.PullRunsRequest(
        source=upload_service_pb2.UploadSettings(**source),
        project=project,
        run_id=run_id,
        server=None if server is None else upload_service_pb2.TeamServer(**server),
    )
    progress = Progress()
    last = upload_service_pb2.PullRunsResponse()

    def show(answer: upload_service_pb2.PullRunsResponse) -> None:
        nonlocal last
        last = answer
        runs = f"{answer.done_run_count} of {_count(answer.run_count, 'run')}"
        words = f"{runs}, {format_bytes(answer.copied_bytes)}, {answer.project}/{answer.run_id}"
        # How much there is to copy is known of the runs so far alone: the runs say how far it is.
        share = answer.copied_bytes / answer.total_bytes if answer.total_bytes else 0.0
        done = answer.done_run_count + (share if answer.done_run_count < answer.run_count else 0.0)
        progress.show(round(done * 1000), answer.run_count * 1000, answer.copied_bytes, words)

    try:
        _follow(connection, lambda stub, metadata: stub.PullRuns(request, metadata=metadata), show)
    finally:
        progress.clear()
    return {"run_count": last.done_run_count, "copied_bytes": last.copied_bytes}


def verify(connection: Connection, read_bucket: bool, tell_finding: Callable[[str], None]) -> dict[str, Any]:
    """Reads everything that the store has, here and in its bucket, and compares it with its check sums.

    Args:
        connection: The way to the daemon.
        read_bucket: Whether the bucket's files are read too; else it is only asked what it has, and how large that is.
        tell_finding: Takes each thing that is wrong, a sentence, when it is found.

    Returns:
        `checked_count`, `checked_bytes` and `findings`.

    Raises:
        CommError: The bucket cannot be read, or no daemon answers.
    """
    from trackd.v1 import upload_service_pb2

    request = upload_service_pb2.VerifyRequest(read_bucket=read_bucket)
    progress = Progress()
    last = upload_service_pb2.VerifyResponse()
    findings: list[str] = []

    def show(answer: upload_service_pb2.VerifyResponse) -> None:
        nonlocal last
        last = answer
        for finding in answer.findings:
            if finding not in findings:  # a daemon that was replaced begins again
                progress.clear()
                findings.append(finding)
                tell_finding(finding)
        words = f"{answer.checked_count} of {_count(answer.total_count, 'file')}, {format_bytes(answer.checked_bytes)}"
        progress.show(answer.checked_count, answer.total_count, answer.checked_bytes, words)

    try:
        _follow(connection, lambda stub, metadata: stub.Verify(request, metadata=metadata), show)
    finally:
        progress.clear()
    return {
        "checked_count": last.checked_count,
        "checked_bytes": last.checked_bytes,
        "findings": findings,
    }


def verify_words(done: Mapping[str, Any]) -> str:
    """Returns what `verify` has found as a sentence."""
    looked = f"{_count(done['checked_count'], 'file')}, {format_bytes(done['checked_bytes'])}"
    found = len(done["findings"])
    return f"{looked}: {'all is well' if not found else f'{found} wrong'}"


def publish(connection: Connection) -> dict[str, Any]:
    """Brings the Delta table in the store's bucket up to date.

    Returns:
        `version`, `added_count` and `removed_count` of files.

    Raises:
        CommError: No bucket is set, it cannot be used, or no daemon answers.
    """
    from trackd.v1 import upload_service_pb2

    request = upload_service_pb2.PublishTableRequest()
    # How long it takes depends on how much is new; every request that it makes ends in bounded time.
    answer = connection.upload(lambda stub, options: stub.PublishTable(request, metadata=options["metadata"]))
    return _fields(answer)


def publish_words(done: Mapping[str, Any]) -> str:
    """Returns what `publish` has done as a sentence."""
    added, removed = _count(done["added_count"], "file"), done["removed_count"]
    return f"the table is at version {done['version']}: {added} added, {removed} removed"


def _follow(connection: Connection, begin: Callable[[Any, Any], Any], show: Callable[[Any], None]) -> None:
    """Takes what a stream tells, to its end. It has no deadline: each request to a bucket ends in bounded time."""

    def ask(stub: Any, options: dict[str, Any]) -> None:
        call = begin(stub, options["metadata"])
        try:
            for answer in call:
                show(answer)
        finally:
            call.cancel()  # what was interrupted ends there too

    connection.upload(ask)

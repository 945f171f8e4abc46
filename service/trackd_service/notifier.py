"""Owns the delivery of alerts: to webhooks, and to commands on this machine, as the store's `alerts.json` says.

Invariants:
- Nothing here holds up or breaks the daemon: to notify neither waits nor raises, and what may hang runs in threads of its own
  that nobody waits for, under a time limit.
- One target's trouble stays its own: each has its queue. A queue is bounded; what it drops is counted.
- What is run and where alerts are sent stands in that file alone, which nobody but its owner may write. No record of a client
  can name a command or an address; a command gets the alert as data, never through a shell.
- A request goes to the address as written: no redirects, no proxies, and its host is resolved once, by the connection itself.
- An address is a secret, because whoever knows it may post there: only its host is ever shown or logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import logging
import os
import select
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from trackd_service import rules

if TYPE_CHECKING:
    import http.client  # 3 MB with its TLS: loaded with the first webhook that is sent

VERSION = 1  # of alerts.json
LEVELS = ("INFO", "WARN", "ERROR")
FORMATS = ("json", "slack", "discord")
TARGETS_MAX = 100  # each may have a thread at work
_FILE_BYTES_MAX = 1 << 20
_URL_CHARACTERS_MAX = 2048
_ARGUMENTS_MAX = 1000
_OUTPUT_BYTES_MAX = 4096  # of a command, into the log
_VARIABLE_CHARACTERS_MAX = 8192  # Linux takes 128 KiB a variable; the whole text is in the JSON
_SLACK_CHARACTERS_MAX = 3000  # Slack shows no more of one block without folding it
_DISCORD_CHARACTERS_MAX = 2000  # Discord refuses more: "Execute Webhook" of its documentation
_RETRIED_STATUSES = (408, 425, 429)  # and all from 500 on: the same request may be taken later
_CHECK_SECONDS = 0.1  # how often it is looked whether a silent command has ended

_log = logging.getLogger("trackd.notifier")


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert on its way out.

    Attributes:
        project: Of the run.
        run_id: Of the run.
        run_name: Of the run, as shown.
        title: One line.
        text: What there is to say; may be empty.
        level: "INFO", "WARN" or "ERROR".
        time_unix_ms: When, in milliseconds since 1970.
        url: The run's page; empty where there is none.
    """

    project: str
    run_id: str
    run_name: str
    title: str
    text: str
    level: str
    time_unix_ms: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Alerts are posted to `url`, as JSON of one of `FORMATS`; only of some levels, and of projects that match a glob."""

    url: str
    format: str = "json"
    levels: tuple[str, ...] = LEVELS
    projects: tuple[str, ...] = ("*",)

    @property
    def name(self) -> str:
        """What may be shown of it."""
        return urllib.parse.urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Command:
    """A program is run for each alert, with `arguments`, the first of which names it; levels and projects as for webhooks."""

    arguments: tuple[str, ...]
    levels: tuple[str, ...] = LEVELS
    projects: tuple[str, ...] = ("*",)

    @property
    def name(self) -> str:
        """What may be shown of it: arguments may hold secrets."""
        return self.arguments[0]


Target: TypeAlias = Webhook | Command
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `alerts.json` says.

    Attributes:
        rules: Rules for every run of the store, as texts of the grammar in `rules`.
        targets: Where alerts go.
    """

    rules: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much is tried.

    Attributes:
        webhook_seconds: For one request, from the resolving of its host to the answer's status.
        command_seconds: For one command; then it and its process group are killed.
        pauses_seconds: Before each further try of a request that failed and may succeed later; commands are tried once.
        queue_count: Alerts that wait for one target; the oldest are dropped.
    """

    webhook_seconds: float = 10.0
    command_seconds: float = 30.0
    pauses_seconds: tuple[float, ...] = (1.0, 5.0, 25.0)  # outlasts a restart of the other side
    queue_count: int = 1000  # more than anyone reads; at most some megabytes


# -- the file ------------------------------------------------------------------------------------------------------------


def load(path: Path) -> Configuration:
    """Returns what a file says; nothing where there is none.

    Raises:
        ValueError: it is no such file, or others may write it; one sentence.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return Configuration()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError(f"{path.name} can be changed by others, and names commands: chmod 600 {path}")
    if len(data) > _FILE_BYTES_MAX:
        raise ValueError(f"{path.name} has more than {_FILE_BYTES_MAX} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from None
    try:
        return _parse(document)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def save(path: Path, configuration: Configuration) -> None:
    """Replaces the file, at once and readable for its owner alone.

    Raises:
        ValueError: the configuration is none that `load` would take; the file stays as it was.
        OSError: it cannot be written.
    """
    targets = [
        {"kind": "webhook" if isinstance(target, Webhook) else "command", **asdict(target)}
        for target in configuration.targets
    ]
    document = {"version": VERSION, "rules": configuration.rules, "targets": targets}
    text = json.dumps(document, indent=2)
    _parse(json.loads(text))
    import tempfile

    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _parse(document: Any) -> Configuration:
    """Returns the configuration that JSON values say, or raises ValueError."""
    fields = _Fields(document, "the file", {"version", "rules", "targets"})
    version = fields.values.get("version")
    if version != VERSION:
        raise ValueError(f"its version is {version!r}; this daemon reads version {VERSION}")
    texts = fields.texts("rules", ())
    for text in texts:
        rules.parse(text)
    items = fields.values.get("targets", [])
    if not isinstance(items, list) or len(items) > TARGETS_MAX:
        raise ValueError(f"targets is not a list of at most {TARGETS_MAX}")
    return Configuration(texts, tuple(_target(item, f"targets[{i}]") for i, item in enumerate(items)))


def _target(item: Any, place: str) -> Target:
    kind = item.get("kind") if isinstance(item, dict) else None
    if kind == "webhook":
        fields = _Fields(item, place, {"kind", "url", "format", "levels", "projects"})
        url = _checked_url(fields.values.get("url"), place)
        style = fields.values.get("format", "json")
        if style not in FORMATS:
            raise ValueError(f"{place}: format is {style!r}; it can be {', '.join(FORMATS)}")
        return Webhook(url, style, fields.levels(), fields.texts("projects", ("*",)))
    if kind == "command":
        fields = _Fields(item, place, {"kind", "arguments", "levels", "projects"})
        arguments = fields.texts("arguments", ())
        if not 1 <= len(arguments) <= _ARGUMENTS_MAX or not arguments[0] or "\0" in "".join(arguments):
            raise ValueError(f"{place}: arguments is not a list of a program and what it is given")
        return Command(arguments, fields.levels(), fields.texts("projects", ("*",)))
    raise ValueError(f"{place}: kind is {kind!r}; it can be 'webhook' or 'command'")


class _Fields:
    """The fields of one JSON object, checked."""

    def __init__(self, item: Any, place: str, names: set[str]) -> None:
        if not isinstance(item, dict):
            raise ValueError(f"{place} is no JSON object")  # noqa: TRY004 - the file is wrong, not the program
        unknown = sorted(item.keys() - names)
        if unknown:
            raise ValueError(f"{place} has the unknown field {unknown[0]!r}")
        self.values = item
        self._place = place

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.values.get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(f"{self._place}: {name} is not a list of texts")
        return tuple(value)

    def levels(self) -> tuple[str, ...]:
        levels = self.texts("levels", LEVELS)
        for level in levels:
            if level not in LEVELS:
                raise ValueError(f"{self._place}: levels has {level!r}; it can have {', '.join(LEVELS)}")
        return levels


def _checked_url(url: Any, place: str) -> str:
    sentence = f"{place}: url is no address such as 'https://host/path'"
    if not isinstance(url, str) or len(url) > _URL_CHARACTERS_MAX:
        raise ValueError(sentence)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{sentence}: write other characters than letters, digits and signs as %XX")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(sentence) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.fragment:
        raise ValueError(sentence)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{place}: url holds a user or a password, which are not sent")
    return url


# -- delivery ------------------------------------------------------------------------------------------------------------


@dataclass
class _Lane:
    """What waits for one target, and what became of the rest."""

    target: Target
    queue: deque[Notice] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    sent_count: int = 0
    failed_count: int = 0
    dropped_count: int = 0
    problem: str = ""

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "webhook" if isinstance(self.target, Webhook) else "command",
            "name": self.target.name,
            "sent_count": self.sent_count,
            "failed_count": self.failed_count,
            "dropped_count": self.dropped_count,
            "waiting_count": len(self.queue),
            "last_problem": self.problem,
        }


class Notifier:
    """Delivers alerts to the targets of a file, which is read again whenever it has changed."""

    def __init__(
        self, config_path: Path, environment: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> None:
        """Takes the store's `alerts.json`, which need not be there, and what commands find in their environment."""
        self._path = config_path
        self._environment = {"PATH": os.defpath} if environment is None else dict(environment)
        self._limits = limits or Limits()
        self._configuration = Configuration()
        self._stamp: tuple[int, int, int, int] | None = None  # of the file when it was read
        self._problem = ""  # of the file
        self._lanes: dict[Target, _Lane] = {}
        self._closed = False

    def configuration(self) -> Configuration:
        """Returns what the file says now; what it said before, while it says nothing that can be understood."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = (0, 0, 0, 0)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._configuration = load(self._path)
                self._problem = ""
            except (ValueError, OSError) as error:
                self._problem = str(error)
                _log.error("%s; what stood there before holds on", error)
            for target in self._lanes.keys() - set(self._configuration.targets):
                self._lanes.pop(target).queue.clear()
        return self._configuration

    async def notify(self, notice: Notice) -> None:
        """Queues an alert for every target that wants it. Never raises, and never waits for a target."""
        if self._closed:
            return
        try:
            for target in self.configuration().targets:
                if notice.level in target.levels and _matches(notice.project, target.projects):
                    self._put(self._lanes.setdefault(target, _Lane(target)), notice)
        except Exception:  # noqa: BLE001 - logged whole; an alert that fails must not end what raised it
            _log.exception("an alert could not be queued")

    def describe(self) -> dict[str, Any]:
        """Returns for each target what was sent, failed, was dropped and waits, as JSON values; nothing in it is secret."""
        targets = [
            self._lanes.get(target, _Lane(target)).describe() for target in self.configuration().targets
        ]
        return {
            **{
                name: sum(target[name] for target in targets)
                for name in ("sent_count", "failed_count", "dropped_count", "waiting_count")
            },
            "problem": self._problem,
            "targets": targets,
        }

    async def close(self, grace_seconds: float = 2.0) -> None:
        """Gives what waits a moment to get out, then gives it up."""
        self._closed = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if late:
            _log.warning("the daemon ends; alerts for %d targets were not delivered", len(late))

    def _put(self, lane: _Lane, notice: Notice) -> None:
        if len(lane.queue) >= self._limits.queue_count:
            lane.queue.popleft()
            lane.dropped_count += 1
        lane.queue.append(notice)
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._drain(lane), name=f"alerts for {lane.target.name}")

    async def _drain(self, lane: _Lane) -> None:
        while lane.queue:
            notice = lane.queue.popleft()
            try:
                problem = await self._deliver(lane.target, notice)
            except Exception as error:  # noqa: BLE001 - logged whole; the next alert may succeed
                _log.exception("an alert for %s failed", lane.target.name)
                problem = f"{type(error).__name__}: see daemon.log"
            if problem:
                lane.failed_count += 1
                lane.problem = problem
                _log.warning("the alert %r did not reach %s: %s", notice.title, lane.target.name, problem)
            else:
                lane.sent_count += 1

    async def _deliver(self, target: Target, notice: Notice) -> str:
        """Returns why an alert did not reach its target; "" when it did."""
        if isinstance(target, Command):
            command = _Execution(target, notice, self._environment, self._limits.command_seconds)
            return await _in_thread(command.send, command.abort)
        body = _body(target.format, notice)
        problem = ""
        for pause_seconds in (0.0, *self._limits.pauses_seconds):
            await asyncio.sleep(pause_seconds)
            post = _Post(target.url, body, self._limits.webhook_seconds)
            try:
                problem, may_succeed = await asyncio.wait_for(
                    _in_thread(post.send, post.abort), self._limits.webhook_seconds
                )
            except asyncio.TimeoutError:
                problem, may_succeed = f"no answer within {self._limits.webhook_seconds:g} s", True
            if not may_succeed:
                break
        return problem


async def _in_thread(work: Callable[[], _Answer], abort: Callable[[], None]) -> _Answer:
    """Returns what `work` returns, from a thread that nobody waits for; calls `abort` when this is cancelled.

    The default pool is no place for it: what hangs there would hold up the syncs of logs, and the end of the daemon.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Answer] = loop.create_future()

    def finish(settle: Callable[[Any], None], answer: object) -> None:
        if not future.done():
            settle(answer)

    def run() -> None:
        settle: Callable[[Any], None] = future.set_result
        answer: object
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            settle, answer = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(finish, settle, answer)

    threading.Thread(target=run, name="alert", daemon=True).start()
    try:
        return await future
    except asyncio.CancelledError:
        abort()
        raise


class _Post:
    """One request to a webhook."""

    def __init__(self, url: str, body: bytes, limit_seconds: float) -> None:
        self._url = urllib.parse.urlsplit(url)
        self._body = body
        self._limit_seconds = limit_seconds  # of each step of the request; the caller's is for all of them
        self._connection: http.client.HTTPConnection | None = None

    def send(self) -> tuple[str, bool]:
        """Returns why it failed ("" when it did not), and whether the same may succeed later."""
        import http.client
        import ssl

        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "trackd"}
        self._connection = connection = self._connect()
        try:
            connection.request("POST", path, self._body, headers)
            status = connection.getresponse().status
        except ssl.SSLCertVerificationError as error:
            return f"the certificate is not good: {error.verify_message}", False
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}", True
        finally:
            connection.close()
        if 200 <= status < 300:
            return "", False
        if 300 <= status < 400:
            return f"HTTP status {status}: redirects are not followed; write the address it leads to", False
        return f"HTTP status {status}", status >= 500 or status in _RETRIED_STATUSES

    def _connect(self) -> http.client.HTTPConnection:
        import http.client
        import ssl

        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._limit_seconds)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self._limit_seconds, context=context)

    def abort(self) -> None:
        """Wakes the thread that waits for the other side."""
        connected = self._connection.sock if self._connection is not None else None
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _body(style: str, notice: Notice) -> bytes:
    """Returns the JSON that a webhook is sent."""
    if style == "json":
        return json.dumps({"version": VERSION, **asdict(notice)}).encode()
    where = f"{notice.project}/{notice.run_name or notice.run_id}"
    if style == "slack":
        # Slack's documentation, "Formatting message text": these three are escaped, and then nothing mentions anybody.
        lines = [f"*{notice.level}: {notice.title}*", notice.text, where, notice.url]
        text = "\n".join(line for line in lines if line)[:_SLACK_CHARACTERS_MAX]
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return json.dumps({"text": escaped}).encode()
    lines = [f"**{notice.level}: {notice.title}**", notice.text, where, notice.url]
    text = "\n".join(line for line in lines if line)[:_DISCORD_CHARACTERS_MAX]
    return json.dumps({"content": text, "allowed_mentions": {"parse": []}}).encode()


class _Execution:
    """One run of a command."""

    def __init__(
        self, command: Command, notice: Notice, environment: Mapping[str, str], limit_seconds: float
    ) -> None:
        self._arguments = command.arguments
        self._input = json.dumps({"version": VERSION, **asdict(notice)}).encode()
        self._environment = {
            **environment,
            **{f"TRACKD_ALERT_{name.upper()}": _variable(value) for name, value in asdict(notice).items()},
        }
        self._limit_seconds = limit_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._is_aborted = False

    def send(self) -> str:
        """Returns why the command failed; "" when it did not. Its output goes to the log."""
        import tempfile

        with tempfile.TemporaryFile() as given:
            given.write(self._input)
            given.seek(0)
            try:
                self._process = subprocess.Popen(
                    self._arguments,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,  # so that what it starts can be ended with it
                )
            except (OSError, ValueError) as error:
                return f"it could not be started: {error}"
        with self._process as process:
            output = self._follow(process)
            is_late = process.poll() is None
            if is_late:
                self.abort()
                process.wait()
        if output:
            _log.info("%s said: %s", self._arguments[0], output.decode(errors="replace").rstrip())
        if is_late:
            return f"it took longer than {self._limit_seconds:g} s and was killed"
        if process.returncode < 0:
            return f"it was ended by signal {-process.returncode}"
        return f"it left with exit code {process.returncode}" if process.returncode else ""

    def _follow(self, process: subprocess.Popen[bytes]) -> bytes:
        """Returns the beginning of what a process writes, once it has ended or its time is over."""
        assert process.stdout is not None
        descriptor, output = process.stdout.fileno(), b""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        end_time = time.monotonic() + self._limit_seconds
        while (left_seconds := end_time - time.monotonic()) > 0 and not self._is_aborted:
            # Asked before it is read: then all that an ended process has written is there. The pipe's end is not waited
            # for, because what the process leaves behind may hold it open for ever.
            has_ended = process.poll() is not None
            if poll.poll(0 if has_ended else _CHECK_SECONDS * 1000):
                block = os.read(descriptor, 1 << 16)
                output += block[: _OUTPUT_BYTES_MAX - len(output)]
                if block:
                    continue
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(left_seconds)
                break
            if has_ended:
                break
        return output

    def abort(self) -> None:
        """Kills the command and its process group."""
        self._is_aborted = True
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _variable(value: object) -> str:
    """Returns a value as an environment variable can hold it."""
    text = str(value)[:_VARIABLE_CHARACTERS_MAX].replace("\0", "")
    return text.encode("utf-8", "replace").decode()


def _matches(project: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(project, glob) for glob in globs)

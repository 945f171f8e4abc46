"""Owns what the tests of the team server share: replicas as real processes over a PostgreSQL and a bucket, and their people.

Invariant: every process that was started here ends with its `with`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tests.s3.uploading import wait_for

_PROGRAM = "trackd_service.server_command"
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    """What a server has answered by HTTP."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Replica:
    """One process of a team server."""

    def __init__(self, team: Team, name: str, options: list[str]) -> None:
        self._team = team
        self.cache = team.folder / name
        self.options = options
        self.http_port, self.grpc_port = free_port(), free_port()
        self.scheme = "https" if "--tls-certificate" in options else "http"
        self.url = f"{self.scheme}://127.0.0.1:{self.http_port}"
        self.log = team.folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and returns once it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", _PROGRAM, "--store", self._team.bucket_url),
                    *("--endpoint-url", self._team.endpoint_url, "--cache", str(self.cache)),
                    *("--http-port", str(self.http_port), "--grpc-port", str(self.grpc_port)),
                    *self.options,
                ],
                env={**os.environ, "TRACKD_CATALOG": self._team.catalog_url},
                stderr=log,
                stdout=log,
            )
        wait_for(self._is_ready, lambda: f"the server to be ready: {self.log.read_text()[-2000:]}")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        return self.get("/ready").status == 200

    def processes(self) -> list[psutil.Process]:
        """Returns its processes, helpers too."""
        if self._process is None:
            return []
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def kill(self) -> None:
        """Kills it as a machine dies."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stops it as an operator does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def get(self, path: str, key: str = "", **headers: str) -> Answer:
        """Asks for a path with a key; a server that does not answer is status 0."""
        return self.ask("GET", path, key, None, **headers)

    def ask(self, method: str, path: str, key: str = "", body: Any = None, **headers: str) -> Answer:
        """Asks; `body` is sent as JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        context = (
            ssl.create_default_context(cafile=str(self._team.ca_file)) if self.scheme == "https" else None
        )
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())
        except (urllib.error.URLError, ConnectionError):
            return Answer(0, {}, b"")


@dataclass
class Team:
    """A team server: its replicas, and what they share."""

    bucket_url: str
    endpoint_url: str
    catalog_url: str
    ca_file: Path | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="trackd-team-")))
    replicas: list[Replica] = field(default_factory=list)

    @staticmethod
    @contextlib.contextmanager
    def running(
        bucket_url: str,
        endpoint_url: str,
        catalog_url: str,
        replica_count: int = 1,
        options: tuple[str, ...] = (),
        ca_file: Path | None = None,
    ) -> Iterator[Team]:
        """Gives a team server whose replicas are ready."""
        team = Team(bucket_url, endpoint_url, catalog_url, ca_file)
        try:
            team.replicas += [
                Replica(team, f"replica-{place}", list(options)) for place in range(replica_count)
            ]
            if replica_count > 1:  # daemons know all of them
                addresses = ",".join(f"127.0.0.1:{replica.grpc_port}" for replica in team.replicas)
                for replica in team.replicas:
                    replica.options += ["--grpc-address", f"ipv4:{addresses}"]
            for replica in team.replicas:
                replica.start()
            yield team
        finally:
            for replica in team.replicas:
                replica.kill()
            shutil.rmtree(team.folder, ignore_errors=True)

    def command(self, *arguments: str, given: str = "") -> str:
        """Runs `trackd server …` on the catalog; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", _PROGRAM, *arguments],
            input=given,
            env={**os.environ, "TRACKD_CATALOG": self.catalog_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def add_user(self, name: str, *options: str) -> None:
        """Makes a user, who comes in by `PASSWORD`."""
        self.command("add-user", name, *options, given=PASSWORD + "\n")

    def add_member(self, team: str, name: str, role: str = "writer") -> None:
        """Makes a user of a team, and the team where there is none."""
        self.add_user(name)
        self.command("add-team", team, "--member", name, "--role", role)

    def add_key(self, name: str, *options: str) -> str:
        """Returns a new key of a user."""
        return self.command("add-key", name, *options)


def free_port() -> int:
    """Returns a port that is free now, and that nobody is given who asks the system for any: a replica is started again."""
    while True:
        port = random.SystemRandom().randrange(12_000, 20_000)  # Hypothesis seeds the usual one
        with socket.socket() as bound, contextlib.suppress(OSError):
            bound.bind(("127.0.0.1", port))
            return port

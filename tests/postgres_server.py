"""Owns real PostgreSQL servers for tests: a cluster in a folder of its own, started, stopped, and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

_USER = "postgres"
_INITDB = ("--no-sync", "-E", "UTF8", "--locale=C.UTF-8")


class PostgresServer:
    """A cluster that listens on the loopback alone; `url` says where."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.url = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"

    @staticmethod
    @contextlib.contextmanager
    def running() -> Iterator[PostgresServer]:
        """Gives a new cluster that runs; its files are gone afterwards."""
        # Not pytest's folder: as root, the server runs as another user, who may not go there.
        folder = Path(tempfile.mkdtemp(prefix="trackd-pg-"))
        if os.getuid() == 0:
            owner = pwd.getpwnam(_USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            server = PostgresServer(folder, free.getsockname()[1])
        server._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", _USER, *_INITDB)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stops it: "fast" as an operator does, "immediate" as a crash."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, "-w", "stop", check=False)

    def new_schema(self) -> str:
        """Returns the address of an empty schema of the database: a catalog of a test's own."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url}?options={quote(f'-c search_path={name}')}"

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command: Sequence[str] = [str(_programs() / program), *arguments]
        if os.getuid() == 0:  # which the server refuses to run as
            command = ["runuser", "-u", _USER, "--", *command]
        subprocess.run(command, check=check, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Gives one server to all tests of this process."""
    with PostgresServer.running() as server:
        yield server


def _programs() -> Path:
    """Returns the folder of the newest server programs."""
    found = [*map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb") or ""]
    newest = max((path for path in found if path), key=_version, default="")
    if not newest:
        raise FileNotFoundError("initdb is not there: `make postgres` installs PostgreSQL")
    return Path(newest).parent


def _version(path: str) -> int:
    parts = path.split("/")
    return int(parts[4]) if path.startswith("/usr/lib/postgresql/") and parts[4].isdecimal() else 0

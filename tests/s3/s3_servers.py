"""Owns real S3 servers for tests: SeaweedFS as one process, or as a cluster whose parts can be killed.

Invariants: everything listens on 127.0.0.1, at ports that were free; a server that is given out has stored an object;
its processes end with the `with`, whatever they are at. `scripts/install_s3_server.sh` brings the program.

    with S3Server.single(folder) as server:
        server.make_bucket("runs")
        ...                        # with server.environment, at server.endpoint_url
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv" / "bin" / "weed"
VOLUME_SERVERS = ("volume-1", "volume-2", "volume-3")

START_TIMEOUT_SECONDS = 60.0
RESTART_TIMEOUT_SECONDS = 20.0
STOP_TIMEOUT_SECONDS = 1.0
_POLL_INTERVAL_SECONDS = 0.05
_START_TRIES = 3
# Below those that the system gives to outgoing connections.
_PORTS = range(11_000, 32_000)
_VOLUME_MEGABYTES = 64
_SOCKET_FOLDER = Path("/tmp")
_PROBE_BUCKET = "trackd-tests-probe"

# Makes the command lines of the parts, in the order of their start, of the folder and the ports.
_Commands = Callable[[Path, dict[str, int]], dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Key:
    """A pair of credentials, and what they may do."""

    access_key: str
    secret_key: str
    actions: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a process that uses this key, and no other of the person who runs the tests."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }


ADMIN = Key("adminaccesskey", "adminsecretkey", ("Admin", "Read", "Write", "List", "Tagging"))
# May put objects, and neither look at them nor list them; SeaweedFS lets whoever may write delete as well.
WRITER = Key("writeraccesskey", "writersecretkey", ("Write",))
READER = Key("readeraccesskey", "readersecretkey", ("Read", "List"))


class S3Server:
    """A running server; `single` and `cluster` make one.

    Attributes:
        endpoint_url: Where S3 is spoken.
        access_key, secret_key, environment: The credentials that may do everything.
    """

    access_key = ADMIN.access_key
    secret_key = ADMIN.secret_key
    environment = ADMIN.environment

    def __init__(self, folder: Path, commands: dict[str, list[str]], ports: dict[str, int]) -> None:
        self._folder = folder
        self._commands = commands
        self._ports = ports
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.endpoint_url = f"http://127.0.0.1:{ports['s3']}"

    @classmethod
    @contextlib.contextmanager
    def single(cls, folder: Path) -> Iterator[S3Server]:
        """Runs one process that is everything; its one part is called `server`."""
        with cls._started(folder, _single_commands, ("master", "volume", "filer", "s3")) as server:
            yield server

    @classmethod
    @contextlib.contextmanager
    def cluster(cls, folder: Path) -> Iterator[S3Server]:
        """Runs a `master`, three volume servers (`VOLUME_SERVERS`), a `filer` and an `s3`; two copies of all."""
        with cls._started(folder, _cluster_commands, ("master", *VOLUME_SERVERS, "filer", "s3")) as server:
            yield server

    def kill(self, part: str) -> None:
        """Ends one process as a crash would."""
        process = self._processes.pop(part)
        process.kill()
        process.wait()

    def restart(self, part: str) -> None:
        """Starts a process that was killed; returns when the server stores objects again."""
        self._start(part)
        try:
            self._wait_until_healthy(RESTART_TIMEOUT_SECONDS)
        except TimeoutError:
            # One of some dozens that were killed stands there and stores nothing until it is started once more.
            self.kill(part)
            self._start(part)
            self._wait_until_healthy()

    def stop(self) -> None:
        """Ends all processes."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                # Some wait for each other; what they stored is a test's, and goes with its folder.
                process.kill()
                process.wait()
        self._processes.clear()
        # Beside each gRPC port they open a socket there, and one that is killed leaves it.
        for port in self._ports.values():
            for path in _SOCKET_FOLDER.glob(f"seaweedfs-*-{port}.sock"):
                path.unlink()

    def client(self, read_timeout_seconds: float = 20) -> S3Client:
        """Returns a client of boto3 that may do everything, for a look behind the back of what is tested; close it."""
        import boto3.session
        from botocore.config import Config

        session = boto3.session.Session(self.access_key, self.secret_key, region_name="us-east-1")
        config = Config(
            connect_timeout=2,
            read_timeout=read_timeout_seconds,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        )
        return session.client("s3", endpoint_url=self.endpoint_url, config=config)

    def make_bucket(self, name: str) -> None:
        """Makes an empty bucket."""
        with contextlib.closing(self.client()) as client:
            client.create_bucket(Bucket=name)

    def log(self, part: str) -> str:
        """Returns what a process has written."""
        return (self._folder / f"{part}.log").read_text(encoding="utf-8", errors="replace")

    @classmethod
    @contextlib.contextmanager
    def _started(cls, folder: Path, commands: _Commands, roles: tuple[str, ...]) -> Iterator[S3Server]:
        if not PROGRAM.is_file():
            raise FileNotFoundError("the tests of buckets need SeaweedFS: run scripts/install_s3_server.sh")
        folder.mkdir(parents=True, exist_ok=True)
        keys = {
            "identities": [
                {
                    "name": key.access_key,
                    "credentials": [{"accessKey": key.access_key, "secretKey": key.secret_key}],
                    "actions": list(key.actions),
                }
                for key in (ADMIN, WRITER, READER)
            ]
        }
        (folder / "s3.json").write_text(json.dumps(keys), encoding="utf-8")
        server = cls._start_all(folder, commands, roles)
        try:
            yield server
        finally:
            server.stop()

    @classmethod
    def _start_all(cls, folder: Path, commands: _Commands, roles: tuple[str, ...]) -> S3Server:
        for tries_left in reversed(range(_START_TRIES)):
            ports = _free_ports((*roles, *(f"{role}.grpc" for role in roles)))
            server = cls(folder, commands(folder, ports), ports)
            try:
                for part in server._commands:
                    server._start(part)
                    if part == "master":
                        # Those that come before it leads wait for seconds until they ask again.
                        server._wait_until(server._is_led)
                server._wait_until_healthy()
            except _PartEnded:  # Somebody was quicker at a port.
                server.stop()
                if tries_left == 0:
                    raise
            except BaseException:
                server.stop()
                raise
            else:
                return server
        raise AssertionError("the last try returns or raises")

    def _start(self, part: str) -> None:
        with (self._folder / f"{part}.log").open("ab") as log:
            self._processes[part] = subprocess.Popen(
                [str(PROGRAM), "-logtostderr", *self._commands[part]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )

    def _wait_until_healthy(self, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        volume_servers = sum(part in (*VOLUME_SERVERS, "server") for part in self._processes)
        # A server that has just come up may leave a request without an answer; the next one gets it.
        with contextlib.closing(self.client(read_timeout_seconds=1)) as client:
            self._wait_until(
                lambda: self._count_volume_servers() >= volume_servers and _stores_objects(client),
                timeout_seconds,
            )

    def _wait_until(
        self, condition: Callable[[], bool], timeout_seconds: float = START_TIMEOUT_SECONDS
    ) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            for part, process in self._processes.items():
                if process.poll() is not None:
                    raise _PartEnded(f"'{part}' of SeaweedFS has ended: {self.log(part)[-2000:]}")
            if time.monotonic() > deadline:
                logs = "\n".join(f"{part}: {self.log(part)[-2000:]}" for part in self._processes)
                raise TimeoutError(f"SeaweedFS did not come up in {timeout_seconds:.0f} s: {logs}")
            time.sleep(_POLL_INTERVAL_SECONDS)

    def _count_volume_servers(self) -> int:
        topology = self._ask_master("/dir/status").get("Topology", {})
        return sum(
            len(rack.get("DataNodes") or [])
            for center in topology.get("DataCenters") or []
            for rack in center.get("Racks") or []
        )

    def _is_led(self) -> bool:
        return self._ask_master("/cluster/status").get("IsLeader") is True

    def _ask_master(self, path: str) -> dict[str, Any]:
        """Returns what the master answers; nothing if it does not."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._ports['master']}{path}", timeout=2
            ) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError):
            return {}


class _PartEnded(RuntimeError):
    """A process of the server has ended by itself."""


def _stores_objects(client: S3Client) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=_PROBE_BUCKET)
        client.put_object(Bucket=_PROBE_BUCKET, Key="probe", Body=b"data")
        with contextlib.closing(client.get_object(Bucket=_PROBE_BUCKET, Key="probe")["Body"]) as body:
            return body.read() == b"data"
    except (BotoCoreError, ClientError):
        return False


def _single_commands(folder: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    (folder / "data").mkdir(exist_ok=True)
    return {
        "server": [
            "server",
            f"-dir={folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            # Otherwise it tells its makers that it runs.
            "-master.telemetry=false",
            *_port_options("master", ports, "master."),
            f"-master.volumeSizeLimitMB={_VOLUME_MEGABYTES}",
            # A master that starts again would wait for others that lead.
            "-master.electionTimeout=1s",
            *_port_options("volume", ports, "volume."),
            # A bucket takes seven of them, however small.
            "-volume.max=10000",
            "-volume.preStopSeconds=0",
            "-filer",
            *_port_options("filer", ports, "filer."),
            f"-filer.localSocket={folder / 'filer.sock'}",
            "-s3",
            *_s3_options(folder, ports, "s3."),
        ]
    }


def _cluster_commands(folder: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    master = f"127.0.0.1:{ports['master']}.{ports['master.grpc']}"
    (folder / "master").mkdir(exist_ok=True)
    commands = {
        "master": [
            "master",
            *here,
            f"-mdir={folder / 'master'}",
            "-telemetry=false",
            *_port_options("master", ports),
            # One more copy, on another server of the rack.
            "-defaultReplication=001",
            f"-volumeSizeLimitMB={_VOLUME_MEGABYTES}",
            "-electionTimeout=1s",
        ]
    }
    for name in VOLUME_SERVERS:
        (folder / name).mkdir(exist_ok=True)
        commands[name] = [
            "volume",
            *here,
            f"-dir={folder / name}",
            f"-master={master}",
            *_port_options(name, ports),
            "-max=10000",
            "-preStopSeconds=0",
        ]
    (folder / "filer").mkdir(exist_ok=True)
    commands["filer"] = [
        "filer",
        *here,
        f"-master={master}",
        f"-defaultStoreDir={folder / 'filer'}",
        *_port_options("filer", ports),
        f"-localSocket={folder / 'filer.sock'}",
    ]
    commands["s3"] = [
        "s3",
        "-ip.bind=127.0.0.1",
        f"-filer=127.0.0.1:{ports['filer']}.{ports['filer.grpc']}",
        *_s3_options(folder, ports),
    ]
    return commands


def _port_options(role: str, ports: dict[str, int], prefix: str = "") -> list[str]:
    return [f"-{prefix}port={ports[role]}", f"-{prefix}port.grpc={ports[f'{role}.grpc']}"]


def _s3_options(folder: Path, ports: dict[str, int], prefix: str = "") -> list[str]:
    return [
        *_port_options("s3", ports, prefix),
        f"-{prefix}config={folder / 's3.json'}",
        f"-{prefix}localSocket={folder / 's3.sock'}",
        # A bucket that is not there is an error on other servers.
        f"-{prefix}autoCreateBucket=false",
        # Two more services that nobody here uses, at fixed ports.
        f"-{prefix}port.iceberg=0",
        f"-{prefix}port.lance=0",
    ]


def _free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """Returns ports that were free all at the same time."""
    chance = random.SystemRandom()
    ports: dict[str, int] = {}
    with contextlib.ExitStack() as taken:
        while len(ports) < len(names):
            listener = taken.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", chance.choice(_PORTS)))
                ports[names[len(ports)]] = listener.getsockname()[1]
    return ports

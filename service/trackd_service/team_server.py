"""Owns the life of one replica of a team server: start, serve, stop. The composition root of `trackd server`.

A replica keeps nothing that another one does not have: runs, people and views stand in the catalog, files in the bucket, and
its folder is a cache that may be deleted while it does not run.
Invariants: it listens beyond the loopback only with TLS or behind a proxy that has it; it is ready only while it can tell
what the others have written; what was answered to a daemon is in the catalog.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import ipaddress
import logging
import os
import resource
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trackd_service import config, grpc_api, grpc_gate, grpc_replication, http_api, memory, web_serving
from trackd_service.absences import Absences
from trackd_service.bucket_requests import Bucket
from trackd_service.cache import CACHE_BYTES_MAX, Cache
from trackd_service.compactor import Compactor
from trackd_service.copies import Copies
from trackd_service.daemon import Daemon
from trackd_service.errors import Unauthenticated
from trackd_service.http_parts import answer
from trackd_service.http_people import OPEN_PATHS, PeopleFace
from trackd_service.ingest import Ingest
from trackd_service.leases import Leases
from trackd_service.limits import REQUESTS_PER_SECOND, RequestLimit, TeamQuota
from trackd_service.live import Live
from trackd_service.objects import DirectoryStore
from trackd_service.oidc import Oidc, OidcSettings
from trackd_service.people import People
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.principals import Caller
from trackd_service.query import Query
from trackd_service.received_edits import ReceivedEdits
from trackd_service.receiver import MANIFEST_BYTES_MAX, Receiver
from trackd_service.replica import Replica
from trackd_service.server_metrics import Face, ServerMetrics, State
from trackd_service.space import Space, StoreShelf
from trackd_service.store import Store
from trackd_service.sweeper import Sweeper
from trackd_service.team_doors import KeyDoor, PageDoor
from trackd_service.upload_settings import UploadSettings
from trackd_service.uploader import Uploader

_log = logging.getLogger("trackd.server")
_GRACE_SECONDS = 5.0
_READY_SECONDS = 10.0  # after the last good look at the catalog
_TIDY_SECONDS = 3600.0
_WATCHED_SECONDS = 30.0  # after a call
_READ_ONLY = "runs of a team server are written by daemons: `trackd login` has the one on your machine send its runs here"
_COOKIE = "trackd_session"
_WATCHED_PATHS = frozenset({"/health", "/ready", "/metrics"})  # by programs, which ask by an address


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How one replica is run.

    Attributes:
        bucket: Where the files of runs are.
        catalog_url: Of PostgreSQL.
        cache: A folder of its own, which may be lost.
        host: The address to listen on.
        http_port: For browsers; 0 takes a free one.
        grpc_port: For daemons; 0 takes a free one.
        url: Where people find the server, `https://trackd.example`; empty for the address that it listens on.
        grpc_address: Where daemons find it, `HOST:PORT`; empty for the host of `url` and `grpc_port`.
        certificate: A PEM file with the server's certificate and those above it; None for no TLS.
        certificate_key: Its private key.
        cache_bytes_max: How much of the bucket's files is kept in the cache.
        requests_per_second: How often each user may ask this replica; 0 for any number.
        team_bytes_max: How much each team may keep; 0 for any amount.
        proxies: Addresses or networks of the proxies before it, whose X-Forwarded headers are believed; none for no proxy.
        lost_after_seconds: After how long without a word a machine at work is taken for lost.
        oidc: The OpenID Connect provider by which people sign in; None for none.
    """

    bucket: Bucket
    catalog_url: str
    cache: Path
    host: str = "127.0.0.1"
    http_port: int = 7733
    grpc_port: int = 7734
    url: str = ""
    grpc_address: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()
    cache_bytes_max: int = CACHE_BYTES_MAX
    requests_per_second: float = REQUESTS_PER_SECOND
    team_bytes_max: int = 0
    lost_after_seconds: float = config.LOST_AFTER_SECONDS
    oidc: OidcSettings | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, one sentence, for what cannot be."""
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError(
                "a certificate and its key belong together: give --tls-certificate and --tls-key"
            )
        if not is_loopback(self.host) and self.certificate is None and not self.proxies:
            raise ValueError(
                f"the server would listen on {self.host} without TLS, and keys would cross the network as they are: give "
                "--tls-certificate and --tls-key, or --behind-proxy with the address of a proxy that has TLS"
            )
        for network in self.proxies:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"--behind-proxy is {network[:60]!r}; it can be addresses and networks, such as 10.0.0.0/8"
                ) from None
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
                raise ValueError(
                    f"--url is {self.url[:80]!r}; it can be the root of a site, such as https://trackd.example"
                )


def is_loopback(host: str) -> bool:
    """Says whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


async def serve(configuration: ServerConfig, version: str) -> None:
    """Serves until it is told to stop.

    Raises:
        StorageUnavailable: The catalog's database cannot be asked.
        CatalogTooNew: A newer trackd wrote it.
        OSError: A port or the folder cannot be had.
    """
    server = TeamServer(configuration, version)
    try:
        await server.start()
        await server.wait()
    finally:
        await server.stop()


class TeamServer:
    """One life of a replica."""

    def __init__(self, configuration: ServerConfig, version: str) -> None:
        """Takes how it is run, and the version of trackd."""
        self._config = configuration
        self._version = version
        self._start_time = time.monotonic()
        self._stop_event = asyncio.Event()
        self._web_end = asyncio.Event()
        self._live = Live()
        self._tasks: list[asyncio.Task[Any]] = []
        self._lock = -1
        self._grpc: grpc.aio.Server | None = None
        self._health: Any = None
        self._web: Any = None
        self._daemon: Daemon | None = None
        self._http_address = self._grpc_address = ""
        self._metrics = ServerMetrics(version, self._state)

    async def start(self) -> None:
        """Opens the catalog, and serves."""
        memory.spare()
        folder = self._config.cache
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._hold(folder)
        shutil.rmtree(folder / "scratch", ignore_errors=True)
        for name in ("scratch", "log"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        objects = DirectoryStore(folder / "objects")
        objects.clear_incoming()
        self._catalog = catalog = await asyncio.to_thread(PostgresCatalog, self._config.catalog_url)
        self._store = store = Store(catalog, objects, folder / "scratch")
        store.changed, store.deleted = self._live.changed, self._live.deleted
        store.read_only_reason = _READ_ONLY
        self._replica = Replica(
            *(
                store,
                catalog,
                self._config.bucket,
                folder,
                self._is_watched,
                self._metrics.note_bucket_failure,
            )
        )
        target, leases = self._replica.target, Leases(catalog)
        self._receiver = Receiver(store, catalog, target)
        self._copies = Copies(store, catalog, target, self._version)
        self._compactor = Compactor(store, catalog, target, folder / "scratch", leases)
        self._sweeper = Sweeper(store, catalog, target, leases)
        self._absences = Absences(
            store, catalog, leases, self._replica.bucket_answers, self._config.lost_after_seconds
        )
        self._cache = Cache(objects, self._replica.files, self._config.cache_bytes_max)
        self._people = People(catalog, time.time_ns)
        self._limit = RequestLimit(self._config.requests_per_second)
        self._quota = TeamQuota(catalog, self._config.team_bytes_max)
        ingest = Ingest(store, folder / "log")
        self._uploader = Uploader(store, folder, self._version, UploadSettings())
        self._daemon = Daemon(
            store=store,
            ingest=ingest,
            query=Query(store),
            live=self._live,
            space=Space(store, StoreShelf(store, objects)),
            uploader=self._uploader,
            bucket=lambda: self._replica.target,
            token="",
            facts=self._facts,
            stop=lambda: None,
            edits=ReceivedEdits(store, ingest, self._people),
            kind="server",
        )
        await self._replica.look_first()
        self._tasks.append(asyncio.create_task(self._replica.run(), name="replica"))
        for name, work in (
            ("tidy", self._tidy),
            ("compactor", self._compactor.run),
            ("sweeper", self._sweeper.run),
            ("absences", self._absences.run),
            ("cache", self._cache.run),
        ):
            self._tasks.append(asyncio.create_task(work(), name=name))
        await self._serve_grpc(self._daemon)
        self._serve_http(self._daemon)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_event.set)
        _log.info(
            "trackd %s serves %s at %s, and daemons at %s",
            *(self._version, self._config.bucket.url, self._http_address, self._grpc_address),
        )

    def _hold(self, folder: Path) -> None:
        """Takes the folder for this process. Raises OSError where another one has it."""
        self._lock = os.open(
            folder / "replica.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OSError(f"another replica uses the cache {folder}: give each its own by --cache") from None

    # -- gRPC ------------------------------------------------------------------------------------------------------

    async def _serve_grpc(self, daemon: Daemon) -> None:
        self._grpc = server = grpc_gate.bare_server(
            KeyDoor(self._people, self._limit),
            daemon.note_call,
            MANIFEST_BYTES_MAX // 2,
            functools.partial(self._note_answer, "grpc"),
        )
        replication = grpc_replication.ReplicationService(
            *(self._receiver, self._copies, self._people, self._quota, self._metrics, self._version),
            lambda: self._replica.catalog_id,
        )
        grpc_replication.add_services(server, daemon, replication)
        self._health = grpc_api.add_health(server)
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        address = f"{host}:{self._config.grpc_port}"
        if self._config.certificate is None or self._config.certificate_key is None:
            port = server.add_insecure_port(address)
        else:
            pair = (self._config.certificate_key.read_bytes(), self._config.certificate.read_bytes())
            port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        public = urlsplit(self._config.url).hostname or ("localhost" if is_loopback(host) else host)
        self._grpc_address = self._config.grpc_address or f"{public}:{port}"
        await server.start()
        await grpc_api.set_health(self._health, True)

    # -- HTTP ------------------------------------------------------------------------------------------------------

    def _serve_http(self, daemon: Daemon) -> None:
        bound = self._bind_http()
        port = bound.getsockname()[1]
        scheme = "http" if self._config.certificate is None else "https"
        self._http_address = self._config.url.rstrip("/") or (
            f"{scheme}://{'localhost' if is_loopback(self._config.host) else self._config.host}:{port}"
        )
        names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", self._config.host.lower())}
        app = http_api.make_app(
            daemon,
            names | {urlsplit(self._http_address).netloc.lower()},
            PageDoor(self._people, self._limit, _COOKIE, OPEN_PATHS),
            self.routes(self._people),
            functools.partial(self._note_answer, "http"),
            _WATCHED_PATHS,
        )
        options: dict[str, Any] = {}
        if self._config.certificate is not None:
            options |= {
                "ssl_certfile": str(self._config.certificate),
                "ssl_keyfile": str(self._config.certificate_key),
            }
        if self._config.proxies:
            options |= {"proxy_headers": True, "forwarded_allow_ips": ",".join(self._config.proxies)}
        self._web = web_serving.make(app, self._web_end, **options)
        self._tasks.append(asyncio.create_task(self._web.serve(sockets=[bound]), name="http"))

    def _bind_http(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._config.host else socket.AF_INET
        # asyncio turns Nagle's algorithm off only where it reads the protocol: an answer would wait 40 ms for its body.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._config.host, self._config.http_port))
        except OSError as error:
            bound.close()
            raise OSError(
                f"{self._config.host}:{self._config.http_port} cannot be listened on: {error.strerror}"
            ) from None
        bound.listen(1024)
        return bound

    def routes(self, people: People) -> list[Route]:
        """Returns the routes that only a team server has."""
        back, settings = f"{self._http_address}/api/v1/oidc/callback", self._config.oidc
        oidc = None if settings is None else Oidc(settings, back, time.time_ns)
        return [
            *PeopleFace(people, _COOKIE, oidc).routes("/api/v1"),
            Route("/health", self._answer_health),
            Route("/ready", self._answer_ready),
            Route("/metrics", self._answer_metrics),
            Route("/api/v1/server", self._answer_server),
        ]

    async def _answer_health(self, _: Request) -> Response:
        """Says that the process lives."""
        return PlainTextResponse("alive\n")

    async def _answer_ready(self, _: Request) -> Response:
        """Says whether requests are answered with what all replicas know."""
        if self.is_ready:
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready: the catalog or the bucket does not answer\n", 503)

    async def _answer_metrics(self, request: Request) -> Response:
        """Tells Prometheus how this replica is."""
        caller = request.scope["trackd.caller"]
        if caller is None or not caller.principal.is_server_admin:
            raise Unauthenticated("metrics are for the keys of a server admin, of any scope")
        content, media_type = self._metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": media_type})

    def _note_answer(
        self, face: Face, route: str, status: int | str, seconds: float | None, caller: Caller | None
    ) -> None:
        self._metrics.observe_request(face, route, status, seconds)
        is_failure = status >= 500 if isinstance(status, int) else status in ("INTERNAL", "UNKNOWN")
        if is_failure:
            extra: dict[str, Any] = {"face": face, "route": route, "status": status, "seconds": seconds}
            if caller is not None:
                extra |= {"user": caller.principal.user, "key_id": caller.principal.key_id}
            _log.warning("a request failed", extra=extra)

    def _state(self) -> State:
        held, used, waiting = self._catalog.connection_counts()
        return State(
            is_ready=self.is_ready,
            run_count=self._replica.run_count,
            running_count=self._replica.running_count,
            feed_lag_seconds=time.monotonic() - self._replica.look_time,
            connection_count=held,
            connections_in_use=used,
            connections_awaited=waiting,
            cache_bytes=self._cache.size_bytes,
            wanted_file_count=self._replica.files.wanted_count,
            fetched_file_count=self._replica.files.fetched_count,
            listener_count=self._live.listener_count,
        )

    async def _answer_server(self, _: Request) -> Response:
        """Tells daemons where they are served."""
        return answer(
            {
                "version": self._version,
                "protocol_version": config.PROTOCOL_VERSION,
                "url": self._http_address,
                "grpc_address": self._grpc_address,
            }
        )

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether it serves, and has heard of the catalog a moment ago."""
        if self._stop_event.is_set():
            return False
        return time.monotonic() - self._replica.look_time < _READY_SECONDS

    def _is_watched(self) -> bool:
        assert self._daemon is not None
        return bool(self._live.listener_count) or time.monotonic() - self._daemon.call_time < _WATCHED_SECONDS

    def _facts(self) -> dict[str, Any]:
        runs = self._store.in_memory()
        return {
            "version": self._version,
            "protocol_version": config.PROTOCOL_VERSION,
            "pid": 0,
            "http_address": self._http_address,
            "store_path": self._config.bucket.url,
            "counters": {
                "run_count": len(runs),
                "listener_count": self._live.listener_count,
                "memory_max_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            },
            "open_writer_count": 0,
            "uptime_seconds": time.monotonic() - self._start_time,
        }

    async def _tidy(self) -> None:
        """Has ended sessions and old attempts forgotten, now and then."""
        while True:
            try:
                await asyncio.to_thread(self._people.tidy, time.time_ns())
            except Exception:  # noqa: BLE001 - logged whole; the next time tries again
                _log.exception("ended sessions could not be forgotten")
            await asyncio.sleep(_TIDY_SECONDS)

    async def wait(self) -> None:
        """Waits until the server is to end; a failed part ends it with an error, for whoever keeps it to start it again."""
        stopping = asyncio.create_task(self._stop_event.wait())
        vital = [task for task in self._tasks if task.get_name() in ("replica", "http")]
        done, _ = await asyncio.wait([stopping, *vital], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done:
            if task is not stopping and not task.cancelled():
                raise RuntimeError(f"{task.get_name()} ended") from task.exception()

    async def stop(self) -> None:
        """Ends: new calls are refused, those under way are answered."""
        self._stop_event.set()
        if self._daemon is None:
            return
        self._daemon.is_stopping = True
        if self._grpc is not None:
            await grpc_api.set_health(self._health, False)
            await self._grpc.stop(_GRACE_SECONDS)
        if self._web is not None:
            self._web.should_exit = True
            self._web_end.set()
        for task in self._tasks:
            if task.get_name() != "http":
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        await self._uploader.close()
        await self._compactor.close()
        await self._sweeper.close()
        await self._receiver.close()
        await self._copies.close()
        await self._replica.close()
        await self._store.close()
        _log.info("ended")

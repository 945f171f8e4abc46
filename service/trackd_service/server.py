"""Owns the life of the daemon: start, serve, stop. The composition root: everything is built and connected here.

Order of start: `__main__` has locked the store; catalog and logs, gRPC, the endpoint file, then the web server, whose
imports take longest. Order of stop: unready, no more calls, take in and sync the logs, unpublish; the lock goes last.
Invariants: the lock of the store is held from before the first byte is read until after the last is written, by exactly one
daemon; the endpoint file names a daemon only while it serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import json
import logging
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackd_service import auth, config, memory
from trackd_service.config import Config
from trackd_service.daemon import Daemon
from trackd_service.ingest import Ingest
from trackd_service.live import Live
from trackd_service.notifier import Notice, Notifier
from trackd_service.objects import DirectoryStore
from trackd_service.observer import Observer
from trackd_service.query import Query
from trackd_service.runs import Run
from trackd_service.space import Space, StoreShelf
from trackd_service.sqlite_catalog import SqliteCatalog
from trackd_service.store import Store
from trackd_service.upload_settings import UploadSettings
from trackd_service.uploader import Uploader

_log = logging.getLogger("trackd.server")
_SOCKET_PATH_BYTES_MAX = 107  # of a Unix socket, on Linux
_FIRST_PORT = 7733
_PORT_FILE_NAME = "http_port"
_GRACE_SECONDS = 2.0
_IDLE_CHECK_SECONDS = 1.0
_STORE_CHECK_SECONDS = 1.0
_ALERT_AGE_MAX_MS = 600_000.0
_FIRST_LOOK_SECONDS = (
    10.0  # at a bucket, before whoever has started the daemon is answered with what was found by then
)
_WATCHED_SECONDS = 30.0  # after a call
_SETTLE_SECONDS = 2.0  # after the start, when whoever has started the daemon is served


async def serve(
    configuration: Config, version: str, runtime_folder: str | None, environment: Mapping[str, str]
) -> None:
    """Serves a store, whose lock is held, until it is told to stop or has been idle for long.

    Args:
        configuration: How.
        version: Of trackd.
        runtime_folder: The user's folder for sockets, or None for one under the temporary folder.
        environment: What commands that alerts run find in their environment.
    """
    server = _Server(configuration, version, runtime_folder, environment)
    try:
        await server.start()
        await server.wait()
    finally:
        await server.stop()


if TYPE_CHECKING:
    from trackd_service.mirror import Mirror


class _Server:
    """One life of the daemon."""

    def __init__(
        self,
        configuration: Config,
        version: str,
        runtime_folder: str | None,
        environment: Mapping[str, str],
    ) -> None:
        self._config = configuration
        self._version = version
        self._runtime_folder = runtime_folder
        self._environment = environment
        self._start_time = time.monotonic()
        self._stop_event = asyncio.Event()
        self._live = Live()
        self._http_address = ""
        self._tasks: list[asyncio.Task[Any]] = []
        self._deliveries: set[asyncio.Task[None]] = set()
        self._grpc: Any = None
        self._health: Any = None
        self._web: Any = None
        self._web_end = asyncio.Event()
        self._daemon: Daemon | None = None
        self._observer: Observer | None = None
        self._mirror: Mirror | None = None
        self._notifier: Notifier | None = None

    async def start(self) -> None:
        from trackd_service import grpc_api

        memory.spare()
        _allow_descriptors()
        folder = self._config.store
        # What a daemon that was killed has left: half a segment, and an address that nobody serves.
        if (folder / "scratch").exists():
            import shutil  # a megabyte with the compressors that it loads, and rarely needed

            shutil.rmtree(folder / "scratch", ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (folder / "endpoint.json").unlink()
        for name in ("log", "scratch"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        token = auth.load_token(folder)
        objects = DirectoryStore(folder / "objects")
        objects.clear_incoming()
        catalog, damaged = SqliteCatalog.open(folder / "catalog.sqlite")
        if damaged is not None:
            _log.error(
                "the catalog is damaged and was set aside as %s: runs come back as far as their logs go; what was sealed "
                "stays under objects/segments and is not listed",
                damaged.name,
            )
        store = Store(catalog, objects, folder / "scratch")
        store.changed, store.deleted = self._live.changed, self._live.deleted
        store.check_run = lambda run: grpc_api.run_message(run.describe(whole=True))
        ingest = Ingest(store, folder / "log")
        self._notifier = notifier = Notifier(folder / "alerts.json", self._environment)
        ingest.sources.alerted = self._tell_alerts
        ingest.sources.store_rules = lambda: notifier.configuration().rules
        if (folder / config.BUCKET_FILE_NAME).exists():
            from trackd_service.mirror import Mirror, load_bucket

            bucket = load_bucket(folder)
            self._mirror = Mirror(store, folder, bucket, self._is_watched)
        uploader = Uploader(store, folder, self._version, self._upload_default(), ingest.sources.warn)
        uploader.host = self._config.host
        if (mirror := self._mirror) is not None:
            uploader.mirror_problem = lambda: mirror.sentence
        self._daemon = Daemon(
            store=store,
            ingest=ingest,
            query=Query(store),
            live=self._live,
            space=Space(store, self._mirror or StoreShelf(store, objects)),
            uploader=uploader,
            bucket=lambda: uploader.target if self._mirror is None else self._mirror.target,
            token=token,
            facts=self._facts,
            stop=self._stop_event.set,
        )
        if self._mirror is None:
            await ingest.recover()
            self._observer = Observer(store, ingest, f"trackd-daemon {self._version}", self._config.host)
            self._tasks.append(asyncio.create_task(ingest.run(), name="ingest"))
            self._tasks.append(asyncio.create_task(self._observer.run(), name="observer"))
            self._tasks.append(asyncio.create_task(uploader.run(), name="upload"))
        else:
            await self._mirror.begin(_FIRST_LOOK_SECONDS)
            self._tasks.append(asyncio.create_task(self._mirror.run(), name="mirror"))
        self._grpc, self._health = grpc_api.make_server(self._daemon)
        address = self._bind_grpc()
        await self._grpc.start()
        await grpc_api.set_health(self._health, True)
        web_socket = self._bind_http()
        host, port = web_socket.getsockname()[:2]
        self._http_address = f"http://{'localhost' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - a comparison
        self._publish(address, token)
        _log.info("trackd %s serves %s at %s and %s", self._version, folder, address, self._http_address)
        self._tasks.append(asyncio.create_task(self._serve_http(web_socket), name="http"))
        self._tasks.append(asyncio.create_task(self._watch_idle(), name="idle"))
        self._tasks.append(asyncio.create_task(self._watch_store(), name="store"))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_event.set)
        loop.call_later(_SETTLE_SECONDS, memory.settle)
        try:
            await store.collect_garbage()
        except Exception:  # noqa: BLE001 - logged whole; the next start tries again
            _log.exception("files of deleted segments could not be removed")

    def _is_watched(self) -> bool:
        """Says whether somebody looks at the runs now."""
        assert self._daemon is not None
        last = self._daemon.call_time
        return bool(self._live.listener_count) or time.monotonic() - last < _WATCHED_SECONDS

    def _upload_default(self) -> UploadSettings:
        """Returns what the environment says of the upload; what cannot be is logged and left out."""
        try:
            return UploadSettings(self._config.upload_url, self._config.upload_endpoint_url)
        except ValueError as error:
            _log.error("TRACKD_UPLOAD: %s", error)
            return UploadSettings()

    def _bind_grpc(self) -> str:
        """Binds a Unix socket in a private folder, or a loopback port where there can be none."""
        for folder in self._socket_folders():
            path = folder / f"{hashlib.sha256(os.fsencode(self._config.store)).hexdigest()[:16]}.sock"
            if len(os.fsencode(path)) > _SOCKET_PATH_BYTES_MAX:
                continue
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                status = os.lstat(folder)
                if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
                    continue
                # The lock of the store is ours: whatever lies here is left from a daemon that is gone.
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                self._grpc.add_insecure_port(f"unix:{path}")
            except (OSError, RuntimeError):
                continue
            return f"unix:{path}"
        port = self._grpc.add_insecure_port("127.0.0.1:0")
        return f"127.0.0.1:{port}"

    def _socket_folders(self) -> list[Path]:
        own = f"trackd-{os.getuid()}"
        folders = [Path(self._runtime_folder) / "trackd"] if self._runtime_folder else []
        # The temporary folder may have a long name; /tmp never has. Owner and mode of what lies there are checked.
        temporary = self._environment.get("TMPDIR") or "/tmp"  # noqa: S108
        return [*folders, Path(temporary) / own, Path("/tmp") / own]  # noqa: S108

    def _bind_http(self) -> socket.socket:
        host, wanted = self._config.http_host, self._config.http_port
        ports = [wanted] if wanted else [*self._former_port(), _FIRST_PORT, 0]
        for port in ports:
            # asyncio turns Nagle's algorithm off only where it reads the protocol: an answer would wait 40 ms for its body.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind((host, port))
            except OSError:
                bound.close()
                if port == ports[-1]:
                    raise
                continue
            bound.listen(128)
            self._remember_port(bound.getsockname()[1])
            return bound
        raise OSError("no port")  # unreachable: the last port raises

    def _former_port(self) -> list[int]:
        """Returns the port of the daemon before: its pages are open in browsers, and find this one there by themselves."""
        try:
            port = int((self._config.store / _PORT_FILE_NAME).read_text("ascii"))
        except (OSError, ValueError):
            return []
        return [port] if 0 < port < 1 << 16 else []

    def _remember_port(self, port: int) -> None:
        if self._former_port() != [port]:
            with contextlib.suppress(OSError):  # a page has to be opened anew then
                (self._config.store / _PORT_FILE_NAME).write_text(str(port), "ascii")

    def _publish(self, grpc_address: str, token: str) -> None:
        """Writes the endpoint file, whole and private."""
        temporary = self._config.store / f".endpoint.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(
                {
                    "format": 1,
                    "grpc_address": grpc_address,
                    "http_address": self._http_address,
                    "token": token,
                    "version": self._version,
                    "protocol_version": config.PROTOCOL_VERSION,
                    "pid": os.getpid(),
                },
                file,
            )
        os.replace(temporary, self._config.store / "endpoint.json")

    async def _serve_http(self, bound: socket.socket) -> None:
        """Serves the web app, from the first time on that somebody knocks: it takes 6 MB, and 0.2 s to load."""
        loop, knocked = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(bound.fileno(), knocked.set)
        try:
            await knocked.wait()
        finally:
            loop.remove_reader(bound.fileno())
        # In a thread: the writers are served meanwhile.
        await asyncio.gather(
            *(
                asyncio.to_thread(importlib.import_module, name)
                for name in ("uvicorn", "trackd_service.http_api")
            )
        )
        from trackd_service import http_api, web_serving
        from trackd_service.http_guard import LocalDoor

        assert self._daemon is not None
        port = bound.getsockname()[1]
        names = ("127.0.0.1", "localhost", "[::1]", *self._config.allowed_hosts)
        hosts = {
            name.lower() if ":" in name.strip("[]").replace("::", "") else f"{name.lower()}:{port}"
            for name in names
        }
        hosts |= {name.lower() for name in self._config.allowed_hosts}  # a proxy on the usual port names none
        app = http_api.make_app(self._daemon, hosts, LocalDoor(self._daemon.token, f"trackd_token_{port}"))

        self._web = web_serving.make(app, self._web_end)
        await self._web.serve(sockets=[bound])

    def _tell_alerts(self, run: Run, alerts: list[dict[str, Any]]) -> None:
        """Has the new alerts of a run delivered."""
        assert self._notifier is not None
        page = f"{self._http_address}/p/{quote(run.project, safe='')}/r/{quote(run.run_id, safe='')}"
        for alert in alerts:
            _log.info("alert of run %s: %s %r", run.run_id, alert["level"], alert["title"])
            if time.time() * 1e3 - alert["time_unix_ms"] > _ALERT_AGE_MAX_MS:
                continue  # of a log that was taken in late: nobody need be woken for it
            notice = Notice(run.project, run.run_id, run.name, url=page, **alert)
            task = asyncio.ensure_future(self._notifier.notify(notice))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    def _facts(self) -> dict[str, Any]:
        assert self._daemon is not None
        ingest = self._daemon.ingest
        runs = self._daemon.store.in_memory()
        return {
            "version": self._version,
            "protocol_version": config.PROTOCOL_VERSION,
            "pid": os.getpid(),
            "http_address": self._http_address,
            "store_path": str(self._config.store),
            "counters": {
                "accepted_row_count": sum(run.health.accepted_row_count for run in runs),
                "refused_count": sum(run.health.refused_count for run in runs),
                "damaged_record_count": sum(run.health.damaged_record_count for run in runs),
                "unsealed_point_count": sum(run.tail.point_count for run in runs),
                "run_count": len(runs),
                "listener_count": self._live.listener_count,
                "memory_max_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            },
            "open_writer_count": len(ingest.sources.open_writer_ids),
            "uptime_seconds": time.monotonic() - self._start_time,
        }

    async def _watch_idle(self) -> None:
        """Ends the daemon when nobody has written, read or watched for long."""
        assert self._daemon is not None
        limit = self._config.idle_exit_seconds
        while limit > 0 and not self._config.foreground:
            await asyncio.sleep(min(_IDLE_CHECK_SECONDS, limit / 2))
            is_used = (
                self._daemon.ingest.sources.open_writer_ids
                or self._live.listener_count
                or self._daemon.uploader.has_work
            )
            quiet = time.monotonic() - max(
                self._daemon.ingest.sources.active_time, self._daemon.call_time, self._start_time
            )
            if not is_used and quiet >= limit:
                _log.info("idle for %.0f s: ending", quiet)
                self._stop_event.set()
                return

    async def _watch_store(self) -> None:
        """Ends the daemon at once when its store was deleted or replaced under it."""
        path = self._config.store / config.LOCK_NAME
        ours = path.stat()
        while True:
            await asyncio.sleep(_STORE_CHECK_SECONDS)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), ours):
                    continue
            _log.error("the store %s was deleted or replaced: this daemon ends", self._config.store)
            # Nothing here can be kept any more, and an orderly end would take away what a next daemon may have put in
            # the same places: its socket, its endpoint file, its scratch folder.
            os._exit(1)

    async def wait(self) -> None:
        """Waits until the daemon is to end; a failed part ends it with an error, for the next one to take over."""
        stopping = asyncio.create_task(self._stop_event.wait())
        vital = [task for task in self._tasks if task.get_name() in ("ingest", "http")]
        done, _ = await asyncio.wait([stopping, *vital], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done:
            if task is not stopping and not task.cancelled():
                error = task.exception()
                _log.error("%s ended: %r", task.get_name(), error)

    async def stop(self) -> None:
        if self._daemon is None:
            return
        self._daemon.is_stopping = True
        with contextlib.suppress(FileNotFoundError):
            (self._config.store / "endpoint.json").unlink()
        if self._grpc is not None:
            from trackd_service import grpc_api

            await grpc_api.set_health(self._health, False)
            await self._grpc.stop(_GRACE_SECONDS)
        if self._web is not None:
            self._web.should_exit = True
            self._web_end.set()
        if self._observer is not None:
            await self._observer.stop()
        await self._daemon.ingest.stop()
        await self._daemon.uploader.close()
        if self._mirror is not None:
            await self._mirror.close()
        if self._notifier is not None:
            await self._notifier.close()
        for task in self._tasks:
            if task.get_name() != "http" or self._web is None:  # nobody has knocked yet
                task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS + 1)
            for task in late:
                _log.warning("%s has not ended in time", task.get_name())
        await self._daemon.store.close()
        _log.info("ended")


def _allow_descriptors() -> None:
    """Takes as many open files as the system allows: every log and every open segment is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

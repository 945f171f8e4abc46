"""Owns what a helper process does with a team server: sending files and manifests there, and copying runs from there.

It has what `transfers` needs of a bucket. A file is announced, the server says where it may be put or read, and it goes
straight into the server's bucket, or comes from there; a manifest goes to the server itself. Invariants: one request is one
try that ends in bounded time; what the server refuses of one run is that run's own trouble; no error holds the key or a
signed address.
"""

from __future__ import annotations

import functools
import hashlib
import os
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc
import urllib3
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from trackd.v1 import (
    query_service_pb2,
    query_service_pb2_grpc,
    records_pb2,
    replication_service_pb2,
    replication_service_pb2_grpc,
)
from trackd_service.bucket_requests import BucketError, FileBody, Kind, Pace, kind_of_status
from trackd_service.buckets import Entry, Probe
from trackd_service.errors import ObjectMissing
from trackd_service.objects import ObjectConflict, ObjectNotFound, sync_directory
from trackd_service.server_keys import Server

_CALL_SECONDS = 60.0
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 60.0
_RECONNECT_MILLISECONDS = 10_000
_FILES_MAX = 256  # of one question
_CONNECTIONS = 8
_PAGE_SIZE = 1000  # runs of one answer
_BLOCK_BYTES = 1 << 20
_ANSWER_BYTES_MAX = 256 << 20  # the server's limit: what it has of a run of 100,000 metrics is 10 MB
# What a status says of the server or of the way to it; whatever else it says is of what was sent.
_KINDS: dict[grpc.StatusCode, Kind] = {
    grpc.StatusCode.UNAVAILABLE: "unreachable",
    grpc.StatusCode.DEADLINE_EXCEEDED: "unreachable",
    grpc.StatusCode.CANCELLED: "unreachable",
    grpc.StatusCode.INTERNAL: "unreachable",
    grpc.StatusCode.UNKNOWN: "unreachable",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "throttled",
    grpc.StatusCode.UNAUTHENTICATED: "denied",
    grpc.StatusCode.UNIMPLEMENTED: "other",
}
# Of these the code alone would say something else.
_KINDS_OF_REASONS: dict[str, Kind] = {"BUCKET_UNUSABLE": "unreachable", "QUOTA_EXCEEDED": "file"}


class ServerStore:
    """Sends to a team server. Any thread may use it; channel and connections are shared."""

    def __init__(self, server: Server, *, bytes_per_second_max: int = 0) -> None:
        """Takes the server, and how many bytes a second may go to its bucket; 0 for no bound."""
        self._server = server
        self._pace = Pace(bytes_per_second_max)
        self._channel: grpc.Channel | None = None
        self._signed: dict[str, Any] = {}
        self._readable: dict[str, str] = {}
        self._pool = functools.cache(self._open_pool)

    # -- what `transfers` asks for ------------------------------------------------------------------------------------

    def announce(self, run: tuple[str, str], files: Sequence[tuple[str, str, int]]) -> None:
        """Asks where files of a run, as (name, sha256, size in bytes), may be put. Raises BucketError."""
        for start in range(0, len(files), _FILES_MAX):
            some = files[start : start + _FILES_MAX]
            request = replication_service_pb2.SignFilesRequest(
                run=records_pb2.RunIdentity(project=run[0], run_id=run[1]),
                files=[
                    replication_service_pb2.SentFile(name=name, sha256=sha256, size_bytes=size_bytes)
                    for name, sha256, size_bytes in some
                ],
                team=self._server.team,
            )
            answer = self._call("SignFiles", request, f"send files of run {run[1]!r}")
            self._signed |= {name: put for (name, _, _), put in zip(some, answer.puts, strict=True)}

    def send_file(self, name: str, path: Path, *, sha256: str = "") -> None:
        """Puts a file that was announced where the server has said.

        Raises:
            BucketError: It could not be put.
            OSError: The file cannot be read.
            ObjectConflict: It is not what was announced.
        """
        signed = self._signed.pop(name)
        if signed.is_there:
            return
        body = FileBody(path, 0, path.stat().st_size, self._pace)
        body.is_sent = True
        try:
            answer = self._pool().request(
                "PUT",
                signed.url,
                body=body,
                headers={**signed.headers, "Content-Length": str(len(body))},
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if body.failure is not None:
                raise body.failure from None
            # Its words may hold the address, with the signature.
            raise BucketError(
                "unreachable", f"the bucket of {self._server.url} cannot be reached: {type(error).__name__}"
            ) from None
        finally:
            body.close()
        if answer.status == 200:
            return
        if answer.status == 400:
            raise ObjectConflict(
                f"{path.name} is not what was announced as {sha256[:12]}: it was altered here"
            )
        kind = kind_of_status(answer.status)
        # A signature lasts for minutes: the next try has another one.
        raise BucketError(
            "unreachable" if kind == "denied" else kind,
            f"the bucket of {self._server.url} did not take a file: it answered {answer.status}",
        )

    def replace(self, name: str, data: bytes) -> None:
        """Tells the server what this store has of a run: `data` is the manifest `name`. Raises BucketError."""
        request = replication_service_pb2.CommitRunRequest(
            manifest=zlib.compress(data, 6), team=self._server.team
        )
        # One that was deleted there is not wanted any more: that is no failure.
        self._call("CommitRun", request, f"tell of {name.rpartition('/')[0]}")

    def delete(self, name: str) -> None:
        """Does nothing: the server clears its bucket itself."""

    def probe(self) -> Probe:
        """Returns whether the key is of use. Raises BucketError."""
        answer = self._call("GetServer", replication_service_pb2.GetServerRequest(), "come in")
        can_write = answer.scope in ("write", "admin")
        sentences = []
        if not can_write:
            sentences.append(f"the key is of scope {answer.scope}: make one of scope write")
        elif not answer.teams:
            can_write = False
            sentences.append(
                f"user {answer.user} is a writer of no team: ask an admin of one, and log in again"
            )
        elif self._server.team and self._server.team not in answer.teams:
            can_write = False
            sentences.append(
                f"user {answer.user} is no writer of team {self._server.team!r}; of {', '.join(answer.teams)}"
            )
        return Probe(
            can_write, True, True, True, False, "refused", 0.0, f"trackd {answer.version}", tuple(sentences)
        )

    def catalog_id(self) -> str:
        """Returns what tells the server's catalog from any other; empty where it does not know. Raises BucketError."""
        answer = self._call("GetServer", replication_service_pb2.GetServerRequest(), "say which one it is")
        return str(answer.catalog_id)

    def close(self) -> None:
        """Ends connections."""
        if self._channel is not None:
            self._channel.close()
        self._pool().clear()

    # -- copies of its runs -------------------------------------------------------------------------------------------

    def runs(self, project: str) -> list[tuple[str, str]]:
        """Returns (project, run id) of the server's runs; an empty project means all. Raises BucketError."""
        found: list[tuple[str, str]] = []
        request = query_service_pb2.ListRunsRequest(project=project, order="created_at", page_size=_PAGE_SIZE)
        while True:
            answer = self._call("ListRuns", request, "list its runs", query_service_pb2_grpc.QueryServiceStub)
            found += [(run.identity.project, run.identity.run_id) for run in answer.runs]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def manifest(self, project: str, run_id: str) -> bytes | None:
        """Returns what the server has of a run; None for a run that is not there. Raises BucketError."""
        run = records_pb2.RunIdentity(project=project, run_id=run_id)
        request = replication_service_pb2.GetManifestRequest(run=run)
        try:
            answer = self._call("GetManifest", request, f"tell what it has of run {run_id!r}")
        except BucketError as error:
            if error.code == grpc.StatusCode.NOT_FOUND.name:
                return None
            raise
        return zlib.decompress(answer.manifest)

    def announce_reads(self, run: tuple[str, str], names: Sequence[str]) -> None:
        """Asks where files of a run may be read. Raises BucketError."""
        for start in range(0, len(names), _FILES_MAX):
            some = names[start : start + _FILES_MAX]
            request = replication_service_pb2.SignReadsRequest(
                run=records_pb2.RunIdentity(project=run[0], run_id=run[1]), names=some
            )
            answer = self._call("SignReads", request, f"give files of run {run[1]!r}")
            self._readable |= dict(zip(some, answer.urls, strict=True))

    def fetch_file(self, name: str, path: Path, *, sha256: str = "") -> None:
        """Fetches a file that was announced, which is there whole and with its sum, or not at all.

        Raises:
            ObjectNotFound: The run has no such file, or the bucket has it no more.
            BucketError: It cannot be fetched, or is of kind `damaged`.
            OSError: It cannot be kept.
        """
        url = self._readable.pop(name)
        if not url:
            raise ObjectNotFound(name)
        digest = hashlib.sha256()
        temp_path = path.parent / f".{os.urandom(16).hex()}.part"
        try:
            with (
                self._pool().request(
                    "GET", url, preload_content=False, retries=False, redirect=False
                ) as answer,
                temp_path.open("xb") as file,
            ):
                if answer.status == 404:
                    raise ObjectNotFound(name)
                if answer.status != 200:
                    kind = kind_of_status(answer.status)
                    raise BucketError(
                        "unreachable" if kind == "denied" else kind,
                        f"the bucket of {self._server.url} did not give {name}: it answered {answer.status}",
                    )
                for block in answer.stream(_BLOCK_BYTES):
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != sha256:
                raise BucketError("damaged", f"{name} was altered in the bucket of {self._server.url}")
            temp_path.replace(path)
        except urllib3.exceptions.HTTPError as error:
            # Its words may hold the address, with the signature.
            raise BucketError(
                "unreachable", f"the bucket of {self._server.url} cannot be reached: {type(error).__name__}"
            ) from None
        finally:
            temp_path.unlink(missing_ok=True)
        sync_directory(path.parent)

    # -- what is not asked of a server ----------------------------------------------------------------------------------

    def get(self, name: str) -> bytes:
        """Raises BucketError: files are read on the server's pages."""
        self._refuse(name)

    def get_range(self, name: str, start: int, end: int) -> bytes:  # noqa: ARG002
        """Raises BucketError."""
        self._refuse(name)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Raises BucketError."""
        self._refuse(prefix)

    def size(self, name: str) -> int:
        """Raises BucketError."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise BucketError(
            "other", f"{name} cannot be read back from {self._server.url}: read runs on its pages"
        )

    # -- requests -------------------------------------------------------------------------------------------------------

    def _call(
        self,
        method: str,
        request: Any,
        task: str,
        make_stub: Callable[[Any], Any] = replication_service_pb2_grpc.ReplicationServiceStub,
    ) -> Any:
        if self._channel is None:
            self._channel = self._open_channel()
        stub = make_stub(self._channel)
        metadata = (("authorization", f"Bearer {self._server.key}"),)
        try:
            return getattr(stub, method)(request, timeout=_CALL_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            code, detail = error.code(), " ".join(str(error.details()).split())[:300]
            place = f"the server {self._server.url}"
            info = _info(error)
            kind = _KINDS_OF_REASONS.get(info.reason) or _KINDS.get(code, "file")
            lost = info.metadata.get("files", "").split() if info.reason == ObjectMissing.reason else ()
            raise BucketError(
                kind, f"{place} could not be asked to {task}: {detail}", code.name, tuple(lost)
            ) from None

    def _open_channel(self) -> grpc.Channel:
        # A name may have several addresses, one a replica: another one is asked while one does not answer.
        options = [
            ("grpc.max_receive_message_length", _ANSWER_BYTES_MAX),
            ("grpc.lb_policy_name", "round_robin"),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_MILLISECONDS),  # two minutes, unless it is said
        ]
        if not self._server.is_encrypted:
            return grpc.insecure_channel(self._server.grpc_address, options)
        roots = Path(self._server.ca_file).read_bytes() if self._server.ca_file else None
        return grpc.secure_channel(self._server.grpc_address, grpc.ssl_channel_credentials(roots), options)

    def _open_pool(self) -> Any:
        options: dict[str, Any] = {
            "num_pools": 4,
            "maxsize": _CONNECTIONS,
            "timeout": urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            "ca_certs": self._server.ca_file or None,
        }
        proxy = urllib.request.getproxies().get("https")
        return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _info(error: Any) -> Any:
    """Returns which of `errors` a server has answered, with its parts; an empty one where none came from it."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    if status is not None and status.details:
        status.details[0].Unpack(info)
    return info

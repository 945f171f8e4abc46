"""Owns the gRPC faces that only a team server has: what daemons send, and of runs what does not write them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

import grpc

from trackd.v1 import (
    query_service_pb2_grpc,
    replication_service_pb2,
    replication_service_pb2_grpc,
    run_service_pb2_grpc,
)
from trackd_service import access, config
from trackd_service.copies import Copies
from trackd_service.daemon import Daemon
from trackd_service.errors import BucketUnusable, InvalidArgument, PermissionDenied, Unauthenticated
from trackd_service.grpc_api import QueryService, RunService
from trackd_service.limits import TeamQuota
from trackd_service.people import People
from trackd_service.principals import Caller, Principal
from trackd_service.receiver import MANIFEST_BYTES_MAX, Receiver
from trackd_service.server_metrics import ServerMetrics
from trackd_service.transfers import SentFile


class ReplicationService(replication_service_pb2_grpc.ReplicationServiceServicer):
    """Serves trackd.v1.ReplicationService."""

    def __init__(
        self,
        receiver: Receiver,
        copies: Copies,
        people: People,
        quota: TeamQuota,
        metrics: ServerMetrics,
        version: str,
        catalog_id: Callable[[], str],
    ) -> None:
        """Takes what receives runs and gives copies, who there is, quotas, what counts, and what is said of the server."""
        self._catalog_id = catalog_id
        self._metrics = metrics
        self._receiver = receiver
        self._copies = copies
        self._quota = quota
        self._people = people
        self._version = version

    async def GetServer(  # noqa: N802 - the contract's name
        self, request: replication_service_pb2.GetServerRequest, context: Any
    ) -> replication_service_pb2.GetServerResponse:
        """Tells whose key it is."""
        caller = _caller()
        principal = caller.principal
        return replication_service_pb2.GetServerResponse(
            version=self._version,
            protocol_version=config.PROTOCOL_VERSION,
            user=principal.user,
            scope=principal.scope,
            project=principal.project,
            teams=sorted(team for team, role in principal.teams.items() if role in ("writer", "admin")),
            expire_time_unix_nanos=await asyncio.to_thread(self._people.keys.expire_time, caller),
            catalog_id=self._catalog_id(),
        )

    async def SignFiles(  # noqa: N802
        self, request: replication_service_pb2.SignFilesRequest, context: Any
    ) -> replication_service_pb2.SignFilesResponse:
        """Tells how files may be put into the bucket."""
        principal = await self._check(request.run.project, request.team)
        files = [SentFile(file.name, file.sha256, file.size_bytes) for file in request.files]
        size_bytes = sum(max(0, file.size_bytes) for file in files)
        await asyncio.to_thread(self._quota.check, principal, request.run.project, size_bytes)
        try:
            signed = await self._receiver.sign(request.run.project, request.run.run_id, files)
        except BucketUnusable as error:
            self._metrics.note_bucket_failure(error.metadata.get("kind", ""))
            raise
        self._metrics.note_signed(
            sum(each is not None for each in signed),
            sum(file.size_bytes for file, each in zip(files, signed, strict=True) if each is not None),
        )
        return replication_service_pb2.SignFilesResponse(
            puts=[
                replication_service_pb2.SignedPut(is_there=True)
                if each is None
                else replication_service_pb2.SignedPut(url=each.url, headers=dict(each.headers))
                for each in signed
            ]
        )

    async def CommitRun(  # noqa: N802
        self, request: replication_service_pb2.CommitRunRequest, context: Any
    ) -> replication_service_pb2.CommitRunResponse:
        """Takes what a store has of a run."""
        data = await asyncio.to_thread(_inflate, request.manifest)
        is_taken = await self._receiver.commit(data, lambda project: self._check(project, request.team))
        self._metrics.note_commit(len(request.manifest))
        return replication_service_pb2.CommitRunResponse(is_deleted=not is_taken)

    async def GetManifest(  # noqa: N802
        self, request: replication_service_pb2.GetManifestRequest, context: Any
    ) -> replication_service_pb2.GetManifestResponse:
        """Tells what the server has of a run."""
        return replication_service_pb2.GetManifestResponse(
            manifest=await self._copies.manifest(request.run.project, request.run.run_id)
        )

    async def SignReads(  # noqa: N802
        self, request: replication_service_pb2.SignReadsRequest, context: Any
    ) -> replication_service_pb2.SignReadsResponse:
        """Tells how files may be read from the bucket."""
        return replication_service_pb2.SignReadsResponse(
            urls=await self._copies.sign(request.run.project, request.run.run_id, request.names)
        )

    async def _check(self, project: str, team: str) -> Principal:
        """Returns who calls, for whom a project that nobody owns is claimed; raises PermissionDenied."""
        caller = _caller()
        if caller.principal.can_write(project):
            return caller.principal
        principal = await asyncio.to_thread(self._people.teams.claim, caller, project, team)
        if not principal.can_write(project):
            raise PermissionDenied(
                f"to write in project {project[:80]!r} is not allowed here: it takes a writer of its team, and a key for it"
            )
        return principal


class TeamRunService(RunService):
    """Serves of trackd.v1.RunService what does not write runs."""

    async def CreateRun(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Refuses."""
        self._store.check_writable()

    async def FinishRun(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuses."""
        self._store.check_writable()

    async def StopDaemon(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuses."""
        self._store.check_writable()


def add_services(server: grpc.aio.Server, daemon: Daemon, replication: ReplicationService) -> None:
    """Adds the services of a team server."""
    run_service_pb2_grpc.add_RunServiceServicer_to_server(TeamRunService(daemon), server)
    query_service_pb2_grpc.add_QueryServiceServicer_to_server(QueryService(daemon), server)
    replication_service_pb2_grpc.add_ReplicationServiceServicer_to_server(replication, server)


def _caller() -> Caller:
    caller = access.caller()
    if caller is None:
        raise Unauthenticated("a key is needed: `trackd login` takes one")
    return caller


def _inflate(data: bytes) -> bytes:
    """Returns what was compressed; raises InvalidArgument for what is none, and before it takes too much memory."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, MANIFEST_BYTES_MAX + 1)
    except zlib.error:
        raise InvalidArgument("the manifest is not compressed by zlib", field="manifest") from None
    if not inflater.eof and len(found) <= MANIFEST_BYTES_MAX:
        raise InvalidArgument("the manifest is cut off", field="manifest")
    return found

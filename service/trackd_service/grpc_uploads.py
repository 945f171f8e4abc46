"""Owns the gRPC face of the upload: messages to plain values and back. Holds no state of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from trackd.v1 import upload_service_pb2, upload_service_pb2_grpc
from trackd_service import server_keys, upload_settings
from trackd_service.bucket_requests import Bucket, BucketError
from trackd_service.daemon import Daemon
from trackd_service.errors import BucketUnusable, InvalidArgument, StorageUnavailable
from trackd_service.server_keys import Server
from trackd_service.upload_settings import INTERVAL_SECONDS, UploadSettings
from trackd_service.uploader import UploadStatus
from trackd_service.worker import Worker, WorkerCrashed


class UploadService(upload_service_pb2_grpc.UploadServiceServicer):
    """Serves trackd.v1.UploadService."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._uploader = daemon.uploader
        self._store = daemon.store
        self._daemon = daemon

    async def GetUpload(  # noqa: N802 - the contract's name
        self, request: upload_service_pb2.GetUploadRequest, context: Any
    ) -> upload_service_pb2.GetUploadResponse:
        """Tells how the upload is set, and how it stands."""
        settings = self._uploader.settings
        return upload_service_pb2.GetUploadResponse(
            settings=upload_service_pb2.UploadSettings(
                url=settings.url,
                endpoint_url=settings.endpoint_url,
                region=settings.region,
                profile=settings.profile,
                interval_seconds=settings.interval_seconds,
                bytes_per_second_max=settings.bytes_per_second_max,
                keep_local_days=settings.keep_local_days,
            ),
            status=_status(self._uploader.status()),
        )

    async def SetUpload(  # noqa: N802
        self, request: upload_service_pb2.SetUploadRequest, context: Any
    ) -> upload_service_pb2.SetUploadResponse:
        """Sets the upload, after the bucket was tried."""
        self._store.check_writable()
        wanted = request.settings
        try:
            settings = UploadSettings(
                wanted.url.strip().rstrip("/"),
                wanted.endpoint_url.strip().rstrip("/"),
                wanted.region,
                wanted.profile,
                wanted.interval_seconds or INTERVAL_SECONDS,
                wanted.bytes_per_second_max,
                wanted.keep_local_days,
            )
        except ValueError as error:
            raise InvalidArgument(str(error), field="settings") from None
        findings: tuple[str, ...] = ()
        try:
            if settings.url:
                probe = await self._uploader.probe(settings)
                findings = probe.sentences
                if not probe.can_write:
                    raise BucketError("denied", " ".join(findings))
        except ValueError as error:
            raise InvalidArgument(str(error), field="settings") from None
        except BucketError as error:
            if not request.even_if_unusable:
                raise BucketUnusable(str(error), kind=error.kind) from None
            findings = (str(error),)
        try:
            await asyncio.to_thread(upload_settings.save, self._uploader.folder, settings)
        except OSError as error:
            raise StorageUnavailable(f"upload.json cannot be written: {error.strerror}") from None
        await self._uploader.look()
        return upload_service_pb2.SetUploadResponse(findings=findings)

    async def StartSync(  # noqa: N802
        self, request: upload_service_pb2.StartSyncRequest, context: Any
    ) -> upload_service_pb2.StartSyncResponse:
        """Has everything sent now."""
        self._store.check_writable()
        await self._uploader.seal_all()
        return upload_service_pb2.StartSyncResponse(status=_status(self._uploader.status()))

    async def PullRuns(  # noqa: N802
        self, request: upload_service_pb2.PullRunsRequest, context: Any
    ) -> AsyncIterator[upload_service_pb2.PullRunsResponse]:
        """Copies runs of a bucket, or of a team server, into the store."""
        from trackd_service.pulling import pull  # rarely needed, as verification is

        source, server = request.source, request.server
        bucket: Bucket | Server
        try:
            if request.HasField("server"):
                server_keys.check_url(source.url)
                bucket = Server(source.url, server.grpc_address, server.api_key, ca_file=server.ca_file)
            else:
                bucket = Bucket.parse(source.url, source.endpoint_url, source.region, source.profile)
        except ValueError as error:
            raise InvalidArgument(str(error), field="source") from None
        async for pulled in pull(self._store, bucket, request.project, request.run_id):
            yield upload_service_pb2.PullRunsResponse(
                run_count=pulled.run_count,
                done_run_count=pulled.done_run_count,
                copied_bytes=pulled.copied_bytes,
                total_bytes=pulled.total_bytes,
                project=pulled.project,
                run_id=pulled.run_id,
            )

    async def Verify(  # noqa: N802
        self, request: upload_service_pb2.VerifyRequest, context: Any
    ) -> AsyncIterator[upload_service_pb2.VerifyResponse]:
        """Reads everything that the store has."""
        from trackd_service.verification import verify

        async for verified in verify(self._store, self._uploader, request.read_bucket):
            yield upload_service_pb2.VerifyResponse(
                checked_count=verified.checked_count,
                checked_bytes=verified.checked_bytes,
                total_count=verified.total_count,
                findings=verified.findings,
            )

    async def PublishTable(  # noqa: N802
        self, request: upload_service_pb2.PublishTableRequest, context: Any
    ) -> upload_service_pb2.PublishTableResponse:
        """Brings the Delta table in the bucket up to date."""
        from trackd_service.delta_table import PublishFailed, publish_to

        target = self._daemon.bucket()
        if target is None:
            raise InvalidArgument(
                "the store has no bucket to publish: `trackd upload s3://BUCKET/PREFIX` sets one"
            )
        worker = Worker()
        try:
            published = await worker.run(publish_to, target)
        except (PublishFailed, BucketError, WorkerCrashed) as error:
            raise BucketUnusable(str(error)) from None
        finally:
            await worker.close()
        return upload_service_pb2.PublishTableResponse(
            version=published.version or 0,
            added_count=published.added_count,
            removed_count=published.removed_count,
        )


def _status(status: UploadStatus) -> upload_service_pb2.UploadStatus:
    return upload_service_pb2.UploadStatus(
        state=status.state,
        sentence=status.sentence,
        pending_run_count=status.pending_run_count,
        pending_file_count=status.pending_file_count,
        pending_bytes=status.pending_bytes,
        sent_file_count=status.sent_file_count,
        sent_bytes=status.sent_bytes,
        lag_seconds=status.lag_seconds,
        retry_seconds=status.retry_seconds,
    )

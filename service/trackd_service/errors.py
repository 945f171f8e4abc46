"""Owns the errors of the daemon: one class a reason, and the one table that says how each looks on both transports. Pure."""

from __future__ import annotations


class TrackdError(Exception):
    """An error with a sentence for the caller; `metadata` holds every dynamic part of it."""

    reason = "INTERNAL"
    grpc_code = "INTERNAL"
    http_status = 500

    def __init__(self, message: str, **metadata: object) -> None:
        """Takes the sentence and its parts."""
        super().__init__(message)
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}


class InvalidArgument(TrackdError):
    """A field is missing or out of its range."""

    reason, grpc_code, http_status = "INVALID_ARGUMENT", "INVALID_ARGUMENT", 400


class InvalidFilter(TrackdError):
    """A filter or an order cannot be understood."""

    reason, grpc_code, http_status = "INVALID_FILTER", "INVALID_ARGUMENT", 400


class RunNotFound(TrackdError):
    """The run is not in the store."""

    reason, grpc_code, http_status = "RUN_NOT_FOUND", "NOT_FOUND", 404


class FileNotFound(TrackdError):
    """The run has no such file."""

    reason, grpc_code, http_status = "FILE_NOT_FOUND", "NOT_FOUND", 404


class ObjectMissing(TrackdError):
    """The store has no such object."""

    reason, grpc_code, http_status = "OBJECT_NOT_FOUND", "NOT_FOUND", 404


class PresetNotFound(TrackdError):
    """The store has no such preset."""

    reason, grpc_code, http_status = "PRESET_NOT_FOUND", "NOT_FOUND", 404


class ViewNotFound(TrackdError):
    """The project has no such saved view."""

    reason, grpc_code, http_status = "VIEW_NOT_FOUND", "NOT_FOUND", 404


class BucketUnusable(TrackdError):
    """The bucket cannot be reached, or does not let us in."""

    reason, grpc_code, http_status = "BUCKET_UNUSABLE", "FAILED_PRECONDITION", 409


class ReadOnly(TrackdError):
    """The store shows a bucket, and cannot be written."""

    reason, grpc_code, http_status = "READ_ONLY", "FAILED_PRECONDITION", 409


class WriterNotFound(TrackdError):
    """The writer has not opened a run on this daemon."""

    reason, grpc_code, http_status = "WRITER_NOT_FOUND", "FAILED_PRECONDITION", 409


class SequenceGap(TrackdError):
    """Records are missing before the ones sent."""

    reason, grpc_code, http_status = "SEQUENCE_GAP", "OUT_OF_RANGE", 409


class Unauthenticated(TrackdError):
    """The token is missing or wrong."""

    reason, grpc_code, http_status = "UNAUTHENTICATED", "UNAUTHENTICATED", 401


class PermissionDenied(TrackdError):
    """Who asks is known, and may not do this."""

    reason, grpc_code, http_status = "PERMISSION_DENIED", "PERMISSION_DENIED", 403


class TooManyAttempts(TrackdError):
    """There were too many attempts to sign in; metadata says how many seconds to wait."""

    reason, grpc_code, http_status = "TOO_MANY_ATTEMPTS", "RESOURCE_EXHAUSTED", 429


class TooManyRequests(TrackdError):
    """A user asks more often than is allowed; metadata says how many seconds to wait."""

    reason, grpc_code, http_status = "TOO_MANY_REQUESTS", "RESOURCE_EXHAUSTED", 429


class QuotaExceeded(TrackdError):
    """A team has no room left."""

    reason, grpc_code, http_status = "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", 507


class AlreadyExists(TrackdError):
    """Something else has that name."""

    reason, grpc_code, http_status = "ALREADY_EXISTS", "ALREADY_EXISTS", 409


class UserNotFound(TrackdError):
    """The server has no such user."""

    reason, grpc_code, http_status = "USER_NOT_FOUND", "NOT_FOUND", 404


class TeamNotFound(TrackdError):
    """The server has no such team, or the user is not in it."""

    reason, grpc_code, http_status = "TEAM_NOT_FOUND", "NOT_FOUND", 404


class KeyNotFound(TrackdError):
    """The server has no such API key."""

    reason, grpc_code, http_status = "KEY_NOT_FOUND", "NOT_FOUND", 404


class TooLarge(TrackdError):
    """A message or a value is larger than its limit."""

    reason, grpc_code, http_status = "TOO_LARGE", "RESOURCE_EXHAUSTED", 413


class StorageUnavailable(TrackdError):
    """The disk is full or cannot be written."""

    reason, grpc_code, http_status = "STORAGE_UNAVAILABLE", "UNAVAILABLE", 503


class Stopping(TrackdError):
    """The daemon is about to end."""

    reason, grpc_code, http_status = "STOPPING", "UNAVAILABLE", 503

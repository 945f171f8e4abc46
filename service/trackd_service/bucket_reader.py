"""Owns the quick way to read objects of a bucket: GETs by a library in Rust, at an eighth of what they cost by boto3.

Invariant: only a success counts. Whatever else happens here says nothing about the bucket and is told to nobody: the caller
asks once more by `Connection`, whose answers and errors alone are believed.

obstore (MIT, 16 MB) comes with `trackd[server]`; where it is not installed, everything is read by boto3.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import S3Store

    from trackd_service.bucket_requests import Access

# What is larger is read by boto3, block by block: nothing of it is here before its size is known.
_BYTES_MAX = 8 << 20
# Of a whole request; who is slower than this is read by boto3, which waits between two bytes alone.
_TIMEOUT_SECONDS = 10
# Failures in a row after which the slow way has succeeded: the bucket wants something that the quick way does not know, or
# many have met one bad moment. It is tried again after a while.
_FAILURES_MAX = 3
_REST_SECONDS = 60.0


class BucketReader:
    """Reads objects by the quick way. Any thread may use it."""

    def __init__(self, find_access: Callable[[], Access | None]) -> None:
        """Takes what finds the way to the bucket and its credentials, which may change."""
        self._find_access = find_access
        self._lock = threading.Lock()
        self._access: Access | None = None
        self._store: S3Store | None = None
        self._failure_count = 0
        self._rest_end = float("-inf")  # on the monotonic clock

    def get(self, key: str) -> bytes | None:
        """Returns an object's content; None where it has to be asked for by the slow way."""

        def read(store: S3Store) -> bytes | None:
            import obstore

            answer = obstore.get(store, key)
            return bytes(answer.bytes()) if answer.meta["size"] <= _BYTES_MAX else None

        return self._try(read)

    def get_range(self, key: str, start: int, end: int) -> bytes | None:
        """Returns the bytes of an object from `start` to before `end`; None where they have to be asked for the slow way."""

        def read(store: S3Store) -> bytes | None:
            import obstore

            data = bytes(obstore.get_range(store, key, start=start, end=end))
            return data if len(data) == end - start else None

        return self._try(read) if end - start <= _BYTES_MAX else None

    def note_slow_success(self, size_bytes: int) -> None:
        """Takes that the slow way has read what the quick one has not; so much of it came."""
        if size_bytes > _BYTES_MAX or time.monotonic() < self._rest_end:
            return
        self._failure_count += 1
        if self._failure_count >= _FAILURES_MAX:
            self._failure_count = 0
            self._rest_end = time.monotonic() + _REST_SECONDS

    def _try(self, read: Callable[[S3Store], bytes | None]) -> bytes | None:
        if time.monotonic() < self._rest_end:
            return None
        store = self._open()
        if store is None:
            return None
        try:
            data = read(store)
        except Exception:  # noqa: BLE001 - the slow way finds the words for it
            return None
        if data is not None:
            self._failure_count = 0
        return data

    def _open(self) -> S3Store | None:
        """Returns the way to the bucket with the credentials of now; None where there is none."""
        try:
            from obstore.store import S3Store
        except ImportError:
            self._rest_end = math.inf
            return None
        access = self._find_access()
        if access is None:
            return None
        with self._lock:
            if access == self._access:
                return self._store
            options: dict[str, Any] = {"session_token": access.token} if access.token else {}
            self._store = S3Store(
                access.bucket_name,
                endpoint=access.endpoint_url,
                region=access.region,
                virtual_hosted_style_request=False,
                access_key_id=access.access_key,
                secret_access_key=access.secret_key,
                client_options={
                    "allow_http": access.endpoint_url.startswith("http://"),
                    "timeout": f"{_TIMEOUT_SECONDS}s",
                },
                retry_config={"max_retries": 0},
                **options,
            )
            self._access = access
            return self._store

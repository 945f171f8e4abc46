"""Owns what a store says of its upload: to which bucket, how often, how fast; the file `upload.json`.

Invariant: no credentials stand here, ever: boto3 finds them where it always does, at the time of use.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from trackd_service import server_keys
from trackd_service.bucket_requests import Bucket
from trackd_service.server_keys import Server

FILE_NAME = "upload.json"
VERSION = 1
INTERVAL_SECONDS = 5.0  # what a machine that vanishes takes with it, at most
INTERVAL_SECONDS_MIN = 0.5
INTERVAL_SECONDS_MAX = 3600.0
RATE_BYTES_MIN = 10_000  # less would not even carry the metrics
_FILE_BYTES_MAX = 1 << 16
# What the file may hold for a field of a type, and that in words.
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """How a store is uploaded.

    Attributes:
        url: `s3://BUCKET/PREFIX`, or `https://…` of a team server; empty means nowhere.
        endpoint_url: The server, for others than AWS.
        region: The region; empty leaves it to boto3.
        profile: The profile of the credentials; empty leaves it to boto3.
        interval_seconds: How long a change waits at most before it is sent, 0.5 to 3,600.
        bytes_per_second_max: Of all that is sent; 0 means as fast as it goes.
        keep_local_days: After how many days an ended run that is in the bucket leaves this disk; 0 means never.
    """

    url: str = ""
    endpoint_url: str = ""
    region: str = ""
    profile: str = ""
    interval_seconds: float = INTERVAL_SECONDS
    bytes_per_second_max: int = 0
    keep_local_days: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError, one sentence, for what cannot be."""
        if server_keys.is_server_url(self.url):
            server_keys.check_url(self.url)
            if self.endpoint_url or self.region or self.profile or self.keep_local_days:
                raise ValueError(
                    "of a team server the address alone is set: endpoint, region, profile and keep_local_days are for buckets"
                )
        elif self.url:
            self.bucket()
        if not INTERVAL_SECONDS_MIN <= self.interval_seconds <= INTERVAL_SECONDS_MAX:
            raise ValueError(
                f"interval_seconds is {self.interval_seconds!r}; it can be {INTERVAL_SECONDS_MIN:g} to "
                f"{INTERVAL_SECONDS_MAX:g}"
            )
        if self.bytes_per_second_max and self.bytes_per_second_max < RATE_BYTES_MIN:
            raise ValueError(
                f"bytes_per_second_max is {self.bytes_per_second_max!r}; it can be 0 for no limit, or from {RATE_BYTES_MIN}"
            )
        if not 0 <= self.keep_local_days < 1e6:
            raise ValueError(
                f"keep_local_days is {self.keep_local_days!r}; it can be 0 for ever, or a number of days"
            )

    def bucket(self) -> Bucket:
        """Returns which bucket."""
        return Bucket.parse(self.url, self.endpoint_url, self.region, self.profile)


def place(settings: UploadSettings, folder: Path) -> Bucket | Server:
    """Returns where a store is uploaded to. Raises ValueError where it is a server that the store has no key for."""
    if server_keys.is_server_url(settings.url):
        return server_keys.load(folder, settings.url)
    return settings.bucket()


def load(folder: Path) -> UploadSettings | None:
    """Returns what a store's file says, or None where there is none.

    Raises:
        ValueError: It is no such file; one sentence.
        OSError: It cannot be read.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            data = file.read(_FILE_BYTES_MAX)
    except FileNotFoundError:
        return None
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or document.pop("version", None) != VERSION:
            raise ValueError(f"it is no document of version {VERSION}")
        known = {field.name: field for field in fields(UploadSettings)}
        for name, value in document.items():
            if name not in known:
                raise ValueError(f"it has {name[:40]!r}; it can have {', '.join(known)}")
            allowed, words = _TYPES[str(known[name].type)]
            if not isinstance(value, allowed) or isinstance(value, bool):
                raise ValueError(f"{name} is {str(value)[:40]!r}; it must be {words}")  # noqa: TRY004 - one error of a file
        return UploadSettings(**document)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{FILE_NAME} cannot be used: {error}") from None


def save(folder: Path, settings: UploadSettings) -> None:
    """Replaces a store's file at once. Raises OSError."""
    text = json.dumps({"version": VERSION, **asdict(settings)}, indent=2)
    temporary = folder / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / FILE_NAME)

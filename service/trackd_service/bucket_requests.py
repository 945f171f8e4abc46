"""Owns one request to an S3 bucket: where the bucket is, how it is asked, and what is told when that fails.

Invariants: one request is one try that ends in bounded time, when to try again is the caller's; credentials are boto3's
to find, are kept nowhere, and stand in no error; no text of the server or of boto3 is passed on but its error codes.
boto3's core is imported here, and only when the first request is made.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from .multipart import UploadGone
from .objects import ObjectNotFound

if TYPE_CHECKING:
    from botocore.session import Session
    from types_boto3_s3.client import S3Client

Kind = Literal[
    "unreachable", "throttled", "denied", "expired", "clock", "missing", "full", "damaged", "file", "other"
]
Answer = TypeVar("Answer")

# A server that takes a connection does so at once; one that is busy may think for a while before it answers.
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
# How much may go out at once, as seconds of the bound: small enough for a smooth flow, large enough for few sleeps.
_BURST_SECONDS = 0.25

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX_COMPONENT = re.compile(r"[A-Za-z0-9!_.*'()-]+")
_REGION = re.compile(r"[A-Za-z0-9-]*")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")

_KINDS_OF_CODES: dict[str, Kind] = {
    "AccessDenied": "denied",
    "AccountProblem": "denied",
    "AllAccessDisabled": "denied",
    "BadDigest": "damaged",
    "BandwidthLimitExceeded": "throttled",
    "ExpiredToken": "expired",
    "ExpiredTokenException": "expired",
    "Forbidden": "denied",
    "IncompleteBody": "unreachable",
    "InsufficientStorage": "full",
    "InvalidAccessKeyId": "denied",
    "InvalidDigest": "damaged",
    "InvalidSecurity": "denied",
    "InvalidToken": "denied",
    "NoSuchBucket": "missing",
    "NotSignedUp": "denied",
    "OperationAborted": "unreachable",
    "QuotaExceeded": "full",
    "QuotaExceededException": "full",
    "RequestExpired": "expired",
    "RequestLimitExceeded": "throttled",
    "RequestTimeTooSkewed": "clock",
    "RequestTimeout": "unreachable",
    "SignatureDoesNotMatch": "denied",
    "SlowDown": "throttled",
    "StorageFull": "full",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "TokenRefreshRequired": "expired",
    "TooManyRequests": "throttled",
    "XAmzContentChecksumMismatch": "damaged",
    "XAmzContentSHA256Mismatch": "damaged",
    "XMinioStorageFull": "full",
    # An answer to HEAD has no words. S3 asks for fewer requests with this status.
    "503": "throttled",
}
_KINDS_OF_STATUSES: dict[int, Kind] = {
    401: "denied",
    403: "denied",
    408: "unreachable",
    429: "throttled",
    507: "full",
}
# By name: the classes are botocore's, and one that a version lacks is no error.
_KINDS_OF_EXCEPTIONS: dict[str, Kind] = {
    "CredentialRetrievalError": "denied",
    "LoginRefreshRequired": "expired",
    "LoginTokenLoadError": "expired",
    "MetadataRetrievalError": "denied",
    "NoAuthTokenError": "denied",
    "NoCredentialsError": "denied",
    "PartialCredentialsError": "denied",
    "SSOTokenLoadError": "expired",
    "TokenRetrievalError": "expired",
    "UnauthorizedSSOTokenError": "expired",
    "ConnectTimeoutError": "unreachable",
    "ConnectionClosedError": "unreachable",
    "EndpointConnectionError": "unreachable",
    "HTTPClientError": "unreachable",
    "IncompleteReadError": "unreachable",
    "ProxyConnectionError": "unreachable",
    "ReadTimeoutError": "unreachable",
    "ResponseParserError": "unreachable",
    "ResponseStreamingError": "unreachable",
    "SSLError": "unreachable",
}
_ADVICE: dict[Kind, str] = {
    "unreachable": "look at the network and at the endpoint, and try again",
    "throttled": "it asks for fewer requests: try again later",
    "denied": "look which credentials are found and what they may do there",
    "expired": "the credentials have expired: renew them",
    "clock": "set the clock of this machine right",
    "missing": "create the bucket, or correct its name",
    "full": "it has no room left, or a quota is used up: make room",
    "damaged": "the bytes changed on their way: try again",
    "file": "look at the file",
    "other": "look at the bucket's settings",
}
_NOT_FOUND = frozenset({"NoSuchKey", "NotFound", "404"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are kept: a bucket and a prefix in it. A plain value without credentials, which may be pickled.

    Attributes:
        url: `s3://BUCKET` or `s3://BUCKET/PREFIX`, the prefix without a slash at its end.
        endpoint_url: The server, such as `http://127.0.0.1:9000`; empty means AWS.
        region: The region; empty leaves it to boto3.
        profile: The profile of the credentials; empty leaves it to boto3.
    """

    url: str
    endpoint_url: str = ""
    region: str = ""
    profile: str = ""

    def __post_init__(self) -> None:
        _check_url(self.url)
        _check_endpoint(self.endpoint_url)
        if _REGION.fullmatch(self.region) is None:
            raise ValueError(
                "the region of a bucket is made of letters, digits and '-', such as 'eu-west-1': correct it"
            )
        if not self.profile.isprintable():
            raise ValueError("the profile of a bucket is one printable line: correct it")

    @staticmethod
    def parse(url: str, endpoint_url: str = "", region: str = "", profile: str = "") -> Bucket:
        """Makes a bucket of what a person wrote; slashes at the end of both URLs are dropped.

        Raises:
            ValueError: If a part is wrong. The sentence repeats nothing that may be a secret.
        """
        scheme, separator, rest = url.strip().partition("://")
        return Bucket(
            scheme + separator + rest.rstrip("/"),
            endpoint_url.strip().rstrip("/"),
            region.strip(),
            profile.strip(),
        )

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """What stands before the names of objects, without a slash at its end; may be empty."""
        return self.url.removeprefix("s3://").partition("/")[2]


def _check_url(url: str) -> None:
    scheme, separator, rest = url.partition("://")
    if scheme != "s3" or not separator:
        raise ValueError(
            "the URL of a bucket begins with 's3://': write it as s3://BUCKET or s3://BUCKET/PREFIX"
        )
    # None of these sentences quotes the URL: what stands before the @ or behind the ? may be a secret.
    if "@" in rest:
        raise ValueError(
            "the URL of a bucket holds credentials: name a profile, or leave them to AWS's variables and files"
        )
    if "?" in rest or "#" in rest:
        raise ValueError(
            "the URL of a bucket has no query and no fragment: leave out what begins with '?' or '#'"
        )
    name, *components = rest.split("/")
    if not name:
        raise ValueError("the URL names no bucket: write it as s3://BUCKET or s3://BUCKET/PREFIX")
    if _BUCKET_NAME.fullmatch(name) is None:
        raise ValueError(
            "a bucket's name has 3 to 63 characters of a-z 0-9 . -: correct the URL of the bucket"
        )
    for component in components:
        if not component:
            raise ValueError(
                "the prefix of a bucket has an empty component: write one '/' between components, none at the end"
            )
        if _PREFIX_COMPONENT.fullmatch(component) is None or component in (".", ".."):
            raise ValueError(
                "the prefix of a bucket is made of letters, digits and ! - _ . * ' ( ), without '.' and '..': correct it"
            )


def _check_endpoint(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    # Looked for in all of it: a URL that is not understood may hold a secret anywhere.
    if "@" in url:
        raise ValueError(
            "the endpoint holds credentials: name a profile, or leave them to AWS's variables and files"
        )
    if not is_whole or not url.isprintable() or " " in url:
        raise ValueError(
            "the endpoint of a bucket is an http or https URL, such as https://s3.example.org: correct it"
        )
    if "?" in url or "#" in url:
        raise ValueError(
            "the endpoint of a bucket has no query and no fragment: leave out what begins with '?' or '#'"
        )


def kind_of_status(status: int) -> Kind:
    """Returns what an HTTP status of an object store says is wrong."""
    if status in _KINDS_OF_STATUSES:
        return _KINDS_OF_STATUSES[status]
    return "throttled" if status == 503 else "unreachable" if status >= 500 else "other"


@dataclass(frozen=True, slots=True)
class Access:
    """How a bucket is reached, as boto3 has found it; holds secrets.

    Attributes:
        bucket_name: The bucket.
        endpoint_url: The server.
        region: The region that requests are signed for.
        access_key: The name of the credentials.
        secret_key: Their secret.
        token: That of a session; empty for none.
    """

    bucket_name: str
    endpoint_url: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)


class BucketError(RuntimeError):
    """A request to a bucket failed, for another reason than that an object is not there. May be pickled.

    Attributes:
        kind: What is wrong: `unreachable`, `throttled`, `denied`, `expired` (credentials), `clock` (of this machine),
            `missing` (the bucket), `full`, `damaged` (bytes changed on their way), `file` (it is the file's own fault: others
            may go on) or `other`.
        code: The server's own word, such as `AccessDenied`; empty if it sent none.
        lost_names: Files that are not there, though they were: some of them, where a team server says so.
    """

    def __init__(self, kind: Kind, sentence: str, code: str = "", lost_names: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.code = code
        self.lost_names = lost_names

    def __reduce__(self) -> tuple[type[BucketError], tuple[Kind, str, str, tuple[str, ...]]]:
        return BucketError, (self.kind, str(self), self.code, self.lost_names)

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later, without anybody's doing."""
        return self.kind in ("unreachable", "throttled", "damaged")


class Pace:
    """Holds all threads that share it to so many bytes a second."""

    def __init__(
        self,
        bytes_per_second_max: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes the bound, 0 for none, and for tests a clock."""
        self._rate = bytes_per_second_max
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._allowance = bytes_per_second_max * _BURST_SECONDS
        self._counted_to = clock()

    def take(self, size_bytes: int) -> None:
        """Waits until this many bytes more may pass."""
        if self._rate == 0:
            return
        with self._lock:
            now = self._clock()
            earned = (now - self._counted_to) * self._rate
            self._counted_to = now
            self._allowance = min(self._allowance + earned, self._rate * _BURST_SECONDS) - size_bytes
            wait_seconds = -self._allowance / self._rate
        # The debt is noted: whoever comes next waits behind it, so the sleep needs no lock.
        if wait_seconds > 0:
            self._sleep(wait_seconds)


class FileBody:
    """A part of a file as the body of a request: read block by block as it is sent, at a pace.

    Attributes:
        is_sent: Whether what is read goes out. Signing reads a body as well, and is not to be held back.
        failure: What went wrong with the file; boto3 tells it as if the connection had broken.
    """

    def __init__(self, path: Path, offset: int, size_bytes: int, pace: Pace) -> None:
        """Opens the file for the `size_bytes` from `offset` on."""
        self._file = path.open("rb", buffering=0)
        self._offset = offset
        self._size_bytes = size_bytes
        self._pace = pace
        self._position = 0
        self.is_sent = False
        self.failure: OSError | None = None

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __len__(self) -> int:
        return self._size_bytes

    def tell(self) -> int:
        """Returns how many bytes of the part stand before what is read next."""
        return self._position

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place in the part, as a file does, and returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, base + position)
        return self._position

    def read(self, size_bytes: int | None = -1) -> bytes:
        """Returns the next bytes, at most `size_bytes`; waits for the pace if they go out."""
        left = self._size_bytes - self._position
        wanted = left if size_bytes is None or size_bytes < 0 else min(size_bytes, left)
        if wanted <= 0:
            return b""
        if self.is_sent:
            self._pace.take(wanted)
        try:
            self._file.seek(self._offset + self._position)
            block = self._file.read(wanted)
            if not block:
                raise OSError("the file became shorter while it was sent: keep it as it is until it is sent")
        except OSError as error:
            self.failure = error
            raise
        self._position += len(block)
        return block


def _mark_as_sent(request: Any, **_: Any) -> None:
    if isinstance(request.body, FileBody):
        request.body.is_sent = True


class Connection:
    """The way to one bucket, for any thread: one client is shared, opened by the first request.

    Attributes:
        bucket: The bucket.
    """

    def __init__(self, bucket: Bucket, at_once_max: int) -> None:
        """Takes the bucket, and how many connections to it are kept open."""
        self.bucket = bucket
        self._at_once_max = at_once_max
        self._client: S3Client | None = None
        self._session: Session | None = None
        self._client_lock = threading.Lock()

    @property
    def place(self) -> str:
        """The bucket in words, for sentences."""
        endpoint = f" at {self.bucket.endpoint_url}" if self.bucket.endpoint_url else ""
        return f"the bucket '{self.bucket.url}'{endpoint}"

    def key(self, name: str) -> str:
        """Returns the key of the object of that name."""
        return f"{self.bucket.prefix}/{name}" if self.bucket.prefix else name

    def ask(self, task: str, call: Callable[[S3Client], Answer], name: str = "") -> Answer:
        """Makes a request, and turns what goes wrong into this module's errors.

        Raises:
            ObjectNotFound: If the server says that there is no such key, and `name` is given.
            UploadGone: If the server does not know the upload.
            BucketError: For everything else of the network, the server or boto3.
        """
        import urllib3.exceptions
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            return call(self._open_client())
        except ClientError as error:
            failure = self._failure_told(error, task, name)
        except (BotoCoreError, ResponseParserError, urllib3.exceptions.HTTPError, ConnectionError) as error:
            failure = self._failure_met(error, task)
        # Raised out here, so that it carries no exception whose text may hold credentials.
        raise failure

    def find_access(self) -> Access | None:
        """Returns how the bucket is reached with the credentials of now; None where there are none, or no region."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._open_client()
            assert self._session is not None
            credentials = self._session.get_credentials()
            if credentials is None:
                return None
            # Those that expire are renewed here, in time.
            frozen = credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError):
            return None
        region, url = client.meta.region_name, client.meta.endpoint_url
        if not (region and frozen.access_key and frozen.secret_key):
            return None
        return Access(self.bucket.name, url, region, frozen.access_key, frozen.secret_key, frozen.token or "")

    def _failure_told(self, error: Any, task: str, name: str) -> Exception:
        """Turns an answer of the server into an error. Its message is not repeated: it may name keys."""
        response = error.response
        metadata = response.get("ResponseMetadata", {})
        status = int(metadata.get("HTTPStatusCode", 0))
        code = str(response.get("Error", {}).get("Code", ""))
        if name and code in _NOT_FOUND:
            return ObjectNotFound(f"there is no object '{name}' in {self.place}")
        if code == "NoSuchUpload":
            return UploadGone(f"there is no such upload of '{name}' in {self.place}")
        kind = _KINDS_OF_CODES.get(code) or _KINDS_OF_STATUSES.get(status)
        if kind is None:
            kind = "unreachable" if status >= 500 else "other"
        code = code if _CODE.fullmatch(code) else ""
        detail = f"the server answered {' '.join(filter(None, [str(status), code]))}"
        skew_seconds = clock_skew_seconds(metadata)
        if kind == "clock" and skew_seconds is not None:
            detail += f", as {skew_words(skew_seconds)}"
        return self.error(kind, task, detail, code)

    def _failure_met(self, error: Exception, task: str) -> Exception:
        """Turns what came instead of an answer into an error."""
        name = type(error).__name__
        kind: Kind = "unreachable"
        for ancestor in type(error).__mro__:
            if ancestor.__name__ in _KINDS_OF_EXCEPTIONS:
                kind = _KINDS_OF_EXCEPTIONS[ancestor.__name__]
                break
            if (
                ancestor.__name__ == "BotoCoreError"
            ):  # None of those that are known: a setting or an argument.
                kind = "other"
                break
        return self.error(
            kind,
            task,
            f"there was no answer ({name})"
            if kind == "unreachable"
            else f"no request could be made ({name})",
        )

    def error(self, kind: Kind, task: str, detail: str, code: str = "") -> BucketError:
        """Returns the error that says what was tried, what happened and what to do."""
        return BucketError(kind, f"could not {task} in {self.place}: {detail}; {_ADVICE[kind]}", code)

    def send(
        self, task: str, call: Callable[[S3Client], Answer], body: bytes | FileBody, name: str = ""
    ) -> Answer:
        """Makes a request that has a body; see `ask`.

        Raises:
            OSError: If the body's file could not be read.
        """
        try:
            return self.ask(task, call, name)
        except BucketError:
            # What the disk did looks to boto3 like a broken connection.
            if isinstance(body, FileBody) and body.failure is not None:
                raise body.failure from None
            raise

    def close(self) -> None:
        """Closes what is open; a later request opens it anew."""
        with self._client_lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open_client(self) -> S3Client:
        with self._client_lock:
            if self._client is None:
                from botocore.config import Config

                self._session = session = open_session(self.bucket)
                client: Any = session.create_client(
                    "s3",
                    endpoint_url=self.bucket.endpoint_url or None,
                    config=Config(
                        connect_timeout=CONNECT_TIMEOUT_SECONDS,
                        read_timeout=READ_TIMEOUT_SECONDS,
                        retries={"total_max_attempts": 1, "mode": "standard"},
                        max_pool_connections=self._at_once_max,
                        # Newer checksums are unknown to many servers. Content-MD5 and the ETag are known to all.
                        request_checksum_calculation="when_required",
                        response_checksum_validation="when_required",
                        # A server of one's own seldom has a host name for each bucket.
                        s3={"addressing_style": "path" if self.bucket.endpoint_url else "auto"},
                        # Of an address that is given away, version 4 alone says which bytes may be put there.
                        signature_version="s3v4",
                    ),
                )
                self._client = client
                # Signing reads a body as well: only what goes out is to be held back.
                client.meta.events.register("before-send.s3", _mark_as_sent)
            return self._client


def open_session(bucket: Bucket) -> Session:
    """Returns what finds the credentials and the region of a bucket, as boto3 does; they are looked for when it is asked."""
    # Of boto3 its core alone: what it adds is not used, and costs a third as much again.
    import botocore.session

    session = botocore.session.Session(profile=bucket.profile or None)
    if bucket.region:  # of who gives the credentials, too
        session.set_config_variable("region", bucket.region)
    return session


def clock_skew_seconds(metadata: Any) -> float | None:
    """Returns how far this machine's clock is ahead of the server's; None if the server does not say."""
    import email.utils  # half a megabyte, which a daemon without a bucket does without

    date = metadata.get("HTTPHeaders", {}).get("date", "")
    try:
        return time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None


def skew_words(skew_seconds: float) -> str:
    """Says how far this machine's clock is ahead, in words."""
    direction = "ahead of" if skew_seconds >= 0 else "behind"
    return f"the clock of this machine is {abs(skew_seconds):.0f} s {direction} the bucket's"

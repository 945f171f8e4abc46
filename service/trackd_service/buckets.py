"""Owns objects in an S3 bucket: the second way to keep what `objects` describes, for any server that speaks S3.

Invariants: an object is there whole or not at all, and what arrived otherwise than it was sent is told and sent again;
a call whose answer was lost is found done at the next try; nothing rests on conditional writes, which several servers
ignore. Calls wait for the network: they belong into helper processes and threads, never on an event loop.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from . import multipart
from .bucket_reader import BucketReader
from .bucket_requests import (
    Bucket,
    BucketError,
    Connection,
    FileBody,
    Pace,
    clock_skew_seconds,
    skew_words,
)
from .multipart import Content, PartHeld, UploadGone
from .objects import ObjectConflict, ObjectNameInvalid, ObjectNotFound, check_name, sync_directory

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

__all__ = ["Bucket", "BucketError", "BucketStore", "Entry", "Probe", "SignedPut"]

# Up to here a file is sent from memory: a body that is streamed waits for "100 Continue" first, one more round trip.
_IN_MEMORY_BYTES_MAX = 1 << 20
_BLOCK_BYTES = 1 << 20
FETCHES_AT_ONCE = (
    24  # of small files, each of which mostly waits for the bucket: so many connections are kept
)
SIGNED_BYTES_MAX = 5 << 30
# Signatures are refused beyond 15 minutes; a clock that is a minute wrong is worth a word before that.
_CLOCK_SKEW_SECONDS_MAX = 60.0

_ETAG = re.compile(r'"?([0-9a-f]{32})"?')
_CONTENT_RANGE = re.compile(r"bytes (?P<start>\d+)-(?P<end>\d+)/(?:\d+|\*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it.

    Attributes:
        name: Its name, without the bucket's prefix.
        size_bytes: Its size.
        etag: Its ETag, without quotes.
        change_time_seconds: When it was written, in seconds since 1970, by the server's clock.
    """

    name: str
    size_bytes: int
    etag: str
    change_time_seconds: float


@dataclass(frozen=True, slots=True)
class SignedPut:
    """An upload that is allowed: a PUT of the content to `url`, with `headers`; both hold a signature, and are secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a bucket turned out to be capable of.

    Attributes:
        can_write, can_read, can_list, can_delete: What the credentials may do.
        has_ranges: Whether a part of an object can be read.
        if_none_match: What becomes of a write that asks for the name to be free when it is not: `works` (refused as it
            should be), `ignored` (written over) or `refused` (the server does not know the condition, or was not asked).
        clock_skew_seconds: How far this machine's clock is ahead of the server's.
        server: How the server calls itself; may be empty.
        sentences: Findings for a person, one sentence each; empty if all is well.
    """

    can_write: bool
    can_read: bool
    can_list: bool
    can_delete: bool
    has_ranges: bool
    if_none_match: Literal["works", "ignored", "refused"]
    clock_skew_seconds: float
    server: str
    sentences: tuple[str, ...]


class BucketStore:
    """An object store in an S3 bucket. Any thread may use it; one client is shared.

    Beside what `ObjectStore` promises, every method raises `BucketError` if the bucket cannot do what is asked.

    Attributes:
        bucket: Where the objects are.
    """

    def __init__(
        self, bucket: Bucket, *, scratch: Path, bytes_per_second_max: int = 0, parts_at_once: int = 4
    ) -> None:
        """Opens the store; no request is made yet.

        Args:
            bucket: Where the objects are.
            scratch: A folder for notes on unfinished uploads, on a disk that outlives the process; made at need.
            bytes_per_second_max: What all threads together may send and fetch; 0 for no bound.
            parts_at_once: How many parts of a large file travel at the same time.
        """
        self.bucket = bucket
        self._states = multipart.States(scratch, f"{bucket.endpoint_url} {bucket.url}")
        self._pace = Pace(bytes_per_second_max)
        self._parts_at_once = parts_at_once
        # Beside the parts, other threads ask small things.
        self._connection = Connection(bucket, max(parts_at_once + 4, FETCHES_AT_ONCE))
        self._reader = BucketReader(self._connection.find_access)

    def put_file(self, name: str, temp_path: Path) -> None:
        """Makes a file's content an object, and takes the file away; see `ObjectStore.put_file`."""
        self.send_file(name, temp_path)
        temp_path.unlink(missing_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Makes bytes an object; see `ObjectStore.put`."""
        check_name(name)
        content = multipart.content_of_bytes(data)
        if self._is_missing(name, content):
            self._put_bytes(name, data, content)

    def send_file(self, name: str, path: Path, *, sha256: str = "") -> None:
        """Makes a file's content an object; the file stays, and must not change meanwhile.

        What is there already is not sent again, neither the object nor the parts that an earlier try has sent.

        Args:
            name: The object's name.
            path: The file.
            sha256: What the file is supposed to hold, as a digest in hex; empty if nobody knows.

        Raises:
            ObjectConflict: If the name is taken by another content.
            BucketError: Of kind `file` if the file does not hold what it is supposed to: nothing was sent.
        """
        check_name(name)
        content = multipart.content_of(path)
        if sha256 not in ("", content.sha256):
            raise BucketError(
                "file",
                f"the file '{path}' holds sha256 {content.sha256} instead of {sha256}, so it was not sent as '{name}': "
                f"something has changed it; restore it",
            )
        if content.is_single:
            if self._is_missing(name, content):
                self._put_file(name, path, content)
            return
        sender = _Parts(self._connection, self._pace, name, path, content)
        for _ in range(2):
            if not self._is_missing(name, content):
                self._states.forget(content, name)
                return
            try:
                multipart.upload(sender, content, name, self._states, self._parts_at_once)
            except UploadGone:
                continue  # Somebody else may have completed it.
            self._states.forget(content, name)
            head = self._head(name)
            if head is not None and head.size_bytes != content.size_bytes:
                raise self._connection.error("damaged", f"write '{name}'", "the server has another size")
            return
        raise self._connection.error("unreachable", f"write '{name}'", "the server forgot the upload twice")

    def replace(self, name: str, data: bytes) -> None:
        """Makes bytes an object whatever was there: for the few objects that change.

        Readers see the old content or the new one. Of two writers at the same time, either may be the last.
        """
        check_name(name)
        self._put_bytes(name, data, multipart.content_of_bytes(data))

    def sign_put(
        self, name: str, *, sha256: str, size_bytes: int, owner: str = "", seconds: int = 900
    ) -> SignedPut:
        """Returns how somebody without credentials may put one object, for some time.

        The server takes these bytes alone, under this name alone: size, digest and owner are signed as well.

        Args:
            name: The object's name.
            sha256: Of its content, in hex.
            size_bytes: Of its content, at most 5 GiB, which is the most that S3 takes at once.
            owner: Who may put it, in ASCII, for `owner` to tell.
            seconds: How long.
        """
        check_name(name)
        if not 0 <= size_bytes <= SIGNED_BYTES_MAX:
            raise ValueError(
                f"an object of {size_bytes} bytes cannot be put at once: {SIGNED_BYTES_MAX} are the most"
            )
        digest = _base64(sha256)
        metadata = {"sha256": sha256, **({"owner": owner} if owner else {})}

        def sign(client: S3Client) -> str:
            return client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.bucket.name,
                    "Key": self._connection.key(name),
                    "ContentLength": size_bytes,
                    "ChecksumSHA256": digest,
                    "Metadata": metadata,
                },
                ExpiresIn=seconds,
            )

        url = self._connection.ask(f"sign the upload of '{name}'", sign, name)
        noted = {f"x-amz-meta-{key}": value for key, value in metadata.items()}
        return SignedPut(url, {"x-amz-checksum-sha256": digest, **noted})

    def sign_get(self, name: str, *, seconds: int = 900) -> str:
        """Returns where somebody without credentials may get one object, for some time."""
        check_name(name)

        def sign(client: S3Client) -> str:
            return client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket.name, "Key": self._connection.key(name)},
                ExpiresIn=seconds,
            )

        return self._connection.ask(f"sign the reading of '{name}'", sign, name)

    def owner(self, name: str) -> str:
        """Returns who has put an object last, of those to whom `sign_put` was given; empty for nobody that is known.

        Raises:
            ObjectNotFound: If there is no such object.
        """
        check_name(name)
        head = self._head(name)
        if head is None:
            self.size(name)  # says whether it is not there, or cannot be looked at
            return ""
        found: str = head.answer.get("Metadata", {}).get("owner", "")
        return found

    def get(self, name: str) -> bytes:
        """Returns an object's content, checked against its digest; see `ObjectStore.get`."""
        check_name(name)
        blocks: list[bytes] = []
        self._fetch(name, blocks.append)
        return b"".join(blocks)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        """Returns `get(name)[start:end]` without reading the rest; what a part holds is not checked against a digest.

        Raises:
            ObjectNotFound: If there is no such object.
        """
        check_name(name)
        if not 0 <= start <= end:
            raise ValueError(
                f"bytes {start} to {end} are no range: it begins at 0 or later and ends where it begins or later"
            )
        if start == end:
            return b""

        self._pace.take(end - start)
        if (found := self._reader.get_range(self._connection.key(name), start, end)) is not None:
            return found

        def ask(client: S3Client) -> tuple[bytes, bool]:
            answer = client.get_object(
                Bucket=self.bucket.name, Key=self._connection.key(name), Range=f"bytes={start}-{end - 1}"
            )
            with contextlib.closing(answer["Body"]) as body:
                given = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
                if given is None:  # The server knows no ranges, and sends everything.
                    return body.read(end)[start:], True
                data = body.read()
                return data, int(given["start"]) == start and len(data) == int(
                    given["end"]
                ) + 1 - start <= end - start

        try:
            data, is_right = self._connection.ask(f"read bytes {start} to {end} of '{name}'", ask, name)
        except BucketError as error:
            if error.code == "InvalidRange":  # The object ends before it.
                return b""
            raise
        if not is_right:
            raise self._connection.error(
                "damaged", f"read bytes {start} to {end} of '{name}'", "other bytes came than were asked for"
            )
        if len(data) == end - start:
            self._reader.note_slow_success(len(data))
        return data

    def fetch_file(self, name: str, path: Path, *, sha256: str = "") -> None:
        """Fetches an object into a file, which is there whole and synced, or not at all.

        A process that is killed leaves a hidden file `.….part` beside it.

        Args:
            name: The object's name.
            path: The file; its folder exists.
            sha256: What the object is supposed to hold; empty to believe the digest that came with it.

        Raises:
            ObjectNotFound: If there is no such object.
            BucketError: Of kind `damaged` if something else arrived.
        """
        check_name(name)
        temp_path = path.parent / f".{os.urandom(16).hex()}.part"
        try:
            with temp_path.open("xb") as file:
                self._fetch(name, file.write, sha256)
                file.flush()
                os.fsync(file.fileno())
            temp_path.replace(path)
        finally:
            temp_path.unlink(missing_ok=True)
        sync_directory(path.parent)

    def local_path(self, name: str) -> Path | None:
        """Returns None: no object has a file here."""
        check_name(name)
        return None

    def list(self, prefix: str) -> list[str]:
        """Returns the names that begin with `prefix`, sorted; an empty prefix means all."""
        return sorted(entry.name for entry in self.entries(prefix))

    def entries(self, prefix: str, after: str = "") -> Iterator[Entry]:
        """Yields what begins with `prefix` and comes behind `after`, in order of the names, a page a request.

        Keys that are no names of objects are left out.
        """
        folder = prefix.rpartition("/")[0]
        if folder:
            check_name(folder)
        token = ""
        while True:
            answer = self._connection.ask(
                f"list what begins with '{prefix}'", self._page(prefix, token, after)
            )
            for item in answer.get("Contents", []):
                name = item.get("Key", "").removeprefix(self._connection.key(""))
                with contextlib.suppress(ObjectNameInvalid):
                    check_name(name)
                    yield Entry(
                        name,
                        item.get("Size", 0),
                        item.get("ETag", "").strip('"'),
                        item["LastModified"].timestamp(),
                    )
            token = answer.get("NextContinuationToken", "")
            if not token:
                return

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is removed already."""
        check_name(name)
        with contextlib.suppress(ObjectNotFound):
            self._connection.ask(
                f"delete '{name}'",
                lambda client: client.delete_object(Bucket=self.bucket.name, Key=self._connection.key(name)),
                name,
            )

    def size(self, name: str) -> int:
        """Returns an object's size in bytes; see `ObjectStore.size`."""
        check_name(name)
        head = self._head(name)
        if head is not None:
            return head.size_bytes

        # A refusal of HEAD has no words. That of GET has.
        def ask(client: S3Client) -> int:
            answer = client.get_object(
                Bucket=self.bucket.name, Key=self._connection.key(name), Range="bytes=0-0"
            )
            answer["Body"].close()
            total = answer.get("ContentRange", "").rpartition("/")[2]
            return int(total) if total.isdecimal() else answer["ContentLength"]

        try:
            return self._connection.ask(f"look at '{name}'", ask, name)
        except BucketError as error:
            if error.code == "InvalidRange":
                return 0
            raise

    def abandon_old(
        self, keep: Collection[str] = (), age_seconds: float = multipart.ABANDONED_AFTER_SECONDS
    ) -> int:
        """Gives up the unfinished uploads to this bucket that nobody goes on with, and returns how many they were.

        Args:
            keep: The sha256 digests of contents that are still to be sent, whatever their age.
            age_seconds: How long nobody has tried them.
        """
        count = 0
        for path, name, upload_id in self._states.abandoned(keep, age_seconds):
            _abort(self._connection, name, upload_id)
            path.unlink(missing_ok=True)
            count += 1
        return count

    def close(self) -> None:
        """Closes the connections; a later call opens new ones."""
        self._connection.close()

    def probe(self) -> Probe:
        """Tries with a small object of its own what the bucket and the credentials are capable of.

        Raises:
            BucketError: If the bucket is not there or not reachable, or does not know the credentials. That they may
                not do something is a finding.
        """
        return _probe(self, self._connection)

    def _page(self, prefix: str, token: str, after: str) -> Callable[[S3Client], Any]:
        more = {"ContinuationToken": token} if token else {}
        if after and not token:
            more = {"StartAfter": self._connection.key(after)}
        return lambda client: client.list_objects_v2(
            Bucket=self.bucket.name, Prefix=self._connection.key(prefix), **cast("Any", more)
        )

    def _head(self, name: str) -> _Head | None:
        """Returns what is known of an object; None if there is none, or the server does not say."""
        try:
            answer = self._connection.ask(
                f"look at '{name}'",
                lambda client: client.head_object(Bucket=self.bucket.name, Key=self._connection.key(name)),
                name,
            )
        except ObjectNotFound:
            return None
        except BucketError as error:
            # Without words the refusal means little: credentials that only write are refused like wrong ones. The
            # request that follows says which.
            if error.code == "" and error.kind in ("denied", "other"):
                return None
            raise
        sha256 = answer.get("Metadata", {}).get("sha256", "")
        return _Head(answer["ContentLength"], sha256, cast("dict[str, Any]", answer))

    def _is_missing(self, name: str, content: Content) -> bool:
        """Whether the object must be sent: it is not there, or did not arrive as it was sent.

        Raises:
            ObjectConflict: If another content is there.
        """
        head = self._head(name)
        if head is None:
            return True
        sha256 = head.sha256
        if not sha256 and head.size_bytes == content.size_bytes:
            # Copied here by another tool: its bytes tell.
            digest = hashlib.sha256()
            self._fetch(name, digest.update)
            sha256 = digest.hexdigest()
        if sha256 != content.sha256:
            raise ObjectConflict(f"object '{name}' is in {self._connection.place} with another content")
        return head.size_bytes != content.size_bytes or _is_damaged(head.answer, content.md5)

    def _put_bytes(self, name: str, data: bytes, content: Content) -> None:
        self._pace.take(len(data))
        self._put_body(name, data, content)

    def _put_file(self, name: str, path: Path, content: Content) -> None:
        if content.size_bytes <= _IN_MEMORY_BYTES_MAX:
            self._put_bytes(name, path.read_bytes(), content)
            return
        with contextlib.closing(FileBody(path, 0, content.size_bytes, self._pace)) as body:
            self._put_body(name, body, content)

    def _put_body(self, name: str, body: bytes | FileBody, content: Content) -> None:
        task = f"write '{name}'"

        def ask(client: S3Client) -> Any:
            return client.put_object(
                Bucket=self.bucket.name,
                Key=self._connection.key(name),
                Body=cast("bytes", body),
                ContentMD5=_base64(content.md5),
                Metadata={"sha256": content.sha256},
            )

        answer = self._connection.send(task, ask, body)
        if _is_damaged(answer, content.md5):
            raise self._connection.error("damaged", task, "the server has other bytes than were sent")

    def _fetch(self, name: str, write: Callable[[bytes], object], sha256: str = "") -> None:
        """Hands an object's bytes on as they come, and then says whether they are what was once put.

        Raises:
            ObjectNotFound: If there is no such object.
            BucketError: Of kind `damaged` if they are not.
        """
        # Without a sum only what boto3 tells beside the bytes says whether they are right.
        if sha256 and (data := self._reader.get(self._connection.key(name))) is not None:
            self._pace.take(len(data))
            if hashlib.sha256(data).hexdigest() == sha256:
                write(data)
                return
        task = f"read '{name}'"
        answer = self._connection.ask(
            task,
            lambda client: client.get_object(Bucket=self.bucket.name, Key=self._connection.key(name)),
            name,
        )
        body = answer["Body"]
        whole, md5, size_bytes = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with contextlib.closing(body):
            # Blocks are handed on outside of `_ask`: what goes wrong there is no failure of the bucket.
            while block := self._connection.ask(task, lambda _client: body.read(_BLOCK_BYTES)):
                self._pace.take(len(block))
                whole.update(block)
                md5.update(block)
                size_bytes += len(block)
                write(block)
        supposed = sha256 or answer.get("Metadata", {}).get("sha256", "")
        if (
            size_bytes != answer["ContentLength"]
            or supposed not in ("", whole.hexdigest())
            or _is_damaged(cast("dict[str, Any]", answer), md5.hexdigest())
        ):
            raise self._connection.error("damaged", task, "other bytes came than were once sent")
        if sha256:
            self._reader.note_slow_success(size_bytes)


@dataclass(frozen=True, slots=True)
class _Head:
    size_bytes: int
    sha256: str
    answer: dict[str, Any]


class _Parts:
    """Sends the parts of one file; see `multipart.PartSender`."""

    def __init__(self, connection: Connection, pace: Pace, name: str, path: Path, content: Content) -> None:
        self._connection = connection
        self._pace = pace
        self._name = name
        self._path = path
        self._content = content
        self._place: dict[str, str] = {"Bucket": connection.bucket.name, "Key": connection.key(name)}

    def begin(self) -> str:
        return self._connection.ask(
            f"begin the upload of '{self._name}'",
            lambda client: client.create_multipart_upload(
                **cast("Any", self._place), Metadata={"sha256": self._content.sha256}
            ),
        )["UploadId"]

    def held(self, upload_id: str) -> dict[int, PartHeld]:
        parts: dict[int, PartHeld] = {}
        marker = 0
        while True:
            answer = self._connection.ask(
                f"look at the upload of '{self._name}'", self._page(upload_id, marker)
            )
            for part in answer.get("Parts", []):
                parts[part["PartNumber"]] = PartHeld(part["ETag"].strip('"'), part["Size"])
            if not answer.get("IsTruncated", False):
                return parts
            marker = answer["NextPartNumberMarker"]

    def send(self, upload_id: str, number: int, offset: int, size_bytes: int, md5: str) -> str:
        task = f"write part {number} of '{self._name}'"
        with contextlib.closing(FileBody(self._path, offset, size_bytes, self._pace)) as body:
            answer = self._connection.send(
                task,
                lambda client: client.upload_part(
                    **cast("Any", self._place),
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=cast("IO[bytes]", body),
                    ContentMD5=_base64(md5),
                ),
                body,
            )
        if _is_damaged(cast("dict[str, Any]", answer), md5):
            raise self._connection.error("damaged", task, "the server has other bytes than were sent")
        return answer["ETag"].strip('"')

    def complete(self, upload_id: str, etags: list[str]) -> None:
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in enumerate(etags, start=1)
        ]
        # Its ETag is the servers' own affair. Each part's has been looked at.
        self._connection.ask(
            f"finish the upload of '{self._name}'",
            lambda client: client.complete_multipart_upload(
                **cast("Any", self._place), UploadId=upload_id, MultipartUpload={"Parts": parts}
            ),
        )

    def abort(self, upload_id: str) -> None:
        _abort(self._connection, self._name, upload_id)

    def _page(self, upload_id: str, marker: int) -> Callable[[S3Client], Any]:
        return lambda client: client.list_parts(
            **cast("Any", self._place), UploadId=upload_id, PartNumberMarker=marker
        )


def _abort(connection: Connection, name: str, upload_id: str) -> None:
    with contextlib.suppress(UploadGone):
        connection.ask(
            f"give up the upload of '{name}'",
            lambda client: client.abort_multipart_upload(
                Bucket=connection.bucket.name, Key=connection.key(name), UploadId=upload_id
            ),
        )


def _is_damaged(answer: dict[str, Any], md5: str) -> bool:
    """Whether an ETag that ought to be an MD5 is another one; an empty one, of an object in parts, tells nothing."""
    given = _ETAG.fullmatch(answer.get("ETag", ""))
    is_of_other_things = (
        answer.get("ServerSideEncryption", "").startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    )
    return given is not None and md5 != "" and given[1] != md5 and not is_of_other_things


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _probe(store: BucketStore, connection: Connection) -> Probe:
    name = f"probe/{os.urandom(8).hex()}"
    data = os.urandom(64)
    findings: list[str] = []

    def may(right: str, call: Callable[[], object]) -> bool:
        """Whether the credentials may do it. Wrong credentials are no finding, and end the probe."""
        try:
            call()
        except BucketError as error:
            if error.kind != "denied" or error.code not in ("AccessDenied", "Forbidden"):
                raise
            findings.append(f"the credentials may not {right} in {connection.place}")
            return False
        return True

    can_write = may("write objects", lambda: store.replace(name, data))
    if_none_match = _try_if_none_match(connection, name, data) if can_write else "refused"

    def read() -> None:
        with contextlib.suppress(ObjectNotFound):  # What could not be written is not there.
            store.get(name)

    can_read = may("read objects", read)
    has_ranges = can_read and can_write and _try_range(connection, name, data)
    if can_read and can_write and not has_ranges:
        findings.append(
            f"{connection.place} does not read parts of objects: charts of runs there will be slow"
        )
    names: list[str] = []
    can_list = may("list objects", lambda: names.extend(store.list("probe/")))
    if can_list and can_write and name not in names:
        findings.append(
            f"{connection.place} does not list at once what was written: new runs there will be seen late"
        )
    can_delete = may(
        f"delete objects, and '{name}' of this trial stays" if can_write else "delete objects",
        lambda: store.delete(name),
    )
    skew_seconds, server = _ask_clock(connection)
    if abs(skew_seconds) > _CLOCK_SKEW_SECONDS_MAX:
        findings.append(f"{skew_words(skew_seconds)}, and requests are refused from 900 s on: set it right")
    return Probe(
        can_write,
        can_read,
        can_list,
        can_delete,
        has_ranges,
        if_none_match,
        skew_seconds,
        server,
        tuple(findings),
    )


def _try_if_none_match(
    connection: Connection, name: str, data: bytes
) -> Literal["works", "ignored", "refused"]:
    def ask(client: S3Client) -> object:
        return client.put_object(
            Bucket=connection.bucket.name, Key=connection.key(name), Body=data, IfNoneMatch="*"
        )

    try:
        connection.ask(f"write '{name}'", ask)
    except BucketError as error:
        if error.is_transient and error.code != "NotImplemented":
            raise
        return "works" if error.code == "PreconditionFailed" else "refused"
    return "ignored"


def _try_range(connection: Connection, name: str, data: bytes) -> bool:
    def ask(client: S3Client) -> bool:
        answer = client.get_object(
            Bucket=connection.bucket.name, Key=connection.key(name), Range="bytes=8-23"
        )
        with contextlib.closing(answer["Body"]) as body:
            return answer["ResponseMetadata"]["HTTPStatusCode"] == 206 and body.read() == data[8:24]

    return connection.ask(f"read a part of '{name}'", ask, name)


def _ask_clock(connection: Connection) -> tuple[float, str]:
    """Returns how far this machine's clock is ahead, 0 if the server does not say, and how the server calls itself."""
    from botocore.exceptions import ClientError

    def ask(client: S3Client) -> Any:
        try:
            return client.head_bucket(Bucket=connection.bucket.name)["ResponseMetadata"]
        except ClientError as error:  # A refusal has a date as well.
            return error.response.get("ResponseMetadata", {})

    metadata = connection.ask("look at the clock", ask)
    return clock_skew_seconds(metadata) or 0.0, metadata.get("HTTPHeaders", {}).get("server", "")

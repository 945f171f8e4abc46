"""Owns the upload of a large file in parts: what is sent, what a killed process left behind, what need not be sent again.

Invariants: a part that the server has is not sent twice, and is believed only if its ETag is the MD5 of that part of
the file; a state file is only a hint, and whatever it says, the object that comes out is the file or none; no part is
held in memory. How the parts travel is the business of whoever implements `PartSender`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Up to here one request carries the file: what is lost with a broken connection is small.
SINGLE_BYTES_MAX = 64 << 20
# S3 takes at least 5 MiB a part; 16 MiB keep the share of the round trips small, and what a kill costs as well.
PART_BYTES_MIN = 16 << 20
# S3 takes 10,000 parts; the rest is room for servers that count otherwise.
_PARTS_MAX = 9_000
_MEBIBYTE = 1 << 20
_BLOCK_BYTES = 1 << 20
_STATE_VERSION = 1
ABANDONED_AFTER_SECONDS = 24 * 3600.0


class UploadGone(LookupError):
    """The server does not know the upload: it was completed, or aborted, or has expired."""


@dataclass(frozen=True, slots=True)
class PartHeld:
    """A part that the server has: its ETag without quotes, and its size."""

    etag: str
    size_bytes: int


class PartSender(Protocol):
    """What the upload asks of a bucket, for one object. Every method may also raise the bucket's own errors."""

    def begin(self) -> str:
        """Begins an upload, and returns its id."""

    def held(self, upload_id: str) -> dict[int, PartHeld]:
        """Returns the parts that the server has, by number from 1.

        Raises:
            UploadGone: If the server does not know the upload.
        """

    def send(self, upload_id: str, number: int, offset: int, size_bytes: int, md5: str) -> str:
        """Sends one part of the file, whose MD5 is given in hex, and returns the ETag that the server gave it.

        Raises:
            UploadGone: If the server does not know the upload.
        """

    def complete(self, upload_id: str, etags: list[str]) -> None:
        """Makes the object of all its parts, whose ETags are given in order.

        Raises:
            UploadGone: If the server does not know the upload.
        """

    def abort(self, upload_id: str) -> None:
        """Gives up an upload; one that the server does not know is given up already."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, in digests (hex).

    Attributes:
        sha256: Of the whole.
        part_md5s: Of each part, in order; one for an empty file.
        part_size_bytes: Of every part but the last.
        size_bytes: Of the whole.
    """

    sha256: str
    part_md5s: tuple[str, ...]
    part_size_bytes: int
    size_bytes: int

    @property
    def is_single(self) -> bool:
        """Whether one request carries it."""
        return self.size_bytes <= SINGLE_BYTES_MAX

    @property
    def md5(self) -> str:
        """The MD5 of the whole, in hex; empty if it travels in parts."""
        return self.part_md5s[0] if len(self.part_md5s) == 1 else ""

    def part(self, number: int) -> tuple[int, int]:
        """Returns where part `number`, from 1, begins, and its size in bytes."""
        offset = (number - 1) * self.part_size_bytes
        return offset, min(self.part_size_bytes, self.size_bytes - offset)


def part_size(size_bytes: int) -> int:
    """Returns the size in bytes of the parts that a file of `size_bytes` is sent in."""
    if size_bytes <= SINGLE_BYTES_MAX:
        return size_bytes
    least = -(-size_bytes // _PARTS_MAX)
    return max(PART_BYTES_MIN, -(-least // _MEBIBYTE) * _MEBIBYTE)


def content_of(path: Path) -> Content:
    """Reads a file once, in blocks, and returns its digests."""
    size_bytes = path.stat().st_size
    step = part_size(size_bytes)
    whole = hashlib.sha256()
    md5s: list[str] = []
    with path.open("rb") as file:
        left = size_bytes
        while True:
            part = hashlib.md5(usedforsecurity=False)
            for block in _blocks(file.read, min(step, left)):
                whole.update(block)
                part.update(block)
                left -= len(block)
            md5s.append(part.hexdigest())
            if left == 0:
                break
    return Content(whole.hexdigest(), tuple(md5s), step, size_bytes)


def content_of_bytes(data: bytes) -> Content:
    """Returns the digests of bytes that one request is to carry, however many they are."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Content(hashlib.sha256(data).hexdigest(), (md5,), len(data), len(data))


def _blocks(read: Callable[[int], bytes], size_bytes: int) -> Iterator[bytes]:
    while size_bytes > 0:
        block = read(min(size_bytes, _BLOCK_BYTES))
        if not block:
            raise OSError("the file became shorter while it was read: keep it as it is until it is sent")
        size_bytes -= len(block)
        yield block


class States:
    """The state files of unfinished uploads to one bucket, in a folder that several processes may use at once."""

    def __init__(self, folder: Path, bucket: str) -> None:
        """Names the folder, made at need, and the bucket, as what tells it from others."""
        self._folder = folder
        self._bucket = bucket

    def path(self, sha256: str, name: str) -> Path:
        """Returns the state file of a content under a name."""
        # The same content may be on its way under two names: each has its own upload.
        place = hashlib.sha256(f"{self._bucket}\n{name}".encode()).hexdigest()[:16]
        return self._folder / f"multipart-{sha256}-{place}.json"

    def read(self, content: Content, name: str) -> str:
        """Returns the id of the upload that was begun; empty if there is none that fits."""
        state = _read_state(self.path(content.sha256, name))
        expected = self._state(content, name, "")
        upload_id = state.pop("upload_id", "")
        expected.pop("upload_id")
        return upload_id if state == expected and isinstance(upload_id, str) else ""

    def write(self, content: Content, name: str, upload_id: str) -> None:
        """Keeps the id of an upload, so that it outlives this process."""
        path = self.path(content.sha256, name)
        self._folder.mkdir(parents=True, exist_ok=True)
        temp_path = path.with_suffix(f".{os.urandom(8).hex()}.part")
        try:
            descriptor = os.open(temp_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._state(content, name, upload_id), file)
                file.flush()
                os.fsync(file.fileno())
            temp_path.replace(path)
        finally:
            temp_path.unlink(missing_ok=True)

    def touch(self, content: Content, name: str) -> None:
        """Notes that somebody is at work on the upload."""
        with contextlib.suppress(FileNotFoundError):  # Another process has finished it.
            os.utime(self.path(content.sha256, name))

    def forget(self, content: Content, name: str) -> None:
        """Removes the state file, if there is one."""
        self.path(content.sha256, name).unlink(missing_ok=True)

    def abandoned(self, keep: Collection[str], age_seconds: float) -> Iterator[tuple[Path, str, str]]:
        """Yields file, name and upload id of every upload nobody has tried for `age_seconds`, but those of `keep`.

        Args:
            keep: The sha256 digests of contents that are still to be sent.
            age_seconds: Since the last try.
        """
        oldest = time.time() - age_seconds
        for path in sorted(self._folder.glob("multipart-*.json")):
            sha256 = path.name.split("-")[1]
            try:
                if sha256 in keep or path.stat().st_mtime > oldest:
                    continue
            except FileNotFoundError:  # Another process has finished it.
                continue
            state = _read_state(path)
            name, upload_id = state.get("name"), state.get("upload_id")
            if state.get("bucket") == self._bucket and isinstance(name, str) and isinstance(upload_id, str):
                yield path, name, upload_id

    def _state(self, content: Content, name: str, upload_id: str) -> dict[str, object]:
        return {
            "version": _STATE_VERSION,
            "bucket": self._bucket,
            "name": name,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            "part_size_bytes": content.part_size_bytes,
            "upload_id": upload_id,
        }


def _read_state(path: Path) -> dict[str, object]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def upload(sender: PartSender, content: Content, name: str, states: States, parts_at_once: int) -> None:
    """Sends a file in parts, and begins where an earlier try of this content under this name ended.

    The state file stays when this fails, for the next try, and after success, until the caller has seen the object.

    Raises:
        UploadGone: If the upload vanished in the middle: somebody else has completed or aborted it. The state file
            is gone then; look whether the object is there, and begin anew if it is not.
    """
    upload_id = states.read(content, name)
    held: dict[int, PartHeld] = {}
    if upload_id:
        states.touch(content, name)
        try:
            held = sender.held(upload_id)
        except UploadGone:
            upload_id = ""
    if not upload_id:
        upload_id = sender.begin()
        states.write(content, name, upload_id)
    try:
        etags = _send_missing(sender, content, upload_id, held, parts_at_once)
        sender.complete(upload_id, etags)
    except UploadGone:
        states.forget(content, name)
        raise


def _send_missing(
    sender: PartSender, content: Content, upload_id: str, held: dict[int, PartHeld], parts_at_once: int
) -> list[str]:
    etags: dict[int, str] = {}
    missing: list[int] = []
    for number, md5 in enumerate(content.part_md5s, start=1):
        if held.get(number) == PartHeld(md5, content.part(number)[1]):
            etags[number] = md5
        else:
            missing.append(number)

    def send(number: int) -> None:
        offset, size_bytes = content.part(number)
        etags[number] = sender.send(upload_id, number, offset, size_bytes, content.part_md5s[number - 1])

    with ThreadPoolExecutor(parts_at_once, thread_name_prefix="part") as pool:
        futures = [pool.submit(send, number) for number in missing]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        for future in done:
            future.result()
    return [etags[number] for number in sorted(etags)]

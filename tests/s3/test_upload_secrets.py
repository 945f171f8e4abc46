"""Credentials that the upload uses stand nowhere but in the memory of who uses them, whatever goes wrong (promise G15)."""

from __future__ import annotations

import base64
import contextlib
import secrets
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import stop_daemons
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.s3_servers import ADMIN, S3Server
from tests.s3.uploading import (
    BucketContent,
    UploadStore,
    clear_environment,
    open_bucket,
    row,
    wait_for,
)
from tests.service.reading import endpoint_of

import trackd
from trackd.v1 import upload_service_pb2

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

FAULTS = (
    Fault("refuse"),
    Fault("reset_request", after_bytes=900),
    Fault("reset_response", after_bytes=40),
    Fault("answer", status=500),
    Fault("answer", status=503, code="SlowDown"),
    Fault("answer", status=403, code="ExpiredToken"),
    Fault("answer", status=403, code="AccessDenied"),
    Fault("answer", status=403, code="InvalidToken"),
    Fault("answer", status=403, code="RequestTimeTooSkewed", clock_offset_seconds=3600),
    Fault("answer", status=403, code="SignatureDoesNotMatch"),
    Fault("answer", status=400, code="AuthorizationHeaderMalformed"),
    Fault("answer", status=507, code="InsufficientStorage"),
    Fault("answer", status=404, code="NoSuchBucket"),
    Fault("flip_request"),
    Fault("flip_response"),
    Fault("drop_answer"),
)


def canary(name: str) -> str:
    """Returns a credential that nobody else has, in letters that no encoding changes."""
    return f"canary{name}{secrets.token_hex(12)}"


class Canaries:
    """Credentials, and who looks for them."""

    def __init__(self) -> None:
        """Makes them up."""
        self.access_key, self.secret, self.token = (canary(name) for name in ("key", "secret", "token"))

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        """Makes them the credentials of this process and all that it starts."""
        clear_environment(patch)
        patch.setenv("AWS_ACCESS_KEY_ID", self.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", self.secret)
        patch.setenv("AWS_SESSION_TOKEN", self.token)

    def found_in(self, data: bytes) -> list[str]:
        """Returns which of them some bytes hold, as they are or in base64."""
        return [
            word
            for word in (self.access_key, self.secret, self.token)
            if word.encode() in data or base64.b64encode(word.encode())[:-4] in data
        ]

    def check_files(self, *folders: Path) -> int:
        """Checks every byte of every file under some folders; returns how many bytes that were."""
        size_bytes = 0
        for folder in folders:
            for path in folder.rglob("*"):
                assert self.found_in(str(path).encode()) == [], path
                # Files come and go while a daemon works.
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file():
                        data = path.read_bytes()
                        assert self.found_in(data) == [], path
                        size_bytes += len(data)
        return size_bytes

    def check_command_lines(self) -> None:
        """Checks what every process of the machine was started with."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                assert self.found_in(path.read_bytes()) == [], path

    def check_text(self, text: object) -> None:
        """Checks a text, or what `str` and `repr` make of something."""
        assert self.found_in(f"{text} {text!r}".encode()) == []


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    made = Canaries()
    made.apply(monkeypatch)
    return made


@pytest.fixture
def watcher(canaries: Canaries) -> Iterator[list[AssertionError]]:
    """Looks at command lines all the while: helpers come and go."""
    found: list[AssertionError] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            try:
                canaries.check_command_lines()
            except AssertionError as error:
                found.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    yield found
    done.set()
    thread.join()


def upload_over_http(store: UploadStore) -> str:
    endpoint = endpoint_of(store.folder)
    request = urllib.request.Request(
        f"{endpoint.http_address}/api/v1/upload", headers={"Authorization": f"Bearer {endpoint.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def is_met(store: UploadStore, proxy: FaultProxy, fault: Fault | None) -> bool:
    """Has the store try again; says whether some tries have met the fault."""
    store.sync()
    if fault is not None and fault.kind == "refuse":
        return "there was no answer" in store.status().sentence
    return sum(proxy.requests.values()) >= 4


def test_credentials_stand_nowhere_whatever_fails(
    canaries: Canaries,
    watcher: list[AssertionError],
    proxy: FaultProxy,
    bucket_url: str,
    raw: S3Client,
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    told = set()
    with UploadStore(bucket_url, proxy.endpoint_url) as store:
        store.start()
        run = store.init("secrets", config={"lr": 0.1})
        for number, fault in enumerate((None, *FAULTS)):
            # Without a fault the server refuses keys that it does not know, and quotes them.
            proxy.reset_counts()
            if fault is not None:
                proxy.inject(fault)
            run.log(row(number))
            wait_for(lambda: is_met(store, proxy, fault), f"requests that meet {fault}")  # noqa: B023
            status = wait_for(
                lambda: (found := store.status()).sentence and found, f"the sentence of {fault}"
            )
            assert status
            told.add(status.sentence)
            for text in (status, upload_over_http(store), store.log_text()):
                canaries.check_text(text)
            proxy.heal()
        assert len(told) > len(FAULTS) / 2
        request = upload_service_pb2.SetUploadRequest(
            settings=upload_service_pb2.UploadSettings(url=bucket_url, endpoint_url=proxy.endpoint_url)
        )
        errors: list[BaseException] = []
        for attempt in (
            lambda: store.ask(lambda stub, options: stub.SetUpload(request, **options)),
            lambda: store.pull(bucket_url, proxy.endpoint_url),
            lambda: store.verify(read_bucket=True),
        ):
            try:
                attempt()
            except trackd.CommError as error:
                errors.append(error)
        assert len(errors) >= 2
        with open_bucket(bucket_url, proxy.endpoint_url, cache) as there:
            for fault in (None, *FAULTS[:3], *FAULTS[-2:]):
                if fault is not None:
                    proxy.inject(fault)
                with pytest.raises(trackd.CommError) as caught:
                    len(there.runs())
                errors.append(caught.value)
                proxy.heal()
            assert canaries.check_files(cache) > 0
        for each in errors:
            chain: BaseException | None = each
            while chain is not None:
                canaries.check_text(chain)
                chain = chain.__cause__ or chain.__context__
        run.finish()
        assert canaries.check_files(store.folder, cache) > 0
        canaries.check_command_lines()
        # A daemon that ends writes down what it holds.
        stop_daemons(store.folder)
        assert canaries.check_files(store.folder, cache, tmp_path) > 0
        assert {"daemon.log", "upload.json", "upload.sqlite", "catalog.sqlite"} <= {
            path.name for path in store.folder.iterdir()
        }
    assert watcher == []
    assert BucketContent.read(raw, bucket_url).objects == {}


def test_credentials_stand_in_nothing_that_was_uploaded_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket_url: str, s3_server: S3Server, raw: S3Client
) -> None:
    """Here they are good ones: the server's own, which are looked for in what it stores and in all that is on the disk."""
    made = Canaries()
    made.access_key, made.secret = ADMIN.access_key, ADMIN.secret_key
    clear_environment(monkeypatch)
    # All captures are on: the environment of the program is looked at, and what looks like a secret is left out.
    monkeypatch.delenv("TRACKD_CAPTURES")
    cache = tmp_path / "cache"
    with UploadStore(bucket_url, s3_server.endpoint_url) as store:
        store.log_run("good", config={"lr": 0.1})
        content = store.wait_whole(raw, bucket_url, "good")
        for name, data in content.objects.items():
            assert made.found_in(data) == [], name
        with open_bucket(bucket_url, s3_server.endpoint_url, cache) as there:
            assert there.run("upload/good").summary["index"] == 19
        made.check_text(store.status())
        made.check_command_lines()
        stop_daemons(store.folder)
        assert made.check_files(store.folder, cache) > 0

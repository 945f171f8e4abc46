"""What a bucket alone does; what every object store does is tested in test_object_stores.py."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from tests.s3.conftest import OpenStore
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.s3_servers import ADMIN, READER, WRITER, Key, S3Server

from trackd_service import bucket_requests, multipart
from trackd_service.bucket_requests import Kind, Pace
from trackd_service.buckets import Bucket, BucketError, BucketStore, _is_damaged
from trackd_service.multipart import content_of_bytes
from trackd_service.objects import ObjectConflict, ObjectNotFound

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

DATA = bytes(range(256)) * 40
FIVE_MEBIBYTES = 5 << 20
# Nobody listens at this port: it is reserved.
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files be small that travel in parts: the least that S3 takes."""
    monkeypatch.setattr(multipart, "SINGLE_BYTES_MAX", FIVE_MEBIBYTES)
    monkeypatch.setattr(multipart, "PART_BYTES_MIN", FIVE_MEBIBYTES)


def key_of(store: BucketStore, name: str) -> str:
    return f"{store.bucket.prefix}/{name}"


# What a bucket is.


@pytest.mark.parametrize(
    ("url", "name", "prefix"),
    [
        ("s3://runs", "runs", ""),
        ("s3://runs/", "runs", ""),
        (" s3://my.runs-1/team/A_b/ ", "my.runs-1", "team/A_b"),
    ],
)
def test_bucket_is_read_from_its_url(url: str, name: str, prefix: str) -> None:
    bucket = Bucket.parse(url, "https://s3.example.org:9000/", "eu-west-1", "work")
    assert (bucket.name, bucket.prefix) == (name, prefix)
    assert bucket.endpoint_url == "https://s3.example.org:9000"
    assert pickle.loads(pickle.dumps(bucket)) == bucket
    assert Bucket.parse(bucket.url, bucket.endpoint_url, bucket.region, bucket.profile) == bucket


@pytest.mark.parametrize(
    ("url", "endpoint_url", "words"),
    [
        ("", "", "s3://"),
        ("runs", "", "s3://"),
        ("https://key:canary@runs", "", "s3://"),
        ("s3://", "", "no bucket"),
        ("s3:///prefix", "", "no bucket"),
        ("s3://key:canary@runs/a", "", "credentials"),
        ("s3://runs/a?X-Amz-Signature=canary", "", "query"),
        ("s3://runs/a#canary", "", "fragment"),
        ("s3://runs/a//b", "", "empty component"),
        ("s3://runs/a b", "", "prefix"),
        ("s3://runs/a/../b", "", "prefix"),
        ("s3://runs/ä", "", "prefix"),
        ("s3://Runs", "", "3 to 63"),
        ("s3://ab", "", "3 to 63"),
        ("s3://runs", "canary", "http or https"),
        ("s3://runs", "ftp://canary", "http or https"),
        ("s3://runs", "http://", "http or https"),
        ("s3://runs", "http://host:canary", "http or https"),
        ("s3://runs", "http://[canary", "http or https"),
        ("s3://runs", "http://key:canary@host", "credentials"),
        ("s3://runs", "http://host/?token=canary", "query"),
    ],
)
def test_what_is_no_bucket_is_refused_without_repeating_it(url: str, endpoint_url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Bucket.parse(url, endpoint_url)
    assert "canary" not in str(caught.value)
    assert "canary" not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize(("region", "profile"), [("eu west", ""), ("eu\n", ""), ("", "a\nb")])
def test_settings_that_are_no_single_word_are_refused(region: str, profile: str) -> None:
    with pytest.raises(ValueError, match="bucket"):
        Bucket("s3://runs", "", region, profile)


def test_importing_the_module_imports_no_client() -> None:
    program = (
        "import sys, trackd_service.buckets; "
        "print([m for m in sys.modules if m.split('.')[0] in ('boto3', 'botocore', 'urllib3')])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# Reading and writing.


def test_objects_lie_under_the_prefix_with_their_digest(open_store: OpenStore, raw: S3Client) -> None:
    store = open_store()
    store.put("a/b", DATA)
    head = raw.head_object(Bucket=store.bucket.name, Key=key_of(store, "a/b"))
    assert head["Metadata"] == {"sha256": content_of_bytes(DATA).sha256}
    (entry,) = store.entries("a")
    assert (entry.name, entry.size_bytes, entry.etag) == ("a/b", len(DATA), content_of_bytes(DATA).md5)
    assert abs(entry.change_time_seconds - time.time()) < 60


def test_without_a_prefix_objects_lie_at_the_top(s3_server: S3Server, open_store: OpenStore) -> None:
    s3_server.make_bucket("trackd-top")
    store = open_store(url="s3://trackd-top")
    store.put("a/b", DATA)
    assert store.list("") == ["a/b"]
    assert store.get("a/b") == DATA


def test_what_is_there_is_not_sent_again(open_store: OpenStore, proxy: FaultProxy, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    store = open_store(proxy.endpoint_url)
    store.send_file("a", path)
    proxy.reset_counts()
    store.send_file("a", path)
    store.put("a", DATA)
    assert proxy.requests == {"HEAD": 2}
    assert path.exists()


def test_replace_writes_over_what_is_there(open_store: OpenStore) -> None:
    store = open_store()
    for data in (b"one", b"", b"three"):
        store.replace("manifest", data)
        assert store.get("manifest") == data


def test_a_signed_upload_takes_what_was_signed_and_nothing_else(open_store: OpenStore) -> None:
    store = open_store()
    signed = store.sign_put("segments/a.parquet", sha256=content_of_bytes(DATA).sha256, size_bytes=len(DATA))
    other = DATA[::-1]
    refused: tuple[tuple[str, bytes, Mapping[str, str]], ...] = (
        (signed.url, other, signed.headers),  # as long, and another content
        (signed.url, other, {**signed.headers, "x-amz-checksum-sha256": content_of_bytes(other).sha256}),
        (signed.url, DATA + b"x", signed.headers),
        (signed.url, DATA, {}),
        (signed.url.replace("a.parquet", "b.parquet"), DATA, signed.headers),
    )
    for url, data, headers in refused:
        assert put(url, data, headers) in (400, 403)
    assert store.list("") == []
    assert put(signed.url, DATA, signed.headers) == 200
    assert store.get("segments/a.parquet") == DATA
    # It is known by its digest, as what a store has put itself.
    store.put("segments/a.parquet", DATA)
    with pytest.raises(ValueError, match="5368709121 bytes cannot be put at once: 5368709120 are the most"):
        store.sign_put("c", sha256="0" * 64, size_bytes=(5 << 30) + 1)
    assert "Signature" not in repr(signed)


def put(url: str, data: bytes, headers: Mapping[str, str]) -> int:
    """Puts bytes to an address without credentials; returns the status."""
    request = urllib.request.Request(url, data, dict(headers), method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_range_is_the_slice_of_the_content(open_store: OpenStore) -> None:
    store = open_store()
    store.put("a", DATA)
    for start, end in (
        (0, 1),
        (5, 5),
        (100, 300),
        (len(DATA) - 3, len(DATA) + 9),
        (len(DATA), len(DATA) + 1),
    ):
        assert store.get_range("a", start, end) == DATA[start:end]
    with pytest.raises(ValueError, match="no range"):
        store.get_range("a", 5, 4)
    with pytest.raises(ObjectNotFound):
        store.get_range("b", 0, 4)


def test_list_goes_on_behind_the_first_page(open_store: OpenStore, raw: S3Client) -> None:
    store = open_store()
    whole_page = raw.list_objects_v2
    names = [f"a/{number}" for number in range(7)]
    for name in names:
        store.put(name, b"x")
    client = store._connection._open_client()
    with patch.object(client, "list_objects_v2", lambda **options: whole_page(**options, MaxKeys=3)):
        assert store.list("a/") == names


def test_keys_that_are_no_names_are_not_listed(open_store: OpenStore, raw: S3Client) -> None:
    store = open_store()
    store.put("a/b", b"x")
    for key in ("a/B", "a/c d", "a/.hidden"):
        raw.put_object(Bucket=store.bucket.name, Key=key_of(store, key), Body=b"x")
    assert store.list("") == ["a/b"]


def test_a_fetched_file_is_whole_and_alone(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    store.put("a", DATA)
    folder = tmp_path / "here"
    folder.mkdir()
    store.fetch_file("a", folder / "file", sha256=content_of_bytes(DATA).sha256)
    store.fetch_file("a", folder / "file")
    assert (folder / "file").read_bytes() == DATA
    with pytest.raises(BucketError) as caught:
        store.fetch_file("a", folder / "other", sha256="0" * 64)
    assert caught.value.kind == "damaged"
    with pytest.raises(ObjectNotFound):
        store.fetch_file("b", folder / "other")
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_a_file_that_is_not_what_it_should_be_is_not_sent(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with pytest.raises(BucketError, match="was not sent") as caught:
        store.send_file("a", path, sha256="0" * 64)
    assert not caught.value.is_transient
    assert store.list("") == []


def test_trouble_with_the_file_is_no_trouble_of_the_bucket(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    path = tmp_path / "file"
    path.write_bytes(b"x" * (2 << 20))
    real = multipart.content_of

    def cut_short(path: Path) -> multipart.Content:
        content = real(path)
        path.write_bytes(b"x" * (1 << 20))
        return content

    with patch.object(multipart, "content_of", cut_short), pytest.raises(OSError, match="shorter"):
        store.send_file("a", path)
    assert store.list("") == []


def test_a_copy_by_another_tool_is_known_by_its_bytes(
    open_store: OpenStore, proxy: FaultProxy, raw: S3Client
) -> None:
    store = open_store(proxy.endpoint_url)
    raw.put_object(Bucket=store.bucket.name, Key=key_of(store, "a"), Body=DATA)
    store.put("a", DATA)
    assert proxy.requests["PUT"] == 0
    with pytest.raises(ObjectConflict):
        store.put("a", DATA[::-1])


@pytest.mark.parametrize("damaged", [DATA[::-1], DATA[:-1], b""])
def test_what_the_server_has_damaged_is_told_and_sent_again(
    open_store: OpenStore, raw: S3Client, damaged: bytes
) -> None:
    store = open_store()
    raw.put_object(
        Bucket=store.bucket.name,
        Key=key_of(store, "a"),
        Body=damaged,
        Metadata={"sha256": content_of_bytes(DATA).sha256},
    )
    with pytest.raises(BucketError) as caught:
        store.get("a")
    assert caught.value.kind == "damaged"
    store.put("a", DATA)
    assert store.get("a") == DATA


@pytest.mark.parametrize(
    ("answer", "is_damaged"),
    [
        ({"ETag": f'"{content_of_bytes(DATA).md5}"'}, False),
        ({"ETag": '"00000000000000000000000000000000"'}, True),
        ({"ETag": '"00000000000000000000000000000000-3"'}, False),
        ({"ETag": '"some-word"'}, False),
        ({}, False),
        ({"ETag": '"00000000000000000000000000000000"', "ServerSideEncryption": "AES256"}, True),
        ({"ETag": '"00000000000000000000000000000000"', "ServerSideEncryption": "aws:kms"}, False),
        ({"ETag": '"00000000000000000000000000000000"', "ServerSideEncryption": "aws:kms:dsse"}, False),
        ({"ETag": '"00000000000000000000000000000000"', "SSECustomerAlgorithm": "AES256"}, False),
    ],
)
def test_an_etag_tells_of_damage_where_it_is_a_digest(answer: dict[str, str], *, is_damaged: bool) -> None:
    assert _is_damaged(answer, content_of_bytes(DATA).md5) == is_damaged


def test_threads_share_a_store(open_store: OpenStore) -> None:
    store = open_store()
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                store.put(f"{number}/{turn}", b"%d" % turn)
                assert store.get(f"{number}/{turn}") == b"%d" % turn
        except Exception as error:  # noqa: BLE001  # Told by the test.
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.list("")) == 40


def test_a_closed_store_opens_again(open_store: OpenStore) -> None:
    store = open_store()
    store.put("a", DATA)
    store.close()
    store.close()
    assert store.get("a") == DATA


# Pace.


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_pace_holds_the_rate_whatever_the_pieces() -> None:
    for piece in (1, 999, 50_000):
        clock = Clock()
        pace = Pace(10_000, clock.read, clock.sleep)
        taken = 0
        while taken < 100_000:
            pace.take(piece)
            taken += piece
        # A quarter of a second's worth may go at once.
        assert clock.now - 100.0 == pytest.approx(taken / 10_000 - 0.25)


def test_pace_saves_nothing_up_while_nothing_passes() -> None:
    clock = Clock()
    pace = Pace(10_000, clock.read, clock.sleep)
    clock.now += 3600
    pace.take(12_500)
    assert sum(clock.slept) == pytest.approx(1.0)


def test_pace_without_a_bound_never_waits() -> None:
    clock = Clock()
    Pace(0, clock.read, clock.sleep).take(1 << 40)
    assert clock.slept == []


def test_pace_makes_those_that_come_later_wait_behind_the_debt() -> None:
    clock = Clock()
    waits: list[float] = []
    pace = Pace(10_000, clock.read, waits.append)
    for _ in range(3):
        pace.take(10_000)
    assert waits == pytest.approx([0.75, 1.75, 2.75])


@pytest.mark.usefixtures("small_parts")
def test_each_byte_that_travels_is_counted_once(
    open_store: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(Pace, "take", lambda _pace, size_bytes: counted.append(size_bytes))
    store = open_store()
    path = tmp_path / "file"
    for size_bytes in (1000, 3 << 20, 12 << 20):
        path.write_bytes(os.urandom(size_bytes))
        counted.clear()
        store.send_file(f"{size_bytes}", path)
        assert sum(counted) == size_bytes
        counted.clear()
        store.fetch_file(f"{size_bytes}", tmp_path / "back")
        assert sum(counted) == size_bytes


def test_a_bound_slows_a_store_down(open_store: OpenStore) -> None:
    store = open_store(bytes_per_second_max=1 << 20)
    began = time.monotonic()
    store.put("a", b"x" * (1 << 20))
    assert time.monotonic() - began >= 0.7


# What credentials may do.


def test_probe_of_a_good_bucket_finds_nothing(open_store: OpenStore) -> None:
    store = open_store()
    probe = store.probe()
    assert probe.sentences == ()
    assert (probe.can_write, probe.can_read, probe.can_list, probe.can_delete) == (True, True, True, True)
    assert probe.has_ranges
    assert probe.if_none_match == "works"
    assert abs(probe.clock_skew_seconds) < 30
    assert "SeaweedFS" in probe.server
    assert store.list("") == []


def test_probe_says_what_credentials_may_not_do(
    open_store: OpenStore, use_key: Callable[[Key], None]
) -> None:
    use_key(WRITER)
    probe = open_store().probe()
    assert (probe.can_write, probe.can_read, probe.can_list) == (True, False, False)
    assert any("may not list" in sentence for sentence in probe.sentences)
    use_key(READER)
    probe = open_store().probe()
    assert (probe.can_write, probe.can_read, probe.can_list, probe.can_delete) == (False, True, True, False)
    assert any("may not write" in sentence for sentence in probe.sentences)


def test_probe_tells_of_a_clock_that_is_wrong(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 512)
    probe = store.probe()
    assert probe.clock_skew_seconds == pytest.approx(512, abs=30)
    (sentence,) = probe.sentences
    assert "s ahead of the bucket's" in sentence


def test_probe_of_what_cannot_be_asked_is_an_error(
    open_store: OpenStore, use_key: Callable[[Key], None]
) -> None:
    for url, endpoint_url, key, kind in (
        ("s3://no-such-bucket", None, ADMIN, "missing"),
        (None, NOWHERE, ADMIN, "unreachable"),
        (None, None, Key("nobody", "nothing", ()), "denied"),
        (None, None, Key(ADMIN.access_key, "wrong", ()), "denied"),
    ):
        use_key(key)
        options = {"url": url} if url else {}
        store = open_store(endpoint_url, **options) if endpoint_url else open_store(**options)
        with pytest.raises(BucketError) as caught:
            store.probe()
        assert caught.value.kind == kind


@pytest.mark.usefixtures("small_parts")
def test_credentials_that_only_write_can_upload(
    open_store: OpenStore, use_key: Callable[[Key], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(12 << 20))
    use_key(WRITER)
    store = open_store()
    for _ in range(2):
        store.put("a", DATA)
        store.send_file("b", path)
    with pytest.raises(BucketError) as caught:
        store.get("a")
    assert (caught.value.kind, caught.value.code) == ("denied", "AccessDenied")
    use_key(READER)
    reader = open_store()
    assert reader.get("a") == DATA
    assert reader.get("b") == path.read_bytes()
    with pytest.raises(BucketError) as caught:
        reader.put("c", DATA)
    assert caught.value.kind == "denied"


def test_a_bucket_that_is_not_there_is_told_of_everywhere(open_store: OpenStore) -> None:
    store = open_store(url="s3://no-such-bucket/a")
    for call in (
        lambda: store.put("a", DATA),
        lambda: store.replace("a", DATA),
        lambda: store.get("a"),
        lambda: store.size("a"),
        lambda: store.list(""),
    ):
        with pytest.raises(BucketError, match="no-such-bucket") as caught:
            call()
        assert caught.value.kind == "missing"
        assert not caught.value.is_transient


def test_no_credentials_at_all_are_told(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(BucketError, match="credentials") as caught:
        store.put("a", DATA)
    assert caught.value.kind == "denied"


def test_a_profile_that_is_not_there_is_told(
    s3_server: S3Server, tmp_path: Path, use_key: Callable[[Key], None]
) -> None:
    use_key(ADMIN)
    store = BucketStore(Bucket("s3://runs", s3_server.endpoint_url, profile="nobody"), scratch=tmp_path)
    with pytest.raises(BucketError, match="ProfileNotFound") as caught:
        store.get("a")
    assert caught.value.kind == "other"


# Faults.


@dataclass(frozen=True)
class Trial:
    """A fault, and of which kind the error is that it makes of a request; None if it makes none."""

    fault: Fault
    kind: Kind | None


TRIALS = {
    "refuse": Trial(Fault("refuse"), "unreachable"),
    "hang": Trial(Fault("hang"), "unreachable"),
    "reset in the request's head": Trial(Fault("reset_request", after_bytes=100), "unreachable"),
    "reset before the response": Trial(Fault("reset_response"), "unreachable"),
    "reset in the response's head": Trial(Fault("reset_response", after_bytes=60), "unreachable"),
    "slow": Trial(Fault("slow", bytes_per_second=20_000_000), None),
    "500": Trial(Fault("answer", status=500, code="InternalError"), "unreachable"),
    "502": Trial(Fault("answer", status=502, code=""), "unreachable"),
    "slow down": Trial(Fault("answer", status=503, code="SlowDown"), "throttled"),
    "429": Trial(Fault("answer", status=429, code="TooManyRequests"), "throttled"),
    "expired": Trial(Fault("answer", status=403, code="ExpiredToken"), "expired"),
    "expired, as AWS says it": Trial(Fault("answer", status=400, code="ExpiredToken"), "expired"),
    "clock": Trial(
        Fault("answer", status=403, code="RequestTimeTooSkewed", clock_offset_seconds=-4000), "clock"
    ),
    "denied": Trial(Fault("answer", status=403, code="AccessDenied"), "denied"),
    "full": Trial(Fault("answer", status=507, code="InsufficientStorage"), "full"),
    "quota": Trial(Fault("answer", status=403, code="QuotaExceeded"), "full"),
    "unknown": Trial(Fault("answer", status=400, code="SomethingNew"), "other"),
    "lost answer": Trial(Fault("drop_answer"), "unreachable"),
}
WRITES = {
    "flipped": Trial(Fault("flip_request"), "damaged"),
    "reset in the body": Trial(Fault("reset_request", after_bytes=5000), "unreachable"),
}
READS = {
    "flipped": Trial(Fault("flip_response"), "damaged"),
    "reset in the body": Trial(Fault("reset_response", after_bytes=5000), "unreachable"),
}
CASES = [
    *(
        (operation, trial)
        for operation in ("put", "parts", "begin", "get", "list", "size")
        for trial in TRIALS.items()
    ),
    *((operation, trial) for operation in ("put", "parts") for trial in WRITES.items()),
    *(("get", trial) for trial in READS.items()),
]


@pytest.mark.parametrize(
    ("operation", "trial"),
    [pytest.param(operation, trial, id=f"{operation}-{name}") for operation, (name, trial) in CASES],
)
@pytest.mark.usefixtures("small_parts")
def test_a_fault_is_told_as_what_it_is_and_the_next_try_succeeds(
    open_store: OpenStore,
    proxy: FaultProxy,
    tmp_path: Path,
    operation: str,
    trial: Trial,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "file"
    if operation in ("parts", "begin"):
        path.write_bytes(b"0123456789abcdef" * (6 << 16))
    store = open_store(proxy.endpoint_url)
    if operation in ("get", "list", "size"):
        store.put("a", DATA)
    if trial.fault.kind == "hang":
        store.close()
        with monkeypatch.context() as patched:
            patched.setattr(bucket_requests, "READ_TIMEOUT_SECONDS", 0.5)
            patched.setattr(bucket_requests, "CONNECT_TIMEOUT_SECONDS", 0.5)
            store._connection._open_client()
    calls: dict[str, tuple[str, Callable[[BucketStore], object]]] = {
        "put": ("PUT", lambda store: store.put("a", DATA)),
        "parts": ("PUT", lambda store: store.send_file("a", path)),
        "begin": ("POST", lambda store: store.send_file("a", path)),
        "get": ("GET", lambda store: store.get("a")),
        "list": ("GET", lambda store: store.list("")),
        "size": ("HEAD", lambda store: store.size("a")),
    }
    methods, call = calls[operation]
    is_quiet = operation == "size" and trial.fault.kind == "answer" and trial.fault.status in (400, 403)
    proxy.inject(trial.fault, methods=methods if trial.fault.kind != "refuse" else "")
    # To HEAD a server says no word: GET is asked, and here nothing ails it.
    if trial.kind is None or is_quiet:
        call(store)
    else:
        with pytest.raises(BucketError, match=store.bucket.url) as caught:
            call(store)
        assert caught.value.kind == trial.kind
        assert caught.value.is_transient == (trial.kind in ("unreachable", "throttled", "damaged"))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        if trial.kind == "clock":
            assert "the clock of this machine is 400" in str(caught.value)
        assert len(str(caught.value).split(". ")) == 1
    assert proxy.faults > 0 or trial.fault.kind == "refuse"
    proxy.heal()
    if trial.fault.kind == "hang":
        store.close()  # The next client waits as long as it should.
    call(store)
    assert store.list("") == ["a"]
    assert store.get("a") == (path.read_bytes() if operation in ("parts", "begin") else DATA)


def test_an_answer_lost_after_success_is_success_at_the_next_try(
    open_store: OpenStore, proxy: FaultProxy
) -> None:
    store = open_store(proxy.endpoint_url)
    proxy.inject(Fault("drop_answer"), methods="PUT", times=1)
    with pytest.raises(BucketError) as caught:
        store.put("a", DATA)
    assert caught.value.is_transient
    store.put("a", DATA)
    assert proxy.requests["PUT"] == 1
    assert store.get("a") == DATA


@pytest.mark.usefixtures("small_parts")
def test_under_random_faults_all_arrives_and_nothing_twice(
    open_store: OpenStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    store, direct = open_store(proxy.endpoint_url), open_store()
    path = tmp_path / "file"
    path.write_bytes(os.urandom(11 << 20))
    proxy.inject(Fault("reset_anywhere"), share=0.3)
    contents = {f"{number:02}": os.urandom(3000) for number in range(30)}

    def insist(call: Callable[[], object]) -> None:
        for _ in range(100):
            try:
                call()
            except BucketError as error:
                if error.kind != "unreachable":
                    raise
            else:
                return
        raise AssertionError("100 tries were not enough")

    for name, content in contents.items():
        insist(lambda name=name, content=content: store.put(name, content))  # type: ignore[misc]
    insist(lambda: store.send_file("big", path))
    assert proxy.faults > 10
    proxy.heal()
    assert direct.list("") == [*contents, "big"]
    assert {name: direct.get(name) for name in contents} == contents
    assert direct.get("big") == path.read_bytes()


# Secrets.


def test_no_error_no_repr_and_no_record_holds_a_secret(
    open_store: OpenStore,
    proxy: FaultProxy,
    use_key: Callable[[Key], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="trackd_service")
    use_key(Key("AKIACANARY", "canary-secret", ()))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-token")
    store = open_store(proxy.endpoint_url)
    kinds: set[Kind] = set()
    seen = [repr(store), repr(store.bucket), repr(vars(store))]
    faults = [trial.fault for trial in TRIALS.values() if trial.fault.kind == "answer"]
    for fault in [*faults, None, Fault("reset_response", after_bytes=200), Fault("refuse")]:
        proxy.heal()
        if fault is not None:
            proxy.inject(fault)
        for call in (
            lambda: store.put("a", DATA),
            lambda: store.get("a"),
            lambda: store.list(""),
            store.probe,
        ):
            try:
                seen.append(repr(call()))
            except BucketError as error:
                again = pickle.loads(pickle.dumps(error))
                assert (again.kind, again.code, str(again)) == (error.kind, error.code, str(error))  # noqa: PT017
                seen += [repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
                kinds.add(error.kind)
    text = "\n".join([*seen, *(record.getMessage() for record in caplog.records)]).lower()
    for secret in ("canary", "signature=", "credential=", "authorization"):
        assert secret not in text
    assert kinds >= {"unreachable", "throttled", "expired", "clock", "denied", "full", "other"}
    # At this level botocore writes headers and keys.
    for library in ("boto3", "botocore", "urllib3"):
        assert logging.getLogger(library).level == logging.NOTSET


# A cluster.


def test_what_a_cluster_has_acknowledged_outlives_a_server_killed_in_the_middle(
    s3_cluster: S3Server, tmp_path: Path, use_key: Callable[[Key], None]
) -> None:
    use_key(ADMIN)
    s3_cluster.make_bucket("runs")
    store = BucketStore(Bucket("s3://runs/a", s3_cluster.endpoint_url), scratch=tmp_path)
    acknowledged: dict[str, bytes] = {}
    is_over = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not is_over.is_set():
            name, content = f"{writer}/{number:04}", os.urandom(20_000)
            with contextlib.suppress(BucketError):
                store.put(name, content)
                acknowledged[name] = content
            number += 1

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 60
        while len(acknowledged) < count:
            assert time.monotonic() < deadline
            is_over.wait(0.01)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_for(60)
        s3_cluster.kill("volume-2")
        wait_for(len(acknowledged) + 60)
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    assert {name: store.get(name) for name in acknowledged} == acknowledged
    s3_cluster.restart("volume-2")
    assert {name: store.get(name) for name in acknowledged} == acknowledged
    assert set(acknowledged) <= set(store.list(""))
    store.close()

"""The upload as a person sees it: `trackd upload`, `sync`, `pull`, `verify`, `publish`, `status`, and `run.synced_step`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from tests.conftest import WaitUntil
from tests.s3.s3_servers import S3Server
from tests.service.reading import endpoint_of

import trackd
from trackd import _daemon, _upload
from trackd.errors import Error

Command: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"

COMMAND_TIMEOUT_SECONDS = 60.0
BUCKET = "trackd-commands"
NOBODY = "http://127.0.0.1:9"  # the port of a service that no machine offers any more
STATUS = {
    "state": "idle",
    "sentence": "",
    "pending_run_count": 0,
    "pending_file_count": 0,
    "pending_bytes": 0,
    "sent_file_count": 0,
    "sent_bytes": 0,
    "lag_seconds": 0.0,
    "retry_seconds": 0.0,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Gives a real server with a bucket to the tests of this module."""
    with S3Server.single(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def place(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Gives the URL of an empty place in the bucket, and its credentials to every process that the test starts."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKD_UPLOAD_ENDPOINT_URL", server.endpoint_url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return f"s3://{BUCKET}/{uuid4().hex}/team"


@pytest.fixture
def command(store: Path, tmp_path: Path) -> Command:
    """Gives a function that runs `python -m trackd` on a store of the test's own."""
    assert os.environ["TRACKD_STORE"] == str(store)

    def run(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "trackd", *arguments],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 1:
            # One sentence says why, behind how far it had come where that took a while.
            said = [line for line in done.stderr.splitlines() if not re.match(r" *\d+% ", line)]
            assert len(said) <= 1, done.stderr
        return done

    return run


@pytest.fixture
def other_store(tmp_path: Path, command: Command) -> Iterator[str]:
    """Gives a second store, whose daemon ends with the test."""
    folder = str(tmp_path / "other")
    yield folder
    command("down", "--store", folder)


def log_offline(run_id: str, step_count: int = 50) -> None:
    with trackd.init(project="p", id=run_id, mode="offline", settings={"quiet": True}) as run:
        for step in range(step_count):
            run.log({"loss": 1 / (step + 1)})


def names(server: S3Server, place: str) -> list[str]:
    """Returns the names of what the bucket has at a place."""
    _, _, prefix = place.removeprefix("s3://").partition("/")
    with contextlib.closing(server.client()) as client:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")
    return [entry["Key"].removeprefix(f"{prefix}/") for entry in found.get("Contents", [])]


# -- how the upload is set -----------------------------------------------------------------------------------------


def test_upload_is_set_shown_changed_and_ended(command: Command, place: str, server: S3Server) -> None:
    assert "no upload is set" in command("upload").stdout
    done = command("upload", place, "--interval", "2", "--limit-rate", "20M")
    assert done.stdout == f"runs are uploaded to {place} at {server.endpoint_url}, changes within 2 s\n"
    assert done.stderr == ""
    shown = command("upload").stdout
    assert f"to          {place} at {server.endpoint_url}\n" in shown
    assert "limit       20.0 MB/s\n" in shown
    # Of the same bucket, what is not given stays; without a bucket, the one that is set is meant.
    command("upload", place, "--keep-local", "30")
    command("upload", "--limit-rate", "500k")
    settings = json.loads(command("upload", "--json").stdout)["settings"]
    assert settings == {
        "url": place,
        "endpoint_url": server.endpoint_url,
        "region": "",
        "profile": "",
        "interval_seconds": 2.0,
        "bytes_per_second_max": 500_000,
        "keep_local_days": 30.0,
    }
    # Another bucket begins with what is usual.
    settings = json.loads(command("upload", f"{place}-2", "--json").stdout)["settings"]
    assert (settings["url"], settings["interval_seconds"], settings["keep_local_days"]) == (
        f"{place}-2",
        5.0,
        0.0,
    )
    assert command("upload", "--off").stdout == (
        f"nothing is uploaded any more; what is in {place}-2 stays there\n"
    )
    assert "no upload is set" in command("upload").stdout
    assert "no upload is set" in command("upload", "--interval", "3", code=1).stderr


def test_bucket_that_cannot_be_used_is_set_only_when_asked_for(command: Command, place: str) -> None:
    missing = "s3://trackd-is-not-there/runs"
    assert "create the bucket, or correct its name" in command("upload", missing, code=1).stderr
    assert "no upload is set" in command("upload").stdout
    done = command("upload", missing, "--even-if-unusable")
    assert len(done.stderr.splitlines()) == 1
    assert "create the bucket, or correct its name" in done.stderr
    assert "runs are uploaded to" in done.stdout
    assert "begins with 's3://'" in command("upload", "gs://x/runs", code=1).stderr
    assert "is the root of a site" in command("upload", "https://x.example/runs", code=1).stderr
    assert (
        "`trackd login https://x.example` takes one" in command("upload", "https://x.example", code=1).stderr
    )
    assert "interval_seconds is 0.1" in command("upload", place, "--interval", "0.1", code=1).stderr
    assert "bytes_per_second_max is 9" in command("upload", place, "--limit-rate", "9", code=1).stderr
    assert "neither a bucket" in command("upload", place, "--off", code=1).stderr
    assert "write it as 500k" in command("upload", place, "--limit-rate", "fast", code=2).stderr


def test_status_tells_how_the_upload_stands(command: Command, place: str, server: S3Server) -> None:
    command("up")
    assert json.loads(command("status", "--json").stdout)["upload"] == {
        "url": "",
        "endpoint_url": "",
        **STATUS,
        "state": "off",
    }
    assert re.search(r"^upload +off$", command("status").stdout, re.MULTILINE)
    command("upload", place)
    assert json.loads(command("status", "--json").stdout)["upload"] == {
        "url": place,
        "endpoint_url": server.endpoint_url,
        **STATUS,
    }
    assert re.search(rf"^upload +{place}: idle, all is there$", command("status").stdout, re.MULTILINE)


def test_settings_that_cannot_be_read_are_told(command: Command, store: Path) -> None:
    (store / "upload.json").write_text('{"version": 1, "bucket": "x"}')
    lines = command("upload").stdout.splitlines()
    assert lines[0] == "state       stopped"
    assert lines[1].startswith("problem     upload.json cannot be used: it has 'bucket'")
    assert "upload.json cannot be used" in command("status").stdout
    error = command("sync", "--timeout", "1", code=1).stderr
    assert "the upload is stopped: upload.json cannot be used" in error


# -- sync ----------------------------------------------------------------------------------------------------------


def test_sync_sends_runs_that_were_logged_offline(command: Command, place: str, server: S3Server) -> None:
    log_offline("a")
    log_offline("b")
    assert command("sync", TRACKD_UPLOAD=place).stdout == f"everything of 2 runs is in {place}\n"
    assert len([name for name in names(server, place) if name.startswith("runs/")]) == 2
    again = json.loads(command("sync", "--json").stdout)
    assert again == {
        "url": place,
        "run_count": 2,
        "open_run_count": 0,
        "sent_file_count": 0,
        "sent_bytes": 0,
    }
    assert trackd.Api().run("p/a").synced_step == 50


def test_sync_of_a_run_that_goes_on_ends(command: Command, place: str, wait_until: WaitUntil) -> None:
    command("upload", place, "--interval", "0.5")
    run = trackd.init(project="p", id="live", mode="online", settings={"quiet": True})
    run.log({"loss": 0.5})
    assert run.flush(60)
    done = json.loads(command("sync", "--json").stdout)
    assert done["run_count"] == 1
    assert trackd.Api().run("p/live").synced_step == 1
    run.log({"loss": 0.4})
    wait_until(lambda: run.synced_step == 2)
    assert run.durable_step == 2


def test_sync_without_waiting_only_tells_the_daemon(
    command: Command, place: str, server: S3Server, wait_until: WaitUntil
) -> None:
    log_offline("a")
    command("upload", place, "--interval", "3600")
    assert "the daemon sends everything now" in command("sync", "--no-wait").stderr
    wait_until(lambda: any(name.startswith("runs/") for name in names(server, place)))


def test_sync_without_a_bucket_says_so(command: Command) -> None:
    assert "no upload is set" in command("sync", code=1).stderr
    assert "no upload is set" in command("sync", "--no-wait", code=1).stderr


def test_sync_gives_up_on_a_bucket_that_cannot_be_used(command: Command, place: str) -> None:
    log_offline("a")
    command("upload", place, "--endpoint-url", NOBODY, "--even-if-unusable")
    error = command("sync", "--timeout", "3", code=1).stderr
    assert "nothing could be sent for 3.0 s" in error
    assert "look at the network and at the endpoint" in error
    upload = json.loads(command("status", "--json").stdout)["upload"]
    assert (upload["state"], upload["pending_run_count"]) == ("waiting", 1)
    assert "problem     could not" in command("upload").stdout
    command("upload", "s3://trackd-is-not-there/runs", "--even-if-unusable")
    error = command("sync", "--timeout", "3", code=1).stderr
    assert "the upload is stopped: could not" in error
    assert "create the bucket, or correct its name" in error


def test_interrupted_sync_leaves_the_daemon_at_it(command: Command, place: str, store: Path) -> None:
    log_offline("a")
    command("upload", place, "--endpoint-url", NOBODY, "--even-if-unusable")
    # A shell in the background ignores the signal, and what it starts does so too.
    program = (
        "import signal, sys; from trackd._cli import run_command; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(run_command(['sync']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        # The first line comes after five seconds: it is at work then.
        assert process.stderr is not None
        line = process.stderr.readline()
        assert re.search(r" 0%  .*1 run to send; waiting: could not", line)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "the daemon goes on sending" in errors
    assert "Traceback" not in errors
    assert _daemon.is_alive(str(store))


# -- reading back --------------------------------------------------------------------------------------------------


def test_runs_are_pulled_into_another_store(command: Command, place: str, other_store: str) -> None:
    log_offline("a")
    log_offline("b")
    command("sync", TRACKD_UPLOAD=place)
    into = ("--store", other_store)
    missing = command("pull", place, "p/nothing", *into, code=1).stderr
    assert missing == f"trackd: {place} has no run p/nothing\n"
    assert re.fullmatch(r"1 run is here; [\d.]+ kB copied\n", command("pull", place, "p/a", *into).stdout)
    assert [run["run_id"] for run in json.loads(command("runs", "--json", *into).stdout)] == ["a"]
    done = json.loads(command("pull", place, "--json", *into).stdout)
    assert done["run_count"] == 2
    assert json.loads(command("pull", place, "p", "--json", *into).stdout) == {
        "run_count": 2,
        "copied_bytes": 0,
    }
    mine, theirs = (json.loads(command("show", "p/b", "--json", *options).stdout) for options in ((), into))
    assert theirs["summary"] == mine["summary"]
    assert theirs["metrics"] == mine["metrics"]


def test_bucket_is_opened_as_a_store(command: Command, place: str) -> None:
    log_offline("a")
    command("sync", TRACKD_UPLOAD=place)
    try:
        for arguments in (("ui", place), ("ui", "--store", place)):
            address = command(*arguments, "--print").stdout.strip()
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(address, timeout=60) as answer:
                assert answer.status == 200
            plain = address.partition("/?token=")[0]
            with opener.open(f"{plain}/api/v1/projects", timeout=60) as answer:
                assert [project["name"] for project in json.load(answer)["projects"]] == ["p"]
        assert "version 0: " in command("publish", "--store", place).stdout
        assert command("gc", "--store", place).stdout.startswith("0 files")  # nothing is old enough
        assert "p/" in command("du", "--store", place).stdout
        for name in ("upload", "sync", "verify"):
            assert "can only be read" in command(name, "--store", place, code=1).stderr
        assert "can only be read" in command("pull", place, "--store", place, code=1).stderr
    finally:
        command("down", "--store", place)
    assert "the store is no bucket that can be" in command("ui", "s3://No_Bucket", code=1).stderr


def test_verify_finds_what_was_damaged_here_and_in_the_bucket(
    command: Command, place: str, store: Path, server: S3Server
) -> None:
    log_offline("a")
    command("sync", TRACKD_UPLOAD=place)
    assert re.fullmatch(r"\d+ files, [\d.]+ kB: all is well\n", command("verify").stdout)
    done = json.loads(command("verify", "--read-bucket", "--json").stdout)
    assert (done["checked_count"] > 0, done["checked_bytes"] > 0, done["findings"]) == (True, True, [])

    (segment,) = (store / "objects" / "segments").rglob("*.parquet")
    whole = segment.read_bytes()
    data = bytearray(whole)
    data[len(data) // 2] ^= 1
    segment.chmod(0o600)
    segment.write_bytes(data)
    bad = command("verify", code=1)
    assert re.fullmatch(r"segments/\S+\.parquet of run p/a was altered: .+\n", bad.stdout)
    assert bad.stderr.endswith(": 1 wrong\n")
    assert json.loads(command("verify", "--json", code=1).stdout)["findings"] == [bad.stdout.rstrip()]
    segment.write_bytes(whole)

    (levels,) = (name for name in names(server, place) if name.endswith(".levels"))
    prefix = place.removeprefix(f"s3://{BUCKET}/")
    with contextlib.closing(server.client()) as client:
        client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{levels}")
    assert command("verify", code=1).stdout == f"{levels} is not in {place} (any more): it is sent again\n"
    command("sync")
    assert levels in names(server, place)
    assert "all is well" in command("verify", "--read-bucket").stdout


def test_published_table_is_told(command: Command, place: str) -> None:
    assert "the store has no bucket" in command("publish", code=1).stderr
    command("upload", place)
    log_offline("a")
    command("sync")
    done = json.loads(command("publish", "--json").stdout)
    assert (done["added_count"] > 0, done["removed_count"]) == (True, 0)
    words = command("publish").stdout
    assert re.fullmatch(r"the table is at version \d+: 0 files added, 0 removed\n", words)


# -- what a program sees -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("store")
def test_steps_are_none_where_nobody_answers() -> None:
    for mode in ("offline", "disabled"):
        with trackd.init(project="p", mode=mode, settings={"quiet": True}) as run:
            run.log({"a": 1})
            assert (run.durable_step, run.synced_step) == (None, None)


@pytest.mark.usefixtures("store")
def test_synced_step_is_none_without_an_upload() -> None:
    with trackd.init(project="p", id="a", mode="online", settings={"quiet": True}) as run:
        run.log({"a": 1})
        assert run.flush(60)
        assert (run.durable_step, run.synced_step) == (1, None)
    read = trackd.Api().run("p/a")
    assert (read.durable_step, read.synced_step) == (1, None)


def test_http_tells_of_the_upload_and_no_secret(command: Command, place: str, server: S3Server) -> None:
    command("upload", place, "--interval", "3")
    endpoint = endpoint_of()
    request = urllib.request.Request(
        f"{endpoint.http_address}/api/v1/upload", headers={"Authorization": f"Bearer {endpoint.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    assert json.loads(text) == {
        "settings": {
            "url": place,
            "endpoint_url": server.endpoint_url,
            "region": "",
            "profile": "",
            "interval_seconds": 3.0,
            "bytes_per_second_max": 0,
            "keep_local_days": 0.0,
        },
        "status": STATUS,
    }
    assert server.secret_key not in text


# -- words and patience --------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Gives a clock that a test moves by its `now`."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(_upload, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.mark.parametrize(
    ("text", "rate"),
    [("0", 0), ("20000", 20_000), ("500k", 500_000), ("20M", 20_000_000), ("1.5m", 1_500_000), ("1G", 10**9)],
)
def test_rates_are_read(text: str, rate: int) -> None:
    assert _upload.parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "-1", "fast", "1T", "1 MB/s", "1e6", "inf"])
def test_other_words_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 500k"):
        _upload.parse_rate(text)


def test_lengths_of_time_are_said_as_people_do() -> None:
    said = [_upload.format_seconds(seconds) for seconds in (-1, 0.44, 9.96, 59.4, 59.6, 187, 3599.6, 7500)]
    assert said == ["0.0 s", "0.4 s", "10 s", "59 s", "1 min 00 s", "3 min 07 s", "1 h 00 min", "2 h 05 min"]


def test_progress_says_a_line_every_five_seconds_where_no_terminal_is(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = _upload.Progress()
    for second in range(1, 12):
        clock.now = 100.0 + second
        progress.show(second * 1_000_000, 20_000_000, second * 1_000_000, f"second {second}")
    progress.clear()
    assert capsys.readouterr().err.splitlines() == [
        " 25%  1.0 MB/s  15 s left  second 5",
        " 50%  1.0 MB/s  10 s left  second 10",
    ]


def test_progress_redraws_one_line_on_a_terminal(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = _upload.Progress()
    for words in ("many words", "few"):
        clock.now += 1
        progress.show(0, 0, 0, words)
    progress.clear()
    drawn = capsys.readouterr().err
    assert "\n" not in drawn
    lines = drawn.split("\r")
    assert lines[1] == "[............]   0%  many words"
    assert lines[2] == "[............]   0%  few       "  # what was there before is gone
    assert lines[3].strip() == ""


def watch() -> Any:
    return _upload._Watch("/nowhere", SimpleNamespace(**STATUS))  # type: ignore[arg-type]


def test_patience_lasts_while_bytes_move(clock: SimpleNamespace) -> None:
    one = watch()
    for minute in range(60):
        clock.now += 60
        status = {**STATUS, "state": "waiting", "sentence": "no", "sent_bytes": minute + 1}
        one.look(status)
        one.check_patience(status, 300)
    # A large file counts when it is whole: as long as nothing fails, it is on its way.
    for _ in range(60):
        clock.now += 60
        one.look({**STATUS, "state": "sending"})
        one.check_patience({**STATUS, "state": "sending"}, 300)


@pytest.mark.parametrize(
    ("state", "seconds", "words"),
    [
        ("waiting", 300, "nothing could be sent for 5 min 00 s: no"),
        ("stopped", 30, "the upload is stopped: no"),
    ],
)
def test_patience_ends(clock: SimpleNamespace, state: str, seconds: float, words: str) -> None:
    one, status = watch(), {**STATUS, "state": state, "sentence": "no"}
    one.look(status)
    clock.now += seconds - 1
    one.look(status)
    one.check_patience(status, 300)
    clock.now += 1
    one.look(status)
    with pytest.raises(Error, match=words):
        one.check_patience(status, 300)


def test_what_was_logged_behind_the_start_is_not_waited_for(clock: SimpleNamespace) -> None:
    one = watch()
    clock.now += 10
    pending = {**STATUS, "state": "sending", "pending_run_count": 1}
    assert one.is_done({**STATUS, "state": "idle"}, clock.now)
    assert one.is_done({**pending, "lag_seconds": 9.0}, clock.now)
    assert not one.is_done({**pending, "lag_seconds": 11.0}, clock.now)
    assert not one.is_done({**STATUS, "state": "stopped"}, clock.now)

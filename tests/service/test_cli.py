"""The `trackd` command as a shell sees it: what it prints, what it does, and its exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import pytest

import trackd
from trackd import _daemon, _doctor
from trackd._cli_words import parse_value

Command: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"

COMMANDS = ("up", "down", "status", "ui", "runs", "show", "log", "export", "doctor")
COMMAND_TIMEOUT_SECONDS = 60.0  # a command takes half a second on an idle machine


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
            assert len(done.stderr.splitlines()) <= 1  # one sentence says why
        return done

    return run


def make_run(rows: list[dict[str, Any]], **options: Any) -> trackd.Run:
    run = trackd.init(reinit="finish_previous", settings={"quiet": True}, **options)
    for row in rows:
        run.log(row)
    run.finish()
    return run


def history(path: str, *keys: str) -> list[dict[str, Any]]:
    return list(trackd.Api().run(path).scan_history(keys=list(keys)))


# -- the daemon ----------------------------------------------------------------------------------------------------


def test_daemon_is_started_described_and_ended(command: Command, store: Path) -> None:
    assert "no daemon serves" in command("status", code=1).stdout
    assert json.loads(command("status", "--json", code=1).stdout) == {
        "running": False,
        "store_path": str(store),
    }
    address = command("up").stdout.strip()
    assert address.startswith("http://127.0.0.1:")
    status = json.loads(command("status", "--json").stdout)
    assert (status["running"], status["http_address"], status["store_path"]) == (True, address, str(store))
    assert (status["version"], status["protocol_version"], status["open_writer_count"]) == (
        trackd.__version__,
        1,
        0,
    )
    assert status["counters"]["accepted_row_count"] == 0
    assert psutil.pid_exists(status["pid"])
    assert f"pid                    {status['pid']}" in command("status").stdout
    assert command("up").stdout.strip() == address
    command("down")
    assert not _daemon.is_alive(str(store))
    assert "no daemon serves" in command("down").stderr
    assert "has not ended in time" not in (store / "daemon.log").read_text()


def test_down_if_idle_stays_while_a_writer_is_at_work(command: Command, store: Path) -> None:
    run = trackd.init(project="p", mode="online", settings={"quiet": True})
    run.log({"a": 1})
    assert run.flush(60)
    assert "a writer is at work" in command("down", "--if-idle", code=1).stderr
    assert _daemon.is_alive(str(store))
    run.finish()


def test_ui_prints_an_address_that_opens_the_page(command: Command) -> None:
    address = command("ui", "--print").stdout.strip()
    plain, _, token = address.partition("/?token=")
    assert len(token) >= 32
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(address, timeout=60) as answer:
        assert (answer.status, answer.url) == (
            200,
            f"{plain}/",
        )  # the token is in the cookie, no longer in the address


def test_daemon_that_cannot_start_is_said_in_one_sentence(command: Command, store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
    assert "run `trackd doctor`" in command("up", "--timeout", "2", code=1).stderr


# -- runs ----------------------------------------------------------------------------------------------------------


def test_runs_and_show_tell_of_runs_as_text_and_as_json(command: Command) -> None:
    make_run(
        [{"loss": 0.5, "note": "häh"}], project="p", id="r1", name="swift", tags=["best"], config={"lr": 0.1}
    )
    make_run([{"loss": float("nan")}], project="p", id="r2", name="slow")
    make_run([{}], project="q", id="r3")
    lines = command("runs", "p").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["RUN", "p/r2", "p/r1"]
    assert lines[2].split()[1:3] == ["swift", "finished"]
    assert [run["run_id"] for run in json.loads(command("runs", "--json").stdout)] == ["r3", "r2", "r1"]
    chosen = command("runs", "--json", "--filter", '{"tags": "best"}', "--order=-name").stdout
    assert [run["run_id"] for run in json.loads(chosen)] == ["r1"]
    limited = command("runs", "--limit", "1")
    assert (len(limited.stdout.splitlines()), "1 of 3 runs" in limited.stderr) == (2, True)
    shown = json.loads(command("show", "p/r1", "--json").stdout)
    assert (shown["name"], shown["config"], shown["summary"]) == (
        "swift",
        {"lr": 0.1},
        {"loss": 0.5, "note": "häh"},
    )
    assert [metric["name"] for metric in shown["metrics"]] == ["loss", "note"]
    assert json.loads(command("show", "r2", "--json").stdout)["summary"] == {"loss": "NaN"}
    text = command("show", "r1").stdout
    assert "  lr = 0.1" in text
    assert "  loss (number): 1 values, steps 0 to 0" in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "required: COMMAND"),
        (("dance",), 2, "invalid choice"),
        (("log", "x", "--run", "p/r"), 2, "'x' is no KEY=VALUE"),
        (("log", "x=1", "--step", "-1"), 2, "steps are 0 to"),
        (("log", "x=1"), 1, "no run is named: give --run PROJECT/ID, or set TRACKD_RUN_ID"),
        (("log", "x=1", "--run", "nothing"), 1, "run 'nothing' is not in the store"),
        (("log", "x=1", "--run", "p/a:b"), 1, "cannot hold ':'"),
        (("runs", "--filter", "{"), 2, "is no JSON object"),
        (("runs", "--filter", '{"lr": 1}'), 1, "write config.KEY"),
        (("runs", "--limit", "0"), 2, "no count of at least 1"),
        (("show", "p/nothing"), 1, "run 'nothing' is not in project 'p'"),
        (("show", "a/b/c/d"), 1, "run path is 'a/b/c/d'"),
        (("status", "--timeout", "0"), 2, "no time in seconds above 0"),
    ],
)
def test_wrong_commands_end_with_a_sentence_and_their_exit_code(
    command: Command, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in command(*arguments, code=code).stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command: Command, name: str) -> None:
    assert name in command("--help").stdout
    assert command(name, "--help").stdout.startswith(f"usage: trackd {name}")


def test_version_is_the_package_s(command: Command) -> None:
    assert command("--version").stdout == f"trackd {trackd.__version__}\n"


# -- log -----------------------------------------------------------------------------------------------------------


def test_log_adds_rows_behind_those_that_are_there(command: Command) -> None:
    run = make_run([{"loss": 1.0}, {"loss": 0.5}], project="p", id="r1")
    command("log", "loss=0.25", "text=a b=c", "list=[1, 2.5]", "ok=true", "none=null", "--run", run.path)
    command("log", "loss=3", TRACKD_RUN_ID="r1", TRACKD_PROJECT="p")
    command("log", "loss=4", "--step", "7", TRACKD_RUN_ID="r1")
    assert history(run.path, "_step", "loss") == [
        {"_step": 0, "loss": 1.0}, {"_step": 1, "loss": 0.5}, {"_step": 2, "loss": 0.25}, {"_step": 3, "loss": 3},
        {"_step": 7, "loss": 4},
    ]  # fmt: skip
    assert history(run.path, "text", "list", "ok", "none") == [
        {"text": "a b=c", "list": [1, 2.5], "ok": True, "none": None}
    ]
    assert trackd.Api().run(run.path).state == "finished"  # a helper's end says nothing about the run


def test_log_into_a_run_that_trains_goes_to_its_next_step_and_leaves_it_running(command: Command) -> None:
    run = trackd.init(project="p", settings={"quiet": True})
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    assert run.flush(60)
    command("log", "eval=0.9", "--run", run.path)
    assert trackd.Api().run(run.path).state == "running"
    run.log({"loss": 0.25})
    run.finish()
    assert history(run.path, "_step", "loss", "eval") == [{"_step": 2, "loss": 0.25, "eval": 0.9}]


def test_log_without_a_daemon_is_kept_for_the_next_one(command: Command, store: Path) -> None:
    run = make_run([{"loss": 1.0}], project="p", id="r1")
    command("down")
    command("log", "loss=2", "--step", "5", "--run", run.path, TRACKD_MODE="offline")
    assert not _daemon.is_alive(str(store))
    assert history(run.path, "_step", "loss") == [{"_step": 0, "loss": 1.0}, {"_step": 5, "loss": 2}]


def test_log_in_disabled_mode_does_nothing(command: Command, store: Path) -> None:
    command("log", "loss=2", "--run", "p/r", TRACKD_MODE="disabled")
    assert list((store / "log").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("+3", 3), ("9223372036854775807", 9223372036854775807), ("3.0", 3.0), (".5", 0.5),
        ("1e-3", 1e-3), ("1E5", 1e5), ("inf", float("inf")), ("-Infinity", float("-inf")), ("true", True), ("False", False),
        ("null", None), ("[1, 2]", [1, 2]), ('{"a": 1}', {"a": 1}), ('"3"', "3"), ("[1, 2", "[1, 2"), ("1_000", "1_000"),
        ("0x10", "0x10"), ("", ""), ("a=b", "a=b"), ("٣", "٣"), ("1.2.3", "1.2.3"), ("infinite", "infinite"),
    ],
)  # fmt: skip
def test_values_of_a_shell_are_taken_as_what_they_look_like(text: str, value: Any) -> None:
    parsed = parse_value(text)
    assert (type(parsed), parsed) == (type(value), value)


def test_nan_of_a_shell_is_a_number() -> None:
    assert str(parse_value("nan")) == "nan"
    assert isinstance(parse_value("NaN"), float)


# -- export --------------------------------------------------------------------------------------------------------


def test_export_writes_files_and_standard_output(command: Command, tmp_path: Path) -> None:
    make_run([{"loss": 1.0}, {"loss": 0.5}], project="p", id="r1")
    assert command("export", "r1").stdout == "r1.csv\n"
    text = (tmp_path / "r1.csv").read_text()
    assert [line.split(",")[-1] for line in text.splitlines()] == ["loss", "1.0", "0.5"]
    assert command("export", "r1", "--output", "-").stdout == text
    lines = command("export", "p/r1", "--output", "-", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["loss"] for line in lines] == [1.0, 0.5]
    assert command("export", "p/r1", "--output", "x.parquet").stdout == "x.parquet\n"
    assert (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"
    assert (
        "give --output FILE" in command("export", "r1", "--output", "-", "--format", "parquet", code=1).stderr
    )
    assert "does not end in" in command("export", "r1", "--output", "x.txt", code=1).stderr
    assert "No such file" in command("export", "r1", "--output", "none/x.csv", code=1).stderr


@pytest.mark.usefixtures("store")
def test_reader_that_has_seen_enough_is_no_error() -> None:
    make_run([{"loss": i / 7} for i in range(20_000)], project="p", id="r1")
    done = subprocess.run(
        f"{sys.executable} -m trackd export r1 --output - | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("_step,_timestamp,_runtime,loss\n", "")


# -- doctor --------------------------------------------------------------------------------------------------------


def test_doctor_finds_nothing_wrong_with_a_good_store(command: Command, store: Path) -> None:
    lines = command("doctor").stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    findings = json.loads(command("doctor", "--json").stdout)
    names = {"python", "sqlite", "store", "disk", "space", "daemon", "endpoint", "logs"}
    assert {finding["name"] for finding in findings} == names
    assert _daemon.is_alive(str(store))


def found_bad(command: Command, **environment: str) -> dict[str, str]:
    """Returns what the doctor finds wrong: sentences by check."""
    findings = json.loads(command("doctor", "--json", "--timeout", "30", code=1, **environment).stdout)
    return {finding["name"]: finding["sentence"] for finding in findings if not finding["is_well"]}


def test_doctor_names_damaged_logs_and_files_that_others_can_read(command: Command, store: Path) -> None:
    command("up")
    (store / "log" / "damaged-w-0123.0001.log").write_bytes(b"")
    (store / "endpoint.json").chmod(0o644)
    bad = found_bad(command)
    assert bad.keys() == {"endpoint", "logs"}
    assert "run `chmod 600` on it" in bad["endpoint"]
    assert "1 damaged logs were set aside" in bad["logs"]


def test_doctor_names_a_daemon_of_another_version(command: Command, store: Path) -> None:
    command("up")
    endpoint = store / "endpoint.json"
    endpoint.write_text(endpoint.read_text().replace('"protocol_version": 1', '"protocol_version": 99'))
    assert "end it with `trackd down`" in found_bad(command)["daemon"]


def test_doctor_tells_why_no_daemon_starts(command: Command, store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
    sentence = found_bad(command)["daemon"]
    assert "no daemon answers" in sentence
    assert "has ended by itself" in sentence
    assert "update trackd" in sentence  # the daemon's own last words


def test_doctor_tells_when_the_store_is_not_the_one_asked_for(store: Path) -> None:
    findings = _doctor.examine(str(store), "the store /x cannot be used (it is not writable)", 20)
    bad = [finding.sentence for finding in findings if not finding.is_well]
    assert bad == [
        "the store /x cannot be used (it is not writable): set TRACKD_STORE to a folder of yours on a local disk"
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/me/runs", "nfs4"), ("/home", "ext4"), ("/home/melody", "ext4"), ("/data/with space/x", "cifs")],
)
def test_file_system_of_a_path_is_that_of_the_longest_mount_point(
    tmp_path: Path, path: str, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nserver:/home /home/me nfs4 rw 0 0\n//server/x /data/with\\040space cifs rw 0 0\n"
    )
    assert _doctor.file_system(path, str(mounts)) == kind
    assert _doctor.file_system(path, str(tmp_path / "none")) == ""

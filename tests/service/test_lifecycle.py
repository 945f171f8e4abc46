"""The life of the daemon: found, started once, replaced, ended, and survived by what was logged."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.conftest import WaitUntil, stop_daemons
from tests.service.reading import (
    connection,
    endpoint_of,
    find_state,
    get_daemon,
    get_run,
    list_runs,
    rows,
    state,
)
from tests.service.scripts import RunScript, start_script

import trackd
from trackd import _daemon
from trackd.v1 import run_service_pb2, run_service_pb2_grpc

# log() never waits for anything; what it takes on a busy machine is far below this.
LOG_SECONDS_MAX = 1.0


def daemon_pid(store: Path) -> int:
    endpoint = endpoint_of(store)
    return endpoint.pid


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def log_a_run(store: Path, run_id: str, count: int = 10, **options: Any) -> None:
    with trackd.init(project="p", id=run_id, settings={"store": str(store), "quiet": True}, **options) as run:
        for i in range(count):
            run.log({"n": i})


def has_rows(store: Path, run_id: str, count: int = 10) -> bool:
    return [row["n"] for _, row in rows(run_id, store=str(store))] == list(range(count))


def test_sixteen_processes_that_begin_at_once_share_one_daemon(store: Path, tmp_path: Path) -> None:
    source = """
        import sys, trackd
        sys.stdin.readline()
        with trackd.init(project="race", id="run-" + sys.argv[1]) as run:
            for i in range(20):
                run.log({"n": i})
            assert run.flush(60)
        """
    racers = [start_script(tmp_path, source, str(i), stdin=subprocess.PIPE) for i in range(16)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        _, errors = racer.communicate(timeout=60)
        assert racer.returncode == 0, errors
    daemons = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(store) in (process.info["cmdline"] or []) and "trackd_service" in process.info["cmdline"]
    ]
    assert [process.pid for process in daemons] == [daemon_pid(store)]
    assert len(list_runs("race")) == 16
    for i in range(16):
        assert state(f"run-{i}") == "finished"
        assert has_rows(store, f"run-{i}", 20)


@pytest.mark.parametrize("left", ["endpoint", "nonsense", "lock", "socket", "pid of another"])
def test_what_a_dead_daemon_left_behind_is_in_nobodys_way(left: str, store: Path) -> None:
    log_a_run(store, "before")
    endpoint = (store / "endpoint.json").read_text()
    os.kill(daemon_pid(store), signal.SIGKILL)
    if left == "nonsense":
        (store / "endpoint.json").write_text('{"grpc_address": 5')
    elif left == "lock":
        (store / "endpoint.json").unlink(missing_ok=True)
    elif left == "socket":
        path = json.loads(endpoint)["grpc_address"].removeprefix("unix:")
        Path(path).unlink(missing_ok=True)
        other = socket.socket(socket.AF_UNIX)
        other.bind(path)
        other.close()
    elif left == "pid of another":
        (store / "endpoint.json").write_text(json.dumps({**json.loads(endpoint), "pid": os.getpid()}))
    log_a_run(store, "after")
    assert has_rows(store, "before")
    assert has_rows(store, "after")
    assert state("after") == "finished"


def test_a_daemon_that_nobody_needs_ends_by_itself(
    store: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setenv("TRACKD_IDLE_EXIT_SECONDS", "0.5")
    run = trackd.init(project="p", id="idle", settings={"quiet": True})
    run.log({"n": 0})
    assert run.flush(60)
    pid = daemon_pid(store)
    time_before = time.monotonic()
    wait_until(lambda: time.monotonic() - time_before > 1.2)
    assert not is_gone(pid), "a writer is at work"
    run.finish()
    wait_until(lambda: is_gone(pid), message="the end of the idle daemon")
    assert not (store / "endpoint.json").exists()
    monkeypatch.delenv("TRACKD_IDLE_EXIT_SECONDS")  # the next one is to be there when it is read
    log_a_run(store, "next")
    assert daemon_pid(store) != pid
    assert has_rows(store, "idle", 1)


def test_sigterm_takes_in_what_was_logged_and_the_next_daemon_goes_on(
    store: Path, wait_until: WaitUntil
) -> None:
    run = trackd.init(project="p", id="going", settings={"quiet": True})
    for i in range(1000):
        run.log({"n": i})
    assert run.flush(60)
    for i in range(1000, 2000):
        run.log({"n": i})
    first = daemon_pid(store)
    os.kill(first, signal.SIGTERM)
    wait_until(lambda: is_gone(first), message="the end of the daemon")
    for i in range(2000, 3000):
        run.log({"n": i})
    run.finish()
    wait_until(lambda: find_state("going") == "finished")
    assert daemon_pid(store) != first
    assert has_rows(store, "going", 3000)
    assert get_run("going").ingest_health.message == ""


def test_a_daemon_that_is_killed_while_a_run_is_written_loses_nothing(
    store: Path, wait_until: WaitUntil
) -> None:
    run = trackd.init(project="p", id="killed", settings={"quiet": True})
    for round_ in range(3):
        for i in range(500):
            run.log({"n": round_ * 500 + i})
        assert run.flush(60)
        os.kill(daemon_pid(store), signal.SIGKILL)
    run.finish()
    wait_until(lambda: (store / "endpoint.json").exists() and _daemon.is_alive(str(store)))
    log_a_run(store, "other")
    assert has_rows(store, "killed", 1500)
    assert state("killed") == "finished"


NEWER = """
    import sys, trackd
    from trackd import _shipper
    _shipper.VERSION = "99.0.0"
    with trackd.init(project="p", id=sys.argv[1]) as run:
        run.log({"n": 0})
        assert run.flush(60)
    """


def test_a_newer_client_replaces_an_idle_daemon(
    store: Path, script: RunScript, wait_until: WaitUntil
) -> None:
    log_a_run(store, "old")
    wait_until(lambda: get_daemon().open_writer_count == 0)
    before = daemon_pid(store)
    ended = script(NEWER, "new")
    assert ended.returncode == 0, ended.stderr
    assert daemon_pid(store) != before
    assert is_gone(before)
    assert has_rows(store, "old")
    assert has_rows(store, "new", 1)


def test_a_newer_client_works_with_a_busy_daemon(
    store: Path, script: RunScript, wait_until: WaitUntil
) -> None:
    busy = trackd.init(project="p", id="busy", settings={"quiet": True})
    busy.log({"n": 0})
    assert busy.flush(60)
    wait_until(lambda: get_daemon().open_writer_count == 1)
    before = daemon_pid(store)
    ended = script(NEWER, "new")
    assert ended.returncode == 0, ended.stderr
    assert daemon_pid(store) == before
    busy.log({"n": 1})
    busy.finish()
    assert has_rows(store, "busy", 2)
    assert has_rows(store, "new", 1)


def test_an_idle_daemon_stays_when_asked_to_end_only_if_idle_while_a_run_is_open(store: Path) -> None:
    run = trackd.init(project="p", settings={"quiet": True})
    assert run.flush(60)
    with connection() as (channel, metadata):
        runs = run_service_pb2_grpc.RunServiceStub(channel)
        request = run_service_pb2.StopDaemonRequest(only_if_idle=True)
        assert not runs.StopDaemon(request, metadata=metadata, timeout=60).stopping
    assert not is_gone(daemon_pid(store))


def test_a_store_on_a_path_too_long_for_a_socket(store: Path) -> None:
    deep = store / ("long" * 30) / ("deep" * 30)
    log_a_run(deep, "deep")
    try:
        assert has_rows(deep, "deep")
        endpoint = endpoint_of(deep)
        assert len(endpoint.grpc_address) < 108
    finally:
        stop_daemons(deep)


def test_a_runtime_folder_on_a_path_too_long_for_a_socket(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = store / ("x" * 110)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setenv("TMPDIR", str(deep))
    log_a_run(store, "socket")
    assert has_rows(store, "socket")


@pytest.mark.parametrize("obstacle", ["a file in its place", "a file above it"])
def test_a_store_that_cannot_be_used_is_told_in_one_sentence_and_another_is_used(
    obstacle: str, store: Path, script: RunScript
) -> None:
    wanted = store / "wanted" if obstacle == "a file in its place" else store / "wanted" / "store"
    (store / "wanted").write_text("a file")
    ended = script(
        """
        import trackd
        run = trackd.init(project="p", mode="offline")
        run.log({"a": 1})
        run.finish()
        print(run.id, run._store)
        """,
        env={"TRACKD_STORE": str(wanted), "TRACKD_QUIET": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"trackd: the store {wanted} cannot be used (")
    assert sentence.endswith("is used instead")
    run_id, used = ended.stdout.split()
    assert used in sentence
    (log,) = [path for path in (Path(used) / "log").glob("w-*") if run_id.encode() in path.read_bytes()]
    log.unlink()  # that store is of the user, not of this test


def test_a_home_that_cannot_be_written_is_told_and_another_store_is_used(
    store: Path, script: RunScript
) -> None:
    home = store / "home"
    home.write_text("no folder")
    other = tempfile.mkdtemp(prefix="trackd-tmp-")
    ended = script(
        """
        import os, trackd
        from trackd import _settings
        del os.environ["TRACKD_STORE"]
        print(_settings.store_path())
        """,
        env={"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "TMPDIR": other},
    )
    Path(other).rmdir()
    assert ended.returncode == 0, ended.stderr
    assert "cannot be used (Not a directory)" in ended.stdout
    assert "is used instead" in ended.stdout


def test_a_pipe_behind_the_training_ends_with_it(store: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import trackd\n"
        "with trackd.init(project='p', id='piped') as run:\n"
        "    run.log({'n': 0})\n"
        "    run.flush(60)\n"
        "print('done')\n"
    )
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} train.py 2>&1 | cat"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "done"
    assert not is_gone(daemon_pid(store))
    assert has_rows(store, "piped", 1)


def test_a_daemon_that_cannot_start_never_stops_training(store: Path, script: RunScript) -> None:
    ended = script(
        """
        import sys, time, trackd
        sys.executable = "/nowhere/python"
        longest = 0.0
        run = trackd.init(project="p", id="alone", settings={"finish_timeout_seconds": 0.5})
        for i in range(2000):
            start = time.perf_counter()
            run.log({"n": i})
            longest = max(longest, time.perf_counter() - start)
        run.summary["best"] = 1
        print(dict(run.summary)["best"])
        start = time.perf_counter()
        run.finish()
        print(longest, time.perf_counter() - start)
        """
    )
    assert ended.returncode == 0, ended.stderr
    best, times = ended.stdout.splitlines()
    longest, finish = map(float, times.split())
    assert best == "1"
    assert longest < LOG_SECONDS_MAX
    assert finish < 3
    assert (
        "it is on the disk, and the daemon will take it from there (no daemon can be started" in ended.stderr
    )
    assert not (store / "endpoint.json").exists()
    log_a_run(store, "next")
    assert has_rows(store, "alone", 2000)
    assert state("alone") == "finished"


def test_a_daemon_that_is_stopped_holds_up_nobody(store: Path) -> None:
    run = trackd.init(project="p", id="held", settings={"quiet": True, "finish_timeout_seconds": 1.0})
    run.log({"n": 0})
    assert run.flush(60)
    pid = daemon_pid(store)
    os.kill(pid, signal.SIGSTOP)
    try:
        longest = 0.0
        for i in range(1, 20_000):
            start = time.perf_counter()
            run.log({"n": i})
            longest = max(longest, time.perf_counter() - start)
        assert not run.flush(0.2)
        start = time.perf_counter()
        run.finish()
        finish_seconds = time.perf_counter() - start
    finally:
        os.kill(pid, signal.SIGCONT)
    assert longest < LOG_SECONDS_MAX
    assert finish_seconds < 4
    log_a_run(store, "next")
    assert has_rows(store, "held", 20_000)


def test_two_stores_have_two_daemons(store: Path) -> None:
    one, two = store / "one", store / "two"
    try:
        for folder in (one, two):
            log_a_run(folder, "same-id")
        assert daemon_pid(one) != daemon_pid(two)
        assert has_rows(one, "same-id")
        assert has_rows(two, "same-id")
    finally:
        stop_daemons(one)
        stop_daemons(two)


def test_the_files_of_a_store_are_private(store: Path) -> None:
    log_a_run(store, "private")
    assert store.stat().st_mode & 0o777 == 0o700
    for name in ("endpoint.json", "token", "daemon.lock", "catalog.sqlite", "daemon.log"):
        assert (store / name).stat().st_mode & 0o077 == 0, name
    address = json.loads((store / "endpoint.json").read_text())["grpc_address"].removeprefix("unix:")
    assert Path(address).parent.stat().st_mode & 0o077 == 0

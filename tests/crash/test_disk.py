"""A disk that is full, failing or taken away: training goes on, the user is told, and what was kept is there."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import WaitUntil, stop_daemons
from tests.crash.conftest import MakeReferee, RunProgram
from tests.crash.referee import PROJECT, read_columns
from tests.service import reading

TOLD_SECONDS = 5  # promise G4
# What waits for the disk or for a daemon waits for seconds; how fast a call is, the scripts under bench/ measure.
LOG_SECONDS_MAX = 2.0


def _can_mount() -> bool:
    """Says whether a file system of a test's own can be mounted; else the same is tested by limits on files alone."""
    folder = Path(tempfile.mkdtemp())
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    is_mounted = (
        shutil.which("mount") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )
    if is_mounted:
        subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()
    return is_mounted


# Has a folder take no new files, whoever asks, or take them again: ioctl_iflags(2).
PROTECT = """
import fcntl, os
def protect(path, is_protected):
    folder = os.open(path, os.O_RDONLY)
    flags = int.from_bytes(fcntl.ioctl(folder, 0x80086601, bytes(8)), "little") & ~0x10
    fcntl.ioctl(folder, 0x40086602, (flags | 0x10 * is_protected).to_bytes(8, "little"))
    os.close(folder)
"""


def _can_protect() -> bool:
    """Says whether that can be done: by root, on most file systems."""
    with tempfile.TemporaryDirectory() as folder:
        code = f"{PROTECT}\nfor is_protected in (True, False): protect({folder!r}, is_protected)"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


FAULTS = ["file size limit", *(["full file system"] if _can_mount() else [])]

# A training script over a disk that has no room for a while; `fill` and `free` are the fault.
TRAINING = """
import json, os, resource, sys, time
store, fault, rows, waiting_max = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
import trackd
from trackd import _spool

class Told:
    def __init__(self):
        self.lines = []
    def write(self, text):
        self.lines.append((time.monotonic(), text))
    def flush(self):
        pass

told = sys.stderr = Told()
_spool.WAITING_BYTES_MAX = waiting_max or _spool.WAITING_BYTES_MAX
# Rows alone are counted here: nothing else is to wait for the disk.
settings = {"store": store, "finish_timeout_seconds": 3, "console": "off", "system_interval_seconds": 0}
run = trackd.init(project="crash", id="disk", settings=settings)
run._capture.flush()
assert run.flush(60), "no daemon"
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
filler = os.path.join(store, "filler")

def fill():
    if fault == "read-only folder":
        protect(os.path.join(store, "log"), True)
        return
    if fault == "file size limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))
        return
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def free():
    if fault == "read-only folder":
        protect(os.path.join(store, "log"), False)
    elif fault == "file size limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    else:
        os.unlink(filler)

def train(first, count):
    longest = 0.0
    for index in range(first, first + count):
        started = time.perf_counter()
        run.log({"index": index, "value": index * 0.5})
        if index % 100 == 0:
            run.log({"note": "x" * 200})
        longest = max(longest, time.perf_counter() - started)
    return longest

def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()

train(0, 100)
fill()
started = time.monotonic()
longest = train(100, rows)
waiting = run._spool.waiting_count
assert wait_for(lambda: any("takes no more" in text for _, text in told.lines), 10), told.lines
told_seconds = next(when for when, text in told.lines if "takes no more" in text) - started
heals = sys.argv[5] == "heals"
if heals:
    free()
    assert wait_for(lambda: run._spool.waiting_count == 0, 60), run._spool.problem
    assert wait_for(lambda: any("takes records again" in text for _, text in told.lines), 10), told.lines
    longest = max(longest, train(100 + rows, 100))
refused = run._spool.refused_count
before = time.monotonic()
run.finish()
finish_seconds = time.monotonic() - before
if not heals:
    free()
json.dump({"longest": longest, "waiting": waiting, "told_seconds": told_seconds, "refused": refused,
    "finish_seconds": finish_seconds, "told": "".join(text for _, text in told.lines)}, sys.stdout)
"""


@pytest.fixture(params=FAULTS)
def small_store(request: pytest.FixtureRequest, store: Path) -> Iterator[tuple[Path, str]]:
    """Gives a store that can be filled, and by what."""
    if request.param == "file size limit":
        yield store, request.param
        return
    with _mounted(store, "4m"):
        yield store, request.param
        # The file system cannot be given back while a daemon works there.
        stop_daemons(store)


@contextlib.contextmanager
def _mounted(folder: Path, size: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _train(
    run_program: RunProgram, store: Path, fault: str, rows: int, waiting_max: int, ending: str
) -> dict[str, Any]:
    ended = run_program(PROTECT + TRAINING, str(store), fault, str(rows), str(waiting_max), ending)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    assert result["longest"] < LOG_SECONDS_MAX, result
    assert result["told_seconds"] < TOLD_SECONDS, result
    assert "Traceback" not in result["told"], result
    return result


def test_full_disk_keeps_rows_in_memory_and_they_are_there_when_it_has_room_again(
    small_store: tuple[Path, str], run_program: RunProgram, wait_until: WaitUntil
) -> None:
    store, fault = small_store
    result = _train(run_program, store, fault, 40_000, 0, "heals")
    assert result["waiting"] > 0, "the disk was not full: nothing waited"
    assert result["refused"] == 0
    assert "nothing was lost" in result["told"]
    assert "could not be kept" not in result["told"]
    wait_until(
        lambda: _indices(store).tolist() == list(range(40_200)), message="every row, those that waited too"
    )
    wait_until(lambda: reading.state("disk", PROJECT, str(store)) == "finished")


@pytest.mark.skipif(
    not _can_protect(), reason="no folder can be protected here: not root, or not on this file system"
)
def test_folder_that_becomes_read_only_keeps_rows_in_memory_until_it_is_not(
    store: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    result = _train(run_program, store, "read-only folder", 40_000, 0, "heals")
    assert result["waiting"] > 0, "the folder took another part"
    assert result["refused"] == 0
    assert "Operation not permitted" in result["told"]
    assert "nothing was lost" in result["told"]
    wait_until(
        lambda: _indices(store).tolist() == list(range(40_200)), message="every row, those that waited too"
    )
    wait_until(lambda: reading.state("disk", PROJECT, str(store)) == "finished")


def test_rows_that_a_full_disk_cannot_keep_are_counted_and_told(
    small_store: tuple[Path, str], run_program: RunProgram, wait_until: WaitUntil
) -> None:
    store, fault = small_store
    result = _train(run_program, store, fault, 40_000, 100_000, "heals")
    assert result["refused"] > 0
    assert f"{result['refused']} records could not be kept" in result["told"]
    wait_until(lambda: reading.state("disk", PROJECT, str(store)) == "finished")
    health = reading.get_run("disk", PROJECT, str(store)).ingest_health
    assert health.accepted_row_count == 40_200 + 402 - result["refused"]
    indices = _indices(store)
    assert np.all(np.diff(indices) > 0), "rows are there in their order, each once"
    assert indices[-1] == 40_199, "what was logged after the disk had room again is there"


def test_finish_on_a_full_disk_says_what_is_lost_and_does_not_claim_success(
    small_store: tuple[Path, str], run_program: RunProgram, wait_until: WaitUntil
) -> None:
    store, fault = small_store
    result = _train(run_program, store, fault, 40_000, 0, "stays full")
    assert result["finish_seconds"] < 5, result
    last_line = result["told"].strip().splitlines()[-1]
    # What waited, and the record of the finish itself.
    assert f"{result['waiting'] + 1} records could not be kept" in last_line, last_line
    assert "No space left" in last_line or "too large" in last_line, last_line
    # What was kept is there, and the run is not said to have finished.
    wait_until(lambda: reading.state("disk", PROJECT, str(store)) == "crashed", message="the state crashed")
    indices = _indices(store)
    assert np.array_equal(indices, np.arange(len(indices)))
    assert len(indices) >= 100


def _indices(store: Path) -> Any:
    return read_columns(store, PROJECT, "disk", "index").ints


# The daemon's side: no room for segments while a flag is there.
_NO_ROOM = """
import errno, pathlib, sys
import trackd_service.config as config
config.SEAL_POINTS = 4_000
from trackd_service.objects import DirectoryStore
flag, put_file = pathlib.Path(sys.argv[2], "no-room"), DirectoryStore.put_file
def put_while_there_is_room(self, name, path):
    if flag.exists():
        raise OSError(errno.ENOSPC, "No space left on device")
    put_file(self, name, path)
DirectoryStore.put_file = put_while_there_is_room
from trackd_service.__main__ import main
sys.exit(main(["--store", sys.argv[2]]))
"""


def test_sealing_on_a_full_disk_keeps_the_log_and_is_done_when_there_is_room(
    make_referee: MakeReferee,
) -> None:
    with make_referee(4) as referee:
        flag = referee.store / "no-room"
        flag.touch()
        referee.start_daemon(_NO_ROOM)
        writer = referee.start_writer()
        referee.wait_until(lambda: writer.returned_count > 5_000, "rows")
        daemon_log = referee.store / "daemon.log"
        referee.wait_until(lambda: "No space left" in daemon_log.read_text(), "a seal that fails")
        writer.stop()
        assert writer.process.wait(60) == 0
        count = referee.check("finished")
        assert _sealed_point_count(referee.store) == 0
        assert list((referee.store / "log").glob("w-*.log")), "the log is all there is: it must stay"
        assert not list((referee.store / "scratch").iterdir()), "a seal that failed leaves nothing"
        flag.unlink()
        referee.wait_until(lambda: _sealed_point_count(referee.store) >= 2 * count, "the seal")
        referee.wait_until(lambda: not list((referee.store / "log").glob("w-*.log")), "the log's end")
        assert referee.check("finished") == count


def _sealed_point_count(store: Path) -> int:
    catalog = sqlite3.connect(f"file:{store}/catalog.sqlite?mode=ro", uri=True)
    try:
        return int(catalog.execute("SELECT coalesce(sum(point_count), 0) FROM segments").fetchone()[0])
    finally:
        catalog.close()


def test_store_deleted_under_a_live_run_is_told_and_the_run_goes_on(make_referee: MakeReferee) -> None:
    code = """
import sys, time
import trackd
run = trackd.init(project="crash", id="deleted", settings={"store": sys.argv[1]})
assert run.flush(60)
for line in sys.stdin:
    for index in range(int(line)):
        run.log({"index": run.step})
    print(run.step, flush=True)
started = time.monotonic()
run.finish()
assert time.monotonic() - started < 7
"""
    with make_referee(5) as referee:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(referee.store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None

        def log(count: int) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        assert log(1_000) == 1_000
        former = referee.daemon_pids()
        shutil.rmtree(referee.store, ignore_errors=True)
        assert log(1_000) == 2_000
        lines = iter(process.stderr.readline, "")
        told = next((line for line in lines if "was deleted" in line), "")
        assert "were written again" in told
        assert log(1_000) == 3_000
        # The daemon of the deleted store ends by itself, and a new one takes the store's place.
        referee.wait_until(lambda: not set(former) & set(referee.daemon_pids()), "the former daemon's end")
        referee.wait_for_daemon()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "Traceback" not in said, said

        def is_whole() -> bool:
            with contextlib.suppress(Exception):  # no run yet
                found = read_columns(referee.store, PROJECT, "deleted", "index")
                return bool(np.array_equal(found.ints, np.arange(3_000)))
            return False

        referee.wait_until(is_whole, "all rows of the part that was written again")
        referee.wait_until(
            lambda: reading.state("deleted", PROJECT, str(referee.store)) == "finished", "the end"
        )


def test_store_that_cannot_be_written_is_told_and_training_goes_on(
    run_program: RunProgram, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    # Every other place that a store may be put in is a file as well.
    code = f"""
import os, sys
from trackd import _settings
real = os.makedirs
def makedirs(path, *arguments, **options):
    if not str(path).startswith({str(tmp_path)!r}):
        raise PermissionError(13, "Permission denied")
    return real(path, *arguments, **options)
os.makedirs = makedirs
import trackd
run = trackd.init(project="crash", settings={{"store": {str(blocked)!r}, "finish_timeout_seconds": 1}}, mode="offline")
for index in range(10_000):
    run.log({{"index": index}})
run.finish()
"""
    ended = run_program(code, timeout_seconds=60)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be used" in ended.stderr
    assert "nothing can be kept" in ended.stderr
    assert "could not be kept" in ended.stderr.strip().splitlines()[-1]


def test_failed_sync_of_a_log_is_never_said_to_be_durable(make_referee: MakeReferee) -> None:
    """After a failed fsync the kernel forgets what it could not write: only a segment makes those rows durable."""
    code = """
import os, stat, sys
real = os.fsync
failed = []
def fsync(descriptor):
    status = os.fstat(descriptor)
    path = os.readlink("/proc/self/fd/%d" % descriptor)
    if stat.S_ISREG(status.st_mode) and "/log/w-" in path and not failed:
        failed.append(path)
        raise OSError(5, "Input/output error")
    return real(descriptor)
os.fsync = fsync
from trackd_service.__main__ import main
sys.exit(main(["--store", sys.argv[2]]))
"""
    with make_referee(6) as referee:
        referee.start_daemon(code)
        referee.wait_for_daemon()  # or the writer may start one of its own first
        writer = referee.start_writer()
        referee.wait_until(lambda: writer.returned_count > 500, "rows")
        log = referee.store / "daemon.log"
        referee.wait_until(
            lambda: log.exists() and "Input/output error" in log.read_text(), "the failed sync"
        )
        # The seal that the failure asked for makes durable what the log cannot.
        referee.wait_until(lambda: _sealed_point_count(referee.store) > 0, "the seal")
        writer.stop()
        assert writer.process.wait(60) == 0
        referee.check("finished")
        health = reading.get_run(writer.run_id, PROJECT, str(referee.store)).ingest_health
        assert "the disk failed" in health.message


def test_descriptors_running_out_in_the_daemon_loses_nothing(make_referee: MakeReferee) -> None:
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
from trackd_service.__main__ import main
sys.exit(main(["--store", sys.argv[2]]))
"""
    with make_referee(7) as referee:
        referee.start_daemon(code)
        referee.wait_for_daemon()
        for _ in range(24):
            referee.start_writer(mode="offline")
        for writer in referee.writers:
            referee.wait_until(lambda: writer.returned_count > 100, "rows")  # noqa: B023
        for writer in referee.writers:
            writer.stop()
        for writer in referee.writers:
            assert writer.process.wait(60) == 0
        for pid in referee.daemon_pids():
            os.kill(pid, signal.SIGKILL)
        referee.kill_daemons()
        referee.start_daemon()
        referee.check("finished")

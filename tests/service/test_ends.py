"""How runs end, told by what the system knows of their processes: signals, exit codes, memory, preemption, silence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil, stop_daemons
from tests.service.reading import find_state, rows
from tests.service.scripts import start_script

import trackd
from trackd import _surroundings

MEMORY_BYTES = 300 << 20
_V1_ROOT, _V2_ROOT = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")

TRAIN = """
import os, sys, time, trackd
run = trackd.init(id=sys.argv[1])
for i in range(100):
    run.log({"n": i})
assert run.flush(60)
print("ready", flush=True)
"""


@pytest.fixture
def group(wait_until: WaitUntil) -> Iterator[Path]:
    """A control group that may hold MEMORY_BYTES, without swap."""
    is_v2 = (_V2_ROOT / "cgroup.controllers").exists()
    folder = (_V2_ROOT if is_v2 else _V1_ROOT) / f"trackd-test-{uuid.uuid4().hex}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        (folder / ("memory.max" if is_v2 else "memory.limit_in_bytes")).write_text(str(MEMORY_BYTES))
        for name in ("memory.swap.max", "memory.swappiness"):
            if (folder / name).exists():
                (folder / name).write_text("0")
        yield folder
    finally:
        wait_until(
            lambda: (folder / "cgroup.procs").read_text() == "", message="the end of the group's processes"
        )
        folder.rmdir()


def read(run_id: str) -> Any:
    """Returns a run of the test's project."""
    return trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/{run_id}")


def start_training(tmp_path: Path, run_id: str, rest: str, **variables: str) -> subprocess.Popen[str]:
    """Starts a training that logs a hundred rows, says so, and then does the rest."""
    process = start_script(tmp_path, TRAIN + rest, run_id, env=variables)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def wait_for_end(run_id: str, wait_until: WaitUntil) -> None:
    wait_until(
        lambda: find_state(run_id, os.environ["TRACKD_PROJECT"]) not in ("", "running"),
        message="the end of the run",
    )
    assert [row["n"] for _, row in rows(run_id, os.environ["TRACKD_PROJECT"])] == list(range(100))


@pytest.mark.usefixtures("project")
def test_a_training_in_a_group_that_runs_out_of_memory_says_so(group: Path, wait_until: WaitUntil) -> None:
    len(trackd.Api().runs())  # starts the daemon, outside of the group
    code = TRAIN + f"data = bytearray(b'x') * {4 * MEMORY_BYTES}"
    command = f'echo $$ > {group}/cgroup.procs; exec "{sys.executable}" -c "$CODE" eats'
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        env={**os.environ, "CODE": code},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    wait_for_end("eats", wait_until)
    run = read("eats")
    assert (run.state, run.signal) == ("killed", signal.SIGKILL)
    assert run.end_reason == "the process was killed because memory ran out"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_a_training_that_a_signal_ends_names_it(
    tmp_path: Path, wait_until: WaitUntil, number: signal.Signals
) -> None:
    process = start_training(tmp_path, "killed", "time.sleep(60)")
    process.send_signal(number)
    process.communicate(timeout=60)
    wait_for_end("killed", wait_until)
    run = read("killed")
    assert (run.state, run.signal, run.exit_code) == ("killed", number, None)
    assert run.end_reason == f"the process was killed by signal {int(number)} ({number.name})"


@pytest.mark.usefixtures("project")
def test_a_training_whose_parent_has_not_asked_for_its_end_yet_is_over_all_the_same(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    process = start_training(tmp_path, "zombie", "os._exit(7)")
    wait_for_end("zombie", wait_until)  # it is a zombie until `process` is waited for
    run = read("zombie")
    assert (run.state, run.exit_code) == ("failed", 7)
    assert run.end_reason == "the process left with exit code 7 without finishing the run"
    process.communicate(timeout=60)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("rest", "variables"),
    [
        ("run.mark_preempting(); assert run.flush(60); print('ready', flush=True); time.sleep(60)", {}),
        ("print('ready', flush=True); time.sleep(60)", {"SLURM_JOB_ID": "17"}),
    ],
)
def test_a_training_that_the_scheduler_takes_away_is_preempted(
    tmp_path: Path, wait_until: WaitUntil, rest: str, variables: dict[str, str]
) -> None:
    process = start_training(tmp_path, "taken", rest, **variables)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if variables:
        wait_until(lambda: read("taken").environment.get("environment.SLURM_JOB_ID") == "17")
    process.terminate()
    process.communicate(timeout=60)
    wait_for_end("taken", wait_until)
    run = read("taken")
    assert (run.state, run.signal) == ("preempted", signal.SIGTERM)
    assert "scheduler" in run.end_reason


@pytest.mark.usefixtures("project")
def test_a_training_that_the_machine_took_with_it_says_so(tmp_path: Path, wait_until: WaitUntil) -> None:
    code = """
        import os, sys, trackd
        from trackd import _surroundings
        _surroundings.boot_id = lambda: "an earlier boot"
        run = trackd.init(id="lost", mode="offline")
        for i in range(100):
            run.log({"n": i})
        os.kill(os.getpid(), 9)
    """
    assert _surroundings.boot_id()
    stop_daemons(Path(os.environ["TRACKD_STORE"]))  # one that lives sees what ends the process
    start_script(tmp_path, code).communicate(timeout=60)
    len(trackd.Api().runs(os.environ["TRACKD_PROJECT"]))  # a daemon takes the log in
    wait_for_end("lost", wait_until)
    run = read("lost")
    assert (run.state, run.end_reason) == ("crashed", "the machine went down while the run was at work")


@pytest.mark.usefixtures("project")
def test_a_run_that_is_silent_for_long_is_stalled_until_it_speaks(wait_until: WaitUntil) -> None:
    run = trackd.init(id="silent", settings={"stalled_after_seconds": 0.3, "system_interval_seconds": 0.1})
    run.log({"n": 0})
    assert run.flush(60)
    wait_until(lambda: read("silent").stalled, message="the run to be stalled")
    assert read("silent").state == "running"
    run.log({"n": 1})
    wait_until(lambda: not read("silent").stalled, message="the run to be heard")
    run.finish()
    assert not read("silent").stalled


@pytest.mark.usefixtures("project")
def test_a_run_that_may_be_silent_is_never_stalled(wait_until: WaitUntil) -> None:
    quiet = trackd.init(
        id="quiet", settings={"stalled_after_seconds": 0, "system_interval_seconds": 0.1}, reinit="create_new"
    )
    other = trackd.init(
        id="other",
        settings={"stalled_after_seconds": 0.2, "system_interval_seconds": 0.1},
        reinit="create_new",
    )
    assert quiet.flush(60)
    assert other.flush(60)
    wait_until(lambda: read("other").stalled)
    assert not read("quiet").stalled
    quiet.finish()
    other.finish()


# -- clients of other languages, which write by calls -----------------------------------------------------------------------

CALLER = """
import os, signal, socket, sys, time
import grpc
from trackd import _daemon, _surroundings
from trackd.v1 import (
    ingest_service_pb2, ingest_service_pb2_grpc, records_pb2, run_service_pb2, run_service_pb2_grpc, values_pb2
)
store, project, holds, end = sys.argv[1:]
writer_id = os.urandom(16).hex()
endpoint = _daemon.read_endpoint(store)
channel = grpc.insecure_channel(endpoint.grpc_address)
metadata = (("authorization", f"Bearer {endpoint.token}"),)
if holds == "holds":
    lock = open(f"{store}/daemon.lock")
run = records_pb2.RunIdentity(project=project, run_id="r")
begin = records_pb2.WriterBegin(
    run=run, writer_id=writer_id, process=records_pb2.Process(pid=os.getpid(), host=socket.gethostname(), program="caller")
)
begin.settings.system_interval_seconds = 0.1
run_service_pb2_grpc.RunServiceStub(channel).CreateRun(
    run_service_pb2.CreateRunRequest(begin=begin), metadata=metadata, timeout=60
)
row = records_pb2.Row(values=[values_pb2.Entry(key="n", value=values_pb2.Value(int_value=1))])
batch = ingest_service_pb2.RecordBatch(first_sequence=1, records=[records_pb2.Record(row=row)])
ingest_service_pb2_grpc.IngestServiceStub(channel).Append(
    ingest_service_pb2.AppendRequest(run=run, writer_id=writer_id, batch=batch), metadata=metadata, timeout=60
)
print("ready", flush=True)
if end == "wait":
    sys.stdin.readline()
elif end.startswith("-"):
    os.kill(os.getpid(), -int(end))
os._exit(int(end))
"""


def call(module_store: Path, folder: Path, project: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a client that writes by calls; returns it once its row is acknowledged."""
    trackd.init(project=f"{project}-daemon", settings={"quiet": True}).finish()
    process = start_script(folder, CALLER, str(module_store), project, *arguments, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("end", "states", "exit_code"),
    [("3", {"failed"}, 3), ("0", {"crashed"}, None), (f"-{signal.SIGKILL}", {"killed", "crashed"}, None)],
)
def test_end_of_a_process_that_writes_by_calls_is_noticed(
    module_store: Path,
    tmp_path: Path,
    project: str,
    wait_until: WaitUntil,
    end: str,
    states: set[str],
    exit_code: int,
) -> None:
    process = call(module_store, tmp_path, project, "holds", end)
    wait_until(lambda: trackd.Api().run(f"{project}/r").state != "running")
    process.communicate(timeout=60)  # reaped only now: until here the system knows how it ended
    run = trackd.Api().run(f"{project}/r")
    assert run.state in states
    assert run.exit_code == exit_code
    assert run.end_reason
    assert run.summary["n"] == 1


def test_a_process_that_writes_by_calls_is_measured_while_it_lives(
    module_store: Path, tmp_path: Path, project: str, wait_until: WaitUntil
) -> None:
    process = call(module_store, tmp_path, project, "holds", "wait")
    wait_until(lambda: any("process" in name for name in trackd.Api().run(f"{project}/r").system_metrics))
    assert trackd.Api().run(f"{project}/r").state == "running"
    process.communicate("\n", timeout=60)


def test_a_caller_that_holds_nothing_may_be_anywhere_and_is_waited_for(
    module_store: Path, tmp_path: Path, project: str, wait_until: WaitUntil
) -> None:
    gone = call(module_store, tmp_path, project, "free", "3")
    gone.communicate(timeout=60)
    seen = call(module_store, tmp_path, f"{project}-2", "holds", "3")
    wait_until(lambda: trackd.Api().run(f"{project}-2/r").state == "failed")
    seen.communicate(timeout=60)
    assert trackd.Api().run(f"{project}/r").state == "running"

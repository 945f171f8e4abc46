"""A process that logs may be forked in every way there is: nothing hangs, and every row is there once."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import WaitUntil
from tests.crash.conftest import RunProgram
from tests.crash.referee import read_columns
from tests.service import reading

from trackd import _daemon

PROJECT = "fork"
PREAMBLE = """
import json, multiprocessing, os, signal, sys, threading, time
import trackd
ROWS = 200
CHILDREN = int(sys.argv[1])
PARENT = os.getpid()

logged = {}

def log_rows(name, count=ROWS):
    for _ in range(count):
        trackd.log({name: logged.setdefault(name, 0)})
        logged[name] += 1

def start_run():
    run = trackd.init(project="fork", id="run")
    assert run.flush(60), "no daemon"
    return run

def finish(expected):
    # What must be there: rows by metric. Printed by the parent alone.
    assert os.getpid() == PARENT
    started = time.monotonic()
    trackd.finish()
    print(json.dumps({"expected": expected, "finish_seconds": time.monotonic() - started}))

def wait(pids):
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0, (pid, status)
"""

# Each way of making children, as a program; `busy` logs and talks to the daemon all the while.
WAYS = {
    "os.fork, children leave by os._exit": """
run = start_run()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child)
        os._exit(0)
    pids.append(pid)
    log_rows("parent", 10)
wait(pids)
finish({"parent": CHILDREN * 10, **{"child/%d" % child: ROWS for child in range(CHILDREN)}})
""",
    "os.fork, children leave by the end of the program": """
run = start_run()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child)
        sys.exit(0)
    pids.append(pid)
wait(pids)
log_rows("parent")
finish({"parent": ROWS, **{"child/%d" % child: ROWS for child in range(CHILDREN)}})
""",
    "os.fork, children do nothing": """
run = start_run()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        if child % 2:
            os._exit(0)
        sys.exit(0)
    pids.append(pid)
    log_rows("parent", 10)
wait(pids)
finish({"parent": CHILDREN * 10})
""",
    "os.fork, children begin runs of their own": """
run = start_run()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        own = trackd.init(project="fork", id="own-%d" % child, reinit="create_new")
        for index in range(ROWS):
            own.log({"own": index})
        started = time.monotonic()
        own.finish()
        assert time.monotonic() - started < 3, "finish() waited for a daemon that it cannot hear"
        os._exit(0)
    pids.append(pid)
wait(pids)
log_rows("parent")
finish({"parent": ROWS})
""",
    "os.fork out of a fork": """
run = start_run()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child, 50)
        grandchild = os.fork()
        if grandchild == 0:
            log_rows("grandchild/%d" % child)
            os._exit(0)
        log_rows("child/%d" % child, 50)
        wait([grandchild])
        os._exit(0)
    pids.append(pid)
wait(pids)
names = {"grandchild/%d" % child: ROWS for child in range(CHILDREN)}
finish({**names, **{"child/%d" % child: 100 for child in range(CHILDREN)}})
""",
    "os.fork while other threads log and flush": """
run = start_run()
stop, counts = threading.Event(), [0, 0, 0]
def busy(number):
    while not stop.is_set():
        trackd.log({"thread/%d" % number: counts[number]})
        counts[number] += 1
        if number == 2 and counts[number] % 20 == 0:
            run.flush(5)  # the gRPC thread is in a call most of the time
threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
pids = []
for child in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child)
        os._exit(0)
    pids.append(pid)
wait(pids)
stop.set()
for thread in threads:
    thread.join()
names = {"thread/%d" % number: count for number, count in enumerate(counts)}
finish({**names, **{"child/%d" % child: ROWS for child in range(CHILDREN)}})
""",
    "os.fork from a thread": """
run = start_run()
def fork_from_here(child):
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child)
        os._exit(0)
    wait([pid])
threads = [threading.Thread(target=fork_from_here, args=(child,)) for child in range(CHILDREN)]
for thread in threads:
    thread.start()
log_rows("parent")
for thread in threads:
    thread.join()
finish({"parent": ROWS, **{"child/%d" % child: ROWS for child in range(CHILDREN)}})
""",
    "a worker pool, as data loaders have it": """
# Long-lived workers, forked while the parent logs and its gRPC thread is busy; each epoch has new ones.
run = start_run()
context = multiprocessing.get_context("fork")
def work(worker, tasks, results):
    for task in iter(tasks.get, None):
        trackd.log({"worker/%d" % worker: task})
        results.put(task)
step = 0
for epoch in range(2):
    results = context.Queue()
    queues = [context.Queue() for _ in range(CHILDREN // 2)]
    workers = [
        context.Process(target=work, args=(epoch * len(queues) + worker, queue, results), daemon=True)
        for worker, queue in enumerate(queues)
    ]
    for worker in workers:
        worker.start()
        trackd.log({"parent": step})
        step += 1
    for queue in queues:
        for task in range(ROWS):
            queue.put(task)
    for index in range(ROWS * len(queues)):
        results.get(timeout=60)
        trackd.log({"parent": step})
        step += 1
        if index % 50 == 0:
            run.flush(5)
    for queue in queues:
        queue.put(None)
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0, worker.exitcode
count = 2 * (CHILDREN // 2)
finish({"parent": step, **{"worker/%d" % worker: ROWS for worker in range(count)}})
""",
    "multiprocessing.Pool": """
run = start_run()
def task(child):
    log_rows("task/%d" % child)
    return child
with multiprocessing.get_context("fork").Pool(4) as pool:
    for child in pool.imap(task, range(CHILDREN)):
        trackd.log({"parent": child})
    pool.close()
    pool.join()
finish({"parent": CHILDREN, **{"task/%d" % child: ROWS for child in range(CHILDREN)}})
""",
    "ProcessPoolExecutor": """
from concurrent.futures import ProcessPoolExecutor
run = start_run()
def task(child):
    log_rows("task/%d" % child)
    return child
with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("fork")) as pool:
    for child in pool.map(task, range(CHILDREN)):
        trackd.log({"parent": child})
finish({"parent": CHILDREN, **{"task/%d" % child: ROWS for child in range(CHILDREN)}})
""",
}

# Start methods that import the program again need it as a file.
FRESH_INTERPRETERS = """
def child_main(run, child):
    for index in range(ROWS):
        run.log({"child/%d" % child: index})

if __name__ == "__main__":
    run = start_run()
    context = multiprocessing.get_context(sys.argv[2])
    children = [context.Process(target=child_main, args=(run, child)) for child in range(CHILDREN)]
    for child in children:
        child.start()
        log_rows("parent", 10)
    for child in children:
        child.join(60)
        assert child.exitcode == 0, child.exitcode
    finish({"parent": CHILDREN * 10, **{"child/%d" % child: ROWS for child in range(CHILDREN)}})
"""
CHILDREN = 10
# Far more than any of these takes: a hang, and not a busy machine, runs into it.
ALARM_SECONDS = 60


@pytest.mark.parametrize("way", WAYS)
def test_forked_children_log_without_hanging_and_nothing_is_lost(
    way: str, store: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    ended = run_program(
        f"{PREAMBLE}\n{WAYS[way]}", str(CHILDREN), timeout_seconds=ALARM_SECONDS, TRACKD_STORE=str(store)
    )
    assert ended.returncode == 0, ended.stderr
    _check(store, ended.stdout, ended.stderr, wait_until)
    if "own" in way:
        for child in range(CHILDREN):
            wait_until(lambda: _is_whole(store, f"own-{child}", "own", 200), message=f"own-{child}")  # noqa: B023
            wait_until(lambda: reading.state(f"own-{child}", PROJECT, str(store)) == "finished")  # noqa: B023


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_children_of_fresh_interpreters_log_into_the_run_they_are_given(
    method: str, store: Path, tmp_path: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PREAMBLE + FRESH_INTERPRETERS)
    launcher = f"import os, sys; os.execv(sys.executable, [sys.executable, {str(program)!r}, *sys.argv[1:]])"
    ended = run_program(launcher, "4", method, timeout_seconds=ALARM_SECONDS, TRACKD_STORE=str(store))
    assert ended.returncode == 0, ended.stderr
    _check(store, ended.stdout, ended.stderr, wait_until)


def test_fork_while_the_daemon_is_stopped_takes_no_longer_than_a_call(
    store: Path, run_program: RunProgram, wait_until: WaitUntil
) -> None:
    program = f"""{PREAMBLE}
run = start_run()
from trackd import _daemon
daemon = _daemon.read_endpoint(run._store).pid
os.kill(daemon, signal.SIGSTOP)
thread = threading.Thread(target=run.flush, args=(5,))
thread.start()
longest, pids = 0.0, []
for child in range(CHILDREN):
    log_rows("parent", 10)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        log_rows("child/%d" % child)
        os._exit(0)
    longest = max(longest, time.monotonic() - started)
    pids.append(pid)
wait(pids)
os.kill(daemon, signal.SIGCONT)
thread.join()
print(longest, file=sys.stderr)
assert longest < 4, longest
finish({{"parent": CHILDREN * 10, **{{"child/%d" % child: ROWS for child in range(CHILDREN)}}}})
"""
    ended = run_program(program, "4", timeout_seconds=ALARM_SECONDS, TRACKD_STORE=str(store))
    endpoint = _daemon.read_endpoint(str(store))
    if endpoint is not None:
        os.kill(endpoint.pid, signal.SIGCONT)
    assert ended.returncode == 0, ended.stderr
    _check(store, ended.stdout, ended.stderr, wait_until)


def _check(store: Path, output: str, told: str, wait_until: WaitUntil) -> None:
    result = json.loads(output)
    assert "Traceback" not in told, told
    assert result["finish_seconds"] < 5, result
    for name, count in result["expected"].items():
        wait_until(lambda: _is_whole(store, "run", name, count), message=f"{count} rows of {name}")  # noqa: B023
    wait_until(lambda: reading.state("run", PROJECT, str(store)) == "finished", message="the state finished")
    health = reading.get_run("run", PROJECT, str(store)).ingest_health
    assert health.damaged_record_count == 0
    assert health.accepted_row_count == sum(result["expected"].values())


def _is_whole(store: Path, run_id: str, name: str, count: int) -> bool:
    """Says whether a metric has the values 0, 1, 2, … each once, in the order of its steps."""
    if not reading.find_state(run_id, PROJECT, str(store)):
        return False  # the daemon has not met the log of the child yet
    return np.array_equal(read_columns(store, PROJECT, run_id, name).ints, np.arange(count))


def test_no_hook_of_the_library_that_takes_a_lock_comes_after_ours(run_program: RunProgram) -> None:
    """Hooks before a fork run in the reverse order: one that came later would hold a lock while ours waits for a thread."""
    code = """
import os
befores = []
register = os.register_at_fork
def note(**hooks):
    befores.append(hooks.get("before"))
    register(**hooks)
os.register_at_fork = note
import trackd
trackd.init  # the package imports what registers them when it is used
count = len([hook for hook in befores if hook])
assert count >= 3, befores  # logging's, concurrent.futures' and ours
import asyncio, concurrent.futures.thread, grpc, logging
assert len([hook for hook in befores if hook]) == count, befores
"""
    answer = run_program(code)
    assert answer.returncode == 0, answer.stderr

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from trackd_service.levels import SegmentDamaged
from trackd_service.segments import read_segment_series, write_segment
from trackd_service.series import Series
from trackd_service.worker import Worker, WorkerClosed, WorkerCrashed

WAIT_SECONDS = 60.0


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    one = Worker()
    yield one
    await one.close()


async def until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process.
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), WAIT_SECONDS)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie whose parent is gone or has not waited yet is no running process.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_functions_run_in_another_process(worker: Worker) -> None:
    assert worker.pid is None
    pid = await worker.run(os.getpid)
    assert pid == worker.pid
    assert pid != os.getpid()
    assert await worker.run(os.getpid) == pid


async def test_arrays_go_there_and_back(worker: Worker, tmp_path: Path) -> None:
    steps = np.arange(200_000, dtype=np.int64)
    series = Series("m", "number", steps, steps, steps / 7)
    info = await worker.run(write_segment, [series], tmp_path, "s")
    found = await worker.run(read_segment_series, info.parquet_path, "m", "number", 0, len(series))
    assert found.doubles is not None
    assert series.doubles is not None
    assert found.doubles.tobytes() == series.doubles.tobytes()


async def test_calls_at_one_time_each_get_their_own_answer(worker: Worker) -> None:
    answers = await asyncio.gather(*(worker.run(divmod, number, 7) for number in range(50)))
    assert answers == [divmod(number, 7) for number in range(50)]


async def test_what_the_function_raises_is_raised_here(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"nonsense")
    with pytest.raises(SegmentDamaged, match="bad"):
        await worker.run(read_segment_series, path, "m", "number", 0, 1)
    with pytest.raises(UnicodeDecodeError):
        await worker.run(bytes.decode, b"\xff")
    assert await worker.run(abs, -3) == 3


async def test_what_cannot_be_pickled_is_told(worker: Worker) -> None:
    with pytest.raises(TypeError, match="pickle"):
        await worker.run(isinstance, threading.Lock(), object)
    with pytest.raises(RuntimeError, match="pickle"):
        await worker.run(threading.Lock)
    assert await worker.run(abs, -3) == 3


async def test_a_crash_is_told_and_the_next_call_has_a_new_process(worker: Worker) -> None:
    pid = await worker.run(os.getpid)
    with pytest.raises(WorkerCrashed, match="_exit"):
        await worker.run(os._exit, 3)
    again = await worker.run(os.getpid)
    assert again not in (pid, os.getpid())


async def test_a_process_killed_while_idle_is_replaced(worker: Worker) -> None:
    pid = await worker.run(os.getpid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: worker.pid is None)
    assert await worker.run(os.getpid) != pid


async def test_what_is_printed_does_not_get_between_the_answers(worker: Worker) -> None:
    await worker.run(print, "to the daemon's log")
    await worker.run(os.write, 1, b"to the daemon's log as well\n")
    assert await worker.run(abs, -1) == 1


async def test_a_caller_that_goes_away_leaves_the_others_in_order(worker: Worker) -> None:
    await worker.prewarm()
    waiting = asyncio.ensure_future(worker.run(time.sleep, 0.05))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await worker.run(abs, -5) == 5


async def test_an_idle_process_ends_and_comes_back() -> None:
    worker = Worker(idle_seconds=0.05)
    pid = await worker.run(os.getpid)
    await until(lambda: not is_alive(pid))
    assert await worker.run(os.getpid) != pid
    await worker.close()


async def test_close_ends_the_process_and_refuses_more() -> None:
    worker = Worker()
    pid = await worker.run(os.getpid)
    await worker.close()
    await worker.close()
    assert not is_alive(pid)
    with pytest.raises(WorkerClosed):
        await worker.run(os.getpid)


async def test_the_process_loads_only_what_its_tasks_need(worker: Worker) -> None:
    loaded = await worker.run(eval, "sorted(__import__('sys').modules)")
    assert not {"numpy", "pyarrow", "grpc", "sqlite3", "uvicorn"} & set(loaded)
    await worker.prewarm()
    loaded = await worker.run(eval, "sorted(__import__('sys').modules)")
    assert "pyarrow" in loaded
    assert not {"grpc", "sqlite3", "uvicorn"} & set(loaded)


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_dead_parent_ends_the_process(is_busy: bool, tmp_path: Path) -> None:
    busy = f"[open({str(tmp_path / 'busy')!r}, 'w').close(), __import__('time').sleep(600)]"
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import asyncio, os\n"
        "from trackd_service.worker import Worker\n"
        "async def main():\n"
        "    worker = Worker()\n"
        "    print(await worker.run(os.getpid), flush=True)\n"
        f"    if {is_busy}:\n"
        f"        task = asyncio.ensure_future(worker.run(eval, {busy!r}))\n"
        f"        while not os.path.exists({str(tmp_path / 'busy')!r}):\n"
        "            await asyncio.sleep(0.01)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + WAIT_SECONDS
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)

"""Owns the test that large arrays, which are copied to the disk when their record is made, read back as what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.conftest import WaitUntil
from tests.service.recording import Array, read_rows
from tests.service.scripts import RunScript

import trackd

pytestmark = pytest.mark.usefixtures("project")

SIDE = 200  # 120,000 bytes an image


def noise(seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def begin() -> trackd.Run:
    """Begins a run that has logged a record: the next ones are copied ahead."""
    run = trackd.init(reinit="create_new", settings={"quiet": True})
    run.log({"first": trackd.Image(noise(0))})
    return run


def records(run: trackd.Run, key: str = "record") -> list[Any]:
    return [row[key] for row in read_rows(run) if key in row]


def data_bytes(run: trackd.Run) -> int:
    """Returns how many bytes of data the run has left beside its log."""
    data = run._spool._data
    assert data is not None
    return data._position


def test_a_large_array_is_written_once() -> None:
    with begin() as run:
        before = data_bytes(run)
        for number in range(5):
            run.log({"record": trackd.Image(noise(number))})
        assert data_bytes(run) - before == 5 * SIDE * SIDE * 3
        found = records(run)
    assert len(found) == 5
    for number, record in enumerate(found):
        assert np.array_equal(record.array(), noise(number))


def test_a_buffer_may_be_used_again_as_soon_as_its_record_is_made() -> None:
    buffer = noise(1)
    with begin() as run:
        made = trackd.Image(buffer)
        buffer[:] = 0
        run.log({"record": made})
        (record,) = records(run)
    assert np.array_equal(record.array(), noise(1))


def test_a_batch_of_large_images_is_written_once() -> None:
    with begin() as run:
        before = data_bytes(run)
        run.log({"record": [trackd.Image(noise(number)) for number in range(4)]})
        assert data_bytes(run) - before == 4 * SIDE * SIDE * 3
        (record,) = records(run)
    assert len(record.records) == 4
    for number, image in enumerate(record.records):
        assert np.array_equal(image.array(), noise(number))


def test_records_may_be_logged_again_in_another_order_beside_others_and_to_another_run() -> None:
    with begin() as other, begin() as run:
        images = [trackd.Image(noise(number), caption=str(number)) for number in range(4)]
        table = trackd.Table(columns=["picture", "text"], data=[[image, "x" * 70_000] for image in images])
        run.log({"record": images[2]})
        run.log({"record": images[2]})
        run.log({"record": images[0], "sound": trackd.Audio(np.zeros(40_000, np.float32), 8_000)})
        run.log({"record": [images[3], images[1]]})
        run.log({"table": table})
        other.log({"record": images[1]})
        found, (in_table,), (elsewhere,) = records(run), records(run, "table"), records(other)
    for record, number in zip(found[:3], (2, 2, 0), strict=True):
        assert np.array_equal(record.array(), noise(number))
        assert record.caption == str(number)
    for record, number in zip(found[3].records, (3, 1), strict=True):
        assert np.array_equal(record.array(), noise(number))
    assert np.array_equal(elsewhere.array(), noise(1))
    for number, (picture, text) in enumerate(in_table.rows()):
        assert np.array_equal(picture.array(), noise(number))
        assert text == "x" * 70_000


def test_a_record_outlives_the_run_that_it_was_made_in() -> None:
    with begin():
        histogram = trackd.Histogram(np.arange(100_000, dtype=np.float32))
    assert sum(histogram.histogram) == 100_000
    with begin() as run:
        run.log({"record": histogram})
        (record,) = records(run)
    assert sum(record.histogram()[0]) == 100_000


FORKING = """
import os
import numpy as np
import trackd

with trackd.init(settings={"quiet": True}) as run:
    run.log({"first": trackd.Image(np.zeros((200, 200, 3), np.uint8))})
    made = trackd.Image(np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    pid = os.fork()
    if not pid:
        run.log({"child": made})
        run.finish()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    run.log({"record": made})
print(f"{run.project}/{run.id}")
"""


def test_a_forked_child_logs_a_record_of_its_parent(script: RunScript, wait_until: WaitUntil) -> None:
    done = script(FORKING)
    assert done.returncode == 0, done.stderr
    api = trackd.Api(timeout=60)

    def read(key: str) -> list[Any]:
        return [row[key] for row in api.run(done.stdout.split()[-1]).scan_history() if key in row]

    for key in ("child", "record"):
        wait_until(lambda: read(key), message=f"the record of {key}")  # noqa: B023
        (record,) = read(key)
        assert np.array_equal(record.array(), noise(1))

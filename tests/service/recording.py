"""Owns logging typed records and reading them back through the public API alone, for the tests of records.

Invariant: what is returned came from the daemon's documents and objects, never from what this process still knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import trackd
from trackd._api_records import StoredRecord

Array: TypeAlias = "npt.NDArray[Any]"


class Tensor:
    """What a tensor of PyTorch is to the client: on another device, needing a gradient, with its channels in front."""

    def __init__(self, array: Any, dtype: str = "torch.float32") -> None:
        self._array = np.asarray(array)
        self.dtype, self.shape, self.ndim = dtype, self._array.shape, self._array.ndim

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        return self

    def numpy(self) -> Array:
        return self._array

    def __len__(self) -> int:
        return len(self._array)


def read_run(run: trackd.Run) -> Any:
    """Returns a run as `trackd.Api` shows it, once all that was logged is readable."""
    assert run.flush(60)
    return trackd.Api(timeout=60).run(f"{run.project}/{run.id}")


def read_rows(run: trackd.Run) -> list[dict[str, Any]]:
    """Returns the rows of a run without `_step` and the like."""
    return [
        {key: value for key, value in row.items() if key not in ("_step", "_timestamp", "_runtime")}
        for row in read_run(run).scan_history()
    ]


def read_back(values: Iterable[Any], key: str = "record") -> list[StoredRecord]:
    """Logs values at a step each, in one run, and returns what is read back of them, in order."""
    count = 0
    with trackd.init(reinit="create_new", settings={"quiet": True}) as run:
        for value in values:
            run.log({key: value})
            count += 1
        found = [row[key] for row in read_rows(run)]
    assert len(found) == count
    for record in found:
        assert isinstance(record, StoredRecord)
        assert "pending" not in record
        assert not record.error, record.error
    return found


def read_one(value: Any) -> StoredRecord:
    """Logs one value and returns what is read back of it."""
    (record,) = read_back([value])
    return record

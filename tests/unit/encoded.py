"""Reads what a typed record of the client encodes, as the daemon does, for the tests of records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trackd import _record
from trackd.v1 import values_pb2

Array = npt.NDArray[Any]


class Encoded:
    """A record's message, and the bytes beside it."""

    def __init__(self, record: _record.Record | Sequence[_record.Record]) -> None:
        draft = _record.Draft()
        self.message = values_pb2.TypedRecord.FromString(_record.encode(record, draft))
        self._data = b"".join(draft.buffers)
        assert len(self._data) == draft.size

    def bytes_of(self, payload: values_pb2.Payload) -> bytes:
        begin = payload.range.offset
        assert begin % _record.ALIGNMENT_BYTES == 0
        return self._data[begin : begin + payload.range.size_bytes]

    def array(self, array: values_pb2.Array) -> Array:
        return np.frombuffer(self.bytes_of(array.data), array.dtype).reshape(tuple(array.shape))


class Tensor:
    """What a tensor of PyTorch is to the client."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)
        self.dtype, self.shape, self.ndim = "torch.float32", self._array.shape, self._array.ndim

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Array:
        return self._array

    def item(self) -> Any:
        return self._array.item()

    def tolist(self) -> Any:
        return self._array.tolist()

    def __len__(self) -> int:
        return len(self._array)


def raises(error: type[Exception], words: str, call: Callable[[], object]) -> None:
    """Asserts that a call raises, with each of the words (apart by "|") in its sentence."""
    with pytest.raises(error) as caught:
        call()
    sentence = str(caught.value)
    missing = [word for word in words.split("|") if word not in sentence]
    assert not missing, f"{missing} not in {sentence!r}"

"""Owns what every typed record is: something that encodes itself as a message, with its bytes gathered beside it.

Invariants: a record holds what it was made from and owns it (arrays are copied when it is made), so that a buffer used again
changes nothing; encoding copies no array and does none of the daemon's work. No library is imported to recognise its
objects; NumPy is, since whoever has an array has NumPy. Messages: proto/trackd/v1/values.proto.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from trackd import _wire

if TYPE_CHECKING:
    import numpy.typing as npt

    AnyArray: TypeAlias = npt.NDArray[Any]
    Hold: TypeAlias = Callable[[AnyArray], AnyArray | None]

PAYLOAD_BYTES_MAX = 1 << 30  # one array or file in a record: 1 GiB; what is larger belongs into `run.save`
ALIGNMENT_BYTES = 8  # of each payload, so that the daemon reads arrays where they lie
_LIST_FIELD = 11
_DTYPES = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"])
_holders: list[Hold] = []


class Draft:
    """Gathers the bytes of the records in one call of `log`, and encodes the messages that refer to them.

    Attributes:
        buffers: The bytes, in order; each begins at a multiple of 8 from the first.
        size: How many bytes they are together.
    """

    def __init__(self) -> None:
        """Begins empty."""
        self.buffers: list[memoryview | bytes] = []
        self.size = 0

    def mark(self) -> tuple[int, int]:
        """Returns where the draft stands, for `reset`."""
        return len(self.buffers), self.size

    def reset(self, mark: tuple[int, int]) -> None:
        """Forgets what came after a mark: the record that brought it is not logged."""
        del self.buffers[mark[0] :]
        self.size = mark[1]

    def payload(self, data: bytes | memoryview, media_type: str = "", file_name: str = "") -> bytes:
        """Takes bytes and encodes the `Payload` that refers to them.

        Args:
            data: The bytes; a memoryview must be contiguous, of unsigned bytes, and not change until `log` returns.
            media_type: Of the bytes, when the record's own fields do not say it.
            file_name: What the person's file is called, without folders.

        Raises:
            ValueError: there are more than `PAYLOAD_BYTES_MAX`.
        """
        size = len(data)
        if size > PAYLOAD_BYTES_MAX:
            raise ValueError(
                f"the record has a part of {size} bytes; the limit is {PAYLOAD_BYTES_MAX}: "
                "log a smaller one, or keep the file with run.save()"
            )
        padding = -self.size % ALIGNMENT_BYTES
        if padding:
            self.buffers.append(bytes(padding))
            self.size += padding
        reference = _wire.integer(1, self.size) + _wire.integer(2, size)
        if size:
            self.buffers.append(data)
            self.size += size
        return (
            _wire.message(5, reference)
            + (_wire.text(4, media_type) if media_type else b"")
            + (_wire.text(6, file_name) if file_name else b"")
        )

    def array(self, array: AnyArray) -> bytes:
        """Takes a NumPy array and encodes the `Array` that refers to it; raises TypeError for a type that it cannot have."""
        import numpy as np

        dtype = array.dtype.str
        if dtype not in _DTYPES or not array.flags.c_contiguous:
            dtype = array.dtype.newbyteorder("<").str
            if dtype not in _DTYPES:
                raise TypeError(
                    f"the array holds {array.dtype}; it can hold bool, integers of 8 to 64 bits, or floats of 16 to 64 bits"
                )
            array = np.ascontiguousarray(array, dtype).reshape(array.shape)
        shape = b"".join([_wire.varint(length) for length in array.shape])
        data: bytes | memoryview = array.reshape(-1).view(np.uint8).data if array.size else b""
        return (
            _wire.text(1, dtype)
            + (_wire.message(2, shape) if shape else b"")
            + _wire.message(3, self.payload(data))
        )


class Record:
    """The base of all typed records.

    Attributes:
        kind: The kind of metric that it is, as docs/records.md lists them.
        field: The number of its field in `TypedRecord`.
    """

    kind: ClassVar[str]
    field: ClassVar[int]

    def encode(self, draft: Draft) -> bytes:
        """Encodes the record's message; raises ValueError or TypeError when it cannot be logged."""
        raise NotImplementedError


def encode(record: Record | Sequence[Record], draft: Draft) -> bytes:
    """Encodes a `TypedRecord`: of one record, or of a list of records of one kind.

    Raises:
        TypeError: the records of a list are of several kinds.
        ValueError: a record cannot be logged.
    """
    if isinstance(record, Record):
        return _wire.message(record.field, record.encode(draft))
    kinds = list(dict.fromkeys(each.kind for each in record))
    if len(kinds) > 1:
        raise TypeError(
            f"the list holds records of several kinds, {', '.join(kinds)}: log each kind under a key of its own"
        )
    return _wire.message(_LIST_FIELD, b"".join(_wire.message(1, encode(each, draft)) for each in record))


def as_array(value: Any) -> AnyArray:
    """Returns an array or tensor of any library, or nested lists of numbers, as a NumPy array; may share its memory.

    Raises:
        TypeError: it is none.
    """
    import numpy as np

    if hasattr(value, "detach"):  # PyTorch
        value = value.detach()
        if hasattr(value, "cpu"):
            value = value.cpu()
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # which NumPy has not
            value = value.float()
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"a {type(value).__name__} is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        if array.dtype.kind == "O" and array.size and not isinstance(value, np.ndarray):
            raise TypeError(
                f"a {type(value).__name__} of unequal lengths or of objects is no array of numbers"
            )
        if str(array.dtype) in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):  # of ml_dtypes: JAX
            return array.astype(np.float32)
        if array.size == 0 and isinstance(value, list | tuple):
            return np.empty(array.shape)
        raise TypeError(f"the array holds {array.dtype}; it can hold bool, integers or floats")
    if array.dtype.itemsize > 8:  # long doubles, which no other language reads
        array = array.astype(np.float64)
    return array


def owned(array: AnyArray) -> AnyArray:
    """Returns a copy of an array in C order that nobody else can change; raises ValueError for one over the limit."""
    import numpy as np

    if array.nbytes > PAYLOAD_BYTES_MAX:
        raise ValueError(
            f"the array has {array.nbytes} bytes; the limit is {PAYLOAD_BYTES_MAX}: "
            "log a part of it, or keep it as a file with run.save()"
        )
    for hold in _holders[-1:]:
        held = hold(array)
        if held is not None:
            return held
    return np.array(array, order="C", copy=True)


def hold_by(holder: Hold) -> None:
    """Has large arrays copied by the run that was begun last, to where it finds them when their record is logged to it."""
    _holders.append(holder)


def no_longer_by(holder: Hold) -> None:
    """Ends `hold_by`."""
    if holder in _holders:
        _holders.remove(holder)


def read_file(path: str | os.PathLike[str], what: str) -> tuple[bytes, str, str]:
    """Returns a file's bytes, its ending in lower case without the dot, and its name without folders.

    Args:
        path: The file.
        what: Which record it is for: "Image".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, too large, or a folder.
    """
    name = os.fspath(path)
    ending = os.path.splitext(name)[1].lower().lstrip(".")
    if not os.path.exists(name):
        raise FileNotFoundError(f"{what}: there is no file {name!r}")
    if not os.path.isfile(name):
        raise ValueError(f"{what}: {name!r} is no file")
    size = os.path.getsize(name)
    if not size:
        raise ValueError(f"{what}: {name!r} is empty (0 bytes)")
    if size > PAYLOAD_BYTES_MAX:
        raise ValueError(
            f"{what}: {name!r} has {size} bytes; the limit is {PAYLOAD_BYTES_MAX}: keep it with run.save()"
        )
    with open(name, "rb") as file:
        return file.read(), ending, os.path.basename(name)


def class_names(field: int, names: Mapping[int, str]) -> bytes:
    """Encodes a `map<int64, string>`."""
    return b"".join(
        _wire.message(field, _wire.integer(1, number) + _wire.text(2, name)) for number, name in names.items()
    )


def string_map(field: int, values: Mapping[str, str]) -> bytes:
    """Encodes a `map<string, string>`."""
    return b"".join(
        _wire.message(field, _wire.text(1, name) + _wire.text(2, value)) for name, value in values.items()
    )


def doubles(field: int, values: Iterable[float]) -> bytes:
    """Encodes a packed `repeated double`."""
    import struct

    numbers = [float(value) for value in values]
    return _wire.message(field, struct.pack(f"<{len(numbers)}d", *numbers)) if numbers else b""


def is_from(value: Any, library: str) -> bool:
    """Says whether an object's class, or one that it is derived from, comes from a library; imports nothing."""
    return any(
        base.__module__ == library or base.__module__.startswith(library + ".")
        for base in type(value).__mro__
    )

"""Owns what goes to the encoder process and comes back: a typed record as it was sent, and what became of it.

Pure, and small: the daemon knows these, and the libraries that decode stay in the process that needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Data:
    """The bytes that `Payload.range` refers to: here, or a part of a file.

    Attributes:
        inline: The bytes, when `path` is empty.
        path: The file.
        offset: The first byte of the part.
        size_bytes: How long it is.
        check_sum: Its `sample_check_sum`; of `inline` too, where it is not 0.
    """

    inline: bytes = b""
    path: str = ""
    offset: int = 0
    size_bytes: int = 0
    check_sum: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One record to encode.

    Attributes:
        kind: Its kind as docs/records.md lists them; of a list, the kind of its items.
        message: A serialised `TypedRecord`.
        data: What the message refers to.
    """

    kind: str
    message: bytes
    data: Data


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A finished file in the scratch folder.

    Attributes:
        sha256: Of its content, in hex.
        size_bytes: How long it is.
        path: Where it is; empty for an object that was in the store already.
    """

    sha256: str
    size_bytes: int
    path: str


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a task.

    Attributes:
        document: As docs/records.md has it; `{"type", "error"}` when the record could not be encoded.
        files: The objects that the document uses, each once, also those that only the cells of a table name. A file of the
            same content as that of another task of the call is the same file.
    """

    document: Document
    files: tuple[MadeFile, ...]

"""Owns the content of a file that a record is made of, however it is given: as a path, an open file, or bytes.

Invariant: the bytes are read when the record is made, so that a file written again changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from trackd import _record, _wire


class Content(NamedTuple):
    """The bytes of a file."""

    data: bytes
    file_type: str  # as the record names it: "png"
    name: str  # of the person's file, without folders; empty for none

    def encode(self, field: int, media_type: str, draft: _record.Draft) -> bytes:
        """Encodes the field of a record that refers to the bytes."""
        return _wire.message(field, draft.payload(self.data, media_type, self.name))


def is_content(value: Any) -> bool:
    """Says whether a value is a path, bytes, or an open file."""
    return isinstance(value, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(value, "read")


def read(
    value: Any,
    what: str,
    file_types: Collection[str],
    file_type: str | None = None,
    recognise: Callable[[bytes], str | None] | None = None,
) -> Content:
    """Reads what was given as a file.

    Args:
        value: A path, bytes, or an open file of any mode; an open file with a name is read from its beginning.
        what: Which record it is for: "Image".
        file_types: The types that it can have.
        file_type: The type, when the caller says it; a name that ends in a type that it can have says it better.
        recognise: Returns the type by the first bytes; asked when nothing else says it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty or too large, or its type is unknown or another.
    """
    data, name = load(value, what)
    found = os.path.splitext(name)[1].lower().lstrip(".")
    if found not in file_types:
        found = (file_type or found or (recognise(data) if recognise else None) or "").lower().lstrip(".")
    allowed = ", ".join(file_types)
    if not found:
        raise ValueError(
            f"{what}: nothing says of which type the {source_name(value)} is; it can be {allowed}: pass the type"
        )
    if found not in file_types:
        raise ValueError(f"{what}: the {source_name(value)} is of type {found!r}; it can be {allowed}")
    return Content(data, found, name)


def signature(data: bytes, signatures: Mapping[bytes, str]) -> str | None:
    """Returns the type of a file by its first bytes."""
    return next((name for first, name in signatures.items() if data.startswith(first)), None)


def load(value: Any, what: str) -> tuple[bytes, str]:
    """Returns the bytes of what was given as a file, and the file's name without folders; raises like `read`."""
    if isinstance(value, str) and "://" in value[:16]:
        raise ValueError(f"{what}: {value!r} is an address; download the file and give its path")
    path = value if isinstance(value, str | os.PathLike) else getattr(value, "name", None)
    if path is value or (isinstance(path, str) and os.path.isfile(path)):
        if hasattr(value, "flush") and not getattr(value, "closed", False):
            value.flush()  # a temporary file that was written just now
        data, _, name = _record.read_file(path, what)  # in text mode too, where read() would change the bytes
        return data, name
    if isinstance(value, bytes | bytearray | memoryview):
        content: Any = value
    else:
        content = value.getvalue() if hasattr(value, "getvalue") else value.read()
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(
            f"{what}: read() of a {type(value).__name__} gives a {type(content).__name__}; it is bytes or text"
        )
    data = bytes(content)
    if not data:
        raise ValueError(f"{what}: the {source_name(value)} is empty (0 bytes)")
    if len(data) > _record.PAYLOAD_BYTES_MAX:
        raise ValueError(
            f"{what}: the {source_name(value)} has {len(data)} bytes; the limit is {_record.PAYLOAD_BYTES_MAX}: "
            "keep it with run.save()"
        )
    return data, ""


def source_name(value: Any) -> str:
    """Names what was given as a file, for a sentence."""
    if isinstance(value, str | os.PathLike):
        return f"file {os.fspath(value)!r}"
    return f"content of the {type(value).__name__}"

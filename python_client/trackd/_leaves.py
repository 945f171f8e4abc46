"""Owns what a logged value becomes on the wire: an encoded typed record where it is one, else the leaf that `_values` makes.

Invariant: no library is imported to recognise its objects; a record that cannot be encoded leaves nothing in the draft.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from trackd import _record, _values
from trackd._record import Draft, Record
from trackd._wire import Encoded, Json, Leaf
from trackd.errors import Error

SUMMARY_ELEMENTS_MAX = (
    32  # of an array kept as plain numbers in the summary; a larger one is kept whole beside it
)
# Of an array logged as plain numbers: more make a text near its limit, and are kept whole as an array.
LOGGED_ELEMENTS_MAX = 32_768
_PLAIN = frozenset({float, int, bool, str, type(None), Json})


def leaf(key: str, value: Any, draft: Draft, elements_max: int = LOGGED_ELEMENTS_MAX) -> Leaf:
    """Returns a value as a leaf.

    Args:
        key: The metric's name.
        value: Any value.
        draft: What the bytes of typed records go into.
        elements_max: The most elements of an array that is kept as plain numbers; a larger one is kept as an array.

    Raises:
        TypeError: the value cannot be serialised; names the key and the type.
        ValueError: the value is larger than the limit, or a record cannot be encoded.
    """
    if type(value) in _PLAIN:
        return _values.leaf(key, value)
    record = find_record(key, value, elements_max)
    return _values.leaf(key, value) if record is None else _encode(key, record, draft)


def find_record(
    key: str, value: Any, elements_max: int = SUMMARY_ELEMENTS_MAX
) -> Record | list[Record] | None:
    """Returns the typed record that a value is, or its list of records; None when it is none; raises like `leaf`."""
    kind = type(value)
    if kind in _PLAIN:
        return None
    if isinstance(value, Record):
        return value
    if kind.__module__ == "builtins" and kind not in (list, tuple, ModuleType):  # `pyplot` is a module
        return None
    try:
        found = _find_wrapped(value)
        return _find_array(value, elements_max) if found is None else found  # an empty table is a record too
    except (TypeError, ValueError) as error:
        raise _named(key, error) from None
    except Exception as error:  # code of the value's own library; it may fail in any way
        raise _values.unreadable(key, value, error) from error


def _find_array(value: Any, elements_max: int) -> Record | None:
    if not (hasattr(value, "dtype") and hasattr(value, "shape")):
        return None
    size = 1
    for length in value.shape:
        size *= int(length)
    if size <= elements_max or getattr(value.dtype, "kind", "f") not in "biuf":
        return None
    from trackd._array import ArrayRecord

    return ArrayRecord(value)


def _find_wrapped(value: Any) -> Record | list[Record] | None:
    if isinstance(value, list | tuple) and (not value or type(value[0]) in _PLAIN):
        return None
    from trackd import _records

    return _records.wrap(value)


def _encode(key: str, record: Record | list[Record], draft: Draft) -> Encoded:
    mark = draft.mark()
    try:
        return Encoded(_record.encode(record, draft))
    except Error:
        raise  # the draft sends the bytes at once, and is told why not
    except Exception as error:
        draft.reset(mark)
        if isinstance(error, TypeError | ValueError):
            raise _named(key, error) from None
        raise _values.unreadable(key, record, error) from error


def _named(key: str, error: TypeError | ValueError) -> TypeError | ValueError:
    """Returns an error that names the key; of the plain class, since a derived one may take other arguments."""
    kind = ValueError if isinstance(error, ValueError) else TypeError
    return kind(f"value of {key!r}: {error}")

"""Owns what a logged value is: flattening of nested dicts, and the turning of any Python object into a leaf.

Invariants: the caller's objects are never changed; no library is imported to recognise its objects; int64 keeps all its
bits, 1.0 stays a float. A leaf is a float, int (64 bits), bool, str or `Json`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from types import FunctionType, GeneratorType
from typing import Any

from trackd._wire import Json, Leaf, dump_json

RESERVED_PREFIXES = ("_system/", "_console/")  # of what the daemon measures and of the console
KEY_BYTES_MAX = (
    512  # the daemon's limit (config.KEY_BYTES_MAX): a name that long is a mistake, and names are interned
)
TEXT_BYTES_MAX = 1_048_576  # the daemon's limit (config.TEXT_BYTES_MAX): 1 MiB a value
NESTING_MAX = 64  # deeper is a cycle or a mistake; Python's own recursion limit must not be met inside log()
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1

RESERVED_KEYS = frozenset({"_step", "_timestamp", "_runtime"})


def check_key(key: object) -> str:
    """Returns a metric's key; raises TypeError or ValueError, saying why it cannot be one."""
    if not isinstance(key, str):
        raise TypeError(f"metric keys must be str; got {key!r} of type {type(key).__name__}")
    if not key:
        raise ValueError("metric key is empty; give it a name of 1 to 512 bytes")
    if key.startswith(RESERVED_PREFIXES):
        raise ValueError(
            f"metric key is {key[:40]!r}; names that begin with {' or '.join(RESERVED_PREFIXES)} are trackd's own"
        )
    if len(key) > KEY_BYTES_MAX // 4 or not key.isascii():
        try:
            size_bytes = len(key.encode())
        except UnicodeEncodeError:
            raise ValueError(
                f"metric key {key!r} holds a lone surrogate, which is no text: use valid Unicode"
            ) from None
        if size_bytes > KEY_BYTES_MAX:
            raise ValueError(
                f"metric key is {size_bytes} bytes; the limit is {KEY_BYTES_MAX}: shorten {key[:24]!r}…"
            )
    return key


def flatten(
    data: Mapping[Any, Any], problems: list[Exception], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) for every leaf of nested dicts; what cannot be one goes to `problems` as an error."""
    if depth > NESTING_MAX:
        problems.append(
            ValueError(f"value of {prefix[:40]!r}… is nested deeper than {NESTING_MAX}: is it a cycle?")
        )
        return
    try:
        items = list(data.items())  # a list: another thread may be changing the dict
    except Exception as error:  # noqa: BLE001 - code of the mapping's own class; it may fail in any way
        problems.append(unreadable(prefix[:-1] or "data", data, error))
        return
    for key, value in items:
        if not isinstance(key, str):
            where = f" inside {prefix[:-1]!r}" if prefix else ""
            problems.append(
                TypeError(f"metric keys must be str; got {key!r} of type {type(key).__name__}{where}")
            )
            continue
        path = prefix + key
        if isinstance(value, Mapping):
            yield from flatten(value, problems, path + ".", depth + 1)
        else:
            yield path, value


def leaf(key: str, value: Any) -> Leaf:
    """Returns a value as a leaf.

    Raises:
        TypeError: the value cannot be serialised; names the key and the type.
        ValueError: the value is larger than the limit.
    """
    simple: object = plain(key, value)
    if isinstance(simple, (bool, float)):
        return simple
    if isinstance(simple, int):
        return simple
    if not isinstance(simple, str):
        simple = dump_json(simple)
    if len(simple) > TEXT_BYTES_MAX // 4:
        size_bytes = len(simple.encode("utf-8", "backslashreplace"))
        if size_bytes > TEXT_BYTES_MAX:
            raise ValueError(
                f"value of {key!r} is {size_bytes} bytes as text; the limit is {TEXT_BYTES_MAX}: "
                "log a part of it, or a statistic"
            )
    return simple


def plain(key: str, value: Any) -> Any:
    """Returns a value as floats, ints, bools, strings, None, lists and dicts; raises TypeError like `leaf`."""
    try:
        return _plain(key, value, 0)
    except _Unfit as problem:
        raise problem.error from None
    except Exception as error:  # code of the value's own library or class; it may fail in any way
        raise unreadable(key, value, error) from error


class _Unfit(Exception):
    """Carries an error of ours out of the recursion, apart from the errors of foreign code."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def unreadable(key: str, value: Any, error: Exception) -> TypeError:
    """Returns the error for a value whose own code failed."""
    return TypeError(
        f"value of {key!r} is a {_type_name(value)}, which cannot be read: {type(error).__name__}: {error}"
    )


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _int64(number: int) -> int | float:
    """Returns an integer, as a float beyond 64 bits, where only the magnitude is kept: wandb does the same."""
    if _INT64_MIN <= number <= _INT64_MAX:
        return number
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _plain(key: str, value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in (float, bool, str, Json) or value is None:
        return value
    if kind is int:
        return _int64(value)
    if depth > NESTING_MAX:
        raise _Unfit(ValueError(f"value of {key!r} is nested deeper than {NESTING_MAX}: is it a cycle?"))
    # bool before int, enum before its base: the order of these tests matters.
    if isinstance(value, enum.Enum):
        return _plain(key, value.value, depth + 1)
    if isinstance(value, (list, tuple, set, frozenset, GeneratorType)):
        return [_plain(key, item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(key, item, depth + 1) for name, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (complex, str)):
        return str(value)
    array = _array(key, value)
    if array is not value:
        return _plain(key, array, depth + 1)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return _int64(int(value))
    # Imported here: whoever logs their objects has them already, and `import trackd` stays cheap.
    import datetime
    import decimal

    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        return {
            field.name: _plain(key, getattr(value, field.name), depth + 1)
            for field in dataclasses.fields(value)
        }
    if isinstance(value, (FunctionType, type)):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "__fspath__"):
        return str(value)
    if kind.__module__.startswith("trackd."):  # one of our records
        advice = (
            f"is a trackd.{kind.__name__}, which cannot be logged here: a typed record stands alone under a key of log(), "
            "or in a list of one kind"
        )
    else:
        advice = (
            f"is a {_type_name(value)}, which cannot be logged: log numbers, text, or lists and dicts of them"
        )
    raise _Unfit(TypeError(f"value of {key!r} {advice}"))


def _array(key: str, value: Any) -> Any:
    """Returns the Python numbers of an array or tensor of any library, or the value itself."""
    # NumPy scalars and arrays, and 0-d tensors of every library, have item() or tolist(); a tensor that needs a
    # gradient or lies on a device copies itself by them. bfloat16 and the like come out as Python floats.
    if not hasattr(value, "dtype"):
        return value
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "numpy") and not hasattr(value, "tolist"):
        value = value.numpy()
    shape = tuple(getattr(value, "shape", ()))
    size = 1
    for length in shape:
        size *= int(length)
    if size == 1 and hasattr(value, "item"):
        item = value.item()
        if type(item) is type(value):  # NumPy's long doubles, which have no Python type of their own
            return complex(item) if getattr(value.dtype, "kind", "") == "c" else float(item)
        return item
    if size > TEXT_BYTES_MAX // 2:
        raise _Unfit(
            ValueError(
                f"value of {key!r} is an array of {size} elements; as plain values at most "
                f"{TEXT_BYTES_MAX // 2} can be logged: log a part of it, or a statistic"
            )
        )
    if hasattr(value, "tolist"):
        return value.tolist()
    return value

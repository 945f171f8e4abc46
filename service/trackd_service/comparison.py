"""Owns what differs between two runs: their settings, their packages, and texts that were kept with them.

Pure. Invariants: the same inputs give the same answer; the order of keys and lines in a document changes nothing but what it
says; a comparison of texts ends, however long they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from math import isnan
from typing import Any, Final

TEXT_LINES_MAX: Final = (
    2000  # between equal beginnings and ends: difflib takes up to 0.6 s, for twice as many 2.5 s
)
DIFF_LINES_MAX: Final = 10_000  # of the answer: nobody reads more
DIFF_CHARACTERS_MAX: Final = 4_000_000  # a notebook may stand in one line
_CONTEXT_LINES: Final = 3


class Missing(Enum):
    """What stands for a value that is not there: None is one."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two documents do not have in common.

    Attributes:
        key: The dotted key, for example "optimizer.lr"; the normalised name of a package.
        left: Its value on the left; MISSING where it is not there.
        right: Its value on the right; MISSING where it is not there.
    """

    key: str
    left: Any
    right: Any

    @property
    def kind(self) -> str:
        """What became of it from left to right: "added", "removed" or "changed"."""
        return "added" if self.left is MISSING else "removed" if self.right is MISSING else "changed"


def compare(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """Returns what differs between two nested documents, by dotted key, sorted.

    Values are compared as what they stand for: 1 and 1.0 are the same number, as a document that went through JSON keeps no
    difference between them; True and 1 are not the same; NaN is the same as NaN. Mappings are compared key by key, lists as
    wholes. An empty mapping is a value: it differs from a missing one.
    """
    differences = list(_differences("", left, right))
    differences.sort(key=lambda difference: difference.key)
    return differences


def _differences(prefix: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    for key in {**left, **right}:
        dotted = f"{prefix}{key}"
        one, other = left.get(key, MISSING), right.get(key, MISSING)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differences(f"{dotted}.", one, other)
        elif isinstance(one, Mapping) and one and other is MISSING:
            yield from _differences(f"{dotted}.", one, {})
        elif isinstance(other, Mapping) and other and one is MISSING:
            yield from _differences(f"{dotted}.", {}, other)
        elif not _is_same(one, other):
            yield Difference(dotted, one, other)


def _is_same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        both_nan = isinstance(left, float) and isinstance(right, float) and isnan(left) and isnan(right)
        return both_nan or left == right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_is_same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_is_same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


# -- packages --------------------------------------------------------------------------------------------------------------


def compare_packages(left: str, right: str) -> list[Difference]:
    """Returns the packages that differ between two requirements files, sorted by name.

    The lines are those of `environment`: `name==version`, `name @ url  # name==version`, `-e url  # name==version`. A
    package's value is its version, with the address behind it for one that came from no index. Names are compared as PEP 503
    normalises them; other lines are passed over.
    """
    return compare(_packages(left), _packages(right))


def _packages(text: str) -> dict[str, str]:
    packages = {}
    for line in text.splitlines():
        requirement, _, comment = line.partition("  # ")
        name, _, version = (comment or requirement).partition("==")
        if not version:
            continue
        address = requirement.partition(" @ ")[2] or requirement if comment else ""
        packages[re.sub(r"[-_.]+", "-", name.strip()).lower()] = f"{version.strip()} {address}".strip()
    return packages


# -- texts -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDifference:
    """How two texts differ.

    Attributes:
        text: A unified diff; empty for equal texts.
        is_cut: Whether the diff is longer than what is here.
    """

    text: str
    is_cut: bool = False


def compare_texts(left: str, right: str, name: str) -> TextDifference:
    """Returns the unified diff of two texts, of at most DIFF_LINES_MAX lines and DIFF_CHARACTERS_MAX characters.

    Texts that differ over more than TEXT_LINES_MAX lines are shown as all removed and all added.

    Args:
        left: One text.
        right: The other.
        name: What both are called in the head of the diff.
    """
    if left == right:
        return TextDifference("")
    one, other = _lines(left), _lines(right)
    start, end = _common_ends(one, other)
    # A few lines of the common ends are the context.
    first = max(0, start - _CONTEXT_LINES)
    last = max(0, end - _CONTEXT_LINES)
    one, other = one[first : len(one) - last], other[first : len(other) - last]
    lines = [f"--- {name}", f"+++ {name}"]
    if max(len(one), len(other)) <= TEXT_LINES_MAX:
        import difflib

        hunks = difflib.unified_diff(one, other, lineterm="", n=_CONTEXT_LINES)
        # The names of the files come first; its lines are numbered from the first one that was compared.
        lines += (_moved(line, first) if line.startswith("@@") else line for line in islice(hunks, 2, None))
    else:
        lines.append(f"@@ -{first + bool(one)},{len(one)} +{first + bool(other)},{len(other)} @@")
        lines += [f"-{line}" for line in one]
        lines += [f"+{line}" for line in other]
    text = "".join(f"{line}\n" for line in lines[:DIFF_LINES_MAX])
    is_cut = len(lines) > DIFF_LINES_MAX or len(text) > DIFF_CHARACTERS_MAX
    return TextDifference(text[:DIFF_CHARACTERS_MAX], is_cut)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _common_ends(one: list[str], other: list[str]) -> tuple[int, int]:
    """Returns how many lines two texts share at the beginning and, behind these, at the end."""
    shorter = min(len(one), len(other))
    start = 0
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return start, end


def _moved(hunk: str, lines: int) -> str:
    """Returns the head of a hunk, as many lines further down; an empty range counts from 0 there as well."""
    return re.sub(r"(?<=[-+])[0-9]+", lambda number: str(int(number[0]) + lines), hunk)

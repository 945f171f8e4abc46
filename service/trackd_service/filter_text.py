"""Owns the language of filters that a person types: a text to a tree of conditions; docs/filters.md. Pure.

Invariants: nothing is evaluated; whatever is no filter raises InvalidFilter, which says where in the text it stands and what
was expected there. The work is linear in the length of the text.

    filter    := term ("or" term)*
    term      := factor ("and" factor)*
    factor    := "not" factor | "(" filter ")" | name condition
    condition := ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~") value | ["not"] "in" "(" value ("," value)* ")"
               | "is" ["not"] "missing"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from trackd_service.errors import InvalidFilter

CHARACTERS_MAX = 10_000  # longer ones are generated; 10,000 run ids are the page's own list, not a filter
DEPTH_MAX = 50  # of parentheses and "not": each is a few Python calls
CONDITIONS_MAX = 1_000  # each is a pass over all runs
VALUES_MAX = 10_000

_Part: TypeAlias = Literal["", "config", "summary"]
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~"]


@dataclass(frozen=True, slots=True)
class Name:
    """What is compared.

    Attributes:
        text: As it stands there, without quotes and prefix.
        part: "config" or "summary" where the text says so.
        is_quoted: Whether it is a key whatever fields there are.
        position: Of its first character in the text.
    """

    text: str
    part: _Part = ""
    is_quoted: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A value without quotes: what it is depends on what it is compared with; see `plain` and `span_seconds`."""

    text: str

    @property
    def is_null(self) -> bool:
        """Whether it means no value."""
        return self.text.lower() == "null"


Value: TypeAlias = "str | Word"  # a text in quotes, or a word


@dataclass(frozen=True, slots=True)
class Compare:
    """A name compared with a value; `position` is the value's."""

    name: Name
    operator: Operator
    value: Value
    position: int = 0


@dataclass(frozen=True, slots=True)
class IsIn:
    """A name whose value is one of several."""

    name: Name
    values: tuple[Value, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class IsMissing:
    """A name without a value."""

    name: Name


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Both:
    """What all hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Of which one holds."""

    parts: tuple[Node, ...]


Node: TypeAlias = "Compare | IsIn | IsMissing | Not | Both | Either"

_TOKENS = re.compile(
    r"""\s*(?:
    (?P<text>(?:(?:config|summary)\.)?"(?:[^"\\]|\\.)*"|(?:(?:config|summary)\.)?'(?:[^'\\]|\\.)*')
    | (?P<sign><=|>=|!=|!~|[=<>~(),])
    | (?P<word>[^\s"'()<>=!~,]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d{1,400}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h|d|w)")
_SPAN_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
_KEYWORDS = frozenset({"and", "or", "not", "in", "is"})
_NUMBERS = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "-infinity": float("-inf"),
    "inf": float("inf"),
    "-inf": float("-inf"),
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["text", "sign", "word", "end"]
    text: str
    position: int
    prefix: _Part = ""

    @property
    def keyword(self) -> str:
        """The word that it is in the grammar, or nothing."""
        lower = self.text.lower()
        return lower if self.kind == "word" and lower in _KEYWORDS else ""


def parse(text: str) -> Node | None:
    """Returns the conditions of a filter, None of one that is empty.

    Raises:
        InvalidFilter: it cannot be understood; the metadata has the position, counted in characters from 0.
    """
    if len(text) > CHARACTERS_MAX:
        raise InvalidFilter(
            f"the filter is {len(text)} characters; the limit is {CHARACTERS_MAX}",
            position=CHARACTERS_MAX,
            limit=CHARACTERS_MAX,
        )
    if not text.strip():
        return None
    return _Parser(text).parse()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKENS.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            if text[start] in "\"'":
                raise _error(start, f"the text that begins here has no {text[start]} at its end")
            raise _error(start, f"{text[start]!r} means nothing here: write !=, !~ or not")
        kind = match.lastgroup
        part = match[kind] if kind else ""
        start = match.end() - len(part)
        if kind == "text":
            prefix = re.split("[\"']", part, maxsplit=1)[0]
            inner = part[len(prefix) + 1 : -1]
            found.append(_Token("text", _ESCAPE.sub(_unescaped, inner), start, _part(prefix)))
        else:
            found.append(_Token("sign" if kind == "sign" else "word", part, start))
        position = match.end()
    return [*found, _Token("end", "", len(text))]


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPES.get(match[2], match[2])


def _error(position: int, sentence: str) -> InvalidFilter:
    return InvalidFilter(f"filter, character {position + 1}: {sentence}", position=position)


def _show(token: _Token) -> str:
    if token.kind == "end":
        return "the end"
    return repr(token.text if len(token.text) <= 40 else token.text[:40] + "…")


class _Parser:
    """Parses one text, by recursive descent."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._condition_count = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._place += 1
        return token

    def _accept(self, keyword: str) -> bool:
        if self._next.keyword != keyword:
            return False
        self._place += 1
        return True

    def _accept_sign(self, sign: str) -> bool:
        if self._next.kind != "sign" or self._next.text != sign:
            return False
        self._place += 1
        return True

    def parse(self) -> Node:
        node = self._either(0)
        if self._next.kind != "end":
            raise _error(self._next.position, f"expected and, or, or the end; got {_show(self._next)}")
        return node

    def _either(self, depth: int) -> Node:
        parts = [self._both(depth)]
        while self._accept("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Node:
        parts = [self._factor(depth)]
        while self._accept("and"):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _factor(self, depth: int) -> Node:
        token = self._next
        if depth > DEPTH_MAX:
            raise _error(token.position, f"the filter is nested more than {DEPTH_MAX} deep")
        if self._accept("not"):
            return Not(self._factor(depth + 1))
        if self._accept_sign("("):
            node = self._either(depth + 1)
            if not self._accept_sign(")"):
                raise _error(self._next.position, f"expected and, or, or ')'; got {_show(self._next)}")
            return node
        return self._condition()

    def _condition(self) -> Node:
        token = self._take()
        if token.kind not in ("word", "text") or token.keyword:
            raise _error(
                token.position, f'expected a name, such as state, config.lr or "val loss"; got {_show(token)}'
            )
        self._condition_count += 1
        if self._condition_count > CONDITIONS_MAX:
            raise _error(token.position, f"the filter has more than {CONDITIONS_MAX} conditions")
        name = _name(token)
        if self._accept("is"):
            is_negated = self._accept("not")
            word = self._take()
            if word.kind != "word" or word.text.lower() not in ("missing", "null"):
                raise _error(word.position, f"expected missing; got {_show(word)}")
            return Not(IsMissing(name)) if is_negated else IsMissing(name)
        is_negated = self._accept("not")
        if self._accept("in"):
            node = self._values(name)
            return Not(node) if is_negated else node
        operator = self._take()
        if is_negated or operator.kind != "sign" or operator.text not in _OPERATORS:
            expected = "in" if is_negated else f"{', '.join(_OPERATORS)}, in or is"
            raise _error(
                operator.position, f"expected {expected} behind {_show(token)}; got {_show(operator)}"
            )
        is_pattern = operator.text in ("~", "!~")
        position = self._next.position
        value = self._value()
        if isinstance(value, Word) and value.is_null and not is_pattern:
            if operator.text not in ("=", "!="):
                raise _error(position, f"null can be compared by = and != alone; got {operator.text}")
            return IsMissing(name) if operator.text == "=" else Not(IsMissing(name))
        return Compare(name, operator.text, value, position)  # type: ignore[arg-type]  # one of _OPERATORS

    def _values(self, name: Name) -> Node:
        start = self._next.position
        if not self._accept_sign("("):
            raise _error(start, f"expected '(' and values behind in; got {_show(self._next)}")
        values = [self._value()]
        while self._accept_sign(","):
            values.append(self._value())
            if len(values) > VALUES_MAX:
                raise _error(self._next.position, f"in has more than {VALUES_MAX} values")
        if not self._accept_sign(")"):
            raise _error(self._next.position, f"expected ',' or ')'; got {_show(self._next)}")
        return IsIn(name, tuple(values), start)

    def _value(self) -> Value:
        token = self._take()
        if token.kind not in ("word", "text") or token.keyword or token.prefix:
            raise _error(
                token.position, f'expected a value, such as 0.5, running or "two words"; got {_show(token)}'
            )
        return token.text if token.kind == "text" else Word(token.text)


def _name(token: _Token) -> Name:
    if token.kind == "text":
        return Name(token.text, token.prefix, True, token.position)
    part = _part(token.text)
    key = token.text[len(part) + 1 :] if part else token.text
    return Name(key, part, False, token.position) if key else Name(token.text, "", False, token.position)


def _part(text: str) -> _Part:
    """Returns which part of a run a prefix says."""
    return "config" if text.startswith("config.") else "summary" if text.startswith("summary.") else ""


def plain(word: Word) -> str | int | float | bool | None:
    """Returns what a word is by itself: null, a truth value, a number, or else a text."""
    lower = word.text.lower()
    if lower in ("true", "false"):
        return lower == "true"
    if word.is_null:
        return None
    if lower in _NUMBERS:
        return _NUMBERS[lower]
    if _INTEGER.fullmatch(word.text):
        return int(word.text)
    return float(word.text) if _NUMBER.fullmatch(word.text) else word.text


def span_seconds(word: Word) -> float | None:
    """Returns how long a stretch of time is that a word such as 7d says, or None when it says none."""
    span = _SPAN.fullmatch(word.text)
    return None if span is None else float(span[1]) * _SPAN_SECONDS[span[2]]

"""Owns how what is written to a console becomes numbered lines, as a terminal would show them in the end.

Invariants: no I/O and no clock; how the text is cut into chunks changes nothing; a line has its number from its first
character on, and both streams share the count; a later text of a number replaces an earlier one. An exception of a signal
handler may come at any moment: it costs what is just being fed, never what follows.
"""

from __future__ import annotations

import re

LINE_CHARACTERS_MAX = (
    65_536  # a longer line goes on in the next one: no record of the run's log grows without bound
)

# How far back the cursor can go: progress bars stand below each other by the dozen, not by the hundred.
_ROWS_MAX = 32
_MARKS_MAX = 4_096  # colour changes kept of one line, more than a picture drawn with coloured blocks has
_STYLE_CHARACTERS_MAX = 256  # of colours that are never reset

# Control sequences as ECMA-48 (5.4, 5.6) gives them: ESC [ parameters intermediates final; ESC ] and the like begin a
# string, which is dropped; other escapes are two characters or a few more. What a chunk's end cuts through waits for more.
_CONTROL = re.compile(
    r"\x1b\[(?P<parameters>[0-?]{0,64})[ -/]{0,4}(?P<final>[@-~])"
    r"|(?P<string>\x1b[\]PX^_])"
    r"|(?P<cut>\x1b(?:\[[0-?]{0,64})?[ -/]{0,4}\Z)"
    r"|\x1b[ -/]{0,4}[0-~]"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
_CONTROL_BEGIN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # searched for first: ten times as fast
_STRING_END = re.compile(r"[\x07\n\r\x1b]")  # a line's end ends a broken one
_SURROGATE = re.compile("[\ud800-\udfff]")  # bytes that were no UTF-8, and other text that cannot be encoded
_COLOUR = re.compile(r"\x1b\[([0-?]*)m")
_RESET = "\x1b[0m"


class Lines:
    """The lines of one process's console.

    A character takes one column, also where a terminal gives it two or none.
    """

    __slots__ = ("_changed", "_completed", "_count", "_screens")

    def __init__(self) -> None:
        self._count = 0
        self._completed: list[_Row] = []
        self._changed: dict[int, _Row] = {}
        self._screens = {"stdout": _Screen("stdout"), "stderr": _Screen("stderr")}

    @property
    def has_completed(self) -> bool:
        """Whether lines wait to be taken that a line end has completed for the first time."""
        return bool(self._completed)

    @property
    def has_changed(self) -> bool:
        """Whether other lines wait: those in progress, and those that a moved cursor has changed again."""
        return bool(self._changed)

    def feed(self, stream: str, text: str) -> None:
        """Adds what was written to a stream, "stdout" or "stderr"."""
        screen = self._screens[stream]
        if not screen.cut and not screen.is_in_string:  # what `print` writes, as a rule
            if text.isprintable():
                self._put(screen, text)
                return
            if text == "\n":
                self._end_line(screen)
                return
        if not text.isascii():
            text = _SURROGATE.sub("\ufffd", text)
        if screen.cut:
            text, screen.cut = screen.cut + text, ""
        position = 0
        while position < len(text):
            if screen.is_in_string:
                end = _STRING_END.search(text, position)
                if end is None:
                    return
                screen.is_in_string = False
                position = end.end() if end[0] == "\x07" else end.start()
                continue
            begin = _CONTROL_BEGIN.search(text, position)
            if begin is None:
                self._put(screen, text[position:])
                return
            if begin.start() > position:
                self._put(screen, text[position : begin.start()])
            match = _CONTROL.match(text, begin.start())
            assert match is not None  # for its last alternative
            position = match.end()
            control = match[0]
            if control == "\n":
                self._end_line(screen)
            elif control == "\r":
                screen.column = 0
            elif control == "\b":
                screen.column = max(0, screen.column - 1)
            elif match["final"]:
                self._control(screen, control, match["parameters"], match["final"])
            elif match["string"]:
                screen.is_in_string = True
            elif match["cut"]:
                screen.cut = control

    def take(self, everything: bool) -> list[tuple[str, int, list[str]]]:
        """Returns as (stream, first number, texts) the lines that wait, and forgets that they do.

        Args:
            everything: Whether also those that are in progress or have changed again, not only those newly completed.
        """
        rows, self._completed = self._completed, []
        if everything:
            rows += self._changed.values()
            self._changed = {}
        if len(rows) > 1:
            rows.sort(key=_number)
        groups: list[tuple[str, int, list[str]]] = []
        expected, group = -1, ("", 0, [""])
        for row in rows:
            if row.number != expected or row.stream != group[0]:
                group = (row.stream, row.number, [])
                groups.append(group)
            group[2].append(row.render())
            expected = row.number + 1
        return groups

    def _put(self, screen: _Screen, text: str) -> None:
        """Writes text without control characters at the cursor."""
        while text:
            if screen.column >= LINE_CHARACTERS_MAX:
                self._end_line(screen)
            part = text[: LINE_CHARACTERS_MAX - screen.column]
            text = text[len(part) :]
            row = screen.row
            row.put(screen.column, part, screen.style)
            screen.column += len(part)
            self._note(row)

    def _note(self, row: _Row) -> None:
        """Has a changed line wait, with a number from now on."""
        if row.number < 0:
            row.number, self._count = self._count, self._count + 1
        self._changed[row.number] = row

    def _end_line(self, screen: _Screen) -> None:
        row = screen.row
        if not row.is_completed:
            self._note(row)
            self._completed.append(row)
            row.is_completed = True
            del self._changed[row.number]
        screen.go_down()

    def _control(self, screen: _Screen, control: str, parameters: str, final: str) -> None:
        """Does what a control sequence says, where it is one that progress displays use."""
        row = screen.row
        if final == "m":
            screen.style = _add_style(screen.style, control)
            if screen.column == len(row.text) and len(row.marks) < _MARKS_MAX:
                row.marks.append((screen.column, control))
                if row.number >= 0:
                    self._note(row)
            return
        count = int(parameters[:5]) if parameters[:5].isdecimal() else 0
        if final == "K":
            self._erase(row, screen.column, count, screen.style)
        elif (
            final == "J" and count == 0
        ):  # from the cursor to the end; the others are of programs that draw whole screens
            self._erase(row, screen.column, 0, screen.style)
            for below in screen.rows[screen.index + 1 :]:
                self._erase(below, 0, 0, "")
        else:
            screen.move(final, count)

    def _erase(self, row: _Row, column: int, mode: int, style: str) -> None:
        if row.text:
            row.erase(column, mode, style)
            self._note(row)


class _Row:
    """A line: its characters, and the colour sequences before them as (column, sequence), columns ascending."""

    __slots__ = ("is_completed", "is_redrawn", "marks", "number", "stream", "text")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.number = -1  # until the first character
        self.text = ""
        self.marks: list[tuple[int, str]] = []
        self.is_completed = False
        self.is_redrawn = False  # characters have been overwritten, with blanks maybe

    def put(self, column: int, text: str, style: str) -> None:
        """Writes text over what is there; at the end of the line the colours are there already, as they came."""
        length = len(self.text)
        if column >= length:
            self.text = f"{self.text}{' ' * (column - length)}{text}"
            return
        self.is_redrawn = True
        end = column + len(text)
        if self.marks or style:
            after = self._style_before(end + 1)
            kept = [mark for mark in self.marks if mark[0] > end] if end < length else []
            self._cut_marks(column, style)
            if end < length:
                self._change_style(end, style, after)
            self.marks += kept
        self.text = self.text[:column] + text + self.text[end:]

    def erase(self, column: int, mode: int, style: str) -> None:
        """Erases from the cursor (0), up to it (1) or all (2), as EL does."""
        if mode == 0:
            if column < len(self.text):
                self._cut_marks(column, style)
                self.text = self.text[:column]
        elif mode == 1:
            self.put(0, " " * min(column + 1, len(self.text)), "")
        else:
            self.text, self.marks = "", []

    def render(self) -> str:
        """Returns the line with its colours, and without the blanks at its end that have wiped out something."""
        shown = self.text.rstrip(" ") if self.is_redrawn else self.text
        if not self.marks:
            return shown
        parts: list[str] = []
        position = 0
        for column, sequence in self.marks:
            parts += (shown[position:column], sequence)
            position = column
        parts.append(shown[position:])
        return "".join(parts)

    def _cut_marks(self, column: int, style: str) -> None:
        """Drops the colours from a column on, and has a style begin there."""
        before = self._style_before(column)
        self.marks = [mark for mark in self.marks if mark[0] < column]
        self._change_style(column, before, style)

    def _change_style(self, column: int, old: str, new: str) -> None:
        if new != old:
            self.marks.append((column, _RESET + new if old else new))

    def _style_before(self, column: int) -> str:
        style = ""
        for at, sequence in self.marks:
            if at < column:
                style = _add_style(style, sequence)
        return style


class _Screen:
    """The last rows of one stream, and the state of its terminal."""

    __slots__ = ("column", "cut", "index", "is_in_string", "row", "rows", "stream", "style")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.row = _Row(stream)  # where the cursor is
        self.rows = [self.row]
        self.index = 0
        self.column = 0
        self.style = ""  # the colour sequences since the last reset
        self.cut = ""  # the beginning of a sequence that a chunk's end has cut through
        self.is_in_string = False

    def go_down(self) -> None:
        """Moves the cursor to the beginning of the next row, which it makes where there is none."""
        index = self.index + 1
        if index >= len(self.rows):
            self.rows.append(_Row(self.stream))
            del self.rows[:-_ROWS_MAX]
            index = len(self.rows) - 1
        # Last, and in one statement: an interrupt leaves the cursor where it was, from where the next line end goes on.
        self.row, self.index, self.column = self.rows[index], index, 0

    def move(self, final: str, count: int) -> None:
        """Moves the cursor as a control sequence says, among the rows there are; others move nothing."""
        steps = max(count, 1)
        if final in "AF":
            self.index = max(0, self.index - steps)
        elif final in "BE":
            self.index = min(len(self.rows) - 1, self.index + steps)
        elif final == "C":
            self.column = min(LINE_CHARACTERS_MAX - 1, self.column + steps)
        elif final == "D":
            self.column = max(0, self.column - steps)
        elif final == "G":
            self.column = min(LINE_CHARACTERS_MAX, steps) - 1
        if final in "EF":
            self.column = 0
        self.row = self.rows[self.index]


def _number(row: _Row) -> int:
    return row.number


def _add_style(style: str, sequences: str) -> str:
    """Returns the colours that hold after more of their sequences."""
    for match in _COLOUR.finditer(sequences):
        parameters = match[1].lstrip("0")
        if not parameters:
            style = ""
        elif parameters[0] == ";" or len(style) >= _STYLE_CHARACTERS_MAX:
            style = match[0]
        else:
            style += match[0]
    return style

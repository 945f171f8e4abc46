"""Owns `Html` and `Markdown`: a fragment of a web page, and formatted text."""

from __future__ import annotations

import os
from typing import Any

from trackd import _content, _record, _wire


class Html(_record.Record):
    """A fragment of a web page, shown in a sandboxed frame that can load nothing from elsewhere.

    Args:
        data: HTML text; the path of a file; an open file. A text is a path when it ends in ".html" and has no "<".
        inject: Whether a small style is put in front when it is shown, and links open in a new tab.
        data_is_not_path: Whether a text is HTML whatever it looks like.

    Raises:
        FileNotFoundError: the text looks like a path and there is no such file.
        ValueError: the file is empty.
        TypeError: `data` is something else.
    """

    kind = "html"
    field = 8

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        self._inject = inject
        if isinstance(data, str) and (data_is_not_path or not _is_path(data)):
            # A lone surrogate is no UTF-8; it is kept as its escape.
            self._content = _content.Content(data.encode("utf-8", "backslashreplace"), "html", "")
        elif _content.is_content(data):
            self._content = _content.read(data, "Html", ("html", "htm", "xhtml"), _type_of(data))
        else:
            raise TypeError(f"Html: data is a {type(data).__name__}; it is HTML text, a path or an open file")

    @property
    def html(self) -> str:
        """The HTML text."""
        return self._content.data.decode("utf-8", "replace")

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Html`."""
        return self._content.encode(1, "text/html", draft) + (_wire.integer(2, 1) if self._inject else b"")


class Markdown(_record.Record):
    """Formatted text in CommonMark; HTML in it is shown as text.

    Args:
        text: The text.

    Raises:
        TypeError: it is none.
    """

    kind = "markdown"
    field = 10

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"Markdown: text is a {type(text).__name__}; it is a str")
        self.text = text

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Markdown`."""
        return _wire.text(1, self.text)


def _is_path(text: str) -> bool:
    return text.endswith(".html") and ("<" not in text or os.path.isfile(text))


def _type_of(data: Any) -> str | None:
    """Returns the type of an open file or of bytes, which are HTML; a path says it by its ending."""
    return None if isinstance(data, str | os.PathLike) else "html"

"""Owns the bytes of an exported page: one HTML file with the app's script and style, its data, and its content policy. Pure.

Invariants: the file loads nothing; no text in it can end the element it stands in; the same column is kept once; the data
are never larger than they may be.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# What is decoded at once when something of it is asked for, and compressed together.
_PART_BYTES = 1 << 20
_PART_OVERHEAD_BYTES = 80  # of its element
_COMPRESSION_LEVEL = 6
_BASE64_GROWTH = 4 / 3
_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script[^>]*>", re.IGNORECASE | re.DOTALL)

Place: TypeAlias = tuple[int, int, int]  # part, offset, length


@dataclass
class Archive:
    """The data of a page: things put into parts, and what they are called.

    Attributes:
        bytes_max: How much the parts may take in the file.
        size_bytes: How much the closed ones take.
    """

    bytes_max: int
    size_bytes: int = 0
    parts: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _open: bytearray = field(default_factory=bytearray)
    _known: dict[bytes, Place] = field(default_factory=dict)

    def put(self, data: bytes) -> Place | None:
        """Keeps bytes, compressed with others; None where they do not fit. What is there already takes no more."""
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if (known := self._known.get(digest)) is not None:
            return known
        if not self._fits(len(data)):
            self._close()  # compressed, the part may leave room
            if not self._fits(len(data)):
                return None
        place = (len(self.parts), len(self._open), len(data))
        self._open += data
        self._known[digest] = place
        if len(self._open) >= _PART_BYTES:
            self._close()
        return place

    def put_answer(self, name: str, data: bytes, media_type: str) -> bool:
        """Keeps an answer under its name; says whether it fits."""
        place = self.put(data)
        if place is not None:
            self.answers[name] = {"place": place, "type": media_type}
        return place is not None

    def put_file(self, name: str, data: bytes, media_type: str) -> bool:
        """Keeps bytes as they are, in a part of their own, for elements that need them at once; says whether they fit."""
        if name in self.answers:
            return True
        text = "i" + base64.b64encode(data).decode()
        if not self._fits(len(data)):
            return False
        self._close()
        self._add(text)
        self.answers[name] = {"place": (len(self.parts) - 1, 0, len(data)), "type": media_type}
        return True

    def finish(self) -> None:
        """Closes the last part."""
        self._close()

    def _fits(self, size: int) -> bool:
        """Says whether so many bytes more fit, however badly they compress."""
        worst = (len(self._open) + size) * _BASE64_GROWTH + 2 * _PART_OVERHEAD_BYTES
        return self.size_bytes + worst <= self.bytes_max

    def _close(self) -> None:
        if self._open:
            self._add("d" + base64.b64encode(zlib.compress(self._open, _COMPRESSION_LEVEL)).decode())
            self._open = bytearray()

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self.size_bytes += len(text) + _PART_OVERHEAD_BYTES


def page(
    title: str, script: str, style: str, index: dict[str, Any], archive: Archive, foreign: Iterable[bytes]
) -> bytes:
    """Returns the file.

    Args:
        title: What the page is called.
        script: The app; it holds nothing that would end its element.
        style: Its style sheet.
        index: What the archive's index says beside the answers.
        archive: The data, finished.
        foreign: Pages that the app shows in frames, whose scripts the policy must allow as a frame inherits it.
    """
    frames = list(foreign)
    data = json.dumps({**index, "answers": archive.answers}, separators=(",", ":")).replace("<", "\\u003c")
    parts = "".join(
        f'<script type="text/plain" id="trackd-part-{number}">{text}</script>\n'
        for number, text in enumerate(archive.parts)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_policy(script, frames))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        "<noscript>This page needs JavaScript: all of it is in this file.</noscript>\n"
        f'<div id="root"></div>\n<script type="application/json" id="trackd-index">{data}</script>\n{parts}'
        f"<script>{script}</script>\n</body>\n</html>\n"
    ).encode()


def _policy(script: str, frames: list[bytes]) -> str:
    """Returns the content policy: scripts that are in the file, Blobs made of what is in it, and no address at all."""
    scripts = [script.encode(), *(text for one in frames for text in inline_scripts(one))]
    hashes = dict.fromkeys(
        f"'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'" for each in scripts
    )
    evaluates = (
        " 'unsafe-eval'" if any(b"new Function" in each or b"eval(" in each for each in scripts[1:]) else ""
    )
    return (
        f"default-src 'none'; script-src {' '.join(hashes)}{evaluates}; style-src 'unsafe-inline'; img-src data: blob:; "
        "media-src data: blob:; font-src data:; worker-src blob:; frame-src blob:; connect-src data: blob:; "
        "form-action 'none'; base-uri 'none'"
    )


def inline_scripts(source: bytes) -> list[bytes]:
    """Returns what the script elements of an HTML page hold; line ends are as a browser reads them."""
    normal = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [text for attributes, text in _SCRIPT.findall(normal) if b"src" not in attributes.lower()]

"""Owns the text of secrets that trackd gives out: a kind, an id, 256 random bits, and a check sum.

    trk_ 3kZ0c9QmPd1x 7Yt…(43)…w 0Q4xZb

Written without the spaces; digits and letters alone, so that a double click takes it whole.

Invariants: of a secret, its SHA-256 is all that is kept; a typo is seen without asking anybody; no repr shows a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass, field

KEY_KIND = "trk_"
SESSION_KIND = "trs_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12  # 71 bits: two of one id in a table of a thousand million are a chance of 1 to 5,000
_SECRET_LENGTH = 43  # 62 ** 43 > 2 ** 256
_SUM_LENGTH = 6  # 62 ** 6 > 2 ** 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token just made; `text` is shown once, and kept nowhere."""

    id: str
    text: str = field(repr=False)
    secret_sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text says that has the form of a token; whether it is one, the catalog knows."""

    id: str
    secret: str = field(repr=False)

    def is_secret_of(self, secret_sha256: str) -> bool:
        """Says whether this is the secret of that SHA-256, in the same time whatever the answer is."""
        return hmac.compare_digest(_sha256(self.secret), secret_sha256)


def make(kind: str) -> Token:
    """Returns a new token."""
    token_id, secret = _random(_ID_LENGTH), _random(_SECRET_LENGTH)
    body = f"{kind}{token_id}{secret}"
    return Token(token_id, body + _check_sum(body), _sha256(secret))


def parse(kind: str, text: str) -> Parts | None:
    """Returns the parts of a token, or None for a text that cannot be one."""
    if mistake(kind, text):
        return None
    start = len(kind)
    return Parts(text[start : start + _ID_LENGTH], text[start + _ID_LENGTH : -_SUM_LENGTH])


def mistake(kind: str, text: str) -> str:
    """Returns what is wrong with a text that cannot be a token, as a sentence without the text; empty where it can be one."""
    if not text.startswith(kind):
        return f"the key does not begin with {kind}: copy it whole, from where it was shown"
    length = len(kind) + _ID_LENGTH + _SECRET_LENGTH + _SUM_LENGTH
    if len(text) != length:
        return f"the key has {len(text)} characters, not {length}: copy it whole, from where it was shown"
    if not set(text[len(kind) :]) <= set(_ALPHABET):
        return (
            "the key holds a character that is no digit and no letter: copy it again, from where it was shown"
        )
    if not hmac.compare_digest(_check_sum(text[:-_SUM_LENGTH]), text[-_SUM_LENGTH:]):
        return "the key is mistyped, as its check sum says: copy it again, from where it was shown"
    return ""


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check_sum(body: str) -> str:
    """Returns the CRC-32: it finds every wrong character, and every two neighbours that have changed places."""
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_SUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text


def _sha256(secret: str) -> str:
    # No salt and no slow hash: 256 random bits cannot be guessed.
    return hashlib.sha256(secret.encode()).hexdigest()

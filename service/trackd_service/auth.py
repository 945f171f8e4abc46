"""Owns the store's token: made once, kept in a file that only its user reads, compared without leaking time.

Invariant: every call on both transports carries the token; the loopback and the socket's folder are no trust boundary.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path


def load_token(store: Path) -> str:
    """Returns the store's token, making it on first need."""
    path = store / "token"
    try:
        token = path.read_text("ascii").strip()
        if len(token) >= 32:
            os.chmod(path, 0o600)
            return token
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    token = os.urandom(32).hex()
    temporary = path.with_name(f".token.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, token.encode("ascii"))
    finally:
        os.close(descriptor)
    os.replace(temporary, path)
    return token


def is_right(given: str | None, token: str) -> bool:
    """Says whether a token is the store's."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def bearer(header: str | None) -> str | None:
    """Returns the token of an `Authorization: Bearer` header, or None."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None

"""Owns what a client knows of a team server: its address, the keys that `trackd login` keeps, and where it is asked.

Invariants: a key is sent to the server that it is for alone, encrypted or within this machine; it is kept for its user alone.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from trackd import _http
from trackd.errors import CommError

_FILE_NAME = "server_keys.json"
_VERSION = 1
_ASK_SECONDS = 20.0
_ANSWER_BYTES_MAX = 1 << 20


def server_url(text: str) -> str:
    """Returns a server's address as it is kept, from what a person typed; raises ValueError, one sentence."""
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError(
            f"{text[:80]!r} is no address of a server: copy it from the browser, as https://trackd.example"
        )
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError(
            f"http://{parts.netloc} would be sent the key as it is, for everyone on the way to read: use https://"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def ask(url: str, key: str, ca_file: str) -> dict[str, Any]:
    """Returns what a server says of itself to whom the key lets in, with `grpc_address`.

    Args:
        url: The server, as `server_url` gives it.
        key: An API key.
        ca_file: A PEM file with authorities; empty for the system's.

    Raises:
        CommError: The server cannot be reached, or refuses the key.
    """
    with get(url, "/api/v1/server", key, ca_file, _ASK_SECONDS) as answer:
        try:
            found = json.loads(answer.read(_ANSWER_BYTES_MAX))
            found["grpc_address"]
            return dict(found)
        except (OSError, http.client.HTTPException) as error:
            raise CommError(f"{url} cannot be reached: {error}") from None
        except (ValueError, KeyError, TypeError):
            raise CommError(f"{url} is no trackd server: look at the address") from None


def get(url: str, path: str, key: str, ca_file: str, timeout_seconds: float | None = None) -> Any:
    """Returns a server's answer to a GET, as `_http.get` does; raises CommError, also where there are no such authorities."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # an SSLError is one
        raise CommError(f"the authorities in {ca_file} cannot be read: {error.strerror or error}") from None
    return _http.get(
        url, path, key, urllib.request.HTTPSHandler(context=context), timeout_seconds=timeout_seconds
    )


def kept(store: str) -> dict[str, Any]:
    """Returns what is kept in a store of each server, by its address: `key`, `grpc_address`, `team`, `ca_file`."""
    try:
        with open(os.path.join(store, _FILE_NAME), encoding="utf-8") as file:
            document = json.load(file)
        if document["version"] == _VERSION:
            return dict(document["servers"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        pass  # written anew
    return {}


def keep(store: str, servers: dict[str, Any]) -> None:
    """Keeps what `kept` returns, in the place of what was there."""
    path = os.path.join(store, _FILE_NAME)
    temporary = os.path.join(store, f".{_FILE_NAME}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"version": _VERSION, "servers": servers}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)

"""Owns how a store comes to send its runs to a team server: the key is tried and kept, then the daemon is told.

Invariants: a key is sent to the server that it is for alone, encrypted or within this machine; it is kept for its user alone.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from trackd import _upload
from trackd._connection import Connection
from trackd.errors import CommError, Error

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


def log_in(
    connection: Connection, store: str, url: str, key: str, *, team: str = "", ca_file: str = ""
) -> str:
    """Has a store send its runs to a server; returns a sentence that says so.

    Args:
        connection: The way to the store's daemon.
        store: The store's folder.
        url: The server, as `server_url` gives it.
        key: An API key of scope write.
        team: Whose a new project is; empty for the only team of the key's user.
        ca_file: A PEM file with authorities; empty for the system's.

    Raises:
        Error: Another bucket or server is set.
        CommError: The server cannot be reached, or refuses the key.
    """
    known = _upload.facts(connection)["settings"]["url"]
    if known not in ("", url):
        raise Error(
            f"the store is uploaded to {known}: end that first, by `trackd upload --off` or `trackd logout`"
        )
    if ca_file:
        ca_file = os.path.abspath(ca_file)
    server = _ask_server(url, key, ca_file)
    before = _read(store)
    entry = {"key": key, "grpc_address": server["grpc_address"], "team": team, "ca_file": ca_file}
    _write(store, {**before, url: entry})
    try:
        words, _ = _upload.change(connection, url, {}, even_if_unusable=False)
    except CommError:
        _write(store, before)
        raise
    return words


def log_out(connection: Connection, store: str, url: str) -> str:
    """Ends what `log_in` began, and forgets the key; returns a sentence that says so."""
    known = _upload.facts(connection)["settings"]["url"]
    kept = _read(store)
    url = url or (known if known in kept else next(iter(kept), ""))
    if url not in kept:
        raise Error(f"there is no key for {url}" if url else "the store sends to no team server")
    if url == known:
        _upload.end(connection)
    _write(store, {name: entry for name, entry in kept.items() if name != url})
    return f"nothing is sent to {url} any more, and its key is forgotten here: what is there stays"


def _ask_server(url: str, key: str, ca_file: str) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked
        f"{url}/api/v1/server", headers={"Authorization": f"Bearer {key}", "User-Agent": "trackd"}
    )
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
        with urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect()).open(
            request, timeout=_ASK_SECONDS
        ) as answer:
            found = json.loads(answer.read(_ANSWER_BYTES_MAX))
            found["grpc_address"]
            return dict(found)
    except urllib.error.HTTPError as error:
        raise CommError(_sentence(url, error)) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise CommError(f"{url} cannot be reached: {reason}") from None
    except (ValueError, KeyError, TypeError):
        raise CommError(f"{url} is no trackd server: look at the address") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # the key is for this server alone
        return None


def _sentence(url: str, error: urllib.error.HTTPError) -> str:
    with error:
        try:
            message = json.loads(error.read(_ANSWER_BYTES_MAX))["error"]["message"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{url} answers {error.code}, as no trackd server does: look at the address"
    return f"{url} refuses the key: {message}"


def _read(store: str) -> dict[str, Any]:
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


def _write(store: str, servers: dict[str, Any]) -> None:
    path = os.path.join(store, _FILE_NAME)
    temporary = os.path.join(store, f".{_FILE_NAME}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"version": _VERSION, "servers": servers}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)

"""Owns how a store comes to send its runs to a team server: the key is tried and kept, then the daemon is told."""

from __future__ import annotations

import os

from trackd import _team_server, _upload
from trackd._connection import Connection
from trackd.errors import CommError, Error


def log_in(
    connection: Connection, store: str, url: str, key: str, *, team: str = "", ca_file: str = ""
) -> str:
    """Has a store send its runs to a server; returns a sentence that says so.

    Args:
        connection: The way to the store's daemon.
        store: The store's folder.
        url: The server, as `_team_server.server_url` gives it.
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
    server = _team_server.ask(url, key, ca_file)
    before = _team_server.kept(store)
    entry = {"key": key, "grpc_address": server["grpc_address"], "team": team, "ca_file": ca_file}
    _team_server.keep(store, {**before, url: entry})
    try:
        words, _ = _upload.change(connection, url, {}, even_if_unusable=False)
    except CommError:
        _team_server.keep(store, before)
        raise
    return words


def log_out(connection: Connection, store: str, url: str) -> str:
    """Ends what `log_in` began, and forgets the key; returns a sentence that says so."""
    known = _upload.facts(connection)["settings"]["url"]
    kept = _team_server.kept(store)
    url = url or (known if known in kept else next(iter(kept), ""))
    if url not in kept:
        raise Error(f"there is no key for {url}" if url else "the store sends to no team server")
    if url == known:
        _upload.end(connection)
    _team_server.keep(store, {name: entry for name, entry in kept.items() if name != url})
    return f"nothing is sent to {url} any more, and its key is forgotten here: what is there stays"

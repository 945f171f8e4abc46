"""Owns the commands of team servers: `login` and `logout`, which `_login` does, and `server`, which runs one."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from trackd import _cli_words, _login, _team_server, _upload
from trackd._connection import Connection
from trackd._shipper import tell

COMMAND = "server"
_PROGRAM = "trackd_service.server_command"
WORDS = "serve the runs of a team, or make its users and keys: `trackd server --help`"


def add_commands(add: _cli_words.Add) -> None:
    """Adds these commands to the parser, but for `server`, which reads its arguments itself."""
    login = add(
        "login",
        _run_login,
        "send the store's runs to a team server, live",
        has_json=True,
        more="The key is made on the server's page, under Settings. It is asked for, or read from standard input or "
        "--key-file, and kept in the store for its user alone. Runs that are in the store already are sent, too.",
    )
    login.add_argument("url", metavar="https://HOST", help="the server's address, as in a browser")
    login.add_argument("--key-file", metavar="FILE", help="a file that holds the key and nothing else")
    login.add_argument("--team", default="", help="whose a new project is, for who writes for several teams")
    login.add_argument(
        "--ca",
        default="",
        metavar="FILE",
        help="a PEM file with the authorities that its certificate is checked against",
    )
    logout = add("logout", _run_logout, "send nothing to the team server any more, and forget its key")
    logout.add_argument(
        "url", nargs="?", default="", metavar="https://HOST", help="the server (default: the one that is set)"
    )


def run_server(arguments: list[str]) -> int:
    """Becomes a replica of a team server, or does what the arguments say with its catalog; returns where that fails."""
    try:
        os.execv(sys.executable, [sys.executable, "-m", _PROGRAM, *arguments])  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        tell(f"the server cannot be started: {error.strerror}")
    return _cli_words.FAILED


def _run_login(options: argparse.Namespace, store: str, _: str | None) -> int:
    url = _team_server.server_url(options.url)
    key = _read_key(options.key_file)
    connection = Connection(store, options.timeout)
    words = _login.log_in(connection, store, url, key, team=options.team, ca_file=options.ca)
    if options.json:
        _cli_words.print_json(_upload.facts(connection))
    else:
        _cli_words.print_line(words)
    return _cli_words.DONE


def _run_logout(options: argparse.Namespace, store: str, _: str | None) -> int:
    url = _team_server.server_url(options.url) if options.url else ""
    _cli_words.print_line(_login.log_out(Connection(store, options.timeout), store, url))
    return _cli_words.DONE


def _read_key(path: str | None) -> str:
    if path is not None:
        with open(path, encoding="utf-8") as file:
            key = file.read(4096)
    elif sys.stdin.isatty():
        key = getpass.getpass("API key: ")
    else:
        key = sys.stdin.readline()
    if not key.strip():
        raise ValueError("the key is empty: make one on the server's page, under Settings")
    return key.strip()

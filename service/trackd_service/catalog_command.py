"""Owns the commands that copy a catalog: arguments to a copy, and what is told of it.

Invariants: what was done goes to standard output, everything else to standard error; a failure is one sentence, and exit code
1; no password is ever told.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trackd_service import catalog_copy
from trackd_service.catalog import Catalog, CatalogTooNew, CatalogTooOld
from trackd_service.catalog_copy import Copied, CopyRefused
from trackd_service.errors import TrackdError

_PROGRESS_SECONDS = 5.0
_SCHEMES = ("postgresql://", "postgres://")
_ADDRESS_HELP = (
    "postgresql://USER@HOST/DATABASE, the password in PGPASSWORD or a file; or the path of a SQLite catalog"
)


def main(arguments: Sequence[str] | None = None, default_catalog: str = "") -> int:
    """Runs a command.

    Args:
        arguments: What stands behind `trackd server`; None for the arguments of this process.
        default_catalog: The catalog where `--catalog` is not given; empty where it must be.

    Returns:
        The exit code: 0 for done, 1 for could not be done; a wrong command ends with 2.
    """
    options = _parser(default_catalog).parse_args(arguments)
    # What the pool of connections says of each of its tries is why the catalog cannot be had: said once.
    handler = logging.StreamHandler()
    handler.addFilter(_Once())
    logging.basicConfig(level=logging.WARNING, format="trackd: %(message)s", handlers=[handler])
    with contextlib.suppress(ValueError):  # of a thread that is not the main one
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what is unfinished goes
    try:
        copied = _run(options.source, options.target)
    except KeyboardInterrupt:
        return 130
    except (CopyRefused, CatalogTooNew, CatalogTooOld, ImportError) as error:
        return _failed(str(error))
    except TrackdError as error:
        return _failed(error.message)
    except (sqlite3.Error, OSError, UnicodeError) as error:
        return _failed(f"the catalog could not be copied: {error}")
    sys.stdout.write(
        f"copied {copied.row_count} rows of {len(copied.tables)} tables, compared with the source; "
        f"digest {copied.digest}\n"
    )
    return 0


def _parser(default_catalog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trackd server",
        description="Backs up, restores and moves the catalog of a team server. The bucket is not touched.",
    )
    given: dict[str, Any] = {"required": not default_catalog, "default": default_catalog or None}
    given |= {"metavar": "ADDRESS", "help": _ADDRESS_HELP}
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    backup = commands.add_parser(
        "backup",
        help="copy a catalog into a new SQLite file",
        description="Copies a catalog, while it is served, into a new SQLite file for this user alone. The file is there "
        "whole or not at all.",
    )
    backup.add_argument("--catalog", dest="source", **given)
    backup.add_argument("target", type=_file, metavar="FILE", help="the file; it must not be there yet")
    restore = commands.add_parser(
        "restore",
        help="copy a backup into an empty catalog",
        description="Copies a backup into an empty database, or one in which a server has made its tables and nobody has "
        "written yet. All of it is there afterwards, or nothing.",
    )
    restore.add_argument("--catalog", dest="target", **given)
    restore.add_argument(
        "source", type=_file, metavar="FILE", help="the backup, of this trackd or an older one"
    )
    copying = commands.add_parser(
        "copy",
        help="copy a catalog into an empty one",
        description="Copies a catalog into an empty one: between SQLite and PostgreSQL, and between databases.",
    )
    copying.add_argument("source", metavar="FROM", help=_ADDRESS_HELP)
    copying.add_argument("target", metavar="TO", help=_ADDRESS_HELP)
    return parser


def _file(text: str) -> str:
    """Returns the path of a file; an address in its place is a mistake that is worth a word."""
    if "://" in text:
        raise argparse.ArgumentTypeError("it is a file, not an address")  # which may hold a password
    return text


def _run(source: str, target: str) -> Copied:
    with _source(source) as old:
        if not target.startswith(_SCHEMES):
            return catalog_copy.copy_to_file(old, _path(target), _Progress())
        import psycopg

        from trackd_service.postgres_catalog import PostgresCatalog

        try:
            with contextlib.closing(PostgresCatalog(target)) as new:
                return catalog_copy.copy(old, new, _Progress())
        except psycopg.Error as error:
            raise CopyRefused(
                f"the database refused the copy: {' '.join(str(error).split())[:300]}"
            ) from None


@contextlib.contextmanager
def _source(address: str) -> Iterator[Catalog]:
    if not address.startswith(_SCHEMES):
        with catalog_copy.opened_file(_path(address)) as found:
            yield found
        return
    from trackd_service.postgres_catalog import PostgresCatalog

    with contextlib.closing(PostgresCatalog(address, is_read_only=True)) as served:
        yield served


def _path(address: str) -> Path:
    scheme, separator, _ = address.partition("://")
    if separator:
        raise CopyRefused(
            f"a catalog cannot be at {scheme[:20]}://…: name postgresql://… or the path of a SQLite catalog"
        )
    return Path(address)


class _Progress:
    """Tells how far a long copy is, every five seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_SECONDS

    def __call__(self, what: str, done: int, count: int) -> None:
        if time.monotonic() >= self._next:
            sys.stderr.write(f"trackd: {what}: {done} of {count} rows\n")
            sys.stderr.flush()
            self._next = time.monotonic() + _PROGRESS_SECONDS


class _Once(logging.Filter):
    """Lets each message through once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self._told
        self._told.add(message)
        return is_new


def _failed(sentence: str) -> int:
    sys.stderr.write(f"trackd: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

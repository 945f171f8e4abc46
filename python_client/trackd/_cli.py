"""Owns the `trackd` command: what a person or a script does from a shell.

Invariants: what was asked for goes to standard output, and JSON there is one document; anything else goes to standard error
as one sentence, never a traceback. The exit code is 0 for done, 1 for could not be done, 2 for a wrong command.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from trackd import _cli_daemon, _cli_runs, _cli_server, _cli_upload, _cli_words, _settings
from trackd._shipper import tell
from trackd._version import VERSION
from trackd.errors import Error

_TIMEOUT_SECONDS = 30.0


def run_command(arguments: list[str]) -> int:
    """Runs the command that the arguments (without the program's name) say; returns the exit code."""
    if arguments[:1] == [_cli_server.COMMAND]:
        return _cli_server.run_server(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        store, problem = _settings.store_path(options.store)
        if _settings.is_server(store) and not options.reads_server:
            raise ValueError(
                f"{store} is a team server, which this command has nothing to do with: name a store of this machine by "
                "--store or TRACKD_STORE"
            )
        if problem and options.command is not _cli_daemon.run_doctor:
            tell(problem)
        code: int = options.command(options, store, problem)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _cli_words.DONE
    except KeyboardInterrupt:
        return 130  # what a shell reports for SIGINT
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        return _cli_words.FAILED
    except (Error, ValueError, TypeError) as error:
        tell(str(error))
        return _cli_words.FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trackd",
        description="Looks after the trackd daemon, shows runs, logs from a shell, and exports.",
    )
    parser.add_argument("--version", action="version", version=f"trackd {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    of_store = argparse.ArgumentParser(add_help=False)
    of_store.add_argument(
        "--store",
        help="the store's folder; to read, s3://BUCKET/PREFIX or the address of a team server, too (default: TRACKD_STORE, "
        "else ~/.local/state/trackd)",
    )
    timed = argparse.ArgumentParser(add_help=False)
    timed.add_argument(
        "--timeout",
        type=_cli_words.seconds,
        default=_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for the daemon (default: %(default)g)",
    )
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def add(
        name: str,
        command: Callable[[argparse.Namespace, str, str | None], int],
        words: str,
        *,
        has_json: bool = False,
        has_timeout: bool = True,
        reads_server: bool = False,
        more: str = "",
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}. {more}".strip(),
            parents=[of_store, *([timed] if has_timeout else []), *([as_json] if has_json else [])],
        )
        added.set_defaults(command=command, reads_server=reads_server)
        return added

    _cli_daemon.add_commands(add)
    _cli_runs.add_commands(add)
    _cli_upload.add_commands(add)
    _cli_server.add_commands(add)
    commands.add_parser(_cli_server.COMMAND, help=_cli_server.WORDS, add_help=False)
    return parser

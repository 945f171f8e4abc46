"""Owns the commands that look after the daemon and its store: `up`, `down`, `status`, `ui`, `du`, `gc`, `doctor`."""

from __future__ import annotations

import argparse
import time
import webbrowser
from typing import TYPE_CHECKING, Any

from trackd import _cli_words, _daemon, _doctor, _settings, _space, _upload
from trackd._connection import Connection
from trackd._shipper import tell
from trackd._version import VERSION
from trackd.errors import CommError

if TYPE_CHECKING:
    from trackd.v1 import run_service_pb2

_STOP_SECONDS = 30.0  # a daemon seals what it holds before it ends
_POLL_SECONDS = 0.01
_RUNS_MAX = 20  # whose ranks `status` tells of: more are a list, which `runs` is for


def add_commands(add: _cli_words.Add) -> None:
    """Adds these commands to the parser."""
    add("up", _run_up, "start the daemon, if none serves the store, and print the page's address")
    down = add(
        "down",
        _run_down,
        "end the daemon and wait until it has ended",
        more="What writers log meanwhile is kept.",
    )
    down.add_argument("--if-idle", action="store_true", help="only when no writer is at work")
    add(
        "status",
        _run_status,
        "tell who the daemon is, what it counted, and how the upload stands",
        has_json=True,
        more="Exit code 1: none.",
    )
    ui = add("ui", _run_ui, "open the page in a browser, starting the daemon if needed", reads_server=True)
    # The same as --store: whichever is given last counts.
    ui.add_argument(
        "store",
        nargs="?",
        default=argparse.SUPPRESS,
        metavar="STORE",
        help="the store, such as s3://BUCKET/PREFIX; as --store",
    )
    ui.add_argument(
        "--print", action="store_true", help="only print the address, with the token that opens it"
    )
    usage = add(
        "du", _run_du, "say what takes how much space in the store, the largest runs first", has_json=True
    )
    usage.add_argument(
        "--limit",
        type=_cli_words.count,
        default=_cli_words.RUNS_SHOWN,
        help="how many runs to show (default: %(default)s)",
    )
    garbage = add(
        "gc",
        _run_gc,
        "remove files that no run uses any more",
        has_json=True,
        more="Deleting a run frees what it alone uses at once; this finds what a crash has left.",
    )
    garbage.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add(
        "doctor",
        run_doctor,
        "check what can keep trackd from working",
        has_json=True,
        more="Exit code 1: something is.",
    )


def _run_up(options: argparse.Namespace, store: str, _: str | None) -> int:
    daemon = _ask_daemon(store, options.timeout, may_start=True)
    _cli_words.print_line(daemon.http_address)
    return _cli_words.DONE


def _run_down(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd.v1 import run_service_pb2

    if not _daemon.is_alive(store):
        tell(f"no daemon serves {store}")
        return _cli_words.DONE
    connection = Connection(store, options.timeout, may_start=False)
    request = run_service_pb2.StopDaemonRequest(only_if_idle=options.if_idle)
    if not connection.manage(lambda stub, call: stub.StopDaemon(request, **call)).stopping:
        tell("a writer is at work: the daemon stays")
        return _cli_words.FAILED
    connection.close()
    deadline = time.monotonic() + _STOP_SECONDS
    while _daemon.is_alive(store):
        if time.monotonic() > deadline:
            raise CommError(f"the daemon has not ended within {_STOP_SECONDS:g} s: see daemon.log in {store}")
        time.sleep(_POLL_SECONDS)
    return _cli_words.DONE


def _run_status(options: argparse.Namespace, store: str, _: str | None) -> int:
    if not _daemon.is_alive(store):
        if options.json:
            _cli_words.print_json({"running": False, "store_path": store})
        else:
            _cli_words.print_line(f"no daemon serves {store}: `trackd up` starts one")
        return _cli_words.FAILED
    daemon = _ask_daemon(store, options.timeout, may_start=False)
    endpoint = _daemon.read_endpoint(store)
    connection = Connection(store, options.timeout, may_start=False)
    upload = _upload.brief(_upload.facts(connection))
    connection.close()
    ranks = _ranks(store, options.timeout)
    facts = {
        "running": True,
        "pid": daemon.pid,
        "version": daemon.version,
        "protocol_version": daemon.protocol_version,
        "http_address": daemon.http_address,
        "grpc_address": endpoint.grpc_address if endpoint else "",
        "store_path": daemon.store_path,
        "uptime_seconds": round(daemon.uptime_seconds, 3),
        "open_writer_count": daemon.open_writer_count,
        "counters": dict(sorted(daemon.counters.items())),
        "upload": upload,
        "ranks": ranks,
    }
    if options.json:
        _cli_words.print_json(facts)
    else:
        counters = facts.pop("counters")
        facts["upload"] = _upload.brief_words(upload)
        del facts["ranks"]
        for name, value in [*facts.items(), *counters.items()]:  # type: ignore[attr-defined]
            _cli_words.print_line(f"{name:<22} {str(value).lower() if isinstance(value, bool) else value}")
        now = time.time()
        for path, standing in ranks.items():
            _cli_words.print_line(f"{path}: {_cli_words.ranks_line(standing, now)}")
    return _cli_words.DONE


def _ranks(store: str, timeout: float | None) -> dict[str, dict[str, Any]]:
    """Returns how the ranks of the runs at work stand, by the path of the run; of the newest, where there are many."""
    from trackd._api import Api

    running = Api(timeout=timeout, store=store).runs(filters={"state": "running"}, per_page=_RUNS_MAX)
    return {run.path: ranks for run in running[:_RUNS_MAX] if (ranks := run.load().ranks) is not None}


def _run_ui(options: argparse.Namespace, store: str, _: str | None) -> int:
    if _settings.is_server(store):
        page = address = store  # where who opens it signs in
    else:
        page = _ask_daemon(store, options.timeout, may_start=True).http_address
        endpoint = _daemon.read_endpoint(store)
        if endpoint is None:
            raise CommError(f"the daemon of {store} is about to end: try again")
        address = f"{page}/?token={endpoint.token}"
    if options.print:
        _cli_words.print_line(address)
    elif webbrowser.open(address):
        tell(f"opened {page}")
    elif address == page:
        tell("no browser can be opened here; this is the address of the page:")
        _cli_words.print_line(address)
    else:
        tell(
            "no browser can be opened here; this address opens the page and is a key to it, so keep it to yourself:"
        )
        _cli_words.print_line(address)
    return _cli_words.DONE


def _run_du(options: argparse.Namespace, store: str, _: str | None) -> int:
    facts = _space.usage(Connection(store, options.timeout))
    if options.json:
        _cli_words.print_json(facts)
        return _cli_words.DONE
    for line in _space.usage_lines(facts, options.limit):
        _cli_words.print_line(line)
    return _cli_words.DONE


def _run_gc(options: argparse.Namespace, store: str, _: str | None) -> int:
    facts = _space.collect(Connection(store, options.timeout), dry_run=options.dry_run)
    if options.json:
        _cli_words.print_json(facts)
        return _cli_words.DONE
    verb = "would be removed" if options.dry_run else "removed"
    _cli_words.print_line(
        f"{facts['removed_count']} files, {_space.format_bytes(facts['removed_bytes'])}, {verb}"
    )
    return _cli_words.DONE


def run_doctor(options: argparse.Namespace, store: str, problem: str | None) -> int:
    """Runs `trackd doctor`, which tells of a problem with the store itself."""
    findings = []
    for finding in _doctor.examine(store, problem, options.timeout):
        findings.append(finding)
        if not options.json:
            _cli_words.print_line(
                f"{'ok  ' if finding.is_well else 'BAD '} {finding.name:<9} {finding.sentence}"
            )
    if options.json:
        _cli_words.print_json([vars(finding) for finding in findings])
    return _cli_words.DONE if all(finding.is_well for finding in findings) else _cli_words.FAILED


def _ask_daemon(store: str, timeout_seconds: float, *, may_start: bool) -> run_service_pb2.GetDaemonResponse:
    from trackd.v1 import run_service_pb2

    connection = Connection(store, timeout_seconds, may_start=may_start)
    request = run_service_pb2.GetDaemonRequest(client_version=VERSION)
    answer: run_service_pb2.GetDaemonResponse = connection.manage(
        lambda stub, call: stub.GetDaemon(request, **call)
    )
    connection.close()
    return answer

"""Owns the `trackd` command: what a person or a script does from a shell.

Invariants: what was asked for goes to standard output, and JSON there is one document; anything else goes to standard error
as one sentence, never a traceback. The exit code is 0 for done, 1 for could not be done, 2 for a wrong command.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import sys
import time
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trackd import _daemon, _doctor, _export, _html_file, _settings, _space, _upload
from trackd._api import Api
from trackd._connection import Connection, NotFoundError
from trackd._shipper import tell
from trackd._version import VERSION
from trackd.errors import CommError, Error

if TYPE_CHECKING:
    import trackd
    from trackd._api_runs import Run
    from trackd.v1 import run_service_pb2

_DONE, _FAILED, _WRONG = 0, 1, 2
_STOP_SECONDS = 30.0  # a daemon seals what it holds before it ends
_POLL_SECONDS = 0.01
_TIMEOUT_SECONDS = 30.0
_LOG_SECONDS = 5.0  # as long as `finish()` waits by default
_RUNS_SHOWN = 20
_PAGE_MEGABYTES = 64  # opens at once, and holds thousands of lines of charts
_FOLLOW_SECONDS = 0.5


def run_command(arguments: list[str]) -> int:
    """Runs the command that the arguments (without the program's name) say; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        store, problem = _settings.store_path(options.store)
        if problem and options.command is not _run_doctor:
            tell(problem)
        code: int = options.command(options, store, problem)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE
    except KeyboardInterrupt:
        return 130  # what a shell reports for SIGINT
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        return _FAILED
    except (Error, ValueError, TypeError) as error:
        tell(str(error))
        return _FAILED
    return code


# -- the daemon ----------------------------------------------------------------------------------------------------


def _run_up(options: argparse.Namespace, store: str, _: str | None) -> int:
    daemon = _ask_daemon(store, options.timeout, may_start=True)
    _print(daemon.http_address)
    return _DONE


def _run_down(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd.v1 import run_service_pb2

    if not _daemon.is_alive(store):
        tell(f"no daemon serves {store}")
        return _DONE
    connection = Connection(store, options.timeout, may_start=False)
    request = run_service_pb2.StopDaemonRequest(only_if_idle=options.if_idle)
    if not connection.manage(lambda stub, call: stub.StopDaemon(request, **call)).stopping:
        tell("a writer is at work: the daemon stays")
        return _FAILED
    connection.close()
    deadline = time.monotonic() + _STOP_SECONDS
    while _daemon.is_alive(store):
        if time.monotonic() > deadline:
            raise CommError(f"the daemon has not ended within {_STOP_SECONDS:g} s: see daemon.log in {store}")
        time.sleep(_POLL_SECONDS)
    return _DONE


def _run_status(options: argparse.Namespace, store: str, _: str | None) -> int:
    if not _daemon.is_alive(store):
        if options.json:
            _print_json({"running": False, "store_path": store})
        else:
            _print(f"no daemon serves {store}: `trackd up` starts one")
        return _FAILED
    daemon = _ask_daemon(store, options.timeout, may_start=False)
    endpoint = _daemon.read_endpoint(store)
    connection = Connection(store, options.timeout, may_start=False)
    upload = _upload.brief(_upload.facts(connection))
    connection.close()
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
    }
    if options.json:
        _print_json(facts)
    else:
        counters = facts.pop("counters")
        facts["upload"] = _upload.brief_words(upload)
        for name, value in [*facts.items(), *counters.items()]:  # type: ignore[attr-defined]
            _print(f"{name:<22} {str(value).lower() if isinstance(value, bool) else value}")
    return _DONE


def _run_ui(options: argparse.Namespace, store: str, _: str | None) -> int:
    daemon = _ask_daemon(store, options.timeout, may_start=True)
    endpoint = _daemon.read_endpoint(store)
    if endpoint is None:
        raise CommError(f"the daemon of {store} is about to end: try again")
    address = f"{daemon.http_address}/?token={endpoint.token}"
    if options.print:
        _print(address)
    elif webbrowser.open(address):
        tell(f"opened {daemon.http_address}")
    else:
        tell(
            "no browser can be opened here; this address opens the page and is a key to it, so keep it to yourself:"
        )
        _print(address)
    return _DONE


def _run_du(options: argparse.Namespace, store: str, _: str | None) -> int:
    facts = _space.usage(Connection(store, options.timeout))
    if options.json:
        _print_json(facts)
        return _DONE
    for line in _space.usage_lines(facts, options.limit):
        _print(line)
    return _DONE


def _run_gc(options: argparse.Namespace, store: str, _: str | None) -> int:
    facts = _space.collect(Connection(store, options.timeout), dry_run=options.dry_run)
    if options.json:
        _print_json(facts)
        return _DONE
    verb = "would be removed" if options.dry_run else "removed"
    _print(f"{facts['removed_count']} files, {_space.format_bytes(facts['removed_bytes'])}, {verb}")
    return _DONE


def _run_doctor(options: argparse.Namespace, store: str, problem: str | None) -> int:
    findings = []
    for finding in _doctor.examine(store, problem, options.timeout):
        findings.append(finding)
        if not options.json:
            _print(f"{'ok  ' if finding.is_well else 'BAD '} {finding.name:<9} {finding.sentence}")
    if options.json:
        _print_json([vars(finding) for finding in findings])
    return _DONE if all(finding.is_well for finding in findings) else _FAILED


def _ask_daemon(store: str, timeout_seconds: float, *, may_start: bool) -> run_service_pb2.GetDaemonResponse:
    from trackd.v1 import run_service_pb2

    connection = Connection(store, timeout_seconds, may_start=may_start)
    request = run_service_pb2.GetDaemonRequest(client_version=VERSION)
    answer: run_service_pb2.GetDaemonResponse = connection.manage(
        lambda stub, call: stub.GetDaemon(request, **call)
    )
    connection.close()
    return answer


# -- the upload ----------------------------------------------------------------------------------------------------

_UPLOAD_OPTIONS = (
    "endpoint_url", "region", "profile", "interval_seconds", "bytes_per_second_max", "keep_local_days",
)  # fmt: skip


def _run_upload(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    given = {name: value for name in _UPLOAD_OPTIONS if (value := getattr(options, name)) is not None}
    if options.off:
        if options.url or given:
            raise ValueError("--off ends the upload: give it neither a bucket nor other options")
        words = _upload.end(connection)
        if not options.json:
            _print(words)
    elif options.url or given:
        words, findings = _upload.change(
            connection, options.url, given, even_if_unusable=options.even_if_unusable
        )
        for finding in findings:
            tell(finding)
        if not options.json:
            _print(words)
    elif not options.json:
        for line in _upload.describe(_upload.facts(connection)):
            _print(line)
    if options.json:
        _print_json(_upload.facts(connection))
    return _DONE


def _run_sync(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    if not options.wait:
        _upload.start_sync(connection)
        tell("the daemon sends everything now; `trackd status` says how far it is")
        return _DONE
    try:
        done = _upload.sync(connection, options.timeout)
    except KeyboardInterrupt:
        tell("the daemon goes on sending; `trackd sync` shows how far it is")
        raise
    if options.json:
        _print_json(done)
    else:
        _print(_upload.sync_words(done))
    return _DONE


def _run_pull(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    endpoint_url = options.endpoint_url if options.endpoint_url is not None else _settings.bucket_endpoint()
    source = {
        "url": options.url,
        "endpoint_url": endpoint_url,
        "region": options.region or "",
        "profile": options.profile or "",
    }
    try:
        done = _upload.pull(connection, source, options.path)
    except KeyboardInterrupt:
        tell("the same command goes on with what is missing")
        raise
    if options.json:
        _print_json(done)
    else:
        count = done["run_count"]
        copied = _space.format_bytes(done["copied_bytes"])
        _print(f"{count} {'run is' if count == 1 else 'runs are'} here; {copied} copied")
    return _DONE


def _run_verify(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    done = _upload.verify(connection, options.read_bucket, (lambda _: None) if options.json else _print)
    if options.json:
        _print_json(done)
    elif done["findings"]:
        tell(_upload.verify_words(done))
    else:
        _print(_upload.verify_words(done))
    return _FAILED if done["findings"] else _DONE


def _run_publish(options: argparse.Namespace, store: str, _: str | None) -> int:
    done = _upload.publish(Connection(store, options.timeout))
    if options.json:
        _print_json(done)
    else:
        _print(_upload.publish_words(done))
    return _DONE


def _open_upload(options: argparse.Namespace, store: str) -> Connection:
    if _settings.shows_bucket(store):
        raise ValueError(
            "the store is a bucket, which can only be read: name a local store with --store or TRACKD_STORE"
        )
    return Connection(store, options.timeout)


# -- runs ----------------------------------------------------------------------------------------------------------


def _run_runs(options: argparse.Namespace, store: str, _: str | None) -> int:
    api = Api(timeout=options.timeout, store=store)
    runs = api.runs(options.project, options.filter, options.order, per_page=min(options.limit, 1000))
    shown = runs[: options.limit]
    if options.json:
        _print_json([_brief(run) for run in shown])
        return _DONE
    rows = [("RUN", "NAME", "STATE", "BEGAN (UTC)", "TAGS")]
    rows += [
        (run.path, run.name, _state(run), run.created_at[:19].replace("T", " "), ",".join(run.tags))
        for run in shown
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    if len(runs) > len(shown):
        tell(f"{len(shown)} of {len(runs)} runs; --limit shows more")
    return _DONE


def _run_show(options: argparse.Namespace, store: str, _: str | None) -> int:
    run = Api(timeout=options.timeout, store=store).run(options.run)
    metrics = run.metrics()
    if options.json:
        _print_json(
            {
                **_brief(run),
                "config": run.config,
                "summary": dict(run.summary),
                "metrics": [vars(metric) for metric in metrics],
                "metadata": run.metadata,
                "traceback": run.traceback,
                "ingest_health": run.ingest_health,
                "system_metrics": run.system_metrics,
                "writers": run.writers,
                "alerts": run.alerts,
            }
        )
        return _DONE
    for name, value in _brief(run).items():
        if value not in ("", None, [], False):
            _print(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    for title, values in (("config", run.config), ("summary", dict(run.summary))):
        _print(f"\n{title}:")
        for key, value in values.items():
            _print(f"  {key} = {_show(value)}")
    _print("\nmetrics:")
    for metric in metrics:
        _print(
            f"  {metric.name} ({metric.kind}): {metric.count} values, steps {metric.first_step} to {metric.last_step}"
        )
    _print("\nwriters:")
    for writer in run.writers:
        who = writer["label"] or writer["role"]
        _print(f"  {who} on {writer['host']}: {writer['row_count']} rows, {len(writer['metrics'])} metrics")
    for alert in run.alerts:
        _print(f"\nalert {alert['level']}: {alert['title']} {alert['text']}".rstrip())
    if health := run.ingest_health["message"]:
        _print(f"\ningest: {health}")
    if run.traceback:
        _print(f"\n{run.traceback.rstrip()}")
    return _DONE


def _state(run: Run) -> str:
    """Returns the state with what a person wants to know at a glance."""
    if run.stalled:
        return f"{run.state}, stalled"
    if run.signal:
        return f"{run.state} (signal {run.signal})"
    return f"{run.state} ({run.exit_code})" if run.exit_code else run.state


def _brief(run: Run) -> dict[str, Any]:
    return {
        "project": run.project,
        "run_id": run.id,
        "name": run.name,
        "state": run.state,
        "end_reason": run.end_reason,
        "stalled": run.stalled,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "exit_code": run.exit_code,
        "group": run.group,
        "job_type": run.job_type,
        "tags": run.tags,
        "notes": run.notes,
        "archived": run.archived,
        "url": run.url,
    }


def _run_compare(options: argparse.Namespace, store: str, _: str | None) -> int:
    api = Api(timeout=options.timeout, store=store)
    found = api.run(options.left).compare(api.run(options.right))
    if options.json:
        _print_json(vars(found))
        return _DONE
    for title in ("config", "environment", "packages"):
        pairs = getattr(found, title)
        if pairs:
            _print(f"{title}:")
        for key, (left, right) in pairs.items():
            _print(f"  {key}: {_show(left)} -> {_show(right)}")
    for path, diff in found.files.items():
        _print(diff.rstrip() if diff else f"{path} differs")
    return _DONE


def _run_logs(options: argparse.Namespace, store: str, _: str | None) -> int:
    run = Api(timeout=options.timeout, store=store).run(options.run)
    writers = {writer["id"]: writer["console_line_count"] for writer in run.writers}
    printed = [writer for writer, count in writers.items() if count and writer.startswith(options.writer)]
    if not printed:
        tell(f"run {run.path} has printed nothing" + (" there" if options.writer else " yet"))
        if not options.follow:
            return _DONE
    writer = printed[0] if printed else ""
    first = max(0, writers.get(writer, 0) - options.lines) if options.lines else 0
    while True:
        is_done = not options.follow or run.load().state != "running"
        lines = list(run.console(writer, options.grep, first))
        # The last line may still be written, such as a progress bar: it is printed when it is done.
        for number, _stream, _time, text in lines if is_done else lines[:-1]:
            _print(text)
            first = number + 1
        sys.stdout.flush()
        if is_done:
            return _DONE
        time.sleep(_FOLLOW_SECONDS)


def _run_log(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd import _init

    values = dict(options.values)
    path = options.run or _settings.variable("RUN_ID")
    if not path:
        raise ValueError("no run is named: give --run PROJECT/ID, or set TRACKD_RUN_ID")
    mode = _settings.choose_mode(None)
    if mode == "disabled":
        return _DONE
    project, _, run_id = path.strip("/").rpartition("/")
    project = project.rpartition("/")[2] or _settings.variable("PROJECT") or ""
    step = options.step
    if not project or (step is None and mode != "offline"):
        try:
            known = Api(timeout=options.timeout, store=store).run(f"{project}/{run_id}".lstrip("/"))
            project = known.project
            if step is None:  # behind the helpers' rows too, which next_step does not count
                step = max(known.next_step, known.lastHistoryStep + 1)
        except NotFoundError:
            if not project:
                raise
            # The run's own process may have opened it just now: its log and this one are taken in together.
            step = options.step
    # The row is on the disk at once; what is waited for is that the daemon has it, for whoever reads next.
    wait_seconds = 0.0 if mode == "offline" else min(options.timeout, _LOG_SECONDS)
    run = _init.open_run(
        project=_init._check_name("project", project, _init._PROJECT_FORBIDDEN),  # noqa: SLF001 - as init does
        run_id=_init._check_name("run id", run_id, _init._ID_FORBIDDEN),  # noqa: SLF001
        name="",
        folder="",
        store=store,
        settings=_settings.make_settings({"quiet": True, "finish_timeout_seconds": wait_seconds}),
        role="helper",
        mode=mode,
    )
    run.log(
        values, step=step, commit=True
    )  # done with this call, so that the next one takes the step behind it
    problem = run._spool.problem  # noqa: SLF001 - only the spool knows whether the disk took the row
    run.finish()
    if problem:
        raise Error(f"the row could not be kept: {problem}")
    return _DONE


def _run_program(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd import _config, _init, _names, _program, _run

    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    if not program:
        raise ValueError(
            "no program is named: give it behind the options, as in `trackd run -- ./train --epochs 3`"
        )
    if code := _program.find(program[0]):
        tell(
            f"{program[0]} "
            + ("is no program" if code == _program.NOT_EXECUTABLE else "is not found: give its path")
        )
        return code
    mode = _settings.choose_mode(None)
    if mode == "disabled":
        os.execvp(program[0], program)  # noqa: S606 - a program of the person's own
    project = _init._check_name(  # noqa: SLF001 - as init does
        "project",
        options.project or _settings.default_project(),
        _init._PROJECT_FORBIDDEN,  # noqa: SLF001
    )
    given_id = options.id or _settings.variable("RUN_ID") or _names.generate_id()
    run_id = _init._check_name("run id", given_id, _init._ID_FORBIDDEN)  # noqa: SLF001
    # What the packages of this interpreter are says nothing of the program.
    path = shutil.which(program[0]) or program[0]
    settings = _settings.make_settings({"console": "redirect", "command": (path, *program[1:])})
    settings.captures = tuple(capture for capture in settings.captures if capture != "packages")
    values = _config.read_config(dict(options.config))

    def open_run(on_text: Callable[[str, str], None] | None) -> trackd.Run:
        run = _init.open_run(
            project=project,
            run_id=run_id,
            name=options.name or _settings.variable("NAME") or _names.generate_name(),
            notes=options.notes,
            tags=_run.check_tags(options.tag),
            group=options.group or _settings.variable("RUN_GROUP"),
            job_type=options.job_type or _settings.variable("JOB_TYPE"),
            folder="",
            store=store,
            settings=settings,
            role="shared" if mode == "shared" else "primary",
            mode=mode,
            on_text=on_text,
        )
        if values:
            run.config.update(values, allow_val_change=True)
        return run

    # A program that tracks by itself joins the run, and its console is captured already.
    environment = {
        "TRACKD_RUN_ID": run_id, "TRACKD_PROJECT": project, "TRACKD_STORE": store, "TRACKD_CONSOLE": "off",
    }  # fmt: skip
    return _program.run(program, environment, open_run, has_metrics=not options.no_metrics)


def _run_export(options: argparse.Namespace, store: str, _: str | None) -> int:
    if options.html is not None:
        return _export_html(options, store)
    if options.view or options.max_size is not None:
        raise ValueError("--view and --max-size are of pages: give --html FILE as well")
    run = Api(timeout=options.timeout, store=store).run(options.run)
    if options.output == "-":
        chosen = options.format or "csv"
        if chosen == "parquet":
            raise ValueError("parquet cannot be written to standard output: give --output FILE")
        _export.write_text(run, sys.stdout, chosen)
        return _DONE
    output = options.output or f"{run.id}.{options.format or 'csv'}"
    _print(run.export(output, options.format))
    return _DONE


def _export_html(options: argparse.Namespace, store: str) -> int:
    if options.format is not None or options.output is not None:
        raise ValueError("--html writes a page and nothing else: leave out --format and --output")
    projects = {project.name for project in Api(timeout=options.timeout, store=store).projects()}
    if options.run in projects:
        project, run_id = options.run, ""
    else:
        run = Api(timeout=options.timeout, store=store).run(options.run)
        project, run_id = run.project, run.id
        if options.view:
            raise ValueError(
                f"--view is of a project's runs, and {options.run!r} is a run: name the project alone"
            )
    endpoint = _daemon.read_endpoint(store)
    if endpoint is None:
        raise CommError(f"the daemon of {store} is about to end: try again")
    megabytes = _PAGE_MEGABYTES if options.max_size is None else options.max_size
    left_out = _html_file.save(endpoint, options.html, project, run_id, options.view, megabytes * 1_000_000)
    for sentence in left_out:
        tell(f"not in the file: {sentence}")
    tell(f"the file is {os.path.getsize(options.html) / 1e6:,.1f} MB")
    _print(options.html)
    return _DONE


# -- arguments and output ------------------------------------------------------------------------------------------


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
        help="the store's folder, or s3://BUCKET/PREFIX to read a bucket (default: TRACKD_STORE, else ~/.local/state/trackd)",
    )
    timed = argparse.ArgumentParser(add_help=False)
    timed.add_argument(
        "--timeout",
        type=_seconds,
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
        more: str = "",
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}. {more}".strip(),
            parents=[of_store, *([timed] if has_timeout else []), *([as_json] if has_json else [])],
        )
        added.set_defaults(command=command)
        return added

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
    ui = add("ui", _run_ui, "open the page in a browser, starting the daemon if needed")
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
    runs = add("runs", _run_runs, "list runs, newest first", has_json=True)
    runs.add_argument("project", nargs="?", help="the project (default: all)", metavar="PROJECT")
    runs.add_argument("--limit", type=_count, default=_RUNS_SHOWN, help="how many (default: %(default)s)")
    runs.add_argument(
        "--filter", type=_filter, metavar="JSON", help="""conditions, such as '{"config.lr": {"$lt": 0.1}}'"""
    )
    runs.add_argument(
        "--order", default="-created_at", help="fields to order by, such as --order=-summary_metrics.acc"
    )
    show = add("show", _run_show, "show one run: config, summary and metrics", has_json=True)
    show.add_argument("run", metavar="RUN", help="PROJECT/ID or ID")
    log = add(
        "log",
        _run_log,
        "log values into a run from a shell",
        more="Numbers, true, false, null, and JSON lists are taken as such, the rest as text.",
    )
    log.add_argument("values", nargs="+", type=_key_value, metavar="KEY=VALUE", help="a metric and its value")
    log.add_argument("--step", type=_step, help="the step (default: the run's next one)")
    log.add_argument(
        "--run", metavar="PROJECT/ID", help="the run (default: TRACKD_RUN_ID, in TRACKD_PROJECT)"
    )
    program = add(
        "run",
        _run_program,
        "run a program as a run: its console, key=value pairs that it prints, and how it ends",
        more="The exit code is the program's.",
    )
    program.add_argument(
        "--project", help="the project (default: TRACKD_PROJECT, else the git repository's name)"
    )
    program.add_argument("--id", help="the run's id (default: TRACKD_RUN_ID, else a new one)")
    program.add_argument("--name", help="the run's name")
    program.add_argument("--notes", help="the run's notes")
    program.add_argument("--group", help="the run's group")
    program.add_argument("--job-type", help="the run's job type")
    program.add_argument("--tag", action="append", default=[], help="a tag; may be given several times")
    program.add_argument(
        "--config",
        action="append",
        default=[],
        type=_key_value,
        metavar="KEY=VALUE",
        help="a value of the config",
    )
    program.add_argument(
        "--no-metrics", action="store_true", help="log no key=value pairs of what is printed"
    )
    program.add_argument("program", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the program")
    compare = add("compare", _run_compare, "show what two runs do not share", has_json=True)
    compare.add_argument("left", metavar="RUN", help="PROJECT/ID or ID")
    compare.add_argument("right", metavar="RUN", help="PROJECT/ID or ID")
    logs = add("logs", _run_logs, "print what a run has printed", more="Colours are kept.")
    logs.add_argument("run", metavar="RUN", help="PROJECT/ID or ID")
    logs.add_argument("--lines", type=_count, metavar="N", help="only the last N lines (default: all)")
    logs.add_argument("--follow", action="store_true", help="go on until the run ends")
    logs.add_argument("--grep", default="", metavar="PATTERN", help="only lines that match this expression")
    logs.add_argument(
        "--writer", default="", metavar="ID", help="of the writer whose id begins so (see show)"
    )
    export = add(
        "export", _run_export, "write the full history of a run to a file, and print the file's path"
    )
    export.add_argument("run", metavar="RUN", help="PROJECT/ID or ID; with --html also PROJECT")
    export.add_argument("--html", metavar="FILE", help="write the page as one file that opens anywhere")
    export.add_argument("--view", default="", metavar="ID", help="with --html: the saved view of the project")
    export.add_argument(
        "--max-size",
        type=_count,
        metavar="MB",
        help=f"with --html: how large the file may be (default: {_PAGE_MEGABYTES})",
    )
    export.add_argument(
        "--format", choices=_export.FORMATS, help="the format (default: by the output's ending, else csv)"
    )
    export.add_argument(
        "--output", metavar="FILE", help="the file (default: ID.FORMAT; - for standard output)"
    )
    usage = add(
        "du", _run_du, "say what takes how much space in the store, the largest runs first", has_json=True
    )
    usage.add_argument(
        "--limit", type=_count, default=_RUNS_SHOWN, help="how many runs to show (default: %(default)s)"
    )
    garbage = add(
        "gc",
        _run_gc,
        "remove files that no run uses any more",
        has_json=True,
        more="Deleting a run frees what it alone uses at once; this finds what a crash has left.",
    )
    garbage.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    _add_upload_commands(add)
    add(
        "doctor",
        _run_doctor,
        "check what can keep trackd from working",
        has_json=True,
        more="Exit code 1: something is.",
    )
    return parser


def _add_upload_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    upload = add(
        "upload",
        _run_upload,
        "have runs uploaded to a bucket while they are written; without arguments, say how that stands",
        has_json=True,
        more="The bucket is tried first. Credentials are found as boto3 finds them, and are never kept. Of the bucket that "
        "is set already, what is not given stays as it is.",
    )
    upload.add_argument("url", nargs="?", metavar="s3://BUCKET/PREFIX", help="where to")
    _add_bucket_options(upload)
    upload.add_argument(
        "--interval",
        dest="interval_seconds",
        type=_seconds,
        metavar="SECONDS",
        help="how long a change waits at most before it is sent, 0.5 to 3600 (default: 5)",
    )
    upload.add_argument(
        "--limit-rate",
        dest="bytes_per_second_max",
        type=_rate,
        metavar="BYTES",
        help="the most bytes a second, such as 500k or 20M; 0 for no limit (default: 0)",
    )
    upload.add_argument(
        "--keep-local",
        dest="keep_local_days",
        type=_days,
        metavar="DAYS",
        help="after how many days an ended run that is in the bucket leaves this disk; 0 for never (default: 0)",
    )
    upload.add_argument(
        "--even-if-unusable", action="store_true", help="set it even though the bucket cannot be used now"
    )
    upload.add_argument("--off", action="store_true", help="end the upload; what is in the bucket stays")
    sync = add(
        "sync",
        _run_sync,
        "have everything sent to the bucket, runs that were logged offline too, and wait until it is there",
        has_json=True,
        has_timeout=False,
        more="It waits as long as bytes move. Exit code 1: no bucket is set, or it cannot be used.",
    )
    sync.add_argument(
        "--no-wait", dest="wait", action="store_false", help="only tell the daemon, and return at once"
    )
    sync.add_argument(
        "--timeout",
        type=_seconds,
        default=_upload.WAITING_SECONDS,
        metavar="SECONDS",
        help="how long to wait for the daemon, and for a bucket that takes nothing (default: %(default)g)",
    )
    pull = add(
        "pull",
        _run_pull,
        "copy runs of a bucket into the store, whole",
        has_json=True,
        more="What is here already is not copied again.",
    )
    pull.add_argument("url", metavar="s3://BUCKET/PREFIX", help="where from")
    pull.add_argument(
        "path", nargs="?", default="", metavar="PROJECT[/ID]", help="a project or a run (default: all runs)"
    )
    _add_bucket_options(pull)
    verify = add(
        "verify",
        _run_verify,
        "read everything that the store has, and look whether the bucket has it too",
        has_json=True,
        more="Each thing that is wrong is printed. Exit code 1: something is. What the bucket lacks is sent again.",
    )
    verify.add_argument(
        "--read-bucket", action="store_true", help="read the bucket's files as well, not only their sizes"
    )
    add(
        "publish",
        _run_publish,
        "bring the Delta table in the store's bucket up to date, for other programs that read it",
        has_json=True,
    )


def _add_bucket_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--endpoint-url",
        metavar="URL",
        help="the server, for others than AWS (default: TRACKD_UPLOAD_ENDPOINT_URL, else AWS_ENDPOINT_URL)",
    )
    parser.add_argument("--region", help="the region (default: as boto3 finds it)")
    parser.add_argument(
        "--profile", help="the profile of the credentials (default: as boto3 finds credentials)"
    )


def _key_value(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    return key, parse_value(value)


def parse_value(text: str) -> Any:
    """Returns what a word of the shell says: a number, true, false, null, a JSON list, object or string, else the text."""
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if re.fullmatch(
        r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity)|nan", text, re.ASCII | re.IGNORECASE
    ):
        return float(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text[:1] in ("[", "{", '"') or text == "null":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _filter(text: str) -> dict[str, Any]:
    try:
        filters = json.loads(text)
    except (ValueError, RecursionError):
        filters = None
    if not isinstance(filters, dict):
        raise argparse.ArgumentTypeError(f"""{text!r} is no JSON object such as '{{"state": "failed"}}'""")
    return filters


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds above 0")
    return seconds


def _rate(text: str) -> int:
    try:
        return _upload.parse_rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _days(text: str) -> float:
    days = float(text)
    if not 0 <= days < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of days from 0")
    return days


def _step(text: str) -> int:
    step = int(text)
    if not 0 <= step < 1 << 63:
        raise argparse.ArgumentTypeError(f"{step} is no step; steps are 0 to 2^63-1")
    return step


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is no count of at least 1")
    return count


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(value: Any) -> None:
    _print(json.dumps(_export.strict_json(value), indent=2, ensure_ascii=False))


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

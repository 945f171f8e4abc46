"""Owns the commands that show, write and export runs: `runs`, `show`, `compare`, `logs`, `log`, `run`, `export`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trackd import _cli_words, _export, _html_file, _settings
from trackd._api import Api
from trackd._connection import Connection, NotFoundError
from trackd._shipper import tell
from trackd.errors import Error

if TYPE_CHECKING:
    import trackd
    from trackd._api_runs import Run

_LOG_SECONDS = 5.0  # as long as `finish()` waits by default
_PAGE_MEGABYTES = 64  # opens at once, and holds thousands of lines of charts
_FOLLOW_SECONDS = 0.5


def add_commands(add: _cli_words.Add) -> None:
    """Adds these commands to the parser."""
    runs = add("runs", _run_runs, "list runs, newest first", has_json=True, reads_server=True)
    runs.add_argument("project", nargs="?", help="the project (default: all)", metavar="PROJECT")
    runs.add_argument(
        "--limit",
        type=_cli_words.count,
        default=_cli_words.RUNS_SHOWN,
        help="how many (default: %(default)s)",
    )
    runs.add_argument(
        "--filter",
        type=_cli_words.filters,
        metavar="JSON",
        help="""conditions, such as '{"config.lr": {"$lt": 0.1}}'""",
    )
    runs.add_argument(
        "--order", default="-created_at", help="fields to order by, such as --order=-summary_metrics.acc"
    )
    show = add(
        "show", _run_show, "show one run: config, summary and metrics", has_json=True, reads_server=True
    )
    show.add_argument("run", metavar="RUN", help="PROJECT/ID or ID")
    log = add(
        "log",
        _run_log,
        "log values into a run from a shell",
        more="Numbers, true, false, null, and JSON lists are taken as such, the rest as text.",
    )
    log.add_argument(
        "values", nargs="+", type=_cli_words.key_value, metavar="KEY=VALUE", help="a metric and its value"
    )
    log.add_argument("--step", type=_cli_words.step, help="the step (default: the run's next one)")
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
        type=_cli_words.key_value,
        metavar="KEY=VALUE",
        help="a value of the config",
    )
    program.add_argument(
        "--no-metrics", action="store_true", help="log no key=value pairs of what is printed"
    )
    program.add_argument("program", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the program")
    compare = add(
        "compare", _run_compare, "show what two runs do not share", has_json=True, reads_server=True
    )
    compare.add_argument("left", metavar="RUN", help="PROJECT/ID or ID")
    compare.add_argument("right", metavar="RUN", help="PROJECT/ID or ID")
    logs = add("logs", _run_logs, "print what a run has printed", reads_server=True, more="Colours are kept.")
    logs.add_argument("run", metavar="RUN", help="PROJECT/ID or ID")
    logs.add_argument(
        "--lines", type=_cli_words.count, metavar="N", help="only the last N lines (default: all)"
    )
    logs.add_argument("--follow", action="store_true", help="go on until the run ends")
    logs.add_argument("--grep", default="", metavar="PATTERN", help="only lines that match this expression")
    logs.add_argument(
        "--writer", default="", metavar="ID", help="of the writer whose id begins so (see show)"
    )
    export = add(
        "export",
        _run_export,
        "write the full history of a run to a file, and print the file's path",
        reads_server=True,
    )
    export.add_argument("run", metavar="RUN", help="PROJECT/ID or ID; with --html also PROJECT")
    export.add_argument("--html", metavar="FILE", help="write the page as one file that opens anywhere")
    export.add_argument("--view", default="", metavar="ID", help="with --html: the saved view of the project")
    export.add_argument(
        "--max-size",
        type=_cli_words.count,
        metavar="MB",
        help=f"with --html: how large the file may be (default: {_PAGE_MEGABYTES})",
    )
    export.add_argument(
        "--format", choices=_export.FORMATS, help="the format (default: by the output's ending, else csv)"
    )
    export.add_argument(
        "--output", metavar="FILE", help="the file (default: ID.FORMAT; - for standard output)"
    )


def _run_runs(options: argparse.Namespace, store: str, _: str | None) -> int:
    api = Api(timeout=options.timeout, store=store)
    runs = api.runs(options.project, options.filter, options.order, per_page=min(options.limit, 1000))
    shown = runs[: options.limit]
    if options.json:
        _cli_words.print_json([_brief(run) for run in shown])
        return _cli_words.DONE
    rows = [("RUN", "NAME", "STATE", "BEGAN (UTC)", "TAGS")]
    rows += [
        (run.path, run.name, _state(run), run.created_at[:19].replace("T", " "), ",".join(run.tags))
        for run in shown
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _cli_words.print_line(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    if len(runs) > len(shown):
        tell(f"{len(shown)} of {len(runs)} runs; --limit shows more")
    return _cli_words.DONE


def _run_show(options: argparse.Namespace, store: str, _: str | None) -> int:
    run = Api(timeout=options.timeout, store=store).run(options.run)
    metrics = run.metrics()
    if options.json:
        _cli_words.print_json(
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
                "ranks": run.ranks,
                "alerts": run.alerts,
            }
        )
        return _cli_words.DONE
    for name, value in _brief(run).items():
        if value not in ("", None, [], False):
            _cli_words.print_line(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    if line := _cli_words.ranks_line(run.ranks, time.time()):
        _cli_words.print_line(f"{'ranks':<12} {line}")
    for title, values in (("config", run.config), ("summary", dict(run.summary))):
        _cli_words.print_line(f"\n{title}:")
        for key, value in values.items():
            _cli_words.print_line(f"  {key} = {_cli_words.shown(value)}")
    _cli_words.print_line("\nmetrics:")
    for metric in metrics:
        _cli_words.print_line(
            f"  {metric.name} ({metric.kind}): {metric.count} values, steps {metric.first_step} to {metric.last_step}"
        )
    _cli_words.print_line("\nwriters:")
    for writer in run.writers:
        who = writer["label"] or writer["role"]
        stands = "silent" if writer["silent"] else writer["state"]
        how = "" if writer["role"] == "observer" else f", {stands}"
        _cli_words.print_line(
            f"  {who} on {writer['host']}: {writer['row_count']} rows, {len(writer['metrics'])} metrics{how}"
        )
    for alert in run.alerts:
        _cli_words.print_line(f"\nalert {alert['level']}: {alert['title']} {alert['text']}".rstrip())
    if health := run.ingest_health["message"]:
        _cli_words.print_line(f"\ningest: {health}")
    if run.traceback:
        _cli_words.print_line(f"\n{run.traceback.rstrip()}")
    return _cli_words.DONE


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
        _cli_words.print_json(vars(found))
        return _cli_words.DONE
    for title in ("config", "environment", "packages"):
        pairs = getattr(found, title)
        if pairs:
            _cli_words.print_line(f"{title}:")
        for key, (left, right) in pairs.items():
            _cli_words.print_line(f"  {key}: {_cli_words.shown(left)} -> {_cli_words.shown(right)}")
    for path, diff in found.files.items():
        _cli_words.print_line(diff.rstrip() if diff else f"{path} differs")
    return _cli_words.DONE


def _run_logs(options: argparse.Namespace, store: str, _: str | None) -> int:
    run = Api(timeout=options.timeout, store=store).run(options.run)
    writers = {writer["id"]: writer["console_line_count"] for writer in run.writers}
    printed = [writer for writer, count in writers.items() if count and writer.startswith(options.writer)]
    if not printed:
        tell(f"run {run.path} has printed nothing" + (" there" if options.writer else " yet"))
        if not options.follow:
            return _cli_words.DONE
    writer = printed[0] if printed else ""
    first = max(0, writers.get(writer, 0) - options.lines) if options.lines else 0
    while True:
        is_done = not options.follow or run.load().state != "running"
        lines = list(run.console(writer, options.grep, first))
        # The last line may still be written, such as a progress bar: it is printed when it is done.
        for number, _stream, _time, text in lines if is_done else lines[:-1]:
            _cli_words.print_line(text)
            first = number + 1
        sys.stdout.flush()
        if is_done:
            return _cli_words.DONE
        time.sleep(_FOLLOW_SECONDS)


def _run_log(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd import _init

    values = dict(options.values)
    path = options.run or _settings.variable("RUN_ID")
    if not path:
        raise ValueError("no run is named: give --run PROJECT/ID, or set TRACKD_RUN_ID")
    mode = _settings.choose_mode(None)
    if mode == "disabled":
        return _cli_words.DONE
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
    return _cli_words.DONE


def _run_program(options: argparse.Namespace, store: str, _: str | None) -> int:
    from trackd import _config, _identity, _init, _names, _program

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
            tags=_identity.check_tags(options.tag),
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
        return _cli_words.DONE
    output = options.output or f"{run.id}.{options.format or 'csv'}"
    _cli_words.print_line(run.export(output, options.format))
    return _cli_words.DONE


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
    connection = Connection(store, options.timeout)
    megabytes = _PAGE_MEGABYTES if options.max_size is None else options.max_size
    left_out = _html_file.save(connection, options.html, project, run_id, options.view, megabytes * 1_000_000)
    for sentence in left_out:
        tell(f"not in the file: {sentence}")
    tell(f"the file is {os.path.getsize(options.html) / 1e6:,.1f} MB")
    _cli_words.print_line(options.html)
    return _cli_words.DONE

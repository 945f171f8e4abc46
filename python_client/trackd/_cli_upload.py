"""Owns the commands of the bucket: `upload`, `sync`, `pull`, `verify`, `publish`; `_upload` does what they say."""

from __future__ import annotations

import argparse

from trackd import _cli_words, _settings, _space, _upload
from trackd._connection import Connection
from trackd._shipper import tell
from trackd.errors import Error

_UPLOAD_OPTIONS = (
    "endpoint_url", "region", "profile", "interval_seconds", "bytes_per_second_max", "keep_local_days",
)  # fmt: skip


def add_commands(add: _cli_words.Add) -> None:
    """Adds these commands to the parser."""
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
        type=_cli_words.seconds,
        metavar="SECONDS",
        help="how long a change waits at most before it is sent, 0.5 to 3600 (default: 5)",
    )
    upload.add_argument(
        "--limit-rate",
        dest="bytes_per_second_max",
        type=_cli_words.rate,
        metavar="BYTES",
        help="the most bytes a second, such as 500k or 20M; 0 for no limit (default: 0)",
    )
    upload.add_argument(
        "--keep-local",
        dest="keep_local_days",
        type=_cli_words.days,
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
        type=_cli_words.seconds,
        default=_upload.WAITING_SECONDS,
        metavar="SECONDS",
        help="how long to wait for the daemon, and for a bucket that takes nothing (default: %(default)g)",
    )
    pull = add(
        "pull",
        _run_pull,
        "copy runs of a bucket, or of a team server, into the store, whole",
        has_json=True,
        more="What is here already is not copied again. The key of a server is that of TRACKD_API_KEY, else the one that "
        "`trackd login` has kept.",
    )
    pull.add_argument("url", metavar="URL", help="where from: s3://BUCKET/PREFIX, or https://HOST")
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


def _run_upload(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    given = {name: value for name in _UPLOAD_OPTIONS if (value := getattr(options, name)) is not None}
    if options.off:
        if options.url or given:
            raise ValueError("--off ends the upload: give it neither a bucket nor other options")
        words = _upload.end(connection)
        if not options.json:
            _cli_words.print_line(words)
    elif options.url or given:
        words, findings = _upload.change(
            connection, options.url, given, even_if_unusable=options.even_if_unusable
        )
        for finding in findings:
            tell(finding)
        if not options.json:
            _cli_words.print_line(words)
    elif not options.json:
        for line in _upload.describe(_upload.facts(connection)):
            _cli_words.print_line(line)
    if options.json:
        _cli_words.print_json(_upload.facts(connection))
    return _cli_words.DONE


def _run_sync(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    if not options.wait:
        _upload.start_sync(connection)
        tell("the daemon sends everything now; `trackd status` says how far it is")
        return _cli_words.DONE
    try:
        done = _upload.sync(connection, options.timeout)
    except KeyboardInterrupt:
        tell("the daemon goes on sending; `trackd sync` shows how far it is")
        raise
    if options.json:
        _cli_words.print_json(done)
    else:
        _cli_words.print_line(_upload.sync_words(done))
    return _cli_words.DONE


def _run_pull(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    endpoint_url = options.endpoint_url if options.endpoint_url is not None else _settings.bucket_endpoint()
    server: dict[str, str] | None = None
    if _settings.is_server(options.url):
        url, server = _find_server(options.url)
        source = {"url": url}
    else:
        source = {
            "url": options.url,
            "endpoint_url": endpoint_url,
            "region": options.region or "",
            "profile": options.profile or "",
        }
    try:
        done = _upload.pull(connection, source, options.path, server)
    except KeyboardInterrupt:
        tell("the same command goes on with what is missing")
        raise
    if options.json:
        _cli_words.print_json(done)
    else:
        count = done["run_count"]
        copied = _space.format_bytes(done["copied_bytes"])
        _cli_words.print_line(f"{count} {'run is' if count == 1 else 'runs are'} here; {copied} copied")
    return _cli_words.DONE


def _find_server(text: str) -> tuple[str, dict[str, str]]:
    """Returns the address of a team server, and how the daemon comes in there."""
    from trackd import _peer, _team_server

    url = _team_server.server_url(text)
    key, ca_file = _settings.server_access(url)
    if not key:
        raise Error(_peer.no_key(url))
    facts = _team_server.ask(url, key, ca_file)
    return url, {"grpc_address": facts["grpc_address"], "api_key": key, "ca_file": ca_file}


def _run_verify(options: argparse.Namespace, store: str, _: str | None) -> int:
    connection = _open_upload(options, store)
    done = _upload.verify(
        connection, options.read_bucket, (lambda _: None) if options.json else _cli_words.print_line
    )
    if options.json:
        _cli_words.print_json(done)
    elif done["findings"]:
        tell(_upload.verify_words(done))
    else:
        _cli_words.print_line(_upload.verify_words(done))
    return _cli_words.FAILED if done["findings"] else _cli_words.DONE


def _run_publish(options: argparse.Namespace, store: str, _: str | None) -> int:
    done = _upload.publish(Connection(store, options.timeout))
    if options.json:
        _cli_words.print_json(done)
    else:
        _cli_words.print_line(_upload.publish_words(done))
    return _cli_words.DONE


def _open_upload(options: argparse.Namespace, store: str) -> Connection:
    if _settings.shows_bucket(store):
        raise ValueError(
            "the store is a bucket, which can only be read: name a local store with --store or TRACKD_STORE"
        )
    return Connection(store, options.timeout)


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

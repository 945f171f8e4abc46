"""Owns the command line of a team server: arguments and environment become a `ServerConfig`, or one act on its catalog.

Invariant: no secret is an argument: the catalog's password comes from TRACKD_CATALOG, PGPASSWORD or a password file, a user's
from a prompt or standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trackd_service import config, server_logs
from trackd_service.bucket_requests import Bucket
from trackd_service.errors import TrackdError

if TYPE_CHECKING:
    from trackd_service.oidc import OidcSettings
    from trackd_service.people import People

_CATALOG = "TRACKD_CATALOG"
_OIDC_SECRET = "TRACKD_OIDC_CLIENT_SECRET"  # noqa: S105 - a name
_ACTS = {
    "add-user": "make a user, such as the first admin",
    "add-team": "make a team, or put a user into one",
    "add-key": "make an API key, and print it",
    "revoke-key": "make an API key of no use, at once",
    "claim-bucket": "let the catalog delete from a bucket that a former one had claimed",
}

_COPIES = {
    "backup": "copy the catalog into a file",
    "restore": "copy such a file into an empty catalog",
    "copy": "copy a catalog into another, empty one",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves, or does what the first argument says; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given and given[0] in _ACTS:
            return _act(given[0], given[1:])
        if given and given[0] in _COPIES:
            from trackd_service import catalog_command

            return catalog_command.main(given, os.environ.get(_CATALOG, ""))
        return _serve(given)
    except (TrackdError, ValueError, OSError, RuntimeError) as error:
        sys.stderr.write(f"trackd: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def server_parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments of a replica."""
    parser = argparse.ArgumentParser(
        prog="trackd server",
        description="Serves the runs of a team: the catalog in PostgreSQL, the files in a bucket. Any number of these may "
        "run side by side. It needs the extra: pip install 'trackd[server]'.",
        epilog="Before all that: "
        + "; ".join(f"`trackd server {name}`: {about}" for name, about in {**_ACTS, **_COPIES}.items())
        + ".",
    )
    _add_catalog(parser)
    _add_bucket(parser)
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="a folder of its own, which may be lost (default: ~/.cache/trackd/server)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--http-port", type=int, default=7733, help="for browsers (default: %(default)s; 0: a free one)"
    )
    parser.add_argument(
        "--grpc-port", type=int, default=7734, help="for daemons (default: %(default)s; 0: a free one)"
    )
    parser.add_argument(
        "--url", default="", help="where people find the server, such as https://trackd.example"
    )
    parser.add_argument(
        "--grpc-address",
        default="",
        metavar="HOST:PORT",
        help="where daemons find it (default: the host of --url and --grpc-port)",
    )
    parser.add_argument(
        "--tls-certificate", type=Path, metavar="FILE", help="a PEM file with the certificate and its chain"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    parser.add_argument(
        "--behind-proxy",
        default="",
        metavar="ADDRESS,…",
        help="addresses or networks of proxies that have TLS; their X-Forwarded headers are believed",
    )
    parser.add_argument(
        "--cache-gb", type=float, default=20, help="how much the cache may hold (default: %(default)g)"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="of each line of the log (default: %(default)s)",
    )
    parser.add_argument(
        "--requests-per-second",
        type=float,
        default=500,
        help="how often each user may ask one replica, for ten seconds also at once; 0 for any number (default: %(default)g)",
    )
    parser.add_argument(
        "--team-quota-gb",
        type=float,
        default=0,
        help="how much each team may keep; 0 for any amount (default: %(default)g)",
    )
    parser.add_argument(
        "--lost-after",
        type=_seconds,
        default=config.LOST_AFTER_SECONDS,
        metavar="SECONDS",
        help="after how long without a word a machine at work is taken for lost; daemons say one each minute "
        "(default: %(default)g)",
    )
    _add_oidc(parser)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError(text)  # which argparse says in its words
    return seconds


def _add_oidc(parser: argparse.ArgumentParser) -> None:
    oidc = parser.add_argument_group("OpenID Connect", "people sign in by another site, too")
    oidc.add_argument("--oidc-issuer", default="", metavar="URL", help="the provider, as it names itself")
    oidc.add_argument("--oidc-client-id", default="", metavar="ID", help="the name of this server there")
    oidc.add_argument(
        "--oidc-client-secret-file",
        type=Path,
        metavar="FILE",
        help=f"its secret there (default: {_OIDC_SECRET} of the environment)",
    )
    oidc.add_argument("--oidc-title", default="", metavar="WORDS", help="what the button says")
    oidc.add_argument(
        "--oidc-make-users",
        action="store_true",
        help="who signs in the first time becomes a user (default: a server admin gives identities to users)",
    )
    oidc.add_argument(
        "--oidc-email-domains",
        default="",
        metavar="DOMAIN,…",
        help="only those with a proven e-mail address there become users",
    )


def _oidc_settings(options: argparse.Namespace) -> OidcSettings | None:
    """Returns how the provider is reached, or None where there is none. Raises ValueError for what cannot be."""
    from trackd_service.oidc import TITLE, OidcSettings

    domains = tuple(part.strip().lower() for part in options.oidc_email_domains.split(",") if part.strip())
    if not options.oidc_issuer:
        if options.oidc_client_id or options.oidc_make_users or domains:
            raise ValueError(
                "--oidc-issuer is missing: name the OpenID Connect provider, or leave out the rest"
            )
        return None
    secret = os.environ.get(_OIDC_SECRET, "")
    if options.oidc_client_secret_file is not None:
        secret = options.oidc_client_secret_file.read_text("utf-8").strip()
    return OidcSettings(
        issuer=options.oidc_issuer,
        client_id=options.oidc_client_id,
        client_secret=secret,
        title=options.oidc_title or TITLE,
        makes_users=options.oidc_make_users,
        email_domains=domains,
    )


def _serve(arguments: Sequence[str]) -> int:
    options = server_parser().parse_args(arguments)
    server_logs.configure(options.log_format == "json")
    os.umask(0o077)
    catalog_url = _catalog_url(options)
    try:
        from trackd_service import team_server
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    from trackd._version import VERSION

    configuration = team_server.ServerConfig(
        bucket=_bucket(options),
        catalog_url=catalog_url,
        cache=options.cache or _default_cache(),
        host=options.host,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        url=options.url,
        grpc_address=options.grpc_address,
        certificate=options.tls_certificate,
        certificate_key=options.tls_key,
        cache_bytes_max=round(options.cache_gb * 1e9),
        requests_per_second=options.requests_per_second,
        team_bytes_max=round(options.team_quota_gb * 1e9),
        lost_after_seconds=options.lost_after,
        proxies=tuple(part.strip() for part in options.behind_proxy.split(",") if part.strip()),
        oidc=_oidc_settings(options),
    )
    asyncio.run(team_server.serve(configuration, VERSION))
    return 0


def _act(name: str, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"trackd server {name}", description=_ACTS[name].capitalize() + ".")
    _add_catalog(parser)
    work: dict[str, Callable[[argparse.Namespace], None]] = {
        "add-user": _add_user,
        "add-team": _add_team,
        "add-key": _add_key,
        "revoke-key": _revoke_key,
        "claim-bucket": _claim_bucket,
    }
    if name == "add-team":
        parser.add_argument("team")
        parser.add_argument("--member", default="", metavar="USER", help="a user to put into it")
        parser.add_argument("--role", default="writer", help="reader, writer or admin (default: %(default)s)")
    elif name == "revoke-key":
        parser.add_argument("key_id", help="the 12 characters after trk_")
    elif name == "claim-bucket":
        _add_bucket(parser)
    else:
        parser.add_argument("user")
    if name == "add-user":
        parser.add_argument("--admin", action="store_true", help="one who looks after the server")
        parser.add_argument("--display-name", default="", help="what people call them")
        parser.add_argument(
            "--without-password", action="store_true", help="they come in by keys or OpenID Connect alone"
        )
    if name == "add-key":
        parser.add_argument("--label", default="", help="what it is for, in words")
        parser.add_argument("--scope", default="write", help="read, write or admin (default: %(default)s)")
        parser.add_argument(
            "--project", default="", help="the only project that it is for (default: all of the user)"
        )
        parser.add_argument(
            "--days", type=float, default=90, help="how long it is of use; 0 for ever (default: %(default)g)"
        )
    work[name](parser.parse_args(arguments))
    return 0


def _add_user(options: argparse.Namespace) -> None:
    from trackd_service.principals import Operator

    password = None if options.without_password else _ask_password(options.user)
    _people(options).users.create(
        Operator(),
        options.user,
        display_name=options.display_name,
        password=password,
        is_server_admin=options.admin,
    )


def _add_team(options: argparse.Namespace) -> None:
    from trackd_service.errors import AlreadyExists
    from trackd_service.principals import Operator

    people = _people(options)
    try:
        people.teams.create(Operator(), options.team)
    except AlreadyExists:
        if not options.member:
            raise
    if options.member:
        people.teams.set_role(Operator(), options.team, options.member, options.role)


def _add_key(options: argparse.Namespace) -> None:
    from trackd_service.principals import Operator

    made = _people(options).keys.create(
        Operator(),
        options.user,
        label=options.label,
        scope=options.scope,
        project=options.project,
        lifetime_seconds=round(options.days * 86_400) or None,
    )
    sys.stdout.write(made.text + "\n")


def _revoke_key(options: argparse.Namespace) -> None:
    from trackd_service.principals import Operator

    _people(options).keys.revoke(Operator(), options.key_id)


def _claim_bucket(options: argparse.Namespace) -> None:
    try:
        from trackd_service.postgres_catalog import PostgresCatalog
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    from trackd_service import bucket_owner
    from trackd_service.buckets import BucketStore

    catalog = PostgresCatalog(_catalog_url(options))
    try:
        mark = bucket_owner.dump(catalog.identity())
    finally:
        catalog.close()
    with tempfile.TemporaryDirectory(prefix="trackd-") as folder:
        BucketStore(_bucket(options), scratch=Path(folder)).replace(bucket_owner.NAME, mark)


def _people(options: argparse.Namespace) -> People:
    try:
        from trackd_service.people import People
        from trackd_service.postgres_catalog import PostgresCatalog
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    return People(PostgresCatalog(_catalog_url(options)), time.time_ns)


def _ask_password(user: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"Password of {user}: ")
    if getpass.getpass("Once more: ") != password:
        raise ValueError("the two passwords differ: nothing was done")
    return password


def _add_catalog(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--catalog",
        default="",
        metavar="postgresql://…",
        help=f"the catalog's database (default: {_CATALOG} of the environment, which may hold its password)",
    )


def _add_bucket(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", required=True, metavar="s3://BUCKET/PREFIX", help="where the files of runs are"
    )
    parser.add_argument(
        "--endpoint-url", default="", metavar="URL", help="the bucket's server, for others than AWS"
    )
    parser.add_argument("--region", default="", help="the bucket's region (default: as boto3 finds it)")
    parser.add_argument(
        "--profile", default="", help="the profile of the credentials (default: as boto3 finds them)"
    )


def _bucket(options: argparse.Namespace) -> Bucket:
    return Bucket.parse(options.store, options.endpoint_url, options.region, options.profile)


def _catalog_url(options: argparse.Namespace) -> str:
    url = options.catalog or os.environ.get(_CATALOG, "")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError(f"--catalog, or {_CATALOG}, must be a database, as postgresql://USER@HOST/NAME")
    return str(url)


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackd" / "server"


def _missing(error: ModuleNotFoundError) -> ValueError:
    return ValueError(f"{error.name} is not installed: pip install 'trackd[server]'")


if __name__ == "__main__":
    sys.exit(main())

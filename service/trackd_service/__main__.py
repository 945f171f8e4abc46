"""Owns how the daemon is started: arguments and environment become a `Config`; nothing else reads either."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path

# A client that looks whether a daemon lives holds the lock for some microseconds: only a lock that stays taken is a daemon's.
_LOCK_ATTEMPTS = 10
_LOCK_SECONDS = 0.02
# The server of the bucket that TRACKD_UPLOAD names: ours, then those that boto3 knows.
_ENDPOINT_VARIABLES = ("TRACKD_UPLOAD_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def main(arguments: list[str] | None = None) -> int:
    """Starts the daemon; returns the exit code: 0 when it ended as asked or another one serves the store already."""
    parser = argparse.ArgumentParser(
        prog="python -m trackd_service",
        description="The trackd daemon: owns the runs of one store and serves gRPC and the web app on this machine.",
        # Asking how wide the terminal is loads a megabyte, which a daemon would hold for good.
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=100),
    )
    parser.add_argument("--store", required=True, type=Path, help="the store's folder, on a local disk")
    parser.add_argument(
        "--http-host", default="127.0.0.1", help="the address of the web app (default: %(default)s)"
    )
    parser.add_argument("--http-port", type=int, default=0, help="its port (default: 7733, or a free one)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further host name a browser may use",
    )
    parser.add_argument(
        "--foreground", action="store_true", help="log to the terminal and never end when idle"
    )
    parser.add_argument("--detach", action="store_true", help="go on in the background and return at once")
    options = parser.parse_args(arguments)
    if options.detach:
        _detach()

    from trackd_service.config import IDLE_EXIT_SECONDS, Config

    store = options.store.absolute()
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = Config(
        store=store,
        host=os.environ.get("TRACKD_HOST") or os.environ.get("WANDB_HOST") or socket.gethostname(),
        http_host=options.http_host,
        http_port=options.http_port or int(os.environ.get("TRACKD_HTTP_PORT", "0")),
        allowed_hosts=tuple(options.allowed_host),
        idle_exit_seconds=float(os.environ.get("TRACKD_IDLE_EXIT_SECONDS", IDLE_EXIT_SECONDS)),
        foreground=options.foreground,
        upload_url=os.environ.get("TRACKD_UPLOAD", ""),
        upload_endpoint_url=next(
            (url for name in _ENDPOINT_VARIABLES if (url := os.environ.get(name))),
            "",
        ),
    )
    return _serve(configuration)


def _detach() -> None:
    """Goes on in a process without parent, terminal, or anything else of the one that started it."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")


def _serve(configuration: object) -> int:
    from trackd_service.config import LOCK_NAME, Config

    assert isinstance(configuration, Config)
    os.umask(0o077)
    import fcntl
    import logging
    from logging.handlers import RotatingFileHandler

    store = configuration.store
    lock = os.open(store / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    for attempt in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(_LOCK_SECONDS if attempt else 0)
    else:
        if configuration.foreground:
            sys.stderr.write(f"trackd: a daemon serves {store} already: `trackd down` ends it\n")
        return 0
    handler: logging.Handler = (
        logging.StreamHandler()
        if configuration.foreground
        else RotatingFileHandler(store / "daemon.log", maxBytes=1 << 20, backupCount=1)
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])

    import asyncio

    from trackd._version import VERSION
    from trackd_service.server import serve

    try:
        asyncio.run(serve(configuration, VERSION, os.environ.get("XDG_RUNTIME_DIR"), os.environ))
    except Exception:
        logging.getLogger("trackd").exception("the daemon ended with an error")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

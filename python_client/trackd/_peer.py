"""Owns who is asked about runs: the daemon of a store on this machine, found or started, or a team server.

Invariant: a peer never waits for another process but for the first question to a team server, which is bounded.
"""

from __future__ import annotations

import os
import time
from typing import Any, Protocol

from trackd import _daemon, _settings
from trackd.errors import CommError, Error

ANSWER_BYTES_MAX = 256 << 20  # the daemon's limit (config.ANSWER_BYTES_MAX): one series of 10 M points
_RESTART_SECONDS = 5.0  # within this no second daemon is started


def import_grpc() -> Any:
    """Returns gRPC, imported without its fork hooks (see _shipper)."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc

    return grpc


def no_key(url: str) -> str:
    """Returns what to do where nothing lets anybody in to a team server."""
    return (
        f"there is no key for {url}: make one on its page, under Settings, and set TRACKD_API_KEY to it, or run "
        f"`trackd login {url}`"
    )


class Peer(Protocol):
    """Who answers.

    Attributes:
        name: What it is called in sentences.
        silence: That it does not answer, in words.
        advice: What else a person can do then, in words.
        key: What lets a call in; known once there is a channel.
        http_address: Where its page is; empty until there has been a channel.
        poll_seconds: How soon it is looked for again.
        is_local: Whether it is a daemon of this machine, which does more than read.
    """

    name: str
    silence: str
    advice: str
    key: str
    http_address: str
    poll_seconds: float
    is_local: bool

    def is_gone(self) -> bool:
        """Says whether a channel that was opened leads nowhere any more."""

    def open_channel(self) -> Any:
        """Returns a gRPC channel, or None while there is nobody. Raises CommError where waiting does not help."""

    def note_answer(self) -> None:
        """Hears that a call over the channel was answered."""

    def get(self, path: str) -> Any:
        """Returns the answer to a GET of a path of the HTTP API, to be read and closed. Raises CommError."""


class DaemonPeer:
    """The daemon of a store's folder."""

    poll_seconds = 0.01  # a daemon is up in 0.4 s
    is_local = True

    def __init__(self, store: str, may_start: bool) -> None:
        """Takes the folder, and whether a daemon is started when none is there."""
        self.name = f"the daemon of {store}"
        self.silence = f"no daemon answers for the store {store}"
        self.advice = "run `trackd doctor`, or see daemon.log in the store"
        self.key = self.http_address = ""
        self._store = store
        self._may_start = may_start
        self._start_time = float("-inf")
        self._is_coming_up = False  # one that was started here has been seen, and has answered nothing yet

    def is_gone(self) -> bool:
        """Says whether nobody holds the store's lock."""
        return not _daemon.is_alive(self._store)

    def open_channel(self) -> Any:
        """Returns a channel to the daemon that the endpoint file names; has one started where none is alive."""
        if self.is_gone():
            if self._is_coming_up:
                raise CommError(
                    f"{self.silence}: the one that was started has ended by itself; {self.advice}"
                )
            self._start()
            return None
        self._is_coming_up |= time.monotonic() - self._start_time < _RESTART_SECONDS
        endpoint = _daemon.read_endpoint(self._store)
        if endpoint is None:
            return None
        if endpoint.protocol_version != _daemon.PROTOCOL_VERSION:
            raise CommError(
                f"the daemon is trackd {endpoint.version} and speaks protocol {endpoint.protocol_version}; this is protocol "
                f"{_daemon.PROTOCOL_VERSION}: end it with `trackd down` and try again"
            )
        self.key, self.http_address = endpoint.token, endpoint.http_address
        return import_grpc().insecure_channel(
            endpoint.grpc_address,
            options=[
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
                # Without it, two channels to one address share one connection and its backoff after a restart.
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )

    def note_answer(self) -> None:
        """Takes the daemon as started: when it ends later, another one is."""
        self._is_coming_up = False
        self._start_time = float("-inf")

    def get(self, path: str) -> Any:
        """Returns the answer of the daemon that is alive."""
        from urllib.request import ProxyHandler

        from trackd import _http

        endpoint = _daemon.read_endpoint(self._store)
        if endpoint is None:
            raise CommError(f"{self.name} is about to end: try again")
        # No proxy: it is on this machine.
        return _http.get(endpoint.http_address, path, endpoint.token, ProxyHandler({}), timeout_seconds=None)

    def _start(self) -> None:
        if not self._may_start:
            raise CommError(f"no daemon serves the store {self._store}: `trackd up` starts one")
        if time.monotonic() - self._start_time < _RESTART_SECONDS:
            return
        try:
            _daemon.start(self._store)
        except OSError as error:
            raise CommError(f"no daemon can be started for the store {self._store}: {error}") from None
        self._start_time = time.monotonic()


class ServerPeer:
    """A team server."""

    poll_seconds = 0.25  # of a replica that starts again, or another one of the same name
    is_local = False

    def __init__(self, url: str, key: str | None) -> None:
        """Takes the server's address, and a key; without one, that of the environment, else the one that a login has kept."""
        self.name = f"the server {url}"
        self.silence = f"{self.name} does not answer"
        self.advice = "look at the network, or ask whoever runs it"
        self.http_address = url
        self._url = url
        found = _settings.server_access(url)
        self.key = key or found.key
        self._ca_file = found.ca_file
        self._grpc_address = ""

    def is_gone(self) -> bool:
        """Says no: the channel finds the server again by itself."""
        return False

    def open_channel(self) -> Any:
        """Returns a channel to where the server says that it is asked."""
        from trackd import _team_server

        self._check_key()
        if not self._grpc_address:
            facts = _team_server.ask(self._url, self.key, self._ca_file)
            if facts.get("protocol_version") != _daemon.PROTOCOL_VERSION:
                raise CommError(
                    f"{self._url} is trackd {facts.get('version')} and speaks protocol {facts.get('protocol_version')}; this "
                    f"is protocol {_daemon.PROTOCOL_VERSION}: install a trackd of its version"
                )
            self._grpc_address = str(facts["grpc_address"])
        options = [
            ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
            ("grpc.use_local_subchannel_pool", 1),
            # A name may have several addresses, one a replica: another one is asked while one does not answer.
            ("grpc.lb_policy_name", "round_robin"),
        ]
        grpc = import_grpc()
        if not self._url.startswith("https://"):
            return grpc.insecure_channel(self._grpc_address, options=options)
        roots = None
        if self._ca_file:
            with open(self._ca_file, "rb") as file:
                roots = file.read()
        return grpc.secure_channel(self._grpc_address, grpc.ssl_channel_credentials(roots), options=options)

    def note_answer(self) -> None:
        """Does nothing: a server is not started from here."""

    def get(self, path: str) -> Any:
        """Returns the server's answer."""
        from trackd import _team_server

        self._check_key()
        return _team_server.get(self._url, path, self.key, self._ca_file)

    def _check_key(self) -> None:
        if not self.key:
            raise Error(no_key(self._url))

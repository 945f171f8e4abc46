"""Owns what a store knows of the team servers that it sends its runs to: where each is, and the key; `server_keys.json`.

Invariants: the file is its user's alone, and a key stands nowhere else: in no settings, no log and no error.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

FILE_NAME = "server_keys.json"
VERSION = 1
_FILE_BYTES_MAX = 1 << 20
_FIELDS = ("key", "grpc_address", "team", "ca_file")


@dataclass(frozen=True, slots=True)
class Server:
    """A team server, as a daemon reaches it.

    Attributes:
        url: Where people find it, `https://HOST[:PORT]`.
        grpc_address: Where daemons find it, `HOST:PORT`.
        key: An API key of scope write.
        team: Whose a project is that nobody has written yet; empty for the only team of the key's user.
        ca_file: A PEM file with the authorities that its certificate is checked against; empty for the system's.
    """

    url: str
    grpc_address: str
    key: str = field(repr=False)
    team: str = ""
    ca_file: str = ""

    @property
    def endpoint_url(self) -> str:
        """Nothing more than the URL tells one server from another."""
        return ""

    @property
    def is_encrypted(self) -> bool:
        """Whether it is reached by TLS."""
        return self.url.startswith("https://")


def is_server_url(url: str) -> bool:
    """Says whether runs are sent to a team server there, and not to a bucket."""
    return url.startswith(("http://", "https://"))


def check_url(url: str) -> None:
    """Raises ValueError, one sentence, for what is no team server's address."""
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username or not parts.hostname:
        raise ValueError(
            "the address of a team server is the root of a site, such as https://trackd.example: leave out the rest"
        )
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError(
            f"{parts.hostname} would be sent the key as it is, for everyone on the way to read: use https://"
        )


def load(folder: Path, url: str) -> Server:
    """Returns what a store knows of a server.

    Raises:
        ValueError: It knows nothing of it, or the file is none; one sentence.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ValueError(
                    f"others may read {FILE_NAME}: make it private by chmod 600, and the key anew"
                )
            document = json.loads(file.read(_FILE_BYTES_MAX))
        if document["version"] != VERSION:
            raise ValueError(
                f"{FILE_NAME} is of version {document['version']!r}; this trackd knows {VERSION}"
            )
        known = document["servers"].get(url)
        if known is not None:
            return Server(url, **{name: str(known.get(name, "")) for name in _FIELDS})
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ValueError(f"{FILE_NAME} cannot be read: {error.strerror}") from None
    except (AttributeError, KeyError, TypeError, RecursionError, json.JSONDecodeError):
        raise ValueError(f"{FILE_NAME} cannot be used: `trackd login {url}` writes it anew") from None
    raise ValueError(f"there is no key for {url}: `trackd login {url}` takes one")

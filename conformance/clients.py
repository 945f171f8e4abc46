"""Owns which clients there are, how the driver of each is started, and which cases each is known to fail."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Client:
    """A client, and the command of its driver."""

    name: str
    title: str
    command: tuple[str, ...]

    @property
    def known_failing(self) -> list[str]:
        """The cases that it is known to fail: a line each of `known_failing/NAME.txt`; what stands behind # is the reason."""
        path = _FOLDER / "known_failing" / f"{self.name}.txt"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [name for line in lines if (name := line.partition("#")[0].strip())]


CLIENTS = {
    client.name: client
    for client in (
        Client("python", "Python", (sys.executable, str(_FOLDER / "drivers" / "python_driver.py"))),
    )
}

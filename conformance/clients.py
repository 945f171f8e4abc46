"""Owns which clients there are, how the driver of each is started, and which cases each is known to fail."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_ROOT = _FOLDER.parent


@dataclass(frozen=True)
class Client:
    """A client, and the command of its driver.

    Attributes:
        name: Its name in files and commands.
        title: Its name on the page.
        command: What starts the driver; `make clients` builds it.
    """

    name: str
    title: str
    command: tuple[str, ...]

    @property
    def missing(self) -> str:
        """Why the driver cannot be started here, as a sentence; empty when it can."""
        for part in self.command:
            if (path := Path(part)).is_absolute():
                if not path.exists():
                    return f"{path.relative_to(_ROOT)} is not there: `make clients` builds it"
            elif shutil.which(part) is None:
                return f"{part} is not on PATH"
        return ""

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
        Client(
            "typescript", "TypeScript", ("node", str(_ROOT / "typescript_client/dist/conformance/driver.js"))
        ),
        Client("go", "Go", (str(_ROOT / "go_client/build/driver"),)),
        Client("rust", "Rust", (str(_ROOT / "rust_client/target/debug/examples/driver"),)),
        Client("ruby", "Ruby (example)", ("ruby", str(_ROOT / "examples/ruby_client/driver.rb"))),
    )
}

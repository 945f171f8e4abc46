"""Owns where the samples of each client lie, once `make clients` has built them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_COMMANDS = {
    "go": (str(ROOT / "go_client/build/{name}"),),
    "rust": (str(ROOT / "rust_client/target/debug/examples/{name}"),),
    "typescript": ("node", str(ROOT / "typescript_client/dist/samples/{name}.js")),
}
LANGUAGES = tuple(_COMMANDS)


def sample(language: str, name: str) -> list[str]:
    """Returns the command of a client's sample."""
    return [part.format(name=name) for part in _COMMANDS[language]]

"""Owns which files a run keeps: what a glob or a source tree names, and under which path.

Invariant: only what was named is kept; a path in the run never leads out of the run.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator

from trackd import _wire

INLINE_BYTES_MAX = (
    1 << 18
)  # a smaller file travels in its record, as it is at the call; a larger one is read by the daemon
_CODE_ENDINGS = (
    *(".py", ".ipynb", ".sh", ".rs", ".go", ".ts", ".c", ".cc", ".cpp", ".cu", ".h"),
    *(".yaml", ".yml", ".toml", ".json"),  # what configures it
)
_CODE_BYTES_MAX = 1 << 20  # larger is data
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "trackd", "wandb", "venv", "env", "build", "dist"}
)


def saved(pattern: str, base: str | None) -> Iterator[tuple[str, str]]:
    """Yields (path in the run, absolute path) of the files that a glob names.

    Args:
        pattern: A path or a glob, relative to the working folder or absolute.
        base: The folder that paths in the run are relative to; by default the working folder, and for an absolute
            pattern the folder above the file's own.

    Raises:
        ValueError: a file lies outside of the base.
    """
    for name in sorted(glob.glob(pattern, recursive=True)):
        absolute = os.path.abspath(name)
        if not os.path.isfile(absolute):
            continue
        root = base
        if root is None:
            root = os.path.dirname(os.path.dirname(absolute)) if os.path.isabs(pattern) else "."
        path = os.path.relpath(absolute, os.path.abspath(root))
        if path.split(os.sep)[0] == os.pardir:
            raise ValueError(f"file {name!r} lies outside of {root!r}: give a base_path above it")
        yield path.replace(os.sep, "/"), absolute


def code(
    root: str, include: Callable[[str], bool] | None, exclude: Callable[[str], bool] | None
) -> Iterator[tuple[str, str]]:
    """Yields (path in the run, absolute path) of the source files under a folder, hidden and built ones left out."""
    top = os.path.abspath(root)
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")
        )
        for name in sorted(names):
            absolute = os.path.join(folder, name)
            wanted = include(absolute) if include else name.endswith(_CODE_ENDINGS)
            if not wanted or (exclude is not None and exclude(absolute)):
                continue
            if os.path.isfile(absolute) and os.path.getsize(absolute) <= _CODE_BYTES_MAX:
                yield "code/" + os.path.relpath(absolute, top).replace(os.sep, "/"), absolute


def record(path: str, absolute: str, purpose: str) -> bytes:
    """Encodes the `FileRecord` of a file; raises OSError when it cannot be read."""
    content: bytes | None = None
    if os.path.getsize(absolute) <= INLINE_BYTES_MAX:
        with open(absolute, "rb") as file:
            content = file.read(INLINE_BYTES_MAX)
    return _wire.file_record(path, content, absolute, purpose)

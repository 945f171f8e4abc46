"""Owns how immutable bytes are kept: objects named once, written once, and never changed.

Invariants: a name has one content for ever; an object is there whole and synced, or not at all; putting the same
content under its name again changes nothing. The interface is small so that a bucket can stand behind it as well.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Protocol

# A name is part of a path here and of a key in a bucket: only what no file system and no bucket changes. No component
# begins with a dot, so there is no `..`, and dotted folders are free for the store's own use.
_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
# Buckets end at 1,024 bytes and file systems at 255 a component; our own names stay far below both.
NAME_BYTES_MAX = 512
_COMPONENT_BYTES_MAX = 200
_INCOMING = ".incoming"
_COMPARE_BYTES = 1 << 20
# What link(2) answers where it cannot link: no hard links on this file system, or another file system.
_LINK_REFUSED = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL}
)


class ObjectNameInvalid(ValueError):
    """The name cannot name an object."""


class ObjectNotFound(LookupError):
    """No object has this name."""


class ObjectConflict(RuntimeError):
    """The name is taken by another content."""


class ObjectStore(Protocol):
    """Keeps objects: byte strings under names such as `segments/p1/0007.parquet`.

    Names are made of `a-z 0-9 . _ -` in components parted by `/`; no component begins with a dot. Every method
    raises `ObjectNameInvalid` for any other name.
    """

    def put_file(self, name: str, temp_path: Path) -> None:
        """Makes a file's content an object, durable when this returns; the file is taken away.

        Raises:
            ObjectConflict: If the name is taken by another content.
        """

    def put(self, name: str, data: bytes) -> None:
        """Makes bytes an object, durable when this returns.

        Raises:
            ObjectConflict: If the name is taken by another content.
        """

    def get(self, name: str) -> bytes:
        """Returns an object's content.

        Raises:
            ObjectNotFound: If there is none.
        """

    def local_path(self, name: str) -> Path | None:
        """Returns the object's file for reading or mapping; None when the store keeps it elsewhere or has it not."""

    def list(self, prefix: str) -> list[str]:
        """Returns the names that begin with `prefix`, sorted; an empty prefix means all."""

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is removed already."""

    def size(self, name: str) -> int:
        """Returns an object's size in bytes.

        Raises:
            ObjectNotFound: If there is none.
        """


def check_name(name: str) -> None:
    """Sees to it that a name can name an object, in every store.

    Raises:
        ObjectNameInvalid: If it cannot.
    """
    if (
        len(name) > NAME_BYTES_MAX
        or _NAME.fullmatch(name) is None
        or any(len(component) > _COMPONENT_BYTES_MAX for component in name.split("/"))
    ):
        raise ObjectNameInvalid(
            f"'{name}' is no object name: use a-z 0-9 . _ - in components parted by /, no leading dot, "
            f"at most {NAME_BYTES_MAX} bytes"
        )


class DirectoryStore:
    """An object store in a local directory, one file an object.

    Attributes:
        root: The directory.
        incoming: A folder of the same file system to build files in before `put_file` links them.
    """

    def __init__(self, root: Path) -> None:
        """Opens the store, and makes its directory when it is not there."""
        self.root = root
        self.incoming = root / _INCOMING
        self.incoming.mkdir(parents=True, exist_ok=True)

    def clear_incoming(self) -> int:
        """Removes what an interrupted process left half built; only the store's owner may. Returns how many files."""
        left = [path for path in self.incoming.iterdir() if path.is_file()]
        for path in left:
            path.unlink()
        return len(left)

    def put_file(self, name: str, temp_path: Path) -> None:
        """Makes a file's content an object; see `ObjectStore.put_file`."""
        target = self._path(name)
        _sync_file(temp_path)
        self._make_parent(target)
        try:
            os.link(temp_path, target)
        except FileExistsError:
            if not _same_content(temp_path, target):
                raise ObjectConflict(f"object '{name}' is there with another content") from None
            # The one that is there may not have been synced before its writer died.
            _sync_file(target)
        except OSError as error:
            if error.errno not in _LINK_REFUSED:
                raise
            self._put_without_link(name, temp_path, target)
        sync_directory(target.parent)
        temp_path.unlink(missing_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Makes bytes an object; see `ObjectStore.put`."""
        self._path(name)
        temp_path = self._temp_path()
        try:
            temp_path.write_bytes(data)
            self.put_file(name, temp_path)
        finally:
            temp_path.unlink(missing_ok=True)

    def get(self, name: str) -> bytes:
        """Returns an object's content; see `ObjectStore.get`."""
        try:
            return self._path(name).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise ObjectNotFound(f"there is no object '{name}'") from None

    def local_path(self, name: str) -> Path | None:
        """Returns the object's file, or None when it is not there."""
        path = self._path(name)
        return path if path.is_file() else None

    def list(self, prefix: str) -> list[str]:
        """Returns the names that begin with `prefix`, sorted."""
        # Only the folder that the prefix names is walked: a store has many runs.
        folder = prefix.rpartition("/")[0]
        top = self._path(folder) if folder else self.root
        names: list[str] = []
        for directory, subdirectories, files in os.walk(top):
            subdirectories[:] = [entry for entry in subdirectories if not entry.startswith(".")]
            relative = Path(directory).relative_to(self.root).as_posix()
            base = "" if relative == "." else f"{relative}/"
            names += [base + file for file in files if not file.startswith(".")]
        return sorted(name for name in names if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is removed already."""
        self._path(name).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """Returns an object's size in bytes; see `ObjectStore.size`."""
        path = self.local_path(name)
        if path is None:
            raise ObjectNotFound(f"there is no object '{name}'")
        return path.stat().st_size

    def _path(self, name: str) -> Path:
        check_name(name)
        return self.root / name

    def _temp_path(self) -> Path:
        return self.incoming / os.urandom(16).hex()

    def _make_parent(self, target: Path) -> None:
        missing = []
        folder = target.parent
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            # The entry of a new folder must be as durable as what will be in it.
            sync_directory(folder.parent)

    def _put_without_link(self, name: str, temp_path: Path, target: Path) -> None:
        # Without hard links "make it unless it is there" is not one call. A store has one owner, so looking first
        # is enough.
        if target.exists():
            if not _same_content(temp_path, target):
                raise ObjectConflict(f"object '{name}' is there with another content")
            return
        staged = self._temp_path()
        try:
            import shutil

            shutil.copyfile(temp_path, staged)
            _sync_file(staged)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)


def _same_content(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            block = left.read(_COMPARE_BYTES)
            if block != right.read(_COMPARE_BYTES):
                return False
            if not block:
                return True


def _sync_file(path: Path) -> None:
    # Windows syncs only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Makes the entries of a directory durable. Raises OSError."""
    if os.name == "nt":  # A directory cannot be opened there; its entries are journalled by the file system.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

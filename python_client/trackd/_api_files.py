"""Owns reading back the files that a run keeps.

Invariant: a download writes below the folder it was given and nowhere else, whatever a path in the run says.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from trackd._connection import Connection
from trackd.errors import CommError

if TYPE_CHECKING:
    from trackd.v1 import query_service_pb2, records_pb2


class File:
    """A file kept with a run.

    Attributes:
        name: Its path in the run, "/"-separated.
        size: Its size in bytes.
        sha256: The sha256 of its content, in hexadecimal.
        purpose: Why it is kept: "saved" or "code".
    """

    def __init__(
        self, connection: Connection, run: records_pb2.RunIdentity, message: query_service_pb2.File
    ) -> None:
        """Takes the daemon's answer."""
        self._connection = connection
        self._run = run
        self.name = message.path
        self.size = message.size_bytes
        self.sha256 = message.sha256
        self.purpose = message.purpose

    def read(self) -> bytes:
        """Returns the content."""
        from trackd.v1 import query_service_pb2

        request = query_service_pb2.ReadFileRequest(run=self._run, path=self.name)
        return self._connection.query(
            lambda stub, options: b"".join(part.chunk for part in stub.ReadFile(request, **options))
        )

    def download(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False
    ) -> IO[str]:
        """Writes the content to `root/name`.

        Args:
            root: The folder to write below; made when it is missing.
            replace: Whether a file that is there already is replaced.
            exist_ok: Whether a file that is there already is left and opened.

        Returns:
            The written file, open for reading as text.

        Raises:
            CommError: there is such a file already, or the daemon does not answer.
        """
        top = os.path.realpath(os.fspath(root))
        path = os.path.join(top, *self.name.split("/"))
        if os.path.exists(path) and not replace:
            if exist_ok:
                return open(path, encoding="utf-8", errors="replace")
            raise CommError(f"file {path} is there already: pass replace=True to write over it")
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        # A link in the folder may lead out of it; what the daemon names must not follow.
        if os.path.commonpath([top, os.path.realpath(folder)]) != top or os.path.islink(path):
            raise CommError(f"file {self.name!r} would be written outside of {top}: it is not")
        with open(path, "wb") as file:
            file.write(self.read())
        return open(path, encoding="utf-8", errors="replace")


def list_files(connection: Connection, run: records_pb2.RunIdentity) -> list[File]:
    """Returns the files kept with a run, by path."""
    from trackd.v1 import query_service_pb2

    request = query_service_pb2.ListFilesRequest(run=run)
    answer = connection.query(lambda stub, options: stub.ListFiles(request, **options))
    return [File(connection, run, message) for message in answer.files]

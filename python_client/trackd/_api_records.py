"""Owns reading typed records back: what `Api` answers for an image, a table, a histogram and so on.

Invariants: a record reads as its document (docs/records.md), a dict; its bytes are asked for when they are needed, and what
comes back equals what was logged. NumPy, Pillow, PyAV and pyarrow are imported where they are used.
"""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

from trackd import _wire
from trackd._record import Draft
from trackd.errors import CommError

if TYPE_CHECKING:
    from trackd._connection import Connection

KINDS = (
    "histogram", "image", "video", "audio", "object_3d", "molecule", "table", "html", "plot", "markdown", "array",
)  # fmt: skip
_INLINE_BYTES_MAX = 64 << 10  # in a message, which the daemon takes up to 4 MiB
_ENDINGS = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp",
    "image/svg+xml": "svg", "video/mp4": "mp4", "video/webm": "webm", "video/ogg": "ogv", "audio/wav": "wav",
    "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/flac": "flac", "text/html": "html", "application/json": "json",
    "application/vnd.apache.parquet": "parquet",
}  # fmt: skip
# The demuxer of FFmpeg for each media type. It is told which to take: left to itself it would also try playlists, which name
# other files for it to open.
_DEMUXERS = {"image/gif": "gif", "video/mp4": "mp4", "video/webm": "matroska", "video/ogg": "ogg"}


class StoredRecord(dict[str, Any]):
    """A typed record as the store has it: its document as a dict, with methods that read what it stands for.

    Attributes:
        kind: "image", "table", and so on.
    """

    def __init__(self, document: dict[str, Any], connection: Connection) -> None:
        """Takes the document and the way to its objects."""
        self._connection = connection
        if "document" in document:  # a large one is an object of its own
            document = json.loads(connection.read_object(document["document"]["sha256"]))
        super().__init__(document)
        self.kind: str = document.get("type", "")

    def __reduce__(self) -> Any:
        """Travels to other processes as a plain dict."""
        return dict, (dict(self),)

    @property
    def is_list(self) -> bool:
        """Whether several records were logged as one list."""
        return "records" in self

    @property
    def records(self) -> list[StoredRecord]:
        """The records of a list, in the order logged; a record that is no list is its own only one."""
        return [StoredRecord(each, self._connection) for each in self["records"]] if self.is_list else [self]

    @property
    def caption(self) -> str:
        """The text under the record; empty when there is none."""
        return str(self.get("caption", ""))

    @property
    def error(self) -> str:
        """Why the record could not be encoded; empty when it could."""
        return str(self.get("error", ""))

    def read(self) -> bytes:
        """Returns the bytes of the record's file. Raises CommError when it has none."""
        return self._connection.read_object(self._file()["sha256"])

    def download(self, root: str | os.PathLike[str] = ".", name: str | None = None) -> str:
        """Writes the record's file into a folder and returns its path.

        Args:
            root: The folder; made when it is missing.
            name: The file's name; by default made of the sha256 and the media type.
        """
        file = self._file()
        ending = _ENDINGS.get(
            file["media_type"], "npy" if self.kind == "array" else self.get("file_type", "bin")
        )
        path = os.path.join(os.fspath(root), name or f"{self.kind}_{file['sha256'][:16]}.{ending}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as target:
            target.write(self.read())
        return path

    def image(self) -> Any:
        """Returns an image as a `PIL.Image.Image`, decoded; raises CommError when Pillow cannot decode it."""
        self._check("image", "image()")
        return _open_image(self.read())

    def masks(self) -> dict[str, Any]:
        """Returns an image's masks by name: class ids as uint8 arrays of shape (height, width)."""
        import numpy as np

        self._check("image", "masks()")
        return {
            mask["name"]: np.asarray(
                _open_image(self._connection.read_object(mask["file"]["sha256"])).convert("L")
            )
            for mask in self.get("masks", ())
        }

    def array(self) -> Any:
        """Returns what the record holds as a NumPy array.

        Returns:
            An image: uint8, of 16-bit files uint16, of shape (height, width) when it is grey, else (height, width,
            channels): red, green, blue, and alpha where there is one. A video: uint8 of shape (time, height, width, 3).
            Audio: samples of shape (time,) or (time, channels). A 3D scene: its points. An array: itself.

        Raises:
            TypeError: the record holds no array.
            CommError: its file cannot be decoded here.
        """
        import numpy as np

        if self.kind == "image":
            return np.asarray(_plain_mode(self.image()))
        if self.kind == "array":
            return self._npy(self["file"])
        if self.kind == "audio":
            return _samples(self.read())
        if self.kind == "video":
            return _frames(
                self.read(),
                self._file()["media_type"],
                self.get("frame_count", 0),
                self.get("frames_per_second", 0),
            )
        if self.kind == "object_3d" and "points" in self.get("scene", {}):
            return self._npy(self["scene"]["points"]["file"])
        raise TypeError(f"the record is a {self.kind}, which holds no array")

    def vectors(self) -> Any:
        """Returns the arrows of a 3D scene: an array of shape (n, 2, 3), start and end of each."""
        import numpy as np

        self._check("object_3d", "vectors()")
        scene = self.get("scene", {})
        return self._npy(scene["vectors"]["file"]) if "vectors" in scene else np.empty((0, 2, 3))

    def histogram(self) -> tuple[Any, Any]:
        """Returns a histogram as `np.histogram` does: counts of shape (n,) and edges of shape (n + 1,), float64."""
        import numpy as np

        self._check("histogram", "histogram()")
        return np.array(self["counts"], np.float64), np.array(self["edges"], np.float64)

    def text(self) -> str:
        """Returns the text of an HTML, Markdown, molecule or other text file."""
        return str(self["text"]) if "text" in self else self.read().decode("utf-8", "replace")

    def specification(self) -> dict[str, Any]:
        """Returns the specification of a chart; an empty dict when it is drawn by a preset."""
        self._check("plot", "specification()")
        if "specification" not in self:
            return {}
        found: dict[str, Any] = json.loads(self._connection.read_object(self["specification"]["sha256"]))
        return found

    def table(self) -> StoredRecord:
        """Returns a table, or the one that a chart draws."""
        if self.kind == "table":
            return self
        self._check("plot", "table()")
        if "table" not in self:
            raise CommError("the chart has no table: its data stand in its specification")
        return StoredRecord(self["table"], self._connection)

    @property
    def columns(self) -> list[str]:
        """The names of a table's columns, in order."""
        return [column["name"] for column in self.table()["columns"]]

    def rows(self) -> list[list[Any]]:
        """Returns a table's rows as they were logged; a cell that is a typed record is a `StoredRecord`.

        Where a column holds cells of several kinds, NaN and infinities in it are the texts "NaN", "Infinity", "-Infinity".
        """
        columns = self._columns()
        return [list(row) for row in zip(*columns, strict=True)] if columns else []

    def get_column(self, name: str) -> list[Any]:
        """Returns the cells of a table's column, the first of this name; raises KeyError when there is none."""
        if name not in self.columns:
            raise KeyError(f"the table has no column {name!r}; it has {', '.join(map(repr, self.columns))}")
        return self._columns()[self.columns.index(name)]

    def dataframe(self) -> Any:
        """Returns a table as a pandas DataFrame; integers with empty cells are of pandas' nullable type."""
        import pandas as pd

        columns = self._columns()
        types = [column["type"] for column in self.table()["columns"]]
        frame = pd.DataFrame(
            {place: _as_series(*column) for place, column in enumerate(zip(types, columns, strict=True))}
        )
        frame.columns = pd.Index(self.columns)
        return frame

    def _columns(self) -> list[list[Any]]:
        from pyarrow import parquet

        table = self.table()
        data = parquet.read_table(io.BytesIO(self._connection.read_object(table["file"]["sha256"])))
        columns: list[list[Any]] = []
        for position, column in enumerate(table["columns"]):
            cells = data.column(position).to_pylist()
            if column["type"] == "json":
                cells = [None if cell is None else self._cell(cell) for cell in cells]
            elif column["type"] == "record":
                cells = [
                    None if cell is None else StoredRecord(json.loads(cell), self._connection)
                    for cell in cells
                ]
            columns.append(cells)
        return columns

    def _cell(self, text: str) -> Any:
        """Returns a cell of a column of several types."""
        cell = json.loads(text, object_hook=_odd_float)
        return StoredRecord(cell, self._connection) if is_document(cell) else cell

    def _npy(self, file: dict[str, Any]) -> Any:
        import numpy as np

        return np.load(io.BytesIO(self._connection.read_object(file["sha256"])), allow_pickle=False)

    def _file(self) -> dict[str, Any]:
        if "file" not in self:
            reason = self.error or (
                "it is still being encoded" if self.get("pending") else "it is kept without one"
            )
            raise CommError(f"the {self.kind} has no file: {reason}")
        file: dict[str, Any] = self["file"]
        return file

    def _check(self, kind: str, method: str) -> None:
        if self.kind != kind:
            raise TypeError(f"{method} is of records of kind {kind}; this is a {self.kind}")
        if self.error:
            raise CommError(f"the {kind} could not be kept: {self.error}")


def _odd_float(value: dict[str, Any]) -> Any:
    """Returns a number that JSON has not; any other object as it is."""
    return float(value["$float"]) if value.keys() == {"$float"} else value


def is_document(value: Any) -> bool:
    """Says whether a value of a summary is a typed record's document."""
    return (
        isinstance(value, dict)
        and value.get("type") in KINDS
        and any(
            name in value
            for name in ("file", "records", "document", "counts", "scene", "text", "language", "error")
        )
    )


def _open_image(data: bytes) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise CommError(
            "decoding an image needs Pillow, which is not installed: pip install pillow"
        ) from None
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    # Decoders raise all of these for files that are damaged, or too large to decode.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, Image.DecompressionBombError) as error:
        raise CommError(
            f"Pillow cannot decode the image ({error}); read() returns the bytes of its file"
        ) from None
    return image


def _plain_mode(image: Any) -> Any:
    """Returns an image whose pixels are levels: no palette indices, truth values or inks."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.convert("RGB") if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") else image


def _as_series(kind: str, cells: list[Any]) -> Any:
    """Returns the cells of a column as a Series of pandas that keeps each what it is."""
    import pandas as pd

    if kind == "integer" and None in cells:  # pandas would make floats of them, which have 53 bits
        return pd.Series(cells, dtype="UInt64" if max(cell or 0 for cell in cells) >= 1 << 63 else "Int64")
    return pd.Series(cells, dtype=None if kind in ("number", "integer", "bool") else object)


def _samples(data: bytes) -> Any:
    """Returns the samples of a WAV file of PCM or float samples."""
    import numpy as np

    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise CommError("only WAV files are decoded here; read() returns the bytes of others")
    form = channels = bits = 0
    position = 12
    while position + 8 <= len(data):
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + size]
        if name == b"fmt ":
            form, channels = (int.from_bytes(body[start : start + 2], "little") for start in (0, 2))
            bits = int.from_bytes(body[14:16], "little")
            if form == 0xFFFE:  # WAVE_FORMAT_EXTENSIBLE: the format is the beginning of its GUID
                form = int.from_bytes(body[24:26], "little")
        elif name == b"data":
            dtype = {(1, 8): "<u1", (1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}.get(
                (form, bits)
            )
            if dtype is None or not channels:
                raise CommError(f"WAV samples of format {form} with {bits} bits are not decoded here")
            whole = len(body) // (np.dtype(dtype).itemsize * channels)  # of a file that is cut off
            samples = np.frombuffer(body, dtype, whole * channels)
            return samples if channels == 1 else samples.reshape(-1, channels)
        position += 8 + size + size % 2
    raise CommError("the WAV file holds no samples")


def _frames(data: bytes, media_type: str, frame_count: int, frames_per_second: float) -> Any:
    """Returns the frames of a clip; one that a GIF shows for longer stands for all that were alike."""
    import numpy as np

    if media_type not in _DEMUXERS:
        raise CommError(
            f"a video of type {media_type} is not decoded here; read() returns the bytes of its file"
        )
    try:
        import av
    except ImportError:
        raise CommError("decoding a video needs PyAV, which is not installed: pip install av") from None
    try:
        with av.open(io.BytesIO(data), format=_DEMUXERS[media_type]) as container:
            decoded = [
                (frame.time or 0.0, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
            ]
    except (av.FFmpegError, IndexError) as error:  # no video in it is an IndexError
        raise CommError(
            f"PyAV cannot decode the video ({error}); read() returns the bytes of its file"
        ) from None
    if not decoded:
        raise CommError("the video has no frames that can be decoded; read() returns the bytes of its file")
    frames = np.stack([picture for _, picture in decoded])
    if not frames_per_second or len(frames) >= frame_count:
        return frames
    starts = np.rint(np.array([time for time, _ in decoded]) * frames_per_second)
    return frames[np.searchsorted(starts, np.arange(frame_count), side="right").clip(1) - 1]


class Upload(Draft):
    """Sends the bytes of typed records to the daemon ahead of the message that refers to them."""

    def __init__(self, connection: Connection) -> None:
        """Takes the way to the daemon."""
        super().__init__()
        self._connection = connection

    def payload(self, data: bytes | memoryview, media_type: str = "", file_name: str = "") -> bytes:
        """Sends bytes, or puts few of them into the message; encodes the `Payload`. Raises CommError."""
        if len(data) <= _INLINE_BYTES_MAX:
            source = _wire.message(1, bytes(data))
        else:
            source = _wire.text(3, self._connection.put_object(data))
        return (
            source
            + (_wire.text(4, media_type) if media_type else b"")
            + (_wire.text(6, file_name) if file_name else b"")
        )

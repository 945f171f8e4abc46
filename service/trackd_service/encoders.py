"""Owns the turning of a `TypedRecord` into its document and its objects (docs/records.md).

Invariants: nothing a record holds raises; it becomes a document that says in one sentence what is wrong with it, and the
records beside it are untouched. Nothing is unpickled, evaluated, or fetched; of the data only what a payload names is read,
and only after their check sum was compared. A file is finished when it is returned, and each content is written once.

Runs in a helper process (`worker`), since the libraries under it are large and their input is foreign. With `records` and
`grpc_api` alone it knows the generated classes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import resource
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from trackd.v1 import values_pb2
from trackd_service import arrays, histograms, images, sounds, tables, videos
from trackd_service.arrays import AnyArray, RecordInvalid, finite
from trackd_service.encodings import Data, Document, Made, MadeFile, Task

MEMORY_BYTES_MAX = 8 << 30  # of address space: a record of 1 GiB, decoded, copied and encoded at once
NICENESS = 10  # the training goes first
DOCUMENT_BYTES_MAX = 64 << 10  # a document is sent with every point; what is larger is asked for
SPECIFICATION_BYTES_MAX = 64 << 20  # of a plot: a page parses it in a second
# The sampled check sum: all of what is small, and of the rest eight blocks at even distances, since reading a gigabyte
# twice would cost more than it finds.
_WHOLE_BYTES_MAX = 65_536
_SAMPLE_COUNT = 8
_SAMPLE_BYTES = 1_024
_COPY_BYTES = 1 << 20
_DEPTH_MAX = 8  # of tables in the cells of tables
_NAME_CHARACTERS_MAX = 255  # of a file, in every file system
# Of a specification: the names through which a script reaches an object's prototype.
_KEYS_DROPPED = frozenset(("__proto__", "constructor", "prototype"))
_DATA_DAMAGED = "the data of this record are damaged on the disk"

_BINARY = "application/octet-stream"
_PARQUET = "application/vnd.apache.parquet"
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}")
_MODEL_TYPES = {
    "obj": "model/obj",
    "gltf": "model/gltf+json",
    "glb": "model/gltf-binary",
    "stl": "model/stl",
    "ply": _BINARY,
}
_MOLECULE_TYPES = {
    **dict.fromkeys(("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "xyz"), "text/plain"),
    "mmtf": _BINARY,
}
_LANGUAGES = {
    values_pb2.PLOT_LANGUAGE_VEGA_LITE: "vega-lite",
    values_pb2.PLOT_LANGUAGE_PLOTLY: "plotly",
    values_pb2.PLOT_LANGUAGE_BOKEH: "bokeh",
}

_log = logging.getLogger("trackd.encoders")
_is_limited = False
_NO_PRESETS: Mapping[str, str] = {}


def encode_many(
    tasks: list[Task], scratch: Path, objects: Path, presets: Mapping[str, str] = _NO_PRESETS
) -> list[Made]:
    """Encodes records; one `Made` a task, in order.

    The process that first calls this has its memory limited and lets others go first, for good.

    Args:
        tasks: The records.
        scratch: A folder to write files into, under names that nobody has.
        objects: The root of the object store, for payloads that name an object: `files/AB/SHA256` under it.
        presets: The specifications, as JSON, of the presets that people have saved, by id.

    Raises:
        OSError: the disk takes no more; nothing is left of the call, which may be made again.
    """
    _limit_process()
    folder = _Folder(scratch)
    try:
        return [_Encoder(task, folder, objects, presets).encode() for task in tasks]
    except BaseException:
        folder.clear()
        raise


def sample_check_sum(read: Callable[[int, int], bytes | memoryview], size: int) -> int:
    """Returns the sampled CRC-32 of data: of all of it up to 64 KiB, otherwise of eight blocks of 1 KiB at even distances.

    Args:
        read: Returns so many bytes from an offset.
        size: The size of the data in bytes.
    """
    if size <= _WHOLE_BYTES_MAX:
        return zlib.crc32(read(0, size)) if size else 0
    check_sum = 0
    for block in range(_SAMPLE_COUNT):
        offset = block * (size - _SAMPLE_BYTES) // (_SAMPLE_COUNT - 1)
        check_sum = zlib.crc32(read(offset, _SAMPLE_BYTES), check_sum)
    return check_sum


def _limit_process() -> None:
    global _is_limited
    if _is_limited:
        return
    _is_limited = True
    with contextlib.suppress(ValueError, OSError):  # a lower limit that somebody else has set stays
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft == resource.RLIM_INFINITY or soft > MEMORY_BYTES_MAX:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, hard))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A content that has its name, and where it can be read."""

    sha256: str
    size_bytes: int
    path: Path


class _Folder:
    """The files that one call makes, each content once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, _Kept] = {}
        self._uses: Counter[str] = Counter()

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """Gives a path to write to; what is there is removed when that fails."""
        path = self._folder / os.urandom(16).hex()
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def keep(self, path: Path) -> _Kept:
        """Takes a finished file of the folder."""
        digest = hashlib.sha256()
        size = 0
        with path.open("rb") as file:
            while block := file.read(_COPY_BYTES):
                digest.update(block)
                size += len(block)
        return self._settle(digest.hexdigest(), size, path)

    def keep_pieces(self, pieces: Iterator[bytes | memoryview]) -> _Kept:
        """Writes a file of pieces."""
        digest = hashlib.sha256()
        size = 0
        with self.draft() as path:
            with path.open("wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
            return self._settle(digest.hexdigest(), size, path)

    def use(self, kept: _Kept) -> None:
        """Notes that one more task names a file."""
        self._uses[kept.sha256] += 1

    def release(self, kept: _Kept) -> None:
        """Notes that a task names a file no more; one that nobody names is removed."""
        self._uses[kept.sha256] -= 1
        if not self._uses[kept.sha256]:
            del self._known[kept.sha256]
            kept.path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes all files."""
        for kept in self._known.values():
            kept.path.unlink(missing_ok=True)

    def _settle(self, sha256: str, size: int, path: Path) -> _Kept:
        known = self._known.get(sha256)
        if known is not None:
            path.unlink()
            return known
        self._known[sha256] = _Kept(sha256, size, path)
        return self._known[sha256]


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes somewhere: how many, and how to read so many of them from an offset."""

    size: int
    read: Callable[[int, int], bytes | memoryview]


class _Encoder:
    """Encodes the record of one task."""

    def __init__(self, task: Task, folder: _Folder, objects: Path, presets: Mapping[str, str]) -> None:
        self._task = task
        self._folder = folder
        self._objects = objects
        self._presets = presets
        self._made: dict[str, _Kept] = {}  # what the document names and the store has not, in order
        self._found: dict[str, int] = {}  # size by sha256 of the objects that were there already
        self._data: _Part | None = None
        self._closing = contextlib.ExitStack()
        self._encoders: dict[str, Callable[[Any, int], Document]] = {
            "histogram": self._histogram,
            "image": self._image,
            "video": self._video,
            "audio": self._audio,
            "object_3d": self._object_3d,
            "molecule": self._molecule,
            "table": self._table,
            "html": self._html,
            "plot": self._plot,
            "markdown": self._markdown,
            "array": self._whole_array,
        }

    def encode(self) -> Made:
        """Returns the document and the files."""
        kind = self._task.kind
        with self._closing:
            try:
                document = self._spilled(self._record(self._message(), kind, 0))
            except Exception as error:
                self._forget_from(0)
                if _is_of_the_disk(error):
                    raise
                document = {"type": kind, "error": _sentence(error, kind)}
        files = [MadeFile(kept.sha256, kept.size_bytes, str(kept.path)) for kept in self._made.values()]
        files += [
            MadeFile(sha256, size, "") for sha256, size in self._found.items() if sha256 not in self._made
        ]
        return Made(document, tuple(files))

    def _message(self) -> values_pb2.TypedRecord:
        try:
            return values_pb2.TypedRecord.FromString(self._task.message)
        except DecodeError:
            raise RecordInvalid("the record cannot be parsed as trackd.v1.TypedRecord") from None

    def _record(self, message: values_pb2.TypedRecord, kind: str, depth: int) -> Document:
        """Returns the document of a record or of a list of records; an error of one of them is its own document."""
        found = message.WhichOneof("kind") or ""
        if found == "list":
            records = message.list.records
            return {"type": kind, "records": [self._one_record(each, kind, depth) for each in records]}
        return self._one_record(message, kind, depth)

    def _one_record(self, message: values_pb2.TypedRecord, kind: str, depth: int) -> Document:
        mark = len(self._made)
        found = message.WhichOneof("kind") or ""
        try:
            if found not in self._encoders:
                raise RecordInvalid(f"the record is {found or 'of no kind'}; it must be one of {kind}")
            if found != kind:
                raise RecordInvalid(f"the record is of the kind {found}; it was logged as {kind}")
            if depth > _DEPTH_MAX:
                raise RecordInvalid(f"tables stand in the cells of tables more than {_DEPTH_MAX} deep")
            document = self._encoders[found](getattr(message, found), depth)
        except Exception as error:
            self._forget_from(mark)
            if _is_of_the_disk(error):
                raise
            return {"type": kind, "error": _sentence(error, kind)}
        return {"type": kind, **document}

    # -- kinds --------------------------------------------------------------------------------------------------------

    def _histogram(self, message: values_pb2.Histogram, _: int) -> Document:
        if message.HasField("raw"):
            found = histograms.bin_values(self._array(message.raw), message.bin_count)
        else:
            found = histograms.check(message.edges, message.counts, message.nan_count, message.infinite_count)
        return {
            "edges": found.edges.tolist(),
            "counts": [int(count) if count.is_integer() else count for count in found.counts.tolist()],
            **_odd_counts(found.nan_count, found.infinite_count),
        }

    def _image(self, message: values_pb2.Image, _: int) -> Document:
        source = message.WhichOneof("source")
        if source == "raw":
            picture = images.encode(self._array(message.raw), message.file_type, message.mode)
            file = self._file(self._keep_bytes(picture.data), picture.media_type)
            width: int | None = picture.width
            height: int | None = picture.height
            found = [picture.warning]
        elif source == "encoded":
            kept = self._keep(message.encoded)
            seen = images.inspect(kept.path)
            file = self._file(kept, seen.media_type or _given_type(message.encoded), message.encoded)
            width, height, found = seen.width, seen.height, [seen.warning]
        else:
            raise RecordInvalid("the image has no pixels: its source is not set")
        names = dict(message.class_names)
        masks = [self._mask(mask, names, (height, width), found) for mask in message.masks]
        return {
            "file": file,
            **_some(
                width=width,
                height=height,
                caption=message.caption,
                grouping=message.grouping,
                class_names=_classes(names),
                masks=[mask for mask in masks if mask],
                boxes=[_boxes(boxes, names, found) for boxes in message.boxes],
            ),
            **_some(warning=images.join_warnings(found)),
        }

    def _mask(
        self,
        message: values_pb2.ImageMask,
        shared_names: Mapping[int, str],
        shape: tuple[int | None, int | None],
        found: list[str],
    ) -> Document | None:
        """Returns the document of a mask; None for one that is none, with a warning among those found."""
        title = f"mask {_show(message.name)}"
        try:
            if message.HasField("encoded"):
                classes = images.read_mask(self._bytes(message.encoded))
            else:
                classes = self._array(message.classes)
            png = images.encode_mask(classes)
        except RecordInvalid as error:
            found.append(f"{title} is left out: {error}")
            return None
        if None not in shape and classes.shape != shape:
            found.append(
                f"{title} is {classes.shape[1]}x{classes.shape[0]} pixels, the image {shape[1]}x{shape[0]}"
            )
        names = dict(message.class_names)
        _warn_of_unnamed(title, classes, {**shared_names, **names}, found)
        file = self._file(self._keep_bytes(png), "image/png")
        return {"name": message.name, "file": file, **_some(class_names=_classes(names))}

    def _video(self, message: values_pb2.Video, _: int) -> Document:
        source = message.WhichOneof("source")
        if source == "raw":
            with self._folder.draft() as path:
                clip = videos.encode(
                    self._array(message.raw), message.frames_per_second, message.format, path
                )
                file = self._file(self._take(self._folder.keep(path)), clip.media_type)
        elif source == "encoded":
            kept = self._keep(message.encoded)
            clip = videos.inspect(kept.path)
            file = self._file(kept, clip.media_type or _given_type(message.encoded), message.encoded)
        else:
            raise RecordInvalid("the video has no frames: its source is not set")
        return {
            "file": file,
            **_some(
                width=clip.width,
                height=clip.height,
                frame_count=clip.frame_count,
                frames_per_second=clip.frames_per_second,
                caption=message.caption,
                warning=clip.warning,
            ),
        }

    def _audio(self, message: values_pb2.Audio, _: int) -> Document:
        source = message.WhichOneof("source")
        if source == "raw":
            pieces, sound = sounds.encode(self._array(message.raw), message.sample_rate_hertz)
            file = self._file(self._keep_bytes(*pieces), sound.media_type)
        elif source == "encoded":
            kept = self._keep(message.encoded)
            sound = sounds.inspect(kept.path)
            file = self._file(kept, sound.media_type or _given_type(message.encoded), message.encoded)
        else:
            raise RecordInvalid("the audio has no samples: its source is not set")
        return {
            "file": file,
            **_some(
                sample_rate_hertz=sound.sample_rate_hertz,
                sample_count=sound.sample_count,
                channel_count=sound.channel_count,
                duration_seconds=sound.duration_seconds,
                caption=message.caption,
                warning=sound.warning,
            ),
        }

    def _object_3d(self, message: values_pb2.Object3D, _: int) -> Document:
        source = message.WhichOneof("source")
        if source == "encoded":
            media_type = _of(_MODEL_TYPES, message.file_type, "a 3D model")
            return {
                "file": self._file(self._keep(message.encoded), media_type, message.encoded),
                "file_type": message.file_type,
                **_some(caption=message.caption),
            }
        if source != "scene":
            raise RecordInvalid("the 3D object has neither a file nor a scene: its source is not set")
        return {"scene": self._scene(message.scene), **_some(caption=message.caption)}

    def _scene(self, message: values_pb2.Scene3D) -> Document:
        document: Document = {}
        if message.HasField("points"):
            points = self._array(message.points)
            if points.ndim != 2 or points.shape[1] not in (3, 4, 6):
                raise RecordInvalid(
                    f"the points have the shape {arrays.show_shape(points.shape)}; it can be (n,3), (n,4) or (n,6)"
                )
            document["points"] = self._array_file(points)
        if message.HasField("vectors"):
            vectors = self._array(message.vectors)
            if vectors.ndim != 3 or vectors.shape[1:] != (2, 3):
                raise RecordInvalid(
                    f"the vectors have the shape {arrays.show_shape(vectors.shape)}; it must be (n,2,3)"
                )
            document["vectors"] = self._array_file(vectors)
        if message.boxes:
            document["boxes"] = [_box_3d(box) for box in message.boxes]
        return {**document, **_some(scene_type=message.scene_type)}

    def _molecule(self, message: values_pb2.Molecule, _: int) -> Document:
        media_type = _of(_MOLECULE_TYPES, message.file_type, "a molecule")
        return {
            "file": self._file(self._keep(message.encoded), media_type, message.encoded),
            "file_type": message.file_type,
            **_some(caption=message.caption),
        }

    def _table(self, message: values_pb2.Table, depth: int) -> Document:
        tables.check_row_count(message.row_count)
        columns = [self._column(column, message.row_count, depth) for column in message.columns]
        with self._folder.draft() as path:
            described = tables.write(columns, message.row_count, path)
            return {**described, "file": self._file(self._take(self._folder.keep(path)), _PARQUET)}

    def _column(self, message: values_pb2.TableColumn, row_count: int, depth: int) -> tables.Column:
        cells = message.WhichOneof("cells")
        if cells == "numbers":
            validity = self._array(message.validity) if message.HasField("validity") else None
            return tables.numbers(message.name, self._array(message.numbers), validity)
        if cells == "texts":
            sizes = self._array(message.texts.sizes_bytes)
            return tables.texts(message.name, self._bytes(message.texts.data), sizes)
        if cells == "values":
            return tables.values(message.name, [self._cell(cell, depth) for cell in message.values.cells])
        return tables.empty(message.name, row_count)

    def _cell(self, message: values_pb2.Value, depth: int) -> tables.Cell:
        kind = message.WhichOneof("kind")
        if kind is None:
            return None
        content: Any = getattr(message, kind)
        if kind == "json_value":
            return tables.checked_json(content)
        if kind == "record_value":
            record = content.list.records[0] if content.list.records else content
            document = self._record(content, record.WhichOneof("kind") or "other", depth + 1)
            return tables.Document(_dump(self._spilled(document)))
        cell: tables.Cell = content
        return cell

    def _html(self, message: values_pb2.Html, _: int) -> Document:
        file = self._file(self._keep(message.encoded), "text/html", message.encoded)
        return {"file": file, **({"inject": True} if message.inject else {})}

    def _markdown(self, message: values_pb2.Markdown, _: int) -> Document:
        return {"text": message.text}

    def _plot(self, message: values_pb2.Plot, depth: int) -> Document:
        language = _LANGUAGES.get(message.language)
        if message.preset_id and language is None:
            language = "vega-lite"  # which all presets are
        if language is None:
            raise RecordInvalid(f"the plot's language is {message.language}; it can be 1, 2 or 3")
        has_specification = message.HasField("specification")
        if not has_specification and not message.preset_id:
            raise RecordInvalid("the plot has neither a specification nor a preset")
        document: Document = {"language": language}
        if has_specification:
            text = _checked_specification(self._bytes(message.specification))
            document["specification"] = self._file(self._keep_bytes(text), "application/json")
        elif message.preset_id in self._presets:
            # The run may be read where nobody has saved the preset: from a bucket, or on a team server.
            text = _checked_specification(self._presets[message.preset_id].encode())
            document["preset"] = self._file(self._keep_bytes(text), "application/json")
        if message.HasField("data"):
            document["table"] = {"type": "table", **self._table(message.data, depth)}
        runtime = [self._file(self._keep(script), "text/javascript", script) for script in message.runtime]
        return {
            **document,
            **_some(
                preset_id=message.preset_id,
                fields=dict(sorted(message.fields.items())),
                strings=dict(sorted(message.strings.items())),
                runtime=runtime,
                caption=message.caption,
            ),
        }

    def _whole_array(self, message: values_pb2.Array, _: int) -> Document:
        array = self._array(message)
        found = arrays.statistics(array)
        return {
            **self._array_file(array),
            "min": found.min,
            "max": found.max,
            "mean": found.mean,
            "variance": found.variance,
            "percentile_95": found.percentile_95,
            **_odd_counts(found.nan_count, found.infinite_count),
        }

    # -- bytes and files ----------------------------------------------------------------------------------------------

    def _array(self, message: values_pb2.Array) -> AnyArray:
        return arrays.from_bytes(message.dtype, message.shape, self._bytes(message.data))

    def _bytes(self, payload: values_pb2.Payload) -> bytes | memoryview:
        with self._open(payload) as part:
            return part.read(0, part.size)

    @contextlib.contextmanager
    def _open(self, payload: values_pb2.Payload) -> Iterator[_Part]:
        """Gives the bytes of a payload for reading."""
        source = payload.WhichOneof("source")
        if source == "inline":
            yield _part_of_bytes(payload.inline)
        elif source == "range":
            data = self._data_part()
            start, size = payload.range.offset, payload.range.size_bytes
            if start < 0 or size < 0 or start + size > data.size:
                raise RecordInvalid(
                    f"the record refers to {size} bytes at {start} of its data, which are {data.size} bytes"
                )
            yield _Part(size, lambda offset, count: data.read(start + offset, count))
        elif source == "local_path":
            with _open_file(payload.local_path, _show(_plain_name(payload.local_path))) as part:
                yield part
        elif source == "sha256":
            with _open_file(str(self._object_path(payload.sha256)), payload.sha256[:8]) as part:
                yield part
        else:
            raise RecordInvalid("a part of the record has no bytes: its source is not set")

    def _data_part(self) -> _Part:
        """Returns the data of the task, whose check sum was compared."""
        if self._data is None:
            data = self._task.data
            part = self._data_of_file(data) if data.path else _part_of_bytes(data.inline)
            is_sealed = bool(data.path or data.check_sum)
            if is_sealed and sample_check_sum(part.read, part.size) != data.check_sum:
                raise RecordInvalid(_DATA_DAMAGED)
            self._data = part
        return self._data

    def _data_of_file(self, data: Data) -> _Part:
        try:
            descriptor = os.open(data.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise RecordInvalid(_DATA_DAMAGED) from None
        self._closing.callback(os.close, descriptor)
        if os.fstat(descriptor).st_size < data.offset + data.size_bytes:
            raise RecordInvalid(_DATA_DAMAGED)
        return _Part(
            data.size_bytes,
            lambda offset, size: _read_exactly(descriptor, data.offset + offset, size, _DATA_DAMAGED),
        )

    def _object_path(self, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):  # it becomes a path
            raise RecordInvalid(
                f"an object is named {sha256[:20]!r}; its name is the 64 hex digits of a sha256"
            )
        path = self._objects / "files" / sha256[:2] / sha256
        if not path.is_file():
            raise RecordInvalid(f"the object {sha256[:8]}… is not in the store: send it first")
        return path

    def _keep(self, payload: values_pb2.Payload) -> _Kept:
        """Returns a payload as an object of the store; its bytes pass through in small pieces."""
        if payload.WhichOneof("source") == "sha256":
            path = self._object_path(payload.sha256)
            kept = _Kept(payload.sha256, path.stat().st_size, path)
            self._found[kept.sha256] = kept.size_bytes
            return kept
        with self._open(payload) as part:
            pieces = (
                part.read(offset, min(_COPY_BYTES, part.size - offset))
                for offset in range(0, part.size, _COPY_BYTES)
            )
            return self._take(self._folder.keep_pieces(pieces))

    def _keep_bytes(self, *pieces: bytes | memoryview) -> _Kept:
        return self._take(self._folder.keep_pieces(iter(pieces)))

    def _take(self, kept: _Kept) -> _Kept:
        """Notes that the document names a file."""
        if kept.sha256 not in self._made:
            self._made[kept.sha256] = kept
            self._folder.use(kept)
        return kept

    def _forget_from(self, mark: int) -> None:
        """Drops the files noted since there were `mark` of them."""
        for sha256 in list(self._made)[mark:]:
            self._folder.release(self._made.pop(sha256))

    def _file(self, kept: _Kept, media_type: str, payload: values_pb2.Payload | None = None) -> Document:
        document: Document = {
            "sha256": kept.sha256,
            "size_bytes": kept.size_bytes,
            "media_type": media_type,
        }
        return {**document, **_some(name=_plain_name(payload.file_name) if payload is not None else "")}

    def _array_file(self, array: AnyArray) -> Document:
        file = self._file(self._keep_bytes(*arrays.npy_pieces(array)), _BINARY)
        return {"dtype": array.dtype.newbyteorder("<").str, "shape": list(array.shape), "file": file}

    def _spilled(self, document: Document) -> Document:
        """Returns a document, or for a large one the document that names it."""
        text = _dump(document).encode()
        if len(text) <= DOCUMENT_BYTES_MAX:
            return document
        count = {"count": len(document["records"])} if "records" in document else {}
        file = self._file(self._keep_bytes(text), "application/json")
        return {"type": document["type"], "document": file, **count}


def _part_of_bytes(content: bytes) -> _Part:
    view = memoryview(content)
    return _Part(len(view), lambda offset, size: view[offset : offset + size])


@contextlib.contextmanager
def _open_file(path: str, title: str) -> Iterator[_Part]:
    if not path.startswith("/"):
        raise RecordInvalid(f"the file {title} is not named by an absolute path")
    try:
        # Not blocking: a named pipe would keep whoever opens it waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise RecordInvalid(f"the file {title} cannot be read: {_reason(error)}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RecordInvalid(f"{title} is no file")
        changed = f"the file {title} was changed while it was read"
        yield _Part(status.st_size, lambda offset, size: _read_exactly(descriptor, offset, size, changed))
    finally:
        os.close(descriptor)


def _read_exactly(descriptor: int, offset: int, size: int, otherwise: str) -> memoryview:
    buffer = np.empty(size, np.uint8).data
    done = 0
    while done < size:
        count = os.preadv(descriptor, [buffer[done:]], offset + done)
        if not count:
            raise RecordInvalid(otherwise)
        done += count
    return buffer


def _is_of_the_disk(error: Exception) -> bool:
    """Says whether the store's disk failed, which is no fault of a record: it is encoded later."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


def _sentence(error: Exception, kind: str) -> str:
    """Returns what is wrong, for the person who logged it; nothing of the daemon's insides."""
    if isinstance(error, RecordInvalid):
        return str(error)
    if isinstance(error, MemoryError):
        limit = f"{MEMORY_BYTES_MAX >> 30} GiB"
        return f"the {kind} needs more than the {limit} of memory there are to encode it: log a smaller one"
    _log.error("a record of the kind %s cannot be encoded", kind, exc_info=error)
    return f"the {kind} cannot be encoded ({type(error).__name__})"


def _reason(error: Exception) -> str:
    return (
        os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "its name is no path"
    ).lower()


def _some(**fields: Any) -> Document:
    """Returns the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def _odd_counts(nan_count: int, infinite_count: int) -> Document:
    return _some(nan_count=nan_count or None, infinite_count=infinite_count or None)


def _dump(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _of(types: Mapping[str, str], file_type: str, what: str) -> str:
    """Returns the media type of a file type."""
    if file_type not in types:
        raise RecordInvalid(f"the file type of {what} is {file_type[:20]!r}; it can be {', '.join(types)}")
    return types[file_type]


def _given_type(payload: values_pb2.Payload) -> str:
    return payload.media_type if _MEDIA_TYPE.fullmatch(payload.media_type) else _BINARY


def _plain_name(name: str) -> str:
    """Returns a file's name without folders and without what no file is called."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable())[:_NAME_CHARACTERS_MAX]


def _show(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _classes(names: Mapping[int, str]) -> dict[str, str]:
    return {str(number): names[number] for number in sorted(names)}


def _boxes(message: values_pb2.ImageBoxes, shared_names: Mapping[int, str], found: list[str]) -> Document:
    names = dict(message.class_names)
    ids = np.array([box.class_id for box in message.boxes], np.int64)
    _warn_of_unnamed(f"box set {_show(message.name)}", ids, {**shared_names, **names}, found)
    return {
        "name": message.name,
        **_some(class_names=_classes(names)),
        "boxes": [
            {
                "x_min": finite(box.x_min),
                "x_max": finite(box.x_max),
                "y_min": finite(box.y_min),
                "y_max": finite(box.y_max),
                "pixels": box.pixels,
                "class_id": box.class_id,
                **_some(
                    caption=box.caption,
                    scores={name: finite(score) for name, score in sorted(box.scores.items())},
                ),
            }
            for box in message.boxes
        ],
    }


def _warn_of_unnamed(title: str, ids: AnyArray, names: dict[int, str], found: list[str]) -> None:
    """Adds a warning when classes have names and some of these ids have none."""
    missing = images.unnamed(ids, names) if names else ""
    if missing:
        found.append(f"{title} holds class ids without a name: {missing}")


def _box_3d(message: values_pb2.Box3D) -> Document:
    if len(message.corners) != 24:
        raise RecordInvalid(f"a 3D box has {len(message.corners)} numbers; it has 8 corners of 3 numbers")
    if len(message.color) not in (0, 3):
        raise RecordInvalid(f"the colour of a 3D box has {len(message.color)} numbers; it has 3 or none")
    corners = [finite(number) for number in message.corners]
    return {
        "corners": [corners[start : start + 3] for start in range(0, 24, 3)],
        **_some(
            label=message.label,
            color=list(message.color),
            score=finite(message.score) if message.HasField("score") else None,
        ),
    }


def _checked_specification(text: bytes | memoryview) -> bytes:
    """Returns a plot's specification without what reaches for prototypes, and with null for what JSON has not."""
    if len(text) > SPECIFICATION_BYTES_MAX:
        raise RecordInvalid(
            f"the specification has {len(text)} bytes; the limit is {SPECIFICATION_BYTES_MAX}: draw fewer points"
        )
    try:
        specification = json.loads(
            bytes(text),
            object_pairs_hook=lambda pairs: {
                name: value for name, value in pairs if name not in _KEYS_DROPPED
            },
            parse_constant=lambda _: None,
            parse_float=lambda digits: finite(float(digits)),
        )
        if not isinstance(specification, dict):
            raise RecordInvalid("the specification of the plot is no JSON object")
        return _dump(specification).encode()
    except RecordInvalid:
        raise
    except (ValueError, RecursionError):
        raise RecordInvalid("the specification of the plot is not JSON, or is nested too deep") from None

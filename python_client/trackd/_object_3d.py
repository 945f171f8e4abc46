"""Owns `Object3D`: a model file kept byte for byte, or a scene of points, boxes and vectors.

Invariant: points are kept as they are, NaN too and none left out.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _record, _wire

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

FILE_TYPES = ("obj", "gltf", "glb", "stl", "ply")
SCENE_ENDING = ".pts.json"  # wandb's files of points and scenes
_POINT_SIZES = (3, 4, 6)
_SCENE_KEYS = ("type", "points", "boxes", "vectors")
_BOX_KEYS = ("corners", "label", "color", "score")


def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any = (1, 0, 0, 0),
    color: Any = None,
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Makes a box of a scene.

    Args:
        center: Its middle, (x, y, z).
        size: Its lengths along x, y and z before it is turned.
        orientation: A quaternion (real, x, y, z) that turns it, not zero and of any length.
        color: Red, green and blue, 0 to 1, or if any is above 1 in 0 to 255.
        label: Text at the box.
        score: A score.

    Returns:
        A box as `Object3D` takes it: its eight corners, and color, label and score where they are given.

    Raises:
        ValueError: a vector has another length, or the quaternion is zero or not finite.
    """
    middle, lengths = _vector(center, 3, "center"), _vector(size, 3, "size")
    real, x, y, z = _vector(orientation, 4, "orientation")
    length = math.hypot(real, x, y, z)
    if not (length > 0 and math.isfinite(length)):
        raise ValueError(
            f"box3d: orientation is {[real, x, y, z]}; it is a quaternion (real, x, y, z) that is not zero"
        )
    real, x, y, z = real / length, x / length, y / length, z / length
    rotation = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * real), 2 * (x * z + y * real)),
        (2 * (x * y + z * real), 1 - 2 * (x * x + z * z), 2 * (y * z - x * real)),
        (2 * (x * z - y * real), 2 * (y * z + x * real), 1 - 2 * (x * x + y * y)),
    )
    corners = []
    for signs in itertools.product((-0.5, 0.5), repeat=3):
        arm = [sign * extent for sign, extent in zip(signs, lengths, strict=True)]
        turned = [sum(map(float.__mul__, row, arm)) for row in rotation]
        corners.append([start + offset for start, offset in zip(middle, turned, strict=True)])
    given = {"color": color, "label": label, "score": score}
    return {"corners": corners, **{name: value for name, value in given.items() if value is not None}}


class Object3D(_record.Record):
    """A 3D object: a model, or a scene.

    Args:
        data_or_path: One of

            - the path, an open file in any mode, or the bytes of an obj, gltf, glb, stl or ply, kept byte for byte.
            - points, an array, tensor or nested lists: (n, 3); (n, 4) with a category; (n, 6) with red, green and blue in 0
              to 255. NaN are kept.
            - a scene, a dict: "points" as above; "boxes", a list of `{"corners": 8 points, "label", "color", "score"}` or of
              what `box3d` returns; "vectors", a list of `{"start", "end"}` or an array (n, 2, 3); "type", a text.
            - a mesh or scene of trimesh, or whatever has `vertices`, `faces` and `export(file_type="glb")`.
            - the path of a `.pts.json`, a file of points or of a scene.
        caption: Text under the object.
        **kwargs: `file_type`, the type of an open file without a name, or of bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another type, there are no points, or the shape is none of the above.
        TypeError: the data are none of the above; the sentence names the box or vector.
    """

    kind = "object_3d"
    field = 5

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: Any) -> None:
        file_type = kwargs.pop("file_type", None)
        if kwargs:
            raise TypeError(
                f"Object3D: there is no argument {', '.join(kwargs)}; beside caption there is file_type"
            )
        self.caption = None if caption is None else str(caption)
        self._content: _content.Content | None = None
        self._points: Array | None = None
        self._vectors: Array | None = None
        self._boxes: list[bytes] = []
        self._scene_type = ""
        if isinstance(data_or_path, Mapping):
            self._take_scene(data_or_path)
        elif _is_scene_file(data_or_path, file_type):
            data, _ = _content.load(data_or_path, "Object3D")
            self._take_json(data, _content.source_name(data_or_path))
        elif _content.is_content(data_or_path):
            self._content = _content.read(data_or_path, "Object3D", FILE_TYPES, file_type, _recognise)
        elif _is_mesh(data_or_path):
            self._content = _content.Content(bytes(data_or_path.export(file_type="glb")), "glb", "")
        else:
            self._points = _owned_points(data_or_path)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Makes one of a path or an open file; `file_type` is needed when it has no name."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Makes one of points, as the class takes them."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls, points: Any, boxes: Any = None, vectors: Any = None, point_cloud_type: str = "lidar/beta"
    ) -> Object3D:
        """Makes one of the parts of a scene, as the class takes them."""
        parts = {"points": points, "boxes": boxes, "vectors": vectors}
        return cls(
            {"type": point_cloud_type, **{name: part for name, part in parts.items() if part is not None}}
        )

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Object3D`."""
        caption = _wire.text(3, self.caption) if self.caption else b""
        if self._content is not None:
            return self._content.encode(1, "", draft) + caption + _wire.text(4, self._content.file_type)
        scene = b"" if self._points is None else _wire.message(1, draft.array(self._points))
        scene += b"".join(_wire.message(2, box) for box in self._boxes)
        scene += b"" if self._vectors is None else _wire.message(3, draft.array(self._vectors))
        scene += _wire.text(4, self._scene_type) if self._scene_type else b""
        return _wire.message(2, scene) + caption

    def _take_json(self, data: bytes, what: str) -> None:
        try:
            scene = json.loads(data)
        except ValueError as error:
            raise ValueError(f"Object3D: the {what} is no JSON: {error}") from None
        if isinstance(scene, dict):
            self._take_scene(scene)
        else:
            self._points = _owned_points(scene)

    def _take_scene(self, scene: Mapping[str, Any]) -> None:
        unknown = [name for name in scene if name not in _SCENE_KEYS]
        if unknown:
            raise ValueError(f"Object3D: a scene has no {unknown[0]!r}; it can have {', '.join(_SCENE_KEYS)}")
        points, boxes, vectors = (scene.get(name) for name in _SCENE_KEYS[1:])
        if points is not None and _length(points):
            self._points = _owned_points(points)
        if vectors is not None and _length(vectors):
            self._vectors = _owned_vectors(vectors)
        if boxes is not None:
            self._boxes = [_box(box, f"box {number}") for number, box in enumerate(_items(boxes, "boxes"))]
        if self._points is None and self._vectors is None and not self._boxes:
            raise ValueError("Object3D: the scene is empty; give points, boxes or vectors")
        self._scene_type = str(scene.get("type") or "")


def _is_mesh(value: Any) -> bool:
    return hasattr(value, "export") and (
        _record.is_from(value, "trimesh") or (hasattr(value, "vertices") and hasattr(value, "faces"))
    )


def _is_scene_file(value: Any, file_type: Any) -> bool:
    name = value if isinstance(value, str | os.PathLike) else getattr(value, "name", "")
    named = isinstance(name, str | os.PathLike) and os.fspath(name).lower().endswith(SCENE_ENDING)
    return _content.is_content(value) and (named or file_type == SCENE_ENDING[1:])


def _recognise(data: bytes) -> str | None:
    return _content.signature(data, {b"glTF": "glb", b"ply": "ply"})


def _length(values: Any) -> int:
    return len(values) if hasattr(values, "__len__") else 1


def _items(values: Any, what: str) -> Sequence[Any]:
    """Returns a list or an array of objects as a sequence."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, list | tuple):
        raise TypeError(f"Object3D: {what} is a {type(values).__name__}; it is a list")
    return values


def _numbers(values: Any, what: str) -> Array:
    try:
        return _record.as_array(values)
    except TypeError as error:
        raise TypeError(f"Object3D: {what}: {error}") from None


def _owned_points(values: Any) -> Array:
    array = _numbers(values, "points")
    if array.ndim == 2 and array.shape[1] in _POINT_SIZES and not array.size:
        raise ValueError("Object3D: there are no points; a cloud has at least one")
    if array.ndim != 2 or array.shape[1] not in _POINT_SIZES:
        raise ValueError(
            f"Object3D: points have the shape {array.shape}; it can be (n, 3), (n, 4) with a category, "
            "or (n, 6) with red, green and blue"
        )
    return _record.owned(array)


def _owned_vectors(values: Any) -> Array:
    if not hasattr(values, "ndim") or getattr(getattr(values, "dtype", None), "kind", "") == "O":
        pairs = []
        for number, vector in enumerate(_items(values, "vectors")):
            if isinstance(vector, Mapping):
                if "start" not in vector or "end" not in vector:
                    raise TypeError(
                        f"Object3D: vector {number} has {', '.join(map(repr, vector))}; it has start and end"
                    )
                pairs.append([vector["start"], vector["end"]])
            else:
                pairs.append(vector)
        values = pairs
    array = _numbers(values, "vectors")
    if array.ndim != 3 or array.shape[1:] != (2, 3):
        raise ValueError(
            f"Object3D: vectors have the shape {array.shape}; it is (n, 2, 3), each from start to end"
        )
    return _record.owned(array)


def _box(box: Any, what: str) -> bytes:
    """Encodes a `Box3D`."""
    if not isinstance(box, Mapping) or "corners" not in box:
        raise TypeError(
            f"Object3D: {what} is a {type(box).__name__}; it is a dict with corners, as box3d() makes one"
        )
    unknown = [name for name in box if name not in _BOX_KEYS]
    if unknown:
        raise ValueError(f"Object3D: {what} has {unknown[0]!r}; it can have {', '.join(_BOX_KEYS)}")
    corners = _numbers(box["corners"], f"corners of {what}")
    if corners.shape != (8, 3):
        raise ValueError(
            f"Object3D: corners of {what} have the shape {corners.shape}; they are 8 points, (8, 3)"
        )
    encoded = _record.doubles(1, corners.reshape(-1).tolist())
    if box.get("label") is not None:
        encoded += _wire.text(2, str(box["label"]))
    if box.get("color") is not None:
        encoded += _wire.message(3, b"".join(map(_wire.varint, _color(box["color"], what))))
    score = box.get("score")
    if score is not None:
        if isinstance(score, str | bool) or not hasattr(score, "__float__"):
            raise TypeError(
                f"Object3D: score of {what} is {score!r}, a {type(score).__name__}; it is a number"
            )
        encoded += _wire.double(4, float(score))
    return encoded


def _color(color: Any, what: str) -> list[int]:
    """Returns red, green and blue in 0 to 255."""
    parts = _numbers(color, f"color of {what}").astype(float)
    if parts.shape != (3,) or not math.isfinite(parts.sum()):
        raise ValueError(
            f"Object3D: color of {what} is {color!r}; it is red, green and blue, in 0 to 1 or 0 to 255"
        )
    scale = 255 if parts.max() <= 1 else 1  # (1, 0, 0) is red, not nearly black
    return [min(255, max(0, round(float(part) * scale))) for part in parts]


def _vector(values: Any, length: int, name: str) -> list[float]:
    try:
        numbers = [float(number) for number in values]
    except (TypeError, ValueError):
        raise TypeError(f"box3d: {name} is {values!r}; it is {length} numbers") from None
    if len(numbers) != length:
        raise ValueError(f"box3d: {name} has {len(numbers)} numbers; it has {length}")
    return numbers

"""Owns what is laid over an image: names of classes, masks and boxes.

Invariant: everything is checked when it is made, and the sentence names the mask, or the box and its field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _pixels, _record, _wire

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

CLASS_ID_MAX = 255  # a mask is an 8-bit image


class Classes:
    """Names of classes, shared by the masks and boxes of an image.

    Args:
        class_set: One mapping a class, `{"id": 1, "name": "cat"}`.

    Raises:
        TypeError: an entry has no integer id or no text name.
    """

    def __init__(self, class_set: Iterable[Any]) -> None:
        self.names: dict[int, str] = {}
        for number, entry in enumerate(class_set):
            if not isinstance(entry, Mapping) or "id" not in entry or "name" not in entry:
                raise TypeError(
                    f'Classes: entry {number} is {entry!r}; it is a dict such as {{"id": 1, "name": "cat"}}'
                )
            self.names.update(_class_labels({entry["id"]: entry["name"]}, f"Classes: entry {number}"))


class ImageMask:
    """Which class each pixel of an image has.

    Args:
        val: `{"mask_data": ids, "class_labels": names}`: ids are integers of 0 to 255, (height, width) like the image;
            names, a dict of texts by id, may be left out and need not name every id. Instead of `mask_data`, `path` names an
            image file of one class id a pixel.
        key: Accepted; the name of the mask is its key in `masks`.

    Raises:
        ValueError: the ids have another shape or are out of range.
        TypeError: they are no integers, or the names are no texts by id.
    """

    def __init__(self, val: Any, key: str = "") -> None:
        what = f"mask {key!r}" if key else "mask"
        if not isinstance(val, Mapping) or ("mask_data" in val) == ("path" in val):
            raise TypeError(f"Image: {what} is {short(val)}; it is a dict with either mask_data or path")
        self.names = _class_labels(val.get("class_labels"), f"Image: {what}")
        self.classes: Array | None = None
        self.content: _content.Content | None = None
        if "path" in val:
            self.content = _pixels.read_encoded(val["path"])
        else:
            self.classes = _class_ids(val["mask_data"], what)

    def encode(self, name: str, draft: _record.Draft) -> bytes:
        """Encodes the `ImageMask`."""
        if self.content is not None:
            source = self.content.encode(4, _pixels.MEDIA_TYPES[self.content.file_type], draft)
        else:
            assert self.classes is not None
            source = _wire.message(2, draft.array(self.classes))
        return _wire.text(1, name) + source + _record.class_names(3, self.names)


class BoundingBoxes2D:
    """One set of boxes over an image.

    Args:
        val: `{"box_data": boxes, "class_labels": names}`. A box is a dict: `position`, either `{"minX", "maxX", "minY",
            "maxY"}` or `{"middle": [x, y], "width", "height"}`; `domain`, "pixel" for pixels, None or "percentage" for
            fractions of the image in 0 to 1; and where there are any `class_id` (an integer), `scores` (numbers by name) and
            `box_caption`.
        key: Accepted; the name of the set is its key in `boxes`.

    Raises:
        ValueError: a box lacks an edge, or has one that is not finite.
        TypeError: a field of a box has another type; the sentence names box and field.
    """

    def __init__(self, val: Any, key: str = "") -> None:
        what = f"boxes {key!r}" if key else "boxes"
        if not isinstance(val, Mapping) or not isinstance(val.get("box_data"), list | tuple):
            raise TypeError(f"Image: {what} is {short(val)}; it is a dict with box_data, a list of boxes")
        self.names = _class_labels(val.get("class_labels"), f"Image: {what}")
        self.boxes = [_box(box, f"box {number} of {what}") for number, box in enumerate(val["box_data"])]

    def encode(self, name: str) -> bytes:
        """Encodes the `ImageBoxes`."""
        boxes = b"".join(_wire.message(2, box) for box in self.boxes)
        return _wire.text(1, name) + boxes + _record.class_names(3, self.names)


def _class_labels(names: Any, what: str) -> dict[int, str]:
    """Returns class names by id as they are checked; raises TypeError when they are something else."""
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise TypeError(f"{what}: class_labels is {short(names)}; it is a dict of texts by integer id")
    checked = {}
    for number, name in names.items():
        if isinstance(number, bool) or not (
            hasattr(number, "__index__") or (isinstance(number, float) and number.is_integer())
        ):
            raise TypeError(f"{what}: the class id {number!r} is a {type(number).__name__}; it is an integer")
        if not isinstance(name, str):
            raise TypeError(
                f"{what}: the name of class {number} is {name!r}, a {type(name).__name__}; it is a text"
            )
        checked[int(number)] = name
    return checked


def _class_ids(data: Any, what: str) -> Array:
    import numpy as np

    try:
        array = _record.as_array(data)
    except TypeError as error:
        raise TypeError(f"Image: {what}: {error}") from None
    if array.ndim != 2:
        raise ValueError(f"Image: mask_data of {what} has the shape {array.shape}; it is (height, width)")
    if array.size == 0:
        raise ValueError(f"Image: mask_data of {what} is empty, of shape {array.shape}")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= CLASS_ID_MAX):  # NaN too
        raise ValueError(
            f"Image: mask_data of {what} holds {low} to {high}; class ids are integers of 0 to {CLASS_ID_MAX}"
        )
    if array.dtype.kind == "f" and bool((array % 1 != 0).any()):
        raise TypeError(
            f"Image: mask_data of {what} holds fractions; class ids are integers of 0 to {CLASS_ID_MAX}"
        )
    return np.array(array, np.uint8, order="C", copy=True)


def _box(box: Any, what: str) -> bytes:
    """Encodes a `BoundingBox`."""
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        raise TypeError(f"Image: {what} is {short(box)}; it is a dict with position, a dict of its edges")
    position = box["position"]
    if "middle" in position:
        middle = position["middle"]
        if isinstance(middle, str | Mapping) or not hasattr(middle, "__len__") or len(middle) != 2:
            raise TypeError(f"Image: middle of {what} is {middle!r}; it is [x, y]")
        center_x, center_y = (_number(value, f"middle of {what}") for value in middle)
        half_width, half_height = (
            _number(position.get(name), f"{name} of {what}") / 2 for name in ("width", "height")
        )
        edges = [center_x - half_width, center_x + half_width, center_y - half_height, center_y + half_height]
    else:
        edges = [
            _number(position.get(name), f"{name} of {what}") for name in ("minX", "maxX", "minY", "maxY")
        ]
    domain, class_id, scores = box.get("domain"), box.get("class_id"), box.get("scores")
    if domain not in (None, "pixel", "percentage"):
        raise ValueError(
            f"Image: domain of {what} is {domain!r}; it can be 'pixel', or None for fractions of the image"
        )
    if class_id is not None and (isinstance(class_id, bool) or not hasattr(class_id, "__index__")):
        raise TypeError(
            f"Image: class_id of {what} is {class_id!r}, a {type(class_id).__name__}; it is an integer"
        )
    if scores is not None and not isinstance(scores, Mapping):
        raise TypeError(
            f"Image: scores of {what} is a {type(scores).__name__}; it is a dict of numbers by name"
        )
    caption = box.get("box_caption")
    if caption is not None and not isinstance(caption, str):
        raise TypeError(f"Image: box_caption of {what} is a {type(caption).__name__}; it is a text")
    encoded = b"".join(_wire.double(field, edge) for field, edge in enumerate(edges, 1))
    encoded += _wire.integer(5, 1) if domain == "pixel" else b""
    encoded += b"" if class_id is None else _wire.integer(6, int(class_id))
    encoded += _wire.text(7, caption) if caption else b""
    for name, score in (scores or {}).items():
        value = _wire.double(2, _number(score, f"score {name!r} of {what}", finite=False))
        encoded += _wire.message(8, _wire.text(1, str(name)) + value)
    return encoded


def _number(value: Any, what: str, finite: bool = True) -> float:
    if value is None:
        raise ValueError(
            f"Image: {what} is missing; a position has minX, maxX, minY, maxY, or middle, width, height"
        )
    if isinstance(value, str | bool) or not hasattr(value, "__float__"):
        raise TypeError(f"Image: {what} is {value!r}, a {type(value).__name__}; it is a number")
    number = float(value)
    if finite and not math.isfinite(number):
        raise ValueError(f"Image: {what} is {number}; it is a finite number")
    return number


def short(value: Any) -> str:
    """Describes a value of the wrong form in few words."""
    return (
        f"a dict with {', '.join(map(repr, value)) or 'nothing'}"
        if isinstance(value, Mapping)
        else f"a {type(value).__name__}"
    )

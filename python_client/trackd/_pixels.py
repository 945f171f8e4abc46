"""Owns what a picture is made of: the pixels of any array, and the files that browsers show.

Invariants: pixels are 8-bit or truth values, finite, and nobody else's; a file is known by its content, whatever its name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _record

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

CHANNELS = (1, 3, 4)
MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
}  # that every browser shows
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"BM": "bmp",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"\x00\x00\x01\x00": "ico",
    b"%PDF": "pdf",
}
_SVG_HEAD_BYTES = 4096  # an XML head and comments may stand before the root
_GRID_COLUMNS_MAX = 8  # of a batch of tensors, as torchvision lays them out


def to_bytes(array: Array, what: str, normalize: bool = True) -> Array:
    """Returns the pixels of an array of any type as 8-bit ones, or truth values, that nobody else can change.

    Floats in 0 to 1 are scaled; floats in -1 to 1 too when `normalize` is set; others are clipped to 0 to 255, as integers
    are.

    Raises:
        ValueError: a pixel is NaN or infinite.
    """
    import numpy as np

    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return _record.owned(array)
    low, high = array.min(), array.max()
    if array.dtype.kind in "iu":
        if low < 0 or high > 255:
            array = array.clip(0, 255 if high > 255 else None)  # an int8 cannot be compared with 255
        return array.astype(np.uint8, order="C")
    if not (math.isfinite(low) and math.isfinite(high)):
        count = array.size - int(np.isfinite(array).sum())
        raise ValueError(
            f"{what}: {count} of {array.size} pixels are NaN or infinite; pixels are finite numbers"
        )
    signed = normalize and -1 <= low < 0 and high <= 1
    if not signed and (low < 0 or high > 1):
        array = array.clip(0, 1 if high <= 1 else 255)
    levels = array.astype(np.float32)  # a copy, which the steps below change in place
    if signed:
        levels += 1
        levels *= 0.5
    if high <= 1:
        levels *= 255
    np.rint(levels, out=levels)
    pixels: Array = np.ascontiguousarray(levels, np.uint8)
    return pixels


def oriented(array: Array, channels_first: bool) -> Array:
    """Returns pixels as (height, width) or (height, width, channel).

    Raises:
        ValueError: the shape is none of an image.
    """
    shape = array.shape
    if array.size == 0:
        raise ValueError(f"Image: the array is empty, of shape {shape}; an image has at least one pixel")
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if channels_first and array.ndim == 4 and array.shape[1] in CHANNELS:
        array = grid(array, min(array.shape[0], _GRID_COLUMNS_MAX))
    if channels_first and array.ndim == 3 and array.shape[0] in CHANNELS:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] not in CHANNELS and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in CHANNELS):
        return array
    hint = ""
    if array.ndim == 3 and array.shape[0] in CHANNELS:
        hint = ": move the channels behind with numpy.moveaxis(x, 0, -1)"
    elif array.ndim == 4:
        hint = ": log a list of images, one each"
    raise ValueError(
        f"Image: the shape is {shape}; it can be (height, width), or (height, width, channels) of 1, 3 or 4 channels{hint}"
    )


def grid(pictures: Array, columns: int) -> Array:
    """Lays out (n, …, height, width) in a grid, row by row, as one array (…, height, width); what is left over is 0."""
    import numpy as np

    count, height, width = pictures.shape[0], pictures.shape[-2], pictures.shape[-1]
    rows = -(-count // columns)
    laid = np.zeros((*pictures.shape[1:-2], rows * height, columns * width), pictures.dtype)
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        laid[..., top : top + height, left : left + width] = pictures[index]
    return laid


def read_encoded(value: Any) -> _content.Content:
    """Reads an image file that browsers show.

    Args:
        value: A path, bytes, or an open file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, or no such image.
    """
    data, name = _content.load(value, "Image")
    found = _recognise(data)
    if found not in MEDIA_TYPES:
        seen = "is no image" if found is None else f"is a {found.upper()}"
        raise ValueError(
            f"Image: the {_content.source_name(value)} {seen}; browsers show {', '.join(MEDIA_TYPES)}: "
            "open other images with Pillow and log what it returns"
        )
    return _content.Content(data, found, name)


def _recognise(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    head = data[:_SVG_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.lower().startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head:
        return "svg"
    return _content.signature(data, _SIGNATURES)

"""Owns pictures: pixels to an image file, what an encoded file is, and masks of class ids.

Invariants: pixels in a lossless file are the pixels that were logged; the same pixels make the same bytes, so that they are
kept once; an encoded file is never changed, and only the decoders of formats that browsers show ever see one; nothing of
more than `PIXELS_MAX` pixels is decoded.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trackd_service.arrays import AnyArray, RecordInvalid, blocks, show_shape

if TYPE_CHECKING:
    from PIL import Image

# Twice Pillow's own default of 89 million: 13,000 x 13,000, half a gigabyte decoded.
PIXELS_MAX = 178_000_000
# What a browser shows, and what Pillow may try on a foreign file; each further decoder is further code to trust.
_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}
# How pixels are saved. PNG: level 3 takes as long as level 1 for noise and is smaller for pictures; 6 takes half as long
# again for two parts in a hundred. JPEG: 4:4:4, or red text on black is a smear. WebP: every bit, under transparency
# too; method 2 is five times faster than the default and as small.
_SAVING: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {"compress_level": 3}),
    "jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "webp": ("WEBP", {"lossless": True, "exact": True, "quality": 20, "method": 2}),
    "bmp": ("BMP", {}),
}
_SIDE_MAX = {"JPEG": 65_500, "WEBP": 16_383, "BMP": 1 << 30, "PNG": 1 << 30}  # of libjpeg and libwebp
# Colour modes of pixels by their channels; the first is what a shape implies.
_MODES = {1: ("L", "1"), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX", "RGBa")}
_ODD_FLOAT = 0.5 / 255  # a float less than half a grey level beyond 0 to 1 is rounding, not a mistake
_SVG_HEAD_BYTES = 4096
_IDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file that was made of pixels.

    Attributes:
        data: The file.
        media_type: For example "image/png".
        width: Pixels.
        height: Pixels.
        warning: What is odd about it; empty for nothing.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an encoded file is.

    Attributes:
        media_type: For example "image/png"; empty when it is none of the known formats.
        width: Pixels; None when the file does not say.
        height: The same.
        warning: What is odd about it; empty for nothing.
    """

    media_type: str
    width: int | None = None
    height: int | None = None
    warning: str = ""


def encode(pixels: AnyArray, file_type: str = "", mode: str = "") -> Picture:
    """Returns pixels as an image file.

    Args:
        pixels: HxW, HxWx1, HxWx3 or HxWx4; see `as_bytes` for types and ranges.
        file_type: "png" (also when empty), "jpg" or "jpeg", "webp", "bmp".
        mode: Pillow's colour mode of the pixels; empty for L, RGB or RGBA by the number of channels. Modes that browsers
            do not show are converted to RGB.

    Raises:
        RecordInvalid: they are no image, or too large for the format.
    """
    from PIL import Image

    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise RecordInvalid(f"the image has the shape {show_shape(pixels.shape)}; {_SHAPES}")
    channel_count = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channel_count not in _MODES:
        raise RecordInvalid(f"the image has {channel_count} channels; {_SHAPES}")
    if (file_type or "png").lower() not in _SAVING:
        raise RecordInvalid(f"the file type is {file_type[:20]!r}; it can be {', '.join(_SAVING)}")
    format_name, options = _SAVING[(file_type or "png").lower()]
    height, width = pixels.shape[:2]
    if max(width, height) > _SIDE_MAX[format_name]:
        raise RecordInvalid(
            f"the image is {width}x{height} pixels; {format_name} takes at most {_SIDE_MAX[format_name]} a side: "
            "log it as png"
        )
    data, warning = as_bytes(pixels)
    found = [warning]
    modes = _MODES[channel_count]
    if mode and mode not in modes:
        found.append(
            f"the mode {mode[:20]!r} does not fit {channel_count} channels, which can be {', '.join(modes)}; "
            f"{modes[0]} is taken"
        )
        mode = modes[0]
    image = _from_bytes(data.reshape(height, width, -1), mode or modes[0])
    if image.mode == "RGBA" and format_name in ("JPEG", "BMP"):
        found.append(f"{format_name} has no transparency here: the alpha channel is left out")
        image = image.convert("RGB")
    sink = io.BytesIO()
    image.save(sink, format_name, **options)
    assert isinstance(image, Image.Image)
    return Picture(sink.getvalue(), _MEDIA_TYPES[format_name], width, height, join_warnings(found))


def as_bytes(pixels: AnyArray) -> tuple[AnyArray, str]:
    """Returns pixels of any type as uint8, and a warning when some were out of range.

    Bools become 0 and 255; floats of 0 to 1 are scaled to 0 to 255 and rounded, NaN is black; integers are taken as 0 to
    255. What is beyond is clipped.
    """
    if pixels.dtype == np.uint8:
        return pixels, ""
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255), ""
    flat = pixels.reshape(-1)
    is_float = pixels.dtype.kind == "f"
    out = np.empty(flat.size, np.uint8)
    low, high, nan_count, start = 0.0, 0.0, 0, 0
    for block in blocks(flat):
        if is_float:
            values = block.astype(np.float32)
            nan_count += int(np.isnan(values).sum())
            values = np.nan_to_num(values, nan=0, posinf=np.inf, neginf=-np.inf)
        else:
            values = block
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        clipped = np.clip(values, 0, 1 if is_float else 255)
        out[start : start + len(block)] = np.rint(clipped * 255) if is_float else clipped
        start += len(block)
    found = []
    limit, odd = (1, _ODD_FLOAT) if is_float else (255, 0)
    if low < -odd or high > limit + odd:
        what = "floats are taken as 0 to 1" if is_float else "integers are taken as 0 to 255"
        found.append(
            f"pixels reach from {low:.4g} to {high:.4g}; {what}, and what is beyond is clipped: scale them first"
        )
    if nan_count:
        found.append(f"{nan_count} values are NaN and shown as 0")
    return out.reshape(pixels.shape), join_warnings(found)


def inspect(path: Path) -> Inspection:
    """Returns what an encoded file is; it is decoded once to see whether it is whole."""
    from PIL import Image

    with path.open("rb") as file:
        head = file.read(_SVG_HEAD_BYTES)
    svg = _svg_element(head)
    if svg:
        return _inspect_svg(svg)
    try:
        image = _open(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Inspection(
            "", warning="the file cannot be read as a PNG, JPEG, GIF, WebP or BMP: a browser may not show it"
        )
    with image:
        media_type = _MEDIA_TYPES[image.format or "PNG"]
        width, height = image.size
        if width * height > PIXELS_MAX:
            warning = f"the image has {width}x{height} pixels, more than the {PIXELS_MAX} that are looked at"
            return Inspection(media_type, width, height, warning)
        try:
            _load(image)
        # Decoders raise all of these for files that end early or are damaged.
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, Image.DecompressionBombError):
            return Inspection(media_type, width, height, "the image file is cut off or damaged")
        return Inspection(media_type, width, height)


def encode_mask(classes: AnyArray) -> bytes:
    """Returns class ids as an 8-bit grey PNG.

    Args:
        classes: HxW, integers of 0 to 255, or bools.

    Raises:
        RecordInvalid: they are none.
    """
    _check_mask(classes)
    sink = io.BytesIO()
    _from_bytes(classes.astype(np.uint8).reshape(*classes.shape, 1), "L").save(sink, "PNG", compress_level=3)
    return sink.getvalue()


def read_mask(data: bytes | memoryview) -> AnyArray:
    """Returns the class ids, uint8 HxW, of an image file that holds one a pixel: its grey levels or palette indices.

    Raises:
        RecordInvalid: it cannot be read, or has colours.
    """
    from PIL import Image

    try:
        with _open(io.BytesIO(data)) as image:
            if image.width * image.height > PIXELS_MAX:
                raise RecordInvalid(f"it has {image.width}x{image.height} pixels; the limit is {PIXELS_MAX}")
            _load(image)
            pixels = np.asarray(image)
    except (OSError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError):
        raise RecordInvalid("its file cannot be read as an image") from None
    if pixels.ndim == 3 and pixels.shape[2] >= 3 and (pixels[..., :1] == pixels[..., 1:3]).all():
        pixels = pixels[..., 0]  # a grey image that was saved in colour
    elif pixels.ndim == 3 and pixels.shape[2] == 2:
        pixels = pixels[..., 0]  # grey with transparency
    _check_mask(pixels)
    return pixels.astype(np.uint8)


def unnamed(ids: AnyArray, names: dict[int, str]) -> str:
    """Returns which class ids have no name, as a sentence shows them; empty when all have one."""
    missing = [int(each) for each in np.unique(ids) if int(each) not in names]
    shown = ", ".join(map(str, missing[:_IDS_SHOWN]))
    return f"{shown}, …" if len(missing) > _IDS_SHOWN else shown


def join_warnings(found: list[str]) -> str:
    """Returns several warnings as one; empty ones say nothing."""
    return "; ".join(dict.fromkeys(warning for warning in found if warning))


_SHAPES = "it can be HxW, HxWx1, HxWx3 or HxWx4, none of them 0"
_SVG_TAG = re.compile(rb"<svg([^>]*)>", re.DOTALL)
_SVG_SIDE = rb"""\s%s\s*=\s*["']\s*([0-9.]{1,12})(?:px)?\s*["']"""
_SVG_BOX = re.compile(
    rb"""\sviewBox\s*=\s*["'][\s,]*[-0-9.e]+[\s,]+[-0-9.e]+[\s,]+([0-9.]{1,12})[\s,]+([0-9.]{1,12})"""
)


def _check_mask(classes: AnyArray) -> None:
    if classes.ndim != 2 or 0 in classes.shape:
        raise RecordInvalid(
            f"it has the shape {show_shape(classes.shape)}; it can be HxW, one class id a pixel"
        )
    if classes.dtype.kind not in "biu":
        raise RecordInvalid(f"it holds {classes.dtype}; class ids are integers of 0 to 255")
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high > 255:
        raise RecordInvalid(f"it holds class ids from {low} to {high}; they can be 0 to 255")


def _from_bytes(pixels: AnyArray, mode: str) -> Image.Image:
    """Returns an image in a mode that every format and browser knows, of uint8 HxWxC."""
    from PIL import Image

    height, width = pixels.shape[:2]
    raw = "L" if mode == "1" else mode
    image = Image.frombytes(raw, (width, height), np.ascontiguousarray(pixels).tobytes())
    if mode == "1":
        return image.point(lambda level: 255 if level >= 128 else 0).convert("1")
    if mode == "RGBa":
        return image.convert("RGBA")
    return image if mode in ("L", "RGB", "RGBA") else image.convert("RGB")


def _open(file: Path | io.BytesIO) -> Image.Image:
    """Reads an image's header; its pixels are read by `_load`."""
    from PIL import Image

    # The header of any size may be read, to say what size it is. It is compared before anything is decoded, and Pillow
    # compares again where a later frame is larger.
    Image.MAX_IMAGE_PIXELS = None
    try:
        return Image.open(file, formats=tuple(_MEDIA_TYPES))
    finally:
        Image.MAX_IMAGE_PIXELS = PIXELS_MAX


def _load(image: Image.Image) -> None:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd tag in a file is nobody's concern here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image.load()


def _svg_element(head: bytes) -> bytes:
    """Returns what follows the declarations and comments of a file when it is an `svg` element; nothing otherwise."""
    rest = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    while rest.startswith((b"<?", b"<!")):
        end = b"-->" if rest.startswith(b"<!--") else b">"
        rest = rest.partition(end)[2].lstrip()
    return rest if re.match(rb"<svg[\s>]", rest) else b""


def _inspect_svg(element: bytes) -> Inspection:
    # Two attributes, read without an XML parser: what a foreign document can do to one is not worth a size.
    found = _SVG_TAG.match(element)
    tag = b" " + found[1] if found else b""
    sides = [re.search(_SVG_SIDE % name, tag) for name in (b"width", b"height")]
    box = _SVG_BOX.search(tag)
    texts = [side[1] for side in sides if side]
    if len(texts) < 2 and box:
        texts = [box[1], box[2]]
    try:
        width, height = (round(float(text)) for text in texts)
    except ValueError:
        return Inspection("image/svg+xml")
    return Inspection("image/svg+xml", width, height)

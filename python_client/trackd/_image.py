"""Owns `Image`: pixels or an encoded file, with the masks and boxes on it.

Invariants: an encoded file is kept byte for byte; pixels are 8-bit or truth values from the moment the image is made, and
nobody else can change them. Encoding them to a file is the daemon's work.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _matplotlib, _pixels, _record, _wire
from trackd._overlays import BoundingBoxes2D, Classes, ImageMask, short

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

FILE_TYPES = ("png", "jpg", "jpeg", "webp", "bmp")  # that pixels can be encoded to
_MODE_CHANNELS = {"1": 1, "L": 1, "RGB": 3, "YCbCr": 3, "HSV": 3, "RGBA": 4, "CMYK": 4}
_PLAIN_MODES = ("1", "L", "RGB", "RGBA")  # of Pillow, whose pixels are logged as they are
_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")  # of more than 8 bits, which PNG keeps


class Image(_record.Record):
    """An image.

    Args:
        data_or_path: One of

            - an array (height, width), or with 1, 3 or 4 channels behind: uint8; other integers are clipped to 0 to 255;
              truth values; floats, in 0 to 1, or if any is above 1 in 0 to 255, clipped.
            - a tensor of PyTorch, the channels in front: (channel, height, width); a batch of them becomes a grid.
            - a PIL image of any mode.
            - a figure or axes of Matplotlib, or `pyplot`.
            - the path, the bytes or an open file of a PNG, JPEG, GIF, WebP, BMP or SVG, kept byte for byte.
            - another `Image`.
        mode: Pillow's colour mode of an array, when its channels do not say it: "HSV", "YCbCr", "CMYK".
        caption: Text under the image.
        grouping: A label to group images by.
        classes: `Classes`, or a list of `{"id": 1, "name": "cat"}`: the names for all masks and boxes.
        boxes: Sets of boxes by name; see `BoundingBoxes2D`.
        masks: Masks by name; see `ImageMask`.
        file_type: What pixels are encoded to: "png" (the default, exact), "jpg", "webp" or "bmp".
        normalize: Whether floats in -1 to 1 with negative ones are mapped to the whole range; otherwise negative ones are
            clipped to 0.

    Attributes:
        caption: The caption.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the shape is none of an image, a pixel is NaN or infinite, the file is no image that browsers show, or a
            mask has another size.
        TypeError: the data are none of the above.
    """

    kind = "image"
    field = 2

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: Any = None,
        classes: Classes | Iterable[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        if file_type is not None and file_type.lower().lstrip(".") not in FILE_TYPES:
            raise ValueError(f"Image: file_type is {file_type!r}; it can be {', '.join(FILE_TYPES)}")
        self._file_type = "" if file_type is None else file_type.lower().lstrip(".").replace("jpeg", "jpg")
        self._mode = mode or ""
        self._pixels: Array | None = None
        self._content: _content.Content | None = None
        self._names: dict[int, str] = {}
        self._masks: dict[str, ImageMask] = {}
        self._boxes: dict[str, BoundingBoxes2D] = {}
        self._known_size: tuple[int, int] | None = None
        self.caption = None if caption is None else str(caption)
        self._grouping = "" if grouping is None else str(grouping)
        self._take(data_or_path, normalize)
        if self._pixels is not None:
            self._check_mode(self._pixels)
        if classes is not None:
            self._names = (classes if isinstance(classes, Classes) else Classes(classes)).names
        for name, mask in _named(masks, "masks").items():
            self._masks[name] = mask if isinstance(mask, ImageMask) else ImageMask(mask, name)
            self._check_mask(name, self._masks[name])
        for name, box_set in _named(boxes, "boxes").items():
            self._boxes[name] = (
                box_set if isinstance(box_set, BoundingBoxes2D) else BoundingBoxes2D(box_set, name)
            )

    @property
    def width(self) -> int | None:
        """The width in pixels; None when the file does not say it, or only Pillow could read it and is not installed."""
        return self._size()[1]

    @property
    def height(self) -> int | None:
        """The height in pixels; None like `width`."""
        return self._size()[0]

    @property
    def format(self) -> str:
        """The file type: of the file given, or that pixels are encoded to."""
        return (self._file_type or "png") if self._content is None else self._content.file_type

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Image`."""
        if self._content is not None:
            source = self._content.encode(1, _pixels.MEDIA_TYPES[self._content.file_type], draft)
        else:
            assert self._pixels is not None
            source = _wire.message(2, draft.array(self._pixels))
        texts = ((3, self.caption), (4, self._file_type), (5, self._mode), (9, self._grouping))
        return (
            source
            + b"".join(_wire.text(field, str(value)) for field, value in texts if value)
            + b"".join(_wire.message(6, mask.encode(name, draft)) for name, mask in self._masks.items())
            + b"".join(_wire.message(7, box_set.encode(name)) for name, box_set in self._boxes.items())
            + _record.class_names(8, self._names)
        )

    def _take(self, data: Any, normalize: bool) -> None:
        if isinstance(data, Image):
            self._pixels, self._content, self._known_size = data._pixels, data._content, data._known_size  # noqa: SLF001
            self._names, self._masks, self._boxes = dict(data._names), dict(data._masks), dict(data._boxes)  # noqa: SLF001
            self.caption = data.caption if self.caption is None else self.caption
            self._file_type = self._file_type or data._file_type  # noqa: SLF001
            self._mode = self._mode or data._mode  # noqa: SLF001
            self._grouping = self._grouping or data._grouping  # noqa: SLF001
        elif _matplotlib.is_matplotlib(data):
            self._content = _content.Content(_matplotlib.draw(_matplotlib.figure_of(data)), "png", "")
        elif _record.is_from(data, "PIL") and hasattr(data, "getbands"):
            self._take_pillow(data, normalize)
        elif _content.is_content(data):
            self._content = _pixels.read_encoded(data)
        else:
            try:
                array = _record.as_array(data)
            except TypeError as error:
                raise TypeError(f"Image: {error}") from None
            self._pixels = _pixels.to_bytes(
                _pixels.oriented(array, hasattr(data, "detach")), "Image", normalize
            )

    def _take_pillow(self, picture: Any, normalize: bool) -> None:
        import numpy as np

        self._mode = ""
        try:
            if picture.mode in _DEEP_MODES:
                buffer = io.BytesIO()
                picture.save(buffer, "PNG")
                self._content = _content.Content(buffer.getvalue(), "png", "")
                return
            if picture.mode not in _PLAIN_MODES and picture.mode != "F":
                if picture.mode == "La":  # which Pillow turns into LA only
                    picture = picture.convert("LA")
                transparent = "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBa")
                picture = picture.convert("RGBA" if transparent else "RGB")
            array = np.asarray(picture)
        except OSError as error:
            raise ValueError(f"Image: the PIL image cannot be read: {error}") from None
        self._pixels = _pixels.to_bytes(_pixels.oriented(array, channels_first=False), "Image", normalize)

    def _check_mode(self, pixels: Array) -> None:
        """Holds the mode to the channels, and drops the alpha that a JPEG cannot have."""
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if self._mode and _MODE_CHANNELS.get(self._mode) != channels:
            fitting = ", ".join(mode for mode, count in _MODE_CHANNELS.items() if count == channels)
            raise ValueError(
                f"Image: mode is {self._mode!r} and the array has {channels} channels; it can be {fitting}"
            )
        if channels == 4 and self._file_type == "jpg" and self._mode != "CMYK":
            self._pixels = _record.owned(pixels[:, :, :3])
            self._mode = ""
            _warn_alpha()

    def _check_mask(self, name: str, mask: ImageMask) -> None:
        if mask.classes is None:
            return
        height, width = mask.classes.shape
        if self._size() != (None, None) and self._size() != (height, width):
            raise ValueError(
                f"Image: mask {name!r} has {width} x {height} pixels and the image {self.width} x {self.height}; "
                "give the mask the image's size"
            )

    def _size(self) -> tuple[int | None, int | None]:
        """Returns (height, width)."""
        if self._pixels is not None:
            return self._pixels.shape[0], self._pixels.shape[1]
        if self._known_size is None and self._content is not None and self._content.file_type != "svg":
            try:
                import PIL.Image
            except ImportError:
                return None, None
            unreadable = (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of many pixels: none of them is decoded here
                    with PIL.Image.open(io.BytesIO(self._content.data)) as picture:
                        self._known_size = picture.height, picture.width
            except unreadable:
                return None, None  # a damaged file, or one of too many pixels: it is kept as it is
        return self._known_size or (None, None)


def _named(sets: Any, what: str) -> Mapping[str, Any]:
    if sets is None:
        return {}
    if not isinstance(sets, Mapping) or not all(isinstance(name, str) for name in sets):
        raise TypeError(f"Image: {what} is {short(sets)}; it is a dict by name")
    return sets


_alpha_warned = False


def _warn_alpha() -> None:
    """Says once that JPEG has no transparency."""
    global _alpha_warned
    if not _alpha_warned:
        _alpha_warned = True
        warnings.warn(
            "Image: a JPEG has no transparency: the alpha channel is dropped; use png to keep it",
            stacklevel=5,
        )

"""Owns `Video`: frames, or a file kept byte for byte.

Invariant: frames are 8-bit from the moment the video is made; encoding them to a file is the daemon's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _pixels, _record, _wire

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

FORMATS = {
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogg": "video/ogg",
    "ogv": "video/ogg",
}
FRAMES_PER_SECOND_DEFAULT = 4
FRAMES_PER_SECOND_MIN, FRAMES_PER_SECOND_MAX = 0.01, 1000  # the daemon's limits
_SIGNATURES = {b"GIF8": "gif", b"\x1a\x45\xdf\xa3": "webm", b"OggS": "ogg"}


class Video(_record.Record):
    """A video clip.

    Args:
        data_or_path: One of

            - frames (time, channel, height, width) of 1, 3 or 4 channels, an array or tensor: uint8; floats are scaled when
              all are in 0 to 1, and otherwise clipped to 0 to 255, as integers are.
            - a batch of clips (batch, time, channel, height, width), shown side by side in a grid.
            - the path, the bytes or an open file of a gif, mp4, webm or ogg, kept byte for byte.
        caption: Text under the video.
        fps: Frames per second of frames, 0.01 to 1,000; by default 4. A file has its own.
        format: What frames are encoded to, "gif" by default, "mp4", "webm" or "ogg"; or the type of a file without a name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the shape is none of a video, a pixel is NaN or infinite, or the file is of another type.
        TypeError: the data are none of the above.
    """

    kind = "video"
    field = 3

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,  # noqa: A002 - wandb's name
    ) -> None:
        file_type = None if format is None else str(format).lower().lstrip(".")
        if file_type is not None and file_type not in FORMATS:
            raise ValueError(f"Video: format is {format!r}; it can be gif, mp4, webm or ogg")
        if fps is not None and not FRAMES_PER_SECOND_MIN <= fps <= FRAMES_PER_SECOND_MAX:
            raise ValueError(
                f"Video: fps is {fps!r}; it can be {FRAMES_PER_SECOND_MIN} to {FRAMES_PER_SECOND_MAX} frames per second"
            )
        self.caption = None if caption is None else str(caption)
        self._frames_per_second = float(fps or FRAMES_PER_SECOND_DEFAULT)
        self._frames: Array | None = None
        self._content: _content.Content | None = None
        if _content.is_content(data_or_path):
            self._content = _content.read(data_or_path, "Video", tuple(FORMATS), file_type, _recognise)
            self._format = self._content.file_type
        else:
            try:
                array = _record.as_array(data_or_path)
            except TypeError as error:
                raise TypeError(f"Video: {error}; pass frames, a path or an open file") from None
            self._frames = _pixels.to_bytes(_laid_out(array), "Video", normalize=False)
            self._format = file_type or "gif"
        self._format = self._format.replace("ogv", "ogg")

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Video`."""
        if self._content is not None:
            source = self._content.encode(1, FORMATS[self._format], draft)
        else:
            assert self._frames is not None
            source = _wire.message(2, draft.array(self._frames)) + _wire.double(4, self._frames_per_second)
        return source + (_wire.text(3, self.caption) if self.caption else b"") + _wire.text(5, self._format)


def _laid_out(array: Array) -> Array:
    """Returns frames (time, channel, height, width); the clips of a batch side by side.

    Raises:
        ValueError: the shape is none of a video.
    """
    if array.ndim not in (4, 5) or array.shape[-3] not in _pixels.CHANNELS:
        hint = ""
        if array.ndim in (4, 5) and array.shape[-1] in _pixels.CHANNELS:
            hint = ": move the channels in front with numpy.moveaxis(x, -1, -3)"
        raise ValueError(
            f"Video: the shape is {array.shape}; it can be (time, channel, height, width) of 1, 3 or 4 channels, "
            f"or a batch of such clips{hint}"
        )
    if array.size == 0:
        raise ValueError(f"Video: the array is empty, of shape {array.shape}; a video has at least one frame")
    if array.ndim == 4:
        return array
    # As wide as high, or twice as wide: the number of rows is a power of two, as wandb lays them out.
    clip_count = array.shape[0]
    rows = 1 << (clip_count.bit_length() - 1) // 2
    return _pixels.grid(array, -(-clip_count // rows))


def _recognise(data: bytes) -> str | None:
    return "mp4" if data[4:8] == b"ftyp" else _content.signature(data, _SIGNATURES)

"""Owns video files: frames to GIF, MP4 or WebM, and what an encoded file says it is.

Invariants: the same frames make the same bytes; every frame is shown, in its place, for its time; an encoded file is never
changed, and no library sees one before its first bytes say what it is. Pillow writes GIF; PyAV (with an FFmpeg of its own)
the rest, and only they need it.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from trackd_service.arrays import AnyArray, RecordInvalid, show_shape
from trackd_service.images import as_bytes, join_warnings

if TYPE_CHECKING:
    from PIL import Image

FRAMES_PER_SECOND_DEFAULT = 4.0
FRAMES_PER_SECOND_MAX = 1000.0
FRAMES_PER_SECOND_MIN = 0.01  # a frame for 100 seconds; GIF holds a frame for 655 at most
# Browsers show a GIF's frame of 1/100 s for 1/10 s instead: 1/50 s is the shortest that is honest.
_GIF_FRAME_CENTISECONDS_MIN = 2
_GIF_STAY_CENTISECONDS_MAX = (1 << 16) - 1  # of one frame, and equal ones become one
_GIF_COLORS = 256
_SIDE_MAX = 16_384  # of H.264 and VP9 in what browsers decode
_RATE_DENOMINATOR_MAX = 1001  # 30000/1001 is NTSC's 29.97
_THREADS = (
    2  # the bytes depend on it, so it is not the machine's; the encoder shares two cores with a training
)
_HEAD_BYTES = 16

# The encoders for a format, best first, with what they are told: constant quality rather than a bit rate, because nobody
# knows how long the clip is or how much moves in it; the fastest setting that shows no blocks. x264's macroblock tree reads
# memory that it never wrote where a picture is narrow (core 165), and then the same frames make other bytes: it is off.
_X264 = {"crf": "18", "preset": "veryfast", "x264-params": "mbtree=0"}
_ENCODERS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "mp4": (("libx264", _X264), ("libopenh264", {"b": "8000000"})),
    "webm": (
        ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6"}),
        ("libvpx", {"crf": "10", "b": "8000000", "deadline": "realtime", "cpu-used": "6"}),
    ),
}
_OGG_WARNING = "the video is kept as WebM: browsers no longer play the Theora of Ogg files"
_MEDIA_TYPES = {"gif": "image/gif", "mp4": "video/mp4", "webm": "video/webm", "ogg": "video/ogg"}
# The first bytes of a file, where they stand, its media type, and the demuxer of FFmpeg that reads it.
_SIGNATURES = (
    (0, b"GIF8", "image/gif", ""),
    (4, b"ftypqt", "video/quicktime", "mp4"),
    (4, b"ftyp", "video/mp4", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm", "matroska"),
    (0, b"OggS", "video/ogg", "ogg"),
)
_DAMAGED = "the file is cut off or damaged: a browser may not play it"
_BT709 = 1  # of ITU-T H.273: what every player takes for granted in a video of today


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of a video file; None for what it does not say.

    Attributes:
        media_type: For example "video/mp4"; empty when the file is of none of the known types.
        width: Pixels.
        height: Pixels.
        frame_count: How many frames.
        frames_per_second: How fast they are shown.
        warning: What is odd about it; empty for nothing.
    """

    media_type: str
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    frames_per_second: float | None = None
    warning: str = ""


def encode(frames: AnyArray, frames_per_second: float, file_type: str, path: Path) -> Clip:
    """Writes frames as a video file.

    Args:
        frames: (time, channel, height, width), or (batch, time, channel, height, width), whose clips are shown beside
            each other in a grid. 1 channel is grey, of 4 the last is left out. Types and ranges as in `images.as_bytes`.
        frames_per_second: 0.01 to 1,000; 0 means 4. A GIF shows at most 50.
        file_type: "gif" (also when empty), "mp4" (H.264), "webm" (VP9), "ogg". Ogg is written as WebM: no current
            browser plays its Theora. All but GIF have even sides: a last row or column is shown twice.
        path: The file to write.

    Raises:
        RecordInvalid: they are no video, or what writes the format is not installed.
    """
    file_type = (file_type or "gif").lower()
    if file_type not in _MEDIA_TYPES:
        raise RecordInvalid(f"the format is {file_type[:20]!r}; it can be {', '.join(_MEDIA_TYPES)}")
    rate = frames_per_second or FRAMES_PER_SECOND_DEFAULT
    if not FRAMES_PER_SECOND_MIN <= rate <= FRAMES_PER_SECOND_MAX:
        raise RecordInvalid(
            f"the video has {rate:g} frames per second; it can have {FRAMES_PER_SECOND_MIN:g} to {FRAMES_PER_SECOND_MAX:g}"
        )
    pictures, warning = _pictures(frames)
    height, width = pictures.shape[1:3]
    if max(height, width) > _SIDE_MAX:
        raise RecordInvalid(
            f"the video is {width}x{height} pixels; the limit is {_SIDE_MAX} a side: log a smaller one"
        )
    if file_type == "ogg":
        file_type, warning = "webm", join_warnings([warning, _OGG_WARNING])
    write = _write_gif if file_type == "gif" else _write_by_av
    found = write(pictures, rate, file_type, path)
    return Clip(
        found.media_type,
        found.width,
        found.height,
        len(pictures),
        found.frames_per_second,
        join_warnings([warning, found.warning]),
    )


def inspect(path: Path) -> Clip:
    """Returns what an encoded file is; of other files than GIF more than the type is known only where PyAV is installed."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for offset, signature, media_type, demuxer in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return _inspect_by_av(path, media_type, demuxer) if demuxer else _inspect_gif(path)
    return Clip("", warning="the file is no GIF, MP4, WebM or Ogg: a browser may not play it")


def _pictures(frames: AnyArray) -> tuple[AnyArray, str]:
    """Returns uint8 (t, h, w, 1) or (t, h, w, 3)."""
    if frames.ndim not in (4, 5) or 0 in frames.shape:
        raise RecordInvalid(
            f"the video has the shape {show_shape(frames.shape)}; it can be (time, channel, height, width), or have a "
            "batch axis in front, none of them 0"
        )
    if frames.ndim == 5:
        frames = _grid(frames)
    if frames.shape[1] not in (1, 3, 4):
        raise RecordInvalid(
            f"the video has {frames.shape[1]} channels; it can have 1, 3 or 4, as its second axis: (time, channel, "
            "height, width)"
        )
    pixels, warning = as_bytes(frames[:, :3])
    return pixels.transpose(0, 2, 3, 1), warning


def _grid(clips: AnyArray) -> AnyArray:
    """Returns the clips of a batch (b, t, c, h, w) beside and below each other, as near to a square as can be."""
    count, time, channels, height, width = clips.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    grid = np.zeros((time, channels, rows * height, columns * width), clips.dtype)
    for place, clip in enumerate(clips):
        row, column = divmod(place, columns)
        grid[:, :, row * height : (row + 1) * height, column * width : (column + 1) * width] = clip
    return grid


def _write_gif(pictures: AnyArray, rate: float, _: str, path: Path) -> Clip:
    warning = ""
    if rate > 100 / _GIF_FRAME_CENTISECONDS_MIN:
        warning = f"{rate:g} frames per second are more than the 50 of a gif in a browser, so it is slower: log it as mp4"
        rate = 100 / _GIF_FRAME_CENTISECONDS_MIN
    # Each frame begins at the hundredth that is nearest to its time, so that roundings do not add up.
    starts = [round(number * 100 / rate) for number in range(len(pictures) + 1)]
    durations = [(end - start) * 10 for start, end in itertools.pairwise(starts)]
    changes = np.flatnonzero((pictures[1:] != pictures[:-1]).any(axis=(1, 2, 3))) + 1
    stays = np.diff(np.array(starts)[[0, *changes, len(pictures)]])
    if stays.max() > _GIF_STAY_CENTISECONDS_MAX:
        raise RecordInvalid(
            f"a picture of the video stays for {stays.max() / 100:g} s, and in a gif for at most "
            f"{_GIF_STAY_CENTISECONDS_MAX / 100:g} s: log it as mp4"
        )
    images = (_palette_image(picture) for picture in pictures)
    first = next(images)
    first.save(
        path,
        "GIF",
        save_all=True,
        append_images=images,
        duration=durations if len(durations) > 1 else durations[0],
        loop=0,
        optimize=False,
    )
    height, width = pictures.shape[1:3]
    return Clip("image/gif", width, height, len(pictures), rate, warning)


def _palette_image(picture: AnyArray) -> Image.Image:
    """Returns one frame with a palette of its own: exact where it has at most 256 colours."""
    from PIL import Image

    if picture.shape[2] == 1:
        return Image.fromarray(np.ascontiguousarray(picture[..., 0]))
    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.getcolors(_GIF_COLORS) is None:
        palette = image.quantize(_GIF_COLORS, Image.Quantize.MEDIANCUT)
        return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    packed = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colors, places = np.unique(packed, return_inverse=True)
    exact = Image.fromarray(places.reshape(packed.shape).astype(np.uint8))
    exact.putpalette(np.stack([colors >> 16, colors >> 8 & 255, colors & 255], 1).astype(np.uint8).tobytes())
    return exact


def _write_by_av(pictures: AnyArray, rate: float, file_type: str, path: Path) -> Clip:
    try:
        import av
    except ImportError:
        raise RecordInvalid(
            f"a video can be written as {file_type} only where PyAV is installed: pip install av, or log it as gif"
        ) from None
    encoder = next((each for each in _ENCODERS[file_type] if each[0] in av.codecs_available), None)
    if encoder is None:
        raise RecordInvalid(
            f"the installed PyAV cannot write {file_type} (it has no {_ENCODERS[file_type][0][0]}): log it as mp4 or webm"
        )
    name, options = encoder
    time, height, width = pictures.shape[:3]
    speed = Fraction(rate).limit_denominator(_RATE_DENOMINATOR_MAX)
    # Bit-exact: without a random id and a version in the file. The index in front lets a page play before it has it all.
    flags = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if file_type == "mp4" else {})
    with av.open(str(path), "w", format=file_type, options=flags) as container:
        stream = container.add_stream(name, rate=speed, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = _THREADS
        context.flags |= av.codec.context.Flags.bitexact
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        for number, picture in enumerate(_even(pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709)
            frame.pts = number
            frame.time_base = 1 / speed
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Clip(_MEDIA_TYPES[file_type], width + width % 2, height + height % 2, time, float(speed))


def _even(pictures: AnyArray) -> Iterator[AnyArray]:
    height, width = pictures.shape[1:3]
    for picture in pictures:
        edge = ((0, height % 2), (0, width % 2), (0, 0))
        padded = np.pad(picture, edge, "edge")
        yield np.ascontiguousarray(np.broadcast_to(padded, (*padded.shape[:2], 3)))


def _inspect_gif(path: Path) -> Clip:
    """Walks over the blocks of a GIF (GIF89a specification, 1990) without decoding a frame."""
    with path.open("rb") as file:
        screen = file.read(13)
        if len(screen) < 13:
            return Clip("image/gif", warning=_DAMAGED)
        width, height = struct.unpack("<HH", screen[6:10])
        file.seek(_palette_bytes(screen[10]), 1)
        frame_count = centiseconds = delay = 0
        while (kind := file.read(1)) in (b"!", b","):
            head = file.read(9 if kind == b"," else 1)
            if kind == b"," and len(head) == 9:
                file.seek(_palette_bytes(head[8]) + 1, 1)  # one byte behind it says how the pixels are packed
                frame_count += 1
                centiseconds, delay = centiseconds + delay, 0
            content = _read_blocks(file)
            if kind == b"!" and head == b"\xf9":  # for how long the next frame is shown
                delay = int.from_bytes(content[1:3], "little")
    rate = frame_count * 100 / centiseconds if centiseconds else None
    return Clip("image/gif", width, height, frame_count, rate, "" if kind == b";" else _DAMAGED)


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _read_blocks(file: IO[bytes]) -> bytes:
    """Skips a row of blocks, each behind its length, up to an empty one; returns the first."""
    first = b""
    while size := int.from_bytes(file.read(1), "little"):
        if first:
            file.seek(size, 1)
        else:
            first = file.read(size)
            if not first:
                break
    return first


def _inspect_by_av(path: Path, media_type: str, demuxer: str) -> Clip:
    try:
        import av
    except ImportError:
        return Clip(media_type)
    try:
        # Only the demuxer that the first bytes ask for, and through a file object: a playlist would open other files.
        with path.open("rb") as file, av.open(file, format=demuxer, metadata_errors="replace") as container:
            if not container.streams.video:
                return Clip(media_type, warning="the file has no pictures in it")
            stream = container.streams.video[0]
            rate = float(stream.average_rate) if stream.average_rate else None
            frame_count = stream.frames or None
            if frame_count is None and rate and container.duration:
                frame_count = round(container.duration / av.time_base * rate)
            return Clip(media_type, stream.width or None, stream.height or None, frame_count, rate)
    except (av.FFmpegError, ValueError):
        return Clip(media_type, warning=_DAMAGED)

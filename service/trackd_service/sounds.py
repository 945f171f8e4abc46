"""Owns sound files: samples to a WAV file, and what the header of an encoded file says.

Invariants: samples are never scaled, so what is read back is what was logged; an encoded file is never changed, and no
library sees one before its first bytes say what it is.

A WAV file is a RIFF file of the chunks `fmt ` (format, channels, rate, sizes), `fact` (samples a channel; for formats
other than PCM) and `data`, each padded to an even length ("Multimedia Programming Interface and Data Specifications 1.0",
1991; WAVE_FORMAT_IEEE_FLOAT is 3). A whole WAV file is smaller than 4 GiB.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trackd_service.arrays import AnyArray, RecordInvalid, raw_bytes, show_shape

CHANNELS_MAX = 8  # 7.1; an axis of more is the time
SAMPLE_RATE_MAX = 10_000_000  # hertz; ultrasound and radio are recorded below
_WAV_BYTES_MAX = (1 << 32) - 1024  # the size stands in 32 bits; the header takes less than the rest
_PCM = 1
_IEEE_FLOAT = 3
_HEAD_BYTES = 64
_CHUNKS_MAX = 100  # before the samples: real files have a handful

# The first bytes of a file, where they stand, its media type, and the demuxer of FFmpeg that reads it.
_SIGNATURES = (
    (8, b"WAVE", "audio/wav", "wav"),
    (0, b"ID3", "audio/mpeg", "mp3"),
    (0, b"OggS", "audio/ogg", "ogg"),
    (0, b"fLaC", "audio/flac", "flac"),
    (4, b"ftyp", "audio/mp4", "mp4"),
    (0, b"\xff\xf1", "audio/aac", "aac"),
    (0, b"\xff\xf9", "audio/aac", "aac"),
    (0, b"\xff\xfb", "audio/mpeg", "mp3"),
    (0, b"\xff\xf3", "audio/mpeg", "mp3"),
    (0, b"\xff\xf2", "audio/mpeg", "mp3"),
    (0, b"\xff\xfa", "audio/mpeg", "mp3"),
)


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of a sound file; None for what its header does not say.

    Attributes:
        media_type: For example "audio/wav"; empty when the file is of none of the known types.
        sample_rate_hertz: Samples a second.
        sample_count: Samples of one channel.
        channel_count: Channels.
        duration_seconds: How long it lasts.
        warning: What is odd about it; empty for nothing.
    """

    media_type: str
    sample_rate_hertz: int | None = None
    sample_count: int | None = None
    channel_count: int | None = None
    duration_seconds: float | None = None
    warning: str = ""


def encode(samples: AnyArray, sample_rate_hertz: int) -> tuple[tuple[bytes, memoryview], Sound]:
    """Returns the two pieces of a WAV file, and what it is.

    Args:
        samples: (n,), (n, channels), or (channels, n) when there are at most 8 rows and more columns than that. Floats
            become 32-bit floats; uint8, int16 and int32 stay what they are. int8 becomes uint8 around 128, which WAV has
            instead. Wider, unsigned and truth values become the narrower of int16 and int32 that holds them all: a
            list of Python's numbers is int64, whatever was recorded.
        sample_rate_hertz: Samples a second.

    Raises:
        RecordInvalid: they are no sound.
    """
    if not 1 <= sample_rate_hertz <= SAMPLE_RATE_MAX:
        raise RecordInvalid(f"the sample rate is {sample_rate_hertz} Hz; it can be 1 to {SAMPLE_RATE_MAX}")
    frames = _frames(samples)
    frames, warning = _as_wav(frames)
    header = _header(frames, sample_rate_hertz)
    sample_count, channel_count = frames.shape
    data = raw_bytes(frames)
    padding = bytes(frames.nbytes % 2)
    sound = Sound(
        "audio/wav",
        sample_rate_hertz,
        sample_count,
        channel_count,
        sample_count / sample_rate_hertz,
        warning,
    )
    return (header, memoryview(bytes(data) + padding) if padding else data), sound


def inspect(path: Path) -> Sound:
    """Returns what an encoded file is; the duration of other files than WAV is known only where PyAV is installed."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for offset, signature, media_type, demuxer in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            if media_type == "audio/wav":
                return _inspect_wav(path)
            return _inspect_by_av(path, media_type, demuxer)
    return Sound("", warning="the file is no WAV, MP3, Ogg, FLAC, AAC or MP4: a browser may not play it")


def _frames(samples: AnyArray) -> AnyArray:
    if samples.ndim == 1:
        return samples.reshape(-1, 1)
    if samples.ndim == 2:
        rows, columns = samples.shape
        if 1 <= columns <= CHANNELS_MAX:
            return samples
        if 1 <= rows <= CHANNELS_MAX < columns:
            return np.ascontiguousarray(samples.T)
    raise RecordInvalid(
        f"the samples have the shape {show_shape(samples.shape)}; it can be (time) or (time, channel) of at most "
        f"{CHANNELS_MAX} channels"
    )


def _as_wav(frames: AnyArray) -> tuple[AnyArray, str]:
    dtype = frames.dtype
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            frames = frames.astype("<f4", copy=False)
        peak = float(np.nanmax(np.abs(frames), initial=0, where=np.isfinite(frames)))
        odd_count = frames.size - int(np.isfinite(frames).sum())
        if odd_count:  # one NaN silences whole players
            frames = np.nan_to_num(frames, nan=0, posinf=1, neginf=-1)
            return frames, f"{odd_count} samples were NaN or infinite and are kept as 0, 1 or -1"
        return frames, f"samples reach {peak:.3g}; players cut what is beyond 1" if peak > 1 else ""
    if dtype.str in ("|u1", "<i2", "<i4"):
        return frames, ""
    if dtype.str == "|i1":
        return (frames.astype(np.int16) + 128).astype(np.uint8), ""
    low, high = (int(frames.min()), int(frames.max())) if frames.size else (0, 0)
    for narrow in ("<i2", "<i4"):
        if np.iinfo(narrow).min <= low and high <= np.iinfo(narrow).max:
            return frames.astype(narrow), ""
    raise RecordInvalid(
        f"the samples are integers from {low} to {high}; they must fit into 32 bits, or be floats of -1 to 1"
    )


def _header(frames: AnyArray, sample_rate_hertz: int) -> bytes:
    is_float = frames.dtype.kind == "f"
    sample_count, channel_count = frames.shape
    if frames.nbytes > _WAV_BYTES_MAX:
        raise RecordInvalid(
            f"the samples take {frames.nbytes} bytes; a WAV file holds at most {_WAV_BYTES_MAX}"
        )
    block_bytes = channel_count * frames.itemsize
    description = struct.pack(
        "<HHIIHH",
        _IEEE_FLOAT if is_float else _PCM,
        channel_count,
        sample_rate_hertz,
        min(sample_rate_hertz * block_bytes, (1 << 32) - 1),
        block_bytes,
        frames.itemsize * 8,
    )
    # Formats other than PCM say how long their extension is, and how many samples there are.
    chunks = (
        _chunk(b"fmt ", description + struct.pack("<H", 0)) + _chunk(b"fact", struct.pack("<I", sample_count))
        if is_float
        else _chunk(b"fmt ", description)
    )
    chunks += b"data" + struct.pack("<I", frames.nbytes)
    riff_bytes = 4 + len(chunks) + frames.nbytes + frames.nbytes % 2
    return b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVE" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def _inspect_wav(path: Path) -> Sound:
    cut = Sound("audio/wav", warning="the WAV file is cut off or damaged: a browser may not play it")
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        channel_count = rate = block_bytes = 0
        for _ in range(_CHUNKS_MAX):
            head = file.read(8)
            if len(head) < 8:
                return cut
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"fmt ":
                content = file.read(16)
                if len(content) < 16:
                    return cut
                _, channel_count, rate, _, block_bytes, _ = struct.unpack("<HHIIHH", content)
                file.seek(size - 16 + size % 2, 1)
            elif head[:4] == b"data":
                break
            else:
                file.seek(size + size % 2, 1)
        else:
            return cut
        if not (channel_count and rate and block_bytes):
            return cut
        there = min(
            size, file_bytes - file.tell()
        )  # a recorder that was killed wrote no size, or too large a one
        sample_count = there // block_bytes
        warning = "" if there == size else "the WAV file is cut off"
    return Sound("audio/wav", rate, sample_count, channel_count, sample_count / rate, warning)


def _inspect_by_av(path: Path, media_type: str, demuxer: str) -> Sound:
    try:
        import av
    except ImportError:
        return Sound(media_type)
    try:
        # Only the demuxer that the first bytes ask for, and through a file object: a playlist would open other files.
        with path.open("rb") as file, av.open(file, format=demuxer, metadata_errors="replace") as container:
            if not container.streams.audio:
                return Sound(media_type, warning="the file has no sound in it")
            stream = container.streams.audio[0]
            seconds: Any = None
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
            rate = stream.codec_context.sample_rate
            return Sound(
                media_type,
                rate or None,
                round(seconds * rate) if seconds is not None and rate else None,
                stream.codec_context.channels or None,
                seconds,
            )
    except (av.FFmpegError, ValueError):
        return Sound(media_type, warning="the file is cut off or damaged: a browser may not play it")

"""Owns `Audio`: samples, or a file kept byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _content, _record, _wire

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

FILE_TYPES = {
    "wav": "audio/wav",
    "wave": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp4": "audio/mp4",
    "aac": "audio/aac",
}  # and their media types
SAMPLE_RATE_MAX = 10_000_000  # hertz, the daemon's limit
_CHANNELS_MAX = 64  # of a clip: a longer axis is time
_SIGNATURES = {
    b"RIFF": "wav",
    b"ID3": "mp3",
    b"\xff\xfb": "mp3",
    b"\xff\xf3": "mp3",
    b"OggS": "ogg",
    b"fLaC": "flac",
}


class Audio(_record.Record):
    """A sound clip.

    Args:
        data_or_path: Samples, (time) or (time, channel), an array or tensor: floats in -1 to 1, or integers over the whole
            range of their type; or the path, the bytes or an open file of a wav, mp3, ogg, flac, m4a or aac, kept byte for
            byte. Samples (channel, time), as torchaudio has them, are turned round.
        sample_rate: Samples per second; needed for samples. A file has its own.
        caption: Text under the clip.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there is no sample rate, the shape is none of a clip, a sample is NaN or infinite, or the file is of
            another type.
        TypeError: the data are none of the above.
    """

    kind = "audio"
    field = 4

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        self.caption = None if caption is None else str(caption)
        self.sample_rate = None if sample_rate is None else _check_rate(sample_rate)
        self._samples: Array | None = None
        self._content: _content.Content | None = None
        if _content.is_content(data_or_path):
            self._content = _content.read(data_or_path, "Audio", tuple(FILE_TYPES), None, _recognise)
            return
        if sample_rate is None:
            raise ValueError(
                "Audio: samples need a sample_rate, in samples per second: Audio(samples, sample_rate=44100)"
            )
        try:
            array = _record.as_array(data_or_path)
        except TypeError as error:
            raise TypeError(f"Audio: {error}; pass samples, a path or an open file") from None
        self._samples = _owned_samples(array)

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Audio`."""
        if self._content is not None:
            source = self._content.encode(1, FILE_TYPES[self._content.file_type], draft)
        else:
            assert self._samples is not None
            source = _wire.message(2, draft.array(self._samples)) + _wire.integer(4, self.sample_rate or 0)
        return source + (_wire.text(3, self.caption) if self.caption else b"")


def _check_rate(rate: Any) -> int:
    if isinstance(rate, bool | str) or not hasattr(rate, "__float__") or float(rate) != int(rate):
        raise TypeError(f"Audio: sample_rate is {rate!r}; it is a whole number of samples per second")
    if not 1 <= rate <= SAMPLE_RATE_MAX:
        raise ValueError(f"Audio: sample_rate is {rate}; it can be 1 to {SAMPLE_RATE_MAX} samples per second")
    return int(rate)


def _owned_samples(array: Array) -> Array:
    """Returns samples (time) or (time, channel) as floats or signed integers that nobody else can change.

    Raises:
        ValueError: the shape is none of a clip, or a sample is NaN or infinite.
        TypeError: they are truth values.
    """
    import numpy as np

    if array.size == 0:
        raise ValueError(f"Audio: the array is empty, of shape {array.shape}; a clip has at least one sample")
    shape = array.shape
    if array.ndim == 2 and shape[1] > _CHANNELS_MAX >= shape[0]:
        array = array.T
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > _CHANNELS_MAX):
        raise ValueError(
            f"Audio: the shape is {shape}; it can be (time), or (time, channel) of at most {_CHANNELS_MAX}"
        )
    kind = array.dtype.kind
    if kind == "b":
        raise TypeError("Audio: the array holds truth values; samples are floats in -1 to 1, or integers")
    if kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            count = array.size - int(finite.sum())
            raise ValueError(
                f"Audio: {count} of {array.size} samples are NaN or infinite; samples are finite numbers"
            )
        return _record.owned(array)
    if array.dtype == np.uint8:  # silence is at 128, as in a wav file of 8 bits
        return (array.astype(np.int16, order="C") - 128) << 8
    if array.dtype.itemsize > 4 or kind == "u":  # what a tensor or a list of samples makes of 16 bits
        low, high = array.min(), array.max()
        for narrow in (np.int16, np.int32):
            if np.iinfo(narrow).min <= low and high <= np.iinfo(narrow).max:
                return array.astype(narrow, order="C")
        raise ValueError(f"Audio: the samples are {low} to {high}; integers have at most 32 bits")
    return _record.owned(array)


def _recognise(data: bytes) -> str | None:
    return "m4a" if data[4:8] == b"ftyp" else _content.signature(data, _SIGNATURES)

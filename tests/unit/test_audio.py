"""`Audio`: samples read back, files stay what they are."""

import io
import pathlib
from typing import Any

import numpy as np
import pytest
from tests.unit.encoded import Array, Encoded, Tensor, raises

from trackd._audio import Audio


def samples(audio: Audio) -> Array:
    encoded = Encoded(audio)
    return encoded.array(encoded.message.audio.raw)


@pytest.mark.parametrize("shape", [(100,), (100, 2), (100, 1)])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4"])
def test_samples_read_back(shape: tuple[int, ...], dtype: str) -> None:
    array = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    audio = Audio(array, sample_rate=44_100, caption="c")
    message = Encoded(audio).message.audio
    assert (message.sample_rate_hertz, message.caption) == (44_100, "c")
    assert np.array_equal(samples(audio), array)
    assert samples(audio).dtype == array.dtype
    assert np.array_equal(samples(Audio(Tensor(array), 8_000.0)), array)  # type: ignore[arg-type]


def test_channels_in_front_are_turned_round() -> None:
    array = np.random.default_rng(0).random((2, 1000))
    assert np.array_equal(samples(Audio(array, 8_000)), array.T)


def test_wide_integers_become_the_narrowest_that_holds_them() -> None:
    assert samples(Audio([1, -32_768], 1)).dtype == np.int16
    assert samples(Audio([1, 40_000], 1)).dtype == np.int32
    assert samples(Audio(np.array([0, 128, 255], np.uint8), 1)).tolist() == [-32_768, 0, 32_512]
    raises(ValueError, "32 bits", lambda: Audio([1, 2**40], 1))


def test_samples_that_change_later_change_nothing() -> None:
    array = np.zeros(3)
    audio = Audio(array, 1)
    array[:] = 1
    assert not samples(audio).any()


@pytest.mark.parametrize(
    ("ending", "media_type"),
    [
        ("wav", "audio/wav"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
        ("m4a", "audio/mp4"),
        ("aac", "audio/aac"),
    ],
)
def test_a_file_is_kept_byte_for_byte(ending: str, media_type: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"clip.{ending}"
    path.write_bytes(b"sound")
    encoded = Encoded(Audio(str(path)))
    payload = encoded.message.audio.encoded
    assert encoded.bytes_of(payload) == b"sound"
    assert (payload.media_type, payload.file_name) == (media_type, path.name)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"RIFF....WAVE", "audio/wav"),
        (b"ID3...", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"....ftypM4A", "audio/mp4"),
    ],
)
def test_bytes_are_known_by_their_beginning(data: bytes, media_type: str) -> None:
    assert Encoded(Audio(io.BytesIO(data))).message.audio.encoded.media_type == media_type


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "sample_rate|44100", {"data_or_path": np.zeros(3)}),
        (ValueError, "(2, 2, 2)|(time)", {"data_or_path": np.zeros((2, 2, 2)), "sample_rate": 1}),
        (ValueError, "(100, 100)|64", {"data_or_path": np.zeros((100, 100)), "sample_rate": 1}),
        (ValueError, "(0,)|empty", {"data_or_path": np.zeros(0), "sample_rate": 1}),
        (ValueError, "1 of 2 samples|NaN", {"data_or_path": np.array([0, np.nan]), "sample_rate": 1}),
        (TypeError, "truth values", {"data_or_path": np.zeros(2, bool), "sample_rate": 1}),
        (TypeError, "dict|samples", {"data_or_path": {}, "sample_rate": 1}),
        (TypeError, "sample_rate|'high'", {"data_or_path": np.zeros(2), "sample_rate": "high"}),
        (TypeError, "sample_rate|0.5", {"data_or_path": np.zeros(2), "sample_rate": 0.5}),
        (ValueError, "sample_rate|0|1 to", {"data_or_path": np.zeros(2), "sample_rate": 0}),
        (ValueError, "bytes|type|wav", {"data_or_path": b"unknown"}),
        (ValueError, "0 bytes", {"data_or_path": b""}),
        (FileNotFoundError, "no file|a.wav", {"data_or_path": "a.wav"}),
    ],
)
def test_what_is_no_clip_says_why(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    raises(error, words, lambda: Audio(**arguments))


def test_a_file_of_another_type_says_so(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "clip.mid"
    path.write_bytes(b"MThd")
    raises(ValueError, "clip.mid|'mid'|wav", lambda: Audio(path))

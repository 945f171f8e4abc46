import io
import struct
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackd_service import sounds
from trackd_service.arrays import AnyArray, RecordInvalid

SHAPES = st.tuples(st.integers(0, 40), st.integers(1, 8))


def wav(samples: AnyArray, rate: int = 8000) -> bytes:
    pieces, _ = sounds.encode(samples, rate)
    return b"".join(pieces)


def chunks(data: bytes) -> dict[bytes, bytes]:
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, place = {}, 12
    while place < len(data):
        size = struct.unpack("<I", data[place + 4 : place + 8])[0]
        found[data[place : place + 4]] = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    assert place == len(data)
    return found


@settings(deadline=None)
@given(st.sampled_from(["|u1", "<i2", "<i4"]).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), SHAPES)))
def test_integer_samples_are_read_back_exactly(samples: AnyArray) -> None:
    with wave.open(io.BytesIO(wav(samples, 44_100))) as file:
        assert file.getframerate() == 44_100
        assert (file.getnframes(), file.getnchannels()) == samples.shape
        assert file.readframes(file.getnframes()) == samples.tobytes()


@settings(deadline=None)
@given(hnp.arrays(np.float32, SHAPES, elements=st.floats(-2, 2, width=32)))
def test_float_samples_are_read_back_exactly(samples: AnyArray) -> None:
    found = chunks(wav(samples))
    code, channels, rate, _, block, bits, extension = struct.unpack("<HHIIHHH", found[b"fmt "])
    assert (code, channels, rate, block, bits, extension) == (
        3, samples.shape[1], 8000, 4 * samples.shape[1], 32, 0,
    )  # fmt: skip
    assert struct.unpack("<I", found[b"fact"]) == (samples.shape[0],)
    assert found[b"data"] == samples.tobytes()


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([-128, 0, 127], np.int8), np.array([0, 128, 255], np.uint8)),
        (np.array([-32768, 32767], np.int64), np.array([-32768, 32767], np.int16)),
        (np.array([40_000], np.uint16), np.array([40_000], np.int32)),
        (np.array([True, False]), np.array([1, 0], np.int16)),
        (np.array([0.5, -0.25], np.float16), np.array([0.5, -0.25], np.float32)),
        (np.array([0.1, -1.0]), np.array([0.1, -1.0], np.float32)),
    ],
)
def test_other_types_become_the_nearest_that_wav_has(samples: AnyArray, expected: AnyArray) -> None:
    assert chunks(wav(samples))[b"data"] == expected.tobytes()


@pytest.mark.parametrize(
    ("shape", "frames"),
    [((10,), (10, 1)), ((10, 2), (10, 2)), ((2, 10), (10, 2)), ((2, 8), (2, 8)), ((1, 9), (9, 1))],
)
def test_channels_are_the_axis_that_can_be_channels(shape: tuple[int, ...], frames: tuple[int, int]) -> None:
    _, sound = sounds.encode(np.zeros(shape, np.int16), 10)
    assert (sound.sample_count, sound.channel_count) == frames
    assert sound.duration_seconds == frames[0] / 10


def test_odd_samples_are_said() -> None:
    pieces, sound = sounds.encode(np.array([np.nan, np.inf, 0.5], np.float32), 10)
    assert "2 samples were NaN or infinite" in sound.warning
    assert chunks(b"".join(pieces))[b"data"] == np.array([0, 1, 0.5], np.float32).tobytes()
    assert "samples reach 3" in sounds.encode(np.array([3.0, 0.5]), 10)[1].warning


@pytest.mark.parametrize(
    ("samples", "rate", "sentence"),
    [
        (np.zeros((10, 9)), 8000, "10x9"),
        (np.zeros((2, 2, 2)), 8000, "2x2x2"),
        (np.zeros(3), 0, "0 Hz"),
        (np.array([2**40]), 8000, "must fit into 32 bits"),
    ],
)
def test_what_is_no_sound_is_refused(samples: AnyArray, rate: int, sentence: str) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        sounds.encode(samples, rate)


def test_wav_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for samples in (np.zeros((800, 2), np.float32), np.zeros((801, 1), np.uint8)):
        path.write_bytes(wav(samples))
        found = sounds.inspect(path)
        assert (found.media_type, found.sample_rate_hertz, found.warning) == ("audio/wav", 8000, "")
        assert (found.sample_count, found.channel_count) == samples.shape
        assert found.duration_seconds == len(samples) / 8000


def test_cut_wav_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    whole = wav(np.zeros(100, np.int16))
    path.write_bytes(whole[:-50])
    found = sounds.inspect(path)
    assert (found.sample_count, found.warning) == (75, "the WAV file is cut off")
    for size in (13, 25, 41):
        path.write_bytes(whole[:size])
        assert "cut off" in sounds.inspect(path).warning


def test_compressed_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    found = sounds.inspect(path)
    assert (found.media_type, found.sample_rate_hertz, found.channel_count) == ("audio/flac", 16_000, 1)
    assert found.duration_seconds == pytest.approx(1, abs=0.3)
    path.write_bytes(path.read_bytes()[:8] + bytes(100))
    assert sounds.inspect(path).media_type == "audio/flac"
    assert "damaged" in sounds.inspect(path).warning


def test_foreign_file_is_looked_at_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    found = sounds.inspect(path)
    assert found.media_type == ""
    assert "may not play" in found.warning


def test_type_of_a_compressed_file_is_known_without_av(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3" + bytes(100))
    assert sounds.inspect(path) == sounds.Sound("audio/mpeg")

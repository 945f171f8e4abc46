"""`Video`: frames become bytes, batches a grid, files stay what they are."""

import io
import pathlib
from typing import Any

import numpy as np
import pytest
from tests.unit.encoded import Array, Encoded, Tensor, raises

from trackd._video import Video


def frames(video: Video) -> Array:
    encoded = Encoded(video)
    return encoded.array(encoded.message.video.raw)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frames_read_back(channels: int) -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, channels, 2, 3), dtype=np.uint8)
    video = Video(array, caption="c", fps=12.5, format="mp4")
    message = Encoded(video).message.video
    assert (message.caption, message.frames_per_second, message.format) == ("c", 12.5, "mp4")
    assert np.array_equal(frames(video), array)
    assert np.array_equal(frames(Video(Tensor(array))), array)


def test_the_format_is_gif_at_four_frames_a_second_by_default() -> None:
    message = Encoded(Video(np.zeros((2, 3, 4, 4), np.uint8))).message.video
    assert (message.format, message.frames_per_second) == ("gif", 4)


def test_floats_in_0_to_1_are_scaled_and_others_clipped() -> None:
    shape = (1, 1, 1, 3)
    assert frames(Video(np.array([0.0, 0.5, 1.0]).reshape(shape))).reshape(-1).tolist() == [0, 128, 255]
    assert frames(Video(np.array([-4.0, 100.0, 300.0]).reshape(shape))).reshape(-1).tolist() == [0, 100, 255]
    assert frames(Video(np.array([-4, 100, 300]).reshape(shape))).reshape(-1).tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("count", "grid"),
    [(1, [[1]]), (2, [[1, 2]]), (3, [[1, 2, 3]]), (4, [[1, 2], [3, 4]]), (5, [[1, 2, 3], [4, 5, 0]])],
)
def test_a_batch_is_laid_out_in_a_grid(count: int, grid: list[list[int]]) -> None:
    batch = np.stack([np.full((2, 3, 4, 5), index + 1, np.uint8) for index in range(count)])
    laid = frames(Video(batch))
    assert laid.shape == (2, 3, 4 * len(grid), 5 * len(grid[0]))
    assert laid[1, 2, ::4, ::5].tolist() == grid


def test_frames_that_change_later_change_nothing() -> None:
    array = np.zeros((2, 1, 2, 2), np.uint8)
    video = Video(array)
    array[:] = 7
    assert not frames(video).any()


@pytest.mark.parametrize(
    ("data", "file_type", "media_type"),
    [
        (b"GIF89a...", "gif", "image/gif"),
        (b"\x00\x00\x00\x18ftypmp42", "mp4", "video/mp4"),
        (b"\x1a\x45\xdf\xa3webm", "webm", "video/webm"),
        (b"OggS...", "ogg", "video/ogg"),
    ],
)
def test_a_file_is_kept_byte_for_byte(
    data: bytes, file_type: str, media_type: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / f"clip.{file_type.upper()}"
    path.write_bytes(data)
    for video in (Video(path, format="gif"), Video(io.BytesIO(data)), Video(b"unknown", format=file_type)):
        encoded = Encoded(video)
        message = encoded.message.video
        assert encoded.bytes_of(message.encoded) in (data, b"unknown")
        assert (message.format, message.encoded.media_type) == (file_type, media_type)
    assert Encoded(Video(path)).message.video.encoded.file_name == path.name


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "(2, 3, 4)|(time, channel, height, width)", {"data_or_path": np.zeros((2, 3, 4))}),
        (ValueError, "(9, 2, 4, 5)|channels", {"data_or_path": np.zeros((9, 2, 4, 5))}),
        (ValueError, "(9, 5, 5, 3)|moveaxis", {"data_or_path": np.zeros((9, 5, 5, 3))}),
        (ValueError, "(0, 3, 4, 5)|empty", {"data_or_path": np.zeros((0, 3, 4, 5))}),
        (ValueError, "1 of 3 pixels|NaN", {"data_or_path": np.array([1, np.nan, 2]).reshape(1, 3, 1, 1)}),
        (TypeError, "NoneType|frames", {"data_or_path": None}),
        (ValueError, "format|'avi'|gif, mp4, webm or ogg", {"data_or_path": b"", "format": "avi"}),
        (ValueError, "fps|0", {"data_or_path": b"GIF8", "fps": 0.001}),
        (ValueError, "empty|0 bytes", {"data_or_path": io.BytesIO()}),
        (ValueError, "bytes|type|mp4", {"data_or_path": b"unknown"}),
        (FileNotFoundError, "no file|a.mp4", {"data_or_path": "a.mp4"}),
    ],
)
def test_what_is_no_video_says_why(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    raises(error, words, lambda: Video(**arguments))


def test_a_file_of_another_type_says_so(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "clip.avi"
    path.write_bytes(b"RIFF")
    raises(ValueError, "clip.avi|'avi'|gif, mp4", lambda: Video(path))

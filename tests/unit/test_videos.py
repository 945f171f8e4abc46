import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from trackd_service import videos
from trackd_service.arrays import AnyArray, RecordInvalid

SHAPES = st.tuples(st.integers(1, 4), st.sampled_from([1, 3, 4]), st.integers(1, 15), st.integers(1, 15))
OGG_ENCODERS = {"libtheora"} & av.codecs_available


def moving(time: int = 8, height: int = 33, width: int = 47) -> AnyArray:
    y, x = np.mgrid[:height, :width]
    frames = [np.stack([(x * 2 + t * 8) % 200, y * 5 % 200, np.full_like(x, 40)]) for t in range(time)]
    return np.array(frames, np.uint8)


def gif_frames(path: Path) -> tuple[list[AnyArray], list[int]]:
    frames, durations = [], []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
    return frames, durations


@settings(deadline=None, max_examples=40)
@given(frames=hnp.arrays(np.uint8, SHAPES))
def test_gif_of_at_most_256_colours_has_the_pixels_logged(
    frames: AnyArray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.gif"
    clip = videos.encode(frames, 10, "gif", path)
    assert (clip.frame_count, clip.height, clip.width) == (frames.shape[0], *frames.shape[2:])
    shown = []
    for picture, duration in zip(*gif_frames(path), strict=True):
        shown += [picture] * (duration // 100)  # equal neighbours are one frame that is shown for longer
    expected = np.broadcast_to(frames[:, :3], (len(frames), 3, *frames.shape[2:])).transpose(0, 2, 3, 1)
    assert np.array(shown).tolist() == expected.tolist()


def test_gif_of_many_colours_is_close(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), np.uint8)
    smooth = np.sort(np.sort(frames, axis=2), axis=3)
    videos.encode(smooth, 4, "gif", tmp_path / "a.gif")
    for picture, frame in zip(gif_frames(tmp_path / "a.gif")[0], smooth, strict=True):
        assert np.abs(picture.astype(int) - frame.transpose(1, 2, 0)).mean() < 8


def test_gif_lasts_as_long_as_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = np.arange(30, dtype=np.uint8).reshape(30, 1, 1, 1)
    videos.encode(frames, 30, "gif", path)
    durations = gif_frames(path)[1]
    assert set(durations) == {30, 40}
    assert sum(durations) == 1000
    clip = videos.encode(frames, 60, "gif", path)
    assert set(gif_frames(path)[1]) == {20}
    assert clip.frames_per_second == 50
    assert "log it as mp4" in clip.warning
    assert videos.encode(frames, 0, "", path).frames_per_second == 4


@pytest.mark.parametrize("file_type", ["mp4", "webm"])
def test_every_frame_is_shown_in_its_place_and_colours(tmp_path: Path, file_type: str) -> None:
    frames, path = moving(), tmp_path / f"a.{file_type}"
    clip = videos.encode(frames, 12.5, file_type, path)
    assert clip == videos.Clip(f"video/{file_type}", 48, 34, 8, 12.5)
    with av.open(str(path)) as container:
        found = list(container.decode(video=0))
    assert [round(float(frame.time) * 12.5) for frame in found] == list(range(8))
    for frame, logged in zip(found, frames, strict=True):
        picture = frame.reformat(format="rgb24", src_colorspace=frame.colorspace).to_ndarray().astype(int)
        assert np.abs(picture[:33, :47] - logged.transpose(1, 2, 0)).mean() < 8
        assert np.abs(picture[33] - picture[32]).mean() < 8  # the edge is shown twice
    assert videos.inspect(path) == clip


@pytest.mark.parametrize("file_type", ["gif", "mp4", "webm"])
def test_same_frames_make_the_same_bytes(tmp_path: Path, file_type: str) -> None:
    for name in ("a", "b"):
        videos.encode(moving(), 29.97, file_type, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("width", [16, 47, 90, 160])
@pytest.mark.parametrize("file_type", ["mp4", "webm"])
def test_bytes_do_not_depend_on_what_stood_in_memory_before(
    tmp_path: Path, file_type: str, width: int
) -> None:
    np.save(tmp_path / "frames.npy", moving(width=width))
    script = (
        "import sys, pathlib, numpy as np; from trackd_service import videos; folder = pathlib.Path(sys.argv[1]); "
        "videos.encode(np.load(folder / 'frames.npy'), 29.97, sys.argv[2], folder / sys.argv[3])"
    )
    for byte in ("85", "170"):  # glibc fills each new piece of memory with it
        environment = os.environ | {"MALLOC_PERTURB_": byte}
        subprocess.run([sys.executable, "-c", script, tmp_path, file_type, byte], env=environment, check=True)
    assert (tmp_path / "85").read_bytes() == (tmp_path / "170").read_bytes()


@pytest.mark.parametrize("file_type", ["gif", "mp4", "webm"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 4, 1, 3), (3, 2, 3, 4, 6)])
def test_any_size_and_channels_can_be_a_video(tmp_path: Path, file_type: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / "a"
    clip = videos.encode(np.zeros(shape, np.uint8), 4, file_type, path)
    assert clip.frame_count == shape[-4]
    assert videos.inspect(path).width == clip.width


def test_index_of_an_mp4_stands_in_front(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    videos.encode(moving(), 4, "mp4", path)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_batch_is_a_grid_of_clips(tmp_path: Path) -> None:
    clips = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1, 1) * np.ones((3, 2, 1, 4, 6), np.uint8) + 1
    videos.encode(clips, 4, "gif", tmp_path / "a.gif")
    picture = gif_frames(tmp_path / "a.gif")[0][0][..., 0]
    assert picture.shape == (8, 12)
    assert [picture[0, 0], picture[0, 6], picture[4, 0], picture[4, 6]] == [1, 2, 3, 0]


def test_ogg_is_kept_as_what_browsers_play(tmp_path: Path) -> None:
    clip = videos.encode(moving(), 4, "ogg", tmp_path / "a")
    assert clip.media_type == "video/webm"
    assert "kept as WebM" in clip.warning
    assert videos.inspect(tmp_path / "a").media_type == "video/webm"


def test_without_av_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos.encode(moving(), 4, "mp4", tmp_path / "a")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RecordInvalid, match="pip install av"):
        videos.encode(moving(), 4, "mp4", tmp_path / "b")
    assert videos.inspect(tmp_path / "a") == videos.Clip("video/mp4")
    assert videos.encode(moving(), 4, "gif", tmp_path / "c").media_type == "image/gif"


@pytest.mark.parametrize(
    ("shape", "rate", "file_type", "sentence"),
    [
        ((2, 3, 4), 4, "gif", "2x3x4"),
        ((0, 3, 4, 4), 4, "gif", "0x3x4x4"),
        ((2, 8, 8, 3), 4, "gif", "8 channels"),
        ((2, 3, 4, 4), 4, "avi", "'avi'; it can be gif, mp4, webm, ogg"),
        ((2, 3, 4, 4), -1, "gif", "-1 frames per second"),
        ((2, 3, 4, 4), float("nan"), "gif", "nan frames per second"),
        ((1, 1, 1, 20_000), 4, "mp4", "20000x1 pixels"),
    ],
)
def test_what_is_no_video_is_refused(
    tmp_path: Path, shape: tuple[int, ...], rate: float, file_type: str, sentence: str
) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        videos.encode(np.zeros(shape, np.uint8), rate, file_type, tmp_path / "a")


def test_encoded_gif_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    videos.encode(moving(), 10, "gif", path)
    whole = path.read_bytes()
    assert videos.inspect(path) == videos.Clip("image/gif", 47, 33, 8, 10)
    for size in range(6, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        found = videos.inspect(path)
        assert "damaged" in found.warning
        assert (found.frame_count or 0) <= 8


def test_still_gif_has_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.fromarray(moving(1)[0, 0]).save(path)
    assert videos.inspect(path) == videos.Clip("image/gif", 47, 33, 1)


@pytest.mark.parametrize("file_type", ["mp4", "webm"])
def test_cut_file_is_kept_and_said(tmp_path: Path, file_type: str) -> None:
    path = tmp_path / "a"
    videos.encode(moving(), 10, file_type, path)
    path.write_bytes(path.read_bytes()[:60])
    found = videos.inspect(path)
    assert found.media_type == f"video/{file_type}"
    assert found.warning


def test_foreign_file_is_looked_at_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for content in (
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd",
        b"",
    ):
        path.write_bytes(content)
        assert videos.inspect(path).media_type == ""

"""Owns the test that every typed record reads back as what was logged: pixels, frames, samples, cells, bytes and words."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from tests.service.recording import Array, Tensor, read_back, read_one, read_rows, read_run

import trackd
from trackd._api_records import StoredRecord

pytestmark = pytest.mark.usefixtures("project")

# Each example is a run of many values: one round trip to the daemon reads all of them.
many = settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SEEDS = st.integers(0, 2**32 - 1)
NUMBER_TYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def noise(seed: int, shape: tuple[int, ...], dtype: str) -> Array:
    """Returns an array of values from the whole range of a type; floats are finite and of all sizes."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if kind.kind == "f":
        exponents = random.integers(-4, 5, shape)
        return (random.normal(size=shape) * 10.0**exponents).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, shape, kind, endpoint=True)


def saved(pixels: Array, file_format: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    PillowImage.fromarray(pixels).save(sink, file_format, **options)
    return sink.getvalue()


# -- images ----------------------------------------------------------------------------------------------------------

SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (4,))


@st.composite
def pixels(draw: st.DrawFn) -> Array:
    """Draws an image: of any type, with 0 to 4 channels, floats over one of the ranges that mean something."""
    size = (draw(st.integers(1, 24)), draw(st.integers(1, 24)))
    shape = (*size, *draw(st.sampled_from(SHAPES)))
    dtype = draw(st.sampled_from(NUMBER_TYPES))
    seed = draw(SEEDS)
    if dtype[1] != "f":
        return noise(seed, shape, dtype)
    random = np.random.default_rng(seed)
    low, high = draw(st.sampled_from([(0, 1), (0, 255), (-1, 1), (-300, 500)]))
    return random.uniform(low, high, shape).astype(dtype)


def check_pixels(logged: Array, found: Array) -> None:
    """Checks pixels by what docs and docstring say of each type, written another way than the code."""
    assert found.dtype == np.uint8
    expected = logged[..., 0] if logged.ndim == 3 and logged.shape[2] == 1 else logged
    assert found.shape == expected.shape
    if expected.dtype.kind == "b":
        assert ((found == 255) == expected).all()
        assert ((found == 0) == ~expected).all()
    elif expected.dtype.kind in "iu":
        assert (found == np.clip(expected.astype(object), 0, 255)).all()
    else:
        exact = expected.astype(np.float64)
        low, high = exact.min(), exact.max()
        if low < 0 and low >= -1 and high <= 1:
            exact = (exact + 1) / 2
        levels = np.clip(exact * (255 if high <= 1 else 1), 0, 255)
        assert np.abs(found - levels).max() <= 0.5 + 1e-4  # the nearest level; the sums are of 32-bit floats


@many
@given(logged=st.lists(pixels(), min_size=10, max_size=25))
def test_pixels_of_every_type_and_shape_read_back(logged: list[Array]) -> None:
    for array, record in zip(logged, read_back(map(trackd.Image, logged)), strict=True):
        check_pixels(array, record.array())
        assert (record["height"], record["width"]) == array.shape[:2]
        assert record["file"]["media_type"] == "image/png"
        assert "warning" not in record


def test_pixels_of_every_mode_and_file_type_read_back() -> None:
    random = np.random.default_rng(1)
    color = random.integers(0, 256, (9, 7, 3), np.uint8)
    grey, alpha = color[..., 0], random.integers(0, 256, (9, 7, 4), np.uint8)
    slope = np.linspace(0, 255, 32).astype(np.uint8)
    smooth = np.stack(
        [np.tile(slope, (32, 1)), np.tile(slope[:, None], (1, 32)), np.full((32, 32), 90, np.uint8)], -1
    )
    cases: list[tuple[trackd.Image, Array | None, str]] = [
        (trackd.Image(color, file_type="bmp"), color, "image/bmp"),
        (trackd.Image(color, file_type="webp"), color, "image/webp"),
        (trackd.Image(alpha, file_type="webp"), alpha, "image/webp"),
        (trackd.Image(alpha), alpha, "image/png"),
        (trackd.Image(grey, mode="L"), grey, "image/png"),
        (trackd.Image(grey, mode="1"), np.where(grey >= 128, 255, 0), "image/png"),
        (
            trackd.Image(color, mode="HSV"),
            np.asarray(PillowImage.fromarray(color, "HSV").convert("RGB")),
            "image/png",
        ),
        (
            trackd.Image(color, mode="YCbCr"),
            np.asarray(PillowImage.fromarray(color, "YCbCr").convert("RGB")),
            "image/png",
        ),
        (
            trackd.Image(alpha, mode="CMYK"),
            np.asarray(PillowImage.fromarray(alpha, "CMYK").convert("RGB")),
            "image/png",
        ),
        (trackd.Image(smooth, file_type="jpg"), None, "image/jpeg"),
        (trackd.Image(PillowImage.fromarray(color)), color, "image/png"),
        (trackd.Image(PillowImage.fromarray(grey)), grey, "image/png"),
        (trackd.Image(PillowImage.fromarray(grey).convert("1")), None, "image/png"),
        (trackd.Image(PillowImage.fromarray(color).quantize(200)), None, "image/png"),
        (trackd.Image(PillowImage.fromarray(noise(2, (5, 6), "<u2"))), noise(2, (5, 6), "<u2"), "image/png"),
        (trackd.Image(trackd.Image(color, caption="of another")), color, "image/png"),
        (trackd.Image(Tensor(np.moveaxis(color / 255, -1, 0))), color, "image/png"),
        (trackd.Image(Tensor(np.moveaxis(color, -1, 0)[None])), color, "image/png"),
        (trackd.Image(Tensor(np.stack([grey, grey + 1])[:, None])), np.hstack([grey, grey + 1]), "image/png"),
    ]
    records = read_back(image for image, _, _ in cases)
    for (_, expected, media_type), record in zip(cases, records, strict=True):
        assert record["file"]["media_type"] == media_type
        if expected is not None:
            assert np.array_equal(record.array(), expected), record
    assert np.abs(records[9].array().astype(int) - smooth).mean() < 2
    assert set(np.unique(records[12].array())) <= {0, 255}
    assert records[13].array().shape == (9, 7, 3)
    assert records[15].caption == "of another"


def test_image_files_are_kept_byte_for_byte(tmp_path: Path) -> None:
    color = noise(3, (20, 30, 3), "|u1")
    palette = PillowImage.fromarray(color).quantize(16)
    sink = io.BytesIO()
    palette.save(sink, "GIF")
    files = {
        "a.png": (saved(color, "PNG"), "image/png"),
        "photo.JPG": (saved(color, "JPEG", quality=30), "image/jpeg"),
        "b.webp": (saved(color, "WEBP"), "image/webp"),
        "c.bmp": (saved(color, "BMP"), "image/bmp"),
        "d.gif": (sink.getvalue(), "image/gif"),
        "e.svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"></svg>', "image/svg+xml"),
    }
    images: list[trackd.Image] = []
    for name, (content, _) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        with path.open("rb") as opened:
            images += [
                trackd.Image(str(path)),
                trackd.Image(path),
                trackd.Image(opened),
                trackd.Image(content),
            ]
        path.unlink()  # the record holds its content, not its name
    records = read_back(images)
    for index, record in enumerate(records):
        name, (content, media_type) = list(files.items())[index // 4]
        assert record.read() == content
        assert record["file"]["media_type"] == media_type
        assert (record["width"], record["height"]) == (30, 20)
        assert record["file"].get("name") == (None if index % 4 == 3 else name)
    assert np.array_equal(records[16].array(), np.asarray(palette.convert("RGB")))
    with pytest.raises(trackd.CommError, match="cannot decode the image"):
        records[20].image()
    for record in records[::4]:
        written = Path(record.download(tmp_path / "down"))
        assert written.read_bytes() == record.read()
    assert {path.suffix for path in (tmp_path / "down").iterdir()} == {
        ".png",
        ".jpg",
        ".webp",
        ".bmp",
        ".gif",
        ".svg",
    }


@many
@given(
    drawn=st.lists(
        st.tuples(SEEDS, st.integers(1, 255), st.dictionaries(st.integers(0, 255), TEXTS)),
        min_size=8,
        max_size=16,
    )
)
def test_masks_read_back_as_the_class_ids_that_were_logged(
    drawn: list[tuple[int, int, dict[int, str]]],
) -> None:
    images, expected = [], []
    for seed, high, names in drawn:
        random = np.random.default_rng(seed)
        ids = random.integers(0, high + 1, tuple(random.integers(1, 20, 2)))
        images.append(
            trackd.Image(
                np.zeros(ids.shape),
                masks={
                    "truth": {"mask_data": ids, "class_labels": names},
                    "of bytes/ü": {"mask_data": ids.astype(np.uint8)},
                },
            )
        )
        expected.append(ids)
    for record, ids, (_, _, names) in zip(read_back(images), expected, drawn, strict=True):
        masks = record.masks()
        assert list(masks) == ["truth", "of bytes/ü"]
        assert np.array_equal(masks["truth"], ids)
        assert np.array_equal(masks["of bytes/ü"], ids)
        kept = record["masks"][0].get("class_names", {})
        assert kept == {str(number): names[number] for number in sorted(names)}


FINITE = st.floats(allow_nan=False, allow_infinity=False)
BOX = st.fixed_dictionaries(
    {"position": st.fixed_dictionaries(dict.fromkeys(("minX", "maxX", "minY", "maxY"), FINITE))},
    optional={
        "domain": st.sampled_from(["pixel", "percentage", None]),
        "class_id": st.integers(-(2**63), 2**63 - 1),
        "box_caption": TEXTS,
        "scores": st.dictionaries(TEXTS, FINITE, max_size=3),
    },
)


@many
@given(drawn=st.lists(st.lists(BOX, max_size=5), min_size=5, max_size=12))
def test_boxes_read_back_with_edges_classes_scores_and_captions(drawn: list[list[dict[str, Any]]]) -> None:
    images = [
        trackd.Image(np.zeros((4, 4)), boxes={"predictions": {"box_data": boxes}, "other": {"box_data": []}})
        for boxes in drawn
    ]
    for record, boxes in zip(read_back(images), drawn, strict=True):
        first, second = record["boxes"]
        assert (first["name"], second) == ("predictions", {"name": "other", "boxes": []})
        assert len(first["boxes"]) == len(boxes)
        for found, box in zip(first["boxes"], boxes, strict=True):
            position = box["position"]
            edges = [found["x_min"], found["x_max"], found["y_min"], found["y_max"]]
            assert edges == [position[name] for name in ("minX", "maxX", "minY", "maxY")]
            assert found["pixels"] is (box.get("domain") == "pixel")
            assert found["class_id"] == box.get("class_id", 0)
            assert found.get("caption", "") == box.get("box_caption", "")
            assert found.get("scores", {}) == box.get("scores", {})


def test_a_box_by_its_middle_and_names_of_classes_for_all() -> None:
    record = read_one(
        trackd.Image(
            np.zeros((10, 20)),
            caption="street",
            grouping="night",
            classes=trackd.Classes([{"id": 1, "name": "car"}, {"id": 2, "name": "tree"}]),
            boxes={
                "p": {
                    "box_data": [
                        {
                            "position": {"middle": [0.5, 0.25], "width": 0.5, "height": 0.5},
                            "class_id": 2,
                            "scores": {"s": 1},
                        },
                        {
                            "position": {"middle": (8, 4), "width": 4, "height": 2},
                            "domain": "pixel",
                            "class_id": 1,
                        },
                    ],
                    "class_labels": {2: "oak"},
                }
            },
        )
    )
    assert (record.caption, record["grouping"], record["class_names"]) == (
        "street",
        "night",
        {"1": "car", "2": "tree"},
    )
    (boxes,) = record["boxes"]
    assert boxes["class_names"] == {"2": "oak"}
    first, second = boxes["boxes"]
    assert [first[name] for name in ("x_min", "x_max", "y_min", "y_max", "pixels")] == [
        0.25,
        0.75,
        0.0,
        0.5,
        False,
    ]
    assert [second[name] for name in ("x_min", "x_max", "y_min", "y_max", "pixels")] == [6, 10, 3, 5, True]
    assert "warning" not in record


@many
@given(captions=st.lists(TEXTS, min_size=1, max_size=30))
def test_a_list_keeps_its_order_and_its_captions(captions: list[str]) -> None:
    record = read_one(
        [trackd.Image(np.full((2, 2), index / 255), caption=text) for index, text in enumerate(captions)]
    )
    assert record.is_list
    assert [each.caption for each in record.records] == captions
    assert [int(each.array()[0, 0]) for each in record.records] == list(range(len(captions)))


def test_a_list_of_hundreds_of_records_stands_in_an_object_and_reads_the_same() -> None:
    count = 700
    run = trackd.init()
    run.log(
        {
            "images": [
                trackd.Image(np.full((1, 1), index % 256, np.uint8), caption=str(index))
                for index in range(count)
            ]
        }
    )
    (row,) = read_rows(run)
    assert [each.caption for each in row["images"].records] == [str(index) for index in range(count)]
    assert [int(each.array()[0, 0]) for each in row["images"].records] == [
        index % 256 for index in range(count)
    ]
    summary = read_run(run).summary["images"]
    assert (summary.kind, len(summary.records)) == ("image", count)


def test_what_changes_after_log_changes_nothing(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / "a.html"
    path.write_text("<b>first</b>")
    records: list[Any] = [
        trackd.Image(array),
        trackd.Audio(array[0].astype(np.int16), sample_rate=10),
        trackd.Object3D(array[:, :3]),
        trackd.Histogram(array, num_bins=12),
        trackd.Video(np.broadcast_to(array, (2, 1, 3, 4))),
        trackd.Html(str(path)),
        trackd.Table(columns=["a", "b"], data=[[1, cells := [1, 2]]]),
    ]
    array[:] = 0
    path.write_text("<b>second</b>")
    cells.append(3)
    image, audio, model, histogram, video, html, table = read_back(records)
    kept = np.arange(12).reshape(3, 4)
    assert np.array_equal(image.array(), kept)
    assert np.array_equal(audio.array(), kept[0])
    assert np.array_equal(model.array(), kept[:, :3])
    assert histogram["counts"] == [1] * 12
    assert np.array_equal(video.array()[1, ..., 0], kept)
    assert html.text() == "<b>first</b>"
    assert table.rows() == [[1, [1, 2]]]


# -- video and audio -------------------------------------------------------------------------------------------------


@many
@given(drawn=st.lists(st.tuples(SEEDS, st.sampled_from([1, 3]), st.integers(1, 6)), min_size=4, max_size=8))
def test_gifs_of_few_colours_read_back_exactly(drawn: list[tuple[int, int, int]]) -> None:
    clips = []
    for seed, channels, count in drawn:
        random = np.random.default_rng(seed)
        colors = random.integers(0, 256, (5, channels), np.uint8)
        height, width = random.integers(1, 16, 2)
        clips.append(np.moveaxis(colors[random.integers(0, 5, (count, height, width))], -1, 1))
    for clip, record in zip(clips, read_back(trackd.Video(clip, fps=5) for clip in clips), strict=True):
        expected = np.moveaxis(np.repeat(clip, 3 // clip.shape[1], axis=1), 1, -1)
        assert np.array_equal(record.array(), expected)
        assert (record["frame_count"], record["frames_per_second"]) == (len(clip), 5)
        assert (record["height"], record["width"]) == clip.shape[2:]
        assert record["file"]["media_type"] == "image/gif"


def test_a_gif_keeps_frames_that_repeat() -> None:
    frames = np.zeros((6, 3, 4, 4), np.uint8)
    frames[2] = 255
    record = read_one(trackd.Video(frames, fps=10))
    assert record["frame_count"] == 6
    assert np.array_equal(record.array(), np.moveaxis(frames, 1, -1))


@pytest.mark.parametrize(("file_type", "media_type"), [("mp4", "video/mp4"), ("webm", "video/webm")])
def test_videos_read_back_nearly(file_type: str, media_type: str) -> None:
    slope = np.linspace(0, 200, 64)
    frames = np.stack(
        [
            np.stack(
                [np.tile(slope, (48, 1)), np.tile(slope[:48, None], (1, 64)), np.full((48, 64), 20.0 * time)]
            )
            for time in range(8)
        ]
    ).astype(np.uint8)
    record = read_one(trackd.Video(frames, fps=12, format=file_type, caption="slope"))
    assert record["file"]["media_type"] == media_type
    assert (record["width"], record["height"], record["frame_count"], record["frames_per_second"]) == (
        64,
        48,
        8,
        12,
    )
    assert record.caption == "slope"
    found = record.array().astype(int)
    assert found.shape == (8, 48, 64, 3)
    assert np.abs(found - np.moveaxis(frames, 1, -1)).mean() < 6


def test_video_files_and_batches(tmp_path: Path) -> None:
    frames = noise(4, (3, 3, 16, 16), "|u1")
    content = read_one(trackd.Video(frames, format="mp4")).read()
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    batch = np.zeros((2, 3, 1, 4, 5), np.uint8)
    batch[1] = 255
    by_path, by_bytes, side_by_side = read_back(
        [trackd.Video(str(path), caption="by path"), trackd.Video(content, format="mp4"), trackd.Video(batch)]
    )
    assert by_path.read() == by_bytes.read() == content
    assert by_path["file"]["sha256"] == by_bytes["file"]["sha256"]
    assert (by_path["file"]["name"], by_path.caption, by_path["frame_count"]) == ("clip.mp4", "by path", 3)
    assert side_by_side.array().shape == (3, 4, 10, 3)
    assert (side_by_side.array()[0, 0, :, 0] == [0] * 5 + [255] * 5).all()


@many
@given(
    drawn=st.lists(
        st.tuples(
            SEEDS,
            st.sampled_from(["|u1", "|i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"]),
            st.integers(0, 3),
            st.integers(1, 192_000),
        ),
        min_size=8,
        max_size=16,
    )
)
def test_samples_of_every_type_read_back(drawn: list[tuple[int, str, int, int]]) -> None:
    clips, sounds = [], []
    for seed, dtype, channels, rate in drawn:
        shape = (70 + seed % 50, channels) if channels else (1 + seed % 50,)
        random = np.random.default_rng(seed)
        if dtype[1] == "f":
            samples = random.uniform(-1, 1, shape).astype(dtype)
        else:
            samples = noise(seed, shape, "<i4" if dtype == "<i8" else dtype).astype(dtype)
        clips.append(samples)
        sounds.append(trackd.Audio(samples, sample_rate=rate, caption=dtype))
    for samples, (_, dtype, channels, rate), record in zip(clips, drawn, read_back(sounds), strict=True):
        found = record.array()
        expected = samples[:, 0] if channels == 1 else samples
        assert found.shape == expected.shape
        if dtype == "|u1":  # silence is at 128
            expected = (expected.astype(np.int16) - 128) * 256
        elif dtype == "|i1":  # which a WAV file has not: shifted to unsigned
            expected = (expected.astype(np.int16) + 128).astype(np.uint8)
        elif dtype[1] == "f":
            expected = expected.astype(np.float32)
        assert (found == expected).all()
        assert record["sample_rate_hertz"] == rate
        assert (record["sample_count"], record["channel_count"]) == (len(samples), max(channels, 1))
        assert record["duration_seconds"] == len(samples) / rate
        assert (record.caption, record["file"]["media_type"]) == (dtype, "audio/wav")


def test_audio_files_are_kept_byte_for_byte_and_channels_in_front_are_turned(tmp_path: Path) -> None:
    content = read_one(trackd.Audio(np.sin(np.arange(200) / 9), sample_rate=100)).read()
    path = tmp_path / "tone.wav"
    path.write_bytes(content)
    front = noise(6, (2, 100), "<i2")
    by_path, mp3, turned = read_back(
        [
            trackd.Audio(str(path), caption="tone"),
            trackd.Audio(b"ID3\x04\x00\x00\x00\x00\x00\x00 no frames"),
            trackd.Audio(front, sample_rate=8),
        ]
    )
    assert by_path.read() == content
    assert (by_path["file"]["name"], by_path["sample_rate_hertz"], by_path["duration_seconds"]) == (
        "tone.wav",
        100,
        2,
    )
    assert np.array_equal(by_path.array(), np.sin(np.arange(200) / 9).astype(np.float32))
    assert mp3.read().endswith(b"no frames")
    assert mp3["file"]["media_type"] == "audio/mpeg"
    assert "cut off or damaged" in mp3["warning"]
    with pytest.raises(trackd.CommError, match="only WAV"):
        mp3.array()
    assert np.array_equal(turned.array(), front.T)


# -- 3D, molecules, pages, texts -------------------------------------------------------------------------------------


@many
@given(
    drawn=st.lists(
        st.tuples(SEEDS, st.sampled_from(NUMBER_TYPES), st.sampled_from([3, 4, 6])), min_size=8, max_size=20
    )
)
def test_points_read_back_byte_for_byte(drawn: list[tuple[int, str, int]]) -> None:
    clouds = []
    for seed, dtype, columns in drawn:
        points = noise(seed, (1 + seed % 40, columns), dtype)
        if dtype[1] == "f":
            points[0, 0] = np.nan
            points[-1, 1] = np.inf
        clouds.append(points)
    for points, record in zip(clouds, read_back(map(trackd.Object3D, clouds)), strict=True):
        found = record.array()
        assert found.dtype == points.dtype
        assert found.shape == points.shape
        assert found.tobytes() == points.tobytes()
        assert record["scene"]["points"]["shape"] == list(points.shape)


def test_a_scene_reads_back_with_boxes_and_vectors() -> None:
    points, arrows = noise(1, (50, 6), "<f4"), noise(2, (4, 2, 3), "<f8")
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0.5, 2)]
    by_array, by_list, of_boxes = read_back(
        [
            trackd.Object3D(
                {
                    "type": "lidar/beta",
                    "points": points,
                    "vectors": arrows,
                    "boxes": [
                        {"corners": corners, "label": "car", "color": [255, 0, 128], "score": 0.5},
                        {"corners": np.array(corners), "color": (1.0, 0.0, 0.5), "score": 0},
                        trackd.box3d(
                            center=(0, 0, 0), size=(2, 4, 6), label="turned", orientation=(2, 0, 0, 0)
                        ),
                    ],
                },
                caption="scene",
            ),
            trackd.Object3D({"vectors": [{"start": [0, 0, 0], "end": [1, 2, 3]}]}),
            trackd.Object3D.from_point_cloud(points[:, :3], boxes=[{"corners": corners}]),
        ]
    )
    assert by_array.array().tobytes() == points.tobytes()
    assert by_array.vectors().tobytes() == arrows.tobytes()
    assert (by_array.caption, by_array["scene"]["scene_type"]) == ("scene", "lidar/beta")
    first, second, third = by_array["scene"]["boxes"]
    assert first == {"corners": corners, "label": "car", "color": [255, 0, 128], "score": 0.5}
    assert second == {"corners": corners, "color": [255, 0, 128], "score": 0.0}
    assert third["corners"][0] == [-1, -2, -3]
    assert third["corners"][-1] == [1, 2, 3]
    assert np.array_equal(by_list.vectors(), [[[0, 0, 0], [1, 2, 3]]])
    assert of_boxes.array().shape == (50, 3)
    assert of_boxes["scene"]["boxes"] == [{"corners": corners}]
    assert of_boxes.vectors().shape == (0, 2, 3)


MODELS = {
    "obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "model/obj"),
    "gltf": (b'{"asset": {"version": "2.0"}}', "model/gltf+json"),
    "glb": (b"glTF\x02\x00\x00\x00\x0c\x00\x00\x00", "model/gltf-binary"),
    "stl": (b"solid\nendsolid\n", "model/stl"),
    "ply": (b"ply\nformat ascii 1.0\nend_header\n", "application/octet-stream"),
}


def test_models_are_kept_byte_for_byte_however_they_are_given(tmp_path: Path) -> None:
    records = []
    for file_type, (content, _) in MODELS.items():
        path = tmp_path / f"sample.{file_type}"
        path.write_bytes(content)
        with path.open("rb") as binary:
            records += [trackd.Object3D(binary), trackd.Object3D(str(path), caption=file_type)]
        records.append(trackd.Object3D(io.BytesIO(content), file_type=file_type))
        records.append(trackd.Object3D.from_file(str(path)))
        if file_type != "glb":
            with path.open(newline="") as text:
                records.append(trackd.Object3D(text))
    found = read_back(records)
    for record in found:
        content, media_type = MODELS[record["file_type"]]
        assert record.read() == content
        assert record["file"]["media_type"] == media_type
        assert record["file"].get("name") in (None, f"sample.{record['file_type']}")
    assert Path(found[0].download(tmp_path)).name.startswith("object_3d_")


@pytest.mark.parametrize(
    "file_type", ["pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf", "xyz"]
)
def test_a_molecule_is_kept_byte_for_byte(file_type: str, tmp_path: Path) -> None:
    content = b"HETATM    1  C   ACT     1       0.000   0.000   0.000\n\xff"
    path = tmp_path / f"caffeine.{file_type}"
    path.write_bytes(content)
    by_path, by_file = read_back(
        [
            trackd.Molecule(str(path), caption="awake"),
            trackd.Molecule(io.BytesIO(content), file_type=file_type),
        ]
    )
    assert by_path.read() == by_file.read() == content
    assert (by_path["file_type"], by_path.caption, by_path["file"]["name"]) == (
        file_type,
        "awake",
        f"caffeine.{file_type}",
    )
    assert by_path["file"]["media_type"] == (
        "application/octet-stream" if file_type == "mmtf" else "text/plain"
    )


def test_html_reads_back_as_it_was_written(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>gr\u00fc\u00df</p>", encoding="utf-8")
    with page.open() as opened:
        by_file = trackd.Html(opened)
    records = read_back(
        [
            trackd.Html("<b>b</b>"),
            trackd.Html(str(page), inject=False),
            by_file,
            trackd.Html("x.html", data_is_not_path=True),
        ]
    )
    assert [record.text() for record in records] == ["<b>b</b>", "<p>grüß</p>", "<p>grüß</p>", "x.html"]
    assert [record.get("inject", False) for record in records] == [True, False, True, True]
    assert records[1]["file"] == {**records[1]["file"], "media_type": "text/html", "name": "page.html"}


@many
@given(texts=st.lists(TEXTS, min_size=5, max_size=20))
def test_markdown_reads_back(texts: list[str]) -> None:
    assert [record.text() for record in read_back(map(trackd.Markdown, texts))] == texts


# -- histograms ------------------------------------------------------------------------------------------------------


@many
@given(
    drawn=st.lists(
        st.tuples(
            SEEDS, st.sampled_from(["|b1", "|i1", "|u1", "<i4", "<i8", "<f4", "<f8"]), st.integers(1, 512)
        ),
        min_size=8,
        max_size=20,
    )
)
def test_a_histogram_counts_every_value_once(drawn: list[tuple[int, str, int]]) -> None:
    sequences, histograms = [], []
    for seed, dtype, bins in drawn:
        values = noise(seed, (1 + seed % 30, 1 + seed % 7), dtype)
        if dtype[1] == "f" and seed % 2:
            values[0, 0], values[-1, -1] = np.nan, -np.inf
        sequences.append(values)
        histograms.append(trackd.Histogram(values, num_bins=bins))
    for values, (_, _, bins), record in zip(sequences, drawn, read_back(histograms), strict=True):
        counts, edges = record.histogram()
        assert (counts.shape, edges.shape) == ((bins,), (bins + 1,))
        finite = values[np.isfinite(values)].astype(np.float64)
        assert counts.sum() == finite.size
        assert (np.diff(edges) > 0).all()
        if finite.size:
            assert edges[0] <= finite.min()
            assert edges[-1] >= finite.max()
            assert np.array_equal(counts, np.histogram(finite, edges)[0])
        flat = values.astype(np.float64)
        assert record.get("nan_count", 0) == np.isnan(flat).sum()
        assert record.get("infinite_count", 0) == np.isinf(flat).sum()


def test_histograms_of_every_spelling() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    counts, edges = np.histogram(values, bins=10)
    density = np.histogram(values, bins=512, density=True)
    plain, by_list, by_tensor, ready, weighed, one, none = read_back(
        [
            trackd.Histogram(values),
            trackd.Histogram(values.tolist()),
            trackd.Histogram(Tensor(values)),
            trackd.Histogram(np_histogram=(counts, edges)),
            trackd.Histogram(np_histogram=density),
            trackd.Histogram([3.0] * 7, num_bins=4),
            trackd.Histogram([math.nan, math.inf, -math.inf], num_bins=2),
        ]
    )
    expected = np.histogram(values, bins=64)
    for record in (plain, by_list, by_tensor):
        assert np.array_equal(record.histogram()[0], expected[0])
        assert np.allclose(record.histogram()[1], expected[1], rtol=1e-12)
    assert (ready["counts"], ready["edges"]) == (counts.tolist(), edges.tolist())
    assert (weighed["counts"], weighed["edges"]) == (density[0].tolist(), density[1].tolist())
    assert sum(one["counts"]) == 7
    assert one["edges"][0] < 3 < one["edges"][-1]
    assert (none["counts"], none["nan_count"], none["infinite_count"]) == ([0, 0], 1, 2)


# -- tables ----------------------------------------------------------------------------------------------------------

INT64 = st.integers(-(2**63), 2**63 - 1)
PLAIN = st.none() | st.booleans() | INT64 | st.floats() | TEXTS
NESTED = st.recursive(
    st.none() | st.booleans() | INT64 | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CELLS = {
    "number": st.floats(),
    "number or none": st.floats() | st.none(),
    "integer": INT64,
    "integer or none": INT64 | st.none(),
    "bool": st.booleans(),
    "bool or none": st.booleans() | st.none(),
    "text": TEXTS,
    "text or none": TEXTS | st.none(),
    "mixed": PLAIN,
    "nested": st.lists(NESTED, max_size=3) | st.dictionaries(TEXTS, NESTED, max_size=3),
    "nested or plain": NESTED | PLAIN,
    "none": st.none(),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    """Draws names, which may repeat, and rows whose columns hold cells of one or of many types."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=6))
    row_count = draw(st.integers(0, 6))
    columns = [draw(st.lists(CELLS[kind], min_size=row_count, max_size=row_count)) for kind in kinds]
    names = draw(st.lists(TEXTS | st.just("loss"), min_size=len(kinds), max_size=len(kinds)))
    return names, [list(row) for row in zip(*columns, strict=True)]


def check_column(logged: list[Any], found: list[Any]) -> None:
    assert len(found) == len(logged)
    for cell, same in zip(logged, found, strict=True):
        assert type(same) is type(cell)
        # 1, 1.0 and True are equal, and NaN is not: their words are what they are.
        assert repr(same) == repr(cell)


@many
@given(drawn=st.lists(tables(), min_size=8, max_size=16))
def test_cells_of_every_type_read_back_as_themselves(drawn: list[tuple[list[str], list[list[Any]]]]) -> None:
    records = read_back(trackd.Table(columns=names, data=rows) for names, rows in drawn)
    for (names, rows), record in zip(drawn, records, strict=True):
        assert record.columns == names
        assert record["row_count"] == len(rows)
        found = record.rows()
        for index in range(len(names)):
            check_column([row[index] for row in rows], [row[index] for row in found])
        assert repr(record.get_column(names[0])) == repr([row[0] for row in found])


def test_the_extremes_of_a_table_read_back() -> None:
    low, high = -(2**63), 2**63 - 1
    rows: list[list[Any]] = [
        [low, low, math.nan, 1, "", "\ud800 lone", 10**30, "null", (1, (2,))],
        [high, None, -0.0, 1.0, "\0", "x", 1, "NaN", [[], {}]],
        [0, high, math.inf, True, "1", None, 2, "true", {"a": {"b": [None, 1.5]}}],
    ]
    names = [
        "integer",
        "with none",
        "float",
        "alike",
        "text",
        "surrogate",
        "beyond 64 bits",
        "words",
        "nested",
    ]
    (record,) = read_back([trackd.Table(columns=names, data=[list(row) for row in rows])])
    found = record.rows()
    assert [row[0] for row in found] == [low, high, 0]
    assert [row[1] for row in found] == [low, None, high]
    assert repr([row[2] for row in found]) == "[nan, -0.0, inf]"
    assert repr([row[3] for row in found]) == "[1, 1.0, True]"
    assert [row[4] for row in found] == ["", "\0", "1"]
    assert [row[5] for row in found] == ["\\ud800 lone", "x", None]
    assert repr([row[6] for row in found]) == "[1e+30, 1, 2]"
    assert [row[7] for row in found] == ["null", "NaN", "true"]
    assert [row[8] for row in found] == [[1, [2]], [[], {}], {"a": {"b": [None, 1.5]}}]
    assert [column["type"] for column in record["columns"]] == [
        "integer", "integer", "number", "json", "text", "text", "json", "text", "json",
    ]  # fmt: skip
    frame = record.dataframe()
    assert frame["with none"].tolist()[::2] == [low, high]
    assert frame["integer"].tolist() == [low, high, 0]


def test_tables_made_in_every_way_read_back() -> None:
    columns = trackd.Table(columns=[], data=[])
    columns.add_column("i", np.array([1, 2, 3], np.uint64))
    columns.add_column("f", np.array([0.1, np.nan, 1e-7], np.float32))
    columns.add_column("t", ["a", None, "ü"])
    grown = trackd.Table(columns=["a", "b"])
    grown.add_data(1, "x")
    grown.add_row([2, "y"])
    grown.add_column("c", [0.5, 1.5])
    grown.data[0][0] = 9
    by_columns, by_rows, by_array, unnamed, of_older, empty, nameless = read_back(
        [
            columns,
            grown,
            trackd.Table(columns=["x", "y"], data=np.arange(6).reshape(3, 2)),
            trackd.Table(data=[[1, 2]]),
            trackd.Table(["x"], rows=[[1], [None]]),
            trackd.Table(),
            trackd.Table(columns=[]),
        ]
    )
    assert by_columns.get_column("i") == [1, 2, 3]
    assert np.array_equal(
        np.array(by_columns.get_column("f"), np.float32),
        np.array([0.1, np.nan, 1e-7], np.float32),
        equal_nan=True,
    )
    assert by_columns.get_column("t") == ["a", None, "ü"]
    assert by_rows.rows() == [[9, "x", 0.5], [2, "y", 1.5]]
    assert by_array.rows() == [[0, 1], [2, 3], [4, 5]]
    assert (unnamed.columns, unnamed.rows()) == (["0", "1"], [[1, 2]])
    assert of_older.rows() == [[1], [None]]
    assert (empty.columns, empty.rows(), empty.dataframe().shape) == (
        ["Input", "Output", "Expected"],
        [],
        (0, 3),
    )
    assert (nameless.columns, nameless.rows(), nameless.dataframe().shape) == ([], [], (0, 0))
    with pytest.raises(KeyError, match="has no column 'z'"):
        by_rows.get_column("z")


def test_dataframes_read_back(tmp_path: Path) -> None:
    day = pd.Timestamp(2024, 2, 29, 12, 30)
    frame = pd.DataFrame(
        {
            "i": np.array([1, -(2**63), 2**63 - 1]),
            "u": np.array([0, 2**64 - 1, 7], np.uint64),
            "f": [0.5, math.nan, -math.inf],
            "b": [True, False, True],
            "s": ["x", None, "ü"],
            "t": [day, day, pd.NaT],
            "n": pd.array([1, None, 2**62 + 1], dtype="Int64"),
            "c": pd.Categorical(["cat", "dog", "cat"]),
            "o": [[1, 2], {"a": 1}, None],
        }
    )
    by_table, by_itself, chosen = read_back(
        [trackd.Table(dataframe=frame), frame, trackd.Table(columns=["f", "i"], dataframe=frame)]
    )
    assert by_table == by_itself
    cells = {name: by_table.get_column(name) for name in by_table.columns}
    assert list(cells) == list("iufbstnco")
    assert cells["i"] == frame["i"].tolist()
    assert cells["u"] == [0, 2**64 - 1, 7]
    assert repr(cells["f"]) == "[0.5, nan, -inf]"
    assert cells["b"] == [True, False, True]
    assert cells["s"] == ["x", None, "ü"]
    assert cells["t"] == ["2024-02-29T12:30:00", "2024-02-29T12:30:00", None]
    assert cells["n"] == [1, None, 2**62 + 1]
    assert cells["c"] == ["cat", "dog", "cat"]
    assert cells["o"] == [[1, 2], {"a": 1}, None]
    assert chosen.columns == ["f", "i"]
    back = by_table.dataframe()
    assert back["i"].dtype == np.int64
    assert back["n"].tolist() == frame["n"].tolist()
    for named_oddly in (pd.DataFrame({"dtype": [1.5]}), pd.DataFrame({"dtype": range(50_000), "shape": "x"})):
        odd = read_one(named_oddly)
        assert odd.columns == list(named_oddly.columns)
        assert odd.get_column("dtype") == named_oddly["dtype"].tolist()
    twins = pd.DataFrame([[1, 2.5]], columns=["same", "same"])
    double = read_one(twins)
    assert (double.columns, double.rows()) == (["same", "same"], [[1, 2.5]])
    assert list(double.dataframe().columns) == ["same", "same"]
    assert Path(double.download(tmp_path)).suffix == ".parquet"
    assert pd.read_parquet(double.download(tmp_path)).to_numpy().tolist() == [[1, 2.5]]


def make_figures() -> dict[str, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import plotly.graph_objects as go
    from bokeh.plotting import figure
    from matplotlib.figure import Figure

    drawn = figure(width=200, height=100)
    drawn.line([1, 2, 3], [4, 6, 5])
    lines = Figure()
    lines.subplots().plot([0, 1, 2], [5.0, 7.0, 6.0])
    return {"plotly": go.Figure(go.Scatter(x=[1, 2], y=[3, 4])), "bokeh": drawn, "matplotlib": lines}


def test_cells_of_every_record_read_back() -> None:
    pixels = noise(1, (3, 3, 3), "|u1")
    figures = make_figures()
    cells: dict[str, Any] = {
        "image": trackd.Image(pixels, caption="in a cell"),
        "html": trackd.Html("<i>x</i>"),
        "audio": trackd.Audio(np.zeros(5, np.int16), sample_rate=5),
        "video": trackd.Video(np.zeros((2, 3, 4, 4), np.uint8)),
        "object_3d": trackd.Object3D(np.eye(3)),
        "molecule": trackd.Molecule(io.BytesIO(b"x"), file_type="pdb"),
        "markdown": trackd.Markdown("*x*"),
        "histogram": trackd.Histogram([1, 2], num_bins=2),
        "table": trackd.Table(columns=["inner"], data=[[trackd.Image(pixels)]]),
        **figures,
    }
    pair = [trackd.Image(pixels, caption="first"), trackd.Image(pixels, caption="second")]
    table = trackd.Table(columns=[*cells, "list", "pil"], data=[])
    table.add_data(*cells.values(), pair, PillowImage.fromarray(pixels))
    table.add_data(*[None] * (len(cells) + 2))
    record = read_one(table)
    assert {column["type"] for column in record["columns"]} == {"record"}
    first, second = record.rows()
    assert second == [None] * (len(cells) + 2)
    found = dict(zip(record.columns, first, strict=True))
    assert [each.error for each in found.values()] == [""] * len(found)
    assert np.array_equal(found["image"].array(), pixels)
    assert found["image"].caption == "in a cell"
    assert found["html"].text() == "<i>x</i>"
    assert found["audio"].array().tolist() == [0] * 5
    assert found["video"].array().shape == (2, 4, 4, 3)
    assert np.array_equal(found["object_3d"].array(), np.eye(3))
    assert found["molecule"].read() == b"x"
    assert found["markdown"].text() == "*x*"
    assert found["histogram"]["counts"] == [1, 1]
    assert np.array_equal(found["table"].rows()[0][0].array(), pixels)
    assert found["plotly"].specification()["data"][0]["x"] == [1, 2]
    assert found["bokeh"]["language"] == "bokeh"
    assert found["matplotlib"].specification()["data"][0]["y"] == [5, 7, 6]
    assert [each.caption for each in found["list"].records] == ["first", "second"]
    assert np.array_equal(found["pil"].array(), pixels)


def test_a_column_of_records_and_words_is_json() -> None:
    record = read_one(trackd.Table(columns=["mixed"], data=[[trackd.Markdown("a")], ["b"], [None]]))
    (first,), (second,), (third,) = record.rows()
    assert (first["type"], first["text"], second, third) == ("markdown", "a", "b", None)


def test_a_table_of_two_hundred_thousand_rows_is_whole() -> None:
    count = 200_000
    table = trackd.Table(columns=[], data=[])
    table.add_column("n", np.arange(count))
    table.add_column("t", [str(index % 7) for index in range(count)])
    record = read_one(table)
    assert record["row_count"] == count
    assert record.get_column("n") == list(range(count))


# -- charts ----------------------------------------------------------------------------------------------------------


def make_table() -> trackd.Table:
    return trackd.Table(columns=["x", "y", "name"], data=[[1, 0.5, "a"], [2, 1.5, "b"], [3, 2.5, "a"]])


CHARTS: dict[str, tuple[Callable[[], Any], str, dict[str, str]]] = {
    "line": (lambda: trackd.plot.line(make_table(), "x", "y", stroke="name", title="T"), "trackd/line/v0",
             {"x": "x", "y": "y", "stroke": "name"}),
    "scatter": (lambda: trackd.plot.scatter(make_table(), "x", "y", title="T"), "trackd/scatter/v0", {"x": "x", "y": "y"}),
    "bar": (lambda: trackd.plot.bar(make_table(), "name", "y", title="T"), "trackd/bar/v0", {"label": "name", "value": "y"}),
    "histogram": (lambda: trackd.plot.histogram(make_table(), "y", title="T"), "trackd/histogram/v0", {"value": "y"}),
    "own": (lambda: trackd.plot_table("me/own", make_table(), {"value": "y"}, {"title": "T"}), "me/own", {"value": "y"}),
    "visualize": (lambda: trackd.visualize("me/preset", make_table()), "me/preset", {"x": "x", "y": "y", "name": "name"}),
}  # fmt: skip


def test_charts_read_back_with_preset_fields_texts_and_table() -> None:
    records = read_back(make() for make, _, _ in CHARTS.values())
    for record, (name, (_, preset_id, fields)) in zip(records, CHARTS.items(), strict=True):
        assert (record["language"], record["preset_id"], record["fields"]) == ("vega-lite", preset_id, fields)
        assert record.get("strings", {}) == ({} if name == "visualize" else {"title": "T"})
        assert record.rows() == [[1, 0.5, "a"], [2, 1.5, "b"], [3, 2.5, "a"]]
        assert record.specification() == {}


def test_line_series_and_curves_read_back() -> None:
    shared, own, pr, roc, matrix = read_back(
        [
            trackd.plot.line_series([0, 1], [[1, 2], [3, 4.5]], keys=["a", "b"], title="S", xname="epoch"),
            trackd.plot.line_series([[0, 1], [5]], [[1, 2], [3]]),
            trackd.plot.pr_curve([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], labels=["no", "yes"]),
            trackd.plot.roc_curve([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]),
            trackd.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 0, 1], class_names=["no", "yes"]),
        ]
    )
    assert shared["preset_id"] == "trackd/lineseries/v0"
    assert shared["strings"] == {"title": "S", "xname": "epoch"}
    rows = [dict(zip(shared.columns, row, strict=True)) for row in shared.rows()]
    assert [(row["step"], row["lineKey"], row["lineVal"]) for row in rows] == [
        (0, "a", 1.0), (1, "a", 2.0), (0, "b", 3.0), (1, "b", 4.5),
    ]  # fmt: skip
    assert own.get_column("lineKey") == ["line_0", "line_0", "line_1"]
    assert pr["preset_id"] == roc["preset_id"] == "trackd/area-under-curve/v0"
    assert set(pr.get_column("class")) == {"no", "yes"}
    assert all(0 <= value <= 1 for value in (*pr.get_column("precision"), *roc.get_column("tpr")))
    assert matrix["preset_id"] == "trackd/confusion_matrix/v1"
    assert matrix.rows() == [["no", "no", 1], ["no", "yes", 0], ["yes", "no", 1], ["yes", "yes", 1]]


def test_a_chart_of_an_own_specification_reads_back() -> None:
    specification = {
        "mark": "bar",
        "data": {"name": "table"},
        "encoding": {"x": {"field": "x"}},
        "höhe": [1, None, 2.5],
    }
    record = read_one(trackd.plot_table(specification, make_table(), {}))
    assert record.specification() == specification
    assert "preset_id" not in record
    assert record.get_column("x") == [1, 2, 3]


def test_figures_of_other_libraries_read_back(tmp_path: Path) -> None:
    figures = make_figures()
    plotly, by_class, by_dict, matplotlib, as_image, bokeh = read_back(
        [
            figures["plotly"],
            trackd.Plotly(figures["plotly"]),
            trackd.Plotly(
                {"data": [{"y": [1, math.nan, np.float32(3)]}], "layout": {"title": {"text": "ü"}}}
            ),
            figures["matplotlib"],
            trackd.Image(figures["matplotlib"]),
            figures["bokeh"],
        ]
    )
    assert plotly == by_class
    assert plotly["language"] == "plotly"
    assert plotly.specification() == json.loads(figures["plotly"].to_json())
    assert by_dict.specification() == {"data": [{"y": [1, None, 3]}], "layout": {"title": {"text": "ü"}}}
    assert matplotlib["language"] == "plotly"
    assert matplotlib.specification()["data"][0]["y"] == [5, 7, 6]
    assert as_image.array().ndim == 3
    assert bokeh.specification()["doc"]["roots"]
    assert bokeh["runtime"][0]["media_type"] == "text/javascript"
    with pytest.raises(trackd.CommError, match="no table"):
        plotly.rows()
    with pytest.raises(trackd.CommError, match="no file"):
        plotly.download(tmp_path)


# -- arrays, and records beside other values -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NUMBER_TYPES)
def test_a_large_array_is_kept_whole(dtype: str, tmp_path: Path) -> None:
    array = noise(3, (200, 200), dtype)
    record = read_one(array)
    found = record.array()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    assert (record["dtype"], record["shape"]) == (dtype, [200, 200])
    assert np.load(record.download(tmp_path)).tobytes() == array.tobytes()


def test_records_stand_in_rows_beside_other_values() -> None:
    run = trackd.init()
    run.log({"loss": 0.5, "deep": {"image": trackd.Image(np.zeros((2, 2)))}, "word": "x"})
    run.log({"loss": 0.25}, commit=False)
    run.log({"late": trackd.Markdown("same step")})
    run.log({"loss": trackd.Markdown("another kind under the same key")}, step=10)
    rows = read_rows(run)
    assert rows[0]["loss"] == 0.5
    assert rows[0]["word"] == "x"
    assert rows[0]["deep.image"].kind == "image"
    assert rows[1] == {"loss": 0.25, "late": {"type": "markdown", "text": "same step"}}
    assert rows[2]["loss"].text() == "another kind under the same key"
    stored = read_run(run)
    kinds = {(metric.name, metric.kind): metric.count for metric in stored.metrics()}
    assert kinds == {
        ("loss", "number"): 2, ("loss", "markdown"): 1, ("deep.image", "image"): 1, ("word", "string"): 1,
        ("late", "markdown"): 1,
    }  # fmt: skip
    steps, _, values = stored.series("loss", kind="markdown")
    assert steps.tolist() == [10]
    assert values[0].kind == "markdown"
    frame = stored.history(keys=["deep.image"])
    assert np.array_equal(frame["deep.image"][0].array(), np.zeros((2, 2)))


def test_a_record_read_back_says_what_it_is_not() -> None:
    (markdown,) = read_back([trackd.Markdown("x")])
    for ask, words in (
        (markdown.array, "is a markdown, which holds no array"),
        (markdown.image, "of records of kind image"),
        (markdown.masks, "of records of kind image"),
        (markdown.histogram, "of records of kind histogram"),
        (markdown.vectors, "of records of kind object_3d"),
        (markdown.rows, "of records of kind plot"),
    ):
        with pytest.raises(TypeError, match=words):
            ask()
    with pytest.raises(trackd.CommError, match="has no file"):
        markdown.read()


def test_the_same_records_are_read_while_the_run_goes_on_and_after_its_end() -> None:
    run = trackd.init()
    run.log({"image": trackd.Image(np.eye(3)), "table": make_table()})
    (before,) = read_rows(run)
    run.finish()
    (after,) = read_rows(run)
    assert before == after
    assert np.array_equal(after["image"].array(), np.eye(3) * 255)
    assert after["table"].rows() == make_table().data


def test_a_column_of_records_and_other_cells_reads_back_as_logged() -> None:
    rows: list[list[Any]] = [
        [trackd.Image(np.zeros((2, 3), np.uint8))],
        ["NaN"],
        [math.nan],
        [[1, -math.inf]],
        [None],
    ]
    (record,) = read_back([trackd.Table(columns=["c"], data=rows)])
    image, text, number, nested, nothing = (row[0] for row in record.rows())
    assert isinstance(image, StoredRecord)
    assert image.array().shape == (2, 3)
    assert text == "NaN"
    assert math.isnan(number)
    assert nested == [1, -math.inf]
    assert nothing is None


def test_a_record_among_other_values_says_where_records_stand() -> None:
    run = trackd.init()
    for value in ([3, trackd.Html("x")], [{"page": trackd.Html("x")}], {"a": [1, trackd.Html("x")]}):
        with pytest.raises(TypeError, match="or in a list of one kind"):
            run.log({"k": value})

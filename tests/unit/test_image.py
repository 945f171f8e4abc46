"""`Image`: what it takes, what it makes of pixels, and what it refuses with which words."""

import io
import pathlib
import warnings
from typing import Any

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.encoded import Array, Encoded, Tensor, raises

from trackd import _image
from trackd._image import Image
from trackd._overlays import BoundingBoxes2D, Classes, ImageMask
from trackd.v1 import values_pb2

PNG = b"\x89PNG\r\n\x1a\n"


def pixels(image: Image) -> Array:
    encoded = Encoded(image)
    return encoded.array(encoded.message.image.raw)


def content(image: Image) -> tuple[bytes, values_pb2.Payload]:
    encoded = Encoded(image)
    payload = encoded.message.image.encoded
    return encoded.bytes_of(payload), payload


def message(image: Image) -> values_pb2.Image:
    return Encoded(image).message.image


def file_of(format_name: str, size: tuple[int, int] = (3, 2)) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", size, (255, 0, 0)).save(buffer, format_name)
    return buffer.getvalue()


@given(
    st.sampled_from([(), (1,), (3,), (4,)]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(["u1", "b1", "i2", "i8", "u4", "f2", "f4", "f8"]),
)
def test_arrays_keep_their_shape_and_become_bytes(
    channels: tuple[int, ...], height: int, width: int, dtype: str
) -> None:
    array = np.arange(height * width * max(channels, default=1)).reshape(height, width, *channels) % 2
    found = pixels(Image(array.astype(dtype)))
    assert found.shape == (height, width, *channels)
    assert found.dtype == (np.bool_ if dtype == "b1" else np.uint8)
    assert np.array_equal(found, array * 255 if dtype[0] == "f" else array)
    image = Image(array.astype(dtype))
    assert (image.height, image.width, image.format) == (height, width, "png")


@pytest.mark.parametrize(
    ("given_pixels", "normalize", "expected"),
    [
        ([0.0, 0.5, 1.0], True, [0, 128, 255]),
        ([-1.0, 0.0, 1.0], True, [0, 128, 255]),
        ([-1.0, 0.0, 1.0], False, [0, 0, 255]),
        ([-5.0, 0.5, 1.0], True, [0, 128, 255]),
        ([0.0, 1.5, 300.0], True, [0, 2, 255]),
        ([-3.0, 2.0, 1e300], True, [0, 2, 255]),
    ],
)
def test_the_range_of_floats(given_pixels: list[float], normalize: bool, expected: list[int]) -> None:
    assert pixels(Image(np.array([given_pixels]), normalize=normalize)).tolist() == [expected]


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u2", "i8", "u8"])
def test_integers_are_clipped(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = [limits.min, 0, 100, limits.max]
    expected = [min(255, max(0, value)) for value in values]
    assert pixels(Image(np.array([values], dtype))).tolist() == [expected]


def test_an_array_that_changes_later_changes_nothing() -> None:
    array = np.zeros((2, 2), np.uint8)
    mask = np.zeros((2, 2), np.uint8)
    image = Image(array, masks={"m": {"mask_data": mask}})
    array[:] = 7
    mask[:] = 7
    encoded = Encoded(image)
    assert not encoded.array(encoded.message.image.raw).any()
    assert not encoded.array(encoded.message.image.masks[0].classes).any()


def test_tensors_have_their_channels_in_front() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    assert np.array_equal(pixels(Image(Tensor(array))), np.moveaxis(array, 0, -1))
    assert np.array_equal(pixels(Image(Tensor(array[0]))), array[0])
    assert np.array_equal(pixels(Image(Tensor(array[np.newaxis]))), np.moveaxis(array, 0, -1))
    batch = np.stack([np.full((1, 2, 2), index, np.uint8) for index in range(9)])
    grid = pixels(Image(Tensor(batch)))
    assert grid.shape == (4, 16, 1)
    assert grid[::2, ::2, 0].tolist() == [list(range(8)), [8] + [0] * 7]


def test_axes_of_one_are_left_out() -> None:
    assert pixels(Image(np.zeros((1, 4, 5)))).shape == (4, 5)
    assert pixels(Image(np.zeros((1, 4, 5, 3)))).shape == (4, 5, 3)
    assert pixels(Image(np.zeros((4, 5, 3, 1)))).shape == (4, 5, 3)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBa", "La", "CMYK", "YCbCr", "HSV", "LAB", "F", "PA"]
)
def test_pil_images_of_every_mode(mode: str) -> None:
    picture = PIL.Image.new("RGBA", (3, 2), (255, 0, 0, 128)) if mode in ("RGBa", "La") else None
    if picture is None:
        picture = PIL.Image.new("L", (3, 2), 1)
        picture = PIL.Image.new(mode, (3, 2)) if mode in ("LAB", "PA", "HSV") else picture.convert(mode)
    else:
        picture = picture.convert("RGBa") if mode == "RGBa" else picture.convert("LA").convert("La")
    found = pixels(Image(picture, caption="c"))
    assert found.shape[:2] == (2, 3)
    assert found.shape[2:] in ((), (3,), (4,))
    assert (found.shape[2:] == (4,)) == (mode in ("LA", "RGBA", "RGBa", "La", "PA"))


def test_a_deep_pil_image_keeps_its_bits() -> None:
    picture = PIL.Image.fromarray(np.array([[0, 1000, 65535]], np.uint16))
    data, _ = content(Image(picture))
    assert np.asarray(PIL.Image.open(io.BytesIO(data))).tolist() == [[0, 1000, 65535]]


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_file_is_kept_byte_for_byte_however_it_is_given(format_name: str, tmp_path: pathlib.Path) -> None:
    data = file_of(format_name)
    path = tmp_path / "picture.anything"
    path.write_bytes(data)
    at_end = io.BytesIO(data)
    at_end.seek(0, io.SEEK_END)
    with path.open(encoding="latin-1") as as_text, path.open("rb") as as_bytes:
        for given_file in (path, str(path), data, bytearray(data), at_end, as_text, as_bytes):
            image = Image(given_file)
            kept, payload = content(image)
            assert kept == data
            assert payload.media_type == f"image/{format_name.lower()}"
            assert payload.file_name in ("", "picture.anything")
            assert (image.width, image.height, image.format) == (3, 2, format_name.lower())


@pytest.mark.parametrize("head", [b"", b"<?xml version='1.0'?>\n", b"\xef\xbb\xbf<!-- drawn -->"])
def test_a_drawing_is_an_image_without_pixels(head: bytes) -> None:
    image = Image(head + b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert content(image)[1].media_type == "image/svg+xml"
    assert (image.width, image.height) == (None, None)


def test_a_truncated_file_is_kept() -> None:
    image = Image(PNG + b"rest")
    assert content(image)[0] == PNG + b"rest"
    assert image.width is None


def test_a_figure_is_drawn() -> None:
    figure = mpl.figure.Figure()
    axes = figure.add_subplot()
    axes.plot([1, 2])
    for drawn in (figure, axes):
        assert content(Image(drawn))[0].startswith(PNG)


def test_an_image_of_an_image_keeps_what_is_not_said_anew() -> None:
    first = Image(
        np.zeros((2, 2)), caption="a", grouping="g", masks={"m": {"mask_data": np.zeros((2, 2), int)}}
    )
    again = message(Image(first, caption="b", file_type="webp"))
    assert (again.caption, again.grouping, again.file_type, len(again.masks)) == ("b", "g", "webp", 1)
    assert message(Image(first)).caption == "a"


def test_texts_of_an_image_read_back() -> None:
    read = message(Image(np.zeros((2, 2, 3)), mode="HSV", caption=0, grouping=7, file_type="JPEG"))  # type: ignore[arg-type]
    assert (read.mode, read.caption, read.grouping, read.file_type) == ("HSV", "0", "7", "jpg")


def test_alpha_of_a_jpeg_is_dropped_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_image, "_alpha_warned", False)
    array = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    with pytest.warns(UserWarning, match="no transparency"):
        image = Image(array, file_type="jpg")
    assert np.array_equal(pixels(image), array[:, :, :3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Image(array, file_type="jpg")


def test_masks_and_classes_read_back() -> None:
    ids = np.array([[0, 1], [2, 255]])
    image = Image(
        np.zeros((2, 2)),
        classes=Classes([{"id": 1, "name": "cat"}, {"id": np.int64(2), "name": "dog"}]),
        masks={
            "prediction": {"mask_data": ids, "class_labels": {1: "cat"}},
            "float": ImageMask({"mask_data": Tensor(ids.astype(float))}),
            "file": {"path": io.BytesIO(file_of("PNG")), "class_labels": {2.0: "dog"}},
        },
    )
    encoded = Encoded(image)
    read = encoded.message.image
    assert dict(read.class_names) == {1: "cat", 2: "dog"}
    assert [mask.name for mask in read.masks] == ["prediction", "float", "file"]
    assert dict(read.masks[0].class_names) == {1: "cat"}
    for mask in read.masks[:2]:
        assert np.array_equal(encoded.array(mask.classes), ids)
        assert mask.classes.dtype == "|u1"
    assert encoded.bytes_of(read.masks[2].encoded).startswith(PNG)
    assert dict(read.masks[2].class_names) == {2: "dog"}


def test_boxes_read_back() -> None:
    boxes: dict[str, Any] = {
        "box_data": [
            {
                "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
                "class_id": 3,
                "scores": {"confidence": np.float32(0.5), "nan": float("nan")},
                "box_caption": "cat",
            },
            {"position": {"middle": (10, 20), "width": 4, "height": 8}, "domain": "pixel"},
        ],
        "class_labels": {3: "cat"},
    }
    for given_boxes in (boxes, BoundingBoxes2D(boxes, "prediction")):
        read = message(Image(np.zeros((2, 2)), boxes={"prediction": given_boxes})).boxes[0]
        first, second = read.boxes
        assert (first.x_min, first.x_max, first.y_min, first.y_max) == (0.1, 0.2, 0.3, 0.4)
        assert (first.pixels, first.class_id, first.caption, first.scores["confidence"]) == (
            False,
            3,
            "cat",
            0.5,
        )
        assert (second.x_min, second.x_max, second.y_min, second.y_max, second.pixels) == (
            8,
            12,
            16,
            24,
            True,
        )
        assert dict(read.class_names) == {3: "cat"}


@pytest.mark.parametrize(
    ("error", "words", "data"),
    [
        (ValueError, "(4, 5, 2)|1, 3 or 4 channels", np.zeros((4, 5, 2))),
        (ValueError, "(3, 4, 5)|moveaxis", np.zeros((3, 4, 5))),
        (ValueError, "(5,)|(height, width)", np.zeros(5)),
        (ValueError, "(2, 4, 5, 3)|list of images", np.zeros((2, 4, 5, 3))),
        (ValueError, "(2, 2, 2, 2, 2)|(height, width)", np.zeros((2, 2, 2, 2, 2))),
        (ValueError, "(0, 5)|empty", np.zeros((0, 5))),
        (ValueError, "2 of 4 pixels|NaN", np.array([[0.0, np.nan], [np.inf, 1.0]])),
        (TypeError, "complex128", np.zeros((2, 2), complex)),
        (TypeError, "<U1|integers or floats", np.array([["a"]])),
        (TypeError, "dict|array", {}),
        (TypeError, "NoneType|array", None),
        (FileNotFoundError, "no file|missing.png", "missing.png"),
        (ValueError, "address|download", "https://example.org/a.png"),
        (ValueError, "empty|0 bytes", b""),
        (ValueError, "bytes|no image|png", b"hello"),
        (ValueError, "BytesIO|a TIFF|Pillow", io.BytesIO(b"II*\x00....")),
        (ValueError, "no image", b"<html><svg/></html>"),
    ],
)
def test_data_that_are_no_image_say_why(error: type[Exception], words: str, data: Any) -> None:
    raises(error, words, lambda: Image(data))


def test_an_empty_file_says_so(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    raises(ValueError, "empty.png|0 bytes", lambda: Image(path))
    raises(ValueError, "no file", lambda: Image(tmp_path))


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "file_type|'tiff'|png, jpg", {"file_type": "tiff"}),
        (ValueError, "mode|'RGB'|1 channels|L", {"mode": "RGB"}),
        (TypeError, "masks|list", {"masks": []}),
        (TypeError, "mask 'm'|mask_data or path", {"masks": {"m": {}}}),
        (
            ValueError,
            "'m'|(2, 2, 1)|(height, width)",
            {"masks": {"m": {"mask_data": np.zeros((2, 2, 1), int)}}},
        ),
        (ValueError, "'m'|0 to 256|0 to 255", {"masks": {"m": {"mask_data": np.array([[0, 256]])}}}),
        (ValueError, "'m'|-1 to 0", {"masks": {"m": {"mask_data": np.array([[0, -1]])}}}),
        (ValueError, "'m'|nan", {"masks": {"m": {"mask_data": np.array([[np.nan, 1]])}}}),
        (TypeError, "'m'|fractions", {"masks": {"m": {"mask_data": np.array([[0.5, 1]])}}}),
        (ValueError, "'m'|empty", {"masks": {"m": {"mask_data": np.zeros((0, 2), int)}}}),
        (TypeError, "'m'|<U4", {"masks": {"m": {"mask_data": "text"}}}),
        (ValueError, "'m'|3 x 2|2 x 2|size", {"masks": {"m": {"mask_data": np.zeros((2, 3), int)}}}),
        (
            TypeError,
            "class_labels|list",
            {"masks": {"m": {"mask_data": np.zeros((2, 2)), "class_labels": ["a"]}}},
        ),
        (
            TypeError,
            "'1'|integer",
            {"masks": {"m": {"mask_data": np.zeros((2, 2)), "class_labels": {"1": "a"}}}},
        ),
        (
            TypeError,
            "class 1|text",
            {"masks": {"m": {"mask_data": np.zeros((2, 2)), "class_labels": {1: 2}}}},
        ),
        (TypeError, "entry 0|id", {"classes": [{"id": 1}]}),
        (TypeError, "entry 1|'x'|integer", {"classes": [{"id": 1, "name": "a"}, {"id": "x", "name": "b"}]}),
        (TypeError, "boxes 'b'|box_data", {"boxes": {"b": {}}}),
        (TypeError, "box 0|position", {"boxes": {"b": {"box_data": [{}]}}}),
    ],
)
def test_arguments_that_are_wrong_say_why(
    error: type[Exception], words: str, arguments: dict[str, Any]
) -> None:
    raises(error, words, lambda: Image(np.zeros((2, 2)), **arguments))


@pytest.mark.parametrize(
    ("error", "words", "changes"),
    [
        (ValueError, "maxX|missing", {"position": {"minX": 0}}),
        (ValueError, "minX|nan|finite", {"position": {"minX": np.nan, "maxX": 1, "minY": 0, "maxY": 1}}),
        (TypeError, "minY|'0'|number", {"position": {"minX": 0, "maxX": 1, "minY": "0", "maxY": 1}}),
        (TypeError, "middle|[x, y]", {"position": {"middle": 5, "width": 1, "height": 1}}),
        (ValueError, "height|missing", {"position": {"middle": [1, 1], "width": 1}}),
        (ValueError, "domain|'mm'|pixel", {"domain": "mm"}),
        (TypeError, "class_id|'cat'|integer", {"class_id": "cat"}),
        (TypeError, "class_id|True", {"class_id": True}),
        (TypeError, "scores|list|dict", {"scores": [0.5]}),
        (TypeError, "score 'a'|'high'|number", {"scores": {"a": "high"}}),
        (TypeError, "box_caption|int|text", {"box_caption": 5}),
    ],
)
def test_a_wrong_box_is_named_with_its_field(
    error: type[Exception], words: str, changes: dict[str, Any]
) -> None:
    right: dict[str, Any] = {"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}}
    boxes = {"b": {"box_data": [right, {**right, **changes}]}}
    raises(error, words + "|box 1 of boxes 'b'", lambda: Image(np.zeros((2, 2)), boxes=boxes))


def test_a_mask_must_have_the_size_of_a_file_too() -> None:
    masks = {"m": {"mask_data": np.zeros((3, 3), int)}}
    raises(ValueError, "3 x 3|3 x 2", lambda: Image(file_of("PNG"), masks=masks))

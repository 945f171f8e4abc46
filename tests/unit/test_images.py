import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from trackd_service import images
from trackd_service.arrays import AnyArray, RecordInvalid

SIDES = st.integers(1, 12)
SHAPES: st.SearchStrategy[tuple[int, ...]] = st.tuples(SIDES, SIDES) | st.tuples(
    SIDES, SIDES, st.sampled_from([1, 3, 4])
)
INTEGERS = st.sampled_from(["|u1", "|b1", "<i8", "<u2"]).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype), SHAPES, elements=None if dtype == "|b1" else st.integers(0, 255)
    )
)


def decode(data: bytes) -> AnyArray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def squeezed(pixels: AnyArray) -> AnyArray:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def photo(height: int = 40, width: int = 60) -> AnyArray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, (x + y) * 2], -1).astype(np.uint8)


def file_of(data: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def png_of_size(width: int, height: int) -> bytes:
    """Returns a PNG whose header says a size and which has next to no pixels: a decompression bomb."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@settings(deadline=None)
@given(INTEGERS, st.sampled_from(["", "png", "PNG", "webp", "bmp"]))
def test_pixels_of_a_lossless_file_are_those_logged(pixels: AnyArray, file_type: str) -> None:
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    if has_alpha and file_type == "bmp":
        return
    picture = images.encode(pixels, file_type)
    expected = pixels.astype(np.uint8) * np.uint8(255 if pixels.dtype == np.bool_ else 1)
    found = decode(picture.data)
    if file_type == "webp" and found.ndim == 3 and squeezed(pixels).ndim == 2:
        found = found[..., 0]  # WebP has no grey
    if (
        file_type == "webp" and has_alpha and found.shape[2] == 3
    ):  # nor keeps an alpha channel that hides nothing
        assert (expected[..., 3] == 255).all()
        expected = expected[..., :3]
    assert found.tolist() == squeezed(expected).tolist()
    assert (picture.height, picture.width) == pixels.shape[:2]
    assert picture.warning == ""


@settings(deadline=None)
@given(hnp.arrays(np.uint8, SHAPES), st.sampled_from(["<f2", "<f4", "<f8"]))
def test_floats_of_zero_to_one_are_the_levels_that_they_were(levels: AnyArray, dtype: str) -> None:
    picture = images.encode((levels / 255).astype(dtype))
    assert decode(picture.data).tolist() == squeezed(levels).tolist()
    assert picture.warning == ""


@pytest.mark.parametrize("file_type", ["png", "jpg", "jpeg", "webp", "bmp"])
def test_same_pixels_make_the_same_bytes(file_type: str) -> None:
    assert images.encode(photo(), file_type) == images.encode(photo().copy(order="F"), file_type)


def test_jpeg_is_close_and_without_alpha() -> None:
    pixels = np.dstack([photo(), np.full((40, 60), 7, np.uint8)])
    picture = images.encode(pixels, "jpg")
    assert picture.media_type == "image/jpeg"
    assert np.abs(decode(picture.data).astype(int) - photo()).mean() < 2
    assert "alpha channel is left out" in picture.warning


def test_colour_mode_is_honoured_where_it_fits() -> None:
    hsv = np.full((2, 2, 3), [85, 255, 255], np.uint8)
    assert decode(images.encode(hsv, mode="HSV").data)[0, 0].tolist() == [0, 255, 0]
    cmyk = np.full((2, 2, 4), [0, 255, 255, 0], np.uint8)
    assert decode(images.encode(cmyk, mode="CMYK").data)[0, 0].tolist() == [255, 0, 0]
    bits = images.encode(np.array([[0, 127, 128, 255]], np.uint8), mode="1")
    assert decode(bits.data).tolist() == [[False, False, True, True]]
    odd = images.encode(photo(), mode="L")
    assert "'L' does not fit 3 channels" in odd.warning
    assert decode(odd.data).tolist() == photo().tolist()


def test_pixels_out_of_range_are_clipped_and_said() -> None:
    picture = images.encode(np.array([[-1.0, 0.5, 3.0, np.nan, np.inf]]))
    assert decode(picture.data).tolist() == [[0, 128, 255, 0, 255]]
    assert "reach from -1 to inf" in picture.warning
    assert "1 values are NaN" in picture.warning
    whole = images.encode(np.array([[-5, 300]]))
    assert decode(whole.data).tolist() == [[0, 255]]
    assert "-5 to 300" in whole.warning


@pytest.mark.parametrize(
    ("shape", "file_type", "sentence"),
    [
        ((2, 2, 2), "png", "2 channels"),
        ((2,), "png", "shape 2;"),
        ((0, 4), "png", "shape 0x4"),
        ((2, 2, 2, 3), "png", "2x2x2x3"),
        ((2, 2), "tiff", "'tiff'; it can be png"),
        ((2, 16_384), "webp", "log it as png"),
    ],
)
def test_what_is_no_image_is_refused(shape: tuple[int, ...], file_type: str, sentence: str) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        images.encode(np.zeros(shape, np.uint8), file_type)


@pytest.mark.parametrize(
    ("format_name", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp"), ("BMP", "image/bmp")],
)  # fmt: skip
def test_encoded_file_says_what_it_is(tmp_path: Path, format_name: str, media_type: str) -> None:
    sink = io.BytesIO()
    Image.fromarray(photo()).save(sink, format_name)
    whole = sink.getvalue()
    assert images.inspect(file_of(whole, tmp_path)) == images.Inspection(media_type, 60, 40)
    cut = images.inspect(file_of(whole[: len(whole) // 2], tmp_path))
    assert cut.warning
    assert cut.media_type in (media_type, "")


def test_truncated_jpeg_keeps_its_size_and_is_said(tmp_path: Path) -> None:
    sink = io.BytesIO()
    Image.fromarray(photo(400, 600)).save(sink, "JPEG")
    found = images.inspect(file_of(sink.getvalue()[:-500], tmp_path))
    assert found == images.Inspection("image/jpeg", 600, 400, "the image file is cut off or damaged")


@pytest.mark.parametrize("side", [20_000, 60_000, 2_000_000_000])
def test_header_of_too_many_pixels_is_never_decoded(tmp_path: Path, side: int) -> None:
    found = images.inspect(file_of(png_of_size(side, side), tmp_path))
    assert (found.media_type, found.width, found.height) == ("image/png", side, side)
    assert "more than the 178000000" in found.warning


@pytest.mark.parametrize("content", [b"", b"no image", b"II*\x00" + bytes(100), b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_foreign_file_is_read_by_no_other_decoder(tmp_path: Path, content: bytes) -> None:
    found = images.inspect(file_of(content, tmp_path))
    assert found.media_type == ""
    assert "cannot be read as a PNG" in found.warning


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_damaged_file_never_raises(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    sink = io.BytesIO()
    Image.fromarray(photo(8, 8)).save(sink, "PNG")
    data = sink.getvalue()
    path = file_of(data[:place] + noise + data[place + len(noise) :], tmp_path_factory.getbasetemp())
    images.inspect(path)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20.4px"/>', (30, 20)),
        ("<?xml version='1.0'?>\n<!-- <svg> --><!DOCTYPE svg>\n<svg viewBox='0 0 7 8'></svg>", (7, 8)),
        ("\ufeff<svg width='100%' height='4'></svg>", (None, None)),
    ],
)
def test_svg_is_kept_and_its_size_read(
    tmp_path: Path, text: str, size: tuple[int | None, int | None]
) -> None:
    found = images.inspect(file_of(text.encode(), tmp_path))
    assert (found.media_type, (found.width, found.height)) == ("image/svg+xml", size)


@settings(deadline=None)
@given(
    st.sampled_from(["|u1", "|b1", "<i8", "<u2"]).flatmap(
        lambda dtype: hnp.arrays(
            np.dtype(dtype),
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
            elements=None if dtype == "|b1" else st.integers(0, 255),
        )
    )
)
def test_mask_is_a_grey_png_of_its_class_ids(classes: AnyArray) -> None:
    data = images.encode_mask(classes)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        assert np.asarray(image).tolist() == classes.astype(int).tolist()
    assert images.read_mask(data).tolist() == classes.astype(int).tolist()


def test_mask_file_is_read_by_palette_index_or_grey_level() -> None:
    ids = np.array([[0, 3], [7, 255]], np.uint8)
    palette = Image.fromarray(ids)
    palette.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    for image in (palette, Image.fromarray(np.dstack([ids] * 3)), Image.fromarray(ids.astype(np.uint16))):
        sink = io.BytesIO()
        image.save(sink, "PNG")
        assert images.read_mask(sink.getvalue()).tolist() == ids.tolist()
    sink = io.BytesIO()
    Image.fromarray(photo()).save(sink, "PNG")
    with pytest.raises(RecordInvalid, match="40x60x3"):
        images.read_mask(sink.getvalue())
    with pytest.raises(RecordInvalid, match="cannot be read"):
        images.read_mask(b"no image")


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (np.zeros((2, 2, 3), np.uint8), "2x2x3"),
        (np.zeros((2, 2)), "float64"),
        (np.array([[-1, 256]]), "from -1 to 256"),
    ],
)
def test_what_is_no_mask_is_refused(classes: AnyArray, sentence: str) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        images.encode_mask(classes)


def test_ids_without_a_name_are_named_up_to_five() -> None:
    ids = np.array([1, 2, 2, 3, 4, 5, 6, 7])
    assert images.unnamed(ids, {1: "a", 2: "b"}) == "3, 4, 5, 6, 7"
    assert images.unnamed(ids, {1: "a"}) == "2, 3, 4, 5, 6, …"
    assert images.unnamed(ids[:1], {1: "a"}) == ""

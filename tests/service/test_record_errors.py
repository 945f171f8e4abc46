"""Owns the tests of bad records: the person's mistake is a sentence at the call, foreign content a mark on the record.

Invariants: whatever is logged, the other values of the row are kept, the run goes on and finishes, and the daemon stays up
and small.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image as PillowImage
from tests.service.reading import get_daemon, state
from tests.service.recording import Tensor, read_back, read_one, read_rows, read_run

import trackd
from trackd import _record, _video

pytestmark = pytest.mark.usefixtures("project")

# The daemon idles at 60 MB (promises) and is lent some for what it serves; a helper process encodes.
DAEMON_BYTES_MAX = 200 << 20
GIB = 1 << 30


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """Returns a PNG whose header says any size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def encoded(file_format: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    PillowImage.fromarray(pixels).save(sink, file_format, **options)
    return sink.getvalue()


def table() -> trackd.Table:
    return trackd.Table(columns=["x", "y"], data=[[1, 2]])


EYE = np.eye(4)
CORNERS = np.zeros((8, 3))
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # Images.
    "image of one axis": (lambda: trackd.Image(np.zeros(5)), ValueError, r"the shape is \(5,\)"),
    "image of 2 channels": (lambda: trackd.Image(np.zeros((4, 4, 2))), ValueError, "1, 3 or 4 channels"),
    "image of 5 axes": (lambda: trackd.Image(np.zeros((2, 2, 2, 2, 3))), ValueError, "the shape is"),
    "image with channels in front": (lambda: trackd.Image(np.zeros((3, 9, 9))), ValueError, "moveaxis"),
    "batch of images": (lambda: trackd.Image(np.zeros((5, 9, 9, 3))), ValueError, "list of images"),
    "image of nothing": (lambda: trackd.Image(np.zeros((0, 4, 3))), ValueError, "empty"),
    "image of NaN": (lambda: trackd.Image(np.where(EYE > 0, math.nan, 0)), ValueError, "4 of 16 pixels are NaN"),
    "image of infinities": (lambda: trackd.Image(np.full((2, 2), math.inf)), ValueError, "NaN or infinite"),
    "image of complex numbers": (lambda: trackd.Image(EYE * 1j), TypeError, "holds complex128"),
    "image of texts": (lambda: trackd.Image(np.array([["a"]])), TypeError, "it can hold bool, integers or floats"),
    "image of objects": (lambda: trackd.Image(np.array([[object()]])), TypeError, "holds object"),
    "image of dates": (lambda: trackd.Image(np.zeros((2, 2), "M8[s]")), TypeError, "holds datetime64"),
    "image of ragged lists": (lambda: trackd.Image([[1, 2], [3]]), TypeError, "is no array"),
    "image of None": (lambda: trackd.Image(None), TypeError, "Image"),
    "image of a dict": (lambda: trackd.Image({"a": 1}), TypeError, "Image"),
    "image of another mode": (lambda: trackd.Image(EYE, mode="RGB"), ValueError, "mode is 'RGB' and the array"),
    "image of an unknown type": (lambda: trackd.Image(EYE, file_type="tiff"), ValueError, "file_type is 'tiff'"),
    "image bytes that are none": (lambda: trackd.Image(b"hello"), ValueError, "is no image"),
    "image bytes of none": (lambda: trackd.Image(b""), ValueError, r"0 bytes"),
    "image of a TIFF": (lambda: trackd.Image(encoded("TIFF")), ValueError, "is a TIFF"),
    "image of a pickle": (lambda: trackd.Image(pickle.dumps(EYE)), ValueError, "is no image"),
    "image at an address": (lambda: trackd.Image("https://example.org/a.png"), ValueError, "is an address"),
    "image that is not there": (lambda: trackd.Image("nowhere.png"), FileNotFoundError, "nowhere.png"),
    "image of a folder": (lambda: trackd.Image("/"), ValueError, "is no file"),
    # What lies over them.
    "mask of another size": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": np.zeros((2, 3))}}), ValueError, "mask 'm' has 3 x 2 pixels"),
    "mask of 256 classes": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": EYE * 256}}), ValueError, "class ids are integers of 0 to 255"),
    "mask of negative classes": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": -EYE}}), ValueError, "class ids are integers of 0 to 255"),
    "mask of NaN": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": EYE * math.nan}}), ValueError, "class ids are integers"),
    "mask of fractions": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": EYE / 2}}), TypeError, "holds fractions"),
    "mask of objects": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": np.array([[object()]])}}), TypeError, "holds object"),
    "mask of three axes": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": np.zeros((4, 4, 3))}}), ValueError, "it is"),
    "mask of nothing": (lambda: trackd.Image(EYE, masks={"m": {}}), TypeError, "mask 'm'"),
    "masks in a list": (lambda: trackd.Image(EYE, masks=[{}]), TypeError, "masks is a list"),  # type: ignore[arg-type]
    "names of classes by text": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": EYE, "class_labels": {"a": "b"}}}), TypeError, "class id 'a'"),
    "names of classes that are numbers": (
        lambda: trackd.Image(EYE, masks={"m": {"mask_data": EYE, "class_labels": {1: 2}}}), TypeError, "name of class 1"),
    "classes without an id": (lambda: trackd.Classes([{"name": "x"}]), TypeError, "entry 0"),
    "box without an edge": (
        lambda: trackd.Image(EYE, boxes={"b": {"box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0}}]}}),
        ValueError, "maxY of box 0"),
    "box of NaN": (
        lambda: trackd.Image(
            EYE, boxes={"b": {"box_data": [{"position": dict.fromkeys(("minX", "maxX", "minY", "maxY"), math.nan)}]}}),
        ValueError, "finite"),
    "box of texts": (
        lambda: trackd.Image(
            EYE, boxes={"b": {"box_data": [{"position": dict.fromkeys(("minX", "maxX", "minY", "maxY"), "1")}]}}),
        TypeError, "is a number"),
    "box of an unknown domain": (
        lambda: trackd.Image(EYE, boxes={"b": {"box_data": [{
            "position": dict.fromkeys(("minX", "maxX", "minY", "maxY"), 1), "domain": "cm"}]}}),
        ValueError, "domain of box 0"),
    "box of a class by name": (
        lambda: trackd.Image(EYE, boxes={"b": {"box_data": [{
            "position": dict.fromkeys(("minX", "maxX", "minY", "maxY"), 1), "class_id": "cat"}]}}),
        TypeError, "class_id of box 0"),
    "boxes of nothing": (lambda: trackd.Image(EYE, boxes={"b": {}}), TypeError, "box_data"),
    # Videos and sounds.
    "video of three axes": (lambda: trackd.Video(np.zeros((4, 4, 3))), ValueError, r"\(time, channel, height, width\)"),
    "video with channels behind": (lambda: trackd.Video(np.zeros((4, 9, 9, 3))), ValueError, "moveaxis"),
    "video of 2 channels": (lambda: trackd.Video(np.zeros((4, 2, 9, 9))), ValueError, "1, 3 or 4 channels"),
    "video of no frames": (lambda: trackd.Video(np.zeros((0, 3, 9, 9))), ValueError, "at least one frame"),
    "video of NaN": (lambda: trackd.Video(np.full((1, 1, 2, 2), math.nan)), ValueError, "NaN or infinite"),
    "video of an unknown format": (lambda: trackd.Video(np.zeros((1, 3, 2, 2)), format="avi"), ValueError, "mp4, webm"),
    "video of no speed": (lambda: trackd.Video(np.zeros((1, 3, 2, 2)), fps=0), ValueError, "fps is 0; it can be"),
    "video of backward speed": (lambda: trackd.Video(np.zeros((1, 3, 2, 2)), fps=-4), ValueError, "fps is -4; it can be"),
    "video of NaN speed": (lambda: trackd.Video(np.zeros((1, 3, 2, 2)), fps=math.nan), ValueError, "fps is nan; it can be"),
    "video bytes that are none": (lambda: trackd.Video(b"hello"), ValueError, "Video"),
    "video that is not there": (lambda: trackd.Video("nowhere.mp4"), FileNotFoundError, "nowhere.mp4"),
    "audio without a rate": (lambda: trackd.Audio(np.zeros(4)), ValueError, "sample_rate"),
    "audio of no rate": (lambda: trackd.Audio(np.zeros(4), sample_rate=0), ValueError, "sample_rate is 0"),
    "audio of half a rate": (lambda: trackd.Audio(np.zeros(4), sample_rate=0.5), TypeError, "whole number"),  # type: ignore[arg-type]
    "audio of three axes": (lambda: trackd.Audio(np.zeros((4, 2, 2)), sample_rate=8), ValueError, "the shape is"),
    "audio of no samples": (lambda: trackd.Audio([], sample_rate=8), ValueError, "at least one sample"),
    "audio of NaN": (lambda: trackd.Audio([0.0, math.nan], sample_rate=8), ValueError, "1 of 2 samples are NaN"),
    "audio of truth values": (lambda: trackd.Audio([True], sample_rate=8), TypeError, "truth values"),
    "audio of wide integers": (lambda: trackd.Audio(np.array([2**40]), sample_rate=8), ValueError, "at most 32 bits"),
    "audio bytes that are none": (lambda: trackd.Audio(b"hello"), ValueError, "Audio"),
    # 3D objects, molecules, pages.
    "points of 5 numbers": (lambda: trackd.Object3D(np.zeros((3, 5))), ValueError, r"\(n, 3\), \(n, 4\)"),
    "points of none": (lambda: trackd.Object3D(np.zeros((0, 3))), ValueError, "no points"),
    "points of objects": (lambda: trackd.Object3D(np.array([[None] * 3])), TypeError, "points"),
    "scene of nothing": (lambda: trackd.Object3D({}), ValueError, "empty"),
    "scene of something else": (lambda: trackd.Object3D({"meshes": []}), ValueError, "no 'meshes'"),
    "scene with a box of 7 corners": (
        lambda: trackd.Object3D({"boxes": [{"corners": np.zeros((7, 3))}]}), ValueError, r"\(8, 3\)"),
    "scene with a box of a score by name": (
        lambda: trackd.Object3D({"boxes": [{"corners": CORNERS, "score": "high"}]}), TypeError, "score of box 0"),
    "scene with a box of a colour by name": (
        lambda: trackd.Object3D({"boxes": [{"corners": CORNERS, "color": "red"}]}), TypeError, "color of box 0"),
    "scene with a vector without an end": (
        lambda: trackd.Object3D({"vectors": [{"start": [0, 0, 0]}]}), TypeError, "vector 0"),
    "vectors of two axes": (lambda: trackd.Object3D({"vectors": np.zeros((2, 3))}), ValueError, r"\(n, 2, 3\)"),
    "box turned by nothing": (
        lambda: trackd.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(0, 0, 0, 0)), ValueError, "not zero"),
    "model of an unknown type": (lambda: trackd.Object3D(io.BytesIO(b"x"), file_type="fbx"), ValueError, "obj, gltf, glb"),
    "molecule of an unknown type": (lambda: trackd.Molecule(io.BytesIO(b"x"), file_type="doc"), ValueError, "pdb"),
    "molecule without a type": (lambda: trackd.Molecule(io.BytesIO(b"x")), ValueError, "pdb"),
    "molecule of a number": (lambda: trackd.Molecule(5), TypeError, "path or an open file"),
    "html of a number": (lambda: trackd.Html(5), TypeError, "data is a int"),
    "html that is not there": (lambda: trackd.Html("nowhere.html"), FileNotFoundError, "nowhere.html"),
    "markdown of a number": (lambda: trackd.Markdown(5), TypeError, "text is a int"),  # type: ignore[arg-type]
    # Histograms.
    "histogram of 513 bins": (lambda: trackd.Histogram([1], num_bins=513), ValueError, "513 bins; the limit is 512"),
    "histogram of no bins": (lambda: trackd.Histogram([1], num_bins=0), ValueError, "0 bins"),
    "histogram of half a bin": (lambda: trackd.Histogram([1], num_bins=0.5), TypeError, "num_bins"),  # type: ignore[arg-type]
    "histogram of nothing": (trackd.Histogram, TypeError, "neither"),
    "histogram of both": (lambda: trackd.Histogram([1], np_histogram=([1], [0, 1])), TypeError, "both"),
    "histogram of texts": (lambda: trackd.Histogram(["a"]), TypeError, "Histogram"),
    "histogram of ragged lists": (lambda: trackd.Histogram([[1], [1, 2]]), TypeError, "Histogram"),
    "histogram of objects": (lambda: trackd.Histogram(np.array([None, 1])), TypeError, "holds object"),
    "histogram of unequal lengths": (lambda: trackd.Histogram(np_histogram=([1, 2], [0, 1])), ValueError, "2 counts and 2"),
    "histogram of falling edges": (lambda: trackd.Histogram(np_histogram=([1, 2], [0, 2, 1])), ValueError, "ascending"),
    "histogram of NaN counts": (lambda: trackd.Histogram(np_histogram=([math.nan], [0, 1])), ValueError, "not finite"),
    "histogram of 513 ready bins": (
        lambda: trackd.Histogram(np_histogram=np.histogram([1.0], bins=513)), ValueError, "513 bins"),
    # Tables and charts.
    "row of another length": (lambda: trackd.Table(columns=["a", "b"], data=[[1, 2], [3]]), ValueError, "row 1 has 1 cells"),
    "added row of another length": (lambda: table().add_data(1, 2, 3), ValueError, "row 1 has 3 cells"),
    "column of another length": (lambda: table().add_column("z", [1, 2]), ValueError, "2 cells and the table has 1 rows"),
    "cell that is no value": (lambda: trackd.Table(columns=["a"], data=[[object()]]), TypeError, "'a' is a builtins.object"),
    "rows of numbers": (lambda: trackd.Table(data=[1, 2]), TypeError, "row 0 is a int"),
    "columns in a text": (lambda: trackd.Table(columns="ab"), TypeError, "list of names"),
    "rows given twice": (lambda: trackd.Table(data=[[1]], rows=[[1]]), ValueError, "given together"),
    "chart of a column that is not there": (lambda: trackd.plot.line(table(), "x", "z"), ValueError, "column 'z'"),
    "chart of words": (
        lambda: trackd.plot.line(trackd.Table(columns=["x", "y"], data=[["a", 1]]), "x", "y"), TypeError, "can hold numbers"),
    "chart of no table": (lambda: trackd.plot.bar([[1, 2]], "a", "b"), TypeError, "trackd.Table"),  # type: ignore[arg-type]
    "lines of unequal lengths": (
        lambda: trackd.plot.line_series([0, 1, 2], [[1, 2]], keys=["a"]), ValueError, "line 'a' has 3 x and 2 y values"),
    "lines of too few x": (
        lambda: trackd.plot.line_series([[0], [1]], [[1], [2], [3]]), ValueError, "xs has 2 lists and ys has 3"),
    "lines of too few names": (
        lambda: trackd.plot.line_series([0], [[1], [2]], keys=["a"]), ValueError, "1 names and there are 2 lines"),
    "curve of unequal lengths": (
        lambda: trackd.plot.pr_curve([0, 1, 1], [[0.5, 0.5]] * 2), ValueError, "pr_curve"),
    "curve of NaN": (lambda: trackd.plot.roc_curve([0, 1], [0.5, math.nan]), ValueError, "roc_curve"),
    "matrix of unequal lengths": (
        lambda: trackd.plot.confusion_matrix(y_true=[0, 1], preds=[0]), ValueError, "confusion_matrix"),
    "preset without a name": (lambda: trackd.plot_table("", table(), {}), ValueError, "1 to 128"),
    "preset that is no JSON": (lambda: trackd.plot_table({"a": object()}, table(), {}), TypeError, "is no JSON"),
    "figure that is none": (lambda: trackd.Plotly(5), TypeError, "Plotly figure"),
    "bokeh that is none": (lambda: trackd.Bokeh(5), TypeError, "Bokeh model"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_where_it_is_made(name: str) -> None:
    make, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words) as caught:
        make()
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "make",
    [trackd.Image, trackd.Video, trackd.Audio, trackd.Object3D, trackd.Molecule, trackd.Html],
    ids=lambda make: make.__name__,
)
def test_files_that_are_empty_or_over_a_gigabyte_or_of_another_type_are_refused(
    make: Any, tmp_path: Path
) -> None:
    ending = {
        trackd.Image: "png", trackd.Video: "mp4", trackd.Audio: "wav", trackd.Object3D: "obj", trackd.Molecule: "pdb",
        trackd.Html: "html",
    }[make]  # fmt: skip
    path = tmp_path / f"empty.{ending}"
    path.touch()
    with pytest.raises(ValueError, match="0 bytes"):
        make(str(path))
    os.truncate(path, GIB + 1)  # a hole, which takes no space
    with pytest.raises(ValueError, match=f"{GIB + 1} bytes; the limit is {GIB}"):
        make(path)
    other = tmp_path / "file.xyz1"
    other.write_bytes(b"something else")
    with pytest.raises(ValueError, match=make.__name__):
        make(other)


UNLOGGABLE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "records of several kinds": (
        lambda: [trackd.Markdown("a"), trackd.Html("b")], TypeError, "records of several kinds, markdown, html"),
    "records and numbers": (lambda: [trackd.Markdown("a"), 1], TypeError, "at place 1 a int"),
    "numbers and records": (lambda: [1, trackd.Markdown("a")], TypeError, "cannot be logged"),
    "records in lists": (lambda: [[trackd.Markdown("a")]], TypeError, "cannot be logged"),
    "an array of objects": (lambda: np.array([object(), None]), TypeError, "cannot be logged"),
    "a pickled object": (lambda: object(), TypeError, "builtins.object"),  # noqa: PLW0108 - a fresh one
    "a table that was broken after it was made": (lambda: _broken(table()), ValueError, "row 0 has 3 cells"),
    "pyplot without a figure": (lambda: _pyplot(), ValueError, "figure"),  # noqa: PLW0108 - defined below
}  # fmt: skip


def _pyplot() -> Any:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    plt.close("all")
    return plt


def _broken(broken: trackd.Table) -> trackd.Table:
    broken.data[0].append(3)
    return broken


def test_what_cannot_be_logged_names_its_key_and_the_rest_of_the_row_is_kept(project: str) -> None:
    run = trackd.init()
    for number, (make, kind, words) in enumerate(UNLOGGABLE.values()):
        with pytest.raises(kind, match=words) as caught:
            run.log(
                {"before": number, "bad": make(), "page": trackd.Markdown(str(number)), "after": number / 2}
            )
        assert "'bad'" in str(caught.value)
        assert type(caught.value) in (TypeError, ValueError)
    rows = read_rows(run)
    assert [(row["before"], row["page"].text(), row["after"]) for row in rows] == [
        (number, str(number), number / 2) for number in range(len(UNLOGGABLE))
    ]
    assert not any("bad" in row for row in rows)
    run.finish()
    assert state(run.id, project) == "finished"


def test_a_gigabyte_in_a_record_is_refused_where_it_is_made_or_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_record, "PAYLOAD_BYTES_MAX", 1 << 20)  # the rule, without a gigabyte
    run = trackd.init()
    large = np.zeros((1025, 1024), np.uint8)
    makes: list[Callable[[], Any]] = [
        lambda: trackd.Image(large),
        lambda: trackd.Video(large[None, None]),
        lambda: trackd.Audio(large.reshape(-1).astype(np.int16), sample_rate=8),
        lambda: trackd.Object3D(np.zeros((60_000, 3))),
        lambda: trackd.Histogram(large),
        lambda: trackd.Html("x" * (1025 << 10)),
        lambda: trackd.Table(columns=["a"], data=np.zeros((140_000, 1))),
        lambda: large,
        lambda: [trackd.Image(EYE), trackd.Image(large)],
    ]
    for make in makes:
        with pytest.raises(ValueError, match=r"bytes; the limit is 1048576") as caught:
            run.log({"good": 1, "bad": make()})
        assert "run.save()" in str(caught.value)
    rows = read_rows(run)
    assert rows
    assert all(row == {"good": 1} for row in rows)


@pytest.mark.parametrize(
    "value", [trackd.Markdown("x"), trackd.Image(EYE), [trackd.Markdown("x")]], ids=["text", "image", "list"]
)
def test_records_are_no_config(value: Any) -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match=r"value of 'sample' .*cannot be logged"):
        run.config.update({"lr": 0.1, "sample": value})
    with pytest.raises(TypeError, match="'sample'"):
        run.config["sample"] = value
    with pytest.raises(TypeError, match="'sample'"):
        trackd.init(config={"sample": value}, reinit="create_new")
    run.config["lr"] = 0.2
    assert dict(read_run(run).config) == {"lr": 0.2}


# -- content that shows only later -----------------------------------------------------------------------------------


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def test_files_that_are_cut_off_are_kept_with_a_warning() -> None:
    whole = read_back(
        [
            trackd.Audio(np.zeros(1000), sample_rate=10),
            trackd.Video(np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8), format="mp4"),
            trackd.Video(np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)),
        ]
    )
    wav, mp4, gif = (record.read() for record in whole)
    files = {
        "png": (trackd.Image(cut(encoded("PNG"))), cut(encoded("PNG"))),
        "jpeg": (trackd.Image(cut(encoded("JPEG"))), cut(encoded("JPEG"))),
        "webp": (trackd.Image(cut(encoded("WEBP"))), cut(encoded("WEBP"))),
        "png head": (trackd.Image(encoded("PNG")[:20]), encoded("PNG")[:20]),
        "wav": (trackd.Audio(cut(wav)), cut(wav)),
        "wav head": (trackd.Audio(wav[:30]), wav[:30]),
        "mp4": (trackd.Video(mp4[:300], format="mp4"), mp4[:300]),
        "gif": (trackd.Video(gif[:200], format="gif"), gif[:200]),
        "jpeg that is named png": (trackd.Audio(b"RIFF" + b"\0" * 40), b"RIFF" + b"\0" * 40),
    }
    records = read_back(record for record, _ in files.values())
    for (name, (_, content)), record in zip(files.items(), records, strict=True):
        assert record.read() == content, name
        assert record["warning"], name
    found = dict(zip(files, records, strict=True))
    assert len(found["wav"].array()) < 1000
    for name in ("png", "png head", "webp", "wav head", "mp4"):
        with pytest.raises(trackd.CommError):
            found[name].array()


def test_classes_without_a_name_are_a_warning() -> None:
    ids = np.arange(16).reshape(4, 4)
    mask, boxes, named, shared = read_back(
        [
            trackd.Image(EYE, masks={"m": {"mask_data": ids, "class_labels": {0: "zero"}}}),
            trackd.Image(
                EYE,
                boxes={
                    "b": {
                        "box_data": [
                            {"position": dict.fromkeys(("minX", "maxX", "minY", "maxY"), 1), "class_id": 77}
                        ],
                        "class_labels": {1: "one"},
                    }
                },
            ),
            trackd.Image(EYE, masks={"m": {"mask_data": ids}}),
            trackd.Image(
                EYE,
                masks={"m": {"mask_data": ids, "class_labels": {0: "zero"}}},
                classes=[{"id": number, "name": str(number)} for number in range(16)],
            ),
        ]
    )
    assert mask["warning"] == "mask 'm' holds class ids without a name: 1, 2, 3, 4, 5, …"
    assert boxes["warning"] == "box set 'b' holds class ids without a name: 77"
    assert np.array_equal(mask.masks()["m"], ids)
    assert "warning" not in named
    assert "warning" not in shared


def daemon_bytes() -> int:
    return int(psutil.Process(get_daemon().pid).memory_info().rss)


def test_a_decompression_bomb_is_kept_and_fills_no_memory() -> None:
    bomb = png(100_000, 100_000, bytes(100))
    run = trackd.init()
    run.log({"image": trackd.Image(bomb), "number": 1})
    run.log({"images": [trackd.Image(bomb), trackd.Image(EYE)], "number": 2})
    run.log({"table": trackd.Table(columns=["i"], data=[[trackd.Image(bomb)]]), "number": 3})
    zeros = zlib.compress(bytes(50_000_000), 9)  # a chunk that is a thousand times larger unpacked
    run.log({"image": trackd.Image(png(4_000, 4_000, bytes(10_000_000)) + zeros), "number": 4})
    rows = read_rows(run)
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert (rows[0]["image"]["width"], rows[0]["image"]["height"]) == (100_000, 100_000)
    assert "more than the 178000000 that are looked at" in rows[0]["image"]["warning"]
    assert rows[0]["image"].read() == bomb
    with pytest.raises(trackd.CommError, match="decode"):
        rows[0]["image"].array()
    first, second = rows[1]["images"].records
    assert first["warning"]
    assert np.array_equal(second.array(), EYE * 255)
    assert rows[2]["table"].rows()[0][0]["warning"]
    assert daemon_bytes() < DAEMON_BYTES_MAX
    children = psutil.Process(get_daemon().pid).children(recursive=True)
    assert all(child.memory_info().rss < 2 * DAEMON_BYTES_MAX for child in children)


@pytest.mark.parametrize("side", [12_000, 100_000])
def test_an_image_file_of_too_many_pixels_takes_masks(side: int) -> None:
    image = trackd.Image(png(side, side, bytes(100)))
    assert image.width in (None, side)  # Pillow warns of the smaller, and refuses the larger
    if image.width is None:
        record = read_one(trackd.Image(image, masks={"m": {"mask_data": EYE}}))
        assert f"mask 'm' is 4x4 pixels, the image {side}x{side}" in record["warning"]
    else:
        with pytest.raises(ValueError, match="mask 'm' has 4 x 4 pixels and the image 12000 x 12000"):
            trackd.Image(image, masks={"m": {"mask_data": EYE}})


def test_records_that_cannot_be_encoded_are_marked_and_counted_and_the_run_finishes(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As another client might send them: this one refuses such rates where the clip is made.
    monkeypatch.setattr(_video, "FRAMES_PER_SECOND_MIN", 0)
    monkeypatch.setattr(_video, "FRAMES_PER_SECOND_MAX", math.inf)
    run = trackd.init()
    frames = np.zeros((2, 3, 4, 4), np.uint8)
    run.log({"clip": trackd.Video(frames, fps=0.001), "number": 1})
    run.log({"clip": [trackd.Video(frames), trackd.Video(frames, fps=5000)], "number": 2})
    run.log({"wide": trackd.Image(np.zeros((1, 20_000)), file_type="webp"), "number": 3})
    run.log({"clip": trackd.Video(frames), "number": 4})
    rows = read_rows(run)
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["clip"].error == "the video has 0.001 frames per second; it can have 0.01 to 1000"
    with pytest.raises(trackd.CommError, match="it can have"):
        rows[0]["clip"].read()
    good, bad = rows[1]["clip"].records
    assert good["frame_count"] == 2
    assert "5000 frames per second" in bad.error
    assert "log it as png" in rows[2]["wide"].error
    with pytest.raises(trackd.CommError, match="could not be kept"):
        rows[2]["wide"].image()
    assert rows[3]["clip"]["frame_count"] == 2
    health = read_run(run).ingest_health
    assert health["refused_count"] == 2  # a list is kept whose records are marked
    assert "0.001 frames per second" in health["message"]
    run.finish()
    assert state(run.id, project) == "finished"
    assert get_daemon().pid > 0


def test_a_gif_that_cannot_be_says_why() -> None:
    run = trackd.init()
    run.log(
        {"clip": trackd.Video(np.zeros((2700, 1, 2, 2), np.uint8), fps=4)}
    )  # one picture, for 675 seconds
    run.log({"clip": trackd.Video(np.zeros((2600, 1, 2, 2), np.uint8), fps=4)})
    long, short = (row["clip"] for row in read_rows(run))
    assert "log it as mp4" in long.error
    assert not short.error
    assert short.array().shape == (2600, 2, 2, 3)


def test_ogg_is_kept_as_what_browsers_play() -> None:
    run = trackd.init()
    run.log({"clip": trackd.Video(np.zeros((2, 3, 16, 16), np.uint8), format="ogg")})
    (row,) = read_rows(run)
    assert row["clip"]["file"]["media_type"] == "video/webm"
    assert "kept as WebM" in row["clip"]["warning"]


def test_odd_text_and_scripts_in_specifications_are_harmless() -> None:
    record = read_one(
        trackd.plot_table(
            {
                "mark": "bar",
                "__proto__": {"polluted": 1},
                "nested": {"constructor": {"prototype": 1}, "ok": 1},
            },
            table(),
            {},
        )
    )
    assert record.specification() == {"mark": "bar", "nested": {"ok": 1}}


# -- libraries that are not there --------------------------------------------------------------------------------------


def test_libraries_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    image, clip = read_back([trackd.Image(EYE), trackd.Video(np.zeros((2, 3, 4, 4), np.uint8))])
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(ImportError, match="pip install rdkit"):
        trackd.Molecule.from_smiles("CCO")
    with pytest.raises(ImportError, match="pip install rdkit"):
        trackd.Molecule.from_rdkit("a.pdb")
    monkeypatch.setitem(sys.modules, "bokeh.embed", None)
    with pytest.raises(ImportError, match="pip install bokeh"):
        trackd.Bokeh(str(tmp_path / "a.json"))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(trackd.CommError, match="pip install pillow"):
        image.array()
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(trackd.CommError, match="pip install av"):
        clip.array()


def test_a_tensor_that_cannot_be_copied_names_its_key() -> None:
    class Broken(Tensor):
        def numpy(self) -> Any:
            raise RuntimeError("CUDA error")

    with pytest.raises(RuntimeError, match="CUDA error"):  # of the person's own line, before log
        trackd.Image(Broken(EYE))
    run = trackd.init()
    with pytest.raises(TypeError, match=r"value of 'bad' .*CUDA error"):
        run.log({"good": 1, "bad": Broken(np.zeros((200, 200)))})
    assert read_rows(run) == [{"good": 1}]

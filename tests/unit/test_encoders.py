import hashlib
import io
import json
import math
import os
import resource
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trackd.v1 import values_pb2
from trackd_service import encoders
from trackd_service.arrays import AnyArray
from trackd_service.encoders import encode_many, sample_check_sum
from trackd_service.encodings import Data, Made, Task
from trackd_service.worker import Worker

TypedRecord = values_pb2.TypedRecord


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        encoders, "_is_limited", True
    )  # the limits are for a process of its own, not for this one


@dataclass
class Bench:
    """Makes records whose bytes stand in one file, as a log's do, and encodes them."""

    folder: Path
    content: bytearray = field(default_factory=bytearray)
    made: list[Made] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    def payload(self, data: bytes, **fields: Any) -> values_pb2.Payload:
        start = len(self.content)
        self.content += data
        return values_pb2.Payload(range=values_pb2.ByteRange(offset=start, size_bytes=len(data)), **fields)

    def array(self, array: AnyArray) -> values_pb2.Array:
        return values_pb2.Array(
            dtype=array.dtype.str, shape=array.shape, data=self.payload(array.tobytes(order="C"))
        )

    def data(self) -> Data:
        path = self.folder / "log"
        path.write_bytes(b"before " + self.content + b" behind")
        check_sum = sample_check_sum(
            lambda offset, size: bytes(self.content[offset : offset + size]), len(self.content)
        )
        return Data(path=str(path), offset=7, size_bytes=len(self.content), check_sum=check_sum)

    def encode(self, message: TypedRecord, kind: str = "") -> Made:
        found = kind or message.WhichOneof("kind") or ""
        (made,) = encode_many(
            [Task(found, message.SerializeToString(), self.data())], self.scratch, self.objects
        )
        self.check(made)
        return made

    def document(self, message: TypedRecord, kind: str = "") -> dict[str, Any]:
        return self.encode(message, kind).document

    def check(self, *made: Made) -> None:
        """Holds that files are what their names say, that all are named once and that nothing else is left behind."""
        self.made += made
        paths = set()
        for each in self.made:
            json.dumps(each.document, allow_nan=False)
            assert each.document["type"]
            named = {file["sha256"] for file in files_of(each.document)}
            assert len({file.sha256 for file in each.files}) == len(each.files)
            for file in each.files:
                if not file.path:  # it is in the store
                    assert (self.objects / "files" / file.sha256[:2] / file.sha256).exists()
                    continue
                content = Path(file.path).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file.sha256
                assert len(content) == file.size_bytes
                paths.add(Path(file.path))
                if file.sha256 not in named:  # then a file names it
                    assert any(file.sha256 in text_of(other.path) for other in each.files)
        assert set(self.scratch.iterdir()) == paths

    def read(self, made: Made, file: dict[str, Any]) -> bytes:
        (path,) = (each.path for each in made.files if each.sha256 == file["sha256"])
        assert Path(path).stat().st_size == file["size_bytes"]
        return Path(path).read_bytes()


def text_of(path: str) -> str:
    if Path(path).read_bytes()[:4] == b"PAR1":
        return repr(pq.read_table(path).to_pylist())
    return Path(path).read_text("utf-8", "replace")


def files_of(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "sha256" in value:
            yield value
        for each in value.values():
            yield from files_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from files_of(each)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.scratch.mkdir()
    made.objects.mkdir()
    return made


def png(side: int = 4) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(sink, "PNG")
    return sink.getvalue()


def test_image_of_pixels_with_everything_about_it(bench: Bench) -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    mask = np.array([[0, 1, 2, 9, 8, 7]] * 4)
    box = values_pb2.BoundingBox(
        x_min=0.25,
        x_max=math.nan,
        y_min=0,
        y_max=1,
        class_id=5,
        caption="b",
        scores={"s": math.inf, "r": 0.5},
    )
    message = values_pb2.Image(
        raw=bench.array(pixels),
        caption="a cat",
        grouping="g",
        class_names={1: "cat", 2: "dog"},
        masks=[
            values_pb2.ImageMask(name="ground", classes=bench.array(mask), class_names={0: "none"}),
            values_pb2.ImageMask(name="file", encoded=bench.payload(png())),
            values_pb2.ImageMask(name="bad", classes=bench.array(np.zeros((2, 2), np.float32))),
        ],
        boxes=[values_pb2.ImageBoxes(name="found", boxes=[box], class_names={7: "x"})],
    )
    made = bench.encode(TypedRecord(image=message))
    document = made.document
    with Image.open(io.BytesIO(bench.read(made, document["file"]))) as image:
        assert np.asarray(image).tolist() == pixels.tolist()
    assert document["file"]["media_type"] == "image/png"
    assert (document["width"], document["height"]) == (6, 4)
    assert (document["caption"], document["grouping"]) == ("a cat", "g")
    assert document["class_names"] == {"1": "cat", "2": "dog"}
    assert [each["name"] for each in document["masks"]] == ["ground", "file"]
    assert document["masks"][0]["class_names"] == {"0": "none"}
    with Image.open(io.BytesIO(bench.read(made, document["masks"][0]["file"]))) as image:
        assert np.asarray(image).tolist() == mask.tolist()
    assert document["boxes"] == [
        {
            "name": "found",
            "class_names": {"7": "x"},
            "boxes": [
                {
                    "x_min": 0.25, "x_max": None, "y_min": 0.0, "y_max": 1.0, "pixels": False, "class_id": 5,
                    "caption": "b", "scores": {"r": 0.5, "s": None},
                }
            ],
        }
    ]  # fmt: skip
    for part in (
        "mask 'ground' holds class ids without a name: 7, 8, 9",
        "mask 'file' is 4x4 pixels, the image 6x4",
        "mask 'bad' is left out: it holds float32",
        "box set 'found' holds class ids without a name: 5",
    ):
        assert part in document["warning"]


def test_image_with_nothing_to_say_has_no_more_fields(bench: Bench) -> None:
    document = bench.document(
        TypedRecord(image=values_pb2.Image(raw=bench.array(np.zeros((1, 2), np.uint8))))
    )
    assert set(document) == {"type", "file", "width", "height"}
    assert set(document["file"]) == {"sha256", "size_bytes", "media_type"}


def test_encoded_image_is_kept_byte_for_byte(bench: Bench) -> None:
    sink = io.BytesIO()
    Image.fromarray(np.zeros((3, 5, 3), np.uint8)).save(sink, "JPEG")
    payload = bench.payload(sink.getvalue(), file_name="../../etc/cat\n.jpg")
    made = bench.encode(TypedRecord(image=values_pb2.Image(encoded=payload)))
    assert bench.read(made, made.document["file"]) == sink.getvalue()
    assert made.document["file"]["media_type"] == "image/jpeg"
    assert made.document["file"]["name"] == "cat.jpg"
    assert (made.document["width"], made.document["height"]) == (5, 3)
    assert "warning" not in made.document


def test_truncated_image_is_kept_with_a_warning(bench: Bench) -> None:
    made = bench.encode(TypedRecord(image=values_pb2.Image(encoded=bench.payload(png(64)[:-40]))))
    assert made.document["warning"] == "the image file is cut off or damaged"
    assert len(bench.read(made, made.document["file"])) == len(png(64)) - 40


def test_unknown_image_is_kept_as_the_type_that_was_said(bench: Bench) -> None:
    for media_type, kept in (("image/tiff", "image/tiff"), ("text/html; x", "application/octet-stream")):
        payload = bench.payload(b"II*\0", media_type=media_type)
        document = bench.document(TypedRecord(image=values_pb2.Image(encoded=payload)))
        assert document["file"]["media_type"] == kept
        assert "width" not in document
        assert document["warning"]


def test_video_and_audio_of_arrays(bench: Bench) -> None:
    video = values_pb2.Video(
        raw=bench.array(np.zeros((3, 1, 4, 6), np.uint8)), caption="v", frames_per_second=10
    )
    made = bench.encode(TypedRecord(video=video))
    assert bench.read(made, made.document["file"])[:6] == b"GIF89a"
    assert {name: made.document[name] for name in made.document if name not in ("file", "type")} == {
        "width": 6, "height": 4, "frame_count": 3, "frames_per_second": 10.0, "caption": "v",
    }  # fmt: skip
    audio = values_pb2.Audio(raw=bench.array(np.zeros((8, 2), np.int16)), sample_rate_hertz=4)
    made = bench.encode(TypedRecord(audio=audio))
    assert bench.read(made, made.document["file"])[:4] == b"RIFF"
    assert {name: made.document[name] for name in made.document if name not in ("file", "type")} == {
        "sample_rate_hertz": 4, "sample_count": 8, "channel_count": 2, "duration_seconds": 2.0,
    }  # fmt: skip


def test_encoded_video_and_audio_are_kept(bench: Bench) -> None:
    messages = [
        TypedRecord(video=values_pb2.Video(encoded=bench.payload(b"GIF89a cut"))),
        TypedRecord(audio=values_pb2.Audio(encoded=bench.payload(b"fLaC cut"))),
    ]
    tasks = [Task(each.WhichOneof("kind") or "", each.SerializeToString(), bench.data()) for each in messages]
    made = encode_many(tasks, bench.scratch, bench.objects)
    bench.check(*made)
    assert [each.document["file"]["media_type"] for each in made] == ["image/gif", "audio/flac"]
    assert all(each.document["warning"] for each in made)
    assert bench.read(made[1], made[1].document["file"]) == b"fLaC cut"


@pytest.mark.parametrize(
    ("file_type", "media_type"),
    [
        ("glb", "model/gltf-binary"),
        ("gltf", "model/gltf+json"),
        ("obj", "model/obj"),
        ("stl", "model/stl"),
        ("ply", "application/octet-stream"),
    ],
)
def test_model_is_kept_with_its_media_type(bench: Bench, file_type: str, media_type: str) -> None:
    message = values_pb2.Object3D(encoded=bench.payload(b"model"), file_type=file_type, caption="c")
    made = bench.encode(TypedRecord(object_3d=message))
    assert bench.read(made, made.document["file"]) == b"model"
    assert made.document["file"]["media_type"] == media_type
    assert (made.document["file_type"], made.document["caption"]) == (file_type, "c")


def test_scene_has_arrays_as_given_and_boxes(bench: Bench) -> None:
    points, vectors = np.random.default_rng(0).normal(size=(5, 6)), np.ones((2, 2, 3), np.float32)
    box = values_pb2.Box3D(corners=[*range(23), math.nan], label="car", color=[1, 2, 3], score=0)
    scene = values_pb2.Scene3D(
        points=bench.array(points), vectors=bench.array(vectors), boxes=[box], scene_type="lidar/beta"
    )
    made = bench.encode(TypedRecord(object_3d=values_pb2.Object3D(scene=scene)))
    found = made.document["scene"]
    assert (found["points"]["dtype"], found["points"]["shape"]) == ("<f8", [5, 6])
    loaded = np.load(io.BytesIO(bench.read(made, found["points"]["file"])), allow_pickle=False)
    assert loaded.tolist() == points.tolist()
    assert (found["vectors"]["dtype"], found["vectors"]["shape"]) == ("<f4", [2, 2, 3])
    assert found["boxes"][0]["corners"][7] == [21.0, 22.0, None]
    assert (found["boxes"][0]["color"], found["boxes"][0]["score"]) == ([1, 2, 3], 0.0)
    assert found["scene_type"] == "lidar/beta"


def test_molecule_html_and_markdown(bench: Bench) -> None:
    messages = [
        TypedRecord(molecule=values_pb2.Molecule(encoded=bench.payload(b"ATOM"), file_type="pdb")),
        TypedRecord(html=values_pb2.Html(encoded=bench.payload("<p>ä".encode()), inject=True)),
        TypedRecord(html=values_pb2.Html(encoded=bench.payload(b"<p>"))),
        TypedRecord(markdown=values_pb2.Markdown(text="# A")),
        TypedRecord(markdown=values_pb2.Markdown()),
    ]
    tasks = [Task(each.WhichOneof("kind") or "", each.SerializeToString(), bench.data()) for each in messages]
    made = encode_many(tasks, bench.scratch, bench.objects)
    bench.check(*made)
    molecule, html, plain, markdown, empty = (each.document for each in made)
    assert (molecule["file"]["media_type"], molecule["file_type"]) == ("text/plain", "pdb")
    assert (html["file"]["media_type"], html["inject"]) == ("text/html", True)
    assert "inject" not in plain
    assert (markdown, empty) == ({"type": "markdown", "text": "# A"}, {"type": "markdown", "text": ""})


def test_histogram_of_values_and_of_counts(bench: Bench) -> None:
    raw = values_pb2.Histogram(raw=bench.array(np.array([0, 1, math.nan, 2, math.inf])), bin_count=2)
    assert bench.document(TypedRecord(histogram=raw)) == {
        "type": "histogram", "edges": [0.0, 1.0, 2.0], "counts": [1, 2], "nan_count": 1, "infinite_count": 1,
    }  # fmt: skip
    binned = values_pb2.Histogram(edges=[0, 1, 2], counts=[3, 0.5], nan_count=4)
    assert bench.document(TypedRecord(histogram=binned)) == {
        "type": "histogram", "edges": [0.0, 1.0, 2.0], "counts": [3, 0.5], "nan_count": 4,
    }  # fmt: skip


def test_array_has_its_file_and_statistics(bench: Bench) -> None:
    array = np.array([[1, 2], [3, np.nan]], np.float32)
    made = bench.encode(TypedRecord(array=bench.array(array)))
    document = made.document
    loaded = np.load(io.BytesIO(bench.read(made, document["file"])))
    assert loaded.tobytes() == array.tobytes()
    assert (document["dtype"], document["shape"], document["nan_count"]) == ("<f4", [2, 2], 1)
    assert (document["min"], document["max"], document["mean"]) == (1.0, 3.0, 2.0)
    empty = bench.document(TypedRecord(array=bench.array(np.array([np.nan]))), "array")
    assert [empty[name] for name in ("min", "max", "mean", "variance", "percentile_95")] == [None] * 5


def test_plot_is_checked_and_cleaned(bench: Bench) -> None:
    text = b'{"a": NaN, "b": 1e999, "__proto__": {"x": 1}, "c": [{"constructor": 1, "d": "\\ud800"}], "i": 1}'
    plot = values_pb2.Plot(
        language=values_pb2.PLOT_LANGUAGE_BOKEH,
        specification=bench.payload(text),
        data=values_pb2.Table(
            columns=[values_pb2.TableColumn(name="x", numbers=bench.array(np.arange(3)))], row_count=3
        ),
        runtime=[bench.payload(b"var x;", file_name="bokeh.js"), bench.payload(b"var y;")],
        fields={"y": "b", "x": "a"},
        strings={"title": "t"},
    )
    made = bench.encode(TypedRecord(plot=plot))
    document = made.document
    assert document["language"] == "bokeh"
    assert json.loads(bench.read(made, document["specification"])) == {
        "a": None, "b": None, "c": [{"d": "\ud800"}], "i": 1,
    }  # fmt: skip
    assert document["table"]["type"] == "table"
    assert document["table"]["columns"] == [{"name": "x", "type": "integer"}]
    assert [file["media_type"] for file in document["runtime"]] == ["text/javascript"] * 2
    assert document["runtime"][0]["name"] == "bokeh.js"
    assert (document["fields"], document["strings"]) == ({"x": "a", "y": "b"}, {"title": "t"})


def test_plot_of_a_preset_needs_no_specification(bench: Bench) -> None:
    document = bench.document(TypedRecord(plot=values_pb2.Plot(preset_id="trackd/line/v0", caption="c")))
    assert document == {
        "type": "plot",
        "language": "vega-lite",
        "preset_id": "trackd/line/v0",
        "caption": "c",
    }


def test_plot_of_a_saved_preset_carries_it_as_it_was(bench: Bench) -> None:
    plot = TypedRecord(plot=values_pb2.Plot(preset_id="me/bars"))
    tasks = [Task("plot", plot.SerializeToString(), bench.data())]
    saved = {"me/bars": '{"mark": "bar", "__proto__": {}}', "me/other": "{}"}
    (made,) = encode_many(tasks, bench.scratch, bench.objects, saved)
    bench.check(made)
    assert made.document["preset_id"] == "me/bars"
    (file,) = made.files
    assert file.sha256 == made.document["preset"]["sha256"]
    assert json.loads(Path(file.path).read_text()) == {"mark": "bar"}


def test_table_with_records_in_its_cells(bench: Bench) -> None:
    image = TypedRecord(image=values_pb2.Image(raw=bench.array(np.zeros((2, 2), np.uint8))))
    broken = TypedRecord(image=values_pb2.Image(raw=bench.array(np.zeros(2, np.uint8))))
    inner = TypedRecord(
        table=values_pb2.Table(
            columns=[
                values_pb2.TableColumn(
                    values=values_pb2.CellList(cells=[values_pb2.Value(record_value=image)])
                )
            ],
            row_count=1,
        )
    )
    records = [image, broken, inner]
    cells = [values_pb2.Value(record_value=record) for record in records] + [values_pb2.Value()]
    mixed = [
        values_pb2.Value(int_value=1),
        values_pb2.Value(double_value=1),
        values_pb2.Value(bool_value=True),
        values_pb2.Value(json_value='{"a": NaN}'),
    ]
    texts = [b"a", b"", None, "ä".encode()]
    table = values_pb2.Table(
        columns=[
            values_pb2.TableColumn(name="r", values=values_pb2.CellList(cells=cells)),
            values_pb2.TableColumn(name="m", values=values_pb2.CellList(cells=mixed)),
            values_pb2.TableColumn(name="e"),
            values_pb2.TableColumn(
                name="t",
                texts=values_pb2.TextColumn(
                    data=bench.payload(b"".join(text or b"" for text in texts)),
                    sizes_bytes=bench.array(np.array([-1 if text is None else len(text) for text in texts])),
                ),
            ),
            values_pb2.TableColumn(
                name="n",
                numbers=bench.array(np.array([1.5, np.nan, 0, 2], np.float32)),
                validity=bench.array(np.array([True, True, False, True])),
            ),
        ],
        row_count=4,
    )
    made = bench.encode(TypedRecord(table=table))
    document = made.document
    assert [column["type"] for column in document["columns"]] == ["record", "json", "text", "text", "number"]
    assert document["row_count"] == 4
    found = pq.read_table(io.BytesIO(bench.read(made, document["file"]))).to_pydict()
    first, second, third = (json.loads(cell) for cell in found["c0"][:3])
    assert (first["type"], first["width"]) == ("image", 2)
    assert set(second) == {"type", "error"}
    assert third["columns"] == [{"name": "", "type": "record"}]
    assert found["c0"][3] is None
    assert found["c1"] == ["1", "1.0", "true", '{"a":{"$float":"NaN"}}']
    assert found["c2"] == [None] * 4
    assert found["c3"] == ["a", "", None, "ä"]
    assert repr(found["c4"]) == "[1.5, nan, None, 2.0]"
    # The image stands in two tables and is one file, beside the two tables.
    assert len(made.files) == 3


def test_list_keeps_its_order_and_one_failure_to_itself(bench: Bench) -> None:
    def image(shape: tuple[int, ...]) -> TypedRecord:
        return TypedRecord(image=values_pb2.Image(raw=bench.array(np.zeros(shape, np.uint8))))

    records = [image((2, 3)), image((2,)), TypedRecord(markdown=values_pb2.Markdown(text="x")), image((2, 3))]
    made = bench.encode(TypedRecord(list=values_pb2.RecordList(records=records)), "image")
    first, second, third, fourth = made.document["records"]
    assert first == fourth
    assert len(made.files) == 1
    assert second == {"type": "image", "error": second["error"]}
    assert "shape 2;" in second["error"]
    assert third["error"] == "the record is of the kind markdown; it was logged as image"
    assert bench.document(TypedRecord(list=values_pb2.RecordList()), "image") == {
        "type": "image",
        "records": [],
    }


def test_large_document_is_an_object_of_its_own(bench: Bench) -> None:
    made = bench.encode(TypedRecord(markdown=values_pb2.Markdown(text="x" * 70_000)))
    assert set(made.document) == {"type", "document"}
    assert made.document["document"]["media_type"] == "application/json"
    inner = json.loads(bench.read(made, made.document["document"]))
    assert inner == {"type": "markdown", "text": "x" * 70_000}
    record = TypedRecord(markdown=values_pb2.Markdown(text="x" * 100))
    made = bench.encode(TypedRecord(list=values_pb2.RecordList(records=[record] * 1000)), "markdown")
    assert (made.document["count"], made.document["type"]) == (1000, "markdown")
    assert len(json.loads(bench.read(made, made.document["document"]))["records"]) == 1000


def test_equal_content_of_several_tasks_is_one_file(bench: Bench) -> None:
    message = TypedRecord(html=values_pb2.Html(encoded=bench.payload(b"<p>"))).SerializeToString()
    made = encode_many([Task("html", message, bench.data())] * 3, bench.scratch, bench.objects)
    bench.check(*made)
    assert made[0] == made[1] == made[2]
    assert len(list(bench.scratch.iterdir())) == 1


def test_one_task_that_fails_takes_no_file_of_another(bench: Bench) -> None:
    good = TypedRecord(html=values_pb2.Html(encoded=bench.payload(b"<p>")))
    bad = TypedRecord(
        plot=values_pb2.Plot(
            language=values_pb2.PLOT_LANGUAGE_BOKEH,
            specification=bench.payload(b"{}"),
            runtime=[good.html.encoded, bench.payload(b"script"), values_pb2.Payload()],
        )
    )
    tasks = [
        Task("html", good.SerializeToString(), bench.data()),
        Task("plot", bad.SerializeToString(), bench.data()),
    ]
    for order in (tasks, tasks[::-1]):
        made = encode_many(order, bench.scratch, bench.objects)
        bench.check(*made)
        assert [sorted(each.document) for each in made] == [
            ["error", "type"] if task.kind == "plot" else ["file", "type"] for task in order
        ]
        for path in bench.scratch.iterdir():
            path.unlink()
        bench.made.clear()


def test_payloads_may_be_inline_files_or_objects(bench: Bench, tmp_path: Path) -> None:
    content = b"<b>x</b>" * 300_000  # more than is copied at once
    sha256 = hashlib.sha256(content).hexdigest()
    stored = bench.objects / "files" / sha256[:2] / sha256
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    local = tmp_path / "page.html"
    local.write_bytes(content)
    payloads = [
        values_pb2.Payload(inline=content),
        values_pb2.Payload(local_path=str(local)),
        values_pb2.Payload(sha256=sha256),
    ]
    tasks = [
        Task("html", TypedRecord(html=values_pb2.Html(encoded=each)).SerializeToString(), Data())
        for each in payloads
    ]
    made = encode_many(tasks, bench.scratch, bench.objects)
    bench.check(*made)
    assert [each.document["file"]["sha256"] for each in made] == [sha256] * 3
    # The last one is in the store already: its use is told, and there is nothing to move.
    assert [[bool(file.path) for file in each.files] for each in made] == [[True], [True], [False]]


def test_payload_that_cannot_be_read_is_said(bench: Bench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for payload, sentence in (
        (values_pb2.Payload(local_path=str(tmp_path / "gone.html")), "the file 'gone.html' cannot be read: no such file"),
        (values_pb2.Payload(local_path=str(tmp_path)), "is no file"),
        (values_pb2.Payload(local_path=str(tmp_path / "pipe")), "'pipe' is no file"),
        (values_pb2.Payload(local_path="page.html"), "not named by an absolute path"),
        (values_pb2.Payload(local_path="/a\0b"), "its name is no path"),
        (values_pb2.Payload(sha256="../../../etc/passwd"), "its name is the 64 hex digits"),
        (values_pb2.Payload(sha256="a" * 64), "the object aaaaaaaa… is not in the store"),
        (values_pb2.Payload(), "its source is not set"),
        (values_pb2.Payload(range=values_pb2.ByteRange(offset=0, size_bytes=1)), "1 bytes at 0 of its data, which are 0"),
        (values_pb2.Payload(range=values_pb2.ByteRange(offset=-1, size_bytes=1)), "1 bytes at -1"),
    ):  # fmt: skip
        document = bench.document(TypedRecord(html=values_pb2.Html(encoded=payload)))
        assert sentence in document["error"]
        assert str(tmp_path) not in document["error"]


@pytest.mark.parametrize("size", [10, 70_000, 1_000_000])
def test_damaged_data_make_an_error_and_nothing_else(bench: Bench, size: int) -> None:
    message = TypedRecord(html=values_pb2.Html(encoded=bench.payload(bytes(size)))).SerializeToString()
    data = bench.data()
    path = Path(data.path)
    whole = path.read_bytes()
    damaged = {"type": "html", "error": "the data of this record are damaged on the disk"}
    flipped = bytearray(whole)
    flipped[7 + size - 1] ^= 1
    for content in (bytes(flipped), whole[: 7 + size - 1]):
        path.write_bytes(content)
        made = encode_many([Task("html", message, data)], bench.scratch, bench.objects)
        assert made == [Made(damaged, ())]
    path.unlink()
    assert encode_many([Task("html", message, data)], bench.scratch, bench.objects) == [Made(damaged, ())]
    assert list(bench.scratch.iterdir()) == []


def test_inline_data_are_checked_when_they_have_a_check_sum(bench: Bench) -> None:
    reference = values_pb2.Payload(range=values_pb2.ByteRange(offset=1, size_bytes=2))
    message = TypedRecord(html=values_pb2.Html(encoded=reference)).SerializeToString()
    made = encode_many(
        [
            Task("html", message, Data(b"abcd", check_sum=check_sum))
            for check_sum in (0, zlib.crc32(b"abcd"), 1)
        ],
        bench.scratch,
        bench.objects,
    )
    assert bench.read(made[0], made[0].document["file"]) == b"bc"
    assert made[0] == made[1]
    assert "damaged" in made[2].document["error"]


@settings(deadline=None)
@given(st.integers(0, 200_000))
def test_check_sum_samples_eight_blocks(size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    found = sample_check_sum(lambda offset, count: content[offset : offset + count], size)
    if size <= 65_536:
        assert found == zlib.crc32(content)
    else:
        offsets = [block * (size - 1024) // 7 for block in range(8)]
        assert found == zlib.crc32(b"".join(content[offset : offset + 1024] for offset in offsets))
        assert offsets[-1] + 1024 == size


def inline(content: bytes) -> values_pb2.Payload:
    return values_pb2.Payload(inline=content)


def model(file_type: str) -> TypedRecord:
    return TypedRecord(object_3d=values_pb2.Object3D(encoded=inline(b"x"), file_type=file_type))


def scene(**fields: Any) -> TypedRecord:
    return TypedRecord(object_3d=values_pb2.Object3D(scene=values_pb2.Scene3D(**fields)))


def array(dtype: str, shape: list[int]) -> values_pb2.Array:
    return values_pb2.Array(dtype=dtype, shape=shape, data=inline(b""))


def plot(**fields: Any) -> TypedRecord:
    return TypedRecord(plot=values_pb2.Plot(language=values_pb2.PLOT_LANGUAGE_PLOTLY, **fields))


@pytest.mark.parametrize(
    ("message", "kind", "sentence"),
    [
        (TypedRecord(), "image", "the record is of no kind"),
        (TypedRecord(image=values_pb2.Image()), "image", "its source is not set"),
        (TypedRecord(image=values_pb2.Image()), "video", "is of the kind image; it was logged as video"),
        (TypedRecord(video=values_pb2.Video()), "video", "its source is not set"),
        (TypedRecord(audio=values_pb2.Audio()), "audio", "its source is not set"),
        (TypedRecord(object_3d=values_pb2.Object3D()), "object_3d", "its source is not set"),
        (model("exe"), "object_3d", "'exe'; it can be obj"),
        (scene(boxes=[values_pb2.Box3D()]), "object_3d", "a 3D box has 0 numbers"),
        (scene(points=array("<f4", [0, 5])), "object_3d", "the points have the shape 0x5"),
        (scene(vectors=array("<f4", [0, 3])), "object_3d", "the vectors have the shape 0x3"),
        (TypedRecord(molecule=values_pb2.Molecule(file_type="doc")), "molecule", "'doc'; it can be pdb"),
        (TypedRecord(array=array("|O8", [1])), "array", "the type '|O8'"),
        (TypedRecord(array=array("<f4", [10**9, 10**9])), "array", "it came with 0"),
        (TypedRecord(table=values_pb2.Table(row_count=10**15)), "table", "1000000000000000 rows"),
        (TypedRecord(plot=values_pb2.Plot()), "plot", "language is 0"),
        (plot(), "plot", "neither a specification nor a preset"),
        (plot(specification=inline(b"[1]")), "plot", "no JSON object"),
        (plot(specification=inline(b"[" * 100_000)), "plot", "nested too deep"),
        (plot(specification=inline(b"\xff")), "plot", "is not JSON"),
        (TypedRecord(histogram=values_pb2.Histogram(edges=[1, 0], counts=[1])), "histogram", "not ascend"),
    ],
)
def test_what_cannot_be_a_record_is_an_error_in_a_sentence(
    bench: Bench, message: TypedRecord, kind: str, sentence: str
) -> None:
    document = bench.document(message, kind)
    assert set(document) == {"type", "error"}
    assert document["type"] == kind
    assert sentence in document["error"]
    assert "\n" not in document["error"]


def test_bytes_that_are_no_message_are_an_error(bench: Bench) -> None:
    made = encode_many([Task("image", b"\xff\xff", Data())], bench.scratch, bench.objects)
    assert made[0].document["error"] == "the record cannot be parsed as trackd.v1.TypedRecord"


def test_tables_in_cells_of_tables_end_somewhere(bench: Bench) -> None:
    record = TypedRecord(markdown=values_pb2.Markdown(text="x"))
    for _ in range(10):
        cells = values_pb2.CellList(cells=[values_pb2.Value(record_value=record)])
        column = values_pb2.TableColumn(values=cells)
        record = TypedRecord(table=values_pb2.Table(columns=[column], row_count=1))
    made = bench.encode(record)
    assert "file" in made.document
    assert any("more than 8 deep" in text_of(file.path) for file in made.files)


def test_trouble_that_nobody_foresaw_says_nothing_of_the_daemon(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = TypedRecord(markdown=values_pb2.Markdown(text="x"))
    for error, sentence in (
        (MemoryError(), "the markdown needs more than the 8 GiB of memory there are to encode it: log a smaller one"),
        (KeyError("/store/x"), "the markdown cannot be encoded (KeyError)"),
    ):  # fmt: skip

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(encoders._Encoder, "_markdown", fail)
        assert bench.document(message) == {"type": "markdown", "error": sentence}


def test_a_full_disk_is_no_fault_of_a_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "/store/x")

    page = TypedRecord(html=values_pb2.Html(encoded=values_pb2.Payload(inline=b"page"))).SerializeToString()
    text = TypedRecord(markdown=values_pb2.Markdown(text="x")).SerializeToString()
    monkeypatch.setattr(encoders._Encoder, "_markdown", fail)
    with pytest.raises(OSError, match="No space left"):
        encode_many(
            [Task("html", page, Data()), Task("markdown", text, Data())], bench.scratch, bench.objects
        )
    assert list(bench.scratch.iterdir()) == []


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["image", "table", "plot", "object_3d", "audio"]))
def test_noise_is_a_document(tmp_path_factory: pytest.TempPathFactory, noise: bytes, kind: str) -> None:
    scratch = tmp_path_factory.getbasetemp() / "noise"
    scratch.mkdir(exist_ok=True)
    (made,) = encode_many([Task(kind, noise, Data(noise))], scratch, scratch)
    assert made.document["type"] == kind
    json.dumps(made.document, allow_nan=False)


async def test_process_that_encodes_has_less_memory_and_goes_last(bench: Bench) -> None:
    message = TypedRecord(markdown=values_pb2.Markdown(text="x")).SerializeToString()
    worker = Worker()
    try:
        (made,) = await worker.run(
            encode_many, [Task("markdown", message, Data())], bench.scratch, bench.objects
        )
        limits = await worker.run(resource.getrlimit, resource.RLIMIT_AS)
        niceness = await worker.run(os.nice, 0)
    finally:
        await worker.close()
    assert made.document == {"type": "markdown", "text": "x"}
    assert 0 < limits[0] <= encoders.MEMORY_BYTES_MAX
    assert niceness >= min(19, os.nice(0) + encoders.NICENESS)

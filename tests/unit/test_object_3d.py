"""`Object3D` and `box3d`: models byte for byte, scenes with nothing left out."""

import io
import json
import math
import pathlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.encoded import Encoded, Tensor, raises

from trackd._object_3d import Object3D, box3d
from trackd.v1 import values_pb2

CORNERS = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]


def scene(record: Object3D) -> tuple[Encoded, values_pb2.Scene3D]:
    encoded = Encoded(record)
    return encoded, encoded.message.object_3d.scene


@pytest.mark.parametrize("width", [3, 4, 6])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1"])
def test_points_read_back(width: int, dtype: str) -> None:
    array = (np.random.default_rng(0).random((50, width)) * 200).astype(dtype)
    for record in (
        Object3D(array),
        Object3D.from_numpy(array),
        Object3D(Tensor(array)),
        Object3D({"points": array}),
    ):
        encoded, read = scene(record)
        points = encoded.array(read.points)
        assert np.array_equal(points, array)
        assert points.dtype == array.dtype


def test_nan_points_are_kept_and_later_changes_are_not() -> None:
    array = np.array([[0.0, np.nan, 1.0], [np.inf, 0.0, 0.0]])
    record = Object3D(array, caption="cloud")
    expected = array.copy()
    array[:] = 0
    encoded, read = scene(record)
    assert np.array_equal(encoded.array(read.points), expected, equal_nan=True)
    assert encoded.message.object_3d.caption == "cloud"


def test_a_scene_reads_back() -> None:
    record = Object3D(
        {
            "type": "lidar/beta",
            "points": [[0, 0, 0, 1], [1, 1, 1, 2]],
            "boxes": np.array([{"corners": CORNERS, "label": "car", "color": [300, -5, 7.4], "score": 0.5}]),
            "vectors": [{"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}, [[1, 2, 3], [4, 5, 6]]],
        }
    )
    encoded, read = scene(record)
    assert encoded.array(read.points).tolist() == [[0, 0, 0, 1], [1, 1, 1, 2]]
    assert encoded.array(read.vectors).tolist() == [[[0, 0, 0], [0.1, 0.2, 0.5]], [[1, 2, 3], [4, 5, 6]]]
    assert read.scene_type == "lidar/beta"
    (box,) = read.boxes
    assert np.array(box.corners).reshape(8, 3).tolist() == CORNERS
    assert (box.label, list(box.color), box.score) == ("car", [255, 0, 7], 0.5)


def test_a_scene_may_lack_points_and_boxes_their_texts() -> None:
    encoded, read = scene(
        Object3D({"type": "lidar/beta", "points": [], "boxes": [{"corners": CORNERS}], "vectors": []})
    )
    assert not read.HasField("points")
    assert not read.HasField("vectors")
    assert not read.boxes[0].HasField("score")
    assert not read.boxes[0].color
    del encoded


def test_a_point_cloud_is_made_of_its_parts() -> None:
    vectors = np.zeros((2, 2, 3))
    box = box3d(center=(0, 0, 0), size=(1, 1, 1), color=(1, 0, 0.5), label="b", score=1)
    encoded, read = scene(Object3D.from_point_cloud([[1, 2, 3]], [box], vectors))
    assert encoded.array(read.points).tolist() == [[1, 2, 3]]
    assert encoded.array(read.vectors).shape == (2, 2, 3)
    assert list(read.boxes[0].color) == [255, 0, 128]
    assert (read.boxes[0].label, read.boxes[0].score, read.scene_type) == ("b", 1, "lidar/beta")


def test_a_box_is_turned_by_its_quaternion() -> None:
    quarter = (math.sqrt(0.5), 0, 0, math.sqrt(0.5))  # about z: x goes to y
    corners = np.array(box3d(center=(10, 0, 0), size=(4, 2, 6), orientation=quarter)["corners"])
    assert np.allclose(corners.min(axis=0), [9, -2, -3])
    assert np.allclose(corners.max(axis=0), [11, 2, 3])
    straight = np.array(box3d(center=(0, 0, 0), size=(2, 2, 2))["corners"])
    turned = np.array(box3d(center=(0, 0, 0), size=(2, 2, 2), orientation=quarter)["corners"])
    assert np.allclose(turned, straight @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]))


@given(st.lists(st.floats(-10, 10), min_size=4, max_size=4).filter(lambda q: sum(x * x for x in q) > 1e-3))
def test_turning_a_box_keeps_its_size_whatever_the_quaternion(orientation: list[float]) -> None:
    corners = np.array(box3d(center=(1, 2, 3), size=(1, 2, 4), orientation=orientation)["corners"])
    assert np.allclose(corners.mean(axis=0), [1, 2, 3])
    assert np.allclose(np.linalg.norm(corners - [1, 2, 3], axis=1), math.sqrt(21) / 2)


@pytest.mark.parametrize("file_type", ["obj", "gltf", "glb", "stl", "ply"])
def test_a_model_is_kept_byte_for_byte_however_it_is_given(file_type: str, tmp_path: pathlib.Path) -> None:
    data = bytes(range(256))
    path = tmp_path / f"model.{file_type.upper()}"
    path.write_bytes(data)
    with path.open(encoding="latin-1") as as_text, path.open("rb") as as_bytes:
        for record in (
            Object3D(path),
            Object3D(str(path), file_type="obj"),
            Object3D(as_text),
            Object3D.from_file(as_bytes),
            Object3D(io.BytesIO(data), file_type=file_type),
        ):
            encoded = Encoded(record)
            message = encoded.message.object_3d
            assert encoded.bytes_of(message.encoded) == data
            assert message.file_type == file_type
            assert message.encoded.file_name in ("", path.name)
    text = Encoded(Object3D(io.StringIO("v 0 0 0"), file_type="obj"))
    assert text.bytes_of(text.message.object_3d.encoded) == b"v 0 0 0"


def test_a_mesh_is_exported_by_itself() -> None:
    class Mesh:
        vertices, faces = np.zeros((3, 3)), np.zeros((1, 3))

        def export(self, file_type: str) -> bytes:
            return f"glTF {file_type}".encode()

    encoded = Encoded(Object3D(Mesh()))
    assert encoded.bytes_of(encoded.message.object_3d.encoded) == b"glTF glb"
    assert encoded.message.object_3d.file_type == "glb"


def test_the_references_files_of_points_and_scenes_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "scene.pts.json"
    for content in ([[1, 2, 3]], {"type": "lidar/beta", "points": [[1, 2, 3]]}):
        path.write_text(json.dumps(content), encoding="utf-8")
        encoded, read = scene(Object3D(path))
        assert encoded.array(read.points).tolist() == [[1, 2, 3]]
    path.write_text("{", encoding="utf-8")
    raises(ValueError, "scene.pts.json|no JSON", lambda: Object3D(path))


@pytest.mark.parametrize(
    ("error", "words", "data"),
    [
        (ValueError, "no points", np.zeros((0, 3))),
        (ValueError, "(5, 2)|(n, 3)", np.zeros((5, 2))),
        (ValueError, "(3,)|(n, 3)", np.zeros(3)),
        (TypeError, "points|NoneType", None),
        (TypeError, "points|<U", [["a", "b", "c"]]),
        (ValueError, "empty|points, boxes or vectors", {}),
        (ValueError, "empty", {"type": "lidar/beta", "points": np.zeros((0, 3))}),
        (ValueError, "'point'|boxes", {"point": [[1, 2, 3]]}),
        (TypeError, "box 0|corners", {"boxes": [{}]}),
        (ValueError, "box 1|(7, 3)|(8, 3)", {"boxes": [{"corners": CORNERS}, {"corners": CORNERS[:7]}]}),
        (ValueError, "color of box 0|red", {"boxes": [{"corners": CORNERS, "color": [1, 2]}]}),
        (TypeError, "score of box 0|'high'", {"boxes": [{"corners": CORNERS, "score": "high"}]}),
        (ValueError, "box 0|'colour'|color", {"boxes": [{"corners": CORNERS, "colour": 1}]}),
        (TypeError, "boxes|int|list", {"boxes": 5}),
        (TypeError, "vector 0|'start'|end", {"vectors": [{"start": [0, 0, 0]}]}),
        (ValueError, "vectors|(1, 3)|(n, 2, 3)", {"vectors": [[1, 2, 3]]}),
        (FileNotFoundError, "no file|a.obj", "a.obj"),
        (ValueError, "BytesIO|type|glb", io.BytesIO(b"x")),
        (ValueError, "0 bytes", io.BytesIO()),
    ],
)
def test_what_is_no_object_says_why(error: type[Exception], words: str, data: Any) -> None:
    raises(error, words, lambda: Object3D(data))


def test_a_file_of_another_type_and_an_unknown_argument_say_so(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "scene.babylon"
    path.write_text("{}", encoding="utf-8")
    raises(ValueError, "scene.babylon|'babylon'|obj, gltf", lambda: Object3D(path))
    raises(TypeError, "type_of_file|file_type", lambda: Object3D(path, type_of_file="obj"))


def test_a_box_that_cannot_be_one_says_why() -> None:
    raises(
        ValueError,
        "orientation|zero",
        lambda: box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(0, 0, 0, 0)),
    )
    raises(ValueError, "center|2 numbers|3", lambda: box3d(center=(0, 0), size=(1, 1, 1)))
    raises(TypeError, "size|'big'|3 numbers", lambda: box3d(center=(0, 0, 0), size="big"))

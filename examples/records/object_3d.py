"""Logs 3D objects: a torus in five file formats, point clouds with categories and colours, and a lidar scene."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 5
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.uint32]


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs; the models only once."""
    rng = np.random.default_rng(seed)
    twist = rng.uniform(0, 2 * np.pi)
    for step in range(STEPS):
        row = {
            "3d/helix": trackd.Object3D(helix(step + 1, twist), caption="points with a category"),
            "3d/surface": trackd.Object3D(surface(step / STEPS + twist), caption="points with colours"),
            "3d/street": trackd.Object3D(street(step, np.random.default_rng(seed)), caption=f"second {step}"),
        }
        if step == 0:
            vertices, faces = torus(rng.uniform(0.25, 0.45))
            for file_type, data in models(vertices, faces).items():
                row[f"3d/torus.{file_type}"] = trackd.Object3D(
                    data, caption=f"a torus as {file_type}", file_type=file_type
                )
        yield row


def helix(turns: int, twist: float) -> Floats:
    """Returns the two strands of a helix and the rungs between them, the part as the category: (n, 4)."""
    height = np.linspace(0, turns, 400 * turns)
    angle = 2 * np.pi * height + twist
    strand = np.stack([np.cos(angle), np.sin(angle), height, np.full_like(height, 1)], axis=1)
    other = strand * [-1, -1, 1, 2]
    share = np.linspace(0, 1, 20)[:, None, None]
    rungs = (strand[::40] * share + other[::40] * (1 - share)).reshape(-1, 4)
    rungs[:, 3] = 3
    return np.concatenate([strand, other, rungs]).astype(np.float32)


def surface(phase: float) -> Floats:
    """Returns a wave with its height as the colour: (n, 6), red, green and blue in 0 to 255."""
    x, y = np.meshgrid(np.linspace(-3, 3, 120), np.linspace(-3, 3, 120))
    radius = np.hypot(x, y)
    z = np.cos(3 * radius - 2 * np.pi * phase) * np.exp(-0.4 * radius)
    share = (z + 1) / 2
    columns = [x, y, z, 255 * share, 90 + 80 * np.sin(np.pi * share), 255 * (1 - share)]
    return np.stack(columns, axis=-1).reshape(-1, 6).astype(np.float32)


def street(second: int, rng: np.random.Generator) -> dict[str, Any]:
    """Returns a scene: rings of a lidar on the road, houses, two cars in boxes, and where these are driving."""
    angle, ring = np.meshgrid(np.linspace(0, 2 * np.pi, 360), np.geomspace(3, 30, 18))
    road = np.stack([ring * np.cos(angle), ring * np.sin(angle), rng.normal(0, 0.02, ring.shape)], axis=-1)
    along, height = np.meshgrid(np.linspace(-28, 28, 160), np.linspace(0, 6, 14))
    houses = [np.stack([along, np.full_like(along, side), height], axis=-1) for side in (-9, 9)]
    cars = [
        ("car", np.array([-15 + 5 * second, -3, 0.8]), np.array([5.0, 0, 0]), (74, 222, 128)),
        ("truck", np.array([20 - 4 * second, 3, 1.5]), np.array([-4.0, 0, 0]), (251, 146, 60)),
    ]
    boxes, shells = [], []
    for label, center, _, color in cars:
        size = np.array([4.4, 1.9, 1.6] if label == "car" else [8, 2.5, 3])
        boxes.append(trackd.box3d(center=center, size=size, label=label, color=color, score=0.9))
        shell = rng.uniform(-0.5, 0.5, (500, 3))
        shell[np.arange(500), rng.integers(0, 3, 500)] = rng.choice(
            [-0.5, 0.5], 500
        )  # on one of the six sides
        shells.append(center + shell * size)
    parts = [(0, road), *((1, house) for house in houses), *((2, shell) for shell in shells)]
    points = [np.pad(part.reshape(-1, 3), ((0, 0), (0, 1)), constant_values=kind) for kind, part in parts]
    return {
        "type": "lidar/beta",
        "points": np.concatenate(points),  # with the part as their category
        "boxes": boxes,
        "vectors": [{"start": center, "end": center + speed} for _, center, speed, _ in cars],
    }


def torus(thickness: float) -> tuple[Floats, Indices]:
    """Returns the vertices (n, 3) of a torus of radius 1 and its triangles (m, 3)."""
    around, across = 48, 24
    u, v = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    a, b = 2 * np.pi * u / around, 2 * np.pi * v / across
    radius = 1 + thickness * np.cos(b)
    vertices = np.stack([radius * np.cos(a), radius * np.sin(a), thickness * np.sin(b)], axis=-1).reshape(
        -1, 3
    )

    def at(right: int, up: int) -> npt.NDArray[np.intp]:
        return ((u + right) % around * across + (v + up) % across).ravel()

    triangles = [(at(0, 0), at(1, 0), at(1, 1)), (at(0, 0), at(1, 1), at(0, 1))]
    faces = np.concatenate([np.stack(corners, axis=1) for corners in triangles])
    return vertices.astype(np.float32), faces.astype(np.uint32)


def models(vertices: Floats, faces: Indices) -> dict[str, bytes]:
    """Returns a mesh as files, by their type."""
    return {
        "obj": obj(vertices, faces),
        "ply": ply(vertices, faces),
        "stl": stl(vertices, faces),
        "gltf": gltf(vertices, faces),
        "glb": glb(vertices, faces),
    }


def obj(vertices: Floats, faces: Indices) -> bytes:
    """Writes a mesh as text, its faces counted from 1."""
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    return "\n".join([*lines, ""]).encode()


def ply(vertices: Floats, faces: Indices) -> bytes:
    """Writes a mesh as text, with a colour at each vertex."""
    lines = ["ply", "format ascii 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uchar {color}" for color in ("red", "green", "blue")]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    colors = (127.5 + 127.5 * vertices / abs(vertices).max(axis=0)).astype(int)
    lines += [
        f"{x:.5f} {y:.5f} {z:.5f} {r} {g} {b}" for (x, y, z), (r, g, b) in zip(vertices, colors, strict=True)
    ]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces]
    return "\n".join([*lines, ""]).encode()


def stl(vertices: Floats, faces: Indices) -> bytes:
    """Writes the triangles as bytes: a normal and three corners each."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    triangles = np.zeros(len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles["normal"], triangles["corners"] = normals, corners
    return bytes(80) + struct.pack("<I", len(faces)) + triangles.tobytes()


def gltf(vertices: Floats, faces: Indices, uri: str | None = "") -> bytes:
    """Writes a mesh as JSON, its numbers in it as base64, or without them where `uri` is None."""
    numbers = vertices.astype("<f4").tobytes(), faces.astype("<u4").tobytes()
    buffer: dict[str, Any] = {"byteLength": sum(map(len, numbers))}
    if uri is not None:
        buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(b"".join(numbers)).decode()
    bounds = {"min": vertices.min(axis=0).tolist(), "max": vertices.max(axis=0).tolist()}
    metal = {"baseColorFactor": [0.2, 0.55, 0.95, 1], "metallicFactor": 0.3, "roughnessFactor": 0.4}
    return json.dumps(
        {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "materials": [{"pbrMetallicRoughness": metal}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3", **bounds},
                {"bufferView": 1, "componentType": 5125, "count": faces.size, "type": "SCALAR"},
            ],
            "bufferViews": [
                {"buffer": 0, "byteOffset": 0, "byteLength": len(numbers[0])},
                {"buffer": 0, "byteOffset": len(numbers[0]), "byteLength": len(numbers[1])},
            ],
            "buffers": [buffer],
        }
    ).encode()


def glb(vertices: Floats, faces: Indices) -> bytes:
    """Writes a mesh as bytes: the JSON of glTF and the numbers behind it, each padded to 4 bytes."""
    text = gltf(vertices, faces, uri=None)
    text += b" " * (-len(text) % 4)
    numbers = vertices.astype("<f4").tobytes() + faces.astype("<u4").tobytes()
    chunks = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(numbers), b"BIN\0") + numbers
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


if __name__ == "__main__":
    with trackd.init(project="records", name="object 3d") as run:
        for row in rows():
            run.log(row)

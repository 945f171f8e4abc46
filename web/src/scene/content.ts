/** The objects that a document's scene or model becomes. */
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  ConeGeometry,
  Group,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  MeshBasicMaterial,
  type Object3D,
  Points,
  PointsMaterial,
  Quaternion,
  Vector3,
} from "three";
import { fetchObjectBytes, type Object3dDocument, type Point3, type Scene, type SceneBox } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { formatValue } from "../format/number";
import { boundsOf, boxLines, type HeightRange, isWholeBox, makePoints, middleOf, pointWidth, union } from "./geometry";
import { parseModel } from "./models";
import { type Npy, parseNpy } from "./npy";
import type { PlacedLabel } from "./label_layer";
import type { UpAxis } from "./first_view";
import type { SceneContent } from "./viewer";

/** What was fetched, and stands for every theme. */
export type SceneData =
  | { kind: "model"; object: Object3D; vertexCount: number; refusedCount: number; up: UpAxis }
  | {
      kind: "scene";
      points: Npy | null;
      vectors: Npy | null;
      boxes: SceneBox[];
      brokenBoxCount: number;
      middle: Point3;
    };

const ACCENT: Record<ThemeName, string> = { light: "#1d5fd1", dark: "#7eaaff" };
const POINT_COLOR: Record<ThemeName, string> = { light: "#3d4450", dark: "#c3c8d1" };

// A label is an element of the page, moved at each frame; more would neither be read nor move fluidly.
export const LABELS_MAX = 300;
export const AXES = ["x", "y", "z"];
/** The head of a vector's arrow as a part of its length. */
const HEAD_PART = 0.2;

// Formats of meshes come from tools in which y is up; scans and prints stand on z.
const UP_OF_MODEL: Record<string, UpAxis> = { obj: "y", gltf: "y", glb: "y", stl: "z", ply: "z" };

async function fetchArray(array: Scene["points"], signal: AbortSignal): Promise<Npy | null> {
  return array ? parseNpy(await fetchObjectBytes(array.file, signal)) : null;
}

async function fetchScene(scene: Scene, signal: AbortSignal): Promise<SceneData> {
  const [points, vectors] = await Promise.all([fetchArray(scene.points, signal), fetchArray(scene.vectors, signal)]);
  if (vectors && (vectors.shape.length !== 3 || vectors.shape[1] !== 2 || vectors.shape[2] !== 3)) {
    throw new Error(`the vectors are an array of ${vectors.shape.join(" × ")}; n × 2 × 3 are drawn`);
  }
  const boxes = (scene.boxes ?? []).filter(isWholeBox);
  const bounds = union([
    ...(points ? [boundsOf(points.data, pointWidth(points))] : []),
    ...(vectors ? [boundsOf(vectors.data, 3)] : []),
    boundsOf(
      boxes.flatMap((box) => box.corners.flat()),
      3,
    ),
  ]);
  const brokenBoxCount = (scene.boxes?.length ?? 0) - boxes.length;
  return { kind: "scene", points, vectors, boxes, brokenBoxCount, middle: middleOf(bounds) };
}

/** Reads all that a document names. */
export async function fetchSceneData(document: Object3dDocument, signal: AbortSignal): Promise<SceneData> {
  if (document.scene) return fetchScene(document.scene, signal);
  if (!document.file || !document.file_type) throw new Error("the record holds neither a model nor a scene");
  const { object, refusedCount } = await parseModel(await fetchObjectBytes(document.file, signal), document.file_type);
  let vertexCount = 0;
  object.traverse((part) => {
    vertexCount += (part as { geometry?: BufferGeometry }).geometry?.getAttribute("position")?.count ?? 0;
  });
  if (vertexCount === 0) throw new Error(`the .${document.file_type} file holds nothing that can be drawn`);
  return { kind: "model", object, vertexCount, refusedCount, up: UP_OF_MODEL[document.file_type] };
}

/** The points as they are drawn; made once for all scores that boxes are filtered by. */
export interface Cloud {
  geometry: BufferGeometry;
  hasColors: boolean;
  count: number;
  heights: HeightRange | null;
}

/** @param heightAxis the axis along which colours say where a point lies; null for what was logged. */
export function makeCloud(data: SceneData, theme: ThemeName, heightAxis: UpAxis | null): Cloud | null {
  if (data.kind === "model" || !data.points || data.points.shape[0] === 0) return null;
  const axis = heightAxis && AXES.indexOf(heightAxis);
  const { positions, colors, count, heights } = makePoints(data.points, data.middle, theme, axis);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  if (colors) geometry.setAttribute("color", new BufferAttribute(colors, 3, true));
  return { geometry, hasColors: colors !== null, count, heights };
}

function pointsOf({ geometry, hasColors }: Cloud, theme: ThemeName): Points {
  const material = new PointsMaterial({ vertexColors: hasColors, color: hasColors ? "#ffffff" : POINT_COLOR[theme] });
  // A point is as large near as far: far ones would vanish.
  material.sizeAttenuation = false;
  return new Points(geometry, material);
}

const cssColor = ([red, green, blue]: Point3) => `rgb(${[red, green, blue].map(Math.round).join(", ")})`;

const colorOf = (box: SceneBox, theme: ThemeName) => (box.color ? cssColor(box.color) : ACCENT[theme]);

function makeBoxes(boxes: readonly SceneBox[], middle: Point3, theme: ThemeName): Object3D {
  const lines = boxLines(boxes, middle);
  const colors = new Float32Array(lines.length);
  const perBox = lines.length / boxes.length;
  boxes.forEach((box, index) => {
    const { r, g, b } = new Color(colorOf(box, theme));
    for (let at = index * perBox; at < (index + 1) * perBox; at += 3) colors.set([r, g, b], at);
  });
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(lines, 3));
  geometry.setAttribute("color", new BufferAttribute(colors, 3));
  return new LineSegments(geometry, new LineBasicMaterial({ vertexColors: true }));
}

function labelsOf(boxes: readonly SceneBox[], middle: Point3, theme: ThemeName): PlacedLabel[] {
  return boxes
    .filter((box) => box.label !== undefined || box.score !== undefined)
    .slice(0, LABELS_MAX)
    .map((box) => {
      const place = new Vector3();
      for (const [x, y, z] of box.corners) place.add(new Vector3(x, y, z));
      place.divideScalar(box.corners.length);
      place.z = Math.max(...box.corners.map((corner) => corner[2]));
      place.sub(new Vector3(...middle));
      const words = [box.label, box.score === undefined ? undefined : formatValue(box.score, 3)];
      return { text: words.filter((word) => word !== undefined).join(" "), place, color: colorOf(box, theme) };
    });
}

function makeVectors(vectors: Npy, middle: Point3, theme: ThemeName): Object3D {
  const count = vectors.shape[0];
  const lines = new Float32Array(count * 6);
  const head = new ConeGeometry(0.3, 1, 8);
  // Its tip is where the vector ends.
  head.translate(0, -0.5, 0);
  const heads = new InstancedMesh(head, new MeshBasicMaterial({ color: ACCENT[theme] }), count);
  const up = new Vector3(0, 1, 0);
  for (let index = 0; index < count; index++) {
    for (let at = 0; at < 6; at++) lines[index * 6 + at] = vectors.data[index * 6 + at] - middle[at % 3];
    const start = new Vector3().fromArray(lines, index * 6);
    const end = new Vector3().fromArray(lines, index * 6 + 3);
    const way = end.clone().sub(start);
    const length = way.length();
    const size = Number.isFinite(length) ? length * HEAD_PART : 0;
    const turn = new Quaternion().setFromUnitVectors(up, size > 0 ? way.normalize() : up);
    heads.setMatrixAt(
      index,
      new Matrix4().compose(size > 0 ? end : new Vector3(), turn, new Vector3(size, size, size)),
    );
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(lines, 3));
  const group = new Group();
  group.add(new LineSegments(geometry, new LineBasicMaterial({ color: ACCENT[theme] })), heads);
  return group;
}

export interface DrawnScene extends SceneContent {
  pointCount: number;
  /** Points that are NaN or infinite and stand nowhere. */
  skippedPointCount: number;
  boxCount: number;
  unlabelledBoxCount: number;
  vectorCount: number;
  heights: HeightRange | null;
}

/**
 * Makes the objects for a theme.
 *
 * @param cloud the points of the data.
 * @param scoreMin boxes with a lower score are left out; those without a score stay.
 */
export function makeContent(data: SceneData, cloud: Cloud | null, theme: ThemeName, scoreMin: number): DrawnScene {
  const nothing = {
    pointCount: 0,
    skippedPointCount: 0,
    boxCount: 0,
    unlabelledBoxCount: 0,
    vectorCount: 0,
    heights: null,
  };
  if (data.kind === "model") return { ...nothing, object: data.object, cloud: null, labels: [], middle: [0, 0, 0] };
  const { points, vectors, middle } = data;
  const object = new Group();
  const drawnCloud = cloud && pointsOf(cloud, theme);
  if (drawnCloud) object.add(drawnCloud);
  const boxes = data.boxes.filter((box) => box.score === undefined || box.score >= scoreMin);
  if (boxes.length > 0) object.add(makeBoxes(boxes, middle, theme));
  const vectorCount = vectors?.shape[0] ?? 0;
  if (vectors && vectorCount > 0) object.add(makeVectors(vectors, middle, theme));
  const labels = labelsOf(boxes, middle, theme);
  const labelledCount = boxes.filter((box) => box.label !== undefined || box.score !== undefined).length;
  return {
    object,
    cloud: drawnCloud,
    labels,
    middle,
    pointCount: cloud?.count ?? 0,
    skippedPointCount: (points?.shape[0] ?? 0) - (cloud?.count ?? 0),
    boxCount: boxes.length,
    unlabelledBoxCount: labelledCount - labels.length,
    vectorCount,
    heights: cloud?.heights ?? null,
  };
}

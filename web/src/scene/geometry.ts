/**
 * Points, boxes and vectors as the arrays that are drawn. Knows no WebGL.
 *
 * Everything is moved so that the middle of the scene is at 0: 32-bit floats are too coarse for metres in a country's grid.
 */
import type { Point3, SceneBox } from "../api/records";
import { CONTEXT_COLOR, RUN_COLORS, type ThemeName } from "../chart/palette";
import { scaleColor } from "../media/color_scale";
import type { Npy } from "./npy";

/** Least and greatest x, y and z. */
export interface Bounds {
  min: Point3;
  max: Point3;
}

export interface PointArrays {
  /** (n, 3), less the scene's middle. */
  positions: Float32Array;
  /** (n, 3), linear light in 0 to 65,535; null where the points say no colour. */
  colors: Uint16Array | null;
  count: number;
  /** Where the colours say how high a point lies: from where to where. */
  heights: HeightRange | null;
}

/** The categories of a point cloud are 1 to 14: twelve hues, then the ink and the grey of the theme. */
export const CATEGORY_COLORS: Record<ThemeName, readonly string[]> = {
  light: [...RUN_COLORS.light, "#16181d", "#868d99"],
  dark: [...RUN_COLORS.dark, "#e8eaee", "#757c89"],
};

const LINEAR_MAX = 65_535;

/** A byte of sRGB as linear light in 0 to 65,535: what the renderer mixes in. */
export const LINEAR_OF_BYTE = Uint16Array.from({ length: 256 }, (_, byte) => {
  const part = byte / 255;
  const linear = part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  return Math.round(linear * LINEAR_MAX);
});

const channels = (hex: string): Point3 => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Point3;

const EMPTY: Bounds = { min: [Infinity, Infinity, Infinity], max: [-Infinity, -Infinity, -Infinity] };

export const isEmpty = (bounds: Bounds): boolean => bounds.min[0] > bounds.max[0];

export function middleOf(bounds: Bounds): Point3 {
  return isEmpty(bounds) ? [0, 0, 0] : (bounds.min.map((low, axis) => (low + bounds.max[axis]) / 2) as Point3);
}

export function union(all: readonly Bounds[]): Bounds {
  const join = (pick: (...values: number[]) => number, end: "min" | "max") =>
    [0, 1, 2].map((axis) => pick(...all.map((one) => one[end][axis]), EMPTY[end][axis])) as Point3;
  return { min: join(Math.min, "min"), max: join(Math.max, "max") };
}

/** The bounds of rows of `width` numbers, of which the first three are a place; rows that are not finite do not count. */
export function boundsOf(data: ArrayLike<number>, width: number): Bounds {
  const min: Point3 = [...EMPTY.min];
  const max: Point3 = [...EMPTY.max];
  for (let at = 0; at + 2 < data.length; at += width) {
    const x = data[at];
    const y = data[at + 1];
    const z = data[at + 2];
    // A sum is finite only if all three are.
    if (!Number.isFinite(x + y + z)) continue;
    if (x < min[0]) min[0] = x;
    if (y < min[1]) min[1] = y;
    if (z < min[2]) min[2] = z;
    if (x > max[0]) max[0] = x;
    if (y > max[1]) max[1] = y;
    if (z > max[2]) max[2] = z;
  }
  return { min, max };
}

/** Numbers a point: 3, 4 with a category, or 6 with a colour. */
export function pointWidth(points: Npy): number {
  const [, width] = points.shape;
  if (points.shape.length !== 2 || ![3, 4, 6].includes(width)) {
    throw new Error(`the points are an array of ${points.shape.join(" × ")}; n × 3, n × 4 and n × 6 are drawn`);
  }
  return width;
}

// Of the heights, so many are looked at for the range of colours, and the outermost few of them do not count.
const HEIGHTS_SEEN = 10_000;
const OUTSIDE_SHARE = 0.02;
const SHADES = 256;
// The scale begins next to the page's ground, on which single points would not be seen.
const FIRST_SHADE = 0.3;

/** From where to where on an axis the colours of points reach. */
export interface HeightRange {
  axis: number;
  low: number;
  high: number;
}

/** The range that nearly all places have on an axis: one stray point would leave one colour to all others. */
export function heightRange(data: ArrayLike<number>, width: number, axis: number): HeightRange {
  const stride = width * Math.max(1, Math.ceil(data.length / width / HEIGHTS_SEEN));
  const seen: number[] = [];
  for (let at = axis; at < data.length; at += stride) if (Number.isFinite(data[at])) seen.push(data[at]);
  seen.sort((a, b) => a - b);
  const outside = Math.floor(seen.length * OUTSIDE_SHARE);
  return { axis, low: seen[outside] ?? 0, high: seen[seen.length - 1 - outside] ?? 0 };
}

const shadesOf = (theme: ThemeName): Point3[] =>
  Array.from(
    { length: SHADES },
    (_, at) =>
      scaleColor(theme, FIRST_SHADE + (1 - FIRST_SHADE) * (at / (SHADES - 1))).map(
        (part) => LINEAR_OF_BYTE[part],
      ) as Point3,
  );

// What any graphics draw at once needs no other order.
const ORDERED_MAX = 5_000;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Going on by so many of `total` comes to each once, and any first part of them is spread evenly over all. */
export function spreadStride(total: number): number {
  if (total <= ORDERED_MAX) return 1;
  let stride = Math.round(total * GOLDEN);
  while (greatestDivisor(stride, total) > 1) stride++;
  return stride;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/**
 * The points less the middle, in an order of which any first part looks like the whole. Points that are not finite are left out: `count` says how many are not.
 *
 * @param heightAxis the axis (0 to 2) along which colours say where a point lies; null for what was logged.
 */
export function makePoints(points: Npy, middle: Point3, theme: ThemeName, heightAxis: number | null): PointArrays {
  const width = pointWidth(points);
  const { data } = points;
  const total = points.shape[0];
  const positions = new Float32Array(total * 3);
  const colors = width > 3 || heightAxis !== null ? new Uint16Array(total * 3) : null;
  const shades = heightAxis === null ? [] : shadesOf(theme);
  const heights = heightAxis === null ? null : heightRange(data, width, heightAxis);
  const shadesAUnit = heights && heights.high > heights.low ? (SHADES - 1) / (heights.high - heights.low) : 0;
  const categories = CATEGORY_COLORS[theme].map((hex) => channels(hex).map((byte) => LINEAR_OF_BYTE[byte]));
  const unknown = channels(CONTEXT_COLOR[theme]).map((byte) => LINEAR_OF_BYTE[byte]);
  let at = 0;
  const stride = spreadStride(total);
  for (let done = 0, index = 0; done < total; done++, index = (index + stride) % total) {
    const row = index * width;
    if (!Number.isFinite(data[row] + data[row + 1] + data[row + 2])) continue;
    positions[at] = data[row] - middle[0];
    positions[at + 1] = data[row + 1] - middle[1];
    positions[at + 2] = data[row + 2] - middle[2];
    if (colors && heights) {
      const shade = Math.round((data[row + heights.axis] - heights.low) * shadesAUnit);
      const color = shades[Math.min(SHADES - 1, Math.max(0, shade))];
      colors[at] = color[0];
      colors[at + 1] = color[1];
      colors[at + 2] = color[2];
    } else if (colors && width === 4) {
      const color = categories[data[row + 3] - 1] ?? unknown;
      colors[at] = color[0];
      colors[at + 1] = color[1];
      colors[at + 2] = color[2];
    } else if (colors) {
      colors[at] = linearOf(data[row + 3]);
      colors[at + 1] = linearOf(data[row + 4]);
      colors[at + 2] = linearOf(data[row + 5]);
    }
    at += 3;
  }
  return {
    positions: at === positions.length ? positions : positions.slice(0, at),
    colors: colors && (at === colors.length ? colors : colors.slice(0, at)),
    count: at / 3,
    heights,
  };
}

// NaN becomes 0.
const linearOf = (value: number) => LINEAR_OF_BYTE[Math.min(255, Math.max(0, Math.round(value) || 0))];

/** Pairs of corners in the usual order: around the bottom, around the top, and up. */
const USUAL_EDGES = [0, 1, 1, 2, 2, 3, 3, 0, 4, 5, 5, 6, 6, 7, 7, 4, 0, 4, 1, 5, 2, 6, 3, 7];

const isNear = (a: Point3, b: Point3, tolerance: number) =>
  a.every((value, axis) => Math.abs(value - b[axis]) <= tolerance);

/**
 * The twelve edges of a box as pairs of corners, in whatever order the corners come.
 *
 * From the first corner, the three neighbours are those whose sums make the other four corners; a shape that is no box is joined in
 * the usual order.
 */
export function boxEdges(corners: readonly Point3[]): readonly number[] {
  const [origin] = corners;
  const size = Math.max(...corners.flatMap((corner) => corner.map((value, axis) => Math.abs(value - origin[axis]))));
  const tolerance = size * 1e-3;
  const sum = (...ends: number[]): Point3 =>
    [0, 1, 2].map((axis) => ends.reduce((at, end) => at + corners[end][axis] - origin[axis], origin[axis])) as Point3;
  const find = (place: Point3, used: readonly number[]) =>
    corners.findIndex((corner, index) => !used.includes(index) && isNear(corner, place, tolerance));
  for (let a = 1; a < 8; a++) {
    for (let b = a + 1; b < 8; b++) {
      const ab = find(sum(a, b), [0, a, b]);
      if (ab < 0) continue;
      for (let c = b + 1; c < 8; c++) {
        if (c === ab) continue;
        const ac = find(sum(a, c), [0, a, b, c, ab]);
        const bc = ac < 0 ? -1 : find(sum(b, c), [0, a, b, c, ab, ac]);
        const abc = bc < 0 ? -1 : find(sum(a, b, c), [0, a, b, c, ab, ac, bc]);
        if (abc < 0) continue;
        return [0, a, 0, b, 0, c, a, ab, b, ab, a, ac, c, ac, b, bc, c, bc, ab, abc, ac, abc, bc, abc];
      }
    }
  }
  return USUAL_EDGES;
}

/** The ends of the edges of boxes, less the middle: (24 a box, 3). */
export function boxLines(boxes: readonly SceneBox[], middle: Point3): Float32Array {
  const lines = new Float32Array(boxes.length * USUAL_EDGES.length * 3);
  let at = 0;
  for (const { corners } of boxes) {
    for (const corner of boxEdges(corners)) {
      for (let axis = 0; axis < 3; axis++) lines[at++] = corners[corner][axis] - middle[axis];
    }
  }
  return lines;
}

export const isWholeBox = ({ corners }: SceneBox): boolean =>
  corners.length === 8 && corners.every((corner) => corner.length === 3 && corner.every(Number.isFinite));

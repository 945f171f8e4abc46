/** The points of a scatter plot, and which of them no other is better than. Pure. */
import type { Scale } from "../../chart/scale";
import { toPixel } from "../../chart/scale";
import type { ShownRun } from "../../panel/shown_run";
import type { ColumnTable } from "../columns";
import { extentOf } from "../statistics";
import type { Goal, ScatterConfig } from "./config";

export interface Point {
  run: ShownRun;
  x: number;
  y: number;
  radius: number;
}

export interface Points {
  points: Point[];
  /** Runs without a number on one of the axes. */
  missingCount: number;
  /** Runs that a log axis cannot show, since they are not above 0. */
  unshownCount: number;
}

const RADIUS = 4;
const RADIUS_MIN = 2.5;
const RADIUS_MAX = 10;

export function pointsOf(runs: readonly ShownRun[], table: ColumnTable, config: ScatterConfig): Points {
  const points: Point[] = [];
  const sizes: number[] = [];
  let [missingCount, unshownCount] = [0, 0];
  for (const run of runs) {
    const x = table.number(run.id, config.x);
    const y = table.number(run.id, config.y);
    if (Number.isNaN(x) || Number.isNaN(y)) missingCount++;
    else if ((config.isLogX && x <= 0) || (config.isLogY && y <= 0)) unshownCount++;
    else {
      points.push({ run, x, y, radius: RADIUS });
      sizes.push(config.size === null ? Number.NaN : table.number(run.id, config.size));
    }
  }
  const [min, max] = extentOf(sizes.filter((size) => !Number.isNaN(size)));
  if (min < max) {
    points.forEach((point, index) => {
      // The area tells the value, and a run without one is as small as can be.
      const share = Number.isNaN(sizes[index]) ? 0 : (sizes[index] - min) / (max - min);
      point.radius = Math.sqrt(RADIUS_MIN ** 2 + share * (RADIUS_MAX ** 2 - RADIUS_MIN ** 2));
    });
  }
  return { points, missingCount, unshownCount };
}

/** The points that no other is better than on one axis without being worse on the other, from left to right. */
export function frontierOf<P extends Pick<Point, "x" | "y">>(points: readonly P[], xGoal: Goal, yGoal: Goal): P[] {
  const xSign = xGoal === "low" ? 1 : -1;
  const ySign = yGoal === "low" ? 1 : -1;
  const best = [...points].sort((a, b) => xSign * (a.x - b.x) || ySign * (a.y - b.y));
  const frontier: P[] = [];
  let least = Infinity;
  for (const point of best) {
    const last = frontier.at(-1);
    const isSame = last !== undefined && point.x === last.x && point.y === last.y;
    if (ySign * point.y < least || isSame) frontier.push(point);
    least = Math.min(least, ySign * point.y);
  }
  return xSign > 0 ? frontier : frontier.reverse();
}

/** The point nearest to a pixel, at most `reach` from its rim; null where none is so near. */
export function nearestOf(
  points: readonly Point[],
  x: Scale,
  y: Scale,
  pixelX: number,
  pixelY: number,
  reach: number,
): Point | null {
  let [nearest, least]: [Point | null, number] = [null, reach];
  for (const point of points) {
    const distance = Math.hypot(toPixel(x, point.x) - pixelX, toPixel(y, point.y) - pixelY) - point.radius;
    if (distance <= least) [nearest, least] = [point, distance];
  }
  return nearest;
}

/** Draws the points of a scatter plot. */
import type { ChartTheme } from "../../chart/model";
import { toPixel } from "../../chart/scale";
import { type Axes, drawAxes } from "../axes";
import type { Point } from "./points";

const FADED_ALPHA = 0.2;
// Many points lie over each other: where they are densest shows through.
const alphaFor = (count: number) => (count <= 200 ? 0.9 : count <= 2000 ? 0.6 : 0.4);

export interface ScatterPicture {
  axes: Axes;
  points: readonly Point[];
  colorOf: (point: Point) => string;
  frontier: readonly Point[] | null;
  theme: ChartTheme;
}

export function drawScatter(context: CanvasRenderingContext2D, picture: ScatterPicture): void {
  const { axes, points, colorOf, frontier, theme } = picture;
  drawAxes(context, axes, theme);
  if (frontier) drawFrontier(context, axes, frontier, theme);
  const alpha = alphaFor(points.length);
  const isOnFrontier = frontier && new Set(frontier);
  const strong: Point[] = [];
  for (const point of points) {
    if (point.run.emphasis === "strong") {
      strong.push(point);
      continue;
    }
    const isFaded = point.run.emphasis === "faded" || (isOnFrontier !== null && !isOnFrontier.has(point));
    context.globalAlpha = isFaded ? FADED_ALPHA : alpha;
    dot(context, axes, point, point.radius, colorOf(point));
  }
  context.globalAlpha = 1;
  for (const point of strong) drawRing(context, axes, point, colorOf(point), theme);
}

/** A point that stands out: whole, with a rim of the page's ink. */
export function drawRing(
  context: CanvasRenderingContext2D,
  axes: Axes,
  point: Point,
  color: string,
  theme: ChartTheme,
): void {
  dot(context, axes, point, point.radius + 3.5, theme.ink);
  dot(context, axes, point, point.radius + 2, theme.ground);
  dot(context, axes, point, point.radius, color);
}

function dot(context: CanvasRenderingContext2D, { x, y }: Axes, point: Point, radius: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.arc(toPixel(x, point.x), toPixel(y, point.y), radius, 0, 2 * Math.PI);
  context.fill();
}

/** Steps, since between two runs nothing better is known than the worse of each. */
function drawFrontier(
  context: CanvasRenderingContext2D,
  { x, y }: Axes,
  frontier: readonly Point[],
  theme: ChartTheme,
): void {
  context.save();
  context.strokeStyle = theme.muted;
  context.setLineDash([4, 3]);
  context.lineWidth = 1.5;
  context.beginPath();
  frontier.forEach((point, index) => {
    const [atX, atY] = [toPixel(x, point.x), toPixel(y, point.y)];
    if (index === 0) context.moveTo(atX, atY);
    else {
      context.lineTo(atX, toPixel(y, frontier[index - 1].y));
      context.lineTo(atX, atY);
    }
  });
  context.stroke();
  context.restore();
}

/** Draws the marks of values that have no place in the plot: those that are no numbers, and those beyond the y axis. */
import type { PaintContext } from "./context";
import { type Columns, spanColumns, xColumn } from "./model";
import type { Line, Painting } from "./painting";
import { toPixel } from "./scale";

// Crosses that would lie on each other are one cross; arrows are wider.
const CROSS_DISTANCE_MIN = 3;
const ARROW_DISTANCE_MIN = 8;

/** Small crosses on the x axis where a value is NaN or infinite. */
export function paintNonfinite(context: PaintContext, painting: Painting, line: Line, columns: Columns): void {
  const { x, plot } = painting.frame;
  const xs = xColumn({ mode: line.mode, columns });
  const counts = columns.nonfinite;
  const ys = columns.y;
  if (!xs || !(counts || ys)) return;
  context.save();
  context.strokeStyle = line.color;
  context.globalAlpha = line.alpha;
  context.lineWidth = 1.5;
  context.beginPath();
  let lastPixel = -Infinity;
  for (let index = 0; index < xs.length; index++) {
    if (counts ? counts[index] === 0 : ys[index] - ys[index] === 0) continue;
    const px = toPixel(x, xs[index] + line.xOffset);
    if (!(px >= plot.left && px <= plot.right) || px - lastPixel < CROSS_DISTANCE_MIN) continue;
    lastPixel = px;
    context.moveTo(px - 3, plot.bottom - 3);
    context.lineTo(px + 3, plot.bottom + 3);
    context.moveTo(px + 3, plot.bottom - 3);
    context.lineTo(px - 3, plot.bottom + 3);
  }
  context.stroke();
  context.restore();
}

/** Small arrows at the upper and the lower edge where a value lies beyond it. */
export function paintOutside(context: PaintContext, painting: Painting, line: Line, columns: Columns): void {
  const { x, y, plot } = painting.frame;
  const xs = xColumn({ mode: line.mode, columns });
  const [lows, highs] = spanColumns({ mode: line.mode, columns });
  if (!xs || !lows || !highs) return;
  context.save();
  context.fillStyle = line.color;
  context.globalAlpha = line.alpha;
  context.beginPath();
  let lastAbove = -Infinity;
  let lastBelow = -Infinity;
  for (let index = 0; index < xs.length; index++) {
    const isAbove = highs[index] > y.max && highs[index] < Infinity;
    const isBelow = lows[index] < y.min && lows[index] > (y.kind === "log" ? 0 : -Infinity);
    if (!isAbove && !isBelow) continue;
    const px = toPixel(x, xs[index] + line.xOffset);
    if (!(px >= plot.left && px <= plot.right)) continue;
    if (isAbove && px - lastAbove >= ARROW_DISTANCE_MIN) {
      lastAbove = px;
      arrow(context, px, plot.top, -1);
    }
    if (isBelow && px - lastBelow >= ARROW_DISTANCE_MIN) {
      lastBelow = px;
      arrow(context, px, plot.bottom, 1);
    }
  }
  context.fill();
  context.restore();
}

/** @param way -1 for an arrow that points up, 1 for one that points down. */
function arrow(context: PaintContext, px: number, edge: number, way: 1 | -1): void {
  context.moveTo(px, edge + 5 * way);
  context.lineTo(px - 3.5, edge - way);
  context.lineTo(px + 3.5, edge - way);
  context.closePath();
}

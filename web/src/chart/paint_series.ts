/** Draws one line of a chart with its band. */
import type { PaintContext } from "./context";
import { type Columns, spanColumns, xColumn, yColumn } from "./model";
import type { Line, Painting } from "./painting";
import { type Scale, toPixel } from "./scale";

const DOT_RADIUS = 3;
const RAW_ALPHA_BEHIND_SMOOTHED = 0.28;

export function paintSeries(context: PaintContext, painting: Painting, line: Line, columns: Columns): void {
  const { x, y } = painting.frame;
  const xs = xColumn({ mode: line.mode, columns });
  const raw = yColumn({ mode: line.mode, columns }, painting.line);
  const smoothed = columns.smoothed as Float64Array | undefined;
  if (!xs || !raw) return;
  const behind = smoothed ? RAW_ALPHA_BEHIND_SMOOTHED : 1;
  if (line.mode !== "points" && line.bandAlpha > 0) paintBand(context, painting, line, columns, behind);

  context.strokeStyle = line.color;
  context.setLineDash(line.dash);
  if (smoothed) {
    context.globalAlpha = line.alpha * behind;
    context.lineWidth = 1;
    tracePath(context, x, y, xs, raw, line.xOffset);
    context.stroke();
  }
  const alone = tracePath(context, x, y, xs, smoothed ?? raw, line.xOffset);
  if (line.hasCasing) {
    context.globalAlpha = 1;
    context.strokeStyle = painting.theme.ground;
    context.lineWidth = line.width + 3;
    context.setLineDash([]);
    context.stroke();
    context.strokeStyle = line.color;
    context.setLineDash(line.dash);
  }
  context.globalAlpha = line.alpha;
  context.lineWidth = line.width;
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = line.color;
  for (const [px, py] of alone) {
    context.beginPath();
    context.arc(px, py, DOT_RADIUS, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

/**
 * Makes the line through all finite points the context's path; it breaks at NaN and infinities, and on log axes at values not above 0.
 *
 * @returns the points with no neighbour to draw a line to: they are dots.
 */
function tracePath(
  context: PaintContext,
  x: Scale,
  y: Scale,
  xs: Float64Array,
  ys: Float64Array,
  xOffset: number,
): [number, number][] {
  const alone: [number, number][] = [];
  let runLength = 0;
  let lastX = 0;
  let lastY = 0;
  const end = () => {
    if (runLength === 1) alone.push([lastX, lastY]);
    runLength = 0;
  };
  context.beginPath();
  for (let index = 0; index < xs.length; index++) {
    const px = toPixel(x, xs[index] + xOffset);
    const py = toPixel(y, ys[index]);
    // Infinity minus itself and NaN are both not 0: one test for both, twice.
    if (px - px !== 0 || py - py !== 0) {
      end();
      continue;
    }
    if (runLength === 0) context.moveTo(px, py);
    else context.lineTo(px, py);
    runLength++;
    lastX = px;
    lastY = py;
  }
  end();
  return alone;
}

/** The area between the ends of what each point stands for, with its two edges drawn so that a spike of one point is seen. */
function paintBand(context: PaintContext, painting: Painting, line: Line, columns: Columns, behind: number): void {
  const { x, y, plot } = painting.frame;
  const lasts = xColumn({ mode: line.mode, columns });
  const firsts = line.mode === "buckets" ? columns.x_first : lasts;
  const [lows, highs] = spanColumns({ mode: line.mode, columns });
  const pixelOf = (index: number): number => {
    // The middle of the bucket, or its end where a log axis cannot show its beginning.
    const middle = toPixel(x, (firsts[index] + lasts[index]) / 2 + line.xOffset);
    return Number.isNaN(middle) ? toPixel(x, lasts[index] + line.xOffset) : middle;
  };
  const drawable = (index: number) => highs[index] - lows[index] >= 0 && (y.kind === "linear" || highs[index] > 0);
  const highPixel = (index: number) => toPixel(y, highs[index]);
  const lowPixel = (index: number) => {
    const low = toPixel(y, lows[index]);
    return Number.isNaN(low) ? plot.bottom : low;
  };
  context.fillStyle = line.color;
  context.strokeStyle = line.color;
  context.lineWidth = 1;
  context.setLineDash([]);
  let from = 0;
  while (from < lasts.length) {
    if (!drawable(from)) {
      from++;
      continue;
    }
    let to = from;
    while (to + 1 < lasts.length && drawable(to + 1)) to++;
    context.beginPath();
    context.moveTo(pixelOf(from), highPixel(from));
    for (let index = from + 1; index <= to; index++) context.lineTo(pixelOf(index), highPixel(index));
    for (let index = to; index >= from; index--) context.lineTo(pixelOf(index), lowPixel(index));
    context.closePath();
    context.globalAlpha = line.bandAlpha * behind;
    context.fill();
    context.beginPath();
    context.moveTo(pixelOf(from), highPixel(from));
    for (let index = from + 1; index <= to; index++) context.lineTo(pixelOf(index), highPixel(index));
    context.moveTo(pixelOf(to), lowPixel(to));
    for (let index = to - 1; index >= from; index--) context.lineTo(pixelOf(index), lowPixel(index));
    context.globalAlpha = Math.min(1, line.bandAlpha * 2.5) * behind;
    context.stroke();
    from = to + 1;
  }
  context.globalAlpha = 1;
}

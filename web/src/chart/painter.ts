/** Draws paintings on a 2D canvas: in the worker, or on the main thread where there is no OffscreenCanvas. */
import { type Columns, xColumn, yColumn } from "./model";
import type { Line, Painting, PaintRequest } from "./painting";
import { type Scale, toPixel } from "./scale";

export type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const DOT_RADIUS = 3;
const RAW_ALPHA_BEHIND_SMOOTHED = 0.28;

/** Keeps the columns of one chart and draws it. */
export class Painter {
  private readonly columns = new Map<string, Columns>();

  constructor(private readonly canvas: HTMLCanvasElement | OffscreenCanvas) {}

  paint({ painting, changed }: PaintRequest): void {
    for (const { id, columns } of changed) this.columns.set(id, columns);
    const shown = new Set(painting.lines.map((line) => line.id));
    for (const id of this.columns.keys()) if (!shown.has(id)) this.columns.delete(id);

    const { width, height } = painting.frame;
    const canvasWidth = Math.round(width * painting.ratio);
    const canvasHeight = Math.round(height * painting.ratio);
    if (this.canvas.width !== canvasWidth) this.canvas.width = canvasWidth;
    if (this.canvas.height !== canvasHeight) this.canvas.height = canvasHeight;
    const context = this.canvas.getContext("2d") as Context2D | null;
    if (!context) return;
    context.setTransform(painting.ratio, 0, 0, painting.ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    paintAxes(context, painting);
    paintLines(context, painting, this.columns);
  }
}

function paintAxes(context: Context2D, { frame, theme }: Painting): void {
  const { plot, x, y } = frame;
  context.save();
  context.lineWidth = 1;
  context.font = FONT;
  context.fillStyle = theme.muted;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const tick of frame.yTicks) {
    const pixel = toPixel(y, tick.value);
    gridLine(context, tick.label ? theme.axis : theme.grid, plot.left, pixel, plot.right, pixel);
    if (tick.label) context.fillText(tick.label, plot.left - 6, pixel);
  }
  context.textBaseline = "top";
  let freeFrom = -Infinity;
  for (const tick of frame.xTicks) {
    const pixel = toPixel(x, tick.value);
    if (!tick.label) {
      gridLine(context, theme.grid, pixel, plot.bottom, pixel, plot.bottom + 3);
      continue;
    }
    gridLine(context, theme.axis, pixel, plot.bottom, pixel, plot.bottom + 4);
    const width = context.measureText(tick.label).width;
    const center = Math.min(Math.max(pixel, width / 2), frame.width - width / 2 - 1);
    if (center - width / 2 < freeFrom) continue;
    context.textAlign = "center";
    context.fillText(tick.label, center, plot.bottom + 7);
    freeFrom = center + width / 2 + 6;
  }
  gridLine(context, theme.axis, plot.left, plot.bottom, plot.right, plot.bottom);
  context.restore();
}

function gridLine(context: Context2D, color: string, x1: number, y1: number, x2: number, y2: number): void {
  // Lines of one pixel are sharp on half pixels.
  const nudge = (value: number) => Math.round(value) + 0.5;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(x1 === x2 ? nudge(x1) : x1, y1 === y2 ? nudge(y1) : y1);
  context.lineTo(x1 === x2 ? nudge(x2) : x2, y1 === y2 ? nudge(y2) : y2);
  context.stroke();
}

function paintLines(context: Context2D, painting: Painting, columnsById: Map<string, Columns>): void {
  const { plot } = painting.frame;
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 2, plot.right - plot.left + 1, plot.bottom - plot.top + 3);
  context.clip();
  context.lineJoin = "round";
  for (const line of painting.lines) {
    const columns = columnsById.get(line.id);
    if (columns) paintSeries(context, painting, line, columns);
  }
  context.restore();
  // Marks stand on the axis itself, outside the clipped part.
  for (const line of painting.lines) {
    const columns = columnsById.get(line.id);
    if (columns && line.hasMarks) paintNonfinite(context, painting, line, columns);
  }
}

function paintSeries(context: Context2D, painting: Painting, line: Line, columns: Columns): void {
  const { x, y } = painting.frame;
  const xs = xColumn({ mode: line.mode, columns });
  const raw = yColumn({ mode: line.mode, columns }, painting.line);
  const smoothed = columns.smoothed as Float64Array | undefined;
  if (!xs || !raw) return;
  const behind = smoothed ? RAW_ALPHA_BEHIND_SMOOTHED : 1;
  if (line.mode === "buckets" && line.bandAlpha > 0) paintBand(context, painting, line, columns, behind);

  context.strokeStyle = line.color;
  context.setLineDash(line.dash);
  if (smoothed) {
    context.globalAlpha = line.alpha * behind;
    context.lineWidth = 1;
    stroke(context, tracePath(x, y, xs, raw, line.xOffset));
  }
  const path = tracePath(x, y, xs, smoothed ?? raw, line.xOffset);
  if (line.hasCasing) {
    context.globalAlpha = 1;
    context.strokeStyle = painting.theme.ground;
    context.lineWidth = line.width + 3;
    context.setLineDash([]);
    stroke(context, path);
    context.strokeStyle = line.color;
    context.setLineDash(line.dash);
  }
  context.globalAlpha = line.alpha;
  context.lineWidth = line.width;
  stroke(context, path);
  context.setLineDash([]);
  context.fillStyle = line.color;
  for (const [px, py] of path.alone) {
    context.beginPath();
    context.arc(px, py, DOT_RADIUS, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

interface Trace {
  path: Path2D;
  /** Points with no neighbour to draw a line to: drawn as dots. */
  alone: [number, number][];
}

const stroke = (context: Context2D, trace: Trace) => context.stroke(trace.path);

/** The line through all finite points; it breaks at NaN and infinities, and on log axes at values not above 0. */
function tracePath(x: Scale, y: Scale, xs: Float64Array, ys: Float64Array, xOffset: number): Trace {
  const path = new Path2D();
  const alone: [number, number][] = [];
  let runLength = 0;
  let lastX = 0;
  let lastY = 0;
  const end = () => {
    if (runLength === 1) alone.push([lastX, lastY]);
    runLength = 0;
  };
  for (let index = 0; index < xs.length; index++) {
    const px = toPixel(x, xs[index] + xOffset);
    const py = toPixel(y, ys[index]);
    // Infinity minus itself and NaN are both not 0: one test for both, twice.
    if (px - px !== 0 || py - py !== 0) {
      end();
      continue;
    }
    if (runLength === 0) path.moveTo(px, py);
    else path.lineTo(px, py);
    runLength++;
    lastX = px;
    lastY = py;
  }
  end();
  return { path, alone };
}

/** The area between smallest and largest of each bucket, with its two edges drawn so that a spike of one point is seen. */
function paintBand(context: Context2D, painting: Painting, line: Line, columns: Columns, behind: number): void {
  const { x, y, plot } = painting.frame;
  const firsts = columns.x_first;
  const lasts = columns.x_last;
  const lows = columns.min;
  const highs = columns.max;
  const pixelOf = (index: number): number => {
    // The middle of the bucket, or its end where a log axis cannot show its beginning.
    const middle = toPixel(x, (firsts[index] + lasts[index]) / 2 + line.xOffset);
    return Number.isNaN(middle) ? toPixel(x, lasts[index] + line.xOffset) : middle;
  };
  context.fillStyle = line.color;
  context.strokeStyle = line.color;
  context.lineWidth = 1;
  context.setLineDash([]);
  let from = 0;
  const drawable = (index: number) => highs[index] - lows[index] >= 0 && (y.kind === "linear" || highs[index] > 0);
  while (from < lasts.length) {
    if (!drawable(from)) {
      from++;
      continue;
    }
    let to = from;
    while (to + 1 < lasts.length && drawable(to + 1)) to++;
    const band = new Path2D();
    const edges = new Path2D();
    for (let index = from; index <= to; index++) {
      const px = pixelOf(index);
      const py = toPixel(y, highs[index]);
      if (index === from) {
        band.moveTo(px, py);
        edges.moveTo(px, py);
      } else {
        band.lineTo(px, py);
        edges.lineTo(px, py);
      }
    }
    for (let index = to; index >= from; index--) {
      const low = toPixel(y, lows[index]);
      const py = Number.isNaN(low) ? plot.bottom : low;
      const px = pixelOf(index);
      band.lineTo(px, py);
      if (index === to) edges.moveTo(px, py);
      else edges.lineTo(px, py);
    }
    band.closePath();
    context.globalAlpha = line.bandAlpha * behind;
    context.fill(band);
    context.globalAlpha = Math.min(1, line.bandAlpha * 2.5) * behind;
    context.stroke(edges);
    from = to + 1;
  }
  context.globalAlpha = 1;
}

/** Small crosses on the x axis where a value is NaN or infinite. */
function paintNonfinite(context: Context2D, painting: Painting, line: Line, columns: Columns): void {
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
    // Marks that would lie on each other are one mark.
    if (!(px >= plot.left && px <= plot.right) || px - lastPixel < 3) continue;
    lastPixel = px;
    context.moveTo(px - 3, plot.bottom - 3);
    context.lineTo(px + 3, plot.bottom + 3);
    context.moveTo(px + 3, plot.bottom - 3);
    context.lineTo(px - 3, plot.bottom + 3);
  }
  context.stroke();
  context.restore();
}

/** Draws paintings on a 2D canvas: in the worker, or on the main thread where there is no OffscreenCanvas. */
import type { PaintContext } from "./context";
import type { Columns } from "./model";
import { paintAxes } from "./paint_axes";
import { paintNonfinite, paintOutside } from "./paint_marks";
import { paintSeries } from "./paint_series";
import type { Painting, PaintRequest } from "./painting";

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
    const context = this.canvas.getContext("2d") as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
    if (!context) return;
    context.setTransform(painting.ratio, 0, 0, painting.ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    paintChart(context, painting, this.columns);
  }
}

/** Draws a chart in CSS pixels from the context's own origin. */
export function paintChart(context: PaintContext, painting: Painting, columnsById: ReadonlyMap<string, Columns>): void {
  paintAxes(context, painting);
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
  // Marks stand on the axes themselves, outside the clipped part.
  const { aboveCount, belowCount } = painting.frame;
  for (const line of painting.lines) {
    const columns = columnsById.get(line.id);
    if (!columns || !line.hasMarks) continue;
    paintNonfinite(context, painting, line, columns);
    if (aboveCount + belowCount > 0) paintOutside(context, painting, line, columns);
  }
}

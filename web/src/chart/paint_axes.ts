/** Draws the axes of a chart, their ticks and the grid. */
import { FONT, type PaintContext } from "./context";
import type { Painting } from "./painting";
import { toPixel } from "./scale";

export function paintAxes(context: PaintContext, { frame, theme }: Painting): void {
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

function gridLine(context: PaintContext, color: string, x1: number, y1: number, x2: number, y2: number): void {
  // Lines of one pixel are sharp on half pixels.
  const nudge = (value: number) => Math.round(value) + 0.5;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(x1 === x2 ? nudge(x1) : x1, y1 === y2 ? nudge(y1) : y1);
  context.lineTo(x1 === x2 ? nudge(x2) : x2, y1 === y2 ? nudge(y2) : y2);
  context.stroke();
}

/** Two axes around a plot: where they stand and how they are drawn. */
import type { Rect } from "../chart/frame";
import type { ChartTheme } from "../chart/model";
import { paddedRange, type Scale, toPixel } from "../chart/scale";
import { type Tick, ticksOf, type Unit } from "../chart/ticks";

export interface Axes {
  plot: Rect;
  x: Scale;
  y: Scale;
  xTicks: Tick[];
  yTicks: Tick[];
}

export interface AxisWanted {
  min: number;
  max: number;
  isLog: boolean;
  unit: Unit;
}

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
// Near enough to the width of a character of that font, without a canvas to measure with.
const CHARACTER_WIDTH = 6.6;
const MARGIN_TOP = 8;
const MARGIN_RIGHT = 12;
const MARGIN_BOTTOM = 22;
const MARGIN_LEFT_MIN = 32;
const RANGE_MARGIN = 0.05;

const scaleOf = ({ min, max, isLog }: AxisWanted, from: number, to: number): Scale => {
  const kind = isLog ? "log" : "linear";
  const [low, high] = paddedRange(min, max, kind, RANGE_MARGIN);
  return { kind, min: low, max: high, from, to };
};

export function makeAxes(width: number, height: number, xWanted: AxisWanted, yWanted: AxisWanted): Axes {
  const bottom = Math.max(MARGIN_TOP + 1, height - MARGIN_BOTTOM);
  const y = scaleOf(yWanted, bottom, MARGIN_TOP);
  const yTicks = ticksOf(y, Math.max(2, Math.floor((bottom - MARGIN_TOP) / 36)), yWanted.unit);
  const longest = Math.max(0, ...yTicks.map(({ label }) => label.length)) * CHARACTER_WIDTH;
  const left = Math.max(MARGIN_LEFT_MIN, Math.ceil(longest) + 12);
  const right = Math.max(left + 1, width - MARGIN_RIGHT);
  const x = scaleOf(xWanted, left, right);
  const xTicks = ticksOf(x, Math.max(2, Math.floor((right - left) / 72)), xWanted.unit);
  return { plot: { left, top: MARGIN_TOP, right, bottom }, x, y, xTicks, yTicks };
}

export function drawAxes(context: CanvasRenderingContext2D, axes: Axes, theme: ChartTheme): void {
  const { plot, x, y } = axes;
  context.save();
  context.lineWidth = 1;
  context.font = FONT;
  context.fillStyle = theme.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, label } of axes.yTicks) {
    const pixel = Math.round(toPixel(y, value)) + 0.5;
    line(context, label ? theme.axis : theme.grid, plot.left, pixel, plot.right, pixel);
    if (label) context.fillText(label, plot.left - 6, pixel);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  let freeFrom = -Infinity;
  for (const { value, label } of axes.xTicks) {
    const pixel = Math.round(toPixel(x, value)) + 0.5;
    line(context, label ? theme.axis : theme.grid, pixel, plot.top, pixel, plot.bottom + (label ? 4 : 0));
    const half = context.measureText(label).width / 2;
    const center = Math.min(pixel, plot.right + MARGIN_RIGHT - half - 1);
    if (!label || center - half < freeFrom) continue;
    context.fillText(label, center, plot.bottom + 7);
    freeFrom = center + half + 6;
  }
  context.restore();
}

function line(context: CanvasRenderingContext2D, color: string, x1: number, y1: number, x2: number, y2: number): void {
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

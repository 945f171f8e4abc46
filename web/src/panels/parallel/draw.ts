/** Draws parallel coordinates. */
import type { ChartTheme } from "../../chart/model";
import { toPixel } from "../../chart/scale";
import type { ShownRun } from "../../panel/shown_run";
import { type AxisModel, axisTicks } from "./model";

export interface ParallelPicture {
  axes: readonly AxisModel[];
  runs: readonly ShownRun[];
  kept: readonly boolean[];
  colorOf: (run: number) => string;
  /** The pixel of each axis. */
  places: readonly number[];
  top: number;
  bottom: number;
  theme: ChartTheme;
}

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const TICK_PIXELS = 44;
const LABEL_CHARACTERS = 12;

const alphaFor = (count: number) => (count <= 50 ? 0.9 : count <= 500 ? 0.5 : count <= 3000 ? 0.25 : 0.15);

export function drawParallel(context: CanvasRenderingContext2D, picture: ParallelPicture): void {
  const { runs, kept, theme } = picture;
  const hasBrush = kept.includes(false);
  if (hasBrush) {
    context.globalAlpha = Math.min(0.4, alphaFor(runs.length));
    strokeLines(context, picture, (run) => (kept[run] ? null : theme.axis));
  }
  const isFaded = (run: number) => runs[run].emphasis === "faded";
  const keptCount = kept.filter(Boolean).length;
  context.globalAlpha = 0.3 * alphaFor(keptCount);
  strokeLines(context, picture, (run) => (kept[run] && isFaded(run) ? picture.colorOf(run) : null));
  context.globalAlpha = alphaFor(keptCount);
  strokeLines(context, picture, (run) => (kept[run] && runs[run].emphasis === "normal" ? picture.colorOf(run) : null));
  context.globalAlpha = 1;
  runs.forEach((run, index) => {
    if (run.emphasis === "strong") drawLine(context, picture, index);
  });
  drawAxes(context, picture);
}

/** One line that stands out. */
export function drawLine(context: CanvasRenderingContext2D, picture: ParallelPicture, run: number): void {
  context.globalAlpha = 1;
  for (const [width, color] of [
    [5, picture.theme.ground],
    [2.5, picture.colorOf(run)],
  ] as const) {
    context.lineWidth = width;
    strokeLines(context, picture, (index) => (index === run ? color : null));
  }
  context.lineWidth = 1;
}

/** Lines of one colour are one path: thousands of strokes would each cost as much. */
function strokeLines(
  context: CanvasRenderingContext2D,
  { axes, runs, places, top, bottom }: ParallelPicture,
  colorOf: (run: number) => string | null,
): void {
  const byColor = new Map<string, number[]>();
  for (let run = 0; run < runs.length; run++) {
    const color = colorOf(run);
    if (color === null) continue;
    const same = byColor.get(color);
    if (same) same.push(run);
    else byColor.set(color, [run]);
  }
  // Short paths: a long one that crosses itself is filled as a whole, far slower than its parts.
  const PATH_LINES = 16;
  for (const [color, lines] of byColor) {
    context.strokeStyle = color;
    for (let first = 0; first < lines.length; first += PATH_LINES) {
      context.beginPath();
      for (const run of lines.slice(first, first + PATH_LINES)) {
        let isOpen = false;
        for (let index = 0; index < axes.length; index++) {
          const share = axes[index].shares[run];
          if (Number.isNaN(share)) {
            isOpen = false;
            continue;
          }
          const y = bottom - share * (bottom - top);
          if (isOpen) context.lineTo(places[index], y);
          else context.moveTo(places[index], y);
          isOpen = true;
        }
      }
      context.stroke();
    }
  }
}

function drawAxes(context: CanvasRenderingContext2D, { axes, places, top, bottom, theme }: ParallelPicture): void {
  context.save();
  context.font = FONT;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  axes.forEach((axis, index) => {
    const x = Math.round(places[index]) + 0.5;
    context.strokeStyle = theme.muted;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    const isLast = index === axes.length - 1 && index > 0;
    context.textAlign = isLast ? "right" : "left";
    for (const { value, label } of axisTicks(axis, Math.max(2, (bottom - top) / TICK_PIXELS))) {
      const y = bottom - toPixel(axis.scale, value) * (bottom - top);
      const words = label.length > LABEL_CHARACTERS ? `${label.slice(0, LABEL_CHARACTERS - 1)}…` : label;
      const at = x + (isLast ? -6 : 6);
      // A rim of the ground: words stay readable over the lines.
      context.strokeStyle = theme.ground;
      context.lineWidth = 4;
      context.strokeText(words, at, y);
      context.fillStyle = theme.muted;
      context.fillText(words, at, y);
    }
  });
  context.restore();
}

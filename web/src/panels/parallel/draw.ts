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
  /** Whether it changes with every move of the pointer: then a part of many lines stands for all. */
  isDraft: boolean;
}

// Few enough to be painted within a frame, on a machine that trains as well.
const LINES_A_FRAME = 500;
const DRAFT_LINES = 1000;

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const TICK_PIXELS = 44;
const LABEL_CHARACTERS = 12;

const alphaFor = (count: number) => (count <= 50 ? 0.9 : count <= 500 ? 0.5 : count <= 3000 ? 0.25 : 0.15);

/** The runs that are drawn: while a pointer drags, a part of them. */
function drawnRuns({ runs, isDraft }: ParallelPicture): number[] {
  const every = isDraft ? Math.max(1, Math.ceil(runs.length / DRAFT_LINES)) : 1;
  return runs.flatMap((_, run) => (run % every === 0 ? [run] : []));
}

/** Draws the lines that a brush leaves out, some hundred a step. */
export function* drawLeftOut(context: CanvasRenderingContext2D, picture: ParallelPicture): Generator<void> {
  const lines = drawnRuns(picture).filter((run) => !picture.kept[run]);
  yield* strokeInParts(context, picture, lines, Math.min(0.4, alphaFor(lines.length)), () => picture.theme.axis);
}

/** Draws the lines that all brushes keep, some hundred a step. */
export function* drawKept(context: CanvasRenderingContext2D, picture: ParallelPicture): Generator<void> {
  const { runs, kept, colorOf } = picture;
  const lines = drawnRuns(picture).filter((run) => kept[run]);
  const alpha = alphaFor(lines.length);
  const ofEmphasis = (emphasis: ShownRun["emphasis"]) => lines.filter((run) => runs[run].emphasis === emphasis);
  yield* strokeInParts(context, picture, ofEmphasis("faded"), 0.3 * alpha, colorOf);
  yield* strokeInParts(context, picture, ofEmphasis("normal"), alpha, colorOf);
  for (const run of ofEmphasis("strong")) drawLine(context, picture, run);
}

function* strokeInParts(
  context: CanvasRenderingContext2D,
  picture: ParallelPicture,
  lines: readonly number[],
  alpha: number,
  colorOf: (run: number) => string,
): Generator<void> {
  for (let first = 0; first < lines.length; first += LINES_A_FRAME) {
    if (first > 0) yield;
    context.globalAlpha = alpha;
    strokeLines(context, picture, lines.slice(first, first + LINES_A_FRAME), colorOf);
  }
}

/** One line that stands out. */
export function drawLine(context: CanvasRenderingContext2D, picture: ParallelPicture, run: number): void {
  context.globalAlpha = 1;
  for (const [width, color] of [
    [5, picture.theme.ground],
    [2.5, picture.colorOf(run)],
  ] as const) {
    context.lineWidth = width;
    strokeLines(context, picture, [run], () => color);
  }
  context.lineWidth = 1;
}

/** Lines of one colour are one path: thousands of strokes would each cost as much. */
function strokeLines(
  context: CanvasRenderingContext2D,
  { axes, places, top, bottom }: ParallelPicture,
  runs: readonly number[],
  colorOf: (run: number) => string,
): void {
  const byColor = new Map<string, number[]>();
  for (const run of runs) {
    const color = colorOf(run);
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

export function drawAxes(
  context: CanvasRenderingContext2D,
  { axes, places, top, bottom, theme }: ParallelPicture,
): void {
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

/** What parallel coordinates show: the axes in their order, and what is brushed on each. */
import { asObject, choiceIn, flagIn, textIn } from "../parse";

/** Two values, the lower first; on an axis of texts the first and the last of them. */
export type AxisRange = readonly [number, number] | readonly [string, string];

export interface AxisConfig {
  column: string;
  isLog: boolean;
  isFlipped: boolean;
  /** Null where nothing is brushed. */
  range: AxisRange | null;
}

export const LINE_COLORS = ["last", "runs"] as const;

export interface ParallelConfig {
  /** Each column once. */
  axes: readonly AxisConfig[];
  /** Lines have the colour of their value on the last axis, or the runs' own. */
  color: (typeof LINE_COLORS)[number];
}

export const AXES_MAX = 24;

export const newAxis = (column: string): AxisConfig => ({ column, isLog: false, isFlipped: false, range: null });

function parseRange(json: unknown): AxisRange | null {
  if (!Array.isArray(json) || json.length !== 2) return null;
  const [from, to] = json as unknown[];
  if (typeof from === "string" && typeof to === "string") return [from, to];
  if (typeof from !== "number" || typeof to !== "number" || !(from <= to)) return null;
  return [from, to];
}

function parseAxis(json: unknown): AxisConfig[] {
  const from = asObject(json);
  const column = from ? textIn(from, "column") : "";
  if (!from || column === "") return [];
  return [
    { column, isLog: flagIn(from, "isLog"), isFlipped: flagIn(from, "isFlipped"), range: parseRange(from.range) },
  ];
}

export function parseParallel(json: unknown): ParallelConfig | null {
  const from = asObject(json);
  if (!from) return null;
  const axes = Array.isArray(from.axes) ? from.axes.flatMap(parseAxis) : [];
  const known = new Set<string>();
  const unique = axes.filter(({ column }) => !known.has(column) && known.add(column));
  return { axes: unique.slice(0, AXES_MAX), color: choiceIn(from, "color", LINE_COLORS) };
}

/** The axes with the one at `from` moved to `to`, as far as there are places. */
export function moveAxis(axes: readonly AxisConfig[], from: number, to: number): readonly AxisConfig[] {
  const place = Math.min(axes.length - 1, Math.max(0, to));
  return axes.toSpliced(from, 1).toSpliced(place, 0, axes[from]);
}

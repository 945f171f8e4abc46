/** Where runs lie on parallel axes, and which of them the brushes keep. Pure. Shares go from 0 at the bottom to 1 at the top. */
import type { Scale } from "../../chart/scale";
import { toPixel, toValue } from "../../chart/scale";
import { type Tick, ticksOf } from "../../chart/ticks";
import type { ShownRun } from "../../panel/shown_run";
import { axisNumber, type ColumnTable, formatColumn, formatNumber, unitOf } from "../columns";
import { extentOf } from "../statistics";
import type { AxisConfig, AxisRange } from "./config";

export interface AxisModel extends AxisConfig {
  kind: "number" | "text";
  /** From shares to values; of a text its place among the texts. */
  scale: Scale;
  /** The texts in order; empty for numbers. */
  texts: readonly string[];
  /** By run: NaN where it has no value, or none that the axis can show. */
  shares: Float64Array;
}

export function axisModel(config: AxisConfig, runs: readonly ShownRun[], table: ColumnTable): AxisModel {
  const { column, isFlipped } = config;
  const values = runs.map((run) => table.value(run.id, column));
  const known = values.filter((value) => value !== null);
  const isNumber = known.length > 0 && known.every((value) => typeof value === "number");
  const [from, to] = isFlipped ? [1, 0] : [0, 1];
  if (isNumber) {
    const numbers = values.map((value) => axisNumber(column, value));
    const isLog = config.isLog && numbers.some((number) => number > 0);
    let [min, max] = extentOf(numbers.filter((number) => (isLog ? number > 0 : !Number.isNaN(number))));
    if (!(min < max)) [min, max] = isLog ? [min / 2, min * 2] : [min - 1, min + 1];
    const scale: Scale = { kind: isLog ? "log" : "linear", min, max, from, to };
    return {
      ...config,
      kind: "number",
      scale,
      texts: [],
      shares: Float64Array.from(numbers, (one) => toPixel(scale, one)),
    };
  }
  const words = values.map((value) => (value === null ? null : formatColumn(column, value)));
  const order = new Intl.Collator("en", { numeric: true });
  const texts = [...new Set(words.filter((word) => word !== null))].sort(order.compare);
  const places = new Map(texts.map((text, place) => [text, place]));
  // Half a place of room at either end.
  const scale: Scale = { kind: "linear", min: -0.5, max: Math.max(0.5, texts.length - 0.5), from, to };
  const shares = Float64Array.from(words, (word) => (word === null ? Number.NaN : toPixel(scale, places.get(word)!)));
  return { ...config, kind: "text", scale, texts, shares };
}

/** The two ends of a brush as shares, the lower first; null where nothing is brushed, or nothing that this axis has. */
export function brushOf({ kind, scale, texts, range }: AxisModel): [number, number] | null {
  if (!range) return null;
  let ends: [number, number];
  if (kind === "number") {
    if (typeof range[0] !== "number" || typeof range[1] !== "number") return null;
    if (scale.kind === "log" && range[1] <= 0) return null;
    const low = scale.kind === "log" ? Math.max(range[0], Number.MIN_VALUE) : range[0];
    ends = [toPixel(scale, low), toPixel(scale, range[1])];
  } else {
    const places = range.map((text) => texts.indexOf(String(text)));
    if (places.includes(-1)) return null;
    ends = [toPixel(scale, Math.min(...places) - 0.5), toPixel(scale, Math.max(...places) + 0.5)];
  }
  const inside = ends.map((share) => Math.min(1, Math.max(0, share)));
  return [Math.min(...inside), Math.max(...inside)];
}

/** The range that a brush from one share to another means. */
export function rangeOf({ kind, scale, texts }: AxisModel, from: number, to: number): AxisRange {
  const values = [toValue(scale, from), toValue(scale, to)].sort((a, b) => a - b);
  if (kind === "number") {
    // Rounding must not reach beyond the axis.
    const inside = values.map((value) => Math.min(scale.max, Math.max(scale.min, value)));
    return [inside[0], inside[1]];
  }
  const clamp = (place: number) => Math.min(texts.length - 1, Math.max(0, Math.round(place)));
  return [texts[clamp(values[0])], texts[clamp(values[1])]];
}

// What rounding may take from a value that lies on the edge of a brush.
const TOLERANCE = 1e-9;

/** Which runs every brush keeps; a run without a value is kept by no brush. */
export function keptRuns(axes: readonly AxisModel[], runCount: number): boolean[] {
  const kept = Array.from({ length: runCount }, () => true);
  for (const axis of axes) {
    const brush = brushOf(axis);
    if (!brush) continue;
    const [low, high] = [brush[0] - TOLERANCE, brush[1] + TOLERANCE];
    for (let run = 0; run < runCount; run++)
      if (!(axis.shares[run] >= low && axis.shares[run] <= high)) kept[run] = false;
  }
  return kept;
}

/** The words beside an axis: about as many as wanted. */
export function axisTicks({ column, kind, scale, texts }: AxisModel, wanted: number): Tick[] {
  if (kind === "number") return ticksOf(scale, wanted, unitOf(column)).filter(({ label }) => label !== "");
  const every = Math.max(1, Math.ceil(texts.length / Math.max(1, wanted)));
  return texts.flatMap((label, value) => (value % every === 0 ? [{ value, label }] : []));
}

/** What lies at a share, in words. */
export function wordsAt({ column, kind, scale, texts }: AxisModel, share: number): string {
  const value = toValue(scale, share);
  if (kind === "number") return formatNumber(column, value, 4);
  return texts[Math.min(texts.length - 1, Math.max(0, Math.round(value)))] ?? "";
}

export function rangeWords({ column }: AxisModel, [from, to]: AxisRange): string {
  const words = (end: number | string) => (typeof end === "number" ? formatNumber(column, end, 4) : end);
  return from === to ? words(from) : `${words(from)} to ${words(to)}`;
}

/** The run whose line is nearest to a point between two axes, at most `reach` away in shares; -1 for none. */
export function nearestLine(
  axes: readonly AxisModel[],
  kept: readonly boolean[],
  place: number,
  share: number,
  reach: number,
): number {
  const left = Math.min(axes.length - 2, Math.max(0, Math.floor(place)));
  const part = place - left;
  let [nearest, least] = [-1, reach];
  for (let run = 0; run < kept.length; run++) {
    if (!kept[run]) continue;
    const at = axes[left].shares[run] * (1 - part) + axes[left + 1].shares[run] * part;
    const distance = Math.abs(at - share);
    if (distance <= least) [nearest, least] = [run, distance];
  }
  return nearest;
}

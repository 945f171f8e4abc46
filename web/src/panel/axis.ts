/** What the x axes mean: their units and their words. */
import type { XAxis } from "../api/series";
import type { Unit } from "../chart/ticks";
import { formatCount, formatValue } from "../format/number";
import { formatDuration, formatMoment } from "../format/time";

export const axisMetric = (axis: XAxis): string | null => (axis.startsWith("metric:") ? axis.slice(7) : null);

export function axisUnit(axis: XAxis): Unit {
  if (axis === "step") return "count";
  if (axis === "wall_time") return "moment";
  return axis === "relative_time" ? "duration" : "number";
}

export function axisLabel(axis: XAxis): string {
  if (axis === "wall_time") return "wall time";
  if (axis === "relative_time") return "time since start";
  return axisMetric(axis) ?? "step";
}

/** An x with its unit, for hovers: `step 1,200`, `3 m 07 s`, `epoch 2.5`. */
export function formatX(axis: XAxis, x: number, base: bigint): string {
  if (axis === "step") return `step ${base === 0n ? formatCount(x) : (base + BigInt(Math.round(x))).toString()}`;
  const absolute = Number(base) + x;
  if (axis === "wall_time") return formatMoment(absolute * 1000);
  if (axis === "relative_time") return formatDuration(absolute * 1000);
  return `${axisMetric(axis)} ${formatValue(absolute, 6)}`;
}

/** Which metrics are drawn as lines, numbers and truth values, and which are shown as media, records; none that are hidden. */
import { isRecordKind } from "../api/records";
import type { ProjectMetric } from "../api/types";
import type { ChartMetric, MediaMetric } from "./shown_run";

export interface ChartMetrics {
  drawn: ChartMetric[];
  media: MediaMetric[];
  /** Names that hold only texts or other values. */
  undrawnCount: number;
}

const NONE: readonly string[] = [];

const isDrawable = (kind: string) => kind === "number" || kind === "bool";

/** A metric of a project, or of a run, which counts no runs. */
type Listed = Pick<ProjectMetric, "name" | "kind" | "hidden" | "step_metric"> &
  Partial<Pick<ProjectMetric, "run_count">>;

export function chartMetrics(listed: readonly Listed[]): ChartMetrics {
  const byName = new Map<string, Listed[]>();
  for (const metric of listed) {
    const same = byName.get(metric.name);
    if (same) same.push(metric);
    else byName.set(metric.name, [metric]);
  }
  const drawn: ChartMetric[] = [];
  const media: MediaMetric[] = [];
  let undrawnCount = 0;
  for (const [key, kinds] of byName) {
    const [only] = kinds;
    // As nearly all are, of which there may be very many.
    if (kinds.length === 1 && !only.hidden && isDrawable(only.kind)) {
      drawn.push({ key, stepMetric: only.step_metric ?? "", otherKinds: NONE });
      continue;
    }
    if (kinds.some((one) => one.hidden)) continue;
    let hasRecords = false;
    for (const { kind, run_count: runCount = 1 } of kinds) {
      if (!isRecordKind(kind)) continue;
      hasRecords = true;
      const otherKinds = kinds.map((one) => one.kind).filter((other) => other !== kind);
      media.push({ key, kind, runCount, otherKinds });
    }
    if (!kinds.some((one) => isDrawable(one.kind))) {
      if (!hasRecords) undrawnCount++;
      continue;
    }
    drawn.push({
      key,
      stepMetric: kinds.find((one) => one.step_metric)?.step_metric ?? "",
      otherKinds: kinds.filter((one) => !isDrawable(one.kind)).map((one) => one.kind),
    });
  }
  return { drawn, media, undrawnCount };
}

/** Which metrics can be drawn as lines: numbers and truth values that are not hidden. */
import type { ProjectMetric } from "../api/types";
import type { ChartMetric } from "./shown_run";

export interface ChartMetrics {
  drawn: ChartMetric[];
  /** Names that hold only texts or other values. */
  undrawnCount: number;
}

const isDrawable = (kind: string) => kind === "number" || kind === "bool";

type Listed = Pick<ProjectMetric, "name" | "kind" | "hidden" | "step_metric">;

export function chartMetrics(listed: readonly Listed[]): ChartMetrics {
  const byName = new Map<string, Listed[]>();
  for (const metric of listed) {
    const same = byName.get(metric.name);
    if (same) same.push(metric);
    else byName.set(metric.name, [metric]);
  }
  const drawn: ChartMetric[] = [];
  let undrawnCount = 0;
  for (const [key, kinds] of byName) {
    if (kinds.some((one) => one.hidden)) continue;
    if (!kinds.some((one) => isDrawable(one.kind))) {
      undrawnCount++;
      continue;
    }
    drawn.push({
      key,
      stepMetric: kinds.find((one) => one.step_metric)?.step_metric ?? "",
      otherKinds: kinds.filter((one) => !isDrawable(one.kind)).map((one) => one.kind),
    });
  }
  return { drawn, undrawnCount };
}

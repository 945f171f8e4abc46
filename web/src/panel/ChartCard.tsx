/** The chart of one metric: a line for each run. */
import { useMemo } from "react";
import { LinePanel, type LinePanelProps } from "./LinePanel";
import type { ChartMetric } from "./shown_run";

export interface ChartCardProps extends Omit<LinePanelProps, "id" | "metrics" | "expressions" | "groups"> {
  metric: ChartMetric;
}

const NONE: readonly string[] = [];

export function ChartCard({ metric, ...rest }: ChartCardProps) {
  const metrics = useMemo(() => [metric], [metric]);
  return <LinePanel {...rest} id={metric.key} metrics={metrics} expressions={NONE} groups={null} />;
}

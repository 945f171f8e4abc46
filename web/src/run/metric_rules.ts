/** Which definition holds for a metric: its own, or else the longest that ends in `*` and begins its name. */
import type { MetricDefinition } from "../api/types";

export function metricRules(definitions: readonly MetricDefinition[]): (name: string) => MetricDefinition | undefined {
  const exact = new Map(definitions.map((definition) => [definition.name, definition]));
  const patterns = definitions
    .filter((definition) => definition.name.endsWith("*"))
    .sort((a, b) => b.name.length - a.name.length);
  return (name) => exact.get(name) ?? patterns.find((pattern) => name.startsWith(pattern.name.slice(0, -1)));
}

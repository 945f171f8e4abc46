/** A panel of lines that a person made: metrics by name or by pattern, and arithmetic over them. */
import { type ChartSettings, readSettings } from "../layout/document";
import type { ChartMetric } from "../panel/shown_run";
import { matcher } from "../ui/matcher";

export const LINES_KIND = "lines";

export interface LinesConfig {
  metrics: readonly string[];
  /** A regular expression: all metrics it finds, also those to come; empty for none. */
  pattern: string;
  /** Arithmetic over metrics, as docs/http_api.md states it. */
  expressions: readonly string[];
  settings: ChartSettings;
}

export const EMPTY_LINES: LinesConfig = { metrics: [], pattern: "", expressions: [], settings: {} };

// More lines than this cannot be told apart, and each is asked for.
const PATTERN_METRICS_MAX = 50;

export function readLines(json: unknown): LinesConfig | null {
  if (typeof json !== "object" || json === null) return null;
  const { metrics, pattern, expressions, settings } = json as Record<string, unknown>;
  return {
    metrics: texts(metrics),
    pattern: typeof pattern === "string" ? pattern : "",
    expressions: texts(expressions),
    settings: readSettings(settings) ?? {},
  };
}

const texts = (json: unknown): string[] =>
  Array.isArray(json) ? json.filter((one): one is string => typeof one === "string") : [];

/** The metrics that a panel draws, in its order; those that nobody has logged yet are waited for. */
export function metricsOf(config: LinesConfig, known: ReadonlyMap<string, ChartMetric>): ChartMetric[] {
  const keys = new Set(config.metrics);
  const isFound = config.pattern ? matcher(config.pattern) : null;
  if (isFound) {
    let count = 0;
    for (const key of known.keys()) {
      if (!isFound(key)) continue;
      keys.add(key);
      if (++count === PATTERN_METRICS_MAX) break;
    }
  }
  return [...keys].map((key) => known.get(key) ?? { key, stepMetric: "", otherKinds: [] });
}

/** What the panel is called while it has no title of its own. */
export function linesTitle({ metrics, pattern, expressions }: LinesConfig): string {
  const parts = [...metrics, ...(pattern ? [`/${pattern}/`] : []), ...expressions];
  return parts.length === 0 ? "Lines" : parts.join(", ");
}

/** How much each part of a run's page holds, and which records belong to which part. */
import type { RecordKind } from "../api/records";
import type { WholeRun } from "../api/types";
import { hasTrouble } from "../data/runs";
import type { ChartMetrics } from "../panel/chart_metrics";
import type { Tab } from "../url/view_state";

export type RecordTab = "charts" | "media" | "tables";

// Histograms over steps are curves of many values: a person looks for them among the charts.
const TAB_OF: Partial<Record<RecordKind, RecordTab>> = { histogram: "charts", table: "tables", plot: "tables" };

/** What of a run's metrics a part of its page shows. */
export function metricsOf({ drawn, media, undrawnCount }: ChartMetrics, tab: RecordTab): ChartMetrics {
  return {
    drawn: tab === "charts" ? drawn : [],
    media: media.filter(({ kind }) => (TAB_OF[kind] ?? "media") === tab),
    undrawnCount: tab === "charts" ? undrawnCount : 0,
  };
}

export interface TabCounts {
  /** 0 where there is nothing; parts that are not here are not counted. */
  of: Partial<Record<Tab, number>>;
  /** Whether something of the run did not come in, or asks for attention. */
  hasTrouble: boolean;
  /** Whether one of its ranks asks for attention. */
  hasRankTrouble: boolean;
}

export function tabCounts(run: WholeRun, metrics: ChartMetrics): TabCounts {
  const sizeOf = (tab: RecordTab) => {
    const { drawn, media } = metricsOf(metrics, tab);
    return drawn.length + media.length;
  };
  return {
    of: {
      charts: sizeOf("charts"),
      ranks: run.ranks?.rank_count,
      logs: (run.writers ?? []).reduce((sum, writer) => sum + writer.console_line_count, 0),
      media: sizeOf("media"),
      tables: sizeOf("tables"),
      files: run.files?.length ?? 0,
    },
    hasTrouble: hasTrouble(run) || (run.state === "running" && (run.stalled ?? false)),
    hasRankTrouble: (run.ranks?.notes ?? []).length > 0,
  };
}

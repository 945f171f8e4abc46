/** Brings what the live socket of a project says into the page: the list of runs, the series shown, the metrics there are. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type LiveState, openLive } from "../api/live";
import type { RunsPage } from "../api/types";
import { noteRevision, retryAll } from "./page_store";
import { queryKeys } from "./queries";
import { applyLive } from "./runs";
import { throttle } from "./throttle";

// Lists of names and summaries may be long: they follow a running run more slowly than its charts do.
const LISTS_INTERVAL_MS = 1000;
// Which columns there are, and in which runs differ, is asked over all runs and seldom changes.
const COLUMNS_INTERVAL_MS = 5000;

/**
 * @param run the run that is shown whole, if one is.
 */
export function useLive(project: string, run: string | null): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");

  useEffect(() => {
    const metricCounts = new Map<string, number>();
    const metrics = throttle(() => {
      void client.invalidateQueries({ queryKey: queryKeys.metrics(project) });
      if (run !== null) void client.invalidateQueries({ queryKey: queryKeys.runMetrics(project, run) });
    }, LISTS_INTERVAL_MS);
    const whole = throttle(() => {
      if (run !== null) void client.invalidateQueries({ queryKey: queryKeys.run(project, run) });
    }, LISTS_INTERVAL_MS);

    const sets = throttle(() => {
      const queryKey = queryKeys.runSets(project);
      // An answer that is on its way may have been made before this change; it is not thrown away, but asked again after it.
      if (client.isFetching({ queryKey }) > 0) sets.call();
      else void client.invalidateQueries({ queryKey });
    }, LISTS_INTERVAL_MS);
    const columns = throttle(() => {
      void client.invalidateQueries({ queryKey: queryKeys.runColumns(project) });
    }, COLUMNS_INTERVAL_MS);

    const close = openLive(project, {
      message(message) {
        const pages = client.getQueriesData<RunsPage>({ queryKey: queryKeys.runs(project) });
        for (const [, page] of pages) {
          for (const known of page?.runs ?? []) {
            if (!metricCounts.has(known.run_id)) metricCounts.set(known.run_id, known.metric_count);
          }
        }
        client.setQueriesData<RunsPage>(
          { queryKey: queryKeys.runs(project) },
          (page) => page && applyLive(page, message),
        );
        sets.call();
        columns.call();
        let hasNewMetrics = message.removed.length > 0;
        for (const one of message.runs) {
          noteRevision(project, one.run_id, one.revision);
          if (metricCounts.get(one.run_id) !== one.metric_count) hasNewMetrics = true;
          metricCounts.set(one.run_id, one.metric_count);
          if (one.run_id === run) whole.call();
        }
        if (hasNewMetrics) metrics.call();
      },
      state(next, isAgain) {
        setState(next);
        if (next !== "open" || !isAgain) return;
        // What changed while nobody listened is asked once.
        retryAll();
        void client.invalidateQueries({ queryKey: queryKeys.runs(project) });
        sets.call();
        columns.call();
        metrics.call();
        whole.call();
      },
    });
    return () => {
      close();
      sets.cancel();
      columns.cancel();
      metrics.cancel();
      whole.cancel();
    };
  }, [client, project, run]);

  return state;
}

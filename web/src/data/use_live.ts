/** Brings what the live socket of a project says into the page: the list of runs, the series shown, the metrics there are. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type LiveState, openLive } from "../api/live";
import type { LiveMessage } from "../api/types";
import { queryRuns, type RunsAnswer, type RunsQuestion } from "../api/run_sets";
import { noteRevision, retryAll } from "./page_store";
import { queryKeys } from "./queries";
import { isNewestFirst } from "./run_list";
import { applyLive, reorder } from "./runs";
import { throttleWhileSeen } from "./throttle";

// Lists of names and summaries may be long: they follow a running run more slowly than its charts do.
const LISTS_INTERVAL_MS = 1000;
// Which columns there are, and in which runs differ, is asked over all runs and seldom changes.
const COLUMNS_INTERVAL_MS = 5000;
// Alerts and checkpoints are rare, and no message names them.
const EVENTS_INTERVAL_MS = 10_000;

/**
 * @param run the run that is shown whole, if one is.
 */
export function useLive(project: string, run: string | null): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");

  useEffect(() => {
    const metricCounts = new Map<string, number>();
    const loggedRevisions = new Map<string, number>();
    const metrics = throttleWhileSeen(() => {
      void client.invalidateQueries({ queryKey: queryKeys.metrics(project) });
      if (run !== null) void client.invalidateQueries({ queryKey: queryKeys.runMetrics(project, run) });
    }, LISTS_INTERVAL_MS);
    const whole = throttleWhileSeen(() => {
      if (run !== null) void client.invalidateQueries({ queryKey: queryKeys.run(project, run) });
    }, LISTS_INTERVAL_MS);

    const sets = throttleWhileSeen(() => {
      const queryKey = queryKeys.runSets(project);
      // An answer that is on its way may have been made before this change; it is not thrown away, but asked again after it.
      if (client.isFetching({ queryKey }) > 0) sets.call();
      else void client.invalidateQueries({ queryKey });
    }, LISTS_INTERVAL_MS);
    const orders = throttleWhileSeen(() => void orderLists(client, project), LISTS_INTERVAL_MS);
    const columns = throttleWhileSeen(() => {
      void client.invalidateQueries({ queryKey: queryKeys.runColumns(project) });
    }, COLUMNS_INTERVAL_MS);

    const events = throttleWhileSeen(() => {
      void client.invalidateQueries({ queryKey: queryKeys.events(project) });
    }, EVENTS_INTERVAL_MS);

    const close = openLive(project, {
      message(message) {
        const lists = client.getQueriesData<RunsAnswer>({ queryKey: queryKeys.runs(project) });
        for (const [, list] of lists) {
          for (const known of list?.runs ?? []) {
            if (!metricCounts.has(known.run_id)) metricCounts.set(known.run_id, known.metric_count);
          }
        }
        for (const [key, list] of lists) {
          if (list) client.setQueryData<RunsAnswer>(key, applyLive(list, message, isNewestFirst(questionOfKey(key))));
        }
        orders.call();
        sets.call();
        if (hasLogged(message, loggedRevisions)) {
          columns.call();
          events.call();
        }
        let hasNewMetrics = message.removed.length > 0;
        for (const one of message.runs) {
          noteRevision(project, one);
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
      orders.cancel();
      columns.cancel();
      events.cancel();
      metrics.cancel();
      whole.cancel();
    };
  }, [client, project, run]);

  return state;
}

/** Whether a message tells of more than what was measured of machines and printed to consoles; notes what it tells of. */
function hasLogged({ runs, removed }: LiveMessage, revisions: Map<string, number>): boolean {
  let isNew = removed.length > 0;
  for (const { run_id: id, revision, logged_revision: logged = revision } of runs) {
    isNew ||= revisions.get(id) !== logged;
    revisions.set(id, logged);
  }
  return isNew;
}

const questionOfKey = (key: readonly unknown[]) => key.at(-1) as RunsQuestion;

/** Asks for the order of the lists that a change of a run may have changed, and only for it: the runs themselves come by the socket. */
async function orderLists(client: QueryClient, project: string): Promise<void> {
  const active = client.getQueryCache().findAll({ queryKey: queryKeys.runs(project), type: "active" });
  for (const { queryKey } of active) {
    const question = questionOfKey(queryKey);
    if (isNewestFirst(question)) continue;
    try {
      const order = await queryRuns(project, { ...question, with_runs: false });
      const list = client.getQueryData<RunsAnswer>(queryKey);
      const next = list && reorder(list, order);
      if (next) client.setQueryData(queryKey, next);
      else await client.invalidateQueries({ queryKey, exact: true });
    } catch {
      // The daemon is gone for the moment: the socket asks again when it is back.
    }
  }
}

/** Brings what the live socket of a project says into the page: the list of runs, the series shown, the metrics there are. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type LiveState, openLive } from "../api/live";
import type { RunsAnswer } from "../api/run_sets";
import type { LiveMessage } from "../api/types";
import { askAnew, askingAgain, letGo } from "./ask_again";
import { noteRevision, retryAll } from "./page_store";
import { queryKeys } from "./queries";
import { orderLists, tellLists } from "./run_list";
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
    const metricKeys: QueryKey[] = [queryKeys.metrics(project)];
    if (run !== null) metricKeys.push(queryKeys.runMetrics(project, run));
    const lists = askingAgain(client, LISTS_INTERVAL_MS);
    const columns = askingAgain(client, COLUMNS_INTERVAL_MS);
    const events = askingAgain(client, EVENTS_INTERVAL_MS);
    const orders = throttleWhileSeen(async () => {
      if (await orderLists(client, project)) orders.call();
    }, LISTS_INTERVAL_MS);

    const close = openLive(project, {
      message(message) {
        // The first one tells of what runs, or has ended a moment ago: often of nothing.
        if (message.runs.length + message.removed.length === 0) return;
        for (const [, list] of client.getQueriesData<RunsAnswer>({ queryKey: queryKeys.runs(project) })) {
          for (const known of list?.runs ?? []) {
            if (!metricCounts.has(known.run_id)) metricCounts.set(known.run_id, known.metric_count);
          }
        }
        tellLists(client, project, message);
        orders.call();
        if (hasLogged(message, loggedRevisions)) {
          columns.call(queryKeys.runColumns(project));
          events.call(queryKeys.events(project));
        }
        const changed: QueryKey[] = [queryKeys.runSets(project)];
        let hasNewMetrics = message.removed.length > 0;
        for (const one of message.runs) {
          noteRevision(project, one);
          if (metricCounts.get(one.run_id) !== one.metric_count) hasNewMetrics = true;
          metricCounts.set(one.run_id, one.metric_count);
          if (one.run_id === run) changed.push(queryKeys.run(project, run));
        }
        if (hasNewMetrics) changed.push(...metricKeys);
        lists.call(...changed);
      },
      state(next, isAgain) {
        setState(next);
        if (next !== "open" || !isAgain) return;
        retryAll();
        void askAnew(client, queryKeys.allOf(project));
      },
    });
    return () => {
      close();
      lists.cancel();
      orders.cancel();
      columns.cancel();
      events.cancel();
      letGo(client, queryKeys.allOf(project));
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

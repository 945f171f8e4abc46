/** The runs that are compared: which, as the address has it, and all that is known of each, as it changes. */
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import { getText } from "../api/http";
import { fetchRun, fetchRunMetrics, fileAddress } from "../api/routes";
import type { RunMetric, WholeRun } from "../api/types";
import { askingAgain } from "../data/ask_again";
import { watchRevisions } from "../data/page_store";
import { queryKeys } from "../data/queries";
import { comparedRuns } from "../url/route";
import type { ChangeView } from "../url/use_view";
import { parseView, type ViewState } from "../url/view_state";
import { compareQuery } from "./address";
import { REQUIREMENTS } from "./facts";

const LIVE_INTERVAL_MS = 1000;

const goTo = (query: string, isKept: boolean) =>
  navigate(location.pathname + (query ? `?${query}` : ""), { replace: !isKept });

export interface ComparedAddress {
  ids: readonly string[];
  setIds: (ids: readonly string[]) => void;
  view: ViewState;
  changeView: ChangeView;
}

export function useComparedAddress(): ComparedAddress {
  const search = useSearch();
  const ids = useMemo(() => comparedRuns(search), [search]);
  const view = useMemo(() => parseView(search), [search]);
  const setIds = useCallback(
    (next: readonly string[]) => goTo(compareQuery(next, parseView(location.search)), true),
    [],
  );
  const changeView = useCallback<ChangeView>((part, history = "replace") => {
    // Read anew, so that two changes in one moment add up.
    const query = compareQuery(comparedRuns(location.search), { ...parseView(location.search), ...part });
    goTo(query, history === "keep");
  }, []);
  return { ids, setIds, view, changeView };
}

export interface ComparedState {
  /** In the order of the address, without those that are not there yet. */
  runs: WholeRun[];
  /** Of each of `runs`: null where it keeps no list of packages, or where it has not come yet. */
  packages: (string | null)[];
  metrics: (readonly RunMetric[])[];
  /** What could not be read, by the run's id. */
  errors: { id: string; error: Error }[];
  isPending: boolean;
  retry: () => void;
}

export function useComparedRuns(project: string, ids: readonly string[]): ComparedState {
  const client = useQueryClient();
  const whole = useQueries({
    queries: ids.map((id) => ({
      queryKey: queryKeys.run(project, id),
      // The revision is not noted: whoever is told of it asks again.
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchRun(project, id, signal),
    })),
  });
  const runs = whole.flatMap(({ data }) => (data ? [data] : []));
  const packages = useQueries({
    queries: runs.map((run) => {
      const sha256 = run.files?.find(({ path }) => path === REQUIREMENTS)?.sha256 ?? null;
      return {
        queryKey: ["packages", project, run.run_id, sha256],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          getText(fileAddress(project, run.run_id, REQUIREMENTS), signal),
        enabled: sha256 !== null,
      };
    }),
  }).map(({ data }) => data ?? null);
  const metrics = useQueries({
    queries: runs.map((run) => ({
      queryKey: queryKeys.runMetrics(project, run.run_id),
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchRunMetrics(project, run.run_id, signal),
    })),
  }).map(({ data }) => data ?? NO_METRICS);

  const idText = JSON.stringify(ids);
  useEffect(() => {
    const watched = new Set(JSON.parse(idText) as string[]);
    const asking = askingAgain(client, LIVE_INTERVAL_MS);
    const stop = watchRevisions((changedProject, id) => {
      if (changedProject !== project || !watched.has(id)) return;
      asking.call(queryKeys.run(project, id), queryKeys.runMetrics(project, id));
    });
    return () => {
      stop();
      asking.cancel();
    };
  }, [client, project, idText]);

  return {
    runs,
    packages,
    metrics,
    errors: whole.flatMap(({ error, data }, index) => (error && !data ? [{ id: ids[index], error }] : [])),
    isPending: whole.some(({ isPending }) => isPending),
    retry: () => whole.forEach((one) => void one.refetch()),
  };
}

const NO_METRICS: readonly RunMetric[] = [];

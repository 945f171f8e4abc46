/** The columns of a project's runs that a panel needs: panels that want the same ask once. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { queryRuns } from "../api/run_sets";
import { queryKeys } from "../data/queries";
import { useStable } from "../ui/use_stable";
import { ColumnTable } from "./columns";

// The API's own limit of rows in an answer.
const RUNS_MAX = 10_000;

export interface ColumnsState {
  /** Null until the first answer. */
  table: ColumnTable | null;
  error: Error | null;
  retry: () => void;
}

/** @param columns may hold empty names, of what is not chosen yet. */
export function useColumnsOfRuns(project: string, columns: readonly string[]): ColumnsState {
  const wanted = useStable([...new Set(columns)].filter((name) => name !== "").sort());
  const query = useQuery({
    queryKey: [...queryKeys.runSets(project), "columns", ...wanted],
    queryFn: ({ signal }) =>
      queryRuns(
        project,
        {
          filter: "",
          search: "",
          archived: "with",
          sort: [],
          group_by: [],
          columns: wanted,
          aggregates: [],
          with_runs: false,
          offset: 0,
          limit: RUNS_MAX,
        },
        signal,
      ),
    enabled: wanted.length > 0,
    // Another column is shown when it has come.
    placeholderData: (before, last) => (last?.queryKey[1] === project ? before : undefined),
  });
  const { data } = query;
  const table = useMemo(() => (data ? new ColumnTable(data) : null), [data]);
  return { table, error: query.error, retry: () => void query.refetch() };
}

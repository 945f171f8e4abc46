/** The config and the summary of some runs, as sections of a comparison. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { fetchColumns, queryRuns } from "../../api/run_sets";
import type { Facts } from "../../compare/rows";
import { queryKeys } from "../../data/queries";
import { useStable } from "../../ui/use_stable";
import { ColumnTable, keyOf } from "../columns";
import { factsOfColumns, filterOf } from "./column_facts";

// More keys than anybody reads through; the search of the daemon's columns is for them.
const COLUMNS_MAX = 2000;

export interface ComparedColumns {
  facts: Facts[] | null;
  /** Keys that are left out, as there are too many. */
  cutCount: number;
  error: Error | null;
  retry: () => void;
}

/** @param isVarying whether only columns are asked for in which the runs differ. */
export function useComparedColumns(project: string, runIds: readonly string[], isVarying: boolean): ComparedColumns {
  const ids = useStable([...runIds]);
  const query = useQuery({
    queryKey: [...queryKeys.runSets(project), "comparer", ids, isVarying],
    queryFn: async ({ signal }) => {
      const filter = filterOf(ids);
      const columns = await fetchColumns(
        project,
        { search: "", varying: isVarying, filter, offset: 0, limit: COLUMNS_MAX },
        signal,
      );
      const names = columns.columns.map(({ name }) => name).filter((name) => keyOf(name) !== null);
      const answer = await queryRuns(
        project,
        {
          filter,
          search: "",
          archived: "with",
          sort: [],
          group_by: [],
          columns: names,
          aggregates: [],
          with_runs: false,
          offset: 0,
          limit: ids.length,
        },
        signal,
      );
      return { names, answer, cutCount: columns.total_count - columns.columns.length };
    },
    enabled: ids.length > 0,
    placeholderData: (before, last) => (last?.queryKey[1] === project ? before : undefined),
  });
  const { data } = query;
  const facts = useMemo(
    () => (data ? factsOfColumns(new ColumnTable(data.answer), data.names, ids) : null),
    [data, ids],
  );
  return { facts, cutCount: data?.cutCount ?? 0, error: query.error, retry: () => void query.refetch() };
}

/** The names of the columns that a project's runs have, for fields within a panel. */
import { useQuery } from "@tanstack/react-query";
import { fetchColumns } from "../api/run_sets";
import { columnKeys } from "./column_refresh";

// More names than a field completes.
const NAMES_MAX = 2000;

/** @returns the columns of numbers, the summary's first; empty until they have come. */
export function useNumberColumns(project: string): readonly string[] {
  const { data } = useQuery({
    queryKey: columnKeys.names(project),
    queryFn: ({ signal }) =>
      fetchColumns(project, { search: "", varying: false, filter: "", offset: 0, limit: NAMES_MAX }, signal),
    select: numberNames,
    // Which columns there are changes seldom, and a name that is not listed can be typed.
    staleTime: 60_000,
  });
  return data ?? NONE;
}

const NONE: readonly string[] = [];

function numberNames({ columns }: Awaited<ReturnType<typeof fetchColumns>>): string[] {
  const names = columns.filter(({ kind }) => kind === "number" || kind === "duration").map(({ name }) => name);
  const rank = (name: string) => (name.startsWith("summary.") ? 0 : 1);
  return names.sort((a, b) => rank(a) - rank(b));
}

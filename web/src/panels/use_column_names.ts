/** The names of the columns that a project's runs have, for fields within a panel. */
import { useMemo } from "react";
import type { ColumnInfo } from "../api/run_sets";
import { useColumns } from "../runs/use_columns";

// More names than a field completes; one that is not listed can be typed.
const QUESTION = { search: "", varying: false, filter: "", offset: 0, limit: 2000 };

/** @returns the columns of numbers, the summary's first; empty until they have come. */
export function useNumberColumns(project: string): readonly string[] {
  const { data } = useColumns(project, QUESTION);
  return useMemo(() => numberNames(data?.columns ?? []), [data]);
}

function numberNames(columns: readonly ColumnInfo[]): string[] {
  const names = columns.filter(({ kind }) => kind === "number" || kind === "duration").map(({ name }) => name);
  const rank = (name: string) => (name.startsWith("summary.") ? 0 : 1);
  return names.sort((a, b) => rank(a) - rank(b));
}

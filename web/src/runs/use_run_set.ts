/** The rows of a set of runs that are looked at, kept up to date; what was shown stays until there is something newer. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queryRuns, type RunGroup } from "../api/run_sets";
import { queryKeys } from "../data/queries";
import { addAnswer, groupsOf, type KnownRows, NOTHING_KNOWN, type RunRow } from "./known_rows";
import type { RunSetQuestion } from "./question";
import { type RunSetWindow, windowOf } from "./window";

export interface RunSet {
  /** Null until the first answer is there. */
  totalCount: number | null;
  projectRunCount: number;
  groups: readonly RunGroup[];
  row: (index: number) => RunRow | null;
  known: KnownRows;
  /** Whether what is shown answers another question than the one asked. */
  isBusy: boolean;
  error: Error | null;
  retry: () => void;
}

export function useRunSet(
  project: string,
  question: RunSetQuestion,
  columns: readonly string[],
  window: RunSetWindow,
  isWanted = true,
): RunSet {
  const key = JSON.stringify(question);
  const { offset, limit } = windowOf(window);
  const query = useQuery({
    queryKey: [...queryKeys.runSets(project), key, columns, offset, limit],
    queryFn: async ({ signal }) => ({
      key,
      offset,
      answer: await queryRuns(project, { ...question, columns, offset, limit }, signal),
    }),
    placeholderData: keepPreviousData,
    enabled: isWanted,
    // `addAnswer` finds what is new in it.
    structuralSharing: false,
    // Windows that were scrolled past are soon old.
    gcTime: 30_000,
  });
  const [known, setKnown] = useState<KnownRows>(NOTHING_KNOWN);
  const { data } = query;
  // Set while rendering: the page is never shown with the rows before.
  if (data && !query.isPlaceholderData && data.answer !== known.answer) {
    setKnown(addAnswer(known, data.key, data.offset, data.answer));
  }
  return {
    totalCount: known.answer?.total_count ?? null,
    projectRunCount: known.answer?.project_run_count ?? 0,
    groups: groupsOf(known),
    row: (index) => known.rows.get(index) ?? null,
    known,
    isBusy: known.key !== key && query.error === null,
    error: query.error,
    retry: () => void query.refetch(),
  };
}

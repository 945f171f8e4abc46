/** The runs that a workspace lists, with what stays the same while they go on: who they are, in which order and groups. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queryRuns, type RunsAnswer, type RunsQuestion } from "../api/run_sets";
import { noteRevision } from "./page_store";
import { queryKeys } from "./queries";

export interface RunListState {
  /** The last answer that came, also while what is asked now is refused: null before the first. */
  list: RunsAnswer | null;
  /** Why the question is refused: a filter or a search that is not finished yet. */
  error: Error | null;
  retry: () => void;
}

/** Whether the list is all runs of the project, newest first: then a new run has its place at the top. */
export const isNewestFirst = (question: RunsQuestion): boolean =>
  question.filter === "" && question.search === "" && question.sort.length === 0 && question.group_by.length === 0;

export function useRunList(project: string, question: RunsQuestion): RunListState {
  const query = useQuery({
    queryKey: [...queryKeys.runs(project), question],
    queryFn: async ({ signal }) => {
      const answer = await queryRuns(project, question, signal);
      for (const run of answer.runs) noteRevision(project, run);
      return answer;
    },
    placeholderData: keepPreviousData,
  });
  const [kept, setKept] = useState<RunsAnswer | null>(null);
  // Set while rendering: a refused question leaves the list before in its place.
  if (query.data && query.data !== kept) setKept(query.data);
  return { list: query.data ?? kept, error: query.error, retry: () => void query.refetch() };
}

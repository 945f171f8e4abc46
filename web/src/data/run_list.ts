/** The runs that a workspace lists, with what stays the same while they go on: who they are, in which order and groups. */
import { keepPreviousData, type QueryClient, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queryRuns, type RunsAnswer, type RunsQuestion } from "../api/run_sets";
import type { LiveMessage } from "../api/types";
import { noteRevision } from "./page_store";
import { queryKeys } from "./queries";
import { applyLive, reorder } from "./runs";

export interface RunListState {
  /** The last answer that came, also while what is asked now is refused: null before the first. */
  list: RunsAnswer | null;
  /** Why the question is refused: a filter or a search that is not finished yet. */
  error: Error | null;
  retry: () => void;
}

/** A list that is on its way, with what was told of its runs since it was asked: the answer may have been made before. */
interface AskedList {
  project: string;
  told: LiveMessage[];
}

const askedLists = new Set<AskedList>();

/** Whether the list is all runs of the project, newest first: then a new run has its place at the top. */
const isNewestFirst = (question: RunsQuestion): boolean =>
  question.filter === "" && question.search === "" && question.sort.length === 0 && question.group_by.length === 0;

const questionOfKey = (key: readonly unknown[]) => key.at(-1) as RunsQuestion;

export async function fetchRunList(project: string, question: RunsQuestion, signal?: AbortSignal): Promise<RunsAnswer> {
  const asked: AskedList = { project, told: [] };
  askedLists.add(asked);
  try {
    const answer = await queryRuns(project, question, signal);
    return asked.told.reduce((list, message) => applyLive(list, message, isNewestFirst(question)), answer);
  } finally {
    askedLists.delete(asked);
  }
}

export function useRunList(project: string, question: RunsQuestion): RunListState {
  const query = useQuery({
    queryKey: [...queryKeys.runs(project), question],
    queryFn: async ({ signal }) => {
      const answer = await fetchRunList(project, question, signal);
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

/** Brings what was told of runs into the lists that are held, and into those that are on their way. */
export function tellLists(client: QueryClient, project: string, message: LiveMessage): void {
  for (const [key, list] of client.getQueriesData<RunsAnswer>({ queryKey: queryKeys.runs(project) })) {
    if (list) client.setQueryData<RunsAnswer>(key, applyLive(list, message, isNewestFirst(questionOfKey(key))));
  }
  for (const asked of askedLists) {
    if (asked.project === project) asked.told.push(message);
  }
}

/**
 * Asks for the order of the lists that a change of a run may have changed, and only for it: the runs themselves are told of.
 *
 * Returns whether one was on its way, so that it is to be asked once more.
 */
export async function orderLists(client: QueryClient, project: string): Promise<boolean> {
  let isOneAsked = false;
  for (const { queryKey } of client.getQueryCache().findAll({ queryKey: queryKeys.runs(project), type: "active" })) {
    const question = questionOfKey(queryKey);
    if (isNewestFirst(question)) continue;
    if (client.isFetching({ queryKey, exact: true }) > 0) {
      isOneAsked = true;
      continue;
    }
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
  return isOneAsked;
}

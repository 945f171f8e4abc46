/** The runs that are chosen for an action: single ones, ranges, and all that match, also those that are not loaded. */
import { useCallback, useRef, useState } from "react";
import { queryRuns } from "../api/run_sets";
import type { RunSetQuestion } from "./question";

// The API's own limit of an answer.
const IDS_PER_ANSWER = 10_000;

export interface Selection {
  ids: ReadonlySet<string>;
  /** @param index its place in the list; null where it is pinned above it. */
  toggle: (id: string, index: number | null) => void;
  /** From the run that was chosen last to this one. */
  extend: (index: number) => Promise<void>;
  /** All of these in, or out where all of them are in. */
  toggleAll: (ids: readonly string[]) => void;
  selectMatching: () => Promise<void>;
  clear: () => void;
}

/** The ids of a stretch of the list. */
export async function idsOf(project: string, question: RunSetQuestion, first: number, end: number): Promise<string[]> {
  const ids: string[] = [];
  while (first + ids.length < end) {
    const offset = first + ids.length;
    const limit = Math.min(IDS_PER_ANSWER, end - offset);
    const brief = { ...question, aggregates: [], with_runs: false, columns: [] };
    const answer = await queryRuns(project, { ...brief, offset, limit });
    ids.push(...answer.run_ids);
    if (answer.run_ids.length === 0 || offset + answer.run_ids.length >= answer.total_count) break;
  }
  return ids;
}

export function useSelection(project: string, question: RunSetQuestion): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<number | null>(null);

  const toggle = useCallback((id: string, index: number | null) => {
    anchor.current = index;
    setIds((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const add = (more: readonly string[]) => setIds((before) => new Set([...before, ...more]));
  const extend = async (index: number) => {
    const from = anchor.current ?? index;
    anchor.current ??= index;
    add(await idsOf(project, question, Math.min(from, index), Math.max(from, index) + 1));
  };
  const toggleAll = (some: readonly string[]) =>
    setIds((before) => {
      const isAll = some.every((id) => before.has(id));
      return new Set(isAll ? [...before].filter((id) => !some.includes(id)) : [...before, ...some]);
    });
  const clear = useCallback(() => {
    anchor.current = null;
    setIds(new Set());
  }, []);
  const selectMatching = async () => add(await idsOf(project, question, 0, Infinity));
  return { ids, toggle, extend, toggleAll, selectMatching, clear };
}

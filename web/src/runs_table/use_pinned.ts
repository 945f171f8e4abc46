/** The runs that stay on top of the table, in the order in which they were pinned, whatever the filter says. */
import { useMemo } from "react";
import type { RunRow } from "../runs/known_rows";
import { questionOf } from "../runs/question";
import { useRunSet } from "../runs/use_run_set";

export function usePinned(project: string, pinned: readonly string[], columns: readonly string[]): readonly RunRow[] {
  const question = useMemo(() => {
    const { filter, search, archived, sort, group_by, aggregates, with_runs } = questionOf(pinned);
    return { filter, search, archived, sort, group_by, aggregates, with_runs };
  }, [pinned]);
  const isWanted = pinned.length > 0;
  const { known } = useRunSet(project, question, columns, { first: 0, end: pinned.length }, isWanted);
  return useMemo(() => {
    if (!isWanted) return [];
    const byId = new Map([...known.rows.values()].map((row) => [row.id, row]));
    return pinned.flatMap((id) => byId.get(id) ?? []);
  }, [known, pinned, isWanted]);
}

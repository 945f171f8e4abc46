/** The columns that the table shows: those in the address, or the usual ones as the project's runs have them. */
import { useMemo } from "react";
import { defaultColumns, NAME_COLUMN } from "../runs/column_names";
import { useColumns } from "../runs/use_columns";
import { useStable } from "../ui/use_stable";

// More than are shown: some of them are dull, or found by their letters only.
const ASKED = 50;

export interface ShownColumns {
  columns: readonly string[];
  /** Keys of the config in which runs differ. */
  varying: readonly string[];
  /** Whether it is known which columns there are. */
  isReady: boolean;
}

export function useShownColumns(project: string, chosen: readonly string[] | null): ShownColumns {
  const config = useColumns(project, { search: "config.", varying: true, filter: "", offset: 0, limit: ASKED });
  const summary = useColumns(project, { search: "summary.", varying: false, filter: "", offset: 0, limit: ASKED });
  const found = useMemo(() => {
    const varying = (config.data?.columns ?? []).map(({ name }) => name).filter((name) => name.startsWith("config."));
    const columns = chosen ?? defaultColumns(config.data?.columns ?? [], summary.data?.columns ?? []);
    return { columns: columns.filter((column) => column !== NAME_COLUMN), varying };
  }, [chosen, config.data, summary.data]);
  const isReady = chosen !== null || !(config.isPending || summary.isPending);
  return { ...useStable(found), isReady };
}

// Below this many, all columns are asked for at once: nothing is missing when one scrolls sideways.
const WHOLE_MAX = 64;
const BLOCK = 32;

/** Of many columns, those near the ones that are looked at, in steps so that a little scrolling asks nothing. */
export function columnsNear(columns: readonly string[], first: number, end: number): readonly string[] {
  if (columns.length <= WHOLE_MAX) return columns;
  const from = Math.max(0, Math.floor(first / BLOCK) * BLOCK);
  return columns.slice(from, Math.max(from + BLOCK, Math.ceil(end / BLOCK) * BLOCK));
}

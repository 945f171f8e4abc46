/** The value of a run in a column: of its brief form where that says it, else of what was asked. */
import type { ColumnValue } from "../api/run_sets";
import type { Run } from "../api/types";
import { own } from "../data/own";
import type { RunRow } from "./known_rows";

const SECOND_MS = 1000;

const OF_BRIEF: Readonly<Record<string, (run: Run) => ColumnValue>> = {
  name: (run) => run.name || run.run_id,
  id: (run) => run.run_id,
  state: (run) => run.state,
  group: (run) => run.group || null,
  job_type: (run) => run.job_type || null,
  tags: (run) => (run.tags.length > 0 ? run.tags : null),
  notes: (run) => run.notes || null,
  create_time: (run) => run.create_time_unix_ms,
  update_time: (run) => run.update_time_unix_ms,
  finish_time: (run) => run.finish_time_unix_ms,
  duration: (run) => ((run.finish_time_unix_ms ?? run.update_time_unix_ms) - run.create_time_unix_ms) / SECOND_MS,
  metric_count: (run) => run.metric_count,
  archived: (run) => Boolean(run.archived),
};

/** Columns that must be asked for: the others come with the run. */
export const askedOf = (columns: readonly string[]): string[] =>
  columns.filter((column) => !Object.hasOwn(OF_BRIEF, column));

export function valueOf(row: RunRow, column: string): ColumnValue {
  const read = own(OF_BRIEF, column);
  if (read && row.run) return read(row.run);
  return own(row.values, column) ?? null;
}

export const nameOf = (row: RunRow): string => row.run?.name || row.id;

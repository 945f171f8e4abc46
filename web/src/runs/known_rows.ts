/**
 * What is known of the rows of a set of runs: the answers to one question, laid over each other.
 *
 * Invariants: the rows before stay until the first answer to another question is there; a row that did not change keeps its identity,
 * so that it is not drawn anew; no more rows are kept than a person scrolls back over.
 */
import type { ColumnValue, RunGroup, RunsAnswer } from "../api/run_sets";
import type { Run } from "../api/types";
import { own } from "../data/own";

// Rows of a few hundred columns are some tens of kilobytes each hundred.
const ROWS_MAX = 2_000;

export interface RunRow {
  id: string;
  /** Null where briefs were not asked for. */
  run: Run | null;
  values: Readonly<Record<string, ColumnValue>>;
}

export interface KnownRows {
  /** The question without its window. */
  key: string;
  /** The answer that was laid on last. */
  answer: RunsAnswer | null;
  rows: ReadonlyMap<number, RunRow>;
}

export const NOTHING_KNOWN: KnownRows = { key: "", answer: null, rows: new Map() };

/** @param offset where the rows of the answer begin in the whole list. */
export function addAnswer(before: KnownRows, key: string, offset: number, answer: RunsAnswer): KnownRows {
  const isSameQuestion = before.key === key;
  const byId = new Map<string, RunRow>();
  for (const row of before.rows.values()) byId.set(row.id, row);
  const isSameOrder = isSameQuestion && before.answer !== null && hasSameOrder(before, offset, answer);
  const rows = new Map<number, RunRow>(isSameOrder ? before.rows : []);
  answer.run_ids.forEach((id, index) => {
    const values = Object.fromEntries(
      answer.columns.map(({ name, values: all }): [string, ColumnValue] => [name, all[index] ?? null]),
    );
    const row = { id, run: answer.runs[index] ?? null, values };
    const place = offset + index;
    rows.delete(place);
    rows.set(place, kept(byId.get(id), row));
  });
  for (const place of rows.keys()) {
    if (rows.size <= ROWS_MAX) break;
    rows.delete(place);
  }
  return { key, answer, rows };
}

/** Whether rows seen elsewhere in the list may still stand where they stood. */
function hasSameOrder(before: KnownRows, offset: number, answer: RunsAnswer): boolean {
  if (before.answer?.total_count !== answer.total_count) return false;
  return answer.run_ids.every((id, index) => {
    const row = before.rows.get(offset + index);
    return row === undefined || row.id === id;
  });
}

/** The row before where nothing differs; columns that the new answer does not hold are taken over. */
function kept(before: RunRow | undefined, next: RunRow): RunRow {
  if (!before) return next;
  const isSameRun = before.run?.revision === next.run?.revision && before.run?.stalled === next.run?.stalled;
  const values = { ...before.values, ...next.values };
  const names = Object.keys(values);
  const isSame =
    isSameRun &&
    names.length === Object.keys(before.values).length &&
    names.every((name) => isSameValue(values[name], own(before.values, name) ?? null));
  return isSame ? before : { id: next.id, run: isSameRun ? before.run : next.run, values };
}

const isSameValue = (a: ColumnValue, b: ColumnValue): boolean =>
  a === b || (typeof a === "object" && a !== null && JSON.stringify(a) === JSON.stringify(b));

export const groupsOf = (known: KnownRows): readonly RunGroup[] => known.answer?.groups ?? [];

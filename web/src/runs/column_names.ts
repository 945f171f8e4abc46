/** The columns of runs: what they are called, where they come from, and which are shown before anybody has chosen. */
import type { ColumnInfo } from "../api/run_sets";
import { own } from "../data/own";
import { headlines } from "../run/headline";

export const NAME_COLUMN = "name";

/** The columns that every run has, with the words over them. */
const FIELDS: Readonly<Record<string, string>> = {
  name: "Name",
  id: "ID",
  state: "State",
  group: "Group",
  job_type: "Job type",
  tags: "Tags",
  notes: "Notes",
  create_time: "Created",
  update_time: "Updated",
  finish_time: "Finished",
  duration: "Duration",
  host: "Host",
  step: "Step",
  metric_count: "Metrics",
  archived: "Archived",
};

/** Columns whose text may be changed in place. */
export const EDITABLE: readonly string[] = ["name", "notes", "group"];

export type ColumnOrigin = "run" | "config" | "summary";

export function originOf(column: string): ColumnOrigin {
  if (column.startsWith("config.")) return "config";
  return column.startsWith("summary.") ? "summary" : "run";
}

/** What stands over a column: the key alone; where it is from is said beside it. */
export function columnLabel(column: string): string {
  const origin = originOf(column);
  return origin === "run" ? (own(FIELDS, column) ?? column) : column.slice(origin.length + 1);
}

const CONFIG_MAX = 8;
const SUMMARY_MAX = 6;
// Internal keys, and what every run counts anyhow.
const isDull = (column: string) => /^(config|summary)\.(_|step$|epoch$)/.test(column);

/** The columns that are shown as long as nobody has chosen others. */
export function defaultColumns(varyingConfig: readonly ColumnInfo[], summary: readonly ColumnInfo[]): string[] {
  const config = varyingConfig.filter(({ name }) => originOf(name) === "config" && !isDull(name));
  const numbers = summary
    .filter(({ name, kind }) => originOf(name) === "summary" && kind === "number" && !isDull(name))
    .map(({ name }) => name);
  return [
    "state",
    "create_time",
    "duration",
    ...config.slice(0, CONFIG_MAX).map(({ name }) => name),
    // What stands for a run at a glance is seen without scrolling sideways.
    ...headlines(numbers, []).slice(0, SUMMARY_MAX),
  ];
}

/** The columns after one has been taken in or out. */
export const withColumn = (columns: readonly string[], column: string, isShown: boolean): string[] =>
  isShown ? [...columns.filter((one) => one !== column), column] : columns.filter((one) => one !== column);

/** The columns with one of them moved to another place. */
export function movedColumn(columns: readonly string[], column: string, to: number): string[] {
  const others = columns.filter((one) => one !== column);
  const place = Math.min(Math.max(to, 0), others.length);
  return [...others.slice(0, place), column, ...others.slice(place)];
}

/**
 * The order after a press on a column's name: ascending, descending, none; numbers that were measured begin with the largest.
 *
 * @param isAdded whether the orders before stay, this one behind them.
 */
export function nextOrder<Sort extends { column: string; isDescending: boolean }>(
  sort: readonly Sort[],
  column: string,
  isAdded: boolean,
): { column: string; isDescending: boolean }[] {
  const before = sort.find((one) => one.column === column);
  const startsDescending = originOf(column) === "summary" || column.endsWith("_time");
  const next = !before
    ? { column, isDescending: startsDescending }
    : before.isDescending === startsDescending
      ? { column, isDescending: !startsDescending }
      : null;
  if (!isAdded) return next ? [next] : [];
  const others = sort.map((one) => (one.column === column ? next : one)).filter((one) => one !== null);
  return before || !next ? others : [...others, next];
}

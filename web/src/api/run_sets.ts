/**
 * Sets of runs: which runs of a project match, in which order, and what their columns hold.
 *
 * The answers are columns, not rows: a table asks for the rows and columns it shows. All of it is computed by the daemon, so the
 * list beside the charts, the runs table and every panel over many runs agree. See docs/http_api.md, "Sets of runs".
 */
import { ask, getJson, postForJson } from "./http";
import type { Run } from "./types";
import { projectAddress } from "./routes";

/** A value of a column: what JSON can say, NaN and infinities as texts, null where the run has none. */
export type ColumnValue = number | string | boolean | null | readonly unknown[] | Readonly<Record<string, unknown>>;

export interface RunsQuestion {
  /** docs/filters.md; empty for all runs. */
  filter: string;
  /** RE2 over the names of runs; empty for all. */
  search: string;
  /** Which runs a person has put away are among them. */
  archived: "without" | "with" | "only";
  sort: readonly { column: string; descending: boolean }[];
  /** Rows come group by group, the groups in the order of their values. */
  group_by: readonly string[];
  columns: readonly string[];
  /** Columns of numbers that are summed up for each group. */
  aggregates: readonly string[];
  /** Whether the brief form of each run comes along. */
  with_runs: boolean;
  offset: number;
  limit: number;
}

export interface ColumnAggregate {
  column: string;
  /** Runs with a finite number there. */
  count: number;
  min: number;
  max: number;
  mean: number;
}

/** One group of the tree, in the order of the rows: a group of level 0 stands before its groups of level 1. */
export interface RunGroup {
  level: number;
  /** The values of the columns up to this level. */
  values: readonly ColumnValue[];
  /** Where its rows begin among all rows, and how many there are. */
  first: number;
  count: number;
  running_count: number;
  /** The ids of its runs; only on the innermost level. */
  run_ids: readonly string[];
  aggregates: readonly ColumnAggregate[];
}

export interface RunsAnswer {
  /** How many runs match, and how many the project has. */
  total_count: number;
  project_run_count: number;
  /** Grows with each change of a run of the project. */
  revision: number;
  run_ids: string[];
  /** In the order asked; each as long as `run_ids`. */
  columns: { name: string; values: ColumnValue[] }[];
  /** As asked by `with_runs`, else empty. */
  runs: Run[];
  /** Empty without `group_by`; all groups, whatever the rows asked. */
  groups: RunGroup[];
}

export interface ColumnInfo {
  /** "name", "state", "config.lr", "summary.val/loss" … */
  name: string;
  kind: "number" | "string" | "bool" | "time" | "duration" | "list" | "other" | "mixed";
  /** Runs that have a value there. */
  run_count: number;
  /** At most this many different values; counting stops at 1,000. */
  distinct_count: number;
  /** Smallest and largest of finite numbers, or null. */
  min: number | null;
  max: number | null;
  /** The most frequent values of a column of texts or truth values, for completion: at most 50. */
  values: ColumnValue[];
}

export interface ColumnsAnswer {
  total_count: number;
  columns: ColumnInfo[];
}

export interface ColumnsQuestion {
  /** Fuzzy over names: its letters in their order; empty for all. */
  search: string;
  /** Only columns in which the runs of the filter differ. */
  varying: boolean;
  filter: string;
  offset: number;
  limit: number;
}

/** What is changed of every run that is named; what is left out stays. */
export interface RunsEdit {
  run_ids: readonly string[];
  name?: string;
  notes?: string;
  group?: string;
  add_tags?: readonly string[];
  remove_tags?: readonly string[];
  archived?: boolean;
}

export const queryRuns = (project: string, question: RunsQuestion, signal?: AbortSignal) =>
  postForJson<RunsAnswer>(`${projectAddress(project)}/runs:query`, question, signal);

export function fetchColumns(project: string, question: ColumnsQuestion, signal?: AbortSignal): Promise<ColumnsAnswer> {
  const query = new URLSearchParams({ offset: String(question.offset), limit: String(question.limit) });
  if (question.search) query.set("search", question.search);
  if (question.varying) query.set("varying", "true");
  if (question.filter) query.set("filter", question.filter);
  return getJson<ColumnsAnswer>(`${projectAddress(project)}/columns?${query}`, signal);
}

/** Answers how many runs were changed. */
export const editRuns = (project: string, edit: RunsEdit) =>
  postForJson<{ run_count: number }>(`${projectAddress(project)}/runs:edit`, edit);

/** Deletes runs with all they hold; it cannot be undone, so the page waits before it asks. */
export const deleteRuns = (project: string, runIds: readonly string[]) =>
  postForJson<{ run_count: number }>(`${projectAddress(project)}/runs:delete`, { run_ids: runIds });

/** Puts a table of these runs and columns on the disk of whoever asks. */
export async function downloadRuns(project: string, question: RunsQuestion): Promise<Blob> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) };
  return (await ask(`${projectAddress(project)}/runs:csv`, init)).blob();
}

/** The values that runs have in columns, as panels over many runs use them; and how columns and their values are written. */
import type { ColumnValue, RunsAnswer } from "../api/run_sets";
import type { Unit } from "../chart/ticks";
import { formatAny, formatCount, formatValue } from "../format/number";
import { formatDuration, formatMoment } from "../format/time";

/** The answer to a question for columns, by run and column. */
export class ColumnTable {
  private readonly rows: ReadonlyMap<string, number>;
  private readonly columns: ReadonlyMap<string, readonly ColumnValue[]>;

  constructor(answer: Pick<RunsAnswer, "run_ids" | "columns">) {
    this.rows = new Map(answer.run_ids.map((id, row) => [id, row]));
    this.columns = new Map(answer.columns.map(({ name, values }) => [name, values]));
  }

  has(run: string): boolean {
    return this.rows.has(run);
  }

  /** Null where the run has none, or where the column was not asked for. */
  value(run: string, column: string): ColumnValue {
    const row = this.rows.get(run);
    return row === undefined ? null : (this.columns.get(column)?.[row] ?? null);
  }

  /** The number in a column, in the unit of its axis; NaN where the run has no finite one. */
  number(run: string, column: string): number {
    return axisNumber(column, this.value(run, column));
  }
}

const isTime = (column: string) => /^(create|update|finish)_time$/.test(column);
const isDuration = (column: string) => column === "duration";

/** What the values of a column are where they stand on an axis. */
export const unitOf = (column: string): Unit =>
  isTime(column) ? "moment" : isDuration(column) ? "duration" : "number";

/** A value as a finite number in the unit of its axis, else NaN: times come in milliseconds, axes count seconds. */
export function axisNumber(column: string, value: ColumnValue): number {
  const number = typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) return Number.NaN;
  return isTime(column) ? number / 1000 : number;
}

/** What a column is called beside its values: "val/loss" of "summary.val/loss", "create time" of "create_time". */
export function columnTitle(column: string): string {
  const key = keyOf(column);
  return key ?? column.replaceAll("_", " ");
}

/** The key of a column of the config or the summary; null for what each run has. */
export const keyOf = (column: string): string | null => column.match(/^(?:config|summary)\.(.+)$/s)?.[1] ?? null;

/** The metric that a column of the summary is of. */
export const metricOf = (column: string): string | null => (column.startsWith("summary.") ? keyOf(column) : null);

/** A number of an axis for reading: in its column's unit. */
export function formatNumber(column: string, value: number, digits = 5): string {
  if (isTime(column)) return formatMoment(value * 1000);
  if (isDuration(column)) return formatDuration(value * 1000);
  return Number.isInteger(value) && Math.abs(value) < 1e7
    ? formatCount(value).replace("-", "−")
    : formatValue(value, digits);
}

/** Any value of a column on one line. */
export function formatColumn(column: string, value: ColumnValue): string {
  if (value === null) return "–";
  if (typeof value === "number") return formatNumber(column, axisNumber(column, value));
  return formatAny(value);
}

/** The first column whose name ends so, else the first of the summary or config, else any: a useful beginning. */
export function firstColumn(names: readonly string[], prefix: string, endings: readonly RegExp[]): string {
  const own = names.filter((name) => name.startsWith(prefix));
  for (const ending of endings) {
    const found = own.find((name) => ending.test(name));
    if (found) return found;
  }
  return own[0] ?? "";
}

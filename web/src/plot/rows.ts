/** The rows of a table as a chart takes them: all of them, page by page, up to a limit that is said in words. */
import { type Cell, fetchRows, type TableColumn, type TableDocument } from "../api/records";
import { isNumeric, numberOf } from "../table/cells";
import { fieldPath, quotable } from "./preset";

// Vega holds each row as an object of its own: 100,000 of them take it about a second and 100 MB.
export const PLOT_ROWS_MAX = 100_000;
// The most that the rows route answers at a time.
const PAGE_ROWS = 10_000;

export interface PlotRows {
  rows: Record<string, unknown>[];
  /** Rows of the table, of which there may be more. */
  totalCount: number;
  /** Numbers that are NaN or infinite: no chart has a place for them, so they are empty there. */
  oddCount: number;
}

/** Names by position; a name that repeats is told apart by a number, as "loss (2)". */
export function distinctNames(columns: readonly TableColumn[]): string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let distinct = name;
    for (let count = 2; taken.has(distinct); count++) distinct = `${name} (${count})`;
    taken.add(distinct);
    return distinct;
  });
}

/** The columns whose names stand anywhere in a specification. A table may have thousands that no chart asks for. */
export function usedColumns(columns: readonly TableColumn[], specification: unknown): number[] {
  const text = JSON.stringify(specification);
  const isNamed = (name: string) =>
    [name, fieldPath(name), quotable(name)].some((written) => text.includes(JSON.stringify(written).slice(1, -1)));
  const names = distinctNames(columns);
  // Records in cells are drawn by no chart.
  return columns.flatMap(({ type }, position) => (type !== "record" && isNamed(names[position]) ? [position] : []));
}

/** Rows as objects. `Object.fromEntries` makes own properties of any name, of `__proto__` too. */
export function rowObjects(
  columns: readonly TableColumn[],
  names: readonly string[],
  rows: readonly (readonly Cell[])[],
): Pick<PlotRows, "rows" | "oddCount"> {
  let oddCount = 0;
  const finite = (cell: Cell) => {
    const value = numberOf(cell);
    if (value === null || Number.isFinite(value)) return value;
    oddCount++;
    return null;
  };
  const readers = columns.map(({ type }) => (isNumeric(type) ? finite : (cell: Cell) => cell));
  const objects = rows.map((row) => Object.fromEntries(names.map((name, index) => [name, readers[index](row[index])])));
  return { rows: objects, oddCount };
}

/** All rows up to the limit, of the columns at some positions. */
export async function fetchPlotRows(
  table: TableDocument,
  positions: readonly number[],
  signal?: AbortSignal,
): Promise<PlotRows> {
  const names = distinctNames(table.columns);
  const kept = positions.map((position) => names[position]);
  const rows: Record<string, unknown>[] = [];
  let totalCount = table.row_count;
  let oddCount = 0;
  while (rows.length < Math.min(totalCount, PLOT_ROWS_MAX)) {
    const limit = Math.min(PAGE_ROWS, PLOT_ROWS_MAX - rows.length);
    const query = { offset: rows.length, limit, columns: [...positions] };
    const page = await fetchRows(table.file.sha256, query, signal);
    totalCount = page.row_count;
    if (page.rows.length === 0) break;
    const read = rowObjects(page.columns, kept, page.rows);
    rows.push(...read.rows);
    oddCount += read.oddCount;
  }
  return { rows, totalCount, oddCount };
}

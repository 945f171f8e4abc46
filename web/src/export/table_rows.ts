/** Answers pages of the rows of a logged table from the rows that are in the file; to filter and to group needs the daemon. */
import type { Cell, RowsAnswer, RowsQuery } from "../api/records";
import { NotInFile } from "./run_rows";

/** The first rows of a table, in the order they were logged. */
export type StoredRows = RowsAnswer;

const LIMIT_DEFAULT = 100;

export function answerRows(stored: StoredRows, query: RowsQuery): RowsAnswer {
  if (query.filter || query.group) {
    throw new NotInFile("a table is filtered and grouped by the live page only; this file holds its rows");
  }
  const order = stored.rows.map((_, row) => row);
  if (query.sort && query.sort.length > 0) {
    if (stored.rows.length < stored.total_count) {
      throw new NotInFile("this file holds the first rows of the table only: the live page sorts all of them");
    }
    const terms = query.sort;
    order.sort((a, b) => {
      for (const { column, descending } of terms) {
        const found = compare(stored.rows[a][column], stored.rows[b][column]);
        if (found !== 0) return descending ? -found : found;
      }
      return a - b;
    });
  }
  const offset = query.offset ?? 0;
  const shown = order.slice(offset, offset + (query.limit ?? LIMIT_DEFAULT));
  const columns = query.columns ?? stored.columns.map((_, index) => index);
  return {
    ...stored,
    columns: columns.map((column) => stored.columns[column]),
    rows: shown.map((row) => columns.map((column) => stored.rows[row][column])),
    row_numbers: shown,
  };
}

function compare(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : Number(left > right);
}

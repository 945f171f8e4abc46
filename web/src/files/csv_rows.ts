/** Comma- or tab-separated values (RFC 4180) as columns and rows of a grid. Pure. */
import type { Cell, RowsAnswer, TableColumn } from "../api/records";

export function parseSeparated(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  const endField = () => {
    row.push(field);
    field = "";
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (isQuoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else isQuoted = false;
    } else if (letter === '"' && field === "") isQuoted = true;
    else if (letter === separator) endField();
    else if (letter === "\n") endRow();
    else if (letter !== "\r") field += letter;
  }
  if (field !== "" || row.length > 0) endRow();
  return rows;
}

export interface Sheet {
  columns: TableColumn[];
  rows: Cell[][];
}

const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));

/** The first row names the columns; a column of nothing but numbers is one of numbers. */
export function sheetOf(rows: readonly (readonly string[])[]): Sheet {
  const [names = [], ...body] = rows;
  const count = body.reduce((most, row) => Math.max(most, row.length), names.length);
  const columns = Array.from({ length: count }, (_, index): TableColumn => {
    const cells = body.map((row) => row[index] ?? "").filter((cell) => cell !== "");
    return {
      name: names[index] ?? `column ${index + 1}`,
      type: cells.length > 0 && cells.every(isNumber) ? "number" : "text",
    };
  });
  return {
    columns,
    rows: body.map((row) =>
      columns.map(({ type }, index): Cell => {
        const text = row[index] ?? "";
        if (text === "") return null;
        return type === "number" ? Number(text) : text;
      }),
    ),
  };
}

export interface SheetSort {
  column: number;
  descending: boolean;
}

/** The places of the rows in the order asked; empty cells are last. */
export function sortedPlaces({ rows }: Sheet, sort: SheetSort | null): number[] {
  const places = rows.map((_, place) => place);
  if (!sort) return places;
  const sign = sort.descending ? -1 : 1;
  return places.sort((a, b) => {
    const [left, right] = [rows[a][sort.column], rows[b][sort.column]];
    if (left === null || right === null) return left === right ? a - b : left === null ? 1 : -1;
    if (typeof left === "number" && typeof right === "number") return sign * (left - right) || a - b;
    return sign * String(left).localeCompare(String(right), "en") || a - b;
  });
}

/** A page of the rows, as the daemon answers one of a table's. */
export const pageOf = (
  { columns, rows }: Sheet,
  places: readonly number[],
  offset: number,
  limit: number,
): RowsAnswer => {
  const shown = places.slice(offset, offset + limit);
  return {
    total_count: rows.length,
    row_count: rows.length,
    columns,
    rows: shown.map((place) => rows[place]),
    row_numbers: shown.map((place) => place + 1),
  };
};

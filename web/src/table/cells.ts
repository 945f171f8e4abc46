/** What a cell of a table says: its number, its text. */
import { isRecordDocument, type Cell, type ColumnType } from "../api/records";
import { formatExact, formatValue } from "../format/number";

const SPECIAL: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, "-Infinity": -Infinity };

export const isNumeric = (type: ColumnType): boolean => type === "number" || type === "integer";

/** The number of a cell of a numeric column; null for an empty one. NaN and infinities travel as their names. */
export function numberOf(cell: Cell): number | null {
  if (typeof cell === "number") return cell;
  return typeof cell === "string" && Object.hasOwn(SPECIAL, cell) ? SPECIAL[cell] : null;
}

/** The cell as plain text with all it holds: what is copied and written to files. */
export function cellText(cell: Cell, type: ColumnType): string {
  if (cell === null) return "";
  if (isNumeric(type)) return typeof cell === "number" ? String(cell) : String(cell);
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** The cell as it stands in its row: numbers shortened, everything else on one line. */
export function cellLabel(cell: Cell, type: ColumnType): string {
  if (cell === null) return "";
  if (isNumeric(type)) {
    const value = numberOf(cell);
    if (value === null) return String(cell);
    return type === "integer" ? formatExact(value) : formatValue(value, 6);
  }
  return cellText(cell, type);
}

/** A cell of a column of JSON over several lines; a text in it stands there as it is. */
export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The document in a cell of a record column, or null. */
export const documentOf = (cell: Cell, type: ColumnType) => (type === "record" && isRecordDocument(cell) ? cell : null);

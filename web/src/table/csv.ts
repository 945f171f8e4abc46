/** Rows as comma-separated values (RFC 4180), safe to be opened by a spreadsheet. */
import { type Cell, fetchRows, type RowsQuery, type TableColumn } from "../api/records";
import { cellText } from "./cells";

// The most that the rows route answers at a time.
const PAGE_ROWS = 10_000;

const PLAIN_NUMBER = /^[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/;

/** A text that a spreadsheet would take for a formula gets an apostrophe in front; plain numbers are none. */
export const harmless = (text: string): string =>
  /^[=+\-@\t\r]/.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;

export function csvField(text: string): string {
  const safe = harmless(text);
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export const csvLine = (fields: readonly string[]): string => `${fields.map(csvField).join(",")}\r\n`;

export const csvRow = (row: readonly Cell[], columns: readonly TableColumn[]): string =>
  csvLine(row.map((cell, index) => cellText(cell, columns[index].type)));

/**
 * All rows of a question as a file.
 *
 * @param onProgress hears how many rows are written, of how many.
 */
export async function makeCsv(
  sha256: string,
  query: RowsQuery,
  onProgress: (written: number, total: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const parts: string[] = [];
  let written = 0;
  let total = 1;
  while (written < total) {
    const page = await fetchRows(sha256, { ...query, offset: written, limit: PAGE_ROWS }, signal);
    total = page.row_count;
    if (parts.length === 0) parts.push(csvLine(page.columns.map(({ name }) => name)));
    parts.push(page.rows.map((row) => csvRow(row, page.columns)).join(""));
    written += page.rows.length;
    onProgress(written, total);
    if (page.rows.length === 0) break;
  }
  return new Blob(parts, { type: "text/csv" });
}

/** Gives a file to the person. */
export function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has taken hold of the data by the next task.
  setTimeout(() => URL.revokeObjectURL(address));
}

/** How wide columns are before a person has changed them. */
import type { Cell, TableColumn } from "../api/records";
import { cellLabel, documentOf, isNumeric } from "./cells";

export const WIDTH_MIN = 48;
const WIDTH_MAX = 320;
/** A wide character of the grid's 13 px type. */
const CHARACTER_WIDTH = 8;
const PADDING = 20;
/** The mark of the order beside a name. */
const MARK_WIDTH = 16;
const RECORD_WIDTH = 132;
// A player shows its line only from here on.
const AUDIO_WIDTH = 248;
// Later rows may have longer numbers than the first.
const NUMBER_WIDTH = 92;
// The first rows speak for the others.
const SAMPLE_ROWS = 50;

/** Widths in pixels: as wide as names and the first rows need, within limits. */
export function firstWidths(columns: readonly TableColumn[], rows: readonly (readonly Cell[])[]): number[] {
  const sample = rows.slice(0, SAMPLE_ROWS);
  return columns.map(({ name, type }, index) => {
    const longest = Math.max(0, ...sample.map((row) => cellLabel(row[index], type).length));
    const hasAudio = sample.some((row) => documentOf(row[index], type)?.type === "audio");
    const least =
      type === "record" ? (hasAudio ? AUDIO_WIDTH : RECORD_WIDTH) : isNumeric(type) ? NUMBER_WIDTH : WIDTH_MIN;
    const body = type === "record" ? 0 : longest * CHARACTER_WIDTH + PADDING;
    const wanted = Math.max(least, body, name.length * CHARACTER_WIDTH + PADDING + MARK_WIDTH);
    return Math.round(Math.min(WIDTH_MAX, wanted));
  });
}

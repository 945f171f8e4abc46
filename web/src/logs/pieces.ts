/** A line cut into the pieces it is drawn as: where its look changes, and where the search has found something. */
import { type AnsiStyle, parseAnsi, visible } from "./ansi";
import { markedRanges } from "./search";

export interface Piece {
  text: string;
  style: AnsiStyle | null;
  isMarked: boolean;
}

/** More of a line than anybody reads on a screen; a copy has all of it. */
export const LINE_CHARACTERS_MAX = 5_000;

export interface DrawnLine {
  pieces: Piece[];
  /** Characters that are left out at the end. */
  cutCount: number;
}

export function drawnLine(line: string, expression: RegExp | null): DrawnLine {
  const shown = line.length > LINE_CHARACTERS_MAX ? line.slice(0, LINE_CHARACTERS_MAX) : line;
  const spans = parseAnsi(shown);
  const ranges = markedRanges(spans.map((span) => span.text).join(""), expression);
  const pieces: Piece[] = [];
  let at = 0;
  let range = 0;
  for (const { text, style } of spans) {
    const end = at + text.length;
    let from = at;
    while (from < end) {
      while (range < ranges.length && ranges[range][1] <= from) range++;
      const next = ranges[range];
      const isMarked = next !== undefined && next[0] <= from;
      const to = Math.min(end, next === undefined ? end : isMarked ? next[1] : next[0]);
      pieces.push({ text: visible(text.slice(from - at, to - at)), style, isMarked });
      from = to;
    }
    at = end;
  }
  return { pieces, cutCount: line.length - shown.length };
}

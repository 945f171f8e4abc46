/** Two texts as one list of lines: what both have, what only one has. */
import { diffLines } from "diff";

export interface DiffLine {
  kind: "same" | "removed" | "added" | "place";
  text: string;
}

// Texts that share next to nothing take long to compare, and nobody reads what comes of it.
const TIMEOUT_MS = 1000;

const splitLines = (text: string) => (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");

/** Null where the texts are too different to be compared in time. */
export function linesOf(left: string, right: string): DiffLine[] | null {
  const parts = diffLines(left, right, { timeout: TIMEOUT_MS });
  if (!parts) return null;
  return parts.flatMap(({ value, added, removed }) => {
    const kind = added ? "added" : removed ? "removed" : "same";
    return splitLines(value).map((text): DiffLine => ({ kind, text }));
  });
}

/** The lines of a unified diff, without its head. */
export function patchLines(patch: string): DiffLine[] {
  return splitLines(patch).flatMap((line, index): DiffLine[] => {
    if (index < 2 && /^(---|\+\+\+) /.test(line)) return [];
    if (line.startsWith("@@")) return [{ kind: "place", text: line }];
    const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
    return [{ kind, text: /^[ +-]/.test(line) ? line.slice(1) : line }];
  });
}

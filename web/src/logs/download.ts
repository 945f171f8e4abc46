/** Puts a console together as text, a page at a time, as a file or for the clipboard. */
import type { ConsoleAnswer, ConsoleLine } from "../api/types";
import { withoutSgr } from "./ansi";

// The most that the daemon answers at once.
const LINES_PER_PAGE = 10_000;

export type FetchPart = (firstLine: number, limit: number, signal?: AbortSignal) => Promise<ConsoleAnswer>;

/** Lines as text without colours, each ended. */
export const textOf = (lines: readonly ConsoleLine[]): string =>
  lines.map((line) => `${withoutSgr(line[3])}\n`).join("");

/**
 * The text of all lines from `first` on, in parts.
 *
 * @param progress hears which share has come, 0 to 1.
 */
export async function wholeText(
  fetch: FetchPart,
  first: number,
  progress: (share: number) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  const parts: string[] = [];
  let next: number | null = first;
  while (next !== null) {
    const answer: ConsoleAnswer = await fetch(next, LINES_PER_PAGE, signal);
    parts.push(textOf(answer.lines));
    progress(answer.next_line === null ? 1 : (answer.next_line - first) / Math.max(1, answer.line_count - first));
    next = answer.next_line;
  }
  return parts;
}

/** Lets the browser save parts of a text as one file. */
export function save(parts: readonly string[], name: string): void {
  const address = URL.createObjectURL(new Blob([...parts], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken what it needs when this turn is over.
  setTimeout(() => URL.revokeObjectURL(address), 0);
}

/** A name that every system takes as a file's. */
export const fileName = (run: string, writer: string): string =>
  `${[run, writer]
    .filter(Boolean)
    .join("-")
    .replace(/[^\w.-]+/g, "_")
    .slice(0, 100)}.log`;

/**
 * The lines of one writer's console that match a pattern, found by the daemon a stretch at a time.
 *
 * Invariants: matches are in the order of their numbers; after the run has changed, the lines at the end that may have been written
 * anew are searched again. The search rests after a number of matches that nobody goes through one by one.
 */
import type { ConsoleAnswer, ConsoleLine } from "../api/types";
import { TAIL_LINES } from "./line_pages";

const PAGE_MATCHES = 1_000;
export const MATCHES_MAX = 20_000;
const AGAIN_INTERVAL_MS = 1_000;

export type FetchMatches = (firstLine: number | null, limit: number, signal: AbortSignal) => Promise<ConsoleAnswer>;

export interface SearchSurroundings {
  fetch: FetchMatches;
  later: (task: () => void, milliseconds: number) => void;
}

export class ConsoleSearch {
  readonly #around: SearchSurroundings;
  readonly #listeners = new Set<() => void>();
  #controller = new AbortController();
  #matches: ConsoleLine[] = [];
  #next: number | null = null;
  /** How many lines have been searched. */
  #searched = 0;
  #isBusy = false;
  #isAgainWanted = false;
  #hasChangedMeanwhile = false;
  #error: Error | null = null;
  #version = 0;

  constructor(around: SearchSurroundings) {
    this.#around = around;
  }

  /** Begins to search; what was closed begins anew. */
  open(): void {
    this.#controller = new AbortController();
    void this.#run(null);
  }

  readonly version = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get matches(): readonly ConsoleLine[] {
    return this.#matches;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether there may be more matches behind those that are known. */
  get isCut(): boolean {
    return this.#matches.length >= MATCHES_MAX;
  }

  get error(): Error | null {
    return this.#error;
  }

  /** Searches what has come since, and the lines that may have been written anew. */
  refresh(): void {
    if (this.isCut || this.#error || this.#isAgainWanted) return;
    this.#isAgainWanted = true;
    this.#around.later(() => {
      this.#isAgainWanted = false;
      if (this.#controller.signal.aborted) return;
      if (this.#isBusy) this.#hasChangedMeanwhile = true;
      else void this.#run(Math.max(0, this.#searched - TAIL_LINES));
    }, AGAIN_INTERVAL_MS);
  }

  close(): void {
    this.#controller.abort();
  }

  async #run(from: number | null): Promise<void> {
    const { signal } = this.#controller;
    this.#isBusy = true;
    this.#next = from;
    try {
      do {
        const first: number | null = this.#next;
        const answer = await this.#around.fetch(first, PAGE_MATCHES, signal);
        if (signal.aborted) return;
        this.#take(first ?? 0, answer);
        this.#next = answer.next_line;
        this.#tell();
      } while (this.#next !== null && !this.isCut);
    } catch (error) {
      if (signal.aborted) return;
      this.#error = error as Error;
    }
    this.#isBusy = false;
    this.#tell();
    if (!this.#hasChangedMeanwhile) return;
    this.#hasChangedMeanwhile = false;
    this.refresh();
  }

  #take(first: number, answer: ConsoleAnswer): void {
    const kept = countBelow(this.#matches, first);
    const again = this.#matches.slice(kept);
    this.#searched = answer.next_line ?? answer.line_count;
    const isSame =
      again.length === answer.lines.length &&
      again.every((line, index) => line[0] === answer.lines[index][0] && line[3] === answer.lines[index][3]);
    if (!isSame) this.#matches = [...this.#matches.slice(0, kept), ...answer.lines];
  }

  #tell(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}

/** How many of the lines, which are in order, have a smaller number. */
export function countBelow(lines: readonly ConsoleLine[], number: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle][0] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The pattern as it is asked: without regard to case, as every search of the page. */
export const daemonPattern = (text: string): string => (text === "" ? "" : `(?i)${text}`);

/** What the pattern finds within one line; null where this browser cannot read the pattern. */
export function marker(text: string): RegExp | null {
  if (text === "") return null;
  try {
    return new RegExp(text, "giu");
  } catch {
    return null;
  }
}

/** The ranges of a text that the pattern finds, none of them empty. */
export function markedRanges(text: string, expression: RegExp | null): [number, number][] {
  if (!expression) return [];
  const ranges: [number, number][] = [];
  expression.lastIndex = 0;
  for (const match of text.matchAll(expression)) {
    if (match[0].length > 0) ranges.push([match.index, match.index + match[0].length]);
    if (ranges.length >= MARKS_MAX) break;
  }
  return ranges;
}

// A line of a megabyte can match everywhere.
const MARKS_MAX = 200;

/**
 * The lines of one writer's console, a page at a time, and its end as it grows.
 *
 * Invariants: only pages that somebody looks at are asked for, one that has left the view before its answer is not waited for; no
 * more than a fixed number of pages is kept, those seen last. The end is asked again when the run has changed, at most twice a
 * second: a line near it may have been written anew.
 */
import type { ConsoleAnswer, ConsoleLine } from "../api/types";

// A page fills a high screen several times over, and is some tens of kilobytes.
export const PAGE_LINES = 500;
// 20,000 lines: seconds of fast scrolling there and back.
const PAGES_MAX = 40;
/** The lines at the end that may still be written anew, by progress bars for example. */
export const TAIL_LINES = 100;
/** The first question brings a screen's worth at once. */
const FIRST_LINES = 500;
const TAIL_INTERVAL_MS = 500;

export type FetchLines = (firstLine: number | null, limit: number, signal: AbortSignal) => Promise<ConsoleAnswer>;

export interface LineSpan {
  first: number;
  /** One past the last. */
  end: number;
}

export interface LineSurroundings {
  fetch: FetchLines;
  now: () => number;
  later: (task: () => void, milliseconds: number) => void;
}

/** `null` where the daemon has no such line. */
type Page = (ConsoleLine | null | undefined)[];

export class LinePages {
  // In the order they were last seen.
  readonly #pages = new Map<number, Page>();
  readonly #underWay = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();
  readonly #around: LineSurroundings;
  #version = 0;
  #lineCount = 0;
  #isOpen = false;
  #isClosed = true;
  #error: Error | null = null;
  #tail: AbortController | null = null;
  #isTailWanted = false;
  #lastTailMs = -Infinity;

  constructor(around: LineSurroundings) {
    this.#around = around;
  }

  /** Grows with everything that arrives: what a view compares. */
  readonly version = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get lineCount(): number {
    return this.#lineCount;
  }

  /** Whether the first answer has come. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why what was asked last did not come. */
  get error(): Error | null {
    return this.#error;
  }

  /** The line; null where there is none of this number, undefined where it is not there yet. */
  line(number: number): ConsoleLine | null | undefined {
    return this.#pages.get(Math.floor(number / PAGE_LINES))?.[number % PAGE_LINES];
  }

  /** Says which lines are looked at: those that are missing are asked for, and what was asked for others is given up. */
  look({ first, end }: LineSpan): void {
    const last = Math.min(end, this.#lineCount) - 1;
    const wanted: number[] = [];
    for (let page = Math.floor(first / PAGE_LINES); page * PAGE_LINES <= last; page++) wanted.push(page);
    for (const [page, controller] of this.#underWay) {
      if (wanted.includes(page)) continue;
      controller.abort();
      this.#underWay.delete(page);
    }
    for (const page of wanted) {
      const held = this.#pages.get(page);
      if (held) {
        this.#pages.delete(page);
        this.#pages.set(page, held);
      }
      const from = Math.max(first, page * PAGE_LINES);
      const to = Math.min(last, (page + 1) * PAGE_LINES - 1);
      // What was refused is asked again only when somebody wants it, or when the end has been answered.
      if (!this.#error && this.#isMissing(from, to) && !this.#underWay.has(page)) void this.#askPage(page);
    }
  }

  /** Begins to ask; what was closed can be opened again. */
  open(): void {
    this.#isClosed = false;
    this.#lastTailMs = -Infinity;
    this.refresh();
  }

  /** Asks for the end: at the start, and whenever the run has changed. */
  refresh(): void {
    if (this.#isClosed) return;
    if (this.#tail) {
      this.#isTailWanted = true;
      return;
    }
    const wait = this.#lastTailMs + TAIL_INTERVAL_MS - this.#around.now();
    if (wait <= 0) {
      void this.#askTail();
      return;
    }
    if (this.#isTailWanted) return;
    this.#isTailWanted = true;
    this.#around.later(() => {
      if (!this.#isTailWanted || this.#tail || this.#isClosed) return;
      this.#isTailWanted = false;
      void this.#askTail();
    }, wait);
  }

  /** Asks again what did not come. */
  retry(): void {
    this.#error = null;
    this.#lastTailMs = -Infinity;
    this.#tell();
    this.refresh();
  }

  close(): void {
    this.#isClosed = true;
    this.#tail?.abort();
    this.#tail = null;
    for (const controller of this.#underWay.values()) controller.abort();
    this.#underWay.clear();
  }

  #isMissing(first: number, last: number): boolean {
    for (let number = first; number <= last; number++) if (this.line(number) === undefined) return true;
    return false;
  }

  async #askPage(page: number): Promise<void> {
    const controller = new AbortController();
    this.#underWay.set(page, controller);
    try {
      const answer = await this.#around.fetch(page * PAGE_LINES, PAGE_LINES, controller.signal);
      this.#take(answer, page * PAGE_LINES, Math.min((page + 1) * PAGE_LINES, answer.line_count));
      this.#error = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#error = error as Error;
    }
    // Another request of the same page may have begun after this one was given up.
    if (this.#underWay.get(page) === controller) this.#underWay.delete(page);
    this.#tell();
  }

  async #askTail(): Promise<void> {
    const controller = new AbortController();
    this.#tail = controller;
    this.#lastTailMs = this.#around.now();
    const limit = this.#isOpen ? TAIL_LINES : FIRST_LINES;
    try {
      const answer = await this.#around.fetch(null, limit, controller.signal);
      this.#take(answer, Math.max(0, answer.line_count - limit), answer.line_count);
      this.#isOpen = true;
      this.#error = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#error = error as Error;
    }
    this.#tail = null;
    this.#tell();
    if (!this.#isTailWanted) return;
    this.#isTailWanted = false;
    this.refresh();
  }

  /** Keeps an answer about the lines from `first` to `end`: those that it does not hold are not there. */
  #take(answer: ConsoleAnswer, first: number, end: number): void {
    if (this.#isClosed) return;
    // A run never has fewer lines than it had: an answer that says so is older than what is known.
    this.#lineCount = Math.max(this.#lineCount, answer.line_count);
    for (let number = first; number < end; number++) this.#put(number, null);
    for (const line of answer.lines) this.#put(line[0], line);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_MAX) break;
      this.#pages.delete(oldest);
    }
  }

  #put(number: number, line: ConsoleLine | null): void {
    const index = Math.floor(number / PAGE_LINES);
    let page = this.#pages.get(index);
    if (!page) {
      page = new Array<ConsoleLine | null | undefined>(PAGE_LINES);
      this.#pages.set(index, page);
    }
    const before = page[number % PAGE_LINES];
    // The same line stays the same object, so that nothing is drawn anew for it.
    if (line && before && before[2] === line[2] && before[3] === line[3]) return;
    if (line === null && before) return;
    page[number % PAGE_LINES] = line;
  }

  #tell(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * The rows of one question, a page at a time.
 *
 * Invariants: only pages that somebody looks at are asked for; a page that has left the view before its answer is not waited for; no
 * more than a fixed number of pages is kept, the last seen first.
 */
import type { Cell, RowsAnswer } from "../api/records";
import type { RowSpan } from "./scroll";

// A page fills a high screen several times over, and is some tens of kilobytes.
export const PAGE_ROWS = 200;
// 12,000 rows: a few seconds of fast scrolling there and back.
const PAGES_MAX = 60;

export type FetchPage = (offset: number, limit: number, signal: AbortSignal) => Promise<RowsAnswer>;

export interface Row {
  cells: readonly Cell[];
  /** Its place in the table as logged; null for a group. */
  number: number | null;
}

/** The pages that hold rows of a span. */
export function pagesOf({ first, end }: RowSpan): number[] {
  if (end <= first) return [];
  const from = Math.floor(first / PAGE_ROWS);
  const to = Math.floor((end - 1) / PAGE_ROWS);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export class RowPages {
  readonly #fetchPage: FetchPage;
  // In the order they were last seen.
  readonly #pages = new Map<number, RowsAnswer>();
  readonly #underWay = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #error: Error | null = null;
  #isClosed = false;

  constructor(fetchPage: FetchPage) {
    this.#fetchPage = fetchPage;
  }

  /** Grows with everything that arrives: what a view compares. */
  readonly version = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Why the last page asked for did not come. */
  get error(): Error | null {
    return this.#error;
  }

  /** The first page: it says how many rows and which columns there are. */
  async open(): Promise<RowsAnswer> {
    const controller = new AbortController();
    this.#underWay.set(0, controller);
    try {
      const answer = await this.#fetchPage(0, PAGE_ROWS, controller.signal);
      this.#keep(0, answer);
      return answer;
    } finally {
      this.#underWay.delete(0);
    }
  }

  /** The row at a place, or null where it is not there yet. */
  row(index: number): Row | null {
    const answer = this.#pages.get(Math.floor(index / PAGE_ROWS));
    const cells = answer?.rows[index % PAGE_ROWS];
    return cells ? { cells, number: answer!.row_numbers?.[index % PAGE_ROWS] ?? null } : null;
  }

  /** Says which rows are looked at: their pages are asked for, others that are under way are given up. */
  look(span: RowSpan): void {
    const wanted = pagesOf(span);
    for (const [page, controller] of this.#underWay) {
      if (wanted.includes(page)) continue;
      controller.abort();
      this.#underWay.delete(page);
    }
    for (const page of wanted) {
      const answer = this.#pages.get(page);
      if (answer) {
        this.#pages.delete(page);
        this.#pages.set(page, answer);
      } else if (!this.#underWay.has(page)) void this.#ask(page);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const controller of this.#underWay.values()) controller.abort();
    this.#underWay.clear();
    this.#listeners.clear();
  }

  async #ask(page: number): Promise<void> {
    const controller = new AbortController();
    this.#underWay.set(page, controller);
    try {
      this.#keep(page, await this.#fetchPage(page * PAGE_ROWS, PAGE_ROWS, controller.signal));
      this.#error = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#error = error as Error;
    }
    // Another request of the same page may have begun after this one was given up.
    if (this.#underWay.get(page) === controller) this.#underWay.delete(page);
    this.#tell();
  }

  #keep(page: number, answer: RowsAnswer): void {
    if (this.#isClosed) return;
    this.#pages.set(page, answer);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_MAX) break;
      this.#pages.delete(oldest);
    }
    this.#tell();
  }

  #tell(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}

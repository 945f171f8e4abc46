/**
 * Holds the records that media cards show, and asks the daemon for what is missing.
 *
 * - A question is asked when a card watches it and it is not answered, or when its run has a newer revision than when it was last
 *   asked and its answer can have changed; so a finished run is never asked twice.
 * - An answer is replaced, never emptied. One that says the same as before keeps its identity, so that nothing is drawn anew.
 * - While the page is hidden nothing is asked.
 */
import {
  type Histograms,
  isList,
  isPending,
  type LoggedRecord,
  type RecordDocument,
  type RecordSeries,
} from "../api/records";
import { type Watched, WatchedStore } from "./watched";

// Lists of steps and documents are small, but a page may show many of them: they follow a running run once a second.
const LIVE_INTERVAL_MS = 1000;
// A browser opens six connections to a host: more questions at once would only make what is new wait behind them.
const PARALLEL_MAX = 6;
// What is kept of questions that no card asks any more: enough to go back and forth over the steps of a screen of cards.
const UNWATCHED_MAX = 1000;

export type RecordQuestion =
  | { what: "steps"; series: RecordSeries }
  | { what: "record"; series: RecordSeries; step: number }
  | { what: "histograms"; series: RecordSeries; columns: number; bins: number };

/** Steps ascending; the record at a step or null where there is none; all histograms of a key. */
export type RecordAnswer = readonly number[] | LoggedRecord | Histograms | null;

export interface RecordStoreSurroundings {
  ask: (question: RecordQuestion) => Promise<RecordAnswer>;
  isHidden: () => boolean;
  later: (task: () => void, milliseconds: number) => void;
  now: () => number;
}

interface Held {
  answer: RecordAnswer | undefined;
  askedAtMs: number;
}

type Entry = Watched<RecordQuestion> & Held;

function identityOf(question: RecordQuestion): string {
  const { project, run, key, kind } = question.series;
  const rest =
    question.what === "record"
      ? [question.step]
      : question.what === "histograms"
        ? [question.columns, question.bins]
        : [];
  return JSON.stringify([question.what, project, run, key, kind, ...rest]);
}

/** Whether a document will change by itself: a part of it is not encoded yet. */
export const isUnsettled = (document: RecordDocument): boolean =>
  isPending(document) || (isList(document) && document.records.some(isUnsettled));

export class RecordStore extends WatchedStore<RecordQuestion, Held> {
  private askedCount = 0;
  private isWakePlanned = false;

  constructor(private readonly around: RecordStoreSurroundings) {
    super();
  }

  /** Undefined while nothing is known. */
  steps(series: RecordSeries): readonly number[] | undefined {
    return this.answer({ what: "steps", series }) as readonly number[] | undefined;
  }

  record(series: RecordSeries, step: number): LoggedRecord | null | undefined {
    return this.answer({ what: "record", series, step }) as LoggedRecord | null | undefined;
  }

  histograms(series: RecordSeries, columns: number, bins: number): Histograms | undefined {
    return this.answer({ what: "histograms", series, columns, bins }) as Histograms | undefined;
  }

  wake(): void {
    if (this.around.isHidden()) return;
    const stale: Entry[] = [];
    for (const entry of this.entries.values()) {
      if (this.askedCount >= PARALLEL_MAX) return;
      if (entry.watchers.size === 0 || entry.isAsked) continue;
      if (entry.askedRevision < 0) void this.ask(entry);
      else if (entry.askedRevision < this.revisionOf(entry) && this.canChange(entry)) stale.push(entry);
    }
    let wait = Infinity;
    for (const entry of stale) {
      const left = entry.askedAtMs + LIVE_INTERVAL_MS - this.around.now();
      if (left > 0) wait = Math.min(wait, left);
      else if (this.askedCount < PARALLEL_MAX) void this.ask(entry);
    }
    if (wait === Infinity || this.isWakePlanned) return;
    this.isWakePlanned = true;
    this.around.later(() => {
      this.isWakePlanned = false;
      this.wake();
    }, wait);
  }

  private answer(question: RecordQuestion): RecordAnswer | undefined {
    return this.held(question)?.answer;
  }

  protected identityOf(question: RecordQuestion): string {
    return identityOf(question);
  }

  protected runOf(question: RecordQuestion): RecordSeries {
    return question.series;
  }

  protected empty(): Held {
    return { answer: undefined, askedAtMs: 0 };
  }

  protected isAnswered({ answer }: Held): boolean {
    return answer !== undefined;
  }

  /** Whether a newer revision of the run can bring another answer. */
  private canChange({ question, answer, error }: Entry): boolean {
    if (error || question.what === "steps" || answer === null || answer === undefined) return true;
    const steps = this.steps(question.series);
    if (question.what === "histograms") return (answer as Histograms).histogramCount !== steps?.length;
    // Only at the last step can a record be followed by another one at the same step.
    return isUnsettled((answer as LoggedRecord).document) || question.step >= (steps?.at(-1) ?? -Infinity);
  }

  private async ask(entry: Entry): Promise<void> {
    entry.isAsked = true;
    entry.askedRevision = this.revisionOf(entry);
    entry.askedAtMs = this.around.now();
    this.askedCount++;
    let isNews = true;
    try {
      const answer = await this.around.ask(entry.question);
      isNews = entry.error !== null || !isSame(entry.answer, answer);
      if (isNews) entry.answer = answer;
      entry.error = null;
    } catch (error) {
      entry.error = error as Error;
    }
    entry.isAsked = false;
    this.askedCount--;
    if (isNews) for (const watcher of entry.watchers) watcher.changed();
    this.wake();
  }

  protected evict(): void {
    let count = 0;
    for (const [identity, entry] of [...this.entries].reverse()) {
      if (entry.watchers.size > 0 || entry.isAsked) continue;
      if (++count > UNWATCHED_MAX || entry.answer === undefined) this.entries.delete(identity);
    }
  }
}

function isSame(before: RecordAnswer | undefined, after: RecordAnswer): boolean {
  if (before === undefined || isHistograms(before) || isHistograms(after)) return false;
  return JSON.stringify(before) === JSON.stringify(after);
}

const isHistograms = (answer: RecordAnswer): answer is Histograms => answer !== null && "counts" in answer;

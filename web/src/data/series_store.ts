/**
 * Holds the series of all charts and asks the daemon for what is missing.
 *
 * - A series is asked when a chart watches it and it is not held, or when its run has a newer revision than when it was last asked;
 *   so a finished run is never asked twice.
 * - All questions that come up in one frame go out together, those with the same head in one request; questions for newer points
 *   go out at most twice a second, one request at a time, and ask for the new part only – groups and expressions for all of it.
 * - While the page is hidden nothing is asked. A series is replaced, never emptied, when its answer comes.
 */
import type { Series } from "../api/series";
import { deltaStart, mergeDelta } from "./merge";
import { type DeltaStart, headOf, identityOf, requestBody, type SeriesQuestion } from "./question";
import { type Watched, WatchedStore, type Watcher } from "./watched";

// A chart moves at most twice a second: the bound of the specification of live charts.
const LIVE_INTERVAL_MS = 500;
// A request with more series than this is split, so that the first charts do not wait for the last.
const SERIES_PER_REQUEST_MAX = 500;
// Requests at a time: the daemon answers the first charts while the page takes in the ones before, instead of all at the same time late.
const REQUESTS_MAX = 2;
// What is kept of series that no chart shows any more, for runs and sections that are shown again soon.
const UNWATCHED_BYTES_MAX = 64 * 2 ** 20;

export interface SeriesStoreSurroundings {
  ask: (body: string) => Promise<Series[]>;
  isHidden: () => boolean;
  /** Runs a task before the next frame is drawn. */
  nextFrame: (task: () => void) => void;
  later: (task: () => void, milliseconds: number) => void;
  now: () => number;
}

interface Held {
  series: Series | null;
}

type Entry = Watched<SeriesQuestion> & Held;

interface Asked {
  entry: Entry;
  question: SeriesQuestion;
  delta: DeltaStart | null;
}

export class SeriesStore extends WatchedStore<SeriesQuestion, Held> {
  private isFlushPlanned = false;
  private isLivePlanned = false;
  private isLiveAsked = false;
  private lastLiveMs = -Infinity;
  private requestCount = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly around: SeriesStoreSurroundings) {
    super();
  }

  get(question: SeriesQuestion): Series | null {
    return this.held(question)?.series ?? null;
  }

  wake(): void {
    if (this.isFlushPlanned || this.around.isHidden()) return;
    this.isFlushPlanned = true;
    this.around.nextFrame(() => {
      this.isFlushPlanned = false;
      this.flush();
    });
  }

  protected identityOf(question: SeriesQuestion): string {
    return identityOf(question);
  }

  protected runOf(question: SeriesQuestion): SeriesQuestion {
    return question;
  }

  /** A group is as new as its runs together: revisions only grow, so their sum tells every change of any. */
  protected override revisionOf(entry: Watched<SeriesQuestion>): number {
    const { project, group } = entry.question;
    if (!group) return super.revisionOf(entry);
    return group.runIds.reduce((sum, run) => sum + this.knownRevision({ project, run }, entry.identity), 0);
  }

  protected empty(): Held {
    return { series: null };
  }

  protected isAnswered({ series }: Held): boolean {
    return series !== null;
  }

  private flush(): void {
    if (this.around.isHidden()) return;
    const fresh: Entry[] = [];
    const stale: Entry[] = [];
    for (const entry of this.entries.values()) {
      if (entry.watchers.size === 0 || entry.isAsked || entry.askedRevision >= this.revisionOf(entry)) continue;
      if (entry.askedRevision < 0) fresh.push(entry);
      else stale.push(entry);
    }
    void this.ask(fresh);
    if (stale.length > 0) this.askLive(stale);
  }

  private askLive(stale: Entry[]): void {
    if (this.isLiveAsked || this.isLivePlanned) return;
    const wait = this.lastLiveMs + LIVE_INTERVAL_MS - this.around.now();
    if (wait > 0) {
      this.isLivePlanned = true;
      this.around.later(() => {
        this.isLivePlanned = false;
        this.flush();
      }, wait);
      return;
    }
    this.lastLiveMs = this.around.now();
    this.isLiveAsked = true;
    void this.ask(stale).then(() => {
      this.isLiveAsked = false;
      this.wake();
    });
  }

  private async ask(entries: Entry[]): Promise<void> {
    const groups = new Map<string, Asked[]>();
    for (const entry of entries) {
      entry.isAsked = true;
      entry.askedRevision = this.revisionOf(entry);
      const head = headOf(entry.question);
      const asked = { entry, question: entry.question, delta: deltaOf(entry) };
      const group = groups.get(head);
      if (group) group.push(asked);
      else groups.set(head, [asked]);
    }
    const requests: Promise<void>[] = [];
    for (const [head, group] of groups) {
      for (let from = 0; from < group.length; from += SERIES_PER_REQUEST_MAX) {
        requests.push(this.inTurn(head, group.slice(from, from + SERIES_PER_REQUEST_MAX)));
      }
    }
    await Promise.all(requests);
  }

  /** Asks once it is the request's turn, for what somebody still looks at. */
  private async inTurn(head: string, group: Asked[]): Promise<void> {
    if (this.requestCount >= REQUESTS_MAX) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.requestCount++;
    const isWatched = ({ entry }: Asked) => entry.watchers.size > 0;
    for (const { entry } of group.filter((asked) => !isWatched(asked))) {
      entry.isAsked = false;
      entry.askedRevision = entry.series ? entry.askedRevision - 1 : -1;
    }
    const watched = group.filter(isWatched);
    if (watched.length > 0) await this.request(head, watched);
    // The turn goes to the next one, or back.
    const next = this.waiting.shift();
    if (next) next();
    else this.requestCount--;
  }

  private async request(head: string, group: Asked[]): Promise<void> {
    const changed = new Set<Watcher>();
    try {
      const answers = await this.around.ask(requestBody(head, group));
      group.forEach((asked, index) => {
        if (take(asked, answers[index])) for (const watcher of asked.entry.watchers) changed.add(watcher);
      });
    } catch (error) {
      for (const { entry } of group) {
        entry.error = error as Error;
        for (const watcher of entry.watchers) changed.add(watcher);
      }
    }
    for (const { entry } of group) entry.isAsked = false;
    for (const watcher of changed) watcher.changed();
    this.wake();
  }

  protected evict(): void {
    let bytes = 0;
    for (const entry of [...this.entries.values()].reverse()) {
      if (entry.watchers.size > 0 || entry.isAsked) continue;
      bytes += entry.series ? sizeOf(entry.series) : 0;
      if (bytes > UNWATCHED_BYTES_MAX || !entry.series) this.entries.delete(entry.identity);
    }
  }
}

/** Puts an answer into its entry. Returns whether there is something new to draw. */
function take({ entry, delta }: Asked, answer: Series | undefined): boolean {
  entry.error = null;
  if (!answer) return false;
  const merged = delta && entry.series ? mergeDelta(entry.series, answer, delta.x) : answer;
  if (!merged) {
    // The parts do not fit together: the whole is asked at once.
    entry.series = null;
    entry.askedRevision = -1;
    return false;
  }
  const isSame = entry.series !== null && merged.columns === entry.series.columns;
  entry.series = merged;
  return !isSame;
}

/** New parts can be asked only where x grows and where the past of a line does not depend on its future. */
function deltaOf({ question, series }: Entry): DeltaStart | null {
  if (!series || series.count === 0 || question.x.startsWith("metric:")) return null;
  if (question.group || question.isExpression) return null;
  if (question.min !== null || question.max !== null) return null;
  if (question.smoothing && question.smoothing.kind !== "ema") return null;
  const x = deltaStart(series);
  if (x === null) return null;
  return { x, xBase: series.xBase, pointsPerBucket: series.mode === "buckets" ? series.pointsPerBucket : 1 };
}

const sizeOf = (series: Series): number =>
  Object.values(series.columns).reduce((sum, column) => sum + column.byteLength, 0);

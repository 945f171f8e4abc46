/**
 * The quiet bar at the bottom of the page: what has just happened, or will, and how to take it back.
 *
 * Invariants: one notice at a time; the one before ends when the next is shown; a notice that was taken back never ends; time stands
 * still while somebody is at the bar.
 */

export interface Notice {
  words: string;
  /** Whether the seconds that are left are told. */
  isCountdown?: boolean;
  isBad?: boolean;
  action?: { label: string; run: () => void };
  seconds: number;
  /** The time is up, or another notice has come, and the action was not used. */
  onEnd?: () => void;
}

export interface ShownNotice {
  notice: Notice;
  secondsLeft: number;
}

const SECOND_MS = 1000;

let shown: ShownNotice | null = null;
let timer: ReturnType<typeof setInterval> | undefined;
let isHeld = false;
const listeners = new Set<() => void>();

function set(next: ShownNotice | null): void {
  shown = next;
  if (!next) {
    clearInterval(timer);
    timer = undefined;
    isHeld = false;
  }
  for (const listener of listeners) listener();
}

function tick(): void {
  if (!shown || isHeld) return;
  const secondsLeft = shown.secondsLeft - 1;
  if (secondsLeft <= 0) endNotice();
  else set({ notice: shown.notice, secondsLeft });
}

/** Shows a notice in place of the one before. */
export function showNotice(notice: Notice): void {
  endNotice();
  set({ notice, secondsLeft: notice.seconds });
  timer = setInterval(tick, SECOND_MS);
}

/** What the notice waited for happens now. */
export function endNotice(): void {
  const ended = shown?.notice;
  if (!ended) return;
  set(null);
  ended.onEnd?.();
}

/** The notice goes, and what it waited for does not happen. */
export const dropNotice = (): void => set(null);

export function runNoticeAction(): void {
  const action = shown?.notice.action;
  dropNotice();
  action?.run();
}

export function holdNotice(isStill: boolean): void {
  isHeld = isStill;
}

export function subscribeNotice(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export const shownNotice = (): ShownNotice | null => shown;

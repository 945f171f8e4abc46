/** The present, for durations that grow: one timer for the whole page, which rests while nobody looks. */
import { useSyncExternalStore } from "react";

const INTERVAL_MS = 1000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.visibilityState === "hidden") return;
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  now = Date.now();
  timer ??= setInterval(tick, INTERVAL_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

const stay = () => () => {};

/** @param isMoving whether the caller needs to be told as time goes by. */
export const useNow = (isMoving: boolean): number => useSyncExternalStore(isMoving ? subscribe : stay, () => now);

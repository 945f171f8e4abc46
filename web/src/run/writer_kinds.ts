/** The processes that write a run, told apart by what they are to it. */
import type { Writer } from "../api/types";

/** The daemon's own is none of the run's. */
export const ofRun = (writers: readonly Writer[] | undefined): Writer[] =>
  (writers ?? []).filter(({ role }) => role !== "observer");

/** One after the other: each time the run was begun or gone on with. */
export const attempts = (writers: readonly Writer[] | undefined): Writer[] =>
  ofRun(writers).filter(({ role }) => role === "primary");

/** Side by side: the processes that share the run. */
export const ranks = (writers: readonly Writer[] | undefined): Writer[] =>
  ofRun(writers).filter(({ role }) => role === "shared");

/** How long a writer at work has said nothing before that is worth a word. */
const SILENT_AFTER_MS = 60_000;

/** For how long an open writer has been silent; null for one that is not. */
export function silenceMs(writer: Writer, nowMs: number): number | null {
  if (!writer.open || writer.update_time_unix_ms <= 0) return null;
  const silence = nowMs - writer.update_time_unix_ms;
  return silence >= SILENT_AFTER_MS ? silence : null;
}

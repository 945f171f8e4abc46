/** Why nothing of a run's machine was measured, as far as its document tells. */
import type { Run } from "../api/types";

// The daemon samples every 2 seconds; the first sample has to be taken, and to arrive.
const FIRST_SAMPLE_MS = 6_000;

export function whyNothing(run: Pick<Run, "state" | "create_time_unix_ms" | "finish_time_unix_ms">, nowMs: number) {
  const isRunning = run.state === "running";
  const lasted = (isRunning ? nowMs : (run.finish_time_unix_ms ?? nowMs)) - run.create_time_unix_ms;
  if (isRunning && lasted < FIRST_SAMPLE_MS) return "waiting";
  return lasted < FIRST_SAMPLE_MS ? "short" : "off";
}

/** Keeps a list of runs up to date with what the live socket says. */
import type { LiveMessage, Run, RunsPage } from "../api/types";

/** The page of runs, newest first, with the changed ones in their place, new ones added and removed ones gone. */
export function applyLive(page: RunsPage, message: LiveMessage): RunsPage {
  const changed = new Map(message.runs.map((run) => [run.run_id, run]));
  const removed = new Set(message.removed);
  const runs = page.runs
    .filter((run) => !removed.has(run.run_id))
    .map((run) => {
      const newer = changed.get(run.run_id);
      changed.delete(run.run_id);
      return newer && newer.revision >= run.revision ? newer : run;
    });
  const removedCount = page.runs.length - runs.length;
  const oldest = page.runs.at(-1);
  const isWhole = page.runs.length >= page.total_count;
  // A changed run that is older than the loaded part belongs to a part that is not loaded.
  const added = [...changed.values()].filter(
    (run) => !removed.has(run.run_id) && (isWhole || !oldest || run.create_time_unix_ms >= oldest.create_time_unix_ms),
  );
  if (added.length > 0) {
    runs.push(...added);
    runs.sort((a, b) => b.create_time_unix_ms - a.create_time_unix_ms);
  }
  return { runs, total_count: page.total_count - removedCount + added.length };
}

/** How long a run has been going, or went, in milliseconds. */
export const runDuration = (run: Run, nowMs: number): number =>
  (run.state === "running" ? nowMs : (run.finish_time_unix_ms ?? run.update_time_unix_ms)) - run.create_time_unix_ms;

/** Whether something that was logged did not come in as it was sent. */
export function hasTrouble({ ingest_health: health }: Run): boolean {
  if (!health) return false;
  return (
    health.late_row_count + health.dropped_late_row_count + health.refused_count + health.damaged_record_count > 0 ||
    Boolean(health.message)
  );
}

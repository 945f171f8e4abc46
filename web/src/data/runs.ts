/** Keeps lists of runs up to date with what the live socket says. */
import type { RunsAnswer } from "../api/run_sets";
import type { LiveMessage, Run } from "../api/types";

type RunList = Pick<RunsAnswer, "runs" | "total_count">;

/**
 * The list with the changed runs in their place and removed ones gone; new ones are added, newest first, where that is the order.
 *
 * @param isNewestFirst whether the list holds all runs of the project, newest first: then what is new has a place.
 */
export function applyLive<List extends RunList>(list: List, message: LiveMessage, isNewestFirst = true): List {
  const changed = new Map(message.runs.map((run) => [run.run_id, run]));
  const removed = new Set(message.removed);
  const runs = list.runs
    .filter((run) => !removed.has(run.run_id))
    .map((run) => {
      const newer = changed.get(run.run_id);
      changed.delete(run.run_id);
      return newer && newer.revision >= run.revision ? newer : run;
    });
  const removedCount = list.runs.length - runs.length;
  const oldest = list.runs.at(-1);
  const isWhole = list.runs.length >= list.total_count;
  // A changed run that is older than the loaded part belongs to a part that is not loaded.
  const added = [...changed.values()].filter(
    (run) =>
      isNewestFirst &&
      !run.archived &&
      !removed.has(run.run_id) &&
      (isWhole || !oldest || run.create_time_unix_ms >= oldest.create_time_unix_ms),
  );
  if (added.length > 0) {
    runs.push(...added);
    runs.sort((a, b) => b.create_time_unix_ms - a.create_time_unix_ms);
  }
  return { ...list, runs, total_count: list.total_count - removedCount + added.length };
}

/**
 * The list in a new order, its runs as they are known; null where it names one that is not known.
 *
 * @param order the answer to the same question, without the runs themselves.
 */
export function reorder(list: RunsAnswer, order: RunsAnswer): RunsAnswer | null {
  const known = new Map(list.runs.map((run) => [run.run_id, run]));
  const runs: Run[] = [];
  for (const id of order.run_ids) {
    const run = known.get(id);
    if (!run) return null;
    runs.push(run);
  }
  return { ...order, runs };
}

/** Whether something that was logged did not come in as it was sent. */
export function hasTrouble({ ingest_health: health }: Run): boolean {
  if (!health) return false;
  return (
    health.late_row_count + health.dropped_late_row_count + health.refused_count + health.damaged_record_count > 0 ||
    Boolean(health.message)
  );
}

/** What a person changes of a run. Pure. */
import type { RunsEdit } from "../api/run_sets";
import type { WholeRun } from "../api/types";

export type RunChange = Omit<RunsEdit, "run_ids">;

/** The run as it will be once the change is in. */
export function changed(run: WholeRun, change: RunChange): WholeRun {
  const removed = new Set(change.remove_tags ?? []);
  const tags = [...run.tags, ...(change.add_tags ?? [])].filter((tag) => !removed.has(tag));
  return {
    ...run,
    name: change.name ?? run.name,
    notes: change.notes ?? run.notes,
    group: change.group ?? run.group,
    archived: change.archived ?? run.archived,
    tags: [...new Set(tags)],
  };
}

/** Changes of runs, and what takes them back. */
import type { RunsEdit } from "../api/run_sets";
import type { Run } from "../api/types";
import { isolate, isolated } from "../format/isolated";
import { plural } from "../format/number";

/** The edits after which these runs are as they were before `edit`; none where it changes nothing. */
export function inverseEdits(edit: RunsEdit, before: readonly Run[]): RunsEdit[] {
  const inverse: RunsEdit[] = [];
  const add = (ids: readonly string[], change: Omit<RunsEdit, "run_ids">) => {
    if (ids.length > 0) inverse.push({ run_ids: ids, ...change });
  };
  const idsOf = (runs: readonly Run[]) => runs.map((run) => run.run_id);
  for (const field of ["name", "notes", "group"] as const) {
    if (edit[field] === undefined) continue;
    const byValue = new Map<string, Run[]>();
    for (const run of before) {
      if (run[field] !== edit[field]) byValue.set(run[field], [...(byValue.get(run[field]) ?? []), run]);
    }
    for (const [value, runs] of byValue) add(idsOf(runs), { [field]: value });
  }
  for (const tag of edit.add_tags ?? []) {
    add(idsOf(before.filter((run) => !run.tags.includes(tag))), { remove_tags: [tag] });
  }
  for (const tag of edit.remove_tags ?? []) {
    add(idsOf(before.filter((run) => run.tags.includes(tag))), { add_tags: [tag] });
  }
  if (edit.archived !== undefined) {
    const changed = before.filter((run) => Boolean(run.archived) !== edit.archived);
    add(idsOf(changed), { archived: !edit.archived });
  }
  return inverse;
}

/** What an edit did, in words. */
export function editWords(edit: RunsEdit): string {
  const runs = plural(edit.run_ids.length, "run");
  if (edit.archived !== undefined) return `${runs} ${edit.archived ? "archived" : "taken from the archive"}`;
  if (edit.add_tags) return `${runs} tagged “${edit.add_tags.map(isolate).join(", ")}”`;
  if (edit.remove_tags) return `“${edit.remove_tags.map(isolate).join(", ")}” taken off ${runs}`;
  if (edit.group !== undefined) return edit.group ? isolated`${runs} in group “${edit.group}”` : `${runs} in no group`;
  if (edit.name !== undefined) return isolated`Renamed to “${edit.name}”`;
  return "Notes changed";
}

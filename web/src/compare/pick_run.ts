/** Finds the run that a person means by a name. Pure. */
import type { Run } from "../api/types";

type Named = Pick<Run, "run_id" | "name">;

/** What runs are called in a list to choose from: by their name, and where several share it by their id as well. */
export function runLabels(runs: readonly Named[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of runs) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(
    runs.map(({ run_id: id, name }) => [id, !name ? id : counts.get(name)! > 1 ? `${name} (${id})` : name]),
  );
}

/** The id of the one run that a text names: by its label, its id, or as the only one that it is a part of the name of. */
export function pickRun(runs: readonly Named[], text: string): string | null {
  const wanted = text.trim();
  if (wanted === "") return null;
  const labels = runLabels(runs);
  const exact = runs.find(({ run_id: id }) => labels.get(id) === wanted || id === wanted);
  if (exact) return exact.run_id;
  const near = runs.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  return near.length === 1 ? near[0].run_id : null;
}

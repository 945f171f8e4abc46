/** Which step a card shows: the steps of several runs put together, and the nearest of each. All lists of steps ascend. */
import { countUpTo } from "../data/merge";
import { formatCount } from "../format/number";

/** All steps of the lists, each once. */
export function unionOfSteps(lists: readonly (readonly number[])[]): number[] {
  if (lists.length === 1) return [...lists[0]];
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** The largest step that is at most `chosen`; null where none is so early. */
export function stepAtMost(steps: readonly number[], chosen: number): number | null {
  const count = countUpTo(steps, chosen);
  return count === 0 ? null : steps[count - 1];
}

/** The place on the slider of a chosen step, of the latest for null: the nearest step before it, or the first. */
export function positionOf(steps: readonly number[], chosen: number | null): number {
  return chosen === null ? steps.length - 1 : Math.max(0, countUpTo(steps, chosen) - 1);
}

/**
 * The step before or behind a chosen one; null, which follows the latest, behind the last of them.
 *
 * @param steps at least one.
 */
export function nextStep(steps: readonly number[], chosen: number | null, by: -1 | 1): number | null {
  const below = chosen === null ? steps.length : countUpTo(steps, chosen);
  if (by === 1) return below < steps.length ? steps[below] : null;
  const isOnStep = below > 0 && steps[below - 1] === chosen;
  // Nothing chosen shows the last: back of it is the one before.
  return steps[Math.max(0, below - (isOnStep || chosen === null ? 2 : 1))];
}

/** A step that is shown in place of the one that was asked for, in words; `asked` is null for the latest, which has no other. */
export function stepInWords(step: number, asked: number | null): string {
  const words = `step ${formatCount(step)}`;
  if (asked === null || asked === step) return words;
  return `${words}, the ${step < asked ? "last before" : "first after"} ${formatCount(asked)}`;
}

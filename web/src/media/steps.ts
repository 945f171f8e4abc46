/** Which step a card shows: the steps of several runs put together, and the nearest of each. All lists of steps ascend. */
import { countUpTo } from "../data/merge";

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

/** Gives each visible run a look of its own and keeps it while the run stays visible. */
import type { LineStyle } from "./model";
import { CONTEXT_COLOR, DASHES, RUN_COLORS, type ThemeName } from "./palette";

/** How many lines look different from each other. */
export const DISTINCT_MAX = RUN_COLORS.light.length * DASHES.length;

/** Which of the distinct looks a run has, by its id; runs past the last have none. */
export type Slots = ReadonlyMap<string, number>;

/**
 * The looks for the visible runs: those that had one keep it, new ones take the first that is free.
 *
 * Gives `before` itself where nothing changes.
 *
 * @param visible run ids, the first to be coloured first.
 */
export function assignSlots(visible: readonly string[], before: Slots): Slots {
  const wanted = new Set(visible);
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const [run, slot] of before) {
    if (!wanted.has(run)) continue;
    slots.set(run, slot);
    taken.add(slot);
  }
  let next = 0;
  for (const run of visible) {
    if (slots.has(run)) continue;
    while (taken.has(next)) next++;
    if (next >= DISTINCT_MAX) break;
    slots.set(run, next);
    taken.add(next);
  }
  return isSame(slots, before) ? before : slots;
}

const isSame = (a: Slots, b: Slots) => a.size === b.size && [...a].every(([run, slot]) => b.get(run) === slot);

export function styleOf(slot: number | undefined, theme: ThemeName): LineStyle {
  if (slot === undefined) return { color: CONTEXT_COLOR[theme], dash: [] };
  const colors = RUN_COLORS[theme];
  return { color: colors[slot % colors.length], dash: [...DASHES[Math.floor(slot / colors.length)]] };
}

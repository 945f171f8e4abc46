/** Gives each visible run a look of its own and keeps it while the run stays visible. */
import { own } from "../data/own";
import type { LineStyle } from "./model";
import { CONTEXT_COLOR, DASHES, RUN_COLORS, type ThemeName } from "./palette";

/** How many lines look different from each other. */
export const DISTINCT_MAX = RUN_COLORS.light.length * DASHES.length;

/** Which of the distinct looks a run has, by its id; runs past the last have none. */
export type Slots = ReadonlyMap<string, number>;

/**
 * The looks for the visible runs: those that a person chose first, then those that had one keep it, new ones take the first that
 * is free.
 *
 * Gives `before` itself where nothing changes.
 *
 * @param visible run ids, the first to be coloured first.
 * @param chosen looks given by a person: two runs may have the same.
 */
export function assignSlots(
  visible: readonly string[],
  before: Slots,
  chosen: Readonly<Record<string, number>> = {},
): Slots {
  const wanted = new Set(visible);
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  const take = (run: string, slot: number) => {
    slots.set(run, slot);
    taken.add(slot);
  };
  for (const run of visible) {
    const slot = own(chosen, run);
    if (slot !== undefined) take(run, slot % DISTINCT_MAX);
  }
  for (const [run, slot] of before) if (wanted.has(run) && !slots.has(run) && !taken.has(slot)) take(run, slot);
  let next = 0;
  for (const run of visible) {
    if (slots.has(run)) continue;
    while (taken.has(next)) next++;
    if (next >= DISTINCT_MAX) break;
    take(run, next);
  }
  return isSame(slots, before) ? before : slots;
}

const isSame = (a: Slots, b: Slots) => a.size === b.size && [...a].every(([run, slot]) => b.get(run) === slot);

export function styleOf(slot: number | undefined, theme: ThemeName): LineStyle {
  if (slot === undefined) return { color: CONTEXT_COLOR[theme], dash: [] };
  const colors = RUN_COLORS[theme];
  return { color: colors[slot % colors.length], dash: [...DASHES[Math.floor(slot / colors.length)]] };
}

/** The looks of the visible runs, kept from one list of runs to the next. */
import { useState } from "react";
import { assignSlots, type Slots } from "../chart/styles";

/**
 * @param order run ids, the first to be coloured first.
 * @param chosen looks given by a person.
 */
export function useSlots(order: readonly string[], chosen: Readonly<Record<string, number>>): Slots {
  const [slots, setSlots] = useState<Slots>(() => new Map());
  const next = assignSlots(order, slots, chosen);
  // Set while rendering: the page is never shown with looks of the runs before.
  if (next !== slots) setSlots(next);
  return next;
}

/** How much room rows and controls take: `compact` is usual. The sizes are in `global.css`, for lists of which a part is drawn here too. */
import { useSyncExternalStore } from "react";
import { choose, chosen, type Preference, restore, subscribe } from "./preferences";

export type Density = "compact" | "cosy";

const DENSITY: Preference<"cosy"> = { name: "density", values: ["cosy"] };

// What a row has beside its text: a finger needs more room than a pointer.
const COSY_PIXELS = 8;
const TOUCH_PIXELS_MIN = 44;
const isTouch = matchMedia("(pointer: coarse)").matches;

restore(DENSITY);

const currentDensity = (): Density => chosen(DENSITY) ?? "compact";

export const chooseDensity = (density: Density): void => choose(DENSITY, density === "compact" ? null : density);

export const useDensity = (): Density => useSyncExternalStore(subscribe, currentDensity);

/** How high the rows of a list are: as `--row-height`, or more where a row holds more than a line. */
export function useRowHeight(compactPixels = 28): number {
  const isCosy = useDensity() === "cosy";
  if (isTouch) return Math.max(TOUCH_PIXELS_MIN, compactPixels + COSY_PIXELS);
  return isCosy ? compactPixels + COSY_PIXELS : compactPixels;
}

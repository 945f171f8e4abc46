/** How much room rows and controls take: `compact` is usual. The sizes are in `global.css`. */
import { useSyncExternalStore } from "react";
import { choose, chosen, type Preference, restore, subscribe } from "./preferences";

export type Density = "compact" | "cosy";

const DENSITY: Preference<"cosy"> = { name: "density", values: ["cosy"] };

restore(DENSITY);

const currentDensity = (): Density => chosen(DENSITY) ?? "compact";

export const chooseDensity = (density: Density): void => choose(DENSITY, density === "compact" ? null : density);

export const useDensity = (): Density => useSyncExternalStore(subscribe, currentDensity);

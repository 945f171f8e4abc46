/** What can be done on the page as it stands: its frame and its parts declare it here while they are shown; the palette lists it. */
import { useEffect, useRef } from "react";

export interface PaletteAction {
  /** The same each time the page is opened. */
  id: string;
  /** What it does, as a command: "Use the dark theme". */
  title: string;
  /** The key that does the same, by its name in `ui/keys.ts`. */
  key?: string;
  run: () => void;
}

type Layer = () => readonly PaletteAction[];

const layers: Layer[] = [];

/** All actions there are now, those of the page before those of its frame. */
export const listActions = (): PaletteAction[] => layers.toReversed().flatMap((layer) => layer());

export function useActions(actions: readonly PaletteAction[]): void {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const layer = () => latest.current;
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, []);
}

/** The router's view of the address in an exported file; see `place.ts`. */
import { useSyncExternalStore } from "react";
import { place } from "./place";

const CHANGED = "trackd:place";

function subscribe(listener: () => void): () => void {
  const events = ["popstate", "hashchange", CHANGED];
  for (const name of events) window.addEventListener(name, listener);
  return () => {
    for (const name of events) window.removeEventListener(name, listener);
  };
}

export const usePathname = (): string => useSyncExternalStore(subscribe, () => place.pathname);
export const useSearch = (): string => useSyncExternalStore(subscribe, () => place.search);

export function navigate(to: string | URL, { replace = false }: { replace?: boolean } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", `#${to}`);
  window.dispatchEvent(new Event(CHANGED));
}

/** The theme of the page: the system's, unless a person has chosen another. */
import { useSyncExternalStore } from "react";
import type { ThemeName } from "../chart/palette";

const STORAGE_KEY = "trackd.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function storedChoice(): ThemeName | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    // Storage may be switched off: the system's theme stands then.
    return null;
  }
}

let choice = storedChoice();

const currentTheme = (): ThemeName => choice ?? (systemIsDark.matches ? "dark" : "light");

function apply(): void {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  for (const listener of listeners) listener();
}

systemIsDark.addEventListener("change", apply);
apply();

/** Changes between light and dark; a choice that is the system's own follows the system again. */
export function toggleTheme(): void {
  const next = currentTheme() === "dark" ? "light" : "dark";
  choice = next === (systemIsDark.matches ? "dark" : "light") ? null : next;
  try {
    if (choice) localStorage.setItem(STORAGE_KEY, choice);
    else localStorage.removeItem(STORAGE_KEY);
  } catch {
    // The choice holds for this page only.
  }
  apply();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export const useTheme = (): ThemeName => useSyncExternalStore(subscribe, currentTheme);

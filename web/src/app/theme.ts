/** The theme of the page: the system's, unless a person has chosen another. */
import { useSyncExternalStore } from "react";
import type { ThemeName } from "../chart/palette";
import { choose, chosen, type Preference, restore, subscribe, tell } from "./preferences";

/** null: as the system has it. */
export type ThemeChoice = ThemeName | null;

const THEME: Preference<ThemeName> = { name: "theme", values: ["light", "dark"] };
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

restore(THEME);
systemIsDark.addEventListener("change", tell);

const systemTheme = (): ThemeName => (systemIsDark.matches ? "dark" : "light");
const themeChoice = (): ThemeChoice => chosen(THEME);
const currentTheme = (): ThemeName => themeChoice() ?? systemTheme();

export const chooseTheme = (choice: ThemeChoice): void => choose(THEME, choice);

/** Changes between light and dark; a choice that is the system's own follows the system again. */
export function toggleTheme(): void {
  const next = currentTheme() === "dark" ? "light" : "dark";
  chooseTheme(next === systemTheme() ? null : next);
}

export const useTheme = (): ThemeName => useSyncExternalStore(subscribe, currentTheme);
export const useThemeChoice = (): ThemeChoice => useSyncExternalStore(subscribe, themeChoice);

/**
 * The colours of runs and of a chart's own parts, in the light and in the dark theme.
 *
 * Both sets of twelve were found by search over the sRGB cube for the largest least distance in OKLab between any two, seen with
 * normal, protan, deutan and tritan vision (Machado 2009, severity 1), with at least 3:1 against the ground. `test/palette.test.ts`
 * measures both properties.
 */
import type { ChartTheme } from "./model";

export type ThemeName = "light" | "dark";

export const RUN_COLORS: Record<ThemeName, readonly string[]> = {
  light: [
    "#1812ae",
    "#ae5a06",
    "#1e846c",
    "#fc0c90",
    "#429ccc",
    "#660c24",
    "#9666fc",
    "#cc8412",
    "#481e66",
    "#90300c",
    "#7218e4",
    "#6c4260",
  ],
  dark: [
    "#00cca2",
    "#e46cea",
    "#a29c36",
    "#902afc",
    "#fca8fc",
    "#d20006",
    "#d2fc3c",
    "#2a725a",
    "#72fcba",
    "#a82aae",
    "#4e9690",
    "#aecc2a",
  ],
};

/** The colours start anew with another dash when they are used up: 48 lines that differ. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

/** Lines past the last distinct one. */
export const CONTEXT_COLOR: Record<ThemeName, string> = { light: "#8b919c", dark: "#6f7682" };

export const CHART_THEME: Record<ThemeName, ChartTheme> = {
  light: { ground: "#ffffff", ink: "#16181d", muted: "#5b626e", grid: "#f0f1f4", axis: "#e3e5ea" },
  dark: { ground: "#15171c", ink: "#e8eaee", muted: "#a0a7b3", grid: "#1f232a", axis: "#2b3038" },
};

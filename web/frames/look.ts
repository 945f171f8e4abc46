/** The colours of the page as a frame needs them: frames see none of the page's style sheets. */
import type { ThemeName } from "../src/chart/palette";

export interface Look {
  ground: string;
  raised: string;
  ink: string;
  muted: string;
  grid: string;
  axis: string;
  accent: string;
  /** From little to much. */
  ramp: readonly string[];
}

export const LOOKS: Record<ThemeName, Look> = {
  light: {
    ground: "#ffffff",
    raised: "#f7f8fa",
    ink: "#16181d",
    muted: "#565d69",
    grid: "#f0f1f4",
    axis: "#e3e5ea",
    accent: "#1d5fd1",
    ramp: ["#f3f6fc", "#a9c4f2", "#4f86df", "#1d5fd1", "#0f3a86"],
  },
  dark: {
    ground: "#15171c",
    raised: "#1c1f26",
    ink: "#e8eaee",
    muted: "#a0a7b3",
    grid: "#1f232a",
    axis: "#2b3038",
    accent: "#7eaaff",
    ramp: ["#1c2332", "#2c4676", "#4a74c4", "#7eaaff", "#d3e2ff"],
  },
};

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

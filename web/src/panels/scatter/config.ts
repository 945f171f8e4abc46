/** What a scatter plot shows. */
import { asObject, choiceIn, choiceOrNull, flagIn, textIn } from "../parse";

/** Which end of an axis is the better one: it decides which runs none is better than. */
export type Goal = "low" | "high";
export const GOALS = ["low", "high"] as const;

export interface ScatterConfig {
  x: string;
  y: string;
  /** The column that gives the colours; null for the runs' own. */
  color: string | null;
  size: string | null;
  isLogX: boolean;
  isLogY: boolean;
  /** Whether the runs are marked that no other is better than on both axes. */
  hasFrontier: boolean;
  xGoal: Goal;
  yGoal: Goal;
}

export function parseScatter(json: unknown): ScatterConfig | null {
  const from = asObject(json);
  if (!from) return null;
  return {
    x: textIn(from, "x"),
    y: textIn(from, "y"),
    color: choiceOrNull(from, "color"),
    size: choiceOrNull(from, "size"),
    isLogX: flagIn(from, "isLogX"),
    isLogY: flagIn(from, "isLogY"),
    hasFrontier: flagIn(from, "hasFrontier"),
    xGoal: choiceIn(from, "xGoal", GOALS),
    yGoal: choiceIn(from, "yGoal", GOALS),
  };
}

/** What a single number shows. */
import { asObject, choiceIn, choiceOrNull, textIn } from "../parse";

/** Of which run the number is: the newest, the one that is highlighted, the best; or one number of them all. */
export const WHICH = ["last", "highlighted", "min", "max", "mean"] as const;
export type Which = (typeof WHICH)[number];

export interface ScalarConfig {
  column: string;
  which: Which;
  /** The run that the number is compared with; null for none. */
  baseline: string | null;
}

export function parseScalar(json: unknown): ScalarConfig | null {
  const from = asObject(json);
  if (!from) return null;
  return {
    column: textIn(from, "column"),
    which: choiceIn(from, "which", WHICH),
    baseline: choiceOrNull(from, "baseline"),
  };
}

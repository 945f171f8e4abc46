/** What a histogram of runs shows. */
import { asObject, countIn, flagIn, textIn } from "../parse";

export interface HistogramConfig {
  column: string;
  /** Null for as many as suit the number of runs. */
  binCount: number | null;
  isLog: boolean;
}

export const BIN_COUNT_MIN = 2;
export const BIN_COUNT_MAX = 200;

export function parseHistogram(json: unknown): HistogramConfig | null {
  const from = asObject(json);
  if (!from) return null;
  return {
    column: textIn(from, "column"),
    binCount: countIn(from, "binCount", BIN_COUNT_MIN, BIN_COUNT_MAX),
    isLog: flagIn(from, "isLog"),
  };
}

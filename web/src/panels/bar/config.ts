/** What a bar chart shows. */
import { asObject, choiceIn, countIn, textIn } from "../parse";

export const ORDERS = ["descending", "ascending"] as const;

export interface BarConfig {
  column: string;
  order: (typeof ORDERS)[number];
  /** How many bars there are at first. */
  topCount: number;
}

export const TOP_COUNT = 20;
export const TOP_COUNT_MAX = 1000;

export function parseBar(json: unknown): BarConfig | null {
  const from = asObject(json);
  if (!from) return null;
  return {
    column: textIn(from, "column"),
    order: choiceIn(from, "order", ORDERS),
    topCount: countIn(from, "topCount", 1, TOP_COUNT_MAX) ?? TOP_COUNT,
  };
}

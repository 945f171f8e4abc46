/** What a panel of importance shows. */
import { asObject, textIn } from "../parse";

export interface ImportanceConfig {
  /** The column that is to be explained. */
  target: string;
}

export function parseImportance(json: unknown): ImportanceConfig | null {
  const from = asObject(json);
  return from && { target: textIn(from, "target") };
}

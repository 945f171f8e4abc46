/** What a panel that compares runs shows. */
import { asObject, textIn } from "../parse";

export interface ComparerConfig {
  /** A regular expression over keys. */
  search: string;
  /** The sections that are folded. */
  closed: readonly string[];
}

export function parseComparer(json: unknown): ComparerConfig | null {
  const from = asObject(json);
  if (!from) return null;
  const closed = Array.isArray(from.closed) ? from.closed.filter((one): one is string => typeof one === "string") : [];
  return { search: textIn(from, "search"), closed };
}

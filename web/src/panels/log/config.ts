/** Whose console a log panel shows. */
import { asObject, choiceOrNull, textIn } from "../parse";

export interface LogConfig {
  /** A run's id; null for the highlighted run, else the newest that is shown. */
  run: string | null;
  /** The writer; empty for the first that has printed. */
  writer: string;
}

export function parseLog(json: unknown): LogConfig | null {
  const from = asObject(json);
  return from && { run: choiceOrNull(from, "run"), writer: textIn(from, "writer") };
}

/** What a note holds. */
import { asObject, textIn } from "../parse";

export interface NoteConfig {
  /** Markdown. */
  text: string;
}

export function parseNote(json: unknown): NoteConfig | null {
  const from = asObject(json);
  return from && { text: textIn(from, "text") };
}

const TITLE_MAX = 80;

/** The first line with words, without its marks. */
export function titleIn(text: string): string {
  const line = text
    .split("\n")
    .map((one) => one.replace(/^[\s#>*-]+/, "").trim())
    .find((one) => one !== "");
  return line ? line.slice(0, TITLE_MAX) : "Note";
}

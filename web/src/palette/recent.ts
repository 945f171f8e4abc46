/** What was chosen last in the palette, kept by the browser: a convenience, nothing of what is seen depends on it. */
import { type Entry, KINDS } from "./entries";

const STORAGE_KEY = "trackd.palette";
const RECENT_MAX = 8;

/** Reads the list; anything else that stands there is none. */
export function parseRecent(text: string | null): Entry[] {
  try {
    const list = JSON.parse(text ?? "[]") as unknown;
    return Array.isArray(list) ? list.filter(isEntry).slice(0, RECENT_MAX) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Entry> | null;
  return (
    typeof entry?.id === "string" &&
    typeof entry.title === "string" &&
    (entry.about === undefined || typeof entry.about === "string") &&
    // Within the app alone: "//host" would be another site.
    (entry.href === undefined || (typeof entry.href === "string" && /^\/(?!\/)/.test(entry.href))) &&
    KINDS.some((kind) => kind === entry.kind)
  );
}

/** The list with an entry put first. */
export const withRecent = (list: readonly Entry[], { id, kind, title, about, href }: Entry): Entry[] =>
  [{ id, kind, title, about, href }, ...list.filter((one) => one.id !== id)].slice(0, RECENT_MAX);

/** The entries that still can be chosen: what is done rather than gone to only where the page offers it now. */
export function presentRecent(list: readonly Entry[], entries: readonly Entry[]): Entry[] {
  const present = new Map(entries.map((entry) => [entry.id, entry]));
  return list.flatMap((one) => present.get(one.id) ?? (one.href === undefined ? [] : [one]));
}

export function loadRecent(): Entry[] {
  try {
    return parseRecent(localStorage.getItem(STORAGE_KEY));
  } catch {
    // Storage may be switched off.
    return [];
  }
}

export function keepRecent(entry: Entry): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(withRecent(loadRecent(), entry)));
  } catch {
    // Nothing is recent then.
  }
}

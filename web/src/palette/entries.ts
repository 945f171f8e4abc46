/** What the palette lists: everything that can be gone to or done, and which of it fits what was typed. */
import { fuzzy } from "./fuzzy";

export const KINDS = ["recent", "action", "page", "view", "run", "metric", "project"] as const;
export type EntryKind = (typeof KINDS)[number];

export const KIND_WORDS: Record<EntryKind, string> = {
  recent: "Recent",
  action: "Actions",
  page: "Pages",
  view: "Saved views",
  run: "Runs",
  metric: "Metrics",
  project: "Projects",
};

export interface Entry {
  /** The same each time, over all kinds. */
  id: string;
  kind: EntryKind;
  title: string;
  /** A word or two beside it. */
  about?: string;
  /** The key that does the same, by its name in `ui/keys.ts`. */
  key?: string;
  /** Where it leads; what has no address is done by `run`. */
  href?: string;
  run?: () => void;
}

export interface Found {
  entry: Entry;
  /** The letters of its title that were found. */
  positions: readonly number[];
}

export interface FoundGroup {
  kind: EntryKind;
  found: Found[];
}

const PER_KIND_MAX = 8;
/** Without a word typed only a glance at what there is. */
const PER_KIND_IDLE = 5;
const IDLE_KINDS: readonly EntryKind[] = ["recent", "action", "page", "view", "project"];

/** The entries that fit, the kind with the best of them first; without a query the recent ones and a few of most kinds. */
export function findEntries(entries: readonly Entry[], query: string, recent: readonly Entry[]): FoundGroup[] {
  if (query.trim() === "") return idleGroups(entries, recent);
  const groups = new Map<EntryKind, { score: number; found: Found }[]>();
  const recentIds = new Set(recent.map((entry) => entry.id));
  for (const entry of entries) {
    const match = fuzzy(query, entry.title);
    if (!match) continue;
    const score = match.score + (recentIds.has(entry.id) ? 50 : 0);
    const found = { score, found: { entry, positions: match.positions } };
    const group = groups.get(entry.kind);
    if (group) group.push(found);
    else groups.set(entry.kind, [found]);
  }
  const ordered = [...groups].map(([kind, found]) => ({ kind, found: found.sort((a, b) => b.score - a.score) }));
  ordered.sort((a, b) => b.found[0].score - a.found[0].score || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  return ordered.map(({ kind, found }) => ({ kind, found: found.slice(0, PER_KIND_MAX).map((one) => one.found) }));
}

function idleGroups(entries: readonly Entry[], recent: readonly Entry[]): FoundGroup[] {
  const recentIds = new Set(recent.map((entry) => entry.id));
  return IDLE_KINDS.flatMap((kind) => {
    const ofKind =
      kind === "recent" ? recent : entries.filter((entry) => entry.kind === kind && !recentIds.has(entry.id));
    const found = ofKind.slice(0, PER_KIND_IDLE).map((entry) => ({ entry, positions: [] }));
    return found.length > 0 ? [{ kind, found }] : [];
  });
}

/** A title in pieces, each with whether it was found. */
export function markedPieces(title: string, positions: readonly number[]): { text: string; isFound: boolean }[] {
  const marked = new Set(positions);
  const pieces: { text: string; isFound: boolean }[] = [];
  for (let at = 0; at < title.length; at++) {
    const isFound = marked.has(at);
    const last = pieces.at(-1);
    if (last?.isFound === isFound) last.text += title[at];
    else pieces.push({ text: title[at], isFound });
  }
  return pieces;
}

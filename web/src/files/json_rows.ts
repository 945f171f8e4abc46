/** A JSON value as rows that fold. Pure. */

export interface JsonRow {
  /** Where the value stands, as a JSON pointer. */
  path: string;
  depth: number;
  /** The name or the place within what holds it; empty at the top. */
  name: string;
  /** The value as JSON, or what it holds: `{3}`, `[120]`. */
  text: string;
  type: "text" | "number" | "word" | "branch";
  /** Null for what does not fold. */
  isOpen: boolean | null;
}

/** Branches this deep are open when the file is first seen, where they are not long. */
const OPEN_DEPTH = 2;
const OPEN_LENGTH_MAX = 100;

const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** @param toggled the paths that are not folded, or not open, as they are by default. */
export function jsonRows(value: unknown, toggled: ReadonlySet<string>): JsonRow[] {
  const rows: JsonRow[] = [];
  const walk = (inner: unknown, path: string, name: string, depth: number) => {
    if (typeof inner !== "object" || inner === null) {
      const type = typeof inner === "string" ? "text" : typeof inner === "number" ? "number" : "word";
      rows.push({ path, depth, name, text: JSON.stringify(inner), type, isOpen: null });
      return;
    }
    const entries: [string, unknown][] = Array.isArray(inner)
      ? inner.map((item: unknown, place): [string, unknown] => [String(place), item])
      : Object.entries(inner);
    const text = Array.isArray(inner) ? `[${entries.length}]` : `{${entries.length}}`;
    const isOpenByDefault = depth < OPEN_DEPTH && (depth === 0 || entries.length <= OPEN_LENGTH_MAX);
    const isOpen = isOpenByDefault !== toggled.has(path);
    rows.push({ path, depth, name, text, type: "branch", isOpen: entries.length > 0 ? isOpen : null });
    if (isOpen) for (const [key, item] of entries) walk(item, `${path}/${escaped(key)}`, key, depth + 1);
  };
  walk(value, "", "", 0);
  return rows;
}

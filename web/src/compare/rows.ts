/** The rows of a comparison: keys in sections, the value that each run has there, and where it is not the first run's. Pure. */
import { matcher } from "../ui/matcher";

/** A part of what runs are: a map from key to value for each run, in the order of the runs. */
export interface Facts {
  section: string;
  title: string;
  byRun: readonly ReadonlyMap<string, unknown>[];
}

export interface SectionRow {
  kind: "section";
  section: string;
  title: string;
  /** Keys that the search finds, and those of them that are not the same in all runs. */
  keyCount: number;
  differentCount: number;
  isClosed: boolean;
}

export interface ValueRow {
  kind: "value";
  section: string;
  key: string;
  /** Undefined where a run has none. */
  values: readonly unknown[];
  /** Whether a run's value is another than the first one's. */
  differs: readonly boolean[];
}

export type Row = SectionRow | ValueRow;

export interface RowsWanted {
  /** Whether keys are shown that all runs share. */
  hasSame: boolean;
  /** A regular expression over keys; what is none finds all. */
  search: string;
  closed: readonly string[];
}

/** A value as a text that is the same for equal values, whatever the order of their keys. */
export function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${stableText(inner)}`).join(",")}}`;
}

const order = new Intl.Collator("en", { numeric: true });

export function makeRows(facts: readonly Facts[], { hasSame, search, closed }: RowsWanted): Row[] {
  const isFound = matcher(search) ?? (() => true);
  return facts.flatMap(({ section, title, byRun }): Row[] => {
    const keys = [...new Set(byRun.flatMap((one) => [...one.keys()]))].filter((key) => isFound(key));
    const rows = keys.sort(order.compare).map((key): ValueRow => {
      const values = byRun.map((one) => one.get(key));
      const texts = values.map(stableText);
      return { kind: "value", section, key, values, differs: texts.map((text) => text !== texts[0]) };
    });
    const different = rows.filter(({ differs }) => differs.includes(true));
    if (rows.length === 0) return [];
    const isClosed = closed.includes(section);
    const head = { section, title, keyCount: rows.length, differentCount: different.length, isClosed };
    return [{ kind: "section", ...head }, ...(isClosed ? [] : hasSame ? rows : different)];
  });
}

/** Keys that differ, and all of them, over all sections. */
export function countsOf(rows: readonly Row[]): { keyCount: number; differentCount: number } {
  const sections = rows.filter((row) => row.kind === "section");
  return {
    keyCount: sections.reduce((sum, one) => sum + one.keyCount, 0),
    differentCount: sections.reduce((sum, one) => sum + one.differentCount, 0),
  };
}

/** A value as the text that is copied and compared line by line. */
export function fullText(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Sorts metrics into sections by their names. */
import type { SectionRule } from "../url/view_state";

/** Where metrics without a slash stand. */
export const UNNAMED_SECTION = "Charts";

export interface Section {
  name: string;
  keys: string[];
}

// Numbers within names count as numbers: layer.2 stands before layer.10.
const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

export function sectionOf(key: string, rule: SectionRule): string {
  const slash = rule === "last" ? key.lastIndexOf("/") : key.indexOf("/");
  return slash > 0 ? key.slice(0, slash) : UNNAMED_SECTION;
}

export function makeSections(keys: readonly string[], rule: SectionRule): Section[] {
  const sections = new Map<string, string[]>();
  for (const key of [...keys].sort(byName)) {
    const name = sectionOf(key, rule);
    const section = sections.get(name);
    if (section) section.push(key);
    else sections.set(name, [key]);
  }
  return [...sections].map(([name, names]) => ({ name, keys: names })).sort((a, b) => byName(a.name, b.name));
}

/** Sorts metrics, drawn as charts or shown as media, into sections by their names. */
import type { SectionRule } from "../url/view_state";
import type { MediaMetric } from "./shown_run";

/** Where metrics without a slash stand. */
export const UNNAMED_SECTION = "Charts";

export interface Section {
  name: string;
  /** The metrics drawn as charts. */
  keys: string[];
  /** Those shown as media: a key of several kinds has a card for each. */
  media: MediaMetric[];
}

// Numbers within names count as numbers: layer.2 stands before layer.10.
export const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

export function sectionOf(key: string, rule: SectionRule): string {
  const slash = rule === "first" ? key.indexOf("/") : key.lastIndexOf("/");
  return slash > 0 ? key.slice(0, slash) : UNNAMED_SECTION;
}

/** What a key is called within its section. */
export function titleIn(section: string, key: string): string {
  return section === UNNAMED_SECTION ? key : key.slice(section.length + 1) || key;
}

export function makeSections(
  keys: readonly string[],
  rule: SectionRule,
  media: readonly MediaMetric[] = [],
): Section[] {
  const sections = new Map<string, Section>();
  const sectionFor = (key: string): Section => {
    const name = sectionOf(key, rule);
    let section = sections.get(name);
    if (!section) {
      section = { name, keys: [], media: [] };
      sections.set(name, section);
    }
    return section;
  };
  for (const key of keys) sectionFor(key).keys.push(key);
  for (const one of media) sectionFor(one.key).media.push(one);
  // Within each section: comparing is what takes the time where there are very many names.
  for (const section of sections.values()) {
    section.keys.sort(byName);
    section.media.sort((a, b) => byName(a.key, b.key));
  }
  return [...sections.values()].sort((a, b) => byName(a.name, b.name));
}

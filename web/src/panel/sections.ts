/** Sorts metrics, drawn as charts or shown as media, into sections by their names. */
import type { SectionRule } from "../url/view_state";
import type { MediaMetric } from "./shown_run";

/** Where metrics without a slash stand. */
export const UNNAMED_SECTION = "Charts";

export interface Section<Metric extends { key: string }> {
  name: string;
  /** Those drawn as charts. */
  metrics: Metric[];
  /** Those shown as media: a key of several kinds has a card for each. */
  media: MediaMetric[];
}

// Numbers within names count as numbers: layer.2 stands before layer.10.
export const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

/** How many letters at the beginning of a key name its section. */
function sectionLength(key: string, rule: SectionRule): number {
  return rule === "first" ? key.indexOf("/") : key.lastIndexOf("/");
}

export function sectionOf(key: string, rule: SectionRule): string {
  const length = sectionLength(key, rule);
  return length > 0 ? key.slice(0, length) : UNNAMED_SECTION;
}

/** What a key is called within its section. */
export function titleIn(section: string, key: string): string {
  return section === UNNAMED_SECTION ? key : key.slice(section.length + 1) || key;
}

export function makeSections<Metric extends { key: string }>(
  metrics: readonly Metric[],
  rule: SectionRule,
  media: readonly MediaMetric[] = [],
): Section<Metric>[] {
  const sections = new Map<string, Section<Metric>>();
  let last: Section<Metric> | undefined;
  const sectionFor = (key: string): Section<Metric> => {
    const length = sectionLength(key, rule);
    // Names come in order: most are in the section of the one before, and no text is made of them.
    if (last && length === last.name.length && key.startsWith(last.name)) return last;
    const name = sectionOf(key, rule);
    last = sections.get(name);
    if (!last) {
      last = { name, metrics: [], media: [] };
      sections.set(name, last);
    }
    return last;
  };
  for (const metric of metrics) sectionFor(metric.key).metrics.push(metric);
  for (const one of media) sectionFor(one.key).media.push(one);
  // Within each section: comparing is what takes the time where there are very many names.
  for (const section of sections.values()) {
    section.metrics.sort(byKey);
    section.media.sort(byKey);
  }
  return [...sections.values()].sort((a, b) => byName(a.name, b.name));
}

const byKey = (a: { key: string }, b: { key: string }) => byName(a.key, b.key);

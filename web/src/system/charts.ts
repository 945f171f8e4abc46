/** Sorts measured values into sections and charts: the instances of one value, and what belongs beside it, are lines of one chart. */
import { CHART_KINDS, type ChartKind, measureOf, sectionOf, SECTIONS, type SystemSection, UNDRAWN } from "./catalog";
import { byInstance, parseSystemName, type SystemName } from "./names";
import type { Measure } from "../format/measure";

export interface SystemLine {
  key: string;
  label: string;
}

export interface SystemChart {
  /** Names the chart within the page. */
  id: string;
  title: string;
  measure: Measure;
  lines: SystemLine[];
}

export interface ChartsOfSection {
  name: SystemSection;
  charts: SystemChart[];
}

export function systemCharts(keys: readonly string[]): ChartsOfSection[] {
  const names = keys.map(parseSystemName).filter((name) => name !== null);
  const byName = new Map<string, SystemName[]>();
  for (const name of names) {
    if (UNDRAWN.has(name.name)) continue;
    const same = byName.get(name.name);
    if (same) same.push(name);
    else byName.set(name.name, [name]);
  }
  const hasHosts = new Set(names.map((name) => name.host)).size > 1;
  const sections = new Map<SystemSection, SystemChart[]>(SECTIONS.map((section) => [section, []]));
  for (const kind of CHART_KINDS) {
    const parts = kind.names.flatMap(([name, part]) => (byName.get(name) ?? []).map((one) => ({ one, part })));
    for (const [name] of kind.names) byName.delete(name);
    if (parts.length === 0) continue;
    if (!kind.isSplit) sections.get(kind.section)!.push(chartOf(kind, kind.title, parts, hasHosts));
    else {
      const whole = parts.filter(({ one }) => one.instance === "");
      const each = parts.filter(({ one }) => one.instance !== "");
      if (whole.length > 0) sections.get(kind.section)!.push(chartOf(kind, kind.title, whole, hasHosts));
      if (each.length > 0) {
        sections.get(kind.section)!.push(chartOf(kind, `${kind.title}, each ${kind.instance}`, each, hasHosts));
      }
    }
  }
  // What a newer daemon measures is drawn under its own name.
  for (const [name, same] of [...byName].sort(([a], [b]) => byInstance(a, b))) {
    const kind: ChartKind = {
      section: sectionOf(name),
      title: name,
      measure: measureOf(name),
      names: [],
      instance: "",
    };
    sections.get(kind.section)!.push(
      chartOf(
        kind,
        name,
        same.map((one) => ({ one, part: "" })),
        hasHosts,
      ),
    );
  }
  return [...sections].filter(([, charts]) => charts.length > 0).map(([name, charts]) => ({ name, charts }));
}

interface Part {
  one: SystemName;
  part: string;
}

function chartOf(kind: ChartKind, title: string, parts: readonly Part[], hasHosts: boolean): SystemChart {
  const hasParts = new Set(parts.map(({ part }) => part)).size > 1;
  const lines = parts
    .toSorted((a, b) => byInstance(a.one.host, b.one.host) || byInstance(a.one.instance, b.one.instance))
    .map(({ one, part }) => {
      const instance = one.instance === "" ? "" : `${kind.instance ? `${kind.instance} ` : ""}${one.instance}`;
      const words = [hasHosts ? one.host : "", instance, hasParts || instance === "" ? part : ""].filter(Boolean);
      return { key: one.key, label: words.join(" ") || title };
    });
  return { id: title, title, measure: kind.measure, lines };
}

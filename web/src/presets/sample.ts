/** Made-up rows for a preset that is looked at without a table: of each column that its specification asks for. */
import type { Json, Substitutes } from "../plot/preset";

export interface Sample {
  substitutes: Substitutes;
  rows: Record<string, unknown>[];
}

const PLACEHOLDER = /\$\{(field|string):([^}:]+)(:[^}]*)?\}/g;
const CATEGORIES = ["A", "B", "C"];
const POINT_COUNT = 24;
const VALUE_COUNT = 240;

export function makeSample(specification: Json): Sample {
  const text = JSON.stringify(specification);
  const found = [...text.matchAll(PLACEHOLDER)];
  const fields = new Set(found.filter(([, sort]) => sort === "field").map(([, , name]) => name));
  const strings = found.filter(([, sort, , otherwise]) => sort === "string" && otherwise === undefined);
  const seen = columnsOf(specification);
  for (const name of seen.plain) if (!seen.made.has(name)) fields.add(name);
  const columns = [...fields];
  const categorical = columns.filter((name) => seen.categorical.has(name));
  const measured = columns.filter((name) => !seen.categorical.has(name)).sort((a, b) => xFirst(a) - xFirst(b));
  return {
    substitutes: {
      fields: Object.fromEntries(columns.map((name) => [name, name])),
      strings: Object.fromEntries(strings.map(([, , name]) => [name, name])),
      columns,
    },
    rows: makeRows(categorical, measured),
  };
}

const xFirst = (name: string) => (/^(x|step|time|epoch)/i.test(name) ? 0 : 1);

/** The columns that definitions draw: those of groups and names, those that stand there as they are, and those a transform makes. */
function columnsOf(specification: Json) {
  const seen = { categorical: new Set<string>(), plain: new Set<string>(), made: new Set<string>() };
  const look = (value: Json): void => {
    if (Array.isArray(value)) value.forEach(look);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const made of [value.as].flat()) if (typeof made === "string") seen.made.add(made);
    if (typeof value.field === "string" && value.field !== "") {
      const name = value.field.match(/^\$\{field:([^}:]+)/)?.[1];
      if (name === undefined) seen.plain.add(value.field);
      if (value.type === "nominal" || value.type === "ordinal") seen.categorical.add(name ?? value.field);
    }
    Object.values(value).forEach((item) => look(item));
  };
  look(specification);
  return seen;
}

function makeRows(categorical: readonly string[], measured: readonly string[]): Record<string, unknown>[] {
  const groups = groupsOf(categorical);
  if (measured.length <= 1 && categorical.length === 0) {
    // One measured column alone is counted: values that heap up in the middle.
    return Array.from({ length: VALUE_COUNT }, (_, index) => rowOf({}, measured, () => heaped(index)));
  }
  if (measured.length <= 1) {
    return groups.map((group, index) => rowOf(group, measured, () => 8 + ((index * 37) % 29)));
  }
  return groups.flatMap((group, groupIndex) =>
    Array.from({ length: POINT_COUNT }, (_, point) =>
      rowOf(group, measured, (column) => (column === 0 ? point : curve(point, groupIndex, column))),
    ),
  );
}

/** Every pair of the first two columns' categories; further columns say what the first does. */
function groupsOf(columns: readonly string[]): Record<string, unknown>[] {
  if (columns.length === 0) return [{}];
  const seconds = columns.length > 1 ? CATEGORIES : [""];
  return CATEGORIES.flatMap((first) =>
    seconds.map((second) => Object.fromEntries(columns.map((name, index) => [name, index === 1 ? second : first]))),
  );
}

const rowOf = (group: Record<string, unknown>, measured: readonly string[], value: (column: number) => number) => ({
  ...group,
  ...Object.fromEntries(measured.map((name, column) => [name, value(column)])),
});

const curve = (point: number, group: number, column: number) =>
  1 / (1 + Math.exp(-(point - 8 - 3 * group) / 3)) + 0.04 * Math.sin(point * 1.7 + group + column);

const heaped = (index: number) => Math.sin(index * 12.9898) + Math.sin(index * 78.233) + Math.sin(index * 37.719);

/** Sorts what is known of a run's surroundings into groups by the first part of each name. */

export interface EnvironmentGroup {
  title: string;
  /** Names without the group's part. */
  rows: [name: string, value: unknown][];
}

const GROUPS: readonly [prefix: string, title: string][] = [
  ["python", "Python"],
  ["library", "Libraries"],
  ["os", "Operating system"],
  ["machine", "Machine"],
  ["host", "Machine"],
  ["system", "Machine"],
  ["hw", "Machine"],
  ["process", "Process"],
  ["git", "Git"],
  ["environment", "Variables"],
];

/** What went wrong while it was found out is said apart. */
export const PROBLEMS = "capture.problems";

export function environmentGroups(facts: Readonly<Record<string, unknown>> | undefined): EnvironmentGroup[] {
  const groups = new Map<string, EnvironmentGroup>(GROUPS.map(([, title]) => [title, { title, rows: [] }]));
  const other: EnvironmentGroup = { title: "Other", rows: [] };
  for (const [name, value] of Object.entries(facts ?? {})) {
    if (name === PROBLEMS) continue;
    const dot = name.indexOf(".");
    const found = GROUPS.find(([prefix]) => prefix === name.slice(0, dot));
    if (!found) other.rows.push([name, value]);
    // Of names that several prefixes share a group with, the whole tells them apart.
    else
      groups
        .get(found[1])!
        .rows.push([found[1] === "Machine" && found[0] !== "machine" ? name : name.slice(dot + 1), value]);
  }
  const all = [...groups.values(), other].filter((group) => group.rows.length > 0);
  for (const group of all) group.rows.sort(([a], [b]) => (a < b ? -1 : 1));
  return all;
}

/** A group as lines of `name=value`. */
export const environmentText = (groups: readonly EnvironmentGroup[]): string =>
  groups
    .map(
      ({ title, rows }) =>
        `# ${title}\n${rows.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}\n`).join("")}`,
    )
    .join("\n");

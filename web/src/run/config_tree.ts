/** A config as rows that fold: what is nested stands under the name of what holds it. */

export interface ConfigRow {
  /** The dotted name from the top. */
  path: string;
  /** The last part of the name. */
  name: string;
  depth: number;
  /** How many values are under it; 0 for a value itself. */
  countBelow: number;
  value: unknown;
}

const isBranch = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

const countOf = (value: unknown): number =>
  isBranch(value) ? Object.values(value).reduce<number>((sum, inner) => sum + countOf(inner), 0) : 1;

/**
 * The rows that are seen.
 *
 * @param isFound which values are listed, by their whole name; branches with none of them are left out.
 * @param closed the paths of the branches that are folded.
 */
export function configRows(
  config: Readonly<Record<string, unknown>>,
  closed: ReadonlySet<string>,
  isFound: (path: string) => boolean,
): ConfigRow[] {
  const walk = (value: Readonly<Record<string, unknown>>, prefix: string, depth: number): ConfigRow[] =>
    Object.entries(value).flatMap(([name, inner]): ConfigRow[] => {
      const path = prefix + name;
      if (!isBranch(inner)) return isFound(path) ? [{ path, name, depth, countBelow: 0, value: inner }] : [];
      const below = walk(inner, `${path}.`, depth + 1);
      if (below.length === 0) return [];
      const row = { path, name, depth, countBelow: countOf(inner), value: null };
      return closed.has(path) ? [row] : [row, ...below];
    });
  return walk(config, "", 0);
}

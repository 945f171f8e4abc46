/** How what is in the file is named there: as the API's addresses do, part by part. `html_export` of the daemon writes the same. */

/** `nameOf("projects", "p", "metrics")`. */
export const nameOf = (...parts: readonly string[]): string => JSON.stringify(parts);

/** What a line of a chart is read from. */
export interface SeriesSource {
  run?: string;
  key?: string | null;
  expression?: string | null;
  group?: { id: string; runs: readonly string[]; aggregate: string; band: string } | null;
}

/** Names a line over an axis. A group is known by its runs: what it is called is the page's matter. */
export function seriesName({ run, key, expression, group }: SeriesSource, x: string): string {
  const owner = group ? [[...group.runs].sort(byCode), group.aggregate, group.band] : run;
  return JSON.stringify([owner, expression ? "expression" : "key", expression || key, x]);
}

const byCode = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

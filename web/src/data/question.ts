/** What a chart asks of the daemon for one line, and how questions are written as one request. */
import type { SeriesSmoothing, XAxis } from "../api/series";
import type { Aggregate, Band } from "../url/view_state";

/** Several runs as one line, with what the band around it covers. */
export interface SeriesGroup {
  runIds: readonly string[];
  aggregate: Aggregate;
  band: Band;
}

export interface SeriesQuestion {
  project: string;
  /** The run; where `group` is given, what names the group. */
  run: string;
  /** The metric; an expression over metrics where `isExpression` says so. */
  key: string;
  isExpression?: boolean;
  group?: SeriesGroup;
  x: XAxis;
  buckets: number;
  min: number | null;
  max: number | null;
  smoothing: SeriesSmoothing | null;
  /** Columns of buckets that nobody looks at. */
  omit?: readonly string[];
}

/** Where the new part of a series begins; see `after_x` of the HTTP API. */
export interface DeltaStart {
  /** Relative to the series' base. */
  x: number;
  xBase: string;
  pointsPerBucket: number | null;
}

/** Questions with the same head can be asked in one request. */
export const headOf = (question: SeriesQuestion): string =>
  JSON.stringify({
    x: question.x,
    buckets: question.buckets,
    min_x: question.min,
    max_x: question.max,
    smoothing: question.smoothing,
    omit: question.omit,
  });

const identities = new WeakMap<SeriesQuestion, string>();

/** What tells a question from others; a group of a thousand runs is written out once. */
export function identityOf(question: SeriesQuestion): string {
  let identity = identities.get(question);
  if (identity === undefined) {
    identity = namedSeries(question) + headOf(question);
    identities.set(question, identity);
  }
  return identity;
}

/** The series that a question names, as a JSON object. */
function namedSeries({ project, run, key, isExpression, group }: SeriesQuestion): string {
  const value = isExpression ? { expression: key } : { key };
  if (!group) return JSON.stringify({ project, run, ...value });
  const { runIds, aggregate, band } = group;
  return JSON.stringify({ project, group: { id: run, runs: runIds, aggregate, band }, ...value });
}

/** An x counted from a base as a JSON number with all its digits: a step past 2^53 does not fit a double. */
export function absoluteX(xBase: string, x: number): string {
  if (xBase === "0") return String(x);
  return Number.isInteger(x) ? (BigInt(xBase) + BigInt(x)).toString() : String(Number(xBase) + x);
}

/** The body of a request for questions that share the head `head`. */
export function requestBody(head: string, asked: { question: SeriesQuestion; delta: DeltaStart | null }[]): string {
  const series = asked.map(({ question, delta }) => {
    const named = namedSeries(question);
    if (!delta) return named;
    return `${named.slice(0, -1)},"after_x":${absoluteX(delta.xBase, delta.x)},"points_per_bucket":${delta.pointsPerBucket}}`;
  });
  return `${head.slice(0, -1)},"series":[${series.join(",")}]}`;
}

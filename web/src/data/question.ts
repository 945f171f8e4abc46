/** What a chart asks of the daemon for one line, and how questions are written as one request. */
import type { SeriesSmoothing, XAxis } from "../api/series";

export interface SeriesQuestion {
  project: string;
  run: string;
  key: string;
  x: XAxis;
  buckets: number;
  min: number | null;
  max: number | null;
  smoothing: SeriesSmoothing | null;
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
  });

export const identityOf = (question: SeriesQuestion): string =>
  JSON.stringify([question.project, question.run, question.key, headOf(question)]);

/** An x counted from a base as a JSON number with all its digits: a step past 2^53 does not fit a double. */
export function absoluteX(xBase: string, x: number): string {
  if (xBase === "0") return String(x);
  return Number.isInteger(x) ? (BigInt(xBase) + BigInt(x)).toString() : String(Number(xBase) + x);
}

/** The body of a request for questions that share the head `head`. */
export function requestBody(head: string, asked: { question: SeriesQuestion; delta: DeltaStart | null }[]): string {
  const series = asked.map(({ question, delta }) => {
    const named = JSON.stringify({ project: question.project, run: question.run, key: question.key });
    if (!delta) return named;
    return `${named.slice(0, -1)},"after_x":${absoluteX(delta.xBase, delta.x)},"points_per_bucket":${delta.pointsPerBucket}}`;
  });
  return `${head.slice(0, -1)},"series":[${series.join(",")}]}`;
}

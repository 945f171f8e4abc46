/**
 * Series as binary columns: what `POST /api/v1/series:query` takes and answers.
 *
 * Every column of a decoded series owns its buffer, so that one series can be kept, merged or sent to the worker without
 * holding the answer it came in.
 */

export const MAGIC = "TKS1";

export interface SeriesSmoothing {
  kind: "ema" | "gaussian" | "running_mean";
  amount: number;
}

/** `step`, `wall_time`, `relative_time` or `metric:NAME`. */
export type XAxis = "step" | "wall_time" | "relative_time" | `metric:${string}`;

export function isAxis(text: string): text is XAxis {
  return (
    text === "step" ||
    text === "wall_time" ||
    text === "relative_time" ||
    (text.startsWith("metric:") && text.length > "metric:".length)
  );
}

/**
 * How a series is drawn: point by point, bucket by bucket, or as the one line of several runs.
 *
 * The columns of a group are `x`, `y` (the line), `low` and `high` (its band) and `count` (runs that have a value at that x).
 */
export type SeriesMode = "points" | "buckets" | "group";

/** One series as drawn: all columns have the same length; x is relative to `xBase`. */
export interface Series {
  project: string;
  /** The run, or the group. */
  run: string;
  /** The metric, or the expression. */
  key: string;
  kind: string;
  mode: SeriesMode;
  isDelta: boolean;
  /** Points or buckets in the columns. */
  count: number;
  /** Points in the asked range, before downsampling. */
  totalCount: number;
  pointsPerBucket: number;
  /** What x counts from: a decimal integer, kept as text since it may be past 2^53. */
  xBase: string;
  joinedCount: number;
  missingCount: number;
  revision: number;
  xExtent: [number, number] | null;
  columns: Record<string, Float64Array>;
}

interface SeriesHeader {
  project: string;
  run: string;
  key: string | null;
  expression?: string | null;
  kind: string;
  mode: SeriesMode;
  delta: boolean;
  count: number;
  total_count: number | null;
  points_per_bucket: number | null;
  x_base: string;
  joined_count: number | null;
  missing_count: number | null;
  revision: number;
  x_extent: [number, number] | null;
  columns: { name: string; type: "float64" | "uint32"; offset: number; length: number }[];
}

/**
 * Decodes an answer to its series, in the order asked.
 *
 * @throws Error when the bytes are not a whole answer of this version.
 */
export function decodeSeries(bytes: ArrayBuffer): Series[] {
  if (bytes.byteLength < 8) throw new Error(`series answer is ${bytes.byteLength} bytes; its head alone has 8`);
  const head = new DataView(bytes);
  const magic = String.fromCharCode(...new Uint8Array(bytes, 0, 4));
  if (magic !== MAGIC) throw new Error(`series answer begins with '${magic}' and not with '${MAGIC}'`);
  const headerSize = head.getUint32(4, true);
  const start = 8 + headerSize;
  if (start > bytes.byteLength) throw new Error(`series answer ends within its header of ${headerSize} bytes`);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, headerSize))) as {
    series: SeriesHeader[];
  };
  return header.series.map((one) => decodeOne(one, bytes, start));
}

function decodeOne(header: SeriesHeader, bytes: ArrayBuffer, start: number): Series {
  const columns: Record<string, Float64Array> = {};
  for (const { name, type, offset, length } of header.columns ?? []) {
    const begin = start + offset;
    const end = begin + length * (type === "float64" ? 8 : 4);
    if (end > bytes.byteLength)
      throw new Error(`column '${name}' of '${header.key ?? header.expression}' ends past the answer`);
    // Typed arrays are in the machine's byte order; every machine with a browser today is little-endian, as the format is.
    columns[name] =
      type === "float64"
        ? new Float64Array(bytes.slice(begin, end))
        : Float64Array.from(new Uint32Array(bytes, begin, length));
  }
  return {
    project: header.project,
    run: header.run,
    key: header.key ?? header.expression ?? "",
    kind: header.kind,
    mode: header.mode,
    isDelta: header.delta,
    count: header.count,
    totalCount: header.total_count ?? header.count,
    pointsPerBucket: header.points_per_bucket ?? 1,
    xBase: header.x_base ?? "0",
    joinedCount: header.joined_count ?? 0,
    missingCount: header.missing_count ?? 0,
    revision: header.revision,
    xExtent: header.x_extent,
    columns,
  };
}

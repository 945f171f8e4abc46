/** Makes series and answers for tests, in the format of the HTTP API. */
import type { Series } from "../src/api/series";

type Numbers = readonly number[];

export function pointSeries(x: Numbers, y: Numbers, over: Partial<Series> = {}): Series {
  return {
    project: "p",
    run: "r",
    key: "loss",
    kind: "number",
    mode: "points",
    isDelta: false,
    count: x.length,
    totalCount: x.length,
    pointsPerBucket: 1,
    xBase: "0",
    joinedCount: 0,
    missingCount: 0,
    revision: 1,
    xExtent: x.length > 0 ? [x[0], x[x.length - 1]] : null,
    columns: { x: Float64Array.from(x), y: Float64Array.from(y) },
    ...over,
  };
}

export function bucketSeries(
  firsts: Numbers,
  lasts: Numbers,
  lows: Numbers,
  highs: Numbers,
  over: Partial<Series> = {},
): Series {
  return {
    ...pointSeries([], []),
    mode: "buckets",
    count: lasts.length,
    columns: {
      x_first: Float64Array.from(firsts),
      x_last: Float64Array.from(lasts),
      min: Float64Array.from(lows),
      max: Float64Array.from(highs),
      last: Float64Array.from(highs),
      mean: Float64Array.from(lows),
      nonfinite: Float64Array.from(lasts, () => 0),
    },
    ...over,
  };
}

/** The one line of three runs. */
export function groupSeries(x: Numbers, y: Numbers, low: Numbers, high: Numbers, over: Partial<Series> = {}): Series {
  const columns = {
    x: Float64Array.from(x),
    y: Float64Array.from(y),
    low: Float64Array.from(low),
    high: Float64Array.from(high),
    count: Float64Array.from(x, () => 3),
  };
  return { ...pointSeries(x, y), mode: "group", columns, ...over };
}

/** What the daemon sends as uint32: counts, and steps. */
const isShort = (name: string, data: Float64Array) =>
  ["nonfinite", "count", "x", "x_first", "x_last"].includes(name) && data.every((value) => value === value >>> 0);

/** The bytes of an answer that holds these series. */
export function encodeSeries(all: readonly Series[]): ArrayBuffer {
  let offset = 0;
  const columns: { at: number; data: Float64Array | Uint32Array }[] = [];
  const headers = all.map((series) => ({
    project: series.project,
    run: series.run,
    key: series.key,
    kind: series.kind,
    mode: series.mode,
    delta: series.isDelta,
    count: series.count,
    total_count: series.totalCount,
    points_per_bucket: series.pointsPerBucket,
    x_base: series.xBase,
    joined_count: series.joinedCount,
    missing_count: series.missingCount,
    revision: series.revision,
    x_extent: series.xExtent,
    columns: Object.entries(series.columns).map(([name, values]) => {
      const data = isShort(name, values) ? Uint32Array.from(values) : values;
      const at = offset;
      columns.push({ at, data });
      offset += Math.ceil(data.byteLength / 8) * 8;
      return { name, type: data instanceof Float64Array ? "float64" : "uint32", offset: at, length: data.length };
    }),
  }));
  let text = JSON.stringify({ series: headers });
  while ((8 + new TextEncoder().encode(text).length) % 8 !== 0) text += " ";
  const header = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + header.length + offset);
  bytes.set(new TextEncoder().encode("TKS1"));
  new DataView(bytes.buffer).setUint32(4, header.length, true);
  bytes.set(header, 8);
  for (const { at, data } of columns) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + header.length + at);
  }
  return bytes.buffer;
}

// Answers `series:query` of the mock daemon in the binary format of docs/http_api.md.

const finite = (value) => Number.isFinite(value);

function smooth(y, { kind, amount }) {
  const out = new Float64Array(y.length);
  if (kind === "ema") {
    let mean = 0;
    let weight = 0;
    for (let i = 0; i < y.length; i++) {
      if (finite(y[i])) {
        mean = amount * mean + (1 - amount) * y[i];
        weight = amount * weight + (1 - amount);
      }
      out[i] = mean / weight;
    }
    return out;
  }
  const half = Math.floor(amount / 2);
  for (let i = 0; i < y.length; i++) {
    let sum = 0;
    let weights = 0;
    for (let j = Math.max(0, i - half); j <= Math.min(y.length - 1, i + half); j++) {
      const weight = kind === "gaussian" ? Math.exp(-0.5 * ((j - i) / (amount / 4)) ** 2) : 1;
      if (finite(y[j])) {
        sum += weight * y[j];
        weights += weight;
      }
    }
    out[i] = sum / weights;
  }
  return out;
}

function withX(run, series, x) {
  const base = run.brief.create_time_unix_ms / 1000;
  if (x === "step") return { xs: series.step, y: series.y, steps: series.step, joined: 0, missing: 0 };
  if (x === "wall_time") return { xs: series.time, y: series.y, steps: series.step, joined: 0, missing: 0 };
  if (x === "relative_time")
    return { xs: series.time.map((t) => t - base), y: series.y, steps: series.step, joined: 0, missing: 0 };
  const other = run.series.get(x.slice(7));
  const out = { xs: [], y: [], steps: [], joined: 0, missing: 0 };
  let at = -1;
  for (let i = 0; i < series.step.length; i++) {
    while (other && at + 1 < other.step.length && other.step[at + 1] <= series.step[i]) at++;
    if (at < 0) {
      out.missing++;
      continue;
    }
    if (other.step[at] !== series.step[i]) out.joined++;
    out.xs.push(other.y[at]);
    out.y.push(series.y[i]);
    out.steps.push(series.step[i]);
  }
  return out;
}

function bucketColumns(xs, y, smoothed, size) {
  const count = Math.ceil(xs.length / size);
  const columns = { x_first: [], x_last: [], min: [], max: [], last: [], mean: [], nonfinite: [] };
  if (smoothed) columns.smoothed = [];
  for (let b = 0; b < count; b++) {
    const from = b * size;
    const to = Math.min(xs.length, from + size);
    let [min, max, sum, n] = [Infinity, -Infinity, 0, 0];
    let last = Number.NaN;
    for (let i = from; i < to; i++) {
      if (!finite(y[i])) continue;
      if (y[i] < min) min = y[i];
      if (y[i] > max) max = y[i];
      sum += y[i];
      n++;
      last = y[i];
    }
    columns.x_first.push(xs[from]);
    columns.x_last.push(xs[to - 1]);
    columns.min.push(n ? min : Number.NaN);
    columns.max.push(n ? max : Number.NaN);
    columns.last.push(last);
    columns.mean.push(sum / n);
    columns.nonfinite.push(to - from - n);
    if (smoothed) columns.smoothed.push(smoothed[to - 1]);
  }
  return columns;
}

function answerOne(projects, query, asked) {
  const run = projects.get(asked.project)?.find((one) => one.brief.run_id === asked.run);
  const series = run?.series.get(asked.key);
  const head = {
    project: asked.project,
    run: asked.run,
    key: asked.key,
    kind: "number",
    mode: "points",
    delta: false,
    count: 0,
  };
  const rest = { total_count: 0, points_per_bucket: 1, x_base: "0", joined_count: 0, missing_count: 0, x_extent: null };
  const empty = { head: { ...head, ...rest, revision: run?.brief.revision ?? 0 }, columns: {} };
  if (!series || series.kind === "string") return empty;
  let { xs, y, steps, joined, missing } = withX(run, series, query.x);
  let smoothed = query.smoothing ? smooth(y, query.smoothing) : null;
  if (query.min_x != null || query.max_x != null) {
    const keep = [...xs.keys()].filter(
      (i) => xs[i] >= (query.min_x ?? -Infinity) && xs[i] <= (query.max_x ?? Infinity),
    );
    if (smoothed) smoothed = Float64Array.from(keep, (i) => smoothed[i]);
    [xs, y, steps] = [xs, y, steps].map((column) => Float64Array.from(keep, (i) => column[i]));
  }
  const total = xs.length;
  if (total === 0) return { ...empty, head: { ...empty.head, missing_count: missing } };
  let size = 1;
  while (Math.ceil(total / size) > query.buckets) size *= 2;
  let from = 0;
  const isDelta = asked.after_x != null && asked.points_per_bucket === size;
  if (isDelta) while (from < total && xs[from] <= asked.after_x) from++;
  const cut = (column) => column.slice(from);
  const columns =
    size === 1
      ? {
          x: cut(xs),
          y: cut(y),
          ...(query.x === "step" ? {} : { step: cut(steps) }),
          ...(smoothed ? { smoothed: cut(smoothed) } : {}),
        }
      : bucketColumns(cut(xs), cut(y), smoothed && cut(smoothed), size);
  return {
    head: {
      ...head,
      mode: size === 1 ? "points" : "buckets",
      delta: isDelta,
      count: (columns.x ?? columns.x_last).length,
      total_count: total,
      points_per_bucket: size,
      x_base: "0",
      joined_count: joined,
      missing_count: missing,
      revision: run.brief.revision,
      x_extent: [xs[0], xs[total - 1]],
    },
    columns,
  };
}

export function answerSeries(projects, query) {
  const answers = query.series.map((asked) => answerOne(projects, query, asked));
  let offset = 0;
  const parts = [];
  const series = answers.map(({ head, columns }) => ({
    ...head,
    columns: Object.entries(columns).map(([name, values]) => {
      const array = name === "nonfinite" ? Uint32Array.from(values) : Float64Array.from(values);
      const column = { name, type: name === "nonfinite" ? "uint32" : "float64", offset, length: array.length };
      parts.push([offset, Buffer.from(array.buffer)]);
      offset += Math.ceil(array.byteLength / 8) * 8;
      return column;
    }),
  }));
  let header = Buffer.from(JSON.stringify({ series }));
  header = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, " ")]);
  const out = Buffer.alloc(8 + header.length + offset);
  out.write("TKS1");
  out.writeUInt32LE(header.length, 4);
  header.copy(out, 8);
  for (const [at, bytes] of parts) bytes.copy(out, 8 + header.length + at);
  return out;
}

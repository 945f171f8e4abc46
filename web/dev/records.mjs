// The mock daemon's records: objects, documents of every kind and form of docs/records.md, and the routes that serve them.
import { createHash } from "node:crypto";
import { gif, npy, png, wav } from "./encode.mjs";

const objects = new Map();
const tables = new Map();
const presets = new Map();

const SERVED_TYPES = new Set(
  (
    "image/png image/jpeg image/webp image/gif image/bmp image/svg+xml video/mp4 video/webm video/ogg audio/wav audio/mpeg audio/ogg " +
    "audio/flac audio/mp4 audio/aac text/plain application/json model/gltf-binary model/gltf+json model/obj model/stl"
  ).split(" "),
);
const OBJECT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'";
const PAGE_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; " +
  "font-src data:; media-src data: blob:; connect-src 'none'; form-action 'none'";
const INJECTED = '<base target="_blank"><style>body{font-family:system-ui;margin:8px}</style>';

function put(bytes, mediaType, name) {
  const buffer = Buffer.from(bytes);
  const sha256 = createHash("sha256").update(buffer).digest("hex");
  objects.set(sha256, buffer);
  return { sha256, size_bytes: buffer.length, media_type: mediaType, ...(name ? { name } : {}) };
}

const putJson = (value) => put(JSON.stringify(value), "application/json");

function putArray(shape, values) {
  return { dtype: "<f4", shape, file: put(npy(shape, values), "application/octet-stream") };
}

export function logRecord(run, key, kind, step, document) {
  const id = `${kind}:${key}`;
  let series = run.records.get(id);
  if (!series) {
    series = { key, kind, points: [] };
    run.records.set(id, series);
    run.brief.metric_count++;
  }
  const time = run.brief.create_time_unix_ms + step * 500;
  const last = series.points.at(-1);
  if (last?.step === step) last.document = document;
  else series.points.push({ step, time_unix_ms: time, document });
  run.whole.summary[key] = document;
  run.brief.next_step = Math.max(run.brief.next_step, step + 1);
}

const wave = (...parts) => parts.reduce((sum, part) => sum + Math.sin(part), 0);

function digit(seed, step) {
  const blur = 2 + 6 * Math.exp(-step / 200);
  const [cx, cy, r] = [14 + 3 * Math.sin(seed), 14 + 3 * Math.cos(seed * 2), 5 + (seed % 4)];
  const file = put(
    png(28, 28, (x, y) => Math.round(255 * Math.exp(-(((Math.hypot(x - cx, y - cy) - r) / blur) ** 2)))),
    "image/png",
  );
  return { type: "image", file, width: 28, height: 28, caption: `digit ${seed % 10}, step ${step}` };
}

const STREET = { 0: "background", 1: "road", 2: "car", 3: "tree" };

function streetClass(x, y, shift) {
  if (Math.hypot((x - 90 - shift) / 1.8, y - 120) < 24) return 2;
  if (Math.hypot(x - 250, y - 70 + shift / 3) < 36) return 3;
  return y > 130 ? 1 : 0;
}

function street(seed, step) {
  const [width, height] = [320, 200];
  const shift = seed * 14;
  const wrong = Math.round(20 * Math.exp(-step / 150));
  const colors = [
    [150, 190, 225],
    [96, 96, 102],
    [180, 60, 50],
    [60, 120, 60],
  ];
  const picture = png(width, height, (x, y) => {
    const grain = ((x * 7919 + y * 104729) % 23) - 11;
    return colors[streetClass(x, y, shift)].map((part) => part + grain);
  });
  const mask = (off) =>
    put(
      png(width, height, (x, y) => streetClass(x + off, y + off, shift)),
      "image/png",
    );
  return {
    type: "image",
    file: put(picture, "image/png", "street.png"),
    width,
    height,
    caption: `street <b>${seed}</b>`,
    class_names: STREET,
    masks: [
      { name: "predictions", file: mask(wrong) },
      { name: "ground_truth", file: mask(0) },
    ],
    boxes: [
      {
        name: "predictions",
        class_names: STREET,
        boxes: [
          {
            x_min: 46 + shift,
            x_max: 134 + shift,
            y_min: 94,
            y_max: 146,
            pixels: true,
            class_id: 2,
            scores: { score: 0.93 - wrong / 100 },
          },
          {
            x_min: 0.66,
            x_max: 0.9,
            y_min: 0.15,
            y_max: 0.55,
            pixels: false,
            class_id: 3,
            caption: "old tree",
            scores: { score: 0.41 },
          },
        ],
      },
    ],
  };
}

function photo(seed, step) {
  const [width, height] = [900, 600];
  const file = put(
    png(width, height, (x, y) => [
      128 + 60 * wave(x / 90 + seed, y / 70),
      128 + 60 * wave(y / 50 + step / 60, x / 200),
      160 + 40 * wave((x + y) / 120),
    ]),
    "image/png",
    "sky.png",
  );
  return {
    type: "image",
    file,
    width,
    height,
    caption: "a made-up sky with a caption that is longer than the card is wide",
  };
}

function histogram(seed, step, bins = 40) {
  const width = 0.4 + 1.2 * Math.exp(-step / 300);
  const center = seed * 0.2 + step / 900;
  const edges = Array.from({ length: bins + 1 }, (_, i) => center - 3 * width + (i / bins) * 6 * width);
  const counts = edges.slice(1).map((edge, i) => {
    const x = ((edge + edges[i]) / 2 - center) / width;
    return Math.round(400 * Math.exp(-x * x) + (step > 250 ? 120 * Math.exp(-((x - 1.6) ** 2) * 9) : 0));
  });
  return { type: "histogram", edges, counts, ...(step === 300 ? { nan_count: 7 } : {}) };
}

const rollout = (seed, step) => ({
  type: "video",
  file: put(
    gif(64, 64, 12, 10, (x, y, frame) => {
      const [cx, cy] = [32 + 20 * Math.cos(frame / 2 + seed), 32 + 20 * Math.sin(frame / 2 + step / 90)];
      return Math.max(0, 255 - Math.round(12 * Math.hypot(x - cx, y - cy)));
    }),
    "image/gif",
  ),
  width: 64,
  height: 64,
  frame_count: 12,
  frames_per_second: 10,
  caption: "rollout",
});

function tone(seed, step) {
  const [rate, seconds] = [16_000, 1.5];
  const samples = Array.from({ length: rate * seconds }, (_, i) => {
    const t = i / rate;
    return (
      0.8 * Math.exp(-2 * t) * Math.sin(2 * Math.PI * (220 + 40 * seed + step / 4) * t) * Math.abs(Math.sin(9 * t))
    );
  });
  return {
    type: "audio",
    file: put(wav(rate, samples), "audio/wav", "tone.wav"),
    sample_rate_hertz: rate,
    sample_count: samples.length,
    channel_count: 1,
    duration_seconds: seconds,
    caption: "a plucked string",
  };
}

function predictions(seed, step, rowCount) {
  const columns = [
    { name: "id", type: "integer" },
    { name: "label", type: "text" },
    { name: "score", type: "number" },
    { name: "correct", type: "bool" },
    { name: "image", type: "record" },
    { name: "details", type: "json" },
  ];
  const labels = ["cat", "dog", "horse", "a label that is much longer than its column is wide", "<i>bird</i>"];
  const rows = Array.from({ length: rowCount }, (_, i) => [
    i,
    i % 37 === 0 ? null : labels[(i * 7 + seed) % labels.length],
    i % 53 === 0 ? "NaN" : Math.round(1e4 * Math.abs(Math.sin(i * 12.9898 + step))) / 1e4,
    i % 3 !== 0,
    digit(i % 10, step),
    { rank: i % 5, words: ["x", "y"] },
  ]);
  const file = putJson([seed, step, rowCount]);
  tables.set(file.sha256, { columns, rows });
  return { type: "table", columns, row_count: rowCount, file };
}

const page = (seed, step) => ({
  type: "html",
  inject: true,
  file: put(
    `<h2>Report of step ${step}</h2><p>A script counts: <b id="n">0</b></p><script>let n=0;setInterval(()=>{document.getElementById("n").textContent=++n},500)</script><p><a href="https://example.org/">a link</a></p>`,
    "text/html",
    "report.html",
  ),
});

const notes = (seed, step) => ({
  type: "markdown",
  text: `# Notes of step ${step}\n\nThe **loss** went *down*; see [the paper](https://example.org/paper) and ~~not~~ this.\n\n- one\n- [x] done\n- [ ] open\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n\`\`\`\nx = 1\n\`\`\`\n\n<script>alert(1)</script> <img src=x onerror=alert(1)> ![a picture](https://example.org/a.png) [bad](javascript:alert(1))`,
});

function curve(seed) {
  const columns = [
    { name: "x", type: "number" },
    { name: "y", type: "number" },
  ];
  const rows = Array.from({ length: 60 }, (_, i) => [i / 10, Math.sin(i / 10 + seed)]);
  const file = putJson(["curve", seed]);
  tables.set(file.sha256, { columns, rows });
  return {
    type: "plot",
    language: "vega-lite",
    preset_id: "trackd/line/v0",
    table: { type: "table", columns, row_count: rows.length, file },
    fields: { x: "x", y: "y" },
    strings: { title: "A made-up curve" },
  };
}

const figure = (seed) => ({
  type: "plot",
  language: "plotly",
  specification: putJson({
    data: [{ type: "scatter", mode: "markers", x: [1, 2, 3, 4], y: [seed, 3, 2, 4 - seed] }],
    layout: { title: { text: "A made-up figure" } },
  }),
});

const CUBE =
  "v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nv -1 -1 1\nv 1 -1 1\nv 1 1 1\nv -1 1 1\n" +
  "f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n";
const mesh = () => ({
  type: "object_3d",
  file: put(CUBE, "model/obj", "cube.obj"),
  file_type: "obj",
  caption: "a cube",
});

function cloud(seed) {
  const count = 4000;
  const values = Array.from({ length: count }, (_, i) => {
    const [a, h] = [i * 2.399963, (i / count) * 4 - 2];
    const r = 2 + 0.3 * Math.sin(5 * h + seed);
    return [r * Math.cos(a), r * Math.sin(a), h, Math.floor(i / 400)];
  }).flat();
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n & 1 ? 1 : -1, n & 2 ? 1 : -1, n & 4 ? 1 : -1]);
  return {
    type: "object_3d",
    scene: {
      points: putArray([count, 4], values),
      vectors: putArray([2, 2, 3], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 1]),
      boxes: [{ corners, label: "core", score: 0.8, color: [255, 140, 0] }],
    },
    caption: "points on a vase",
  };
}

function benzene() {
  const ring = (r) =>
    Array.from({ length: 6 }, (_, i) =>
      [r * Math.cos((i * Math.PI) / 3), r * Math.sin((i * Math.PI) / 3), 0].map((v) => v.toFixed(4)).join(" "),
    );
  const lines = [...ring(1.39).map((at) => `C ${at}`), ...ring(2.48).map((at) => `H ${at}`)];
  return {
    type: "molecule",
    file: put(`12\nbenzene\n${lines.join("\n")}\n`, "text/plain", "benzene.xyz"),
    file_type: "xyz",
    caption: "benzene",
  };
}

const matrix = (seed, step) => ({
  type: "array",
  ...putArray(
    [64, 8],
    Array.from({ length: 512 }, (_, i) => Math.sin(i + seed + step)),
  ),
  min: -0.99999,
  max: 0.99987,
  mean: 0.00214,
  variance: 0.5,
  percentile_95: 0.9876,
  nan_count: 2,
});

/** What a run logs at a step; the list of images first, as most people do. */
export function logMedia(run, seed, step) {
  const isEvery = (count) => step % count === 0;
  logRecord(run, "samples/digits", "image", step, {
    type: "image",
    records: Array.from({ length: 12 }, (_, i) => digit(i + seed, step)),
  });
  logRecord(run, "weights/layer.1", "histogram", step, histogram(seed, step));
  if (isEvery(100)) logRecord(run, "samples/street", "image", step, street(seed, step));
  if (isEvery(100)) logRecord(run, "report/notes", "markdown", step, notes(seed, step));
  if (isEvery(150)) logRecord(run, "samples/rollout", "video", step, rollout(seed, step));
  if (isEvery(150)) logRecord(run, "samples/tone", "audio", step, tone(seed, step));
  if (isEvery(200)) logRecord(run, "report/page", "html", step, page(seed, step));
  if (isEvery(200)) logRecord(run, "eval/predictions", "table", step, predictions(seed, step, 2000));
}

function logOnce(run, seed) {
  logRecord(run, "samples/sky", "image", 40 + seed * 20, photo(seed, 40));
  logRecord(run, "weights/once", "histogram", 10, histogram(seed, 10, 12));
  logRecord(run, "eval/curve", "plot", 300, curve(seed));
  logRecord(run, "eval/figure", "plot", 300, figure(seed));
  logRecord(run, "shapes/cube", "object_3d", 0, mesh());
  logRecord(run, "shapes/vase", "object_3d", 0, cloud(seed));
  logRecord(run, "shapes/benzene", "molecule", 0, benzene());
  logRecord(run, "eval/embedding", "array", 100, matrix(seed, 100));
}

/** Every form a document may have besides a whole one, and what a stranger may have logged. */
export function logOdd(run) {
  const odd = (name, kind, document) => logRecord(run, name, kind, 1, { type: kind, ...document });
  odd("odd/pending", "image", { pending: true });
  odd("odd/failed", "video", {
    error: "video has 3 dimensions; allowed are 4 (time, channel, height, width) or 5: add the missing one",
  });
  odd("odd/some pending", "image", {
    records: [
      digit(1, 0),
      { type: "image", pending: true },
      digit(2, 0),
      { type: "image", error: "image has shape (0, 3): an image needs pixels" },
    ],
  });
  odd("odd/warning", "image", { ...digit(3, 0), warning: "class 7 of mask 'predictions' has no name in class_labels" });
  odd("odd/empty", "image", { records: [] });
  odd("odd/long list", "image", {
    document: putJson({ type: "image", records: Array.from({ length: 150 }, (_, i) => digit(i, 0)) }),
    count: 150,
  });
  odd("odd/large", "histogram", { document: putJson(histogram(0, 0, 512)) });
  odd("odd/broken", "image", { file: put("not an image", "image/png"), width: 64, height: 48 });
  odd("odd/silent", "audio", { file: put("not a sound", "audio/wav") });
  odd("odd/several", "audio", { records: [tone(1, 0), tone(2, 50)] });
  odd("odd/<img src=x onerror=alert(1)>", "image", { ...digit(4, 0), caption: '"><script>alert(1)</script>' });
}

export function addMedia(run, seed, steps) {
  for (let step = 0; step <= steps; step += 50) logMedia(run, seed, step);
  logOnce(run, seed);
}

/** The grid of docs/records.md; columns are not merged: the mock never has more of them than are asked. */
function histogramsAnswer(key, series, bins) {
  const points = (series?.points ?? []).filter(({ document }) => document.counts);
  const low = Math.min(...points.map(({ document }) => document.edges[0]));
  const high = Math.max(...points.map(({ document }) => document.edges.at(-1)));
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + (i / bins) * (high - low));
  const counts = new Float32Array(points.length * bins);
  points.forEach(({ document }, column) => {
    document.counts.forEach((count, i) => {
      const [from, to] = [document.edges[i], document.edges[i + 1]];
      for (let bin = 0; bin < bins; bin++) {
        const overlap = Math.min(to, edges[bin + 1]) - Math.max(from, edges[bin]);
        if (overlap > 0) counts[column * bins + bin] += (count * overlap) / (to - from);
      }
    });
  });
  const steps = points.map((point) => point.step);
  let header = JSON.stringify({
    key,
    histogram_count: points.length,
    columns: points.length,
    bins,
    first_steps: steps,
    last_steps: steps,
    edges,
    nan_counts: points.map(({ document }) => document.nan_count ?? 0),
    infinite_counts: points.map(() => 0),
  });
  while (Buffer.byteLength(header) % 8 !== 0) header += " ";
  const head = Buffer.alloc(8);
  head.write("TKH1");
  head.writeUInt32LE(Buffer.byteLength(header), 4);
  return Buffer.concat([head, Buffer.from(header), Buffer.from(counts.buffer)]);
}

/** Answers the routes below a run; null when the path is none of them. */
export function answerRunRecords(run, what, query) {
  const series = run.records.get(`${query.get("kind") ?? "histogram"}:${query.get("key")}`);
  const points = series?.points ?? [];
  if (what === "records:steps") return { json: { steps: points.map((point) => point.step) } };
  if (what === "histograms") {
    const bytes = histogramsAnswer(query.get("key"), series, Number(query.get("bins") ?? 64));
    return { bytes, type: "application/vnd.trackd.histograms" };
  }
  if (what !== "records") return null;
  const limit = Number(query.get("limit") ?? 1);
  const at = query.get("at");
  let from = points.length - limit;
  if (at !== null) from = points.findLastIndex((point) => point.step <= Number(at));
  const records = points.slice(Math.max(0, from), Math.max(0, from) + limit);
  return { json: { records, total_count: points.length } };
}

const TESTS = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  contains: (a, b) => String(a).toLowerCase().includes(String(b).toLowerCase()),
  matches: (a, b) => new RegExp(b).test(String(a)),
  in: (a, b) => b.includes(a),
};

function passes(filter, row) {
  if (filter.and) return filter.and.every((one) => passes(one, row));
  if (filter.or) return filter.or.some((one) => passes(one, row));
  if (filter.not) return !passes(filter.not, row);
  const cell = row[filter.column];
  if (filter.op === "is_empty") return cell === null;
  if (filter.op === "is_not_empty") return cell !== null;
  return cell !== null && TESTS[filter.op](cell, filter.value);
}

const AGGREGATES = {
  count: (values) => values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
};

function grouped(columns, rows, { by, aggregates }) {
  const groups = new Map();
  for (const row of rows) {
    const id = JSON.stringify(by.map((column) => row[column]));
    groups.set(id, [...(groups.get(id) ?? []), row]);
  }
  const named = aggregates.map((one) => ({ name: `${one.function}(${columns[one.column].name})`, type: "number" }));
  return {
    columns: [...by.map((column) => columns[column]), ...named],
    rows: [...groups.values()].map((group) => [
      ...by.map((column) => group[0][column]),
      ...aggregates.map((one) => {
        const values = group.map((row) => row[one.column]).filter((value) => value !== null);
        return AGGREGATES[one.function](one.function === "count" ? values : values.filter(Number.isFinite));
      }),
    ]),
  };
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return a < b ? -1 : a > b ? 1 : 0;
}

function answerRows(table, query) {
  let columns = table.columns;
  let numbered = table.rows.map((row, number) => ({ row, number }));
  if (query.filter) numbered = numbered.filter(({ row }) => passes(query.filter, row));
  if (query.group) {
    const groups = grouped(
      columns,
      numbered.map((one) => one.row),
      query.group,
    );
    columns = groups.columns;
    numbered = groups.rows.map((row) => ({ row, number: null }));
  }
  for (const { column, descending } of [...(query.sort ?? [])].reverse()) {
    numbered.sort((a, b) => {
      const [x, y] = [a.row[column], b.row[column]];
      return x === null || y === null ? compare(x, y) : compare(x, y) * (descending ? -1 : 1);
    });
  }
  const offset = query.offset ?? 0;
  const part = numbered.slice(offset, offset + (query.limit ?? 100));
  const wanted = query.columns ?? columns.map((_, i) => i);
  return {
    total_count: table.rows.length,
    row_count: numbered.length,
    columns: wanted.map((i) => columns[i]),
    rows: part.map(({ row }) => wanted.map((i) => row[i])),
    row_numbers: query.group ? null : part.map((one) => one.number),
  };
}

const mark = (type) => ({
  mark: { type, tooltip: true },
  title: "${string:title:}",
  data: { name: "table" },
  encoding: { x: { field: "${field:x}", type: "quantitative" }, y: { field: "${field:y}", type: "quantitative" } },
});
for (const [id, title, type] of [
  ["trackd/line/v0", "Line", "line"],
  ["trackd/scatter/v0", "Scatter", "point"],
  ["trackd/bar/v0", "Bar", "bar"],
]) {
  presets.set(id, { id, title, is_built_in: true, specification: mark(type) });
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function answerPreset(request, id) {
  if (request.method === "PUT") {
    presets.set(id, { id, is_built_in: false, ...(await bodyOf(request)) });
    return { json: presets.get(id) };
  }
  return presets.has(id)
    ? { json: presets.get(id) }
    : { status: 404, reason: "PRESET_NOT_FOUND", message: `preset '${id}' is not in the store` };
}

/** Answers the routes of objects and presets; null when the path is none of them. */
export async function answerObjects(request, pathname, query) {
  if (pathname === "/api/v1/presets") {
    return {
      json: { presets: [...presets.values()].map(({ id, title, is_built_in }) => ({ id, title, is_built_in })) },
    };
  }
  if (pathname.startsWith("/api/v1/presets/")) {
    return answerPreset(request, decodeURIComponent(pathname.slice("/api/v1/presets/".length)));
  }
  const match = pathname.match(/^\/api\/v1\/objects\/([^/]+)(\/page|\/rows)?$/);
  if (!match) return null;
  const bytes = objects.get(match[1]);
  if (!bytes) return { status: 404, reason: "OBJECT_NOT_FOUND", message: `object '${match[1]}' is not in the store` };
  if (match[2] === "/rows") {
    const table = tables.get(match[1]);
    if (!table) return { status: 400, reason: "INVALID_ARGUMENT", message: `object '${match[1]}' is no table` };
    return { json: answerRows(table, await bodyOf(request)) };
  }
  if (match[2] === "/page") {
    const page = query.get("inject") ? Buffer.concat([Buffer.from(INJECTED), bytes]) : bytes;
    return { bytes: page, type: "text/html; charset=utf-8", headers: { "Content-Security-Policy": PAGE_POLICY } };
  }
  const type = SERVED_TYPES.has(query.get("type")) ? query.get("type") : "application/octet-stream";
  return {
    bytes,
    type,
    headers: {
      "Content-Security-Policy": OBJECT_POLICY,
      "Cache-Control": "private, max-age=31536000, immutable",
      "Accept-Ranges": "bytes",
    },
    range: request.headers.range,
  };
}

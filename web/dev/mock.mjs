// A mock daemon for work on the web app: `npm run mock`, then `npm run dev`, or open the built app at the mock's own address.
// It answers the routes of docs/http_api.md from made-up data (store.mjs) and lets two runs go on. It knows no tokens.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { answerConsole } from "./console.mjs";
import { answerObjects, answerRunRecords } from "./records.mjs";
import { addWideTable, answerRunSets } from "./run_sets.mjs";
import { answerSeries } from "./series.mjs";
import { advance, makeRun, projects } from "./store.mjs";

const PORT = Number(process.env.PORT ?? 5199);
const INTERVAL_MS = Number(process.env.INTERVAL_MS ?? 250);
const DIST = new URL("../dist/", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self'; " +
  "connect-src 'self'; object-src 'none'; base-uri 'none'";
// A frame stands on an opaque origin and may load nothing.
const FRAME_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; " +
  "img-src data: blob:; font-src data:; worker-src blob:; connect-src 'none'; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'";

const sockets = new Set();
let queryCount = 0;

function sendJson(response, body, status = 200) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

const refuse = (response, status, reason, message, metadata = {}) =>
  sendJson(response, { error: { reason, message, metadata } }, status);

/** Sends what a module of records answers: JSON, bytes or a part of them, or a refusal. */
function sendAnswer(response, { json, bytes, type, headers, range, status, reason, message, metadata }) {
  if (status) return refuse(response, status, reason, message, metadata);
  if (json) return sendJson(response, json);
  const match = range?.match(/^bytes=(\d+)-(\d*)$/);
  if (!match) return response.writeHead(200, { "Content-Type": type, ...headers }).end(bytes);
  const from = Number(match[1]);
  const to = Math.min(bytes.length - 1, match[2] === "" ? Infinity : Number(match[2]));
  const part = { "Content-Type": type, "Content-Range": `bytes ${from}-${to}/${bytes.length}`, ...headers };
  return response.writeHead(206, part).end(bytes.subarray(from, to + 1));
}

const kindOf = (series) => series.kind ?? "number";

function projectMetrics(runs) {
  const metrics = new Map();
  for (const run of runs) {
    for (const [name, series] of run.series) {
      if (name.startsWith("_system/")) continue;
      const metric = metrics.get(name) ?? { name, kind: kindOf(series), run_count: 0, hidden: false, step_metric: "" };
      metric.run_count++;
      if (name.startsWith("val/")) metric.step_metric = "epoch";
      metrics.set(name, metric);
    }
    for (const [id, { key: name, kind }] of run.records) {
      const metric = metrics.get(id) ?? { name, kind, run_count: 0, hidden: false, step_metric: "" };
      metric.run_count++;
      metrics.set(id, metric);
    }
  }
  return [...metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function answerProject(response, segments, query, body) {
  if (segments[0] === "wide-table" && !projects.has("wide-table")) addWideTable(projects, makeRun);
  const runs = projects.get(segments[0]);
  if (!runs) return refuse(response, 404, "PROJECT_NOT_FOUND", `project '${segments[0]}' is not in the store`);
  const set = answerRunSets(runs, segments[1], query, body);
  if (set) return sendAnswer(response, set);
  if (segments[1] === "metrics") return sendJson(response, { metrics: projectMetrics(runs) });
  if (segments.length === 2) {
    const limit = Number(query.get("limit") ?? 100);
    return sendJson(response, { runs: runs.slice(0, limit).map((run) => run.brief), total_count: runs.length });
  }
  const run = runs.find((one) => one.brief.run_id === segments[2]);
  if (!run) return refuse(response, 404, "RUN_NOT_FOUND", `run '${segments[2]}' is not in project '${segments[0]}'`);
  if (segments[3] === "console") return answerConsole(response, run, query, sendJson, refuse);
  if (segments[3] === "metrics") {
    const isSystem = query.get("stream") === "system";
    const listed = [...run.series].filter(([name]) => name.startsWith("_system/") === isSystem);
    const metrics = listed.map(([name, series]) => ({
      name,
      kind: kindOf(series),
      count: series.y.length,
      first_step: series.step[0],
      last_step: series.step.at(-1),
    }));
    for (const { key, kind, points } of isSystem ? [] : run.records.values()) {
      const [first_step, last_step] = [points[0].step, points.at(-1).step];
      metrics.push({ name: key, kind, count: points.length, first_step, last_step });
    }
    return sendJson(response, { metrics });
  }
  const records = segments[3] && answerRunRecords(run, segments[3], query);
  if (records) return sendAnswer(response, records);
  return sendJson(response, { ...run.brief, ...run.whole });
}

/** The upload in the state that UPLOAD names. */
function uploadOf(state) {
  const isBehind = !["off", "idle"].includes(state);
  const status = {
    state,
    sentence: ["waiting", "stopped"].includes(state) ? "could not write 'probe' in the bucket 's3://team/runs'" : "",
    pending_run_count: isBehind ? 3 : 0,
    pending_file_count: isBehind ? 12 : 0,
    pending_bytes: isBehind ? 4_200_000 : 0,
    sent_file_count: 120,
    sent_bytes: 81_000_000,
    lag_seconds: isBehind ? 75 : 0,
    retry_seconds: state === "waiting" ? 12 : 0,
  };
  const url = state === "off" ? "" : "s3://team/runs";
  return { settings: { url, endpoint_url: "", interval_seconds: 5 }, status };
}

async function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, "http://mock");
  if (pathname === "/api/v1/projects") {
    const list = [...projects].map(([name, runs]) => ({
      name,
      run_count: runs.length,
      running_count: runs.filter((run) => run.brief.state === "running").length,
      update_time_unix_ms: Math.max(...runs.map((run) => run.brief.update_time_unix_ms)),
    }));
    return sendJson(response, { projects: list });
  }
  if (pathname === "/api/v1/upload") return sendJson(response, uploadOf(process.env.UPLOAD ?? "idle"));
  if (pathname === "/api/v1/series:query") {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const query = JSON.parse(Buffer.concat(chunks).toString());
    queryCount++;
    const bytes = answerSeries(projects, query);
    if (process.env.VERBOSE)
      console.log(`#${queryCount} ${query.x} ${query.series.length} series, ${bytes.length} bytes`);
    return response.writeHead(200, { "Content-Type": "application/vnd.trackd.series" }).end(bytes);
  }
  if (pathname.startsWith("/api/v1/projects/")) {
    const segments = pathname.slice("/api/v1/projects/".length).split("/").map(decodeURIComponent);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return answerProject(response, segments, searchParams, Buffer.concat(chunks).toString());
  }
  const objects = await answerObjects(request, pathname, searchParams);
  if (objects) return sendAnswer(response, objects);
  if (pathname.startsWith("/api/")) return refuse(response, 404, "NOT_FOUND", `there is nothing at ${pathname}`);
  const file = join(DIST, pathname);
  if (pathname.startsWith("/frames/") && !existsSync(file)) {
    return refuse(response, 404, "NOT_FOUND", `there is nothing at ${pathname}: build the app`);
  }
  const path = extname(pathname) && existsSync(file) ? file : join(DIST, "index.html");
  const policy = pathname.startsWith("/frames/") ? FRAME_POLICY : POLICY;
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "text/plain", "Content-Security-Policy": policy });
  return response.end(readFileSync(path));
}

/** One text message as a WebSocket frame (RFC 6455); a server's frames are not masked. */
function frame(text) {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : body.length < 65536
        ? Buffer.from([0x81, 126, body.length >> 8, body.length & 255])
        : Buffer.concat([
            Buffer.from([0x81, 127, 0, 0, 0, 0]),
            Buffer.from(Uint32Array.of(body.length).buffer).reverse(),
          ]);
  return Buffer.concat([head, body]);
}

const sayRuns = (runs) => frame(JSON.stringify({ type: "runs", runs: runs.map((run) => run.brief), removed: [] }));

function onUpgrade(request, socket) {
  const project = new URL(request.url, "http://mock").searchParams.get("project");
  const key = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  const listener = { socket, project };
  sockets.add(listener);
  const forget = () => sockets.delete(listener);
  socket
    .on("close", forget)
    .on("error", forget)
    .on("data", (data) => {
      // Opcode 8: the page closes.
      if ((data[0] & 15) === 8) socket.end();
    });
  socket.write(sayRuns((projects.get(project) ?? []).filter((run) => run.brief.state === "running")));
}

setInterval(() => {
  const changed = advance();
  for (const { socket, project } of sockets) {
    const own = changed.filter((run) => run.brief.project === project);
    if (own.length > 0) socket.write(sayRuns(own));
  }
}, INTERVAL_MS);

createServer((request, response) => {
  answer(request, response).catch((error) => refuse(response, 500, "INTERNAL", String(error)));
})
  .on("upgrade", onUpgrade)
  .listen(PORT, "127.0.0.1", () => console.log(`mock daemon: http://127.0.0.1:${PORT}/`));

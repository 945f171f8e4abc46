// The mock daemon's data: made-up projects with everything the page must be able to show.
import { machine, printing, surroundings } from "./console.mjs";
import { addMedia, logMedia, logOdd, logRecord } from "./records.mjs";

const START = Date.now() - 45 * 60_000;

// A small seeded generator (mulberry32): the same data at every start.
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function makeRun(project, index, over = {}) {
  const created = over.create_time_unix_ms ?? START - index * 900_000;
  return {
    brief: {
      project,
      run_id: `${project}-${String(index).padStart(3, "0")}`,
      name: `run-${index}`,
      state: "finished",
      group: "",
      job_type: "",
      tags: [],
      notes: "",
      create_time_unix_ms: created,
      update_time_unix_ms: created + 600_000,
      finish_time_unix_ms: created + 600_000,
      exit_code: 0,
      signal: "",
      next_step: 0,
      durable_step: 0,
      metric_count: 0,
      revision: 1,
      ingest_health: {
        accepted_row_count: 0,
        late_row_count: 0,
        dropped_late_row_count: 0,
        refused_count: 0,
        damaged_record_count: 0,
        message: "",
      },
      process: {
        pid: 4000 + index,
        host: "workstation",
        program: "train.py",
        arguments: ["--lr", "0.001", "--seed", String(index)],
      },
      ...over,
    },
    whole: {
      config: {
        lr: 10 ** -(2 + (index % 3)),
        seed: index,
        model: { name: "mlp", layers: [64, 64], dropout: 0.1 },
        batch_size: 128,
      },
      summary: {},
      traceback: "",
      metric_definitions: [],
    },
    series: new Map(),
    records: new Map(),
    random: seeded(index + 17),
  };
}

function log(run, step, row, seconds) {
  for (const [key, value] of Object.entries(row)) {
    let series = run.series.get(key);
    if (!series) {
      series = { step: [], time: [], y: [] };
      run.series.set(key, series);
      run.brief.metric_count++;
    }
    series.step.push(step);
    series.time.push(run.brief.create_time_unix_ms / 1000 + seconds);
    series.y.push(value);
    run.whole.summary[key] = Number.isFinite(value) ? value : String(value);
  }
  run.brief.next_step = step + 1;
  run.brief.durable_step = step;
  run.brief.ingest_health.accepted_row_count++;
}

function trainingRow(run, step) {
  const lr = run.whole.config.lr * 100;
  const noise = () => run.random() - 0.5;
  const loss = 2.3 * Math.exp(-step * 0.004 * (0.4 + lr)) + 0.08 + 0.05 * noise() * Math.exp(-step / 900);
  const row = {
    "train/loss": loss,
    "train/accuracy": 1 - loss / 2.6 + 0.01 * noise(),
    lr: lr * 0.01 * Math.exp(-step / 700),
  };
  if (step % 10 === 0) {
    row.epoch = Math.floor(step / 10) / 5;
    row["val/loss"] = loss * 1.12 + 0.02 * noise();
    row["val/accuracy"] = 1 - loss / 2.4 + 0.01 * noise();
  }
  row["grad/norm/layer.1"] = Math.exp(noise() * 2 - step / 500);
  row["grad/norm/layer.10"] = Math.exp(noise() * 2 - step / 700);
  return row;
}

function demo() {
  const runs = [];
  for (let index = 0; index < 10; index++) {
    const run = makeRun("demo", index);
    run.brief.name =
      ["baseline", "wide-mlp", "dropout-0.3", "cosine-schedule", "seed-4"][index] ??
      `sweep-${index}-lr-${run.whole.config.lr}`;
    const isLive = index < 2;
    if (isLive) Object.assign(run.brief, { state: "running", finish_time_unix_ms: null, exit_code: null });
    const steps = isLive ? 300 : 1200 + index * 100;
    for (let step = 0; step < steps; step++) log(run, step, trainingRow(run, step), step * 0.5);
    runs.push(run);
  }
  const [, , third, fourth, fifth, sixth] = runs;
  Object.assign(third.brief, { state: "failed", exit_code: 1 });
  third.whole.traceback =
    'Traceback (most recent call last):\n  File "train.py", line 41, in <module>\n    loss.backward()\nRuntimeError: CUDA out of memory: tried to allocate 2.00 GiB';
  Object.assign(third.brief.ingest_health, {
    late_row_count: 3,
    refused_count: 1,
    message: "metric key is 612 bytes; the limit is 512: shorten 'train/…'",
  });
  Object.assign(fourth.brief, { state: "killed", signal: "SIGKILL", exit_code: null });
  Object.assign(fifth.brief, { state: "crashed", exit_code: null });
  const losses = sixth.series.get("train/loss").y;
  for (let step = 200; step < 230; step++) losses[step] = step % 2 ? Number.NaN : Number.POSITIVE_INFINITY;
  log(sixth, sixth.brief.next_step, { "only/one": 3.5 }, 900);
  sixth.series.set("text/note", { step: [0], time: [START / 1000], y: [Number.NaN], kind: "string" });
  runs[0].whole.metric_definitions = [
    { name: "val/*", step_metric: "epoch", step_sync: true, hidden: false, summary: ["min"], goal: "minimize" },
  ];
  return runs;
}

function million() {
  const run = makeRun("million", 0);
  const count = 1_000_000;
  const y = new Float64Array(count);
  for (let step = 0; step < count; step++) y[step] = Math.sin(step / 40_000) + 0.1 * (run.random() - 0.5);
  y[654_321] = 12;
  run.series.set("spiky", {
    step: Float64Array.from({ length: count }, (_, i) => i),
    time: Float64Array.from({ length: count }, (_, i) => START / 1000 + i * 0.001),
    y,
  });
  Object.assign(run.brief, { metric_count: 1, next_step: count, durable_step: count - 1 });
  return [run];
}

function many(runCount, keys, steps, project) {
  return Array.from({ length: runCount }, (_, index) => {
    const run = makeRun(project, index);
    for (let step = 0; step < steps; step++) {
      log(
        run,
        step,
        Object.fromEntries(keys.map((key, k) => [key, Math.exp(-step / (40 + index + k)) + 0.02 * run.random()])),
        step,
      );
    }
    return run;
  });
}

/** Runs with a console, a measured machine, and all that may end them. */
function machineRuns() {
  const live = makeRun("machine", 0, { create_time_unix_ms: Date.now() - 600_000 });
  Object.assign(live.brief, { name: "live", state: "running", finish_time_unix_ms: null, exit_code: null });
  for (let step = 0; step < 300; step++) log(live, step, { "train/loss": Math.exp(-step / 90) }, step * 2);
  machine(live, 300, 8, 64);
  printing(live, 4_000);
  surroundings(live);
  const long = makeRun("machine", 1);
  Object.assign(long.brief, { name: "a-million-lines", state: "preempted", exit_code: 143 });
  long.brief.end_reason = "The scheduler announced that it takes the machine away (SIGTERM after SIGUSR1).";
  long.brief.preempting = true;
  machine(long, 300, 0, 4);
  printing(long, 1_000_000);
  surroundings(long);
  const stalled = makeRun("machine", 2);
  Object.assign(stalled.brief, { name: "silent", state: "running", finish_time_unix_ms: null, stalled: true });
  const failed = makeRun("machine", 3);
  Object.assign(failed.brief, { name: "failed", state: "failed", exit_code: 1 });
  failed.brief.end_reason = "RuntimeError: CUDA out of memory: tried to allocate 2.00 GiB";
  failed.whole.traceback =
    'Traceback (most recent call last):\n  File "train.py", line 41, in <module>\n    loss.backward()\nRuntimeError: CUDA out of memory: tried to allocate 2.00 GiB';
  printing(failed, 40);
  surroundings(failed);
  const short = makeRun("machine", 4);
  Object.assign(short.brief, { name: "short", finish_time_unix_ms: short.brief.create_time_unix_ms + 1_500 });
  return [live, long, stalled, failed, short];
}

const MEDIA_STEPS = 500;

function media() {
  const runs = Array.from({ length: 3 }, (_, index) => {
    const run = makeRun("media", index);
    run.brief.name = ["baseline", "wide", "augmented"][index];
    for (let step = 0; step <= MEDIA_STEPS; step += 10)
      log(run, step, { "train/loss": Math.exp(-step / 200) }, step / 2);
    addMedia(run, index, MEDIA_STEPS - index * 70);
    return run;
  });
  Object.assign(runs[0].brief, { state: "running", finish_time_unix_ms: null, exit_code: null });
  // One name, two kinds: a chart and a card.
  log(runs[0], MEDIA_STEPS, { "samples/sky": 0.5 }, 300);
  const odd = makeRun("media", 3);
  odd.brief.name = "odd";
  logOdd(odd);
  return [...runs, odd];
}

function waiting() {
  const run = makeRun("waiting", 0, { create_time_unix_ms: Date.now() - 95_000 });
  Object.assign(run.brief, { state: "running", finish_time_unix_ms: null, exit_code: null });
  return [run];
}

export const projects = new Map([
  ["demo", demo()],
  ["media", media()],
  ["machine", machineRuns()],
  ["million", million()],
  ["many-runs", many(500, ["loss", "accuracy", "lr", "norm"], 200, "many-runs")],
  [
    "many-metrics",
    many(
      1,
      Array.from({ length: 5000 }, (_, i) => `m${i}`),
      20,
      "many-metrics",
    ),
  ],
  ["waiting", waiting()],
  ["odd/name 100%", many(2, ["a/b/c", "plain"], 3, "odd/name 100%")],
]);

// Records come more slowly than rows, and each is encoded some ticks after it was logged.
const TICKS_PER_RECORD = 12;
const TICKS_PENDING = 4;
let tick = 0;

function advanceMedia() {
  const [run] = projects.get("media");
  const phase = tick % TICKS_PER_RECORD;
  if (phase !== 0 && phase !== TICKS_PENDING) return [];
  const step = phase === 0 ? run.brief.next_step + 49 - ((run.brief.next_step + 49) % 50) : run.brief.next_step - 1;
  if (phase === 0) logRecord(run, "samples/digits", "image", step, { type: "image", pending: true });
  else if (step % 50 === 0) logMedia(run, 0, step);
  return [run];
}

/** Logs one more row into every running run; returns the runs that changed. */
export function advance() {
  tick++;
  const changed = advanceMedia();
  const [live] = projects.get("machine");
  printing(live, 3);
  if (tick % 8 === 0) {
    const seconds = (Date.now() - live.brief.create_time_unix_ms) / 1000;
    log(live, live.brief.next_step, { "train/loss": Math.exp(-live.brief.next_step / 90) }, seconds);
    machine(live, 1, 8, 64);
  }
  changed.push(live);
  for (const run of projects.get("demo")) {
    if (run.brief.state !== "running") continue;
    const step = run.brief.next_step;
    log(run, step, trainingRow(run, step), (Date.now() - run.brief.create_time_unix_ms) / 1000);
    changed.push(run);
  }
  for (const run of changed) {
    run.brief.revision++;
    run.brief.update_time_unix_ms = Date.now();
  }
  return changed;
}

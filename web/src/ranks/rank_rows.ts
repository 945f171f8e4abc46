/** The ranks of a run as rows: what is said of each, in which order, and which of them stand out. Pure. */
import type { SystemSamples, WholeRun, Writer } from "../api/types";
import { formatCount } from "../format/number";
import { formatClock, formatDuration } from "../format/time";
import { signalName } from "../run/signal_name";

export type RankState = "running" | "silent" | "finished" | "failed" | "killed" | "crashed" | "preempted";

export interface RankRow {
  id: string;
  /** `rank 13`. */
  name: string;
  host: string;
  pid: number | null;
  state: RankState;
  /** `exit code 3`, `signal SIGKILL (9)`; empty where there is none. */
  ending: string;
  endReason: string;
  isOpen: boolean;
  lastStep: number | null;
  /** Null where there is nothing to compare with. */
  stepsBehind: number | null;
  secondsBehind: number | null;
  stepsPerSecond: number | null;
  /** Of its last record. */
  saidMs: number;
  heardMs: number;
  /** Of its host, 0 to 1; null where nothing is measured. */
  cpu: number | null;
  gpu: number | null;
  lineCount: number;
}

/** A rank so far behind has the strongest colour; less than the first is what lies between two looks. */
export const FAR_BEHIND_SECONDS = 60;

export function rankRows(run: Pick<WholeRun, "writers" | "system_metrics">): RankRow[] {
  return (run.writers ?? [])
    .filter(({ role, superseded }) => (role === "primary" || role === "shared") && !superseded)
    .map((writer) => rowOf(writer, run.system_metrics ?? {}))
    .sort(byRank);
}

function rowOf(writer: Writer, samples: SystemSamples): RankRow {
  const host = writer.process?.host ?? "";
  const state = writer.state ?? (writer.open ? "running" : "finished");
  return {
    id: writer.writer_id,
    name:
      writer.label ||
      (writer.process?.pid ? `process ${writer.process.pid}` : `writer ${writer.writer_id.slice(0, 8)}`),
    host,
    pid: writer.process?.pid || null,
    state: writer.open && writer.silent ? "silent" : state,
    ending: writer.signal
      ? `signal ${signalName(writer.signal)}`
      : state === "failed" && writer.exit_code
        ? `exit code ${writer.exit_code}`
        : "",
    endReason: writer.end_reason ?? "",
    isOpen: writer.open,
    lastStep: writer.last_step ?? null,
    stepsBehind: writer.steps_behind ?? null,
    secondsBehind: writer.seconds_behind ?? null,
    stepsPerSecond: writer.steps_per_second ?? null,
    saidMs: writer.update_time_unix_ms,
    heardMs: writer.heard_time_unix_ms ?? writer.update_time_unix_ms,
    ...hostUse(samples[host]),
    lineCount: writer.console_line_count,
  };
}

/** Of several GPUs the mean: which of them a rank uses is not known. */
function hostUse(values: Record<string, number | string> | undefined): { cpu: number | null; gpu: number | null } {
  const cpu = values?.["system.cpu.utilization"];
  const gpus = Object.entries(values ?? {}).flatMap(([name, value]) =>
    name.startsWith("hw.gpu.utilization/") && typeof value === "number" ? [value] : [],
  );
  return {
    cpu: typeof cpu === "number" ? cpu : null,
    gpu: gpus.length > 0 ? gpus.reduce((sum, value) => sum + value, 0) / gpus.length : null,
  };
}

const names = new Intl.Collator("en", { numeric: true });

const byRank = (a: RankRow, b: RankRow): number =>
  names.compare(a.name, b.name) || names.compare(a.host, b.host) || (a.pid ?? 0) - (b.pid ?? 0);

export const ORDERS = ["rank", "slowest", "state", "heard"] as const;
export type RankOrder = (typeof ORDERS)[number];

// What asks for a person first.
const WEIGHTS: Record<RankState, number> = {
  failed: 0,
  crashed: 1,
  killed: 2,
  preempted: 3,
  silent: 4,
  running: 5,
  finished: 6,
};

/** The rows in an order; what is alike stays by rank. */
export function ordered(rows: readonly RankRow[], order: RankOrder): readonly RankRow[] {
  switch (order) {
    case "rank":
      return rows;
    case "slowest":
      return rows.toSorted((a, b) => (b.stepsBehind ?? -1) - (a.stepsBehind ?? -1));
    case "state":
      return rows.toSorted((a, b) => WEIGHTS[a.state] - WEIGHTS[b.state]);
    case "heard":
      return rows.toSorted((a, b) => a.heardMs - b.heardMs);
  }
}

export interface HostRows {
  host: string;
  rows: RankRow[];
}

/** The rows by host, in the order in which hosts come first. */
export function byHost(rows: readonly RankRow[]): HostRows[] {
  const groups = new Map<string, RankRow[]>();
  for (const row of rows) {
    const group = groups.get(row.host);
    if (group) group.push(row);
    else groups.set(row.host, [row]);
  }
  return [...groups].map(([host, own]) => ({ host, rows: own }));
}

/** How far behind a rank is, 0 to 1, for its colour; null where there is nothing to compare. */
export function lagShare({ stepsBehind, secondsBehind }: RankRow): number | null {
  if (stepsBehind === null) return null;
  return Math.min(1, (secondsBehind ?? 0) / FAR_BEHIND_SECONDS);
}

/** All that a cell of the strip shows, in words that stay as they are while nothing happens. */
export function wordsOf(row: RankRow): string {
  const words = [stateWords(row)];
  if (row.lastStep !== null) words.push(`step ${formatCount(row.lastStep)}`);
  const lag = lagWords(row);
  if (lag) words.push(lag);
  return `${row.host ? `${row.name} on ${row.host}` : row.name}: ${words.join(", ")}`;
}

function stateWords(row: RankRow): string {
  if (row.state === "silent") return `silent since ${formatClock(row.saidMs)}`;
  return row.ending ? `${row.state} with ${row.ending}` : row.state;
}

/** `85 behind (1 m 25 s)`; empty where there is nothing to compare. */
export function lagWords({ stepsBehind, secondsBehind }: RankRow): string {
  if (stepsBehind === null) return "";
  if (stepsBehind === 0) return "not behind";
  const seconds = secondsBehind === null ? "" : ` (${formatDuration(secondsBehind * 1000)})`;
  return `${formatCount(stepsBehind)} behind${seconds}`;
}

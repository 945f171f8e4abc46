/** The JSON forms of the HTTP API, version 1, as docs/http_api.md states them. */
import type { RecordKind } from "./records";

export type RunState = "running" | "finished" | "failed" | "killed" | "crashed" | "preempted";

export interface IngestHealth {
  accepted_row_count: number;
  late_row_count: number;
  dropped_late_row_count: number;
  refused_count: number;
  damaged_record_count: number;
  message: string;
}

/** The process that writes a run, as it described itself. */
export interface RunProcess {
  pid: number;
  host: string;
  program: string;
  arguments: string[];
}

export interface ForkSource {
  project: string;
  run_id: string;
  /** The last step that was taken over. */
  last_step: number;
}

/** The run was set back: what had been logged behind `last_step` is no longer shown. */
export interface Rewind {
  time_unix_ms: number;
  last_step: number;
  masked_point_count: number;
}

// Fields marked as optional are missing where an older daemon, or the first form of a document, does not have them.
export interface Run {
  project: string;
  run_id: string;
  name: string;
  state: RunState;
  group: string;
  job_type: string;
  tags: string[];
  notes: string;
  create_time_unix_ms: number;
  update_time_unix_ms: number;
  finish_time_unix_ms: number | null;
  exit_code: number | null;
  /** 0 or empty where none ended the run. */
  signal: string | number | null;
  next_step: number;
  durable_step: number;
  /** Below this step the bucket has the run's rows; null where nothing is uploaded. */
  synced_step?: number | null;
  metric_count: number;
  revision: number;
  /** Of the last change but what was measured of the machine and printed to the console. */
  logged_revision?: number;
  ingest_health: IngestHealth;
  process: RunProcess | null;
  /** One sentence; empty while the run goes on, or where nothing is known. */
  end_reason?: string;
  /** Running, and silent for long. */
  stalled?: boolean;
  /** Put away by a person: not listed unless asked for. */
  archived?: boolean;
  forked_from?: ForkSource | null;
  rewinds?: Rewind[];
}

export type AlertLevel = "INFO" | "WARN" | "ERROR";

export interface Alert {
  title: string;
  text: string;
  level: AlertLevel;
  time_unix_ms: number;
}

export interface RunFile {
  path: string;
  size_bytes: number;
  sha256: string;
  purpose: string;
}

/** A process that writes the run; the role "observer" is the daemon's own. */
export interface Writer {
  writer_id: string;
  role: string;
  label: string;
  client: string;
  process: Partial<RunProcess> | null;
  open: boolean;
  row_count: number;
  metrics: string[];
  next_step: number;
  update_time_unix_ms: number;
  console_line_count: number;
  state?: RunState;
  exit_code?: number | null;
  /** 0 for none. */
  signal?: number;
  end_reason?: string;
  /** At work, and without a word for long while others of the run go on. */
  silent?: boolean;
  /** When it, or its process, was last known to be alive. */
  heard_time_unix_ms?: number;
  last_step?: number | null;
  steps_per_second?: number | null;
  /** A later process took its place. */
  superseded?: boolean;
  /** Behind the first of those that log the same; null where there is nothing to compare. */
  steps_behind?: number | null;
  seconds_behind?: number | null;
}

export interface RankNote {
  kind: string;
  text: string;
  since_unix_ms: number | null;
  writer_ids: string[];
}

/** How the processes that write a run stand to each other. */
export interface Ranks {
  rank_count: number;
  expected_count: number | null;
  host_count: number;
  running_count: number;
  silent_count: number;
  finished_count: number;
  failed_count: number;
  sentence: string;
  /** What a person must know, the worst first. */
  notes: RankNote[];
}

/** The last sample of each machine: values by host and name. */
export type SystemSamples = Record<string, Record<string, number | string>>;

export interface MetricDefinition {
  name: string;
  step_metric: string | null;
  step_sync: boolean;
  hidden: boolean;
  summary: string[];
  goal: string;
}

export interface WholeRun extends Run {
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  traceback: string;
  metric_definitions: MetricDefinition[];
  alerts?: Alert[];
  files?: RunFile[];
  /** Facts about code, interpreter and machine by dotted key. */
  environment?: Record<string, unknown>;
  system_metrics?: SystemSamples;
  writers?: Writer[];
  /** Null where one process writes the run. */
  ranks?: Ranks | null;
}

/** What is logged under a name: plain values, or records of a kind. */
export type MetricKind = "number" | "bool" | "string" | "other" | RecordKind;

export interface ProjectMetric {
  name: string;
  kind: MetricKind;
  run_count: number;
  hidden: boolean;
  step_metric: string | null;
}

export interface RunMetric {
  name: string;
  kind: MetricKind;
  count: number;
  first_step: number;
  last_step: number;
}

/** One line of a console: its number from 0, the stream, when it was written last, its text. */
export type ConsoleLine = [number: number, stream: "stdout" | "stderr", timeUnixMs: number, text: string];

export interface ConsoleAnswer {
  writer_id: string;
  line_count: number;
  /** Where to ask on; null at the end. */
  next_line: number | null;
  lines: ConsoleLine[];
}

export interface Project {
  name: string;
  run_count: number;
  running_count: number;
  update_time_unix_ms: number;
}

export type UploadState = "off" | "idle" | "sending" | "waiting" | "stopped";

/** How the upload of the store to a bucket is set, and how it stands. */
export interface Upload {
  settings: {
    /** `s3://BUCKET/PREFIX`; empty where nothing is uploaded. */
    url: string;
    endpoint_url: string;
    interval_seconds: number;
  };
  status: {
    state: UploadState;
    /** What is wrong; empty when nothing is. */
    sentence: string;
    pending_run_count: number;
    pending_file_count: number;
    pending_bytes: number;
    sent_file_count: number;
    sent_bytes: number;
    lag_seconds: number;
    /** Until the next attempt; 0 when none waits. */
    retry_seconds: number;
  };
}

export interface LiveMessage {
  type: "runs";
  runs: Run[];
  removed: string[];
}

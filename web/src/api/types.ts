/** The JSON forms of the HTTP API, version 1, as docs/http_api.md states them. */
import type { RecordKind } from "./records";

export type RunState = "running" | "finished" | "failed" | "killed" | "crashed";

export interface IngestHealth {
  accepted_row_count: number;
  late_row_count: number;
  dropped_late_row_count: number;
  refused_count: number;
  damaged_record_count: number;
  message: string;
}

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
  metric_count: number;
  revision: number;
  ingest_health: IngestHealth;
  process: { pid: number; host: string; program: string; arguments: string[] } | null;
}

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

export interface Project {
  name: string;
  run_count: number;
  running_count: number;
  update_time_unix_ms: number;
}

export interface RunsPage {
  runs: Run[];
  total_count: number;
}

export interface LiveMessage {
  type: "runs";
  runs: Run[];
  removed: string[];
}

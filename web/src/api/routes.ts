/** The addresses of the HTTP API and what each answers. */
import { getJson } from "./http";
import { resource } from "./resource";
import type { ConsoleAnswer, Project, ProjectMetric, RunMetric, Upload, WholeRun } from "./types";

export const projectAddress = (name: string) => `/api/v1/projects/${encodeURIComponent(name)}`;
const project = projectAddress;
const run = (projectName: string, runId: string) => `${project(projectName)}/runs/${encodeURIComponent(runId)}`;

export const fetchProjects = async (signal?: AbortSignal) =>
  (await getJson<{ projects: Project[] }>("/api/v1/projects", signal)).projects;

export const fetchProjectMetrics = async (name: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: ProjectMetric[] }>(`${project(name)}/metrics`, signal)).metrics;

export const fetchRun = (name: string, runId: string, signal?: AbortSignal) =>
  getJson<WholeRun>(run(name, runId), signal);

export const fetchRunMetrics = async (name: string, runId: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: RunMetric[] }>(`${run(name, runId)}/metrics`, signal)).metrics;

export const fetchSystemMetrics = async (name: string, runId: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: RunMetric[] }>(`${run(name, runId)}/metrics?stream=system`, signal)).metrics;

export const fetchUpload = (signal?: AbortSignal) => getJson<Upload>("/api/v1/upload", signal);

export interface ConsoleQuestion {
  project: string;
  run: string;
  /** Empty for the first writer that has lines. */
  writer: string;
  /** null for the last lines; with a pattern, for the first that match. */
  firstLine: number | null;
  limit: number;
  /** RE2; empty for all lines. */
  pattern?: string;
}

export function fetchConsole(question: ConsoleQuestion, signal?: AbortSignal): Promise<ConsoleAnswer> {
  const query = new URLSearchParams({ limit: String(question.limit) });
  if (question.writer) query.set("writer", question.writer);
  if (question.firstLine !== null) query.set("first_line", String(question.firstLine));
  if (question.pattern) query.set("pattern", question.pattern);
  return getJson<ConsoleAnswer>(`${run(question.project, question.run)}/console?${query}`, signal);
}

/** A file's path keeps its slashes. */
export const fileAddress = (name: string, runId: string, path: string) =>
  resource(`${run(name, runId)}/files/${path.split("/").map(encodeURIComponent).join("/")}`);

export const exportAddress = (name: string, runId: string, format: "csv" | "jsonl") =>
  `${run(name, runId)}/export?format=${format}`;

/** A page as one file: of a run, or of what a workspace shows where `runId` is null. */
export const htmlAddress = (name: string, runId: string | null, query: string) =>
  `${runId === null ? project(name) : run(name, runId)}/html?${new URLSearchParams({ query })}`;

export const SERIES_ADDRESS = "/api/v1/series:query";
export const LIVE_ADDRESS = "/api/v1/live";

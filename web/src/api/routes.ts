/** The addresses of the HTTP API and what each answers. */
import { getJson } from "./http";
import type { Project, ProjectMetric, RunMetric, RunsPage, WholeRun } from "./types";

const project = (name: string) => `/api/v1/projects/${encodeURIComponent(name)}`;
const run = (projectName: string, runId: string) => `${project(projectName)}/runs/${encodeURIComponent(runId)}`;

export const fetchProjects = async (signal?: AbortSignal) =>
  (await getJson<{ projects: Project[] }>("/api/v1/projects", signal)).projects;

export const fetchRuns = (name: string, limit: number, signal?: AbortSignal) =>
  getJson<RunsPage>(`${project(name)}/runs?limit=${limit}`, signal);

export const fetchProjectMetrics = async (name: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: ProjectMetric[] }>(`${project(name)}/metrics`, signal)).metrics;

export const fetchRun = (name: string, runId: string, signal?: AbortSignal) =>
  getJson<WholeRun>(run(name, runId), signal);

export const fetchRunMetrics = async (name: string, runId: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: RunMetric[] }>(`${run(name, runId)}/metrics`, signal)).metrics;

export const exportAddress = (name: string, runId: string, format: "csv" | "jsonl") =>
  `${run(name, runId)}/export?format=${format}`;

export const SERIES_ADDRESS = "/api/v1/series:query";
export const LIVE_ADDRESS = "/api/v1/live";

/** What the page holds of the daemon's lists. The live socket says what has changed; only what it does not tell of is polled. */
import { QueryClient, useQuery } from "@tanstack/react-query";
import { ApiError } from "../api/http";
import {
  fetchProjectMetrics,
  fetchProjects,
  fetchRun,
  fetchRunMetrics,
  fetchSystemMetrics,
  fetchUpload,
} from "../api/routes";
import { fetchDaemon } from "../api/store";
import type { UploadState } from "../api/types";
import { noteRevision } from "./page_store";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.isUnreachable,
    },
  },
});

export const queryKeys = {
  projects: ["projects"] as const,
  upload: ["upload"] as const,
  kind: ["kind"] as const,
  runs: (project: string) => ["runs", project] as const,
  events: (project: string) => ["events", project] as const,
  metrics: (project: string) => ["metrics", project] as const,
  runSets: (project: string) => ["run-sets", project] as const,
  runColumns: (project: string) => ["run-columns", project] as const,
  run: (project: string, run: string) => ["run", project, run] as const,
  systemMetrics: (project: string, run: string) => ["system-metrics", project, run] as const,
  runMetrics: (project: string, run: string) => ["run-metrics", project, run] as const,
  /** What the live socket of a project keeps up to date. */
  allOf: (project: string) =>
    ["runs", "events", "metrics", "run-sets", "run-columns", "run", "system-metrics", "run-metrics"].map((what) => [
      what,
      project,
    ]),
};

// The list of projects has no live socket of its own: it is asked again while something is running and somebody looks.
const PROJECTS_INTERVAL_MS = 5000;

export const useProjects = () =>
  useQuery({
    queryKey: queryKeys.projects,
    queryFn: ({ signal }) => fetchProjects(signal),
    staleTime: 0,
    refetchInterval: ({ state }) =>
      !state.data || state.data.length === 0 || state.data.some((one) => one.running_count > 0)
        ? PROJECTS_INTERVAL_MS
        : false,
  });

/** Whether this is a server for a team, which knows users. */
export const useIsServer = (): boolean | undefined =>
  useQuery({
    queryKey: queryKeys.kind,
    queryFn: async ({ signal }) => (await fetchDaemon(signal)).kind === "server",
  }).data;

// No socket tells how the upload stands. Where there is none, it may take a while until one that was set up is seen.
const UPLOAD_INTERVALS_MS: Record<UploadState, number> = {
  off: 30_000,
  idle: 5000,
  sending: 3000,
  waiting: 3000,
  stopped: 3000,
};

/** How the store's upload stands; it is asked again while somebody looks. */
export const useUpload = () =>
  useQuery({
    queryKey: queryKeys.upload,
    queryFn: ({ signal }) => fetchUpload(signal),
    refetchInterval: ({ state }) => UPLOAD_INTERVALS_MS[state.data?.status.state ?? "off"],
  });

export const useProjectMetrics = (project: string, isWanted = true) =>
  useQuery({
    queryKey: queryKeys.metrics(project),
    queryFn: ({ signal }) => fetchProjectMetrics(project, signal),
    enabled: isWanted,
  });

export const useRun = (project: string, run: string) =>
  useQuery({
    queryKey: queryKeys.run(project, run),
    queryFn: async ({ signal }) => {
      const whole = await fetchRun(project, run, signal);
      noteRevision(project, whole);
      return whole;
    },
  });

export const useRunMetrics = (project: string, run: string) =>
  useQuery({
    queryKey: queryKeys.runMetrics(project, run),
    queryFn: ({ signal }) => fetchRunMetrics(project, run, signal),
  });

/**
 * What was measured of the machines of a run.
 *
 * @param sampled the names that the last samples hold: with another one, there is something new to list.
 */
export const useSystemMetrics = (project: string, run: string, sampled: string) =>
  useQuery({
    queryKey: [...queryKeys.systemMetrics(project, run), sampled],
    queryFn: ({ signal }) => fetchSystemMetrics(project, run, signal),
    placeholderData: (before, query) => (query?.queryKey[2] === run ? before : undefined),
  });

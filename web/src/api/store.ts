/** What the daemon says of itself, and of what its store takes on the disk. */
import { getJson } from "./http";

export interface DaemonFacts {
  /** "server" for a team's. */
  kind: "daemon" | "server";
  version: string;
  protocol_version: number;
  pid: number;
  store_path: string;
  uptime_seconds: number;
  open_writer_count: number;
  counters: Readonly<Record<string, number>>;
}

export interface StoreUsage {
  segment_bytes: number;
  object_bytes: number;
  log_bytes: number;
  /** What no run uses any more. */
  garbage_bytes: number;
  garbage_count: number;
}

export const fetchDaemon = (signal?: AbortSignal) => getJson<DaemonFacts>("/api/v1/daemon", signal);

export const fetchUsage = (signal?: AbortSignal) => getJson<StoreUsage>("/api/v1/usage", signal);

/** What is sealed of each project, in bytes by name. */
export async function fetchProjectSizes(signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const answer = await getJson<{ projects: { name: string; size_bytes: number }[] }>("/api/v1/projects:sizes", signal);
  return new Map(answer.projects.map(({ name, size_bytes }) => [name, size_bytes]));
}

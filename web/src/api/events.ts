/** What happened in runs: see docs/http_api.md. */
import { getJson } from "./http";
import { projectAddress } from "./routes";

export interface RunEvent {
  run_id: string;
  kind: "alert" | "rewind" | "fork" | "restart" | "checkpoint";
  /** Null where only the time is known and no row was logged before it. */
  step: number | null;
  time_unix_ms: number;
  title: string;
  text: string;
  /** Of an alert; empty else. */
  level: string;
}

export const fetchEvents = async (project: string, runIds: readonly string[], signal?: AbortSignal) =>
  (
    await getJson<{ events: RunEvent[] }>(
      `${projectAddress(project)}/events?runs=${runIds.map(encodeURIComponent).join(",")}`,
      signal,
    )
  ).events;

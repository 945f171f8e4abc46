/** What happened in the runs that are shown, for their charts to mark. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { fetchEvents, type RunEvent } from "../api/events";
import type { ChartEvent, ChartEventKind } from "../panel/chart_event";
import { queryKeys } from "./queries";

// Marks of more runs than these would cover the axis.
const RUNS_MAX = 50;

const KINDS: Record<RunEvent["kind"], ChartEventKind> = {
  alert: "alert",
  checkpoint: "checkpoint",
  restart: "restart",
  rewind: "restart",
  fork: "note",
};

const toChart = (events: readonly RunEvent[]): ChartEvent[] =>
  events.map(({ run_id: runId, kind, step, time_unix_ms: timeMs, title, text }) => ({
    runId,
    kind: KINDS[kind],
    step,
    timeMs,
    title,
    text,
  }));

const NONE: readonly ChartEvent[] = [];

export function useEvents(project: string, runIds: readonly string[]): readonly ChartEvent[] {
  const asked = runIds.slice(0, RUNS_MAX);
  const { data } = useQuery({
    queryKey: [...queryKeys.events(project), asked],
    queryFn: ({ signal }) => fetchEvents(project, asked, signal),
    select: toChart,
    placeholderData: keepPreviousData,
    enabled: asked.length > 0,
  });
  return data ?? NONE;
}

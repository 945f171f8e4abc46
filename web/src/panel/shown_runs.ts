/** Which runs are drawn, and how each looks. */
import type { Run } from "../api/types";
import type { ThemeName } from "../chart/palette";
import { DISTINCT_MAX, type Slots, styleOf } from "../chart/styles";
import type { ShownRun } from "./shown_run";
import type { ViewState } from "../url/view_state";

/** The runs of a list that are drawn. */
export function visibleRuns(listed: readonly Run[], view: Pick<ViewState, "hidden" | "only">): Run[] {
  const hidden = new Set(view.hidden);
  const only = new Set(view.only);
  return listed.filter((run) => (only.size > 0 ? only.has(run.run_id) : !hidden.has(run.run_id)));
}

/**
 * The order in which visible runs are given their looks: of the newest that can look different the oldest first, so that a run
 * has the same colour when the page is opened again after newer runs have begun.
 */
export const colorOrder = (visible: readonly Run[]): string[] =>
  visible
    .slice(0, DISTINCT_MAX)
    .toReversed()
    .map((run) => run.run_id);

/** @param lookOf whose look a run has: its own, or its group's. */
export function showRuns(
  visible: readonly Run[],
  slots: Slots,
  theme: ThemeName,
  highlight: string | null,
  lookOf: (run: string) => string = (run) => run,
): ShownRun[] {
  const hasHighlight = highlight !== null && visible.some((run) => run.run_id === highlight);
  return visible.map((run) => ({
    id: run.run_id,
    name: run.name || run.run_id,
    isRunning: run.state === "running",
    createTimeMs: run.create_time_unix_ms,
    style: styleOf(slots.get(lookOf(run.run_id)), theme),
    isContext: !slots.has(lookOf(run.run_id)) && run.run_id !== highlight,
    emphasis: !hasHighlight ? "normal" : run.run_id === highlight ? "strong" : "faded",
  }));
}

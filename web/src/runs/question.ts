/** What the page asks of a set of runs, as the address has it. */
import type { RunsQuestion } from "../api/run_sets";
import type { ViewState } from "../url/view_state";

/** A question without its window and its columns. */
export type RunSetQuestion = Pick<
  RunsQuestion,
  "filter" | "search" | "archived" | "sort" | "group_by" | "aggregates" | "with_runs"
>;

type QuestionView = Pick<ViewState, "filter" | "runs" | "hasArchived" | "sort" | "groupBy">;

/**
 * @param isWithout ids of runs that are on their way out: they are left out at once.
 */
export function runSetQuestion(
  view: QuestionView,
  aggregates: readonly string[],
  without: readonly string[] = [],
): RunSetQuestion {
  return {
    filter: withoutRuns(view.filter, without),
    search: view.runs,
    archived: view.hasArchived ? "with" : "without",
    sort: view.sort.map(({ column, isDescending }) => ({ column, descending: isDescending })),
    group_by: view.groupBy,
    aggregates: view.groupBy.length > 0 ? aggregates : [],
    with_runs: true,
  };
}

/** A text as the filter language quotes it. */
export const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** The filter that finds just these runs. */
export const theseRuns = (ids: readonly string[]): string => `id in (${ids.map(quoted).join(", ")})`;

/** The filter, but for these runs. What a person wrote stands first, so that positions in it stay. */
export function withoutRuns(filter: string, ids: readonly string[]): string {
  if (ids.length === 0) return filter;
  const others = `not ${theseRuns(ids)}`;
  return filter.trim() === "" ? others : `(${filter}) and ${others}`;
}

/** All there is to know of some runs: what actions on them begin with. */
export const questionOf = (ids: readonly string[], columns: readonly string[] = []): RunsQuestion => ({
  filter: theseRuns(ids),
  search: "",
  archived: "with",
  sort: [],
  group_by: [],
  aggregates: [],
  columns,
  with_runs: true,
  offset: 0,
  limit: ids.length,
});

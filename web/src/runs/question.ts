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

// The daemon's limit is 10,000; the rest is room for brackets and words.
const CHARACTERS_MAX = 9_900;

/** The first of these runs that can be named in a filter which holds `taken` characters already. */
function fitting(ids: readonly string[], taken: number): readonly string[] {
  let length = taken;
  const end = ids.findIndex((id) => (length += quoted(id).length + 2) > CHARACTERS_MAX);
  return end < 0 ? ids : ids.slice(0, end);
}

/** The runs in parts, each of which can be named in one filter. */
export function inParts(ids: readonly string[]): (readonly string[])[] {
  const parts: (readonly string[])[] = [];
  for (let first = 0; first < ids.length; first += parts.at(-1)!.length) {
    const part = fitting(ids.slice(first), 0);
    parts.push(part.length > 0 ? part : ids.slice(first, first + 1));
  }
  return parts;
}

/** The filter, but for these runs: as many of them as it can name. */
export function withoutRuns(filter: string, ids: readonly string[]): string {
  const named = fitting(ids, filter.length);
  if (named.length === 0) return filter;
  const others = `not ${theseRuns(named)}`;
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

/** The addresses of a project's pages, with what was chosen of its runs carried from one to the other. */
import { compareQuery } from "../compare/address";
import { comparedRuns, parseRoute, projectPath, tablePath } from "../url/route";
import { DEFAULT_VIEW, formatView, parseView, type ViewState } from "../url/view_state";

export interface ProjectLinks {
  workspace: string;
  table: string;
  compare: string;
}

// More runs side by side than a person reads: then the page asks which.
const OFFERED_MAX = 8;

/** The runs that were compared last, as long as the page is open: whoever comes back finds them compared. */
let last: { project: string; runs: readonly string[] } | null = null;

export function noteCompared(project: string, runs: readonly string[]): void {
  last = { project, runs };
}

/** Which runs are listed, in which order, grouped how, and which of them are drawn. */
const runQuery = (view: ViewState): Partial<ViewState> => ({
  view: view.view,
  filter: view.filter,
  runs: view.runs,
  sort: view.sort,
  groupBy: view.groupBy,
  hidden: view.hidden,
  only: view.only,
  pinned: view.pinned,
});

/** What is open over a page, and belongs to one page alone. */
const CLOSED: Partial<ViewState> = { panel: null, media: null, item: null, file: null };

/** @param drawn the runs that the page draws, as far as it knows. */
export function projectLinks(
  project: string,
  pathname: string,
  search: string,
  drawn: readonly string[] = [],
): ProjectLinks {
  const route = parseRoute(pathname);
  const view = parseView(search);
  // Workspace and table share one address's query: whoever comes back finds charts and columns as they were.
  const kept = route.page === "workspace" || route.page === "table" ? { ...view, ...CLOSED } : runQuery(view);
  const query = formatView({ ...DEFAULT_VIEW, ...kept });
  const tail = query && `?${query}`;
  const compared = compareQuery(runsToCompare(project, pathname, search, drawn), {
    ...DEFAULT_VIEW,
    ...(route.page === "compare" ? view : runQuery(view)),
  });
  return {
    workspace: projectPath(project) + tail,
    table: tablePath(project) + tail,
    compare: `${projectPath(project)}/compare${compared && `?${compared}`}`,
  };
}

/** The runs that a person has picked: on the page itself, or else last; or else the few there are. */
function runsToCompare(project: string, pathname: string, search: string, drawn: readonly string[]): readonly string[] {
  const route = parseRoute(pathname);
  if (route.page === "compare") return comparedRuns(search);
  if (route.page === "run") return [route.run];
  const { only, hidden } = parseView(search);
  if (only.length > 0) return only;
  const few = drawn.length <= OFFERED_MAX ? drawn : [];
  if (hidden.length > 0 && few.length > 0) return few;
  return last?.project === project ? last.runs : few;
}

/** The addresses of a project's pages, with what was chosen of its runs carried from one to the other. */
import { parseRoute, projectPath, tablePath } from "../url/route";
import { DEFAULT_VIEW, formatView, parseView, type ViewState } from "../url/view_state";

export interface ProjectLinks {
  workspace: string;
  table: string;
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

export function projectLinks(project: string, pathname: string, search: string): ProjectLinks {
  const route = parseRoute(pathname);
  const view = parseView(search);
  // Workspace and table share one address's query: whoever comes back finds charts and columns as they were.
  const kept = route.page === "workspace" || route.page === "table" ? { ...view, ...CLOSED } : runQuery(view);
  const query = formatView({ ...DEFAULT_VIEW, ...kept });
  const tail = query && `?${query}`;
  return { workspace: projectPath(project) + tail, table: tablePath(project) + tail };
}

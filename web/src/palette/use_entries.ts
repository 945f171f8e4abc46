/** Gathers what the palette lists: from the page, from lists that the page has anyway, and runs from the daemon as one types. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { usePathname, useSearch } from "wouter/use-browser-location";
import { queryRuns, type RunsQuestion } from "../api/run_sets";
import { fetchViews } from "../api/views";
import { projectLinks } from "../app/project_links";
import { useProjectMetrics, useProjects } from "../data/queries";
import { plural } from "../format/number";
import { parseRoute, projectPath, runPath } from "../url/route";
import { DEFAULT_VIEW, formatView, parseView } from "../url/view_state";
import { listActions } from "./actions";
import type { Entry } from "./entries";
import { escapeRegex, fuzzyPattern } from "./fuzzy";

const RUNS_MAX = 20;

const question = (search: string): RunsQuestion => ({
  filter: "",
  search,
  archived: "without",
  sort: [{ column: "create_time", descending: true }],
  group_by: [],
  columns: ["name", "state"],
  aggregates: [],
  with_runs: false,
  offset: 0,
  limit: RUNS_MAX,
});

/**
 * @param drawn the runs that the page draws.
 * @param query what was typed, a moment ago.
 */
export function useEntries(
  project: string | null,
  drawn: readonly string[] | undefined,
  query: string,
): { entries: Entry[]; isSearching: boolean } {
  const pathname = usePathname();
  const search = useSearch();
  const projects = useProjects().data;
  const metrics = useProjectMetrics(project ?? "", project !== null).data;
  const views = useQuery({
    queryKey: ["views", project],
    queryFn: ({ signal }) => fetchViews(project!, signal),
    enabled: project !== null,
    staleTime: 0,
  }).data;
  const pattern = fuzzyPattern(query);
  const runs = useQuery({
    queryKey: ["palette-runs", project, pattern],
    queryFn: ({ signal }) => queryRuns(project!, question(pattern), signal),
    enabled: project !== null && pattern !== "",
    staleTime: 10_000,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
  });

  const entries = useMemo(() => {
    const found: Entry[] = listActions().map(({ id, title, key, run }) => ({
      id: `action:${id}`,
      kind: "action",
      title,
      key,
      run,
    }));
    found.push(...pagesOf(project, pathname, search, drawn));
    for (const view of project !== null && views ? views : []) {
      const href = `${projectPath(project!)}?${formatView({ ...DEFAULT_VIEW, view: view.id })}`;
      found.push({ id: `view:${project}:${view.id}`, kind: "view", title: view.name || "Unnamed view", href });
    }
    if (project !== null) found.push(...runsOf(project, runs.data), ...metricsOf(project, metrics, pathname, search));
    for (const { name, run_count } of projects ?? []) {
      const about = plural(run_count, "run");
      found.push({ id: `project:${name}`, kind: "project", title: name, about, href: projectPath(name) });
    }
    return found;
  }, [project, pathname, search, drawn, views, runs.data, metrics, projects]);
  return { entries, isSearching: runs.isFetching };
}

function pagesOf(
  project: string | null,
  pathname: string,
  search: string,
  drawn: readonly string[] | undefined,
): Entry[] {
  const page = (title: string, href: string, key?: string, about?: string): Entry => {
    return { id: `page:${href.split("?")[0]}`, kind: "page", title, href, key, about };
  };
  const general = [
    page("Projects", "/", "g p"),
    page("Settings", "/settings", "g s"),
    page("Presets of charts", "/presets"),
  ];
  if (project === null) return general;
  const links = projectLinks(project, pathname, search, drawn);
  return [
    page("Workspace", links.workspace, "g w", project),
    page("Table of runs", links.table, "g r", project),
    page("Compare runs", links.compare, "g c", project),
    ...general,
  ];
}

function runsOf(project: string, answer: Awaited<ReturnType<typeof queryRuns>> | undefined): Entry[] {
  if (!answer) return [];
  const column = (name: string) => answer.columns.find((one) => one.name === name)?.values;
  const [names, states] = [column("name"), column("state")];
  return answer.run_ids.map((id, index) => ({
    id: `run:${project}:${id}`,
    kind: "run",
    title: String(names?.[index] || id),
    about: String(states?.[index] ?? ""),
    href: runPath(project, id),
  }));
}

/** Metrics lead to their chart: on the page of a run to the run's, elsewhere to the workspace's. */
function metricsOf(
  project: string,
  metrics: readonly { name: string; kind: string }[] | undefined,
  pathname: string,
  search: string,
): Entry[] {
  const route = parseRoute(pathname);
  const isRun = route.page === "run";
  const path = isRun ? pathname : projectPath(project);
  const view = isRun || route.page === "workspace" ? parseView(search) : DEFAULT_VIEW;
  const names = new Set(metrics?.map(({ name }) => name));
  return Array.from(names, (name) => ({
    id: `metric:${project}:${name}`,
    kind: "metric",
    title: name,
    get href() {
      return `${path}?${formatView({ ...view, metrics: `^${escapeRegex(name)}$`, tab: DEFAULT_VIEW.tab, panel: null })}`;
    },
  }));
}

/** Which projects are listed, in which order, and how that stands in the address: `?search=` and `?sort=`, as on other pages. */
import type { Project } from "../api/types";
import type { SortColumn } from "../url/view_state";

export const ORDERS = ["activity", "name", "runs", "size"] as const;
export type ProjectOrder = (typeof ORDERS)[number];

export const ORDER_WORDS: Record<ProjectOrder, string> = {
  activity: "last activity",
  name: "name",
  runs: "runs",
  size: "size",
};

/** What a person means first by an order: the newest, the largest, but A before Z. */
const IS_DESCENDING: Record<ProjectOrder, boolean> = { activity: true, name: false, runs: true, size: true };

export const orderOf = (sort: readonly SortColumn[]): ProjectOrder =>
  ORDERS.find((order) => order === sort[0]?.column) ?? "activity";

export const sortOf = (order: ProjectOrder): SortColumn[] =>
  order === "activity" ? [] : [{ column: order, isDescending: IS_DESCENDING[order] }];

const byName = (a: Project, b: Project) => a.name.localeCompare(b.name, "en", { numeric: true, sensitivity: "base" });

export function listProjects(
  projects: readonly Project[],
  search: string,
  order: ProjectOrder,
  sizes: ReadonlyMap<string, number> | undefined,
): Project[] {
  const wanted = search.trim().toLowerCase();
  const amount: Record<ProjectOrder, (project: Project) => number> = {
    activity: (project) => project.update_time_unix_ms,
    name: () => 0,
    runs: (project) => project.run_count,
    size: (project) => sizes?.get(project.name) ?? 0,
  };
  return projects
    .filter((project) => project.name.toLowerCase().includes(wanted))
    .sort((a, b) => amount[order](b) - amount[order](a) || byName(a, b));
}

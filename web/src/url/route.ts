/** The addresses of the app's pages. */

/** Pages of settings; all but the first are of a team server. */
export type SettingsPart = (typeof SETTINGS_PARTS)[number];
const SETTINGS_PARTS = ["", "teams", "users", "audit"] as const;

export type Route =
  | { page: "projects" }
  | { page: "workspace"; project: string }
  | { page: "table"; project: string }
  | { page: "compare"; project: string }
  | { page: "run"; project: string; run: string }
  | { page: "settings"; part: SettingsPart }
  | { page: "presets" }
  | { page: "unknown" };

/** Reads a path as it stands in the address: its segments are percent-encoded, so that names may contain slashes. */
export function parseRoute(pathname: string): Route {
  let segments: string[];
  try {
    segments = pathname
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
  } catch {
    return { page: "unknown" };
  }
  if (segments.length === 0) return { page: "projects" };
  if (segments[0] === "p" && segments.length === 2) return { page: "workspace", project: segments[1] };
  if (segments[0] === "settings" && segments.length <= 2) {
    const part = SETTINGS_PARTS.find((one) => one === (segments[1] ?? ""));
    return part === undefined ? { page: "unknown" } : { page: "settings", part };
  }
  if (segments[0] === "presets" && segments.length === 1) return { page: "presets" };
  if (segments[0] === "p" && segments.length === 3 && (segments[2] === "table" || segments[2] === "compare")) {
    return { page: segments[2], project: segments[1] };
  }
  if (segments[0] === "p" && segments[2] === "r" && segments.length === 4) {
    return { page: "run", project: segments[1], run: segments[3] };
  }
  return { page: "unknown" };
}

export const projectPath = (project: string) => `/p/${encodeURIComponent(project)}`;
export const runPath = (project: string, run: string) => `${projectPath(project)}/r/${encodeURIComponent(run)}`;
export const tablePath = (project: string) => `${projectPath(project)}/table`;

/** The page that compares runs, the first one with each of the others. */
export const comparePath = (project: string, runs: readonly string[]) =>
  `${projectPath(project)}/compare?runs=${encodeURIComponent(runs.map(encodeURIComponent).join(","))}`;

/** The runs that the address of the comparing page names: each is encoded on its own, as an id may hold a comma. */
export function comparedRuns(search: string): string[] {
  const text = new URLSearchParams(search).get("runs") ?? "";
  try {
    return [...new Set(text.split(",").filter(Boolean).map(decodeURIComponent))];
  } catch {
    return [];
  }
}

/** The addresses of the app's pages. */

export type Route =
  | { page: "projects" }
  | { page: "workspace"; project: string }
  | { page: "run"; project: string; run: string }
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
  if (segments[0] === "p" && segments[2] === "r" && segments.length === 4) {
    return { page: "run", project: segments[1], run: segments[3] };
  }
  return { page: "unknown" };
}

export const projectPath = (project: string) => `/p/${encodeURIComponent(project)}`;
export const runPath = (project: string, run: string) => `${projectPath(project)}/r/${encodeURIComponent(run)}`;

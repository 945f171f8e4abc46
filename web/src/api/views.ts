/** Saved views of a project: documents that the daemon keeps and does not read. See docs/http_api.md, "Saved views". */
import { deleteAt, getJson, putJson } from "./http";
import { projectAddress } from "./routes";

export interface ViewListing {
  id: string;
  /** Empty while it has not been saved under a name. */
  name: string;
  update_time_unix_ms: number;
}

export interface SavedView extends ViewListing {
  /** What the page put there: `layout/document.ts` reads it. */
  document: unknown;
}

const address = (project: string, id: string) => `${projectAddress(project)}/views/${encodeURIComponent(id)}`;

export const fetchViews = async (project: string, signal?: AbortSignal) =>
  (await getJson<{ views: ViewListing[] }>(`${projectAddress(project)}/views`, signal)).views;

export const fetchView = (project: string, id: string, signal?: AbortSignal) =>
  getJson<SavedView>(address(project, id), signal);

export const putView = (project: string, id: string, name: string, document: unknown) =>
  putJson(address(project, id), { name, document });

export const deleteView = (project: string, id: string) => deleteAt(address(project, id));

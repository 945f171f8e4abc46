/** What two runs do not share, as the daemon finds it: the diffs of the files that they keep. */
import { getJson } from "./http";
import { projectAddress } from "./routes";

export interface FileDifference {
  path: string;
  /** A unified diff; empty for what is no text or too large. */
  diff: string;
}

export interface Comparison {
  files: FileDifference[];
}

/** Compares the run `left` with the run `right`, whose lines the diffs show as added. */
export const fetchComparison = (project: string, left: string, right: string, signal?: AbortSignal) =>
  getJson<Comparison>(
    `${projectAddress(project)}/runs/${encodeURIComponent(left)}/compare?with=${encodeURIComponent(right)}`,
    signal,
  );

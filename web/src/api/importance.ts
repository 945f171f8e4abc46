/** What the columns of runs have to do with one of them: `POST …/importance`, see docs/http_api.md. */
import { postForJson } from "./http";
import { projectAddress } from "./routes";

export interface ColumnImportance {
  name: string;
  /** Its share of what explains the target, 0 to 1; null where it could not be said. */
  importance: number | null;
  /** Correlations with the target, −1 to 1; null where a column holds no numbers. */
  pearson: number | null;
  spearman: number | null;
  /** Runs that have both. */
  count: number;
}

export interface ImportanceAnswer {
  /** How it was computed, in a sentence. */
  method: string;
  /** What to keep in mind, or why there is nothing; empty where there is nothing to say. */
  note: string;
  columns: ColumnImportance[];
}

export const fetchImportance = (project: string, runIds: readonly string[], target: string, signal?: AbortSignal) =>
  postForJson<ImportanceAnswer>(
    `${projectAddress(project)}/importance`,
    { run_ids: runIds, target, columns: null },
    signal,
  );

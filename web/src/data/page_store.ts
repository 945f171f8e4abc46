/** The stores of the page, in the browser's surroundings: one of series, one of records. */
import { postForBytes } from "../api/http";
import { fetchHistograms, fetchRecords, fetchRecordSteps } from "../api/records";
import { SERIES_ADDRESS } from "../api/routes";
import { decodeSeries } from "../api/series";
import type { Run } from "../api/types";
import { type RecordAnswer, type RecordQuestion, RecordStore } from "./records";
import { SeriesStore } from "./series_store";

const around = {
  isHidden: () => document.visibilityState === "hidden",
  later: (task: () => void, milliseconds: number) => void setTimeout(task, milliseconds),
  now: () => performance.now(),
};

export const seriesStore = new SeriesStore({
  ...around,
  ask: async (body) => decodeSeries(await postForBytes(SERIES_ADDRESS, body)),
  nextFrame: (task) => requestAnimationFrame(task),
});

export const recordStore = new RecordStore({ ...around, ask: askForRecords });

async function askForRecords(question: RecordQuestion): Promise<RecordAnswer> {
  if (question.what === "steps") return fetchRecordSteps(question.series);
  if (question.what === "histograms") return fetchHistograms(question.series, question.columns, question.bins);
  const { records } = await fetchRecords(question.series, question.step, 1);
  return records[0] ?? null;
}

type RevisionListener = (project: string, run: string) => void;

const revisionListeners = new Set<RevisionListener>();

/** Tells of every change of a run that the page hears of. Returns what ends it. */
export function watchRevisions(listener: RevisionListener): () => void {
  revisionListeners.add(listener);
  return () => revisionListeners.delete(listener);
}

/** Notes how far a run has come: what is shown of it is brought up to date. */
export function noteRevision(
  project: string,
  { run_id: run, revision, logged_revision: logged = revision }: Pick<Run, "run_id" | "revision" | "logged_revision">,
): void {
  seriesStore.noteRevision(project, run, revision, logged);
  recordStore.noteRevision(project, run, revision, logged);
  for (const listener of revisionListeners) listener(project, run);
}

/** Asks again what could not be answered: the daemon is back. */
export function retryAll(): void {
  seriesStore.retry();
  recordStore.retry();
}

document.addEventListener("visibilitychange", () => {
  seriesStore.wake();
  recordStore.wake();
});

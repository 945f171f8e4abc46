/** What a card shows of each run, the steps logged and the record at the chosen one, and what has to be asked for it. */
import { isPending, type LoggedRecord, type RecordKind, type RecordSeries } from "../api/records";
import type { RecordQuestion, RecordStore } from "../data/records";
import type { ShownRun } from "../panel/shown_run";
import { positionOf, stepAtMost, unionOfSteps } from "./steps";

// Which runs have logged a key is not known before they are asked: so many are asked at once, until enough have it.
const RUNS_ASKED_AT_ONCE = 24;

export interface CardCell {
  run: ShownRun;
  series: RecordSeries;
  /** Ascending, at least one. */
  steps: readonly number[];
  /** The step of the record to show; null where the run has none so early. */
  wanted: number | null;
  /** The record to show, until it has come the one before. */
  shown: LoggedRecord | null;
  error: Error | null;
}

export interface CardRecords {
  cells: CardCell[];
  /** All steps of the cells, ascending. */
  steps: number[];
  /** The chosen one of them; null where there is none at all. */
  step: number | null;
  /** Whether there are more runs than cells were asked for. */
  hasMore: boolean;
  /** Whether every run has been heard. */
  isAnswered: boolean;
  /** Whether every cell shows the record it should. */
  isSettled: boolean;
  error: Error | null;
}

export interface CardQuestion {
  project: string;
  key: string;
  kind: RecordKind;
  runs: readonly ShownRun[];
  /** The most cells to show. */
  cellMax: number;
  /** Null for the latest step. */
  chosen: number | null;
}

/** The record each run showed last. */
export type Kept = ReadonlyMap<string, LoggedRecord>;

type Source = Pick<RecordStore, "steps" | "record" | "error">;

/** What is known of the card, and what has to be asked for it. */
export function lookUp(
  store: Source,
  { project, key, kind, runs, cellMax, chosen }: CardQuestion,
  kept: Kept,
): { questions: RecordQuestion[]; records: CardRecords } {
  const questions: RecordQuestion[] = [];
  const found: { run: ShownRun; series: RecordSeries; steps: readonly number[] }[] = [];
  let isAnswered = true;
  let error: Error | null = null;
  let asked = 0;
  while (asked < runs.length && isAnswered && found.length <= cellMax) {
    for (const run of runs.slice(asked, asked + RUNS_ASKED_AT_ONCE)) {
      const series = { project, run: run.id, key, kind };
      const question = { what: "steps" as const, series };
      questions.push(question);
      const steps = store.steps(series);
      const failure = store.error(question);
      if (!steps && !failure) isAnswered = false;
      error ??= failure;
      if (steps && steps.length > 0) found.push({ run, series, steps });
    }
    asked = Math.min(runs.length, asked + RUNS_ASKED_AT_ONCE);
  }
  const used = found.slice(0, cellMax);
  const steps = unionOfSteps(used.map((one) => one.steps));
  const step = steps.length > 0 ? steps[positionOf(steps, chosen)] : null;
  let isSettled = isAnswered;
  const cells = used.map((one): CardCell => {
    const place = step === null ? null : stepAtMost(one.steps, step);
    if (place === null) return { ...one, wanted: null, shown: null, error: null };
    const question = { what: "record" as const, series: one.series, step: place };
    questions.push(question);
    const record = store.record(one.series, place);
    const before = kept.get(one.run.id);
    // Who follows a running run looks at the record before until the new one has been encoded.
    const isEarly = record && isPending(record.document) && chosen === null && before && before.step < place;
    if (!record || isEarly) isSettled = false;
    return {
      ...one,
      wanted: place,
      shown: (isEarly ? before : record) ?? before ?? null,
      error: record ? null : store.error(question),
    };
  });
  return {
    questions,
    records: {
      cells,
      steps,
      step,
      hasMore: found.length > cellMax || asked < runs.length,
      isAnswered,
      isSettled,
      error,
    },
  };
}

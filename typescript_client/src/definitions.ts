/** Owns the records of `defineMetric` and `alert`, and what their arguments can be. */

import type { RecordInit } from "./columns.js";
import { UsageError, sentenceOf } from "./errors.js";
import { AlertLevel, Goal, SummaryKind } from "./generated/trackd/v1/records_pb.js";
import { show } from "./settings.js";
import { TEXT_BYTES_MAX, checkKey } from "./values.js";

/** What `Run.defineMetric` takes beside the name. */
export interface MetricOptions {
  /** The metric that is the x axis. */
  readonly stepMetric?: string | undefined;
  /** Whether the last value of `stepMetric` joins rows that lack it. Default: when `stepMetric` is given. */
  readonly stepSync?: boolean | undefined;
  /** Whether its chart is left out by default. */
  readonly hidden?: boolean | undefined;
  /** What the summary keeps: some of min, max, mean, best, first, last, copy and none, separated by commas. */
  readonly summary?: string | undefined;
  /** Which direction is better, for `best`. */
  readonly goal?: "minimize" | "maximize" | undefined;
  /** Whether earlier definitions of the name are forgotten; otherwise they are merged. */
  readonly overwrite?: boolean | undefined;
}

/** What `Run.alert` takes beside the title. */
export interface AlertOptions {
  /** More words. */
  readonly text?: string | undefined;
  /** "INFO", "WARN" or "ERROR", in any case. Default: "INFO". */
  readonly level?: string | undefined;
  /** The least time between two alerts of one title, in seconds; others are left out. Default: 0. */
  readonly waitSeconds?: number | undefined;
}

const SUMMARY_KINDS: Readonly<Record<string, SummaryKind>> = {
  min: SummaryKind.MIN,
  max: SummaryKind.MAX,
  mean: SummaryKind.MEAN,
  best: SummaryKind.BEST,
  first: SummaryKind.FIRST,
  last: SummaryKind.LAST,
  copy: SummaryKind.COPY,
  none: SummaryKind.NONE,
};
const GOALS: Readonly<Record<string, Goal>> = { minimize: Goal.MINIMIZE, maximize: Goal.MAXIMIZE };
const LEVELS: Readonly<Record<string, AlertLevel>> = {
  INFO: AlertLevel.INFO,
  WARN: AlertLevel.WARN,
  ERROR: AlertLevel.ERROR,
};

/** Makes the record of a definition; throws UsageError when an argument cannot be. */
export function definitionRecord(name: string, options: MetricOptions): NonNullable<RecordInit["kind"]> {
  checkMetric("name", name);
  if (name.slice(0, -1).includes("*")) {
    throw new UsageError(`defineMetric: name is ${show(name)}; a glob can only end in *, like "train/*"`);
  }
  const { stepMetric, stepSync, hidden, summary = "", goal, overwrite = false } = options;
  if (stepMetric !== undefined) checkMetric("stepMetric", stepMetric);
  for (const [option, given] of Object.entries({ stepSync, hidden, overwrite })) {
    if (given !== undefined && typeof given !== "boolean") {
      throw new UsageError(`defineMetric: ${option} is ${show(given)}; it must be true or false`);
    }
  }
  if (typeof summary !== "string") {
    throw new UsageError(`defineMetric: summary is ${show(summary)}; it must be a text such as "min,max"`);
  }
  const summaryKinds = summary
    .split(",")
    .flatMap((kind) => kind.trim().toLowerCase() || [])
    .map((kind) => lookUp("defineMetric: summary", kind, SUMMARY_KINDS));
  return {
    case: "metricDefinition",
    value: {
      name,
      stepMetric: stepMetric ?? "",
      ...(stepSync === undefined ? {} : { stepSync }),
      ...(hidden === undefined ? {} : { hidden }),
      summaryKinds,
      goal: goal === undefined ? Goal.UNSPECIFIED : lookUp("defineMetric: goal", goal, GOALS),
      overwrite,
    },
  };
}

/** Makes the record of an alert; throws UsageError when an argument cannot be. */
export function alertRecord(title: string, options: AlertOptions): NonNullable<RecordInit["kind"]> {
  const { text = "", level = "INFO", waitSeconds = 0 } = options;
  for (const [option, given] of Object.entries({ title, text })) {
    if (typeof given !== "string" || given.length > TEXT_BYTES_MAX / 3) {
      throw new UsageError(`alert: ${option} is ${show(given)}; it must be a text of at most ${TEXT_BYTES_MAX} bytes`);
    }
  }
  if (typeof waitSeconds !== "number" || !(waitSeconds >= 0)) {
    throw new UsageError(`alert: waitSeconds is ${show(waitSeconds)}; it must be a number of seconds from 0`);
  }
  const chosen = lookUp("alert: level", typeof level === "string" ? level.toUpperCase() : level, LEVELS);
  return {
    case: "alert",
    value: { title: title.toWellFormed(), text: text.toWellFormed(), level: chosen, waitSeconds },
  };
}

function checkMetric(option: string, name: unknown): void {
  if (typeof name !== "string") throw new UsageError(`defineMetric: ${option} is ${show(name)}; it must be a text`);
  try {
    checkKey(name);
  } catch (thrown) {
    throw new UsageError(`defineMetric: ${option}: ${sentenceOf(thrown)}`);
  }
}

function lookUp<T>(what: string, name: unknown, table: Readonly<Record<string, T>>): T {
  const found = typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
  if (found !== undefined) return found;
  throw new UsageError(`${what} is ${show(name)}; it can be ${Object.keys(table).join(", ")}`);
}

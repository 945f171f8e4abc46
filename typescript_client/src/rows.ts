/** Owns what one call of `log` becomes: a row of a group of alike ones, or a record of its own. */

import { toNanos } from "./columns.js";
import { UsageError, ValueError } from "./errors.js";
import type { Outbox } from "./outbox.js";
import { Draft, type TypedRecord, encodeRecords, messageBytes, recordsOf } from "./records/index.js";
import { show } from "./settings.js";
import { type ValueKind, checkKey, entriesOf, flatten, sizeOf, toValue } from "./values.js";

/** What `Run.log` takes beside the values. */
export interface RowOptions {
  /** The step of the row, 0 to 2^63-1. Without it the row takes the next step by itself. */
  readonly step?: number | bigint | undefined;
  /** Whether the step is done with this call. Default: when no `step` is given. */
  readonly commit?: boolean | undefined;
}

type Records = TypedRecord | readonly TypedRecord[];

const STEP_MAX = 2n ** 63n - 1n;
const RESERVED_KEYS: ReadonlySet<string> = new Set(["_step", "_timestamp", "_runtime"]); // the daemon's own axes
const ROW_BYTES_MAX = 1.5 * 1024 * 1024; // of one record without its data: a message can have 4 MiB

let clockOffset = Date.now() - performance.now();

/** Returns the time in microseconds since 1970. */
export function nowMicros(): number {
  // The wall clock has milliseconds only; the other one has more, and does not follow when the wall clock is set.
  const wall = Date.now();
  const fine = performance.now() + clockOffset;
  if (Math.abs(wall - fine) < 2) return fine * 1000;
  clockOffset = wall - performance.now();
  return wall * 1000;
}

/** Returns a step as an integer, a negative one too; throws UsageError when it is none. */
export function checkStep(step: unknown): bigint {
  const isInteger = typeof step === "bigint" || Number.isSafeInteger(step);
  const number = isInteger ? BigInt(step as number | bigint) : STEP_MAX + 1n;
  if (number <= STEP_MAX) return number;
  throw new UsageError(`log: step is ${show(step)}; it must be an integer of 0 to 2^63-1`);
}

/**
 * Adds a row to an outbox, or only checks it where there is none.
 *
 * @throws ValueError when a key or a value cannot be; the rest of the row is kept.
 */
export function addRow(
  outbox: Outbox | undefined,
  data: unknown,
  step: bigint | undefined,
  commit: boolean | undefined,
  timeMicros: number,
): void {
  const values = new Map<string, ValueKind>();
  const records = new Map<string, Records>();
  const problems: Error[] = [];
  let time = timeMicros;
  flatten(entriesOf("log", data), problems, (key, value) => {
    if (RESERVED_KEYS.has(key)) {
      if (key === "_timestamp" && typeof value === "number" && Math.abs(value) < 9e9) time = value * 1e6;
      return;
    }
    try {
      checkKey(key);
      const found = recordsOf(key, value);
      if (found === undefined) values.set(key, toValue(key, value));
      else records.set(key, found);
    } catch (thrown) {
      if (!(thrown instanceof ValueError)) throw thrown;
      problems.push(thrown);
    }
  });
  const isEmpty = values.size + records.size === 0;
  if (outbox !== undefined && !(isEmpty && problems.length > 0)) {
    const isPlain = commit === undefined && records.size === 0;
    if (!isPlain || !outbox.addScalars(values, step, time)) addRecords(outbox, values, records, step, commit, time);
  }
  if (problems.length > 0) throw problems[0]!;
}

/** A row, or a part of one that no message could hold. */
interface Part {
  readonly entries: { key: string; value: { kind: ValueKind } }[];
  readonly draft: Draft;
  bytes: number;
}

function addRecords(
  outbox: Outbox,
  values: ReadonlyMap<string, ValueKind>,
  records: ReadonlyMap<string, Records>,
  step: bigint | undefined,
  commit: boolean | undefined,
  timeMicros: number,
): void {
  const parts: Part[] = [];
  const partFor = (key: string, size: number): Part => {
    const bytes = Buffer.byteLength(key) + size + 16;
    let part = parts.at(-1);
    if (part === undefined || (part.entries.length > 0 && part.bytes + bytes > ROW_BYTES_MAX)) {
      part = { entries: [], draft: new Draft(), bytes: 16 };
      parts.push(part);
    }
    part.bytes += bytes;
    return part;
  };
  for (const [key, kind] of values) partFor(key, sizeOf(kind)).entries.push({ key, value: { kind } });
  for (const [key, found] of records) {
    const part = partFor(key, messageBytes(found));
    part.entries.push({ key, value: { kind: encodeRecords(found, part.draft) } });
  }
  if (parts.length === 0) parts.push({ entries: [], draft: new Draft(), bytes: 16 });
  for (const part of parts) {
    // Only the last part moves the step as the caller said.
    const partCommit = part === parts.at(-1) ? commit : step === undefined ? false : undefined;
    const row = {
      values: part.entries,
      ...(step === undefined ? {} : { step }),
      ...(partCommit === undefined ? {} : { commit: partCommit }),
    };
    outbox.add({ timeUnixNanos: toNanos(timeMicros), kind: { case: "row", value: row } }, part.bytes, part.draft);
  }
}

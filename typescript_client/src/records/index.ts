/** Owns the list of typed records, and what a value that is one, or a list of them, becomes. */

import { ValueError } from "../errors.js";
import { show } from "../settings.js";
import type { ValueKind } from "../values.js";
import { type Draft, TypedRecord } from "./draft.js";

export { Draft, type LargeObject, type NumericArray, TypedRecord } from "./draft.js";
export { Histogram, type HistogramOptions } from "./histogram.js";
export { Image, type ImageOptions, type Pixels } from "./image.js";
export { Object3D, type Object3DOptions } from "./object_3d.js";
export { Table } from "./table.js";

const LIST_RECORDS_MAX = 100_000;
const LIST_BYTES_MAX = 2 * 1024 * 1024; // of the message, which can have 4 MiB

/** Returns the typed records that a value is: one, a list of one kind, or undefined when it is none. */
export function recordsOf(key: string, value: unknown): TypedRecord | readonly TypedRecord[] | undefined {
  if (value instanceof TypedRecord) return value;
  if (!Array.isArray(value) || !value.some((each) => each instanceof TypedRecord)) return undefined;
  const list = value as readonly unknown[];
  const kinds = new Set(list.map((each) => (each instanceof TypedRecord ? each.kind : show(each))));
  if (kinds.size > 1) {
    throw new ValueError(
      `value of ${show(key)} is a list of several kinds, ${[...kinds].slice(0, 4).join(", ")}: log each kind under a key of its own`,
    );
  }
  const records = list as readonly TypedRecord[];
  if (records.length > LIST_RECORDS_MAX || messageBytes(records) > LIST_BYTES_MAX) {
    throw new ValueError(
      `value of ${show(key)} is a list of ${records.length} records of ${messageBytes(records)} bytes; the limit is ${LIST_RECORDS_MAX} records and ${LIST_BYTES_MAX} bytes: log fewer at a time`,
    );
  }
  return records;
}

/** Returns how many bytes the message of typed records takes, without their payloads, about. */
export function messageBytes(records: TypedRecord | readonly TypedRecord[]): number {
  if (records instanceof TypedRecord) return records.messageBytes;
  return records.reduce((sum, each) => sum + each.messageBytes, 0);
}

/** Encodes typed records; their bytes go into the draft. */
export function encodeRecords(records: TypedRecord | readonly TypedRecord[], draft: Draft): ValueKind {
  if (records instanceof TypedRecord) return { case: "recordValue", value: { kind: records.encode(draft) } };
  const list = records.map((each) => ({ kind: each.encode(draft) }));
  return { case: "recordValue", value: { kind: { case: "list", value: { records: list } } } };
}

/**
 * Owns what a logged value is: the flattening of nested objects, and the turning of any value of the language into one of
 * the contract.
 *
 * Invariants: the caller's objects are never changed; a number stays a float64 and a bigint an int64; what JSON has no
 * word for is written as Python's json writes it (NaN, Infinity, -Infinity).
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { UsageError, ValueError, sentenceOf } from "./errors.js";
import type { ValueSchema } from "./generated/trackd/v1/values_pb.js";
import { show, typeName } from "./settings.js";

/** A value of the contract, without a typed record. */
export type ValueKind = Exclude<NonNullable<MessageInitShape<typeof ValueSchema>["kind"]>, { case: undefined }>;

/** The limit of a metric's name, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 512;
/** The limit of a text or JSON value, in bytes of UTF-8. */
export const TEXT_BYTES_MAX = 1024 * 1024;
const NESTING_MAX = 64; // deeper is a cycle or a mistake
const RESERVED_PREFIXES = ["_system/", "_console/"]; // of what the daemon measures and of the console
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const ADVICE = "log numbers, text, or lists and objects of them";

/** Throws ValueError when a text cannot be a metric's name. */
export function checkKey(key: string): void {
  if (!key) throw new ValueError(`metric key is empty; give it a name of 1 to ${KEY_BYTES_MAX} bytes`);
  const reserved = RESERVED_PREFIXES.find((prefix) => key.startsWith(prefix));
  if (reserved !== undefined) {
    throw new ValueError(
      `metric key is ${show(key)}; names that begin with ${RESERVED_PREFIXES.join(" or ")} are trackd's own: rename it`,
    );
  }
  if (!key.isWellFormed()) {
    throw new ValueError(`metric key ${show(key)} holds a lone surrogate, which is no text: use valid Unicode`);
  }
  if (key.length > KEY_BYTES_MAX / 3) {
    const bytes = Buffer.byteLength(key);
    if (bytes > KEY_BYTES_MAX) {
      throw new ValueError(
        `metric key is ${bytes} bytes; the limit is ${KEY_BYTES_MAX}: shorten ${show(key.slice(0, 24))}`,
      );
    }
  }
}

/** Says whether a value is a mapping whose keys become parts of a name: a plain object or a Map. */
export function isMapping(value: unknown): value is Record<string, unknown> | Map<unknown, unknown> {
  return value instanceof Map || isPlainObject(value);
}

/** Returns the entries of what a call takes as values by name; throws UsageError when it is no mapping. */
export function entriesOf(call: string, data: unknown): [unknown, unknown][] {
  if (!isMapping(data)) throw new UsageError(`${call} takes an object of values by name; got ${show(data)}`);
  return data instanceof Map ? [...data] : Object.entries(data);
}

/** Tells `leaf` every leaf of nested mappings under its dotted key; what cannot be one goes to `problems`. */
export function flatten(
  entries: Iterable<[unknown, unknown]>,
  problems: Error[],
  leaf: (key: string, value: unknown) => void,
  prefix = "",
  depth = 0,
): void {
  if (depth > NESTING_MAX) {
    problems.push(
      new ValueError(`value of ${show(prefix)} is nested deeper than ${NESTING_MAX}: is it a cycle? ${ADVICE}`),
    );
    return;
  }
  for (const [key, value] of entries) {
    if (typeof key !== "string") {
      problems.push(new ValueError(`metric key is ${show(key)}; it must be a text: give it a name`));
      continue;
    }
    const path = prefix + key;
    if (isMapping(value)) {
      flatten(value instanceof Map ? value : Object.entries(value), problems, leaf, `${path}.`, depth + 1);
    } else {
      leaf(path, value);
    }
  }
}

/**
 * Returns a value as one of the contract; throws ValueError, naming the key, when it cannot be one.
 *
 * @param integers Whether a number that is a safe integer is an int64, as in a config; in rows it is a float64.
 */
export function toValue(key: string, value: unknown, integers = false): ValueKind {
  switch (typeof value) {
    case "number":
      return integers && Number.isSafeInteger(value) && !Object.is(value, -0)
        ? { case: "intValue", value: BigInt(value) }
        : { case: "doubleValue", value };
    case "bigint":
      return { case: "intValue", value: checkInt64(key, value) };
    case "boolean":
      return { case: "boolValue", value };
    case "string":
      return { case: "stringValue", value: checkText(key, value.toWellFormed()) };
    default:
      if (value instanceof Date) return { case: "stringValue", value: dateText(key, value) };
      return { case: "jsonValue", value: checkText(key, toJson(key, value, 0)) };
  }
}

/** Returns how many bytes a value takes on the wire, about. */
export function sizeOf(value: ValueKind): number {
  return typeof value.value === "string" ? Buffer.byteLength(value.value) + 8 : 12;
}

/** Returns an integer; throws ValueError when it has more than 64 bits. */
export function checkInt64(key: string, value: bigint): bigint {
  if (value >= INT64_MIN && value <= INT64_MAX) return value;
  throw new ValueError(
    `value of ${show(key)} is an integer beyond 64 bits; it can be -2^63 to 2^63-1: log it as a number or as text`,
  );
}

function checkText(key: string, text: string): string {
  if (text.length <= TEXT_BYTES_MAX / 3) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= TEXT_BYTES_MAX) return text;
  throw new ValueError(
    `value of ${show(key)} is ${bytes} bytes as text; the limit is ${TEXT_BYTES_MAX}: log a part of it, or a statistic`,
  );
}

function dateText(key: string, date: Date): string {
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new ValueError(`value of ${show(key)} is an invalid Date, which is no moment: log a valid one, or text`);
}

function toJson(key: string, value: unknown, depth: number): string {
  switch (typeof value) {
    case "number":
      return jsonNumber(value);
    case "bigint":
      return String(checkInt64(key, value));
    case "boolean":
      return String(value);
    case "string":
      return JSON.stringify(value.toWellFormed());
    case "object":
      break;
    default:
      throw new ValueError(`value of ${show(key)} is ${show(value)}, which cannot be logged: ${ADVICE}`);
  }
  if (value === null) return "null";
  if (depth > NESTING_MAX) {
    throw new ValueError(`value of ${show(key)} is nested deeper than ${NESTING_MAX}: is it a cycle? ${ADVICE}`);
  }
  const inner = (each: unknown): string => toJson(key, each, depth + 1);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as unknown as { readonly length: number } & Iterable<number | bigint>;
    if (list.length > TEXT_BYTES_MAX / 2) {
      throw new ValueError(
        `value of ${show(key)} is an array of ${list.length} elements; as plain values at most ${TEXT_BYTES_MAX / 2} can be logged: log a part of it, or a statistic`,
      );
    }
    return `[${Array.from(list, inner).join(",")}]`;
  }
  // Not `map` alone: it leaves out the holes of a sparse list.
  if (Array.isArray(value)) return `[${Array.from(value, inner).join(",")}]`;
  if (value instanceof Set) return `[${Array.from(value, inner).join(",")}]`;
  if (value instanceof Date) return JSON.stringify(dateText(key, value));
  if (isMapping(value)) {
    const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
    return `{${entries.map(([name, each]) => `${JSON.stringify(String(name).toWellFormed())}:${inner(each)}`).join(",")}}`;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return inner(ownJson(key, value as Jsonable));
  throw new ValueError(`value of ${show(key)} is a ${typeName(value)}, which cannot be logged: ${ADVICE}`);
}

interface Jsonable {
  toJSON(): unknown;
}

function ownJson(key: string, value: Jsonable): unknown {
  try {
    return value.toJSON();
  } catch (thrown) {
    throw new ValueError(
      `value of ${show(key)} is a ${typeName(value)}, whose toJSON failed: ${sentenceOf(thrown)}: ${ADVICE}`,
    );
  }
}

function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  // Readers in other languages take digits alone for an integer.
  return Number.isInteger(value) && !Number.isSafeInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value) as object | null;
  // An object of another realm (vm, a test runner) has another Object.prototype, which has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

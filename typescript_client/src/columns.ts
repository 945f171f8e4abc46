/**
 * Owns rows of plain scalars that are alike: the same keys in the same order, the same types, the same options. They
 * gather as columns and become one record, which is ten times cheaper for the daemon than a record a row.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ColumnSchema, RecordSchema } from "./generated/trackd/v1/records_pb.js";
import { littleEndian } from "./records/draft.js";
import { TEXT_BYTES_MAX, type ValueKind } from "./values.js";

/** A record as the contract has it. */
export type RecordInit = MessageInitShape<typeof RecordSchema>;
type ColumnInit = MessageInitShape<typeof ColumnSchema>;
type Scalar = number | bigint | boolean | string;

const GROUP_BYTES_MAX = 512 * 1024; // of one record, so that a batch holds a few
const FIRST_LENGTH = 16;

/** Rows that are alike. */
export class Columns {
  readonly #keys: readonly string[];
  readonly #columns: readonly Column[];
  readonly #scratch: Scalar[];
  readonly #hasSteps: boolean;
  readonly #steps = new BigIntColumn();
  readonly #times = new NumberColumn(); // in microseconds since 1970
  /** How many rows there are. */
  rowCount = 0;
  /** How many bytes they take, about. */
  bytes = 0;

  private constructor(keys: readonly string[], columns: readonly Column[], hasSteps: boolean) {
    this.#keys = keys;
    this.#columns = columns;
    this.#scratch = new Array<Scalar>(keys.length);
    this.#hasSteps = hasSteps;
    this.bytes = keys.reduce((sum, key) => sum + Buffer.byteLength(key) + 32, 64);
  }

  /** Begins a group with a row; undefined when a value of it is no plain scalar, or there is none. */
  static begin(
    entries: ReadonlyMap<string, ValueKind>,
    step: bigint | undefined,
    timeMicros: number,
  ): Columns | undefined {
    const columns: Column[] = [];
    for (const value of entries.values()) {
      const column = newColumn(value.case);
      if (column === undefined) return undefined;
      columns.push(column);
    }
    if (columns.length === 0) return undefined;
    const made = new Columns([...entries.keys()], columns, step !== undefined);
    [...entries.values()].forEach(({ value }, index) => (made.#scratch[index] = value as Scalar));
    made.#add(step, timeMicros);
    return made;
  }

  /** Adds a row as the caller gave it, when it is alike; returns whether it was. The commonest case, and made fast. */
  addObject(data: Readonly<Record<string, unknown>>, step: bigint | undefined, timeMicros: number): boolean {
    if ((step !== undefined) !== this.#hasSteps || this.bytes > GROUP_BYTES_MAX) return false;
    let count = 0;
    for (const key in data) {
      const column = this.#columns[count];
      const value = data[key];
      if (column === undefined || this.#keys[count] !== key || !column.fits(value)) return false;
      this.#scratch[count++] = value as Scalar;
    }
    if (count !== this.#keys.length) return false;
    this.#add(step, timeMicros);
    return true;
  }

  /** Adds a row of checked values, when it is alike; returns whether it was. */
  addEntries(entries: ReadonlyMap<string, ValueKind>, step: bigint | undefined, timeMicros: number): boolean {
    if ((step !== undefined) !== this.#hasSteps || this.bytes > GROUP_BYTES_MAX) return false;
    if (entries.size !== this.#keys.length) return false;
    let count = 0;
    for (const [key, { case: type, value }] of entries) {
      const column = this.#columns[count]!;
      if (this.#keys[count] !== key || column.type !== type || !column.fits(value)) return false;
      this.#scratch[count++] = value as Scalar;
    }
    this.#add(step, timeMicros);
    return true;
  }

  /** Makes the record: a Row of a single one, RowColumns of several. */
  toRecord(): RecordInit {
    const steps = this.#steps.toArray();
    const times = Array.from(this.#times.toArray(), toNanos);
    const timeUnixNanos = times.at(-1) ?? 0n;
    if (this.rowCount === 1) {
      const values = this.#keys.map((key, index) => ({ key, value: { kind: this.#columns[index]!.first() } }));
      const [step] = steps;
      return { timeUnixNanos, kind: { case: "row", value: step === undefined ? { values } : { step, values } } };
    }
    const columns = this.#keys.map((key, index) => ({ key, values: this.#columns[index]!.encode() }));
    return {
      timeUnixNanos,
      kind: { case: "rowColumns", value: { steps: Array.from(steps), timesUnixNanos: times, columns } },
    };
  }

  #add(step: bigint | undefined, timeMicros: number): void {
    let bytes = 8;
    for (let index = 0; index < this.#columns.length; index++) {
      bytes += this.#columns[index]!.push(this.#scratch[index] as never);
    }
    if (step !== undefined) {
      this.#steps.push(step);
      bytes += 8;
    }
    this.#times.push(timeMicros);
    this.rowCount += 1;
    this.bytes += bytes;
  }
}

/** Returns a time in microseconds as nanoseconds. */
export function toNanos(micros: number): bigint {
  return BigInt(Math.round(micros)) * 1000n;
}

interface Column {
  readonly type: ValueKind["case"];
  /** Says whether a value can be added. */
  fits(value: unknown): boolean;
  /** Adds a value; returns how many bytes it takes. */
  push(value: never): number;
  first(): ValueKind;
  encode(): NonNullable<ColumnInit["values"]>;
}

/** Makes an empty column; undefined for what is no plain scalar. */
function newColumn(type: ValueKind["case"]): Column | undefined {
  switch (type) {
    case "doubleValue":
      return new NumberColumn();
    case "intValue":
      return new BigIntColumn();
    case "boolValue":
      return new BoolColumn();
    case "stringValue":
      return new TextColumn();
    default:
      return undefined;
  }
}

class NumberColumn implements Column {
  readonly type = "doubleValue";
  #values = new Float64Array(FIRST_LENGTH);
  #length = 0;

  fits(value: unknown): boolean {
    return typeof value === "number";
  }

  push(value: number): number {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
    return 8;
  }

  first(): ValueKind {
    return { case: "doubleValue", value: this.#values[0]! };
  }

  toArray(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  encode(): NonNullable<ColumnInit["values"]> {
    return { case: "doubles", value: littleEndian(this.toArray()) };
  }
}

class BigIntColumn implements Column {
  readonly type = "intValue";
  #values = new BigInt64Array(FIRST_LENGTH);
  #length = 0;

  fits(value: unknown): boolean {
    return typeof value === "bigint" && BigInt.asIntN(64, value) === value;
  }

  push(value: bigint): number {
    if (this.#length === this.#values.length) {
      const larger = new BigInt64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
    return 8;
  }

  first(): ValueKind {
    return { case: "intValue", value: this.#values[0]! };
  }

  toArray(): BigInt64Array {
    return this.#values.subarray(0, this.#length);
  }

  encode(): NonNullable<ColumnInit["values"]> {
    return { case: "ints", value: littleEndian(this.toArray()) };
  }
}

class BoolColumn implements Column {
  readonly type = "boolValue";
  readonly #values: boolean[] = [];

  fits(value: unknown): boolean {
    return typeof value === "boolean";
  }

  push(value: boolean): number {
    return this.#values.push(value) && 1;
  }

  first(): ValueKind {
    return { case: "boolValue", value: this.#values[0]! };
  }

  encode(): NonNullable<ColumnInit["values"]> {
    return { case: "bools", value: { values: this.#values } };
  }
}

class TextColumn implements Column {
  readonly type = "stringValue";
  readonly #values: string[] = [];

  fits(value: unknown): boolean {
    // A longer one may be over the limit, and a lone surrogate is no text: those go the long way.
    return typeof value === "string" && value.length <= TEXT_BYTES_MAX / 3 && value.isWellFormed();
  }

  push(value: string): number {
    this.#values.push(value);
    return Buffer.byteLength(value) + 4;
  }

  first(): ValueKind {
    return { case: "stringValue", value: this.#values[0]! };
  }

  encode(): NonNullable<ColumnInit["values"]> {
    return { case: "strings", value: { values: this.#values } };
  }
}

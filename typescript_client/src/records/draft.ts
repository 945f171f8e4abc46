/**
 * Owns what every typed record is: something that encodes itself as a message, with its bytes gathered beside it.
 *
 * Invariants: a record owns what it was made from (bytes are copied when it is made), so that a buffer used again changes
 * nothing; none of the daemon's work is done here.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { UsageError, ValueError } from "../errors.js";
import {
  type ArraySchema,
  type Payload,
  PayloadSchema,
  type TypedRecordSchema,
} from "../generated/trackd/v1/values_pb.js";
import { show } from "../settings.js";

/** An array as the contract has it. */
export type ArrayInit = MessageInitShape<typeof ArraySchema>;
/** A typed record as the contract has it. */
export type RecordKind = Exclude<NonNullable<MessageInitShape<typeof TypedRecordSchema>["kind"]>, { case: undefined }>;

/** The typed arrays whose elements the contract has a type for. */
export type NumericArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

const ALIGNMENT_BYTES = 8; // of each payload, so that the daemon reads arrays where they lie
/** From this size on a payload travels by PutObject: a message can hold 4 MiB in all. */
export const OBJECT_BYTES_MIN = 1024 * 1024;
/** The most bytes of one payload: what is larger belongs into a file of its own. */
export const PAYLOAD_BYTES_MAX = 1024 ** 3;

const DTYPES: Readonly<Record<string, string>> = {
  Uint8Array: "|u1",
  Uint8ClampedArray: "|u1",
  Int8Array: "|i1",
  Uint16Array: "<u2",
  Int16Array: "<i2",
  Uint32Array: "<u4",
  Int32Array: "<i4",
  Float32Array: "<f4",
  Float64Array: "<f8",
  BigInt64Array: "<i8",
  BigUint64Array: "<u8",
};

/** Bytes that are sent by PutObject before the record that needs them. */
export interface LargeObject {
  readonly data: Uint8Array;
  /** The payload that refers to them; the sender sets its sha256. */
  readonly payload: Payload;
}

/** Gathers the bytes of the records that travel in one Record message. */
export class Draft {
  readonly #chunks: { readonly offset: number; readonly data: Uint8Array }[] = [];
  #size = 0;
  /** What does not fit into the message. */
  readonly objects: LargeObject[] = [];

  /** How many bytes the draft holds, the large objects too. */
  get bytes(): number {
    return this.#size + this.objects.reduce((sum, each) => sum + each.data.length, 0);
  }

  /** The bytes in the message. */
  get inlineBytes(): number {
    return this.#size;
  }

  /** Takes bytes, which must not change any more, and returns the payload that refers to them. */
  payload(data: Uint8Array, mediaType = "", fileName = ""): Payload {
    const payload = create(PayloadSchema, { mediaType, fileName });
    const offset = Math.ceil(this.#size / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (data.length >= OBJECT_BYTES_MIN || offset + data.length > OBJECT_BYTES_MIN) {
      this.objects.push({ data, payload });
      return payload;
    }
    payload.source = {
      case: "range",
      value: {
        $typeName: "trackd.v1.ByteRange",
        offset: BigInt(offset),
        sizeBytes: BigInt(data.length),
      },
    };
    if (data.length > 0) {
      this.#chunks.push({ offset, data });
      this.#size = offset + data.length;
    }
    return payload;
  }

  /** Takes an array, which must not change any more, and returns the message that refers to it. */
  array(array: NumericArray, shape: readonly number[] = [array.length]): ArrayInit {
    return { dtype: dtypeOf(array), shape: shape.map(BigInt), data: this.payload(littleEndian(array)) };
  }

  /** Takes truth values, and returns the message that refers to them. */
  bools(values: readonly boolean[]): ArrayInit {
    const data = this.payload(Uint8Array.from(values, Number));
    return { dtype: "|b1", shape: [BigInt(values.length)], data };
  }

  /** Returns the bytes in the message, end to end; undefined when there are none. */
  joined(): Uint8Array | undefined {
    if (this.#size === 0) return undefined;
    const data = new Uint8Array(this.#size);
    for (const chunk of this.#chunks) data.set(chunk.data, chunk.offset);
    return data;
  }
}

/** The base of what is logged as more than a plain value. */
export abstract class TypedRecord {
  /** The kind of metric that it is, as docs/records.md lists them. */
  abstract readonly kind: string;

  /**
   * How many bytes its message takes, without those of its payloads, about.
   * @internal
   */
  get messageBytes(): number {
    return 256;
  }

  /**
   * Encodes the record; its bytes go into the draft.
   * @internal
   */
  abstract encode(draft: Draft): RecordKind;
}

/** Returns the element type of an array as NumPy writes it. */
export function dtypeOf(array: NumericArray): string {
  const dtype = DTYPES[array.constructor.name] ?? DTYPES[array[Symbol.toStringTag]];
  if (dtype === undefined) throw new ValueError(`the array is a ${array.constructor.name}, which has no element type`);
  return dtype;
}

/** Says whether a value is a typed array of numbers. */
export function isNumericArray(value: unknown): value is NumericArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Returns an array's bytes in little-endian order; shares its memory where the machine has that order itself. */
export function littleEndian(array: NumericArray): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (IS_LITTLE_ENDIAN || array.BYTES_PER_ELEMENT === 1) return bytes;
  const swapped = Buffer.from(bytes);
  if (array.BYTES_PER_ELEMENT === 2) swapped.swap16();
  else if (array.BYTES_PER_ELEMENT === 4) swapped.swap32();
  else swapped.swap64();
  return swapped;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Returns a copy of an array; throws ValueError for one over the limit. `what` is the record: "Image". */
export function owned<T extends NumericArray>(what: string, array: T): T {
  checkSize(what, "the array", array.byteLength);
  return array.slice() as T;
}

/** Returns numbers as an array of our own: a typed array as it is, a list of numbers as float64, of bigints as int64. */
export function numbersOf(what: string, values: unknown): NumericArray {
  if (isNumericArray(values)) {
    dtypeOf(values);
    return owned(what, values);
  }
  if (!Array.isArray(values)) {
    throw new ValueError(`${what}: the values are ${show(values)}; they are a typed array or a list of numbers`);
  }
  const list = values as readonly unknown[];
  if (list.length > 0 && list.every((each) => typeof each === "bigint")) return BigInt64Array.from(list);
  const wrong = list.findIndex((each) => typeof each !== "number");
  if (wrong >= 0) {
    throw new ValueError(`${what}: value ${wrong} is ${show(list[wrong])}; all must be numbers, or all bigints`);
  }
  return Float64Array.from(list as readonly number[]);
}

/** The content of a file that a record is made of. */
export interface Content {
  readonly data: Uint8Array;
  /** What the person's file was called, without folders; empty for none. */
  readonly name: string;
  /** The ending of the name in lower case, without the dot. */
  readonly ending: string;
}

/** Reads what was given as a path or as bytes; throws UsageError or ValueError when it cannot be. */
export function readContent(what: string, source: string | Uint8Array): Content {
  const isPath = typeof source === "string";
  const name = isPath ? path.basename(source) : "";
  let data: Uint8Array;
  if (isPath) {
    const status = fs.statSync(source, { throwIfNoEntry: false });
    if (status === undefined) throw new ValueError(`${what}: there is no file ${show(source)}; give a file's path`);
    if (!status.isFile()) throw new ValueError(`${what}: ${show(source)} is no file; give a file's path`);
    checkSize(what, show(source), status.size);
    try {
      data = fs.readFileSync(source);
    } catch (thrown) {
      throw new ValueError(`${what}: ${show(source)} cannot be read: ${(thrown as Error).message}`);
    }
  } else {
    data = owned(what, source);
  }
  const seen = isPath ? show(source) : "the content";
  if (data.length === 0) throw new ValueError(`${what}: ${seen} is empty (0 bytes); give one that holds something`);
  return { data, name, ending: path.extname(name).toLowerCase().slice(1) };
}

function checkSize(what: string, seen: string, bytes: number): void {
  if (bytes > PAYLOAD_BYTES_MAX) {
    throw new ValueError(`${what}: ${seen} has ${bytes} bytes; the limit is ${PAYLOAD_BYTES_MAX}: log a smaller one`);
  }
}

/** Returns a caption; throws UsageError when it is no text. */
export function checkCaption(what: string, caption: unknown): string {
  if (caption === undefined) return "";
  if (typeof caption === "string") return caption.toWellFormed();
  throw new UsageError(`${what}: caption is ${show(caption)}; it must be a text`);
}

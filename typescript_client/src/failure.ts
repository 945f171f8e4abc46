/** Owns what a failed call means: the table "Errors" of docs/protocol.md, as one function. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What to do about a failed call: make it again; again after reading the endpoint anew, which every try does; send again
 * from another sequence; open the run again; again once; or not at all.
 */
export type Remedy = "again" | "resume" | "reopen" | "once" | "never";

/** A failed call. */
export interface Failure {
  readonly remedy: Remedy;
  /** Why, as one sentence. */
  readonly sentence: string;
  /** Of the remedy "resume": the sequence that is on the daemon's disk. */
  readonly acknowledgedSequence: bigint;
  /** Whether nobody listens at the address. */
  readonly isAbsent: boolean;
}

const ABSENT: readonly string[] = ["ECONNREFUSED", "ENOENT"];
const ERROR_INFO = "google.rpc.ErrorInfo";

/** Returns what a failed call means. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const info = errorInfo(error);
  // Without a status of the daemon's the connection has failed, whatever code the library gives that.
  const isTransport = !error.metadata.has("grpc-status");
  const remedy = isTransport ? "again" : remedyOf(error.code, info.reason);
  return {
    remedy,
    sentence: error.rawMessage || Code[error.code],
    acknowledgedSequence: remedy === "resume" ? BigInt(info.metadata.get("acknowledged_sequence") ?? "0") : 0n,
    isAbsent: isTransport && hasCode(thrown, ABSENT),
  };
}

function remedyOf(code: Code, reason: string): Remedy {
  switch (code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Aborted:
    case Code.Canceled:
    case Code.Unauthenticated: // the endpoint is read anew before each try
      return "again";
    case Code.OutOfRange:
      return reason === "SEQUENCE_GAP" ? "resume" : "never";
    case Code.FailedPrecondition:
      return reason === "WRITER_NOT_FOUND" ? "reopen" : "never";
    case Code.InvalidArgument:
    case Code.ResourceExhausted:
    case Code.NotFound:
      return "never";
    default: // INTERNAL, UNIMPLEMENTED, and what the contract does not name
      return "once";
  }
}

/** Says whether an error, or one of its causes, has one of the system's codes. */
function hasCode(thrown: unknown, codes: readonly string[]): boolean {
  for (let error: unknown = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    if ("code" in error && codes.includes(String(error.code))) return true;
  }
  return false;
}

interface ErrorInfo {
  readonly reason: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Returns the google.rpc.ErrorInfo among the details of an error; empty when there is none. */
function errorInfo(error: ConnectError): ErrorInfo {
  for (const detail of error.details) {
    if ("type" in detail && detail.type === ERROR_INFO) return decodeErrorInfo(detail.value);
  }
  return { reason: "", metadata: new Map() };
}

/** Decodes `message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`. */
function decodeErrorInfo(bytes: Uint8Array): ErrorInfo {
  let reason = "";
  const metadata = new Map<string, string>();
  eachField(bytes, (field, reader) => {
    if (field === 1) reason = reader.string();
    else if (field === 3) {
      const pair = ["", "", ""];
      eachField(reader.bytes(), (part, inner) => {
        if (part !== 1 && part !== 2) return false;
        pair[part] = inner.string();
        return true;
      });
      metadata.set(pair[1]!, pair[2]!);
    } else return false;
    return true;
  });
  return { reason, metadata };
}

function eachField(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type]: [number, WireType] = reader.tag();
    if (type !== WireType.LengthDelimited || !read(field, reader)) reader.skip(type, field);
  }
}

/**
 * Owns what was said and is not on the daemon's disk yet: a queue in bounded memory, cut into batches.
 *
 * Invariants: order is kept across all records; what does not fit is dropped and counted, and the loss is told when it begins
 * and when it ends; records get their sequences only when they are sent, so that dropping makes no gap. No I/O and no clock.
 */

import { create } from "@bufbuild/protobuf";
import { Columns, type RecordInit } from "./columns.js";
import { type Record as RecordMessage, RecordSchema } from "./generated/trackd/v1/records_pb.js";
import type { ConsoleStream } from "./generated/trackd/v1/records_pb.js";
import type { Draft, LargeObject } from "./records/index.js";
import type { ValueKind } from "./values.js";

/** A record that is ready to be sent. */
export interface Sendable {
  readonly record: RecordMessage;
  /** How many calls of the program it stands for. */
  readonly callCount: number;
  readonly bytes: number;
  /** What must be sent before it. */
  readonly objects: readonly LargeObject[];
}

/** Lines of the console that follow each other. */
interface Lines {
  readonly stream: ConsoleStream;
  readonly firstLine: number;
  readonly lines: string[];
  callCount: number;
  bytes: number;
  readonly timeUnixNanos: bigint;
}

interface Single {
  readonly init: RecordInit;
  readonly bytes: number;
  readonly draft: Draft | undefined;
}

type Item = { columns: Columns } | { lines: Lines } | { single: Single };

/** A batch is about so large; the limit of a message is 4 MiB. */
const BATCH_BYTES = 1024 * 1024;
const LINES_BYTES_MAX = 256 * 1024; // of one record
/** What an item costs beside its values: objects of the language. */
const ITEM_BYTES = 96;

/** What was said and is not sent yet. */
export class Outbox {
  readonly #bytesMax: number;
  readonly #onWarning: (sentence: string) => void;
  readonly #onItem: () => void;
  #items: Item[] = [];
  #first = 0; // items before it are taken
  #open: Columns | undefined; // the columns of the last item, which an alike row joins
  #openLines: Lines | undefined; // the same for lines
  #pendingBytes = 0;
  #sentBytes = 0; // of batches that are not acknowledged
  #isClosed = false;
  #lossBegin: number | undefined; // the count when the loss began
  /** How many calls were kept, since the beginning. */
  keptCount = 0;
  /** How many of them are done with: durable, or refused by the daemon. */
  settledCount = 0;
  /** How many calls were dropped for want of memory. */
  droppedCount = 0;

  /** Makes an empty one; `onItem` hears of each item that is not the first to wait, too. */
  constructor(bytesMax: number, onWarning: (sentence: string) => void, onItem: () => void) {
    this.#bytesMax = bytesMax;
    this.#onWarning = onWarning;
    this.#onItem = onItem;
  }

  /** How many bytes wait to be sent. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether nothing waits to be sent. */
  get isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  /** Whether a batch is full. */
  get isBatchFull(): boolean {
    return this.#pendingBytes >= BATCH_BYTES;
  }

  /** Adds a row that is like the one before it; returns whether it is. `step` is undefined where the row has none. */
  addAlike(data: Readonly<Record<string, unknown>>, step: bigint | undefined, timeMicros: number): boolean {
    const open = this.#open;
    if (open === undefined || this.#lossBegin !== undefined || this.#isFull(0)) return false;
    const before = open.bytes;
    if (!open.addObject(data, step, timeMicros)) return false;
    this.#pendingBytes += open.bytes - before;
    this.keptCount += 1;
    return true;
  }

  /** Adds a row of plain scalars and JSON; returns whether it could go as columns. Without commit only. */
  addScalars(entries: ReadonlyMap<string, ValueKind>, step: bigint | undefined, timeMicros: number): boolean {
    const open = this.#lossBegin === undefined && !this.#isFull(0) ? this.#open : undefined;
    const before = open?.bytes ?? 0;
    if (open?.addEntries(entries, step, timeMicros) === true) {
      this.#pendingBytes += open.bytes - before;
      this.keptCount += 1;
      return true;
    }
    const columns = Columns.begin(entries, step, timeMicros);
    if (columns === undefined) return false;
    if (this.#admit(columns.bytes)) {
      this.#push({ columns }, columns.bytes);
      this.#open = columns;
    }
    return true;
  }

  /** Adds lines of the console, from a number on. */
  addLines(stream: ConsoleStream, firstLine: number, lines: readonly string[], timeUnixNanos: bigint): void {
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 4, 0);
    if (!this.#admit(bytes)) return;
    const open = this.#openLines;
    if (
      open !== undefined &&
      open.stream === stream &&
      open.firstLine + open.lines.length === firstLine &&
      open.bytes + bytes <= LINES_BYTES_MAX
    ) {
      open.lines.push(...lines);
      open.bytes += bytes;
      open.callCount += 1;
      this.#pendingBytes += bytes;
      this.keptCount += 1;
      return;
    }
    const added: Lines = { stream, firstLine, lines: [...lines], callCount: 1, bytes, timeUnixNanos };
    this.#push({ lines: added }, bytes + ITEM_BYTES);
    this.#openLines = added;
  }

  /** Adds a record as it is; `bytes` is what its message takes without the draft, about. */
  add(init: RecordInit, bytes: number, draft?: Draft): void {
    const all = bytes + (draft?.bytes ?? 0) + ITEM_BYTES;
    if (this.#admit(all)) this.#push({ single: { init, bytes: all, draft } }, all);
  }

  /** Takes the next batch out, of about 1 MiB; empty when nothing waits. It counts as memory until it is settled. */
  cut(): Sendable[] {
    this.#open = undefined;
    this.#openLines = undefined;
    const batch: Sendable[] = [];
    let messageBytes = 0;
    while (this.#first < this.#items.length) {
      const item = this.#items[this.#first]!;
      const size = "single" in item ? item.single.bytes - objectBytes(item.single) : sizeOf(item);
      if (batch.length > 0 && messageBytes + size > BATCH_BYTES) break;
      messageBytes += size;
      batch.push(toSendable(item));
      this.#first += 1;
    }
    if (this.#first === this.#items.length || this.#first > 1024) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    const bytes = batch.reduce((sum, each) => sum + each.bytes, 0);
    this.#pendingBytes -= bytes;
    this.#sentBytes += bytes;
    return batch;
  }

  /** Says that a record of a batch is done with: durable, or refused. */
  settle(sendable: Sendable): void {
    this.#sentBytes -= sendable.bytes;
    this.settledCount += sendable.callCount;
  }

  /** Drops all that waits and all that comes, and counts it; what is in a batch is not touched. */
  close(): void {
    this.#isClosed = true;
    for (const each of this.#items.slice(this.#first)) {
      const count = callCountOf(each);
      this.droppedCount += count;
      this.settledCount += count;
    }
    this.#items = [];
    this.#first = 0;
    this.#pendingBytes = 0;
    this.#open = undefined;
    this.#openLines = undefined;
  }

  #isFull(bytes: number): boolean {
    return this.#pendingBytes + this.#sentBytes + bytes > this.#bytesMax;
  }

  /** Says whether there is room; counts and tells what is lost when there is none. */
  #admit(bytes: number): boolean {
    if (this.#isClosed) {
      this.droppedCount += 1;
      return false;
    }
    if (this.#isFull(bytes)) {
      this.droppedCount += 1;
      if (this.#lossBegin === undefined) {
        this.#lossBegin = this.droppedCount - 1;
        this.#onWarning(
          `${this.#pendingBytes + this.#sentBytes} bytes wait for the daemon and the limit is ${this.#bytesMax}: what is logged now is dropped; raise bufferBytesMax, or log less`,
        );
      }
      return false;
    }
    if (this.#lossBegin !== undefined) {
      const count = this.droppedCount - this.#lossBegin;
      this.#lossBegin = undefined;
      this.#onWarning(`${count} records were dropped, because too much waited for the daemon; it is logged again`);
    }
    return true;
  }

  #push(item: Item, bytes: number): void {
    this.#open = undefined;
    this.#openLines = undefined;
    this.#items.push(item);
    this.#pendingBytes += bytes;
    this.keptCount += 1;
    this.#onItem();
  }
}

function sizeOf(item: Item): number {
  if ("columns" in item) return item.columns.bytes;
  return "lines" in item ? item.lines.bytes + ITEM_BYTES : item.single.bytes;
}

function objectBytes(single: Single): number {
  return single.draft === undefined ? 0 : single.draft.bytes - single.draft.inlineBytes;
}

function callCountOf(item: Item): number {
  if ("columns" in item) return item.columns.rowCount;
  return "lines" in item ? item.lines.callCount : 1;
}

function toSendable(item: Item): Sendable {
  const draft = "single" in item ? item.single.draft : undefined;
  const record = create(RecordSchema, toInit(item));
  const data = draft?.joined();
  if (data !== undefined) record.data = { case: "dataInline", value: data };
  return { record, callCount: callCountOf(item), bytes: sizeOf(item), objects: draft?.objects ?? [] };
}

function toInit(item: Item): RecordInit {
  if ("columns" in item) return item.columns.toRecord();
  if ("single" in item) return item.single.init;
  const { stream, firstLine, lines, timeUnixNanos } = item.lines;
  return { timeUnixNanos, kind: { case: "consoleLines", value: { stream, firstLine: BigInt(firstLine), lines } } };
}

/**
 * Owns the one background task of a run: it finds the daemon, opens the run, sends batches one at a time, and ends the run.
 *
 * Invariants: what a failure means is decided in `failure` alone; a record keeps its sequence from the first try to send it
 * until it is acknowledged or refused; nothing here holds the process but a `flush` or `finish` that is waited for.
 */

import { create } from "@bufbuild/protobuf";
import { Bell, monotonicSeconds, setTimer } from "./bell.js";
import { Connection } from "./connection.js";
import { type Endpoint, Presence, Starter, readEndpoint } from "./endpoint.js";
import { RefusedError, TimeoutError, sentenceOf } from "./errors.js";
import { type Failure, failureOf } from "./failure.js";
import { AppendRequestSchema } from "./generated/trackd/v1/ingest_service_pb.js";
import { CreateRunRequestSchema, FinishRunRequestSchema } from "./generated/trackd/v1/run_service_pb.js";
import type { WriterBegin } from "./generated/trackd/v1/records_pb.js";
import type { Outbox, Sendable } from "./outbox.js";
import type { LargeObject } from "./records/index.js";
import type { Settings } from "./settings.js";

const PROTOCOL_VERSION = 1;
const LINGER_SECONDS = 0.02; // after the first of some rows, so that more gather
const RETRY_SECONDS_MIN = 0.1;
const RETRY_SECONDS_MAX = 30;
const RETRY_SECONDS_WAITED_FOR = 1; // while flush or finish waits
const WARN_SECONDS = 5; // without a daemon
const LIFE_SECONDS = 200; // without a word, before a sign of life: after 600 the daemon takes a writer as gone
const OBJECT_SECONDS_MAX = 1800; // the daemon may delete an object that no record refers to within an hour

/** What a sender needs. */
export interface SenderOptions {
  readonly settings: Settings;
  readonly outbox: Outbox;
  readonly begin: WriterBegin;
  /** Hears warnings. */
  readonly warn: (sentence: string) => void;
  /** Hears what is not a warning. */
  readonly tell: (sentence: string) => void;
  /** How long a call may take; shorter in tests. */
  readonly callSeconds?: number;
  /** After how long without a word a sign of life is sent; shorter in tests. */
  readonly lifeSeconds?: number;
}

interface Waiter {
  readonly target: number;
  readonly settle: (error?: Error) => void;
}

/** The daemon has refused a call for good. */
class CallRefused extends Error {}
/** Nobody waits for the run's end any more. */
class Abandoned extends Error {}

/** Sends what is in an outbox. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox: Outbox;
  readonly #starter: Starter;
  readonly #presence: Presence;
  readonly #bell = new Bell();
  readonly #abort = new AbortController();
  readonly #waiters = new Set<Waiter>();
  readonly #putSeconds = new WeakMap<LargeObject, number>();
  readonly #ended: Promise<void>;
  #connection: Connection | undefined;
  #shakenHands = ""; // with whom
  #httpAddress = "";
  #isOpen = false;
  #acknowledged = 0n; // the sequence of the last record that is on the disk
  #batch: Sendable[] = [];
  #refusal: RefusedError | undefined;
  #exitCode: number | undefined; // set once the run is to end
  #hasFinished = false;
  #refusedCount = 0;
  #healthMessage = "";
  #failureCount = 0;
  #failingSince: number | undefined;
  #hasWarned = false;

  /** Begins to work in the background. */
  constructor(options: SenderOptions) {
    this.#options = options;
    this.#outbox = options.outbox;
    this.#starter = new Starter(options.settings.store, options.warn);
    this.#presence = new Presence(options.settings.store);
    // Not at once: whoever called init goes on first.
    this.#ended = Promise.resolve().then(() => this.#run());
  }

  /** The address of the web app; empty while no daemon has told it. */
  get httpAddress(): string {
    return this.#httpAddress;
  }

  /** Says that the outbox has something new. */
  nudge(): void {
    this.#bell.ring();
  }

  /** Waits until all that was said is on the disk; rejects with TimeoutError, RefusedError, or the signal's reason. */
  async flush(timeoutSeconds: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const target = this.#outbox.keptCount;
    if (this.#isOpen && this.#outbox.settledCount >= target) return;
    let waiter: Waiter | undefined;
    const done = new Promise<void>((resolve, reject) => {
      waiter = { target, settle: (error) => (error === undefined ? resolve() : reject(error)) };
      this.#waiters.add(waiter);
    });
    this.#bell.ring();
    try {
      await held(done, timeoutSeconds, signal, () => {
        const count = target - this.#outbox.settledCount;
        return new TimeoutError(
          `${count} of ${target} records of run ${this.#runId} are not on the daemon's disk after ${timeoutSeconds} seconds${this.#reason()}: they stay in memory and are sent on`,
        );
      });
    } finally {
      this.#waiters.delete(waiter!);
    }
  }

  /** Ends the run: sends the rest, says how it ended, and closes. Rejects like `flush`; afterwards nothing is left. */
  async finish(exitCode: number, timeoutSeconds: number, signal: AbortSignal | undefined): Promise<void> {
    this.#exitCode = exitCode;
    this.#bell.ring();
    try {
      await held(this.#ended, timeoutSeconds, signal, () => {
        const count = this.#outbox.keptCount - this.#outbox.settledCount;
        const what = count > 0 ? `${count} of ${this.#outbox.keptCount} records` : "the end";
        return new TimeoutError(
          `${what} of run ${this.#runId} could not be brought to the daemon's disk within ${timeoutSeconds} seconds${this.#reason()}${this.#dropped()}: raise finishTimeoutSeconds, or look after the daemon`,
        );
      });
    } finally {
      this.#abort.abort(new Abandoned());
      this.#bell.ring();
      await this.#ended;
    }
    if (this.#refusal !== undefined) {
      throw new RefusedError(`${this.#refusal.message}${this.#dropped()}`);
    }
    if (this.#outbox.droppedCount > 0) {
      this.#options.warn(`run ${this.#runId} has ended${this.#dropped()}`);
    }
    if (this.#healthMessage) this.#options.tell(this.#healthMessage);
  }

  get #runId(): string {
    return this.#options.settings.id;
  }

  get #isWaitedFor(): boolean {
    return this.#exitCode !== undefined || this.#waiters.size > 0;
  }

  /** Why there is no daemon, for a sentence. */
  #lastSentence = "";
  #reason(): string {
    return this.#failureCount > 0 && this.#lastSentence ? ` (${this.#lastSentence})` : "";
  }

  #dropped(): string {
    const { droppedCount } = this.#outbox;
    const parts = [
      ...(droppedCount > 0 ? [`${droppedCount} records were dropped`] : []),
      ...(this.#refusedCount > 0 ? [`${this.#refusedCount} were refused`] : []),
    ];
    return parts.length > 0 ? `; ${parts.join(", ")}` : "";
  }

  // -- the background task ---------------------------------------------------------------------------------------------

  async #run(): Promise<void> {
    try {
      await this.#open();
      while (await this.#hasWork()) await this.#deliver(this.#outbox.cut());
      await this.#end();
      this.#hasFinished = true;
    } catch (thrown) {
      if (!(thrown instanceof Abandoned)) this.#refuseRun(thrown);
    } finally {
      this.#close();
      this.#presence.release();
      const error = this.#refusal ?? new TimeoutError(`run ${this.#runId} was ended before all was on the disk`);
      for (const waiter of this.#waiters) waiter.settle(this.#hasFinished ? undefined : error);
      this.#waiters.clear();
    }
  }

  /** Waits until there is a batch to send, or an empty one as a sign of life; returns false when the run is to end. */
  async #hasWork(): Promise<boolean> {
    const lifeUntil = monotonicSeconds() + (this.#options.lifeSeconds ?? LIFE_SECONDS);
    while (this.#outbox.isEmpty) {
      this.#checkAbandoned();
      if (this.#exitCode !== undefined) return false;
      const left = lifeUntil - monotonicSeconds();
      if (left <= 0) return true;
      await this.#bell.wait(left);
    }
    const until = monotonicSeconds() + LINGER_SECONDS;
    for (let left = LINGER_SECONDS; left > 0; left = until - monotonicSeconds()) {
      if (this.#isWaitedFor || this.#outbox.isBatchFull || this.#abort.signal.aborted) break;
      await this.#bell.wait(left);
    }
    return true;
  }

  async #open(): Promise<void> {
    const request = create(CreateRunRequestSchema, { begin: this.#options.begin });
    try {
      await this.#attempt((connection, signal) => connection.createRun(request, signal));
    } catch (thrown) {
      if (!(thrown instanceof CallRefused)) throw thrown;
      throw new RefusedError(`run ${this.#runId} cannot be tracked: ${thrown.message}`);
    }
    if (!this.#isOpen) {
      const { project, id } = this.#options.settings;
      const where = this.#httpAddress ? `${this.#httpAddress}/p/${encodeURIComponent(project)}` : "in the browser";
      this.#options.tell(`run ${id} in project ${project}; watch it ${where}: \`trackd ui\``);
    }
    this.#isOpen = true;
    this.#wakeWaiters();
  }

  async #deliver(batch: Sendable[]): Promise<void> {
    this.#batch = batch;
    let isOneByOne = false;
    let isSignOfLife = batch.length === 0;
    while (this.#batch.length > 0 || isSignOfLife) {
      const part = isOneByOne ? this.#batch.slice(0, 1) : this.#batch;
      try {
        const acknowledged = await this.#attempt((connection, signal) => this.#append(connection, part, signal));
        if (!this.#acknowledge(acknowledged) && !isSignOfLife) await this.#pause(RETRY_SECONDS_WAITED_FOR);
        isSignOfLife = false;
      } catch (thrown) {
        if (!(thrown instanceof CallRefused)) throw thrown;
        isOneByOne = true;
        isSignOfLife = false;
        if (part.length === 1) this.#refuse(part[0]!, thrown.message);
      }
    }
  }

  /** Sends records, large objects first; returns up to which sequence they are on the disk. */
  async #append(connection: Connection, part: readonly Sendable[], signal: AbortSignal): Promise<bigint> {
    for (const object of part.flatMap((each) => each.objects)) {
      const putSeconds = this.#putSeconds.get(object);
      if (putSeconds !== undefined && monotonicSeconds() - putSeconds < OBJECT_SECONDS_MAX) continue;
      const sha256 = await connection.putObject(object.data, signal);
      object.payload.source = { case: "sha256", value: sha256 };
      this.#putSeconds.set(object, monotonicSeconds());
    }
    const { run, writerId } = this.#options.begin;
    const batch = { firstSequence: this.#acknowledged + 1n, records: part.map((each) => each.record) };
    const request = create(AppendRequestSchema, { writerId, source: { case: "batch", value: batch } });
    if (run !== undefined) request.run = run;
    try {
      const answer = await connection.append(request, signal);
      this.#healthMessage = answer.ingestHealth?.message ?? "";
      for (const alert of answer.newAlerts) {
        this.#options.tell(`alert: ${alert.title}${alert.text ? `: ${alert.text}` : ""}`);
      }
      return answer.acknowledgedSequence;
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure.remedy !== "resume") throw thrown;
      return failure.acknowledgedSequence;
    }
  }

  /** Takes off the batch what is on the disk; returns whether that moved anything. */
  #acknowledge(sequence: bigint): boolean {
    const step = sequence - this.#acknowledged;
    this.#acknowledged = sequence;
    if (step < 0n) {
      this.#options.warn(
        `the daemon of run ${this.#runId} has lost ${-step} records that it had acknowledged: the run goes on behind them`,
      );
      return true; // the batch has another sequence now
    }
    const count = step > BigInt(this.#batch.length) ? this.#batch.length : Number(step);
    for (const each of this.#batch.slice(0, count)) this.#outbox.settle(each);
    this.#batch = this.#batch.slice(count);
    this.#wakeWaiters();
    return count > 0;
  }

  #refuse(sendable: Sendable, sentence: string): void {
    this.#refusedCount += sendable.callCount;
    this.#options.warn(`the daemon refuses a record of run ${this.#runId}, which is dropped: ${sentence}`);
    this.#batch = this.#batch.slice(1);
    this.#outbox.settle(sendable);
    this.#wakeWaiters();
  }

  async #end(): Promise<void> {
    const { run, writerId } = this.#options.begin;
    const finish = { exitCode: this.#exitCode ?? 0 };
    try {
      await this.#attempt(async (connection, signal) => {
        const sequence = this.#acknowledged + 1n;
        const request = create(FinishRunRequestSchema, { writerId, sequence, finish });
        if (run !== undefined) request.run = run;
        try {
          await connection.finishRun(request, signal);
        } catch (thrown) {
          const failure = failureOf(thrown);
          if (failure.remedy === "resume") this.#acknowledged = failure.acknowledgedSequence;
          throw thrown;
        }
      });
    } catch (thrown) {
      if (!(thrown instanceof CallRefused)) throw thrown;
      throw new RefusedError(`the end of run ${this.#runId} is refused: ${thrown.message}`);
    }
  }

  /** Gives the run up: nothing more of it is sent. */
  #refuseRun(thrown: unknown): void {
    this.#refusal = thrown instanceof RefusedError ? thrown : new RefusedError(sentenceOf(thrown));
    for (const each of this.#batch) {
      this.#refusedCount += each.callCount;
      this.#outbox.settle(each);
    }
    this.#batch = [];
    this.#outbox.close();
    this.#options.warn(`${this.#refusal.message}; nothing more of it is kept`);
  }

  #wakeWaiters(): void {
    if (!this.#isOpen) return;
    for (const waiter of this.#waiters) {
      if (waiter.target > this.#outbox.settledCount) continue;
      this.#waiters.delete(waiter);
      waiter.settle();
    }
  }

  // -- calls and their failures ----------------------------------------------------------------------------------------

  /** Makes a call until it succeeds; throws CallRefused when it never will, and Abandoned when nobody waits any more. */
  async #attempt<T>(call: (connection: Connection, signal: AbortSignal) => Promise<T>): Promise<T> {
    let hasFailedOnce = false;
    for (;;) {
      this.#checkAbandoned();
      const begin = monotonicSeconds();
      try {
        const result = await call(await this.#connected(), this.#abort.signal);
        this.#succeeded();
        return result;
      } catch (thrown) {
        this.#checkAbandoned();
        if (thrown instanceof CallRefused || thrown instanceof RefusedError) throw thrown;
        const failure = thrown instanceof Absent ? thrown.failure : failureOf(thrown);
        if (failure.remedy === "never" || (failure.remedy === "once" && hasFailedOnce)) {
          throw new CallRefused(failure.sentence);
        }
        hasFailedOnce ||= failure.remedy === "once";
        await this.#failed(failure, begin);
        if (failure.remedy === "reopen") await this.#open();
      }
    }
  }

  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const { address, token, store } = this.#options.settings;
    const endpoint: Endpoint | undefined =
      address === undefined ? await readEndpoint(store) : { grpcAddress: address, token, httpAddress: "" };
    this.#checkAbandoned();
    if (address === undefined) this.#presence.hold();
    if (endpoint === undefined) throw new Absent(`no daemon has written ${store}/endpoint.json`);
    const connection = new Connection(endpoint, this.#options.callSeconds);
    this.#connection = connection;
    const peer = JSON.stringify([endpoint.grpcAddress, endpoint.token]);
    if (peer !== this.#shakenHands) {
      const daemon = await connection.getDaemon(this.#abort.signal);
      if (daemon.protocolVersion !== PROTOCOL_VERSION) {
        throw new RefusedError(
          `run ${this.#runId} cannot be tracked: the daemon ${daemon.version} at ${endpoint.grpcAddress} speaks protocol ${daemon.protocolVersion} and this client ${PROTOCOL_VERSION}: install the client of the daemon's version`,
        );
      }
      this.#httpAddress = daemon.httpAddress || endpoint.httpAddress;
      this.#shakenHands = peer;
    }
    return connection;
  }

  #succeeded(): void {
    this.#failureCount = 0;
    this.#failingSince = undefined;
    if (this.#hasWarned) this.#options.warn(`the daemon of run ${this.#runId} is back; all that waited is sent`);
    this.#hasWarned = false;
  }

  /** Takes note of a failure, and waits before the next try. */
  async #failed(failure: Failure, begin: number): Promise<void> {
    this.#close(); // the endpoint is read anew: address or token may have changed
    this.#failureCount += 1;
    this.#failingSince ??= begin;
    this.#lastSentence = failure.sentence;
    const { address, startDaemon, store } = this.#options.settings;
    if (failure.isAbsent && startDaemon && address === undefined) this.#starter.start();
    const seconds = monotonicSeconds() - this.#failingSince;
    if (seconds >= WARN_SECONDS && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#options.warn(
        `no daemon has taken anything of run ${this.#runId} for ${Math.round(seconds)} seconds (${failure.sentence}): what is logged waits in memory; look after the daemon at ${address ?? store}`,
      );
    }
    const delay = Math.min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2 ** (this.#failureCount - 1));
    await this.#pause(Math.max(RETRY_SECONDS_MIN, delay * (0.5 + Math.random() / 2)));
  }

  /** Waits so long, or at most a second while somebody waits for flush or finish. */
  async #pause(seconds: number): Promise<void> {
    const begin = monotonicSeconds();
    for (;;) {
      this.#checkAbandoned();
      const whole = this.#isWaitedFor ? Math.min(seconds, RETRY_SECONDS_WAITED_FOR) : seconds;
      const left = begin + whole - monotonicSeconds();
      if (left <= 0) return;
      await this.#bell.wait(left);
    }
  }

  #checkAbandoned(): void {
    if (this.#abort.signal.aborted) throw new Abandoned();
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/** There is no daemon to call. */
class Absent extends Error {
  readonly failure: Failure;

  constructor(sentence: string) {
    super(sentence);
    this.failure = { remedy: "again", sentence, acknowledgedSequence: 0n, isAbsent: true };
  }
}

/** Waits for a promise, holding the process meanwhile; rejects when the time is over or the signal is aborted. */
async function held(
  promise: Promise<void>,
  timeoutSeconds: number,
  signal: AbortSignal | undefined,
  timeoutError: () => Error,
): Promise<void> {
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimer(() => reject(timeoutError()), timeoutSeconds);
    onAbort = () => reject(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

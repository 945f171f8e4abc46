/**
 * Owns `init` and `Run`: what a person holds while training.
 *
 * Invariants: a call copies, checks and appends, and returns; it never waits for a disk or a network, and fails only for
 * what the caller got wrong.
 */

import { writerBegin, environment } from "./begin.js";
import { type RecordInit, toNanos } from "./columns.js";
import { ConsoleText, type Stream, captureStreams, tell } from "./console.js";
import { parseAddress } from "./endpoint.js";
import { UsageError, sentenceOf } from "./errors.js";
import { finishAtExit, forget } from "./exit.js";
import { ConsoleStream } from "./generated/trackd/v1/records_pb.js";
import { type AlertOptions, type MetricOptions, alertRecord, definitionRecord } from "./definitions.js";
import { Outbox } from "./outbox.js";
import { type RowOptions, addRow, checkStep, nowMicros } from "./rows.js";
import { Sender } from "./sender.js";
import { type InitOptions, type Settings, readSettings, show } from "./settings.js";
import { type Change, Changes } from "./changes.js";
import { isMapping } from "./values.js";

/** What {@link Run.flush} takes. */
export interface FlushOptions {
  /** How long to wait, in seconds. Default: 30. */
  readonly timeoutSeconds?: number | undefined;
  /** Ends the wait early; the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Run.finish} takes. */
export interface FinishOptions {
  /** 0 for success, which is the default; anything else marks the run failed. */
  readonly exitCode?: number | undefined;
  /** Ends the wait early: what is not sent then is lost. The promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const FLUSH_TIMEOUT_SECONDS = 30;

/**
 * Begins a run and returns at once: no call goes over the network before it returns, and the rest happens in the background.
 *
 * @throws {@link UsageError} when an option cannot be; {@link ValueError} when a value of the config cannot be.
 */
export function init(options: InitOptions = {}): Run {
  if (!isMapping(options)) throw new UsageError(`init takes an object of options; got ${show(options)}`);
  const settings = readSettings(options);
  if (settings.address !== undefined) parseAddress(settings.address);
  return new Run(settings, options.config);
}

/** A run of an experiment. Made by {@link init}. */
export class Run {
  /** The settings of the experiment: `run.config.update({ lr: 0.1 })`. A number that is a safe integer is an integer. */
  readonly config: Changes;
  /** Summary values set by hand, which `log` no longer overwrites: `run.summary.set("best", 0.9)`. */
  readonly summary: Changes;
  readonly #settings: Settings;
  readonly #outbox: Outbox | undefined; // none in a disabled run
  readonly #sender: Sender | undefined;
  readonly #console: ConsoleText;
  #endCapture: (() => void) | undefined;
  #isFinished = false;
  #finishing: Promise<void> | undefined;

  /** @internal */
  constructor(settings: Settings, config: InitOptions["config"]) {
    this.#settings = settings;
    this.config = new Changes("config", true, (change) => this.#change("configUpdate", "config", change));
    this.summary = new Changes("summary", false, (change) => this.#change("summaryUpdate", "summary", change));
    this.#console = new ConsoleText((stream, first, lines) => this.#addLines(stream, first, lines));
    const changes = config === undefined ? [] : this.config.check(config); // before anything has begun
    if (settings.mode === "disabled") return;
    const warn = (sentence: string): void => this.#warn(sentence);
    this.#outbox = new Outbox(settings.bufferBytesMax, warn, () => this.#sender?.nudge());
    const surroundings = environment(settings, toNanos(nowMicros()));
    if (surroundings !== undefined) this.#outbox.add(surroundings, 1024);
    for (const change of changes) this.#change("configUpdate", "config", change);
    this.#sender = new Sender({
      settings,
      outbox: this.#outbox,
      begin: writerBegin(settings),
      warn,
      tell: (sentence) => {
        if (!settings.quiet) tell(sentence);
      },
    });
    finishAtExit(this, (thrown) => warn(sentenceOf(thrown)));
  }

  /** The run's id, unique in its project. */
  get id(): string {
    return this.#settings.id;
  }

  /** The project's name. */
  get project(): string {
    return this.#settings.project;
  }

  /** The address of the run's page; empty while no daemon has told it. `trackd ui` opens it with the token. */
  get url(): string {
    const address = this.#sender?.httpAddress;
    if (!address) return "";
    return `${address}/p/${encodeURIComponent(this.project)}/r/${encodeURIComponent(this.id)}`;
  }

  /**
   * Logs a row of values, and returns at once. Never fails because of the daemon or the network.
   *
   * @param values Values by metric name: numbers (float64), bigints (int64), text, truth values, null, lists, Dates (as ISO
   *   text), typed arrays (as lists), and typed records such as {@link Image}, alone or as a list of one kind. Nested objects
   *   and Maps become dotted names.
   * @throws {@link ValueError} when a key or a value cannot be; the rest of the row is kept. {@link UsageError} when the run
   *   is finished, or `values` is no object.
   */
  log(values: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>, options: RowOptions = {}): void {
    this.#check("log");
    const { step: given, commit } = options;
    if (commit !== undefined && typeof commit !== "boolean") {
      throw new UsageError(`log: commit is ${show(commit)}; it must be true or false`);
    }
    const step = given === undefined ? undefined : checkStep(given);
    if (step !== undefined && step < 0n) {
      this.#warn(`step is ${step}; the smallest is 0: this row is not kept`);
      return;
    }
    const timeMicros = nowMicros();
    if (commit === undefined && isPlain(values) && this.#outbox?.addAlike(values, step, timeMicros)) return;
    addRow(this.#outbox, values, step, commit, timeMicros);
  }

  /**
   * Defines how a metric is drawn and summarised.
   *
   * @param name The metric's name, or a prefix followed by `*`.
   * @throws {@link UsageError} when an argument cannot be.
   */
  defineMetric(name: string, options: MetricOptions = {}): void {
    this.#check("defineMetric");
    this.#add(definitionRecord(name, options), 1024);
  }

  /**
   * Asks for the user's attention.
   *
   * @param title One line.
   * @throws {@link UsageError} when an argument cannot be.
   */
  alert(title: string, options: AlertOptions = {}): void {
    this.#check("alert");
    this.#add(alertRecord(title, options), Buffer.byteLength(title) + Buffer.byteLength(options.text ?? "") + 64);
  }

  /**
   * Adds text to the run's console. A line is kept once it has ended, or when `flush` or `finish` is called; of a line with
   * carriage returns, what follows the last one.
   */
  console(text: string, stream: Stream = "stdout"): void {
    this.#check("console");
    if (typeof text !== "string") throw new UsageError(`console: text is ${show(text)}; it must be a text`);
    if (stream !== "stdout" && stream !== "stderr") {
      throw new UsageError(`console: stream is ${show(stream)}; it can be "stdout" or "stderr"`);
    }
    this.#console.feed(stream, text);
  }

  /** Adds to the run's console what the process writes to `process.stdout` and `process.stderr`, until it finishes. */
  captureConsole(): void {
    this.#check("captureConsole");
    if (this.#outbox === undefined) return;
    this.#endCapture ??= captureStreams((stream, text) => this.#console.feed(stream, text));
  }

  /**
   * Waits until all that was said before is on the daemon's disk. Holds the process meanwhile.
   *
   * @throws {@link TimeoutError} when it is not in time; {@link RefusedError} when the daemon refuses the run.
   */
  async flush(options: FlushOptions = {}): Promise<void> {
    this.#check("flush");
    const timeoutSeconds = options.timeoutSeconds ?? FLUSH_TIMEOUT_SECONDS;
    if (typeof timeoutSeconds !== "number" || !(timeoutSeconds >= 0)) {
      throw new UsageError(`flush: timeoutSeconds is ${show(timeoutSeconds)}; it must be a number of seconds from 0`);
    }
    this.#console.flush();
    await this.#sender?.flush(timeoutSeconds, options.signal);
  }

  /**
   * Ends the run: everything said is brought to the daemon's disk, within `finishTimeoutSeconds`. Holds the process
   * meanwhile. Calling it again waits for the same end, and does nothing after it.
   *
   * @throws {@link TimeoutError} when it is not in time, with how many records are not on the disk; {@link RefusedError} when
   *   the daemon refuses the run. The run has ended all the same.
   */
  async finish(options: FinishOptions = {}): Promise<void> {
    const exitCode = checkExitCode(options.exitCode);
    this.#finishing ??= this.#end(exitCode, options.signal);
    await this.#finishing;
  }

  /** Finishes the run with `process.exitCode`, or 0: `await using run = init()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish({ exitCode: Number(process.exitCode ?? 0) });
  }

  async #end(exitCode: number, signal: AbortSignal | undefined): Promise<void> {
    this.#endCapture?.();
    this.#console.flush();
    this.#isFinished = true;
    try {
      await this.#sender?.finish(exitCode, this.#settings.finishTimeoutSeconds, signal);
    } finally {
      forget(this);
      // Only who waited for the end hears how it went.
      this.#finishing = Promise.resolve();
    }
    if (this.#sender !== undefined && !this.#settings.quiet) {
      tell(`run ${this.id} ${exitCode === 0 ? "finished" : `failed with exit code ${exitCode}`}`);
    }
  }

  #check(call: string): void {
    if (this.#isFinished) {
      throw new UsageError(`run ${this.id} is finished: \`${call}\` needs a running run; call init() for a new one`);
    }
  }

  #add(kind: RecordInit["kind"], bytes: number): void {
    this.#outbox?.add({ timeUnixNanos: toNanos(nowMicros()), kind } as RecordInit, bytes);
  }

  #change(kind: "configUpdate" | "summaryUpdate", call: string, change: Change): void {
    this.#check(call);
    this.#add({ case: kind, value: { set: change.entries } }, change.bytes);
  }

  #addLines(stream: Stream, firstLine: number, lines: readonly string[]): void {
    const which = stream === "stdout" ? ConsoleStream.STDOUT : ConsoleStream.STDERR;
    this.#outbox?.addLines(which, firstLine, lines, toNanos(nowMicros()));
  }

  #warn(sentence: string): void {
    try {
      (this.#settings.onWarning ?? tell)(sentence);
    } catch (thrown) {
      tell(`${sentence} (onWarning failed: ${sentenceOf(thrown)})`);
    }
  }
}

function isPlain(values: unknown): values is Readonly<Record<string, unknown>> {
  return typeof values === "object" && values !== null && Object.getPrototypeOf(values) === Object.prototype;
}

function checkExitCode(given: unknown): number {
  if (given === undefined) return 0;
  if (typeof given !== "number" || !Number.isInteger(given)) {
    throw new UsageError(`finish: exitCode is ${show(given)}; it must be an integer`);
  }
  return given === (given | 0) ? given : 1; // what no system has is a failure all the same
}

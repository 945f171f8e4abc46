/** Owns `run.config` and `run.summary`: values that are set by name. */

import { ValueError } from "./errors.js";
import { type ValueKind, checkKey, entriesOf, flatten, sizeOf, toValue } from "./values.js";

/** Some values to set, as one record holds them. */
export interface Change {
  readonly entries: { key: string; value: { kind: ValueKind } }[];
  readonly bytes: number;
}

const CHANGE_BYTES_MAX = 1.5 * 1024 * 1024; // of one record, since a message can have 4 MiB

/** Values of a run that are set by name: numbers, text, truth values, null, Dates, and lists and objects of them. */
export class Changes {
  readonly #name: string;
  readonly #isConfig: boolean;
  readonly #write: (change: Change) => void;

  /** @internal */
  constructor(name: string, isConfig: boolean, write: (change: Change) => void) {
    this.#name = name;
    this.#isConfig = isConfig;
    this.#write = write;
  }

  /**
   * Sets a value.
   *
   * @throws {@link ValueError} when it cannot be; {@link UsageError} when the run is finished.
   */
  set(key: string, value: unknown): void {
    this.update({ [key]: value });
  }

  /**
   * Sets many values.
   *
   * @throws {@link ValueError} when one cannot be; the others are set. {@link UsageError} when the run is finished.
   */
  update(values: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>): void {
    const problems: Error[] = [];
    for (const change of this.#changesOf(values, problems)) this.#write(change);
    if (problems.length > 0) throw problems[0]!;
  }

  /**
   * Returns values as changes; throws ValueError when one cannot be.
   * @internal
   */
  check(values: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>): Change[] {
    const problems: Error[] = [];
    const changes = this.#changesOf(values, problems);
    if (problems.length > 0) throw problems[0]!;
    return changes;
  }

  #changesOf(values: unknown, problems: Error[]): Change[] {
    const entries = entriesOf(`${this.#name}.update`, values);
    const changes: { entries: Change["entries"]; bytes: number }[] = [];
    const leaf = (key: string, given: unknown): void => {
      try {
        checkKey(key);
        const kind = toValue(key, given, this.#isConfig);
        const bytes = Buffer.byteLength(key) + sizeOf(kind) + 8;
        let last = changes.at(-1);
        if (last === undefined || last.bytes + bytes > CHANGE_BYTES_MAX) {
          last = { entries: [], bytes: 0 };
          changes.push(last);
        }
        last.entries.push({ key, value: { kind } });
        last.bytes += bytes;
      } catch (thrown) {
        if (!(thrown instanceof ValueError)) throw thrown;
        problems.push(thrown);
      }
    };
    // The config keeps nested objects as they are, the summary under dotted keys.
    if (this.#isConfig) for (const [key, value] of entries) leaf(String(key), value);
    else flatten(entries, problems, leaf);
    return changes;
  }
}

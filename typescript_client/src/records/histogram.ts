/** Owns `Histogram`: numbers that the daemon bins, or bins that were made already. */

import { ValueError } from "../errors.js";
import { show } from "../settings.js";
import { type Draft, type NumericArray, type RecordKind, TypedRecord, numbersOf } from "./draft.js";

/** What {@link Histogram} takes beside the values. */
export interface HistogramOptions {
  /** How many bins of equal width are made of the values, 1 to 512. Default: 64. */
  readonly binCount?: number | undefined;
}

const BINS_MAX = 512;
const BINS_DEFAULT = 64;

/** A histogram of numbers. */
export class Histogram extends TypedRecord {
  override readonly kind = "histogram";
  #values: NumericArray | undefined;
  #binCount: number;
  #counts: number[] = [];
  #edges: number[] = [];

  /**
   * Makes a histogram of numbers, which the daemon bins; NaN and infinities are counted apart. The numbers are copied.
   *
   * @param values A typed array, or a list of numbers.
   * @throws {@link ValueError} when they are no numbers, or there are less than 1 or more than 512 bins.
   */
  constructor(values: NumericArray | readonly number[] | readonly bigint[], options: HistogramOptions = {}) {
    super();
    this.#binCount = options.binCount ?? BINS_DEFAULT;
    checkBinCount(this.#binCount);
    this.#values = numbersOf("Histogram", values);
  }

  /**
   * Makes a histogram of bins that were made already.
   *
   * @param counts How much is in each bin, 0 or more; densities too.
   * @param edges The edges of the bins, ascending, one more than there are counts.
   * @throws {@link ValueError} when they do not fit together, or there are less than 1 or more than 512 bins.
   */
  static fromCounts(counts: ArrayLike<number>, edges: ArrayLike<number>): Histogram {
    const made = new Histogram([]);
    made.#values = undefined;
    made.#binCount = 0;
    made.#counts = Array.from(counts);
    made.#edges = Array.from(edges);
    if (made.#edges.length !== made.#counts.length + 1) {
      throw new ValueError(
        `Histogram: there are ${made.#counts.length} counts and ${made.#edges.length} edges; give one more edge than counts`,
      );
    }
    checkBinCount(made.#counts.length);
    if (!made.#edges.every((edge, index, all) => Number.isFinite(edge) && (index === 0 || edge > all[index - 1]!))) {
      throw new ValueError(
        "Histogram: the edges are not ascending finite numbers; sort them, each greater than the one before",
      );
    }
    const wrong = made.#counts.find((count) => !(Number.isFinite(count) && count >= 0));
    if (wrong !== undefined)
      throw new ValueError(`Histogram: a count is ${show(wrong)}; counts are finite and 0 or more`);
    return made;
  }

  /** @internal */
  override get messageBytes(): number {
    return 256 + 16 * this.#edges.length;
  }

  /** @internal */
  override encode(draft: Draft): RecordKind {
    if (this.#values === undefined) return { case: "histogram", value: { counts: this.#counts, edges: this.#edges } };
    return { case: "histogram", value: { raw: draft.array(this.#values), binCount: this.#binCount } };
  }
}

function checkBinCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= BINS_MAX) return;
  throw new ValueError(`Histogram: there are ${show(count)} bins; it can be 1 to ${BINS_MAX}: ask for fewer bins`);
}

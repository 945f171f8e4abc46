/**
 * Owns `Table`: rows and columns of cells, in their cheapest exact encoding.
 *
 * Invariant: a cell reads back as what it was: a number is a float64, a bigint an int64, and NaN is no empty cell.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { UsageError, ValueError } from "../errors.js";
import type { TableColumnSchema } from "../generated/trackd/v1/values_pb.js";
import { show } from "../settings.js";
import { type ValueKind, sizeOf, toValue } from "../values.js";
import { type Draft, type RecordKind, TypedRecord } from "./draft.js";

type ColumnInit = MessageInitShape<typeof TableColumnSchema>;
type Cell = ValueKind | TypedRecord | undefined; // undefined is an empty cell

/** The most bytes of cells that travel in the message itself; numbers and texts of one type travel beside it. */
const CELL_BYTES_MAX = 2 * 1024 * 1024;

/** A table with named columns. */
export class Table extends TypedRecord {
  override readonly kind = "table";
  readonly #names: readonly string[];
  readonly #columns: readonly (readonly Cell[])[];
  readonly #rowCount: number;
  readonly #messageBytes: number;

  /**
   * Makes a table; the cells are copied.
   *
   * @param columns The names of the columns; they need not be unique.
   * @param rows One list of cells a row. A cell is a number (float64), a bigint (int64), text, a truth value, null or
   *   undefined for an empty one, a Date, a list or an object, or a typed record.
   * @throws {@link ValueError} when a row has another length than there are columns, a cell cannot be, or the columns of
   *   mixed cells take over 2 MiB.
   */
  constructor(columns: readonly string[], rows: readonly (readonly unknown[])[] = []) {
    super();
    if (!Array.isArray(columns) || !columns.every((name) => typeof name === "string")) {
      throw new UsageError(`Table: columns is ${show(columns)}; it is a list of names`);
    }
    if (!Array.isArray(rows)) throw new UsageError(`Table: rows is ${show(rows)}; it is a list of rows`);
    this.#names = columns.map((name) => name.toWellFormed());
    this.#rowCount = rows.length;
    rows.forEach((row: unknown, number) => {
      if (!Array.isArray(row)) throw new ValueError(`Table: row ${number} is ${show(row)}; it is a list of cells`);
      if (row.length !== columns.length) {
        throw new ValueError(
          `Table: row ${number} has ${row.length} cells and the table has ${columns.length} columns: give one cell a column`,
        );
      }
    });
    this.#columns = this.#names.map((name, index) =>
      (rows as readonly (readonly unknown[])[]).map((row) => toCell(name, row[index])),
    );
    this.#messageBytes = this.#columns.reduce((sum, column, index) => {
      const name = this.#names[index]!;
      return sum + 128 + Buffer.byteLength(name) + (typeOf(column) === undefined ? mixedBytes(column) : 0);
    }, 256);
    if (this.#messageBytes > CELL_BYTES_MAX) {
      throw new ValueError(
        `Table: the columns of mixed cells take ${this.#messageBytes} bytes; the limit is ${CELL_BYTES_MAX}: give each column cells of one type, or log fewer rows`,
      );
    }
  }

  /** @internal */
  override get messageBytes(): number {
    return this.#messageBytes;
  }

  /** @internal */
  override encode(draft: Draft): RecordKind {
    const columns = this.#columns.map((cells, index): ColumnInit => ({
      name: this.#names[index]!,
      ...encodeCells(cells, draft),
    }));
    return { case: "table", value: { columns, rowCount: BigInt(this.#rowCount) } };
  }
}

function toCell(name: string, cell: unknown): Cell {
  if (cell === null || cell === undefined) return undefined;
  if (cell instanceof TypedRecord) return cell;
  try {
    return toValue(name, cell);
  } catch (thrown) {
    throw thrown instanceof ValueError ? new ValueError(`Table: ${thrown.message}`) : thrown;
  }
}

/** Returns the one type that all cells of a column have, leaving out empty ones; undefined when there is none. */
function typeOf(cells: readonly Cell[]): "doubleValue" | "intValue" | "boolValue" | "stringValue" | undefined {
  let type: ValueKind["case"] | undefined;
  for (const cell of cells) {
    if (cell === undefined) continue;
    if (cell instanceof TypedRecord || (type !== undefined && cell.case !== type)) return undefined;
    type = cell.case;
  }
  return type === "jsonValue" || type === "recordValue" ? undefined : type;
}

function mixedBytes(cells: readonly Cell[]): number {
  return cells.reduce(
    (sum, cell) => sum + 8 + (cell === undefined ? 0 : cell instanceof TypedRecord ? cell.messageBytes : sizeOf(cell)),
    0,
  );
}

function encodeCells(cells: readonly Cell[], draft: Draft): ColumnInit {
  if (cells.length === 0) return {};
  const type = typeOf(cells);
  const valueOf = (cell: Cell): unknown => (cell === undefined ? undefined : (cell as ValueKind).value);
  if (type === undefined) {
    const values = cells.map((cell) => {
      if (cell === undefined) return {};
      if (!(cell instanceof TypedRecord)) return { kind: cell };
      return { kind: { case: "recordValue" as const, value: { kind: cell.encode(draft) } } };
    });
    return { cells: { case: "values", value: { cells: values } } };
  }
  if (type === "stringValue") {
    const texts = cells.map((cell) => (cell === undefined ? undefined : Buffer.from(valueOf(cell) as string)));
    const data = draft.payload(Buffer.concat(texts.filter((each) => each !== undefined)));
    const sizesBytes = draft.array(BigInt64Array.from(texts, (each) => BigInt(each?.length ?? -1)));
    return { cells: { case: "texts", value: { data, sizesBytes } } };
  }
  const numbers =
    type === "boolValue"
      ? draft.bools(cells.map((cell) => valueOf(cell) === true))
      : draft.array(
          type === "intValue"
            ? BigInt64Array.from(cells, (cell) => (valueOf(cell) ?? 0n) as bigint)
            : Float64Array.from(cells, (cell) => (valueOf(cell) ?? 0) as number),
        );
  const column: ColumnInit = { cells: { case: "numbers", value: numbers } };
  if (!cells.includes(undefined)) return column;
  return { ...column, validity: draft.bools(cells.map((cell) => cell !== undefined)) };
}

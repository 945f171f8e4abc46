/** What a person asks of a table: order, conditions, a search, a group. Becomes the body of the rows route. */
import type { AggregateFunction, ColumnType, FilterOperator, RowFilter, RowsQuery, TableColumn } from "../api/records";
import { isNumeric } from "./cells";

export interface Condition {
  /** Tells conditions apart while they are edited. */
  id: number;
  column: number;
  op: FilterOperator;
  /** As typed. */
  text: string;
}

export interface Search {
  column: number;
  text: string;
}

export interface Group {
  column: number;
  /** Of every numeric column. */
  function: AggregateFunction;
}

export interface Sort {
  /** A position among the columns shown: those of the answer. */
  column: number;
  descending: boolean;
}

export interface Question {
  sort: Sort | null;
  conditions: readonly Condition[];
  search: Search;
  group: Group | null;
}

export const AGGREGATES: readonly AggregateFunction[] = ["mean", "min", "max", "sum", "count"];

const NUMBER_OPERATORS: readonly FilterOperator[] = ["=", "!=", "<", "<=", ">", ">=", "in", "is_empty", "is_not_empty"];
const TEXT_OPERATORS: readonly FilterOperator[] = ["contains", "=", "!=", "matches", "in", "is_empty", "is_not_empty"];

/** What can be asked of a column; the first is what a new condition begins with. */
export function operatorsOf(type: ColumnType): readonly FilterOperator[] {
  if (isNumeric(type)) return NUMBER_OPERATORS;
  if (type === "text") return TEXT_OPERATORS;
  if (type === "bool") return ["=", "!=", "is_empty", "is_not_empty"];
  return ["is_empty", "is_not_empty"];
}

export const OPERATOR_WORDS: Record<FilterOperator, string> = {
  "=": "=",
  "!=": "≠",
  "<": "<",
  "<=": "≤",
  ">": ">",
  ">=": "≥",
  contains: "contains",
  matches: "matches (regex)",
  in: "is one of",
  is_empty: "is empty",
  is_not_empty: "is not empty",
};

export const needsValue = (op: FilterOperator): boolean => op !== "is_empty" && op !== "is_not_empty";

const SPECIAL = ["NaN", "Infinity", "-Infinity"];

function valueOf(text: string, type: ColumnType): unknown {
  const trimmed = text.trim();
  if (type === "bool") return trimmed === "true" || trimmed === "false" ? trimmed === "true" : undefined;
  if (!isNumeric(type)) return text === "" ? undefined : text;
  if (SPECIAL.includes(trimmed)) return trimmed;
  const number = Number(trimmed);
  return trimmed === "" || Number.isNaN(number) ? undefined : number;
}

/** The condition as the route takes it; null while it is not whole, as `> ` without a number. */
export function filterOf(condition: Condition, columns: readonly TableColumn[]): RowFilter | null {
  const column = columns[condition.column];
  if (!column) return null;
  const { op } = condition;
  if (!needsValue(op)) return { column: condition.column, op };
  if (op !== "in") {
    const value = valueOf(condition.text, column.type);
    return value === undefined ? null : { column: condition.column, op, value };
  }
  const values = condition.text
    .split(",")
    .map((part) => valueOf(part.trim(), column.type))
    .filter((value) => value !== undefined);
  return values.length > 0 ? { column: condition.column, op, value: values } : null;
}

/** The columns that a group's answer has: its own, how many rows, and an aggregate of every other numeric column. */
export function groupOf(group: Group, columns: readonly TableColumn[]): RowsQuery["group"] {
  const aggregates = columns.flatMap(({ type }, column) =>
    isNumeric(type) && column !== group.column ? [{ column, function: group.function }] : [],
  );
  return { by: [group.column], aggregates: [{ column: group.column, function: "count" }, ...aggregates] };
}

/** The body of the route without the place of a page. Equal questions give equal bodies. */
export function rowsQuery(question: Question, columns: readonly TableColumn[]): RowsQuery {
  const { sort, conditions, search, group } = question;
  const filters = conditions.map((condition) => filterOf(condition, columns)).filter((filter) => filter !== null);
  if (search.text !== "") filters.push({ column: search.column, op: "contains", value: search.text });
  return {
    ...(sort && { sort: [sort] }),
    ...(filters.length > 0 && { filter: { and: filters } }),
    ...(group && { group: groupOf(group, columns) }),
  };
}

/** What a press on a column's header makes of the order: ascending, descending, none. */
export function nextSort(sort: Sort | null, column: number): Sort | null {
  if (sort?.column !== column) return { column, descending: false };
  return sort.descending ? null : { column, descending: true };
}

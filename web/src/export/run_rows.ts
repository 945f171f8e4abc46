/** Answers questions about sets of runs from the table of runs in the file; docs/http_api.md, "Sets of runs". */
import type { ColumnAggregate, ColumnValue, RunGroup, RunsAnswer, RunsQuestion } from "../api/run_sets";

/** All runs of the file, newest first, with all of their columns. */
export type RunTable = RunsAnswer;

/** What a question may be refused for. */
export class NotInFile extends Error {}

type Order = (a: number, b: number) => number;

// As the daemon orders values of different types: truth values, numbers, texts, others.
const TYPES = ["boolean", "number", "string", "object"];

export function answerRuns(
  table: RunTable,
  question: Partial<RunsQuestion>,
  exported: { filter: string; search: string },
): RunsAnswer {
  const read = reader(table);
  const levels = question.group_by ?? [];
  const rows = matching(table, question, exported).sort(orderOf(read, question));
  const shown = rows.slice(question.offset ?? 0, (question.offset ?? 0) + (question.limit ?? 100));
  return {
    total_count: rows.length,
    project_run_count: table.project_run_count,
    revision: table.revision,
    run_ids: shown.map((row) => table.run_ids[row]),
    columns: (question.columns ?? []).map((name) => ({ name, values: shown.map((row) => read(row, name)) })),
    runs: question.with_runs ? shown.map((row) => table.runs[row]) : [],
    groups: groupsOf(table, read, rows, levels, question.aggregates ?? []),
  };
}

type Read = (row: number, column: string) => ColumnValue;

function reader(table: RunTable): Read {
  const columns = new Map(table.columns.map(({ name, values }) => [name, values]));
  return (row, column) => {
    const value = columns.get(column)?.[row] ?? null;
    // Runs are grouped and ordered by their tags as one text.
    return column === "tags" && Array.isArray(value) && value.length === 0 ? null : value;
  };
}

/** The rows that a filter finds: all of the file, or those it names. Other filters are the daemon's matter. */
function matching(
  table: RunTable,
  question: Partial<RunsQuestion>,
  exported: { filter: string; search: string },
): number[] {
  const { filter = "", search = "", archived = "without" } = question;
  const named = namedRuns(filter.trim());
  if (!named && filter.trim() !== "" && filter !== exported.filter) {
    throw new NotInFile("runs are filtered by the live page only; this file holds those that its view showed");
  }
  let expression: RegExp | null = null;
  if (search !== "" && search !== exported.search) {
    try {
      expression = new RegExp(search, "i");
    } catch {
      throw new NotInFile(`the search ${JSON.stringify(search)} is no regular expression`);
    }
  }
  return table.run_ids.flatMap((id, row) => {
    const { name, archived: isArchived = false } = table.runs[row];
    const isWanted = archived === "with" || isArchived === (archived === "only");
    return isWanted && (!named || named.has(id)) && (!expression || expression.test(name)) ? [row] : [];
  });
}

/** The runs of `id in ("a", "b")`, which the page asks for the runs it acts on. */
function namedRuns(filter: string): ReadonlySet<string> | null {
  const match = filter.match(/^id in \(((?:"(?:[^"\\]|\\.)*"(?:, )?)+)\)$/s);
  if (!match) return null;
  return new Set(Array.from(match[1].matchAll(/"((?:[^"\\]|\\.)*)"/gs), ([, text]) => text.replace(/\\(.)/gs, "$1")));
}

const sortable = (value: ColumnValue): ColumnValue =>
  Array.isArray(value) ? value.map(String).sort().join(", ") : value === "NaN" ? null : value;

function compare(a: ColumnValue, b: ColumnValue): number {
  if (typeof a !== typeof b) return TYPES.indexOf(typeof a) - TYPES.indexOf(typeof b);
  const [left, right] = typeof a === "object" ? [JSON.stringify(a), JSON.stringify(b)] : [a as string, b as string];
  return left < right ? -1 : Number(left > right);
}

function orderOf(read: Read, { sort = [], group_by: levels = [] }: Partial<RunsQuestion>): Order {
  const isDescending = (column: string) => sort.find((one) => one.column === column)?.descending ?? false;
  const terms = [...levels.map((column) => ({ column, descending: isDescending(column) })), ...sort];
  return (a, b) => {
    for (const { column, descending } of terms) {
      const [left, right] = [sortable(read(a, column)), sortable(read(b, column))];
      if (left === null && right === null) continue;
      if (left === null || right === null) return left === null ? 1 : -1;
      const order = compare(left, right);
      if (order !== 0) return descending ? -order : order;
    }
    // Newest first, as they stand in the table.
    return a - b;
  };
}

function groupsOf(
  table: RunTable,
  read: Read,
  rows: readonly number[],
  levels: readonly string[],
  aggregates: readonly string[],
): RunGroup[] {
  const groups: RunGroup[] = [];
  const valueOf = (row: number, level: number): ColumnValue => {
    const value = read(row, levels[level]);
    return Array.isArray(value) ? sortable(value) : value;
  };
  const split = (from: number, end: number, level: number) => {
    for (let first = from; first < end;) {
      const key = JSON.stringify(valueOf(rows[first], level));
      let last = first;
      while (last < end && JSON.stringify(valueOf(rows[last], level)) === key) last++;
      const own = rows.slice(first, last);
      const isInnermost = level === levels.length - 1;
      groups.push({
        level,
        values: levels.slice(0, level + 1).map((_, index) => valueOf(rows[first], index)),
        first,
        count: own.length,
        running_count: own.filter((row) => table.runs[row].state === "running").length,
        run_ids: isInnermost ? own.map((row) => table.run_ids[row]) : [],
        aggregates: aggregates.flatMap((column) =>
          aggregate(
            column,
            own.map((row) => read(row, column)),
          ),
        ),
      });
      if (!isInnermost) split(first, last, level + 1);
      first = last;
    }
  };
  if (levels.length > 0) split(0, rows.length, 0);
  return groups;
}

function aggregate(column: string, values: readonly ColumnValue[]): ColumnAggregate[] {
  const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  if (numbers.length === 0) return [];
  const sum = numbers.reduce((all, one) => all + one, 0);
  const [min, max] = [Math.min(...numbers), Math.max(...numbers)];
  return [{ column, count: numbers.length, min, max, mean: sum / numbers.length }];
}

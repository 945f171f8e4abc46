/** The bars of a bar chart: of runs, or of groups of runs. Pure. */
import { isolated } from "../../format/isolated";
import type { ShownRun } from "../../panel/shown_run";
import type { Aggregate, Band } from "../../url/view_state";
import { type ColumnTable, columnTitle, formatColumn } from "../columns";
import { aggregateOf, bandOf, extentOf } from "../statistics";
import type { BarConfig } from "./config";

export interface Bar {
  id: string;
  name: string;
  /** The run it is of; null for a group. */
  run: ShownRun | null;
  /** How many runs it stands for. */
  runCount: number;
  value: number;
  whisker: [number, number] | null;
}

export interface Bars {
  bars: Bar[];
  /** Runs without a finite number in the column. */
  missingCount: number;
  /** The range that all bars and whiskers lie in, with 0. */
  min: number;
  max: number;
}

interface Grouping {
  groupBy: readonly string[];
  aggregate: Aggregate;
  band: Band;
}

export function barsOf(runs: readonly ShownRun[], table: ColumnTable, config: BarConfig, grouping: Grouping): Bars {
  const { column, order } = config;
  const measured = runs.filter((run) => !Number.isNaN(table.number(run.id, column)));
  const bars =
    grouping.groupBy.length > 0
      ? groupBars(measured, table, column, grouping)
      : measured.map((run) => ({
          id: run.id,
          name: run.name,
          run,
          runCount: 1,
          value: table.number(run.id, column),
          whisker: null,
        }));
  const sign = order === "ascending" ? 1 : -1;
  bars.sort((a, b) => sign * (a.value - b.value));
  const [min, max] = extentOf([0, ...bars.flatMap(({ value, whisker }) => [value, ...(whisker ?? [])])]);
  return { bars, missingCount: runs.length - measured.length, min, max: max > min ? max : min + 1 };
}

function groupBars(
  runs: readonly ShownRun[],
  table: ColumnTable,
  column: string,
  { groupBy, aggregate, band }: Grouping,
): Bar[] {
  const groups = new Map<string, ShownRun[]>();
  for (const run of runs) {
    const id = JSON.stringify(groupBy.map((one) => table.value(run.id, one)));
    const group = groups.get(id);
    if (group) group.push(run);
    else groups.set(id, [run]);
  }
  return [...groups].map(([id, members]) => {
    const values = members.map((run) => table.number(run.id, column));
    return {
      id,
      name: groupName(groupBy, members[0], table),
      run: null,
      runCount: members.length,
      value: aggregateOf(values, aggregate),
      whisker: members.length > 1 ? bandOf(values, band) : null,
    };
  });
}

/** One column is named by its value alone: what it is of stands where runs are grouped. */
function groupName(groupBy: readonly string[], run: ShownRun, table: ColumnTable): string {
  const words = groupBy.map((column) => formatColumn(column, table.value(run.id, column)));
  return words.length === 1
    ? words[0]
    : words.map((word, at) => isolated`${columnTitle(groupBy[at])} ${word}`).join(" · ");
}

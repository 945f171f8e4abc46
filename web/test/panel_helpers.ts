/** Makes runs and tables of their columns for tests of panels. */
import type { ColumnValue } from "../src/api/run_sets";
import type { ShownRun } from "../src/panel/shown_run";
import { ColumnTable } from "../src/panels/columns";

export function shownRun(id: string, over: Partial<ShownRun> = {}): ShownRun {
  const style = { color: "#000", dash: [] };
  const base = { id, name: `run ${id}`, isRunning: false, createTimeMs: 0, style, isContext: false };
  return { ...base, emphasis: "normal", ...over };
}

export function tableOf(runs: Record<string, Record<string, ColumnValue>>): ColumnTable {
  const ids = Object.keys(runs);
  const names = [...new Set(ids.flatMap((id) => Object.keys(runs[id])))];
  return new ColumnTable({
    run_ids: ids,
    columns: names.map((name) => ({ name, values: ids.map((id) => runs[id][name] ?? null) })),
  });
}

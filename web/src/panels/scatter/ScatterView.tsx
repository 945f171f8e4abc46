/** Runs as points. */
import { type ReactNode, useMemo } from "react";
import { plural } from "../../format/number";
import type { ShownRun } from "../../panel/shown_run";
import { columnTitle } from "../columns";
import type { PanelProps } from "../kind";
import { PanelWords, Waiting } from "../PanelWords";
import { useColumnsOfRuns } from "../use_columns_of_runs";
import type { ScatterConfig } from "./config";
import { pointsOf } from "./points";
import { ScatterPlot } from "./ScatterPlot";

export default function ScatterView(props: PanelProps<ScatterConfig>) {
  const { project, runs, config } = props;
  const state = useColumnsOfRuns(project, [config.x, config.y, config.color ?? "", config.size ?? ""]);
  const { table } = state;
  const shown = useMemo(() => (table ? pointsOf(runs, table, config) : null), [runs, table, config]);
  if (!config.x || !config.y) return <PanelWords>Choose a column for each axis where this panel is edited.</PanelWords>;
  if (!table || !shown) return <Waiting state={state} />;
  if (shown.points.length === 0) return <PanelWords>{nothingWords(runs, config, shown.unshownCount)}</PanelWords>;
  return <ScatterPlot {...props} table={table} shown={shown} />;
}

function nothingWords(runs: readonly ShownRun[], { x, y }: ScatterConfig, unshownCount: number): ReactNode {
  if (runs.length === 0) return "No run is shown.";
  if (unshownCount > 0) return "No run lies above 0 on both axes: a log axis shows none of them.";
  return (
    <>
      None of {plural(runs.length, "run")} has a number for both <bdi>{columnTitle(x)}</bdi> and{" "}
      <bdi>{columnTitle(y)}</bdi> yet.
    </>
  );
}

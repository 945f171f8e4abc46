/** Runs as lines through their columns. */
import { Fragment, useMemo } from "react";
import { columnTitle } from "../columns";
import type { PanelProps } from "../kind";
import { PanelWords, Waiting } from "../PanelWords";
import { useColumnsOfRuns } from "../use_columns_of_runs";
import type { ParallelConfig } from "./config";
import { ParallelPlot } from "./ParallelPlot";

export default function ParallelView(props: PanelProps<ParallelConfig>) {
  const { project, runs, config } = props;
  const columns = config.axes.map(({ column }) => column);
  const state = useColumnsOfRuns(project, columns);
  const { table } = state;
  const hasValue = useMemo(
    () => table !== null && runs.some((run) => config.axes.some(({ column }) => table.value(run.id, column) !== null)),
    [table, runs, config],
  );
  if (config.axes.length < 2) return <PanelWords>Choose two axes or more where this panel is edited.</PanelWords>;
  if (!table) return <Waiting state={state} />;
  if (runs.length === 0) return <PanelWords>No run is shown.</PanelWords>;
  if (!hasValue)
    return (
      <PanelWords>
        No run has a value for{" "}
        {columns.map((column, index) => (
          <Fragment key={column}>
            {index > 0 && ", "}
            <bdi>{columnTitle(column)}</bdi>
          </Fragment>
        ))}{" "}
        yet.
      </PanelWords>
    );
  return <ParallelPlot {...props} table={table} />;
}

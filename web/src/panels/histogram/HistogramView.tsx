/** How many runs lie where. */
import { useMemo } from "react";
import { columnTitle } from "../columns";
import type { PanelProps } from "../kind";
import { NoNumber, PanelWords, Waiting } from "../PanelWords";
import { useColumnsOfRuns } from "../use_columns_of_runs";
import { binsOf } from "./bins";
import type { HistogramConfig } from "./config";
import { HistogramPlot } from "./HistogramPlot";

export default function HistogramView(props: PanelProps<HistogramConfig>) {
  const { project, runs, config } = props;
  const state = useColumnsOfRuns(project, [config.column]);
  const { table } = state;
  const all = useMemo(() => (table ? binsOf(runs, table, config) : null), [runs, table, config]);
  if (!config.column) return <PanelWords>Choose a column where this panel is edited.</PanelWords>;
  if (!table || !all) return <Waiting state={state} />;
  if (all.bins.length > 0) return <HistogramPlot {...props} table={table} all={all} />;
  const title = columnTitle(config.column);
  if (runs.length === 0) return <PanelWords>No run is shown.</PanelWords>;
  return (
    <PanelWords>
      {all.unshownCount > 0 ? (
        <>
          No run has a <bdi>{title}</bdi> above 0: a log axis shows none of them.
        </>
      ) : (
        <NoNumber runCount={runs.length} column={config.column} />
      )}
    </PanelWords>
  );
}

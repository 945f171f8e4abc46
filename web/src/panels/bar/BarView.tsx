/** Bars that lie, sorted: of runs, or of the groups that runs are in. */
import { useMemo, useState } from "react";
import { isolated } from "../../format/isolated";
import { formatCount, formatExact, plural } from "../../format/number";
import { Link } from "../../ui/Link";
import { RunSwatch } from "../../ui/RunSwatch";
import { runPath } from "../../url/route";
import { columnTitle, formatNumber } from "../columns";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import { NoNumber, PanelWords, Waiting } from "../PanelWords";
import { useColumnsOfRuns } from "../use_columns_of_runs";
import { VirtualRows } from "../VirtualRows";
import { type Bar, barsOf } from "./bars";
import styles from "./BarView.module.css";
import type { BarConfig } from "./config";

const ROW_HEIGHT = 24;

export default function BarView({ project, runs, config, view }: PanelProps<BarConfig>) {
  const [isWhole, setWhole] = useState(false);
  const { groupBy, aggregate, band } = view;
  const state = useColumnsOfRuns(project, [config.column, ...groupBy]);
  const { table } = state;
  const all = useMemo(
    () => (table ? barsOf(runs, table, config, { groupBy, aggregate, band }) : null),
    [runs, table, config, groupBy, aggregate, band],
  );
  if (!config.column) return <PanelWords>Choose a column where this panel is edited.</PanelWords>;
  if (!all) return <Waiting state={state} />;
  const title = columnTitle(config.column);
  if (all.bars.length === 0) {
    return (
      <PanelWords>
        {runs.length === 0 ? "No run is shown." : <NoNumber runCount={runs.length} column={config.column} />}
      </PanelWords>
    );
  }
  const shown = isWhole ? all.bars : all.bars.slice(0, config.topCount);
  const moreCount = all.bars.length - shown.length;
  const isGrouped = groupBy.length > 0;
  const placeOf = (value: number) => `${(100 * (value - all.min)) / (all.max - all.min)}%`;
  return (
    <div className={panelStyles.root} data-testid="bars" data-bars={all.bars.length}>
      <VirtualRows
        label={isGrouped ? isolated`${aggregate} of ${title} over groups` : title}
        count={shown.length}
        rowHeight={ROW_HEIGHT}
        row={(index) => <BarRow project={project} bar={shown[index]} column={config.column} placeOf={placeOf} />}
      />
      <div className={panelStyles.foot}>
        <span className={panelStyles.grow}>
          {[
            isGrouped ? `${aggregate} of ${plural(all.bars.length, "group")}` : plural(all.bars.length, "run"),
            isGrouped && band !== "none" ? `whisker: ${band}` : "",
            all.missingCount > 0 ? `${formatCount(all.missingCount)} without a number` : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
        {moreCount > 0 && (
          <button type="button" className="quiet" onClick={() => setWhole(true)}>
            {`… ${formatCount(moreCount)} more`}
          </button>
        )}
        {isWhole && all.bars.length > config.topCount && (
          <button type="button" className="quiet" onClick={() => setWhole(false)}>
            {`Only ${formatCount(config.topCount)}`}
          </button>
        )}
      </div>
    </div>
  );
}

interface BarRowProps {
  project: string;
  bar: Bar;
  column: string;
  placeOf: (value: number) => string;
}

function BarRow({ project, bar, column, placeOf }: BarRowProps) {
  const { run, value, whisker } = bar;
  const [low, high] = value < 0 ? [value, 0] : [0, value];
  const words = formatNumber(column, value, 4);
  const whole = isolated`${bar.name}: ${formatExact(value)}${run ? "" : `, ${plural(bar.runCount, "run")}`}${
    whisker ? `, ${formatNumber(column, whisker[0], 4)} to ${formatNumber(column, whisker[1], 4)}` : ""
  }`;
  return (
    <div className={styles.row} title={whole} data-emphasis={run?.emphasis}>
      <span className={styles.name}>
        {run ? (
          <>
            <RunSwatch style={run.style} />
            <Link href={runPath(project, run.id)}>{bar.name}</Link>
          </>
        ) : (
          <>
            <span>{bar.name}</span>
            <span className={styles.count}>{`(${formatCount(bar.runCount)})`}</span>
          </>
        )}
      </span>
      <span className={styles.track} aria-hidden="true">
        <span
          className={styles.bar}
          style={{
            left: placeOf(low),
            right: `calc(100% - ${placeOf(high)})`,
            background: run ? run.style.color : "var(--accent)",
          }}
        />
        {whisker && (
          <span
            className={styles.whisker}
            style={{ left: placeOf(whisker[0]), right: `calc(100% - ${placeOf(whisker[1])})` }}
          />
        )}
      </span>
      <span className={styles.value}>{words}</span>
    </div>
  );
}

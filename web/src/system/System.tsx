/** What the daemon has measured of the machines of a run: the last values, and charts. */
import { useMemo } from "react";
import type { XAxis } from "../api/series";
import type { WholeRun } from "../api/types";
import { useSystemMetrics } from "../data/queries";
import { formatCount } from "../format/number";
import { Tooltip } from "../panel/Tooltip";
import { ChevronIcon } from "../ui/icons";
import { Refusal } from "../ui/Problem";
import { useStable } from "../ui/use_stable";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { systemCharts } from "./charts";
import { HeatCard, LINES_MAX } from "./HeatCard";
import { NothingMeasured } from "./NothingMeasured";
import styles from "./System.module.css";
import { SystemCard } from "./SystemCard";
import { Tiles } from "./Tiles";
import { hostTiles } from "./host_tiles";

interface SystemProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

/** Folded sections of this page stand in the address beside those of the metrics. */
const closedName = (section: string) => `system:${section}`;

export default function System({ run, view, changeView }: SystemProps) {
  const samples = run.system_metrics;
  const sampled = useMemo(
    () =>
      Object.entries(samples ?? {}).flatMap(([host, values]) =>
        Object.keys(values).map((name) => `_system/${host}/${name}`),
      ),
    [samples],
  );
  const listed = useSystemMetrics(run.project, run.run_id, useStable(sampled).join("\n"));
  const keys = useStable(
    [...new Set([...(listed.data ?? []).map(({ name }) => name), ...(listed.data ? sampled : [])])].sort(),
  );
  const sections = useMemo(() => systemCharts(keys), [keys]);
  const axis: XAxis = view.x === "wall_time" ? "wall_time" : "relative_time";

  if (listed.error && !listed.data) return <Refusal error={listed.error} retry={() => void listed.refetch()} />;
  if (!listed.data) return <div className={styles.system} aria-busy="true" />;
  if (sections.length === 0) return <NothingMeasured run={run} />;
  return (
    <div className={styles.system} data-testid="system">
      <Tiles hosts={hostTiles(samples)} isLive={run.state === "running"} />
      <div className={styles.toolbar} role="toolbar" aria-label="Charts">
        <label>
          x
          <select
            aria-label="x axis"
            value={axis}
            onChange={(event) => changeView({ x: event.target.value as XAxis, zoom: null }, "keep")}
          >
            <option value="relative_time">time since start</option>
            <option value="wall_time">wall time</option>
          </select>
        </label>
      </div>
      {sections.map(({ name, charts }) => {
        const isClosed = view.closed.includes(closedName(name));
        const toggle = () =>
          changeView({
            closed: isClosed
              ? view.closed.filter((closed) => closed !== closedName(name))
              : [...view.closed, closedName(name)],
          });
        return (
          <section key={name} className={styles.section} aria-label={name}>
            <h2>
              <button type="button" className="quiet" aria-expanded={!isClosed} onClick={toggle}>
                <span className={styles.chevron} data-open={!isClosed}>
                  <ChevronIcon />
                </span>
                {name}
                <span className={styles.count}>{formatCount(charts.length)}</span>
              </button>
            </h2>
            {!isClosed && (
              <div className={styles.grid}>
                {charts.map((chart) => {
                  const isHeat = chart.measure === "share" && chart.lines.length > LINES_MAX;
                  const Card = isHeat ? HeatCard : SystemCard;
                  return (
                    <Card
                      key={chart.id}
                      project={run.project}
                      run={run.run_id}
                      chart={chart}
                      axis={axis}
                      view={view}
                      changeView={changeView}
                    />
                  );
                })}
              </div>
            )}
          </section>
        );
      })}
      <Tooltip />
    </div>
  );
}

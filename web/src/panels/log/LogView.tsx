/** The end of a run's console, followed as it grows. */
import { useRef } from "react";
import { isolate } from "../../format/isolated";
import { plural } from "../../format/number";
import { LogList, type LogListHandle } from "../../logs/LogList";
import { useLines } from "../../logs/use_console";
import type { ShownRun } from "../../panel/shown_run";
import { Link } from "../../ui/Link";
import { RunSwatch } from "../../ui/RunSwatch";
import { runPath } from "../../url/route";
import type { PanelProps } from "../kind";
import styles from "../Panel.module.css";
import { PanelWords } from "../PanelWords";
import type { LogConfig } from "./config";

export default function LogView({ project, runs, config, change }: PanelProps<LogConfig>) {
  const newest = runs.reduce<ShownRun | null>(
    (best, run) => (best === null || run.createTimeMs > best.createTimeMs ? run : best),
    null,
  );
  const followed = runs.find((run) => run.emphasis === "strong") ?? newest;
  const id = config.run ?? followed?.id;
  if (id === undefined) return <PanelWords>No run is shown.</PanelWords>;
  const run = runs.find((one) => one.id === id);
  return (
    <div className={styles.root} data-testid="log" data-run={id}>
      <div className={styles.foot}>
        {run && <RunSwatch style={run.style} />}
        <span className={styles.grow}>
          <Link href={`${runPath(project, id)}?tab=logs`}>{run?.name ?? id}</Link>
        </span>
        <select
          aria-label="Run whose log is shown"
          value={config.run ?? ""}
          onChange={(event) => change({ ...config, run: event.target.value || null })}
        >
          <option value="">highlighted or newest</option>
          {config.run !== null && !run && <option value={config.run}>{config.run}</option>}
          {runs.slice(0, RUNS_LISTED_MAX).map((one) => (
            <option key={one.id} value={one.id}>
              {isolate(one.name)}
            </option>
          ))}
        </select>
      </div>
      {/* Another run: its own end to begin with. */}
      <Lines
        key={`${id}\n${config.writer}`}
        project={project}
        run={id}
        writer={config.writer}
        isRunning={run?.isRunning ?? false}
      />
    </div>
  );
}

// A longer list is no list to choose from: the editor of the panel takes any run.
const RUNS_LISTED_MAX = 200;

interface LinesProps {
  project: string;
  run: string;
  writer: string;
  isRunning: boolean;
}

function Lines({ isRunning, ...of }: LinesProps) {
  const pages = useLines(of);
  const list = useRef<LogListHandle>(null);
  if (pages.error && pages.lineCount === 0) {
    return (
      <PanelWords>
        {`The console could not be read: ${pages.error.message}. `}
        <button type="button" onClick={() => pages.retry()}>
          Try again
        </button>
      </PanelWords>
    );
  }
  if (!pages.isOpen) return <div className={styles.words} aria-busy="true" />;
  if (pages.lineCount === 0) {
    return <PanelWords>{`This run has printed nothing${isRunning ? " yet" : ""}.`}</PanelWords>;
  }
  return (
    <>
      <LogList
        ref={list}
        pages={pages}
        only={null}
        expression={null}
        current={null}
        isWrapped
        hasTimes={false}
        startRow={null}
        onNumber={() => undefined}
      />
      <div className={styles.foot}>
        <span>{plural(pages.lineCount, "line")}</span>
      </div>
    </>
  );
}

/** One run of the list. */
import type { Run } from "../api/types";
import type { LineStyle } from "../chart/model";
import { hasTrouble } from "../data/runs";
import { isolated } from "../format/isolated";
import { setSlot } from "../layout/changes";
import type { LayoutHandle } from "../layout/use_layout";
import { ArrowIcon, WarningIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Elapsed } from "../ui/Moment";
import { RunSwatch } from "../ui/RunSwatch";
import { StateLabel } from "../ui/StateLabel";
import { runPath } from "../url/route";
import { ColorChoice } from "./ColorChoice";
import styles from "./RunRow.module.css";

interface RunRowProps {
  project: string;
  run: Run;
  style: LineStyle;
  /** Which of the looks it has; null for grey. */
  slot: number | null;
  layout: LayoutHandle;
  /** Whether its group has a line in its place. */
  isInGroup: boolean;
  isDrawn: boolean;
  isHighlighted: boolean;
  isOnly: boolean;
  toggle: () => void;
  highlight: () => void;
  showOnly: () => void;
}

// A run in a group has no line of its own.
const GROUPED: LineStyle = { color: "var(--muted)", dash: [] };

export function RunRow(props: RunRowProps) {
  const { project, run, style, slot, layout, isInGroup } = props;
  const { isDrawn, isHighlighted, isOnly, toggle, highlight, showOnly } = props;
  const name = run.name || run.run_id;
  return (
    <div
      className={styles.row}
      data-testid="run"
      data-run={run.run_id}
      data-highlighted={isHighlighted}
      data-drawn={isDrawn}
    >
      <button
        type="button"
        className={`quiet ${styles.toggle}`}
        aria-pressed={isDrawn}
        aria-label={isolated`Show ${name} in the charts`}
        title={isDrawn ? "Hide from the charts" : "Show in the charts"}
        onClick={toggle}
      >
        <RunSwatch style={isInGroup ? GROUPED : style} isHidden={!isDrawn} />
      </button>
      <button
        type="button"
        className={`quiet ${styles.name}`}
        data-run-focus
        aria-pressed={isHighlighted}
        title={isolated`${name} (${run.run_id}): highlight in the charts`}
        onClick={highlight}
      >
        <span className={styles.text}>{name}</span>
        <span className={styles.about}>
          <StateLabel state={run.state} isStalled={run.stalled} />
          <Elapsed
            fromMs={run.create_time_unix_ms}
            toMs={run.finish_time_unix_ms ?? run.update_time_unix_ms}
            isGrowing={run.state === "running"}
          />
          {hasTrouble(run) && (
            <span
              className={styles.trouble}
              title={run.ingest_health.message || "Some rows came late, were refused or were damaged"}
            >
              <WarningIcon />
              <span className="visuallyHidden">some data had trouble</span>
            </span>
          )}
        </span>
      </button>
      {!isInGroup && isDrawn && (
        <ColorChoice name={name} slot={slot} choose={(chosen) => layout.change(setSlot(run.run_id, chosen))} />
      )}
      <button
        type="button"
        className={`quiet ${styles.only}`}
        aria-pressed={isOnly}
        aria-label={isolated`Show only ${name}`}
        onClick={showOnly}
      >
        only
      </button>
      <Link
        className={styles.open}
        href={runPath(project, run.run_id)}
        aria-label={isolated`Open the page of ${name}`}
        title="Open the run's page"
      >
        <ArrowIcon />
      </Link>
    </div>
  );
}

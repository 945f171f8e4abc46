/** One number, large. */
import { useMemo, useRef } from "react";
import { yColumn } from "../../chart/model";
import type { SeriesQuestion } from "../../data/question";
import { isolated } from "../../format/isolated";
import { formatExact, formatValue, plural } from "../../format/number";
import { useBox } from "../../media/use_box";
import { useSeries } from "../../panel/use_chart_series";
import { useOnScreen } from "../../panel/use_on_screen";
import { Link } from "../../ui/Link";
import { RunSwatch } from "../../ui/RunSwatch";
import { runPath } from "../../url/route";
import { columnTitle, formatNumber, metricOf } from "../columns";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import { NoNumber, PanelWords, Waiting } from "../PanelWords";
import { useColumnsOfRuns } from "../use_columns_of_runs";
import type { ScalarConfig } from "./config";
import { numberOf, type ShownNumber, sparkPath } from "./number";
import styles from "./ScalarView.module.css";

const SPARK_HEIGHT = 32;
const SPARK_BUCKETS = 400;

export default function ScalarView({ project, runs, config }: PanelProps<ScalarConfig>) {
  const state = useColumnsOfRuns(project, [config.column, "name"]);
  const { table } = state;
  const number = useMemo(() => (table ? numberOf(runs, table, config) : null), [runs, table, config]);
  if (!config.column) return <PanelWords>Choose a column where this panel is edited.</PanelWords>;
  if (!table) return <Waiting state={state} />;
  const title = columnTitle(config.column);
  if (!number) {
    return (
      <PanelWords>
        {runs.length === 0 ? "No run is shown." : <NoNumber runCount={runs.length} column={config.column} />}
      </PanelWords>
    );
  }
  const { value, run, baseline } = number;
  const nameOfBase = config.baseline === null ? "" : String(table.value(config.baseline, "name") ?? config.baseline);
  return (
    <div className={`${panelStyles.root} ${styles.scalar}`} data-testid="scalar" data-value={value}>
      <p className={styles.number} title={formatExact(value)} aria-label={isolated`${title}: ${formatExact(value)}`}>
        {formatNumber(config.column, value, 5)}
      </p>
      {baseline && (
        <p className={styles.delta} title={isolated`${nameOfBase}: ${formatExact(baseline.value)}`}>
          {`${signed(baseline.delta)}${baseline.share === null ? "" : ` (${signed(100 * baseline.share, 3)} %)`} to `}
          <bdi>{nameOfBase}</bdi>
        </p>
      )}
      {config.baseline !== null && !baseline && (
        <p className={styles.delta}>{`The baseline ${nameOfBase} has no number here.`}</p>
      )}
      <p className={styles.of}>
        {run ? (
          <>
            <RunSwatch style={run.style} />
            <span>{WORDS[config.which]}</span>
            <Link href={runPath(project, run.id)}>{run.name}</Link>
          </>
        ) : (
          `mean of ${plural(number.runCount, "run")}`
        )}
      </p>
      <Spark project={project} number={number} metric={metricOf(config.column)} />
    </div>
  );
}

const WORDS: Record<ScalarConfig["which"], string> = {
  last: "newest:",
  highlighted: "",
  min: "least:",
  max: "most:",
  mean: "",
};

const signed = (value: number, digits = 4) =>
  value > 0 ? `+${formatValue(value, digits)}` : formatValue(value, digits);

interface SparkProps {
  project: string;
  number: ShownNumber;
  metric: string | null;
}

const runOf = (question: SeriesQuestion): string => question.run;

const sparkQuestion = (project: string, run: string, key: string): SeriesQuestion => ({
  project,
  run,
  key,
  x: "step",
  buckets: SPARK_BUCKETS,
  min: null,
  max: null,
  smoothing: null,
});

/** How the run came to its number; for the mean, the numbers of all runs, the oldest first. */
function Spark({ project, number: { run, values }, metric }: SparkProps) {
  const root = useRef<HTMLDivElement>(null);
  const { width } = useBox(root);
  const isOnScreen = useOnScreen(root);
  const runId = run?.id;
  const questions = useMemo(
    () => (runId !== undefined && metric !== null ? [sparkQuestion(project, runId, metric)] : []),
    [project, runId, metric],
  );
  const { held } = useSeries(questions, runOf, "step", isOnScreen && questions.length > 0);
  const series = run ? held.get(run.id) : undefined;
  const points = run ? series && yColumn(series, "last") : Float64Array.from(values);
  const path = points ? sparkPath(points, width, SPARK_HEIGHT) : "";
  return (
    <div ref={root} className={styles.spark} aria-hidden="true">
      {path && (
        <svg width={width} height={SPARK_HEIGHT + 2} viewBox={`0 -1 ${width} ${SPARK_HEIGHT + 2}`}>
          <path d={path} fill="none" stroke={run?.style.color ?? "var(--accent)"} strokeWidth="1.5" />
        </svg>
      )}
    </div>
  );
}

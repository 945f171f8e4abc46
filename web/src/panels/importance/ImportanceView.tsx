/** Which columns have to do with a target: the most important first, each with the sign of its correlation. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type ColumnImportance, fetchImportance } from "../../api/importance";
import { isolated } from "../../format/isolated";
import { formatCount, formatValue, plural } from "../../format/number";
import { useStable } from "../../ui/use_stable";
import { columnTitle } from "../columns";
import { NameField } from "../fields";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import { PanelWords, Waiting } from "../PanelWords";
import { useNumberColumns } from "../use_column_names";
import { VirtualRows } from "../VirtualRows";
import type { ImportanceConfig } from "./config";
import styles from "./ImportanceView.module.css";
import { shareOf, sorted } from "./ranks";

const ROW_HEIGHT = 24;

export default function ImportanceView({ project, runs, config, change }: PanelProps<ImportanceConfig>) {
  const names = useNumberColumns(project);
  const { target } = config;
  // A running run's results change all the time: it is computed anew when a run has come or ended.
  const asked = useStable({ ids: runs.map(({ id }) => id), runningCount: runs.filter((run) => run.isRunning).length });
  const query = useQuery({
    queryKey: ["importance", project, target, asked],
    queryFn: ({ signal }) => fetchImportance(project, asked.ids, target, signal),
    enabled: target !== "" && asked.ids.length > 0,
    placeholderData: (before, last) => (last?.queryKey[2] === target ? before : undefined),
  });
  const columns = useMemo(() => sorted(query.data?.columns ?? []), [query.data]);
  return (
    <div className={panelStyles.root} data-testid="importance">
      <div className={styles.target}>
        <NameField label="Explain" value={target} names={names} choose={(name) => change({ target: name })} />
      </div>
      <Body {...{ columns, runCount: runs.length, target }} state={query} note={query.data?.note ?? ""} />
      {query.data && (
        <div className={panelStyles.foot}>
          <span className={panelStyles.grow} title={[query.data.method, query.data.note].filter(Boolean).join(" ")}>
            {[query.data.method, columns.length > 0 ? query.data.note : ""].filter(Boolean).join(" ")}
          </span>
        </div>
      )}
    </div>
  );
}

interface BodyProps {
  columns: readonly ColumnImportance[];
  runCount: number;
  target: string;
  note: string;
  state: { data: unknown; error: Error | null; refetch: () => unknown };
}

function Body({ columns, runCount, target, note, state }: BodyProps) {
  if (!target) return <PanelWords>Choose the column that is to be explained.</PanelWords>;
  if (runCount === 0) return <PanelWords>No run is shown.</PanelWords>;
  if (!state.data) return <Waiting state={{ error: state.error, retry: () => void state.refetch() }} />;
  if (columns.length === 0) {
    return (
      <PanelWords>
        {note || (
          <>
            Too little to say: {plural(runCount, "run")} do not differ in enough columns with a number for{" "}
            <bdi>{columnTitle(target)}</bdi>.
          </>
        )}
      </PanelWords>
    );
  }
  return (
    <>
      <div className={`${styles.row} ${styles.heading}`} aria-hidden="true">
        <span>column</span>
        <span>importance</span>
        <span />
        <span>correlation</span>
      </div>
      <VirtualRows
        label={isolated`Importance for ${columnTitle(target)}`}
        count={columns.length}
        rowHeight={ROW_HEIGHT}
        row={(index) => <ImportanceRow column={columns[index]} columns={columns} />}
      />
    </>
  );
}

const words = (value: number | null) => (value === null ? "–" : formatValue(value, 2));
const signed = (value: number | null) => (value !== null && value > 0 ? `+${words(value)}` : words(value));

function ImportanceRow({ column, columns }: { column: ColumnImportance; columns: readonly ColumnImportance[] }) {
  const { name, importance, pearson, spearman, count } = column;
  const correlation = spearman ?? pearson;
  const about = isolated`${name}: importance ${words(importance)}; correlation by rank ${signed(spearman)}, linear ${signed(pearson)}; over ${plural(count, "run")}`;
  return (
    <div className={styles.row} title={about}>
      <span className={styles.name}>{columnTitle(name)}</span>
      <span className={styles.track} aria-hidden="true">
        <span className={styles.bar} style={{ width: `${100 * shareOf(column, columns)}%` }} />
      </span>
      <span className={styles.value}>{words(importance)}</span>
      <span className={styles.value} data-sign={correlation === null ? 0 : Math.sign(correlation)}>
        {signed(correlation)}
        <span className="visuallyHidden">{`, over ${formatCount(count)} runs`}</span>
      </span>
    </div>
  );
}

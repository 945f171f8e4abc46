/** What stands in a cell of runs: states with their icon, times as people say them, numbers in line, everything else as text. */
import { Ago, Elapsed } from "../ui/Moment";
import { StateLabel } from "../ui/StateLabel";
import { isTime } from "./cell_text";
import type { RunRow } from "./known_rows";
import styles from "./RunCell.module.css";
import { valueOf } from "./run_value";

interface RunCellProps {
  row: RunRow;
  column: string;
  /** What it says, but for what is said with an icon or moves with the time. */
  label: string;
}

export function RunCell({ row, column, label }: RunCellProps) {
  const { run } = row;
  if (run && column === "state") return <StateLabel state={run.state} isStalled={run.stalled} />;
  if (run && column === "duration") {
    return (
      <Elapsed
        fromMs={run.create_time_unix_ms}
        toMs={run.finish_time_unix_ms ?? run.update_time_unix_ms}
        isGrowing={run.state === "running"}
      />
    );
  }
  const value = valueOf(row, column);
  if (isTime(column) && typeof value === "number") return <Ago unixMs={value} />;
  if (column === "tags" && Array.isArray(value)) {
    return (
      <span className={styles.tags}>
        {value.map((tag) => (
          <span key={String(tag)}>{String(tag)}</span>
        ))}
      </span>
    );
  }
  return <span>{label}</span>;
}

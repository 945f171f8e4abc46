/** By which columns runs are grouped, the outermost first. */
import { isolate, isolated } from "../format/isolated";
import { columnLabel, originOf } from "./column_names";
import { CrossIcon } from "../ui/icons";
import styles from "./GroupChooser.module.css";

const FIELDS = ["state", "group", "job_type", "tags", "host"];
// A tree of more levels says nothing any more.
const LEVELS_MAX = 4;

interface GroupChooserProps {
  groupBy: readonly string[];
  setGroupBy: (groupBy: readonly string[]) => void;
  /** Columns of the config that may be grouped by. */
  config: readonly string[];
}

export function GroupChooser({ groupBy, setGroupBy, config }: GroupChooserProps) {
  const offered = [...FIELDS, ...config].filter((column) => !groupBy.includes(column));
  return (
    <span className={styles.groups}>
      {groupBy.map((column) => (
        <span key={column} className={styles.chip} title={column}>
          {columnLabel(column)}
          <button
            type="button"
            className="quiet icon"
            aria-label={isolated`Do not group by ${column}`}
            onClick={() => setGroupBy(groupBy.filter((one) => one !== column))}
          >
            <CrossIcon />
          </button>
        </span>
      ))}
      {groupBy.length < LEVELS_MAX && (
        <select aria-label="Group by" value="" onChange={(event) => setGroupBy([...groupBy, event.target.value])}>
          <option value="" disabled>
            {groupBy.length > 0 ? "then by…" : "Group by…"}
          </option>
          {offered.map((column) => (
            <option key={column} value={column}>
              {isolate(columnLabel(column))}
              {originOf(column) === "config" ? " (config)" : ""}
            </option>
          ))}
        </select>
      )}
    </span>
  );
}

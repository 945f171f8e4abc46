/** The heading of a group of runs in the list: folds it, and shows or hides its line. */
import type { RunGroup } from "../api/run_sets";
import type { LineStyle } from "../chart/model";
import { isolate, isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { foldName } from "../runs/group_rows";
import { ChevronIcon } from "../ui/icons";
import { RunSwatch } from "../ui/RunSwatch";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./GroupRow.module.css";
import { groupName } from "./groups";

interface GroupRowProps {
  group: RunGroup;
  isOpen: boolean;
  columns: readonly string[];
  /** Null above the innermost level: nothing is drawn of it as one line. */
  style: LineStyle | null;
  isDrawn: boolean;
  toggle: () => void;
  view: ViewState;
  changeView: ChangeView;
}

export function GroupRow({ group, isOpen, columns, style, isDrawn, toggle, view, changeView }: GroupRowProps) {
  const name = groupName(group.values.slice(-1), columns.slice(group.level));
  const whole = group.values.map((value, level) => isolate(groupName([value], [columns[level]]))).join(" · ");
  const fold = foldName(group.values);
  const isLine = group.level === columns.length - 1;
  return (
    <div className={styles.row} style={{ paddingLeft: 4 + 16 * group.level }} data-testid="group" data-drawn={isDrawn}>
      <button
        type="button"
        className={`quiet icon ${styles.fold}`}
        aria-expanded={isOpen}
        aria-label={isolated`Runs of ${name}`}
        onClick={() =>
          changeView({ closed: isOpen ? [...view.closed, fold] : view.closed.filter((one) => one !== fold) })
        }
      >
        <span className={styles.chevron} data-open={isOpen}>
          <ChevronIcon />
        </span>
      </button>
      {isLine && (
        <button
          type="button"
          className={`quiet ${styles.toggle}`}
          aria-pressed={isDrawn}
          aria-label={isolated`Show ${name} in the charts`}
          title={isDrawn ? "Hide from the charts" : "Show in the charts"}
          onClick={toggle}
        >
          <RunSwatch style={style ?? { color: "var(--muted)", dash: [] }} isHidden={!isDrawn || style === null} />
        </button>
      )}
      <span className={styles.name} title={whole}>
        {name}
      </span>
      <span className={styles.count}>
        {formatCount(group.count)}
        {group.running_count > 0 && ` · ${formatCount(group.running_count)} running`}
      </span>
    </div>
  );
}

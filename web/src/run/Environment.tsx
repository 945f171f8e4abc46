/** What is known of a run's interpreter, libraries, machine and variables; folded, since it is long and seldom read. */
import { useMemo } from "react";
import { formatCount } from "../format/number";
import { ChevronIcon } from "../ui/icons";
import { CopyButton } from "../ui/CopyButton";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./Environment.module.css";
import { environmentGroups, environmentText, PROBLEMS } from "./environment_groups";
import { KeyValueTable } from "./KeyValueTable";

interface EnvironmentProps {
  facts: Readonly<Record<string, unknown>> | undefined;
  view: ViewState;
  changeView: ChangeView;
}

export function Environment({ facts, view, changeView }: EnvironmentProps) {
  const groups = useMemo(() => environmentGroups(facts), [facts]);
  const problems = facts?.[PROBLEMS];
  if (groups.length === 0 && !problems) return null;
  const count = groups.reduce((sum, group) => sum + group.rows.length, 0);
  return (
    <section className={styles.environment} aria-label="Environment">
      <header>
        <h2>
          <button
            type="button"
            className="quiet"
            aria-expanded={view.hasEnvironment}
            onClick={() => changeView({ hasEnvironment: !view.hasEnvironment })}
          >
            <span className={styles.chevron} data-open={view.hasEnvironment}>
              <ChevronIcon />
            </span>
            Environment
            <span className={styles.count}>{formatCount(count)}</span>
          </button>
        </h2>
        {view.hasEnvironment && (
          <CopyButton text={() => environmentText(groups)} label="Copy the environment">
            Copy
          </CopyButton>
        )}
      </header>
      {view.hasEnvironment && typeof problems === "string" && (
        <p className={styles.problems}>Not all could be found out: {problems}</p>
      )}
      {view.hasEnvironment && (
        <div className={styles.groups}>
          {groups.map(({ title, rows }) => (
            <KeyValueTable key={title} title={title} rows={rows} empty="" />
          ))}
        </div>
      )}
    </section>
  );
}

/** Config and summary of the shown runs side by side. */
import { useMemo } from "react";
import { CompareBody } from "../../compare/CompareBody";
import { countsOf, makeRows } from "../../compare/rows";
import { formatCount, plural } from "../../format/number";
import { Link } from "../../ui/Link";
import { matcher } from "../../ui/matcher";
import { comparePath, runPath } from "../../url/route";
import type { PanelProps } from "../kind";
import styles from "../Panel.module.css";
import { PanelWords, Waiting } from "../PanelWords";
import type { ComparerConfig } from "./config";
import { useComparedColumns } from "./use_compared_columns";

// The filter names each run: with more, it would be longer than an address may be.
const RUNS_MAX = 100;
// What the comparing page shows well side by side.
const OPENED_MAX = 10;

export default function ComparerView(props: PanelProps<ComparerConfig>) {
  const { project, runs, config, change, view, changeView, isFullScreen } = props;
  const compared = runs.slice(0, RUNS_MAX);
  const { facts, cutCount, error, retry } = useComparedColumns(
    project,
    compared.map(({ id }) => id),
    !view.hasSame,
  );
  const { hasSame } = view;
  const rows = useMemo(() => (facts ? makeRows(facts, { ...config, hasSame }) : []), [facts, config, hasSame]);
  const counts = countsOf(rows);
  if (runs.length < 2) {
    return (
      <PanelWords>
        {runs.length === 0 ? "No run is shown." : "One run is shown: show another to compare it with."}
      </PanelWords>
    );
  }
  if (!facts) return <Waiting state={{ error, retry }} />;
  return (
    <div className={styles.root} data-testid="comparer">
      <div className={styles.foot}>
        <input
          className={styles.search}
          type="search"
          placeholder="Search keys (regex)"
          aria-label="Search keys by regular expression"
          aria-invalid={matcher(config.search) === null}
          value={config.search}
          onChange={(event) => change({ ...config, search: event.target.value })}
        />
        <label className={styles.legend}>
          <input
            type="checkbox"
            checked={!hasSame}
            onChange={(event) => changeView({ hasSame: !event.target.checked })}
          />
          differences only
        </label>
        <span className={styles.grow} role="status">
          {[
            counts.keyCount === 0
              ? config.search
                ? `No key matches “${config.search}”`
                : "These runs do not differ"
              : `${formatCount(counts.differentCount)} ${counts.differentCount === 1 ? "key differs" : "keys differ"}`,
            runs.length > RUNS_MAX ? `the first ${RUNS_MAX} of ${plural(runs.length, "run")}` : "",
            cutCount > 0 ? `${formatCount(cutCount)} keys left out` : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
        {isFullScreen && (
          <Link
            href={comparePath(
              project,
              compared.slice(0, OPENED_MAX).map(({ id }) => id),
            )}
          >
            Compare packages and code
          </Link>
        )}
      </div>
      <CompareBody
        project={project}
        label={`Comparison of ${plural(compared.length, "run")}`}
        rows={rows}
        runs={compared}
        head={(run) => <Link href={runPath(project, run.id)}>{run.name}</Link>}
        toggle={(section) =>
          change({
            ...config,
            closed: config.closed.includes(section)
              ? config.closed.filter((one) => one !== section)
              : [...config.closed, section],
          })
        }
      />
    </div>
  );
}

/** Where a run comes from, and how often it was set back. */
import type { WholeRun } from "../api/types";
import { formatCount, plural } from "../format/number";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { runPath } from "../url/route";
import styles from "./Overview.module.css";

export function Lineage({ run }: { run: WholeRun }) {
  const source = run.forked_from;
  const rewinds = run.rewinds ?? [];
  if (!source && rewinds.length === 0) return null;
  return (
    <ul className={styles.notes} aria-label="Where the run comes from">
      {source && (
        <li>
          Forked from{" "}
          <Link href={runPath(source.project, source.run_id)}>
            {source.project === run.project ? source.run_id : `${source.project}/${source.run_id}`}
          </Link>{" "}
          after step {formatCount(source.last_step)}
        </li>
      )}
      {rewinds.map((rewind) => (
        <li key={`${rewind.time_unix_ms} ${rewind.last_step}`}>
          Set back to step {formatCount(rewind.last_step)} <Ago unixMs={rewind.time_unix_ms} />:{" "}
          {plural(rewind.masked_point_count, "later point is", "later points are")} no longer shown
        </li>
      ))}
    </ul>
  );
}

/** What belongs to a run: what it was forked from, how often it was begun again and set back, and who writes it. */
import type { WholeRun } from "../api/types";
import { formatCount, plural } from "../format/number";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { runPath } from "../url/route";
import { formatView, type ViewState } from "../url/view_state";
import styles from "./Overview.module.css";
import { attempts, ranks } from "./writer_kinds";

export function Related({ run, view }: { run: WholeRun; view: ViewState }) {
  const source = run.forked_from;
  const rewinds = run.rewinds ?? [];
  const begun = attempts(run.writers);
  const together = ranks(run.writers);
  const standing = run.ranks;
  const health = `${location.pathname}?${formatView({ ...view, tab: "health" })}`;
  if (!source && rewinds.length === 0 && begun.length < 2 && together.length < 2 && !standing) return null;
  return (
    <ul className={styles.notes} aria-label="What belongs to the run">
      {source && (
        <li>
          Forked from{" "}
          <Link href={runPath(source.project, source.run_id)}>
            {source.project !== run.project && (
              <>
                <bdi>{source.project}</bdi>/
              </>
            )}
            <bdi>{source.run_id}</bdi>
          </Link>{" "}
          after step {formatCount(source.last_step)}
        </li>
      )}
      {begun.length > 1 && (
        <li>
          {plural(begun.length, "attempt")}: the last one began after step{" "}
          {formatCount(Math.max(0, begun[begun.length - 2].next_step - 1))}. <Link href={health}>All of them</Link>
        </li>
      )}
      {standing && (
        <li>
          {standing.sentence}
          {standing.notes.length > 0 && (
            <>
              ; <bdi>{standing.notes[0].text}</bdi>
            </>
          )}
          . <Link href={`${location.pathname}?${formatView({ ...view, tab: "ranks" })}`}>How each of them does</Link>
        </li>
      )}
      {!standing && together.length > 1 && (
        <li>
          {plural(together.length, "process writes", "processes write")} it together.{" "}
          <Link href={health}>How each of them does</Link>
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

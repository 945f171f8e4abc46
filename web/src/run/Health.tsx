/** Whether all of a run has come in: what was lost and why, how far it is safe, who writes it, and what it has raised. */
import type { IngestHealth, Upload, WholeRun } from "../api/types";
import { useUpload } from "../data/queries";
import { formatCount, plural } from "../format/number";
import { CheckIcon, WarningIcon } from "../ui/icons";
import { Ago } from "../ui/Moment";
import { Alerts } from "./Alerts";
import styles from "./Health.module.css";
import { verdictOf } from "./verdict";
import { syncedWords } from "./synced_words";
import { Writers } from "./Writers";
import { ofRun } from "./writer_kinds";

const COUNTS: readonly [keyof Omit<IngestHealth, "message">, string, string][] = [
  ["accepted_row_count", "Rows stored", "Rows that came in as they were sent"],
  ["late_row_count", "Came late", "Rows for steps already passed; they stand in their place"],
  ["dropped_late_row_count", "Dropped", "Rows for steps already passed that the run's settings drop"],
  ["refused_count", "Refused", "Records that break a rule: the sentence below says which"],
  ["damaged_record_count", "Damaged", "Records that were found damaged on the disk"],
];

export default function Health({ run }: { run: WholeRun }) {
  const { data: upload } = useUpload();
  const verdict = verdictOf(run);
  const health = run.ingest_health;
  const rewinds = run.rewinds ?? [];
  return (
    <div className={styles.health}>
      <p className={styles.verdict} data-well={verdict.isWell} role="status">
        {verdict.isWell ? <CheckIcon /> : <WarningIcon />}
        <span>{verdict.sentence}</span>
      </p>
      <dl className={styles.counts} aria-label="What came in">
        {COUNTS.map(([name, words, meaning]) => (
          <div key={name} title={meaning} data-bad={name !== "accepted_row_count" && (health?.[name] ?? 0) > 0}>
            <dt>{words}</dt>
            <dd>{formatCount(health?.[name] ?? 0)}</dd>
          </div>
        ))}
      </dl>
      {health?.message && health.message !== verdict.sentence && (
        <p className={styles.message}>
          The first that went wrong: <span>{health.message}</span>
        </p>
      )}
      <section aria-label="How far the run is safe">
        <h2>How far it is safe</h2>
        <ul className={styles.list}>
          {safetyOf(run, upload).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </section>
      {rewinds.length > 0 && (
        <section aria-label="Set back">
          <h2>Set back</h2>
          <ul className={styles.list}>
            {rewinds.map((rewind) => (
              <li key={`${rewind.time_unix_ms} ${rewind.last_step}`}>
                To step {formatCount(rewind.last_step)} <Ago unixMs={rewind.time_unix_ms} />:{" "}
                {plural(rewind.masked_point_count, "later point is", "later points are")} no longer shown
              </li>
            ))}
          </ul>
        </section>
      )}
      <Writers writers={run.writers} />
      {ofRun(run.writers).length === 0 && <p className={styles.message}>No process has written to this run yet.</p>}
      <Alerts alerts={run.alerts ?? []} />
      {(run.alerts ?? []).length === 0 && <p className={styles.message}>The run has raised no alerts.</p>}
    </div>
  );
}

function safetyOf(run: WholeRun, upload: Upload | undefined): string[] {
  const { next_step: next, durable_step: durable } = run;
  const sentences = [
    next === 0
      ? "No step has been logged yet."
      : durable >= next
        ? "Everything that was logged is on this machine's disk."
        : `Steps below ${formatCount(durable)} of ${formatCount(next)} are on this machine's disk; the others will be within a second.`,
  ];
  const synced = syncedWords(run, upload);
  sentences.push(synced ? `In the bucket: ${synced}.` : "Nothing is uploaded: this disk has the only copy.");
  return sentences;
}

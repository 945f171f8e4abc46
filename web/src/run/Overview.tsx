/** What a run is and how it went: its state and why it ended, how its data came in, its command, config and summary. */
import { useMemo } from "react";
import { exportAddress } from "../api/routes";
import type { WholeRun } from "../api/types";
import { formatCount } from "../format/number";
import { formatMoment } from "../format/time";
import { Ago, Elapsed } from "../ui/Moment";
import { StateLabel } from "../ui/StateLabel";
import { flatten } from "./flatten";
import { healthSentences } from "./health";
import { KeyValueTable } from "./KeyValueTable";
import styles from "./Overview.module.css";

export function Overview({ run }: { run: WholeRun }) {
  const config = useMemo(() => flatten(run.config), [run.config]);
  const summary = useMemo(() => Object.entries(run.summary), [run.summary]);
  const health = healthSentences(run.ingest_health);
  return (
    <div className={styles.overview}>
      <header className={styles.title}>
        <h1>{run.name || run.run_id}</h1>
        <StateLabel state={run.state} />
        <span className={styles.muted}>
          <Elapsed
            fromMs={run.create_time_unix_ms}
            toMs={run.finish_time_unix_ms ?? run.update_time_unix_ms}
            isGrowing={run.state === "running"}
          />
        </span>
        <span className={styles.downloads}>
          History as <a href={exportAddress(run.project, run.run_id, "csv")}>CSV</a>
          {" · "}
          <a href={exportAddress(run.project, run.run_id, "jsonl")}>JSON lines</a>
        </span>
      </header>
      {run.traceback && (
        // what scrolls must be reachable by keyboard.
        <pre className={styles.traceback} tabIndex={0}>
          {run.traceback}
        </pre>
      )}
      {health.length > 0 && (
        <ul className={styles.health} aria-label="How the data came in">
          {health.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <div className={styles.columns}>
        <section aria-label="Facts">
          <h2>Run</h2>
          <dl>
            {factsOf(run).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
        <KeyValueTable title="Config" rows={config} empty="No config was given." />
        <KeyValueTable title="Summary" rows={summary} empty="Nothing logged yet." />
      </div>
    </div>
  );
}

function factsOf(run: WholeRun): [string, React.ReactNode][] {
  const { process } = run;
  const facts: [string, React.ReactNode][] = [
    ["Id", run.run_id],
    [
      "Started",
      <span key="started" title={formatMoment(run.create_time_unix_ms)}>
        <Ago unixMs={run.create_time_unix_ms} />
      </span>,
    ],
  ];
  if (run.finish_time_unix_ms !== null) facts.push(["Ended", <Ago key="ended" unixMs={run.finish_time_unix_ms} />]);
  if (run.exit_code !== null && run.exit_code !== undefined) facts.push(["Exit code", String(run.exit_code)]);
  if (run.signal) facts.push(["Signal", String(run.signal)]);
  facts.push(
    ["Rows", formatCount(run.ingest_health?.accepted_row_count ?? 0)],
    ["Next step", formatCount(run.next_step)],
  );
  if (run.group) facts.push(["Group", run.group]);
  if (run.job_type) facts.push(["Job type", run.job_type]);
  if (run.tags.length > 0) facts.push(["Tags", run.tags.join(", ")]);
  if (run.notes) facts.push(["Notes", run.notes]);
  if (process?.host) facts.push(["Machine", process.pid ? `${process.host}, process ${process.pid}` : process.host]);
  if (process?.program)
    facts.push(["Command", <code key="command">{[process.program, ...(process.arguments ?? [])].join(" ")}</code>]);
  return facts;
}

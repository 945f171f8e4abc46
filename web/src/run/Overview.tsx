/** What a run is and how it went: why it ended, how its data came in, its command, config and summary. */
import { useMemo } from "react";
import type { Upload, WholeRun } from "../api/types";
import { useUpload } from "../data/queries";
import { formatCount } from "../format/number";
import { formatMoment } from "../format/time";
import { Ago } from "../ui/Moment";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { Alerts } from "./Alerts";
import { Code } from "./Code";
import { Environment } from "./Environment";
import { flatten } from "./flatten";
import { codeFacts } from "./git";
import { healthSentences } from "./health";
import { KeyValueTable } from "./KeyValueTable";
import { Lineage } from "./Lineage";
import styles from "./Overview.module.css";
import { signalName } from "./signal_name";
import { syncedWords } from "./synced_words";
import { Writers } from "./Writers";

interface OverviewProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

export function Overview({ run, view, changeView }: OverviewProps) {
  const config = useMemo(() => flatten(run.config), [run.config]);
  const summary = useMemo(() => Object.entries(run.summary), [run.summary]);
  const code = useMemo(() => codeFacts(run), [run]);
  const health = healthSentences(run.ingest_health);
  const { data: upload } = useUpload();
  return (
    <div className={styles.overview}>
      {run.traceback && (
        // what scrolls must be reachable by keyboard.
        <pre className={styles.traceback} tabIndex={0}>
          {run.traceback}
        </pre>
      )}
      <Alerts alerts={run.alerts ?? []} />
      {health.length > 0 && (
        <ul className={`${styles.notes} ${styles.health}`} aria-label="How the data came in">
          {health.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <Lineage run={run} />
      <div className={styles.columns}>
        <section aria-label="Facts">
          <h2>Run</h2>
          <dl>
            {factsOf(run, upload).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
        {code && <Code facts={code} />}
        <KeyValueTable title="Config" rows={config} empty="No config was given." />
        <KeyValueTable title="Summary" rows={summary} empty="Nothing logged yet." />
      </div>
      <Writers writers={run.writers} />
      <Environment facts={run.environment} view={view} changeView={changeView} />
    </div>
  );
}

function factsOf(run: WholeRun, upload: Upload | undefined): [string, React.ReactNode][] {
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
  if (run.signal) facts.push(["Signal", signalName(run.signal)]);
  facts.push(
    ["Rows", formatCount(run.ingest_health?.accepted_row_count ?? 0)],
    ["Next step", formatCount(run.next_step)],
  );
  const synced = syncedWords(run, upload);
  if (synced) facts.push(["Synced", synced]);
  if (run.group) facts.push(["Group", run.group]);
  if (run.job_type) facts.push(["Job type", run.job_type]);
  if (run.tags.length > 0) facts.push(["Tags", run.tags.join(", ")]);
  if (run.notes) facts.push(["Notes", run.notes]);
  if (process?.host) facts.push(["Machine", process.pid ? `${process.host}, process ${process.pid}` : process.host]);
  if (process?.program)
    facts.push(["Command", <code key="command">{[process.program, ...(process.arguments ?? [])].join(" ")}</code>]);
  return facts;
}

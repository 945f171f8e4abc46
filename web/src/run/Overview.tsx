/** What a run is and how it went: why it ended, its metrics at a glance, its command, code, config and summary. */
import { useMemo } from "react";
import type { Upload, WholeRun } from "../api/types";
import { useUpload } from "../data/queries";
import { formatCount } from "../format/number";
import { formatMoment } from "../format/time";
import type { ChartMetric } from "../panel/shown_run";
import { Link } from "../ui/Link";
import { CopyButton } from "../ui/CopyButton";
import { Ago } from "../ui/Moment";
import type { ChangeView } from "../url/use_view";
import { projectPath } from "../url/route";
import { DEFAULT_VIEW, formatView, type ViewState } from "../url/view_state";
import { Alerts } from "./Alerts";
import { Code } from "./Code";
import { Config } from "./Config";
import { Ending } from "./Ending";
import { Environment } from "./Environment";
import { codeFacts } from "./git";
import { Headlines } from "./Headlines";
import { verdictOf } from "./verdict";
import { KeyValueTable } from "./KeyValueTable";
import { Notes } from "./Notes";
import styles from "./Overview.module.css";
import { Related } from "./Related";
import { signalName } from "./signal_name";
import { syncedWords } from "./synced_words";
import { Tags } from "./Tags";
import type { RunChange } from "./run_change";
import { useEdit } from "./use_edit";

interface OverviewProps {
  run: WholeRun;
  drawn: readonly ChartMetric[];
  view: ViewState;
  changeView: ChangeView;
}

/** Folded branches of the config stand in the address beside the folded sections. */
const CLOSED_PREFIX = "config:";

export default function Overview({ run, drawn, view, changeView }: OverviewProps) {
  const summary = useMemo(() => Object.entries(run.summary), [run.summary]);
  const code = useMemo(() => codeFacts(run), [run]);
  const { data: upload } = useUpload();
  const { edit, error } = useEdit(run);
  const verdict = verdictOf(run);
  const closed = useMemo(
    () => view.closed.filter((one) => one.startsWith(CLOSED_PREFIX)).map((one) => one.slice(CLOSED_PREFIX.length)),
    [view.closed],
  );
  const setClosed = (paths: readonly string[]) =>
    changeView({
      closed: [
        ...view.closed.filter((one) => !one.startsWith(CLOSED_PREFIX)),
        ...paths.map((path) => CLOSED_PREFIX + path),
      ],
    });
  return (
    <div className={styles.overview}>
      <Ending run={run} view={view} />
      <Alerts alerts={run.alerts ?? []} />
      {!verdict.isWell && (
        <p className={`${styles.notes} ${styles.health}`} aria-label="How the data came in">
          {verdict.sentence}{" "}
          <Link href={`${location.pathname}?${formatView({ ...view, tab: "health" })}`}>Health says more</Link>
        </p>
      )}
      <Headlines
        project={run.project}
        run={run.run_id}
        drawn={drawn}
        definitions={run.metric_definitions}
        view={view}
      />
      <Related run={run} view={view} />
      {error && (
        <p className={`${styles.notes} ${styles.health}`} role="alert">
          The change was not taken: {error.message}
        </p>
      )}
      <div className={styles.columns}>
        <section aria-label="Facts">
          <h2>Run</h2>
          <dl>
            {factsOf(run, upload, edit).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
        {code && <Code facts={code} view={view} />}
        <Config config={run.config} closed={closed} setClosed={setClosed} />
        <KeyValueTable title="Summary" rows={summary} empty="Nothing logged yet." />
      </div>
      <Environment facts={run.environment} view={view} changeView={changeView} />
    </div>
  );
}

function factsOf(
  run: WholeRun,
  upload: Upload | undefined,
  edit: (change: RunChange) => void,
): [string, React.ReactNode][] {
  const { process } = run;
  const facts: [string, React.ReactNode][] = [
    ["Tags", <Tags key="tags" tags={run.tags} edit={edit} />],
    ["Notes", <Notes key="notes" notes={run.notes} edit={edit} />],
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
  if (run.group) {
    facts.push([
      "Group",
      <Link key="group" href={groupAddress(run.project, run.group)}>
        {run.group}
      </Link>,
    ]);
  }
  if (run.job_type) facts.push(["Job type", run.job_type]);
  if (process?.host) facts.push(["Machine", process.pid ? `${process.host}, process ${process.pid}` : process.host]);
  if (process?.program) {
    const command = [process.program, ...(process.arguments ?? [])].join(" ");
    facts.push([
      "Command",
      <span key="command" className={styles.commit}>
        <code>{command}</code>
        <CopyButton text={() => command} label="Copy the command" />
      </span>,
    ]);
  }
  return facts;
}

/** The runs of a group, as the workspace lists them. */
const groupAddress = (project: string, group: string): string =>
  `${projectPath(project)}?${formatView({ ...DEFAULT_VIEW, filter: `group = ${JSON.stringify(group)}` })}`;

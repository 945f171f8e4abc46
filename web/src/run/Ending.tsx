/** Why a run failed, within one glance: what was thrown or what ended it, the traceback, and the last it has printed. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { fetchConsole } from "../api/routes";
import type { WholeRun } from "../api/types";
import { visible, withoutSgr } from "../logs/ansi";
import { CopyButton } from "../ui/CopyButton";
import { BoltIcon, CrossIcon, PauseIcon, StopIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { formatView, type ViewState } from "../url/view_state";
import styles from "./Ending.module.css";
import { endingOf, linesBefore } from "./end_words";

interface EndingProps {
  run: WholeRun;
  view: ViewState;
}

// What is read at a glance; the logs have the rest.
const LAST_LINES = 8;
const ASKED_MAX = 300;
// A traceback of a deep stack is folded to its end.
const TRACEBACK_LINES = 8;

export function Ending({ run, view }: EndingProps) {
  const ending = endingOf(run);
  if (!ending) return null;
  const Icon =
    run.state === "running"
      ? PauseIcon
      : run.state === "failed"
        ? CrossIcon
        : run.state === "crashed"
          ? BoltIcon
          : StopIcon;
  return (
    <section className={styles.ending} data-bad={ending.isBad} aria-label="How the run ended">
      <h2>
        <span className={styles.icon}>
          <Icon />
        </span>
        <span>{ending.sentence}</span>
        <CopyButton text={() => run.traceback || ending.sentence} label="Copy why" />
      </h2>
      <p className={styles.facts}>
        {ending.facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
        {run.finish_time_unix_ms !== null && (
          <span>
            ended <Ago unixMs={run.finish_time_unix_ms} />
          </span>
        )}
        <span>
          last word <Ago unixMs={lastHeardMs(run)} />, next step {run.next_step}
        </span>
      </p>
      {run.traceback && <Traceback text={run.traceback} />}
      <LastLines run={run} view={view} />
    </section>
  );
}

/** When a writer of the run itself was heard last: the daemon's own goes on for longer. */
const lastHeardMs = (run: WholeRun): number =>
  Math.max(
    run.create_time_unix_ms,
    ...(run.writers ?? []).filter(({ role }) => role !== "observer").map((writer) => writer.update_time_unix_ms),
  );

function Traceback({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  const lines = text.trimEnd().split("\n");
  const isLong = lines.length > TRACEBACK_LINES;
  const shown = isWhole || !isLong ? lines : lines.slice(-TRACEBACK_LINES);
  return (
    <>
      {/* What scrolls must be reachable by keyboard. */}
      <pre className={styles.text} tabIndex={0} aria-label="Traceback">
        {shown.join("\n")}
      </pre>
      {isLong && (
        <button type="button" className="quiet" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Only the end of the traceback" : `Whole traceback, ${lines.length} lines`}
        </button>
      )}
    </>
  );
}

function LastLines({ run, view }: EndingProps) {
  const lineCount = (run.writers ?? []).reduce((sum, writer) => sum + writer.console_line_count, 0);
  const lines = useQuery({
    // Every change of the run may bring lines; one that has ended is asked once.
    queryKey: ["last-lines", run.project, run.run_id, lineCount],
    queryFn: async ({ signal }) => {
      // The traceback at the end was printed too, and stands above.
      const limit = Math.min(ASKED_MAX, LAST_LINES + run.traceback.split("\n").length);
      const question = { project: run.project, run: run.run_id, writer: "", firstLine: null, limit };
      const answer = (await fetchConsole(question, signal)).lines;
      const texts = answer.map((line) => visible(withoutSgr(line[3])));
      const count = linesBefore(texts, run.traceback);
      return answer
        .map(([number, stream], index) => ({ number, stream, text: texts[index] }))
        .slice(Math.max(0, count - LAST_LINES), count);
    },
    enabled: lineCount > 0,
    placeholderData: (before) => before,
  });
  if (lineCount === 0) return <p className={styles.words}>It has printed nothing that was kept.</p>;
  const shown = lines.data ?? [];
  // All that was printed is the traceback.
  if (lines.data && shown.length === 0) return null;
  const last = shown.at(-1)?.number ?? null;
  const query = formatView({ ...view, tab: "logs", writer: "", logLine: last === null ? null : last + 1 });
  return (
    <>
      <h3>
        Last lines {/* It leads to a line, which is known when the lines have come. */}
        {!lines.isPending && (
          <Link href={`${location.pathname}?${query}`} className={styles.more}>
            Open in Logs
          </Link>
        )}
      </h3>
      {/* As high as it will be, so that nothing moves when the lines come. */}
      <pre className={styles.text} tabIndex={0} aria-label="Last lines of the console" aria-busy={!lines.data}>
        {lines.error && !lines.data
          ? `The lines could not be read: ${lines.error.message}`
          : Array.from({ length: lines.data ? shown.length : Math.min(LAST_LINES, lineCount) }, (_, index) => (
              <span key={index} data-stream={shown[index]?.stream}>
                {`${shown[index]?.text ?? ""}\n`}
              </span>
            ))}
      </pre>
    </>
  );
}

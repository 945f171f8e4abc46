/** Which processes write a run, what came from each of them, and since when one is silent. */
import type { Writer } from "../api/types";
import { formatCount } from "../format/number";
import { formatDuration } from "../format/time";
import { PauseIcon } from "../ui/icons";
import { Ago } from "../ui/Moment";
import { useNow } from "../ui/use_now";
import { ofRun, silenceMs } from "./writer_kinds";
import styles from "./Writers.module.css";

// A name or two say what a writer is for; a model has thousands.
const TITLE_METRICS_MAX = 20;

export function Writers({ writers }: { writers: readonly Writer[] | undefined }) {
  const shown = ofRun(writers);
  if (shown.length === 0) return null;
  return (
    <section className={styles.writers} aria-label="Writers">
      <h2>
        Writers <span className={styles.count}>{formatCount(shown.length)}</span>
      </h2>
      {/* what scrolls must be reachable by keyboard. */}
      <div className={styles.scroll} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col">State</th>
              <th scope="col">Last record</th>
              <th scope="col">Rows</th>
              <th scope="col">Metrics</th>
              <th scope="col">Next step</th>
              <th scope="col">Lines</th>
              <th scope="col">Role</th>
              <th scope="col">Machine</th>
              <th scope="col">Process</th>
              <th scope="col">Client</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((writer) => (
              <tr key={writer.writer_id}>
                <th scope="row">{writer.label || "–"}</th>
                <td>
                  <WriterState writer={writer} />
                </td>
                <td>{writer.update_time_unix_ms > 0 ? <Ago unixMs={writer.update_time_unix_ms} /> : "–"}</td>
                <td className={styles.number}>{formatCount(writer.row_count)}</td>
                <td className={styles.number} title={namesOf(writer.metrics)}>
                  {formatCount(writer.metrics.length)}
                </td>
                <td className={styles.number}>{formatCount(writer.next_step)}</td>
                <td className={styles.number}>{formatCount(writer.console_line_count)}</td>
                <td>{writer.role}</td>
                <td>{writer.process?.host || "–"}</td>
                <td className={styles.number}>{writer.process?.pid || "–"}</td>
                <td>{writer.client || "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function WriterState({ writer }: { writer: Writer }) {
  const now = useNow(writer.open);
  const silence = silenceMs(writer, now);
  if (!writer.open) return <>ended</>;
  if (silence === null) return <>writing</>;
  return (
    <span className={styles.silent}>
      <PauseIcon />
      silent for {formatDuration(silence)}
    </span>
  );
}

const namesOf = (metrics: readonly string[]): string =>
  metrics.slice(0, TITLE_METRICS_MAX).join(", ") + (metrics.length > TITLE_METRICS_MAX ? ", …" : "");

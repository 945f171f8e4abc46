/** Which processes write a run, where there is more than one. */
import type { Writer } from "../api/types";
import { formatCount } from "../format/number";
import { Ago } from "../ui/Moment";
import styles from "./Writers.module.css";

/** The daemon's own is none of the run's. */
const ofRun = (writers: readonly Writer[] | undefined) => (writers ?? []).filter(({ role }) => role !== "observer");

// A name or two say what a writer is for; a model has thousands.
const TITLE_METRICS_MAX = 20;

export function Writers({ writers }: { writers: readonly Writer[] | undefined }) {
  const shown = ofRun(writers);
  if (shown.length < 2) return null;
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
              <th scope="col">Role</th>
              <th scope="col">Client</th>
              <th scope="col">Machine</th>
              <th scope="col">Process</th>
              <th scope="col">Rows</th>
              <th scope="col">Metrics</th>
              <th scope="col">Lines</th>
              <th scope="col">Last record</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((writer) => (
              <tr key={writer.writer_id}>
                <th scope="row">{writer.label || "–"}</th>
                <td>{writer.role}</td>
                <td>{writer.client || "–"}</td>
                <td>{writer.process?.host || "–"}</td>
                <td className={styles.number}>{writer.process?.pid || "–"}</td>
                <td className={styles.number}>{formatCount(writer.row_count)}</td>
                <td className={styles.number} title={namesOf(writer.metrics)}>
                  {formatCount(writer.metrics.length)}
                </td>
                <td className={styles.number}>{formatCount(writer.console_line_count)}</td>
                <td>{writer.update_time_unix_ms > 0 ? <Ago unixMs={writer.update_time_unix_ms} /> : "–"}</td>
                <td>{writer.open ? "writing" : "ended"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const namesOf = (metrics: readonly string[]): string =>
  metrics.slice(0, TITLE_METRICS_MAX).join(", ") + (metrics.length > TITLE_METRICS_MAX ? ", …" : "");

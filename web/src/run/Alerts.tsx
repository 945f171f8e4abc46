/** What a run, or a rule about it, has raised; the newest first. */
import { useState } from "react";
import type { Alert, AlertLevel } from "../api/types";
import { formatCount } from "../format/number";
import { CrossIcon, InfoIcon, WarningIcon } from "../ui/icons";
import { Ago } from "../ui/Moment";
import styles from "./Alerts.module.css";

const MARKS: Record<AlertLevel, { word: string; Icon: () => React.JSX.Element }> = {
  INFO: { word: "info", Icon: InfoIcon },
  WARN: { word: "warning", Icon: WarningIcon },
  ERROR: { word: "error", Icon: CrossIcon },
};

// The newest say how a run does now; the others are one press away.
const SHOWN_FIRST = 5;

export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const [isWhole, setWhole] = useState(false);
  if (alerts.length === 0) return null;
  const newest = alerts.toReversed();
  const shown = isWhole ? newest : newest.slice(0, SHOWN_FIRST);
  return (
    <section className={styles.alerts} aria-label="Alerts">
      <h2>
        Alerts <span className={styles.count}>{formatCount(alerts.length)}</span>
      </h2>
      <ul>
        {shown.map((alert, index) => {
          const { word, Icon } = MARKS[alert.level] ?? MARKS.INFO;
          return (
            <li key={newest.length - index} data-level={alert.level}>
              <span className={styles.level}>
                <Icon />
                {word}
              </span>
              <span className={styles.words}>
                <b>{alert.title}</b>
                {alert.text && <span> {alert.text}</span>}
              </span>
              <span className={styles.when}>
                <Ago unixMs={alert.time_unix_ms} />
              </span>
            </li>
          );
        })}
      </ul>
      {shown.length < alerts.length && (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show all {formatCount(alerts.length)}
        </button>
      )}
    </section>
  );
}

/** The last sample of each machine as tiles. */
import { isolated } from "../format/isolated";
import type { HostTiles } from "./host_tiles";
import styles from "./Tiles.module.css";

export function Tiles({ hosts, isLive }: { hosts: readonly HostTiles[]; isLive: boolean }) {
  return (
    <div className={styles.hosts}>
      {hosts.map(({ host, tiles }) => (
        <section key={host} aria-label={isolated`Last values of ${host}`}>
          <h2>
            {host} <span>{isLive ? "now" : "last values"}</span>
          </h2>
          <ul>
            {tiles.map(({ id, title, value, details, share }) => (
              <li key={id} data-testid="tile">
                <span className={styles.title}>{title}</span>
                <span className={styles.value}>{value}</span>
                <span className={styles.details}>{details.join(" · ")}</span>
                <span className={styles.bar} aria-hidden="true">
                  {share !== null && <i style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The config of a run: nested values fold, a search finds them by their whole name, and all of it can be copied. */
import { useMemo, useState } from "react";
import { formatAny, formatCount } from "../format/number";
import { CopyButton } from "../ui/CopyButton";
import { ChevronIcon } from "../ui/icons";
import { matcher } from "../ui/matcher";
import styles from "./Config.module.css";
import table from "./KeyValueTable.module.css";
import { configRows } from "./config_tree";
import { flatten } from "./flatten";

interface ConfigProps {
  config: Readonly<Record<string, unknown>>;
  /** The branches that are folded. */
  closed: readonly string[];
  setClosed: (closed: readonly string[]) => void;
}

// More rows than a person reads; the search finds the others.
const ROWS_MAX = 300;
const SEARCH_FROM = 8;
const INDENT_PIXELS = 16;

export function Config({ config, closed, setClosed }: ConfigProps) {
  const [search, setSearch] = useState("");
  const count = useMemo(() => flatten(config).length, [config]);
  const rows = useMemo(() => {
    const isFound = matcher(search) ?? (() => true);
    // What a search finds is seen, wherever it is folded.
    return configRows(config, new Set(search === "" ? closed : []), isFound);
  }, [config, closed, search]);
  const toggle = (path: string) =>
    setClosed(closed.includes(path) ? closed.filter((one) => one !== path) : [...closed, path]);
  return (
    <section className={`${table.section} ${styles.config}`} aria-label="Config">
      <header>
        <h2>Config</h2>
        <span className={table.count}>{count > 0 && formatCount(count)}</span>
        {count >= SEARCH_FROM && (
          <input
            type="search"
            placeholder="Search (regex)"
            aria-label="Search Config by regular expression"
            aria-invalid={matcher(search) === null}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
        {count > 0 && <CopyButton text={() => JSON.stringify(config, null, 2)} label="Copy the config as JSON" />}
      </header>
      {count === 0 && <p>No config was given.</p>}
      {count > 0 && (
        // What scrolls must be reachable by keyboard.
        <div className={`${table.scroll} ${styles.scroll}`} tabIndex={0}>
          <table>
            <tbody>
              {rows.slice(0, ROWS_MAX).map((row) => (
                <tr key={row.path}>
                  <th scope="row" style={{ paddingLeft: row.depth * INDENT_PIXELS }} title={row.path}>
                    {row.countBelow > 0 ? (
                      <button
                        type="button"
                        className="quiet"
                        aria-expanded={search !== "" || !closed.includes(row.path)}
                        onClick={() => toggle(row.path)}
                      >
                        <span className={styles.chevron} data-open={search !== "" || !closed.includes(row.path)}>
                          <ChevronIcon />
                        </span>
                        {row.name}
                      </button>
                    ) : (
                      row.name
                    )}
                  </th>
                  {row.countBelow > 0 ? (
                    <td className={table.count}>{formatCount(row.countBelow)}</td>
                  ) : (
                    <td title={typeof row.value === "string" ? row.value : JSON.stringify(row.value)}>
                      {formatAny(row.value)}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length === 0 && <p>Nothing matches the search.</p>}
          {rows.length > ROWS_MAX && (
            <p>
              {formatCount(ROWS_MAX)} of {formatCount(rows.length)} rows: search to find the others.
            </p>
          )}
        </div>
      )}
    </section>
  );
}

/** A table of names and values with a search. */
import { useMemo, useState } from "react";
import { isRecordDocument } from "../api/records";
import { isolated } from "../format/isolated";
import { formatAny, formatCount } from "../format/number";
import { matcher } from "../ui/matcher";
import { RecordSummary } from "./RecordSummary";
import styles from "./KeyValueTable.module.css";

// More rows than a person reads; the search finds the others.
const ROWS_MAX = 300;
// A search is worth its place only where a table is longer than a glance.
const SEARCH_FROM = 8;

interface KeyValueTableProps {
  title: string;
  rows: readonly (readonly [string, unknown])[];
  empty: string;
}

export function KeyValueTable({ title, rows, empty }: KeyValueTableProps) {
  const [search, setSearch] = useState("");
  const found = useMemo(() => {
    const isFound = matcher(search) ?? (() => true);
    return rows.filter(([name]) => isFound(name));
  }, [rows, search]);
  return (
    <section className={styles.section} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className={styles.count}>{rows.length > 0 && formatCount(rows.length)}</span>
        {rows.length >= SEARCH_FROM && (
          <input
            type="search"
            placeholder="Search (regex)"
            aria-label={isolated`Search ${title} by regular expression`}
            aria-invalid={matcher(search) === null}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
      </header>
      {rows.length === 0 && <p>{empty}</p>}
      {rows.length > 0 && (
        // what scrolls must be reachable by keyboard.
        <div className={styles.scroll} tabIndex={0}>
          <table>
            <tbody>
              {found.slice(0, ROWS_MAX).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {isRecordDocument(value) ? (
                    <td>
                      <RecordSummary document={value} name={name} />
                    </td>
                  ) : (
                    <td title={typeof value === "string" ? value : JSON.stringify(value)}>{formatAny(value)}</td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          {found.length === 0 && <p>Nothing matches the search.</p>}
          {found.length > ROWS_MAX && (
            <p>
              {formatCount(ROWS_MAX)} of {formatCount(found.length)}: search to find the others.
            </p>
          )}
        </div>
      )}
    </section>
  );
}

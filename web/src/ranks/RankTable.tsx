/** The ranks as a table, of which only the rows near the view are in the page. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useRowHeight } from "../app/density";
import { formatMeasure } from "../format/measure";
import { formatCount, formatValue, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { PauseIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { StateLabel } from "../ui/StateLabel";
import { useNow } from "../ui/use_now";
import { formatView, type ViewState } from "../url/view_state";
import type { RankRow } from "./rank_rows";
import styles from "./RankTable.module.css";

interface RankTableProps {
  rows: readonly RankRow[];
  /** The writer whose row stands out, and is brought into view. */
  active: string | null;
  view: ViewState;
}

// Rows above and below what is seen, so that scrolling meets them.
const MARGIN_ROWS = 8;
const HEAD_HEIGHT = 28;

export function RankTable({ rows, active, view }: RankTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const look = () => {
    const { scrollTop: top, clientHeight: height } = scroller.current!;
    setSeen((before) => (before.top === top && before.height === height ? before : { top, height }));
  };
  useLayoutEffect(look, [rows.length, rowHeight]);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);

  // Once for each choice: rows that change places later do not take the view along.
  const newest = useRef({ rows, rowHeight });
  useEffect(() => {
    newest.current = { rows, rowHeight };
  });
  useEffect(() => {
    const element = scroller.current!;
    const place = newest.current.rows.findIndex(({ id }) => id === active);
    if (place < 0) return;
    const top = place * newest.current.rowHeight;
    const room = element.clientHeight - HEAD_HEIGHT - newest.current.rowHeight;
    if (top < element.scrollTop || top > element.scrollTop + room) element.scrollTop = Math.max(0, top - room / 2);
    element.scrollIntoView({ block: "nearest" });
  }, [active]);

  const first = Math.max(0, Math.floor(seen.top / rowHeight) - MARGIN_ROWS);
  const end = Math.min(rows.length, Math.ceil((seen.top + seen.height) / rowHeight) + MARGIN_ROWS);
  const hasCpu = rows.some(({ cpu }) => cpu !== null);
  const hasGpu = rows.some(({ gpu }) => gpu !== null);
  return (
    // What scrolls must be reachable by keyboard.
    <div ref={scroller} className={styles.scroller} tabIndex={0} role="region" aria-label="Ranks" onScroll={look}>
      <table aria-rowcount={rows.length + 1} style={{ "--rank-height": `${rowHeight}px` } as React.CSSProperties}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">Rank</th>
            <th scope="col">State</th>
            <th scope="col" className={styles.number}>
              Step
            </th>
            <th scope="col" className={styles.number} title="Steps behind the first of those that log the same">
              Behind
            </th>
            <th scope="col" className={styles.number} title="In the minute before its last row">
              Steps a second
            </th>
            <th scope="col" title="When it, or its process, was last known to be alive">
              Heard of
            </th>
            <th scope="col">Host</th>
            <th scope="col" className={styles.number}>
              Process
            </th>
            {hasCpu && (
              <th scope="col" className={styles.number}>
                CPU of host
              </th>
            )}
            {hasGpu && (
              <th scope="col" className={styles.number} title="The mean of the host's GPUs">
                GPUs of host
              </th>
            )}
            <th scope="col">Console</th>
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden="true" style={{ height: first * rowHeight }} />}
          {rows.slice(first, end).map((row, index) => (
            <tr
              key={row.id}
              aria-rowindex={first + index + 2}
              data-testid="rank"
              data-rank={row.id}
              data-state={row.state}
              data-active={row.id === active || undefined}
            >
              <th scope="row">{row.name}</th>
              <td>
                <RankStateLabel row={row} />
              </td>
              <td className={styles.number}>{row.lastStep === null ? "–" : formatCount(row.lastStep)}</td>
              <td className={styles.number}>
                <Lag row={row} />
              </td>
              <td className={styles.number}>
                {row.stepsPerSecond === null || !row.isOpen ? "–" : formatValue(row.stepsPerSecond, 3)}
              </td>
              <td>{row.heardMs > 0 ? <Ago unixMs={row.heardMs} /> : "–"}</td>
              <td>{row.host || "–"}</td>
              <td className={styles.number}>{row.pid ?? "–"}</td>
              {hasCpu && <td className={styles.number}>{row.cpu === null ? "–" : formatMeasure(row.cpu, "share")}</td>}
              {hasGpu && <td className={styles.number}>{row.gpu === null ? "–" : formatMeasure(row.gpu, "share")}</td>}
              <td>
                {row.lineCount > 0 ? (
                  <Link href={consoleAddress(view, row.id)}>
                    {plural(row.lineCount, "line")}
                    <span className="visuallyHidden"> of {row.name}</span>
                  </Link>
                ) : (
                  "–"
                )}
              </td>
            </tr>
          ))}
          {end < rows.length && <tr aria-hidden="true" style={{ height: (rows.length - end) * rowHeight }} />}
        </tbody>
      </table>
    </div>
  );
}

function RankStateLabel({ row }: { row: RankRow }) {
  const now = useNow(row.state === "silent");
  if (row.state === "silent") {
    return (
      <span className={styles.silent}>
        <PauseIcon />
        silent for {formatDuration(now - row.saidMs)}
      </span>
    );
  }
  return (
    <span className={styles.state} title={row.endReason || undefined}>
      <StateLabel state={row.state} />
      {row.ending && <span className={styles.ending}>{row.ending}</span>}
    </span>
  );
}

function Lag({ row: { stepsBehind, secondsBehind } }: { row: RankRow }) {
  if (stepsBehind === null) return <span title="It logs nothing that others log as often">–</span>;
  if (stepsBehind === 0) return <>0</>;
  return (
    <>
      {formatCount(stepsBehind)}
      {secondsBehind !== null && <span className={styles.ending}> ({formatDuration(secondsBehind * 1000)})</span>}
    </>
  );
}

const consoleAddress = (view: ViewState, writer: string): string =>
  `${location.pathname}?${formatView({ ...view, tab: "logs", writer, find: "", sort: [], logLine: null })}`;

/** A chart's numbers as a table in a dialog: for who cannot see lines, and for who wants to read values. Holds only the rows in view. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { XAxis } from "../api/series";
import type { ChartModel } from "../chart/model";
import { isolated } from "../format/isolated";
import { formatExact, plural } from "../format/number";
import { formatMoment } from "../format/time";
import { CrossIcon } from "../ui/icons";
import { chartRows, xText } from "./chart_rows";
import styles from "./ChartTable.module.css";

interface ChartTableProps {
  title: string;
  model: ChartModel;
  axis: XAxis;
  nameOf: (line: string) => string;
  onClose: () => void;
}

const ROW_HEIGHT = 24;
// Rows above and below what is seen, so that scrolling meets them.
const MARGIN_ROWS = 10;
// Wider tables are for programs: the file of comma-separated values has all columns.
const COLUMNS_MAX = 100;

export default function ChartTable({ title, model: latest, axis, nameOf, onClose }: ChartTableProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  // What the table was opened with: rows that move while a run goes on cannot be read.
  const [model] = useState(latest);
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const rows = useMemo(() => chartRows(model, axis, nameOf), [model, axis, nameOf]);
  useEffect(() => {
    dialog.current?.showModal();
    scroller.current?.focus();
  }, []);

  const look = () => {
    const { scrollTop: top, clientHeight: height } = scroller.current!;
    setSeen({ top, height });
  };
  const first = Math.max(0, Math.floor(seen.top / ROW_HEIGHT) - MARGIN_ROWS);
  const end = Math.min(rows.rowCount, Math.ceil((seen.top + seen.height) / ROW_HEIGHT) + MARGIN_ROWS);
  const names = rows.names.slice(0, COLUMNS_MAX + 1);
  const leftOut = rows.names.length - names.length;
  const writeX = (row: number) =>
    axis === "wall_time"
      ? formatMoment((Number(model.xBase) + rows.xAt(row)) * 1000)
      : xText(model.xBase, rows.xAt(row));
  return (
    <dialog ref={dialog} className={styles.dialog} aria-label={isolated`${title} as a table`} onClose={onClose}>
      <header className={styles.header}>
        <h2>{title}</h2>
        <span className={styles.count}>
          {plural(rows.rowCount, "row")}
          {leftOut > 0 && ` · ${plural(leftOut, "more column")} in the CSV file`}
        </span>
        <button
          type="button"
          className="quiet icon"
          aria-label="Close the table"
          onClick={() => dialog.current?.close()}
        >
          <CrossIcon />
        </button>
      </header>
      <div ref={scroller} className={styles.scroller} tabIndex={0} onScroll={look}>
        <table aria-rowcount={rows.rowCount + 1} aria-label={title}>
          <thead>
            <tr aria-rowindex={1}>
              {names.map((name, column) => (
                <th key={column} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 && <tr aria-hidden="true" style={{ height: first * ROW_HEIGHT }} />}
            {Array.from({ length: end - first }, (_, index) => first + index).map((row) => (
              <tr key={row} aria-rowindex={row + 2}>
                <th scope="row">{writeX(row)}</th>
                {names.slice(1).map((_, column) => {
                  const value = rows.valueAt(row, column);
                  return <td key={column}>{value === null ? "" : formatExact(value)}</td>;
                })}
              </tr>
            ))}
            {end < rows.rowCount && <tr aria-hidden="true" style={{ height: (rows.rowCount - end) * ROW_HEIGHT }} />}
          </tbody>
        </table>
      </div>
    </dialog>
  );
}

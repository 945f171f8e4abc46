/** Which columns of runs are shown, and in which order: what is shown stands first, what may be added below it. */
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { formatCount, plural } from "../format/number";
import { CrossIcon } from "../ui/icons";
import { useWindow } from "../ui/use_window";
import styles from "./ColumnChooser.module.css";
import { columnLabel, movedColumn, NAME_COLUMN, originOf, withColumn } from "./column_names";
import { useFoundColumns } from "./use_columns";

const ROW_HEIGHT = matchMedia("(pointer: coarse)").matches ? 44 : 28;
const MARGIN_PIXELS = 200;
// With fewer rows than this left to scroll, the next ones are asked for.
const NEAR_END_ROWS = 40;

interface ColumnChooserProps {
  project: string;
  /** The filter of the runs among which columns may differ. */
  filter: string;
  columns: readonly string[];
  /** @param columns null for the usual ones. */
  setColumns: (columns: readonly string[] | null) => void;
  isUsual: boolean;
  close: () => void;
}

export function ColumnChooser(props: ColumnChooserProps) {
  const { project, filter, columns, setColumns, isUsual, close } = props;
  const [search, setSearch] = useState("");
  const [isVarying, setVarying] = useState(false);
  const found = useFoundColumns(project, search, isVarying, filter);
  const list = useRef<HTMLUListElement>(null);
  const panel = useRef<HTMLDivElement>(null);

  const wanted = search.toLowerCase();
  const shown = columns.filter((column) => wanted === "" || column.toLowerCase().includes(wanted));
  const others = found.columns.filter(({ name }) => name !== NAME_COLUMN && !columns.includes(name));
  const names = [...shown, ...others.map(({ name }) => name)];
  const { first, end } = useWindow(list, names.length, ROW_HEIGHT, MARGIN_PIXELS);
  const { more } = found;
  useEffect(() => {
    if (end > names.length - NEAR_END_ROWS) more?.();
  }, [end, names.length, more]);

  useEffect(() => {
    // A press elsewhere closes it, as it does with menus.
    const onPointerDown = (event: globalThis.PointerEvent) => {
      const target = event.target as HTMLElement;
      if (!panel.current?.contains(target) && !target.closest("[data-opens-columns]")) close();
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [close]);

  const moveTo = (column: string, to: number) => setColumns(movedColumn(columns, column, to));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <div ref={panel} className={styles.panel} role="dialog" aria-label="Columns" onKeyDown={onKeyDown}>
      <div className={styles.top}>
        <input
          type="search"
          aria-label="Search columns"
          placeholder="Search columns"
          autoFocus
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <button type="button" className="quiet icon" aria-label="Close the columns" onClick={close}>
          <CrossIcon />
        </button>
      </div>
      <div className={styles.top}>
        <label className={styles.option}>
          <input type="checkbox" checked={isVarying} onChange={(event) => setVarying(event.target.checked)} />
          Only columns that differ
        </label>
        <button type="button" disabled={isUsual} onClick={() => setColumns(null)}>
          Reset
        </button>
      </div>
      <div className={styles.scroll}>
        <ul ref={list} style={{ height: names.length * ROW_HEIGHT }}>
          {names.slice(first, end).map((column, index) => (
            <Choice
              key={column}
              column={column}
              top={(first + index) * ROW_HEIGHT}
              place={columns.indexOf(column)}
              setShown={(isShown) => setColumns(withColumn(columns, column, isShown))}
              moveTo={moveTo}
            />
          ))}
        </ul>
        {found.error && <p className={styles.note}>{found.error.message}</p>}
        {!found.error && !found.isBusy && names.length === 0 && <p className={styles.note}>No column is called so.</p>}
      </div>
      <p className={styles.note}>
        {plural(columns.length, "column")} shown of {formatCount(found.totalCount)}
        {isVarying ? " that differ" : ""}. Drag, or Alt ↑ ↓, to reorder.
      </p>
    </div>
  );
}

interface ChoiceProps {
  column: string;
  top: number;
  /** Its place among the shown columns; -1 when it is not one. */
  place: number;
  setShown: (isShown: boolean) => void;
  moveTo: (column: string, to: number) => void;
}

function Choice({ column, top, place, setShown, moveTo }: ChoiceProps) {
  const grip = useRef<{ from: number; place: number } | null>(null);
  const [way, setWay] = useState(0);
  const isShown = place >= 0;
  const onPointerMove = (event: PointerEvent) => {
    if (grip.current) setWay(event.clientY - grip.current.from);
  };
  const onPointerUp = (event: PointerEvent) => {
    if (!grip.current) return;
    const by = Math.round((event.clientY - grip.current.from) / ROW_HEIGHT);
    if (by !== 0) moveTo(column, grip.current.place + by);
    grip.current = null;
    setWay(0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!event.altKey || by === 0 || !isShown) return;
    event.preventDefault();
    moveTo(column, place + by);
  };
  const origin = originOf(column);
  return (
    <li className={styles.choice} data-moving={way !== 0} style={{ top: top + way, height: ROW_HEIGHT }}>
      <label title={column}>
        <input
          type="checkbox"
          checked={isShown}
          onChange={(event) => setShown(event.target.checked)}
          onKeyDown={onKeyDown}
        />
        <span className={styles.name}>{columnLabel(column)}</span>
        {origin !== "run" && <span className={styles.origin}>{origin}</span>}
      </label>
      {isShown && (
        <span
          className={styles.grip}
          aria-hidden="true"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            grip.current = { from: event.clientY, place };
          }}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
        >
          ⠿
        </span>
      )}
    </li>
  );
}

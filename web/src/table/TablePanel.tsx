/** A table: its rows as a grid, ordered, filtered and grouped by the daemon. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { AggregateFunction, RecordDocument, RowsQuery, TableDocument } from "../api/records";
import { wholeOf } from "../api/records";
import { isolated } from "../format/isolated";
import { formatCount, plural } from "../format/number";
import type { RecordPanelProps } from "../media/panel_props";
import { downloadName } from "../media/words";
import { Words } from "../media/Words";
import { useOnScreen } from "../panel/use_on_screen";
import { CellDetail } from "./CellDetail";
import { cellText, indented } from "./cells";
import { download, makeCsv } from "./csv";
import { FilterBuilder, newCondition } from "./FilterBuilder";
import { Grid } from "./Grid";
import type { Place } from "./next_place";
import { AGGREGATES, type Condition, filterOf, nextSort, type Question, rowsQuery } from "./question";
import { RecordDialog } from "./RecordDialog";
import styles from "./TablePanel.module.css";
import { useRows } from "./use_rows";
import { firstWidths } from "./widths";

/** How long typing rests before the table is asked. */
const TYPING_PAUSE_MS = 250;

export default function TablePanel({ document, height, theme }: RecordPanelProps) {
  const table = wholeOf(document, "table");
  return table && <Table key={table.file.sha256} table={table} height={height} theme={theme} />;
}

interface TableProps extends Pick<RecordPanelProps, "height" | "theme"> {
  table: TableDocument;
}

function Table({ table, height, theme }: TableProps) {
  const root = useRef<HTMLDivElement>(null);
  const isOnScreen = useOnScreen(root);
  const [hasBeenSeen, setSeen] = useState(false);
  if (isOnScreen && !hasBeenSeen) setSeen(true);
  const { columns } = table;
  const [question, setQuestion] = useState<Question>(() => firstQuestion(table));
  const [hasFilters, setFilters] = useState(false);
  const [active, setActive] = useState<Place | null>(null);
  const [opened, setOpened] = useState<RecordDocument | null>(null);
  const asked = useSettled(question, TYPING_PAUSE_MS);
  const { shown, isBusy, error, retry } = useRows(table.file.sha256, rowsQuery(asked, columns), hasBeenSeen);
  const change = (part: Partial<Question>) => {
    setQuestion((before) => ({ ...before, ...part }));
    setActive(null);
  };

  // Widths belong to a set of columns: those of the table, and those of each group.
  const shownColumns = shown?.first.columns ?? columns;
  const columnsKey = JSON.stringify(shownColumns);
  const [widths, setWidths] = useState<{ key: string; values: number[] } | null>(null);
  if (shown && widths?.key !== columnsKey) {
    setWidths({ key: columnsKey, values: firstWidths(shownColumns, shown.first.rows) });
  }
  const setWidth = useCallback((column: number, width: number) => {
    setWidths((before) => before && { ...before, values: before.values.with(column, width) });
  }, []);

  const valueAt = (place: Place) => {
    const cell = shown?.pages.row(place.row)?.cells[place.column];
    return cell === undefined ? null : cellText(cell, shownColumns[place.column].type);
  };
  const copy = (place: Place) => {
    const value = valueAt(place);
    if (value !== null) void navigator.clipboard.writeText(value);
  };
  const activeColumn = active && shownColumns[active.column];
  const activeValue = active && activeColumn?.type !== "record" ? valueAt(active) : null;
  const conditionCount = question.conditions.filter((condition) => filterOf(condition, columns) !== null).length;
  const textColumns = columns.flatMap((column, position) => (column.type === "text" ? [{ ...column, position }] : []));

  if (columns.length === 0) return <Words height={height}>The table has no columns.</Words>;
  return (
    <div
      ref={root}
      className={styles.panel}
      style={{ height }}
      data-testid="table"
      data-rows={shown && !isBusy ? shown.first.row_count : undefined}
    >
      <div className={styles.tools}>
        {textColumns.length > 0 && (
          <span className={styles.search}>
            <input
              type="search"
              placeholder="Search"
              aria-label="Search the text of a column"
              value={question.search.text}
              onChange={(event) => change({ search: { ...question.search, text: event.target.value } })}
            />
            {textColumns.length > 1 && (
              <select
                aria-label="Column to search"
                value={question.search.column}
                onChange={(event) => change({ search: { ...question.search, column: Number(event.target.value) } })}
              >
                {textColumns.map(({ name, position }) => (
                  <option key={position} value={position}>
                    {isolated`in ${name}`}
                  </option>
                ))}
              </select>
            )}
          </span>
        )}
        <button
          type="button"
          aria-expanded={hasFilters}
          onClick={() => {
            setFilters(!hasFilters);
            if (!hasFilters && question.conditions.length === 0) change({ conditions: [newCondition(columns, [])] });
          }}
        >
          {conditionCount > 0 ? `Filter (${conditionCount})` : "Filter"}
        </button>
        <select
          aria-label="Group by"
          value={question.group?.column ?? ""}
          onChange={(event) => {
            const { value } = event.target;
            const group =
              value === "" ? null : { column: Number(value), function: question.group?.function ?? ("mean" as const) };
            // An order counts the columns of the answer, which are others now.
            change({ group, sort: null });
          }}
        >
          <option value="">No group</option>
          {columns.map(
            ({ name, type }, position) =>
              type !== "record" && (
                <option key={position} value={position}>
                  {isolated`By ${name}`}
                </option>
              ),
          )}
        </select>
        {question.group && (
          <select
            aria-label="Aggregate of the numbers"
            value={question.group.function}
            onChange={(event) =>
              change({
                group: { ...question.group!, function: event.target.value as AggregateFunction },
                sort: null,
              })
            }
          >
            {AGGREGATES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <span className={styles.count} role="status">
          {shown ? countWords(shown.first.row_count, shown.first.total_count, asked, columns) : "Loading …"}
        </span>
        {shown && <CsvButton table={table} query={shown.query} />}
      </div>
      {hasFilters && (
        <FilterBuilder
          columns={columns}
          conditions={question.conditions}
          change={(conditions: readonly Condition[]) => change({ conditions })}
        />
      )}
      {error && (
        <p className={styles.error} role="status">
          {`The table could not be asked: ${error.message}. `}
          <button type="button" onClick={retry}>
            Try again
          </button>
        </p>
      )}
      {shown && widths && (
        <Grid
          shown={shown}
          columns={shownColumns}
          widths={widths.key === columnsKey ? widths.values : []}
          setWidth={setWidth}
          sort={question.sort}
          onSort={(column) => change({ sort: nextSort(question.sort, column) })}
          active={active}
          setActive={setActive}
          onCopy={copy}
          onOpen={setOpened}
          isBusy={isBusy}
          label={`Table of ${plural(shown.first.total_count, "row")}`}
        />
      )}
      {shown && shown.first.row_count === 0 && (
        <p className={styles.empty}>{shown.first.total_count === 0 ? "The table has no rows." : "No row matches."}</p>
      )}
      {active && activeColumn && activeValue !== null && (
        <CellDetail
          name={activeColumn.name}
          text={activeValue}
          shown={activeColumn.type === "json" ? indented(activeValue) : undefined}
          close={() => setActive(null)}
        />
      )}
      {opened && <RecordDialog document={opened} theme={theme} close={() => setOpened(null)} />}
    </div>
  );
}

const firstQuestion = (table: TableDocument): Question => ({
  sort: null,
  conditions: [],
  search: {
    column: Math.max(
      0,
      table.columns.findIndex(({ type }) => type === "text"),
    ),
    text: "",
  },
  group: null,
});

/** The value once it has rested for as long as one types; the rest of it at once. */
function useSettled(question: Question, pauseMs: number): Question {
  const [settled, setSettled] = useState(question);
  useEffect(() => {
    if (settled === question) return;
    const isTyped = settled.conditions !== question.conditions || settled.search !== question.search;
    const timer = setTimeout(() => setSettled(question), isTyped ? pauseMs : 0);
    return () => clearTimeout(timer);
  }, [settled, question, pauseMs]);
  return settled;
}

function countWords(rowCount: number, totalCount: number, asked: Question, columns: TableDocument["columns"]): string {
  if (asked.group) return `${plural(rowCount, "group")} of ${plural(totalCount, "row")}`;
  return rowsQuery(asked, columns).filter
    ? `${formatCount(rowCount)} of ${plural(totalCount, "row")}`
    : plural(totalCount, "row");
}

/** Writes all rows of what is asked to a file. */
function CsvButton({ table, query }: { table: TableDocument; query: RowsQuery }) {
  const [progress, setProgress] = useState<{ written: number; total: number } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);

  const start = async () => {
    const own = new AbortController();
    controller.current = own;
    setProblem(null);
    setProgress({ written: 0, total: 0 });
    try {
      const report = (written: number, total: number) => setProgress({ written, total });
      const blob = await makeCsv(table.file.sha256, query, report, own.signal);
      download(blob, `${downloadName(table.file).replace(/\.parquet$/, "")}.csv`);
    } catch (error) {
      if (!own.signal.aborted) setProblem((error as Error).message);
    }
    setProgress(null);
  };

  if (!progress) {
    return (
      <button type="button" title={problem ? `Not written: ${problem}` : undefined} onClick={() => void start()}>
        {problem ? "CSV failed: again" : "CSV"}
      </button>
    );
  }
  return (
    <button type="button" onClick={() => controller.current?.abort()}>
      {`${formatCount(progress.written)} of ${formatCount(progress.total)} rows: stop`}
    </button>
  );
}

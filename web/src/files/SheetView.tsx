/** Comma- or tab-separated values as a grid that can be ordered by any column. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { copyText } from "../ui/copy_text";
import { cellText } from "../table/cells";
import { Grid } from "../table/Grid";
import type { Place } from "../table/next_place";
import { RowPages } from "../table/row_pages";
import type { ShownRows } from "../table/use_rows";
import { firstWidths } from "../table/widths";
import { pageOf, parseSeparated, sheetOf, type SheetSort, sortedPlaces } from "./csv_rows";
import styles from "./Preview.module.css";

interface SheetViewProps {
  text: string;
  separator: string;
}

const SAMPLE_ROWS = 50;

export function SheetView({ text, separator }: SheetViewProps) {
  const sheet = useMemo(() => sheetOf(parseSeparated(text, separator)), [text, separator]);
  const [sort, setSort] = useState<SheetSort | null>(null);
  const [active, setActive] = useState<Place | null>(null);
  const [shown, setShown] = useState<ShownRows | null>(null);
  const [widths, setWidths] = useState<number[]>(() => firstWidths(sheet.columns, sheet.rows.slice(0, SAMPLE_ROWS)));
  const [widthsOf, setWidthsOf] = useState(sheet);
  if (widthsOf !== sheet && widthsOf.columns.length !== sheet.columns.length) {
    setWidthsOf(sheet);
    setWidths(firstWidths(sheet.columns, sheet.rows.slice(0, SAMPLE_ROWS)));
  }
  useEffect(() => {
    const places = sortedPlaces(sheet, sort);
    const pages = new RowPages((offset, limit) => Promise.resolve(pageOf(sheet, places, offset, limit)));
    let isOver = false;
    void pages.open().then((first) => {
      if (!isOver) setShown({ pages, query: {}, first });
    });
    const stop = pages.subscribe(() => setShown((before) => (before?.pages === pages ? { ...before } : before)));
    return () => {
      isOver = true;
      stop();
      pages.close();
    };
  }, [sheet, sort]);
  const setWidth = useCallback(
    (column: number, width: number) => setWidths((before) => before.with(column, width)),
    [],
  );
  if (sheet.columns.length === 0) return <p className={styles.words}>The file has no rows.</p>;
  if (!shown || shown.first.columns.length !== widths.length) return <div aria-busy="true" />;
  return (
    <div className={styles.sheet}>
      <Grid
        shown={shown}
        columns={sheet.columns}
        widths={widths}
        setWidth={setWidth}
        sort={sort}
        onSort={(column) =>
          setSort(
            sort?.column !== column
              ? { column, descending: false }
              : sort.descending
                ? null
                : { column, descending: true },
          )
        }
        active={active}
        setActive={setActive}
        onCopy={({ row, column }) => {
          const cell = shown.pages.row(row)?.cells[column];
          if (cell !== undefined) void copyText(cellText(cell, sheet.columns[column].type));
        }}
        onOpen={() => undefined}
        isBusy={false}
        label={`Rows of the file, ${sheet.rows.length}`}
      />
    </div>
  );
}

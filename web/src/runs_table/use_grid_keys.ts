/** The keys of the grid of runs. */
import { type KeyboardEvent, type RefObject, useEffect, useRef } from "react";
import { NAME_COLUMN } from "../runs/column_names";
import type { RunLayout } from "../runs/group_rows";
import type { GridScroll } from "../table/use_scroll";
import { type Place, nextPlace } from "../table/next_place";
import { HEADER_ROW, NAME_PLACE, within } from "./places";

export interface GridKeys {
  onSort: (column: string, isAdded: boolean) => void;
  /** Enter on a row. */
  onOpen: (position: number) => void;
  onSelect: (position: number, isRange: boolean) => void;
  onSelectAll: () => void;
  /** Escape; says whether there was anything to clear. */
  onClear: () => boolean;
  onCopy: (position: number, column: string) => void;
  onToggle: (act: "eye" | "pin", position: number) => void;
  onEditAt: (position: number, column: string) => void;
  onEdit: (run: string, column: string) => void;
  onMoveBy: (column: string, by: -1 | 1) => void;
  onWidthBy: (column: string, pixels: number) => void;
  onFold: (position: number, isOpen: boolean) => void;
}

const WIDTH_STEP = 16;

interface GridKeysProps {
  root: RefObject<HTMLElement | null>;
  columns: readonly string[];
  layout: RunLayout;
  scroll: GridScroll;
  active: Place | null;
  setActive: (place: Place | null) => void;
  keys: GridKeys;
}

export function useGridKeys({ root, columns, layout, scroll, active, setActive, keys }: GridKeysProps) {
  const { rowCount } = layout;
  const place = active ?? { row: 0, column: NAME_PLACE };
  const column = place.column === NAME_PLACE ? NAME_COLUMN : (columns[place.column] ?? NAME_COLUMN);

  const go = (next: Place) => {
    const held = within(next, rowCount, columns.length);
    setActive(held);
    scroll.reveal(Math.max(0, held.row), held.column);
  };

  const alter = (key: string, isShift: boolean): boolean => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return false;
    const by = key === "ArrowLeft" ? -1 : 1;
    if (isShift) keys.onWidthBy(column, by * WIDTH_STEP);
    else if (place.column !== NAME_PLACE) {
      keys.onMoveBy(column, by);
      go({ row: place.row, column: Math.max(0, place.column + by) });
    }
    return true;
  };

  const command = (key: string): boolean => {
    if (key === "a") keys.onSelectAll();
    else if (key === "c" && getSelection()?.isCollapsed !== false && place.row >= 0) keys.onCopy(place.row, column);
    else return false;
    return true;
  };

  const onRow = (key: string, isShift: boolean): boolean => {
    if (key === "Escape") {
      if (!keys.onClear() && active) setActive(null);
      return true;
    }
    if (place.row === HEADER_ROW) {
      if (key !== "Enter" && key !== " ") return false;
      keys.onSort(column, isShift);
      return true;
    }
    if (rowCount === 0) return false;
    const listed = layout.row(Math.min(place.row, rowCount - 1));
    const isFolding = listed.kind === "group" && place.column === NAME_PLACE;
    if (isFolding && (key === "ArrowLeft" || key === "ArrowRight") && listed.isOpen === (key === "ArrowLeft")) {
      keys.onFold(place.row, key === "ArrowRight");
    } else if (key === "Enter") keys.onOpen(place.row);
    else if (key === " ") keys.onSelect(place.row, isShift);
    else if (key === "F2") keys.onEditAt(place.row, column);
    else if (key === "h") keys.onToggle("eye", place.row);
    else if (key === "p") keys.onToggle("pin", place.row);
    else return false;
    return true;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== root.current) return;
    const { key, shiftKey } = event;
    const isWhole = event.ctrlKey || event.metaKey;
    const isDone = event.altKey ? alter(key, shiftKey) : isWhole ? command(key) : onRow(key, shiftKey);
    if (isDone) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.altKey) return;
    const next = nextPlace(place, key, isWhole, scroll.pageRows, NAME_PLACE);
    if (!next) return;
    event.preventDefault();
    // With shift, what one passes is selected on the way.
    if (shiftKey && (key === "ArrowUp" || key === "ArrowDown") && place.row >= 0) {
      keys.onSelect(within(next, rowCount, columns.length).row, true);
    }
    go(next);
  };

  const newest = useRef({ active, reveal: scroll.reveal });
  useEffect(() => {
    newest.current = { active, reveal: scroll.reveal };
  });
  const reveal = () => {
    queueMicrotask(() => {
      const { active: now, reveal: show } = newest.current;
      if (now) show(Math.max(0, now.row), now.column);
    });
  };
  return { onKeyDown, reveal };
}

/** The tree of files: only the rows near the screen are in the page, and the keys of every tree work. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useRowHeight } from "../app/density";
import { formatCount } from "../format/number";
import { formatBytes } from "../media/words";
import { ChevronIcon } from "../ui/icons";
import { useWindow } from "../ui/use_window";
import styles from "./FileTree.module.css";
import type { TreeRow } from "./tree";

interface FileTreeProps {
  rows: readonly TreeRow[];
  /** The file that is looked at. */
  current: string | null;
  choose: (path: string) => void;
  toggle: (path: string) => void;
}

const MARGIN_PIXELS = 300;
const INDENT_PIXELS = 16;

export function FileTree({ rows, current, choose, toggle }: FileTreeProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const track = useRef<HTMLDivElement>(null);
  const id = useId();
  const rowHeight = useRowHeight();
  const [active, setActive] = useState<string | null>(current);
  const { first, end } = useWindow(track, rows.length, rowHeight, MARGIN_PIXELS);
  const activeRow = rows.findIndex(({ path }) => path === (active ?? current));

  const reveal = (row: number) => {
    const list = scroller.current;
    if (!list) return;
    const top = row * rowHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + rowHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = top + rowHeight - list.clientHeight;
    }
  };
  // The file that the address names is seen when the page is opened.
  const start = useRef(() => {
    if (activeRow >= 0) reveal(activeRow);
  });
  useEffect(() => start.current(), []);

  const goTo = (row: number) => {
    const place = Math.min(Math.max(row, 0), rows.length - 1);
    setActive(rows[place].path);
    reveal(place);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (rows.length === 0) return;
    const row = rows[activeRow];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
    switch (event.key) {
      case "ArrowDown":
        goTo(activeRow + 1);
        break;
      case "ArrowUp":
        goTo(activeRow - 1);
        break;
      case "PageDown":
        goTo(activeRow + page);
        break;
      case "PageUp":
        goTo(activeRow - page);
        break;
      case "Home":
        goTo(0);
        break;
      case "End":
        goTo(rows.length - 1);
        break;
      case "ArrowRight":
        if (row?.folder?.isOpen) goTo(activeRow + 1);
        else if (row?.folder) toggle(row.path);
        break;
      case "ArrowLeft":
        if (row?.folder?.isOpen) toggle(row.path);
        else if (row) {
          const parent = rows.findLastIndex(({ depth }, index) => index < activeRow && depth < row.depth);
          if (parent >= 0) goTo(parent);
        }
        break;
      case "Enter":
      case " ":
        if (row?.folder) toggle(row.path);
        else if (row) choose(row.path);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  return (
    <div
      ref={scroller}
      className={styles.tree}
      role="tree"
      aria-label="Files"
      aria-activedescendant={activeRow >= first && activeRow < end ? `${id}-${activeRow}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div ref={track} role="presentation" style={{ height: rows.length * rowHeight }} className={styles.track}>
        {rows.slice(first, end).map((row, index) => {
          const place = first + index;
          return (
            <div
              key={row.path + (row.folder ? "/" : "")}
              id={`${id}-${place}`}
              className={styles.row}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-expanded={row.folder?.isOpen}
              aria-selected={row.path === current}
              data-active={place === activeRow}
              style={{ top: place * rowHeight, height: rowHeight, paddingLeft: 8 + row.depth * INDENT_PIXELS }}
              title={row.path}
              onClick={() => {
                setActive(row.path);
                if (row.folder) toggle(row.path);
                else choose(row.path);
              }}
            >
              <span className={styles.mark} data-open={row.folder?.isOpen}>
                {row.folder && <ChevronIcon />}
              </span>
              <span className={styles.name}>
                <bdi>{row.name}</bdi>
                {row.folder && "/"}
              </span>
              <span className={styles.facts}>
                {row.folder && `${formatCount(row.folder.countOfFiles)} · `}
                {formatBytes(row.sizeBytes)}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

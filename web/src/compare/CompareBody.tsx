/** A grid of compared runs with the detail of the cell that is chosen, and the difference of two texts. */
import { type ReactNode, useState } from "react";
import { isolated } from "../format/isolated";
import { copyText } from "../ui/copy_text";
import { lazyPart, usePreload } from "../ui/lazy_part";
import styles from "./CompareBody.module.css";
import { CellDetail } from "../table/CellDetail";
import type { Place } from "../table/next_place";
import { type ComparedRun, CompareGrid } from "./CompareGrid";
import { CODE, pathOf } from "./facts";
import { fullText, type Row } from "./rows";

// With it comes the library that compares texts.
const DiffDialog = lazyPart(() => import("./DiffDialog"));
const PARTS = [DiffDialog];

// Shorter texts of one line are compared at a glance.
const LONG_CHARACTERS = 40;

interface CompareBodyProps {
  project: string;
  label: string;
  rows: readonly Row[];
  runs: readonly ComparedRun[];
  head: (run: ComparedRun, index: number) => ReactNode;
  toggle: (section: string) => void;
}

interface Opened {
  section: string;
  key: string;
  column: number;
}

export function CompareBody({ project, label, rows, runs, head, toggle }: CompareBodyProps) {
  // The cell by what it is of: rows come and go above it.
  const [chosen, setChosen] = useState<Opened | null>(null);
  const [hasDifference, setDifference] = useState(false);
  const at = chosen
    ? rows.findIndex((row) =>
        row.kind === "value"
          ? row.section === chosen.section && row.key === chosen.key
          : row.section === chosen.section && chosen.key === "",
      )
    : -1;
  const active = chosen && at !== -1 && chosen.column < runs.length ? { row: at, column: chosen.column } : null;
  const row = active ? rows[active.row] : undefined;

  const setActive = (place: Place | null) => {
    const next = place && rows[place.row];
    setChosen(
      next ? { section: next.section, key: next.kind === "value" ? next.key : "", column: place.column } : null,
    );
  };
  const cell =
    row?.kind === "value" && active ? { row, column: active.column, value: row.values[active.column] } : null;
  const path = cell && cell.row.section === CODE ? pathOf(cell.row.key) : null;
  const canDiffer = cell !== null && cell.column > 0 && cell.row.differs[cell.column];
  const texts = cell ? [fullText(cell.row.values[0]), fullText(cell.value)] : ["", ""];
  const isLong = path !== null || texts.some((text) => text.length > LONG_CHARACTERS || text.includes("\n"));
  usePreload(PARTS, canDiffer && isLong ? 0 : null);
  return (
    <div className={styles.body}>
      <CompareGrid
        label={label}
        rows={rows}
        runs={runs}
        head={head}
        toggle={toggle}
        active={active}
        setActive={setActive}
        copy={(text) => void copyText(text)}
      />
      {cell && (
        <CellDetail
          name={isolated`${cell.row.key} of ${runs[cell.column].name}`}
          text={texts[1]}
          shown={cell.value === undefined ? "(none)" : undefined}
          close={() => setChosen(null)}
        >
          {canDiffer && isLong && (
            <button type="button" onClick={() => setDifference(true)}>
              Difference
            </button>
          )}
        </CellDetail>
      )}
      {cell && hasDifference && canDiffer && (
        <DiffDialog
          project={project}
          title={path ?? cell.row.key}
          left={{ run: runs[0].id, name: runs[0].name, text: texts[0] }}
          right={{ run: runs[cell.column].id, name: runs[cell.column].name, text: texts[1] }}
          path={path}
          close={() => setDifference(false)}
        />
      )}
    </div>
  );
}

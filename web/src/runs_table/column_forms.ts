/** How the numbers of columns stand in line, as far as their rows are known. */
import { useMemo } from "react";
import type { ColumnValue } from "../api/run_sets";
import { decimalsOf, numberOf } from "../runs/cell_text";
import { originOf } from "../runs/column_names";
import type { KnownRows } from "../runs/known_rows";
import { valueOf } from "../runs/run_value";
import { useStable } from "../ui/use_stable";

// Those that came last speak for the others.
const SAMPLE_ROWS = 300;

export interface ColumnForm {
  /** Whether its values are numbers: these stand at the right. */
  isNumber: boolean;
  /** The decimals that its numbers have in common; null where each has its own. */
  decimals: number | null;
}

function formOf(column: string, values: readonly ColumnValue[]): ColumnForm {
  const first = values.find((value) => value !== null);
  const isMeasured = originOf(column) === "summary";
  return {
    isNumber: first !== undefined && numberOf(first) !== null,
    decimals: isMeasured ? decimalsOf(values) : null,
  };
}

export function useColumnForms(known: KnownRows, columns: readonly string[]): readonly ColumnForm[] {
  const names = useStable(columns);
  return useStable(
    useMemo(() => {
      const rows = [...known.rows.values()].slice(-SAMPLE_ROWS);
      return names.map((column) =>
        formOf(
          column,
          rows.map((row) => valueOf(row, column)),
        ),
      );
    }, [known, names]),
  );
}
